"""The progress line: one line, rewritten each epoch, on a terminal only."""

import time
from types import TracebackType
from typing import Self, TextIO

from ladder_np.training.trainer import EpochRecord

__all__ = ["Progress"]


class Progress:
    """Shows how many epochs a model has done, its cost, its validation error and the time left for this model.

    Parameters
    ----------
    epochs : int
        Of each model.
    terminal : text file
        Nothing is written unless it is a terminal.
    """

    def __init__(self, epochs: int, terminal: TextIO) -> None:
        self._epochs = epochs
        self._terminal = terminal
        self._shown = terminal.isatty()
        self._start = self._seen = 0.0
        self._name = ""
        self._epochs_before = 0

    def __enter__(self) -> Self:
        self._seen = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rewrite("")

    def observe(self, name: str, record: EpochRecord, validation_error: float | None) -> None:
        """Show one epoch's record of the model `name`; a model's clock runs from the last epoch of the one before."""
        now = time.monotonic()
        if name != self._name:  # its first epoch here: a resumed run has done some before
            self._name, self._start, self._epochs_before = name, self._seen, record.epoch - 1
        self._seen = now
        pace = (now - self._start) / (record.epoch - self._epochs_before)
        left = round(pace * (self._epochs - record.epoch))
        validation = "" if validation_error is None else f"  validation error {100 * validation_error:.2f} %"
        self._rewrite(
            f"{name}  epoch {record.epoch}/{self._epochs}  cost {record.cost:.4f}{validation}"
            f"  {left // 60}:{left % 60:02} left"
        )

    def _rewrite(self, text: str) -> None:
        if self._shown:
            self._terminal.write(f"\r\033[K{text}")
            self._terminal.flush()
