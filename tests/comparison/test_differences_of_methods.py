"""Intervals of paired differences: the correction for overlapping splits, and what they cover."""

import math

import numpy as np
import pytest

from ladder_np.comparison.differences import paired_difference
from ladder_np.comparison.significance import t_quantile
from ladder_np.data.split import stratified_test_rows


def test_the_variance_of_the_mean_has_the_part_that_overlapping_splits_share():
    differences = np.array([0.0, 0.1, 0.2, 0.1, 0.0, 0.2])
    found = paired_difference(differences, test_rows=8, training_rows=22)
    half = 2.5705818 * math.sqrt((1 / 6 + 8 / 22) * differences.var(ddof=1))  # t with 5 degrees of freedom
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.1 - half, 0.1 + half), rel=1e-6)


def test_differences_without_a_spread_have_no_interval():
    found = paired_difference(np.full(5, 0.25), 4, 12)
    assert found.mean == 0.25
    assert not found.known
    assert math.isnan(found.low)
    assert not found.low > 0


def test_the_interval_covers_the_true_difference_and_one_without_the_correction_does_not():
    """Nearest row against nearest mean, thirty labels; the true difference is that of many draws."""
    generator = np.random.default_rng(0)
    means = generator.normal(size=(3, 10)) * 0.75
    found, plain = [], []
    for _ in range(200):
        y = np.repeat(np.arange(3), (18, 8, 4))
        X = means[y] + generator.normal(size=(30, 10))
        differences = []
        for _ in range(20):
            test = stratified_test_rows(y, 0.25, generator)
            train = np.delete(np.arange(30), test)
            differences.append(nearest_row(X, y, train, test) - nearest_mean(X, y, train, test))
        found.append(paired_difference(np.array(differences), 8, 22))
        plain.append(t_quantile(19, 0.95) * np.std(differences, ddof=1) / math.sqrt(20))
    true = np.mean([one.mean for one in found])
    assert np.mean([one.low <= true <= one.high for one in found]) >= 0.95
    assert np.mean([abs(one.mean - true) <= half for one, half in zip(found, plain, strict=True)]) < 0.8


def nearest_row(X, y, train, test):
    distances = ((X[test][:, None] - X[train]) ** 2).sum(axis=2)
    return np.mean(y[train][distances.argmin(axis=1)] != y[test])


def nearest_mean(X, y, train, test):
    means = np.stack([X[train][y[train] == k].mean(axis=0) for k in range(3)])
    return np.mean(((X[test][:, None] - means) ** 2).sum(axis=2).argmin(axis=1) != y[test])
