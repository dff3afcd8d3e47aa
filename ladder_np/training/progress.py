"""How far a training is, shown to whoever waits for it: on a terminal and in a notebook one line that is rewritten,
anywhere else (a log, a pipe) a line now and then.

A log gets a line after a model's first epoch and after its last, and one in between when the last line is so old: 10
seconds at first, later a tenth of the time since the training began, 5 minutes at most.
"""

import os
import shutil
import time
from collections.abc import Callable
from typing import Protocol, Self, TextIO

from ladder_np.training.trainer import EpochRecord

__all__ = ["Progress"]

REWRITTEN = 0.1  # seconds between two states of a line that is rewritten: nobody reads faster
SHORTEST, SHARE, LONGEST = 10.0, 0.1, 300.0  # the pause between two lines of a log
USUAL_WIDTH = 80  # columns, where a terminal does not tell


class Progress:
    """Shows each epoch of one training or of several in turn: epoch, cost, validation error and the time left.

    Parameters
    ----------
    epochs : int
        Of each training, if none is stopped early.
    stream : text file or None
        Where it is written; None: nowhere.
    keep_last : bool
        Whether a terminal's line stays there at the end. That of a notebook always does.
    """

    def __init__(self, epochs: int, stream: TextIO | None, keep_last: bool = False) -> None:
        self._epochs = epochs
        self._display = _display(stream, keep_last)
        self._name: str | None = None  # of the model in training; None before the first

    def __enter__(self) -> Self:
        self._start = self._seen = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.end()

    def observe(self, name: str, record: EpochRecord) -> None:
        """Show one epoch's record of the model `name`; a model's clock runs from the last epoch of the one before."""
        if name != self._name:
            self._display.begin(self._seen)
            self._name, self._start = name, self._seen
            self._before = record.epoch - 1  # epochs of a resumed training that are not in that time
        self._seen = time.monotonic()
        self._display.show(self._describe(record), self._seen)

    def _describe(self, record: EpochRecord) -> str:
        pace = (self._seen - self._start) / (record.epoch - self._before)
        left = round(pace * (self._epochs - record.epoch))
        parts = [self._name] if self._name else []
        parts += [f"epoch {record.epoch}/{self._epochs}", f"cost {record.cost:.4f}"]
        if record.validation_error is not None:
            parts.append(f"validation error {100 * record.validation_error:.2f} %")
        return "  ".join([*parts, f"{left // 60}:{left % 60:02} left"])


class _Display(Protocol):
    """Where the text of an epoch goes; times are those of `time.monotonic`."""

    def begin(self, now: float) -> None:
        """A training begins."""

    def show(self, text: str, now: float) -> None:
        """An epoch has ended."""

    def end(self) -> None:
        """Nothing follows."""


def _display(stream: TextIO | None, keep_last: bool) -> _Display:
    if stream is None:
        return _Nowhere()
    if type(stream).__module__.split(".")[0] == "ipykernel":  # a notebook: says that it is not a terminal
        return _Line(stream, lambda: None, keep_last=True)
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return _Line(stream, lambda: _columns(stream) - 1, keep_last)  # in the last column some terminals wrap
    return _Log(stream)


def _columns(stream: TextIO) -> int:
    """Return the width of a terminal."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return columns or shutil.get_terminal_size((USUAL_WIDTH, 1)).columns


class _Nowhere:
    def begin(self, now: float) -> None:
        pass

    def show(self, text: str, now: float) -> None:
        pass

    def end(self) -> None:
        pass


class _Line:
    """One line, rewritten, and cut to `width` where there is one."""

    def __init__(self, stream: TextIO, width: Callable[[], int | None], keep_last: bool) -> None:
        self._stream, self._width, self._keep_last = stream, width, keep_last
        self._text, self._shown = "", ""
        self._due = float("-inf")

    def begin(self, now: float) -> None:
        pass

    def show(self, text: str, now: float) -> None:
        self._text = text
        if now >= self._due:
            self._rewrite(text)
            self._due = now + REWRITTEN

    def end(self) -> None:
        if self._text and self._keep_last:
            self._rewrite(self._text)
            self._stream.write("\n")
        elif self._text:
            self._rewrite("")
            self._stream.write("\r")
        self._stream.flush()

    def _rewrite(self, text: str) -> None:
        width = self._width()
        line = text[:width]
        # Blanks over what is left of a longer line: not every place that rewrites a line knows a code for it.
        self._stream.write("\r" + line.ljust(len(self._shown))[:width])
        self._stream.flush()
        self._shown = line


class _Log:
    """Lines that stay."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: str | None = None  # the last epoch's, if it was not written

    def begin(self, now: float) -> None:
        self.end()
        self._start, self._due = now, now

    def show(self, text: str, now: float) -> None:
        self._waiting = text
        if now >= self._due:
            self._write()
            self._due = now + min(max(SHORTEST, SHARE * (now - self._start)), LONGEST)

    def end(self) -> None:
        if self._waiting is not None:
            self._write()

    def _write(self) -> None:
        self._stream.write(f"{self._waiting}\n")
        self._stream.flush()
        self._waiting = None
