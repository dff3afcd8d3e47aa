"""Arrays in `.npy` and IDX files, whose rows stay there until they are asked for: data larger than memory.

They are read, not mapped into memory: a mapped page brings its neighbors along (a hundred rows of 3 kB, here and
there, made a process 128 MB larger), and a file cut short while it is mapped ends the process without a word.

IDX, the format of MNIST: a magic number, the sizes (big-endian), then the bytes.
"""

import dataclasses
import gzip
import io
import itertools
import math
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from ladder_np.errors import InputError
from ladder_np.files import open_file
from ladder_np.npy import (
    DEFLATE_LIMIT,
    UNREADABLE,
    fill,
    new_array,
    read_array,
    read_header,
    refuse_more_than_memory,
)

__all__ = ["DAMAGED_GZIP", "StoredRows", "blocks", "open_idx", "open_npy", "unpacked"]

DAMAGED_GZIP = (OSError, EOFError, zlib.error)  # what reading such a file raises
GZIP_MAGIC = b"\x1f\x8b"
BLOCK = 1 << 18  # elements looked at together: large arrays are gone through without a second array of their size


@dataclass(frozen=True, eq=False)
class StoredRows:
    """An array (n, ...) in a file, row after row. Indexed by rows, as an array is, it reads them into memory."""

    path: Path
    dtype: np.dtype  # of this machine's byte order
    shape: tuple[int, ...]  # of two dimensions at least
    offset: int  # where in the file the first row begins
    version: tuple[int, int]  # size and time of the file when it was opened (see `file_version`); it must not change
    indices: np.ndarray | None = None  # only these rows of the file, in this order; `shape` counts them

    @property
    def ndim(self) -> int:
        """How many dimensions there are."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return the rows of a slice, an index, indices or a mask, in memory.

        Raises InputError if the file is no longer what it was.
        """
        indices = self._indices(key)
        rows = np.empty((indices.size, math.prod(self.shape[1:])), self.dtype)
        try:
            with open(self.path, "rb", buffering=0) as file:
                if file_version(file) != self.version or not self._read(indices.ravel(), rows, file):
                    raise InputError(f"{self.path}: was changed while it was in use; start again")
        except OSError as error:
            raise InputError(f"{self.path}: can no longer be read ({error.strerror or error})") from error
        return rows.reshape(*indices.shape, *self.shape[1:])

    def _indices(self, key: Any) -> np.ndarray:
        """Return which rows of the file a key means."""
        if isinstance(key, slice | int | np.integer):
            indices = np.asarray(range(len(self))[key], np.int64)
        else:
            indices = np.asarray(key)
            if isinstance(key, tuple) or indices.dtype.kind not in "biu":
                raise TypeError("rows in a file are indexed by their indices alone")
            indices = np.flatnonzero(indices) if indices.dtype.kind == "b" else indices
            if indices.size and (indices.min() < 0 or indices.max() >= len(self)):
                raise IndexError(f"row indices {indices.min()} to {indices.max()} of {len(self)} rows")
        return indices if self.indices is None else self.indices[indices]

    def _read(self, indices: np.ndarray, rows: np.ndarray, file: BinaryIO) -> bool:
        """Fill `rows`, neighbors in the file at once; False if the file ends before."""
        ends = [*(np.flatnonzero(np.diff(indices) != 1) + 1).tolist(), len(indices)] if len(indices) else []
        size = rows.itemsize * rows.shape[1]
        target = rows.reshape(-1).view(np.uint8)
        for first, last in itertools.pairwise([0, *ends]):
            file.seek(self.offset + int(indices[first]) * size)
            if fill(target[first * size : last * size], file) < (last - first) * size:
                return False
        return True

    def only(self, indices: np.ndarray) -> "StoredRows":
        """Return some of these rows, still in the file."""
        return dataclasses.replace(self, shape=(len(indices), *self.shape[1:]), indices=self._indices(indices))

    def flat(self) -> "StoredRows":
        """Return the same rows with all further dimensions as one, (n, d)."""
        return dataclasses.replace(self, shape=(len(self), math.prod(self.shape[1:])))

    def as_bytes(self) -> "StoredRows":
        """Return rows of booleans as uint8, 0 and 1."""
        return dataclasses.replace(self, dtype=np.dtype(np.uint8))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows, in memory."""
        return np.asarray(self[:], dtype)


def file_version(file: BinaryIO) -> tuple[int, int]:
    """Return an open file's size and the time of its last change, in nanoseconds."""
    about = os.fstat(file.fileno())
    return about.st_size, about.st_mtime_ns


def blocks(X: Any, rows: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Yield blocks of X (n, ...), each after its first row's number; a quarter of a million elements by default."""
    rows = rows or max(1, BLOCK // math.prod(X.shape[1:]))
    for start in range(0, len(X), rows):
        yield start, X[start : start + rows]


def open_npy(path: Path) -> np.ndarray | StoredRows:
    """Open a `.npy` file: its rows stay there, unless it has one dimension, or its rows are not one after the other.

    Raises InputError if it is missing, damaged, not an array of numbers, or has to be read whole and is larger than
    memory.
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


def open_idx(path: Path) -> np.ndarray | StoredRows:
    """Open an IDX file of unsigned bytes, gzip'd or plain, which its first bytes tell, not its name.

    Returns labels (n,) or images (n, height, width), uint8. The images of a plain file stay there, as StoredRows;
    else the peak of memory is the array and 1 MiB. Raises InputError if the file cannot be read, is not such an IDX
    file, or holds fewer or more bytes than its header says.
    """
    try:
        with open_file(path, "an IDX file") as file:
            return _read_idx(file, path)
    except EOFError as error:
        raise InputError(f"{path}: truncated: its gzip data end early; get the file again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: damaged gzip data ({error}); get the file again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror or error})") from error


def unpacked(file: BinaryIO) -> BinaryIO:
    """A file that yields the unpacked bytes: `file` itself unless it begins like a gzip file."""
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file


def _read_idx(file: io.BufferedReader, path: Path) -> np.ndarray | StoredRows:
    stream = unpacked(file)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    shape = _read_shape(stream, path)
    promised, plain = math.prod(shape), stream is file
    if not promised:
        raise InputError(f"{path}: holds nothing: its header says {' x '.join(map(str, shape))}")
    # The header is not believed before memory is taken: no file can hold more than this.
    most = size - stream.tell() if plain else size * DEFLATE_LIMIT
    if promised > most:
        raise InputError(
            f"{path}: truncated: its header promises {promised} bytes, more than its size of {size} can hold"
        )
    if plain and promised < most:
        raise InputError(f"{path}: has bytes after the {promised} that its header promises; get the file again")
    if plain and len(shape) > 1:
        return StoredRows(path.absolute(), np.dtype(np.uint8), shape, stream.tell(), file_version(file))
    return _read_all(stream, shape, path)


def _read_all(stream: BinaryIO, shape: tuple[int, ...], path: Path) -> np.ndarray:
    promised = math.prod(shape)
    try:
        refuse_more_than_memory(promised)
        array = new_array(promised, np.dtype(np.uint8))
    except InputError as error:
        raise InputError(f"{path}: {error}; unpack it, then it is read as needed") from None
    received = fill(array, stream)
    if received < promised:
        raise InputError(
            f"{path}: truncated: its header promises {promised} bytes, it has {received}; get the file again"
        )
    if stream.read(1):  # reading past the end also makes gzip compare its checksum
        raise InputError(f"{path}: has bytes after the {promised} that its header promises; get the file again")
    return array.reshape(shape)


def _read_shape(stream: BinaryIO, path: Path) -> tuple[int, ...]:
    magic = stream.read(4)
    if magic not in (b"\0\0\x08\x01", b"\0\0\x08\x03"):
        raise InputError(
            f"{path}: begins with {magic.hex() or 'nothing'}; "
            "expected the IDX magic number 00000801 (labels) or 00000803 (images)"
        )
    dimensions = magic[3]
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InputError(f"{path}: truncated: it ends within its header; get the file again")
    return tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
