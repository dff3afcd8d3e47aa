"""Values and gradients against the independent restatement in autograd, through a file of test vectors."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from every_kind import EVERY_KIND
from restatement import recompute

from ladder_np.files import read_npz, write_npz
from ladder_np.inspection.example import example_step
from ladder_np.inspection.vectors import make_vectors
from ladder_np.network.ladder import backward, forward
from ladder_np.network.specification import LABELED_STATISTICS, Specification
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

SHAPES = [  # sizes, labeled, unlabeled
    ((7, 5, 3), 4, 9),
    ((3, 2), 6, 3),
    ((13, 11, 7, 5, 2), 9, 5),
    ((2, 17, 1, 9, 4, 3), 5, 8),
]


def assert_agrees(arrays: dict[str, np.ndarray], meta: dict) -> None:
    computed = recompute(arrays, meta)
    given = {key for key in arrays if not key.startswith(("meta", "param/", "input/", "noise/"))}
    assert given == set(computed)
    # A gradient that is exactly zero (a shift before a batch norm) is rounding on both sides.
    floor = 1e-14 * abs(float(arrays["loss/total"]))
    for key, value in computed.items():
        scale = np.abs(value).max()
        assert np.abs(arrays[key] - value).max() <= 1e-9 * scale + floor, key


@pytest.mark.parametrize(("shape", "option"), list(itertools.product(SHAPES, EVERY_KIND)))
@pytest.mark.parametrize("statistics", LABELED_STATISTICS)
def test_a_file_of_vectors_agrees_to_1e_9(tmp_path: Path, shape: tuple, option: tuple, statistics: str) -> None:
    sizes, n, m = shape
    activation, combinator = option
    specification = Specification(
        sizes,
        activation=activation,
        combinator=combinator,
        noise_std=tuple(0.1 + 0.1 * layer for layer in range(len(sizes))),
        denoising_weights=tuple(2.0 / (1 + layer) for layer in range(len(sizes))),
        dtype="float64",
        labeled_statistics=statistics,
    )
    write_npz(tmp_path / "v.npz", make_vectors(specification, n, m, seed=3))
    arrays = read_npz(tmp_path / "v.npz", "test vectors")
    assert_agrees(arrays, json.loads(str(arrays["meta"])))


@pytest.mark.parametrize("weights", [(0, 0, 0, 0), (0, 0, 0, 2), (5, 0, 0, 0), (0, 3, 0, 1), (1, 0, 0.5, 0)])
@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("statistics", LABELED_STATISTICS)
def test_layers_that_are_not_denoised_and_constant_targets(weights: tuple, stop: bool, statistics: str) -> None:
    options = {"stop_gradient_targets": stop, "labeled_statistics": statistics, "dtype": "float64"}
    specification = Specification((6, 5, 4, 3), denoising_weights=weights, **options)
    arrays = make_vectors(specification, 5, 7, seed=1)
    assert_agrees(arrays, json.loads(str(arrays["meta"])))


@pytest.mark.parametrize("weights", [(0, 0, 0, 0), (0, 0, 0, 2), (5, 0, 0, 0), (0, 3, 0, 1), (1, 0, 0.5, 0)])
@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("statistics", LABELED_STATISTICS)
def test_running_only_the_needed_lanes_changes_no_gradient(weights: tuple, stop: bool, statistics: str) -> None:
    options = {"stop_gradient_targets": stop, "labeled_statistics": statistics, "dtype": "float64"}
    specification = Specification((6, 5, 4, 3), denoising_weights=weights, **options)
    arrays = make_vectors(specification, 5, 7, seed=1)  # computed with every lane and layer
    parameters, batch, noise = example_step(specification, 5, 7, seed=1)
    state = forward(parameters, batch, noise)
    gradients = parameters.zeros_like()
    backward(state, gradients)
    assert state.losses.total == pytest.approx(float(arrays["loss/total"]), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, arrays[f"grad/{name}"], rtol=1e-9, atol=1e-13)


SPATIAL = [  # shape of a sample, layers
    ((7, 5, 2), "conv:3:3:full:2-max_pool:3-conv:4:2:same-5-3"),
    ((9, 5, 1), "conv:4:3:full-max_pool:2-conv:3:3-conv:2:1-mean_pool-3"),
    ((5, 7, 3), "conv:9:3:same:2-conv:3:2:valid-conv:4:1-mean_pool"),
    ((4, 10, 2), "conv:2:4:valid:3-conv:9:3:same-6-4"),
    ((3, 4, 9), "max_pool:2-conv:3:2:full-max_pool:2-2"),
    ((6,), "5-3"),  # dense, of version 2 because of its statistics
]


@pytest.mark.parametrize(("shape", "layers"), SPATIAL)
@pytest.mark.parametrize("combinator", COMBINATORS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("statistics", LABELED_STATISTICS)
def test_vectors_of_mixed_layers_agree_to_1e_9(
    shape: tuple, layers: str, combinator: str, activation: str, statistics: str
) -> None:
    count = layers.count("-") + 2
    specification = Specification(
        layers=layers,
        input_shape=shape,
        activation=activation,
        combinator=combinator,
        noise_std=tuple(0.1 + 0.1 * layer for layer in range(count)),
        denoising_weights=tuple(2.0 / (1 + layer) for layer in range(count)),
        dtype="float64",
        labeled_statistics=statistics,
    )
    arrays = make_vectors(specification, 5, 8, seed=3)
    assert_agrees(arrays, json.loads(str(arrays["meta"])))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_gradients_are_near_float64_ones(activation: str) -> None:
    specification = Specification((20, 30, 10, 5), activation=activation, denoising_weights=(10, 1, 0.1, 0.1))
    parameters, batch, noise = example_step(specification, 40, 50, seed=0)
    arrays = make_vectors(specification, 40, 50, seed=0)
    meta = json.loads(str(arrays["meta"]))
    exact = recompute({key: a if a.dtype.kind in "iU" else a.astype(np.float64) for key, a in arrays.items()}, meta)
    state = forward(parameters, batch, noise)
    gradients = parameters.zeros_like()
    backward(state, gradients)
    cost = float(exact["loss/total"])
    for name, gradient in gradients.items():
        assert gradient.dtype == np.float32
        expected = exact[f"grad/{name}"]
        difference = np.linalg.norm(gradient - expected)
        assert difference <= 2e-4 * np.linalg.norm(expected) + 1e-6 * cost, name
