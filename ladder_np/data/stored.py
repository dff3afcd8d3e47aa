"""Rows that stay in their file, and are read when they are asked for: data larger than memory.

They are read, not mapped into memory: a mapped page brings its neighbors along (a hundred rows of 3 kB, here and
there, made a process 128 MB larger), and a file cut short while it is mapped ends the process without a word.
"""

import dataclasses
import itertools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ladder_np.errors import InputError
from ladder_np.files import open_file
from ladder_np.memory import refuse_more_than_memory
from ladder_np.npy import UNREADABLE, fill, read_array, read_header

__all__ = ["StoredRows", "blocks", "open_npy"]

BLOCK = 1 << 18  # elements looked at together: large arrays are gone through without a second array of their size


@dataclass(frozen=True, eq=False)
class StoredRows:
    """An array (n, ...) in a file, row after row. Indexed by rows, as an array is, it reads them into memory.

    Parameters
    ----------
    path : Path
    dtype : dtype
        Of this machine's byte order.
    shape : tuple of int
        Of two dimensions at least.
    offset : int
        Where in the file the first row begins.
    version : tuple of int
        Size and time of the file when it was opened, as `file_version` tells them; it must not change.
    numbers : (rows,) integer array, optional
        Only these rows of the file, in this order; `shape` counts them.
    """

    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    version: tuple[int, int]
    numbers: np.ndarray | None = None

    @property
    def ndim(self) -> int:
        """How many dimensions there are."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return the rows of a slice, a number, numbers or a mask, in memory.

        Raises
        ------
        InputError
            If the file is no longer what it was.
        """
        numbers = self._numbers(key)
        rows = np.empty((numbers.size, math.prod(self.shape[1:])), self.dtype)
        try:
            with open(self.path, "rb", buffering=0) as file:
                if file_version(file) != self.version or not self._read(numbers.ravel(), rows, file):
                    raise InputError(f"{self.path}: was changed while it was in use; start again")
        except OSError as error:
            raise InputError(f"{self.path}: can no longer be read ({error.strerror or error})") from error
        return rows.reshape(*numbers.shape, *self.shape[1:])

    def _numbers(self, key: Any) -> np.ndarray:
        """Return which rows of the file a key means."""
        if isinstance(key, slice | int | np.integer):
            numbers = np.asarray(range(len(self))[key], np.int64)
        else:
            numbers = np.asarray(key)
            if isinstance(key, tuple) or numbers.dtype.kind not in "biu":
                raise TypeError("rows in a file are indexed by their numbers alone")
            numbers = np.flatnonzero(numbers) if numbers.dtype.kind == "b" else numbers
            if numbers.size and (numbers.min() < 0 or numbers.max() >= len(self)):
                raise IndexError(f"row numbers {numbers.min()} to {numbers.max()} of {len(self)} rows")
        return numbers if self.numbers is None else self.numbers[numbers]

    def _read(self, numbers: np.ndarray, rows: np.ndarray, file: BinaryIO) -> bool:
        """Fill `rows`, neighbors in the file at once; False if the file ends before."""
        ends = [*(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)] if len(numbers) else []
        size = rows.itemsize * rows.shape[1]
        target = rows.reshape(-1).view(np.uint8)
        for first, last in itertools.pairwise([0, *ends]):
            file.seek(self.offset + int(numbers[first]) * size)
            if fill(target[first * size : last * size], file) < (last - first) * size:
                return False
        return True

    def only(self, numbers: np.ndarray) -> "StoredRows":
        """Return some of these rows, still in the file."""
        return dataclasses.replace(self, shape=(len(numbers), *self.shape[1:]), numbers=self._numbers(numbers))

    def flat(self) -> "StoredRows":
        """Return the same rows with all further dimensions as one, (n, d)."""
        return dataclasses.replace(self, shape=(len(self), math.prod(self.shape[1:])))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows, in memory."""
        return np.asarray(self[:], dtype)


def file_version(file: BinaryIO) -> tuple[int, int]:
    """Return an open file's size and the time of its last change, in nanoseconds."""
    about = os.fstat(file.fileno())
    return about.st_size, about.st_mtime_ns


def blocks(X: np.ndarray | StoredRows, rows: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Go through X (n, ...) in blocks; yields the number of a block's first row, and its rows.

    Parameters
    ----------
    X : (n, ...) array or StoredRows
    rows : int, optional
        Of a block; by default as many as make a quarter of a million elements.
    """
    rows = rows or max(1, BLOCK // math.prod(X.shape[1:]))
    for start in range(0, len(X), rows):
        yield start, X[start : start + rows]


def open_npy(path: Path) -> np.ndarray | StoredRows:
    """Open a `.npy` file: its rows stay there, unless it has one dimension, or its rows are not one after the other.

    Raises
    ------
    InputError
        If it is missing, damaged, no array of numbers, or has to be read whole and is larger than memory.
    """
    with open_file(path, "an array (.npy)") as file:
        size = file_version(file)[0]
        try:
            header = read_header(file, size)
            if len(header.shape) > 1 and 0 not in header.shape and header.dtype.isnative and not header.column_major:
                return StoredRows(path.absolute(), header.dtype, header.shape, header.offset, file_version(file))
            refuse_more_than_memory(size)
            file.seek(0)
            return read_array(file, size)
        except UNREADABLE as error:
            raise InputError(f"{path}: {error}") from error
