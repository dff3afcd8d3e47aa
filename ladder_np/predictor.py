"""A trained model at work: raw features in, classes out; all predictions of all faces go this way."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ladder_np.data.dataset import Dataset, Features, ImageShape, check_features, find_image_shape
from ladder_np.data.sparse import SparseRows
from ladder_np.data.stored import StoredRows, blocks
from ladder_np.errors import InputError, warn
from ladder_np.model_file import TrainedModel
from ladder_np.network.inference import PopulationStatistics, predict_log_proba, predict_proba, rows_at_once
from ladder_np.training.fit import FitHistory

__all__ = ["Predictor"]


class Predictor(TrainedModel):
    """A trained model that predicts."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return P(class), shape (rows, K), float64, for raw features X (rows, d); batches change nothing.

        X may be images, (rows, height, width[, channels]), if it was trained on such. Raises InputError if X is not
        finite numbers, or unlike the training data's features.
        """
        return np.concatenate([np.empty((0, len(self.classes))), *self.predict_blocks(self._checked(X))])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row, (rows,); raises as `predict_proba`."""
        best = (probabilities.argmax(axis=1) for probabilities in self.predict_blocks(self._checked(X)))
        return self.classes[np.concatenate([np.empty(0, np.intp), *best])]

    def _checked(self, X: Any) -> Features:
        X = X if isinstance(X, StoredRows | SparseRows) else np.asarray(X)
        if isinstance(X, np.ndarray) and self.image_shape and (shape := find_image_shape(X)):
            self.check_images(shape, "the data to predict")
            X = X.reshape(len(X), -1)
        self._check_width(X)
        return check_features(X, "the data to predict", missing=self.scaling.encoding is not None) if len(X) else X

    def errors(self, X: Features, y: np.ndarray) -> int:
        """Return how many rows get another class than their index y (rows,) into `classes`; X as `predict_blocks`."""
        return self.measure(X, y)[0]

    def measure(self, X: Features, y: np.ndarray) -> tuple[int, float]:
        """Return how many rows get another class than theirs, as `errors`, and the mean of -log P of theirs."""
        wrong, entropy = 0, 0.0
        parts = zip(self.predict_blocks(X, log=True), blocks(y, self._rows_at_once), strict=True)
        for part, (_, indices) in parts:
            wrong += int((part.argmax(axis=1) != indices).sum())
            entropy -= float(part[np.arange(len(part)), indices].sum())
        return wrong, entropy / len(y)

    def predict_blocks(self, X: Features, log: bool = False) -> Iterator[np.ndarray]:
        """Yield P(class), or its logarithm, (some rows, K) at a time; X is read as far as they are asked for.

        X (rows, d) has been checked by its reader to hold finite numbers. Raises InputError if it is unlike the
        training data's features, or too large for the network once scaled.
        """
        self.check_like(X)
        statistics = self.statistics
        for start, part in blocks(X, self._rows_at_once):
            yield self._block_proba(part, start, statistics, predict_log_proba if log else predict_proba)

    def _block_proba(
        self, part: np.ndarray, first_row: int, statistics: PopulationStatistics, predict: Callable[..., Any]
    ) -> np.ndarray:
        """Return the probabilities of one block of rows; on its own, so that no block is kept beside the next."""
        network = self.network
        # What training could not hold is not predicted either.
        rows = self.scaling.apply(part, np.float64, first_row, within=network.specification.numpy_dtype)
        with np.errstate(all="ignore"):  # what overflows is found below
            probabilities = predict(network.parameters, statistics, network.device.put(rows))
            probabilities = network.device.get(probabilities)
        if not np.isfinite(probabilities).all():
            raise InputError("the model gives no finite probabilities for this data; train it again")
        if self.prior is not None:
            probabilities[~part.any(axis=1)] = np.log(self.prior) if predict is predict_log_proba else self.prior
        return probabilities

    @property
    def _rows_at_once(self) -> int:
        return rows_at_once(self.network.specification)

    def check_like(self, X: Features) -> None:
        """Raise `InputError` if X has another number or kind of features than the training data."""
        self._check_width(X)
        if self.pixels and X.dtype.kind == "f" and any((np.floor(rows) != rows).any() for _, rows in blocks(X)):
            raise InputError("the model was trained on whole-numbered pixels, this data has fractions; give it raw")

    def warn_if_unlike(self, X: Features, source: str) -> None:
        """Warn if rows X (n, d), called `source`, are on another scale than in training, or hold other texts."""
        if self.range is not None and len(X) and (complaint := self.range.complaint(X)):
            warn(f"{source}: {complaint}")
        encoding = self.scaling.encoding
        if encoding is not None and (complaint := encoding.complaint(np.asarray(X), self.feature_names)):
            warn(f"{source}: {complaint}")

    def check_images(self, shape: ImageShape | None, source: str) -> None:
        """Raise `InputError` if rows, called `source`, are images of another shape than those in training."""
        taken = self.image_shape
        if taken is not None and shape not in (None, taken):
            raise InputError(f"{source}: the model was trained on images of {_by(taken)}, these have {_by(shape)}")

    def add_history(self, history: FitHistory, before: "Predictor | None") -> None:
        """Set how training went, after the history of the model `before` that it continued."""
        earlier = before.history if before else None
        self.history = history if earlier is None else earlier + history

    def features_of(self, dataset: Dataset) -> Dataset:
        """Return a dataset with the features of its texts, if the model was trained on texts.

        Raises InputError if only one of both holds texts, or its images have another shape than those in training.
        """
        self.check_images(dataset.image_shape, dataset.name)
        if self.vocabulary is None and dataset.texts is None:
            return dataset
        if self.vocabulary is None or dataset.texts is None:
            raise InputError(f"{dataset.name}: {self._told_of_texts()}")
        return dataclasses.replace(dataset, X=self.read_texts(dataset.texts))

    def read_texts(self, texts: Sequence[str] | None) -> Features:
        """Return the features of texts; raises InputError if there are none, or the model takes no texts."""
        if self.vocabulary is None or texts is None:
            raise InputError(self._told_of_texts())
        rows = self.vocabulary.rows(texts)
        unknown = int((np.diff(rows.starts) == 0).sum())
        if unknown:
            warn(
                f"{unknown} of {len(rows)} texts hold no known token; they get the shares of the classes in training"
            )
        return rows

    def _told_of_texts(self) -> str:
        if self.vocabulary is None:
            return "the model was trained on numbers, not on texts; leave out --text-column"
        return "the model was trained on texts; name their column with --text-column"

    @property
    def columns(self) -> dict[str, tuple[str, ...] | None]:
        """The columns of the training table by name, with the texts of those that hold texts; empty without names."""
        names, encoding = self.feature_names or (), self.scaling.encoding
        return dict(zip(names, encoding.values if encoding else (None,) * len(names), strict=True))

    def _check_width(self, X: Features) -> None:
        expected = self.scaling.columns
        if X.ndim != 2 or X.shape[1] != expected:
            given = f"{X.shape[1]}" if X.ndim == 2 else f"shape {X.shape}"
            raise InputError(f"the model was trained on {expected} features per row, this data has {given}")


def _by(shape: Sequence[int]) -> str:
    """Return 32x32x3."""
    return "x".join(map(str, shape))
