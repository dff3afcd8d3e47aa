"""Where a formula stands in the code: its function, file and line, for whoever reads a step beside the source."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Formula"]

PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Formula:
    """A line of code: the one of `function` that contains `text`, or without text its last return.

    Parameters
    ----------
    function : callable
    text : str
    """

    function: Callable[..., Any]
    text: str = ""

    @property
    def name(self) -> str:
        """The function's qualified name."""
        return self.function.__qualname__

    def place(self) -> tuple[str, int]:
        """Return the file, as seen from the package (or its name alone where it is not of it), and the line.

        Raises ValueError if the function has no such line.
        """
        lines, first = inspect.getsourcelines(self.function)
        found = [number for number, line in enumerate(lines) if (self.text or "return ") in line]
        if not found:
            raise ValueError(f"{self.name} has no line with {self.text!r}")
        file = Path(inspect.getsourcefile(self.function) or "")
        inside = file.is_relative_to(PACKAGE)
        return file.relative_to(PACKAGE).as_posix() if inside else file.name, first + found[0 if self.text else -1]
