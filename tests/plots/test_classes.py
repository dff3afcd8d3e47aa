"""Pictures of classes: the confusion matrix with the mistakes, and the top hidden layer."""

import numpy as np
import pytest
from picture_runs import overlaps, texts

from ladder_np.plots.classes import confusion, confusions, principal_components, top_hidden_layer
from ladder_np.plots.features import FeatureDisplay, ImageDisplay
from ladder_np.plots.run_data import HiddenLayer, Predictions

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

TABLE = FeatureDisplay(("a", "b $", "c"))
IMAGES = FeatureDisplay(tuple(map(str, range(16))), ImageDisplay((4, 4, 1), 255))


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


@pytest.mark.parametrize("shape", [(2, 6, 3), (9, 4, 1), (4, 3, 3)])
def test_mistakes_of_images_have_their_own_height_width_and_colors(shape: tuple) -> None:
    result = judged([0, 0, 1, 1], [1, 0, 0, 0], confidence=[0.6, 1.0, 0.9, 0.75], features=36)
    features = FeatureDisplay(tuple(map(str, range(36))), ImageDisplay(shape, 255))
    cells = confusion(result, np.arange(2), features).subfigs[1].axes
    for axes, row in zip(cells, (2, 3, 0), strict=True):
        image = result.X[row].reshape(shape)
        expected = image[..., 0] if shape[2] == 1 else image / 255
        np.testing.assert_allclose(axes.images[0].get_array(), expected)


def test_the_channel_of_mistakes_without_colors_is_named() -> None:
    result = judged([0, 0], [1, 1], features=32)
    features = FeatureDisplay(tuple(map(str, range(32))), ImageDisplay((4, 4, 2)))
    result.X[:, 1::2] *= 10
    figure = confusion(result, np.arange(2), features)
    assert "the most confident mistakes, channel 1" in texts(figure)
    np.testing.assert_array_equal(figure.subfigs[1].axes[1].images[0].get_array(), result.X[0, 1::2].reshape(4, 4))


@pytest.mark.parametrize("count", [2, 10, 40])
@pytest.mark.parametrize("features", [TABLE, IMAGES])
def test_without_mistakes_nothing_stands_beside_the_matrix(count: int, features: FeatureDisplay) -> None:
    y = np.arange(80) % count
    figure = confusion(judged(y, y, features=len(features.names)), np.arange(count), features)
    assert "Predictions for 80 test rows: 0 wrong (0.00 %)" in texts(figure)
    assert len(figure.subfigs) == 1  # no empty half
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


# ---- The top hidden layer.


@pytest.mark.parametrize("shape", [(40, 7), (7, 40), (9, 9), (2, 5), (5, 2)])
def test_components_are_those_of_the_singular_value_decomposition(shape: tuple[int, int]) -> None:
    h = np.random.default_rng(0).standard_normal(shape) * 3 + 1
    places, shares = principal_components(h)
    left, singular, right = np.linalg.svd(h - h.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(shares, singular[:2] ** 2 / (singular**2).sum(), atol=1e-12)
    signs = np.sign(right[np.arange(2), np.abs(right[:2]).argmax(axis=1)])
    np.testing.assert_allclose(places, (left * singular)[:, :2] * signs * (singular[:2] > 1e-9), atol=1e-6)


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_large_and_small_values_are_no_trouble(scale: float) -> None:
    h = np.random.default_rng(0).standard_normal((20, 4))
    places, shares = principal_components(h)
    scaled, same = principal_components(h * scale)
    np.testing.assert_allclose(scaled / scale, places, rtol=1e-9)
    np.testing.assert_allclose(same, shares)


def test_one_unit_has_no_second_direction_and_constant_rows_none_at_all() -> None:
    places, shares = principal_components(np.array([[1.0], [3.0], [8.0]]))
    np.testing.assert_allclose(places, [[-3, 0], [-1, 0], [4, 0]])
    np.testing.assert_allclose(shares, [1, 0])
    places, shares = principal_components(np.ones((5, 3)))
    np.testing.assert_array_equal(places, np.zeros((5, 2)))
    np.testing.assert_array_equal(shares, [0, 0])


def some(classes: int, rows: int = 60, labeled: int = 20) -> HiddenLayer:
    generator = np.random.default_rng(classes)
    index = np.arange(rows) % classes
    h = generator.standard_normal((rows, 6)) + 4 * generator.standard_normal((classes, 6))[index]
    return HiddenLayer("training rows", h, index, np.arange(rows) >= rows - labeled)


def draw(top: HiddenLayer, classes: np.ndarray):
    return top_hidden_layer(top, classes)


def test_rows_lie_at_their_components_and_labeled_ones_have_an_edge() -> None:
    top = some(3)
    axes = draw(top, np.array([5, 6, 7])).axes[0]
    places, shares = principal_components(top.h)
    assert len(axes.collections) == 6  # rows without label by class, then labeled ones by class
    for labeled, marks in enumerate((axes.collections[:3], axes.collections[3:])):
        for index, one in enumerate(marks):
            np.testing.assert_allclose(one.get_offsets(), places[(top.labeled == labeled) & (top.classes == index)])
            edges = ([[0, 0, 0, 1]], [0.8]) if labeled else (one.get_edgecolors().tolist(), [0])
            assert (one.get_edgecolors().tolist(), one.get_linewidths().tolist()) == edges
    for labeled, other in zip(axes.collections[3:], axes.collections[:3], strict=True):
        assert (labeled.get_facecolors()[0, :3] == other.get_facecolors()[0, :3]).all()
        assert (labeled.get_paths()[0].vertices == other.get_paths()[0].vertices).all()
    assert axes.get_xlabel() == f"principal component 1 ({100 * shares[0]:.1f} % of the variance)"
    assert axes.get_ylabel() == f"principal component 2 ({100 * shares[1]:.1f} % of the variance)"


def test_few_classes_are_in_the_legend_and_many_in_a_bar() -> None:
    figure = draw(some(3), np.array([5, 6, 7]))
    kinds = ["row without label: predicted class", "labeled row: its class"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == kinds
    legend = figure.axes[0].get_legend()
    assert (legend.get_title().get_text(), [text.get_text() for text in legend.get_texts()]) == (
        "class",
        ["5", "6", "7"],
    )
    figure = draw(some(100, 300), np.arange(100))
    assert figure.axes[0].get_legend() is None
    assert "class, 0 to 99" in texts(figure)


def test_ten_classes_differ_in_color_and_in_marker() -> None:
    handles = draw(some(10), np.arange(10)).axes[0].get_legend().legend_handles
    for look in ("get_color", "get_marker"):
        assert len({getattr(handle, look)() for handle in handles}) == 10


@pytest.mark.parametrize("count", [30, 40])
def test_many_long_names_stay_different_in_the_legend(count: int) -> None:
    names = np.array([f"North-American species no. {number:02} (its long name)" for number in range(count)])
    figure = draw(some(count, 300), names)
    shown = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(set(shown)) == count
    assert max(map(len, shown)) <= 14
    assert overlaps(figure) == []


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_names_of_classes_do_not_lie_on_each_other(classes: int) -> None:
    figure = draw(some(classes, 2000), np.arange(classes))
    from matplotlib.text import Annotation  # `draw` skips where it is not installed

    assert overlaps(figure) == []  # which draws it
    boxes = [name.get_window_extent() for name in figure.findobj(Annotation)]
    assert len(boxes) >= min(classes, 5)
    assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])


def test_names_of_classes_are_letters_not_formulas() -> None:
    figure = draw(some(2), np.array(["$a$", "x" * 40]))
    assert {r"\$a\$", "x" * 13 + "…"} <= set(texts(figure))
    assert overlaps(figure) == []
