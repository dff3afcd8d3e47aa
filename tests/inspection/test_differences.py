"""Differences along a direction: kinks, jumps, rounding, larger steps and the end of the domain."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from given_point import Given

from ladder_np.inspection.differences import STEP, FiniteDifferences

ALONG = np.ones(1)
FROM_0_TO_1 = np.linspace(0, 0.999, 25)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("part", FROM_0_TO_1)
def test_the_uncertainty_covers_the_error_of_a_kink_anywhere_within_the_step(part: float, side: int) -> None:
    """|x − t| with t = part · h beside the point: the slope is right, the difference is not."""
    kink = side * part * STEP
    point = Given(lambda x: 3 * x[0] ** 3 + abs(x[0] - kink), [0.0], [0.0])
    found = FiniteDifferences(point, STEP, 1e-6, np.random.default_rng(0))
    slope, second, _ = found.along("x", ALONG)
    assert abs(slope - (-side)) <= found.uncertainty("x", ALONG, slope, second)


@pytest.mark.parametrize("part", FROM_0_TO_1[1:])
def test_the_uncertainty_covers_the_error_of_a_jump(part: float) -> None:
    point = Given(lambda x: x[0] + 1e-3 * (x[0] > part * STEP), [0.0], [1.0])
    found = FiniteDifferences(point, STEP, 1e-6, np.random.default_rng(0))
    slope, second, _ = found.along("x", ALONG)
    assert abs(slope - 1) <= found.uncertainty("x", ALONG, slope, second)


@pytest.mark.parametrize("function", [np.sin, np.exp, lambda x: 1 / (1 + x * x), lambda x: x**5])
def test_the_uncertainty_of_a_smooth_function_is_tiny(function: Callable) -> None:
    point = Given(lambda x: function(x[0]), [0.7], [0.0])
    found = FiniteDifferences(point, STEP, 1e-6, np.random.default_rng(0))
    slope, second, _ = found.along("x", ALONG)
    assert found.uncertainty("x", ALONG, slope, second) < 1e-7 * abs(slope)
    assert not found.is_coarse("x", ALONG)


def test_a_function_computed_in_float32_is_coarse() -> None:
    point = Given(lambda x: float(np.tanh(x.astype(np.float32)).sum()), [0.3, 0.7], [0.9, 0.6])
    assert FiniteDifferences(point, STEP, 1e-6, np.random.default_rng(0)).is_coarse("x", np.array([0.6, 0.8]))


# ---- The end of the domain.


def near_the_end(function: Callable, x: float, gradient: float) -> FiniteDifferences:
    return FiniteDifferences(Given(function, [x], [gradient]), STEP, 1e-6, np.random.default_rng(0))


@pytest.mark.parametrize("x", [1e-6, 1e-9, 1e-11])
def test_steps_shrink_until_both_sides_are_inside_of_the_domain(x: float) -> None:
    found = near_the_end(lambda x: np.sqrt(x[0]), x, 0.5 / math.sqrt(x)).closer("x", ALONG)
    assert found is not None
    slope, analytic, rounding = found
    assert abs(slope - 0.5 / math.sqrt(x)) < 1e-6 * slope
    assert analytic == pytest.approx(0.5 / math.sqrt(x))
    assert rounding < 1e-6 * slope


@pytest.mark.parametrize("function", [lambda x: x[0] ** 2.5 + 3 * x[0], lambda x: math.sqrt(x[0]) ** 5 + 3 * x[0]])
def test_at_the_end_of_the_domain_a_difference_is_one_sided(function: Callable) -> None:
    """NaN and an error mean the same: the step has left the domain."""
    with np.errstate(all="raise"):
        found = near_the_end(function, 0.0, 3.0).closer("x", ALONG)
    assert found is not None
    assert abs(found[0] - 3) < 3e-6


@pytest.mark.parametrize("function", [lambda x: np.sqrt(x[0]), lambda x: x[0] * np.log(x[0]) if x[0] else 0.0])
def test_an_infinite_slope_at_the_end_of_the_domain_gives_no_difference(function: Callable) -> None:
    assert near_the_end(function, 0.0, 3.0).closer("x", ALONG) is None


def test_the_tensor_is_restored_when_the_function_fails_beside_it() -> None:
    point = Given(lambda x: math.log(x[0]), [1e-7], [1e7])
    FiniteDifferences(point, STEP, 1e-6, np.random.default_rng(0)).along("x", ALONG)
    np.testing.assert_array_equal(point.arguments["x"], [1e-7])


# ---- Larger steps.


def test_a_larger_step_shows_what_rounding_hides() -> None:
    """The derivative, 1e-3, is below 1e6 times the rounding of 1e4 at the usual step."""
    x = np.random.default_rng(0).standard_normal(900)
    direction = np.ones(900) / 30
    point = Given(lambda x: 1e4 + 1e-3 * np.sin(x).sum(), x, 1e-3 * np.cos(x))
    differences = FiniteDifferences(point, STEP, 1e-6, np.random.default_rng(0))
    assert differences.rounding("x") > 1e-6 * 1e-2
    found = differences.wider("x", direction, 1e-2)
    assert found is not None
    assert abs(found[0] - differences.analytic("x", direction)) < 1e-6 * 1e-2


@pytest.mark.parametrize("part", np.linspace(0, 0.999, 40))
def test_the_uncertainty_of_an_extrapolated_slope_covers_the_error_of_a_kink(part: float) -> None:
    kink = part * 100 * STEP
    found = near_the_end(lambda x: 3 * x[0] ** 3 + abs(x[0] - kink), 0.0, 0.0)
    slope, error = found.extrapolated("x", ALONG, 100.0)
    assert abs(slope - (-1)) <= error


def test_a_kink_exactly_at_the_point_is_told_from_one_beside_it() -> None:
    for kink, there in ((0.0, True), (1e-7, False), (3e-6, False)):
        found = near_the_end(lambda x, kink=kink: np.sin(x[0]) + abs(x[0] - kink), 0.0, 0.0)
        assert found.kinks_at_the_point("x", ALONG, crosses=False) == there
    assert not near_the_end(lambda x: np.sin(x[0]) ** 2, 0.0, 0.0).kinks_at_the_point("x", ALONG, crosses=False)
