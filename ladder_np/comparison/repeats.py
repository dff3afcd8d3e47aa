"""`compare`: repeated splits of the labeled rows, and on each of them every method trained and tested."""

import dataclasses
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ladder_np.comparison.methods import (
    VARIANTS,
    Repeat,
    Variant,
    chosen_methods,
    fit_network,
    predict_scikit_learn,
    scaled_rows,
)
from ladder_np.comparison.result import Comparison
from ladder_np.data.split import stratified_test_rows
from ladder_np.errors import InputError, InputWarning, warn
from ladder_np.estimator.classifier import LadderClassifier
from ladder_np.estimator.fitting import kinds_of_rows
from ladder_np.estimator.input import Table, read_table
from ladder_np.estimator.interrupt import InterruptWarning
from ladder_np.estimator.model_selection import rows_of
from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["compare", "labels_of"]

VARIANT_REPEATS = 10  # of other settings: more would hardly shorten their intervals
SHOWN = 2  # errors in a line about a repeat, which stays within 80 columns
SUPERVISED = {"denoising_weights": 0.0}


def compare(
    X: Any,
    y: Any,
    model: LadderClassifier | None = None,
    *,
    repeats: int = 20,
    test_fraction: float = 0.25,
    methods: Any = None,
    variants: bool | None = None,
    random_state: int = 0,
    verbose: bool = False,
) -> Comparison:
    """Measure on repeated splits of the labeled rows whether the unlabeled rows help.

    In each repeat a share of each class's labeled rows, drawn anew, is left out for the test: features and label.
    Trained on the other rows are the ladder; the same network without the unlabeled rows, from the same starting
    point and on features scaled in the same way; and scikit-learn's classifiers, on those scaled features.

    The test rows are labeled ones, so the errors are those of rows like these: where labels are not a fair sample of
    all rows, neither are the errors.

    Parameters
    ----------
    X : array-like (n, d)
    y : array-like (n,)
        As for `LadderClassifier.fit`; at least two labeled rows of each class, and an unlabeled one.
    model : LadderClassifier, optional
        The ladder's settings; it is not changed. Of its parameters `random_state` is not used. By default those of
        the class, but missing numbers are taken (``missing="mean"``).
    repeats : int
        At least 2.
    test_fraction : float
        The share of each class's labeled rows, in (0, 1), that is left out; one row at least, and one at least stays.
    methods : sequence of str, optional
        Other methods: "self-training" (over a logistic regression), "label spreading", "logistic regression" (on the
        labeled rows alone). By default all of them where scikit-learn is installed.
    variants : bool, optional
        Whether to try other settings of the ladder too, on the first ten of the splits: a tenth of λ, the other
        statistics, twice and half the epochs. None: where the ladder is not clearly better without.
    random_state : int
        The same number gives the same splits and errors, whatever other methods are compared.
    verbose : bool
        Whether to write a line per repeat on standard error.

    Returns
    -------
    Comparison
        Printed, it is a table with a verdict and what to try next.

    Raises
    ------
    InputError
        If X, y or a parameter cannot be used.
    TrainingDivergedError
        If the cost of a network becomes NaN or infinite.
    KeyboardInterrupt
        Before two repeats are complete. Later the result is that of the complete ones, and a warning says so.

    Examples
    --------
    >>> import numpy as np
    >>> from ladder_np import LadderClassifier, compare
    >>> y = np.arange(300) % 3
    >>> X = 3 * np.eye(3)[y] + np.random.default_rng(0).normal(size=(300, 3))
    >>> y[30:] = -1
    >>> result = compare(X, y, LadderClassifier(max_iter=20), repeats=4, methods=(), variants=False)
    >>> list(result.errors), result.errors["ladder"].shape, result.test_rows
    (['ladder', 'supervised only'], (4,), 9)
    """
    model = LadderClassifier(missing="mean") if model is None else model
    if not isinstance(model, LadderClassifier):
        raise InputError(f"model: expected a LadderClassifier, got {type(model).__name__}")
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 2:
        raise InputError(f"repeats {repeats!r}: expected a whole number >= 2")
    if not (isinstance(test_fraction, int | float) and 0 < test_fraction < 1):
        raise InputError(f"test fraction {test_fraction!r}: expected a share between 0 and 1")
    seed, (others, left_out) = check_seed(random_state, "random_state"), chosen_methods(methods)
    kinds = kinds_of_rows(model.get_params())
    table = read_table(X, y, model.unlabeled_label, "compare", None, None, None, *kinds)
    _check(table, model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # they were told above, of all rows
        result = _Measuring(model, X, table, test_fraction, seed, verbose).run(int(repeats), others, variants)
    return dataclasses.replace(result, left_out=left_out)


def labels_of(classes: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the classes of rows as objects, None where `index` (n,) is -1."""
    labels = np.array([*classes.tolist(), None], dtype=object)
    return labels[index]


def _check(table: Table, model: LadderClassifier) -> None:
    counts = np.bincount(table.index[table.index >= 0], minlength=len(table.classes))
    if counts.min() < 2:
        raise InputError(
            f"class {table.classes.tolist()[int(counts.argmin())]!r} has 1 labeled row; a comparison needs two of "
            "each class at least, one to train on and one to test on: label more, or leave the class out"
        )
    if (table.index >= 0).all():
        raise InputError(
            "every row has a label, so there are no unlabeled rows that could help; leave the label of some rows out"
        )
    weights = model.denoising_weights
    if weights is not None and not np.any(np.asarray(weights, dtype=object) != 0):
        raise InputError(
            "denoising weights 0: such a network does not use the unlabeled rows, so there is nothing to compare"
        )


class _Measuring:
    """The methods' errors and times, repeat by repeat."""

    def __init__(
        self, model: LadderClassifier, X: Any, table: Table, test_fraction: float, seed: int, verbose: bool
    ) -> None:
        self._model, self._X, self._table = model, X, table
        self._test_fraction, self._seed, self._verbose = test_fraction, seed, verbose
        self._labels = labels_of(table.classes, table.index)
        self._first: LadderClassifier | None = None  # the ladder of the first repeat
        self._errors: dict[str, list[float]] = {}
        self._seconds: dict[str, list[float]] = {}

    def run(self, repeats: int, methods: tuple[str, ...], variants: bool | None) -> Comparison:
        """Measure all methods, and other settings of the ladder where they are wanted."""
        try:
            for repeat in self._told(repeats, "repeat"):
                self._repeat(repeat, methods)
        except KeyboardInterrupt:
            return self._of_complete_repeats(repeats)
        result = self._result(())
        perfect = not any(result.errors[name].any() for name in (LADDER, BASELINE))
        if variants is False or (variants is None and (result.clearly_helped or perfect)):
            return result
        assert self._first is not None
        tried = tuple(make(self._first) for make in VARIANTS)
        try:
            for repeat in self._told(min(repeats, VARIANT_REPEATS), "other settings"):
                for variant in tried:
                    self._network(variant.name, variant.changes, repeat)
        except KeyboardInterrupt:
            warn("interrupted while other settings of the ladder were tried; they are left out", InterruptWarning)
            return result
        return self._result(tried)

    def _repeat(self, repeat: Repeat, methods: tuple[str, ...]) -> None:
        """Measure all methods on one split."""
        ladder = self._network(LADDER, {}, repeat)
        self._first = self._first or ladder
        self._network(BASELINE, SUPERVISED, repeat)
        train, test = scaled_rows(ladder, repeat.X), scaled_rows(ladder, repeat.X_test)
        for name in methods:
            start = time.perf_counter()
            found = predict_scikit_learn(name, train, repeat.index, test)
            self._record(name, start, found != repeat.answers)

    def _of_complete_repeats(self, repeats: int) -> Comparison:
        """Return the result of the repeats that every method has had, two at least; a warning says so."""
        complete = min(map(len, self._errors.values()), default=0)
        if complete < 2:
            raise KeyboardInterrupt("interrupted before two repeats were complete; no result")
        for values in (self._errors, self._seconds):
            values.update({name: measured[:complete] for name, measured in values.items()})
        warn(f"interrupted after {complete} of {repeats} repeats; the result is theirs", InterruptWarning)
        return self._result(())

    def _told(self, repeats: int, what: str) -> Iterator[Repeat]:
        """Yield the repeats; after each one write the errors of the networks and the time left, if wanted."""
        start, before = time.monotonic(), len(self._errors)
        for number in range(repeats):
            yield self._draw(number)
            left = round((time.monotonic() - start) / (number + 1) * (repeats - number - 1))
            shown = [f"{name} {100 * errors[-1]:.1f} %" for name, errors in self._errors.items()][before:][:SHOWN]
            if self._verbose:
                line = f"{what} {number + 1}/{repeats}  {', '.join(shown)}  {left // 60}:{left % 60:02} left"
                print(line, file=sys.stderr, flush=True)

    def _draw(self, number: int) -> Repeat:
        generator = stream(self._seed, Stream.COMPARISON, number)
        index = self._table.index
        test = stratified_test_rows(index, self._test_fraction, generator)
        train = np.delete(np.arange(len(index)), test)
        X, X_test = rows_of(self._X, train), rows_of(self._X, test)
        return Repeat(X, self._labels[train], index[train], X_test, index[test], int(generator.integers(2**31)))

    def _network(self, name: str, changes: dict[str, Any], repeat: Repeat) -> LadderClassifier:
        start = time.perf_counter()
        network = fit_network(self._model, changes, repeat)
        found = network.predict_proba(repeat.X_test).argmax(axis=1)
        self._record(name, start, found != repeat.answers)
        return network

    def _record(self, name: str, start: float, wrong: np.ndarray) -> None:
        self._seconds.setdefault(name, []).append(time.perf_counter() - start)
        self._errors.setdefault(name, []).append(float(wrong.mean()))

    def _result(self, variants: tuple[Variant, ...]) -> Comparison:
        index, classes = self._table.index, self._table.classes
        counts = np.bincount(index[index >= 0], minlength=len(classes))
        tested = np.bincount(self._draw(0).answers, minlength=len(classes))
        return Comparison(
            errors={name: np.array(errors) for name, errors in self._errors.items()},
            seconds={name: np.array(seconds) for name, seconds in self._seconds.items()},
            variants={variant.name: variant.setting for variant in variants},
            labels=dict(zip(classes.tolist(), counts.tolist(), strict=True)),
            test_labels=dict(zip(classes.tolist(), tested.tolist(), strict=True)),
            unlabeled_rows=int((index < 0).sum()),
            left_out=(),
            model=self._model,
            random_state=self._seed,
        )
