"""IDX, the format of the MNIST files: a magic number, the sizes (big-endian), then the bytes."""

import gzip
import io
import math
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ladder_np.data.stored import StoredRows, file_version
from ladder_np.errors import InputError
from ladder_np.files import open_file
from ladder_np.memory import refuse_more_than_memory
from ladder_np.npy import DEFLATE_LIMIT, fill, new_array

__all__ = ["DAMAGED", "read_idx", "unpacked"]

# What reading a damaged gzip stream raises.
DAMAGED = (OSError, EOFError, zlib.error)

GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path) -> np.ndarray | StoredRows:
    """Read an IDX file of unsigned bytes, gzip'd or plain (told by its first bytes, not by its name).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray (n,) or (n, height, width), uint8
        The peak of memory is this array and 1 MiB; but a plain file's images stay there, as StoredRows.

    Raises
    ------
    InputError
        If the file cannot be read, is no such IDX file, or holds fewer or more bytes than its header says.
    """
    try:
        with open_file(path, "an IDX file") as file:
            return _read_array(file, path)
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


def _read_array(file: io.BufferedReader, path: Path) -> np.ndarray | StoredRows:
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
