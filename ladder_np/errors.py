"""The error type for wrong input, the one for training that failed, and the warning about doubtful input.

`InputError` is raised where the package is entered, with one line that says what was given, what was expected and,
where it helps, what to do. The command line prints that line and exits with status 2. `warn` is for input that can be
used and may not mean what its owner thinks; the command line writes it on standard error and goes on.
"""

import sys
import warnings

__all__ = ["BusyError", "InputError", "InputWarning", "LaterError", "TrainingDivergedError", "warn"]


class InputError(ValueError):
    """A value, file or array given by the caller cannot be used; the message is one line.

    It may quote a file's content or name: characters that cannot be printed are shown as escapes, so that nothing
    quoted breaks the line or moves a terminal's cursor.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_printable(message))


class LaterError(InputError):
    """A file holds something that this version of the package does not know: a later one wrote it, most likely."""


class BusyError(InputError):
    """Another process is at work where only one may be."""


class InputWarning(UserWarning):
    """A value, file or array was used, but may not mean what the caller thinks; the message is one line."""


def warn(message: str, category: type[Warning] = InputWarning) -> None:
    """Warn, of doubtful input by default, at the line of the first caller outside this package.

    Quotes are made printable.
    """
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "ladder_np":
        level, frame = level + 1, frame.f_back
    warnings.warn(_printable(message), category, stacklevel=level)


def _printable(message: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in message)


class TrainingDivergedError(RuntimeError):
    """The cost became NaN or infinite; the message is one line."""
