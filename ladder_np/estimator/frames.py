"""Data frames with columns of different kinds: numbers, texts, categories, missing cells.

A frame is whatever has columns that can be asked for by name, as those of pandas; none is imported.
"""

import math
import numbers
import reprlib
from typing import Any

import numpy as np

from ladder_np.data.encoding import MISSING, MOST_VALUES, UNKNOWN, Values
from ladder_np.data.labels import is_missing
from ladder_np.errors import InputError

__all__ = ["is_frame", "read_frame"]


def is_frame(X: Any, texts: bool = False) -> bool:
    """Return whether X is a data frame that is read by column: of texts, or one that is not a table of numbers."""
    return hasattr(X, "columns") and hasattr(X, "iloc") and (texts or np.asarray(X[:0]).dtype.kind not in "biuf")


def read_frame(X: Any, estimator: str, values: Values | None = None) -> tuple[np.ndarray, Values]:
    """Return a frame's cells (n, d), float64, and the texts of each column: see `Encoding`.

    `values` are the texts of each column in training; None: those that occur. Raises InputError, which names the row
    and the column, if a cell is neither a number nor a text, or a column holds too many texts.
    """
    read, found = [], []
    for place, name in enumerate(X.columns):
        cells = np.asarray(X.iloc[:, place])
        source = f"{estimator}: X, column {name!r}"
        known = None if values is None or place >= len(values) else values[place]
        numbers_wanted = values is not None and known is None
        column, texts = _read_column(cells, source, known, numbers_wanted)
        read.append(column)
        found.append(texts)
    return np.column_stack(read) if read else np.empty((len(X), 0)), tuple(found)


def _read_column(
    cells: np.ndarray, source: str, known: tuple[str, ...] | None, numbers_wanted: bool
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Return one column as numbers, and the texts that they are the codes of; None if they are not."""
    if known is None and cells.dtype.kind in "biuf":
        return cells.astype(np.float64), None
    if cells.dtype.kind not in "biufOUT":
        raise InputError(
            f"{source} is of type {cells.dtype}; expected numbers or texts: turn it into such, or drop it"
        )
    values = [_cell(value) for value in cells.tolist()]
    texts = [row for row, value in enumerate(values) if isinstance(value, str)]
    if not texts and known is None:
        return np.array([_number(value, source, row) for row, value in enumerate(values)]), None
    few = known is None and 2 * len(texts) <= sum(value is not None for value in values)
    if texts and (numbers_wanted or few):
        place = f"row {texts[0]} (counted from 0) is {reprlib.repr(values[texts[0]])}"
        raise InputError(f"{source}, {place}; expected a number as in other rows, or None where it is missing")
    return _codes([math.nan if value is None else _text(value) for value in values], source, known)


def _cell(value: Any) -> Any:
    """Return a cell as a table in a file has it: a text without blanks around it, None where it is missing."""
    if isinstance(value, str):
        return None if value.strip() in MISSING else value.strip()
    return None if is_missing(value) else value


def _number(value: Any, source: str, row: int) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, numbers.Real | np.bool_):
        raise InputError(
            f"{source}, row {row} (counted from 0) is {reprlib.repr(value)}; expected a number, a text or nothing"
        )
    return float(value)


def _text(value: Any) -> str:
    """Return the text of a cell; a whole number may have become a float, as 1.0 beside gaps."""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value) if whole else value)


def _codes(cells: list[Any], source: str, known: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...] | None]:
    texts = known or tuple(sorted({cell for cell in cells if isinstance(cell, str)}))
    if known is None and len(texts) > MOST_VALUES:
        some = ", ".join(map(reprlib.repr, texts[:3]))
        raise InputError(
            f"{source} holds {len(texts)} different texts ({some}, ...), too many for categories "
            f"(at most {MOST_VALUES}); drop the column, or turn it into numbers"
        )
    codes = {text: float(code) for code, text in enumerate(texts)}
    return np.array([codes.get(cell, UNKNOWN) if isinstance(cell, str) else cell for cell in cells]), texts
