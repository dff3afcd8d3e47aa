"""Memory of this process: how much it can still allocate, and keeping freed memory for the next step.

Each step allocates and frees the same arrays. glibc's allocator returns large blocks, and a large free end of its
heap, to the system, and every page then costs a page fault at its next use: thousands per step.
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
LARGEST_KEPT_BLOCK = 2**25  # the largest value that M_MMAP_THRESHOLD accepts
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks of up to 32 MiB in this process. On other systems, do nothing."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries do not have it
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BLOCK)
        mallopt(M_TRIM_THRESHOLD, NEVER)


def refuse_more_than_memory(needed: int) -> None:
    """Raise `InputError` if `needed` bytes are more than `available_memory`: the system could end this process."""
    available = available_memory()
    if available is not None and needed > available:
        raise InputError(f"needs {needed / 1e9:.3g} GB of memory, {available / 1e9:.3g} GB are free")


def available_memory() -> int | None:
    """Return how many bytes this process can still allocate within the machine, its container and its own limit.

    None if the system does not say, as on Windows.
    """
    return min(_limits(), default=None)


def _limits() -> Iterator[int]:
    if (free := _field(Path("/proc/meminfo"), "MemAvailable:")) is not None:
        yield free * 1024
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", ()):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    container = Path("/sys/fs/cgroup")
    most, used = _number(container / "memory.max"), _number(container / "memory.current")
    if most is not None and used is not None:  # cached files make room when needed
        yield max(0, most - used + (_field(container / "memory.stat", "inactive_file") or 0))
    if sys.platform == "linux":
        resource = importlib.import_module("resource")  # exists on POSIX systems only
        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = _number(Path("/proc/self/statm"))
        if most != resource.RLIM_INFINITY and used is not None:
            yield max(0, most - used * os.sysconf("SC_PAGE_SIZE"))


def _number(path: Path) -> int | None:
    """Return the number at the start of a file of the operating system."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):  # "max" means no limit
        return None


def _field(path: Path, name: str) -> int | None:
    """Return the number after a name in a file of the operating system."""
    try:
        words = path.read_text().split()
        return int(words[words.index(name) + 1])
    except (OSError, ValueError, IndexError):
        return None
