"""The picture of a trace shows its numbers, each in its layer, and nothing where there are none."""

import numpy as np
import pytest

from ladder_np.inspection.trace import Reading, trace_step
from ladder_np.network.specification import Specification
from ladder_np.plots.curves import GRADIENTS, VALUES, trace_by_layer

pytest.importorskip("matplotlib", reason="the extra plot is not installed")


def readings(**options: object) -> list[Reading]:
    specification = Specification((6, 5, 4, 3), **{"denoising_weights": 1.0, "dtype": "float64", **options})
    return trace_step(specification, 6, 9, seed=0)


def test_every_series_is_in_it_with_the_numbers_of_the_trace() -> None:
    found = readings()
    by_name = {(reading.name, reading.layer): reading for reading in found}
    left, right = trace_by_layer(found).axes
    assert [series.get_label() for series in left.containers] == [label for label, *_ in VALUES]
    for series, (_, names, *_) in zip(left.containers, VALUES, strict=True):
        x, y = series.lines[0].get_data()
        layers = np.rint(np.array(x, float)).astype(int)
        expected = [by_name.get((names[0], layer)) or by_name[names[-1], layer] for layer in layers]
        np.testing.assert_array_equal(y, [reading.mean for reading in expected])
        bars = np.array(series.lines[2][0].get_segments())[:, :, 1]
        np.testing.assert_allclose((bars[:, 1] - bars[:, 0]) / 2, [reading.std for reading in expected])
    assert [line.get_label() for line in right.lines] == [label for label, *_ in GRADIENTS]
    for line, (_, names, *_) in zip(right.lines, GRADIENTS, strict=True):
        layers, norms = line.get_data()
        np.testing.assert_array_equal(norms, [by_name[names[0], layer].norm for layer in layers])
    assert [list(line.get_xdata()) for line in right.lines] == [[1, 2, 3], [1, 2, 3], [0, 1, 2], [1, 2, 3], [0, 1, 2]]


def test_titles_and_axes_say_what_is_shown() -> None:
    for axes in trace_by_layer(readings()).axes:
        assert axes.get_title()
        assert axes.get_ylabel()
        assert axes.get_xlabel() == "layer (0: input)"
        assert list(axes.get_xticks()) == [0, 1, 2, 3]


def test_what_was_not_run_or_is_no_number_is_left_out() -> None:
    baseline = trace_by_layer(readings(denoising_weights=0.0))
    assert [series.get_label() for series in baseline.axes[0].containers] == [VALUES[k][0] for k in (0, 1)]
    assert [line.get_label() for line in baseline.axes[1].lines] == [GRADIENTS[k][0] for k in (0, 3)]
    infinite = trace_by_layer(readings(noise_std=1e300))
    assert len(infinite.axes[0].containers) < len(VALUES)
    nothing = trace_by_layer([reading for reading in readings() if reading.name == "z_tilde" and reading.layer == 0])
    assert nothing.axes[1].get_legend() is None
