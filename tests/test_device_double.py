"""The GPU path proved without a GPU: steps, training and prediction on a strict double of CuPy (`strict_cupy`)."""

import dataclasses
import math
import operator
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import strict_cupy
from every_kind import EVERY_KIND

from ladder_np import LadderClassifier
from ladder_np.arrays import Device, array_module
from ladder_np.data.scaling import Scaling
from ladder_np.errors import InputError
from ladder_np.inspection.example import example_step
from ladder_np.inspection.gradcheck import check_network
from ladder_np.network import passes
from ladder_np.network.ladder import backward, forward
from ladder_np.network.model import LadderNetwork
from ladder_np.network.specification import Specification
from ladder_np.operations import maps
from ladder_np.predictor import Predictor
from ladder_np.training import adam
from ladder_np.training.adam import Adam
from ladder_np.training.fit import fit
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import EpochRecord, Training, TrainingSettings

DTYPES = ("float32", "float64")
# What the λs make of the network: every part of it, and every part left out.
COSTS = {
    "full": {"denoising_weights": (10.0, 1.0, 0.5, 0.1)},
    "constant targets": {"denoising_weights": (10.0, 1.0, 0.5, 0.1), "stop_gradient_targets": True},
    "statistics of the unlabeled rows": {"labeled_statistics": "unlabeled"},
    "top only": {"denoising_weights": (0.0, 0.0, 0.0, 1.0)},
    "bottom only": {"denoising_weights": (10.0, 0.0, 0.0, 0.0)},
    "baseline": {"denoising_weights": 0.0},
}


@pytest.fixture
def device() -> Device:
    """Return the device over the double, which runs plain formulas on the host's noise: NumPy's very bits."""
    return Device("strict", xp=strict_cupy, fused=False, host_noise=True)


def on_device(values: Any) -> strict_cupy.ndarray:
    """Return host values as an array of the double."""
    return strict_cupy.asarray(np.asarray(values))


def specification(**options: Any) -> Specification:
    """Return a small ladder of three layers."""
    return Specification(**{"sizes": (5, 7, 6, 3), "noise_std": 0.3, **COSTS["full"], **options})


# ---- 1. The double is strict.

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.matmul]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv]


@pytest.mark.parametrize("operation", BINARY + COMPARISONS + IN_PLACE)
@pytest.mark.parametrize("host", [np.ones(3), np.float64(2), np.ones(())], ids=["array", "scalar", "0-d"])
def test_host_and_device_do_not_mix_in_either_order(operation: Callable, host: Any) -> None:
    with pytest.raises(TypeError):
        operation(on_device(np.ones(3)), host)
    with pytest.raises(TypeError):
        operation(host, on_device(np.ones(3)))


@pytest.mark.parametrize(
    "convert",
    [
        np.exp,
        np.asarray,
        np.sum,
        np.linalg.norm,
        lambda x: np.concatenate([x, x]),
        lambda x: np.add(np.ones(1), x),
        lambda x: np.where(np.ones(1, bool), x, x),
        lambda x: np.ones(1).__setitem__(..., x),
        lambda x: np.ones(3)[x],
        float,
        int,
        bool,
        complex,
        math.sqrt,
        operator.index,
        str,
        "{}".format,
        list,
        iter,
        hash,
        lambda x: 1.0 in x,
        lambda x: x.item(),
        lambda x: x.tolist(),
        lambda x: [0, 1][x],
        lambda x: "yes" if x == x else "no",
    ],
)
def test_nothing_converts_silently(convert: Callable) -> None:
    with strict_cupy.watched_traffic() as traffic, pytest.raises(TypeError):
        convert(on_device([1.0]))
    assert traffic.synchronizations == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda x, host: strict_cupy.add(x, host),
        lambda x, host: strict_cupy.where(x > 0, x, host),
        lambda x, host: strict_cupy.matmul(x, x, out=host),
        lambda x, host: strict_cupy.concatenate([x, host]),
        lambda x, host: strict_cupy.full_like(x, host[0]),
        lambda x, host: strict_cupy.full(3, host[0]),
        lambda x, host: strict_cupy.asnumpy(host),
        lambda x, host: operator.add(x, [1.0, 2.0, 3.0]),
        lambda x, host: x + None,
        lambda x, host: x.__setitem__(slice(None), host),
        lambda x, host: x.__setitem__(0, host[0]),
        lambda x, host: x[np.array([0, 1])],
        lambda x, host: x[host > 0],
        lambda x, host: x[np.int64(0)],
        lambda x, host: x[[0, 1]],
        lambda x, host: x.__setitem__(np.array([0]), 1.0),
        lambda x, host: strict_cupy.exp(x, where=x > 0),
        lambda x, host: x.sum(initial=0.0),
        lambda x, host: x.max(dtype=np.float64),
        lambda x, host: strict_cupy.asarray(np.array(["a"])),
    ],
)
def test_functions_methods_and_indexing_take_device_arrays_and_cupys_keywords_only(call: Callable) -> None:
    with pytest.raises(TypeError):
        call(on_device(np.ones(3)), np.ones(3))


def test_what_cupy_lacks_or_the_double_does_not_offer_is_missing() -> None:
    for missing in ("errstate", "nonzero", "linalg", "float128"):
        assert not hasattr(strict_cupy, missing)
    assert not hasattr(on_device([1.0]), "__array_namespace__")


def test_an_array_belongs_to_the_double_by_its_type() -> None:
    assert array_module(on_device([1.0])) is strict_cupy


def test_views_share_memory() -> None:
    base = strict_cupy.zeros(6, dtype=np.float32)
    base[1:4].reshape((3, 1))[...] = 2
    base.reshape((2, 3)).T[2] += 1
    element = base[0]
    element += 7
    np.testing.assert_array_equal(base.get(), np.float32([7, 2, 3, 2, 0, 1]))


def test_transfers_copy_and_device_arrays_stay_themselves() -> None:
    host = np.ones(2)
    x = strict_cupy.asarray(host)
    host[:] = 5
    x.get()[:] = 6
    np.testing.assert_array_equal(x.get(), [1, 1])
    assert strict_cupy.asarray(x) is x


def test_reductions_and_single_elements_stay_on_the_device_as_0_dimensional_arrays() -> None:
    x = on_device(np.float32([[1, 2], [3, 4]]))
    for result in (x.sum(), x.mean(), x.max(), (x > 0).any(), x[0, 1], x.sum() + 1, strict_cupy.sqrt(x.mean())):
        assert isinstance(result, strict_cupy.ndarray)
        assert result.shape == ()
    assert x.mean().dtype == np.float32
    assert (2.5 * x.mean()).dtype == np.float32  # Python scalars are weak
    assert (x.mean() + on_device(np.float64(1))).dtype == np.float64  # 0-dimensional arrays are not


def test_uninitialized_memory_is_not_zero() -> None:
    assert np.isnan(strict_cupy.empty(2, dtype=np.float32).get()).all()
    assert strict_cupy.empty_like(on_device([1, 2])).get().tolist() == [77, 77]


def test_synchronizations_are_counted_where_the_host_waits() -> None:
    x = on_device([1.0, 2.0])
    before = strict_cupy.synchronizations()
    with strict_cupy.watched_traffic() as traffic:
        strict_cupy.asnumpy(x)
        x.get()
        x[x > 1]
        x[on_device([0, 1])] = x.sum()
        strict_cupy.asarray(np.ones(1))
    assert (traffic.synchronizations, traffic.transfers) == (3, 2)
    assert strict_cupy.synchronizations() == before + 3


def test_calls_are_recorded_with_their_keywords() -> None:
    x = on_device([[1.0]])
    x.sum(axis=0, keepdims=True)
    strict_cupy.matmul(x, x, out=x)
    x += x
    asked = {("ndarray.sum", ("axis", "keepdims")), ("matmul", ("out",)), ("ndarray.__iadd__", ())}
    assert asked <= strict_cupy.calls


# ---- 2. and 3. A training step.


def one_step(network: Specification, device: Device) -> dict[str, np.ndarray]:
    """Run forward, backward and two updates of Adam; return losses, gradients and parameters on the host."""
    parameters, batch, noise = example_step(network, 6, 8, seed=4, device=device)
    gradients, optimizer = parameters.zeros_like(), Adam(parameters.vector)
    for _ in range(2):
        state = forward(parameters, batch, noise)
        backward(state, gradients)
        optimizer.update(gradients.vector, 0.002)
    arrays = {f"loss {field.name}": getattr(state.losses, field.name) for field in dataclasses.fields(state.losses)}
    arrays |= {f"gradient {name}": view for name, view in gradients.items()}
    arrays |= {"parameters": parameters.vector, "m": optimizer.m, "v": optimizer.v}
    return {name: np.asarray(device.get(values)) for name, values in arrays.items()}


def assert_same(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Assert that both hold the same arrays, bit by bit."""
    assert actual.keys() == expected.keys()
    for name, values in expected.items():
        assert actual[name].dtype == values.dtype, name
        np.testing.assert_array_equal(actual[name], values, err_msg=name)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("activation", "combinator"), EVERY_KIND)
def test_step_equals_numpys(
    combinator: str, activation: str, cost: str, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adam, "CACHED_PIECE", 50)  # NumPy works through the vector in pieces, a device at once
    for dtype in DTYPES:
        network = specification(combinator=combinator, activation=activation, dtype=dtype, **COSTS[cost])
        assert_same(one_step(network, device), one_step(network, Device("cpu")))


@pytest.mark.parametrize("cost", COSTS)
def test_step_neither_waits_for_the_device_nor_sends_it_anything(cost: str, device: Device) -> None:
    parameters, batch, noise = example_step(specification(**COSTS[cost]), 6, 8, seed=0, device=device)
    with strict_cupy.watched_traffic() as traffic:
        optimizer, gradients = Adam(parameters.vector), parameters.zeros_like()
        backward(forward(parameters, batch, noise), gradients)
        optimizer.update(gradients.vector, 0.002)
    assert (traffic.synchronizations, traffic.transfers) == (0, 0)


def test_network_object_takes_host_arrays_and_its_own_noise(device: Device) -> None:
    rng = np.random.default_rng(0)
    x_labeled, x_unlabeled = rng.normal(size=(6, 5)), rng.normal(size=(8, 5))
    noise = [rng.normal(size=(14, size)) for size in (5, 7, 6, 3)]
    results = []
    for place in (device, Device("cpu")):
        network = LadderNetwork(sizes=(5, 7, 6, 3), seed=3, device=place)
        given, _ = network.loss_and_gradients(x_labeled, [0, 1, 2, 0, 1, 2], x_unlabeled, noise)
        drawn, gradients = network.loss_and_gradients(x_labeled, [0, 1, 2, 0, 1, 2], x_unlabeled)
        results.append([place.get(x) for x in (given.total, drawn.total, gradients.vector)])
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_network_object_takes_arrays_of_its_device(device: Device) -> None:
    network = LadderNetwork.from_specification(specification(), device=device)
    _, batch, _ = example_step(network.specification, 6, 8, seed=0, device=device)
    losses, _ = network.loss_and_gradients(batch.x_labeled, batch.y, batch.x_unlabeled)
    assert np.isfinite(device.get(losses.total))


# ---- 4. Training and prediction.

CENTERS = np.array([[2.0, 0, 0, 0, 0], [0, 2.0, 0, 0, 0], [0, 0, 2.0, 0, 0]])


def trained(dtype: str, device: Device) -> tuple[Predictor, list[EpochRecord], np.ndarray]:
    """Train three epochs on three clouds of points; return the model, the records and the raw features."""
    rng = np.random.default_rng(7)
    y = np.arange(60) % 3
    X = CENTERS[y] + rng.normal(size=(60, 5))
    scaling = Scaling(shift=X.mean(axis=0), scale=1 / X.std(axis=0))
    network = LadderNetwork.from_specification(specification(dtype=dtype), device=device, seed=5)
    settings = TrainingSettings(epochs=3, labeled_batch=9, unlabeled_batch=16, decay_start=0.5, seed=5)
    records: list[EpochRecord] = []
    data = TrainingData(
        lambda indices: scaling.apply(X[indices], network.specification.numpy_dtype), y, np.arange(12), np.arange(60)
    )
    fit(
        Training(network, data, settings),
        on_epoch=lambda record: records.append(dataclasses.replace(record, seconds=0.0)),
    )
    return Predictor(network, scaling, np.arange(3)), records, X


def everything(model: Predictor, X: np.ndarray) -> dict[str, np.ndarray]:
    """Return a model's parameters, population statistics and predictions on the host."""
    get, statistics = model.network.device.get, model.network.statistics
    arrays = {f"mu {layer}": get(values) for layer, values in statistics.mu.items()}
    arrays |= {f"sigma {layer}": get(values) for layer, values in statistics.sigma.items()}
    few_and_many = {"few": model.predict_proba(X[:3]), "many": model.predict_proba(X), "classes": model.predict(X)}
    return arrays | {"parameters": get(model.network.parameters.vector)} | few_and_many


@pytest.mark.parametrize("dtype", DTYPES)
def test_training_and_prediction_equal_numpys(dtype: str, device: Device) -> None:
    model, records, X = trained(dtype, device)
    expected_model, expected_records, _ = trained(dtype, Device("cpu"))
    assert len(records) == 3
    assert records == expected_records
    assert_same(everything(model, X), everything(expected_model, X))


def test_training_waits_for_the_device_once_an_epoch(device: Device) -> None:
    with strict_cupy.watched_traffic() as traffic:
        trained("float32", device)
    assert traffic.synchronizations == 3 + 1  # the sums of all costs; whether the statistics are numbers


def test_a_model_moves_between_devices_through_its_file(device: Device, tmp_path: Any) -> None:
    model, _, X = trained("float32", device)
    model.save(tmp_path / "model.npz")
    for place in (device, Device("cpu")):
        assert_same(everything(Predictor.load(tmp_path / "model.npz", place), X), everything(model, X))


# ---- 5. The gradient check.


@pytest.mark.parametrize("cost", ["full", "constant targets"])
def test_gradient_check_passes_on_the_device(cost: str, device: Device) -> None:
    network = specification(sizes=(3, 4, 3), **{**COSTS[cost], "denoising_weights": (2.0, 1.0, 0.5)}, dtype="float64")
    checks = check_network(network, 6, 7, seed=0, device=device)
    assert [check.name for check in checks if not check.passed] == []


# ---- 6. Planted faults are caught.


def plant(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, fault: Callable) -> None:
    """Put a function in place of `module.name`, whose result goes through `fault` first."""
    original = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *arguments: fault(original(*arguments)))


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (passes, "shift_scale_forward", lambda b: b * np.ones(b.shape[1], b.dtype)),
        (passes, "shift_scale_forward", lambda b: np.ones(b.shape[1], b.dtype) * b),
        (passes, "softmax_forward", lambda p: p * np.float32(1)),
        (maps, "dense_backward_input", lambda dh: np.maximum(dh, dh)),
        (passes, "squared_error_forward", lambda result: (float(result[0]), result[1])),
        (maps, "dense_forward", lambda a: a if (a == a).all() else -a),
        (passes, "standardize_backward", lambda result: tuple(np.asarray(x) for x in result)),
    ],
)
def test_planted_faults_stop_the_step(
    module: Any, name: str, fault: Callable, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, module, name, fault)
    one_step(specification(), Device("cpu"))  # where nobody would notice
    with pytest.raises(TypeError):
        one_step(specification(), device)


def test_planted_round_trip_is_counted(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters, batch, noise = example_step(specification(), 6, 8, seed=0, device=device)
    plant(monkeypatch, passes, "softmax_forward", lambda p: device.put(device.get(p)))
    with strict_cupy.watched_traffic() as traffic:
        forward(parameters, batch, noise)
    assert (traffic.synchronizations, traffic.transfers) == (1, 1)


# ---- 7. Machines without a usable GPU.


class CUDARuntimeError(RuntimeError):
    """CuPy's error of that name."""


def fake_cupy(device_count: Callable[[], int], ones: Callable[..., np.ndarray] = np.ones) -> SimpleNamespace:
    """Return as much of CuPy as tells whether there is a GPU."""
    runtime = SimpleNamespace(getDeviceCount=device_count, CUDARuntimeError=CUDARuntimeError)
    return SimpleNamespace(cuda=SimpleNamespace(runtime=runtime), ones=ones, asnumpy=np.asarray, float32=np.float32)


def no_driver() -> int:
    """Fail as CuPy does where there is no driver."""
    raise CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient\nmore")


def no_compiler(*args: object, **kwargs: object) -> np.ndarray:
    """Fail as CuPy does at its first kernel where CUDA's libraries are not installed."""
    raise RuntimeError("CuPy failed to load libnvrtc.so\nmore")


UNUSABLE = {
    "no CuPy": (None, "install ladder-np[cuda13]"),  # None in sys.modules makes the import fail
    "no driver": (fake_cupy(no_driver), "cudaErrorInsufficientDriver.* is insufficient.*install"),
    "no device": (fake_cupy(lambda: 0), "no CUDA device"),
    "no compiler": (fake_cupy(lambda: 1, no_compiler), "failed to load libnvrtc.so.*reinstall"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_cuda_on_a_machine_without_one_is_an_error_of_one_line(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, reason = UNUSABLE[case]
    monkeypatch.setitem(sys.modules, "cupy", module)
    with pytest.raises(InputError, match=reason.replace("[", r"\[")) as caught:
        Device("cuda")
    assert "\n" not in str(caught.value)
    assert "use device 'cpu'" in str(caught.value)


@pytest.mark.parametrize("case", UNUSABLE)
def test_auto_falls_back_to_the_cpu(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", UNUSABLE[case][0])
    device = Device("auto")
    assert (device.name, device.xp) == ("cpu", np)


@pytest.mark.parametrize("name", ["cuda", "auto"])
def test_cuda_and_auto_take_a_gpu_that_is_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = fake_cupy(lambda: 1)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    device = Device(name)
    assert (device.name, device.xp) == ("cuda", cupy)


def test_texts_are_learned_on_the_device_as_on_the_host(device: Device) -> None:
    """Sparse rows become dense on the host, batch by batch."""
    generator = np.random.default_rng(0)
    known = [[f"{word}{place}" for place in range(10)] for word in ("red", "blue")]
    y = np.arange(80) % 2
    texts = [" ".join(generator.choice(known[label], 6)) for label in y]
    hidden = np.where(np.arange(80) < 20, y, -1)
    models = [
        LadderClassifier((8,), text="words", device=where, max_iter=6, dtype="float64", random_state=0)
        for where in ("cpu", device)
    ]
    proba = [model.fit(texts, hidden).predict_proba(texts) for model in models]
    np.testing.assert_allclose(proba[1], proba[0], rtol=1e-9)
