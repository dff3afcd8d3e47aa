"""Population statistics to the last digit, and predictions that no other row can change."""

import numpy as np
import pytest

from ladder_np import LadderNetwork
from ladder_np.network.inference import population_statistics
from ladder_np.network.parameters import initial_parameters
from ladder_np.network.specification import Specification


def test_a_row_alone_in_seven_and_in_two_hundred_gets_the_same_probabilities() -> None:
    """γ magnifies the roundings in which products of few and of many rows differ."""
    network = LadderNetwork((784, 1000, 500, 250, 250, 250, 10))
    network.parameters["encoder.6.gamma"][...] = 20
    x = np.random.default_rng(1).random((200, 784), dtype=np.float32)
    network.estimate_statistics(lambda: iter([x]))
    together = network.predict_proba(x)
    for size, rows in ((1, 40), (7, 200)):
        parts = np.concatenate([network.predict_proba(x[start : start + size]) for start in range(0, rows, size)])
        np.testing.assert_allclose(parts, together[:rows], rtol=0, atol=1e-10)


def test_float32_networks_predict_in_float64_because_float32_products_depend_on_the_batch() -> None:
    network = LadderNetwork((4, 5, 3))
    x = np.random.default_rng(0).standard_normal((40, 4), dtype=np.float32)
    network.estimate_statistics(lambda: iter([x]))
    assert network.predict_proba(x).dtype == np.float64
    assert network.parameters.vector.dtype == network.statistics.sigma[2].dtype == np.float32


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


@pytest.mark.parametrize(
    "network", [{"sizes": (12, 4, 2)}, {"layers": "conv:5:2-2", "input_shape": (4, 3, 1)}], ids=["dense", "spatial"]
)
def test_pooled_statistics_are_those_of_all_rows_together(network: dict) -> None:
    specification = Specification(**network, dtype="float64")
    parameters = initial_parameters(specification, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(30, 12))
    one, other, both = (population_statistics(parameters, lambda p=part: [p]) for part in (x[:11], x[11:], x))
    together = one.pooled(other, specification)
    assert (one.count, other.count, together.count) == (11, 19, 30)
    np.testing.assert_allclose(together.mu[1], both.mu[1])
    np.testing.assert_allclose(together.sigma[1], both.sigma[1])
