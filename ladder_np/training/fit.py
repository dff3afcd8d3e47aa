"""What a training was: one record per epoch, with all parts of the cost."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ladder_np.errors import InputError
from ladder_np.training.costs import EpochRecord

__all__ = ["FitHistory"]

FIELDS = tuple(field.name for field in dataclasses.fields(EpochRecord))
COUNTS = ("epoch", "step")
LARGEST = 1e100  # far above any cost, far enough below what a picture's axes can bear
LARGEST_COUNT = 2**53


@dataclass(frozen=True, eq=False)
class FitHistory:
    """The epochs of a training, in order, as arrays; see `EpochRecord` for what they hold.

    Attributes
    ----------
    epoch, step : (E,) integer arrays
        A history read from a file that an older version wrote has step 0 throughout.
    learning_rate, cost, supervised : (E,) arrays
        NaN where unknown (of old files); the cost is always known.
    denoising : (E, L + 1) array
        Unweighted costs; NaN where λ is 0.
    seconds : (E,) array
    validation_error : (E,) array
        From 0 to 1; NaN where it was not measured.
    """

    epoch: np.ndarray
    step: np.ndarray
    learning_rate: np.ndarray
    cost: np.ndarray
    supervised: np.ndarray
    denoising: np.ndarray
    seconds: np.ndarray
    validation_error: np.ndarray

    @classmethod
    def from_records(cls, records: Sequence[EpochRecord], layers: int) -> Self:
        """Return the history of these epochs; `layers` is L + 1."""
        return cls._from_columns({name: [getattr(record, name) for record in records] for name in FIELDS}, layers)

    @classmethod
    def from_curves(cls, costs: Sequence[float], errors: Sequence[float], layers: int) -> Self:
        """Return the history of an older model file: it knows costs (E,), and validation errors (E,) or none (0,)."""
        unknown = [None] * len(costs)
        columns: dict[str, Any] = dict.fromkeys(("learning_rate", "supervised", "seconds"), unknown)
        columns |= {"epoch": range(1, len(costs) + 1), "step": [0] * len(costs), "cost": costs}
        columns |= {"denoising": [[None] * layers] * len(costs), "validation_error": errors or unknown}
        return cls._from_columns(columns, layers)

    @classmethod
    def _from_columns(cls, columns: dict[str, Any], layers: int) -> Self:
        arrays = {
            name: np.array(columns[name], dtype=np.int64 if name in COUNTS else np.float64)  # None becomes NaN
            for name in FIELDS
        }
        return cls(**{**arrays, "denoising": arrays["denoising"].reshape(-1, layers)})

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

        Raises
        ------
        InputError
            If that is not a list of such records.
        """
        if not isinstance(records, list):
            raise InputError("the history is damaged; expected a list with the record of each epoch")
        for number, record in enumerate(records, start=1):
            if not _is_record(record, layers):
                raise InputError(f"record {number} is damaged; expected the record of an epoch")
        return cls._from_columns({name: [record[name] for record in records] for name in FIELDS}, layers)


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
