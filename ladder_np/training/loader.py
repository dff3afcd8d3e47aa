"""Which rows each step sees, and how they reach the network.

An epoch passes once over the unlabeled rows, while labeled batches cycle. On the CPU rows are picked and scaled as
they are needed. A GPU holds every row that training uses where they fit; a batch is then picked there. Where they do
not, the next batch is made ready on the host while the GPU computes, in pinned memory, from which it copies without
waiting.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.network.inference import rows_at_once
from ladder_np.network.ladder import Batch
from ladder_np.network.model import LadderNetwork
from ladder_np.operations.maps import Shape
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import set_stream_state, stream_state
from ladder_np.threads import one_ahead

__all__ = [
    "Indices",
    "LabeledCycle",
    "Loader",
    "TrainingData",
    "device_batches",
    "make_loader",
    "steps_per_epoch",
    "unlabeled_batches",
]

# The row indices of one step: labeled, unlabeled.
Indices = tuple[np.ndarray, np.ndarray]

# Of the GPU's free memory, that the rows may take; steps, and statistics in float64, need the rest.
LARGEST_SHARE = 0.5
PINNED_BATCHES = 2  # one is copied while the next is made ready


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The rows that a network learns from."""

    # of row indices: their features on the host as the network takes them, floating-point (len(indices), d_0)
    rows: Callable[[np.ndarray], np.ndarray]
    y: np.ndarray  # (n,) integer classes 0 .. K − 1 by row index; only those of `labeled` are read
    # row indices; the labeled ones are normally among the unlabeled ones too (fact 2)
    labeled: np.ndarray
    unlabeled: np.ndarray
    # (n,) of the labeled rows' cross-entropies, by row index, floating-point of the network's dtype; None: 1 each
    weights: np.ndarray | None = None
    # row indices: those that the population statistics are of; None: those that the network learns from
    measured: np.ndarray | None = None
    image_shape: Shape | None = None  # (height, width, channels) of each row, if they are images

    def batch(self, labeled: np.ndarray, unlabeled: np.ndarray) -> Batch:
        """Return one step's rows on the host."""
        weights = None if self.weights is None else self.weights[labeled]
        return Batch(self.rows(labeled), self.y[labeled], self.rows(unlabeled), weights)


# ---- Which rows.


def steps_per_epoch(rows: int, batch_rows: int) -> int:
    """Return how many batches an epoch takes: as few as `batch_rows` allows, and none with fewer than 2 rows."""
    return max(1, min(-(-rows // batch_rows), rows // FEWEST_ROWS))


def unlabeled_batches(indices: np.ndarray, batch_rows: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Return one epoch: all `indices`, shuffled, in even batches of about `batch_rows`.

    Where the number of rows is a multiple, every batch has `batch_rows`. Elsewhere the shortage is shared: batches
    differ by one row at most, because a small last batch would be normalized by poor statistics. Where that would
    leave a batch of a single row, there is one batch fewer.
    """
    return np.array_split(generator.permutation(indices), steps_per_epoch(len(indices), batch_rows))


class LabeledCycle:
    """Batches of labeled rows without end: all `indices` (n,) in random order, then all again in another.

    Each batch has ``min(batch_rows, n)`` rows; one that crosses a cycle's end is filled from the next.
    """

    def __init__(self, indices: np.ndarray, batch_rows: int, generator: np.random.Generator) -> None:
        self._indices = indices
        self._size = min(batch_rows, len(indices))
        self._generator = generator
        self._waiting = indices[:0]

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the cycle is: its stream's state, and the row indices that wait for the next batch."""
        return stream_state(self._generator), self._waiting

    def restore(self, state: np.ndarray, waiting: np.ndarray) -> None:
        """Go on from where `state` was asked."""
        set_stream_state(self._generator, state)
        self._waiting = waiting

    def next(self) -> np.ndarray:
        """Return the row indices of the next batch."""
        while len(self._waiting) < self._size:
            self._waiting = np.concatenate([self._waiting, self._generator.permutation(self._indices)])
        batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
        return batch


# ---- How they reach the network.


def device_batches(network: LadderNetwork, data: TrainingData, indices: np.ndarray) -> Iterator[Array]:
    """Yield the features of the given rows, in order, in large batches on the network's device."""
    step = rows_at_once(network.specification)
    for start in range(0, len(indices), step):
        yield network.device.put(data.rows(indices[start : start + step]))


class Loader(Protocol):
    """A source of batches."""

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        """Yield the batches of an epoch, in order, on the network's device."""


def make_loader(network: LadderNetwork, data: TrainingData) -> Loader:
    """Return what suits the network's device and the size of the data; `data` has all rows that plans will hold."""
    device = network.device
    data = dataclasses.replace(data, y=data.y.astype(np.int64, copy=False))  # as the kernels read them
    if device.xp is np:
        return _HostLoader(data)
    used = np.union1d(data.labeled, data.unlabeled) if network.specification.denoises else np.unique(data.labeled)
    size = len(used) * network.specification.sizes[0] * network.specification.numpy_dtype.itemsize
    if size <= LARGEST_SHARE * device.free_memory():
        return _TableLoader(network, data, used)
    return _PinnedLoader(device, data)


class _HostLoader:
    """Picks rows on the CPU, where the network is too."""

    def __init__(self, data: TrainingData) -> None:
        self._data = data

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        for indices in plan:
            yield self._data.batch(*indices)


class _TableLoader:
    """Picks rows from a table on the GPU, by row indices that it gets once per epoch."""

    def __init__(self, network: LadderNetwork, data: TrainingData, used: np.ndarray) -> None:
        self._device = network.device
        self._used = used
        shape = len(used), network.specification.sizes[0]
        self._table = self._device.xp.empty(shape, dtype=network.specification.numpy_dtype)
        start = 0
        for part in device_batches(network, data, used):
            self._table[start : start + len(part)] = part
            start += len(part)
        self._y = self._device.put(data.y[used])
        self._weights = None if data.weights is None else self._device.put(data.weights[used])

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        labeled, unlabeled = (self._places([step[kind] for step in plan]) for kind in (0, 1))
        for of_labeled, of_unlabeled in zip(labeled, unlabeled, strict=True):
            weights = None if self._weights is None else self._weights[of_labeled]
            yield Batch(self._table[of_labeled], self._y[of_labeled], self._table[of_unlabeled], weights)

    def _places(self, indices: list[np.ndarray]) -> Iterator[Array]:
        """Yield where in the table the rows of each step are, sent to the GPU together."""
        places = self._device.put(np.searchsorted(self._used, np.concatenate(indices)))
        end = 0
        for step in indices:
            start, end = end, end + len(step)
            yield places[start:end]


@dataclass
class _Pinned:
    """A batch in pinned memory, and the event after which it has been copied from there."""

    batch: Batch
    copied: Any = None


class _PinnedLoader:
    """Makes the next batch ready in pinned memory while the GPU computes."""

    def __init__(self, device: Device, data: TrainingData) -> None:
        self._device = device
        self._data = data
        self._ring: list[_Pinned | None] = [None] * PINNED_BATCHES

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        for pinned in one_ahead(self._prepare, list(enumerate(plan))):
            batch = pinned.batch.each(self._send)
            pinned.copied = self._device.mark()
            yield batch

    def _prepare(self, step: tuple[int, Indices]) -> _Pinned:
        """Make a batch ready in its place in the ring, after what was there has been copied."""
        k, indices = step
        place = k % PINNED_BATCHES
        before = self._ring[place]
        if before is not None and before.copied is not None:
            before.copied.synchronize()
        pinned = _Pinned(self._data.batch(*indices).each(self._pin))
        self._ring[place] = pinned
        return pinned

    def _pin(self, host: np.ndarray) -> np.ndarray:
        pinned = self._device.empty_pinned(host.shape, host.dtype)
        pinned[...] = host
        return pinned

    def _send(self, pinned: np.ndarray) -> Array:
        there = self._device.xp.empty(pinned.shape, dtype=pinned.dtype)
        there.set(pinned, stream=self._device.xp.cuda.get_current_stream())  # in turn with the steps; nobody waits
        return there
