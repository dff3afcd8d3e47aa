"""The directions of a check: what is compared, rejected, tried again, and found in large tensors."""

from collections.abc import Callable

import numpy as np
import pytest
from given_point import Given

from ladder_np import check_gradients
from ladder_np.inspection import differences
from ladder_np.inspection.directions import BLOCKS, LARGEST, Check, check_points


class Kinked:
    """|x| at a point on the kink first, then away from it."""

    def __init__(self, x: float, slope: float) -> None:
        self.arguments = {"x": np.array([x, 1.0])}
        self.gradients = {"x": np.array([slope, 1.0])}

    def cost(self) -> tuple[float, list]:
        x = self.arguments["x"]
        return float(np.abs(x).sum()), [x > 0]


def test_a_point_on_a_kink_is_rejected_and_another_tried() -> None:
    tried = []

    def make_point(k: int) -> Kinked:
        tried.append(k)
        return Kinked(1e-9 if k < 3 else 1.0, 1.0)

    (check,) = check_points(make_point, np.random.default_rng(0))
    assert check.passed
    assert tried == [0, 1, 2, 3]


def test_a_function_with_a_kink_at_every_point_ends_and_does_not_pass() -> None:
    (check,) = check_points(lambda k: Kinked(1e-9, 1.0), np.random.default_rng(0))
    assert not check.passed
    assert check.unchecked == 2  # the random direction and the first coordinate; the second never meets the kink


def test_the_point_is_left_as_it_was() -> None:
    point = Kinked(0.5, 1.0)
    check_points(lambda k: point, np.random.default_rng(0))
    np.testing.assert_array_equal(point.arguments["x"], [0.5, 1.0])


def test_a_wrong_gradient_beside_a_kink_without_masks_fails() -> None:
    (check,) = check_points(
        lambda k: Given(lambda x: np.abs(x).sum(), [3e-6, 1.0], [1.0, 1.5]), np.random.default_rng(0)
    )
    assert not check.passed
    assert check.relative > 0.1


def check_with_cancelling_terms(seed: int) -> Check:
    """Check a cost that is about zero and does not depend on x, while its terms are not zero and do."""
    generator = np.random.default_rng(seed)
    a, upstream = generator.standard_normal((2, 1000))

    def function(x: np.ndarray) -> float:
        b = a + x.sum()
        return float((100 * upstream * (b - b.mean())).sum() - total)

    total = 0.0
    total = function(np.zeros(3))
    (check,) = check_points(lambda k: Given(function, np.zeros(3), np.zeros(3)), generator)
    return check


def test_the_effect_of_rounding_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [check_with_cancelling_terms(seed) for seed in range(30)]
    assert all(check.passed and not check.resolved for check in checks)
    assert sum(check.absolute > 0 for check in checks) > 10
    monkeypatch.setattr(differences, "NOISES", 0)  # the last place of the cost alone does not excuse it
    assert not all(check_with_cancelling_terms(seed).passed for seed in range(30))


def test_a_function_that_is_zero_everywhere_passes() -> None:
    (check,) = check_points(lambda k: Given(lambda x: 0.0, np.ones(3), np.zeros(3)), np.random.default_rng(0))
    assert (check.passed, check.relative, check.resolved) == (True, 0, False)


def test_the_step_grows_with_the_values_of_a_tensor() -> None:
    x = np.array([1e7, 3e6])
    (check,) = check_points(lambda k: Given(lambda x: (x**2).sum(), x, 2 * x), np.random.default_rng(0))
    assert check.passed
    assert check.relative < 1e-9


# ---- Large tensors.

MANY = np.random.default_rng(0).standard_normal(200_000)
LARGE = {
    "a sum": (lambda x: (x * x).sum(), 2 * MANY),
    "a mean": (lambda x: (x * x).mean(), 2 * MANY / MANY.size),
    "a sum beside a constant": (lambda x: 1e7 + (x * x).sum(), 2 * MANY),
    "a waving sum": (lambda x: np.sin(3 * x).sum(), 3 * np.cos(3 * MANY)),
}


def check_one(function: Callable, x: np.ndarray, gradient: np.ndarray, **options: object) -> Check:
    (row,) = check_gradients(lambda p: function(p["x"]), {"x": x}, {"x": gradient}, **options)
    return row


@pytest.mark.parametrize("name", LARGE)
def test_the_right_gradient_of_a_large_tensor_passes_and_is_seen(name: str) -> None:
    function, gradient = LARGE[name]
    row = check_one(function, MANY, gradient)
    assert row.passed, row
    assert row.resolved


@pytest.mark.parametrize("name", LARGE)
def test_a_slightly_wrong_gradient_of_a_large_tensor_fails(name: str) -> None:
    function, gradient = LARGE[name]
    row = check_one(function, MANY, gradient * 1.0001)
    assert not row.passed
    assert row.hint.startswith("1.0001 times the numerical gradient throughout")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LARGE)
def test_one_entry_among_many_that_is_wrong_by_a_hundredth_is_found_and_placed(name: str, seed: int) -> None:
    function, gradient = LARGE[name]
    wrong = gradient.copy()
    index = int(np.argsort(np.abs(gradient))[MANY.size // 2 + seed])  # of average size
    wrong[index] *= 1.01
    row = check_one(function, MANY, wrong, seed=seed)
    assert (row.passed, row.where) == (False, (index,))


def test_an_entry_that_is_small_beside_the_largest_is_found_in_its_block() -> None:
    """The few large entries decide the derivative along a direction of all of them."""
    scale = np.where(np.arange(20_000) < 50, 1e4, 1.0)
    x = MANY[:20_000]
    wrong = 2 * scale * x
    wrong[12_345] = 0
    row = check_one(lambda x: (scale * x * x).sum(), x, wrong)
    assert (row.passed, row.where) == (False, (12_345,))


def test_a_large_tensor_costs_a_bounded_number_of_calls() -> None:
    calls = []

    def function(x: np.ndarray) -> float:
        calls.append(1)
        return np.sin(x).sum()

    row = check_one(function, MANY, np.cos(MANY))
    assert row.directions == 3 + BLOCKS + LARGEST
    assert len(calls) < 150


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_kinks_within_large_steps_do_not_make_a_right_gradient_fail(offset: float) -> None:
    x = MANY[:5000]
    for seed in range(5):
        assert check_one(lambda x: offset + np.abs(x).sum(), x, np.sign(x), seed=seed).passed


def test_a_small_tensor_beside_a_large_one_is_compared_in_full() -> None:
    """The sum over the large one is what rounds."""
    b = np.linspace(0.5, 1.5, 10)

    def check(change: float) -> Check:
        gradients = {"x": 2 * MANY, "b": np.cos(b) * (1 + change * (np.arange(10) == 3))}
        report = check_gradients(lambda p: (p["x"] ** 2).sum() + np.sin(p["b"]).sum(), {"x": MANY, "b": b}, gradients)
        return list(report)[1]

    assert check(0).passed
    wrong = check(1e-4)
    assert (wrong.passed, wrong.where) == (False, (3,))


# ---- The end of the domain.

SHARES = np.random.default_rng(0).dirichlet(np.full(2000, 0.3)) + 1e-12
PROBABILITIES = np.concatenate([np.zeros(20), np.linspace(0, 1, 160), np.ones(20)])
ENDS = {
    "an entropy": (lambda x: (x * np.log(x)).sum(), SHARES, np.log(SHARES) + 1),
    "roots, some of tiny numbers": (
        lambda x: sum(v**0.5 for v in x.tolist()) if (x >= 0).all() else np.nan,
        np.array([1e-9, 0.3, 4.0]),
        0.5 / np.sqrt([1e-9, 0.3, 4.0]),
    ),
    "powers at 0": (lambda x: (x**2.5).sum(), np.array([0.0, 1, 2, 0]), 2.5 * np.array([0.0, 1, 2, 0]) ** 1.5),
    "both ends of an interval": (
        lambda x: ((x * (1 - x)) ** 2.5).sum(),
        PROBABILITIES,
        2.5 * (PROBABILITIES * (1 - PROBABILITIES)) ** 1.5 * (1 - 2 * PROBABILITIES),
    ),
    "a matrix that must be positive definite": (
        lambda x: np.log(np.diag(np.linalg.cholesky(x))).sum(),
        np.diag([1.0, 2.0, 1e-7]),
        np.diag([0.5, 0.25, 0.5e7]),
    ),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("seed", range(3))
def test_near_and_at_the_end_of_the_domain_right_gradients_pass(name: str, seed: int) -> None:
    function, x, gradient = ENDS[name]
    row = check_one(function, x, gradient, seed=seed)
    assert row.passed, row
    assert row.resolved


@pytest.mark.parametrize(
    ("name", "entry", "change"),
    [
        ("roots, some of tiny numbers", 0, 20.0),
        ("roots, some of tiny numbers", 2, 1.0),
        ("powers at 0", 0, 0.1),
        ("both ends of an interval", 0, 0.1),
        ("both ends of an interval", 100, 1e-4),
        ("a matrix that must be positive definite", 8, 5e3),
    ],
)
def test_near_and_at_the_end_of_the_domain_a_wrong_entry_fails_and_is_placed(
    name: str, entry: int, change: float
) -> None:
    function, x, gradient = ENDS[name]
    wrong = gradient.copy()
    wrong.flat[entry] += change
    row = check_one(function, x, wrong)
    assert not row.passed
    assert row.where == tuple(map(int, np.unravel_index(entry, x.shape)))


def test_an_entropy_s_gradient_that_is_wrong_at_one_of_its_shares_fails() -> None:
    function, x, gradient = ENDS["an entropy"]
    assert not check_one(function, x, gradient + 0.1 * (np.arange(x.size) == 0)).passed


def test_an_infinite_gradient_at_the_end_of_the_domain_is_called_so() -> None:
    row = check_one(lambda x: np.sqrt(x).sum(), np.array([0.0, 1.0]), np.array([np.inf, 0.5]))
    assert not row.passed
    assert row.hint == "the gradient is NaN or infinite at [0]"


def test_where_the_slope_is_infinite_the_direction_remains_unchecked() -> None:
    row = check_one(lambda x: np.sqrt(x).sum(), np.array([0.0, 1.0]), np.array([3.0, 0.5]))
    assert (row.passed, row.unchecked, row.obstacle) == (False, 4, "leave its domain")
    assert "the end of its domain" in row.hint


def test_points_nearby_that_are_outside_of_the_domain_are_not_used() -> None:
    """Zeros change to negative numbers there, at which the function is not defined."""
    x = np.array([0.0, 1.0])
    report = check_gradients(lambda p: np.sqrt(p["x"]).sum(), {"x": x}, lambda p: {"x": np.array([3.0, 0.5])})
    assert not report.passed


# ---- A kink exactly at the point.

KINKS = {
    "a ReLU": (lambda x: np.maximum(x, 0).sum(), np.array([1.0, 0.0, -2.0]), np.array([1.0, 0.0, 0.0]), (1,)),
    "a size": (lambda x: np.abs(x).sum(), np.array([[1.0, 2.0], [0.0, 2.0]]), np.ones((2, 2)), (1, 0)),
    "a single number": (lambda x: max(float(x), 0.0), np.array(0.0), np.array(1.0), ()),
    "equal numbers": (lambda x: x.max(), np.array([1.0, 3.0, 3.0]), np.array([0.0, 1.0, 0.0]), None),
    "a sum of zero": (lambda x: abs(x.sum()), np.array([2.0, -3.0, 1.0]), np.ones(3), None),
}


@pytest.mark.parametrize("name", KINKS)
def test_a_kink_exactly_at_the_point_is_said(name: str) -> None:
    function, x, gradient, where = KINKS[name]
    row = check_one(function, x, gradient)
    assert not row.passed
    assert row.hint.startswith("a kink lies exactly at the point")
    assert row.hint.endswith("there is no gradient; check at other values")
    if where is not None:
        assert row.kink == where


def test_a_kink_at_the_point_is_said_of_a_gradient_that_passes() -> None:
    """The mean of both slopes agrees with differences; with a callable, points nearby do."""
    row = check_one(lambda x: np.abs(x).sum(), np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert (row.passed, row.kink) == (True, (0,))
    assert (
        row.hint
        == "a kink lies exactly at the point, at [0]: the slopes on its two sides differ, and there is no gradient"
    )
    x, relu = np.array([0.0, 1.0]), lambda p: np.maximum(p["x"], 0).sum()
    (row,) = check_gradients(relu, {"x": x}, lambda p: {"x": (p["x"] > 0) * 1.0}, kinks=lambda p: p["x"])
    assert (row.passed, row.kink) == (True, (0,))


def test_curvature_is_not_taken_for_a_kink_at_the_point() -> None:
    x = np.array([0.0, 1e-4, 1.0])
    row = check_one(lambda x: (np.exp(300 * x) / 300).sum(), x, np.exp(300 * x))
    assert row.kink is None
