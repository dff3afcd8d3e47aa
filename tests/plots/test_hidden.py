"""The top hidden layer along its principal components."""

import numpy as np
import pytest
from picture_runs import overlaps, texts

from ladder_np.plots.classes import principal_components, top_hidden_layer
from ladder_np.plots.sources import HiddenLayer


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
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    return top_hidden_layer(top, classes)


def test_rows_lie_at_their_components_and_labeled_ones_have_an_edge() -> None:
    top = some(3)
    axes = draw(top, np.array([5, 6, 7])).axes[0]
    places, shares = principal_components(top.h)
    rows, marked = axes.collections
    np.testing.assert_allclose(rows.get_offsets(), places[:40])
    np.testing.assert_allclose(marked.get_offsets(), places[40:])
    assert marked.get_edgecolors().tolist() == [[0, 0, 0, 1]]
    assert rows.get_linewidths().tolist() == [0]
    colors = marked.get_facecolors()
    for one, other in zip(*np.triu_indices(20, 1), strict=True):
        assert (colors[one] == colors[other]).all() == (top.classes[40 + one] == top.classes[40 + other])
    assert axes.get_xlabel() == f"principal component 1 ({100 * shares[0]:.1f} % of the variance)"
    assert axes.get_ylabel() == f"principal component 2 ({100 * shares[1]:.1f} % of the variance)"


def test_few_classes_are_in_the_legend_and_many_in_a_bar() -> None:
    figure = draw(some(3), np.array([5, 6, 7]))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "row without label: predicted class",
        "labeled row: its class",
        "class 5",
        "class 6",
        "class 7",
    ]
    figure = draw(some(100, 300), np.arange(100))
    assert len(figure.legends[0].get_texts()) == 2
    assert "class, 0 to 99" in texts(figure)


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
    assert {r"\$a\$", "x" * 11 + "…"} <= set(texts(figure))
    assert overlaps(figure) == []
