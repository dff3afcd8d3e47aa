"""The comparison with central differences: kinks, jumps and rounding."""

import numpy as np

from ladder_np.inspection.differences import check_points


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
        return Kinked(1e-7 if k < 3 else 1.0, 1.0)

    (check,) = check_points(make_point, np.random.default_rng(0))
    assert check.passed
    assert tried == [0, 1, 2, 3]


def test_a_function_that_is_all_kink_is_bounded_and_does_not_pass() -> None:
    (check,) = check_points(lambda k: Kinked(1e-7, 1.0), np.random.default_rng(0))
    assert not check.passed
    assert check.unchecked == 2  # the random direction and the first coordinate; the second never meets the kink


def test_the_point_is_left_as_it_was() -> None:
    point = Kinked(0.5, 1.0)
    check_points(lambda k: point, np.random.default_rng(0))
    np.testing.assert_array_equal(point.arguments["x"], [0.5, 1.0])
