"""Rows as an estimator trains on them: checked features and class indices, like those of a training before."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.estimator.features import check_names, column_names, read_features
from ladder_np.estimator.labels import find_classes, index_labels, is_unlabeled, read_labels
from ladder_np.predictor import Predictor

__all__ = ["Table", "read_like", "read_table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Checked rows: X (n, d), the columns' names or None, the classes (K,), each row's index into them or −1."""

    X: np.ndarray
    names: tuple[str, ...] | None
    classes: np.ndarray
    index: np.ndarray


def read_like(X: Any, model: Predictor, estimator: str) -> np.ndarray:
    """Return checked features that are like those that `model` was trained on.

    Raises
    ------
    InputError
        If they are no table of numbers, or unlike.
    """
    names = column_names(X, estimator)
    check_names(names, model.feature_names, estimator)
    X = read_features(X, estimator, names)
    expected = model.network.specification.sizes[0]
    if X.shape[1] != expected:
        raise InputError(f"X has {X.shape[1]} features, but {estimator} is expecting {expected} features as input")
    return X


def read_table(X: Any, y: Any, mark: Any, estimator: str, before: Predictor | None, classes: Any = None) -> Table:
    """Return checked rows; with the classes of `before`, else those that are given, else those of y.

    Parameters
    ----------
    X, y : array-like
    mark : object
        What y holds where a row has no label.
    estimator : str
        Who asks, for the error line.
    before : Predictor or None
        The model to go on from.
    classes : array-like, optional

    Raises
    ------
    InputError
        If X, y or the classes cannot be used.
    """
    if before is None:
        names = column_names(X, estimator)
        X = read_features(X, estimator, names)
    else:
        X, names = read_like(X, before, estimator), before.feature_names
    labels = read_labels(y, len(X), estimator)
    if classes is not None:
        classes = _given_classes(classes, mark, estimator)
    if before is not None:
        if classes is not None and not np.array_equal(classes, before.classes):
            raise InputError(
                "the classes differ from those of the first call; leave them out, or use a new estimator"
            )
        classes = before.classes
    if classes is None:
        classes = find_classes(labels[~is_unlabeled(labels, mark)], mark)
    return Table(X, names, classes, index_labels(labels, mark, classes))


def _given_classes(classes: Any, mark: Any, estimator: str) -> np.ndarray:
    labels = read_labels(classes, None, estimator)
    if is_unlabeled(labels, mark).any():
        raise InputError(f"classes has unlabeled_label ({mark!r}); leave it out: it is no class")
    return find_classes(labels, mark)
