"""From an estimator's parameters, unchecked until `fit`, and checked rows to a training that can begin."""

import dataclasses
import math
import numbers
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeGuard

import numpy as np

from ladder_np.data.encoding import find_encoding
from ladder_np.data.pixels import find_pixel_maximum, warn_of_doubt
from ladder_np.data.ranges import find_range
from ladder_np.data.scaling import Scaling, make_scaling, mean_variance, scaled_rows
from ladder_np.data.split import Split, split_rows
from ladder_np.data.words import Vocabulary, check_tokens, find_vocabulary
from ladder_np.errors import InputError
from ladder_np.estimator.input import Table
from ladder_np.estimator.kept import KeptRows, plan_call
from ladder_np.network.model import LadderNetwork
from ladder_np.network.parameters import parameter_shapes
from ladder_np.network.specification import Specification, needs_images, sizes_for, weights_for_variance
from ladder_np.operations.maps import split_layers
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.predictor import Predictor
from ladder_np.rng import Stream, check_seed, stream
from ladder_np.training.defaults import TABLES, Defaults, find_defaults
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import Training, TrainingSettings
from ladder_np.training.weights import class_shares, label_weights

__all__ = ["HIDDEN", "begin_call", "begin_fit", "flag", "kinds_of_rows", "split_table", "takes_images"]

HIDDEN = (200, 100)  # the default of `hidden_layer_sizes`
ENDLESS = 2**40  # epochs of partial_fit, which has no end toward which its rate could fall

# ---- Parameters.


def _whole_number(name: str, value: Any, least: int) -> int:
    """Return `value` as an int, or raise `InputError` if it is not a whole number >= `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{name}={value!r}: expected a whole number >= {least}")
    return int(value)


def _share(name: str, value: Any) -> float:
    """Return `value` as a float, or raise `InputError` if it is not a number between 0 and 1."""
    if not (_is_real(value) and 0 < value < 1):
        raise InputError(f"{name}={value!r}: expected a share between 0 and 1")
    return float(value)


def _is_real(value: Any) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool, or raise `InputError` if it is not one."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name}={value!r}: expected True or False")
    return bool(value)


def _draw_seed(random_state: Any) -> int:
    """Return a seed: the number itself, the next one of a generator, or for None one from the operating system.

    Raises InputError if it is not one of these.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return check_seed(random_state, "random_state")


def _defaults(params: dict[str, Any]) -> Defaults:
    """Return what stands for "auto" in the parameters."""
    return find_defaults(params["text"] is not None, params["scaling"])


def _hidden_layers(params: dict[str, Any]) -> Sequence[Any]:
    """Return `hidden_layer_sizes` as a sequence; raise `InputError` if it is none, or `layers` are given too."""
    hidden, layers = params["hidden_layer_sizes"], params["layers"]
    if layers is not None and hidden is not HIDDEN and hidden != HIDDEN:
        raise InputError(f"layers={layers!r} and hidden_layer_sizes={hidden!r}: give one of them")
    if isinstance(hidden, numbers.Integral) and not isinstance(hidden, bool):
        hidden = (hidden,)
    try:
        return split_layers(hidden) if isinstance(hidden, str) else tuple(hidden)
    except TypeError:
        raise InputError(f"hidden_layer_sizes={hidden!r}: expected widths such as (200, 100)") from None


def kinds_of_rows(params: dict[str, Any]) -> tuple[bool, bool, Callable[[], bool]]:
    """Return `missing`, `of_texts` and `of_images` of `read_table`; check what needs no rows before any are read.

    Raises InputError if a parameter that is one of a few values is another one.
    """
    if params["missing"] not in ("error", "mean"):
        raise InputError(f"missing={params['missing']!r}: expected 'error' or 'mean'")
    for name in ("top_gamma", "early_stopping"):
        flag(name, params[name])
    _moves(params)
    return params["missing"] == "mean", params["text"] is not None, partial(takes_images, params)


def takes_images(params: dict[str, Any]) -> bool:
    """Return whether an estimator with these parameters learns from images, not from rows of features."""
    if any(_moves(params).values()):
        return True
    hidden = _hidden_layers(params)
    return needs_images(hidden if params["layers"] is None else params["layers"])


def _moves(params: dict[str, Any]) -> dict[str, Any]:
    """Return how training images are moved at random, as `TrainingSettings` has it."""
    return {
        "translate": _whole_number("translate", params["translate"], 0),
        "flip": flag("flip", params["flip"]),
    }


def _specification_of(
    params: dict[str, Any], table: Table, features: int, variance: float, before: Predictor | None
) -> Specification:
    """Return the network's description for a table that is scaled to that many features, of that mean variance.

    The default of λ₀ is that of `before`, where there is such a model to go on from.
    """
    shape = table.image_shape
    if shape is not None and math.prod(shape) != features:
        raise InputError("X holds images in which numbers are missing; fill them in")
    sizes = sizes_for(features, len(table.classes), shape, _hidden_layers(params), params["layers"])
    weights = params["denoising_weights"]
    if weights is None:
        weights = weights_for_variance(len(sizes), variance, _defaults(params).lambda_factor)
        weights = (before.network.specification.denoising_weights[0], *weights[1:]) if before else weights
    return Specification(
        sizes=sizes,
        activation=params["activation"],
        combinator=params["combinator"],
        noise_std=params["noise_std"],
        denoising_weights=weights,
        dtype=params["dtype"],
        labeled_statistics=params["labeled_statistics"],
        top_gamma=flag("top_gamma", params["top_gamma"]),
    )


def _training_settings(params: dict[str, Any], seed: int, endless: bool = False) -> TrainingSettings:
    """Return the trainer's settings; of an `endless` training the rate never falls."""
    rate, decay_start = params["learning_rate_init"], params["decay_start"]
    for name, value in (("learning_rate_init", rate), ("decay_start", decay_start)):
        if not _is_real(value):
            raise InputError(f"{name}={value!r}: expected a number")
    rows = _whole_number("batch_size", params["batch_size"], FEWEST_ROWS)
    patience = _whole_number("n_iter_no_change", params["n_iter_no_change"], 1)
    return TrainingSettings(
        epochs=ENDLESS if endless else _whole_number("max_iter", params["max_iter"], 1),
        labeled_batch=rows,
        unlabeled_batch=rows,
        learning_rate=float(rate),
        decay_start=1.0 if endless else float(decay_start),
        seed=seed,
        patience=patience if flag("early_stopping", params["early_stopping"]) else None,
        **_moves(params),
    )


# ---- Rows and model.


def _make_model(
    params: dict[str, Any],
    table: Table,
    rows: np.ndarray,
    seed: int,
    before: Predictor | None,
    settled: bool = True,
    vocabulary: Vocabulary | None = None,
) -> Predictor:
    """Return the model to train: a new one, or one that continues with the parameters of `before`.

    Its scaling is that of `before` if it is `settled`, else found on the rows.
    """
    if before and settled:
        before.check_like(table.X)
        scaling, pixels = before.scaling, before.pixels
    else:
        scaling, pixels = _find_scaling(params, table, rows, before)
    variance = 1.0 if before and settled else mean_variance(table.X, rows, scaling)
    if variance == 0:
        raise InputError("every feature of X is the same in all rows; expected at least one that differs")
    known = before if settled else None
    specification = _specification_of(params, table, scaling.width, variance, known)
    scaling.check(table.X, specification.numpy_dtype)
    if before:
        parameters = _parameters_of(before, specification)
        network = LadderNetwork.from_parameters(specification, parameters, device=params["device"])
    else:
        network = LadderNetwork.from_specification(specification, device=params["device"], seed=seed)
    limits = find_range(table.X, rows, table.values)
    if before and before.range and limits:
        limits = limits.joined(before.range)
    return Predictor(
        network,
        scaling,
        table.classes,
        table.names,
        pixels,
        range=limits,
        vocabulary=before.vocabulary if before else vocabulary,
        image_shape=table.image_shape,
    )


def set_prior(model: Predictor, labeled: np.ndarray) -> None:
    """Set what texts without a known token get, from the number of labeled rows of each class (K,)."""
    if model.vocabulary is not None:
        model.prior = class_shares(labeled)


def _find_vocabulary(
    params: dict[str, Any], table: Table, rows: np.ndarray, before: Predictor | None
) -> Vocabulary | None:
    """Return the vocabulary of texts in a table's rows; None if it has none, or a model has chosen."""
    if table.texts is None or before is not None:
        return None
    return find_vocabulary(table.texts[rows].tolist(), check_tokens(params["text"]), params["vocabulary_size"])


def _find_scaling(
    params: dict[str, Any], table: Table, rows: np.ndarray, before: Predictor | None
) -> tuple[Scaling, bool]:
    """Return the scaling, and whether features are pixels; columns are encoded as in the model `before`."""
    maximum = None
    if params["scaling"] == "auto":
        X = table.X if table.image_shape is None else np.asarray(table.X).reshape(-1, *table.image_shape)
        warn_of_doubt(X)
        maximum = find_pixel_maximum(X)
    encoding = before.scaling.encoding if before else None
    if encoding is None and table.values is not None:
        encoding = find_encoding(table.X, rows, table.values)
    scaling = make_scaling(table.X, rows, params["scaling"], maximum, encoding)
    return scaling, scaling.kind == "pixels"


def _parameters_of(before: Predictor, specification: Specification) -> np.ndarray:
    network, fitted = before.network, before.network.specification
    if parameter_shapes(fitted) != parameter_shapes(specification):
        raise InputError(
            f"the fitted network is {fitted.description}; the parameters and data ask for "
            f"{specification.description}; to go on from it leave these alone, or set warm_start=False"
        )
    return network.device.get(network.parameters.vector).astype(specification.numpy_dtype)


def split_table(params: dict[str, Any], table: Table, seed: int) -> Split:
    """Return which rows are trained on, and with early stopping which labeled ones are held out for validation.

    Raises InputError if every labeled row is the only one of its class, so that none can be spared.
    """
    labeled, classes = np.flatnonzero(table.index >= 0), len(table.classes)
    if not params["early_stopping"]:
        return Split(labeled, np.arange(len(table.index)), labeled[:0], labeled[:0])
    wanted = max(1, round(_share("validation_fraction", params["validation_fraction"]) * len(labeled)))
    spare = len(labeled) - classes
    if spare < 1:
        raise InputError(
            f"early_stopping: {len(labeled)} labeled rows of {classes} classes leave none for validation; "
            "label more rows, or set early_stopping=False"
        )
    generator = stream(seed, Stream.SPLIT)
    return split_rows(
        table.index, classes, labels=None, validation=min(wanted, spare), test_fraction=0, generator=generator
    )


def begin_fit(
    params: dict[str, Any], table: Table, before: Predictor | None
) -> tuple[Predictor, Training, np.ndarray]:
    """Return the model to train, its training before the first epoch, and the rows held out for validation.

    `params` are the estimator's, `before` is the model to continue. Raises InputError if a parameter or the table
    cannot be used, or the network of `before` has other shapes.
    """
    settings = _training_settings(params, _draw_seed(params["random_state"]))
    split = split_table(params, table, settings.seed)
    counts = np.bincount(table.index[split.labeled], minlength=len(table.classes))
    params = _defaults(params).resolve(params, counts)
    vocabulary = _find_vocabulary(params, table, split.train, before)
    table = table.with_vocabulary(vocabulary)
    model = _make_model(params, table, split.train, settings.seed, before, vocabulary=vocabulary)
    set_prior(model, np.bincount(table.index[table.index >= 0], minlength=len(table.classes)))
    return model, _make_training(params, table, model, settings, (split.labeled, split.train, None)), split.validation


def begin_call(
    params: dict[str, Any], table: Table, before: Predictor | None, kept: KeptRows | None
) -> tuple[Predictor, Training, KeptRows]:
    """Return the model to train in one call of `partial_fit`, its training without end, and what is kept afterwards.

    For the rest see `begin_fit`.
    """
    if isinstance(params["class_weight"], str) and params["class_weight"] == "balanced":
        raise InputError("class_weight='balanced' needs all rows, partial_fit sees some; give a dict of weights")
    # The labels of one call are too few for statistics of their own.
    defaults = dataclasses.replace(_defaults(params), even=TABLES.even)
    params = defaults.resolve(params, np.ones(len(table.classes)))
    settings = _training_settings(params, _draw_seed(params["random_state"]), endless=True)
    vocabulary = _find_vocabulary(params, table, np.arange(len(table.index)), before)
    table = table.with_vocabulary(vocabulary)
    if kept is None:
        kept = KeptRows.before_the_first(table, settings.seed, before.network.statistics if before else None)
    call = plan_call(table, kept, settings.unlabeled_batch)
    model = _make_model(params, call.table, call.measured, settings.seed, before, kept.settled, vocabulary)
    if not call.kept.settled:
        model.range = None  # few rows do not tell which others are on another scale
    rows = call.labeled, call.unlabeled, call.measured
    return model, _make_training(params, call.table, model, settings, rows), call.kept


def _make_training(
    params: dict[str, Any],
    table: Table,
    model: Predictor,
    settings: TrainingSettings,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray | None],
) -> Training:
    """Return a training on rows of a table: labeled and unlabeled ones, and those to measure, by their places."""
    labeled, unlabeled, measured = rows
    dtype = model.network.specification.numpy_dtype
    absolute = measured is not None  # calls of partial_fit must not be told apart by their own means
    weights = label_weights(params["class_weight"], table.classes, table.index, labeled, table.weights, absolute)

    features = scaled_rows(table.X, model.scaling, np.arange(len(table.X)), dtype)
    weights = None if weights is None else weights.astype(dtype)
    data = TrainingData(features, table.index, labeled, unlabeled, weights, measured, model.image_shape)
    return Training(model.network, data, settings)
