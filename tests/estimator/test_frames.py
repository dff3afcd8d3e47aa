"""Data frames with texts, categories, nullable types and missing cells; `missing` says what becomes of a gap."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clouds import ROWS, TRUTH, Y, small
from clouds import X as POINTS

from ladder_np import InputError, LadderClassifier
from ladder_np.errors import InputWarning
from ladder_np.estimator.fitting import split_table
from ladder_np.estimator.input import read_table

COLORS = np.array(["red", "blue", "green"])[TRUTH]
FRAME = pd.DataFrame(POINTS[:, :2], columns=["length", "width"]).assign(color=COLORS)


def with_gaps() -> pd.DataFrame:
    frame = FRAME.copy()
    frame.loc[::9, "length"] = np.nan
    frame.loc[4::9, "color"] = None
    return frame


def fitted(frame: pd.DataFrame = FRAME, **params: Any) -> LadderClassifier:
    return small(**params).fit(frame, Y)


def test_columns_of_texts_are_learned_from() -> None:
    model = fitted()
    assert model.n_features_in_ == 3
    assert model.feature_names_in_.tolist() == ["length", "width", "color"]
    assert model.predictor_.network.specification.sizes[0] == 5
    assert (model.predict(FRAME) == TRUTH).mean() > 0.9
    # The color alone tells the class.
    other = FRAME.assign(length=FRAME["length"].mean(), width=FRAME["width"].mean())
    assert (model.predict(other) == TRUTH).mean() > 0.9


SAME = {
    "categories": lambda frame: frame.assign(color=frame["color"].astype("category")),
    "pandas' texts": lambda frame: frame.assign(color=frame["color"].astype("string")),
    "nullable numbers": lambda frame: frame.assign(length=frame["length"].astype("Float64")),
    "objects": lambda frame: frame.astype(object),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
def test_the_type_that_a_frame_keeps_its_cells_in_changes_nothing(change: Callable, gaps: bool) -> None:
    frame, params = (with_gaps(), {"missing": "mean"}) if gaps else (FRAME, {})
    model, other = fitted(frame, **params), fitted(change(frame), **params)
    np.testing.assert_array_equal(model.predict_proba(frame), other.predict_proba(frame))
    np.testing.assert_array_equal(model.predict_proba(change(frame)), model.predict_proba(frame))


def test_a_frame_of_booleans_and_nullable_whole_numbers_is_one_of_numbers() -> None:
    frame = pd.DataFrame({"a": pd.array((10 * POINTS[:, 0]).astype(int), dtype="Int64"), "b": POINTS[:, 1] > 0})
    numbers = np.column_stack([(10 * POINTS[:, 0]).astype(int), POINTS[:, 1] > 0]).astype(float)
    np.testing.assert_array_equal(fitted(frame).predict_proba(frame), small().fit(numbers, Y).predict_proba(numbers))


def test_missing_cells_are_refused_unless_the_mean_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"row 0, column 'length' .* is nan; .*; or fit with missing='mean'"):
        fitted(with_gaps())
    with pytest.raises(InputError, match=r"missing='median': expected 'error' or 'mean'"):
        fitted(missing="median")


def test_a_missing_number_is_the_mean_and_is_told_to_the_network() -> None:
    gaps = POINTS.copy()
    gaps[::9, 0] = np.nan
    model = small(missing="mean").fit(gaps, Y)
    filled = np.where(np.isnan(gaps), np.nanmean(gaps, axis=0), gaps)
    by_hand = np.column_stack([filled[:, 0], np.isnan(gaps[:, 0]), filled[:, 1:]])
    other = small().fit(by_hand, Y)
    np.testing.assert_allclose(model.predict_proba(gaps), other.predict_proba(by_hand), atol=1e-6)


def test_no_text_is_the_mean_of_others_and_an_unknown_one_is_told() -> None:
    model = fitted()
    with pytest.warns(InputWarning, match="90 cells of 'color' hold texts that were not there in training"):
        model.predict(FRAME.assign(color="violet"))


def test_gaps_in_new_rows_of_a_column_that_had_none_are_told() -> None:
    model = fitted(with_gaps(), missing="mean")
    with pytest.warns(InputWarning, match="90 numbers of 'width' are missing, none was in training"):
        model.predict(FRAME.assign(width=np.nan))


def test_the_treatment_of_columns_is_saved_with_the_model(tmp_path: Path) -> None:
    frame = with_gaps()
    model = fitted(frame, missing="mean")
    model.save(tmp_path / "m.npz")
    loaded = LadderClassifier.load(tmp_path / "m.npz")
    assert loaded.missing == "mean"
    for other in (loaded, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict_proba(frame), model.predict_proba(frame))
    assert "'color' as 3 indicators" in " ".join(loaded.summary().split())


def test_a_stream_keeps_the_columns_of_its_first_call() -> None:
    frame, y = with_gaps(), Y.copy()
    y[:45] = TRUTH[:45]
    model = small(missing="mean")
    for start in [*range(0, ROWS, 18)] * 20:
        model.partial_fit(frame[start : start + 18], y[start : start + 18], classes=[0, 1, 2])
    width = model.predictor_.network.specification.sizes[0]
    assert width == 3 + 3  # the first call had gaps in one column of numbers
    assert (model.predict(frame) == TRUTH).mean() > 0.9


def test_a_stream_that_begins_without_gaps_may_get_some() -> None:
    model = small(missing="mean").partial_fit(POINTS[:45], TRUTH[:45], classes=[0, 1, 2])
    gaps = POINTS[45:].copy()
    gaps[0, 0] = np.nan
    with pytest.warns(InputWarning, match="1 numbers of 'column 0' are missing, none was in training"):
        model.partial_fit(gaps, TRUTH[45:])


def test_texts_that_arrive_as_numbers_are_the_same_texts() -> None:
    frame = FRAME.assign(color=np.array(["1", "2", "3"])[TRUTH])
    model = fitted(frame)
    for numbers in (TRUTH + 1, (TRUTH + 1).astype(float), pd.array(TRUTH + 1, dtype="Int64")):
        np.testing.assert_array_equal(model.predict_proba(frame.assign(color=numbers)), model.predict_proba(frame))
    mixed = fitted(FRAME.assign(color=np.array(["one", "two", 3], object)[TRUTH]))
    some = FRAME.assign(color=np.array(["one", "two", 3], object)[TRUTH])[TRUTH == 2].infer_objects()
    np.testing.assert_allclose(
        mixed.predict_proba(some), mixed.predict_proba(some.assign(color=some["color"].astype(object))), atol=1e-12
    )


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_an_array_has_no_columns_of_texts() -> None:
    with pytest.raises(InputError, match="was trained on columns of texts; give a data frame, not an array"):
        fitted().predict(np.zeros((3, 3)))


@pytest.mark.parametrize("mark", ["NA", "None", " ", "?", "nan"])
def test_what_is_missing_in_a_file_is_missing_in_a_frame(mark: str) -> None:
    frame = FRAME.assign(color=np.where(TRUTH == 0, mark, COLORS))
    gaps = FRAME.assign(color=np.where(TRUTH == 0, None, COLORS))
    with pytest.raises(InputError, match="is nan"):
        fitted(frame)
    np.testing.assert_array_equal(
        fitted(frame, missing="mean").predict_proba(gaps), fitted(gaps, missing="mean").predict_proba(frame)
    )


def test_blanks_around_a_text_do_not_make_another() -> None:
    np.testing.assert_array_equal(
        fitted(FRAME.assign(color=" " + FRAME["color"])).predict_proba(FRAME), fitted().predict_proba(FRAME)
    )


def test_missing_says_alone_whether_gaps_are_taken() -> None:
    with pytest.raises(InputError, match="is nan"):
        fitted().predict(with_gaps())
    whole = (10 * POINTS).astype(int)
    gaps = whole.astype(float)
    gaps[0, 0] = np.nan
    with pytest.warns(InputWarning, match="1 numbers of 'column 0' are missing"):
        small(missing="mean").fit(whole, Y).predict(gaps)


def test_a_report_takes_what_the_model_takes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from ladder_np.plots import draw_picture, write_report

    model = fitted(with_gaps(), missing="mean")
    write_report(model, tmp_path / "r.html", with_gaps(), TRUTH)
    wrong = (TRUTH + 1) % 3
    figure = draw_picture(model, "confusion", with_gaps(), wrong)
    cells = [cell for axes in figure.axes for table in axes.tables for cell in table.get_celld().values()]
    assert {cell.get_text().get_text() for cell in cells} & {"red", "blue", "green"}


def test_what_stands_for_a_missing_number_is_found_on_the_rows_that_are_trained_on() -> None:
    gaps = POINTS.copy()
    gaps[::9, 0] = np.nan
    model = small(missing="mean", early_stopping=True, validation_fraction=0.4, random_state=0)
    table = read_table(gaps, Y, -1, "LadderClassifier", None, missing=True)
    held_out = split_table(model.get_params(), table, seed=0).validation
    assert len(held_out) > 0
    mean = model.fit(gaps, Y).predictor_.scaling.encoding.means[0]
    assert mean == pytest.approx(np.nanmean(np.delete(gaps[:, 0], held_out)), rel=1e-12)
    assert mean != pytest.approx(np.nanmean(gaps[:, 0]), rel=1e-6)


BAD = {
    "dates": (FRAME.assign(length=pd.Timestamp("2020-01-01")), "column 'length' is of type datetime64"),
    "a list in a cell": (
        FRAME.assign(length=[[1]] * ROWS),
        "column 'length', row 0 (counted from 0) is [1]; expected a",
    ),
    "an id": (
        FRAME.assign(color=[f"A{k}" for k in range(ROWS)]),
        "'color' holds 90 different texts ('A0', 'A1', 'A10', ",
    ),
    "one text": (
        FRAME.assign(length=[*FRAME["length"][:-1], "big"]),
        "column 'length', row 89 (counted from 0) is 'big'; expected a number as in other rows, or None where it is",
    ),
}


@pytest.mark.parametrize(("frame", "message"), BAD.values(), ids=BAD)
def test_cells_that_are_no_features_are_refused_by_row_and_column(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError) as caught:
        fitted(frame)
    assert message in str(caught.value)


def test_a_text_in_a_column_of_numbers_is_refused_in_prediction() -> None:
    with pytest.raises(InputError, match=r"column 'width', row 0 \(counted from 0\) is 'x'; expected a number"):
        fitted().predict(FRAME.assign(width="x"))


def test_a_text_in_an_array_is_told_by_row_and_column() -> None:
    X = np.array([[1.0, 2.0], [3.0, "?"], [5.0, 6.0], [7.0, 8.0]], dtype=object)
    with pytest.raises(InputError, match=r"X, row 1, column 1 \(counted from 0\) is '\?'; expected a number"):
        small().fit(X, [0, 1, 0, 1])
