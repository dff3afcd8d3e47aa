"""Array module and device: the only place that knows that there is more than NumPy.

Code that has an array asks `array_module(x)` for the module whose functions work on it. A `Device` stands only
where no array exists yet: to allocate, and to move arrays in and out.
"""

import ctypes
import importlib
import math
import sys
from types import ModuleType
from typing import Any

import numpy as np

from ladder_np.errors import InputError

__all__ = ["DEVICE_NAMES", "Array", "Device", "array_module", "keep_freed_memory", "why_no_cuda"]

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # mallopt(3), malloc.h
NEVER = 2**31 - 1

# An array of whichever module is in use; NumPy and CuPy share no base class to name here.
Array = Any

DEVICE_NAMES = ("cpu", "cuda", "auto")


def array_module(x: Array) -> ModuleType:
    """Return the module that `x` belongs to: `numpy` for NumPy arrays, `cupy` for CuPy arrays.

    The module is found by the array's type, never by a global setting, so it cannot disagree with the data.
    """
    if isinstance(x, np.ndarray | np.generic):
        return np
    return sys.modules[type(x).__module__.partition(".")[0]]


class Device:
    """Where arrays live.

    Parameters
    ----------
    name : {"cpu", "cuda", "auto"}
        "auto" is "cuda" where CuPy finds a usable GPU, else "cpu".
    xp : module, optional
        Another array module that has CuPy's functions, `asnumpy` among them; `name` is then free.
    fused : bool, optional
        Whether a layer's passes run as one kernel each, where the array module has kernels; else as plain formulas.
    host_noise : bool, optional
        Whether a GPU's noise is drawn on the host, as the CPU's is, so that results can be compared.

    Raises
    ------
    InputError
        If `name` is unknown, or "cuda" is asked for and CuPy, its driver or a device is missing.
    """

    def __init__(
        self, name: str = "cpu", xp: ModuleType | None = None, fused: bool = True, host_noise: bool = False
    ) -> None:
        self.name, self.xp = (name, xp) if xp is not None else _find(name)  # the name is never "auto"
        self.fused = fused and self.xp is not np
        self.host_noise = host_noise

    def put(self, host: np.ndarray) -> Array:
        """Return a NumPy array's values as an array on this device (the same array on the CPU)."""
        return self.xp.asarray(host)

    def generator(self, seed: int) -> Any:
        """Return the GPU's own random generator (its `standard_normal` is used)."""
        return self.xp.random.Generator(self.xp.random.Philox4x3210(seed))

    def free_memory(self) -> int:
        """Return how many bytes the GPU has left, those that CuPy's pool keeps for later use among them."""
        return int(self.xp.cuda.runtime.memGetInfo()[0]) + int(self.xp.get_default_memory_pool().free_bytes())

    def empty_pinned(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return host memory from which the GPU copies while the host goes on."""
        size = math.prod(shape)
        memory = self.xp.cuda.alloc_pinned_memory(max(1, size) * dtype.itemsize)
        return np.frombuffer(memory, dtype, size).reshape(shape)

    def synchronize(self) -> None:
        """Wait until the GPU has done all that it was given; on the CPU there is nothing to wait for."""
        if self.xp is not np:
            self.xp.cuda.get_current_stream().synchronize()

    def mark(self) -> Any:
        """Return an event of the GPU whose `done` says whether all that it was given before has been done."""
        return self.xp.cuda.get_current_stream().record()

    def held_memory(self) -> int:
        """Return how many bytes of the GPU's memory CuPy's pool holds for this process, in use or free again."""
        return int(self.xp.get_default_memory_pool().total_bytes())

    def get(self, x: Array) -> np.ndarray:
        """Return an array of this device as a NumPy array (the same array on the CPU); waits for its values."""
        return x if self.xp is np else self.xp.asnumpy(x)


def _find(name: str) -> tuple[str, ModuleType]:
    """Return the name, "cpu" or "cuda", and the array module of the device that was asked for."""
    if name not in DEVICE_NAMES:
        raise InputError(f"unknown device {name!r}; choose one of {', '.join(DEVICE_NAMES)}")
    if name == "auto":
        name = "cpu" if why_no_cuda() else "cuda"
    if name == "cuda" and (reason := why_no_cuda()):
        raise InputError(f"device 'cuda' cannot be used: {reason}; or use device 'cpu'")
    return name, importlib.import_module("cupy") if name == "cuda" else np


def why_no_cuda() -> str:
    """Return why no GPU can be used through CuPy, with what to install; empty if one can."""
    try:
        cupy = importlib.import_module("cupy")
    except ModuleNotFoundError:
        return "CuPy is not installed; install ladder-np[cuda13] or ladder-np[cuda12] to match your CUDA version"
    except ImportError as error:
        return f"CuPy cannot be imported ({_first_line(error)}); install the CuPy that matches your CUDA version"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        reason = f"CuPy finds no working CUDA driver or device ({_first_line(error)})"
        return f"{reason}; install or update NVIDIA's driver, or install ladder-np[cuda12] for an older one"
    if not count:
        return "CuPy finds no CUDA device; see what nvidia-smi lists, and whether CUDA_VISIBLE_DEVICES hides it"
    try:  # CuPy loads its compiler and cuBLAS on first use, and failing raises errors of many types
        ones = cupy.ones((2, 2), dtype=cupy.float32)
        cupy.asnumpy(ones @ ones)
    except Exception as error:
        return f"CuPy's first product failed ({_first_line(error)}); reinstall it with CUDA's libraries (extra ctk)"
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks of any size in this process. On other systems, do nothing.

    Each step allocates and frees the same arrays. glibc returns large blocks, and a large free end of its heap, to
    the system, and every page then costs a page fault at its next use: thousands per step.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries do not have it
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)  # large blocks come from the heap as others do
        mallopt(M_TRIM_THRESHOLD, NEVER)
