"""The double's `cuda` and `random`: streams that record graphs, events, pinned memory, a generator.

While a stream records, nothing runs: results are placeholders, changes of arrays wait for the graph's launch, and
whatever must wait for the device or copy from pageable memory is an error. Like CuPy 14, it refuses to record matrix
products, unless `cuda.records_products` says otherwise.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import strict_cupy

FREE_MEMORY = 2**30

streams: list["Stream"] = []  # those that `with` has made current, the last one first in line


class CUDARuntimeError(RuntimeError):
    """CUDA's own errors."""


class Graph:
    """Recorded actions."""

    def __init__(self, actions: list[Callable[[], None]]) -> None:
        self._actions = actions

    def launch(self) -> None:
        """Run them all, in order."""
        _call("cuda.Graph.launch")
        strict_cupy.traffic.launches += 1
        for action in self._actions:
            action()


class Event:
    """A place in a stream's work; what was given before it is under way until somebody waits for the device."""

    def __init__(self) -> None:
        self._waits = _waits()
        self.transfers = strict_cupy.traffic.transfers  # that were given before it

    @property
    def done(self) -> bool:
        """Whether the work has come here."""
        _call("cuda.Event.done")
        return _waits() > self._waits

    def synchronize(self) -> None:
        """Wait until the work has come here."""
        _call("cuda.Event.synchronize")
        strict_cupy.traffic.event_waits += 1


class Stream:
    """A queue of work; all the double's are one."""

    def __init__(self, non_blocking: bool = False) -> None:
        _call("cuda.Stream", "non_blocking")
        self._non_blocking = non_blocking

    def __enter__(self) -> "Stream":
        streams.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        streams.pop()

    def begin_capture(self) -> None:
        """Record from now on."""
        _call("cuda.Stream.begin_capture")
        if not self._non_blocking or streams[-1:] != [self]:
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: only a non-blocking, current stream records")
        strict_cupy.recording = []

    def end_capture(self) -> Graph:
        """Return what was recorded."""
        _call("cuda.Stream.end_capture")
        actions, strict_cupy.recording = strict_cupy.recording, None
        return Graph(actions or [])

    def synchronize(self) -> None:
        """Wait until all work has been done."""
        _call("cuda.Stream.synchronize")
        strict_cupy.traffic.synchronizations += 1

    def record(self) -> Event:
        """Return an event that stands for all work so far."""
        _call("cuda.Stream.record")
        return Event()


class MemoryPool:
    """Memory of its own."""

    def malloc(self, size: int) -> None:
        """Never called: the double allocates by itself."""

    def free_bytes(self) -> int:
        """Return how much of it is free."""
        _call("cuda.MemoryPool.free_bytes")
        return cuda.pool_free

    def total_bytes(self) -> int:
        """Return how much it holds."""
        _call("cuda.MemoryPool.total_bytes")
        return 2**20


def get_default_memory_pool() -> MemoryPool:
    """Return the pool that arrays usually come from."""
    _call("get_default_memory_pool")
    return MemoryPool()


@contextmanager
def using_allocator(allocator: Callable[[int], Any]) -> Iterator[None]:
    """Allocate from `allocator` within the context."""
    _call("cuda.using_allocator")
    yield


def get_current_stream() -> Stream:
    """Return the stream that work goes to."""
    _call("cuda.get_current_stream")
    return streams[-1] if streams else _default


def alloc_pinned_memory(size: int) -> bytearray:
    """Return memory of the host; its bytes are not zero."""
    _call("cuda.alloc_pinned_memory")
    return bytearray(b"\x7f" * size)


def get_memory_info() -> tuple[int, int]:
    """Return free and total bytes."""
    _call("cuda.runtime.memGetInfo")
    return cuda.free_memory, 2 * FREE_MEMORY


def get_device_count() -> int:
    """Return how many devices there are."""
    _call("cuda.runtime.getDeviceCount")
    return 1


def get_device_properties(number: int) -> dict[str, Any]:
    """Return what a device says of itself."""
    _call("cuda.runtime.getDeviceProperties")
    return {"name": b"strict double", "totalGlobalMem": 2 * FREE_MEMORY, "major": 9, "minor": 0}


def get_cuda_version(name: str) -> int:
    """Return the driver's or the runtime's version."""
    _call(f"cuda.runtime.{name}GetVersion")
    return 13010


class Generator:
    """A generator of the device."""

    def __init__(self, bits: np.random.Philox) -> None:
        _call("random.Generator")
        self.bits = bits
        self._generator = np.random.Generator(bits)

    def standard_normal(self, size: int, dtype: Any = np.float64) -> "strict_cupy.ndarray":
        """Return `size` draws."""
        strict_cupy.calls.add(("random.Generator.standard_normal", ("dtype",)))
        if strict_cupy.recording is None:
            strict_cupy.traffic.launches += 1
            return strict_cupy._wrap(self._generator.standard_normal(size, dtype))
        drawn = strict_cupy.empty(size, dtype=dtype)  # only the graph that is launched draws
        strict_cupy.traffic.launches += 1
        strict_cupy.recording.append(
            lambda: drawn._values.__setitem__(..., self._generator.standard_normal(size, dtype))
        )
        return drawn


def make_bits(seed: int) -> np.random.Philox:
    """Return a source of bits."""
    _call("random.Philox4x3210")
    if type(seed) is not int:
        raise TypeError(f"seed {seed!r}: expected int")
    return np.random.Philox(seed)


def _waits() -> int:
    return strict_cupy.traffic.synchronizations + strict_cupy.traffic.event_waits


def _call(name: str, *keywords: str) -> None:
    strict_cupy.calls.add((name, keywords))


cuda = SimpleNamespace(
    Stream=Stream,
    Event=Event,
    MemoryPool=MemoryPool,
    using_allocator=using_allocator,
    get_current_stream=get_current_stream,
    alloc_pinned_memory=alloc_pinned_memory,
    runtime=SimpleNamespace(
        memGetInfo=get_memory_info,
        getDeviceCount=get_device_count,
        getDeviceProperties=get_device_properties,
        driverGetVersion=lambda: get_cuda_version("driver"),
        runtimeGetVersion=lambda: get_cuda_version("runtime"),
        CUDARuntimeError=CUDARuntimeError,
    ),
    records_products=False,
    free_memory=FREE_MEMORY,
    pool_free=0,
)
random = SimpleNamespace(Generator=Generator, Philox4x3210=make_bits)
_default = Stream()
