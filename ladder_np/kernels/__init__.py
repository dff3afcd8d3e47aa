"""The fused passes as CUDA kernels: compiled on first use, launched with the right number of threads.

`passes.cu` holds the text. It is compiled once for each dtype, activation and combinator of a layer; CuPy keeps the
result.
"""

from collections.abc import Callable
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

from ladder_np.arrays import Array

__all__ = ["Kernels", "kernel_text", "kernels_for"]

TILE, SLOTS = 32, 16  # as in passes.cu
REAL = {"float32": "float", "float64": "double"}

Options = tuple[str, ...]


@cache
def kernel_text() -> str:
    """Return the CUDA source of all kernels."""
    return (resources.files(__name__) / "passes.cu").read_text(encoding="utf-8")


@cache
def kernels_for(xp: ModuleType, dtype: str) -> "Kernels":
    """Return the kernels for a dtype on an array module, the same object each time."""
    return Kernels(xp, dtype)


class Kernels:
    """The kernels for one dtype on one array module.

    Arguments are arrays of the device (contiguous: a kernel gets no strides), ints, floats, and None for no array.
    `options` are the `cuda` texts of a layer's activation and combinator; kernels to which neither makes a difference
    need none.

    Parameters
    ----------
    xp : module
        CuPy, or what offers its `RawModule`.
    dtype : {"float32", "float64"}

    Attributes
    ----------
    launches : int
        How many kernels have been launched so far.
    """

    def __init__(self, xp: ModuleType, dtype: str) -> None:
        self._xp = xp
        self._dtype = dtype
        self._compiled: dict[Options, Callable[[str], Any]] = {}
        self.launches = 0

    def compiled(self, options: Options) -> Callable[[str], Any]:
        """Return what gives a kernel by its name, compiled with `options`; without any, in any way."""
        if not options and self._compiled:
            return next(iter(self._compiled.values()))
        if options not in self._compiled:
            told = (f"-DREAL={REAL[self._dtype]}", *filter(None, options))
            self._compiled[options] = cache(self._xp.RawModule(code=kernel_text(), options=told).get_function)
        return self._compiled[options]

    def over_units(self, name: str, units: int, *arguments: Any, options: Options, lanes: int = 1) -> None:
        """Launch a kernel that has a block for each tile of units (and each lane)."""
        self._launch(name, options, (_blocks(units, TILE), lanes), (TILE, SLOTS), arguments)

    def over_rows(self, name: str, rows: int, *arguments: Any) -> None:
        """Launch a kernel that has a block for `SLOTS` rows."""
        self._launch(name, (), (_blocks(rows, SLOTS),), (TILE, SLOTS), arguments)

    def over_elements(self, name: str, size: int, *arguments: Any) -> None:
        """Launch a kernel that has a thread for each number."""
        self._launch(name, (), (_blocks(size, TILE * SLOTS),), (TILE * SLOTS,), arguments)

    def _launch(
        self, name: str, options: Options, grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]
    ) -> None:
        self.launches += 1
        self.compiled(options)(name)(grid, block, tuple(map(_as_argument, arguments)))


def _blocks(size: int, each: int) -> int:
    return -(-size // each)


def _as_argument(x: Array | int | float | None) -> Any:
    if x is None:
        return 0  # CuPy hands on a whole number as 8 bytes, as wide as a pointer
    if not isinstance(x, int | float) and not x.flags.c_contiguous:
        raise ValueError(f"a kernel's argument of shape {x.shape} is not contiguous")
    return x
