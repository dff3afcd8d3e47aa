"""The loop over epochs, and the history of it: one record per epoch, with all parts of the cost."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

import numpy as np

from ladder_np.errors import InputError
from ladder_np.training.trainer import EpochRecord, Training

__all__ = ["FitHistory", "complement", "fit"]

FIELDS = tuple(field.name for field in dataclasses.fields(EpochRecord))
COUNTS = ("epoch", "step")
LARGEST = 1e100  # far above any cost, far enough below what a picture's axes can bear
LARGEST_COUNT = 2**53
LARGEST_ROWS = 2**26  # so many rows' shares are told apart in float64


def fit(
    training: Training,
    validation_error: Callable[[], float] | None = None,
    on_step: Callable[[], None] = lambda: None,
    on_epoch: Callable[[EpochRecord], None] = lambda record: None,
) -> "FitHistory":
    """Train to the end, from wherever the training is; compute the population statistics; return these epochs.

    `validation_error` returns the share of validation rows, in [0, 1], that the network gives a wrong class. It is
    called after each epoch with population statistics in the network. Measuring changes nothing of what is learned,
    but early stopping (`TrainingSettings.patience`) needs it: the end may then come early, and the best parameters
    are put back.

    `on_step` and `on_epoch` are called after each step, and with its record after each epoch. What they raise ends
    the loop there; calling `fit` again goes on with the next step. Raises TrainingDivergedError if the cost is NaN or
    infinite, or has exploded.
    """
    records = []
    while not training.done:
        record = training.run_epoch(on_step)
        if validation_error:
            training.estimate_statistics()
            error = validation_error()
            training.observe(error)
            record = dataclasses.replace(record, validation_error=error)
        records.append(record)
        on_epoch(record)
    training.finish()
    return FitHistory.from_records(records, training.layers)


@dataclass(frozen=True, eq=False)
class FitHistory:
    """The epochs of a training, in order, as arrays; see `EpochRecord` for what they hold."""

    # (E,) integers. A history read from a file that an older version wrote has step 0 throughout.
    epoch: np.ndarray
    step: np.ndarray
    # (E,), NaN where unknown (of old files); the cost is always known
    learning_rate: np.ndarray
    cost: np.ndarray
    supervised: np.ndarray
    denoising: np.ndarray  # (E, L + 1) unweighted costs; NaN where λ is 0
    seconds: np.ndarray  # (E,)
    validation_error: np.ndarray  # (E,) from 0 to 1; NaN where it was not measured

    @classmethod
    def from_records(cls, records: Sequence[EpochRecord], layers: int) -> Self:
        """Return the history of these epochs; `layers` is L + 1."""
        columns = {name: [getattr(record, name) for record in records] for name in FIELDS}
        arrays = {name: np.array(columns[name], np.int64 if name in COUNTS else np.float64) for name in FIELDS}
        return cls(**{**arrays, "denoising": arrays["denoising"].reshape(-1, layers)})

    @classmethod
    def from_curves(cls, costs: Sequence[float], errors: Sequence[float], layers: int) -> Self:
        """Return the history of an older model file: it knows costs (E,), and validation errors (E,) or none (0,)."""
        each = zip(costs, errors or [math.nan] * len(costs), strict=True)
        unknown, none = math.nan, (None,) * layers
        records = [EpochRecord(k, 0, unknown, cost, unknown, none, unknown, e) for k, (cost, e) in enumerate(each, 1)]
        return cls.from_records(records, layers)

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.epoch)

    def __add__(self, later: "FitHistory") -> "FitHistory":
        """Return this history and then the epochs of a training that went on from it, counted on."""
        columns = {name: np.concatenate([getattr(self, name), getattr(later, name)]) for name in FIELDS}
        columns["epoch"] = np.arange(1, len(self) + len(later) + 1)
        return FitHistory(**columns)

    def as_json(self) -> list[dict[str, Any]]:
        """Return one record per epoch as plain JSON values, as in a run's metrics; None for NaN."""
        columns = [_with_none(getattr(self, name).tolist()) for name in FIELDS]
        return [dict(zip(FIELDS, values, strict=True)) for values in zip(*columns, strict=True)]

    @classmethod
    def from_json(cls, records: Any, layers: int) -> Self:
        """Return the history that `as_json` described, of a network with `layers` (L + 1) denoising costs.

        Raises InputError if that is not a list of such records.
        """
        if not isinstance(records, list):
            raise InputError("the history is damaged; expected a list with the record of each epoch")
        for number, record in enumerate(records, start=1):
            if not _is_record(record, layers):
                raise InputError(f"record {number} is damaged; expected the record of an epoch")
        return cls.from_records([EpochRecord(*(record[name] for name in FIELDS)) for record in records], layers)


def complement(share: float) -> float:
    """Return 1 − share, to the last bit what (rows − count) / rows is where share is count / rows."""
    return float(1 - Fraction(share).limit_denominator(LARGEST_ROWS))


def _with_none(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_none(item) for item in value]
    return None if value != value else value


def _is_record(record: Any, layers: int) -> bool:
    if not isinstance(record, dict) or not set(FIELDS) <= set(record):
        return False
    counts = [record[name] for name in COUNTS]
    if not all(type(value) is int and 0 <= value < LARGEST_COUNT for value in counts):
        return False
    costs = record["denoising"]
    if not isinstance(costs, list) or len(costs) != layers or record["cost"] is None:
        return False
    others = [record[name] for name in FIELDS if name not in (*COUNTS, "denoising")]
    return all(value is None or _is_number(value) for value in (*costs, *others))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
