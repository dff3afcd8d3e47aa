"""The error type for wrong input, and the one for training that failed.

`InputError` is raised where the package is entered, with one line that says what was given, what was expected and,
where it helps, what to do. The command line prints that line and exits with status 2.
"""

__all__ = ["InputError", "TrainingDivergedError"]


class InputError(ValueError):
    """A value, file or array given by the caller cannot be used; the message is one line.

    It may quote a file's content or name: characters that cannot be printed are shown as escapes, so that nothing
    quoted breaks the line or moves a terminal's cursor.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(char if char.isprintable() else repr(char)[1:-1] for char in message))


class TrainingDivergedError(RuntimeError):
    """The cost became NaN or infinite; the message is one line."""
