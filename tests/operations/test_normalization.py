import numpy as np

from ladder_np.operations.normalization import (
    normalize_backward,
    normalize_forward,
    shift_scale_forward,
    standardize_forward,
)

A = np.array([[1.0, -2.0], [3.0, 0.0], [5.0, 8.0]])


def test_statistics_use_the_divisor_n_and_eps_under_the_root() -> None:
    z, mu, sigma = normalize_forward(A, 0.25)
    np.testing.assert_allclose(mu, [3.0, 2.0])
    np.testing.assert_allclose(sigma, np.sqrt([8 / 3 + 0.25, 56 / 3 + 0.25]))
    np.testing.assert_allclose(z, (A - [3.0, 2.0]) / sigma)


def test_a_constant_feature_becomes_zero_not_nan() -> None:
    z, _, _ = normalize_forward(np.full((5, 2), 7.0, np.float32), 1e-10)
    np.testing.assert_array_equal(z, 0)


def test_the_gradient_of_a_plain_sum_is_zero_so_ones_prove_nothing() -> None:
    z, _, sigma = normalize_forward(A, 1e-10)
    np.testing.assert_allclose(normalize_backward(np.ones_like(A), z, sigma), 0, atol=1e-15)


def test_the_mean_alone_sends_an_equal_share_to_every_row() -> None:
    z, _, sigma = normalize_forward(A, 1e-10)
    da = normalize_backward(np.zeros_like(A), z, sigma, dmu=np.array([3.0, 6.0]))
    np.testing.assert_allclose(da, np.tile([1.0, 2.0], (3, 1)))


def test_standardizing_with_given_statistics_divides_by_sigma_not_by_its_square() -> None:
    np.testing.assert_allclose(standardize_forward(A, np.ones(2), np.full(2, 2.0)), (A - 1) / 2)


def test_the_shift_comes_before_the_scale() -> None:
    result = shift_scale_forward(A, beta=np.array([1.0, 2.0]), gamma=np.array([10.0, 100.0]))
    np.testing.assert_allclose(result, [[20, 0], [40, 200], [60, 1000]])
