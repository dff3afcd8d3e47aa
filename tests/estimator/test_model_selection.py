"""Cross-validation of partly labeled rows: scores of labeled rows alone, training parts with all unlabeled ones."""

import pickle
from typing import Any

import numpy as np
import pytest
from clouds import TRUTH, X, known, small

from ladder_np import InputError, LabeledScorer, StratifiedLabeledKFold

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra test)")
pd = pytest.importorskip("pandas", reason="pandas is not installed (extra test)")

from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

HALF = np.where(np.arange(len(X)) < 45, TRUTH, -1)
SCORINGS = ("accuracy", "f1_macro", "balanced_accuracy", "neg_log_loss", "roc_auc_ovr", "matthews_corrcoef")


@pytest.mark.parametrize("scoring", SCORINGS)
def test_the_score_is_that_of_the_labeled_rows_whatever_it_measures(scoring: str) -> None:
    model = small().fit(X, HALF)
    labeled = HALF >= 0
    from sklearn.metrics import get_scorer

    expected = get_scorer(scoring)(model, X[labeled], HALF[labeled])
    assert LabeledScorer(scoring)(model, X, HALF) == expected
    scores = cross_val_score(small(), X, HALF, scoring=LabeledScorer(scoring), cv=StratifiedLabeledKFold(3))
    assert np.isfinite(scores).all()
    assert scores.min() > (-0.8 if scoring == "neg_log_loss" else 0.7)


MARKED = {
    "texts": (known(np.array(["a", "b", "c"]), "?"), "?"),
    "objects with None": (np.where(HALF >= 0, np.array(["a", "b", "c"], object)[TRUTH], None), None),
    "numbers with NaN": (np.where(HALF >= 0, TRUTH, np.nan), None),
    "a series of pandas": (pd.Series(np.where(HALF >= 0, TRUTH, 9)), 9),
}


@pytest.mark.parametrize("kind", MARKED)
def test_any_mark_of_a_missing_label_is_told(kind: str) -> None:
    y, mark = MARKED[kind]
    options: dict[str, Any] = {"unlabeled_label": mark}
    scores = cross_val_score(
        small(**options), X, y, scoring=LabeledScorer("f1_macro", **options), cv=StratifiedLabeledKFold(3, **options)
    )
    assert scores.min() > 0.7


def test_folds_divide_the_labeled_rows_and_every_training_part_has_all_others() -> None:
    tested = []
    for train, test in StratifiedLabeledKFold(5, shuffle=True, random_state=0).split(X, HALF):
        assert (HALF[test] >= 0).all()
        assert set(np.flatnonzero(HALF < 0)) <= set(train)
        assert sorted([*train, *test]) == list(range(len(X)))
        assert np.bincount(HALF[test]).tolist() == [3, 3, 3]
        tested += test.tolist()
    assert sorted(tested) == np.flatnonzero(HALF >= 0).tolist()


def test_a_grid_search_over_a_pipeline_with_a_frame_and_several_scores() -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    pipeline = make_pipeline(StandardScaler(), small(scaling="none"))
    search = GridSearchCV(
        pipeline,
        {"ladderclassifier__learning_rate_init": [1e-6, 0.01]},
        scoring=LabeledScorer("neg_log_loss"),
        cv=StratifiedLabeledKFold(3),
    ).fit(frame, HALF)
    assert search.best_params_ == {"ladderclassifier__learning_rate_init": 0.01}
    both = {"f1": LabeledScorer("f1_macro"), "loss": LabeledScorer("neg_log_loss")}
    found = cross_validate(small(), X, HALF, scoring=both, cv=StratifiedLabeledKFold(3))
    assert {"test_f1", "test_loss"} <= set(found)


def test_they_serve_any_estimator_and_any_scorer_and_can_be_sent_to_other_processes() -> None:
    scorer = pickle.loads(pickle.dumps(LabeledScorer(count_rows)))
    model = LogisticRegression().fit(X[:45], TRUTH[:45])
    assert scorer(model, X, HALF) == 45
    assert repr(LabeledScorer("accuracy")) == "LabeledScorer('accuracy', unlabeled_label=-1)"
    folds = pickle.loads(pickle.dumps(StratifiedLabeledKFold(3)))
    assert folds.get_n_splits() == 3
    assert repr(folds) == "StratifiedLabeledKFold(n_splits=3, shuffle=False, random_state=None, unlabeled_label=-1)"


def count_rows(estimator: Any, X: np.ndarray, y: np.ndarray) -> float:
    return len(X)


def test_what_cannot_be_scored_or_split_is_said_in_one_line() -> None:
    model = small().fit(X, HALF)
    with pytest.raises(InputError, match="no test row is labeled, so there is nothing to score"):
        LabeledScorer()(model, X, np.full(len(X), -1))
    with pytest.raises(InputError, match="3 labeled rows in 5 folds: "):
        next(StratifiedLabeledKFold(5).split(X[:9], [0, 1, 2, *[-1] * 6]))


@pytest.mark.parametrize("scoring", ["accurracy", None, 3])
def test_an_unknown_score_is_said_in_one_line(scoring: Any) -> None:
    with pytest.raises(InputError, match=r"expected a scorer, or a name of sklearn\.metrics"):
        LabeledScorer(scoring)(small().fit(X, HALF), X, HALF)
