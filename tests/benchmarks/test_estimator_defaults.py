"""The estimator's defaults are the ones that the recorded validation errors speak for."""

import json
import math
import statistics
from pathlib import Path

import numpy as np
import pytest

from benchmarks.estimator_defaults import (
    CHOSEN,
    SETTINGS,
    TASKS,
    UNEVEN,
    choose_labels,
    describe,
    digits,
    digits_rows,
)
from ladder_np import LadderClassifier
from ladder_np.training.defaults import TABLES

RESULTS = json.loads(
    (Path(__file__).parents[2] / "benchmarks" / "estimator_defaults.json").read_text(encoding="utf-8")
)


def mean(setting: str) -> float:
    return statistics.mean(map(statistics.mean, RESULTS[setting].values()))


def test_the_defaults_are_the_chosen_settings() -> None:
    params = TABLES.resolve(LadderClassifier().get_params(), np.ones(2))
    assert params == {**params, **CHOSEN}
    assert TABLES.lambda_factor == 1


def test_no_recorded_setting_is_better_than_the_chosen_ones_beyond_chance() -> None:
    assert set(RESULTS) == set(SETTINGS)
    for name in set(RESULTS) - {"chosen"}:
        gains = [
            statistics.mean(RESULTS["chosen"][task]) - statistics.mean(RESULTS[name][task]) for task in RESULTS[name]
        ]
        assert statistics.mean(gains) < 2 * statistics.stdev(gains) / math.sqrt(len(gains)), name
    assert (
        mean("chosen")
        < min(map(mean, ("own statistics", "λ 0: supervised only", "the paper's λ, rate, batches"))) - 3
    )


@pytest.mark.parametrize("kind", ["even", "random", "uneven"])
def test_the_chosen_statistics_are_as_good_as_the_papers_however_labels_are_chosen(kind: str) -> None:
    chosen, own = (
        statistics.mean(
            statistics.mean(errors) for task, errors in RESULTS[name].items() if task.endswith(f", {kind}")
        )
        for name in ("chosen", "own statistics")
    )
    assert chosen < own


def test_the_results_are_of_all_tasks() -> None:
    for result in RESULTS.values():
        assert list(result) == [describe(task) for task in TASKS]


def test_no_test_row_of_the_digits_is_among_those_that_choose() -> None:
    choosing, testing = digits_rows()
    assert sorted(np.concatenate([choosing, testing])) == list(range(1797))
    assert len(digits()[0]) == len(choosing) == 1198


def test_labels_are_taken_in_turn_from_each_class() -> None:
    y, rows = np.array([0, 0, 0, 0, 1, 1, 2, 2]), np.array([7, 5, 3, 1, 4, 2, 0])
    known = choose_labels(y, rows, 5, "even")
    assert (known[known >= 0] == y[known >= 0]).all()
    assert np.flatnonzero(known >= 0).tolist() == [1, 3, 4, 5, 7]


def test_uneven_labels_are_six_of_one_class_for_one_of_the_next() -> None:
    y = np.arange(400) % 4
    known = choose_labels(y, np.random.default_rng(0).permutation(400), 56, "uneven")
    counts = np.bincount(known[known >= 0])
    np.testing.assert_allclose(counts[[0, 2]] / counts[[1, 3]], UNEVEN, rtol=0.2)


def test_random_labels_are_the_first_rows_and_one_of_each_class() -> None:
    y = np.r_[np.zeros(50, int), 1]
    rows = np.arange(51)
    assert np.flatnonzero(choose_labels(y, rows, 5, "random") >= 0).tolist() == [0, 1, 2, 3, 50]
