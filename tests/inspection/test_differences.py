"""The comparison with central differences: kinks, jumps and rounding; and the report of a check."""

from collections.abc import Callable

import numpy as np
import pytest

from ladder_np import check_gradients
from ladder_np.inspection import differences
from ladder_np.inspection.differences import STEP, FiniteDifferences
from ladder_np.inspection.directions import Check, check_points
from ladder_np.inspection.report import GradientReport


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


class Given:
    """A function of one tensor x, its gradient at hand, and no masks."""

    def __init__(self, function: Callable[[np.ndarray], float], x: np.ndarray, gradient: np.ndarray) -> None:
        self.function = function
        self.arguments = {"x": np.array(x, float)}
        self.gradients = {"x": np.array(gradient, float)}

    def cost(self) -> tuple[float, list]:
        return float(self.function(self.arguments["x"])), []


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


def test_a_function_computed_in_float32_is_coarse() -> None:
    point = Given(lambda x: float(np.tanh(x.astype(np.float32)).sum()), [0.3, 0.7], [0.9, 0.6])
    assert FiniteDifferences(point, STEP, 1e-6, np.random.default_rng(0)).is_coarse("x", np.array([0.6, 0.8]))


def test_the_step_grows_with_the_values_of_a_tensor() -> None:
    x = np.array([1e7, 3e6])
    (check,) = check_points(lambda k: Given(lambda x: (x**2).sum(), x, 2 * x), np.random.default_rng(0))
    assert check.passed
    assert check.relative < 1e-9


# ---- The report.

RIGHT = Check("W", (4, 3), 1.5, 1e-10, 2e-10, directions=13, resolved=True)
ZERO = Check("b", (3,), 0.0, 0.0, 0.0, directions=4)
WRONG = Check("a.very.long.name.of.a.parameter", (), 2.0, 1.0, 0.5, directions=2, passed=False, hint="perhaps")
PLACED = Check("V", (2, 2), 2.0, 1.0, 0.5, directions=5, passed=False, where=(1, 0), hint="perhaps")
UNCHECKED = Check("c", (1,), 2.0, directions=0, unchecked=3, passed=False, hint="a kink")


def test_the_table_has_a_line_per_tensor_followed_by_its_hint() -> None:
    lines = str(GradientReport([RIGHT, ZERO, WRONG, PLACED, UNCHECKED], 1e-6)).splitlines()
    assert lines[0].split() == ["parameter", "shape", "|gradient|", "absolute", "relative", "checked", "verdict"]
    assert lines[1].split() == ["W", "4x3", "1.500e+00", "1.0e-10", "2.0e-10", "13", "ok"]
    assert lines[2].endswith("  4  ok as far as rounding shows")
    assert lines[3].split()[:2] == ["a.very.long.name.of.a.parameter", "scalar"]
    assert lines[3].endswith("  2  WRONG")
    assert lines[4] == "    perhaps"
    assert lines[5].endswith("  5  WRONG, most at [1, 0]")
    assert lines[6] == "    as above"
    assert lines[7].endswith("  0  3 cross a kink")
    assert lines[8] == "    a kink"
    assert lines[9] == (
        "gradient check FAILED for 3 of 5 parameters; worst relative difference 5.0e-01, tolerance 1e-06"
    )
    assert len({line.rindex("  ", 0, len(lines[0]) - 7) for line in lines[:3]}) == 1  # columns stand below each other


def test_long_hints_are_wrapped() -> None:
    check = Check("W", (2,), 1.0, 1.0, 1.0, passed=False, hint="word " * 60)
    assert max(map(len, str(GradientReport([check], 1e-6)).splitlines())) <= 118


def test_it_is_true_where_everything_passed() -> None:
    good, bad = GradientReport([RIGHT, ZERO], 1e-6), GradientReport([RIGHT, WRONG], 1e-6)
    assert good
    assert good.passed
    assert not bad
    assert not bad.passed
    assert list(bad) == [RIGHT, WRONG]


def test_raise_if_failed_shows_the_table() -> None:
    x = np.array([1.0, 2.0])
    check_gradients(lambda p: (p["x"] ** 2).sum(), {"x": x}, {"x": 2 * x}).raise_if_failed()
    with pytest.raises(AssertionError, match="half the numerical gradient"):
        check_gradients(lambda p: (p["x"] ** 2).sum(), {"x": x}, {"x": x}).raise_if_failed()
