"""Where a formula stands in the code: its function, file and line, for whoever reads a step beside the source."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Formula"]

PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Formula:
    """A line of code: the one of `function` that contains `text`; without text its last return, or its first line.

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
        function = _of_partial(self.function)
        return getattr(function, "__qualname__", type(function).__qualname__)

    def place(self) -> tuple[str, int]:
        """Return the file, as seen from the package (or its name alone where it is not of it), and the line.

        It is ("?", 0) for a function without source, such as one typed at a prompt. Raises ValueError if the function
        has no line with the text.
        """
        function = _of_partial(self.function)
        try:
            lines, first = inspect.getsourcelines(function)
        except (OSError, TypeError):
            return "?", 0
        found = [number for number, line in enumerate(lines) if (self.text or "return ") in line]
        if self.text and not found:
            raise ValueError(f"{self.name} has no line with {self.text!r}")
        found = found or [0]
        file = Path(inspect.getsourcefile(function) or "")
        inside = file.is_relative_to(PACKAGE)
        return file.relative_to(PACKAGE).as_posix() if inside else file.name, first + found[0 if self.text else -1]


def _of_partial(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that a `functools.partial` calls; any other as it is."""
    return _of_partial(function.func) if isinstance(function, functools.partial) else function
