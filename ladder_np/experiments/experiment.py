"""Everything a run needs, read and checked before anything is written: data, split, scaling, network."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.arrays import Device
from ladder_np.data.columns import warn_of_counting
from ladder_np.data.dataset import Dataset, Features
from ladder_np.data.encoding import find_encoding
from ladder_np.data.pixels import warn_of_doubt
from ladder_np.data.ranges import Range, find_range
from ladder_np.data.readers import open_dataset
from ladder_np.data.scaling import Scaling, make_scaling, mean_variance, scaled_rows
from ladder_np.data.split import Split, split_in_order, split_rows
from ladder_np.data.stored import blocks
from ladder_np.data.words import Vocabulary, find_vocabulary
from ladder_np.errors import InputError, warn
from ladder_np.experiments.settings import DATASET_DEFAULTS, ExperimentSettings
from ladder_np.network.specification import Specification, default_weights, weights_for_variance
from ladder_np.rng import Stream, stream
from ladder_np.training.augmentation import make_augmentation
from ladder_np.training.defaults import AUTO, Defaults, find_defaults
from ladder_np.training.loader import TrainingData
from ladder_np.training.weights import class_shares, label_weights

__all__ = ["BASELINE", "LADDER", "Experiment", "fingerprint", "model_names", "prepare", "rows_for_test"]

LADDER, BASELINE = "ladder", "supervised only"


@dataclass(frozen=True, eq=False)
class Experiment:
    """What a run needs."""

    settings: ExperimentSettings  # a file's path is absolute, so that the run's folder can be used from anywhere
    dataset: Dataset
    data_dir: Path | None
    split: Split
    scaling: Scaling
    range: Range | None  # of the features over the training rows, if these are enough
    device: Device
    models: dict[str, Specification]  # the networks to train, by name: the baseline first, if it is wanted
    vocabulary: Vocabulary | None = None  # of texts

    @property
    def main(self) -> str:
        """The name of the model that the run is for: the last one."""
        return list(self.models)[-1]

    @property
    def specification(self) -> Specification:
        """The description of the main model."""
        return self.models[self.main]

    @property
    def prior(self) -> np.ndarray | None:
        """The shares of the classes in labeled rows, which texts without a known token get; None of other data."""
        if self.vocabulary is None:
            return None
        return class_shares(np.bincount(self.dataset.y[self.split.labeled], minlength=len(self.dataset.classes)))

    @property
    def features(self) -> str:
        """What the features were taken for, how they are scaled, what is done to columns of a table; one line."""
        scaling, dataset = self.scaling, self.dataset
        pixels = scaling.kind == "pixels" or (scaling.kind == "none" and dataset.pixel_maximum is not None)
        done = {
            "pixels": f"divided by {1 / scaling.scale[0]:.0f}",
            "standardize": "standardized",
            "common": "divided by one number",
            "none": "taken as they are",
            "gcn_zca": "normalized in contrast and whitened (ZCA)",
        }
        kind = "images" if scaling.whitening is not None else "8-bit pixels" if pixels else "a table"
        if self.vocabulary is not None:
            column = f" ({self.settings.text_column!r})" if self.settings.text_column else ""
            kind = f"{self.vocabulary.kind} of texts{column} by tf-idf"
        if dataset.overlapping:
            kind = f"windows of {self.settings.window} characters by their places"
        parts = [f"{kind}, {done[scaling.kind]}"]
        if scaling.encoding and (columns := scaling.encoding.describe(dataset.feature_names)):
            parts.append(columns)
        if dataset.left_out:
            parts.append(f"left out: {', '.join(name or 'the first column' for name in dataset.left_out)}")
        return "; ".join(parts)

    @cached_property
    def rows(self) -> Callable[[np.ndarray], np.ndarray]:
        """What returns the features of training rows as the networks take them, (rows, d_0), by their indices."""
        used = self.split.train if self.specification.denoises else self.split.labeled
        return scaled_rows(self.dataset.X, self.scaling, used, self.specification.numpy_dtype)

    @property
    def training_data(self) -> TrainingData:
        """What the models learn from."""
        y, labeled = self.dataset.y, self.split.labeled
        weights = label_weights(self.settings.class_weight, self.dataset.classes, y, labeled)
        weights = None if weights is None else weights.astype(self.specification.numpy_dtype)
        return TrainingData(self.rows, y, labeled, self.split.train, weights, image_shape=self.dataset.image_shape)


def prepare(settings: ExperimentSettings, data_dir: Path | None, device_name: str) -> Experiment:
    """Read the data (for `data_dir` see `open_dataset`), check every setting against it; nothing is written.

    Raises InputError if anything does not fit.
    """
    device = Device(device_name)
    dataset = open_dataset(settings.dataset, data_dir, settings.table)
    if settings.dataset not in DATASET_DEFAULTS:
        settings = dataclasses.replace(settings, dataset=str(Path(settings.dataset).resolve()))
    make_augmentation(settings.translate, settings.flip, settings.seed, dataset.image_shape)  # refuses what cannot be
    split = _split(settings, dataset)
    vocabulary = None
    if dataset.texts is not None:
        texts = [dataset.texts[row] for row in split.train.tolist()]
        vocabulary = find_vocabulary(texts, settings.tokens, settings.vocabulary)
        dataset = dataset.with_vocabulary(vocabulary)
    defaults = find_defaults(vocabulary is not None, settings.scaling)
    named = {name: getattr(settings, name) for name in ("scaling", "labeled_statistics")}
    counts = np.bincount(dataset.y[split.labeled], minlength=len(dataset.classes))
    settings = dataclasses.replace(settings, **defaults.resolve(named, counts))
    if settings.scaling == AUTO and dataset.pixel_maximum is None:
        warn_of_doubt(dataset.X)
    encoding = None if dataset.values is None else find_encoding(dataset.X, split.train, dataset.values)
    scaling = make_scaling(dataset.X, split.train, settings.scaling, dataset.pixel_maximum, encoding)
    settings = dataclasses.replace(settings, scaling=scaling.kind)
    specification = settings.specification(scaling.width, len(dataset.classes), dataset.image_shape)
    if settings.denoising_weights is None:
        weights = _weights(settings, dataset, split, scaling, len(specification.sizes), defaults)
        settings = dataclasses.replace(settings, denoising_weights=weights)
        specification = dataclasses.replace(specification, denoising_weights=weights)
    _check_scaled(settings, dataset, scaling, specification)
    warn_of_counting(dataset.X, dataset.feature_names, settings.dataset)
    limits = find_range(dataset.X, split.train, dataset.values)
    if limits is not None and dataset.X_test is not None and (complaint := limits.complaint(dataset.X_test)):
        warn(f"{settings.dataset}: X_test: {complaint}")
    models = dict(_models(settings, specification))
    return Experiment(settings, dataset, data_dir, split, scaling, limits, device, models, vocabulary)


def rows_for_test(dataset: Dataset, split: Split) -> tuple[Features, np.ndarray] | None:
    """Return the test rows' features and classes: the dataset's own, else the held-out ones, else None."""
    if dataset.X_test is not None and dataset.y_test is not None:
        return dataset.X_test, dataset.y_test
    if len(split.test):
        X = dataset.X
        return X[split.test] if isinstance(X, np.ndarray) else X.only(split.test), dataset.y[split.test]
    return None


def fingerprint(dataset: Dataset, names: bool = True) -> str:
    """Return the sha256 of the dataset's arrays and, unless an older version made it, of the names of its columns."""
    digest = hashlib.sha256()
    if names and dataset.feature_names is not None:
        digest.update(json.dumps(dataset.feature_names).encode())
    for text in dataset.texts or ():
        digest.update(f"{len(text)}:{text}".encode(errors="surrogatepass"))
    X = dataset.X if dataset.texts is None else None
    for array in (X, dataset.y, dataset.classes, dataset.X_test, dataset.y_test):
        if array is not None:
            digest.update(f"{array.dtype}{array.shape}".encode())
            for _, rows in blocks(array):
                digest.update(np.ascontiguousarray(rows).data)
    if dataset.values is not None and any(texts is not None for texts in dataset.values):
        digest.update(json.dumps(dataset.values).encode())
    return digest.hexdigest()


def _weights(
    settings: ExperimentSettings, dataset: Dataset, split: Split, scaling: Scaling, layers: int, defaults: Defaults
) -> tuple[float, ...]:
    """Return λs where none are named: [R]'s for data sets known by name, else those that suit the data."""
    if settings.dataset in DATASET_DEFAULTS and scaling.whitening is None:  # they are for pixels
        return default_weights(layers)
    variance = mean_variance(dataset.X, split.train, scaling)
    if variance < np.finfo(np.float32).tiny:  # all features are constant: nothing can be learned, nothing is wrong
        variance = 1.0
    return weights_for_variance(layers, variance, defaults.lambda_factor)


def _models(settings: ExperimentSettings, specification: Specification) -> Iterator[tuple[str, Specification]]:
    """Yield the models' names and descriptions."""
    alone = dataclasses.replace(specification, denoising_weights=(0.0,)) if specification.denoises else specification
    for name in model_names(specification.denoises, settings.baseline):
        yield name, alone if name == BASELINE else specification


def model_names(denoises: bool, baseline: bool) -> tuple[str, ...]:
    """Return the names of a run's models; without any λ the network is its own baseline."""
    if not denoises:
        return (BASELINE,)
    return (BASELINE, LADDER) if baseline else (LADDER,)


def _split(settings: ExperimentSettings, dataset: Dataset) -> Split:
    if dataset.X_test is not None and settings.test_fraction > 0:
        raise InputError(
            f"test fraction {settings.test_fraction}: {settings.dataset} brings its own test rows; leave it out"
        )
    seed = settings.seed if settings.split_seed is None else settings.split_seed
    wanted: dict[str, Any] = {
        "labels": settings.labels,
        "validation": settings.validation,
        "test_fraction": settings.test_fraction,
        "generator": stream(seed, Stream.SPLIT),
    }
    if dataset.overlapping:
        return split_in_order(dataset.y, **wanted)
    return split_rows(dataset.y, len(dataset.classes), classes=dataset.classes, **wanted)


def _check_scaled(
    settings: ExperimentSettings, dataset: Dataset, scaling: Scaling, specification: Specification
) -> None:
    """Refuse a value too large for the dtype; pixels are never that."""
    for name, X in (("X", dataset.X), ("X_test", dataset.X_test)):
        if X is None or X.dtype == np.uint8:
            continue
        try:
            scaling.check(X, specification.numpy_dtype)
        except InputError as error:
            raise InputError(f"{settings.dataset}: {name}: {error}") from None
