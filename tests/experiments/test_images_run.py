"""A run on images that is killed within an epoch goes on bit by bit: convolutions, whitening, random moves."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute, reopen, resume
from ladder_np.experiments.run_trainer import RunTrainer
from ladder_np.experiments.settings import make_settings

SETTINGS = {
    "layers": ("conv:4:3:same", "max_pool:2", "conv:10:3", "mean_pool"),
    "activation": "leaky_relu",
    "top_gamma": False,
    "scaling": "gcn_zca",
    "translate": 1,
    "flip": True,
    "epochs": 2,
    "unlabeled_batch": 400,
    "baseline": False,
    "validation": 10,
}


class KilledError(BaseException):
    """In place of a signal that no process survives."""


def silent(*observed: Any) -> None:
    pass


def run(folder: Path, kill_after: int | None = None) -> Path:
    """Train on the digits, to the end or until as many steps of 6 are taken; every step leaves a checkpoint."""
    original = RunTrainer._after_step

    def count(self: RunTrainer) -> None:
        original(self)
        if self._training.steps == kill_after:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KilledError):
        patch.setattr(RunTrainer, "_after_step", count)
        execute(prepare(make_settings(SETTINGS), None, "cpu"), folder, silent, every=1)
    return folder


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "model.npz", allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name not in ("meta", "history")}


@pytest.mark.parametrize("kill_after", [1, 4])
def test_a_killed_run_on_images_is_resumed_bit_by_bit(tmp_path: Path, kill_after: int) -> None:
    whole = arrays(run(tmp_path / "whole"))
    killed = run(tmp_path / "killed", kill_after)
    assert not (killed / "model.npz").exists()
    resume(reopen(killed, None, "cpu"), killed, silent)
    resumed = arrays(killed)
    assert resumed.keys() == whole.keys()
    for name, values in whole.items():
        np.testing.assert_array_equal(resumed[name], values, err_msg=name)


def test_moves_change_what_is_learned(tmp_path: Path) -> None:
    whole = arrays(run(tmp_path / "moved"))
    execute(
        prepare(make_settings({**SETTINGS, "translate": 0, "flip": False}), None, "cpu"), tmp_path / "still", silent
    )
    still = arrays(tmp_path / "still")
    assert (still["param/encoder.1.weight"] != whole["param/encoder.1.weight"]).any()
    np.testing.assert_array_equal(still["scaling/whitening"], whole["scaling/whitening"])
