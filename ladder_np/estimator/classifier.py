"""`LadderClassifier`: labeled and unlabeled rows in, a classifier out."""

import sys
from typing import Any, Self

import numpy as np

from ladder_np.errors import InputError
from ladder_np.estimator.fitted import FittedEstimator
from ladder_np.estimator.fitting import (
    FitHistory,
    can_resume_optimizer,
    make_model,
    split_table,
    train_model,
    train_on,
    update_statistics,
)
from ladder_np.estimator.hyperparameters import draw_seed, flag, training_settings_of, whole_number
from ladder_np.estimator.input import read_table
from ladder_np.training.early_stopping import EarlyStopping

__all__ = ["LadderClassifier"]

RESUMED = ("step/", "order", "cycle")  # of a training's state: what goes on from one partial_fit to the next


class LadderClassifier(FittedEstimator):
    """A ladder network by scikit-learn's conventions, trained on labeled and unlabeled rows together.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, or int
        Widths of the layers between features and classes; may be empty.
    activation, combinator, dtype : str
        See `Specification`.
    noise_std : float or sequence of float
        Standard deviation of the noise, one for all layers or one a layer, the input first.
    denoising_weights : float, sequence of float, or None
        λ, one for all layers or one a layer, the input first. None: 10 over the mean variance of the scaled
        features (which is 1 when they are standardized) in the first training, 3, then 1 for every further layer. 0:
        rows without a label are not used.
    batch_size : int
        Labeled rows a step, and as many of all rows; smaller sets are used whole.
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
    scaling : {"auto", "standardize", "pixels", "none"}
        "standardize": each feature to mean 0 and standard deviation 1 over the training rows. "pixels", for 8-bit X:
        divided by its largest value. "auto": pixels for 8-bit X, else standardize. It is stored with the model.
    unlabeled_label : object
        What y holds where a row has no label; in an array of texts its text. None or NaN: whatever is missing (None,
        NaN, pandas' NA).
    warm_start : bool
        Whether `fit` goes on from the parameters and scaling of the fit before it.
    random_state : int, Generator, RandomState or None
        The same int gives the same bits. None: another training each time.
    verbose : bool
        Whether to write a line an epoch on standard error.
    device : {"cpu", "cuda", "auto"} or Device

    Attributes
    ----------
    classes_ : ndarray (K,)
        The labels, ascending.
    n_features_in_ : int
    feature_names_in_ : ndarray (d,) of str
        The columns of the data frame in training; missing if it was none.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : list of float
        The mean cost of each epoch.
    validation_scores_ : list of float or None
        With early stopping, the accuracy on the held-out rows after each epoch.
    transduction_ : ndarray (n,)
        After `fit`, the label of each training row: the given one, or else the predicted one.

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

    def __init__(
        self,
        hidden_layer_sizes: Any = (200, 100),
        activation: str = "relu",
        *,
        combinator: str = "gaussian",
        noise_std: Any = 0.3,
        denoising_weights: Any = None,
        batch_size: int = 50,
        learning_rate_init: float = 0.004,
        decay_start: float = 0.67,
        max_iter: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        scaling: str = "auto",
        unlabeled_label: Any = -1,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
        dtype: str = "float32",
        device: Any = "cpu",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.combinator = combinator
        self.noise_std = noise_std
        self.denoising_weights = denoising_weights
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.decay_start = decay_start
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.scaling = scaling
        self.unlabeled_label = unlabeled_label
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.dtype = dtype
        self.device = device

    def fit(self, X: Any, y: Any) -> Self:
        """Train on all rows, with the labels of those that have one.

        Parameters
        ----------
        X : array-like (n, d)
        y : array-like (n,)
            Numbers, texts or objects; `unlabeled_label` where a row has none.

        Raises
        ------
        InputError
            If a parameter, X or y cannot be used.
        TrainingDivergedError
            If the cost becomes infinite, no number, or explodes; the estimator is then as before.
        """
        before = self._predictor if flag("warm_start", self.warm_start) and self.__sklearn_is_fitted__() else None
        table = read_table(X, y, self.unlabeled_label, self._name, before)
        seed = draw_seed(self.random_state)
        settings = training_settings_of(self.get_params(), seed)
        patience = whole_number("n_iter_no_change", self.n_iter_no_change, 1)
        stopping = EarlyStopping(patience) if flag("early_stopping", self.early_stopping) else None
        split = split_table(self.get_params(), table, seed)
        model = make_model(self.get_params(), table, split.train, seed, before)
        history = train_model(model, table, split, settings, stopping, self._report)
        best = model.predict_proba(table.X).argmax(axis=1)  # before anything is kept: it may fail
        self._keep(model, history, before)
        self.transduction_ = self.classes_[np.where(table.index >= 0, table.index, best)]
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train one epoch on the given rows, going on from where the estimator is, at a constant rate.

        The scaling is found on the first call's rows. The statistics that prediction normalizes with are those of the
        last call's rows, so each call should bring rows of every kind.

        Parameters
        ----------
        X, y
            As for `fit`; two labeled rows at least.
        classes : array-like, optional
            All classes that will ever be seen; needed in the first call, unless its y has them all.

        Raises
        ------
        InputError, TrainingDivergedError
            As `fit`.
        """
        if flag("early_stopping", self.early_stopping):
            raise InputError("partial_fit trains one epoch and cannot stop early; set early_stopping=False")
        before = self._predictor if self.__sklearn_is_fitted__() else None
        table = read_table(X, y, self.unlabeled_label, self._name, before, classes)
        seed = draw_seed(self.random_state)
        split = split_table(self.get_params(), table, seed)
        model = make_model(self.get_params(), table, split.train, seed, before)
        training = train_on(model, table, split, training_settings_of(self.get_params(), seed, endless=True))
        if before and self._resume and can_resume_optimizer(before, model):
            training.restore({**training.state(), **self._resume})
        loss = training.run_epoch().cost
        update_statistics(model, table, split)
        resume = {key: values for key, values in training.state().items() if key.startswith(RESUMED)}
        self._keep(model, FitHistory([loss]), before, resume)
        return self

    def _report(self, history: FitHistory) -> None:
        """Write a line about the last epoch."""
        if self.verbose:
            score = f", validation accuracy {history.scores[-1]:.4f}" if history.scores else ""
            print(
                f"epoch {len(history.losses)} of {self.max_iter}: cost {history.losses[-1]:.6g}{score}",
                file=sys.stderr,
            )
