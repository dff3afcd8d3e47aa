"""From checked features and class indices to a trained model: scaling, network, epochs, early stopping."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ladder_np.data.scaling import Scaling, make_scaling
from ladder_np.data.split import Split, split_rows
from ladder_np.errors import InputError
from ladder_np.estimator.hyperparameters import default_input_weight, share, specification_of
from ladder_np.estimator.input import Table
from ladder_np.network.model import LadderNetwork
from ladder_np.network.parameters import parameter_shapes
from ladder_np.network.specification import Specification
from ladder_np.predictor import Predictor
from ladder_np.rng import Stream, stream
from ladder_np.training.early_stopping import EarlyStopping
from ladder_np.training.trainer import Training, TrainingSettings, estimate_statistics

__all__ = [
    "FitHistory",
    "can_resume_optimizer",
    "make_model",
    "split_table",
    "train_model",
    "train_on",
    "update_statistics",
]


ROWS_LOOKED_AT = 5000  # for a variance


@dataclass
class FitHistory:
    """What training was: the mean cost of each epoch, and the accuracy on the validation rows after it."""

    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def make_model(
    params: dict[str, Any], table: Table, rows: np.ndarray, seed: int, before: Predictor | None
) -> Predictor:
    """Return the model to train: a new one, or one that goes on from the parameters and scaling of `before`.

    Raises
    ------
    InputError
        If a parameter or the table cannot be used, or `before` is of another shape.
    """
    scaling, pixels = (before.scaling, before.pixels) if before else _find_scaling(params, table, rows)
    weight = before.network.specification.denoising_weights[0] if before else _input_weight(table.X, rows, scaling)
    specification = specification_of(params, table.X.shape[1], len(table.classes), weight)
    scaling.check(table.X, specification.numpy_dtype)
    if before:
        before.check_like(table.X)
        parameters = _parameters_of(before, specification)
        network = LadderNetwork.from_parameters(specification, parameters, device=params["device"])
    else:
        network = LadderNetwork.from_specification(specification, device=params["device"], seed=seed)
    return Predictor(network, scaling, table.classes, table.names, pixels)


def _find_scaling(params: dict[str, Any], table: Table, rows: np.ndarray) -> tuple[Scaling, bool]:
    """Return the scaling, and whether features are pixels."""
    pixels = table.X.dtype == np.uint8 and params["scaling"] in ("auto", "pixels")
    maximum = max(1, int(table.X.max())) if pixels else None
    return make_scaling(table.X, rows, params["scaling"], maximum), pixels


def _input_weight(X: np.ndarray, rows: np.ndarray, scaling: Scaling) -> float:
    """Return λ₀ for the variance of scaled rows, evenly picked where there are many."""
    picked = rows[:: max(1, len(rows) // ROWS_LOOKED_AT)]
    with np.errstate(over="ignore"):  # a variance beyond float64 is refused as a value too large
        variance = float(scaling.apply(X[picked], np.float64).var(axis=0).mean())
    if variance == 0:
        raise InputError("every feature of X is the same in all rows; expected at least one that differs")
    return default_input_weight(variance)


def _parameters_of(before: Predictor, specification: Specification) -> np.ndarray:
    network = before.network
    if parameter_shapes(network.specification) != parameter_shapes(specification):
        sizes = ["-".join(map(str, shape.sizes)) for shape in (network.specification, specification)]
        raise InputError(
            f"the fitted network is {sizes[0]} ({network.specification.combinator}), the parameters and data ask for "
            f"{sizes[1]} ({specification.combinator}); to go on from it leave these alone, or set warm_start=False"
        )
    return network.device.get(network.parameters.vector).astype(specification.numpy_dtype)


def split_table(params: dict[str, Any], table: Table, seed: int) -> Split:
    """Return which rows are trained on, and with early stopping which labeled ones are held out for validation.

    Raises
    ------
    InputError
        If every labeled row is the only one of its class, so that none can be spared.
    """
    labeled, classes = np.flatnonzero(table.index >= 0), len(table.classes)
    if not params["early_stopping"]:
        return Split(labeled, np.arange(len(table.index)), labeled[:0], labeled[:0])
    wanted = max(1, round(share("validation_fraction", params["validation_fraction"]) * len(labeled)))
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


def can_resume_optimizer(before: Predictor, model: Predictor) -> bool:
    """Return whether the optimizer's moments of the one are those of the other: as many parameters are trained."""
    return before.network.parameters.used.size == model.network.parameters.used.size


def train_on(model: Predictor, table: Table, split: Split, settings: TrainingSettings) -> Training:
    """Return the training of the model's network on the split's rows, before its first epoch."""
    return Training(model.network, _rows(model, table), table.index, split.labeled, split.train, settings)


def train_model(
    model: Predictor,
    table: Table,
    split: Split,
    settings: TrainingSettings,
    stopping: EarlyStopping | None,
    observe: Callable[[FitHistory], None],
) -> FitHistory:
    """Train to the end, or until `stopping` says so; its best parameters are put back.

    Raises
    ------
    TrainingDivergedError
        If the cost becomes infinite, no number, or explodes.
    """
    history, network = FitHistory(), model.network
    training = train_on(model, table, split, settings)
    while not training.done and not (stopping and stopping.stop):
        history.losses.append(training.run_epoch().cost)
        if stopping:
            update_statistics(model, table, split)
            wrong = model.errors(table.X[split.validation], table.index[split.validation])
            history.scores.append((len(split.validation) - wrong) / len(split.validation))
            stopping.observe(wrong / len(split.validation), network.device.get(network.parameters.vector))
        observe(history)
    if stopping:
        network.parameters.vector[...] = network.device.put(stopping.best)
    update_statistics(model, table, split)
    return history


def update_statistics(model: Predictor, table: Table, split: Split) -> None:
    """Compute what the model normalizes with in prediction, over the rows that it learns from."""
    estimate_statistics(model.network, _rows(model, table), split.labeled, split.train)


def _rows(model: Predictor, table: Table) -> Callable[[np.ndarray], np.ndarray]:
    scaling: Scaling = model.scaling
    dtype = model.network.specification.numpy_dtype
    return lambda numbers: scaling.apply(table.X[numbers], dtype)
