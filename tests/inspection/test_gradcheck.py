"""The whole cost against differences, for every option, and against planted errors and kinks."""

import dataclasses
import itertools

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.inspection import gradcheck
from ladder_np.inspection.gradcheck import check_network
from ladder_np.network import ladder, passes
from ladder_np.network.specification import LABELED_STATISTICS, Specification
from ladder_np.operations import maps, normalization
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS, gaussian

SIZES = (5, 4, 6, 3)


def failures(specification: Specification, n: int = 6, m: int = 8, seed: int = 0) -> list[str]:
    checks = check_network(specification, n, m, seed)
    assert {check.name for check in checks} == set(gradcheck.example_step(specification, n, m, seed)[0])
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize(
    ("activation", "combinator"),
    [*itertools.product(ACTIVATIONS, ("gaussian",)), *itertools.product(("softplus",), COMBINATORS)],
)
@pytest.mark.parametrize("statistics", LABELED_STATISTICS)
def test_every_activation_and_combinator(activation: str, combinator: str, statistics: str) -> None:
    specification = Specification(
        SIZES,
        activation=activation,
        combinator=combinator,
        noise_std=(0.3, 0.2, 0.4, 0.1),
        denoising_weights=(2.0, 1.0, 0.5, 0.3),
        dtype="float64",
        labeled_statistics=statistics,
    )
    assert failures(specification) == []


@pytest.mark.parametrize(
    "weights",
    [(0, 0, 0, 0), (0, 0, 0, 1), (3, 0, 0, 0), (0, 1, 0, 0), (1, 0, 2, 0), (0, 2, 0, 1), (1000, 10, 0.1, 0.1)],
)
@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("statistics", LABELED_STATISTICS)
def test_every_choice_of_denoised_layers_with_and_without_constant_targets(
    weights: tuple, stop: bool, statistics: str
) -> None:
    options = {"stop_gradient_targets": stop, "labeled_statistics": statistics, "dtype": "float64"}
    specification = Specification(SIZES, activation="leaky_relu", denoising_weights=weights, **options)
    assert failures(specification) == []


@pytest.mark.parametrize("sizes", [(3, 2), (4, 3, 2), (9, 1, 3), (3, 7, 5, 4, 2, 3)])
@pytest.mark.parametrize(("n", "m"), [(5, 11), (12, 5)])
def test_every_depth_and_unequal_lanes(sizes: tuple, n: int, m: int) -> None:
    specification = Specification(sizes, activation="tanh", denoising_weights=0.7, dtype="float64")
    assert failures(specification, n, m) == []


def test_without_any_noise() -> None:
    assert failures(Specification(SIZES, activation="sigmoid", noise_std=0.0, dtype="float64")) == []


@pytest.mark.parametrize("seed", range(10))
def test_any_seed_passes(seed: int) -> None:
    assert failures(Specification(SIZES, denoising_weights=1.0, dtype="float64"), seed=seed) == []


PLANTED = {
    "the statistics' gradient is dropped": (
        "normalize_backward",
        lambda right, dz, z, sigma, *statistics, out: right(dz, z, sigma, out=out),
    ),
    "only dsigma is dropped": (
        "normalize_backward",
        lambda right, dz, z, sigma, *statistics, out: right(dz, z, sigma, *statistics[:1], out=out),
    ),
    "the batch mean is a constant": (
        "normalize_backward",
        lambda right, dz, z, sigma, *statistics, out: np.divide(dz, sigma, out=out),
    ),
    "a softmax is taken for elementwise": ("softmax_backward", lambda right, dp, p: dp * p * (1 - p)),
    "the cross-entropy is a sum": ("cross_entropy_backward", lambda right, p, *others: right(p, *others) * len(p)),
    "a factor 2 is lost": ("squared_error_backward", lambda right, *args: right(*args) / 2),
    "a relative error of 1e-4": (
        "normalize_backward",
        lambda right, *args, out: np.multiply(right(*args, out=out), 1.0001, out=out),
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_error_fails(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    name, wrong = PLANTED[fault]
    right = getattr(passes, name)
    monkeypatch.setattr(passes, name, lambda *args, **kwargs: wrong(right, *args, **kwargs))
    assert failures(Specification(SIZES, denoising_weights=1.0, dtype="float64")) != []


def test_a_gradient_that_stops_at_the_shared_statistics_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constant targets leave one user of the statistics: the labeled rows that are normalized with them."""
    right = passes.standardize_backward
    monkeypatch.setattr(passes, "standardize_backward", lambda *args: (right(*args)[0], None, None))
    options = {"stop_gradient_targets": True, "denoising_weights": 1.0, "dtype": "float64"}
    assert failures(Specification(SIZES, **options)) == []
    wrong = failures(Specification(SIZES, labeled_statistics="unlabeled", **options))
    assert {"encoder.1.weight", "encoder.2.weight", "encoder.3.weight"} <= set(wrong)


def test_an_error_in_one_combinator_parameter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def backward(*args: object) -> tuple:
        dz_tilde, du, da = gaussian.gaussian_backward(*args)
        return dz_tilde, du, {**da, "a7": da["a7"] * 1.001}

    right = COMBINATORS["gaussian"]
    monkeypatch.setitem(COMBINATORS, "gaussian", dataclasses.replace(right, backward=backward))
    names = failures(Specification(SIZES, denoising_weights=1.0, dtype="float64"))
    assert names == [f"combinator.{layer}.a7" for layer in (3, 2, 1, 0)]


def test_two_rows_hide_everything_and_are_refused() -> None:
    z, _, sigma = normalization.normalize_forward(np.array([[-3.0, 2.0], [3.0, 1.0]]), 1e-10)
    upstream = np.array([[5.0, -7.0], [1.0, 2.0]])
    np.testing.assert_allclose(normalization.normalize_backward(upstream, z, sigma), 0, atol=1e-8)
    with pytest.raises(InputError, match="needs 5 each"):
        check_network(Specification(SIZES, dtype="float64"), 6, 4, 0)


@pytest.mark.parametrize(("weights", "noise"), [(1e200, 0.3), (1.0, 1e300)])
def test_infinite_or_undefined_costs_do_not_pass(weights: float, noise: float) -> None:
    specification = Specification((4, 4, 3), denoising_weights=weights, noise_std=noise, dtype="float64")
    with np.errstate(all="ignore"):
        checks = check_network(specification, 6, 6, 0)
    assert not all(check.passed for check in checks)
    assert all(check.passed or check.unchecked or check.absolute == np.inf for check in checks)


def test_float32_is_refused() -> None:
    with pytest.raises(InputError, match="float32: differences need float64"):
        check_network(Specification(SIZES), 6, 6, 0)


@pytest.mark.parametrize("row", [0, 6, 14], ids=["labeled", "unlabeled", "clean"])
@pytest.mark.parametrize("layer", [1, 2])
def test_a_kink_in_any_hidden_layer_and_lane_is_noticed(
    monkeypatch: pytest.MonkeyPatch, layer: int, row: int
) -> None:
    """One unit of one row stands on its kink at the first three points: no direction may be judged across it."""
    example_step, tried = gradcheck.example_step, []

    def with_kink(specification: Specification, n: int, m: int, seed: int, k: int, *device: object) -> tuple:
        parameters, batch, noise = example_step(specification, n, m, seed, k, *device)
        if k < 3:
            z_tilde = ladder.forward(parameters, batch, noise).encoded[layer].z_tilde
            parameters[f"encoder.{layer}.beta"][0] = 1e-9 - z_tilde[row, 0]
        tried.append(k)
        return parameters, batch, noise

    monkeypatch.setattr(gradcheck, "example_step", with_kink)
    checks = check_network(Specification((4, 3, 3, 2), denoising_weights=1.0, dtype="float64"), 6, 8, 0)
    assert [check.name for check in checks if not check.passed] == []
    assert tried[:4] == [0, 1, 2, 3]


def test_a_maximum_that_changes_its_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two values of a window are nearly equal at the first three points: no direction may be judged across it."""
    example_step, tried = gradcheck.example_step, []

    def with_tie(specification: Specification, n: int, m: int, seed: int, k: int, *device: object) -> tuple:
        parameters, batch, noise = example_step(specification, n, m, seed, k, *device)
        if k < 3:
            images = ladder.forward(parameters, batch, noise).encoded[1].z_tilde.reshape(-1, 4, 4, 2)
            *others, last = images[7, :2, :2, 1].ravel()
            noise[1].reshape(-1, 4, 4, 2)[7, 1, 1, 1] += (max(others) + 1e-9 - last) / specification.noise_std[1]
        tried.append(k)
        return parameters, batch, noise

    monkeypatch.setattr(gradcheck, "example_step", with_tie)
    network = Specification(
        layers="conv:2:2-max_pool:2-2",
        input_shape=(5, 5, 1),
        activation="tanh",
        denoising_weights=1.0,
        dtype="float64",
    )
    checks = check_network(network, 6, 8, 0)
    assert [check.name for check in checks if not check.passed] == []
    assert tried[:4] == [0, 1, 2, 3]
    assert max(check.unchecked for check in checks) == 0


SPATIAL = {  # odd sizes, strides, borders, channels; sizes of the input, layers
    "strides and a window cut off": ((7, 5, 2), "conv:3:3:full:2-max_pool:3-conv:4:2:same-5-3"),
    "one channel, deep": ((9, 5, 1), "conv:4:3:full-max_pool:2-conv:3:3-conv:2:1-mean_pool-3"),
    "a mean at the top": ((5, 7, 3), "conv:9:3:same:2-conv:3:2:valid-conv:4:1-mean_pool"),
}


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize(("activation", "statistics"), [("relu", "own"), ("tanh", "unlabeled")])
def test_networks_of_mixed_layers(name: str, activation: str, statistics: str) -> None:
    shape, layers = SPATIAL[name]
    specification = Specification(
        layers=layers,
        input_shape=shape,
        activation=activation,
        noise_std=0.3,
        denoising_weights=0.7,
        dtype="float64",
        labeled_statistics=statistics,
    )
    assert failures(specification) == []


@pytest.mark.parametrize("lowest", [0, 1, 2, 3])
@pytest.mark.parametrize("stop", [False, True])
def test_networks_of_mixed_layers_that_are_denoised_from_some_layer_up(lowest: int, stop: bool) -> None:
    shape, layers = SPATIAL["strides and a window cut off"]
    weights = [0.0] * lowest + [1.0] * (6 - lowest)
    options = {"denoising_weights": weights, "stop_gradient_targets": stop, "dtype": "float64"}
    assert failures(Specification(layers=layers, input_shape=shape, activation="tanh", **options)) == []


WRONG_MAPS = {  # what is planted in `operations.maps`, and the first parameters whose gradients it makes wrong
    "the window of the gradient is not turned": (
        "convolution_backward_input",
        lambda right, da, W, window, *matmul: right(da, W[::-1, ::-1], window, *matmul),
    ),
    "the weight's gradient lacks a sample": (
        "convolution_backward_weight",
        lambda right, da, h, *others: right(np.concatenate([0 * da[:1], da[1:]]), h, *others),
    ),
    "the gradient of a maximum goes to the next place": (
        "max_pool_backward",
        lambda right, da, place, *others: right(da, (place + 1) % 4, *others),
    ),
    "the gradient of a repetition is a mean": ("repeat_backward", lambda right, *args: right(*args) / args[-1]),
    "the gradient of a mean is not divided": (
        "mean_pool_backward",
        lambda right, da, shape: right(da, shape) * np.arange(1, len(da) * shape[0] * shape[1] + 1)[:, None],
    ),
    "the gradient of a spread mean lacks a position": (
        "spread_backward",
        lambda right, da, shape: right(da * (np.arange(len(da)) % 4 > 0)[:, None], shape),
    ),
}


@pytest.mark.parametrize("fault", WRONG_MAPS)
def test_a_planted_error_in_a_map_fails(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    name, wrong = WRONG_MAPS[fault]
    right = getattr(maps, name)
    monkeypatch.setattr(maps, name, lambda *args: wrong(right, *args))
    network = {"layers": "conv:3:2-max_pool:2-conv:3:2:full-mean_pool-3", "input_shape": (5, 4, 2)}
    assert failures(Specification(**network, activation="tanh", denoising_weights=1.0, dtype="float64")) != []
