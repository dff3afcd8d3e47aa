"""Which rows of a run its pictures show, and what the network makes of them; nothing is drawn here."""

import math
from dataclasses import dataclass

import numpy as np

from ladder_np.data.dataset import Dataset
from ladder_np.data.split import Split
from ladder_np.data.stored import StoredRows
from ladder_np.errors import InputError
from ladder_np.experiments.experiment import rows_for_test
from ladder_np.network.inference import encode_clean
from ladder_np.network.ladder import Batch, State, forward
from ladder_np.network.noise import NoiseSource
from ladder_np.predictor import Predictor

__all__ = ["Features", "Judged", "Noisy", "TopHidden", "describe_features", "evenly", "judge", "look_at_top", "noisy"]

NOISY_ROWS, LABELED_ROWS = 500, 100  # of the batch whose noisy pass is shown
TOP_ROWS = 1500
ROWS_AT_ONCE = 10_000
SMALLEST_SIDE = 4  # of pixels that are shown as an image


@dataclass(frozen=True)
class Features:
    """How a row's features are shown.

    Attributes
    ----------
    names : tuple of str
        d_0 of them.
    side : int or None
        Of square images; None for rows that are none.
    maximum : int or None
        The largest pixel.
    """

    names: tuple[str, ...]
    side: int | None
    maximum: int | None


@dataclass(frozen=True, eq=False)
class Noisy:
    """Training rows, and all that the network computes of them with noise, as in a training step.

    Attributes
    ----------
    numbers : (M,) integer array
        The rows' numbers.
    state : State
        Its unlabeled rows are these.
    """

    numbers: np.ndarray
    state: State


@dataclass(frozen=True, eq=False)
class Judged:
    """Labeled rows with what the model says of them.

    Attributes
    ----------
    which : str
        "test", "validation" or "labeled training", the most telling that the run has.
    numbers : (n,) integer array
        The rows' numbers in X, or in X_test where the data brings its own.
    X : (n, d_0) array
        Raw.
    y, predicted : (n,) integer arrays
        Indices of classes.
    confidence : (n,) array
        P(predicted class).
    """

    which: str
    numbers: np.ndarray
    X: np.ndarray | StoredRows
    y: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True, eq=False)
class TopHidden:
    """The top hidden layer of training rows, without noise.

    Attributes
    ----------
    h : (n, d) array
    classes : (n,) integer array
        The label's index for labeled rows, which come last, else the predicted class's.
    labeled : (n,) boolean array
    """

    h: np.ndarray
    classes: np.ndarray
    labeled: np.ndarray


def evenly(numbers: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the row numbers, evenly spaced."""
    if len(numbers) <= most:
        return numbers
    return numbers[np.arange(most) * len(numbers) // most]


def describe_features(dataset: Dataset) -> Features:
    """Return how rows of a dataset are shown: square pixels as images."""
    count = dataset.X.shape[1]
    side = math.isqrt(count)
    square = dataset.pixel_maximum is not None and side * side == count and side >= SMALLEST_SIDE
    names = dataset.feature_names or tuple(f"feature {number}" for number in range(count))
    return Features(names, side if square else None, dataset.pixel_maximum)


def noisy(predictor: Predictor, dataset: Dataset, split: Split, seed: int) -> Noisy:
    """Run training rows, evenly spaced, through the whole network with noise of the seed's own stream.

    Raises
    ------
    InputError
        If the cost is not finite.
    """
    network = predictor.network
    dtype = network.specification.numpy_dtype
    labeled, numbers = evenly(split.labeled, LABELED_ROWS), evenly(split.train, NOISY_ROWS)
    x_labeled, x = (predictor.scaling.apply(dataset.X[rows], dtype) for rows in (labeled, numbers))
    passes = network.passes(len(labeled), len(numbers))
    noise = NoiseSource(seed, network.specification, network.device).draw(passes.lanes)
    with np.errstate(all="ignore"):  # what overflows is found below
        state = forward(network.parameters, Batch(x_labeled, dataset.y[labeled], x), noise, passes)
    if not np.isfinite(state.losses.total):
        raise InputError("the model's cost is not finite; train it again")
    return Noisy(numbers, state)


def judge(predictor: Predictor, dataset: Dataset, split: Split) -> Judged:
    """Predict the test rows, or where there are none the validation rows, or the labeled training rows."""
    test = rows_for_test(dataset, split)
    if test is not None:
        which, (X, y) = "test", test
        numbers = split.test if dataset.X_test is None else np.arange(len(y))
    else:
        which = "validation" if len(split.validation) else "labeled training"
        numbers = split.validation if len(split.validation) else split.labeled
        X, y = dataset.X[numbers], dataset.y[numbers]
    predicted, confidence = np.empty(len(y), np.int64), np.empty(len(y))
    for start in range(0, len(y), ROWS_AT_ONCE):  # of many classes, probabilities are not for all rows at once
        part = slice(start, start + ROWS_AT_ONCE)
        probabilities = predictor.predict_proba(X[part])
        predicted[part], confidence[part] = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return Judged(which, numbers, X, y, predicted, confidence)


def look_at_top(predictor: Predictor, dataset: Dataset, split: Split) -> TopHidden:
    """Return the top hidden layer of training rows, evenly spaced, with all (or very many) labeled ones."""
    network = predictor.network
    labeled = evenly(split.labeled, TOP_ROWS)
    unlabeled = evenly(np.setdiff1d(split.train, split.labeled), TOP_ROWS)
    numbers = np.concatenate([unlabeled, labeled])
    x = predictor.scaling.apply(dataset.X[numbers], np.float64)
    top = network.specification.top
    predicted = predictor.predict_proba(dataset.X[unlabeled]).argmax(axis=1)
    h = encode_clean(network.parameters, network.statistics, x, top - 1)  # type: ignore[arg-type]  # a loaded model's
    classes = np.concatenate([predicted, dataset.y[labeled]])
    return TopHidden(h, classes, np.arange(len(numbers)) >= len(unlabeled))
