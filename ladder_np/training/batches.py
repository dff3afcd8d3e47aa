"""Which rows each step sees: an epoch passes over the unlabelled rows while labelled batches cycle."""

import numpy as np

__all__ = ["LabeledCycle", "steps_per_epoch", "unlabeled_batches"]

FEWEST_ROWS = 2  # a batch of one row has no variance to normalise by


def steps_per_epoch(rows: int, batch_rows: int) -> int:
    """Return how many batches of at most `batch_rows` an epoch over `rows` rows takes, none under 2 rows."""
    return max(1, min(-(-rows // batch_rows), rows // FEWEST_ROWS))


def unlabeled_batches(rows: np.ndarray, batch_rows: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Return one epoch: all `rows`, shuffled, in batches of `batch_rows`.

    Where the number of rows is no multiple, batches differ by at most one row instead of leaving a small last
    one, whose batch statistics would be poor; a batch of a single row, which has none, never occurs.
    """
    return np.array_split(generator.permutation(rows), steps_per_epoch(len(rows), batch_rows))


class LabeledCycle:
    """Labelled batches, for ever: all rows in random order, then all again in another.

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

    def next(self) -> np.ndarray:
        """Return the next batch of row numbers."""
        while len(self._waiting) < self._size:
            self._waiting = np.concatenate([self._waiting, self._generator.permutation(self._rows)])
        batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
        return batch
