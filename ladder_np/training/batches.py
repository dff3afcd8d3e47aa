"""Which rows each step sees: an epoch passes over the unlabeled rows while labeled batches cycle."""

import numpy as np

from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import set_stream_state, stream_state

__all__ = ["LabeledCycle", "steps_per_epoch", "unlabeled_batches"]


def steps_per_epoch(rows: int, batch_rows: int) -> int:
    """Return how many batches an epoch takes: as few as batches of `batch_rows` need, none under 2 rows."""
    return max(1, min(-(-rows // batch_rows), rows // FEWEST_ROWS))


def unlabeled_batches(rows: np.ndarray, batch_rows: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Return one epoch: all `rows`, shuffled, in even batches of about `batch_rows`.

    Where the number of rows is a multiple, every batch has `batch_rows`. Elsewhere the shortage is shared: batches
    differ by one row at most, because a small last batch would be normalized by poor statistics. Where that would
    leave a batch of a single row, there is one batch fewer.
    """
    return np.array_split(generator.permutation(rows), steps_per_epoch(len(rows), batch_rows))


class LabeledCycle:
    """Labeled batches, for ever: all rows in random order, then all again in another.

    Each batch has ``min(batch_rows, len(rows))`` rows; one that crosses the end of a cycle is filled from the next.

    Parameters
    ----------
    rows : (n,) integer array
    batch_rows : int
    generator : numpy.random.Generator
    """

    def __init__(self, rows: np.ndarray, batch_rows: int, generator: np.random.Generator) -> None:
        self._rows = rows
        self._size = min(batch_rows, len(rows))
        self._generator = generator
        self._waiting = rows[:0]

    def state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the cycle is: its stream's state, and the row numbers that wait for the next batch."""
        return stream_state(self._generator), self._waiting

    def restore(self, state: np.ndarray, waiting: np.ndarray) -> None:
        """Go on from where `state` was asked."""
        set_stream_state(self._generator, state)
        self._waiting = waiting

    def next(self) -> np.ndarray:
        """Return the next batch of row numbers."""
        while len(self._waiting) < self._size:
            self._waiting = np.concatenate([self._waiting, self._generator.permutation(self._rows)])
        batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
        return batch
