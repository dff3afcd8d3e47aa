"""The picture of a comparison: every repeat, means and intervals, and a file."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from ladder_np import Comparison, InputError, LadderClassifier
from ladder_np.plots.comparison import Compared, draw_comparison

LADDER, SUPERVISED = np.array([0.0, 0.25, 0.25, 0.0]), np.array([0.25, 0.25, 0.5, 0.25])


def comparison(**errors):
    errors = {"ladder": LADDER, "supervised only": SUPERVISED, **errors}
    seconds = {name: np.ones(len(values)) for name, values in errors.items()}
    labels = {"a": 10, "b": 6}
    return Comparison(errors, seconds, {}, labels, {"a": 3, "b": 1}, 90, (), LadderClassifier(), 0)


def points(axes):
    """Every dot that is a repeat, (x, y), in percent."""
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    return sorted(
        (round(float(x), 3), round(float(y))) for line in dots for x, y in zip(*line.get_data(), strict=True)
    )


def test_every_repeat_is_a_point_in_both_parts():
    left, right = comparison().plot().axes
    assert points(left) == sorted([(100 * e, 0) for e in LADDER] + [(100 * e, 1) for e in SUPERVISED])
    assert points(right) == sorted((100 * d, 1) for d in SUPERVISED - LADDER)
    assert [label.get_text() for label in left.get_yticklabels()] == ["ladder", "supervised only"]


def test_mean_and_interval_are_those_of_the_table():
    found = comparison()
    right = found.plot().axes[1]
    interval = next(line for line in right.lines if line.get_linewidth() == 3)
    difference = found.differences["supervised only"]
    assert interval.get_xdata() == pytest.approx([100 * difference.low, 100 * difference.high])
    mean = next(line for line in right.lines if line.get_marker() == "D")
    assert mean.get_xdata() == pytest.approx([100 * difference.mean])


def test_equal_values_stand_apart_and_an_unknown_interval_is_not_drawn():
    figure = draw_comparison([Compared("ladder", LADDER), Compared("x", LADDER, np.zeros(4))], ["$ is no formula"])
    right = figure.axes[1]
    (dots,) = [line for line in right.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert len(set(dots.get_ydata())) == 4
    assert all(abs(place - 1) < 0.5 for place in dots.get_ydata())
    assert not [line for line in right.lines if line.get_linewidth() == 3 and len(line.get_xdata())]


def test_a_file_is_written_and_another_name_is_refused(tmp_path):
    comparison().plot(tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"expected a name that ends in \.png"):
        comparison().plot(tmp_path / "c.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["c.png"]
