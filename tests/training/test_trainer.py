import itertools
from typing import Any

import numpy as np
import pytest

from ladder_np import InputError, LadderNetwork, TrainingDivergedError
from ladder_np.network import noise
from ladder_np.network.inference import population_statistics
from ladder_np.network.ladder import Batch, Losses
from ladder_np.rng import Stream, stream
from ladder_np.training import trainer
from ladder_np.training.fit import fit
from ladder_np.training.loader import LabeledCycle, TrainingData, device_batches, unlabeled_batches
from ladder_np.training.step import TrainingStep
from ladder_np.training.trainer import EpochRecord, Training, TrainingSettings

GENERATOR = np.random.default_rng(0)
CENTERS = 2.5 * GENERATOR.standard_normal((3, 6))
Y = np.arange(303) % 3
X = CENTERS[Y] + GENERATOR.standard_normal((303, 6))
LABELED, TRAIN = np.arange(9), np.arange(200)
DATA = TrainingData(lambda indices: X[indices].astype("f4"), Y, LABELED, TRAIN)
SETTINGS = TrainingSettings(epochs=4, labeled_batch=6, unlabeled_batch=32, seed=3)


def run(settings: TrainingSettings = SETTINGS, on_epoch: object = None, **options: object) -> tuple:
    network = LadderNetwork((6, 12, 3), **{"denoising_weights": (10, 1, 0.1), "seed": 3, **options})
    records: list[EpochRecord] = []

    def observe(record: EpochRecord) -> None:
        records.append(record)
        if on_epoch:
            on_epoch(network)

    def rows(indices: np.ndarray) -> np.ndarray:
        return X[indices].astype(network.specification.numpy_dtype)

    fit(Training(network, TrainingData(rows, Y, LABELED, TRAIN), settings), on_epoch=observe)
    return network, records, rows


def test_it_learns_a_problem_that_nine_labels_suffice_for() -> None:
    network, records, rows = run(TrainingSettings(epochs=200, labeled_batch=9, unlabeled_batch=50, seed=0))
    wrong = (network.predict_proba(rows(np.arange(200, 303))).argmax(axis=1) != Y[200:]).mean()
    assert wrong < 0.15
    assert records[-1].cost < records[0].cost / 2


def test_the_same_seed_gives_bit_equal_parameters_and_statistics() -> None:
    (one, records, _), (two, again, _) = run(), run()
    np.testing.assert_array_equal(one.parameters.vector, two.parameters.vector)
    np.testing.assert_array_equal(one.statistics.sigma[2], two.statistics.sigma[2])
    assert [r.cost for r in records] == [r.cost for r in again]
    other, _, _ = run(TrainingSettings(epochs=4, labeled_batch=6, unlabeled_batch=32, seed=4))
    assert (other.parameters.vector != one.parameters.vector).any()


def test_watching_a_training_changes_nothing_of_it() -> None:
    def watch(network: LadderNetwork) -> None:
        network.estimate_statistics(lambda: device_batches(network, DATA, TRAIN))
        network.predict_proba(X[200:])

    watched, _, _ = run(on_epoch=watch)
    alone, _, _ = run()
    np.testing.assert_array_equal(watched.parameters.vector, alone.parameters.vector)


def test_records_have_means_over_the_steps_and_none_for_layers_without_cost() -> None:
    _, records, _ = run(denoising_weights=(5, 0, 0.5), dtype="float64")
    assert [record.epoch for record in records] == [1, 2, 3, 4]
    assert [record.step for record in records] == [7, 14, 21, 28]
    for record in records:
        assert record.denoising[1] is None
        expected = record.supervised + 5 * record.denoising[0] + 0.5 * record.denoising[2]
        assert record.cost == pytest.approx(expected)
        assert record.seconds > 0
    assert records[0].learning_rate == 0.002
    assert 0 < records[-1].learning_rate < 0.0003


def test_the_cost_of_an_epoch_is_the_mean_of_its_steps_own(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[float] = []
    original = TrainingStep.run

    def noted(self: TrainingStep, batch: Batch, rate: float) -> Losses:
        losses = original(self, batch, rate)
        costs.append(float(losses.total))
        return losses

    monkeypatch.setattr(TrainingStep, "run", noted)
    _, records, _ = run()
    assert len(costs) == 28
    for epoch, record in enumerate(records):
        assert record.cost == pytest.approx(np.mean(costs[7 * epoch : 7 * epoch + 7]), rel=1e-6)


def test_parameters_that_no_cost_reaches_stay_at_their_start() -> None:
    network, _, _ = run(denoising_weights=(0, 0, 1))
    start = LadderNetwork((6, 12, 3), seed=3).parameters
    for name in start:
        untouched = (network.parameters[name] == start[name]).all()
        assert untouched == (name.startswith(("decoder", "combinator")) and "combinator.2" not in name), name


def test_a_cost_that_explodes_stops_the_training_with_one_line() -> None:
    with pytest.raises(TrainingDivergedError, match=r"the cost became (nan|inf) in step \d+: ") as caught:
        run(TrainingSettings(epochs=20, learning_rate=1e30))
    assert "\n" not in str(caught.value)


def test_an_infinite_cost_stops_the_training_before_it_is_reported() -> None:
    network = LadderNetwork((6, 12, 3), denoising_weights=(10, 1, 0.1))
    network.parameters["combinator.0.a10"][...] = 1e30  # its square is no float32
    settings = TrainingSettings(epochs=1, unlabeled_batch=200)
    reported: list[EpochRecord] = []
    with pytest.raises(TrainingDivergedError, match=r"the cost became inf in step 1: .* of layer 0"):
        fit(Training(network, DATA, settings), on_epoch=reported.append)
    assert reported == []


@pytest.mark.parametrize(
    ("labeled", "unlabeled", "which"), [(LABELED[:1], TRAIN, "labeled"), (LABELED, TRAIN[:1], "unlabeled")]
)
def test_a_lane_of_one_row_is_refused(labeled: np.ndarray, unlabeled: np.ndarray, which: str) -> None:
    with pytest.raises(InputError, match=f"1 {which} rows: batch normalization needs at least 2"):
        Training(LadderNetwork((6, 3)), TrainingData(DATA.rows, Y, labeled, unlabeled), SETTINGS)


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 0},
        {"epochs": 1.5},
        {"labeled_batch": 1},
        {"unlabeled_batch": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"decay_start": 1.1},
        {"decay_start": float("nan")},
        {"seed": -1},
        {"patience": 0},
        {"patience": True},
        {"patience": 1.5},
    ],
)
def test_settings_that_make_no_sense_are_named(fields: dict) -> None:
    (name,) = fields
    with pytest.raises(InputError, match=f"{name.replace('_', ' ')} .*: expected"):
        TrainingSettings(**fields)


@pytest.mark.parametrize(
    ("weights", "learned_from"), [((10, 1, 0.1), TRAIN), ((0, 0, 1), TRAIN), ((0, 0, 0), LABELED)]
)
def test_the_final_statistics_are_over_exactly_the_rows_that_are_learned_from(
    weights: tuple, learned_from: np.ndarray
) -> None:
    """A network without denoising costs never sees an unlabeled row, in its statistics neither."""
    network, _, rows = run(denoising_weights=weights)
    expected = population_statistics(network.parameters, lambda: iter([rows(learned_from)]))
    for layer in (1, 2):
        np.testing.assert_allclose(network.statistics.mu[layer], expected.mu[layer], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(network.statistics.sigma[layer], expected.sigma[layer], rtol=1e-5)


def test_statistics_of_an_earlier_training_are_gone_when_the_next_begins() -> None:
    network, _, _ = run()
    assert network.statistics is not None
    seen: list[object] = []
    fit(Training(network, DATA, SETTINGS), on_epoch=lambda record: seen.append(network.statistics))
    assert seen == [None] * 4
    assert network.statistics is not None


@pytest.mark.parametrize("count", [2, 1000, 2500])
def test_large_batches_have_each_row_once_in_order(count: int) -> None:
    indices = np.random.default_rng(0).permutation(5 * count)[:count]
    data = TrainingData(lambda chosen: chosen[:, None], Y, LABELED, TRAIN)
    batches = list(device_batches(LadderNetwork((1, 2)), data, indices))
    np.testing.assert_array_equal(np.concatenate(batches)[:, 0], indices)
    assert max(map(len, batches)) <= 1000


@pytest.mark.parametrize(
    ("decay_start", "shares"), [(0, [22 / 28, 15 / 28, 8 / 28, 1 / 28]), (0.5, [1, 1, 16 / 28, 2 / 28]), (1, [1] * 4)]
)
def test_the_rate_falls_from_the_share_of_steps_that_is_asked_for(decay_start: float, shares: list[float]) -> None:
    """Four epochs of seven steps: the k-th step of all has the rate after k − 1."""
    _, records, _ = run(TrainingSettings(epochs=4, unlabeled_batch=32, learning_rate=0.01, decay_start=decay_start))
    assert [record.learning_rate / 0.01 for record in records] == pytest.approx(shares)


def rows_by_epoch() -> list[list[np.ndarray]]:
    """Return the row indices that each epoch of a training asks for, a labeled and an unlabeled batch per step."""
    asked: list[np.ndarray] = []
    epochs: list[list[np.ndarray]] = []

    def rows(indices: np.ndarray) -> np.ndarray:
        asked.append(indices)
        return X[indices].astype("f4")

    def end_epoch(record: EpochRecord) -> None:
        epochs.append(asked.copy())
        asked.clear()

    network = LadderNetwork((6, 12, 3), denoising_weights=(10, 1, 0.1))
    fit(Training(network, TrainingData(rows, Y, LABELED, TRAIN), SETTINGS), on_epoch=end_epoch)
    return epochs


def test_each_epoch_has_the_unlabeled_rows_in_another_order() -> None:
    orders = [np.concatenate(epoch[1::2]) for epoch in rows_by_epoch()]
    assert len(orders) == 4
    for before, after in itertools.pairwise(orders):
        assert (before != after).any()
        assert sorted(before) == sorted(after) == list(TRAIN)


def test_labeled_and_unlabeled_rows_come_in_the_orders_of_their_own_streams() -> None:
    asked = [indices for epoch in rows_by_epoch() for indices in epoch]
    cycle = LabeledCycle(LABELED, SETTINGS.labeled_batch, stream(SETTINGS.seed, Stream.LABELED_ORDER))
    order = stream(SETTINGS.seed, Stream.UNLABELED_ORDER)
    unlabeled = [batch for _ in range(4) for batch in unlabeled_batches(TRAIN, SETTINGS.unlabeled_batch, order)]
    for indices, expected in zip(asked[1::2], unlabeled, strict=True):
        np.testing.assert_array_equal(indices, expected)
    for indices in asked[::2]:
        np.testing.assert_array_equal(indices, cycle.next())


def test_three_streams_of_the_settings_seed_are_asked_for_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple] = []
    for module in (trainer, noise):
        monkeypatch.setattr(module, "stream", lambda *key: asked.append(key) or stream(*key))
    run(TrainingSettings(epochs=2, seed=11))
    asked = [key for key in asked if key[0] == 11]  # the network has a stream of its own, of its own seed
    assert sorted(asked) == [(11, Stream.NOISE), (11, Stream.LABELED_ORDER), (11, Stream.UNLABELED_ORDER)]


def test_the_noise_goes_on_from_step_to_step_in_its_own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, steps, replayed, own = noise.NoiseSource.draw, [], [], []

    def spy(source: noise.NoiseSource, *about: Any) -> noise.Noise:
        if not own:
            own.append(noise.NoiseSource(SETTINGS.seed, source._specification, source._device))
        steps.append(draw(source, *about))
        replayed.append(draw(own[0], *about))
        return steps[-1]

    monkeypatch.setattr(noise.NoiseSource, "draw", spy)
    run()
    assert len(steps) == 28
    for before, after in itertools.pairwise(steps):
        assert (before[0][:30] != after[0][:30]).any()
    for step, expected in zip(steps, replayed, strict=True):
        for draws, again in zip(step, expected, strict=True):
            np.testing.assert_array_equal(draws, again)
