"""Weights on their way through scikit-learn's meta-estimators, with its metadata routing and without scikit-learn."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from clouds import TRUTH, X, Y, parameters, small

from ladder_np import InputError, LabeledScorer, LadderClassifier, StratifiedLabeledKFold

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra test)")

from sklearn.base import clone  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_validate  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.metadata_routing import get_routing_for_object  # noqa: E402

WEIGHTS = np.where(TRUTH == 0, 4.0, 0.5)


@pytest.fixture
def routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def requests_of(model: Any) -> dict[str, dict[str, Any]]:
    """Return what scikit-learn reads of an object, for the methods that this house has."""
    found = get_routing_for_object(model)
    return {method: getattr(found, method).requests for method in ("fit", "partial_fit", "score", "predict")}


def test_a_pipeline_scores_without_metadata(routing: None) -> None:
    """scikit-learn passes `sample_weight=None` on, which is refused where a part does not say that it knows it."""
    pipeline = make_pipeline(StandardScaler(), small()).fit(X, Y)
    assert pipeline.score(X, TRUTH) > 0.9


def test_requests_begin_as_those_of_scikit_learns_own(routing: None) -> None:
    ours, theirs = requests_of(LadderClassifier()), requests_of(LogisticRegression())
    assert ours == {**theirs, "partial_fit": {"classes": None, "sample_weight": None}}
    assert theirs["fit"] == {"sample_weight": None}


def test_requests_are_set_cloned_and_pickled(routing: None) -> None:
    model = small().set_fit_request(sample_weight=True).set_score_request(sample_weight="importance")
    model.set_partial_fit_request(classes=True).set_fit_request()
    expected = {
        "fit": {"sample_weight": True},
        "partial_fit": {"classes": True, "sample_weight": None},
        "score": {"sample_weight": "importance"},
        "predict": {},
    }
    assert requests_of(model) == expected
    for copy in (clone(model), pickle.loads(pickle.dumps(model)), pickle.loads(pickle.dumps(clone(model).fit(X, Y)))):
        assert requests_of(copy) == expected
    assert clone(model).set_fit_request(sample_weight=False) is not model
    assert requests_of(model) == expected


def test_what_is_asked_cannot_be_changed_from_outside(routing: None) -> None:
    model = small().set_fit_request(sample_weight=True)
    model.get_metadata_routing().fit.add_request(param="sample_weight", alias=False)
    assert requests_of(model)["fit"] == {"sample_weight": True}


def test_weights_reach_fit_in_a_pipeline_and_are_refused_unless_asked_for(routing: None) -> None:
    wanted = small(scaling="none").set_fit_request(sample_weight=True)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    fitted = make_pipeline(scaler, wanted).fit(X, Y, sample_weight=WEIGHTS)[-1]
    expected = small(scaling="none").fit(StandardScaler().fit_transform(X), Y, WEIGHTS)
    np.testing.assert_array_equal(parameters(fitted), parameters(expected))
    with pytest.raises(ValueError, match=r"sample_weight.* not explicitly set as requested or not requested"):
        make_pipeline(scaler, small()).fit(X, Y, sample_weight=WEIGHTS)


def test_a_grid_search_passes_weights_to_fit_and_score(routing: None) -> None:
    seen: list[tuple[str, np.ndarray]] = []

    class Noting(LadderClassifier):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Noting":
            seen.append(("fit", sample_weight))
            return super().fit(X, y, sample_weight)

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            seen.append(("score", sample_weight))
            return super().score(X, y, sample_weight)

    model = Noting(**small().get_params()).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    search = GridSearchCV(model, {"max_iter": [1, 2]}, cv=2)
    search.fit(X, TRUTH, sample_weight=np.arange(len(X)) + 1.0)
    assert sorted({(method, len(weights)) for method, weights in seen}) == [("fit", 45), ("fit", 90), ("score", 45)]
    assert len(seen) == 9


def test_the_labeled_scorer_takes_weights(routing: None) -> None:
    scorer = LabeledScorer("accuracy").set_score_request(sample_weight=True)
    model = small().set_fit_request(sample_weight=False)
    options = {"scoring": scorer, "cv": StratifiedLabeledKFold(3), "params": {"sample_weight": WEIGHTS}}
    scores = cross_validate(model, X, Y, return_estimator=True, return_indices=True, **options)
    for fitted, rows, score in zip(scores["estimator"], scores["indices"]["test"], scores["test_score"], strict=True):
        assert score == pytest.approx(fitted.score(X[rows], Y[rows], WEIGHTS[rows]))


def test_the_labeled_scorer_weighs_labeled_rows_alone() -> None:
    model = small(max_iter=2).fit(X, Y)
    weights = np.where(model.predict(X) == TRUTH, 1.0, 3.0)
    labeled = Y >= 0
    expected = model.score(X[labeled], Y[labeled], weights[labeled])
    assert LabeledScorer()(model, X, Y, sample_weight=weights) == pytest.approx(expected)
    assert expected < LabeledScorer()(model, X, Y)


def test_without_routing_weights_go_to_fit_as_before() -> None:
    search = GridSearchCV(small(), {"max_iter": [2]}, cv=2).fit(X, TRUTH, sample_weight=WEIGHTS)
    direct = small(max_iter=2).fit(X, TRUTH, WEIGHTS)
    np.testing.assert_array_equal(parameters(search.best_estimator_), parameters(direct))


def test_while_routing_is_off_a_request_is_refused() -> None:
    with pytest.raises(InputError, match=r"set_fit_request: metadata routing is off; sklearn\.set_config") as caught:
        small().set_fit_request(sample_weight=True)
    assert isinstance(caught.value, RuntimeError)  # scikit-learn's own


def test_nonsense_is_refused_in_one_line(routing: None) -> None:
    for nonsense in ("two words", 3, ["sample_weight"]):
        with pytest.raises(InputError, match=r"set_score_request: sample_weight=.*expected True \(pass it\)"):
            small().set_score_request(sample_weight=nonsense)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword argument 'weight'"):
        small().set_fit_request(weight=True)  # type: ignore[call-arg]


def test_without_scikit_learn_everything_else_works() -> None:
    code = """
import sys
sys.modules["sklearn"] = None  # as if it were not installed
import numpy as np
from ladder_np import InputError, LadderClassifier
X = np.random.default_rng(0).normal(size=(60, 3)); y = np.arange(60) % 2
model = LadderClassifier(max_iter=2, random_state=0).fit(X, y, sample_weight=y + 1.0)
model.predict_log_proba(X), model.score(X, y, y + 1.0), model.summary(), model.history_, repr(model)
assert model._repr_mimebundle_() == {"text/plain": repr(model)}
assert not hasattr(model, "_repr_html_")
for ask in (model.get_metadata_routing, lambda: model.set_fit_request(sample_weight=True)):
    try:
        ask()
    except InputError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == 2 * "metadata routing needs scikit-learn: pip install scikit-learn\n"
