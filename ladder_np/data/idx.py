"""IDX, the format of the MNIST files: a magic number, the sizes (big-endian), then the bytes."""

import gzip
import io
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ladder_np.errors import InputError

__all__ = ["DAMAGED", "read_idx", "unpacked"]

# What reading a damaged gzip stream raises.
DAMAGED = (OSError, EOFError, zlib.error)

GZIP_MAGIC = b"\x1f\x8b"
DEFLATE_LIMIT = 1032  # deflate packs at most 258 bytes into 2 bits
STEP = 1 << 20  # GzipFile.readinto first makes a bytes object as long as its target


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzip'd or plain (told by its first bytes, not by its name).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray (n,) or (n, height, width), uint8
        The peak of memory is this array and 1 MiB.

    Raises
    ------
    InputError
        If the file cannot be read, is no such IDX file, or holds fewer or more bytes than its header says.
    """
    try:
        with open(path, "rb") as file:
            return _read_array(file, path)
    except EOFError as error:
        raise InputError(f"{path}: truncated: its gzip data end early; get the file again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: damaged gzip data ({error}); get the file again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror or error}); expected an IDX file") from error


def unpacked(file: BinaryIO) -> BinaryIO:
    """A file that yields the unpacked bytes: `file` itself unless it begins like a gzip file."""
    packed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file


def _read_array(file: BinaryIO, path: Path) -> np.ndarray:
    stream = unpacked(file)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    shape = _read_shape(stream, path)
    promised = math.prod(shape)
    # The header is not believed before memory is taken: no file can hold more than this.
    if promised > (size if stream is file else size * DEFLATE_LIMIT):
        raise InputError(
            f"{path}: truncated: its header promises {promised} bytes, more than its size of {size} can hold"
        )
    try:
        array = np.empty(shape, np.uint8)
    except MemoryError as error:
        raise InputError(f"{path}: needs {promised} bytes of memory, which there are not") from error
    received = _fill(array.reshape(-1).data, stream)
    if received < promised:
        raise InputError(
            f"{path}: truncated: its header promises {promised} bytes, it has {received}; get the file again"
        )
    if stream.read(1):  # reading past the end also makes gzip compare its checksum
        raise InputError(f"{path}: has bytes after the {promised} that its header promises; get the file again")
    return array


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


def _fill(target: memoryview, stream: BinaryIO) -> int:
    """Read until `target` is full or the stream ends; the number of bytes read."""
    filled = 0
    while filled < len(target):
        count = stream.readinto(target[filled : filled + STEP])  # type: ignore[attr-defined]
        if not count:
            break
        filled += count
    return filled
