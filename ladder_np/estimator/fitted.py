"""What a fitted estimator is: predictions, a score, a file, a pickle."""

import dataclasses
from pathlib import Path
from typing import Any, Self

import numpy as np

from ladder_np.arrays import Device
from ladder_np.errors import InputError
from ladder_np.estimator.base import BaseClassifier
from ladder_np.estimator.input import read_labels, read_like
from ladder_np.network.specification import Specification
from ladder_np.predictor import Predictor
from ladder_np.training.fit import FitHistory

__all__ = ["FittedEstimator", "Resume"]

Resume = dict[str, np.ndarray] | None  # what the next partial_fit goes on from, besides the model


class FittedEstimator(BaseClassifier):
    """An estimator's half after `fit`; the attributes are those of `LadderClassifier`."""

    unlabeled_label: Any
    device: Any
    classes_: np.ndarray
    n_features_in_: int
    feature_names_in_: np.ndarray
    n_iter_: int
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    _predictor: Predictor
    _resume: Resume

    @property
    def _name(self) -> str:
        return type(self).__name__

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return P(class), (rows, K) float64, columns as in `classes_`; no row's depends on the other rows.

        Raises
        ------
        InputError
            If the estimator is not fitted (scikit-learn's NotFittedError, too, where that is loaded), or X is unlike
            the features in training.
        """
        self._check_fitted()
        return np.concatenate([*self._predictor.predict_blocks(read_like(X, self._predictor, self._name))])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row, (rows,); raises as `predict_proba`."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the (weighted) share of rows that get their label; rows without one (`unlabeled_label`) don't count.

        Raises
        ------
        InputError
            As `predict_proba`, or if no row is labeled or the weights do not fit.
        """
        predicted = self.predict(X)
        labels = read_labels(y, self.unlabeled_label, self._name)
        labels.check_count(len(predicted))
        weights = (
            np.ones(len(predicted)) if sample_weight is None else _checked_weights(sample_weight, len(predicted))
        )
        counted = np.flatnonzero(~labels.unlabeled)
        if not weights[counted].sum() > 0:
            raise InputError("no row with a label and a weight > 0 to score on")
        labels.check_kind(self.classes_, int(counted[0]))
        return float(np.average(predicted[counted] == labels.values[counted], weights=weights[counted]))

    def save(self, path: Path | str) -> None:
        """Write the fitted estimator as one `.npz` of plain arrays, but for `device` and a generator as random state.

        What `partial_fit` keeps of its optimizer and random streams is not in the file: a loaded estimator predicts
        the same, and goes on from the same parameters with an optimizer that begins anew.

        Raises
        ------
        InputError
            If it is not fitted, its `unlabeled_label` is no number, text or None, or the place cannot be written.
        """
        self._check_fitted()
        if not isinstance(self.unlabeled_label, bool | int | float | str | np.generic | None):
            raise InputError(f"unlabeled_label {self.unlabeled_label!r} cannot be saved; expected a number or a text")
        params = {name: value for name, value in self.get_params().items() if name != "device"}
        dataclasses.replace(self._predictor, params=params).save(path)

    @classmethod
    def load(cls, path: Path | str, device: Device | str = "cpu") -> Self:
        """Return the estimator of a file that `save` wrote, or of a run's ``model.npz``; no `transduction_`.

        Raises
        ------
        InputError
            If it is not an intact model file.
        """
        model = Predictor.load(path, device)
        params = _params_of(model.network.specification) if model.params is None else model.params
        try:
            estimator = cls().set_params(**{**params, "device": device})
        except InputError as error:
            raise InputError(f"{path}: damaged model file: {error}") from None
        estimator._keep(model, model.history, before=None)
        return estimator

    def _keep(
        self, model: Predictor, history: FitHistory | None, before: Predictor | None, resume: Resume = None
    ) -> None:
        """Set what was learned; the history goes on where the model went on from another."""
        if hasattr(history, "losses"):
            layers = len(model.network.specification.sizes)
            history = FitHistory.from_curves(history.losses, [1 - score for score in history.scores], layers)
        if before and before.history and history:
            history = before.history + history
        model.history = history
        self._predictor, self._resume = model, resume
        self.classes_ = model.classes
        self.n_features_in_ = model.network.specification.sizes[0]
        self.__dict__.pop("feature_names_in_", None)
        if model.feature_names is not None:
            self.feature_names_in_ = np.array(model.feature_names, dtype=object)
        self.loss_curve_ = history.cost.tolist() if history else []
        errors = history.validation_error if history else np.empty(0)
        self.validation_scores_ = (1 - errors[~np.isnan(errors)]).tolist() or None
        self.n_iter_ = len(self.loss_curve_)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes, with the model as plain arrays, from whatever device it is on."""
        state = self.__dict__.copy()
        if "_predictor" in state:
            state["_predictor"] = self._predictor.as_arrays()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_predictor" in state:
            self._predictor = Predictor.from_arrays("pickled estimator", state["_predictor"], self.device)


def _checked_weights(sample_weight: Any, rows: int) -> np.ndarray:
    """Return one weight per row, (rows,) float64."""
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("sample_weight: expected numbers, one weight per row") from None
    if weights.shape != (rows,):
        raise InputError(f"sample_weight has the shape {weights.shape}; expected ({rows},), one weight per row")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise InputError("sample_weight: expected finite numbers >= 0")
    return weights


def _params_of(specification: Specification) -> dict[str, Any]:
    """Return the parameters of an estimator that has this network."""
    names = ("activation", "combinator", "noise_std", "denoising_weights", "dtype")
    return {"hidden_layer_sizes": specification.sizes[1:-1], **{name: getattr(specification, name) for name in names}}
