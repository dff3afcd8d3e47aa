import numpy as np
import pytest

from ladder_np import InputError, LadderNetwork, TrainingDivergedError
from ladder_np.training.trainer import EpochRecord, TrainingSettings, device_batches, train

GENERATOR = np.random.default_rng(0)
CENTERS = 2.5 * GENERATOR.standard_normal((3, 6))
Y = np.arange(303) % 3
X = CENTERS[Y] + GENERATOR.standard_normal((303, 6))
LABELED, TRAIN = np.arange(9), np.arange(200)
SETTINGS = TrainingSettings(epochs=4, labeled_batch=6, unlabeled_batch=32, seed=3)


def run(settings: TrainingSettings = SETTINGS, on_epoch: object = None, **options: object) -> tuple:
    network = LadderNetwork((6, 12, 3), **{"denoising_weights": (10, 1, 0.1), "seed": 3, **options})
    records: list[EpochRecord] = []

    def observe(record: EpochRecord) -> None:
        records.append(record)
        if on_epoch:
            on_epoch(network)

    def rows(numbers: np.ndarray) -> np.ndarray:
        return X[numbers].astype(network.specification.numpy_dtype)

    train(network, rows, Y, LABELED, TRAIN, settings, observe)
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
        network.estimate_statistics(lambda: device_batches(network, lambda numbers: X[numbers].astype("f4"), TRAIN))
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


def test_parameters_that_no_cost_reaches_stay_at_their_start() -> None:
    network, _, _ = run(denoising_weights=(0, 0, 1))
    start = LadderNetwork((6, 12, 3), seed=3).parameters
    for name in start:
        untouched = (network.parameters[name] == start[name]).all()
        assert untouched == (name.startswith(("decoder", "combinator")) and "combinator.2" not in name), name


def test_a_cost_that_explodes_stops_the_training_with_one_line() -> None:
    with pytest.raises(TrainingDivergedError, match=r"the cost became (nan|inf) in epoch \d") as caught:
        run(TrainingSettings(epochs=20, learning_rate=1e30))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labeled", "unlabeled", "which"), [(LABELED[:1], TRAIN, "labelled"), (LABELED, TRAIN[:1], "unlabelled")]
)
def test_a_lane_of_one_row_is_refused(labeled: np.ndarray, unlabeled: np.ndarray, which: str) -> None:
    with pytest.raises(InputError, match=f"1 {which} rows: batch normalisation needs at least 2"):
        train(LadderNetwork((6, 3)), lambda numbers: X[numbers], Y, labeled, unlabeled, SETTINGS)


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
    ],
)
def test_settings_that_make_no_sense_are_named(fields: dict) -> None:
    (name,) = fields
    with pytest.raises(InputError, match=f"{name.replace('_', ' ')} .*: expected"):
        TrainingSettings(**fields)
