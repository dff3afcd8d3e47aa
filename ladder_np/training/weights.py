"""How much each labeled row counts in the cross-entropy: `sample_weight` and `class_weight`, as in scikit-learn."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from ladder_np.errors import InputError

__all__ = ["checked_weights", "class_shares", "class_weights", "label_weights"]


def checked_weights(sample_weight: Any, rows: int) -> np.ndarray:
    """Return one weight per row, (rows,) float64; 1 each for None.

    Raises InputError if they are not numbers >= 0, one per row.
    """
    if sample_weight is None:
        return np.ones(rows)
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("sample_weight: expected numbers, one weight per row") from None
    if weights.shape != (rows,):
        raise InputError(f"sample_weight has the shape {weights.shape}; expected ({rows},), one weight per row")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise InputError("sample_weight: expected finite numbers >= 0")
    if rows and not weights.any():
        raise InputError("sample_weight: every weight is zero; expected rows of a larger one")
    return weights


def class_weights(class_weight: Any, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return one factor per class, (K,) float64.

    `class_weight` is None (1 each), "balanced" (n / (K counts), n being the sum of `counts`, the labeled rows of each
    class), or a dict of weights by class, of which a class that is missing has 1. Raises InputError if it is none of
    these, or names a class that does not exist.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return counts.sum() / (len(classes) * np.maximum(counts, 1))
    if not isinstance(class_weight, Mapping):
        raise InputError(f"class_weight={class_weight!r}: expected None, 'balanced' or a dict of weights by class")
    places = {label: k for k, label in enumerate(classes.tolist())}
    factors = np.ones(len(classes))
    for label, weight in class_weight.items():
        if label not in places:
            raise InputError(f"class_weight names {label!r}, which is not a class; the classes are {list(places)}")
        if isinstance(weight, bool) or not isinstance(weight, numbers.Real) or not 0 < float(weight) < math.inf:
            raise InputError(f"class_weight of {label!r} is {weight!r}; expected a number > 0")
        factors[places[label]] = weight
    return factors


def label_weights(
    class_weight: Any,
    classes: np.ndarray,
    index: np.ndarray,
    labeled: np.ndarray,
    sample_weight: Any = 1.0,
    absolute: bool = False,
) -> np.ndarray | None:
    """Return weights of cross-entropies, (n,): of mean 1 over the labeled rows unless `absolute`; None if all are 1.

    `index` (n,) is each row's class, of which only those of the row indices `labeled` are looked at; `sample_weight`
    is a weight per row (n,), or one for all. Raises InputError as `class_weights`.
    """
    factors = class_weights(class_weight, classes, np.bincount(index[labeled], minlength=len(classes)))
    weights = np.zeros(len(index))
    weights[labeled] = (sample_weight * np.ones(len(index)))[labeled] * factors[index[labeled]]
    if absolute or not weights.any():
        return None if (weights[labeled] == 1).all() else weights
    if (weights[labeled] == weights[labeled[0]]).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = weights / weights[labeled].mean()
    if not np.isfinite(scaled).all():
        raise InputError("sample_weight and class_weight are too large together; divide them by a constant")
    return scaled


def class_shares(labeled: np.ndarray) -> np.ndarray:
    """Return the share of each class (K,) from its number of labeled rows; one more of each is counted.

    So no class is impossible that has no labeled row yet (Laplace's rule of succession).
    """
    return (1 + labeled) / (1 + labeled).sum()
