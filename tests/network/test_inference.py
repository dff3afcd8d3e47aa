"""Population statistics to the last digit, and predictions that no other row can change."""

import tracemalloc

import numpy as np
import pytest

from ladder_np import LadderNetwork
from ladder_np.network import inference
from ladder_np.network.inference import ELEMENTS_AT_ONCE, population_statistics, rows_at_once
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


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((784, 1000, 500, 10), 1000),
        ((5, 100_000, 2), 2**22 // 100_000),
        ((2**13, 10), 2**9),
        (((8, 8, 1), "conv:6:3", 10), 1000),
        (((32, 32, 3), "conv:96:3:same", "mean_pool", 10), 2**22 // (32 * 32 * 96)),
        (((4096, 4096, 3), "conv:4:3", "mean_pool", 10), 1),
    ],
)
def test_rows_at_once_go_by_the_widest_layer(sizes: tuple, expected: int) -> None:
    assert rows_at_once(Specification(sizes)) == expected


WIDE = LadderNetwork(((16, 16, 3), "conv:96:3:same", "max_pool:2", "conv:8:3", "mean_pool", 4))


def test_memory_of_predictions_and_statistics_is_bounded_whatever_the_layers_are() -> None:
    """Before, 1,000 rows were taken at once: 200 MB for one array."""
    x = np.random.default_rng(0).random((1000, 16 * 16 * 3), dtype=np.float32)
    step = rows_at_once(WIDE.specification)
    for work in (
        lambda: WIDE.estimate_statistics(lambda: (x[k : k + step] for k in range(0, len(x), step))),
        lambda: WIDE.predict_proba(x),
    ):
        tracemalloc.start()
        try:
            work()
            assert tracemalloc.get_traced_memory()[1] < 4 * 8 * ELEMENTS_AT_ONCE
        finally:
            tracemalloc.stop()


def test_probabilities_do_not_depend_on_how_many_rows_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(1).random((20, 16 * 16 * 3), dtype=np.float32)
    WIDE.estimate_statistics(lambda: iter([x]))
    together = WIDE.predict_proba(x)
    monkeypatch.setattr(inference, "ELEMENTS_AT_ONCE", 3 * 16 * 16 * 96)
    assert rows_at_once(WIDE.specification) == 3
    np.testing.assert_allclose(WIDE.predict_proba(x), together, rtol=0, atol=1e-13)
