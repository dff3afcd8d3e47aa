"""`LadderClassifier`: labeled and unlabeled rows in, a classifier out; predictions, a score, a file, a pickle."""

import dataclasses
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from ladder_np.arrays import Device
from ladder_np.data.sparse import Features
from ladder_np.errors import InputError, warn
from ladder_np.estimator.base import BaseClassifier
from ladder_np.estimator.fitting import HIDDEN, begin_call, begin_fit, flag, kinds_of_rows, set_prior
from ladder_np.estimator.input import Table, check_left, read_labels, read_like, read_table
from ladder_np.estimator.interrupt import InterruptWarning, fit_until_interrupted
from ladder_np.estimator.kept import KeptRows
from ladder_np.estimator.routing import WeightRequests
from ladder_np.estimator.saved import by_class, by_index, params_of
from ladder_np.estimator.summary import TrainingFacts, as_columns, history_of, summarize
from ladder_np.predictor import Predictor
from ladder_np.training.fit import FitHistory, complement
from ladder_np.training.progress import Progress
from ladder_np.training.weights import checked_weights
from ladder_np.version import unknown_name

__all__ = ["LadderClassifier"]

RESUMED = ("step/", "order", "cycle", "epoch")  # the parts of a training's state that the next partial_fit continues
MOMENTS = ("step/m", "step/v", "step/steps")  # Adam's
Resume = dict[str, np.ndarray] | None


class LadderClassifier(WeightRequests, BaseClassifier):
    """A ladder network by scikit-learn's conventions, trained on labeled and unlabeled rows together.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int or str, int, or str
        Units of the layers between features and classes; may be empty. Texts are layers in the notation of
        `operations.maps`: "200-100" is (200, 100).
    layers : str, sequence of int or str, or None
        In their place all layers above the features, as "conv:32:5-mean_pool-10" (leave `hidden_layer_sizes` alone);
        one with a unit for each class is added where it is missing. If the first needs images, X is an array
        (n, height, width) or (n, height, width, channels) in all methods.
    top_gamma : bool
        Whether the softmax layer has a scale γ; without it as in the paper's networks for CIFAR-10.
    activation, combinator, dtype : str
        See `Specification`.
    noise_std : float or sequence of float
        Standard deviation of the noise, one for all layers or one per layer, the input first.
    denoising_weights : float, sequence of float, or None
        λ, one for all layers or one per layer, the input first. None: 10 over the mean variance of the scaled
        features (which is 1 when they are standardized) in the first training, 3, then 1 for every further layer; for
        texts 0.03 times that. 0: rows without a label are not used.
    labeled_statistics : {"auto", "unlabeled", "own"}
        What labeled rows are normalized with in training. "unlabeled": the statistics of all rows, for any choice of
        labels. "own": theirs, as in the paper, for labels that are a fair sample of all rows. "auto": "own" in `fit`
        on texts whose rarest class has half as many labels as the most frequent one, or more; else "unlabeled".
    batch_size : int
        Labeled rows per step, and as many of all rows; smaller sets are used whole.
    learning_rate_init : float
        Adam's rate until `decay_start`.
    decay_start : float
        Share of the training, in [0, 1], after which the rate falls linearly to zero.
    max_iter : int
        Epochs: passes over all rows.
    early_stopping : bool
        Whether to hold labeled rows out, stop when their error has not fallen for `n_iter_no_change` epochs, and put
        the best parameters back.
    validation_fraction : float
        The share of the labeled rows held out for it, one at least, spread evenly over the classes; one row of each
        class always stays in training.
    n_iter_no_change : int
        See `early_stopping`.
    scaling : {"auto", "standardize", "pixels", "common", "none", "gcn_zca"}
        "standardize": each feature to mean 0 and standard deviation 1 over the training rows. "pixels", for uint8 X:
        divided by 255, or by its largest value where that is below 128. "common": all features divided by one number,
        to mean variance 1, so that zeros stay zeros. "auto": common for texts; else pixels if X is uint8, reaches 16,
        and nearly all of 16 features at least share one scale; else standardize (0/1 images, too). A warning tells if
        that is nearly so. "gcn_zca": see `data.whitening`. It is stored with the model.
    missing : {"error", "mean"}
        What becomes of missing cells of X (NaN, None, pandas' NA). "error": they are refused. "mean": a missing
        number becomes its column's mean in training, and a further input tells where they are missing. Columns of
        texts or categories in a data frame become indicators, one for each of at most 20 values.
    text : {None, "words", "characters"}
        Whether X holds one text per row, and what is counted in it: words, or groups of one to three characters. The
        tokens of most training rows become features, weighed by how rare they are (tf-idf; see `data.words`).
    vocabulary_size : int
        How many tokens at most.
    unlabeled_label : object
        What y holds where a row has no label; in an array of texts its text. None or NaN: whatever is missing (None,
        NaN, pandas' NA).
    translate : int
        Pixels by which training images are moved at random, at most, in each direction; what comes in is 0. X is then
        an array of images, as for `layers` that need them.
    flip : bool
        Whether half of the training images, drawn anew for every step, are flipped left to right; X is as for
        `translate`.
    class_weight : dict, "balanced" or None
        How much the labeled rows of each class count; a class that the dict lacks counts 1. "balanced": so much that
        all classes count the same.
    warm_start : bool
        Whether `fit` goes on from the parameters and scaling of the fit before it.
    random_state : int, Generator, RandomState or None
        The same int gives the same bits. None: a different training each time.
    verbose : bool
        Whether to show on standard error how far training is (epoch, cost, validation error, time left): on a
        terminal and in a notebook one line that is rewritten, in a log a line now and then.
    device : {"cpu", "cuda", "auto"} or Device

    Attributes
    ----------
    classes_ : ndarray (K,)
        The labels, ascending.
    n_features_in_ : int
    feature_names_in_ : ndarray (d,) of str
        The columns of the data frame in training; missing if there was no data frame.
    n_iter_ : int
        Epochs trained.
    history_ : dict of lists
        A row for each epoch, as ``pandas.DataFrame(model.history_)`` shows it, after the epochs of earlier calls that
        it continued: `epoch`, `step`, `learning_rate` (of the last step); the means over the steps `cost` =
        `supervised` + `denoising` (weighted by λ and summed), and `denoising_0` to `denoising_L`, each layer's before
        it is weighted; `validation_error`, from 0 to 1; `seconds`. NaN is what was not measured: without early
        stopping, of a layer whose λ is 0, or the time in a file.
    denoising_weights_ : tuple of float
        What `denoising_weights` came to, by layer.
    loss_curve_ : list of float
        The mean cost of each epoch.
    validation_scores_ : list of float or None
        With early stopping, the accuracy on the held-out rows after each epoch.
    scaling_ : str
        What `scaling` came to.
    transduction_ : ndarray (n,)
        After `fit`, the label of each training row: the given one, or else the predicted one.

    See Also
    --------
    ladder_np.plots.draw_picture, ladder_np.plots.write_report : pictures and a report of a fitted estimator.

    References
    ----------
    [R] Rasmus et al., Semi-Supervised Learning with Ladder Networks, NIPS 2015, arXiv:1507.02672v2.

    Examples
    --------
    >>> import numpy as np
    >>> from ladder_np import LadderClassifier
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0, 0], [4, 4], [0, 4]], 100, axis=0)
    >>> y = np.full(300, "?")
    >>> y[[0, 1, 100, 101, 200, 201]] = ["a", "a", "b", "b", "c", "c"]
    >>> model = LadderClassifier(unlabeled_label="?", max_iter=30, random_state=0).fit(X, y)
    >>> model.predict([[4, 4], [0, 4]])
    array(['b', 'c'], dtype='<U1')
    """

    classes_: np.ndarray
    n_features_in_: int
    feature_names_in_: np.ndarray
    n_iter_: int
    denoising_weights_: tuple[float, ...]
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    scaling_: str
    _predictor: Predictor
    _resume: Resume
    _kept: KeptRows | None
    _facts: TrainingFacts | None

    def __init__(
        self,
        hidden_layer_sizes: Any = HIDDEN,
        activation: str = "relu",
        *,
        layers: Any = None,
        top_gamma: bool = True,
        combinator: str = "gaussian",
        noise_std: Any = 0.3,
        denoising_weights: Any = None,
        labeled_statistics: str = "auto",
        batch_size: int = 50,
        learning_rate_init: float = 0.004,
        decay_start: float = 0.67,
        max_iter: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        scaling: str = "auto",
        missing: str = "error",
        text: str | None = None,
        vocabulary_size: int = 2000,
        unlabeled_label: Any = -1,
        translate: int = 0,
        flip: bool = False,
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        dtype: str = "float32",
        device: Any = "cpu",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.layers = layers
        self.top_gamma = top_gamma
        self.combinator = combinator
        self.noise_std = noise_std
        self.denoising_weights = denoising_weights
        self.labeled_statistics = labeled_statistics
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.decay_start = decay_start
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scaling = scaling
        self.missing = missing
        self.text = text
        self.vocabulary_size = vocabulary_size
        self.unlabeled_label = unlabeled_label
        self.translate = translate
        self.flip = flip
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.dtype = dtype
        self.device = device

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on all rows, with the labels of those that have one.

        An interrupt (Ctrl-C) ends the training early: the estimator is then what the complete epochs have taught,
        and a warning tells how many they are. Before the first is complete, or interrupted again, the estimator is
        as before, and KeyboardInterrupt is raised.

        Parameters
        ----------
        X : array-like (n, d)
            Or images (n, height, width[, channels]), where `layers`, `translate` or `flip` need them, or a model that
            was trained on such is continued.
        y : array-like (n,)
            Numbers, texts or objects; `unlabeled_label` where a row has none.
        sample_weight : array-like (n,), optional
            How much each row's label counts, beside `class_weight`; a row of weight 0 is left out.

        Raises
        ------
        InputError
            If a parameter, X or y cannot be used.
        TrainingDivergedError
            If the cost becomes NaN or infinite, or explodes; the estimator is then as before.
        """
        before = self._predictor if flag("warm_start", self.warm_start) and self.__sklearn_is_fitted__() else None
        table = self._read(X, y, before, sample_weight=sample_weight)
        used = table.only(table.weights > 0)
        check_left(used)
        model, training, validation = begin_fit(self.get_params(), used, before)
        table, used = (rows.with_vocabulary(model.vocabulary) for rows in (table, used))
        validation_error = _validation_error(model, used, validation) if self.early_stopping else None
        with Progress(int(self.max_iter), sys.stderr if self.verbose else None, keep_last=True) as progress:
            history, labels, interrupted = fit_until_interrupted(
                training, validation_error, partial(progress.observe, ""), lambda: _transduction(model, table)
            )
        model.add_history(history, before)
        epochs = len(history), self.max_iter
        facts = TrainingFacts.of_fit(used.index, len(used.classes), len(validation), epochs)
        self._keep(model, facts, transduction_=labels)
        if interrupted:
            warn(
                f"fit was interrupted after {epochs[0]} of {epochs[1]} epochs; the model is what they have taught",
                InterruptWarning,
            )
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on the given rows, going on from where the estimator is, at a constant rate.

        The scaling is found on the rows of the first calls, until there are 50. An even sample of all rows so far is
        kept, 2,000 at most, and of the labeled ones 1,000: prediction normalizes with its statistics; rows of it fill
        up a call of fewer rows than a batch, and stand in for classes of which the call has no label. Any call may
        have one row, one label or none, once two rows are kept; with `labeled_statistics="own"`, or λ = 0, two labels
        must be known. Without a label so far the denoising costs alone are trained.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, optional
            All classes that will ever be seen; needed in the first call, unless its y has them all.

        Raises
        ------
        InputError, TrainingDivergedError
            As `fit`. An interrupt is raised, too, and leaves the estimator as before the call.
        """
        if flag("early_stopping", self.early_stopping):
            raise InputError("partial_fit trains one epoch and cannot stop early; set early_stopping=False")
        before = self._predictor if self.__sklearn_is_fitted__() else None
        table = self._read(X, y, before, classes, sample_weight)
        used = table.only(table.weights > 0)
        model, training, kept = begin_call(self.get_params(), used, before, self._kept if before else None)
        state = training.state()
        if before and self._resume and self._resume["step/m"].size == state["step/m"].size:  # as many are trained
            # Moments of a few rows, whose gradients may be huge, would hold the steps down for long.
            begun = () if self._kept and self._kept.settled else MOMENTS
            training.restore({**state, **{k: v for k, v in self._resume.items() if k not in begun}})
        record = training.run_epoch()
        training.finish()
        model.network.statistics = kept.statistics(model.statistics, model.network.specification)
        model.add_history(FitHistory.from_records([record], training.layers), before)
        resume = {key: values for key, values in training.state().items() if key.startswith(RESUMED)}
        facts = TrainingFacts.of_call(used.index, len(used.classes), self._facts if before else None)
        set_prior(model, np.array(facts.labeled))
        self._keep(model, facts, resume, kept)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return P(class), (rows, K) float64, columns as in `classes_`; no row's depends on the other rows.

        Raises
        ------
        InputError
            If the estimator is not fitted (scikit-learn's NotFittedError, too, where that is loaded), or X is unlike
            the features in training.
        """
        return self._proba(X, log=False)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return log P(class) as `predict_proba` returns P(class); finite also where that is rounded to 0."""
        return self._proba(X, log=True)

    def _proba(self, X: Any, log: bool) -> np.ndarray:
        self._check_fitted()
        return np.concatenate([*self._predictor.predict_blocks(self._read_like(X), log)])

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
        weights = checked_weights(sample_weight, len(predicted))
        counted = np.flatnonzero(~labels.unlabeled)
        if not weights[counted].sum() > 0:
            raise InputError("no row with a label and a weight > 0 to score on")
        labels.check_kind(self.classes_, int(counted[0]))
        return float(np.average(predicted[counted] == labels.values[counted], weights=weights[counted]))

    def save(self, path: Path | str) -> None:
        """Write the fitted estimator as one `.npz` of plain arrays, but for `device` and a generator as random state.

        What `partial_fit` keeps (rows, its optimizer, random streams) is not in the file: a loaded estimator predicts
        the same, and goes on from the same parameters with an optimizer and statistics that begin anew.

        Raises
        ------
        InputError
            If it is not fitted, its `unlabeled_label` is not a number, text or None, or the place cannot be written.
        """
        self._check_fitted()
        if not isinstance(self.unlabeled_label, bool | int | float | str | np.generic | None):
            raise InputError(f"unlabeled_label {self.unlabeled_label!r} cannot be saved; expected a number or a text")
        self.predictor_.save(path)

    @classmethod
    def load(cls, path: Path | str, device: Device | str = "cpu") -> Self:
        """Return the estimator of a file that `save` wrote, or of a run's ``model.npz``; no `transduction_`.

        Raises
        ------
        InputError
            If it is not an intact model file.
        """
        model = Predictor.load(path, device)
        params = params_of(model) | (model.params or {})
        params["class_weight"] = by_class(params.get("class_weight"), model.classes)
        if unknown := params.keys() - cls._defaults().keys():
            raise InputError(f"{path}: {unknown_name(f'the parameter {min(unknown)!r} of its estimator')}")
        estimator = cls().set_params(**{**params, "device": device})
        estimator._keep(model, None)
        return estimator

    @property
    def history_(self) -> dict[str, list[Any]]:
        """How training went: see the class's attributes."""
        self._check_fitted()
        return as_columns(history_of(self._predictor))

    def summary(self) -> str:
        """Return a text about the fitted estimator: network, rows, features, training; at most 80 columns wide.

        Raises
        ------
        InputError
            If it is not fitted.
        """
        self._check_fitted()
        return summarize(self._name, self._predictor, self._facts)

    @property
    def predictor_(self) -> Predictor:
        """The trained model, as its file holds it: network, scaling of features, classes, parameters."""
        self._check_fitted()
        params = {name: value for name, value in self.get_params().items() if name != "device"}
        params["class_weight"] = by_index(self.class_weight, self.classes_)
        return dataclasses.replace(self._predictor, params=params)

    def _read(
        self, X: Any, y: Any, before: Predictor | None, classes: Any = None, sample_weight: Any = None
    ) -> Table:
        """Return the checked rows of a call."""
        kinds = kinds_of_rows(self.get_params())
        return read_table(X, y, self.unlabeled_label, self._name, before, classes, sample_weight, *kinds)

    def _read_like(self, X: Any) -> Features:
        """Return checked features like those in training."""
        return read_like(X, self._predictor, self._name, self.missing == "mean")

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _keep(
        self,
        model: Predictor,
        facts: TrainingFacts | None,
        resume: Resume = None,
        kept: KeptRows | None = None,
        **learned: Any,
    ) -> None:
        """Set what was learned, and what the next `partial_fit` resumes from: all at once, or nothing."""
        specification, history = model.network.specification, history_of(model)
        errors = history.validation_error[~np.isnan(history.validation_error)].tolist()
        if model.feature_names is not None:
            learned["feature_names_in_"] = np.array(model.feature_names, dtype=object)
        learned |= {
            "_predictor": model,
            "_facts": facts,
            "_resume": resume,
            "_kept": kept,
            "classes_": model.classes,
            "scaling_": model.scaling.kind,
            "denoising_weights_": specification.denoising_weights,
            "n_features_in_": model.scaling.columns,
            "n_iter_": len(history),
            "loss_curve_": history.cost.tolist(),
            "validation_scores_": [complement(error) for error in errors] or None,
        }
        others = {name: value for name, value in self.__dict__.items() if name != "feature_names_in_"}
        self.__dict__ = others | learned

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes, with the model as plain arrays, from whatever device it is on."""
        state = self.__dict__.copy()
        if "_predictor" in state:
            state["_predictor"] = self._predictor.as_arrays()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Pickles of older versions lack what was added later; labeled rows had their own statistics then.
        self.__dict__.update(
            {**self._defaults(), "labeled_statistics": "own", "_kept": None, "_facts": None, **state}
        )
        if "_predictor" in state:
            self._predictor = Predictor.from_arrays("pickled estimator", state["_predictor"], self.device)
            self.scaling_ = self._predictor.scaling.kind
            self.denoising_weights_ = self._predictor.network.specification.denoising_weights


def _validation_error(model: Predictor, table: Table, rows: np.ndarray) -> Callable[[], float]:
    return lambda: model.errors(table.X[rows], table.index[rows]) / len(rows)


def _transduction(model: Predictor, table: Table) -> np.ndarray:
    """Return the label of each row: the given one, or else the predicted one."""
    best = np.concatenate([part.argmax(axis=1) for part in model.predict_blocks(table.X)])
    return model.classes[np.where(table.index >= 0, table.index, best)]
