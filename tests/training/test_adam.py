import numpy as np
import pytest

from ladder_np.training import adam
from ladder_np.training.adam import Adam, learning_rate


def adam_as_published(theta: np.ndarray, gradients: list[np.ndarray], rates: list[float]) -> np.ndarray:
    """Algorithm 1 of Kingma and Ba, line by line."""
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        theta = theta - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return theta


@pytest.mark.parametrize("size", [1, 5, 16_384, 40_000])
def test_it_is_algorithm_1_whatever_the_size(size: int) -> None:
    generator = np.random.default_rng(size)
    theta = generator.standard_normal(size)
    gradients = [generator.standard_normal(size) * 10.0 ** generator.integers(-9, 3, size) for _ in range(5)]
    rates = [0.002, 0.002, 0.002, 0.001, 0.0005]
    expected = adam_as_published(theta, gradients, rates)
    optimizer = Adam(theta)
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.update(gradient, rate)
    np.testing.assert_allclose(theta, expected, rtol=1e-9, atol=1e-12)
    assert optimizer.steps == 5


@pytest.mark.parametrize("size", [999, 1000, 1001, 40_000])
def test_it_is_algorithm_1_piece_by_piece(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(adam, "CACHED_PIECE", 1000)
    test_it_is_algorithm_1_whatever_the_size(size)


def test_a_zero_gradient_moves_nothing() -> None:
    theta = np.ones(10, np.float32)
    Adam(theta).update(np.zeros(10, np.float32), 0.1)
    np.testing.assert_array_equal(theta, 1)


def test_the_rate_is_constant_then_falls_linearly_to_zero() -> None:
    rates = [learning_rate(progress, 0.5, 0.6) for progress in (0, 0.3, 0.6, 0.8, 0.9, 1)]
    assert rates == pytest.approx([0.5, 0.5, 0.5, 0.25, 0.125, 0])


@pytest.mark.parametrize(("decay_start", "rates"), [(0, [1, 0.5, 0]), (1, [1, 1, 1])])
def test_a_decay_from_the_first_step_or_never(decay_start: float, rates: list[float]) -> None:
    assert [learning_rate(progress, 1.0, decay_start) for progress in (0, 0.5, 1)] == rates
