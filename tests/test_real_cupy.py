"""Whatever the double was asked for exists in a real CuPy: functions, methods, attributes, keywords, dtypes.

The list is not kept by hand: everything that runs on a GPU runs on the double, which notes what it is asked for. CuPy
can be imported without a GPU (extra `cuda-check`).
"""

import inspect
import re
import sys
import warnings
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import host_kernels
import numpy as np
import pytest
import strict_cupy
from test_convolution_device import MANY, large, spatial
from test_device_check import SMALL
from test_fused_device import COSTS, batches, specification, step, steps, trained

from ladder_np.arrays import Device
from ladder_np.experiments.device_check import check_device
from ladder_np.inspection.gradcheck import check_network
from ladder_np.inspection.trace import trace_step
from ladder_np.inspection.vectors import make_vectors
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS
from ladder_np.predictor import Predictor


@pytest.fixture(scope="module")
def cupy() -> ModuleType:
    """Return the real CuPy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about libraries of CUDA that are not installed
        return pytest.importorskip("cupy", reason="CuPy cannot be imported (extra cuda-check)", exc_type=ImportError)


@dataclass
class Asked:
    """What the double was asked for."""

    calls: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    types: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    module: set[str] = field(default_factory=set)
    array: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Run on the double whatever runs on a GPU, and return what it was asked for."""
    if host_kernels.COMPILER is None:
        pytest.skip("no C++ compiler for the kernels")
    with recorded() as notes:
        run_everything(tmp_path_factory.mktemp("models"))
    return notes


class recorded:  # noqa: N801  # used like a function
    """Note every call, and every attribute of the module and of arrays, within the context."""

    def __enter__(self) -> Asked:
        notes = Asked(strict_cupy.calls, strict_cupy.types)
        strict_cupy.calls.clear()
        strict_cupy.types.clear()

        class Watched(ModuleType):
            def __getattribute__(self, name: str) -> Any:
                if not name.startswith("_"):
                    notes.module.add(name)
                return super().__getattribute__(name)

        def watched(self: Any, name: str) -> Any:
            if not name.startswith("_"):
                notes.array.add(name)
            return object.__getattribute__(self, name)

        sys.modules["strict_cupy"].__class__ = Watched
        strict_cupy.ndarray.__getattribute__ = watched
        return notes

    def __exit__(self, *error: object) -> None:
        sys.modules["strict_cupy"].__class__ = ModuleType
        del strict_cupy.ndarray.__getattribute__


def run_everything(folder: Any) -> None:
    """Take steps, train, predict, check gradients, write vectors, trace, save, load: fused and as plain formulas."""
    for kind in ({}, {"fused": False}, {"host_noise": True}):
        device = Device("strict", xp=strict_cupy, **kind)
        for dtype in ("float32", "float64"):
            for options in [
                *({"combinator": combinator} for combinator in COMBINATORS),
                *({"activation": activation} for activation in ACTIVATIONS),
                *COSTS.values(),
            ]:
                step(specification(dtype=dtype, **options), device)
            model, _, X = trained(device, dtype)
            model.save(folder / "model.npz")
            Predictor.load(folder / "model.npz", device).predict(X)
            make_vectors(specification(dtype=dtype), 6, 7, 0, device)
            step(spatial(dtype=dtype), device)
            step(large(dtype=dtype), device, MANY)
            trace_step(specification(dtype=dtype), 6, 7, 0, device)
        check_network(specification(sizes=(3, 4, 5, 3), dtype="float64"), 6, 7, 0, device)
        for records in (True, False):
            strict_cupy.cuda.records_products = records
            steps(device, 3)
        for free in (0, 2**30):
            strict_cupy.cuda.free_memory = free
            batches(device)
    assert all(check.passed is not False for check in check_device(Device("strict", xp=strict_cupy), SMALL))


# ---- What must be true of the real one.

# The ufuncs behind operators; those in place and with the operands turned round are the same.
OPERATORS = {
    **{"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power"},
    **{"lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal", "gt": "greater", "ge": "greater_equal"},
    **{"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"},
}
OPERATORS |= {before + name: OPERATORS[name] for name in ("add", "sub", "mul", "truediv", "pow") for before in "ir"}
OF_THE_DOUBLE = {"calls", "types", "traffic", "recording", "watched_traffic", "Traffic", "synchronizations"}


def find(cupy: ModuleType, name: str) -> Any:
    """Return the real thing of a dotted name."""
    thing: Any = cupy
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


def takes(function: Any, keyword: str) -> bool:
    """Return whether a function, by its signature or by the one that its text begins with, has a keyword."""
    if isinstance(function, type):
        return takes(function.__init__, keyword) or re.search(rf"\b{keyword} \(", function.__doc__ or "") is not None
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        first = (function.__doc__ or "").strip().splitlines()[:1]
        return bool(first) and re.search(rf"[(,*]\s*(\w+ )?{keyword}\s*[=,)]", first[0]) is not None
    if keyword in parameters:
        return True
    return keyword in ("out", "dtype") and type(function).__name__ == "ufunc"


def missing(cupy: ModuleType, notes: Asked) -> list[str]:
    """Return what was asked for and the real CuPy lacks, a line each."""
    lacks = []
    for name, keywords in sorted(notes.calls):
        try:
            real = find(cupy, name)
        except AttributeError:
            lacks.append(name)
            continue
        lacks += [f"{name}({keyword}=)" for keyword in keywords if not takes(real, keyword)]
    lacks += sorted(name for name in notes.module - OF_THE_DOUBLE if not hasattr(cupy, name))
    lacks += sorted(f"ndarray.{name}" for name in notes.array if not hasattr(cupy.ndarray, name))
    for name, types in sorted(notes.types):
        real = getattr(cupy, OPERATORS.get(name.removeprefix("ndarray.__").rstrip("_"), name), None)
        if type(real).__name__ == "ufunc" and not any(fits(types, loop) for loop in real.types):
            lacks.append(f"{name} of {types}")
    return lacks


def fits(types: tuple[str, ...], loop: str) -> bool:
    """Return whether arrays of these types can go through a ufunc's loop such as ``ff->f``."""
    inputs = loop.partition("->")[0]
    if not set(inputs) <= set(np.typecodes["All"]):
        return False  # CuPy has half-precision complex numbers, NumPy has not
    return len(types) <= len(inputs) and all(map(np.can_cast, types, inputs))


def test_everything_that_was_asked_for_exists(asked: Asked, cupy: ModuleType) -> None:
    assert len(asked.calls) > 60  # of them
    assert len(asked.types) > 40
    assert {name for name, _ in asked.types} >= {"ndarray.__iadd__", "ndarray.__rmul__", "exp"}
    assert {"RawModule", "empty", "asarray"} <= asked.module
    assert {"shape", "dtype", "flags", "T"} <= asked.array
    assert missing(cupy, asked) == []


def test_kernels_streams_pinned_memory_and_the_generator_are_among_it(asked: Asked) -> None:
    names = {name for name, _ in asked.calls}
    assert {
        "RawKernel.__call__",
        "cuda.Graph.launch",
        "cuda.Event.synchronize",
        "cuda.alloc_pinned_memory",
        "cuda.Event.done",
        "cuda.Stream.synchronize",
        "cuda.MemoryPool.total_bytes",
        "random.Generator.standard_normal",
        "ndarray.set",
        "einsum",
    } <= names


@pytest.mark.parametrize(
    ("notes", "lack"),
    [
        (Asked(calls={("logaddexp3", ())}), "logaddexp3"),
        (Asked(calls={("ndarray.sum", ("axis", "where"))}), "ndarray.sum(where=)"),
        (Asked(calls={("concatenate", ("axes",))}), "concatenate(axes=)"),
        (Asked(calls={("zeros_like", ("like",))}), "zeros_like(like=)"),
        (Asked(calls={("exp", ("where",))}), "exp(where=)"),
        (Asked(calls={("cuda.Stream", ("blocking",))}), "cuda.Stream(blocking=)"),
        (Asked(calls={("random.Generator.standard_normal", ("loc",))}), "random.Generator.standard_normal(loc=)"),
        (Asked(calls={("RawModule", ("source",))}), "RawModule(source=)"),
        (Asked(types={("bitwise_and", ("f", "f"))}), "bitwise_and of ('f', 'f')"),
        (Asked(types={("ndarray.__iadd__", ("U", "f"))}), "ndarray.__iadd__ of ('U', 'f')"),
        (Asked(module={"errstate"}), "errstate"),
        (Asked(array={"itemset"}), "ndarray.itemset"),
    ],
)
def test_what_cupy_lacks_is_named(notes: Asked, lack: str, cupy: ModuleType) -> None:
    assert missing(cupy, notes) == [lack]


def test_constants_and_dtypes_are_numpys(cupy: ModuleType) -> None:
    for name in ("nan", "inf", "pi", "newaxis", "bool_", "uint8", "int32", "int64", "float32", "float64"):
        real, double = getattr(cupy, name), getattr(strict_cupy, name)
        assert real is double or np.array_equal(real, double, equal_nan=True), name


def test_arrays_are_told_by_their_type(cupy: ModuleType) -> None:
    assert cupy.ndarray.__module__.partition(".")[0] == "cupy"  # by which `array_module` finds the module
    assert not hasattr(cupy.ndarray, "__array_namespace__")
