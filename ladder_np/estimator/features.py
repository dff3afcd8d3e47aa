"""The features that an estimator is given: a table of finite real numbers, and the names of its columns.

Some messages have the words that scikit-learn's checks of an estimator look for.
"""

import warnings
from typing import Any

import numpy as np

from ladder_np.data.dataset import check_features
from ladder_np.errors import InputError

__all__ = ["check_names", "column_names", "read_features"]

NAMED_AT_MOST = 5  # columns in one error line


class FeatureTypeError(InputError, TypeError):
    """Features of a type that is no number."""


def read_features(X: Any, estimator: str, names: tuple[str, ...] | None = None) -> np.ndarray:
    """Return features as a C-contiguous array (rows, d), of the real type that they came in.

    Parameters
    ----------
    X : array-like (rows, d)
        Array, list of lists or data frame.
    estimator : str
        Who asks, for the error line.
    names : tuple of str, optional
        See `column_names`.

    Raises
    ------
    InputError
        If it is no such table.
    """
    if hasattr(X, "tocsr"):
        raise InputError(f"{estimator}: X is a sparse matrix; expected a dense array: pass X.toarray()")
    array = _as_numbers(X, estimator)
    if array.ndim != 2:
        raise InputError(
            f"{estimator}: X has the shape {array.shape}; expected 2 dimensions, rows and features. Reshape your "
            "data: X.reshape(-1, 1) for one feature, X.reshape(1, -1) for one row, X.reshape(len(X), -1) for images"
        )
    if not len(array):
        raise InputError(f"{estimator}: X has 0 rows (0 sample(s)); expected 1 at least")
    if not array.shape[1]:
        raise InputError(f"{estimator}: X has 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    return check_features(array, estimator, "X", names)


def _as_numbers(X: Any, estimator: str) -> np.ndarray:
    try:
        array = np.asarray(X)
        if array.dtype == object:
            array = array.astype(np.float64)
    except TypeError as error:
        raise FeatureTypeError(f"{estimator}: X: {error}; expected real numbers") from None
    except ValueError as error:
        raise InputError(f"{estimator}: X is no table of numbers ({error}); expected rows of equal length") from None
    if array.dtype.kind == "c":
        raise InputError(
            f"{estimator}: X is of type {array.dtype}. Complex data not supported; expected real numbers"
        )
    return array.astype(np.uint8) if array.dtype == bool else array


def column_names(X: Any, estimator: str) -> tuple[str, ...] | None:
    """Return the names of a data frame's columns; None where X has none, or none that are texts.

    Raises
    ------
    InputError
        If some names are texts and others not.
    """
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    texts = [isinstance(name, str) for name in columns]
    if all(texts):
        return tuple(columns)
    if any(texts):
        raise FeatureTypeError(f"{estimator}: some column names of X are texts, others not; X.columns.astype(str)")
    return None


def check_names(names: tuple[str, ...] | None, trained: tuple[str, ...] | None, estimator: str) -> None:
    """Compare the columns' names with those in training: an error if they differ, a warning if one side has none.

    Raises
    ------
    InputError
        In scikit-learn's words, which take several lines.
    """
    if names == trained:
        return
    if trained is None:
        warnings.warn(f"X has feature names, but {estimator} was fitted without feature names", stacklevel=5)
        return
    if names is None:
        warnings.warn(
            f"X does not have valid feature names, but {estimator} was fitted with feature names", stacklevel=5
        )
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
