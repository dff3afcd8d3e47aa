"""Early stopping: the best parameters so far by an error on held-out rows, and when to give up on better ones."""

from collections.abc import Mapping

import numpy as np

from ladder_np.errors import InputError

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """Observes an error after each epoch and keeps the parameters that had the smallest.

    Of equal errors the first counts as the best. What is kept, and nothing else, decides the rest: `state` and
    `restore` carry it over to another process.

    Parameters
    ----------
    patience : int
        After so many epochs in a row without a smaller error, `stop` is true.

    Attributes
    ----------
    epoch : int
        Epochs observed.
    best_error : float
        Infinite before the first.
    best_epoch : int
        Counted from 1; 0 before the first.
    best : ndarray
        The parameter vector after that epoch, a copy on the host; empty before the first.

    Raises
    ------
    InputError
        If `patience` is no whole number >= 1.
    """

    def __init__(self, patience: int) -> None:
        if isinstance(patience, bool) or not isinstance(patience, int | np.integer) or patience < 1:
            raise InputError(f"patience {patience!r}: expected a whole number of epochs >= 1")
        self._patience = int(patience)
        self.epoch = 0
        self.best_error = float("inf")
        self.best_epoch = 0
        self.best = np.empty(0)

    @property
    def stop(self) -> bool:
        """Whether the best error is `patience` epochs old."""
        return self.epoch - self.best_epoch >= self._patience

    def observe(self, error: float, vector: np.ndarray) -> None:
        """Note the error after one more epoch, and the parameters `vector` (on the host) if it is the smallest."""
        self.epoch += 1
        if self.best_epoch == 0 or error < self.best_error:
            self.best_error, self.best_epoch, self.best = float(error), self.epoch, np.array(vector)

    def state(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays."""
        numbers = {name: np.array(getattr(self, name)) for name in ("epoch", "best_error", "best_epoch")}
        return {**numbers, "best": self.best}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was asked."""
        self.epoch, self.best_epoch = int(state["epoch"]), int(state["best_epoch"])
        self.best_error, self.best = float(state["best_error"]), np.array(state["best"])
