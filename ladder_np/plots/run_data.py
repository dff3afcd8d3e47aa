"""What pictures are drawn from: a run's folder or a model file, read and computed when a picture needs it.

Nothing is drawn here, and matplotlib is not needed.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.data.dataset import Dataset
from ladder_np.data.labels import match_classes
from ladder_np.data.sparse import Features
from ladder_np.data.split import Split
from ladder_np.errors import InputError
from ladder_np.experiments.experiment import BASELINE, LADDER, rows_for_test
from ladder_np.experiments.run_folder import (
    CONFIG,
    MODEL,
    ErrorRate,
    load_run_config,
    load_run_data,
    load_run_histories,
    load_run_model,
    load_run_results,
)
from ladder_np.network.inference import encode_rows
from ladder_np.network.ladder import Batch, State, forward
from ladder_np.network.noise import NoiseSource
from ladder_np.network.specification import Specification
from ladder_np.plots.features import FeatureDisplay, ImageDisplay, describe_features
from ladder_np.plots.style import plain
from ladder_np.predictor import Predictor
from ladder_np.training.fit import FitHistory

__all__ = [
    "Denoising",
    "FeatureDisplay",
    "HiddenLayer",
    "ModelSource",
    "NoisyPass",
    "NothingToDrawError",
    "PlotData",
    "PlotSource",
    "Predictions",
    "RunSource",
    "evenly_spaced",
]

NOISY_ROWS, LABELED_ROWS = 500, 100  # rows of the batch that is drawn with noise
TOP_ROWS = 1500  # unlabeled rows, and labeled rows, whose top hidden layer is drawn
ROWS_AT_ONCE, MOST_AT_ONCE = 10_000, 1 << 25  # rows, elements of their features
STAMPED_LAYERS = 10  # λs in the line that each picture has


class NothingToDrawError(Exception):
    """A picture cannot be drawn because something is missing; the message says what, in a few words."""


@dataclass(frozen=True, eq=False)
class PlotData:
    """The data that a picture shows."""

    dataset: Dataset  # with the model's classes, in the model's order
    split: Split  # what the rows are used for
    rows_name: str  # what titles call the rows of ``split.train``: "training rows", or "rows" if their use is unknown
    seed: int  # of the noise


@dataclass(frozen=True, eq=False)
class NoisyPass:
    """Rows, and everything that the network computes for them with noise, as in a training step."""

    rows_name: str  # see `PlotData`
    indices: np.ndarray  # (M,): of the rows in X
    X: np.ndarray  # (M, d_0): raw features of these rows
    state: State  # its unlabeled rows are these


@dataclass(frozen=True, eq=False)
class Predictions:
    """Labeled rows and what the model predicts for them."""

    rows_name: str  # "test rows", "validation rows", or "labeled" with the name in `PlotData`
    indices: np.ndarray  # (n,): of the rows in X, or in X_test if the data has its own test set
    X: Features  # (n, d_0): raw features
    # (n,): indices of classes
    y: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray  # (n,): P(predicted class)


@dataclass(frozen=True, eq=False)
class HiddenLayer:
    """The top hidden layer of some rows, without noise."""

    rows_name: str  # see `PlotData`
    h: np.ndarray  # (n, d)
    # (n,): the index of the label of labeled rows, which come last, and of the predicted class of all others
    classes: np.ndarray
    labeled: np.ndarray  # (n,)


@dataclass(frozen=True)
class Denoising:
    """How well a layer with λ > 0 is rebuilt: mean squared distances from the clean layer, over rows and units."""

    layer: int
    weight: float  # its λ
    noisy: float  # of z̃
    rebuilt: float  # of ẑ_BN, of ẑ at the input

    @property
    def is_worse_than_nothing(self) -> bool:
        """Whether the noisy layer itself is nearer to the clean one than what the decoder makes of it."""
        return self.rebuilt > self.noisy


class PlotSource(ABC):
    """What the pictures of one trained network are drawn from: a `RunSource` or a `ModelSource`.

    An attribute raises `InputError` if the file that it is read from is damaged, and `NothingToDrawError` if what it
    stands for does not exist.
    """

    path: Path  # the run's folder or the model file
    title: str
    specification: Specification
    facts: Mapping[str, Any]  # all settings, as JSON values
    seed: int | None  # of the training; None: unknown
    keeps_best_epoch: bool  # whether the model is that of the epoch with the smallest validation error
    why_no_history: str  # said of histories that do not exist

    @property
    @abstractmethod
    def results(self) -> dict[str, ErrorRate]:
        """The measured test errors, by the name of the model."""

    @property
    @abstractmethod
    def histories(self) -> dict[str, FitHistory]:
        """How training went, by the name of the model; empty if nothing is known."""

    @property
    @abstractmethod
    def predictor(self) -> Predictor:
        """The trained model."""

    @property
    @abstractmethod
    def data(self) -> PlotData:
        """The rows to show."""

    @property
    def stamp(self) -> str:
        """One line for a picture: what it is of, and what the training depended on."""
        weights = self.specification.denoising_weights
        shown = ", ".join(f"{weight:g}" for weight in weights[:STAMPED_LAYERS])
        more = ", …" if len(weights) > STAMPED_LAYERS else ""
        seed = "" if self.seed is None else f"; seed {self.seed}"
        return f"{plain(self.title, 60)}; λ = {shown}{more}{seed}"

    @property
    def row_counts(self) -> dict[str, int]:
        """How many rows a run used, by use: labeled, train (all without their label), …; empty if unknown."""
        rows = self.facts.get("rows")
        if not isinstance(rows, Mapping) or not all(type(count) is int for count in rows.values()):
            return {}
        return dict(rows)

    @property
    def known_histories(self) -> dict[str, FitHistory]:
        """The histories, of which there is at least one."""
        if not self.histories:
            raise NothingToDrawError(self.why_no_history)
        return self.histories

    @property
    def ladder_history(self) -> FitHistory:
        """The history of the ladder, with denoising costs."""
        self._require_denoising()
        if LADDER not in self.known_histories:
            raise NothingToDrawError("no epoch of the ladder is finished yet")
        if np.isnan(self.histories[LADDER].denoising).all():
            raise NothingToDrawError("its history has no denoising costs: an older version of ladder_np wrote it")
        return self.histories[LADDER]

    @property
    def decoder(self) -> Predictor:
        """The trained model, if it has a trained decoder."""
        self._require_denoising()
        return self.predictor

    @property
    def text_model(self) -> Predictor:
        """The trained model, if it was trained on texts."""
        if self.predictor.vocabulary is None:
            raise NothingToDrawError("the model was not trained on texts")
        return self.predictor

    @property
    def reads_texts(self) -> bool:
        """Whether there is a trained model, of texts."""
        try:
            return self.predictor.vocabulary is not None
        except NothingToDrawError:
            return False

    @cached_property
    def features(self) -> FeatureDisplay:
        """How the features of the rows are shown."""
        return describe_features(self.data.dataset, self.predictor)

    @cached_property
    def noisy(self) -> NoisyPass:
        """Rows on their way through the network, with noise."""
        return noisy_pass(self.decoder, self.data)

    @property
    def noisy_if_any(self) -> NoisyPass | None:
        """The same; None without data."""
        try:
            return self.noisy
        except NothingToDrawError:
            return None

    @property
    def denoising(self) -> list[Denoising]:
        """How well each layer with λ > 0 is rebuilt; empty without data or decoder."""
        try:
            return compare_denoising(self.noisy.state)
        except NothingToDrawError:
            return []

    @property
    def rebuilt(self) -> NoisyPass:
        """The same, if the decoder rebuilds the input."""
        if self.decoder.network.specification.lowest > 0:
            raise NothingToDrawError("the decoder does not rebuild the input: the λ of layer 0 is 0")
        return self.noisy

    @cached_property
    def predictions(self) -> Predictions:
        """Labeled rows and what the model predicts for them."""
        return predict_labeled(self.predictor, self.data)

    @cached_property
    def top_hidden(self) -> HiddenLayer:
        """The top hidden layer of some rows."""
        if self.predictor.network.specification.top < 2:
            raise NothingToDrawError("the network has no hidden layer")
        return encode_top_hidden(self.predictor, self.data)

    @property
    def image_model(self) -> Predictor:
        """The trained model, if its input is images."""
        if not self.sees_images:
            raise NothingToDrawError("the network's input is not an image of a known height and width")
        return self.predictor

    @property
    def sees_images(self) -> bool:
        """Whether the network's input is images."""
        return self.specification.image_shape is not None

    @property
    def images(self) -> ImageDisplay:
        """How the images are shown that the network's input is."""
        self.image_model  # noqa: B018  # is there to be drawn
        assert self.features.image is not None  # of the network's own shape
        return self.features.image

    @property
    def rebuilt_images(self) -> NoisyPass:
        """Rows on their way through a network of images, with noise."""
        self.image_model  # noqa: B018  # is there to be drawn
        return self.noisy

    def _require_denoising(self) -> None:
        if not self.specification.denoises:
            raise NothingToDrawError("the network was trained without denoising (every λ is 0)")


class RunSource(PlotSource):
    """A run's folder, whether the run is finished or not.

    Parameters
    ----------
    folder : path
    data_dir : path or None
        See `open_dataset`; None: that of the run.
    dataset : str or None
        Where a data file that was moved lies now.

    Raises
    ------
    InputError
        If the folder is not a run, or `dataset` is not its data.
    """

    def __init__(self, folder: Path, data_dir: Path | None = None, dataset: str | None = None) -> None:
        self.path, self._data_dir, self._dataset = folder, data_dir, dataset
        config = load_run_config(folder)
        self._settings, self.specification, self.facts = config.settings, config.specification, config.facts
        self.title = f"Run {folder.resolve().name}: {Path(self._settings.dataset).name}"
        self.seed = self._settings.seed
        self.keeps_best_epoch = bool(self._settings.patience)
        self.why_no_history = "no epoch is finished yet"
        if dataset is not None:
            self._opened  # noqa: B018  # what is named wrongly is told whatever is drawn

    @cached_property
    def results(self) -> dict[str, ErrorRate]:
        return load_run_results(self.path)

    @cached_property
    def histories(self) -> dict[str, FitHistory]:
        return load_run_histories(self.path)

    @cached_property
    def predictor(self) -> Predictor:
        if not (self.path / MODEL).exists():
            raise NothingToDrawError(f"the run is not finished: it has no {MODEL} yet")
        predictor = load_run_model(self.path, "cpu")
        if predictor.network.specification != self.specification:
            raise InputError(f"{self.path / MODEL}: is not the model of this run; it has another network")
        return predictor

    @cached_property
    def data(self) -> PlotData:
        if isinstance(self._opened, str):
            raise NothingToDrawError(self._opened)
        return self._opened

    @cached_property
    def _opened(self) -> PlotData | str:
        """The run's data, or the reason why it cannot be opened."""
        settings, sizes = self._settings, self.specification.sizes
        try:
            data = load_run_data(self.path, self._data_dir, self._dataset)
        except InputError as error:
            if self._dataset is not None:  # named now, so that it is wanted
                raise
            return str(error)
        if len(data.dataset.classes) != sizes[-1]:
            return f"{settings.dataset}: does not fit the network in {CONFIG}"
        if data.dataset.texts is not None:
            data = dataclasses.replace(data, dataset=self.predictor.features_of(data.dataset))
        return PlotData(data.dataset, data.split, "training rows", settings.seed)


class ModelSource(PlotSource):
    """A model file, saved by `LadderClassifier.save` or by a run.

    Parameters
    ----------
    path : path
    predictor : Predictor
        The model in the file.
    dataset : Dataset, optional
        Rows to show, with the model's features in its order. Without it, pictures that need rows are left out.

    Raises
    ------
    InputError
        If the features are unlike those of the model, or a class is not one of the model's.
    """

    def __init__(self, path: Path, predictor: Predictor, dataset: Dataset | None = None) -> None:
        network = predictor.network.specification
        self.path, self._predictor, self.specification = path, predictor, network
        self._data = None if dataset is None else PlotData(*_match(dataset, predictor), "rows", seed=0)
        self.title = f"Model {path.name}" + (f": {dataset.name}" if dataset else "")
        encoding = predictor.scaling.encoding
        self.facts = {
            "network": network.as_json(),
            **({"estimator": predictor.params} if predictor.params else {}),
            "data": {
                "classes": predictor.classes.tolist(),
                "feature names": predictor.feature_names,
                "features": encoding.describe(predictor.feature_names) if encoding else "",
            },
        }
        seed = (predictor.params or {}).get("random_state")
        self.seed = seed if isinstance(seed, int) else None
        self.keeps_best_epoch = bool((predictor.params or {}).get("early_stopping"))
        self._name = LADDER if network.denoises else BASELINE
        self.why_no_history = "the file holds no history of the training"

    @property
    def predictor(self) -> Predictor:
        return self._predictor

    @property
    def histories(self) -> dict[str, FitHistory]:
        return {self._name: self.predictor.history} if self.predictor.history else {}

    @cached_property
    def results(self) -> dict[str, ErrorRate]:
        if self._data is None or self._data.dataset.X_test is None:
            return {}
        wrong = int((self.predictions.predicted != self.predictions.y).sum())
        return {self._name: ErrorRate(wrong, len(self.predictions.y))}

    @cached_property
    def data(self) -> PlotData:
        if self._data is None:
            raise NothingToDrawError("a model file holds no rows to show; name some with --dataset")
        return self._data


def _match(dataset: Dataset, predictor: Predictor) -> tuple[Dataset, Split]:
    """Return a dataset with the model's classes, and a split that uses every row."""
    index = np.append(match_classes(dataset.classes, predictor.classes), -1)  # −1, an unlabeled row, stays
    for X in (dataset.X, dataset.X_test):
        if X is not None:
            predictor.check_like(X)
    y_test = None if dataset.y_test is None else index[dataset.y_test]
    matched = dataclasses.replace(dataset, y=index[dataset.y], y_test=y_test, classes=predictor.classes)
    nothing = np.empty(0, np.int64)
    return matched, Split(np.flatnonzero(dataset.y >= 0), np.arange(len(dataset.y)), nothing, nothing)


def evenly_spaced(indices: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of the row indices, evenly spaced."""
    if len(indices) <= most:
        return indices
    return indices[np.arange(most) * len(indices) // most]


def noisy_pass(predictor: Predictor, data: PlotData) -> NoisyPass:
    """Run evenly spaced rows through the whole network, with noise.

    Raises InputError if the cost is NaN or infinite.
    """
    network, dataset = predictor.network, data.dataset
    dtype = network.specification.numpy_dtype
    labeled, indices = evenly_spaced(data.split.labeled, LABELED_ROWS), evenly_spaced(data.split.train, NOISY_ROWS)
    X = dataset.X[indices]
    x_labeled, x = (predictor.scaling.apply(rows, dtype) for rows in (dataset.X[labeled], X))
    passes = network.passes(len(labeled), len(indices))
    noise = NoiseSource(data.seed, network.specification, network.device).draw(passes.lanes)
    with np.errstate(all="ignore"):  # overflow is detected below
        state = forward(network.parameters, Batch(x_labeled, dataset.y[labeled], x), noise, passes)
    if not np.isfinite(state.losses.total):
        raise InputError("the model's cost is NaN or infinite; train it again")
    return NoisyPass(data.rows_name, indices, X, state)


def compare_denoising(state: State) -> list[Denoising]:
    """Return how far the noisy and the rebuilt layers are from the clean ones, of those with λ > 0."""
    found = []
    for index, decoded in sorted(state.decoded.items()):
        if decoded.target is not None:
            z, weight = decoded.target.z, state.passes.layers[index].weight
            noisy, rebuilt = (float(np.mean((x - z) ** 2)) for x in (decoded.z_tilde, decoded.z_hat_bn))
            found.append(Denoising(index, weight, noisy, rebuilt))
    return found


def predict_labeled(predictor: Predictor, data: PlotData) -> Predictions:
    """Predict the test rows, or without any the validation rows, or without any the other labeled rows."""
    dataset, split = data.dataset, data.split
    test = rows_for_test(dataset, split)
    if test is not None:
        name, (X, y) = "test rows", test
        indices = split.test if dataset.X_test is None else np.arange(len(y))
    else:
        name = "validation rows" if len(split.validation) else f"labeled {data.rows_name}"
        indices = split.validation if len(split.validation) else split.labeled
        X, y = dataset.X[indices], dataset.y[indices]
    predicted, confidence = np.empty(len(y), np.int64), np.empty(len(y))
    step = min(ROWS_AT_ONCE, max(1, MOST_AT_ONCE // max(1, X.shape[1])))
    for start in range(0, len(y), step):  # with many classes, all probabilities at once need much memory
        part = slice(start, start + step)
        probabilities = predictor.predict_proba(X[part])
        predicted[part], confidence[part] = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return Predictions(name, indices, X, y, predicted, confidence)


def encode_top_hidden(predictor: Predictor, data: PlotData) -> HiddenLayer:
    """Return the top hidden layer of evenly spaced rows and of all (up to `TOP_ROWS`) labeled ones."""
    network, dataset, split = predictor.network, data.dataset, data.split
    labeled = evenly_spaced(split.labeled, TOP_ROWS)
    unlabeled = evenly_spaced(np.setdiff1d(split.train, split.labeled), TOP_ROWS)
    indices = np.concatenate([unlabeled, labeled])
    x = predictor.scaling.apply(dataset.X[indices], np.float64)
    top = network.specification.top
    predicted = predictor.predict_proba(dataset.X[unlabeled]).argmax(axis=1)
    h = encode_rows(network.parameters, network.statistics, x, top - 1)  # type: ignore[arg-type]  # a loaded model's
    classes = np.concatenate([predicted, dataset.y[labeled]])
    return HiddenLayer(data.rows_name, h.reshape(len(x), -1), classes, np.arange(len(indices)) >= len(unlabeled))
