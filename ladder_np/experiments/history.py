"""How a training went: the lines of a metrics file as arrays."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.experiments.run_folder import BASELINE_METRICS, METRICS, load_run_config
from ladder_np.files import read_json, read_text

__all__ = ["History", "load_run_histories"]

NUMBERS = ("epoch", "step", "learning_rate", "cost", "supervised", "seconds")
LARGEST = 1e100  # far above any cost, far enough below what a picture's axes can bear


@dataclass(frozen=True, eq=False)
class History:
    """One model's epochs, (E,) arrays in the order of the file; see `EpochRecord`.

    Attributes
    ----------
    epoch, step, learning_rate, cost, supervised, seconds : (E,) arrays
    denoising : (E, L + 1) array
        Unweighted costs; NaN where λ is 0.
    validation_error : (E,) array
        From 0 to 1; NaN where it was not measured.
    """

    epoch: np.ndarray
    step: np.ndarray
    learning_rate: np.ndarray
    cost: np.ndarray
    supervised: np.ndarray
    seconds: np.ndarray
    denoising: np.ndarray
    validation_error: np.ndarray


def load_run_histories(folder: Path) -> dict[str, History]:
    """Return the histories of a run's models by name, the baseline's first, as far as they have got.

    Raises
    ------
    InputError
        If the folder is no run, or a file is damaged. A last line that was cut off by a crash is left out.
    """
    specification = load_run_config(folder).specification
    layers = len(specification.sizes)
    files = {BASELINE: BASELINE_METRICS, LADDER: METRICS} if specification.denoises else {BASELINE: METRICS}
    histories = {name: _read(folder / file, layers) for name, file in files.items() if (folder / file).exists()}
    return {name: history for name, history in histories.items() if len(history.epoch)}


def _read(path: Path, layers: int) -> History:
    *lines, rest = read_text(path, "a run's metrics").split("\n")
    if read_json(rest) is not None:
        lines.append(rest)
    records = [read_json(line) for line in lines]
    for number, record in enumerate(records, start=1):
        if not _is_record(record, layers):
            raise InputError(f"{path}: line {number} is damaged; expected the record of an epoch")
    columns = {name: np.array([record[name] for record in records]) for name in NUMBERS}
    denoising = [[_or_nan(cost) for cost in record["denoising"]] for record in records]
    return History(
        **columns,
        denoising=np.array(denoising, dtype=np.float64).reshape(len(records), layers),
        validation_error=np.array([_or_nan(record["validation_error"]) for record in records]),
    )


def _is_record(record: Any, layers: int) -> bool:
    if not isinstance(record, dict) or not all(_is_number(record.get(name)) for name in NUMBERS):
        return False
    costs, error = record.get("denoising"), record.get("validation_error", ...)
    if not isinstance(costs, list) or len(costs) != layers:
        return False
    return all(value is None or _is_number(value) for value in (*costs, error))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
