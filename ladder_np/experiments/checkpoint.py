"""The state of an unfinished run on disk: the last checkpoint, and the one before in case it is damaged.

A file holds ``meta`` (JSON: format, version, model) and the arrays of `Training.state`. It is written beside and
renamed, so that one undamaged checkpoint is there whenever the process dies.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ladder_np.errors import InputError
from ladder_np.files import read_json, read_npz, write_npz

__all__ = ["Checkpoints"]

FORMAT, VERSION = "ladder_np checkpoint", 1
LAST, BEFORE = "checkpoint.npz", "checkpoint-before.npz"
# Arrays whose first dimension differs from step to step.
FREE_LENGTH = ("waiting", "step/noise/drawn")
# One of them is there: its type, and its second dimension.
OF_ONE_DEVICE = {"step/noise/streams": (np.uint64, 6), "step/noise/drawn": (np.int64, 2)}


class Checkpoints:
    """The checkpoints in a run's folder, for one of its models at a time.

    Parameters
    ----------
    folder : path
    """

    def __init__(self, folder: Path) -> None:
        self._last, self._before = folder / LAST, folder / BEFORE
        self._last_is_damaged = False

    def save(self, model: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Write a checkpoint of the model of that name.

        Raises InputError if it cannot be written; the one before stays.
        """
        meta = json.dumps({"format": FORMAT, "version": VERSION, "model": model})
        # Until the new one stands there is the one before: the last, unless that is damaged and an older one is not.
        if self._last.exists() and not self._last_is_damaged:
            os.replace(self._last, self._before)
        write_npz(self._last, {"meta": np.array(meta), **arrays})
        self._last_is_damaged = False

    def load(
        self, model: str, like: Mapping[str, np.ndarray], check: Callable[[Mapping[str, np.ndarray]], None]
    ) -> dict[str, np.ndarray] | None:
        """Return the arrays of the newest undamaged checkpoint of that model, or None without a checkpoint of it.

        Parameters
        ----------
        model : str
        like : mapping of str to array
            The state of a training that has just begun: what a checkpoint's arrays must look like.
        check : callable
            Raises `InputError` if arrays that look like that hold what cannot be.

        Raises
        ------
        InputError
            If there are checkpoints, and none can be used.
        """
        complaint = None
        for path in filter(Path.exists, (self._last, self._before)):
            try:
                name, arrays = _read(path)
                if name != model:
                    return None  # of the model before this one
                _check(path, arrays, like)
                _judge(path, arrays, check)
            except InputError as error:
                complaint = complaint or error
                self._last_is_damaged |= path == self._last
            else:
                return arrays
        if complaint:
            raise InputError(f"{complaint}; remove {LAST} and {BEFORE} to begin again")
        return None

    def remove(self) -> None:
        """Remove them all."""
        for path in (self._last, self._before):
            path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    arrays = read_npz(path, "a checkpoint")
    text = arrays.pop("meta", np.array(""))
    meta = read_json(str(text[()])) if text.ndim == 0 else None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT or not isinstance(meta.get("model"), str):
        raise InputError(f"{path}: not a checkpoint of ladder_np (its meta entry does not say so)")
    if meta.get("version") != VERSION:
        raise InputError(f"{path}: checkpoint version {meta.get('version')!r}; this program reads version {VERSION}")
    return meta["model"], arrays


def _judge(path: Path, arrays: Mapping[str, np.ndarray], check: Callable[[Mapping[str, np.ndarray]], None]) -> None:
    try:
        check(arrays)
    except InputError as error:
        raise InputError(f"{path}: damaged checkpoint: {error}") from None


def _check(path: Path, arrays: Mapping[str, np.ndarray], like: Mapping[str, np.ndarray]) -> None:
    """Check that exactly the expected arrays are there, and of the expected shapes and kinds."""
    missing = set(like) - set(arrays) - set(OF_ONE_DEVICE)
    unknown = set(arrays) - set(like) - set(OF_ONE_DEVICE)
    if missing or unknown or not set(OF_ONE_DEVICE) & set(arrays):
        name = min(missing or unknown or {"step/noise"})
        raise InputError(f"{path}: damaged checkpoint: {name} is {'unexpected' if unknown else 'missing'}")
    for name, (kind, width) in OF_ONE_DEVICE.items():
        if name in arrays and (arrays[name].dtype != kind or arrays[name].shape[1:] != (width,)):
            raise InputError(f"{path}: damaged checkpoint: {name} should be {kind.__name__} (n, {width})")
    for name in set(like) & set(arrays):
        free = int(name in FREE_LENGTH)
        given, expected = arrays[name], like[name]
        if (
            given.dtype != expected.dtype
            or given.shape[free:] != expected.shape[free:]
            or given.ndim != expected.ndim
        ):
            raise InputError(
                f"{path}: damaged checkpoint: {name} should be {expected.dtype} {expected.shape}, "
                f"it is {given.dtype} {given.shape}"
            )
