"""Convolution and pooling on a GPU, proved on the double: plain formulas between the same fused kernels."""

import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import host_kernels
import numpy as np
import pytest
import strict_cupy
from test_fused_device import SHAPES, assert_close, step, steps

from ladder_np.arrays import Device
from ladder_np.inspection.example import example_step
from ladder_np.inspection.gradcheck import check_network
from ladder_np.inspection.vectors import compare_vectors, make_vectors
from ladder_np.kernels import STAGES, Kernels
from ladder_np.network.fused import make_passes
from ladder_np.network.ladder import backward, forward
from ladder_np.network.model import LadderNetwork
from ladder_np.network.specification import Specification
from ladder_np.operations import convolution

pytestmark = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

LAYERS = {  # shape of a sample, layers
    "cut off, few and many channels": ((7, 6, 2), "conv:3:3-max_pool:2-conv:9:2:full-conv:4:3:same-mean_pool-5-3"),
    "strides": ((7, 5, 1), "conv:9:3:full:2-conv:3:2:valid-conv:4:1-mean_pool"),
    "a large window": ((17, 18, 1), "max_pool:17-3"),
}
TOP = (0.0,) * 4 + (1.0,)
COSTS = {
    "full": {},
    "constant targets": {"stop_gradient_targets": True},
    "statistics of the unlabeled rows": {"labeled_statistics": "unlabeled"},
    "top only": {"denoising_weights": TOP},
    "baseline": {"denoising_weights": 0.0},
    "no noise": {"noise_std": 0.0},
}


def spatial(layers: str = "cut off, few and many channels", **options: Any) -> Specification:
    """Return a network with convolutions or pooling."""
    shape, texts = LAYERS[layers]
    given = {"denoising_weights": 0.7, "noise_std": 0.3, **options}
    return Specification(layers=texts, input_shape=shape, **given)


# Images whose layers have more rows than one block of threads adds up, and no multiple of anything.
MANY = (19, 41)
LARGE = {"layers": "conv:33:3:same-max_pool:2-conv:5:2:valid-mean_pool-3", "input_shape": (9, 7, 2)}


def large(**options: Any) -> Specification:
    """Return a network with many rows in a step of MANY images."""
    given = {"denoising_weights": 0.7, "noise_std": 0.3, "activation": "leaky_relu", **options}
    return Specification(**LARGE, **given)


@pytest.fixture(params=[True, False], ids=["fused", "plain"])
def device(request: pytest.FixtureRequest) -> Device:
    """Return the device as a GPU would be, with and without kernels."""
    return Device("strict", xp=strict_cupy, fused=request.param)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the double as it was."""
    yield
    strict_cupy.cuda.records_products = False
    strict_cupy.recording = None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", LAYERS)
def test_a_step_equals_numpys_to_rounding(layers: str, dtype: str, device: Device) -> None:
    network = spatial(layers, dtype=dtype)
    assert_close(step(network, device), step(network, Device("cpu")))


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_it_does_whatever_the_cost(cost: str, activation: str, device: Device) -> None:
    network = spatial("strides", dtype="float64", activation=activation, **COSTS[cost])
    assert_close(step(network, device), step(network, Device("cpu")))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cost", COSTS)
def test_many_rows_give_numpys_step_too(cost: str, dtype: str, device: Device) -> None:
    options = COSTS[cost] if cost != "top only" else {"denoising_weights": (0.0,) * 5 + (1.0,)}
    network = large(dtype=dtype, **options)
    assert_close(step(network, device, MANY), step(network, Device("cpu"), MANY))


@pytest.mark.parametrize("samples", [1, 5])
def test_pieces_of_the_patches_may_be_small(samples: int, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    network = spatial(dtype="float64")
    expected = step(network, Device("cpu"))
    monkeypatch.setattr(convolution, "PATCHES_ON_GPU", samples * 20 * 18)  # of the first layer
    assert_close(step(network, device), expected)


def peak(work: Callable[[], Any]) -> int:
    """Return how many bytes work takes for itself at most; arrays of the double are NumPy's."""
    tracemalloc.start()
    try:
        kept = work()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return most - kept.nbytes


def test_memory_for_patches_does_not_grow_with_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    window = convolution.Window((9, 7, 16), 3, 1, 1)
    patches = 9 * 7 * 3 * 3 * 16  # of an image
    monkeypatch.setattr(convolution, "PATCHES_ON_GPU", 4 * patches)
    W, dW = strict_cupy.ones((3, 3, 16, 8)), strict_cupy.ones((3, 3, 16, 8))
    for images in (10, 100):
        h, da = strict_cupy.ones((images * 9 * 7, 16)), strict_cupy.ones((images * 9 * 7, 8))
        for work in (
            lambda h=h: convolution.convolution_forward(h, W, window),
            lambda da=da: convolution.convolution_backward_input(da, W, window),
            lambda h=h, da=da: convolution.convolution_backward_weight(da, h, window, out=dW),
        ):
            assert 2 * patches * 8 < peak(work) < 6 * patches * 8


def test_a_step_neither_waits_for_the_device_nor_sends_it_anything(device: Device) -> None:
    network = spatial()
    parameters, batch, noise = example_step(network, 6, 8, seed=0, device=device)
    passes = make_passes(network, device, 6, 8)
    state = forward(parameters, batch, noise, passes)  # what is put there once is there
    with strict_cupy.watched_traffic() as traffic:
        state = forward(parameters, batch, noise, passes)
        backward(state, parameters.zeros_like())
    assert (traffic.synchronizations, traffic.transfers) == (0, 0)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how often each kernel is launched from now on."""
    names: Counter[str] = Counter()
    original = Kernels._launch

    def launch(self: Kernels, name: str, *rest: Any) -> None:
        names[name] += 1
        original(self, name, *rest)

    monkeypatch.setattr(Kernels, "_launch", launch)
    return names


def test_spatial_layers_go_through_the_same_kernels_as_dense_ones(launched: Counter[str]) -> None:
    step(spatial("strides"), Device("strict", xp=strict_cupy))
    layers = 4
    assert {name: launched[name] for name in STAGES} == {
        "encode": layers,
        "encode_backward": layers,
        "decode": layers + 1,
        "decode_backward": layers + 1,
    }


def test_only_layers_with_many_rows_take_a_launch_for_each_stage(launched: Counter[str]) -> None:
    step(large(), Device("strict", xp=strict_cupy), MANY)
    # 41 images have many rows where they have 63 positions, in the input, which the encoder leaves as it is, and in
    # the first layer; few where they have 20, 12, or one.
    many, few = {"encode": 1, "encode_backward": 1, "decode": 2, "decode_backward": 2}, 4
    assert {name: launched[name] for name in STAGES} == {
        name: many[name] * launches + few for name, (launches, _) in STAGES.items()
    }


def test_training_with_many_rows_repeats_bit_by_bit_whatever_block_runs_first() -> None:
    device, results = Device("strict", xp=strict_cupy), []
    for order in (nullcontext, nullcontext, host_kernels.last_block_first):
        with order():
            results.append(steps(device, 2, large(), [MANY]))
    for parameters, costs, _ in results[1:]:
        np.testing.assert_array_equal(parameters, results[0][0])
        np.testing.assert_array_equal(costs, results[0][1])


@pytest.mark.parametrize("many", [True, False])
def test_a_recorded_step_gives_the_same_parameters_bit_for_bit(many: bool) -> None:
    results = []
    network, rows = (large(), [MANY]) if many else (spatial("strides", dtype="float64"), SHAPES)
    for records in (True, False):
        strict_cupy.cuda.records_products = records
        results.append(steps(Device("strict", xp=strict_cupy), 4, network, rows))
    for recorded, plain in zip(results[0][:2], results[1][:2], strict=True):
        np.testing.assert_array_equal(recorded, plain)
    assert results[0][2].launches < results[1][2].launches  # the graph is launched as one


def test_predictions_are_numpys(device: Device) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((20, 7, 6, 2))
    results = []
    for place in (device, Device("cpu")):
        network = LadderNetwork.from_specification(spatial(dtype="float64"), device=place, seed=3)
        network.estimate_statistics(lambda: [x])
        results.append(network.predict_proba(x))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-10)


def test_vectors_are_numpys(device: Device) -> None:
    network = spatial(dtype="float64")
    ours, theirs = (make_vectors(network, 5, 7, 0, place) for place in (Device("cpu"), device))
    assert ours.keys() == theirs.keys()
    assert [difference for difference in compare_vectors(ours, theirs) if not difference.passed] == []


def test_the_gradient_check_passes(device: Device) -> None:
    network = Specification(
        layers="conv:2:2-max_pool:2-2", input_shape=(4, 4, 1), denoising_weights=1.0, dtype="float64"
    )
    assert [check.name for check in check_network(network, 5, 6, 0, device) if not check.passed] == []
