"""The picture of a table of results: a point for each run, means, spreads, and what was published."""

from typing import Any

import numpy as np
import pytest

from ladder_np.plots.results import Drawn, draw_results

pytest.importorskip("matplotlib", reason="the extra plot is not installed")


def test_every_run_is_a_point_and_every_mean_has_its_spread() -> None:
    errors = np.array([1.0, 2.0, 4.0])
    rows = [Drawn("a", errors, (1.5, 0.5)), Drawn("b", np.array([3.0])), Drawn("c", errors, (2.5, None))]
    (axes,) = draw_results(rows).axes
    drawn = [(line.get_marker(), line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines]
    assert ("o", [1.0, 2.0, 4.0], [0, 0, 0]) in drawn
    mean, deviation = errors.mean(), errors.std(ddof=1)
    assert ("None", [mean - deviation, mean + deviation], [0, 0]) in drawn
    assert ("D", [1.5], [0.22]) in drawn
    assert ("None", [1.0, 2.0], [0.22, 0.22]) in drawn
    assert ("D", [2.5], [2.22]) in drawn
    assert sum(marker == "None" for marker, _, places in drawn if places and round(places[0]) == 1) == 0
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    low, high = axes.get_ylim()
    assert low > high  # from top to bottom


def ticks(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def test_errors_over_more_than_a_decade_have_a_logarithmic_axis_with_plain_percent() -> None:
    rows = [Drawn("a", np.array([0.6, 0.7]), (0.5, 0.6)), Drawn("b", np.array([44.0]))]
    (axes,) = draw_results(rows).axes
    assert axes.get_xscale() == "log"
    assert ticks(axes) == ["0.5", "1", "2", "5", "10", "20", "50"]
    low, high = axes.get_xlim()
    assert 0.3 < low < 0.5  # not where the published bar ends, below zero
    assert 44 < high < 100
    assert "logarithmic" in axes.get_xlabel()
    (axes,) = draw_results([Drawn("a", np.array([1.0])), Drawn("b", np.array([10.0]))]).axes
    assert axes.get_xscale() == "linear"
    assert axes.get_xlabel() == "% of the test rows"


def test_what_was_published_counts_for_the_span() -> None:
    (axes,) = draw_results([Drawn("a", np.array([20.0]), (0.9, None))]).axes
    assert axes.get_xscale() == "log"
    assert axes.get_xlim()[0] < 0.9


def test_no_error_at_all_is_the_left_end_of_a_logarithmic_axis() -> None:
    rows = [Drawn("a", np.array([0.0, 0.4])), Drawn("b", np.array([30.0]))]
    figure = draw_results(rows)
    (axes,) = figure.axes
    figure.canvas.draw()
    assert axes.get_xscale() == "symlog"
    assert ticks(axes) == ["0", "0.5", "1", "2", "5", "10", "20"]
    places = axes.transData.transform([[x, 0] for x in (0.0, 0.4, 1.0, 30.0)])[:, 0]
    inside = axes.get_window_extent()
    assert inside.x0 < places[0]
    assert places[-1] < inside.x1
    assert (np.diff(places) > 0.05 * inside.width).all()
    (axes,) = draw_results([Drawn("a", np.array([0.0]))]).axes
    assert axes.get_xscale() == "linear"


def test_a_long_name_is_whole_on_several_lines_which_have_room() -> None:
    settings = (
        "mnist-100-full, hidden layers 1000-500-250-250-250, noise std 0.3,0.2,0.2, epochs 25, learning rate 0.001"
    )
    names = [f"{settings}, 100 labels: {model}" for model in ("supervised only", "ladder")]
    figure = draw_results([Drawn(name, np.array([1.0])) for name in names])
    (axes,) = figure.axes
    labels = axes.get_yticklabels()
    assert [label.get_text().replace("\n", " ") for label in labels] == names
    figure.canvas.draw()
    upper, lower = (label.get_window_extent() for label in labels)
    assert upper.x0 >= 0
    assert lower.y1 < upper.y0


def test_of_a_very_long_name_the_beginning_and_the_end_stay() -> None:
    name = f"digits, denoising weights {', '.join(map(str, range(1000, 1200)))}, 50 labels: ladder"
    (axes,) = draw_results([Drawn(name, np.array([1.0]))]).axes
    lines = axes.get_yticklabels()[0].get_text().split("\n")
    assert len(lines) == 7
    assert lines[0].startswith("digits, denoising weights 1000, ")
    assert lines[3] == "…"
    assert lines[-1].endswith(", 50 labels: ladder")


def test_a_name_from_a_file_is_no_formula() -> None:
    (axes,) = draw_results([Drawn("a $x$\nb\0", np.array([1.0]))]).axes
    assert axes.get_yticklabels()[0].get_text() == r"a \$x\$ b "
