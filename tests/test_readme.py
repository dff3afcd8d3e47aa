"""The promises of the texts: commands and Python run, links lead somewhere, tables are what the code says."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
from equation_table import TRACE, equation_table, is_inside, trace_output
from test_architecture import FLOORS

from ladder_np.commands import _parser, main
from ladder_np.commands.sweep import train_parser
from ladder_np.inspection.report import COLUMNS
from ladder_np.inspection.vectors import make_vectors
from ladder_np.network.specification import Specification
from ladder_np.version import __version__

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ladder_np"
NAMES = ["README.md", "ladder_np/README.md", "benchmarks/README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
README, HOUSE = TEXTS["README.md"], TEXTS["ladder_np/README.md"]
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def write_table(path: Path, rows: int, labels: bool) -> None:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, rows)
    X = 2 * np.eye(4)[y] + generator.standard_normal((rows, 4))
    lines = ["length,width,height,mass" + (",label" if labels else "")]
    for features, label in zip(X, y, strict=True):
        lines.append(",".join(f"{value:.3f}" for value in features) + (f",{label}" if labels else ""))
    path.write_text("\n".join(lines) + "\n")


def write_texts(folder: Path) -> None:
    generator = np.random.default_rng(0)
    words = {"sport": ["goal", "team", "match", "coach"], "money": ["bank", "market", "profit", "shares"]}
    texts = [(topic, " ".join(generator.choice(words[topic], 4))) for topic in ("sport", "money") for _ in range(60)]
    rows = [f"{text},{topic if row % 3 else ''}" for row, (topic, text) in enumerate(texts)]
    (folder / "texts.csv").write_text("\n".join(["text,topic", *rows]) + "\n")
    (folder / "new_texts.csv").write_text("\n".join(["text", *(text for _, text in texts)]) + "\n")
    (folder / "story.txt").write_text(". ".join(f"The {text}" for _, text in texts))


def run_examples(text: str) -> int:
    """Run the blocks marked sh and python, top to bottom, and return how many commands and blocks that were."""
    ran = 0
    for language, block in re.findall(r"```(sh|python)\n(.*?)```", text, flags=re.DOTALL):
        if language == "python":
            exec(compile(ast.parse(block), "README.md", "exec"), {})
            ran += 1
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "ladder-np"
            assert main(arguments) == 0, line
            ran += 1
    return ran


def test_the_examples_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the files that the text speaks of."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "table.csv", 120, labels=True)
    write_table(tmp_path / "new.csv", 30, labels=False)
    write_texts(tmp_path)
    vectors = make_vectors(Specification((20, 30, 15, 4), denoising_weights=1, dtype="float64"), 6, 9, 0)
    np.savez(tmp_path / "candidate.npz", **vectors)
    assert run_examples(README) >= 17
    assert len((tmp_path / "classes.csv").read_text().splitlines()) == 31
    assert len((tmp_path / "topics.csv").read_text().splitlines()) == 121


@pytest.mark.parametrize("name", NAMES[1:])
def test_the_examples_of_the_other_texts_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_examples(TEXTS[name]) >= (1 if name == "ladder_np/README.md" else 0)


def test_the_gradient_check_prints_the_table_that_is_shown(capsys: pytest.CaptureFixture) -> None:
    (shown,) = re.findall(r"```python\n([^`]*?check_gradients[^`]*?)```\n\n```text\n(.*?)```", HOUSE, flags=re.DOTALL)
    exec(compile(shown[0], "README.md", "exec"), {})
    assert capsys.readouterr().out == shown[1]


def test_the_two_set_up_commands_are_what_ci_runs() -> None:
    for block in blocks("bash", README)[:2]:
        assert block.strip() in CI.splitlines()


def test_ci_installs_or_resolves_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    installed = ",".join(re.findall(r"'\.\[([\w,-]+)\]'", CI)).split(",")
    (resolved,) = re.findall(r"^for extra in (.*); do$", CI, re.MULTILINE)
    assert {*installed, *resolved.split()} == set(extras)


def test_the_citation_names_this_version() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


# ---- The house's own text: its floors, its table of equations and its trace are what the code says.


def test_the_floors_are_those_that_imports_are_checked_against() -> None:
    table = HOUSE.split("| rooms | what they hold |")[1].split("\n\n")[0].splitlines()[2:]
    shown = [set(re.findall(r"`(\w+)`", line.split("|")[1])) for line in table]
    assert shown == [rooms for rooms in reversed(FLOORS) if "" not in rooms]


def test_the_equation_table_links_to_the_lines_of_the_formulas() -> None:
    """If code has moved: python tests/equation_table.py."""
    shown = HOUSE.partition("<!-- equations -->\n")[2].partition("\n<!-- end of equations -->")[0]
    assert shown == equation_table()


def test_every_equation_of_the_design_is_in_the_table() -> None:
    equations = [row[2:].partition(" | ")[0] for row in HOUSE.splitlines() if row.startswith("| ") and " = " in row]
    assert {
        *("z̃⁰ = x + s₀ n = h̃⁰", "zˡ = (aˡ − μˡ)/σˡ", "z̃ˡ = BN(ãˡ) + sₗ n", "h̃ˡ = φ(b̃ˡ)", "b̃ᴸ = γᴸ (z̃ᴸ + βᴸ)"),
        *("uᴸ = BN(h̃ᴸ), unlabeled rows", "uˡ = BN(ẑˡ⁺¹Vˡ)", "ẑˡ_BN = (ẑˡ − μˡ)/σˡ", "C = C_s + Σ λₗ Cˡ"),
        *("Cˡ = mean (zˡ − ẑˡ_BN)²", "C⁰ = mean (z⁰ − ẑ⁰)²", "dWˡ = h̃ˡ⁻¹ᵀ dãˡ + hˡ⁻¹ᵀ daˡ"),
    } <= set(equations)
    assert len(equations) > 55


def test_links_of_the_table_lead_to_lines_of_code_in_the_function_that_they_name() -> None:
    links = re.findall(r"\[`([a-z_/]+\.py)`, `([\w.]+)`\]\(([a-z_/]+\.py)#L(\d+)\)", HOUSE)
    assert len(links) > 50
    for shown, function, file, line in links:
        assert shown == file
        lines = (PACKAGE / file).read_text(encoding="utf-8").splitlines()
        assert lines[int(line) - 1].strip().partition(" ")[0] not in ("", "def", "#", '"""')
        assert is_inside(lines, int(line), function.rpartition(".")[2])


@pytest.mark.parametrize("file", sorted((PACKAGE / "operations").glob("[a-z]*.py")), ids=lambda file: file.stem)
def test_every_forward_is_followed_by_its_backward(file: Path) -> None:
    nodes = ast.parse(file.read_text(encoding="utf-8")).body
    names = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    for name in (name for name in names if name.endswith("_forward")):
        assert names[names.index(name) + 1].startswith(name.replace("_forward", "_backward")), name


def test_the_passes_stand_in_pairs() -> None:
    (passes,) = (node for node in ast.parse((PACKAGE / "network" / "passes.py").read_text("utf-8")).body
                 if isinstance(node, ast.ClassDef) and node.name == "Passes")  # fmt: skip
    names = [node.name for node in passes.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
    assert names == [
        *("corrupt_input", "encode_forward", "encode_backward", "classify_forward", "classify_backward"),
        *("decode_forward", "decode_backward", "total"),
    ]


def test_the_trace_that_is_shown_is_what_its_command_prints() -> None:
    """If code has moved: python tests/equation_table.py."""
    shown = TRACE.findall(HOUSE)
    assert len(shown) == 1
    for line, block in shown:
        assert trace_output(line) == block


def test_every_key_of_the_format_table_is_in_the_file() -> None:
    keys = set(make_vectors(Specification((4, 5, 3), dtype="float64"), 5, 6, seed=0))
    table = HOUSE.split("| key | shape | what |")[1].split("\n\n")[0]
    prefixes = re.findall(r"`((?:param|input|noise|clean|corrupted|decoder|loss|grad)/[^`{…]*)", table)
    assert len(prefixes) >= 15
    for prefix in prefixes:
        assert any(key.startswith(prefix) for key in keys), prefix


@pytest.mark.parametrize("name", TEXTS)
def test_files_and_headings_that_the_texts_link_to_exist(name: str) -> None:
    text, folder = TEXTS[name], (ROOT / name).parent
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, heading = link.partition("#")
        target = folder / path if path else ROOT / name
        assert target.is_file(), link
        if heading and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w\- ]", "", text).lower().replace(" ", "-") for text in headings], link
    for path in re.findall(r"`((?:ladder_np|tests|benchmarks)/[\w./-]+\.\w+)`", text):
        assert (ROOT / path).is_file(), path
    if name.startswith("ladder_np"):
        for path in re.findall(r"`((?:operations|network|training|data)/[\w./-]+\.py)`", text):
            assert (PACKAGE / path).is_file(), path


def test_names_beside_the_table_are_defined_in_the_files_that_are_named() -> None:
    named = re.findall(r"`((?:network|training|operations)/\w+\.py)` \(([^)]*)\)", HOUSE)
    assert len(named) >= 4
    for file, names in named:
        nodes = ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8")))
        found = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert set(re.findall(r"`(\w+)`", names)) <= found, file


def test_the_front_page_is_short() -> None:
    assert len(README.splitlines()) <= 250


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_that_is_shown_but_not_run_has_options_that_exist(name: str) -> None:
    """Blocks marked bash, and commands in tables: most take minutes, need extras or a network, or are CI's."""
    shown = [line for block in blocks("bash", TEXTS[name]) for line in block.splitlines()]
    shown += re.findall(r"`((?:ladder-np|python) [^`]* -[^`]*)`", TEXTS[name])
    for line in (line for line in shown if "--help" not in line):
        _, program, words = re.match(r"(\w+=\w+ )?(\S+) ?(.*)", line).groups()
        if program == "ladder-np" and not re.search(r"\b[A-Z]{3,}\b", words):
            parsed, unknown = _parser().parse_known_args(shlex.split(words))
            assert callable(parsed.run), line
            assert not unknown or (hasattr(parsed, "passed_on") and train_parser().parse_args(unknown)), line
        elif program == "python":
            source = script(words)
            for option in re.findall(r"--[a-z-]+", words):
                assert f'"{option}"' in source, line


def script(words: str) -> str:
    """Return the source of `-m package.module ...` or `path/to/file.py ...`."""
    first, second, *_ = [*words.split(), ""]
    path = ROOT / (second.replace(".", "/") if first == "-m" else first)
    path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8")


def test_the_columns_of_a_gradient_check_are_explained_as_the_help_does() -> None:
    for name, explained in COLUMNS.items():
        assert f"| {name} | {explained} |".replace("|gradient|", r"\|gradient\|") in HOUSE
