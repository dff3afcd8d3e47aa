"""From a table's columns to numbers without gaps: texts become indicators, a missing number the column's mean.

A column of texts is kept as codes: 0, 1, ... into its values. A missing cell is NaN in any column.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ladder_np.data.sparse import Features
from ladder_np.errors import InputError

__all__ = ["MISSING", "MOST_VALUES", "UNKNOWN", "Encoding", "Values", "find_encoding"]

# For each column, the texts that it may hold, ascending; None for a column of numbers.
Values = tuple[tuple[str, ...] | None, ...]

MOST_VALUES = 20  # texts of one column; more are hardly categories
UNKNOWN = -1.0  # the code of a text that was not there in training: none of the column's values
# Cells that hold no value, in a column of any kind; "?" is the mark of the UCI repository.
MISSING = frozenset(
    ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "-nan", "NaT", "None", "NULL", "null")
)
NAMED_AT_MOST = 5  # columns in one line
BLOCK = 1 << 18  # elements worked on together


@dataclass(frozen=True, eq=False)
class Encoding:
    """What the d columns of a table become: `width` features, column by column.

    A number stays; where it is missing it becomes the column's mean, and if numbers of the column were missing in
    training, an indicator (1 where it is missing) follows. Texts become one indicator for each value: all are 0 where
    the cell is missing, or holds another text.
    """

    values: Values
    means: np.ndarray  # (d,) float64, over the training rows; 0 for columns of texts
    indicated: np.ndarray  # (d,) bool: whether an indicator tells where a number is missing
    # texts of the values that no training row had, by the place of the column: their indicators stay 0
    unseen: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        """How many columns it takes, d."""
        return len(self.values)

    @cached_property
    def width(self) -> int:
        """How many features it makes."""
        return int(self._widths.sum())

    @cached_property
    def _widths(self) -> np.ndarray:
        """How many features each column makes, (d,)."""
        numbers = (1 + self.indicated).tolist()
        return np.array([n if v is None else len(v) for n, v in zip(numbers, self.values, strict=True)], np.intp)

    @cached_property
    def _numbers(self) -> np.ndarray:
        """Which columns hold numbers, (d,) bool."""
        return np.array([values is None for values in self.values])

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return rows (n, d) as features (n, width), float64."""
        missing = np.isnan(rows)
        filled = np.where(missing, self.means, rows)
        if self.width == self.columns and self._numbers.all():
            return filled
        features = np.empty((len(rows), self.width))
        starts = np.cumsum(self._widths) - self._widths
        features[:, starts[self._numbers]] = filled[:, self._numbers]
        features[:, starts[self.indicated] + 1] = missing[:, self.indicated]
        for place in np.flatnonzero(~self._numbers):  # few, in most tables
            codes = np.arange(self._widths[place])
            features[:, starts[place] : starts[place] + len(codes)] = rows[:, place, None] == codes
        for column, unseen in self.unseen.items():
            features[:, starts[column] + np.array(unseen)] = 0
        return features

    def _unknown(self, place: int, cells: np.ndarray) -> int:
        """Return how many cells of a column of texts hold none that was there in training."""
        codes = np.setdiff1d(np.arange(self._widths[place]), self.unseen.get(place, ()))
        return int((~np.isnan(cells) & ~np.isin(cells, codes)).sum())

    def names(self, columns: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the features' names, after those of the columns."""
        return tuple(name for place in range(self.columns) for name in self._names(place, _name(place, columns)))

    def _names(self, place: int, column: str) -> Iterator[str]:
        values = self.values[place]
        if values is not None:
            yield from (f"{column}={value}" for value in values)
            return
        yield column
        if self.indicated[place]:
            yield f"{column} is missing"

    def describe(self, columns: tuple[str, ...] | None) -> str:
        """Return in one line what is done to which columns; empty if nothing is."""
        texts = [place for place, values in enumerate(self.values) if values is not None]
        gaps = np.flatnonzero(self.indicated).tolist()
        parts = []
        if texts:
            total = sum(len(self.values[place] or ()) for place in texts)
            parts.append(f"{_listed(texts, columns)} as {total} indicator{'s'[: total != 1]}")
        if gaps:
            parts.append(f"missing numbers of {_listed(gaps, columns)} as the column's mean, with an indicator")
        return "; ".join(parts)

    def complaint(self, X: np.ndarray, columns: tuple[str, ...] | None) -> str | None:
        """Return in one line what rows X (n, d) hold that was not there in training; None if nothing."""
        parts = []
        counts = {place: self._unknown(place, X[:, place]) for place in np.flatnonzero(~self._numbers).tolist()}
        unknown = [place for place, count in counts.items() if count]
        if unknown:
            cells = sum(counts.values())
            where = _listed(unknown, columns)
            parts.append(f"{cells} cells of {where} hold texts that were not there in training, and count as missing")
        gaps = np.flatnonzero(np.isnan(X).any(axis=0) & self._numbers & ~self.indicated).tolist()
        if gaps:
            cells = int(np.isnan(X[:, gaps]).sum())
            parts.append(
                f"{cells} numbers of {_listed(gaps, columns)} are missing, none was in training: its mean is taken"
            )
        return "; ".join(parts) or None

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads, as plain JSON values."""
        values = [None if texts is None else list(texts) for texts in self.values]
        unseen = {str(place): list(codes) for place, codes in self.unseen.items()}
        return {
            "values": values,
            "means": self.means.tolist(),
            "indicated": self.indicated.tolist(),
            "unseen": unseen,
        }

    @classmethod
    def from_json(cls, described: Any) -> "Encoding":
        """Return the encoding that `as_json` described; raises InputError if it is not a complete description."""
        names = ("values", "means", "indicated")
        lists: list[Any] = [described.get(name) for name in names] if isinstance(described, dict) else []
        if not lists or not all(isinstance(given, list) and len(given) == len(lists[0]) > 0 for given in lists):
            raise InputError("its encoding of columns is damaged; expected values, means and indicated for each")
        values, means, indicated = lists
        if not all(type(mean) is float and np.isfinite(mean) for mean in means):
            raise InputError("its encoding of columns is damaged: a mean is not a finite number")
        if not all(type(flag) is bool for flag in indicated) or not all(map(_are_values, values)):
            raise InputError("its encoding of columns is damaged: expected lists of texts, and true or false")
        texts = tuple(None if column is None else tuple(column) for column in values)
        return cls(texts, np.array(means), np.array(indicated), _checked_unseen(described.get("unseen"), texts))


def _checked_unseen(described: Any, values: Values) -> dict[int, tuple[int, ...]]:
    columns = {str(place): len(texts) for place, texts in enumerate(values) if texts is not None}
    unseen = described if isinstance(described, dict) and set(described) <= set(columns) else None
    if unseen is None or not all(
        isinstance(codes, list) and all(type(code) is int and 0 <= code < columns[place] for code in codes)
        for place, codes in unseen.items()
    ):
        raise InputError("its encoding of columns is damaged: expected codes of texts that no training row had")
    return {int(place): tuple(codes) for place, codes in unseen.items()}


def _are_values(column: Any) -> bool:
    if column is None:
        return True
    return (
        isinstance(column, list) and all(isinstance(text, str) for text in column) and column == sorted(set(column))
    )


def _name(place: int, columns: tuple[str, ...] | None) -> str:
    return f"column {place}" if columns is None else columns[place]


def _listed(places: list[int], columns: tuple[str, ...] | None) -> str:
    names = [repr(_name(place, columns)) for place in places[:NAMED_AT_MOST]]
    more = f" and {len(places) - NAMED_AT_MOST} more" if len(places) > NAMED_AT_MOST else ""
    return ", ".join(names) + more


def find_encoding(X: Features, rows: np.ndarray, values: Values) -> Encoding:
    """Return the encoding of columns X (n, d) of these `values`, with the means over the given rows."""
    numbers = np.array([column is None for column in values])
    sums, counts = np.zeros(X.shape[1]), np.zeros(X.shape[1], np.intp)
    seen: dict[int, set[int]] = {place: set() for place in np.flatnonzero(~numbers).tolist()}
    step = max(1, BLOCK // X.shape[1])
    for start in range(0, len(rows), step):
        cells = X[rows[start : start + step]]
        for place, codes in seen.items():
            codes.update(cells[~np.isnan(cells[:, place]), place].astype(int).tolist())
        known = ~np.isnan(cells)
        counts += known.sum(axis=0)
        sums += np.where(known, cells / len(rows), 0).sum(axis=0)  # divided first: sums of vast numbers overflow
    means = np.where(numbers, sums * (len(rows) / np.maximum(counts, 1)), 0.0)
    unseen = {place: tuple(sorted(set(range(len(values[place] or ()))) - codes)) for place, codes in seen.items()}
    unseen = {place: codes for place, codes in unseen.items() if codes}
    return Encoding(values, means, numbers & (counts < len(rows)), unseen)
