"""CSV files: a header line, a label column, numbers everywhere else."""

import csv
import io
import math
import reprlib
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ladder_np.data.dataset import LARGEST_CLASS, Dataset, make_dataset
from ladder_np.errors import InputError
from ladder_np.files import open_file

__all__ = ["load_csv", "read_csv_features"]

NAMED_AT_MOST = 10  # column names in one error line
LONGEST_RECORD = 1 << 24  # characters; a file without line ends, or a quote that never closes, is not read whole


def load_csv(path: Path, label_column: str) -> Dataset:
    """Read a CSV file (UTF-8, comma-separated, with a header line) as a dataset.

    Parameters
    ----------
    path : Path
        The file.
    label_column : str
        The column with the class numbers; an empty cell or -1 marks an unlabeled row.

    Returns
    -------
    Dataset
        Features are float64, with their column names.

    Raises
    ------
    InputError
        Naming the line and the column, if the file is no such table or `make_dataset` refuses its numbers.
    """
    names, X, labels = _read_table(path, label_column, labels_wanted=True)
    y = np.array(labels, dtype=np.int64)
    return make_dataset(path.stem, X, y, feature_names=names, source=str(path))


def read_csv_features(path: Path, label_column: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read the features of a CSV file; a label column is left out, whatever it holds.

    Returns
    -------
    X : ndarray (n, d), float64
    names : tuple of str
        The d column names.

    Raises
    ------
    InputError
        Naming the line and the column, if the file is no table of finite numbers.
    """
    names, X, _ = _read_table(path, label_column, labels_wanted=False)
    return X, names


def _read_table(
    path: Path, label_column: str, *, labels_wanted: bool
) -> tuple[tuple[str, ...], np.ndarray, list[int]]:
    records = _records(path)
    columns = _read_header(next(records, None), path)
    label_at = columns.index(label_column) if label_column in columns else None
    if labels_wanted and label_at is None:
        raise InputError(
            f"{path}: has no column {label_column!r}; its columns are {_listed(columns)}; name it with --label-column"
        )
    names = tuple(name for name in columns if name != label_column)
    if not names:
        raise InputError(f"{path}: has only the label column {label_column!r}; expected features beside it")
    numbers = array("d")  # 8 bytes a cell; lists of Python floats would take four times as much
    labels: list[int] = []
    for line, cells in records:
        if len(cells) != len(columns):
            raise InputError(f"{path}: line {line} has {len(cells)} cells; expected {len(columns)} as in the header")
        if label_at is not None:
            label = cells.pop(label_at)
            if labels_wanted:
                labels.append(_parse_label(label, line, label_column, path))
        numbers.extend(_parse_features(cells, names, line, path))
    if not numbers:
        raise InputError(f"{path}: has a header line and no rows; expected a line a row after it")
    return names, np.frombuffer(numbers, np.float64).reshape(-1, len(names)), labels


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number of each line and its cells; empty lines at the end are not lines."""
    empty_line, length = None, 0

    def lines() -> Iterator[str]:
        nonlocal length
        while line := file.readline(LONGEST_RECORD + 1 - length):
            length += len(line)
            if length > LONGEST_RECORD:
                raise InputError(
                    f"{path}: line {reader.line_num + 1} begins a row of more than {LONGEST_RECORD} characters; "
                    "end each row's line, or save so wide a table as .npz or .npy"
                )
            yield line

    try:
        with io.TextIOWrapper(open_file(path, "a CSV file"), encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(lines(), strict=True)
            for cells in reader:
                length = 0
                if not cells:
                    empty_line = empty_line or reader.line_num
                elif empty_line:
                    # Skipping it would shift predictions against the lines of the file.
                    raise InputError(f"{path}: line {empty_line} is empty; expected cells, or the end of the file")
                else:
                    yield reader.line_num, cells
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}); expected a CSV file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error.reason}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise InputError(
            f"{path}: line {reader.line_num} is no CSV ({error}); expected comma-separated cells"
        ) from error


def _read_header(record: tuple[int, list[str]] | None, path: Path) -> list[str]:
    if record is None:
        raise InputError(f"{path}: is empty; expected a header line and a line a row")
    columns = [name.strip() for name in record[1]]
    known: set[str] = set()
    for at, name in enumerate(columns):
        if not name:
            raise InputError(f"{path}: column {at + 1} has no name in the header line; name it or drop the column")
        if name in known:
            raise InputError(f"{path}: two columns are called {name!r}; expected a header line with unique names")
        known.add(name)
    return columns


def _listed(columns: list[str]) -> str:
    text = ", ".join(reprlib.repr(name) for name in columns[:NAMED_AT_MOST])
    return text if len(columns) <= NAMED_AT_MOST else f"{text}, ... ({len(columns)} columns)"


def _parse_features(cells: list[str], names: tuple[str, ...], line: int, path: Path) -> list[float]:
    values = [_parse_number(cell) for cell in cells]
    if all(map(math.isfinite, values)):
        return values
    at = [math.isfinite(value) for value in values].index(False)
    given = reprlib.repr(cells[at]) if cells[at].strip() else "empty"
    raise InputError(
        f"{path}: line {line}, column {names[at]!r} is {given}; expected a finite number: fill it in or drop the line"
    )


def _parse_label(text: str, line: int, label_column: str, path: Path) -> int:
    if not text.strip():
        return -1
    value = _parse_number(text)
    if not (value.is_integer() and -1 <= value <= LARGEST_CLASS):
        raise InputError(
            f"{path}: line {line}, column {label_column!r} is {reprlib.repr(text)}; expected a whole number: "
            "the class from 0 up, or -1 or nothing for an unlabeled row"
        )
    return int(value)


def _parse_number(text: str) -> float:
    """The number in a cell; NaN where there is none."""
    try:
        return math.nan if "_" in text else float(text)  # Python reads 1_000 as a number, nobody else does
    except ValueError:
        return math.nan
