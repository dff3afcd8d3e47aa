"""What an estimator is given, checked: features, the names of their columns, labels.

Some messages have the words that scikit-learn's checks of an estimator look for.
"""

import dataclasses
import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ladder_np.data.columns import warn_of_counting
from ladder_np.data.dataset import ImageShape, check_features, find_image_shape
from ladder_np.data.encoding import Values
from ladder_np.data.labels import Labels, Mark, check_two_classes, is_missing, parse_number
from ladder_np.data.sparse import Features, SparseRows, from_scipy, is_scipy_matrix, stack_rows
from ladder_np.data.words import Vocabulary
from ladder_np.errors import InputError, warn
from ladder_np.estimator.base import warning_class
from ladder_np.estimator.frames import is_frame, read_frame
from ladder_np.predictor import Predictor
from ladder_np.training.weights import checked_weights

__all__ = ["Table", "check_left", "read_labels", "read_like", "read_table"]

NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32))  # a row without entries
NAMED_AT_MOST = 5  # columns in one error line


class FeatureTypeError(InputError, TypeError):
    """Features of a type that is not a number."""


@dataclass(frozen=True, eq=False)
class Table:
    """Checked rows: X (n, d), the columns' names or None, the classes (K,), each row's index into them or −1.

    `values` are the texts of each column, as `Encoding` takes them, or None if nothing is encoded; `texts` (n,)
    objects are documents, of which X has no features before a vocabulary is chosen, or None; `weights` (n,) are the
    rows' sample weights; `image_shape` is that of each row, if they are images, or flat for a model that knows it.
    """

    X: Features
    names: tuple[str, ...] | None
    values: Values | None
    texts: np.ndarray | None
    classes: np.ndarray
    index: np.ndarray
    weights: np.ndarray
    image_shape: ImageShape | None = None

    def at(self, rows: np.ndarray) -> "Table":
        """Return some of the rows, by their places or a mask."""
        X = self.X
        X = X.only(np.arange(len(X))[rows]) if isinstance(X, SparseRows) else X[rows]
        texts = None if self.texts is None else self.texts[rows]
        return dataclasses.replace(self, X=X, texts=texts, index=self.index[rows], weights=self.weights[rows])

    def with_vocabulary(self, vocabulary: Vocabulary | None) -> "Table":
        """Return the table with the features that a vocabulary makes of its texts; itself if it has them."""
        if self.texts is None or vocabulary is None or self.X.shape[1]:
            return self
        return dataclasses.replace(self, X=vocabulary.rows(self.texts))

    def only(self, wanted: np.ndarray) -> "Table":
        """Return the rows of a mask (n,); the table itself if these are all."""
        return self if wanted.all() else self.at(wanted)

    def joined(self, other: "Table") -> "Table":
        """Return these rows and then those of another table with the same columns."""
        both = (self, other)
        index, weights = (np.concatenate([getattr(one, name) for one in both]) for name in ("index", "weights"))
        if isinstance(self.X, SparseRows) and isinstance(other.X, SparseRows):
            return dataclasses.replace(self, X=self.X.joined(other.X), index=index, weights=weights)
        X = np.concatenate([np.asarray(one.X) for one in both])
        return dataclasses.replace(self, X=X, index=index, weights=weights)

    def without_weight(self, rows: np.ndarray) -> "Table":
        """Return the table with a label of weight 0 in some rows, which have none: any will do."""
        index, weights = self.index.copy(), self.weights.copy()
        index[rows], weights[rows] = 0, 0.0
        return dataclasses.replace(self, index=index, weights=weights)


def read_table(
    X: Any,
    y: Any,
    mark: Any,
    estimator: str,
    before: Predictor | None,
    classes: Any = None,
    sample_weight: Any = None,
    missing: bool = False,
    of_texts: bool = False,
    of_images: Callable[[], bool] = lambda: False,
) -> Table:
    """Return checked rows; with the classes of `before`, a model to go on from, else those given, else those of y.

    `mark` is what y holds where a row has no label; `estimator` is who asks, for the error line; `missing` is whether
    numbers of X may be missing, `of_texts` whether X holds texts; `of_images` returns whether X may hold images (it
    may, too, if `before` was trained on such).
    Raises InputError if X, y or the classes cannot be used.
    """
    _compare_indices(X, y)
    names, values, texts, shape = None, None, None, None
    if before is None and of_texts:
        texts = np.array(read_texts(X, estimator), dtype=object)
        X = stack_rows([NOTHING] * len(texts), 0)
    elif before is None:
        names = _column_names(X, estimator)
        if is_frame(X):
            X, values = read_frame(X, estimator)
            values = values if any(values) else None
        X, shape = _flat_images(X, of_images)
        X = _read_features(X, estimator, names, missing)
        if missing and values is None and isinstance(X, np.ndarray):
            values = (None,) * X.shape[1]
        warn_of_counting(X, names, estimator)
    else:
        X, shape = _read_like(X, before, estimator, missing, of_images)
        names = before.feature_names
        values = before.scaling.encoding.values if before.scaling.encoding else None
    labels = read_labels(y, mark, estimator)
    labels.check_count(len(X))
    if classes is not None:
        classes = _given_classes(classes, mark, estimator)
    if before is not None:
        if classes is not None and not np.array_equal(classes, before.classes):
            raise InputError(
                "the classes differ from those of the first call; leave them out, or use a new estimator"
            )
        classes = before.classes
    classes, index = labels.encode(classes)
    check_two_classes(classes, labels.mark if labels.unlabeled.any() else None)
    return Table(X, names, values, texts, classes, index, checked_weights(sample_weight, len(X)), shape)


def _flat_images(X: Any, wanted: Callable[[], bool]) -> tuple[Any, ImageShape | None]:
    """Return images (n, height, width[, channels]) as rows, if they are `wanted`, and their shape; else X, None."""
    if not isinstance(X, list | tuple) and getattr(X, "ndim", 0) not in (3, 4):
        return X, None
    try:
        array = np.asarray(X)
    except ValueError:  # told where X is read
        return X, None
    shape = find_image_shape(array)
    return (X, None) if shape is None or not wanted() else (array.reshape(len(array), -1), shape)


def check_left(table: Table) -> None:
    """Raise `InputError` if rows without weight were the only labeled ones of a class."""
    counts = np.bincount(table.index[table.index >= 0], minlength=len(table.classes))
    if not counts.all():
        raise InputError(
            f"class {table.classes.tolist()[int(np.argmin(counts))]!r} has no labeled row with a weight above 0"
        )


def read_like(X: Any, model: Predictor, estimator: str, missing: bool = False) -> Features:
    """Return checked features that are like those that `model` was trained on; warn if they are on another scale.

    Numbers may be missing if `missing` says so, or the model was trained with gaps. X may hold images if it was
    trained on such.

    Raises InputError if they are not a table of numbers, or differ in their number or names.
    """
    return _read_like(X, model, estimator, missing)[0]


def _read_like(
    X: Any, model: Predictor, estimator: str, missing: bool, of_images: Callable[[], bool] = lambda: False
) -> tuple[Features, ImageShape | None]:
    """Return what `read_like` does, and the shape of the images that the rows are, if X or the model tells one.

    Where the model tells none, `of_images` returns whether X may.
    """
    if model.vocabulary is not None:
        return model.read_texts(read_texts(X, estimator)), None
    names = _column_names(X, estimator)
    _compare_names(names, model.feature_names, estimator)
    encoding = model.scaling.encoding
    texts = encoding is not None and any(encoding.values)
    if texts and not hasattr(X, "iloc"):
        raise InputError(f"{estimator}: the model was trained on columns of texts; give a data frame, not an array")
    if is_frame(X, texts):
        X, _ = read_frame(X, estimator, encoding.values if encoding else (None,) * model.scaling.columns)
    X, shape = _flat_images(X, lambda: model.image_shape is not None or of_images())
    model.check_images(shape, f"{estimator}: X")
    X = _read_features(X, estimator, names, missing=encoding is not None and missing)
    expected = model.scaling.columns
    if X.shape[1] != expected:
        raise InputError(f"X has {X.shape[1]} features, but {estimator} is expecting {expected} features as input")
    model.warn_if_unlike(X, f"{estimator}: X")
    return X, shape or model.image_shape


def read_texts(X: Any, estimator: str) -> list[str]:
    """Return texts (n,) from a sequence, an array or a data frame of one column; a missing one is empty.

    Raises InputError, which names the row, if X is not one text per row.
    """
    if isinstance(X, str):
        raise InputError(f"{estimator}: X is one text; expected a list of texts")
    values = np.asarray(X, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(f"{estimator}: X has the shape {values.shape}; expected one text per row, as text= is set")
    if not len(values):
        raise InputError(f"{estimator}: X has 0 rows (0 sample(s)); expected 1 at least")
    for row, value in enumerate(values):
        if not isinstance(value, str) and not is_missing(value):
            raise InputError(f"{estimator}: X, row {row} (counted from 0) is {reprlib.repr(value)}; expected a text")
    return ["" if is_missing(value) else value for value in values]


def read_labels(y: Any, mark: Any, estimator: str, name: str = "y") -> Labels:
    """Return labels, of which `mark` stands for an unlabeled row.

    Raises InputError if there is none, or they are not one label per row.
    """
    if y is None:
        raise InputError(f"{estimator} requires y to be passed, but the target y is None")
    try:
        values = np.asarray(y)
    except ValueError:
        raise InputError(f"{name} should be a 1d array: one label per row; got rows of different lengths") from None
    if values.ndim == 2 and values.shape[1] == 1:
        message = f"A column-vector {name} was passed when a 1d array was expected; use {name}.ravel()"
        warn(message, warning_class("DataConversionWarning"))
        values = values.ravel()
    masked = np.ma.getmaskarray(y).ravel() if np.ma.isMaskedArray(y) else None
    return Labels(values, _mark_of(mark), name, masked=masked)


def _mark_of(unlabeled_label: Any) -> Mark:
    return Mark(
        (unlabeled_label,),
        f"unlabeled_label ({unlabeled_label!r})",
        "if it marks rows without a label, set unlabeled_label to it (None stands for None and NaN)",
        "set unlabeled_label to something else, such as None",
    )


def _compare_indices(X: Any, y: Any) -> None:
    """Warn if X and y are pandas' and their rows have different names: they are paired by their order."""
    of_X, of_y = (cast(Any, getattr(given, "index", None)) for given in (X, y))
    if hasattr(of_X, "equals") and hasattr(of_y, "equals") and len(of_X) == len(of_y) and not of_X.equals(of_y):
        warn("X and y have different indices, and their rows are paired by order; y.loc[X.index] pairs by index")


def _given_classes(classes: Any, mark: Any, estimator: str) -> np.ndarray:
    labels = read_labels(classes, mark, estimator, "classes")
    if labels.unlabeled.any():
        raise InputError(f"classes has {labels.mark.name}; leave it out: it is not a class")
    found, _ = labels.encode()
    check_two_classes(found)
    return found


def _read_features(X: Any, estimator: str, names: tuple[str, ...] | None, missing: bool = False) -> Features:
    """Return features as a C-contiguous array (rows, d) of the real type that they came in; NaN only if `missing`."""
    if is_scipy_matrix(X):
        return _checked_shape(from_scipy(X, estimator), estimator)
    array = _as_numbers(X, estimator)
    if array.ndim != 2:
        raise InputError(
            f"{estimator}: X has the shape {array.shape}; expected 2 dimensions, rows and features. Reshape your "
            "data: X.reshape(-1, 1) for one feature, X.reshape(1, -1) for one row, X.reshape(len(X), -1) for images"
        )
    _checked_shape(array, estimator)
    try:
        return check_features(array, estimator, "X", names, missing)
    except InputError as error:
        gaps = array.dtype.kind == "f" and bool(np.isnan(array).any())
        raise InputError(f"{error}; or fit with missing='mean'" if gaps else str(error)) from None


def _checked_shape(X: Features, estimator: str) -> Features:
    if not len(X):
        raise InputError(f"{estimator}: X has 0 rows (0 sample(s)); expected 1 at least")
    if not X.shape[1]:
        raise InputError(f"{estimator}: X has 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")
    return X


def _as_numbers(X: Any, estimator: str) -> np.ndarray:
    if np.ma.is_masked(X) or (isinstance(X, list | tuple) and any(map(np.ma.is_masked, X))):
        raise InputError(f"{estimator}: X has masked entries; fill them in, as with X.filled(X.mean(axis=0))")
    try:
        array = np.asarray(X)
        _refuse_texts(array, estimator)
        array = _floats_of(array) if array.dtype == object else array
    except TypeError as error:
        raise FeatureTypeError(f"{estimator}: X: {error}; expected real numbers") from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(
            f"{estimator}: X is not a table of numbers ({error}); expected rows of equal length"
        ) from None
    if array.dtype.kind == "c":
        raise InputError(
            f"{estimator}: X is of type {array.dtype}. Complex data not supported; expected real numbers"
        )
    return array.astype(np.uint8) if array.dtype == bool else array


def _floats_of(objects: np.ndarray) -> np.ndarray:
    try:
        return objects.astype(np.float64)
    except TypeError:  # pandas' NA becomes NaN, which is refused with its row and column; others are refused here
        missing = np.array([is_missing(value) for value in objects.flat], bool).reshape(objects.shape)
        return np.where(missing, np.nan, objects).astype(np.float64)


def _refuse_texts(array: np.ndarray, estimator: str) -> None:
    """Raise `InputError` at the first cell of a table that is a text and not a number."""
    if array.ndim != 2 or array.dtype.kind not in "OU":
        return
    for row, cells in enumerate(array.tolist()):
        for column, cell in enumerate(cells):
            if isinstance(cell, str) and math.isnan(parse_number(cell)) and cell.strip().lower() != "nan":
                raise InputError(
                    f"{estimator}: X, row {row}, column {column} (counted from 0) is {reprlib.repr(cell)}; expected "
                    "a number, or NaN where it is missing (columns of texts are for a pandas data frame)"
                )


def _column_names(X: Any, estimator: str) -> tuple[str, ...] | None:
    """Return the names of a data frame's columns; None where X has none, or none that are texts."""
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    texts = [isinstance(name, str) for name in columns]
    if all(texts):
        return tuple(columns)
    if any(texts):
        raise FeatureTypeError(f"{estimator}: some column names of X are texts, others not; X.columns.astype(str)")
    return None


def _compare_names(names: tuple[str, ...] | None, trained: tuple[str, ...] | None, estimator: str) -> None:
    """Compare the columns' names with those in training: an error if they differ, a warning if one side has none."""
    if names == trained:
        return
    if trained is None:
        warn(f"X has feature names, but {estimator} was fitted without feature names", UserWarning)
        return
    if names is None:
        warn(f"X does not have valid feature names, but {estimator} was fitted with feature names", UserWarning)
        return
    # scikit-learn's words, in one line.
    message = "The feature names should match those that were passed during fit. "
    unseen, missing = sorted(set(names) - set(trained)), sorted(set(trained) - set(names))
    if unseen:
        message += f"Feature names unseen at fit time: {_listed(unseen)}. "
    if missing:
        message += f"Feature names seen at fit time, yet now missing: {_listed(missing)}. "
    if not unseen and not missing:
        message += "Feature names must be in the same order as they were in fit."
    raise InputError(message.strip())


def _listed(names: list[str]) -> str:
    return ", ".join([*names[:NAMED_AT_MOST], *(["..."] if len(names) > NAMED_AT_MOST else [])])
