"""The picture of word vectors."""

import csv
from pathlib import Path

import numpy as np
import pytest
from picture_runs import make_run, texts

from ladder_np import InputError
from ladder_np.inspection.embeddings import unit_rows, word_vectors
from ladder_np.plots import PICTURES, ModelSource, RunSource, draw_pictures, word_map
from ladder_np.plots.classes import principal_components
from ladder_np.plots.embeddings import classes_of_words, free_places
from ladder_np.plots.report import draw_pngs
from ladder_np.plots.style import png
from ladder_np.predictor import Predictor

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

SUBJECTS = {"sport": "goal team match coach $x$_1 cup", "money": "market shares bank profit 鸢尾 oil"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on texts of two classes."""
    home, rng = tmp_path_factory.mktemp("texts"), np.random.default_rng(0)
    topics = [list(SUBJECTS)[k % 2] for k in range(200)]
    rows = [[" ".join([*rng.choice(SUBJECTS[t].split(), 3), rng.choice(["the", "a"])]), t] for t in topics]
    with open(home / "news.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "label"], *rows])
    return make_run(home / "run", dataset=str(home / "news.csv"), text_column="text", epochs=20)


@pytest.fixture(scope="module")
def model(run: Path) -> Predictor:
    return Predictor.load(run / "model.npz")


def test_every_word_is_written_where_its_vector_is_or_marked(model: Predictor) -> None:
    figure = word_map(model)
    (axes,) = figure.get_axes()
    tokens = model.vocabulary.tokens
    order = np.argsort(model.vocabulary.weights, kind="stable")
    places, shares = principal_components(unit_rows(word_vectors(model.network)[order]))
    written = {text.get_text(): text.xy for text in axes.texts}
    marked = np.concatenate([np.empty((0, 2)), *(points.get_offsets() for points in axes.collections)])
    assert len(written) + len(marked) == len(tokens)
    for place, token in zip(places, (tokens[k] for k in order), strict=True):
        if token in written:
            np.testing.assert_array_equal(written[token], place)
        else:
            assert (np.abs(marked - place) < 1e-12).all(axis=1).any()
    assert f"({100 * shares[0]:.1f} % of the variance)" in axes.get_xlabel()
    assert figure.get_suptitle() == f"Word vectors: the {len(tokens)} most frequent of {len(tokens)} words"
    assert {"sport", "money"} <= set(texts(figure))


def test_no_written_word_lies_on_another_and_all_lie_inside(model: Predictor) -> None:
    figure = word_map(model)
    png(figure)
    (axes,) = figure.get_axes()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) > 5
    assert not [(k, j) for k, a in enumerate(boxes) for j, b in enumerate(boxes[:k]) if a.overlaps(b)]
    frame = axes.get_window_extent()
    assert all(frame.contains((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in boxes)


def test_only_the_most_frequent_words_are_drawn(model: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladder_np.plots.embeddings.MOST_WORDS", 2)
    (axes,) = word_map(model).get_axes()
    assert {text.get_text() for text in axes.texts} == {"the", "a"}


def test_a_word_has_the_color_of_the_class_that_it_speaks_for(model: Predictor) -> None:
    tokens = model.vocabulary.tokens
    words = np.array([k for k, token in enumerate(tokens) if any(token in w.split() for w in SUBJECTS.values())])
    said = classes_of_words(model, words)
    right = [tokens[word] in SUBJECTS[model.classes[index]].split() for word, index in zip(words, said, strict=True)]
    assert np.mean(right) > 0.9


def test_places_are_free_unless_an_earlier_text_is_there() -> None:
    inches = np.array([[0.0, 0.0], [0.3, 0.0], [0.3, 0.3], [0.3, 0.2], [9.0, 0.0], [9.3, 0.0]])
    assert free_places(inches, ["word", "word", "word", "w", "鸢", "尾尾尾尾"]).tolist() == [1, 0, 1, 0, 1, 0]
    assert free_places(inches[4:], ["a", "bbbb"]).tolist() == [1, 1]
    assert free_places(np.empty((0, 2)), []).tolist() == []


def test_the_picture_is_one_of_a_run_on_texts_and_of_its_model_file(run: Path, model: Predictor) -> None:
    for source in (RunSource(run), ModelSource(run / "model.npz", model)):
        assert "word-vectors" in [picture.name for picture, _ in draw_pictures(source)]
        first, second = (draw_pngs(source, ("word-vectors",)).pngs[0][1] for _ in range(2))
        assert first == second


def test_of_other_models_it_is_not_missed_but_told_where_it_is_named(digits: RunSource) -> None:
    drawn = draw_pictures(digits)
    assert [picture.name for picture, _ in drawn] == [
        picture.name for picture in PICTURES if not (picture.of_texts or picture.of_images)
    ]
    with pytest.raises(InputError, match="nothing to draw: the model was not trained on texts"):
        draw_pngs(digits, ("word-vectors",))
