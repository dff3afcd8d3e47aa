"""The README's promises: its commands run, its Python runs, its two set-up commands are those of CI."""

import ast
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from ladder_np.commands import _parser, main
from ladder_np.inspection.stages import GATES, STAGES, WAY_BACK, Stage
from ladder_np.inspection.vectors import make_vectors
from ladder_np.network.specification import Specification

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "ladder_np"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def write_table(path: Path, rows: int, labels: bool) -> None:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, rows)
    X = 2 * np.eye(4)[y] + generator.standard_normal((rows, 4))
    lines = ["length,width,height,mass" + (",label" if labels else "")]
    for features, label in zip(X, y, strict=True):
        lines.append(",".join(f"{value:.3f}" for value in features) + (f",{label}" if labels else ""))
    path.write_text("\n".join(lines) + "\n")


def test_the_examples_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks marked sh and python, top to bottom, in a folder with the files that the text speaks of."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "table.csv", 120, labels=True)
    write_table(tmp_path / "new.csv", 30, labels=False)
    np.savez(
        tmp_path / "candidate.npz",
        **make_vectors(Specification((20, 30, 15, 4), denoising_weights=1, dtype="float64"), 6, 9, 0),
    )
    ran = 0
    for language, text in re.findall(r"```(sh|python)\n(.*?)```", README, flags=re.DOTALL):
        if language == "python":
            exec(compile(ast.parse(text), "README.md", "exec"), {})
            ran += 1
            continue
        for line in text.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "ladder-np"
            assert main(arguments) == 0, line
            ran += 1
    assert ran >= 8
    assert len((tmp_path / "classes.csv").read_text().splitlines()) == 31


def test_the_gradient_check_prints_the_table_that_is_shown(capsys: pytest.CaptureFixture) -> None:
    (shown,) = re.findall(
        r"```python\n([^`]*?check_gradients[^`]*?)```\n\n```text\n(.*?)```", README, flags=re.DOTALL
    )
    exec(compile(shown[0], "README.md", "exec"), {})
    assert capsys.readouterr().out == shown[1]


def test_the_two_set_up_commands_are_what_ci_runs() -> None:
    install_and_train, install_and_test = blocks("bash")[:2]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert install_and_train.strip() in script
    assert install_and_test.strip() in script


EQUATIONS = README.split("| equation | in [R]'s Algorithm 1 | where |")[1].split("\n\n")[0]


def test_every_row_of_the_equation_table_names_something_that_is_there() -> None:
    places = re.findall(r"`([a-z_]+/[a-z_]+\.py)`((?:, `[A-Za-z_.]+`)*)", EQUATIONS)
    assert len(places) >= 20
    for file, names in places:
        defined = ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8")))
        found = {node.name for node in defined if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for name in re.findall(r"`([A-Za-z_.]+)`", names):
            assert set(name.split(".")) <= found, f"{file}: {name}"


def functions(file: Path) -> list[str]:
    return [
        node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]


@pytest.mark.parametrize("file", sorted((PACKAGE / "operations").glob("[a-z]*.py")), ids=lambda file: file.stem)
def test_every_forward_is_in_the_equation_table_and_its_backward_follows_it(file: Path) -> None:
    names = functions(file)
    forwards = [name for name in names if name.endswith("_forward")]
    assert forwards
    for name in forwards:
        assert f"`operations/{file.name}`, " in EQUATIONS
        assert re.search(rf"`operations/{file.name}`(?:, `\w+`)*, `{name}`", EQUATIONS), name
        assert names[names.index(name) + 1].startswith(name.replace("_forward", "_backward")), name


# The layer as the table writes it: l, or the input's and the top's number.
LAYERS = {"input": ("⁰", "", "¹", "₀"), "top": ("ᴸ", "ᴸ⁻¹", "", "_L")}


def general(stage: Stage, gate: str) -> str:
    """Return a stage's equation for any layer."""
    numbers = dict(zip(("l", "below", "above", "s"), LAYERS.get(stage.layers, ("ˡ", "ˡ⁻¹", "ˡ⁺¹", "ₗ")), strict=True))
    equation = f"{stage.symbol} = {stage.equation}".format(**numbers, phi="φ", v=gate.format(**numbers))
    return equation.replace(" | ", " given ")


@pytest.mark.parametrize("combinator", GATES)
def test_every_equation_of_a_trace_is_in_the_table_with_the_function_that_computes_it(combinator: str) -> None:
    rows = [row.split(" | ") for row in EQUATIONS.splitlines() if row]
    forward = [stage for stage in STAGES if stage.part not in WAY_BACK and stage.name != "costs"]
    assert len(forward) >= 25
    for stage in forward:
        function = stage.places[0].function.format(phi="relu", g=combinator)
        equation = general(stage, GATES[combinator][0])
        found = [row[2] for row in rows if equation in row[0].removeprefix("| ").split("; ")]
        assert found, equation
        assert any(f"`{function}`" in where for where in found), (equation, function)


def test_the_trace_that_is_shown_is_what_its_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """If code has moved, put what the command prints now in the place of the block."""
    shown = re.findall(r"```sh\nladder-np (trace [^\n]*)\n```\n\n```text\n(.*?)```", README, flags=re.DOTALL)
    assert len(shown) == 1
    for line, block in shown:
        assert main(line.split()) == 0
        assert capsys.readouterr().out == block


def test_every_key_of_the_format_table_is_in_the_file() -> None:
    keys = set(make_vectors(Specification((4, 5, 3), dtype="float64"), 5, 6, seed=0))
    table = README.split("| key | shape | what |")[1].split("\n\n")[0]
    prefixes = re.findall(r"`((?:param|input|noise|clean|corrupted|decoder|loss|grad)/[^`{…]*)", table)
    assert len(prefixes) >= 15
    for prefix in prefixes:
        assert any(key.startswith(prefix) for key in keys), prefix


def test_pictures_and_files_that_the_text_names_exist() -> None:
    for path in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"`((?:ladder_np|tests|benchmarks)/[\w./-]+\.\w+)`", README):
        assert (ROOT / path).is_file(), path


def test_every_command_that_is_shown_but_not_run_has_options_that_exist() -> None:
    """Blocks marked bash: training on MNIST is too long for a test, and set-up is CI's."""
    lines = [line for text in blocks("bash") for line in text.splitlines() if line.startswith("ladder-np ")]
    assert len(lines) >= 2
    for line in lines:
        arguments = _parser().parse_args(shlex.split(line, comments=True)[1:])
        assert callable(arguments.run), line
