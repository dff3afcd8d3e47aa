"""Comparing arrays of two steps: what counts as rounding, and what a relative difference is relative to."""

import numpy as np
import pytest

from ladder_np.inspection.vectors import Difference, compare_vectors

GRADIENT = "grad/encoder.1.weight"


def compare(reference: np.ndarray, candidate: np.ndarray, key: str, cost: float = 1.0) -> Difference:
    total = {"loss/total": np.array(cost, reference.dtype)}
    differences = compare_vectors(total | {key: reference}, total | {key: candidate})
    return next(difference for difference in differences if difference.key == key)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("cost", [1.0, 500.0])
@pytest.mark.parametrize(("roundings", "passes"), [(12, True), (20, False), (2000, False)])
def test_a_small_gradient_may_be_wrong_under_sixteen_roundings_of_the_cost_only(
    dtype: type, cost: float, roundings: float, passes: bool
) -> None:
    gradient = np.full((3, 4), roundings * np.finfo(dtype).eps * cost, dtype)
    wrong = gradient.copy()
    wrong[1, 2] *= 1.1
    difference = compare(gradient, wrong, GRADIENT, cost)
    assert (difference.where, difference.passed) == ((1, 2), passes)


def test_what_is_no_gradient_has_no_floor() -> None:
    small = np.full(4, np.finfo(np.float64).eps)
    assert not compare(small, 1.1 * small, "decoder/u.1").passed


@pytest.mark.parametrize(("factor", "relative"), [(1e6, 1e6), (1e-6, 1.0)])
def test_differences_are_relative_to_the_reference(factor: float, relative: float) -> None:
    values = np.random.default_rng(0).standard_normal((5, 3))
    difference = compare(values, factor * values, "corrupted/z.1")
    assert difference.relative == pytest.approx(relative, rel=1e-5)
    assert not difference.passed


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("deviation", [1.0, 500.0])
@pytest.mark.parametrize(("roundings", "passes"), [(10, True), (20, False)])
def test_a_mean_that_is_zero_but_for_rounding_may_be_wrong_by_as_much(
    dtype: type, deviation: float, roundings: float, passes: bool
) -> None:
    mean = np.full(3, roundings * np.finfo(dtype).eps * deviation, dtype)
    reference = {"clean/mean.2": mean, "clean/std.2": np.full(3, deviation, dtype)}
    [mean_differs, deviation_differs] = compare_vectors(reference, {**reference, "clean/mean.2": -mean * dtype(0.5)})
    assert mean_differs.key == "clean/mean.2"
    assert mean_differs.passed == passes
    assert deviation_differs.passed
