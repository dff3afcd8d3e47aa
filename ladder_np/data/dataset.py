"""A checked dataset, and the one place that checks its arrays and maps class numbers to class indices."""

from dataclasses import dataclass
from typing import overload

import numpy as np

from ladder_np.data.stored import StoredRows, blocks
from ladder_np.errors import InputError

__all__ = ["Dataset", "Features", "check_features", "make_dataset"]

Features = np.ndarray | StoredRows
LARGEST_CLASS = 2**53  # up to here float64 holds every whole number
NAMED_AT_MOST = 5  # class numbers in one error line


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of features with class indices; build it with `make_dataset`, which checks everything.

    Attributes
    ----------
    name : str
        "digits", "mnist", "fashion-mnist", the file's name without its ending, or the folder's.
    X : ndarray or StoredRows (n, d)
        Training rows in the dtype they came in (uint8 pixels stay uint8); in memory, C-contiguous, or in their file.
        Index it by rows, and go through it by `blocks`.
    y : ndarray (n,), int64
        Index 0..K-1 into `classes`; -1 for an unlabeled row.
    classes : ndarray (K,), int64
        The class numbers as the file has them, ascending and consecutive.
    X_test, y_test : ndarray or StoredRows (m, d) and ndarray (m,), int64, or None
        The dataset's own test set; every row of it is labeled.
    feature_names : tuple of str or None
        The columns of a CSV file without the label column.
    pixel_maximum : int or None
        What pixels are divided by (255, or 16 for the digits); None for a table of numbers.
    """

    name: str
    X: Features
    y: np.ndarray
    classes: np.ndarray
    X_test: Features | None = None
    y_test: np.ndarray | None = None
    feature_names: tuple[str, ...] | None = None
    pixel_maximum: int | None = None


def make_dataset(
    name: str,
    X: Features,
    y: Features,
    X_test: Features | None = None,
    y_test: Features | None = None,
    *,
    feature_names: tuple[str, ...] | None = None,
    pixel_maximum: int | None = None,
    source: str,
) -> Dataset:
    """Check arrays and map class numbers to indices.

    Parameters
    ----------
    name : str
        What the dataset is called.
    X : ndarray or StoredRows (n, d) or (n, ...)
        Real numbers; rows of more than one dimension (images) are flattened.
    y : ndarray (n,)
        Whole numbers; -1 for an unlabeled row. The others run from the smallest to the largest without a gap.
    X_test, y_test : ndarray, optional
        Both or neither; like `X` and `y`, without unlabeled rows.
    feature_names : tuple of str, optional
        A name for each of the d features.
    pixel_maximum : int, optional
        What pixels are divided by.
    source : str
        Where the arrays come from, for the error line: a path.

    Returns
    -------
    Dataset
        Shares the memory of `X` and `X_test` where they are C-contiguous.

    Raises
    ------
    InputError
        If anything above does not hold, a feature is not finite, or fewer than two classes are labeled.
    """
    X = check_features(X, source, "X", feature_names)
    numbers = _check_labels(y, len(X), source, "X", "y")
    classes = _find_classes(numbers, source)
    test_indices = None
    if X_test is not None and y_test is not None:
        X_test = check_features(X_test, source, "X_test", feature_names)
        _check_same_features(X, X_test, pixel_maximum, source)
        test_numbers = _check_labels(y_test, len(X_test), source, "X_test", "y_test")
        test_indices = _test_indices(test_numbers, classes, source)
    elif X_test is not None or y_test is not None:
        given, missing = ("y_test", "X_test") if X_test is None else ("X_test", "y_test")
        raise InputError(f"{source}: has {given} without {missing}; give both or neither")
    indices = np.where(numbers < 0, -1, numbers - classes[0])
    return Dataset(name, X, indices, classes, X_test, test_indices, feature_names, pixel_maximum)


@overload
def check_features(
    X: np.ndarray, source: str, what: str = ..., feature_names: tuple[str, ...] | None = ...
) -> np.ndarray: ...
@overload
def check_features(
    X: Features, source: str, what: str = ..., feature_names: tuple[str, ...] | None = ...
) -> Features: ...
def check_features(
    X: Features, source: str, what: str = "X", feature_names: tuple[str, ...] | None = None
) -> Features:
    """Check one array of features, without a second array of its size.

    Parameters
    ----------
    X : ndarray or StoredRows (n, d) or (n, ...)
        Any real numeric dtype; rows of more than one dimension are flattened.
    source, what : str
        The file and the array, for the error line.
    feature_names : tuple of str, optional
        A name for each of the d features, for the error line.

    Returns
    -------
    ndarray or StoredRows (n, d)
        The same numbers and dtype: an array C-contiguous and in the byte order of this machine, rows in a file there.

    Raises
    ------
    InputError
        If `X` has fewer than two dimensions, no row or no feature, is not real, or holds NaN or infinity.
    """
    if X.dtype.kind not in "iuf":
        raise InputError(f"{source}: {what} is of type {X.dtype}; expected real numbers (integers or floats)")
    if X.ndim < 2:
        raise InputError(f"{source}: {what} has the shape {X.shape}; expected two dimensions: rows and features")
    if 0 in X.shape:
        raise InputError(f"{source}: {what} has the shape {X.shape}; expected at least one row and one feature")
    if isinstance(X, StoredRows):
        X = X.flat()
    else:
        X = np.ascontiguousarray(X, dtype=X.dtype.newbyteorder("=")).reshape(len(X), -1)
    if X.dtype.kind == "f":
        _refuse_nonfinite(X, source, what, feature_names)
    return X


def _refuse_nonfinite(X: Features, source: str, what: str, names: tuple[str, ...] | None) -> None:
    for start, rows in blocks(X):
        finite = np.isfinite(rows)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            value = rows[row, column]
            where = f"column {column}" if names is None else f"column {names[column]!r}"
            raise InputError(
                f"{source}: {what}, row {start + row}, {where} (counted from 0) is {value}; "
                "expected finite numbers, not NaN or infinity: fill it in or drop the row"
            )


def _check_labels(y: Features, rows: int, source: str, features: str, what: str) -> np.ndarray:
    """Class numbers as int64 (rows,), -1 where unlabeled."""
    if isinstance(y, StoredRows) or y.ndim != 1:
        raise InputError(f"{source}: {what} has the shape {y.shape}; expected one dimension: a label a row")
    if len(y) != rows:
        raise InputError(f"{source}: {features} has {rows} rows and {what} has {len(y)} labels; expected as many")
    if y.dtype.kind not in "iuf":
        raise InputError(f"{source}: {what} is of type {y.dtype}; expected whole numbers, -1 for unlabeled rows")
    numbers = y.astype(np.float64) if y.dtype.kind == "f" else y
    valid = (numbers >= -1) & (numbers <= LARGEST_CLASS) & (numbers == np.floor(numbers))
    if not valid.all():
        row = int(np.argmin(valid))
        raise InputError(
            f"{source}: {what}, row {row} (counted from 0) is {y[row]}; "
            "expected a whole number: the class from 0 up, or -1 for an unlabeled row"
        )
    return numbers.astype(np.int64)


def _find_classes(numbers: np.ndarray, source: str) -> np.ndarray:
    """The class numbers that occur, ascending: two at least, without a gap."""
    found = np.unique(numbers[numbers >= 0])
    if len(found) == 0:
        raise InputError(f"{source}: no row is labeled; label at least one row of each class (0, 1, ...)")
    if len(found) == 1:
        raise InputError(f"{source}: every labeled row is of class {found[0]}; expected two classes at least")
    first, last = int(found[0]), int(found[-1])
    missing = last - first + 1 - len(found)
    if missing:
        raise InputError(
            f"{source}: no labeled row of class {_name_gaps(found, missing)}, though labels run from "
            f"{first} to {last}; label at least one row of it, or renumber the classes without a gap"
        )
    return found


def _name_gaps(found: np.ndarray, missing: int) -> str:
    # Walks the gaps, not the range: labels 0 and 10**15 are one gap and must not become a list.
    named: list[int] = []
    for below, above in zip(found[:-1].tolist(), found[1:].tolist(), strict=True):
        named += range(below + 1, min(above, below + 1 + NAMED_AT_MOST))
        if len(named) >= NAMED_AT_MOST:
            break
    text = ", ".join(str(number) for number in named[:NAMED_AT_MOST])
    return text if missing <= NAMED_AT_MOST else f"{text}, ... ({missing} classes)"


def _check_same_features(X: Features, X_test: Features, pixel_maximum: int | None, source: str) -> None:
    if X_test.shape[1] != X.shape[1]:
        raise InputError(f"{source}: X has {X.shape[1]} features and X_test has {X_test.shape[1]}; expected as many")
    # Pixels of another type are most likely scaled already and would be scaled twice.
    if pixel_maximum is not None and X_test.dtype != X.dtype:
        raise InputError(f"{source}: X is {X.dtype} and X_test is {X_test.dtype}; save both as {X.dtype} pixels")


def _test_indices(numbers: np.ndarray, classes: np.ndarray, source: str) -> np.ndarray:
    if (numbers < 0).any():
        row = int(np.argmax(numbers < 0))
        raise InputError(f"{source}: y_test, row {row} (counted from 0) is -1; every test row needs its label")
    strange = np.setdiff1d(numbers, classes)
    if len(strange):
        raise InputError(
            f"{source}: y_test has class {strange[0]}, of which y has no labeled row; "
            "label at least one row of it, or drop it from the test set"
        )
    return numbers - classes[0]
