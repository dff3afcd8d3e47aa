"""From an estimator's parameters, unchecked until `fit`, to the settings of network and training."""

import math
import numbers
from typing import Any, TypeGuard

import numpy as np

from ladder_np.errors import InputError
from ladder_np.network.specification import Specification
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import check_seed
from ladder_np.training.settings import TrainingSettings

__all__ = [
    "default_input_weight",
    "draw_seed",
    "flag",
    "share",
    "specification_of",
    "training_settings_of",
    "whole_number",
]

ENDLESS = 2**40  # epochs; partial_fit knows no end that its rate could fall toward


def whole_number(name: str, value: Any, least: int) -> int:
    """Return `value` as an int, or raise `InputError` if it is no whole number from `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{name}={value!r}: expected a whole number >= {least}")
    return int(value)


def share(name: str, value: Any) -> float:
    """Return `value` as a float, or raise `InputError` if it is no number between 0 and 1."""
    if not (_is_real(value) and 0 < value < 1):
        raise InputError(f"{name}={value!r}: expected a share between 0 and 1")
    return float(value)


def _is_real(value: Any) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool, or raise `InputError` if it is none."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}={value!r}: expected True or False")
    return bool(value)


def draw_seed(random_state: Any) -> int:
    """Return a seed: the number itself, the next one of a generator, or for None one from the operating system.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return check_seed(random_state, "random_state")


def specification_of(params: dict[str, Any], features: int, classes: int, input_weight: float) -> Specification:
    """Return the network's description for data of so many features and classes; `input_weight` is λ₀ by default."""
    hidden = params["hidden_layer_sizes"]
    if isinstance(hidden, numbers.Integral) and not isinstance(hidden, bool):
        hidden = (hidden,)
    try:
        sizes = (features, *hidden, classes)
    except TypeError:
        raise InputError(f"hidden_layer_sizes={hidden!r}: expected widths such as (200, 100)") from None
    weights = params["denoising_weights"]
    return Specification(
        sizes=sizes,
        activation=params["activation"],
        combinator=params["combinator"],
        noise_std=params["noise_std"],
        denoising_weights=_default_weights(len(sizes), input_weight) if weights is None else weights,
        dtype=params["dtype"],
    )


def default_input_weight(variance: float) -> float:
    """Return λ₀ for features of this mean variance: 10 where it is 1, as of standardized features.

    z⁰ alone is not normalized (fact 4): over its variance its cost is a share, as that of the layers above is.
    """
    return 10.0 / variance


def _default_weights(layers: int, input_weight: float) -> tuple[float, ...]:
    """Return λ, input first: λ₀, 3, then 1 for every further layer.

    [R]'s 1000, 10, 0.1 are for 784 pixels of variance 0.1 and for wider layers. These, like the other defaults of the
    estimator, were chosen on the validation rows of unlike data sets by ``benchmarks/estimator_defaults.py``.
    """
    return (input_weight, 3.0, *(1.0,) * layers)[:layers]


def training_settings_of(params: dict[str, Any], seed: int, endless: bool = False) -> TrainingSettings:
    """Return the trainer's settings; of an `endless` training the rate never falls."""
    rate, decay_start = params["learning_rate_init"], params["decay_start"]
    for name, value in (("learning_rate_init", rate), ("decay_start", decay_start)):
        if not _is_real(value):
            raise InputError(f"{name}={value!r}: expected a number")
    rows = whole_number("batch_size", params["batch_size"], FEWEST_ROWS)
    return TrainingSettings(
        epochs=ENDLESS if endless else whole_number("max_iter", params["max_iter"], 1),
        labeled_batch=rows,
        unlabeled_batch=rows,
        learning_rate=float(rate),
        decay_start=1.0 if endless else float(decay_start),
        seed=seed,
    )
