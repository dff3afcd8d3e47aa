"""The house's rules that a machine can watch: floors, one place for CuPy, a light import, one way to write files."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ladder_np

PACKAGE = Path(__file__).parent.parent / "ladder_np"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up; a module may import from lower floors and from its own, training and inspection not from each
# other. data stands beside network: neither knows the other.
FLOORS = [
    {"errors", "version", "threads", "blas"},
    {"files", "npy", "arrays", "rng"},
    {"operations", "data", "kernels"},
    {"network"},
    {"training", "inspection"},
    {"model_file"},
    {"predictor"},
    {"experiments", "estimator", "generation"},
    {"plots"},
    {"comparison"},
    {"commands"},
    {"", "__main__"},
]
STRANGERS = [("training", "inspection"), ("inspection", "training"), ("data", "network"), ("network", "data")]
STRANGERS += [
    ("estimator", "experiments"),
    ("experiments", "estimator"),
    ("network", "files"),
    ("operations", "files"),
    ("training", "files"),
    ("training", "data"),
]


def room(module: str) -> str:
    """Return the top-level room of ``ladder_np.a.b``: ``a``; of ``ladder_np`` itself: empty."""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_go_down(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    here = "" if parts == ("__init__",) else parts[0]
    for module in imports(path):
        if module.split(".")[0] != "ladder_np":
            continue
        there = room(module)
        if (here, there) == ("", ""):
            continue
        assert floor(there) <= floor(here), f"{here} imports {module}"
        assert (here, there) not in STRANGERS, f"{here} imports {module}"


def test_cupy_is_imported_in_one_place_and_lazily() -> None:
    naming = [path.name for path in MODULES if '"cupy"' in path.read_text(encoding="utf-8")]
    assert naming == ["arrays.py"]
    assert not [path for path in MODULES for module in imports(path) if module.split(".")[0] == "cupy"]


def test_nothing_but_numpy_and_the_standard_library_is_imported() -> None:
    allowed = {"ladder_np", "numpy", *sys.stdlib_module_names}
    assert {module.split(".")[0] for path in MODULES for module in imports(path)} <= allowed


def test_nothing_is_ever_unpickled() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text, path
        assert "import pickle" not in text, path
        for call in ("np.load(", "numpy.load("):
            if call in text.replace("``numpy.load(", ""):
                assert "allow_pickle=False" in text, path


def test_no_file_has_more_than_500_lines() -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {path: n for path, n in lengths.items() if n > 500} == {}


def loaded_by(statement: str) -> set[str]:
    """Return the names of all modules that are loaded after a statement in a fresh process."""
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_the_package_loads_neither_extras_nor_faces() -> None:
    modules = loaded_by("import ladder_np")
    assert not modules & {"cupy", "matplotlib", "sklearn", "ladder_np.commands", "ladder_np.estimator"}


def test_the_estimator_loads_no_scikit_learn() -> None:
    modules = loaded_by("import ladder_np; ladder_np.LadderClassifier().get_params()")
    assert "ladder_np.estimator" in modules
    assert not modules & {"sklearn", "scipy", "pandas", "cupy"}


def test_the_package_tells_its_names_before_it_has_them() -> None:
    assert set(ladder_np.__all__) <= set(dir(ladder_np))
    with pytest.raises(AttributeError, match="module 'ladder_np' has no attribute 'LadderRegressor'"):
        ladder_np.LadderRegressor  # noqa: B018


MOST_PARAMETERS = 7


@pytest.mark.parametrize("path", sorted((PACKAGE / "network").glob("*.py")), ids=lambda path: path.name)
def test_the_network_s_functions_are_small_and_their_wiring_does_not_fork_on_the_device(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert len(node.args.posonlyargs + node.args.args) <= MOST_PARAMETERS, node.name
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= 40, f"{node.name} has {lines} lines"
    if path.name != "fused.py":
        assert ".fused" not in path.read_text(encoding="utf-8").replace("ladder_np.network.fused", "")


def test_names_of_test_files_are_unique() -> None:
    """Pytest collects no two modules of one name."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
