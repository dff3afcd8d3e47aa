"""Student's t, Welch's test and the exact test of pairs: SciPy's numbers, printed tables, and all signs counted."""

import itertools

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.comparison.significance import sign_flip_p, t_p, t_quantile, welch_p


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 9, 19, 20, 99, 500])
def test_the_quantile_of_student_s_t_is_scipy_s(freedom, confidence):
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(freedom, confidence) == pytest.approx(stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-9)


def test_the_quantile_is_that_of_printed_tables():
    assert [round(t_quantile(freedom, 0.95), 3) for freedom in (1, 2, 9, 19)] == [12.706, 4.303, 2.262, 2.093]


@pytest.mark.parametrize("freedom", [0.3, 1, 1.5, 2.7, 4.31, 9, 17.2, 250.9, 1e5])
@pytest.mark.parametrize("t", [0.0, 1e-3, 0.4, -1.3, 2.262, 7.0, 60.0])
def test_the_p_value_of_student_s_t_is_scipy_s_for_any_degrees_of_freedom(freedom, t):
    stats = pytest.importorskip("scipy.stats")
    assert t_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9, abs=1e-300)


def test_the_p_value_is_that_of_printed_tables():
    assert t_p(12.706, 1) == pytest.approx(0.05, abs=1e-5)
    assert t_p(2.262, 9) == pytest.approx(0.05, abs=1e-4)
    assert (t_p(0, 3.3), t_p(float("inf"), 3.3)) == (1, 0)
    assert t_p(1.0, 1) == pytest.approx(0.5, rel=1e-14)  # Cauchy: 1 - 2/pi atan(1)


@pytest.mark.parametrize("seed", range(5))
def test_welch_s_test_of_means_and_spreads_is_scipy_s_of_the_values(seed):
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(seed)
    a, b = generator.normal(1, 0.4, 5), generator.normal(1.3, 0.1, 11)
    found = welch_p((a.mean(), b.mean()), (a.std(ddof=1), b.std(ddof=1)), (5, 11))
    assert found == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue, rel=1e-9)


def test_welch_s_test_of_a_worked_example():
    """Two groups of 15 with means 20.8 and 23.0, variances 7.9 and 3.8: t = -2.46, 25 degrees of freedom."""
    found = welch_p((20.82, 22.99), (7.9**0.5, 3.8**0.5), (15, 15))
    assert found == pytest.approx(0.0211, abs=2e-3)


def test_one_run_or_no_spread_at_all_has_no_p_value():
    assert welch_p((1, 2), (0, 0.3), (1, 10)) is None
    assert welch_p((1, 2), (0, 0), (5, 10)) is None
    assert welch_p((1, 2), (0, 0.3), (5, 10)) is not None


@pytest.mark.parametrize("seed", range(4))
def test_the_test_of_pairs_counts_every_choice_of_signs(seed):
    differences = np.random.default_rng(seed).integers(-6, 9, 8).tolist()
    signs = itertools.product((1, -1), repeat=8)
    sums = [abs(sum(s * d for s, d in zip(chosen, differences, strict=True))) for chosen in signs]
    assert sign_flip_p(differences) == np.mean([total >= abs(sum(differences)) for total in sums])


def test_pairs_that_all_point_one_way_have_the_smallest_p_value_that_there_is():
    assert sign_flip_p([3, 1, 4, 1, 5]) == 2 / 2**5
    assert sign_flip_p([0, 0, 0]) == 1
    assert sign_flip_p(range(1, 101)) == 2 / 2**100
    with pytest.raises(InputError, match="no pairs"):
        sign_flip_p([])
