"""scikit-learn's own checks of an estimator, and the tools that people put one into; skipped where it is missing."""

import functools
import html
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clouds import TRUTH, X, Y, known, parameters, small

from ladder_np import InputError, LadderClassifier

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra test)")
pd = pytest.importorskip("pandas", reason="pandas is not installed (extra test)")

from sklearn.base import clone, is_classifier  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_classifiers_classes, parametrize_with_checks  # noqa: E402

# scikit-learn exempts its own semi-supervised estimators from this check by their names.
EXPECTED = {
    "check_classifiers_classes": "it has -1 as a class, which marks unlabeled rows unless unlabeled_label differs",
    "check_sample_weight_equivalence_on_dense_data": "of a row that is there twice, each has its batch and noise",
    "check_sample_weight_equivalence_on_sparse_data": "of a row that is there twice, each has its batch and noise",
    "check_class_weight_classifiers": "Adam divides by a gradient's size: rows of weight 1e-7 are learned, too",
}


with warnings.catch_warnings(action="ignore"):  # one: that the class is not derived from scikit-learn's
    every_check = parametrize_with_checks([LadderClassifier()], expected_failed_checks=lambda estimator: EXPECTED)


@pytest.mark.filterwarnings("ignore")
@every_check
def test_it_passes_check_estimator(estimator: LadderClassifier, check: Any) -> None:
    check(estimator)


def test_with_another_mark_it_passes_the_check_with_minus_one_as_a_class_too() -> None:
    check_classifiers_classes("LadderClassifier", LadderClassifier(unlabeled_label=None))


def test_a_clone_is_equal_and_unfitted() -> None:
    model = small(unlabeled_label="?").fit(X, known(np.array(["a", "b", "c"]), "?"))
    other = clone(model)
    assert other.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        other.predict(X)


@pytest.mark.parametrize("loaded", [True, False], ids=["scikit-learn loaded", "not loaded"])
def test_the_error_of_an_unfitted_estimator_is_everybodys(loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not loaded:
        monkeypatch.delitem(sys.modules, "sklearn.exceptions")
    for ask in (lambda m: m.predict(X), lambda m: m.predict_proba(X), lambda m: m.score(X, Y), lambda m: m.save("m")):
        with pytest.raises(InputError, match="this LadderClassifier is not fitted yet; call fit first") as caught:
            ask(LadderClassifier())
        assert isinstance(caught.value, AttributeError)
        assert isinstance(caught.value, NotFittedError) == loaded


# ---- In a notebook.


def test_a_notebook_shows_scikit_learns_diagram() -> None:
    model = small()
    for state, fitted in (("Not fitted", model), ("Fitted", clone(model).fit(X, Y))):
        shown = fitted._repr_mimebundle_(include=None, exclude=None)
        assert shown["text/plain"] == repr(fitted)
        assert "LadderClassifier" in shown["text/html"]
        assert f"<span>{state}</span>" in shown["text/html"]
        assert html.escape(repr(fitted)) in shown["text/html"]
        assert fitted._repr_html_().startswith("<style>")
    assert "LadderClassifier" in make_pipeline(StandardScaler(), model)._repr_html_()


def test_where_texts_are_asked_for_there_is_no_diagram() -> None:
    with sklearn.config_context(display="text"):
        assert small()._repr_mimebundle_() == {"text/plain": repr(small())}
        assert not hasattr(small(), "_repr_html_")


def test_the_text_has_the_changed_parameters_alone() -> None:
    assert repr(LadderClassifier()) == "LadderClassifier()"
    assert repr(LadderClassifier((9,), noise_std=[0.1, 0.2])) == (
        "LadderClassifier(hidden_layer_sizes=(9,), noise_std=[0.1, 0.2])"
    )


# ---- In scikit-learn's tools.


def test_it_is_a_classifier() -> None:
    assert is_classifier(LadderClassifier())


def test_in_a_pipeline_and_cross_validation_unlabeled_rows_train_and_do_not_count() -> None:
    pipeline = make_pipeline(StandardScaler(), small(scaling="none", max_iter=40))
    y = np.where(np.arange(len(X)) % 2, -1, TRUTH)
    scores = cross_val_score(pipeline, X, y, cv=3)
    assert scores.mean() > 0.9
    assert pipeline.fit(X, Y).predict(X).shape == (len(X),)


def test_grid_search_sets_parameters_and_finds_the_better() -> None:
    grid = {"hidden_layer_sizes": [(12, 8), (8,)], "learning_rate_init": [1e-6, 0.01]}
    search = GridSearchCV(small(), grid, cv=2).fit(X, TRUTH)
    assert search.best_params_["learning_rate_init"] == 0.01
    assert search.best_estimator_.score(X, TRUTH) > 0.9


# ---- Data frames.

FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"])
SERIES = {
    "numbers": (pd.Series(Y), -1, [0, 1, 2]),
    "whole numbers, some missing": (pd.Series(Y).replace(-1, pd.NA).astype("Int64"), None, [0, 1, 2]),
    "floats, some missing": (pd.Series(Y, dtype=float).replace(-1, np.nan), None, [0.0, 1.0, 2.0]),
    "texts, some missing": (pd.Series(known(np.array(["x", "y", "z"], object), None)), None, ["x", "y", "z"]),
    "categories, some missing": (
        pd.Series(known(np.array(["x", "y", "z"], object), None)).astype("category"),
        None,
        ["x", "y", "z"],
    ),
    "texts with a mark": (pd.Series(known(np.array(["x", "y", "z"]), "?")), "?", ["x", "y", "z"]),
}


@pytest.mark.parametrize("kind", SERIES)
def test_labels_of_pandas_train_as_arrays_do(kind: str) -> None:
    y, mark, classes = SERIES[kind]
    model = small(unlabeled_label=mark).fit(FRAME, y)
    assert model.classes_.tolist() == classes
    np.testing.assert_array_equal(parameters(model), parameters(small().fit(X, Y)))


@pytest.mark.parametrize("kind", ["Float64", "object"])
def test_a_missing_number_of_a_frame_is_told_by_its_row_and_column(kind: str) -> None:
    frame = FRAME.astype(kind)
    frame.iloc[2, 1] = pd.NA
    with pytest.raises(InputError, match=r"X, row 2, column 'b' \(counted from 0\) is nan; expected finite numbers"):
        small().fit(frame, Y)


def test_a_frames_columns_are_kept_and_compared() -> None:
    model = small().fit(FRAME, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(model.predict(FRAME), model.predict(FRAME.astype(object)))
    with pytest.raises(InputError, match=r"must be in the same order"):
        model.predict(FRAME[["b", "a", "c", "d"]])
    with pytest.raises(InputError, match=r"yet now missing: d\.$"):
        model.predict(FRAME[["a", "b", "c"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but LadderClassifier was fitted without"):
        small().fit(X, Y).predict(FRAME)
    assert not hasattr(model.fit(X, Y), "feature_names_in_")


def warned(ask: Callable[[], Any]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ask()
    return caught


@pytest.mark.parametrize("saved", [False, True], ids=["fitted", "saved and loaded"])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "score", "partial_fit"])
def test_what_is_said_of_names_is_scikit_learns(method: str, saved: bool, tmp_path: Path) -> None:
    """Of an array where there were names, of names where there were none: one warning; else none."""
    path = tmp_path / "model.npz"
    truth = (TRUTH,) if method in ("score", "partial_fit") else ()
    for trained in (FRAME, X):
        model = small(max_iter=1).fit(trained, Y)
        if saved:
            model.save(path)
            model = LadderClassifier.load(path)
        theirs = LogisticRegression().fit(trained, TRUTH)
        for given in (FRAME, X):
            said = warned(functools.partial(getattr(model, method), given, *truth))
            expected = warned(functools.partial(theirs.predict, given))
            assert len(said) == len(expected) == (given is not trained)
            for ours, other in zip(said, expected, strict=True):
                assert str(ours.message) == str(other.message).replace("LogisticRegression", "LadderClassifier")
                assert (ours.category, ours.filename) == (other.category, __file__)


def test_a_saved_models_columns_cannot_be_taken_in_another_order(tmp_path: Path) -> None:
    small(max_iter=1).fit(FRAME, Y).save(tmp_path / "model.npz")
    loaded = LadderClassifier.load(tmp_path / "model.npz")
    assert loaded.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(InputError, match="Feature names must be in the same order as they were in fit"):
        loaded.predict(FRAME[["b", "a", "c", "d"]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [([0, 1, 2, 3], None), (["a", 1, "c", 3], "some column names of X are texts, others not")],
)
def test_columns_without_texts_have_no_names(columns: list[Any], message: str | None) -> None:
    frame = FRAME.set_axis(columns, axis=1)
    if message is None:
        assert not hasattr(small(max_iter=1).fit(frame, Y), "feature_names_in_")
    else:
        with pytest.raises(InputError, match=message):
            small().fit(frame, Y)
