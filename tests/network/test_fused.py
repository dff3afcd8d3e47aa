"""`FusedPasses` does what `Passes` does; what has no kernel runs as plain formulas, never as another's kernel.

The rows without a kernel are made up here. The kernels run on the double of CuPy, compiled for the host.
"""

import dataclasses
import inspect
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import host_kernels
import numpy as np
import pytest
import strict_cupy
from test_fused_device import COSTS, assert_close, specification, step, trained, vector

from ladder_np.arrays import Array, Device, array_module
from ladder_np.inspection.example import example_step
from ladder_np.inspection.gradcheck import check_network
from ladder_np.inspection.trace import trace_step
from ladder_np.inspection.vectors import compare_vectors, make_vectors
from ladder_np.kernels import Kernels
from ladder_np.network.fused import FusedPasses, make_passes
from ladder_np.network.ladder import State, backward, forward
from ladder_np.network.model import LadderNetwork
from ladder_np.network.passes import Passes
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS, Activation
from ladder_np.operations.combinators import COMBINATORS, Combinator, Initial
from ladder_np.operations.maps import MAPS, Map, MapPair, Shape
from ladder_np.predictor import Predictor
from ladder_np.training.step import TrainingStep

needs_compiler = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

# ---- A combinator, an activation and two kinds of layers that no kernel knows.


def twist_forward(z_tilde: Array, u: Array, a: Mapping[str, Array]) -> tuple[Array, tuple]:
    """ẑ = z̃ (w + t) with t = tanh(c₀ u + c₁): a parameter (units,) and one (2, units)."""
    t = array_module(u).tanh(a["c"][0] * u + a["c"][1])
    return z_tilde * (a["w"] + t), (z_tilde, t)


def twist_backward(dz_hat: Array, u: Array, a: Mapping[str, Array], cache: tuple) -> tuple:
    z_tilde, t = cache
    dt = dz_hat * z_tilde
    dp = dt * (1 - t * t)
    da = {"w": dt.sum(axis=0), "c": array_module(u).stack([(dp * u).sum(axis=0), dp.sum(axis=0)])}
    return dz_hat * (a["w"] + t), dp * a["c"][0], da


TWIST = Combinator(
    {"w": Initial(1.0, std=0.1), "c": Initial(0.5, std=0.1, shape=lambda units: (2, units))},
    twist_forward,
    twist_backward,
)


def swapped_forward(z_tilde: Array, u: Array, a: Mapping[str, Array]) -> tuple[Array, tuple]:
    """Return gaussian's ẑ with z̃ and u in each other's place: the same parameters, other values."""
    z_hat, cache = COMBINATORS["gaussian"].forward(u, z_tilde, a)
    return z_hat, (z_tilde, cache)


def swapped_backward(dz_hat: Array, u: Array, a: Mapping[str, Array], cache: tuple) -> tuple:
    du, dz_tilde, da = COMBINATORS["gaussian"].backward(dz_hat, cache[0], a, cache[1])
    return dz_tilde, du, da


SWAPPED = Combinator(COMBINATORS["gaussian"].parameters, swapped_forward, swapped_backward)


def softsign_forward(b: Array, out: Array | None = None) -> Array:
    """Return h = b/(1 + |b|), so that dh/db = (1 − |h|)²."""
    xp = array_module(b)
    return xp.divide(b, 1 + xp.abs(b), out=out)


def softsign_backward(dh: Array, h: Array) -> Array:
    return dh * array_module(h).square(1 - array_module(h).abs(h))


SOFTSIGN = Activation(softsign_forward, softsign_backward)


def pointwise(below: Shape, channels: str) -> MapPair:
    """The same dense map at every position."""

    def forward(h: Array, W: Array) -> tuple[Array, Array]:
        return h @ W, h

    def backward(da: Array, W: Array, h: Array, dW: Array, wanted: bool) -> Array | None:
        array_module(da).matmul(h[: len(da)].T, da, out=dW)
        return da @ W.T if wanted else None

    def one(input_shape: Shape, output_shape: Shape) -> Map:
        shape = input_shape[-1], output_shape[-1]
        return Map(input_shape, output_shape, shape, lambda rng: rng.normal(size=shape), forward, backward)

    above = (*below[:-1], int(channels))
    return one(below, above), one(above, below)


def average(below: Shape) -> MapPair:
    """Each channel's mean over all positions; down, the same at every position. Without weight, shift or φ."""
    channels, positions = below[-1], math.prod(below[:-1])

    def mean(h: Array, W: None) -> tuple[Array, None]:
        return h.reshape(-1, positions, channels).mean(axis=1), None

    def repeat(h: Array, W: None) -> tuple[Array, None]:
        rows = h.reshape(-1, 1, channels) + array_module(h).zeros((1, positions, 1), dtype=h.dtype)
        return rows.reshape(-1, channels), None

    up = Map(
        below,
        (channels,),
        None,
        None,
        mean,
        lambda da, W, kept, dW, wanted: repeat(da, W)[0] / positions if wanted else None,
        activation="linear",
    )
    down = Map(
        (channels,),
        below,
        None,
        None,
        repeat,
        lambda da, W, kept, dW, wanted: mean(da, W)[0] * positions if wanted else None,
    )
    return up, down


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMBINATORS, "twist", TWIST)
    monkeypatch.setitem(COMBINATORS, "swapped", SWAPPED)
    monkeypatch.setitem(ACTIVATIONS, "softsign", SOFTSIGN)
    monkeypatch.setitem(MAPS, "pointwise", pointwise)
    monkeypatch.setitem(MAPS, "average", average)


@pytest.fixture
def device() -> Device:
    """Return the device as a GPU would be, but for its noise, which is the host's."""
    return Device("strict", xp=strict_cupy, host_noise=True)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Return how often each kernel has been launched, by its name."""
    names: Counter[str] = Counter()
    original = Kernels._launch

    def launch(self: Kernels, name: str, *rest: Any) -> None:
        names[name] += 1
        original(self, name, *rest)

    monkeypatch.setattr(Kernels, "_launch", launch)
    return names


# ---- One class in the place of the other.


def test_every_fused_pass_is_a_plain_one_with_the_same_arguments() -> None:
    mine = {name: f for name, f in vars(FusedPasses).items() if inspect.isfunction(f) and not name.startswith("_")}
    theirs = {name: f for name, f in vars(Passes).items() if inspect.isfunction(f) and not name.startswith("_")}
    assert mine.keys() == theirs.keys()  # all that the wiring calls
    for name, function in mine.items():
        assert inspect.signature(function) == inspect.signature(theirs[name]), name


def test_nothing_else_is_overridden() -> None:
    private = {name for name in vars(FusedPasses) if name.startswith("_") and not name.startswith("__")}
    assert private.isdisjoint(dir(Passes))
    assert [field.name for field in dataclasses.fields(FusedPasses)][:-1] == [
        field.name for field in dataclasses.fields(Passes)
    ]


def test_a_device_gets_the_passes_that_suit_it() -> None:
    sizes = specification(), 6, 8
    for kind in ({"name": "cpu"}, {"name": "strict", "xp": strict_cupy, "fused": False}):
        assert type(make_passes(sizes[0], Device(**kind), *sizes[1:])) is Passes


# ---- A combinator or an activation without a kernel.

WITHOUT = {
    "combinator": {"combinator": "twist"},
    "combinator with gaussian's parameters": {"combinator": "swapped"},
    "activation": {"activation": "softsign"},
    "both": {"combinator": "twist", "activation": "softsign"},
}
OTHERS = {"corrupt_input": 1, "softmax": 1, "cross_entropy": 1, "classify_backward": 1, "total": 1}
DECODE, TOP, ALL = dict.fromkeys(("decode", "decode_backward"), 4), 1, 3
# Kernels of one step of three layers: at the top, φ is linear, which has one.
LAUNCHES = {
    "combinator": OTHERS | dict.fromkeys(("encode", "encode_backward"), ALL),
    "activation": OTHERS | dict.fromkeys(("encode", "encode_backward"), TOP) | DECODE,
    "combinator with gaussian's parameters": OTHERS | dict.fromkeys(("encode", "encode_backward"), ALL),
    "both": OTHERS | dict.fromkeys(("encode", "encode_backward"), TOP),
}


@needs_compiler
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("without", WITHOUT)
def test_a_step_without_its_kernels_equals_numpys(without: str, cost: str, device: Device) -> None:
    for dtype in ("float32", "float64"):
        network = specification(dtype=dtype, **WITHOUT[without], **COSTS[cost])
        assert_close(step(network, device), step(network, Device("cpu")))


@needs_compiler
@pytest.mark.parametrize("without", WITHOUT)
def test_only_what_has_a_kernel_is_launched(without: str, device: Device, launched: Counter) -> None:
    step(specification(**WITHOUT[without]), device)
    assert launched == LAUNCHES[without]


@needs_compiler
@pytest.mark.parametrize(
    ("table", "without", "others", "kernel"),
    [
        (COMBINATORS, "combinator with gaussian's parameters", "gaussian", "decode"),
        (ACTIVATIONS, "activation", "tanh", "encode"),
    ],
)
def test_another_ones_kernel_in_its_place_would_be_found(
    table: dict,
    without: str,
    others: str,
    kernel: str,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
    launched: Counter,
) -> None:
    """The tests above fail if a made-up row is run by the kernel of another row."""
    (name,) = WITHOUT[without].values()
    monkeypatch.setitem(table, name, dataclasses.replace(table[name], cuda=table[others].cuda))
    network = specification(dtype="float64", **WITHOUT[without])
    actual, expected = step(network, device), step(network, Device("cpu"))
    assert launched[kernel] > LAUNCHES[without].get(kernel, 0)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_close(actual, expected)


@needs_compiler
@pytest.mark.parametrize("without", WITHOUT)
def test_three_training_steps_and_predictions_are_numpys(without: str, device: Device) -> None:
    x = np.random.default_rng(0).normal(size=(40, 5))
    results = []
    for place in (device, Device("cpu")):
        network = LadderNetwork.from_specification(specification(dtype="float64", **WITHOUT[without]), device=place)
        training = TrainingStep(network, seed=3)
        costs = []
        for k in range(3):
            batch = example_step(network.specification, 6, 8, seed=k, device=place)[1]
            costs.append(place.get(training.run(batch, 0.01).values))
        network.estimate_statistics(lambda: [x])
        parameters = place.get(network.parameters.vector)
        results.append({"parameters": parameters, "costs": np.stack(costs), "p": network.predict_proba(x)})
    for name, expected in results[1].items():
        np.testing.assert_allclose(results[0][name], expected, rtol=1e-10, atol=1e-12, err_msg=name)


@needs_compiler
@pytest.mark.parametrize("without", WITHOUT)
def test_steps_without_their_kernels_are_recorded_as_a_graph(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    device, vectors = Device("strict", xp=strict_cupy), []
    for records in (False, True):
        monkeypatch.setattr(strict_cupy.cuda, "records_products", records)
        network = LadderNetwork.from_specification(specification(dtype="float64", **WITHOUT[without]), device=device)
        training = TrainingStep(network, seed=2)
        for k in range(4):
            training.run(example_step(network.specification, 6, 8, seed=k, device=device)[1], 0.01)
        assert training.recorded == records
        vectors.append(device.get(network.parameters.vector))
    np.testing.assert_array_equal(*vectors)


@needs_compiler
@pytest.mark.parametrize("without", WITHOUT)
def test_gradients_vectors_and_traces_are_right_without_kernels(without: str, device: Device) -> None:
    network = specification(sizes=(3, 4, 5, 3), dtype="float64", **WITHOUT[without])
    assert [check.name for check in check_network(network, 6, 7, seed=0, device=device) if not check.passed] == []
    reference, candidate = (make_vectors(network, 6, 7, seed=0, device=place) for place in (None, device))
    assert candidate.keys() == reference.keys()
    assert [d.key for d in compare_vectors(reference, candidate, 1e-12) if not d.passed] == []
    for mine, numpys in zip(*(trace_step(network, 6, 7, 0, place) for place in (device, None)), strict=True):
        np.testing.assert_allclose(mine.value, numpys.value, rtol=1e-9, atol=1e-12, err_msg=mine.name)


@needs_compiler
@pytest.mark.parametrize("without", WITHOUT)
def test_a_model_without_kernels_is_trained_saved_and_loaded(without: str, device: Device, tmp_path: Any) -> None:
    model, records, X = trained(device, **WITHOUT[without])
    expected, _, _ = trained(Device("cpu"), **WITHOUT[without])
    np.testing.assert_allclose(vector(model), vector(expected), rtol=1e-7, atol=1e-9)
    assert records[-1].cost < records[0].cost
    model.save(tmp_path / "model.npz")
    for place in (device, Device("cpu")):
        loaded = Predictor.load(tmp_path / "model.npz", place)
        np.testing.assert_allclose(loaded.predict_proba(X), model.predict_proba(X), atol=1e-14)


# ---- Layers with space: more rows than samples, and some without shift.

SPATIAL = {"layers": "pointwise:4-pointwise:3-average-5-3", "input_shape": (3, 2, 2)}
SPATIAL_COSTS = {
    "full": (10.0, 1.0, 0.5, 0.3, 0.2, 0.1),
    "below the mean": (0, 1.0, 0, 0, 0, 0),
    "top only": (0, 0, 0, 0, 0, 1.0),
    "baseline": (0,) * 6,
}


@needs_compiler
@pytest.mark.parametrize("cost", SPATIAL_COSTS)
@pytest.mark.parametrize(
    "kinds", [{}, {"combinator": "gated_gaussian", "activation": "tanh"}, WITHOUT["both"]], ids=str
)
def test_spatial_layers_are_numpys(kinds: dict, cost: str, device: Device) -> None:
    for dtype in ("float32", "float64"):
        network = Specification(**SPATIAL, **kinds, denoising_weights=SPATIAL_COSTS[cost], dtype=dtype)
        assert_close(step(network, device), step(network, Device("cpu")))


@needs_compiler
def test_gradients_of_spatial_layers_are_right_on_the_device(device: Device) -> None:
    small = {"layers": "pointwise:2-average-3", "input_shape": (2, 1, 2)}
    network = Specification(**small, denoising_weights=(10.0, 1.0, 0.5, 0.1), dtype="float64")
    assert [check.name for check in check_network(network, 6, 7, seed=0, device=device) if not check.passed] == []


@needs_compiler
def test_spatial_layers_take_as_many_kernels_as_dense_ones(device: Device, launched: Counter) -> None:
    step(Specification(**SPATIAL), device)
    assert launched == OTHERS | {"encode": 5, "encode_backward": 5, "decode": 6, "decode_backward": 6}


# ---- Purity.


def everything(state: State, device: Device) -> dict[tuple, np.ndarray]:
    """Return a copy of every quantity of a step."""
    values = {}
    for item in state.items():
        named = item.value if isinstance(item.value, Mapping) else {"": item.value}
        layer = item.layer.index if item.layer else None
        values |= {(item.quantity.part, item.quantity.name, layer, key): device.get(x) for key, x in named.items()}
    return values


@needs_compiler
@pytest.mark.parametrize("combinator", ["gaussian", "twist"])
def test_a_step_stays_as_it_was_when_others_follow(combinator: str, device: Device) -> None:
    network = specification(combinator=combinator)
    passes = make_passes(network, device, 6, 8)
    parameters, batch, noise = example_step(network, 6, 8, seed=0, device=device)
    state = forward(parameters, batch, noise, passes)
    before = everything(state, device)
    assert {name for _, name, _, _ in before} >= {"cost", "z_hat_bn", "difference", "total"}
    backward(state, parameters.zeros_like())
    _, other_batch, other_noise = example_step(network, 6, 8, seed=1, device=device)
    forward(parameters, other_batch, other_noise, passes)
    for name, values in everything(state, device).items():
        np.testing.assert_array_equal(values, before[name], err_msg=str(name))


@needs_compiler
@pytest.mark.parametrize("combinator", ["gaussian", "twist"])
def test_a_layer_without_a_cost_has_none(combinator: str, device: Device) -> None:
    network = specification(combinator=combinator, denoising_weights=(1.0, 0, 0, 0.5))
    parameters, batch, noise = example_step(network, 6, 8, seed=0, device=device)
    state = forward(parameters, batch, noise, make_passes(network, device, 6, 8))
    assert [layer for layer, decoded in state.decoded.items() if decoded.cost is None] == [2, 1]
