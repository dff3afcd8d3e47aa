"""Products on one BLAS thread: those of small networks, and those that our own threads make side by side.

**Small networks.** OpenBLAS shares a product of more than 262,144 multiplications among all its threads, which wait
for each other by spinning. That gains microseconds in a small product, and loses milliseconds where another program
needs a core: two small trainings side by side on two cores took seven times as long as one.

How many threads OpenBLAS uses is one number for the whole process. Setting it would also change the products of the
caller's other threads, and the last bits of their results. `one_thread_product` sets nothing: it cuts a product into
pieces that OpenBLAS runs on one thread by itself. So nothing has to be put back, after errors, among threads and in
forked processes, and a small network's results do not depend on how many threads there are. MKL has a number for
each thread of the program, set around the product. Any other BLAS is left alone: Accelerate's threads do not spin,
and BLIS has one thread unless it is asked for more.

**Side by side.** A convolution gives each of our threads images of its own: its core then makes their patches and
multiplies them. In pieces that would take half as long again, so `one_thread_each` sets OpenBLAS's number to one
while that is done, and puts it back after the last of them, also in a child that is forked meanwhile. Products that
other threads of the program make at the same time then run on one BLAS thread too, and their last bits may be others.
An OpenBLAS that was built with OpenMP has a number for each thread, as MKL.
"""

import importlib
import itertools
import math
import os
import platform
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

__all__ = [
    "LARGEST_SMALL_WEIGHT",
    "ask_openblas",
    "built_with",
    "one_thread_blas",
    "one_thread_each",
    "one_thread_product",
]

# A network is small if none of its weights has more elements. Two threads win in its products too, by less than half
# a millisecond per step, but only where nothing else runs.
LARGEST_SMALL_WEIGHT = 2**16
LARGEST_SMALL_PRODUCT = 2**26  # multiplications: about a thousand rows with the largest weight
LONGEST_SUM = 2048  # terms of one element; beyond, pieces would be too narrow to be fast

# Multiplications up to which OpenBLAS uses one thread (interface/gemm.c; least of all on Arm's Neoverse V2), and
# up to which it does so where one side is a vector (interface/gemv.c, versions before 0.3.28).
LARGEST_PIECE = 124_999 if platform.machine().lower() in ("aarch64", "arm64") else 262_144
LARGEST_VECTOR_PIECE = 9215
MKL_SET_LOCAL_COUNT = "MKL_Set_Num_Threads_Local"
OPENMP = 2  # what OpenBLAS's get_parallel answers if it was built with it
COLUMNS, ROWS = 8, 4  # pieces are whole multiples of these where they can be: OpenBLAS's kernels work on such tiles

Item = TypeVar("Item")
Result = TypeVar("Result")
Product = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]


def one_thread_product(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return a b on one BLAS thread, shape (rows, columns), written to `out` if given.

    A product that is large in any way runs as NumPy runs it, on as many threads as the caller has set.

    Parameters
    ----------
    a : (rows, n) array
    b : (n, columns) array
    out : (rows, columns) array, optional
        Shares no memory with `a` and `b`.
    """
    (rows, n), columns = a.shape, b.shape[1]
    if rows * n * columns > LARGEST_SMALL_PRODUCT or n > LONGEST_SUM:
        return np.matmul(a, b, out=out)
    return _one_thread()(a, b, out)


def one_thread_each(function: Callable[[Item], Result], item: Item) -> Result:
    """Return ``function(item)``, each product of which runs on one BLAS thread, where the BLAS can that.

    The function must not call this one.
    """
    return _side_by_side().during(lambda: function(item))


# ---- One row of the tables for each BLAS.


def _in_pieces(a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    """Return a b, of pieces so small that OpenBLAS does not share them among threads. No sum is cut."""
    (rows, n), columns = a.shape, b.shape[1]
    most = LARGEST_VECTOR_PIECE if 1 in (rows, columns) else LARGEST_PIECE
    if rows * n * columns <= most:
        return np.matmul(a, b, out=out)
    dtype = np.result_type(a, b)
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    out = np.empty((rows, columns), dtype) if out is None else out
    height, width = _piece(rows, columns, most // n)
    for (top, bottom, h), (left, right, w) in itertools.product(_strips(rows, height), _strips(columns, width)):
        # One call for all pieces of a size: NumPy loops over the leading axes. All of these are views.
        np.matmul(
            a[top:bottom].reshape(-1, 1, h, n),
            b[:, left:right].reshape(n, -1, w).transpose(1, 0, 2),
            out=out[top:bottom, left:right].reshape((bottom - top) // h, h, -1, w).transpose(0, 2, 1, 3),
        )
    return out


def _piece(rows: int, columns: int, elements: int) -> tuple[int, int]:
    """Return height and width of pieces with so many elements at most: nearly square, so that less is read twice."""
    width = min(columns, elements, max(COLUMNS, math.isqrt(elements) // COLUMNS * COLUMNS))
    height = elements // width
    if height >= rows:
        return rows, min(columns, elements // rows)
    return max(1, height // ROWS * ROWS), width


def _strips(size: int, piece: int) -> Iterator[tuple[int, int, int]]:
    """Yield start and end of all whole pieces, and their size; then of the rest, if any.

    The rest is never a single row or column unless all pieces are: a vector falls under another limit.
    """
    whole = size // piece * piece
    yield 0, whole, piece
    if whole < size:
        start = min(whole, size - min(2, piece))
        yield start, size, size - start


def _with_local_count(a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    return MKL_COUNT_OF_ONE.during(lambda: np.matmul(a, b, out=out))


class CountOfOne:
    """Sets the BLAS's number of threads to one for a while, and puts it back.

    An interrupt may come at any moment, so that each step can be done again.
    """

    def during(self, function: Callable[[], Result]) -> Result:
        """Return ``function()``, computed meanwhile. A thread must not do this inside of itself."""
        try:
            try:
                self.begin()
                return function()
            finally:
                self.end()
        finally:  # once more, for an interrupt at the very moment when the line above begins
            self.end()

    def begin(self) -> None:
        """Set the number."""

    def end(self) -> None:
        """Put it back, if that was not done yet."""


class LocalCountOfOne(CountOfOne):
    """The number of a BLAS that has one for each thread of the program.

    Parameters
    ----------
    set_local_count : callable
        Returns the function that sets the calling thread's number and returns the last one.
    """

    def __init__(self, set_local_count: Callable[[], Callable[[int], int]]) -> None:
        self._set_local_count = set_local_count
        self._mine = threading.local()

    def begin(self) -> None:
        # An interrupt as this call returns loses the number: MKL has no other way to read it.
        self._mine.before = self._set_local_count()(1)

    def end(self) -> None:
        if hasattr(self._mine, "before"):
            self._set_local_count()(self._mine.before)
            del self._mine.before


@cache
def _mkl_set_local_count() -> Any:
    """Return the function that sets the calling thread's number and returns the last one, 0 being the process's."""
    return _find_function(MKL_SET_LOCAL_COUNT)


@cache
def _openmp_set_local_count() -> Callable[[int], int]:
    """Return the same for OpenMP; one that does nothing where it cannot be found."""
    get_count, set_count = (_find_function(f"omp_{name}") for name in ("get_max_threads", "set_num_threads"))

    def set_local_count(count: int) -> int:
        before = get_count()
        set_count(count)
        return before

    return (lambda count: count) if None in (get_count, set_count) else set_local_count


def _left_alone(a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    return np.matmul(a, b, out=out)


class ProcessCountOfOne(CountOfOne):
    """OpenBLAS's number, of which a process has one: it is one while any thread is inside.

    There must be one such object for the process. A number that other code sets meanwhile stays, if it is not one; a
    limit of one that another package begins meanwhile is undone, and one that it ends meanwhile may stay. An OpenBLAS
    without these two functions is left alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: set[int] = set()  # threads
        self._before = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._begin_child
            )

    def begin(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = _openblas_count()
            self._inside.add(threading.get_ident())
            if _openblas_count() != 1:
                _set_openblas_count(1)

    def end(self) -> None:
        with self._lock:
            if self._inside == {threading.get_ident()} and _openblas_count() == 1:
                _set_openblas_count(self._before)
            self._inside.discard(threading.get_ident())

    def _begin_child(self) -> None:
        """Put the number back in a forked child, which has none of the threads that were inside."""
        if self._inside:
            self._inside.clear()
            _set_openblas_count(self._before)
        self._lock.release()


def _openblas_count() -> int:
    get_count, _ = _openblas_counts()
    return get_count()


def _set_openblas_count(count: int) -> None:
    _, set_count = _openblas_counts()
    set_count(count)


@cache
def _openblas_counts() -> tuple[Callable[[], int], Callable[[int], object]]:
    """Return the functions that return the number of threads and set it; such that do nothing if one is missing."""
    get_count, set_count = (_openblas_function(f"{verb}_num_threads") for verb in ("get", "set"))
    return (lambda: 0, lambda count: None) if None in (get_count, set_count) else (get_count, set_count)


MKL_COUNT_OF_ONE = LocalCountOfOne(_mkl_set_local_count)
ONE_THREAD: dict[str, Product] = {"OpenBLAS": _in_pieces, "MKL": _with_local_count, "": _left_alone}
SIDE_BY_SIDE: dict[str, CountOfOne] = {
    "OpenBLAS": ProcessCountOfOne(),
    "OpenBLAS with OpenMP": LocalCountOfOne(_openmp_set_local_count),
    "MKL": MKL_COUNT_OF_ONE,
    "": CountOfOne(),  # does nothing
}


@cache
def _one_thread() -> Product:
    return ONE_THREAD[one_thread_blas()]


@cache
def _side_by_side() -> CountOfOne:
    with_openmp = ask_openblas().get("get_parallel") == OPENMP
    return SIDE_BY_SIDE["OpenBLAS with OpenMP" if with_openmp else one_thread_blas()]


# ---- Which BLAS it is.


def one_thread_blas() -> str:
    """Return by which BLAS's way small products run on one thread: "OpenBLAS", "MKL", or "" if they do not."""
    if ask_openblas():
        return "OpenBLAS"
    if _find_function(MKL_SET_LOCAL_COUNT) is not None:
        return "MKL"
    return "OpenBLAS" if "openblas" in str(built_with().get("name")).lower() else ""  # one that cannot be asked


def built_with() -> Mapping[str, Any]:
    """Return what NumPy says of the BLAS that it was built with; empty if it was built without one."""
    config: Mapping[str, Any] = np.show_config(mode="dicts") or {}
    blas = config.get("Build Dependencies", {}).get("blas", {})
    return blas if blas.get("found") else {}


def ask_openblas() -> dict[str, Any]:
    """Return what the OpenBLAS in use reports, by the names of its functions; empty for any other BLAS."""
    if not _libraries():
        return {}
    import ctypes  # some Pythons are built without it

    text, number = ctypes.c_char_p, ctypes.c_int
    types = {"get_config": text, "get_corename": text, "get_num_threads": number, "get_parallel": number}
    answers = {}
    for name, answer_type in types.items():
        function = _openblas_function(name)
        if function is not None:
            function.restype = answer_type
            answer = function()
            answers[name] = " ".join(answer.decode(errors="replace").split()) if isinstance(answer, bytes) else answer
    return answers


def _openblas_function(name: str) -> Any:
    """Return a function of OpenBLAS; None for any other BLAS."""
    # NumPy's wheels rename its symbols to keep them apart from another OpenBLAS in the process.
    for prefix, suffix in itertools.product(("", "scipy_"), ("", "64_", "_64")):
        function = _find_function(f"{prefix}openblas_{name}{suffix}")
        if function is not None:
            return function
    return None


def _find_function(name: str) -> Any:
    return next((found for found in (getattr(one, name, None) for one in _libraries()) if found is not None), None)


def _libraries() -> tuple[Any, ...]:
    """Return where functions of NumPy's BLAS are looked up: NumPy's own module, and the libraries beside a wheel.

    Linux and macOS look a symbol up in the libraries that the module is linked with too, Windows does not.
    """
    try:
        import ctypes

        core = importlib.import_module("numpy._core._multiarray_umath").__file__
    except (ImportError, AttributeError):
        return ()
    beside = (Path(np.__file__).parent.parent / "numpy.libs").glob("*openblas*.dll")
    found = []
    for path in (core, *map(str, beside)):
        try:
            found.append(ctypes.CDLL(path))
        except (OSError, TypeError):
            continue
    return tuple(found)
