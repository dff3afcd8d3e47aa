"""Texts and sparse matrices as X: each row as the dense one of the same numbers; saved with the vocabulary."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clouds import LABELED, TRUTH, Y, known, small

from ladder_np import InputError, LadderClassifier, compare
from ladder_np.data.words import find_vocabulary
from ladder_np.errors import InputWarning
from ladder_np.files import write_npz

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
    texts = fitted()
    same = {"scaling": "common", "labeled_statistics": "own", "denoising_weights": texts.denoising_weights_}
    other = small(**same).fit(dense(), Y)
    from_sparse = small(**same).fit(sparse.csc_matrix(dense()), Y)
    for X, model in ((TEXTS, texts), (sparse.csr_matrix(dense()), from_sparse)):
        np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(dense()), atol=1e-5)
        np.testing.assert_array_equal(model.transduction_, other.transduction_)


def test_texts_have_defaults_of_their_own() -> None:
    model = fitted()
    assert model.scaling_ == "common"
    np.testing.assert_allclose(
        model.denoising_weights_,
        0.03 * np.array([10, 3, *[1] * len(model.denoising_weights_)])[: len(model.denoising_weights_)],
        rtol=1e-3,
    )
    assert model.predictor_.network.specification.labeled_statistics == "own"
    assert small().fit(dense(), Y).predictor_.network.specification.labeled_statistics == "unlabeled"
    streamed = small(text="words").partial_fit(TEXTS, Y)
    assert streamed.predictor_.network.specification.labeled_statistics == "unlabeled"


def test_named_settings_win_over_the_defaults_of_texts() -> None:
    model = fitted(scaling="standardize", labeled_statistics="unlabeled", denoising_weights=2.0)
    assert (model.scaling_, set(model.denoising_weights_)) == ("standardize", {2.0})
    assert model.predictor_.network.specification.labeled_statistics == "unlabeled"


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


def test_the_vocabulary_is_that_of_the_rows_that_are_trained_on() -> None:
    texts, weights = [*TEXTS, "secret word", "secret word"], np.ones(92)
    weights[90:] = 0
    y = np.append(Y, [-1, -1])
    assert "secret" not in small(text="words").fit(texts, y, sample_weight=weights).predictor_.vocabulary.tokens
    assert "secret" in small(text="words").fit(texts, y).predictor_.vocabulary.tokens
    texts = [f"{text} held{k}a held{k}b" if k < 15 else text for k, text in enumerate(TEXTS)]
    texts += [f"held{k}a held{k}b" for k in range(15)]
    stopped = small(text="words", early_stopping=True, validation_fraction=0.4, max_iter=2)
    tokens = stopped.fit(texts, np.append(Y, np.full(15, -1))).predictor_.vocabulary.tokens
    known_labeled = sum(f"held{k}a" in tokens for k in range(15))
    assert known_labeled == 15 - 6  # the words of held-out rows are in one other text alone


@pytest.mark.filterwarnings("ignore:partial_fit. all 20 labeled rows of this call are of one class")
def test_the_shares_of_the_classes_follow_the_labels_of_all_calls() -> None:
    model = small(text="words")
    model.partial_fit(TEXTS[:30], np.full(30, -1), classes=[0, 1, 2])
    with pytest.warns(InputWarning):
        np.testing.assert_allclose(model.predict_proba([""]), 1 / 3)
    model.partial_fit(TEXTS[:30], TRUTH[:30])
    model.partial_fit([TEXTS[2]] * 20, np.full(20, 2))
    with pytest.warns(InputWarning):
        np.testing.assert_allclose(model.predict_proba([""])[0], np.array([11, 11, 31]) / 53)


def test_any_token_comes_back_from_the_file(tmp_path: Path) -> None:
    texts = [f"{text} a\0 b\udc80 \U0001f600" for text in TEXTS]
    model = small(text="characters", vocabulary_size=400).fit(texts, Y)
    model.save(tmp_path / "m.npz")
    loaded = LadderClassifier.load(tmp_path / "m.npz")
    assert loaded.predictor_.vocabulary.tokens == model.predictor_.vocabulary.tokens
    np.testing.assert_array_equal(loaded.predict_proba(texts), model.predict_proba(texts))


DAMAGES = {
    "text/prior": [np.array([5.0, 5.0, 5.0]), np.array([0.5, 0.5, 0.0]), np.array([1.0])],
    "text/weights": [np.zeros(13), np.full(13, 1e308), np.ones(3)],
    "text/ends": [np.arange(13), np.ones(13, np.int64)],
    "text/tokens": [np.zeros(3, np.uint8), np.array(["a"])],
}


@pytest.mark.parametrize(("key", "number"), [(key, k) for key, values in DAMAGES.items() for k in range(len(values))])
def test_a_damaged_vocabulary_is_refused(tmp_path: Path, key: str, number: int) -> None:
    arrays = fitted(max_iter=1).predictor_.as_arrays()
    write_npz(tmp_path / "m.npz", {**arrays, key: DAMAGES[key][number]})
    with pytest.raises(InputError, match="damaged model file"):
        LadderClassifier.load(tmp_path / "m.npz")


@pytest.mark.parametrize("size", [0, 2.5, "3", None, True])
def test_a_size_of_a_vocabulary_that_is_no_number_is_refused(size: Any) -> None:
    with pytest.raises(InputError, match="tokens: expected a whole number from 1"):
        fitted(vocabulary_size=size)


SCIPY = {
    "integers": lambda sparse: sparse.csr_matrix((10 * dense()).astype(int)),
    "booleans": lambda sparse: sparse.csc_matrix(dense() > 0.2),
    "coordinates": lambda sparse: sparse.coo_matrix(dense()),
}


@pytest.mark.parametrize("make", SCIPY.values(), ids=SCIPY)
def test_any_sparse_matrix_is_as_the_dense_one(make: Any) -> None:
    X = make(pytest.importorskip("scipy.sparse"))
    rows = X.toarray().astype(float)
    np.testing.assert_allclose(
        small().fit(X, Y).predict_proba(X), small().fit(rows, Y).predict_proba(rows), atol=1e-6
    )
    result = compare(X, Y, small(max_iter=2), repeats=2, methods=(), variants=False)
    assert result.test_rows == 3
