"""An estimator's parameters as a model file has them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ladder_np.operations.maps import is_whole_number
from ladder_np.predictor import Predictor

__all__ = ["by_class", "by_index", "params_of"]


def by_index(class_weight: Any, classes: np.ndarray) -> Any:
    """Return the parameter as it is saved: a dict as pairs of the class's index and its weight."""
    if not isinstance(class_weight, Mapping):
        return class_weight
    places = {label: k for k, label in enumerate(classes.tolist())}
    return [[places[label], float(weight)] for label, weight in class_weight.items() if label in places]


def by_class(class_weight: Any, classes: np.ndarray) -> Any:
    """Return the parameter of a file as `by_index` was given it."""
    if not isinstance(class_weight, tuple):
        return class_weight
    return {classes.tolist()[k]: weight for k, weight in class_weight}


def params_of(model: Predictor) -> dict[str, Any]:
    """Return the parameters of an estimator that has this model's network."""
    specification = model.network.specification
    names = ("activation", "combinator", "top_gamma", "noise_std", "denoising_weights", "labeled_statistics", "dtype")
    texts = tuple(int(text) if is_whole_number(text) else text for text in specification.layers)
    # The last layer is the classes' dense one, unless another kind has a unit for each class.
    layers = {"hidden_layer_sizes": texts[:-1]} if isinstance(texts[-1], int) else {"layers": texts}
    missing = "error" if model.scaling.encoding is None else "mean"
    return {
        **layers,
        "missing": missing,
        **{name: getattr(specification, name) for name in names},
    }
