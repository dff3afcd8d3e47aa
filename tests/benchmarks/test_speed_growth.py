"""Exponents, and the cases along which they are fitted."""

import pytest

from benchmarks.speed.cases import SIZES, Case
from benchmarks.speed.growth import CURVES, exponent


@pytest.mark.parametrize("power", [0.0, 1.0, 1.7])
def test_a_power_law_is_found(power) -> None:
    sizes = (1, 2, 4, 8)
    assert exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power, abs=1e-12)


def test_only_the_larger_half_counts() -> None:
    assert exponent((1, 2, 4, 8, 16), (100, 100, 4, 8, 16)) == pytest.approx(1)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.title)
def test_curves_pass_through_their_usual_value_and_grow(curve) -> None:
    assert curve.base in curve.values
    assert list(curve.values) == sorted(curve.values)
    assert len({curve.case(value) for value in curve.values}) == len(curve.values)


def test_width_and_rows_start_from_the_paper_s_network() -> None:
    assert [curve.case(curve.base) for curve in CURVES if "depth" not in curve.title] == [Case(SIZES)] * 3
