"""Runs on the double of CuPy: killed there and resumed there bit by bit, or on the other device from that place."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import host_kernels
import numpy as np
import pytest
import strict_cupy

from ladder_np.errors import TrainingDivergedError
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute, reopen, resume
from ladder_np.experiments.run_trainer import RunTrainer
from ladder_np.experiments.settings import make_settings

pytestmark = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

SETTINGS = {"hidden_layers": (8, 6), "epochs": 3, "unlabeled_batch": 400, "baseline": False, "validation": 10}
STEPS = 3  # an epoch: 1188 rows


class Killed(BaseException):
    """In place of a signal that no process survives."""


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "cuda" find the double."""
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy)


def silent(*observed: Any) -> None:
    pass


def run(folder: Path, device: str, kill_after: int | None = None) -> Path:
    """Train on the digits, to the end or until as many steps are taken."""
    original = RunTrainer._after_step

    def count(self: RunTrainer) -> None:
        original(self)
        if self._training.steps == kill_after:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(RunTrainer, "_after_step", count)
        execute(prepare(make_settings({"labels": 30, **SETTINGS}), None, device), folder, silent)
    return folder


def parameters(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "model.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name.startswith(("param/", "population/"))}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_run_goes_on_where_it_was_bit_by_bit(device: str, tmp_path: Path) -> None:
    whole, killed = run(tmp_path / "whole", device), run(tmp_path / "killed", device, kill_after=STEPS + 1)
    assert not (killed / "model.npz").exists()
    resume(reopen(killed, None, device), killed, silent)
    for name, values in parameters(whole).items():
        np.testing.assert_array_equal(parameters(killed)[name], values, err_msg=name)


@pytest.mark.parametrize(("there", "here"), [("cpu", "cuda"), ("cuda", "cpu")])
def test_a_checkpoint_of_one_device_is_resumed_on_the_other(there: str, here: str, tmp_path: Path) -> None:
    whole, killed = run(tmp_path / "whole", there), run(tmp_path / "killed", there, kill_after=2 * STEPS + 1)
    measured = resume(reopen(killed, None, here), killed, silent)
    assert measured["ladder"].rows == 599
    lines = [(folder / "metrics.jsonl").read_text().splitlines() for folder in (whole, killed)]
    costs = [[line.split('"supervised"')[0].split('"step"')[1] for line in of] for of in lines]
    assert costs[0][:2] == costs[1][:2]  # those of the first device
    assert len(costs[1]) == 3
    assert costs[0][2] != costs[1][2]  # noise of its own
    with np.load(killed / "model.npz", allow_pickle=False) as archive:
        assert all(np.isfinite(archive[name]).all() for name in archive.files if name not in ("meta", "history"))


def test_a_gpus_training_that_diverges_is_run_again_to_name_step_and_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = RunTrainer.__post_init__

    def rising(self: RunTrainer) -> None:
        original(self)
        self._training._rate = lambda steps: 1e30 if steps == STEPS + 1 else 0.002

    monkeypatch.setattr(RunTrainer, "__post_init__", rising)
    with pytest.raises(TrainingDivergedError) as caught:
        run(tmp_path / "run", "cuda")
    assert f"in step {STEPS + 3}: " in str(caught.value)
    assert "of layer 1" in str(caught.value)
    assert f"after {STEPS} steps" in str(caught.value)
