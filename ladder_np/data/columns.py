"""Columns that number the rows: an index saved with a table, or an id. They say nothing about a class."""

import re

import numpy as np

from ladder_np.data.sparse import Features, SparseRows
from ladder_np.data.stored import StoredRows, blocks
from ladder_np.errors import warn

__all__ = ["index_columns", "warn_of_counting"]

NO_NAME = re.compile(r"|Unnamed: \d+\S*")  # what a column without a name is called in a file: pandas names it so
FEWEST_ROWS = 10  # fewer rows count up by chance
NEARLY = 0.9  # this share of the rows is one above the row before


def index_columns(X: np.ndarray, names: tuple[str, ...]) -> list[int]:
    """Return which columns of X (n, d) have no name and hold whole numbers, each once: the numbers of the rows."""
    unnamed = [place for place, name in enumerate(names) if NO_NAME.fullmatch(name)]
    return [place for place in unnamed if _numbers_rows(X[:, place])]


def _numbers_rows(column: np.ndarray) -> bool:
    """Return whether whole numbers are all different, or count up nearly everywhere, as of tables put together."""
    if not (column == np.floor(column)).all():
        return False
    return len(np.unique(column)) == len(column) or float((np.diff(column) == 1).mean()) > NEARLY


def warn_of_counting(X: Features, names: tuple[str, ...] | None, source: str) -> None:
    """Warn of features of X (n, d), called `source`, that number the rows, beside others that do not.

    They are whole numbers that rise or fall in every row, or have no name in a data frame and hold whole numbers,
    each once.
    """
    if isinstance(X, SparseRows):
        return
    unnamed = index_columns(X, names) if names is not None and isinstance(X, np.ndarray) else []
    found = sorted({*unnamed, *_counting(X).tolist()})
    if not found or len(found) == X.shape[1]:
        return
    shown = ", ".join(f"feature {place} (counted from 0)" if names is None else repr(names[place]) for place in found)
    warn(f"{source}: {shown} numbers the rows, as an index or an id does; leave it out if it is one")


def _counting(X: np.ndarray | StoredRows) -> np.ndarray:
    """Return which features are whole numbers that rise in every row of many, or fall."""
    counting = np.arange(X.shape[1])
    last = None
    for _, rows in blocks(X):
        part = rows[:, counting].astype(np.float64)
        part = part if last is None else np.concatenate([last[None, counting], part])
        with np.errstate(over="ignore"):
            step = np.diff(part, axis=0)
            ordered = (step >= 1).all(axis=0) | (step <= -1).all(axis=0)
            counting = counting[ordered & (part == np.floor(part)).all(axis=0)]
        if not len(counting):
            break
        last = rows[-1].astype(np.float64)
    return counting if len(X) >= FEWEST_ROWS else counting[:0]
