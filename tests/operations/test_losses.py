import numpy as np
import pytest

from ladder_np.operations.losses import cross_entropy_forward, squared_error_forward


def test_cross_entropy_is_the_mean_negative_log_probability() -> None:
    b = np.log(np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]))
    assert cross_entropy_forward(b, np.array([2, 0])) == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 2)


def test_cross_entropy_of_a_hopeless_row_is_finite_and_exact() -> None:
    b = np.array([[1000.0, 0.0]])
    assert cross_entropy_forward(b, np.array([1])) == pytest.approx(1000.0)


def test_squared_error_is_the_mean_over_rows_and_units() -> None:
    cost, difference = squared_error_forward(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 4.0]]))
    assert cost == pytest.approx((4 + 9) / 4)
    np.testing.assert_array_equal(difference, [[0, 2], [3, 0]])
