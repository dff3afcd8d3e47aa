"""Rows that are mostly zeros, kept as their other entries: texts as word counts, or a matrix of SciPy.

They become dense some rows at a time: memory depends on the rows of a batch, not on how many rows there are. Indexed
by rows, as an array is, they give a dense array, as `StoredRows` do.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.data.stored import StoredRows
from ladder_np.errors import InputError

__all__ = ["Features", "SparseRows", "from_scipy", "is_scipy_matrix", "stack_rows"]


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A matrix (n, d) in compressed sparse rows.

    Row i has the entries `values[starts[i] : starts[i + 1]]` in the columns with the same places in `columns`, each
    column once.
    """

    values: np.ndarray  # (entries,) floats
    columns: np.ndarray  # (entries,) int32
    starts: np.ndarray  # (n + 1,) int64
    width: int  # d

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), self.width

    @property
    def dtype(self) -> np.dtype:
        """Of the entries."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """How many dimensions there are."""
        return 2

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return the rows of a slice, an index, indices or a mask, dense."""
        if isinstance(key, tuple) or not isinstance(key, slice | int | np.integer | np.ndarray | list):
            raise TypeError("sparse rows are indexed by their indices alone")
        indices = np.asarray(np.arange(len(self))[key])
        rows = np.zeros((indices.size, self.width), self.dtype)
        entries, lengths = self._entries(indices.ravel())
        rows[np.repeat(np.arange(indices.size), lengths), self.columns[entries]] = self.values[entries]
        return rows.reshape(*indices.shape, self.width)

    def _entries(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of the entries of some rows, row after row, and how many each row has."""
        first, lengths = self.starts[indices], self.starts[indices + 1] - self.starts[indices]
        before = np.cumsum(lengths) - lengths
        return np.repeat(first - before, lengths) + np.arange(int(lengths.sum())), lengths

    def only(self, indices: np.ndarray) -> "SparseRows":
        """Return some of these rows, sparse."""
        entries, lengths = self._entries(np.arange(len(self))[indices])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return dataclasses.replace(self, values=self.values[entries], columns=self.columns[entries], starts=starts)

    def joined(self, other: "SparseRows") -> "SparseRows":
        """Return these rows and then those of another matrix of the same width."""
        starts = np.concatenate([self.starts, self.starts[-1] + other.starts[1:]])
        values, columns = (
            np.concatenate([getattr(one, name) for one in (self, other)]) for name in ("values", "columns")
        )
        return SparseRows(values, columns, starts, self.width)

    def column_sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum over each column, (d,) float64, of numbers that stand at the entries, (entries,)."""
        return np.bincount(self.columns, weights=values, minlength=self.width)

    def column_limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest value of each column, (d,) each, zeros among them."""
        low, high = np.full(self.width, np.inf), np.full(self.width, -np.inf)
        np.minimum.at(low, self.columns, self.values)
        np.maximum.at(high, self.columns, self.values)
        with_zeros = np.bincount(self.columns, minlength=self.width) < len(self)
        return np.where(with_zeros, np.minimum(low, 0), low), np.where(with_zeros, np.maximum(high, 0), high)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows, dense."""
        return np.asarray(self[:], dtype)


# Rows of features, which give dense rows when they are indexed: in memory, in a file, or mostly zeros.
Features = np.ndarray | StoredRows | SparseRows


def is_scipy_matrix(X: Any) -> bool:
    """Return whether X is one of SciPy's sparse matrices or arrays."""
    return hasattr(X, "tocsr") and hasattr(X, "nnz")


def from_scipy(X: Any, source: str) -> SparseRows:
    """Return the rows of a sparse matrix (n, d) of SciPy; entries that stand for one place are added.

    Raises InputError if it is not of real numbers, or holds NaN or infinity.
    """
    if len(X.shape) != 2:
        raise InputError(f"{source}: X has the shape {X.shape}; expected 2 dimensions, rows and features")
    if X.dtype.kind not in "biuf":
        raise InputError(f"{source}: X is of type {X.dtype}; expected real numbers")
    rows = X.tocsr(copy=True)
    rows.sum_duplicates()
    values = np.asarray(rows.data, np.float64 if X.dtype.kind != "f" else X.dtype)
    if not np.isfinite(values).all():
        raise InputError(f"{source}: X holds {values[~np.isfinite(values)][0]}; expected finite numbers")
    return SparseRows(values, rows.indices.astype(np.int32), rows.indptr.astype(np.int64), X.shape[1])


def stack_rows(rows: Iterable[tuple[np.ndarray, np.ndarray]], width: int) -> SparseRows:
    """Return a matrix of so many columns from its rows: of each the columns of its entries, and these."""
    columns, values, lengths = [], [], [0]
    for places, entries in rows:
        columns.append(places.astype(np.int32))
        values.append(entries)
        lengths.append(len(places))
    nothing = np.empty(0, np.float32)
    return SparseRows(
        np.concatenate([nothing, *values]),
        np.concatenate([nothing, *columns]).astype(np.int32),
        np.cumsum(lengths),
        width,
    )
