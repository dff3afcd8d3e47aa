import numpy as np
import pytest

from ladder_np.operations.activations import (
    ACTIVATIONS,
    softmax_backward,
    softmax_forward,
)

B = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [0, 0, 0, 0.5, 2]),
        ("leaky_relu", [-0.2, -0.05, 0, 0.5, 2]),
        ("sigmoid", 1 / (1 + np.exp(-B))),
        ("tanh", np.tanh(B)),
        ("softplus", np.log(1 + np.exp(B))),
        ("linear", B),
    ],
)
def test_values(name: str, expected: list[float]) -> None:
    np.testing.assert_allclose(ACTIVATIONS[name].forward(B), expected, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.1)])
def test_slope_at_the_kink_is_that_of_the_negative_side(name: str, slope: float) -> None:
    activation = ACTIVATIONS[name]
    h = activation.forward(np.zeros(1))
    np.testing.assert_array_equal(activation.backward(np.ones(1), h), slope)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_inputs_overflow_nothing(name: str, dtype: type) -> None:
    b = np.array([[-1e4, 1e4]], dtype)
    h = ACTIVATIONS[name].forward(b)
    assert np.isfinite(h).all()
    assert np.isfinite(ACTIVATIONS[name].backward(np.ones_like(h), h)).all()


def test_softmax_rows_sum_to_one_even_for_large_inputs() -> None:
    p = softmax_forward(np.array([[1e4, 0.0, -1e4], [1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(p, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_softmax_backward_is_blind_to_a_constant_upstream() -> None:
    p = softmax_forward(np.random.default_rng(0).standard_normal((4, 3)))
    np.testing.assert_allclose(softmax_backward(np.full_like(p, 5.0), p), 0, atol=1e-15)
