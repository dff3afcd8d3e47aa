"""The one error type for wrong input, and the one for a training that failed.

`InputError` is raised at the public doors only, with one line that names what was given, what was expected and,
where it helps, what to do. The command line prints that line and exits with status 2.
"""

__all__ = ["InputError", "TrainingDivergedError"]


class InputError(ValueError):
    """A value, file or array given by the caller cannot be used; the message is one line.

    It may quote what a file says, or a file's name: what cannot be printed is shown as its escape, so that nothing
    quoted ends the line or moves a terminal's cursor.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(char if char.isprintable() else repr(char)[1:-1] for char in message))


class TrainingDivergedError(RuntimeError):
    """The cost became infinite or no number; the message is one line."""
