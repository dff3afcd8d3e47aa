"""The picture of a table of results: a point for each run, means, spreads, and what was published."""

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
