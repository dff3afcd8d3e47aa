"""The fused passes as CUDA kernels: compiled on first use, launched with the right number of threads.

`passes.cu` holds the text. It is compiled once for each dtype, activation and combinator; CuPy keeps the result.
"""

from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

from ladder_np.arrays import Array

__all__ = ["Kernels", "kernel_options", "kernel_text", "kernels_for"]

TILE, SLOTS = 32, 16  # as in passes.cu
REAL = {"float32": "float", "float64": "double"}


@cache
def kernel_text() -> str:
    """Return the CUDA source of all kernels."""
    return (resources.files(__name__) / "passes.cu").read_text(encoding="utf-8")


def kernel_options(dtype: str, activation: str, combinator: str) -> tuple[str, ...]:
    """Return what the compiler must be told besides the text."""
    gated = int(combinator == "gated_gaussian")
    return f"-DREAL={REAL[dtype]}", f"-DACTIVATION={activation.upper()}", f"-DGATED={gated}"


@cache
def kernels_for(xp: ModuleType, dtype: str, activation: str, combinator: str) -> "Kernels":
    """Return the kernels of one kind of network, the same object each time."""
    return Kernels(xp, dtype, activation, combinator)


class Kernels:
    """The kernels of one kind of network on one array module.

    Arguments are arrays of the device (contiguous: a kernel gets no strides), ints, floats, and None for no array.

    Parameters
    ----------
    xp : module
        CuPy, or what offers its `RawModule`.
    dtype, activation, combinator : str
        As in `Specification`.

    Attributes
    ----------
    launches : int
        How many kernels have been launched so far.
    """

    def __init__(self, xp: ModuleType, dtype: str, activation: str, combinator: str) -> None:
        module = xp.RawModule(code=kernel_text(), options=kernel_options(dtype, activation, combinator))
        self._function = cache(module.get_function)
        self.launches = 0

    def over_units(self, name: str, units: int, *arguments: Any, lanes: int = 1) -> None:
        """Launch a kernel that has a block for each tile of units (and each lane)."""
        self._launch(name, (_blocks(units, TILE), lanes), (TILE, SLOTS), arguments)

    def over_rows(self, name: str, rows: int, *arguments: Any) -> None:
        """Launch a kernel that has a block for `SLOTS` rows."""
        self._launch(name, (_blocks(rows, SLOTS),), (TILE, SLOTS), arguments)

    def over_elements(self, name: str, size: int, *arguments: Any) -> None:
        """Launch a kernel that has a thread for each number."""
        self._launch(name, (_blocks(size, TILE * SLOTS),), (TILE * SLOTS,), arguments)

    def _launch(self, name: str, grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
        self.launches += 1
        self._function(name)(grid, block, tuple(map(_as_argument, arguments)))


def _blocks(size: int, each: int) -> int:
    return -(-size // each)


def _as_argument(x: Array | int | float | None) -> Any:
    if x is None:
        return 0  # CuPy hands on a whole number as 8 bytes, as wide as a pointer
    if not isinstance(x, int | float) and not x.flags.c_contiguous:
        raise ValueError(f"a kernel's argument of shape {x.shape} is not contiguous")
    return x
