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


DRAWS = {
    "normal": lambda generator, size: generator.normal(size=size),
    "heavy tails": lambda generator, size: generator.standard_cauchy(size),
    "lognormal": lambda generator, size: np.exp(2 * generator.normal(size=size)),
    "Pareto": lambda generator, size: generator.pareto(1.5, size),
    "counts": lambda generator, size: generator.poisson(0.3, size),
}


@pytest.mark.parametrize("training_rows", [10, 60, 2000])
@pytest.mark.parametrize("kind", DRAWS)
def test_of_rows_drawn_alike_none_of_a_hundred_is_told(kind: str, training_rows: int) -> None:
    for seed in range(100):
        generator = np.random.default_rng(seed)
        training = DRAWS[kind](generator, (training_rows, 6))
        rows = DRAWS[kind](generator, (generator.integers(1, 120), 6))
        assert find_range(training, np.arange(training_rows)).complaint(rows) is None


def test_one_outlier_in_training_hides_nothing_and_makes_no_alarm() -> None:
    spoilt = np.concatenate([TABLE[:300], np.full((1, 6), 1e6)])
    found = find_range(spoilt, np.arange(301))
    assert found.complaint(TABLE[300:]) is None
    assert found.complaint(TABLE[300:] / 1000) is not None


def test_fewer_than_ten_rows_have_no_range() -> None:
    assert find_range(TABLE, np.arange(9)) is None


def test_the_range_is_that_of_the_given_rows_alone() -> None:
    column = np.arange(40.0)[:, None]
    found = find_range(column, np.arange(5, 25))
    np.testing.assert_array_equal([found.low, found.high], [[5], [24]])
    assert found.typical == pytest.approx(np.quantile(np.arange(5, 25), 0.9))
    joined = found.joined(find_range(column, np.arange(2, 12)))
    np.testing.assert_array_equal([joined.low, joined.high], [[2], [24]])


def test_missing_numbers_and_columns_of_texts_say_nothing_about_the_scale():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(60, 3)), rng.integers(0, 3, 60), np.full(60, np.nan)])
    X[::4, 0] = np.nan
    limits = find_range(X, np.arange(60), (None, None, None, ("a", "b", "c"), None))
    assert limits.low[3:].tolist() == limits.high[3:].tolist() == [0, 0]
    np.testing.assert_array_equal(limits.low[:3], np.nanmin(X[:, :3], axis=0))
    new = X.copy()
    new[:, 3] = -1  # texts that were not there in training
    assert limits.complaint(new) is None
    assert "100% of the features are on another scale" in limits.complaint(new * 1000)
