"""Rows on another scale than those in training are told; fair test rows, few rows and zeros are not."""

import numpy as np
import pytest

from ladder_np.data.ranges import find_range
from ladder_np.data.readers import load_digits

DIGITS = load_digits().X.astype(np.float64)
TRAINING, TEST = DIGITS[:1200], DIGITS[1200:]
TABLE = np.random.default_rng(0).normal(size=(400, 6)) * [1, 10, 100, 1, 5, 0.1] + [0, 50, -20, 3, 0, 7]
OFF = {
    "pixels of 0..1 in place of 0..16": (TRAINING, TEST / 16),
    "pixels of 0..16 in place of 0..1": (TRAINING / 16, TEST),
    "pixels of 0..1 in place of 0..255": (255 / 16 * TRAINING, TEST / 16),
    "a table that was standardized": (TABLE * 1000, (TABLE - TABLE.mean(axis=0)) / TABLE.std(axis=0)),
    "a table in thousandths": (TABLE + 40, 1000 * (TABLE + 40)),
    "shifted by ten deviations": (TABLE[:300], TABLE[300:] + 10 * TABLE.std(axis=0)),
}


@pytest.mark.parametrize("kind", OFF)
def test_another_scale_is_told_with_an_example(kind: str) -> None:
    training, rows = OFF[kind]
    complaint = find_range(training, np.arange(len(training))).complaint(rows)
    assert complaint is not None
    assert "of the features are on another scale than in training: feature" in complaint
    assert "\n" not in complaint


SOME_SHIFTED = np.array([100, 1000, 0, 0, 0, 0])
FAIR = {
    "other rows of the same kind": (TRAINING, TEST),
    "one row": (TRAINING, TEST[:1]),
    "ten rows of one class": (TRAINING, TEST[load_digits().y[1200:] == 3][:10]),
    "rows of one class": (TRAINING, TEST[load_digits().y[1200:] == 1]),
    "a table": (TABLE[:300], TABLE[300:]),
    "three rows of a table": (TABLE[:300], TABLE[300:303]),
    "few rows in training": (TABLE[:20], TABLE[20:]),
    "one feature on another scale": (TABLE[:300], TABLE[300:] * [1, 1, 1000, 1, 1, 1]),
    "one feature of one sparse row": (TABLE, np.eye(6)[:1] * 1e5),
    "nothing but zeros": (TABLE, np.zeros((60, 6))),
    "sparse counts": (np.eye(30)[np.arange(300) % 30] * 5, np.eye(30)[np.arange(60) % 30] * 5),
    "a third of the features shifted": (TABLE[:300], TABLE[300:] + SOME_SHIFTED),
}


@pytest.mark.parametrize("kind", FAIR)
def test_fair_rows_are_not(kind: str) -> None:
    training, rows = FAIR[kind]
    assert find_range(training, np.arange(len(training))).complaint(rows) is None


def test_of_normal_data_no_draw_in_two_hundred_is_told() -> None:
    for seed in range(200):
        generator = np.random.default_rng(seed)
        training, rows = generator.normal(size=(60, 8)), generator.normal(size=(generator.integers(1, 80), 8))
        assert find_range(training, np.arange(60)).complaint(rows) is None


def test_the_range_is_that_of_the_given_rows_alone() -> None:
    found = find_range(np.array([[1.0, 5.0], [9.0, 9.0], [3.0, -2.0]]), np.array([0, 2]))
    np.testing.assert_array_equal([found.low, found.high], [[1, -2], [3, 5]])
    joined = found.joined(find_range(np.array([[2.0, 7.0]]), np.array([0])))
    np.testing.assert_array_equal([joined.low, joined.high], [[1, -2], [3, 7]])
