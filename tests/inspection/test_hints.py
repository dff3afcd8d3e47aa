"""Each planted mistake in a gradient gets the hint that names it; right gradients get none."""

import re

import numpy as np
import pytest
from own_network import FAULTS, ROWS, backward, cost, forward, gradients, parameters, target

from ladder_np import check_gradients
from ladder_np.inspection.hints import HINTS, shape_hint
from ladder_np.inspection.report import GradientReport


def check(fault: str = "", seed: int = 0, **options: float) -> GradientReport:
    p, t = parameters(seed), target(seed)
    return check_gradients(lambda p: cost(p, t), p, gradients(p, t, fault), seed=seed, **options)


@pytest.mark.parametrize("seed", range(10))
def test_right_gradients_pass_and_get_no_hint(seed: int) -> None:
    report = check(seed=seed)
    assert report.passed, report
    assert [row.hint for row in report] == [""] * 7


@pytest.mark.parametrize("seed", [0, 1, 28])  # with 28, some units are dead
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(fault: str, seed: int) -> None:
    expected, pattern = FAULTS[fault]
    report = check(fault, seed)
    assert not report.passed
    hints = {row.name: row.hint for row in report if not row.passed}
    assert expected <= hints.keys()
    for name in expected:
        assert re.search(pattern, hints[name]), (name, hints[name])
    for row in report:
        assert bool(row.hint) == (not row.passed)
        assert (row.where is not None) == (not row.passed)
        assert "\n" not in row.hint


def test_other_tensors_are_not_blamed() -> None:
    assert {row.name for row in check("transposed") if not row.passed} == {"W2"}
    assert {row.name for row in check("σ² for σ") if not row.passed} == {"x", "W1"}


def test_float32_in_the_gradient_is_named_where_it_matters() -> None:
    assert check("in float32").passed  # its rounding is below the tolerance
    hints = [row.hint for row in check("in float32", tolerance=1e-8) if row.name != "b1"]
    assert all(hint.startswith("every value is a float32 number") for hint in hints), hints


RNG = np.random.default_rng(3)
X, T, UP = (RNG.standard_normal((6, 6)) for _ in range(3))
E, INDEX, PER_ROW = RNG.standard_normal((7, 3)), np.array([0, 2, 2, 5]), RNG.standard_normal((4, 3))
H, W = RNG.standard_normal((11, 8)), RNG.standard_normal((8, 5))
DA = RNG.standard_normal((11, 5))
MANY = RNG.standard_normal(3000)


def softmax(b: np.ndarray) -> np.ndarray:
    e = np.exp(b)
    return e / e.sum(axis=1, keepdims=True)


def normalized(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def normalized_backward(dz: np.ndarray, x: np.ndarray) -> np.ndarray:
    z = normalized(x)
    return (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / x.std(axis=0)


def assigned(shape: tuple, index: np.ndarray, values: np.ndarray) -> np.ndarray:
    out = np.zeros(shape)
    out[index] = values
    return out


# What is wrong: the function of x, x, its wrong gradient, and what the hint must say.
PATTERNS = {
    "another array is used": (lambda x: np.tanh(X).sum(), X, np.ones((6, 6)), "^the function does not react to it"),
    "a mask is forgotten": (
        lambda x: (UP * np.maximum(x, 0)).sum(),
        X,
        UP,
        r"^not zero at \d+ of 36 places where the function does not react: a mask \(ReLU",
    ),
    "σ² for σ, of its own columns": (
        lambda x: (UP * normalized(x)).sum(),
        X,
        normalized_backward(UP, X) / X.std(axis=0),
        "^along axis 1 it is 1/σ of x's columns times what it should be: σ² for σ",
    ),
    "the wrong axis is summed": (
        lambda x: ((X + x - T) ** 2).sum(),
        X[0],
        2 * (X + X[0] - T).sum(axis=1),
        "^its sum is right, its entries are not: summed over the wrong axis",
    ),
    "a softmax is treated as elementwise": (
        lambda b: (UP * softmax(b)).sum(),
        X,
        UP * softmax(X) * (1 - softmax(X)),
        "^adding a number to a row changes nothing",
    ),
    "an index repeats": (
        lambda e: (PER_ROW * e[INDEX]).sum(),
        E,
        assigned(E.shape, INDEX, PER_ROW),
        r"^wrong only in row 2: .*an index that repeats",
    ),
    "the batch's last row is left out": (
        lambda w: (DA * (H @ w)).sum(),
        W,
        H[:-1].T @ DA[:-1],
        "^the difference has rank 1: the share of one row",
    ),
    "an ε is left out": (
        lambda x: np.sqrt(x**2 + 1e-5).sum(),
        2 + np.abs(X),
        np.ones((6, 6)),
        "^off by .* of its size: float32's rounding in a part of it, or a small ε left out",
    ),
    "something else": (lambda x: (UP * x**3).sum(), X, T, "^no simple pattern .*: a term is missing"),
    "something that a normalization cancels only nearly": (
        lambda x: ((UP - 0.9 * UP.mean(axis=0)) * x).sum(),
        X,
        UP - 0.9 * UP.mean(axis=0) + np.abs(T),
        "^no simple pattern",
    ),
    "a single number by a factor": (lambda x: 3 * x, np.array(2.0), np.array(1.5), "^half the numerical gradient"),
    "a single number by nothing in particular": (lambda x: 3 * x, np.array(2.0), np.array(1.3), "^$"),
    "float32 inside": (
        lambda x: float(np.tanh(x.astype(np.float32)).sum()),
        X,
        1 - np.tanh(X) ** 2,
        "^the function is rounded more coarsely than float64: float32 inside",
    ),
    "float32 inside, many entries": (
        lambda x: np.tanh(x.astype(np.float32)).astype(float).sum(),
        MANY,
        1 - np.tanh(MANY) ** 2,
        "^the function is rounded more coarsely than float64: float32 inside",
    ),
    "a large number cancels": (
        lambda x: (1e9 + np.tanh(x).sum()) - 1e9,
        X,
        1 - np.tanh(X) ** 2,
        "^the function is rounded more coarsely than float64.* a large number cancels",
    ),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_named(name: str) -> None:
    function, x, wrong, pattern = PATTERNS[name]
    (row,) = check_gradients(lambda p: function(p["x"]), {"x": x}, {"x": wrong})
    assert not row.passed
    assert re.search(pattern, row.hint), row.hint


def test_every_hint_is_seen_in_a_test() -> None:
    """Each hint is given for some row of the tables above; the order decides which is tried first."""
    patterns = " ".join([pattern for _, pattern in FAULTS.values()] + [pattern for *_, pattern in PATTERNS.values()])
    first_words = {
        "not_finite": "NaN or infinite",
        "no_reaction": "does not react to it",
        "nothing_arrives": "no gradient arrives",
        "factor": "throughout",
        "float32": "float32's rounding",
        "transposed": "transposed",
        "belongs_to_another": "names mixed up",
        "some_places": "only, of 36",
        "permuted": "right values at wrong places",
        "factor_along_an_axis": "a factor for each index",
        "summed_too_far": "every entry is the sum",
        "totals_agree": "its sum is right",
        "multiple_of_the_parameter": "times the parameter itself",
        "invariance": "scaling a column",
        "outer_product": "rank 1",
        "no_pattern": "no simple pattern",
    }
    assert [look.__name__ for look in HINTS] == list(first_words)
    assert [words for words in first_words.values() if words not in patterns] == []


LARGE_W = RNG.standard_normal((120, 90))
LARGE_SQUARE = RNG.standard_normal((100, 100))


def spoil(gradient: np.ndarray, index: object, factor: float) -> np.ndarray:
    wrong = gradient.copy()
    wrong[index] *= factor
    return wrong


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("w", "change", "where", "pattern"),
    [
        (LARGE_W, lambda g: spoil(g, (77, 13), 1.5), (77, 13), r"^wrong at \[77, 13\] only, of \d+ places looked at"),
        (LARGE_W, lambda g: spoil(g, (-1, -1), 1.5), (119, 89), r"^wrong at \[119, 89\] only"),
        (LARGE_W, lambda g: spoil(g, 64, 1.5), (64, None), "^wrong only in row 64:"),
        (LARGE_W, lambda g: spoil(g, (slice(None), 5), 1.5), (None, 5), "^wrong only in column 5:"),
        (LARGE_W, lambda g: g * np.linspace(1, 2, 90), None, "^a factor for each index along axis 1"),
        (LARGE_W, lambda g: 120 * g, None, r"^120 times .*\(120: rows of w\)"),
        (LARGE_SQUARE, lambda g: g.T, None, "transposed"),
    ],
)
def test_a_large_tensor_is_compared_at_some_coordinates_only(
    w: np.ndarray, change: object, where: tuple | None, pattern: str, seed: int
) -> None:
    calls = []

    def function(p: dict) -> float:
        calls.append(1)
        return (np.cos(w) * np.tanh(p["w"])).sum()

    right = np.cos(w) * (1 - np.tanh(w) ** 2)
    (row,) = check_gradients(function, {"w": w}, {"w": change(right)}, seed=seed)
    assert re.search(pattern, row.hint), row.hint
    assert where is None or all(i in (None, j) for i, j in zip(where, row.where, strict=True))
    assert len(calls) < 500


@pytest.mark.parametrize(
    ("given", "expected", "words"),
    [
        ((3, 4), (4, 3), "transposed"),
        ((1, 4), (4,), "keepdims"),
        ((4,), (4, 1), "keepdims"),
        ((12,), (4, 3), "reshape"),
        ((17, 4), (4,), "not summed over the rows"),
        ((), (4,), "summed over an axis too many"),
        ((4,), (4, 3), "summed over an axis too many"),
        ((17,), (4,), "summed over the wrong axis"),
        ((9, 3, 5, 4), (9, 5, 4, 3), "channels first? here they are last"),
        ((6, 3, 5, 5), (5, 5, 3, 6), "a weight as (channels, channels below, k, k)?"),
        ((5, 3), (4, 3), "shape (5, 3) instead of (4, 3)"),
    ],
)
def test_a_wrong_shape_gets_a_hint(given: tuple, expected: tuple, words: str) -> None:
    assert words in shape_hint(given, expected)
    x = np.ones(expected)
    report = check_gradients(
        lambda p: (p["x"] ** 2).sum() + p["a"] ** 2,
        {"x": x, "a": np.array(3.0)},
        {"x": np.ones(given), "a": np.array(6.0)},
    )
    assert [(row.passed, words in row.hint) for row in report] == [(False, True), (True, False)]


def test_hints_name_the_axes_of_the_function_s_result() -> None:
    p = {name: x for name, x in parameters().items() if name != "x"}
    x = parameters()["x"]
    report = check_gradients(
        lambda p: forward({**p, "x": x})[0],
        p,
        lambda p, up: {n: ROWS * g for n, g in backward({**p, "x": x}, up).items() if n != "x"},
    )
    assert "17: rows of the result" in next(row.hint for row in report if row.name == "W2")
