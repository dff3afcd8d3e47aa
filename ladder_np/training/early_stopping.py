"""Stopping when the validation error no longer falls, with the parameters of the best epoch kept."""

from collections.abc import Mapping

import numpy as np

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """Watches an error, epoch by epoch.

    Parameters
    ----------
    patience : int
        Epochs without a new best after which to stop.
    start : (total,) array
        The parameter vector before the first epoch, on the host.

    Attributes
    ----------
    best : (total,) array
        The parameter vector of the best epoch, the first of several equal ones; before any, the start.
    best_error : float
    best_epoch : int
        Counted from 1.
    """

    def __init__(self, patience: int, start: np.ndarray) -> None:
        self._patience = patience
        self._epoch = 0
        self.best = start.copy()
        self.best_error = np.inf
        self.best_epoch = 0

    @property
    def stop(self) -> bool:
        """Whether to stop."""
        return self._epoch - self.best_epoch >= self._patience

    def observe(self, error: float, vector: np.ndarray) -> None:
        """Note the error after an epoch, and the parameter vector (total,) on the host, which is copied if best."""
        self._epoch += 1
        if error < self.best_error:
            self.best, self.best_error, self.best_epoch = vector.copy(), error, self._epoch

    def state(self) -> dict[str, np.ndarray]:
        """Return all that further observations build on."""
        numbers = {"epoch": self._epoch, "best_error": self.best_error, "best_epoch": self.best_epoch}
        return {"best": self.best, **{name: np.array(value) for name, value in numbers.items()}}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was asked."""
        self.best = state["best"]
        self._epoch, self.best_epoch = int(state["epoch"]), int(state["best_epoch"])
        self.best_error = float(state["best_error"])
