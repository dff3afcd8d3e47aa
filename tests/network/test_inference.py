"""Population statistics to the last digit, and predictions that no other row can change."""

import numpy as np
import pytest

from ladder_np import LadderNetwork
from ladder_np.network import inference
from ladder_np.network.inference import population_statistics


def blas_gives_a_row_the_same_bits_anywhere(network: LadderNetwork) -> bool:
    """Some BLAS kernels sum a row in another order by its place in the matrix; no padding can help there."""
    generator = np.random.default_rng(0)
    for layer in range(1, network.specification.top + 1):
        W = network.parameters[f"encoder.{layer}.weight"]
        h = generator.standard_normal((200, len(W)), dtype=np.float32)
        together = h @ W
        if not np.array_equal((h[::-1] @ W)[::-1], together) or not np.array_equal(h[:32] @ W, together[:32]):
            return False
    return True


def test_a_row_alone_in_seven_and_in_two_hundred_gets_the_same_probabilities() -> None:
    """γ magnifies the roundings in which products of few and of many rows differ."""
    network = LadderNetwork((784, 1000, 500, 250, 250, 250, 10))
    if not blas_gives_a_row_the_same_bits_anywhere(network):
        pytest.skip("this BLAS rounds a row differently by its place in the matrix")
    network.parameters["encoder.6.gamma"][...] = 20
    x = np.random.default_rng(1).random((200, 784), dtype=np.float32)
    network.estimate_statistics(lambda: iter([x]))
    together = network.predict_proba(x)
    for size in (1, 7):
        parts = [network.predict_proba(x[start : start + size]) for start in range(0, 200, size)]
        np.testing.assert_allclose(np.concatenate(parts), together, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 7, 31, 32, 40])
def test_no_prediction_multiplies_fewer_than_32_rows(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    network = LadderNetwork((4, 5, 3))
    x = np.random.default_rng(0).standard_normal((40, 4), dtype=np.float32)
    network.estimate_statistics(lambda: iter([x]))
    right, multiplied = inference.dense_forward, []

    def spy(h: np.ndarray, W: np.ndarray) -> np.ndarray:
        multiplied.append(len(h))
        return right(h, W)

    monkeypatch.setattr(inference, "dense_forward", spy)
    assert network.predict_proba(x[:rows]).shape == (rows, 3)
    assert multiplied == [max(rows, 32)] * 2


def test_float32_rows_far_from_zero_have_statistics_exact_to_float32() -> None:
    """A float32 sum over so many rows so far from zero would be off in the fourth digit."""
    network = LadderNetwork((3, 2))
    W = network.parameters["encoder.1.weight"]
    W[...] = np.abs(W)
    x = 1000 + np.random.default_rng(0).standard_normal((20_000, 3), dtype=np.float32)
    statistics = population_statistics(network.parameters, lambda: iter([x]))
    a = (x @ W).astype(np.float64)
    np.testing.assert_allclose(statistics.mu[1], a.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(statistics.sigma[1], a.std(axis=0, ddof=1), rtol=1e-6)
