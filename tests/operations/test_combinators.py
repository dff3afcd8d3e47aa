import numpy as np
import pytest

from ladder_np.operations.combinators import COMBINATORS


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("name", ["gaussian", "gated_gaussian"])
def test_value_is_the_papers_formula(name: str) -> None:
    generator = np.random.default_rng(0)
    z_tilde, u = generator.standard_normal((2, 5, 3))
    a = {f"a{k}": generator.standard_normal(3) for k in range(1, 11)}
    mu = a["a1"] * sigmoid(a["a2"] * u + a["a3"]) + a["a4"] * u + a["a5"]
    v = a["a6"] * sigmoid(a["a7"] * u + a["a8"]) + a["a9"] * u + a["a10"]
    if name == "gated_gaussian":
        v = sigmoid(v)
    z_hat, _ = COMBINATORS[name].forward(z_tilde, u, a)
    np.testing.assert_allclose(z_hat, (z_tilde - mu) * v + mu, rtol=1e-13)


@pytest.mark.parametrize("name", ["gaussian", "gated_gaussian"])
def test_initial_parameters_are_a2_and_a7_one_and_all_others_zero(name: str) -> None:
    initial = COMBINATORS[name].initial
    assert list(initial) == [f"a{k}" for k in range(1, 11)]
    assert {key for key, value in initial.items() if value} == {"a2", "a7"}
    assert initial["a2"] == initial["a7"] == 1
