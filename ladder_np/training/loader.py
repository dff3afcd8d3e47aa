"""How rows reach the network: picked and scaled on the host, from a table on the GPU, or copied there ahead of time.

A GPU holds every row that training uses where they fit; a batch is then picked there. Where they do not, the next
batch is made ready on the host while the GPU computes, in pinned memory, from which it copies without waiting.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.network.inference import ROWS_AT_ONCE
from ladder_np.network.ladder import Batch
from ladder_np.network.model import LadderNetwork

__all__ = ["Loader", "Rows", "make_loader"]

# Returns the rows of the given indices as floating-point features on the host, (rows, d_0).
Rows = Callable[[np.ndarray], np.ndarray]
# The row indices of one step: labeled, unlabeled.
Indices = tuple[np.ndarray, np.ndarray]

LARGEST_SHARE = (
    0.5  # of the GPU's free memory that the rows may take; steps, and statistics in float64, need the rest
)
PINNED_BATCHES = 2  # one is copied while the next is made ready


class Loader(Protocol):
    """A source of batches."""

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        """Yield the batches of an epoch, in order, on the network's device."""


def make_loader(
    network: LadderNetwork, rows: Rows, y: np.ndarray, labeled: np.ndarray, unlabeled: np.ndarray
) -> Loader:
    """Return what suits the network's device and the size of the data.

    Parameters
    ----------
    network : LadderNetwork
    rows : callable
        See `Rows`.
    y : (n,) integer array
        Classes by row number.
    labeled, unlabeled : integer arrays
        All row indices that plans will hold.
    """
    device = network.device
    y = y.astype(np.int64, copy=False)  # as the kernels read them
    if device.xp is np:
        return _HostLoader(rows, y)
    used = np.union1d(labeled, unlabeled) if network.specification.denoises else np.unique(labeled)
    size = len(used) * network.specification.sizes[0] * network.specification.numpy_dtype.itemsize
    if size <= LARGEST_SHARE * device.free_memory():
        return _TableLoader(network, rows, y, used)
    return _PinnedLoader(network, rows, y)


class _HostLoader:
    """Picks rows on the CPU, where the network is too."""

    def __init__(self, rows: Rows, y: np.ndarray) -> None:
        self._rows = rows
        self._y = y

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        for labeled, unlabeled in plan:
            yield _make_batch(self._rows, self._y, labeled, unlabeled)


def _make_batch(rows: Rows, y: np.ndarray, labeled: np.ndarray, unlabeled: np.ndarray) -> Batch:
    return Batch(rows(labeled), y[labeled], rows(unlabeled))


class _TableLoader:
    """Picks rows from a table on the GPU, by row indices that it gets once an epoch."""

    def __init__(self, network: LadderNetwork, rows: Rows, y: np.ndarray, used: np.ndarray) -> None:
        self._device = network.device
        self._used = used
        specification = network.specification
        self._table = self._device.xp.empty((len(used), specification.sizes[0]), dtype=specification.numpy_dtype)
        for start in range(0, len(used), ROWS_AT_ONCE):
            indices = used[start : start + ROWS_AT_ONCE]
            self._table[start : start + len(indices)] = self._device.put(rows(indices))
        self._y = self._device.put(y[used])

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        labeled, unlabeled = (self._places([step[kind] for step in plan]) for kind in (0, 1))
        for of_labeled, of_unlabeled in zip(labeled, unlabeled, strict=True):
            yield Batch(self._table[of_labeled], self._y[of_labeled], self._table[of_unlabeled])

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

    def __init__(self, network: LadderNetwork, rows: Rows, y: np.ndarray) -> None:
        self._device: Device = network.device
        self._rows = rows
        self._y = y
        self._ring: list[_Pinned | None] = [None] * PINNED_BATCHES

    def batches(self, plan: Sequence[Indices]) -> Iterator[Batch]:
        with futures.ThreadPoolExecutor(1, thread_name_prefix="ladder_np") as worker:
            waiting = worker.submit(self._prepare, 0, plan[0])
            for k in range(len(plan)):
                pinned = waiting.result()
                batch = Batch(*map(self._send, (pinned.batch.x_labeled, pinned.batch.y, pinned.batch.x_unlabeled)))
                pinned.copied = self._device.mark()
                if k + 1 < len(plan):
                    waiting = worker.submit(self._prepare, k + 1, plan[k + 1])
                yield batch

    def _prepare(self, k: int, indices: Indices) -> _Pinned:
        """Make a batch ready in its place of the ring, when what was there has been copied."""
        place = k % PINNED_BATCHES
        before = self._ring[place]
        if before is not None and before.copied is not None:
            before.copied.synchronize()
        made = _make_batch(self._rows, self._y, *indices)
        pinned = _Pinned(Batch(*map(self._pin, (made.x_labeled, made.y, made.x_unlabeled))))
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
