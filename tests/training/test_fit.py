"""The history of a training: arrays of its epochs, as JSON and back."""

import json
from typing import Any

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.training.costs import EpochRecord
from ladder_np.training.fit import FitHistory

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
