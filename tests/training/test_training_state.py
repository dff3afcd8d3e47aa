"""A training goes on from its state, after any step, as if it had never stopped; on the CPU and on the double."""

from collections.abc import Callable
from typing import Any

import host_kernels
import numpy as np
import pytest
import strict_cupy

from ladder_np import InputError, LadderNetwork, TrainingDivergedError
from ladder_np.arrays import Device
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import EpochRecord, Training, TrainingSettings

GENERATOR = np.random.default_rng(0)
Y = np.arange(47) % 3
X = GENERATOR.standard_normal((47, 5)) + 2 * np.eye(5)[Y]
SETTINGS = TrainingSettings(epochs=3, labeled_batch=4, unlabeled_batch=10, decay_start=0.3, seed=3)
AN_EPOCH = 5  # steps: 45 rows in tens, shared out evenly

DEVICES = {
    "cpu": lambda: Device("cpu"),
    "gpu": lambda: Device("strict", xp=strict_cupy),
    "gpu, plain formulas": lambda: Device("strict", xp=strict_cupy, fused=False),
    "gpu, host's noise": lambda: Device("strict", xp=strict_cupy, host_noise=True),
}


class Stopped(Exception):  # noqa: N818  # no error
    """Raised by a test after a step."""


def begin(device: Device, **options: Any) -> tuple[LadderNetwork, Training]:
    network = LadderNetwork((5, 6, 3), **{"denoising_weights": (10, 1, 0.1), "seed": 3, **options}, device=device)

    def rows(indices: np.ndarray) -> np.ndarray:
        return X[indices].astype(network.specification.numpy_dtype)

    return network, Training(network, TrainingData(rows, Y, np.arange(6), np.arange(45)), SETTINGS)


def finish(training: Training) -> list[EpochRecord]:
    records = []
    while not training.done:
        records.append(training.run_epoch())
    return records


def stop_after(training: Training, steps: int) -> None:
    """Run until as many steps are taken, wherever in an epoch that is."""

    def count() -> None:
        if training.steps == steps:
            raise Stopped

    try:
        while not training.done and steps:
            training.run_epoch(count)
    except Stopped:
        pass


def figures(records: list[EpochRecord]) -> list[tuple]:
    return [(r.epoch, r.step, r.learning_rate, r.cost, r.supervised, r.denoising) for r in records]


@pytest.mark.parametrize("make_device", DEVICES.values(), ids=DEVICES)
@pytest.mark.parametrize("options", [{}, {"dtype": "float64"}, {"denoising_weights": 0.0}], ids=str)
def test_it_goes_on_after_any_step_bit_by_bit(make_device: Callable[[], Device], options: dict[str, Any]) -> None:
    if make_device is DEVICES["gpu"] and host_kernels.COMPILER is None:
        pytest.skip("no C++ compiler for the kernels")
    device = make_device()
    whole, training = begin(device, **options)
    records = finish(training)
    for steps in (0, 1, AN_EPOCH - 1, AN_EPOCH, AN_EPOCH + 1, 2 * AN_EPOCH + 3, 3 * AN_EPOCH):
        _, first = begin(device, **options)
        stop_after(first, steps)
        state = {name: values.copy() for name, values in first.state().items()}
        network, second = begin(device, **options)
        second.restore(state)
        assert second.steps == steps
        rest = finish(second)
        np.testing.assert_array_equal(device.get(network.parameters.vector), device.get(whole.parameters.vector))
        assert figures(rest) == figures(records)[len(records) - len(rest) :]


def test_a_training_that_is_stopped_goes_on_itself() -> None:
    whole, training = begin(Device())
    records = finish(training)
    network, training = begin(Device())
    for steps in (2, 3, AN_EPOCH, 8):
        stop_after(training, steps)
    rest = finish(training)
    assert figures(rest) == figures(records)[1:]
    np.testing.assert_array_equal(network.parameters.vector, whole.parameters.vector)


def test_the_state_is_a_copy_of_no_one_else_s_concern() -> None:
    """Steps after `state` was asked do not change it, where it is kept."""
    _, training = begin(Device())
    stop_after(training, 3)
    state = training.state()
    kept = {name: values.copy() for name, values in state.items()}
    stop_after(training, 4)
    changed = {name for name, values in state.items() if not np.array_equal(values, kept[name])}
    assert changed <= {"parameters", "step/m", "step/v"}  # on the CPU these are the arrays themselves


def test_it_goes_on_on_another_device_from_the_same_parameters_and_order() -> None:
    """Its noise is the other device's own, so costs differ, but little."""
    _, training = begin(Device())
    stop_after(training, 7)
    state = training.state()
    device = Device("strict", xp=strict_cupy, fused=False)
    there, moved = begin(device)
    moved.restore(state)
    np.testing.assert_array_equal(device.get(there.parameters.vector), state["parameters"])
    assert moved.steps == 7
    records = finish(moved)
    assert [record.step for record in records] == [10, 15]
    back, again = begin(Device())
    stop_after(moved, 15)
    again.restore(moved.state())
    assert again.done
    np.testing.assert_array_equal(back.parameters.vector, device.get(there.parameters.vector))


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": np.array(-1)},
        {"epoch": np.array(4)},
        {"epoch": np.array(2)},
        {"costs/steps": np.array(6)},
        {"costs/steps": np.array(-1)},
        {"step/steps": np.array(3)},
        {"waiting": np.array([3, 6])},
    ],
    ids=str,
)
def test_arrays_that_contradict_each_other_are_refused(change: dict[str, np.ndarray]) -> None:
    _, training = begin(Device())
    stop_after(training, 7)
    state = training.state() | change
    _, other = begin(Device())
    with pytest.raises(InputError, match="do not fit this training"):
        other.validate_state(state)


@pytest.mark.parametrize("drawn", [[[140, 8]], [[140, -7]], [[-1, 7]]], ids=str)
def test_draws_that_are_not_the_steps_are_refused(drawn: list) -> None:
    device = Device("strict", xp=strict_cupy, fused=False)
    _, training = begin(device)
    stop_after(training, 7)
    _, other = begin(device)
    with pytest.raises(InputError, match="do not fit this training"):
        other.validate_state(training.state() | {"step/noise/drawn": np.array(drawn)})


# ---- A cost that is no number, or explodes.


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("encoder.2.weight", np.nan, "the parameter encoder.2.weight"),
        ("encoder.1.beta", np.inf, "the parameter encoder.1.beta"),
        ("encoder.1.weight", 3e38, "μ of layer 1"),
        ("combinator.1.a10", np.nan, "the parameter combinator.1.a10"),
        ("combinator.1.a4", 3e38, "ẑ of layer 1"),
        ("decoder.0.weight", -np.inf, "the parameter decoder.0.weight"),
    ],
)
def test_the_layer_where_it_first_appeared_is_named(name: str, value: float, place: str) -> None:
    network, training = begin(Device())
    stop_after(training, 6)
    before = network.parameters.vector.copy()
    network.parameters[name][...] = value
    with pytest.raises(TrainingDivergedError, match=f"in step 7: .*{place}"):
        finish(training)
    network.parameters[name][...] = before.reshape(-1)[0]  # the step changed nothing
    assert training.steps == 7


def test_a_finite_cost_beyond_all_measure_is_an_explosion() -> None:
    network, training = begin(Device())
    stop_after(training, 6)
    network.parameters["combinator.0.a10"][...] += 1e9
    with pytest.raises(TrainingDivergedError, match="in step 7: most of it is the denoising cost of layer 0"):
        finish(training)


def test_batches_of_constant_features_are_no_explosion() -> None:
    """There σ is sqrt(ε), and a squared error 1e10 times as large as elsewhere."""
    network = LadderNetwork((5, 6, 3), denoising_weights=(10, 1, 0.1), seed=3)
    rare = np.where(np.arange(len(X))[:, None] % 23 == 0, X, 0.0)
    settings = TrainingSettings(epochs=20, labeled_batch=4, unlabeled_batch=10, seed=3)
    data = TrainingData(lambda indices: rare[indices].astype("f4"), Y, np.arange(6), np.arange(45))
    finish(Training(network, data, settings))
    assert np.isfinite(network.parameters.vector).all()


def test_a_gpu_finds_an_explosion_in_the_first_epoch_too() -> None:
    device = Device("strict", xp=strict_cupy, fused=False)
    _, training = begin(device, dtype="float64")
    training._rate = lambda steps: 1e9
    with pytest.raises(TrainingDivergedError, match="in epoch 1"):
        training.run_epoch()


@pytest.mark.parametrize("watched", [None, True])
def test_a_gpu_finds_it_when_the_epoch_ends_or_when_it_is_watched(watched: bool | None) -> None:
    device = Device("strict", xp=strict_cupy, fused=False)
    network = LadderNetwork((5, 6, 3), denoising_weights=(10, 1, 0.1), seed=3, device=device)
    data = TrainingData(lambda indices: X[indices].astype("f4"), Y, np.arange(6), np.arange(45))
    training = Training(network, data, SETTINGS, watched)
    stop_after(training, 6)
    network.parameters["encoder.2.weight"][...] = float("nan")
    place = r"step 7: the update in step 6 made the parameter encoder\.2\.weight" if watched else "epoch 2"
    with pytest.raises(TrainingDivergedError, match=place):
        finish(training)
