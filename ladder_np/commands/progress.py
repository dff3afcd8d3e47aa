"""The progress line: one line, rewritten each epoch, on a terminal only."""

from types import TracebackType
from typing import Self, TextIO

from ladder_np.training.trainer import EpochRecord

__all__ = ["Progress"]


class Progress:
    """Shows which epoch a training has done, its cost, validation error and time left.

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
        self._seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rewrite("")

    def observe(self, name: str, record: EpochRecord, validation_error: float | None) -> None:
        """Show one epoch's record of the model `name`."""
        if record.epoch == 1:
            self._seconds = 0.0
        self._seconds += record.seconds
        left = self._seconds / record.epoch * (self._epochs - record.epoch)
        validation = "" if validation_error is None else f"  validation error {100 * validation_error:.2f} %"
        self._rewrite(
            f"{name}  epoch {record.epoch}/{self._epochs}  cost {record.cost:.4f}{validation}"
            f"  {int(left) // 60}:{int(left) % 60:02} left"
        )

    def _rewrite(self, text: str) -> None:
        if self._shown:
            self._terminal.write(f"\r\033[K{text}")
            self._terminal.flush()
