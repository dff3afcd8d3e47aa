"""Reading arrays from `.npy` and `.npz` files that may be damaged or hostile; nothing is ever unpickled.

A header is parsed as text, never evaluated, and accepted only if it agrees with the number of bytes in the file. The
sizes that an archive declares are compared with its own size and with free memory before anything is decompressed.
"""

import importlib
import io
import math
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ladder_np.errors import InputError
from ladder_np.threads import read_system_file

__all__ = [
    "DEFLATE_LIMIT",
    "UNREADABLE",
    "CautiousFile",
    "Header",
    "available_memory",
    "fill",
    "new_array",
    "read_archive",
    "read_array",
    "read_header",
    "refuse_more_than_memory",
]

DEFLATE_LIMIT = 1032  # largest compression ratio: deflate packs at most 258 bytes into 2 bits
STEP = 1 << 20  # bytes per read: zipfile first makes a bytes object as long as the buffer to fill
LONGEST_HEADER, MOST_DIMENSIONS, MOST_BYTES = 10_000, 32, 2**62
LARGEST_READ = 1 << 23  # bytes of an archive at once; its directory, about 100 bytes per array, is read whole
LAST_CHARACTER = 0x10FFFF  # the largest code point of Unicode
ENCRYPTED, LONGEST_NAME = 1, 200  # a member's flag bit; characters in a member's name
# Numbers and texts, but not objects, which would have to be unpickled.
KINDS = re.compile(r"[<>|=]?([biufc]\d+|[SU]\d+)")
FIELDS = {
    "descr": re.compile(r"'descr'\s*:\s*'([^']*)'"),
    "fortran_order": re.compile(r"'fortran_order'\s*:\s*(True|False)"),
    "shape": re.compile(r"'shape'\s*:\s*\(([^()]*)\)"),
}
# The errors that the standard library raises on damaged archives.
UNREADABLE = (OSError, ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Header:
    """The content of a `.npy` header; the data start `offset` bytes into the file.

    `column_major` is NumPy's Fortran order, in which the first index varies fastest.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    column_major: bool
    offset: int


def read_header(stream: IO[bytes], size: int) -> Header:
    """Read the header of a `.npy` file or member of `size` bytes.

    Raises InputError if it is not a header, does not agree with the size, or describes anything but numbers or texts.
    """
    start = stream.read(10)
    if len(start) < 10 or not start.startswith(np.lib.format.MAGIC_PREFIX) or not 1 <= start[6] <= 3:
        raise InputError("is not a .npy array")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(start[8:] + stream.read(width - 2), "little")
    if length > LONGEST_HEADER:
        raise InputError("has a damaged header")
    fields = _fields(stream.read(length).decode("latin-1"))
    header = Header(
        _dtype(fields["descr"]), _shape(fields["shape"]), fields["fortran_order"] == "True", length + 8 + width
    )
    promised, present = math.prod(header.shape) * header.dtype.itemsize, size - header.offset
    if promised != present:
        named = promised if promised < MOST_BYTES else "more than 2**62"
        raise InputError(f"has {present} bytes of data where its header promises {named}")
    return header


def _fields(text: str) -> dict[str, str]:
    found = {name: pattern.search(text) for name, pattern in FIELDS.items()}
    if re.search(r"'descr'\s*:\s*\[", text):
        raise InputError("holds records; expected numbers")
    if not all(found.values()):
        raise InputError("has a damaged header")
    return {name: match[1] for name, match in found.items() if match}


def _dtype(text: str) -> np.dtype:
    if text.lstrip("<>|=").startswith("O"):
        raise InputError("holds Python objects, which are never read; expected numbers")
    try:
        dtype = np.dtype(text) if KINDS.fullmatch(text) else None
    except (TypeError, ValueError, OverflowError):  # there is no such width
        dtype = None
    if dtype is None or not dtype.itemsize:
        raise InputError(f"holds values of the type {text[:20]!r}; expected numbers")
    return dtype


def _shape(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > MOST_DIMENSIONS or not all(re.fullmatch("[0-9]{1,19}", part) for part in parts):
        raise InputError(f"has an impossible shape, {text[:50]}")
    return tuple(map(int, parts))


def read_array(stream: IO[bytes], size: int) -> np.ndarray:
    """Read a `.npy` file or member of `size` bytes; the caller has checked that there is enough memory.

    Raises InputError as `read_header`, or if the data end early or hold invalid characters.
    """
    header = read_header(stream, size)
    array = new_array(math.prod(header.shape), header.dtype)
    if fill(array.view(np.uint8), stream) < array.nbytes:
        raise InputError("ends before the data that its header promises")
    if header.dtype.kind == "U" and (array.view(header.dtype.str[0] + "u4") > LAST_CHARACTER).any():
        raise InputError("holds texts with invalid characters")
    return array.reshape(header.shape, order="F" if header.column_major else "C")


def new_array(count: int, dtype: np.dtype) -> np.ndarray:
    """Return an uninitialized array (count,), or raise `InputError` if the system refuses the memory for it."""
    try:
        return np.empty(count, dtype)
    except MemoryError:
        raise InputError(f"needs {count * dtype.itemsize / 1e9:.3g} GB of memory, which is not available") from None


def fill(target: np.ndarray, stream: IO[bytes]) -> int:
    """Read into the bytes (n,) of `target` until they are full or the stream ends; return how many were read."""
    view, filled = target.data, 0
    while filled < len(view):
        count = stream.readinto(view[filled : filled + STEP])  # type: ignore[attr-defined]
        if not count:
            break
        filled += count
    return filled


class CautiousFile(io.BufferedReader):
    """A file that refuses large reads, such as that of an archive's directory with millions of entries."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LARGEST_READ:
            raise InputError("has a damaged directory or too many entries")
        return super().read(size)


def read_archive(file: CautiousFile) -> dict[str, np.ndarray]:
    """Read every array of an `.npz` archive; other members are ignored.

    Raises InputError if a member is not a plain array, or sizes are impossible or exceed the memory. Raises
    UNREADABLE if the archive is damaged.
    """
    size = file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        _check_members(members, size)
        arrays = [member for member in members if member.filename.endswith(".npy")]
        refuse_more_than_memory(sum(member.file_size for member in arrays))
        return {member.filename.removesuffix(".npy"): _read_member(archive, member) for member in arrays}


def _check_members(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    if sum(member.compress_size for member in members) > size:
        raise InputError("has members that overlap")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise InputError("has two members with the same name")
    for member in members:
        name = member.filename
        if not name.isprintable() or len(name) > LONGEST_NAME:
            raise InputError(f"has a member whose name is too long or cannot be printed, {name[:50]}")
        if member.flag_bits & ENCRYPTED:
            raise InputError(f"{name} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{name} is compressed in a way that numpy.savez never uses")
        if member.file_size > member.compress_size * DEFLATE_LIMIT:
            raise InputError(f"{name} claims to hold {member.file_size} bytes, more than its compressed size allows")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        try:
            return read_array(stream, member.file_size)
        except InputError as error:
            raise InputError(f"{member.filename} {error}") from None


def refuse_more_than_memory(needed: int) -> None:
    """Raise `InputError` if `needed` bytes are more than `available_memory`: the system could end this process."""
    available = available_memory()
    if available is not None and needed > available:
        raise InputError(f"needs {needed / 1e9:.3g} GB of memory, {available / 1e9:.3g} GB are free")


def available_memory() -> int | None:
    """Return how many bytes this process can still allocate within the machine, its container and its own limit.

    None if the system does not say, as on Windows.
    """
    return min(_memory_limits(), default=None)


def _memory_limits() -> Iterator[int]:
    if (free := _system_number("proc/meminfo", "MemAvailable:")) is not None:
        yield free * 1024
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    container = "sys/fs/cgroup/memory"
    most, used = _system_number(f"{container}.max"), _system_number(f"{container}.current")
    if most is not None and used is not None:  # cached files make room when needed
        yield max(0, most - used + (_system_number(f"{container}.stat", "inactive_file") or 0))
    if sys.platform == "linux":
        resource = importlib.import_module("resource")  # exists on POSIX systems only
        most, used = resource.getrlimit(resource.RLIMIT_AS)[0], _system_number("proc/self/statm")
        if most != resource.RLIM_INFINITY and used is not None:
            yield max(0, most - used * os.sysconf("SC_PAGE_SIZE"))


def _system_number(file: str, name: str = "") -> int | None:
    """Return the number that follows a name at the start of a line; None without it, as for "max", no limit."""
    found = re.search(rf"^{name}\s*(\d+)", read_system_file(Path("/", file)), re.MULTILINE)
    return int(found[1]) if found else None
