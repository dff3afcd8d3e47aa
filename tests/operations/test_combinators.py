import numpy as np
import pytest

from ladder_np.operations.combinators import COMBINATORS, Initial


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
    parameters = COMBINATORS[name].parameters
    assert list(parameters) == [f"a{k}" for k in range(1, 11)]
    start = {key: initial.draw(np.random.default_rng(0), units=3) for key, initial in parameters.items()}
    assert {key for key, values in start.items() if values.any()} == {"a2", "a7"}
    np.testing.assert_array_equal([start["a2"], start["a7"]], np.ones((2, 3)))


def test_a_parameter_may_start_at_random_and_have_a_shape_of_its_own() -> None:
    initial = Initial(mean=2.0, std=0.5, shape=lambda units: (units, 40))
    values = initial.draw(np.random.default_rng(0), units=50)
    assert values.shape == (50, 40)
    assert abs(values.mean() - 2) < 0.05
    assert abs(values.std() - 0.5) < 0.05
