"""Freed memory is kept for the next step.

A step allocates and frees the same arrays over and over. glibc's allocator gives large ones, and a large free end of
its heap, back to the system, and each page then costs a fault at its next use: thousands a step.
"""

import ctypes
import sys

__all__ = ["keep_freed_memory"]

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
