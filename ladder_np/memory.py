"""Memory of this process: how much it can still take, and that freed memory is kept for the next step.

A step allocates and frees the same arrays over and over. glibc's allocator gives large ones, and a large free end of
its heap, back to the system, and each page then costs a fault at its next use: thousands a step.
"""

import ctypes
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ladder_np.errors import InputError

__all__ = ["available_memory", "keep_freed_memory", "refuse_more_than_memory"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3), malloc.h
LARGEST_KEPT_BLOCK = 2**25  # the most that M_MMAP_THRESHOLD takes
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Tell glibc to keep what this process frees: blocks up to 32 MiB. Elsewhere this changes nothing."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BLOCK)
        mallopt(M_TRIM_THRESHOLD, NEVER)


def refuse_more_than_memory(needed: int) -> None:
    """Raise `InputError` if `needed` bytes are more than `available_memory`: taking them could end this process."""
    available = available_memory()
    if available is not None and needed > available:
        raise InputError(f"needs {needed / 1e9:.3g} GB of memory, {available / 1e9:.3g} GB are free")


def available_memory() -> int | None:
    """Return how many bytes this process can still take: of the machine, its container and its own limit.

    None where the system does not tell, as on Windows.
    """
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    if (free := _field(Path("/proc/meminfo"), "MemAvailable:")) is not None:
        yield free * 1024
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    container = Path("/sys/fs/cgroup")
    most, used = _number(container / "memory.max"), _number(container / "memory.current")
    if most is not None and used is not None:  # files that the system holds in memory give way
        yield max(0, most - used + (_field(container / "memory.stat", "inactive_file") or 0))
    if sys.platform == "linux":
        resource = importlib.import_module("resource")  # POSIX alone has it
        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = _number(Path("/proc/self/statm"))
        if most != resource.RLIM_INFINITY and used is not None:
            yield max(0, most - used * os.sysconf("SC_PAGE_SIZE"))


def _number(path: Path) -> int | None:
    """Return the number that a file of the system begins with."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):  # "max": no limit
        return None


def _field(path: Path, name: str) -> int | None:
    """Return the number that follows a name in a file of the system."""
    try:
        words = path.read_text().split()
        return int(words[words.index(name) + 1])
    except (OSError, ValueError, IndexError):
        return None
