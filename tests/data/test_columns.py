"""Columns that number the rows: left out without a name, told with one."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from ladder_np.data.columns import index_columns, warn_of_counting
from ladder_np.data.readers import load_table, read_rows
from ladder_np.data.tables import TableOptions
from ladder_np.errors import InputError, InputWarning

X = np.random.default_rng(0).normal(size=(40, 2))


def with_column(column: np.ndarray) -> np.ndarray:
    return np.c_[column, X]


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Unnamed: 0.1", "Unnamed: 12"])
@pytest.mark.parametrize("start", [0, 1, 500])
def test_an_unnamed_column_of_different_whole_numbers_is_an_index(name: str, start: int) -> None:
    shuffled = start + np.random.default_rng(1).permutation(40)
    for column in (start + np.arange(40), shuffled, start + np.arange(40) % 20, start - np.arange(40)):
        assert index_columns(with_column(column), (name, "a", "b")) == [0]


@pytest.mark.parametrize(
    ("name", "column"),
    [("", X[:, 0]), ("Unnamed: 0", np.arange(40) // 2), ("id", np.arange(40))],
)
def test_fractions_repeated_numbers_and_names_are_no_index(name: str, column: np.ndarray) -> None:
    assert index_columns(with_column(column), (name, "a", "b")) == []


def test_a_named_column_that_counts_up_or_down_is_told() -> None:
    with pytest.warns(InputWarning, match="table: 'customer' numbers the rows, as an index or an id does"):
        warn_of_counting(with_column(7 + np.arange(40)), ("customer", "a", "b"), "table")
    with pytest.warns(InputWarning, match=r"X: feature 0 \(counted from 0\) numbers the rows"):
        warn_of_counting(with_column(np.arange(40)), None, "X")
    with pytest.warns(InputWarning, match="feature 0"):
        warn_of_counting(with_column(np.cumsum(np.arange(40) % 3 + 1)), None, "X")  # ids with gaps
    with pytest.warns(InputWarning, match="'rank' numbers the rows"):
        warn_of_counting(with_column(40 - np.arange(40)), ("rank", "a", "b"), "table")


@pytest.mark.parametrize(
    "table",
    [
        with_column(np.arange(40) * 1.5),
        with_column(np.random.default_rng(1).permutation(40)),
        with_column(np.arange(40))[:5],  # five rows count up by chance
        np.arange(40.0)[:, None],  # the only feature: somebody means it
    ],
)
def test_other_columns_are_not(table: np.ndarray) -> None:
    with warnings.catch_warnings(action="error"):
        warn_of_counting(table, None, "X")


def write(path: Path, first: str, start: int = 0) -> Path:
    lines = [f"{start + k},{x:.4f},{y:.4f},{k % 2}" for k, (x, y) in enumerate(X)]
    path.write_text("\n".join([f"{first},a,b,label", *lines]) + "\n")
    return path


@pytest.mark.parametrize("first", ["", "Unnamed: 0"])
def test_a_csv_is_read_without_its_index_in_training_and_for_prediction(tmp_path: Path, first: str) -> None:
    path = write(tmp_path / "t.csv", first)
    with pytest.warns(InputWarning, match="numbers the rows and is left out; give a name to what is a feature"):
        dataset = load_table(path)
    assert dataset.feature_names == ("a", "b")
    np.testing.assert_allclose(dataset.X, X, atol=1e-4)
    with pytest.warns(InputWarning, match="left out"):
        assert read_rows(path).names == ("a", "b")
    known = TableOptions(trained={"a": None, "b": None})
    with warnings.catch_warnings(action="error"):  # a model that was trained without it needs no word about it
        assert read_rows(path, known).names == ("a", "b")


def test_a_column_that_the_model_knows_stays(tmp_path: Path) -> None:
    known = TableOptions(trained=dict.fromkeys(("Unnamed: 0", "a", "b")))
    with warnings.catch_warnings(action="error"):
        rows = read_rows(write(tmp_path / "t.csv", "Unnamed: 0"), known)
    assert (rows.names, rows.X.shape) == (("Unnamed: 0", "a", "b"), (40, 3))


def test_an_unnamed_column_that_is_no_index_needs_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",a,label\n0.5,1,0\n0.7,2,1\n")
    with pytest.raises(InputError, match="column 1 has no name in the header line; name it or drop the column"):
        load_table(path)


def test_an_index_alone_is_not_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Unnamed: 0,label\n" + "".join(f"{k},{k % 2}\n" for k in range(20)))
    with pytest.raises(InputError, match="has no feature beside 'Unnamed: 0', an index"):
        load_table(path)


def test_two_indices_of_a_table_saved_twice_are_named_one_by_one(tmp_path: Path) -> None:
    lines = [f"{k},{40 + k},{x:.4f},{k % 2}" for k, (x, _) in enumerate(X)]
    (tmp_path / "t.csv").write_text("\n".join([",Unnamed: 0,a,label", *lines]) + "\n")
    expected = r"t\.csv: the first column \(without a name\) and 'Unnamed: 0' number the rows and are left out"
    with pytest.warns(InputWarning, match=expected):
        assert load_table(tmp_path / "t.csv").feature_names == ("a",)
