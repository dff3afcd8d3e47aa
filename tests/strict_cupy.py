"""A strict double of CuPy: an array module that computes with NumPy and forgives nothing.

Code that runs on it and gives NumPy's result never mixes host and device arrays, never waits for the device
without saying so, and uses only functions and keywords that CuPy has. Where CuPy helps silently (`float(x)`,
lists and NumPy arrays as indices, NumPy scalars as operands, `np.exp(x)`), the double refuses.

`calls` collects which functions, methods and keywords were asked for, and `types` for arrays of which dtypes, to be
compared with a real CuPy.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from host_kernels import HostModule

# What is asked of an array module besides functions; CuPy has NumPy's own dtypes and constants.
nan, inf, pi, newaxis = np.nan, np.inf, np.pi, None
bool_, uint8, int32, int64, float32, float64 = np.bool_, np.uint8, np.int32, np.int64, np.float32, np.float64

# Exactly these: NumPy's float64 is a float too, but would turn float32 arrays into float64 ones.
SCALARS = (bool, int, float, complex)
NUMBERS = "biufc"  # dtype kinds that a device can hold

calls: set[tuple[str, tuple[str, ...]]] = set()
types: set[tuple[str, tuple[str, ...]]] = set()


@dataclass
class Traffic:
    """What the host had to do with the device.

    Attributes
    ----------
    synchronizations : int
        How often it waited for the device.
    transfers : int
        How often it sent data there, which waits for nothing.
    launches : int
        Kernels other than matrix products; what CuPy needs several for counts as one.
    products : int
        Matrix products.
    event_waits : int
        How often it waited until the device had come to an event.
    """

    synchronizations: int = 0
    transfers: int = 0
    launches: int = 0
    products: int = 0
    event_waits: int = 0


traffic = Traffic()

# The actions of the stream that is being recorded; None while work runs at once (see strict_cupy_cuda).
recording: list[Callable[[], None]] | None = None


def _act(action: Callable[[], Any]) -> None:
    """Change an array: now, or whenever the graph that is being recorded is launched."""
    if recording is None:
        action()
    else:
        recording.append(action)


def _not_recorded(name: str) -> None:
    if recording is not None:
        raise cuda.runtime.CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {name}")


def synchronizations() -> int:
    """Return how often the host has waited for the device so far."""
    return traffic.synchronizations


@contextmanager
def watched_traffic() -> Iterator[Traffic]:
    """Yield the traffic within the context, complete when it is left."""
    before, within = dataclasses.replace(traffic), Traffic()
    try:
        yield within
    finally:
        for field in dataclasses.fields(Traffic):
            setattr(within, field.name, getattr(traffic, field.name) - getattr(before, field.name))


class ndarray:  # noqa: N801  # CuPy's name
    """An array "on the device": the values are there, but only `get` and `asnumpy` hand them out."""

    __slots__ = ("_values",)
    __hash__ = None
    __array_ufunc__ = None  # NumPy's operators step back, its ufuncs refuse

    @property
    def T(self) -> "ndarray":
        return _wrap(self._values.T)

    @property
    def flags(self) -> Any:
        return self._values.flags

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<strict_cupy.ndarray {self.shape} {self.dtype}>"  # values would have to be waited for

    def get(self) -> np.ndarray:
        """Wait for the values and return them on the host."""
        return asnumpy(self)

    def __getitem__(self, key: Any) -> "ndarray":
        calls.add(("ndarray.__getitem__", ()))
        index = _index(key)
        if not any(part is Ellipsis for part in index):
            index += (Ellipsis,)  # a single element is a view too, as CuPy's is
        return _wrap(self._values[index])

    def __setitem__(self, key: Any, value: Any) -> None:
        calls.add(("ndarray.__setitem__", ()))
        traffic.launches += 1
        index, values = _index(key), _operand(value)
        _act(lambda: self._values.__setitem__(index, values))

    def set(self, host: np.ndarray, stream: Any = None) -> None:
        """Copy from the host."""
        calls.add(("ndarray.set", ("stream",) if stream is not None else ()))
        _not_recorded("ndarray.set")
        if host.shape != self.shape or host.dtype != self.dtype:
            raise ValueError(f"{host.shape} {host.dtype} to {self.shape} {self.dtype}")
        traffic.transfers += 1
        traffic.synchronizations += stream is None
        self._values[...] = host


def asarray(x: Any, dtype: Any = None) -> ndarray:
    """Return `x` on the device: the same object if it is there, else a copy."""
    calls.add(("asarray", () if dtype is None else ("dtype",)))
    if isinstance(x, ndarray):
        return x if dtype is None or x.dtype == dtype else _wrap(x._values.astype(dtype))
    _not_recorded("asarray")
    values = np.array(x, dtype)
    if values.dtype.kind not in NUMBERS:
        raise TypeError(f"Unsupported dtype {values.dtype}")
    traffic.transfers += 1
    return _wrap(values)


def asnumpy(x: ndarray) -> np.ndarray:
    """Wait for the values of `x` and return a copy of them on the host."""
    calls.add(("asnumpy", ()))
    values = _device_values(x)
    _not_recorded("asnumpy")
    traffic.synchronizations += 1
    return values.copy()


def _wrap(values: Any) -> ndarray:
    array = object.__new__(ndarray)
    array._values = np.asarray(values)  # a NumPy scalar becomes 0-dimensional: results stay on the device
    return array


def _device_values(x: Any) -> np.ndarray:
    if not isinstance(x, ndarray):
        raise TypeError(f"Unsupported type {type(x)}: expected a device array")
    return x._values


def _operand(x: Any) -> Any:
    """Return the values of a device array, or a Python scalar as it is; nothing else computes on a device."""
    return x if type(x) in SCALARS else _device_values(x)


def _index(key: Any) -> tuple:
    return tuple(_index_part(part) for part in (key if isinstance(key, tuple) else (key,)))


def _index_part(part: Any) -> Any:
    if part is None or part is Ellipsis or type(part) is int:
        return part
    if isinstance(part, slice):
        if all(bound is None or isinstance(bound, int) for bound in (part.start, part.stop, part.step)):
            return part
    elif isinstance(part, ndarray) and part.dtype.kind in "biu":
        if part.dtype.kind == "b":
            _not_recorded("a boolean index")
            traffic.synchronizations += 1  # the host must know how many are true
        return part._values
    raise TypeError(f"Unsupported index {part!r}: expected int, slice, None, ... or a device array")


def _offer(name: str, function: Callable, keywords: str = "", operands: int | None = None) -> Callable:
    """Return `function` as CuPy's of that name, by NumPy's on the wrapped values.

    Parameters
    ----------
    name : str
        As recorded in `calls`.
    function : callable
        NumPy's.
    keywords : str
        Those that CuPy has and that make sense here; others raise TypeError.
    operands : int, optional
        How many leading arguments must be device arrays or Python scalars; all by default.
    """
    allowed = set(keywords.split())

    def call(*arguments: Any, **options: Any) -> ndarray:
        if unknown := sorted(set(options) - allowed):
            raise TypeError(f"{name}: unexpected keyword {', '.join(unknown)}")
        calls.add((name, tuple(sorted(options))))
        types.add((name, tuple(x.dtype.char for x in arguments if isinstance(x, ndarray))))
        _count(name)
        count = len(arguments) if operands is None else operands
        out = options.get("out")
        if out is not None:
            options["out"] = _device_values(out)

        compute = functools.partial(function, *map(_operand, arguments[:count]), *arguments[count:], **options)
        if out is not None:
            _act(compute)
            return out
        with np.errstate(all="ignore" if recording is not None else None):
            result = _wrap(compute())
        if recording is not None and name not in VIEWS:
            recording.append(lambda: result._values.__setitem__(..., compute()))
        return result

    call.__name__ = name
    return call


# These launch nothing: views, and memory that nobody has written to.
AS_STRIDED = "lib.stride_tricks.as_strided"
VIEWS = {"ndarray.reshape", "ndarray.ravel", "ndarray.transpose", "empty", "empty_like", AS_STRIDED}


def _count(name: str) -> None:
    if name.endswith("matmul") or name.endswith("matmul__"):
        if recording is not None and not cuda.records_products:
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
        traffic.products += 1
    elif name not in VIEWS:
        traffic.launches += 1


class RawModule:
    """Kernels, compiled from their text for this machine and run here."""

    def __init__(self, *, code: str, options: tuple[str, ...] = ()) -> None:
        calls.add(("RawModule", ("code", "options")))
        self._module = HostModule(code, options)

    def get_function(self, name: str) -> Callable:
        """Return a kernel by its name."""
        calls.add(("RawModule.get_function", ()))

        def launch(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple) -> None:
            calls.add(("RawKernel.__call__", ()))
            traffic.launches += 1
            values = [_kernel_argument(x) for x in arguments]
            _act(lambda: self._module.launch(name, grid, block, values))

        return launch


def _kernel_argument(x: Any) -> Any:
    return x if type(x) in (int, float) else _device_values(x)


def _refuse(name: str) -> Callable:
    def refused(self: ndarray, *arguments: Any, **options: Any) -> None:
        raise TypeError(f"{name}: a device array reaches the host by asnumpy() or get() alone")

    return refused


def _in_place(name: str, ufunc: Callable) -> Callable:
    def call(self: ndarray, other: Any) -> ndarray:
        calls.add((name, ()))
        types.add((name, tuple(x.dtype.char for x in (self, other) if isinstance(x, ndarray))))
        _count(name)
        values = _operand(other)
        _act(lambda: ufunc(self._values, values, out=self._values))
        return self

    return call


def _uninitialized(values: np.ndarray) -> np.ndarray:
    values.fill(np.nan if values.dtype.kind in "fc" else 77)  # whoever reads it before writing is found out
    return values


# ---- Methods. Keywords are those of cupy.ndarray's methods: no `where`, no `initial`.
ARITHMETIC = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
METHODS = {
    "sum": "axis dtype out keepdims",
    "mean": "axis dtype out keepdims",
    "max": "axis out keepdims",
    "min": "axis out keepdims",
    "any": "axis out keepdims",
    "all": "axis out keepdims",
    "argmax": "axis",
    "reshape": "",
    "ravel": "",
    "transpose": "",
    "copy": "",
    "astype": "copy",
}
CONVERSIONS = ("array", "array_function", "float", "int", "complex", "index", "bool", "str", "iter", "contains")

for _name in ("dtype", "shape", "strides", "ndim", "size", "nbytes"):  # known without waiting
    setattr(ndarray, _name, property(operator.attrgetter(f"_values.{_name}")))
for _name, _ufunc in ARITHMETIC.items():
    setattr(ndarray, f"__{_name}__", _offer(f"ndarray.__{_name}__", _ufunc))
    setattr(ndarray, f"__r{_name}__", _offer(f"ndarray.__r{_name}__", lambda x, y, ufunc=_ufunc: ufunc(y, x)))
    setattr(ndarray, f"__i{_name}__", _in_place(f"ndarray.__i{_name}__", _ufunc))
for _name in ("lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", _offer(f"ndarray.__{_name}__", getattr(operator, _name)))
for _name, _keywords in METHODS.items():
    setattr(ndarray, _name, _offer(f"ndarray.{_name}", getattr(np.ndarray, _name), _keywords, operands=1))
for _name in [f"__{name}__" for name in CONVERSIONS] + ["item", "tolist"]:
    setattr(ndarray, _name, _refuse(_name))

# ---- Functions of the module.
ELEMENTWISE = (
    "exp expm1 log log1p sqrt square tanh negative positive reciprocal abs isfinite isnan "
    "maximum minimum logaddexp add subtract multiply divide power"
)
_of_arrays: dict[str, Callable] = {
    "concatenate": lambda arrays, axis=0: np.concatenate([_device_values(x) for x in arrays], axis=axis),
    "stack": lambda arrays, axis=0: np.stack([_device_values(x) for x in arrays], axis=axis),
}
_functions = {name: _offer(name, getattr(np, name), "out dtype") for name in ELEMENTWISE.split()}
_functions |= {name: _offer(name, getattr(np, name), METHODS[name], operands=1) for name in ("sum", "mean", "max")}
_functions |= {name: _offer(name, getattr(np, name), "dtype", operands=0) for name in ("zeros", "ones", "arange")}
_functions |= {name: _offer(name, getattr(np, name), "dtype", operands=1) for name in ("zeros_like", "ones_like")}
_functions |= {name: _offer(name, function, "axis", operands=0) for name, function in _of_arrays.items()}
_functions |= {
    "einsum": _offer("einsum", lambda about, *x: np.einsum(about, *map(_device_values, x)), operands=0),
    "matmul": _offer("matmul", np.matmul, "out"),
    "repeat": _offer("repeat", np.repeat, "axis", operands=1),
    "where": _offer("where", lambda condition, x, y: np.where(condition, x, y)),
    "empty": _offer("empty", lambda *a, **k: _uninitialized(np.empty(*a, **k)), "dtype", operands=0),
    "empty_like": _offer("empty_like", lambda *a, **k: _uninitialized(np.empty_like(*a, **k)), "dtype", operands=1),
    "full": _offer("full", lambda shape, x, **k: np.full(shape, _operand(x), **k), "dtype", operands=0),
    "full_like": _offer("full_like", np.full_like, "dtype", operands=2),
    "ascontiguousarray": _offer("ascontiguousarray", np.ascontiguousarray, "dtype", operands=1),
}
globals().update(_functions)
lib = SimpleNamespace(
    stride_tricks=SimpleNamespace(
        as_strided=_offer(AS_STRIDED, np.lib.stride_tricks.as_strided, "shape strides", operands=1)
    )
)

from strict_cupy_cuda import cuda, get_default_memory_pool, random  # noqa: E402, F401  # they need all of the above
