"""The GPU path as a GPU runs it, on the double: fused kernels, its own noise, data on the card, a recorded graph.

The kernels are compiled for the host from the text that the GPU gets (`host_kernels`).
"""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import host_kernels
import numpy as np
import pytest
import strict_cupy
from every_kind import EVERY_KIND, WITH_KERNEL, WITHOUT_KERNEL

from ladder_np import kernels
from ladder_np.arrays import Device
from ladder_np.data.scaling import Scaling
from ladder_np.inspection.example import example_step
from ladder_np.inspection.gradcheck import check_network
from ladder_np.inspection.vectors import compare_vectors, make_vectors
from ladder_np.kernels import kernels_for
from ladder_np.network import fused
from ladder_np.network.fused import make_passes
from ladder_np.network.inference import ROWS_AT_ONCE
from ladder_np.network.ladder import Batch, backward, forward
from ladder_np.network.layers import Lanes
from ladder_np.network.model import LadderNetwork
from ladder_np.network.noise import NoiseSource
from ladder_np.network.parameters import Parameters
from ladder_np.network.specification import Specification
from ladder_np.predictor import Predictor
from ladder_np.rng import Stream, stream
from ladder_np.training import loader
from ladder_np.training.fit import fit
from ladder_np.training.loader import TrainingData, make_loader
from ladder_np.training.step import TrainingStep
from ladder_np.training.trainer import EpochRecord, Training, TrainingSettings

pytestmark = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

WEIGHTS = (10.0, 1.0, 0.5, 0.1)
COSTS = {
    "full": {},
    "constant targets": {"stop_gradient_targets": True},
    "statistics of the unlabeled rows": {"labeled_statistics": "unlabeled"},
    "those, and the top alone": {"labeled_statistics": "unlabeled", "denoising_weights": (0.0, 0.0, 0.0, 1.0)},
    "top only": {"denoising_weights": (0.0, 0.0, 0.0, 1.0)},
    "bottom only": {"denoising_weights": (10.0, 0.0, 0.0, 0.0)},
    "middle only": {"denoising_weights": (0.0, 1.0, 0.0, 0.0)},
    "baseline": {"denoising_weights": 0.0},
    "no noise": {"noise_std": 0.0},
    "noise in the input alone": {"noise_std": (0.5, 0.0, 0.0, 0.0)},
}
TOLERANCE = {"float32": 1e-4, "float64": 1e-12}  # of an array's largest value; float32 as in `compare_vectors`


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the double as it was."""
    yield
    strict_cupy.cuda.records_products = False
    strict_cupy.cuda.free_memory = 2**30
    strict_cupy.cuda.pool_free = 0
    strict_cupy.recording = None


@pytest.fixture
def device() -> Device:
    """Return the device as a GPU would be."""
    return Device("strict", xp=strict_cupy)


def specification(**options: Any) -> Specification:
    """Return a small ladder of three layers, one of them wider than a block of threads."""
    given = {"sizes": (5, 37, 6, 3), "noise_std": 0.3, "denoising_weights": WEIGHTS, **options}
    return Specification(**given)


def step(network: Specification, device: Device, rows: tuple[int, int] = (6, 18)) -> dict[str, np.ndarray]:
    """Return losses and gradients of a random step on the host."""
    parameters, batch, noise = example_step(network, *rows, seed=4, device=device)
    gradients = parameters.zeros_like()
    state = forward(parameters, batch, noise, make_passes(network, device, *rows))
    backward(state, gradients)
    return {"losses": device.get(state.losses.values)} | {name: device.get(view) for name, view in gradients.items()}


def assert_close(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray], times: float = 1) -> None:
    """Assert equality to rounding, or so many times that; what is zero but for rounding must be as small."""
    assert actual.keys() == expected.keys()
    largest = max(float(np.nanmax(np.abs(values))) for values in expected.values())
    for name, values in expected.items():
        assert actual[name].dtype == values.dtype, name
        scale = float(np.nanmax(np.abs(values), initial=0))
        tolerance = times * TOLERANCE[str(values.dtype)]
        np.testing.assert_allclose(
            actual[name], values, rtol=0, atol=tolerance * max(scale, 1e-2 * largest), err_msg=name, equal_nan=True
        )


# ---- A step.


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("activation", "combinator"), [pair for pair in EVERY_KIND if pair[1] in WITH_KERNEL])
def test_step_equals_numpys_to_rounding(combinator: str, activation: str, cost: str, device: Device) -> None:
    for dtype in TOLERANCE:
        network = specification(combinator=combinator, activation=activation, dtype=dtype, **COSTS[cost])
        assert_close(step(network, device), step(network, Device("cpu")))


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("activation", "combinator"), EVERY_KIND)
def test_float32_knows_the_gradients_at_these_points(combinator: str, activation: str, cost: str) -> None:
    """Where rounding decides, a wrong gradient on a device cannot be told from another order of sums."""
    host, kind = Device("cpu"), {"combinator": combinator, "activation": activation, **COSTS[cost]}
    single, double = (specification(**kind, dtype=dtype) for dtype in TOLERANCE)
    parameters, batch, noise = example_step(single, 6, 18, seed=4, device=host)
    wider = Parameters(double, parameters.vector.astype(np.float64))
    batch64 = Batch(batch.x_labeled.astype(np.float64), batch.y, batch.x_unlabeled.astype(np.float64))
    actual, expected = parameters.zeros_like(), wider.zeros_like()
    backward(forward(parameters, batch, noise, make_passes(single, host, 6, 18)), actual)
    noise64 = [values.astype(np.float64) for values in noise]
    backward(forward(wider, batch64, noise64, make_passes(double, host, 6, 18)), expected)
    rounded = {name: values.astype(np.float32) for name, values in expected.items()}
    assert_close(dict(actual), rounded, times=0.5)


@pytest.mark.parametrize("cost", ["full", "middle only"])
@pytest.mark.parametrize("combinator", WITHOUT_KERNEL)
def test_a_combinator_without_a_kernel_runs_as_formulas_between_kernels(
    combinator: str, cost: str, device: Device
) -> None:
    network = specification(combinator=combinator, dtype="float64", **COSTS[cost])
    assert_close(step(network, device), step(network, Device("cpu")))


@pytest.mark.parametrize("rows", [(2, 2), (5, 33), (40, 3)])
def test_any_number_of_rows_will_do(rows: tuple[int, int], device: Device) -> None:
    network = specification(dtype="float64", activation="tanh")
    assert_close(step(network, device, rows), step(network, Device("cpu"), rows))


def test_everything_that_a_step_computes_is_there_for_test_vectors(device: Device) -> None:
    reference = make_vectors(specification(dtype="float64", denoising_weights=(1.0, 0.0, 0.0, 0.5)), 6, 7, seed=3)
    candidate = make_vectors(
        specification(dtype="float64", denoising_weights=(1.0, 0.0, 0.0, 0.5)), 6, 7, seed=3, device=device
    )
    assert candidate.keys() == reference.keys()
    assert [d.key for d in compare_vectors(reference, candidate) if not d.passed] == []


@pytest.mark.parametrize("options", [{}, {"stop_gradient_targets": True}, {"combinator": "gated_gaussian"}])
def test_gradient_check_passes(options: dict[str, Any], device: Device) -> None:
    network = Specification((3, 4, 3), denoising_weights=(2.0, 1.0, 0.5), dtype="float64", **options)
    checks = check_network(network, 6, 7, seed=0, device=device)
    assert [check.name for check in checks if not check.passed] == []


def test_a_matrix_that_is_not_laid_out_row_by_row_is_rearranged(device: Device) -> None:
    network = LadderNetwork.from_specification(specification(dtype="float64"), device=device)
    _, batch, noise = example_step(network.specification, 6, 8, seed=0, device=device)
    expected, _ = network.loss_and_gradients(batch.x_labeled, batch.y, batch.x_unlabeled, noise)
    turned = strict_cupy.asarray(np.asfortranarray(device.get(batch.x_unlabeled)))
    actual, _ = network.loss_and_gradients(batch.x_labeled, batch.y, turned, noise)
    np.testing.assert_array_equal(device.get(actual.values), device.get(expected.values))


# ---- What the host has to do.

PAPERS = Specification((784, 40, 35, 33, 20, 12, 10), denoising_weights=(1000, 10, 0.1, 0.1, 0.1, 0.1, 0.1))
LAYERS = 7


def device_batch(network: Specification, device: Device, rows: tuple[int, int] = (6, 8)) -> Batch:
    return example_step(network, *rows, seed=0, device=device)[1]


def test_a_step_waits_for_nothing_sends_nothing_and_takes_few_kernels(device: Device) -> None:
    network = LadderNetwork.from_specification(PAPERS, device=device)
    training, batch = TrainingStep(network, 0), device_batch(PAPERS, device)
    for _ in range(2):  # tables that are sent once; an attempt to record
        training.run(batch, 0.002)
    before = kernels_for(strict_cupy, PAPERS.dtype).launches
    with strict_cupy.watched_traffic() as traffic:
        training.run(batch, 0.002)
    assert (traffic.synchronizations, traffic.event_waits, traffic.transfers) == (0, 0, 0)
    # Each layer's matrix: one product up and two back in the encoder (one where nothing is below), as in the decoder.
    assert traffic.products == (6 + 6 + 5) + (6 + 6 + 6)
    # 1 input, 6 + 6 encoder, 7 + 7 decoder, 1 softmax and its 1 gradient, 1 cross-entropy, 1 total, 1 Adam;
    # and as CuPy's own: 1 for noise, 2 for Adam's factors.
    assert kernels_for(strict_cupy, PAPERS.dtype).launches - before == 32
    assert traffic.launches == 32 + 3
    assert traffic.launches <= 12 * LAYERS


@pytest.mark.parametrize("options", [{"denoising_weights": 0.0}, {"denoising_weights": (0, 0, 0, 0, 0, 0, 1)}])
def test_what_a_setting_makes_unnecessary_is_not_launched(options: dict[str, Any], device: Device) -> None:
    launches = []
    for network in (PAPERS, dataclasses.replace(PAPERS, **options)):
        training = TrainingStep(LadderNetwork.from_specification(network, device=device), 0)
        batch = device_batch(network, device)
        if not network.denoises:
            batch = dataclasses.replace(batch, x_unlabeled=batch.x_unlabeled[:0])
        with strict_cupy.watched_traffic() as traffic:
            training.run(batch, 0.002)
        launches.append(traffic.launches + traffic.products)
    assert launches[1] < 0.8 * launches[0]


# ---- Noise.


def test_the_devices_noise_is_its_own_seeded_and_normal(device: Device) -> None:
    lanes = Lanes.needed(PAPERS, 50, 50)
    draws = [NoiseSource(seed, PAPERS, device) for seed in (1, 1, 2)]
    first, same, other = ([device.get(x) for x in source.draw(lanes)] for source in draws)
    second = [device.get(x) for x in draws[0].draw(lanes)]
    assert [x.shape for x in first] == [(100, size) for size in PAPERS.sizes]
    for layer in range(LAYERS):
        np.testing.assert_array_equal(first[layer], same[layer])
        for different in (other, second):
            assert not np.isclose(first[layer], different[layer]).any(axis=1).all()
    everything = np.concatenate([x.ravel() for x in first])
    for one, other in itertools.combinations(first, 2):  # no layer's noise is another's
        few = min(one.size, other.size)
        assert np.isin(one.ravel()[:few], other.ravel()[:few]).mean() < 0.01
    assert abs(everything.mean()) < 5 / everything.size**0.5
    assert abs(everything.std() - 1) < 5 / (2 * everything.size) ** 0.5
    assert everything.dtype == np.float32


def test_the_devices_generator_is_seeded_from_the_noises_own_stream(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    original = Device.generator
    monkeypatch.setattr(Device, "generator", lambda self, seed: seeds.append(seed) or original(self, seed))
    NoiseSource(5, PAPERS, device)
    assert seeds == [int(stream(5, Stream.NOISE).integers(2**63))]


def test_no_noise_is_drawn_where_there_is_none(device: Device) -> None:
    some = dataclasses.replace(PAPERS, noise_std=(0, 0.5, 0, 0, 0, 0, 0.1))
    drawn = NoiseSource(0, some, device).draw(Lanes.needed(some, 3, 4))
    assert [None if x is None else x.shape for x in drawn] == [None, (7, 40), None, None, None, None, (7, 10)]
    none = dataclasses.replace(PAPERS, noise_std=0.0)
    with strict_cupy.watched_traffic() as traffic:
        assert NoiseSource(0, none, device).draw(Lanes.needed(none, 3, 4)) == [None] * LAYERS
    assert traffic.launches == 0


# ---- Training and prediction.

CENTERS = np.array([[2.0, 0, 0, 0, 0], [0, 2.0, 0, 0, 0], [0, 0, 2.0, 0, 0]])


def trained(
    device: Device, dtype: str = "float64", **options: Any
) -> tuple[Predictor, list[EpochRecord], np.ndarray]:
    """Train three epochs on three clouds of points; return the model, the records and the raw features."""
    rng = np.random.default_rng(7)
    y = np.arange(60) % 3
    X = CENTERS[y] + rng.normal(size=(60, 5))
    scaling = Scaling(shift=X.mean(axis=0), scale=1 / X.std(axis=0))
    network = LadderNetwork.from_specification(specification(dtype=dtype, **options), device=device, seed=5)
    settings = TrainingSettings(epochs=3, labeled_batch=9, unlabeled_batch=16, decay_start=0.5, seed=5)
    records: list[EpochRecord] = []
    data = TrainingData(
        lambda indices: scaling.apply(X[indices], network.specification.numpy_dtype),
        y,
        np.arange(3, 15),
        np.arange(2, 58),
    )
    fit(
        Training(network, data, settings),
        on_epoch=lambda record: records.append(dataclasses.replace(record, seconds=0.0)),
    )
    return Predictor(network, scaling, np.arange(3)), records, X


def vector(model: Predictor) -> np.ndarray:
    return model.network.device.get(model.network.parameters.vector)


def costs(records: list[EpochRecord]) -> list[float]:
    return [value for record in records for value in (record.cost, record.supervised, *record.denoising)]


@pytest.mark.parametrize("options", [{}, {"denoising_weights": 0.0}], ids=["ladder", "baseline"])
def test_training_on_the_hosts_noise_is_numpys_to_rounding(options: dict[str, Any]) -> None:
    model, records, X = trained(Device("strict", xp=strict_cupy, host_noise=True), **options)
    expected, expected_records, _ = trained(Device("cpu"), **options)
    np.testing.assert_allclose(vector(model), vector(expected), rtol=1e-7, atol=1e-9)
    if not options:
        np.testing.assert_allclose(costs(records), costs(expected_records), rtol=1e-9)
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-9)


def test_training_on_its_own_noise_learns_and_repeats_bit_by_bit(device: Device) -> None:
    model, records, _ = trained(device, "float32")
    again, _, _ = trained(device, "float32")
    np.testing.assert_array_equal(vector(model), vector(again))
    assert records[-1].cost < records[0].cost


def test_training_waits_once_an_epoch_and_sends_row_numbers_alone(device: Device) -> None:
    with strict_cupy.watched_traffic() as traffic:
        trained(device)
    assert (traffic.synchronizations, traffic.event_waits) == (3 + 1, 0)  # the statistics are looked at once
    # parameters, two tables of costs, features, classes; two lists of row numbers an epoch; each layer's statistics
    assert traffic.transfers == 1 + 2 + 2 + 3 * 2 + 3


@pytest.mark.parametrize("there", [True, False])
def test_a_model_trained_on_one_device_is_used_on_the_other(there: bool, device: Device, tmp_path: Any) -> None:
    one, other = (device, Device("cpu")) if there else (Device("cpu"), device)
    model, _, X = trained(one)
    model.save(tmp_path / "model.npz")
    moved = Predictor.load(tmp_path / "model.npz", other)
    assert moved.network.device is other
    np.testing.assert_array_equal(vector(moved), vector(model))
    np.testing.assert_allclose(moved.predict_proba(X), model.predict_proba(X), atol=1e-14)
    moved.save(tmp_path / "again.npz")
    with np.load(tmp_path / "model.npz") as first, np.load(tmp_path / "again.npz") as second:
        assert first.files == second.files
        for name in first.files:
            np.testing.assert_array_equal(first[name], second[name])


# ---- Data: on the card where it fits, else copied ahead of time.

X = np.arange(40, dtype=np.float64).reshape(8, 5)
Y = np.arange(8) % 3
PLAN = [
    (np.array([6, 1]), np.array([1, 3, 4])),
    (np.array([1, 6]), np.array([6, 7])),
    (np.array([6, 6]), np.array([1])),
]
DATA = TrainingData(lambda indices: X[indices], Y, np.array([1, 6]), np.array([1, 3, 4, 6, 7]))


def batches(device: Device, plan: list = PLAN, **options: Any) -> list[tuple[np.ndarray, ...]]:
    network = LadderNetwork.from_specification(specification(dtype="float64", **options), device=device)
    source = make_loader(network, DATA)
    return [
        tuple(map(device.get, (batch.x_labeled, batch.y, batch.x_unlabeled)))
        for _ in range(2)
        for batch in source.batches(plan)
    ]


@pytest.mark.parametrize("free", [2**30, 2 * 5 * 5 * 8, 2 * 5 * 5 * 8 - 1, 0])
def test_batches_are_the_hosts_whether_or_not_the_data_fits(free: int, device: Device) -> None:
    strict_cupy.cuda.free_memory = free
    with strict_cupy.watched_traffic() as traffic:
        actual = batches(device)
    assert bool(traffic.event_waits) == (free < 2 * 5 * 5 * 8)
    for mine, hosts in zip(actual, batches(Device("cpu")), strict=True):
        for one, other in zip(mine, hosts, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


@pytest.mark.parametrize("free", [2**30, 0])
def test_a_baselines_batches_have_no_unlabeled_rows(free: int, device: Device) -> None:
    strict_cupy.cuda.free_memory = free
    plan = [(labeled, unlabeled[:0]) for labeled, unlabeled in PLAN]
    for labeled, _, unlabeled in batches(device, plan, denoising_weights=0.0):
        assert (len(labeled), unlabeled.shape) == (2, (0, 5))


def test_a_table_is_filled_piece_by_piece(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "rows_at_once", lambda width: 2)
    assert ROWS_AT_ONCE > 2
    for mine, hosts in zip(batches(device), batches(Device("cpu")), strict=True):
        for one, other in zip(mine, hosts, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_pinned_batch_is_overwritten_only_when_it_has_been_copied(device: Device) -> None:
    strict_cupy.cuda.free_memory = 0
    with strict_cupy.watched_traffic() as traffic:
        batches(device)
    assert traffic.event_waits == 2 * len(PLAN) - loader.PINNED_BATCHES


def test_the_event_after_which_a_pinned_batch_may_go_comes_after_its_copies(device: Device) -> None:
    strict_cupy.cuda.free_memory = 0
    network = LadderNetwork.from_specification(specification(dtype="float64"), device=device)
    source = make_loader(network, DATA)
    for k, _ in enumerate(source.batches(PLAN)):
        assert source._ring[k % loader.PINNED_BATCHES].copied.transfers == strict_cupy.traffic.transfers


def test_pinned_batches_are_looked_at_without_another_wait(device: Device) -> None:
    strict_cupy.cuda.free_memory = 0
    with strict_cupy.watched_traffic() as traffic:
        batches(device)
    assert traffic.synchronizations == 2 * len(PLAN) * 3  # this test's own look at the batches


def test_an_error_while_rows_are_made_ready_reaches_the_caller(device: Device) -> None:
    strict_cupy.cuda.free_memory = 0
    network = LadderNetwork.from_specification(specification(), device=device)

    def fail(numbers: np.ndarray) -> np.ndarray:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(make_loader(network, TrainingData(fail, Y, np.array([1]), np.array([1]))).batches(PLAN))


# ---- A recorded graph.


SHAPES = ((6, 8), (7, 9))


def steps(
    device: Device, count: int = 5, made: Specification | None = None, shapes: Sequence[tuple[int, int]] = SHAPES
) -> tuple[np.ndarray, np.ndarray, strict_cupy.Traffic]:
    """Take steps of some shapes in turn; return parameters, costs, and the traffic of the last step."""
    made = made or specification(dtype="float64")
    network = LadderNetwork.from_specification(made, device=device, seed=1)
    training = TrainingStep(network, seed=2)
    seen = []
    for k in range(count):
        for rows in shapes:
            batch = example_step(network.specification, *rows, seed=k, device=device)[1]  # another each time
            with strict_cupy.watched_traffic() as traffic:
                losses = training.run(batch, 0.002 / (k + 1))
            seen.append(losses.values)
    return device.get(network.parameters.vector), np.stack([device.get(x) for x in seen]), traffic


def test_memory_that_the_pool_keeps_counts_as_free(device: Device) -> None:
    strict_cupy.cuda.free_memory, strict_cupy.cuda.pool_free = 100, 2 * 5 * 5 * 8 - 100
    with strict_cupy.watched_traffic() as traffic:
        batches(device)
    assert traffic.event_waits == 0


@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
def test_a_step_that_finds_no_memory_to_be_recorded_goes_on_without(
    error: type[Exception], device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(allocator: Any) -> None:
        raise error("out of memory")

    plain = steps(device)
    monkeypatch.setattr(strict_cupy.cuda, "using_allocator", fail)
    np.testing.assert_array_equal(steps(device)[0], plain[0])


def test_steps_as_a_graph_are_the_same_steps(device: Device) -> None:
    plain = steps(device)
    strict_cupy.cuda.records_products = True
    graph = steps(device)
    np.testing.assert_array_equal(graph[0], plain[0])
    np.testing.assert_array_equal(graph[1], plain[1])
    # Adam's two factors, three parts of the batch, the graph, a copy of the costs
    assert graph[2] == strict_cupy.Traffic(launches=7)
    assert plain[2].products > 0


def test_work_that_no_graph_can_hold_is_never_recorded() -> None:
    strict_cupy.cuda.records_products = True
    for options in ({"host_noise": True}, {"fused": False}, {"fused": False, "host_noise": True}):
        device = Device("strict", xp=strict_cupy, **options)
        assert steps(device)[2].products > 0


def test_a_step_that_waits_for_the_device_cannot_be_recorded(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    strict_cupy.cuda.records_products = True
    original = fused.FusedPasses.classify_backward
    monkeypatch.setattr(fused.FusedPasses, "classify_backward", lambda *x: device.put(device.get(original(*x))))
    assert steps(device)[2].products > 0


# ---- Planted faults.


def test_a_wrong_kernel_is_found(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    right = "dz_hat * (z - c.mu)"
    assert right in kernels.kernel_text()
    wrong = kernels.kernel_text().replace(right, "dz_hat * (z + c.mu)")
    monkeypatch.setattr(kernels, "kernel_text", lambda: wrong)
    kernels.kernels_for.cache_clear()
    try:
        network = specification(dtype="float64", activation="tanh")
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            assert_close(step(network, device), step(network, Device("cpu")))
    finally:
        kernels.kernels_for.cache_clear()


def test_a_numpy_array_given_to_a_kernel_is_found(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "_empty", lambda like, *shape: np.empty(shape, like.dtype))
    with pytest.raises(TypeError, match="device array"):
        step(specification(), device)


def test_an_array_that_is_not_contiguous_is_refused(device: Device) -> None:
    parameters, batch, _ = example_step(specification(), 6, 8, seed=0, device=device)
    with pytest.raises(ValueError, match="not contiguous"):
        make_passes(specification(), device, 6, 8).classify_forward(parameters["encoder.2.weight"].T, batch.y)
