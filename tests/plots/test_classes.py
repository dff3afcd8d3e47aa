"""The confusion matrix and the mistakes beside it."""

import numpy as np
import pytest
from picture_runs import overlaps, texts

from ladder_np.plots.classes import confusion, confusions
from ladder_np.plots.sources import FeatureDisplay, Predictions

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

TABLE = FeatureDisplay(("a", "b $", "c"), None, None)
IMAGES = FeatureDisplay(tuple(map(str, range(16))), 4, 255)


def judged(y, predicted, confidence=None, features=3, rows_name="test rows") -> Predictions:
    y, predicted = np.asarray(y), np.asarray(predicted)
    confidence = np.linspace(0.5, 1, len(y)) if confidence is None else np.asarray(confidence)
    X = np.arange(len(y) * features, dtype=np.float64).reshape(len(y), features)
    return Predictions(rows_name, 100 + np.arange(len(y)), X, y, predicted, confidence)


def cells(axes) -> dict[tuple[int, int], str]:
    """What is written into a matrix, by column and row."""
    return {text.get_position(): text.get_text() for text in axes.texts}


def test_numbers_in_the_cells_are_rows_by_true_and_predicted_class() -> None:
    figure = confusion(judged([0, 0, 0, 1, 2, 2], [0, 1, 1, 1, 0, 2]), np.array([5, 6, 7]), TABLE)
    axes = figure.subfigs[0].axes[0]
    assert cells(axes) == {(0, 0): "1", (1, 0): "2", (1, 1): "1", (0, 2): "1", (2, 2): "1"}
    np.testing.assert_allclose(axes.images[0].get_array(), [[100 / 3, 200 / 3, 0], [0, 100, 0], [50, 0, 50]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "6", "7"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["5", "6", "7"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


@pytest.mark.parametrize("rows_name", ["test rows", "validation rows", "labeled training rows"])
def test_the_title_says_which_rows_and_how_many_are_wrong(rows_name: str) -> None:
    figure = confusion(judged([0, 1, 1], [0, 0, 1], rows_name=rows_name), np.arange(2), TABLE)
    assert f"Predictions for 3 {rows_name}: 1 wrong (33.33 %)" in texts(figure)


def test_the_run_s_errors_are_drawn(digits, digits_figures) -> None:
    counts = {place: int(text) for place, text in cells(digits_figures["confusion"].subfigs[0].axes[0]).items()}
    assert sum(counts.values()) == 599
    wrong = (digits.predictions.y != digits.predictions.predicted).sum()
    assert sum(count for (said, true), count in counts.items() if said != true) == wrong


def test_mistakes_of_a_table_are_rows_the_surest_first() -> None:
    result = judged([0, 0, 1, 1], [1, 0, 0, 0], confidence=[0.6, 1.0, 0.9, 0.75])
    figure = confusion(result, np.array([8, 9]), TABLE)
    (axes,) = figure.subfigs[1].axes
    table = axes.tables[0]
    rows = [[table[row, column].get_text().get_text() for column in range(7)] for row in range(4)]
    assert rows == [
        ["row", "true", "said", "sure (%)", "a", r"b \$", "c"],
        ["102", "9", "8", "90.0", "6", "7", "8"],
        ["103", "9", "8", "75.0", "9", "10", "11"],
        ["100", "8", "9", "60.0", "0", "1", "2"],
    ]


def test_mistakes_of_pixels_are_images_the_surest_first(digits, digits_figures) -> None:
    axes = digits_figures["confusion"].subfigs[1].axes
    judged = digits.predictions
    wrong = np.flatnonzero(judged.predicted != judged.y)
    surest = wrong[np.argsort(-judged.confidence[wrong], kind="stable")][:12]
    assert len(axes) == 12
    for panel, row in zip(axes, surest, strict=True):
        np.testing.assert_array_equal(panel.images[0].get_array(), judged.X[row].reshape(8, 8))
        said, true = judged.predicted[row], judged.y[row]
        assert panel.get_title().startswith(f"said {said} ({100 * judged.confidence[row]:.0f} %)")
        assert panel.get_title().endswith(f"is {true}, row {judged.indices[row]}")


@pytest.mark.parametrize("count", [2, 10, 40])
@pytest.mark.parametrize("features", [TABLE, IMAGES])
def test_without_mistakes_it_says_so(count: int, features: FeatureDisplay) -> None:
    y = np.arange(80) % count
    figure = confusion(judged(y, y, features=len(features.names)), np.arange(count), features)
    assert "no mistakes" in texts(figure)
    assert figure.subfigs[1].axes == []
    assert overlaps(figure) == []


def test_of_many_classes_the_mistakes_are_marks_and_the_most_frequent_are_listed() -> None:
    y, predicted = np.repeat([[3, 7, 999, 5], [900, 8, 0, 5]], [5, 2, 1, 50], axis=1)
    figure = confusion(judged(y, predicted), np.arange(1000), TABLE)
    axes, beside = figure.subfigs[0].axes[:2]
    marks = axes.collections[0]
    assert {tuple(place) for place in marks.get_offsets()} == {(900, 3), (8, 7), (0, 999)}
    np.testing.assert_array_equal(marks.get_array(), [1, 2, 5])  # the most frequent on top
    assert marks.get_sizes().min() >= 9  # seen, whatever the number of classes
    assert "5 × 3 → 900\n2 × 7 → 8\n1 × 999 → 0" in beside.texts[0].get_text()
    assert len(axes.get_xticks()) <= 12


@pytest.mark.parametrize("count", [2, 15, 16, 100, 1000])
@pytest.mark.parametrize("names", [str, lambda number: f"a long class {number:06}"])
def test_texts_do_not_lie_on_each_other_however_many_classes_there_are(count: int, names) -> None:
    generator = np.random.default_rng(count)
    y, predicted = generator.integers(0, count, (2, 2000))
    figure = confusion(judged(y, predicted), np.array([names(number) for number in range(count)]), TABLE)
    assert overlaps(figure) == []


def test_cells_count_rows_without_an_array_of_all_pairs_of_classes() -> None:
    true, said, number = confusions(judged([10**6, 5, 10**6], [5, 5, 5]))
    np.testing.assert_array_equal(true, [5, 10**6])
    np.testing.assert_array_equal(said, [5, 5])
    np.testing.assert_array_equal(number, [1, 2])
