"""``--device cuda`` is where the work is done, for every command that has the option: on the double of CuPy."""

import sys
from pathlib import Path

import host_kernels
import pytest
import strict_cupy

from ladder_np.commands import main

pytestmark = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

TRAIN = "train --hidden-layers 8 --epochs 2 --validation 10 --device"
NETWORK = "--sizes 5-4-3 --labeled 6 --unlabeled 7 --device"


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "cuda" find the double."""
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run's folder; beside it lies a table to predict."""
    folder = tmp_path_factory.mktemp("devices") / "run"
    assert main([*TRAIN.split(), "cpu", "--no-baseline", "--out", str(folder)]) == 0
    rows = [",".join(str((k * row) % 17) for k in range(64)) for row in range(5)]
    header = ",".join(f"pixel{k}" for k in range(64))
    (folder.parent / "new.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


COMMANDS = {
    "train": f"{TRAIN} {{device}} --out {{new}}/run",
    "evaluate": "evaluate {run} --device {device}",
    "predict": "predict {run} {run}/../new.csv --out {new}/out.csv --device {device}",
    "gradcheck": f"gradcheck {NETWORK} {{device}}",
    "vectors": f"vectors {{new}}/v.npz {NETWORK} {{device}}",
    "trace": f"trace {NETWORK} {{device}}",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_products_are_computed_where_the_option_says(command: str, trained: Path, tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        new = tmp_path / device
        new.mkdir()
        with strict_cupy.watched_traffic() as traffic:
            assert main(COMMANDS[command].format(device=device, run=trained, new=new).split()) == 0
        assert (traffic.products > 0) == (device == "cuda")


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_what_a_device_says_does_not_depend_on_it(
    command: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    said = []
    for device in ("cpu", "cuda"):
        assert main(COMMANDS[command].format(device=device, run=trained, new=tmp_path).split()) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
