import itertools

import numpy as np
import pytest
from restatement import VANILLA, combinator

from ladder_np.operations.combinators import COMBINATORS, Initial, find_combinator, names_of_combinators

UNITS = 3
OTHER_WIDTHS = ("mlp[1]", "amlp[5,3]", "shared_mlp[3,2]", "shared_amlp[2,3,4,5]")
NAMES = (*COMBINATORS, *OTHER_WIDTHS)


def at_random(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return z̃, u and parameters of a combinator."""
    generator = np.random.default_rng(seed)
    z_tilde, u = generator.standard_normal((2, 5, UNITS))
    parameters = find_combinator(name).parameters.items()
    return z_tilde, u, {key: generator.standard_normal(initial.shape(UNITS)) for key, initial in parameters}


@pytest.mark.parametrize("name", NAMES)
def test_value_is_the_papers_formula(name: str) -> None:
    z_tilde, u, a = at_random(name)
    z_hat, _ = find_combinator(name).forward(z_tilde, u, a)
    expected = combinator(name, z_tilde, u, a, 1, lambda key, value: value)
    assert z_hat.shape == z_tilde.shape
    np.testing.assert_allclose(z_hat, expected, rtol=1e-12, atol=1e-14)


def starting_values(name: str) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {key: initial.draw(generator, UNITS) for key, initial in COMBINATORS[name].parameters.items()}


@pytest.mark.parametrize(
    ("name", "ones"),
    [
        ("gaussian", {"a2", "a7"}),
        ("gated_gaussian", {"a2", "a7"}),
        ("vanilla", {"w0z", "ws", "w1z"}),
        ("no_mult", {"w0z", "ws", "w1z"}),
        ("no_sig", {"w0z"}),
        ("linear", {"w0z"}),
        ("rev_init", {"w0u", "ws", "w1u"}),
        ("no_lateral", {"w0u", "ws", "w1u"}),
        ("no_vertical", {"w0z"}),
    ],
)
def test_starting_values_are_one_or_zero(name: str, ones: set[str]) -> None:
    start = starting_values(name)
    assert {key for key, values in start.items() if (values == 1).all()} == ones
    assert all((values == 0).all() for key, values in start.items() if key not in ones)


def test_rand_init_is_vanilla_that_starts_at_random() -> None:
    assert COMBINATORS["rand_init"].parameters.keys() == COMBINATORS["vanilla"].parameters.keys()
    assert {initial.std for initial in COMBINATORS["rand_init"].parameters.values()} == {0.2}
    assert {initial.mean for initial in COMBINATORS["rand_init"].parameters.values()} == {0.0}


@pytest.mark.parametrize("name", ["gaussian", "gated_gaussian"])
def test_a_gaussian_one_has_ten_parameters(name: str) -> None:
    assert list(COMBINATORS[name].parameters) == [f"a{k}" for k in range(1, 11)]


@pytest.mark.parametrize("name", VANILLA)
def test_a_variant_of_vanilla_has_the_parameters_of_its_terms(name: str) -> None:
    outside, inside = VANILLA[name]
    expected = {"b0", *(f"w0{term}" for term in outside)}
    if inside is not None:
        expected |= {"ws", "b1", *(f"w1{term}" for term in inside)}
    assert set(COMBINATORS[name].parameters) == expected


@pytest.mark.parametrize(("augmented", "shared"), list(itertools.product((False, True), repeat=2)))
def test_a_perceptron_has_weights_for_each_unit_or_shared_ones(augmented: bool, shared: bool) -> None:
    name = f"{'shared_' if shared else ''}{'a' if augmented else ''}mlp[5,2]"
    shapes = {key: initial.shape(7) for key, initial in find_combinator(name).parameters.items()}
    last, inputs = 1 if shared else 7, 3 if augmented else 2
    expected = {"w1": (inputs, 5, last), "b1": (5, last), "w2": (5, 2, last), "b2": (2, last)}
    assert shapes == {**expected, "w3": (2, 1, last), "b3": (1, last)}


@pytest.mark.parametrize("name", ["no_lateral"])
def test_without_lateral_connection_z_tilde_does_not_matter(name: str) -> None:
    z_tilde, u, a = at_random(name)
    first, cache = COMBINATORS[name].forward(z_tilde, u, a)
    np.testing.assert_array_equal(first, COMBINATORS[name].forward(z_tilde + 1, u, a)[0])
    assert not COMBINATORS[name].backward(np.ones_like(u), u, a, cache)[0].any()


def test_without_vertical_connection_u_does_not_matter() -> None:
    z_tilde, u, a = at_random("no_vertical")
    first, cache = COMBINATORS["no_vertical"].forward(z_tilde, u, a)
    np.testing.assert_array_equal(first, COMBINATORS["no_vertical"].forward(z_tilde, u + 1, a)[0])
    assert not COMBINATORS["no_vertical"].backward(np.ones_like(u), u, a, cache)[1].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_perceptrons_kinks_are_where_a_hidden_unit_is_zero(name: str) -> None:
    found = find_combinator(name)
    widths = name.partition("[")[2].rstrip("]").split(",") if "mlp" in name else []
    assert (found.kinks is not None) == bool(widths)
    if found.kinks:
        masks = found.kinks(*at_random(name))
        assert len(masks) == sum(map(int, widths))
        assert all(mask.dtype == bool and mask.any() and not mask.all() for mask in masks[:1])


def test_a_hidden_unit_exactly_at_zero_has_the_slope_of_leaky_relus_kink() -> None:
    found = find_combinator("mlp[1]")
    a = {"w1": np.ones((2, 1, 1)), "b1": np.zeros((1, 1)), "w2": np.ones((1, 1, 1)), "b2": np.zeros((1, 1))}
    z_tilde, u = np.array([[1.0], [2.0]]), np.array([[-1.0], [-2.0]])
    z_hat, cache = found.forward(z_tilde, u, a)
    assert not z_hat.any()
    dz_tilde, du, _ = found.backward(np.ones((2, 1)), u, a, cache)
    np.testing.assert_allclose([dz_tilde, du], 0.1)


@pytest.mark.parametrize(
    "name",
    [
        "mlp",
        "mlp[]",
        "mlp[0]",
        "mlp[04]",
        pytest.param(f"mlp[{'9' * 5000}]", id="thousands of digits"),
        "amlp[2,02]",
        "mlp[4,]",
        "mlp[٣]",
        "mlp[65]",
        "amlp[1,1,1,1,1,1,1,1,1]",
        "Gaussian",
        "bmlp[4]",
    ],
)
def test_what_is_not_a_combinator_is_not_found(name: str) -> None:
    assert find_combinator(name) is None


def test_names_in_a_message_are_short() -> None:
    text, _, limits = names_of_combinators().partition(" (")
    names = text.split(", ")
    assert names[0] == "gaussian"
    assert names[-4:] == ["mlp[K,…]", "amlp[K,…]", "shared_mlp[K,…]", "shared_amlp[K,…]"]
    assert limits == "up to 8 widths K of 1 to 64)"
    assert find_combinator("mlp[64,1,1,1,1,1,1,1]") is not None


def test_a_parameter_may_start_at_random_and_have_a_shape_of_its_own() -> None:
    initial = Initial(mean=2.0, std=0.5, shape=lambda units: (units, 40))
    values = initial.draw(np.random.default_rng(0), units=50)
    assert values.shape == (50, 40)
    assert abs(values.mean() - 2) < 0.05
    assert abs(values.std() - 0.5) < 0.05
