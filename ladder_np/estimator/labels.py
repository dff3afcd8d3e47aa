"""The labels that an estimator is given: numbers, texts or objects, some of them the mark of an unlabeled row."""

import numbers
import reprlib
import warnings
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.estimator.base import warning_class

__all__ = ["check_kind", "find_classes", "index_labels", "is_unlabeled", "read_labels"]

LIKE_MISSING = ("", "nan", "None")  # what a missing label becomes as a text, read from a table or put into an array


def read_labels(y: Any, rows: int | None, estimator: str) -> np.ndarray:
    """Return labels as an array (rows,) of numbers, NumPy's texts or objects; of any length if `rows` is None.

    Raises
    ------
    InputError
        If there is none, or another number of them.
    """
    if y is None:
        raise InputError(f"{estimator} requires y to be passed, but the target y is None")
    try:
        labels = np.asarray(y)
    except ValueError:
        raise InputError("y should be a 1d array: a label a row; got rows of different lengths") from None
    if labels.ndim == 2 and labels.shape[1] == 1:
        message = "A column-vector y was passed when a 1d array was expected; use y.ravel()"
        warnings.warn(message, warning_class("DataConversionWarning"), stacklevel=5)
        labels = labels.ravel()
    if labels.ndim != 1:
        raise InputError(f"y should be a 1d array: a label a row; got an array of shape {labels.shape}")
    if rows is not None and len(labels) != rows:
        raise InputError(f"X has {rows} rows and y has {len(labels)} labels; expected as many")
    if labels.dtype.kind not in "biufUO":
        raise InputError(f"y is of type {labels.dtype}; expected numbers, texts, or objects")
    return labels


def is_unlabeled(labels: np.ndarray, mark: Any) -> np.ndarray:
    """Return which labels, (rows,) bool, are the mark of an unlabeled row.

    Texts are compared with the mark's text, because an array of texts and numbers turns its numbers into texts. None
    or NaN as the mark stands for whatever is missing: None, NaN, pandas' NA.
    """
    if labels.dtype == object:
        return np.fromiter((_is_mark(label, mark) for label in labels), bool, len(labels))
    if _is_missing(mark):
        return np.isnan(labels) if labels.dtype.kind == "f" else np.zeros(len(labels), bool)
    if labels.dtype.kind == "U":
        return labels == str(mark)
    return labels == mark if isinstance(mark, numbers.Real | np.generic) else np.zeros(len(labels), bool)


def _is_mark(label: Any, mark: Any) -> bool:
    if _is_missing(mark):
        return _is_missing(label)
    if isinstance(label, str):
        return label == str(mark)
    return not _is_missing(label) and np.ndim(label) == 0 and bool(label == mark)


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas' NA is neither equal nor unequal
        return True
    except ValueError:  # an array is many things
        return False


def find_classes(labels: np.ndarray, mark: Any) -> np.ndarray:
    """Return the classes (K,), ascending, of labels of which none is the mark: two at least.

    Raises
    ------
    InputError
        If there are fewer, or some are no labels or cannot be ordered.
    """
    if not len(labels):
        raise InputError(f"no row is labeled: every y is unlabeled_label ({mark!r}); label one row of each class")
    classes = np.unique(_plain(labels, mark))
    if strays := [text for text in LIKE_MISSING if text in classes.tolist()]:
        raise InputError(
            f"y has the label {strays[0]!r}, which looks like a missing one; if it marks rows without a label, set "
            f"unlabeled_label={strays[0]!r}, else rename that class"
        )
    if len(classes) < 2:
        raise InputError(f"the labeled rows are of one class only, {_shown(classes[0])}; expected two at least")
    return classes


def _plain(labels: np.ndarray, mark: Any) -> np.ndarray:
    """Return labels that can be ordered: texts as they are, numbers as NumPy's numbers, checked."""
    if labels.dtype == object:
        kinds = {_kind(label, mark) for label in labels}
        if len(kinds) > 1:
            raise InputError("y has texts and numbers as labels; expected one kind")
        if kinds == {"text"}:
            return labels
        labels = np.array(labels.tolist())
    if labels.dtype.kind == "f":
        whole = np.isfinite(labels) & (labels == np.floor(labels))
        if not whole.all():
            raise InputError(
                f"Unknown label type: continuous: y has the label {labels[np.argmin(whole)]}; expected whole numbers "
                f"or texts, and unlabeled_label ({mark!r}) where there is none"
            )
    return labels


def _kind(label: Any, mark: Any) -> str:
    if isinstance(label, str):
        return "text"
    if isinstance(label, numbers.Real | np.bool_) and not _is_missing(label):
        return "number"
    raise InputError(
        f"y has the label {_shown(label)}; expected numbers or texts, and unlabeled_label ({mark!r}) where there is "
        "none; unlabeled_label=None stands for None and NaN"
    )


def index_labels(labels: np.ndarray, mark: Any, classes: np.ndarray) -> np.ndarray:
    """Return each row's index into `classes`, (rows,) int64; −1 where it is unlabeled.

    Raises
    ------
    InputError
        If a label is none of the classes.
    """
    labeled = ~is_unlabeled(labels, mark)
    index = np.full(len(labels), -1)
    if labeled.any():
        found, where = np.unique(_plain(labels[labeled], mark), return_inverse=True)
        check_kind(found, classes)
        places = np.searchsorted(classes, found)
        known = np.append(classes, classes[:1])[places] == found
        if not known.all():
            raise InputError(f"y has the label {_shown(found[np.argmin(known)])}, which is not among the classes")
        index[labeled] = places[where]
    return index


def check_kind(labels: np.ndarray, classes: np.ndarray) -> None:
    """Raise `InputError` if labels are texts where classes are numbers, or the other way round."""
    if (labels.dtype.kind in "UO") != (classes.dtype.kind in "UO"):
        raise InputError(f"y has the label {_shown(labels[0])}, but the classes are like {_shown(classes[0])}")


def _shown(label: Any) -> str:
    return reprlib.repr(label.item() if isinstance(label, np.generic) else label)
