"""Everything wrong that one can give an estimator: one line that says what was given and what was expected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clouds import TRUTH, X, Y, small

from ladder_np import InputError, LadderClassifier

HOLE = np.where(np.arange(X.size).reshape(X.shape) == 9, np.nan, X)


def put(value: Any, at: int = 3) -> np.ndarray:
    """Return the labels as objects with one of them replaced."""
    y = Y.astype(object)
    y[at] = value
    return y


PARAMETERS: dict[str, list[tuple[Any, str]]] = {
    "hidden_layer_sizes": [
        ((0,), "layer sizes 4-0-3: 0 is not a whole number"),
        ((1.5,), "layer sizes 4-1.5-3: 1.5 is not a whole number"),
        (True, "hidden_layer_sizes=True: expected widths such as"),
        (None, "hidden_layer_sizes=None: expected widths such as"),
        ((2,) * 300, "302 layer sizes: expected at most 256"),
        ("ab", "layer 1, 'ab': unknown kind of layer; give a number of units"),
    ],
    "activation": [("magic", "unknown activation 'magic'; choose one of"), (None, "unknown activation None")],
    "combinator": [("magic", "unknown combinator 'magic'; choose one of")],
    "noise_std": [(-1, "noise std -1.0: expected numbers >= 0"), ((1, 2), "noise std: got 2 values for 4 layers")],
    "denoising_weights": [
        ("lots", "denoising weights 'lots': expected a number"),
        ((1, 2, 3), "denoising weights: got 3 values for 4 layers"),
        (float("nan"), "denoising weights nan: expected a finite number"),
    ],
    "batch_size": [
        (1, "batch_size=1: expected a whole number >= 2"),
        ("auto", "batch_size='auto': expected a whole"),
    ],
    "learning_rate_init": [
        (0, "learning rate 0.0: expected a number > 0"),
        ("fast", "learning_rate_init='fast': expected a number"),
        (float("inf"), "learning_rate_init=inf: expected a number"),
    ],
    "decay_start": [(1.5, "decay start 1.5: expected a share"), (None, "decay_start=None: expected a number")],
    "max_iter": [
        (0, "max_iter=0: expected a whole number >= 1"),
        (2.0, "max_iter=2.0: expected a whole number >= 1"),
        (True, "max_iter=True: expected a whole number >= 1"),
    ],
    "early_stopping": [
        ("yes", "early_stopping='yes': expected True or False"),
        (1, "early_stopping=1: expected True"),
    ],
    "n_iter_no_change": [(0, "n_iter_no_change=0: expected a whole number >= 1")],
    "scaling": [
        ("minmax", "unknown scaling 'minmax'; choose one of auto, pixels, standardize, common, none, gcn_zca"),
        (True, "unknown scaling True"),
        ("pixels", "scaling 'pixels' for features of type float64; expected uint8"),
    ],
    "warm_start": [(None, "warm_start=None: expected True or False")],
    "random_state": [
        (-1, "random state -1: expected a whole number >= 0"),
        (0.5, "random state 0.5: expected a whole number >= 0"),
        ("seed", "random state 'seed': expected a whole number >= 0"),
    ],
    "dtype": [("float16", "unknown dtype 'float16'; choose one of float32, float64"), (float, "unknown dtype")],
    "device": [("tpu", "unknown device 'tpu'; choose one of cpu, cuda, auto")],
}
FEATURES = {
    "no table": (5, "X has the shape (); expected 2 dimensions"),
    "one dimension": (X[0], "X has the shape (4,); expected 2 dimensions, rows and features. Reshape your data"),
    "three dimensions": (X[None], "X has the shape (1, 90, 4); expected 2 dimensions"),
    "rows of different lengths": ([[1, 2], [3]], "X is not a table of numbers"),
    "no row": (X[:0], "X has 0 rows"),
    "no feature": (X[:, :0], "X has 0 feature(s) (shape=(90, 0)) while a minimum of 1 is required"),
    "texts": (np.full(X.shape, "a"), "row 0, column 0 (counted from 0) is 'a'; expected a number"),
    "objects that are texts": (np.full(X.shape, "a", object), "row 0, column 0 (counted from 0) is 'a'; expected"),
    "objects that are nothing": (np.full(X.shape, None), "X, row 0, column 0 (counted from 0) is nan"),
    "objects of another kind": (np.full(X.shape, {}), "not 'dict'; expected real numbers"),
    "dates": (np.full(X.shape, "2020-01-01", "datetime64[D]"), "X is of type datetime64[D]; expected real numbers"),
    "complex numbers": (X * 1j, "Complex data not supported"),
    "NaN": (HOLE, "X, row 2, column 1 (counted from 0) is nan; expected finite numbers, not NaN or infinity"),
    "masked rows in a list": ([np.ma.masked_equal(row, X[2, 1]) for row in X], "X has masked entries; fill them in"),
    "infinity": (np.where(HOLE != HOLE, np.inf, HOLE), "X, row 2, column 1 (counted from 0) is inf"),
    "too far apart": (np.where(HOLE != HOLE, 1.7e308, -X * 1e307), "too far for float64"),
    "constants": (np.ones((90, 4)), "every feature of X is the same in all rows; expected at least one that differs"),
    "too few rows": (X[:5], "y has 90 labels for 5 rows; expected as many"),
}
LABELS = {
    "none": (None, "LadderClassifier requires y to be passed, but the target y is None"),
    "one label": (3, "y should be a 1d array: one label per row; it is an array of the shape ()"),
    "two columns": (np.stack([Y, Y], axis=1), "one label per row; it is an array of the shape (90, 2)"),
    "rows of different lengths": ([[1], [2, 3]] * 45, "y should be a 1d array: one label per row"),
    "too few": (Y[:-1], "y has 89 labels for 90 rows; expected as many"),
    "all unlabeled": (np.full(90, -1), "y: no row is labeled: every label is unlabeled_label (-1)"),
    "one class": (np.where(Y < 0, -1, 7), "every labeled row is of class 7, and unlabeled_label (-1)"),
    "measurements": (X[:, 0], "y, row 0 (counted from 0) is 4.12"),
    "NaN": (
        np.where(np.arange(len(Y)) == 40, np.nan, Y),
        "is nan (Unknown label type: continuous); expected whole numbers or texts, and unlabeled_label (-1) where",
    ),
    "bytes": (np.array([b"a", b"b"] * 45), "y is of type |S1; expected whole numbers or texts"),
    "complex numbers": (Y * 1j, "y is of type complex128"),
    "dates": (Y.astype("datetime64[D]"), "y is of type datetime64[D]"),
    "texts and numbers": (
        put("cat"),
        "y, row 3 (counted from 0) is 'cat', but other labels are like 0; expected labels of one",
    ),
    "a label that is missing": (
        put(None),
        "y, row 3 (counted from 0) is None; expected numbers or texts, and unlabeled_label (-1)",
    ),
    "a label that is a list": (put([1]), "is [1]; expected numbers or texts"),
    "a label that is an array": (put(np.ones(2)), "is array([1., 1.]); expected numbers or texts"),
}


def fitted(**params: Any) -> LadderClassifier:
    return small(max_iter=1, **params).fit(X, Y)


def early(y: np.ndarray, **params: Any) -> LadderClassifier:
    return small(early_stopping=True, **params).fit(X, y)


CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "an unknown parameter": (lambda: small().set_params(depth=3), "no parameter 'depth'; the parameters are hidden_"),
    "no row left for validation": (
        lambda: early(np.where(np.arange(90) < 3, TRUTH, -1)),
        "early_stopping: 3 labeled rows of 3 classes leave none for validation; label more rows",
    ),
    "no share for validation": (lambda: early(Y, validation_fraction=0), "validation_fraction=0: expected a share"),
    "more than all for validation": (lambda: early(Y, validation_fraction=1.0), "expected a share between 0 and 1"),
    "partial_fit with early stopping": (
        lambda: small(early_stopping=True).partial_fit(X, Y),
        "partial_fit trains one epoch and cannot stop early; set early_stopping=False",
    ),
    "a first partial_fit of one row": (
        lambda: small().partial_fit(X[:1], Y[:1], classes=[0, 1]),
        "1 row: partial_fit needs 2 at least, as long as no others are kept from earlier calls",
    ),
    "partial_fit with balanced classes": (
        lambda: small(class_weight="balanced").partial_fit(X, Y),
        "class_weight='balanced' needs all rows, partial_fit sees some; give a dict of weights",
    ),
    "weights of another length": (
        lambda: small().fit(X, Y, sample_weight=[1, 2]),
        "sample_weight has the shape (2,); expected (90,), one weight per row",
    ),
    "a negative weight": (
        lambda: small().fit(X, Y, sample_weight=np.full(len(X), -1)),
        "sample_weight: expected finite numbers >= 0",
    ),
    "weights of 0 alone": (
        lambda: small().fit(X, Y, sample_weight=np.zeros(len(X))),
        "sample_weight: every weight is zero; expected rows of a larger one",
    ),
    "an unknown word for class_weight": (
        lambda: small(class_weight="equal").fit(X, Y),
        "class_weight='equal': expected None, 'balanced' or a dict of weights by class",
    ),
    "a weight of a class that is not there": (
        lambda: small(class_weight={7: 2.0}).fit(X, Y),
        "class_weight names 7, which is not a class; the classes are [0, 1, 2]",
    ),
    "a class that counts nothing": (
        lambda: small(class_weight={0: 0}).fit(X, Y),
        "class_weight of 0 is 0; expected a number > 0",
    ),
    "partial_fit with one class": (lambda: small().partial_fit(X, Y, classes=[1]), "every labeled row is of class 1"),
    "partial_fit with a class that is the mark": (
        lambda: small().partial_fit(X, Y, classes=[-1, 0, 1, 2]),
        "classes has unlabeled_label (-1)",
    ),
    "partial_fit with an unknown label": (
        lambda: small().partial_fit(X, Y, classes=[0, 1]),
        "y, row 2 (counted from 0) is 2, which is not among the classes",
    ),
    "partial_fit with other classes": (
        lambda: fitted().partial_fit(X, Y, classes=[0, 1]),
        "the classes differ from those of the first call",
    ),
    "warm start with another label": (
        lambda: fitted(warm_start=True).fit(X, TRUTH + 1),
        "y, row 2 (counted from 0) is 3, which is not among the classes",
    ),
    "warm start with texts": (
        lambda: fitted(warm_start=True).fit(X, np.array(["a", "b", "c"])[TRUTH]),
        "y, row 0 (counted from 0) is 'a', but the classes are like 0",
    ),
    "warm start with another network": (
        lambda: fitted(warm_start=True).set_params(hidden_layer_sizes=(5,)).fit(X, Y),
        "the fitted network is 4-12-8-3, relu, combinator gaussian; the parameters and data ask for 4-5-3, relu, ",
    ),
    "warm start with other features": (
        lambda: fitted(warm_start=True).fit(X[:, :3], Y),
        "X has 3 features, but LadderClassifier is expecting 4 features as input",
    ),
    "prediction of other features": (lambda: fitted().predict(X[:, :3]), "X has 3 features, but LadderClassifier is"),
    "prediction of NaN": (lambda: fitted().predict(HOLE), "X, row 2, column 1 (counted from 0) is nan"),
    "prediction of numbers too large": (lambda: fitted().predict(1e300 * X), "is too large for float32 once scaled"),
    "training on numbers too large": (
        lambda: small(scaling="none").fit(1e300 * X, Y),
        "row 0, feature 0 (counted from 0): 4.12",
    ),
    "a score of too few labels": (lambda: fitted().score(X, Y[:5]), "y has 5 labels for 90 rows"),
    "a score without labels": (lambda: fitted().score(X, np.full(90, -1)), "no row with a label and a weight > 0"),
    "a score with too few weights": (
        lambda: fitted().score(X, Y, [1, 2]),
        "sample_weight has the shape (2,); expected (90,)",
    ),
    "a score with texts as weights": (lambda: fitted().score(X, Y, ["a"] * 90), "sample_weight: expected numbers"),
    "a score with weights below 0": (
        lambda: fitted().score(X, Y, -np.ones(90)),
        "sample_weight: expected finite numbers >= 0",
    ),
    "a file that is not there": (
        lambda: LadderClassifier.load("nowhere.npz"),
        "nowhere.npz: no such file; expected a",
    ),
    "a place that is not there": (lambda: fitted().save("nowhere/model.npz"), "cannot write nowhere/model.npz"),
    "an unknown device for a file": (lambda: LadderClassifier.load(__file__, "tpu"), "not a model file"),
}

BAD = {
    f"{name}={value!r:.30}": (lambda n=name, v=value: small(**{n: v}).fit(X, Y), message)
    for name, values in PARAMETERS.items()
    for value, message in values
}
BAD |= {
    f"X: {name}": (lambda value=value: small().fit(value, Y), message) for name, (value, message) in FEATURES.items()
}
BAD |= {
    f"y: {name}": (lambda value=value: small().fit(X, value), message) for name, (value, message) in LABELS.items()
}
BAD |= CALLS


@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")  # some of it is doubtful before it is wrong
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_nothing_is_written(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, message = BAD[case]
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_checked_when_they_are_used(name: str) -> None:
    for value, _ in PARAMETERS[name]:
        assert LadderClassifier(**{name: value}).set_params(**{name: value}).get_params()[name] is value
