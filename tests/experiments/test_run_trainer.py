"""Checkpoints on disk: the newest whole one is read; damage is told in one line, and the one before is used."""

import errno
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.experiments.run_trainer import Checkpoints
from ladder_np.files import write_npz

LIKE = {
    "parameters": np.zeros(4, np.float32),
    "waiting": np.zeros(2, np.int64),
    "step/noise/streams": np.zeros((3, 6), np.uint64),
}


LATER = '{"format": "ladder_np checkpoint", "version": 1, "model": "ladder", "ladder_np": "7.1"}'


def accept(arrays: Mapping[str, np.ndarray]) -> None:
    """Find nothing wrong."""


def arrays(value: float) -> dict[str, np.ndarray]:
    return {**LIKE, "parameters": np.full(4, value, np.float32), "waiting": np.zeros(5, np.int64)}


def test_the_last_one_is_read(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load("ladder", LIKE, accept) is None
    for value in (1, 2, 3):
        checkpoints.save("ladder", arrays(value))
    assert checkpoints.load("ladder", LIKE, accept)["parameters"][0] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-before.npz", "checkpoint.npz"]
    checkpoints.remove()
    assert list(tmp_path.iterdir()) == []


def test_one_of_the_model_before_is_none(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save("supervised only", arrays(1))
    assert Checkpoints(tmp_path).load("ladder", LIKE, accept) is None


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "empty", "another kind"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path, damage: str) -> None:
    checkpoints = Checkpoints(tmp_path)
    for value in (1, 2):
        checkpoints.save("ladder", arrays(value))
    last = tmp_path / "checkpoint.npz"
    whole = last.read_bytes()
    with zipfile.ZipFile(last) as archive:
        inside = archive.getinfo("parameters.npy").header_offset + 170
    spoilt = bytearray(whole)
    spoilt[inside] ^= 1
    last.write_bytes({"truncated": whole[:-30], "flipped": bytes(spoilt), "empty": b""}.get(damage, whole))
    if damage == "missing":
        last.unlink()  # as when the process is killed between putting one aside and writing the next
    elif damage == "another kind":
        write_npz(last, arrays(9))
    assert checkpoints.load("ladder", LIKE, accept)["parameters"][0] == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"parameters": None}, "parameters is missing"),
        ({"more": np.zeros(1)}, "more is unexpected"),
        ({"parameters": np.zeros(5, np.float32)}, "parameters should be float32 (4,), it is float32 (5,)"),
        ({"parameters": np.zeros(4)}, "parameters should be float32 (4,), it is float64 (4,)"),
        ({"waiting": np.zeros((2, 2), np.int64)}, "waiting should be"),
        ({"step/noise/streams": None}, "step/noise is missing"),
        ({"meta": np.array("{}")}, "not a checkpoint of ladder_np"),
        (
            {"meta": np.array('{"format": "ladder_np checkpoint", "version": 99, "model": "ladder"}')},
            "checkpoint version 99, of a later version of ladder_np",
        ),
        (
            {"meta": np.array(LATER), "more": np.zeros(1)},
            "more is unexpected; ladder_np 7.1 wrote it, a later version than this one",
        ),
        ({"meta": np.array('{"format": "ladder_np checkpoint", "version": 1}')}, "not a checkpoint"),
        ({"meta": np.zeros(3)}, "not a checkpoint"),
    ],
    ids=str,
)
def test_where_none_can_be_used_one_line_says_why(tmp_path: Path, change: dict, complaint: str) -> None:
    meta = np.array('{"format": "ladder_np checkpoint", "version": 1, "model": "ladder"}')
    changed = {"meta": meta, **arrays(1), **change}
    write_npz(tmp_path / "checkpoint.npz", {name: values for name, values in changed.items() if values is not None})
    with pytest.raises(InputError) as caught:
        Checkpoints(tmp_path).load("ladder", LIKE, accept)
    assert complaint in str(caught.value)
    assert "remove checkpoint.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_noise_of_another_device_is_not_damage(tmp_path: Path) -> None:
    there = {name: values for name, values in arrays(1).items() if name != "step/noise/streams"}
    Checkpoints(tmp_path).save("ladder", {**there, "step/noise/drawn": np.array([[140, 3]])})
    assert "step/noise/drawn" in Checkpoints(tmp_path).load("ladder", LIKE, accept)


def test_a_damaged_one_never_takes_the_place_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that falls back on the older one may be killed in the middle of its next checkpoint."""
    for value in (1, 2):
        Checkpoints(tmp_path).save("ladder", arrays(value))
    (tmp_path / "checkpoint.npz").write_bytes(b"nothing")
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load("ladder", LIKE, accept)["parameters"][0] == 1

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="No space left on device"):
            checkpoints.save("ladder", arrays(3))
    assert Checkpoints(tmp_path).load("ladder", LIKE, accept)["parameters"][0] == 1
    checkpoints.save("ladder", arrays(4))
    assert Checkpoints(tmp_path).load("ladder", LIKE, accept)["parameters"][0] == 4


def test_a_full_disk_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("ladder", arrays(1))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="No space left on device"):
            checkpoints.save("ladder", arrays(2))
    assert checkpoints.load("ladder", LIKE, accept)["parameters"][0] == 1
    checkpoints.save("ladder", arrays(3))
    assert checkpoints.load("ladder", LIKE, accept)["parameters"][0] == 3


# ---- The state of a finished training.


def test_the_last_one_is_kept_and_found_again_by_its_model_alone(tmp_path: Path) -> None:
    baseline, ladder = Checkpoints(tmp_path, "baseline-training.npz"), Checkpoints(tmp_path)
    for value in (1, 2):
        baseline.save("supervised only", arrays(value))
    baseline.keep("supervised only", LIKE, accept)
    assert [path.name for path in tmp_path.iterdir()] == ["baseline-training.npz"]
    ladder.save("ladder", arrays(3))
    baseline.keep("supervised only", LIKE, accept)
    assert baseline.load("supervised only", LIKE, accept)["parameters"][0] == 2
    assert ladder.load("ladder", LIKE, accept)["parameters"][0] == 3
    baseline.save("supervised only", arrays(4))
    assert baseline.load("supervised only", LIKE, accept)["parameters"][0] == 4  # newer than the kept one


def test_without_any_there_is_nothing_to_keep(tmp_path: Path) -> None:
    Checkpoints(tmp_path).keep("ladder", LIKE, accept)
    assert list(tmp_path.iterdir()) == []


def test_the_one_before_is_kept_where_the_last_is_damaged(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for value in (1, 2):
        checkpoints.save("ladder", arrays(value))
    (tmp_path / "checkpoint.npz").write_bytes(b"nothing")
    checkpoints.keep("ladder", LIKE, accept)
    assert [path.name for path in tmp_path.iterdir()] == ["training.npz"]
    assert checkpoints.load("ladder", LIKE, accept)["parameters"][0] == 1


@pytest.mark.parametrize("instant", [1, 2])
def test_killed_while_one_is_kept_the_same_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instant: int
) -> None:
    checkpoints, calls = Checkpoints(tmp_path), [0]
    for value in (1, 2):
        checkpoints.save("ladder", arrays(value))
    unlink = Path.unlink

    def killed(path: Path, missing_ok: bool = False) -> None:
        calls[0] += 1
        if calls[0] == instant:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.keep("ladder", LIKE, accept)
    assert Checkpoints(tmp_path).load("ladder", LIKE, accept)["parameters"][0] == 2
