"""The fused passes as CUDA kernels: compiled on first use, launched with the right number of threads.

`passes.cu` holds the text. It is compiled once for each dtype, activation and combinator of a layer; CuPy keeps the
result.

A kernel that adds up over rows has a block of threads for each tile of units. A spatial layer has few tiles and
hundreds of thousands of rows: there several blocks share the rows, and the kernel is launched once for each stage of
its work, since blocks wait for each other only between launches. Sums are added in a fixed order, never by atomic
operations: the same numbers give the same bits.
"""

from collections.abc import Callable
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any, NamedTuple

from ladder_np.arrays import Array

__all__ = ["Kernels", "kernel_text", "kernels_for", "parts_of"]

TILE, SLOTS, ALL_STAGES = 32, 16, -1  # as in passes.cu
ROWS_OF_A_PART = 512  # the fewest, where several blocks of threads share the rows
BLOCKS = 512  # the most that then run side by side: they fill a large GPU, and bound the memory for their sums
REAL = {"float32": "float", "float64": "double"}

Options = tuple[str, ...]


class Stages(NamedTuple):
    """How a kernel adds up where blocks share the rows."""

    launches: int  # one for each stage
    sums: int  # that each part leaves between them


STAGES = {
    "encode": Stages(3, 6),  # two of each lane
    "encode_backward": Stages(2, 8),
    "decode": Stages(3, 2),
    "decode_backward": Stages(2, 14),  # at most: of the combinator's parameters and four more
}


def parts_of(rows: int, units: int, lanes: int = 1) -> int:
    """Return into how many parts the rows of a matrix (rows, units) are cut, each for a block of threads.

    One, if there are few rows, or if there are enough blocks with one for each tile of units (and each lane).
    """
    return max(1, min(rows // ROWS_OF_A_PART, BLOCKS // (_blocks(units, TILE) * lanes)))


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

    def over_units(
        self, name: str, shape: tuple[int, int], *arguments: Any, options: Options, lanes: int = 1
    ) -> None:
        """Launch a kernel that has a block for each tile of units and each part of the rows (of each lane).

        `shape` is (rows, units), with the rows of the largest lane. Where there are several parts, there is a launch
        for each stage.
        """
        rows, units = shape
        parts, (launches, sums) = parts_of(rows, units, lanes), STAGES[name]
        grid = _blocks(units, TILE), parts, lanes
        if parts == 1:
            self._launch(name, options, grid, (TILE, SLOTS), (*arguments, None, ALL_STAGES))
            return
        partial = self._empty(sums, parts, units)
        for stage in range(launches):
            self._launch(name, options, grid, (TILE, SLOTS), (*arguments, partial, stage))

    def _empty(self, *shape: int) -> Array:
        return self._xp.empty(shape, dtype=self._dtype)

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
