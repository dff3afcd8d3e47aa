"""The methods that are compared: the ladder, the same network with other settings, and scikit-learn's classifiers."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.estimator.classifier import LadderClassifier
from ladder_np.estimator.input import read_like
from ladder_np.estimator.interrupt import InterruptWarning

__all__ = [
    "SCIKIT_LEARN",
    "VARIANTS",
    "Repeat",
    "Variant",
    "chosen_methods",
    "fit_network",
    "predict_scikit_learn",
    "scaled_rows",
]

NEIGHBORS = 7  # label spreading's default


@dataclass(frozen=True, eq=False)
class Repeat:
    """The rows of one repeat, as they were given."""

    X: Any  # training rows, labeled and unlabeled
    labels: np.ndarray  # (n,) objects: the classes of the training rows, None where unlabeled
    index: np.ndarray  # (n,) the same as indices, -1 where unlabeled
    X_test: Any
    answers: np.ndarray  # (m,) indices of the test rows' classes
    seed: int


def fit_network(model: LadderClassifier, changes: Mapping[str, Any], repeat: Repeat) -> LadderClassifier:
    """Return a new estimator, with the parameters of `model` but for `changes`, trained on the rows of a repeat."""
    own = {"unlabeled_label": None, "random_state": repeat.seed, "warm_start": False, "verbose": False}
    network = type(model)(**{**model.get_params(), **changes, **own})
    with warnings.catch_warnings():
        warnings.simplefilter("error", InterruptWarning)
        try:
            return network.fit(repeat.X, repeat.labels)
        except InterruptWarning:  # half a training is not a repeat
            raise KeyboardInterrupt("interrupted; no result") from None


def scaled_rows(ladder: LadderClassifier, X: Any) -> np.ndarray:
    """Return rows as the ladder's network takes them, for the other methods."""
    model = ladder.predictor_
    rows = np.asarray(read_like(X, model, "compare", ladder.missing == "mean"))
    return model.scaling.apply(rows, np.float64)


# ---- Other settings of the ladder, which may do better.


@dataclass(frozen=True)
class Variant:
    """Another setting of the ladder: its name, the parameters that it changes, what a user sets to have it."""

    name: str
    changes: dict[str, Any]
    setting: str


def _tenth_of_weights(fitted: LadderClassifier) -> Variant:
    weights = tuple(float(f"{w / 10:.3g}") for w in fitted.predictor_.network.specification.denoising_weights)
    shown = ",".join(f"{w:g}" for w in weights)
    return Variant("λ / 10", {"denoising_weights": weights}, f"denoising weights {shown}")


def _other_statistics(fitted: LadderClassifier) -> Variant:
    specification = fitted.predictor_.network.specification
    other = "own" if specification.labeled_statistics == "unlabeled" else "unlabeled"
    return Variant(f"{other} statistics", {"labeled_statistics": other}, f"labeled statistics {other}")


def _twice_the_epochs(fitted: LadderClassifier) -> Variant:
    return _epochs(2 * fitted.max_iter)


def _half_the_epochs(fitted: LadderClassifier) -> Variant:
    return _epochs(max(1, fitted.max_iter // 2))


def _epochs(count: int) -> Variant:
    name = f"{count} epoch{'s' if count > 1 else ''}"
    return Variant(name, {"max_iter": count}, name)


VARIANTS: tuple[Callable[[LadderClassifier], Variant], ...] = (
    _tenth_of_weights,
    _other_statistics,
    _twice_the_epochs,
    _half_the_epochs,
)


# ---- scikit-learn's classifiers.


def _logistic_regression() -> Any:
    return _scikit_learn("linear_model").LogisticRegression(max_iter=1000)


def _self_training(rows: int) -> Any:
    return _scikit_learn("semi_supervised").SelfTrainingClassifier(_logistic_regression())


def _label_spreading(rows: int) -> Any:
    return _scikit_learn("semi_supervised").LabelSpreading(kernel="knn", n_neighbors=min(NEIGHBORS, rows - 1))


# By name: what makes the classifier, given the number of training rows, and whether it sees the unlabeled ones.
SCIKIT_LEARN: dict[str, tuple[Callable[[int], Any], bool]] = {
    "self-training": (_self_training, True),
    "label spreading": (_label_spreading, True),
    "logistic regression": (lambda rows: _logistic_regression(), False),
}


def chosen_methods(methods: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of methods to compare beside the networks, and those that scikit-learn is missing for.

    They are those given, by default all. Raises InputError if a name is unknown, or given where scikit-learn is
    missing.
    """
    if methods is None:
        return (tuple(SCIKIT_LEARN), ()) if _has_scikit_learn() else ((), tuple(SCIKIT_LEARN))
    named = (methods,) if isinstance(methods, str) else tuple(methods)
    for name in named:
        if name not in SCIKIT_LEARN:
            raise InputError(f"unknown method {name!r}; choose among {', '.join(SCIKIT_LEARN)}")
    if named and not _has_scikit_learn():
        raise InputError(f"{named[0]} needs scikit-learn: pip install scikit-learn")
    return named, ()


def predict_scikit_learn(name: str, train: np.ndarray, index: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Train a classifier on scaled rows (n, d) with labels (n,), -1 where unlabeled; return test rows' classes (m,).

    Its warnings, of a solver that has not converged or of rows that no label reaches, are part of how it does.
    """
    make, sees_unlabeled = SCIKIT_LEARN[name]
    used = np.flatnonzero((index >= 0) | sees_unlabeled)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(make(len(used)).fit(train[used], index[used]).predict(test))


def _has_scikit_learn() -> bool:
    """Return whether scikit-learn can be used; it is imported then."""
    try:
        _scikit_learn("semi_supervised")
    except ImportError:
        return False
    return True


def _scikit_learn(module: str) -> Any:
    return importlib.import_module(f"sklearn.{module}")
