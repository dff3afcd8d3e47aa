"""The progress line: one line, rewritten each epoch, on a terminal only."""

import time
from types import TracebackType
from typing import Self, TextIO

from ladder_np.training.costs import EpochRecord
from ladder_np.training.fit import EpochLines

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
        self._seen = 0.0
        self._name = ""

    def __enter__(self) -> Self:
        self._seen = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rewrite("")

    def observe(self, name: str, record: EpochRecord) -> None:
        """Show one epoch's record of the model `name`; a model's clock runs from the last epoch of the one before."""
        if name != self._name:
            self._name, self._lines = name, EpochLines(self._epochs, self._seen)
        self._seen = time.monotonic()
        self._rewrite(f"{name}  {self._lines.describe(record)}")

    def _rewrite(self, text: str) -> None:
        if self._shown:
            self._terminal.write(f"\r\033[K{text}")
            self._terminal.flush()
