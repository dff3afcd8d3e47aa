"""Texts and sparse matrices as X: each row as the dense one of the same numbers; saved with the vocabulary."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clouds import LABELED, TRUTH, Y, known, small

from ladder_np import InputError, LadderClassifier
from ladder_np.data.words import find_vocabulary
from ladder_np.errors import InputWarning

SUBJECTS = (["goal", "team", "match"], ["market", "shares", "bank"], ["chip", "software", "phone"])
rng = np.random.default_rng(0)
TEXTS = [" ".join([*rng.choice(SUBJECTS[k], 4), *rng.choice(["the", "a", "of", "said"], 5)]) for k in TRUTH]
NEW = ["the team said goal", "shares of a bank", "software"]


def fitted(**params: Any) -> LadderClassifier:
    return small(**{"text": "words", **params}).fit(TEXTS, Y)


def dense() -> np.ndarray:
    return np.asarray(find_vocabulary(TEXTS).rows(TEXTS))


def test_few_labeled_texts_are_learned_from() -> None:
    model = fitted()
    assert (model.predict(TEXTS)[LABELED:] == TRUTH[LABELED:]).mean() > 0.9
    assert model.predict(NEW).tolist() == [0, 1, 2]
    assert model.n_features_in_ == 13


def test_texts_are_their_tf_idf_rows_and_sparse_rows_the_dense_ones() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    texts, other = fitted(), small().fit(dense(), Y)
    from_sparse = small().fit(sparse.csc_matrix(dense()), Y)
    for X, model in ((TEXTS, texts), (sparse.csr_matrix(dense()), from_sparse)):
        np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(dense()), atol=1e-5)
        np.testing.assert_array_equal(model.transduction_, other.transduction_)


FORMS = {
    "array": np.array(TEXTS),
    "objects": np.array(TEXTS, object),
    "a column": np.array(TEXTS, object)[:, None],
    "tuple": tuple(TEXTS),
}


@pytest.mark.parametrize("X", FORMS.values(), ids=FORMS)
def test_texts_come_in_any_sequence(X: Any) -> None:
    np.testing.assert_array_equal(small(text="words").fit(X, Y).predict_proba(X), fitted().predict_proba(TEXTS))


def test_a_text_without_a_known_word_gets_the_shares_of_the_classes_and_that_is_said() -> None:
    y = known(np.arange(3), -1)
    y[:9] = 0
    model = small(text="words").fit(TEXTS, y)
    counts = np.array([11, 2, 2])
    with pytest.warns(InputWarning, match="3 of 4 texts hold no known token; they get the shares of the classes"):
        found = model.predict_proba([None, "", "nothing heard", TEXTS[0]])
    np.testing.assert_allclose(found[:3], np.tile((counts + 1) / (counts + 1).sum(), (3, 1)))
    with pytest.warns(InputWarning, match="1 of 1 texts"):
        np.testing.assert_allclose(np.exp(model.predict_log_proba([""])), found[:1])


def test_the_vocabulary_is_saved_with_the_model(tmp_path: Path) -> None:
    model = fitted(text="characters", vocabulary_size=50)
    model.save(tmp_path / "m.npz")
    loaded = LadderClassifier.load(tmp_path / "m.npz")
    assert (loaded.text, loaded.vocabulary_size, loaded.n_features_in_) == ("characters", 50, 50)
    for other in (loaded, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict_proba(NEW), model.predict_proba(NEW))


def test_a_stream_of_texts_keeps_the_vocabulary_of_its_first_call() -> None:
    y = known(np.arange(3), -1)
    y[:60] = TRUTH[:60]
    model = small(text="words", learning_rate_init=0.01)
    for start in [*range(0, 90, 30)] * 15:
        model.partial_fit(TEXTS[start : start + 30], y[start : start + 30], classes=[0, 1, 2])
    assert (model.predict(TEXTS) == TRUTH).mean() > 0.9


def test_early_stopping_and_warm_start_take_texts() -> None:
    model = small(text="words", early_stopping=True, validation_fraction=0.3, warm_start=True)
    model.fit(TEXTS, Y).fit(TEXTS, Y)
    assert model.validation_scores_ is not None


def test_a_pipeline_with_scikit_learns_vectorizer_works() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    pipeline = pytest.importorskip("sklearn.pipeline")
    model = pipeline.make_pipeline(text.TfidfVectorizer(), small()).fit(TEXTS, Y)
    assert model.predict(NEW).tolist() == [0, 1, 2]


BAD = {
    "one text": ("abc", "X is one text; expected a list of texts"),
    "numbers": ([1, 2], "row 0 (counted from 0) is 1; expected a text"),
    "two columns": ([["a", "b"]], "X has the shape (1, 2); expected one text per row"),
    "nothing": ([], "X has 0 rows"),
}


@pytest.mark.parametrize(("X", "message"), BAD.values(), ids=BAD)
def test_what_is_no_text_is_refused(X: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        fitted().predict(X)
    assert message in str(caught.value)


def test_a_kind_of_tokens_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="unknown kind of tokens 'letters'; choose one of words, characters"):
        fitted(text="letters")
