"""The loop over epochs with validation and early stopping; its history as arrays, as JSON and back."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from ladder_np import InputError, LadderNetwork
from ladder_np.training.fit import FitHistory, complement, fit
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import EpochRecord, Training, TrainingSettings

RECORDS = [
    EpochRecord(1, 7, 0.002, 3.5, 1.5, (2.0, None, 0.5), 0.25, 0.125),
    EpochRecord(2, 14, 0.001, 2.5, 1.25, (1.0, None, 0.25), 0.5),
]


def test_every_field_of_the_records_is_an_array_with_nan_for_none() -> None:
    history = FitHistory.from_records(RECORDS, layers=3)
    assert len(history) == 2
    for name in ("epoch", "step", "learning_rate", "cost", "supervised", "seconds"):
        np.testing.assert_array_equal(getattr(history, name), [getattr(record, name) for record in RECORDS])
    np.testing.assert_array_equal(history.denoising, [[2, np.nan, 0.5], [1, np.nan, 0.25]])
    np.testing.assert_array_equal(history.validation_error, [0.125, np.nan])


@pytest.mark.parametrize("records", [RECORDS, []])
def test_from_its_json_text_it_comes_back(records: list[EpochRecord]) -> None:
    history = FitHistory.from_records(records, layers=3)
    text = json.dumps(history.as_json(), allow_nan=False)
    again = FitHistory.from_json(json.loads(text), layers=3)
    for name, values in vars(history).items():
        np.testing.assert_array_equal(getattr(again, name), values)
        assert getattr(again, name).dtype == values.dtype


def test_a_history_goes_on_with_that_of_a_later_training() -> None:
    both = FitHistory.from_records([], layers=3) + FitHistory.from_records(RECORDS, layers=3)
    both += FitHistory.from_records(RECORDS, layers=3)
    assert both.epoch.tolist() == [1, 2, 3, 4]
    assert both.cost.tolist() == [3.5, 2.5, 3.5, 2.5]


@pytest.mark.parametrize("errors", [[], [0.5, 0.25]])
def test_of_an_older_file_costs_and_errors_are_known_and_stay_so(errors: list[float]) -> None:
    history = FitHistory.from_curves([2.0, 1.0], errors, layers=3)
    again = FitHistory.from_json(history.as_json(), layers=3)
    assert again.epoch.tolist() == [1, 2]
    assert again.cost.tolist() == [2, 1]
    np.testing.assert_array_equal(again.validation_error, errors or [np.nan] * 2)
    assert np.isnan(again.denoising).all()
    assert np.isnan([again.learning_rate, again.supervised, again.seconds]).all()


@pytest.mark.parametrize(
    "change",
    [
        {"cost": None},
        {"cost": float("nan")},
        {"supervised": "1"},
        {"epoch": 1.5},
        {"step": -1},
        {"step": 2**60},
        {"denoising": [1.0, 2.0]},
        {"validation_error": True},
    ],
    ids=str,
)
def test_a_damaged_record_is_refused(change: dict[str, Any]) -> None:
    first, second = FitHistory.from_records(RECORDS, layers=3).as_json()
    with pytest.raises(InputError, match="record 2 is damaged; expected the record of an epoch"):
        FitHistory.from_json([first, {**second, **change}], layers=3)


@pytest.mark.parametrize("records", [None, {}, "[]", 5])
def test_what_is_not_a_list_of_records_is_refused(records: object) -> None:
    with pytest.raises(InputError, match="the history is damaged; expected a list"):
        FitHistory.from_json(records, layers=3)


@pytest.mark.parametrize("rows", [1, 3, 7, 49, 1000, 9_999_991])
def test_the_share_of_right_rows_is_that_of_the_wrong_ones_to_the_last_bit(rows: int) -> None:
    for wrong in {0, rows // 3, rows // 2, 2 * rows // 3, rows - 1, rows}:
        assert complement(wrong / rows) == (rows - wrong) / rows


# ---- The loop.

Y = np.arange(60) % 3
X = np.random.default_rng(0).standard_normal((60, 4)) + 2 * np.eye(4)[Y]


def begin(**settings: Any) -> tuple[LadderNetwork, Training]:
    network = LadderNetwork((4, 6, 3), denoising_weights=(10, 1, 0.1), seed=3)
    data = TrainingData(lambda indices: X[indices].astype("f4"), Y, np.arange(9), np.arange(45))
    return network, Training(network, data, TrainingSettings(**{"epochs": 6, "unlabeled_batch": 15, **settings}))


def test_the_history_is_that_of_the_records_with_the_errors_measured() -> None:
    _, training = begin()
    records: list[EpochRecord] = []
    errors = iter([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    history = fit(training, lambda: next(errors), on_epoch=records.append)
    assert history.validation_error.tolist() == [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    assert history.as_json() == FitHistory.from_records(records, layers=3).as_json()
    assert history.step.tolist() == [3, 6, 9, 12, 15, 18]


def test_the_error_is_measured_with_the_statistics_of_the_rows_learned_from() -> None:
    network, training = begin(epochs=1)
    seen: list[Any] = []
    fit(training, lambda: float(seen.append(network.statistics) or 0.5))
    np.testing.assert_array_equal(seen[0].mu[1], network.statistics.mu[1])


def test_with_patience_it_ends_early_with_the_best_parameters_and_their_statistics() -> None:
    network, training = begin(patience=2)
    errors, vectors = iter([0.5, 0.3, 0.4, 0.3]), []
    history = fit(
        training, lambda: next(errors), on_epoch=lambda record: vectors.append(network.parameters.vector.copy())
    )
    assert len(history) == 4
    np.testing.assert_array_equal(network.parameters.vector, vectors[1])
    short, other = begin()
    other._settings = dataclasses.replace(other._settings, epochs=2)
    fit(other)
    np.testing.assert_array_equal(network.statistics.sigma[2], short.statistics.sigma[2])


def test_without_a_measured_error_patience_changes_nothing() -> None:
    (one, patient), (other, plain) = begin(patience=1), begin()
    fit(patient)
    fit(plain)
    np.testing.assert_array_equal(one.parameters.vector, other.parameters.vector)


@pytest.mark.parametrize("steps", [1, 3, 7, 11])
def test_stopped_by_a_hook_and_restored_elsewhere_it_goes_on_the_same(steps: int) -> None:
    errors = [0.5, 0.3, 0.4, 0.3, 0.2, 0.1]
    whole, training = begin(patience=2)
    expected = fit(training, lambda: errors[training.epoch - 1])
    network, stopped = begin(patience=2)
    states: list[dict[str, np.ndarray]] = []

    def stop() -> None:
        if stopped.steps == steps:
            states.append({name: values.copy() for name, values in stopped.state().items()})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(stopped, lambda: errors[stopped.epoch - 1], on_step=stop)
    network, restored = begin(patience=2)
    restored.validate_state(states[0])
    restored.restore(states[0])
    rest = fit(restored, lambda: errors[restored.epoch - 1])
    np.testing.assert_array_equal(network.parameters.vector, whole.parameters.vector)
    np.testing.assert_array_equal(rest.cost, expected.cost[len(expected) - len(rest) :])


@pytest.mark.parametrize("change", [{"stopping/epoch": np.array(3)}, {"stopping/best_epoch": np.array(2)}], ids=str)
def test_a_state_whose_best_epoch_cannot_be_is_refused(change: dict[str, np.ndarray]) -> None:
    _, training = begin(patience=2, epochs=1)
    fit(training, lambda: 0.5)
    _, other = begin(patience=2, epochs=1)
    with pytest.raises(InputError, match="do not fit this training"):
        other.validate_state({**training.state(), **change})
