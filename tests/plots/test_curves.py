"""Learning curves and denoising costs are the numbers of the metrics files."""

import json

import numpy as np
import pytest
from picture_runs import lines_of, overlaps, texts

from ladder_np.plots.curves import NAMED_LAYERS, denoising_costs, learning_curves
from ladder_np.training.fit import FitHistory

pytest.importorskip("matplotlib", reason="the extra plot is not installed")


def history(epochs: int, layers: int, validation: bool = True) -> FitHistory:
    """Made-up metrics."""
    generator = np.random.default_rng(epochs)
    epoch = np.arange(1, epochs + 1)
    cost, supervised, rate, error = generator.uniform(0.1, 5, (4, epochs))
    denoising = generator.uniform(0.1, 2, (epochs, layers))
    error = error / 5 if validation else np.full(epochs, np.nan)
    return FitHistory(epoch, 10 * epoch, rate, cost, supervised, denoising, np.ones(epochs), error)


def test_each_line_is_a_column_of_the_metrics(digits, digits_run, digits_figures) -> None:
    axes = digits_figures["learning-curves"].axes
    assert len(axes) == 4
    for name, file in (("supervised only", "baseline-metrics.jsonl"), ("ladder", "metrics.jsonl")):
        lines = [json.loads(line) for line in (digits_run / file).read_text().splitlines()]
        columns = ("cost", 1), ("supervised", 1), ("validation_error", 100), ("learning_rate", 1)
        for panel, (column, factor) in zip(axes, columns, strict=True):
            expected = [[line["epoch"], factor * line[column]] for line in lines]
            np.testing.assert_allclose(lines_of(panel)[name], expected)
    assert [panel.get_yscale() for panel in axes] == ["log", "log", "linear", "linear"]


def test_ladder_and_baseline_have_the_colors_of_the_readme_s_pictures(digits_figures) -> None:
    for panel in digits_figures["learning-curves"].axes:
        assert {line.get_label(): line.get_color() for line in panel.lines} == {
            "supervised only": "#D55E00",
            "ladder": "#0072B2",
        }
        assert [text.get_text() for text in panel.get_legend().get_texts()] == ["supervised only", "ladder"]


def test_a_run_without_validation_rows_has_no_panel_of_their_error(table_figures) -> None:
    assert len(table_figures["learning-curves"].axes) == 3
    assert not any("validation" in text for text in texts(table_figures["learning-curves"]))


def test_a_single_epoch_is_seen_as_a_point_on_a_whole_number() -> None:
    figure = learning_curves({"ladder": history(1, 3)})
    assert overlaps(figure) == []
    for panel in figure.axes:
        assert panel.lines[0].get_marker() == "."
        assert [tick for tick in panel.get_xticks() if tick % 1] == []
    assert learning_curves({"ladder": history(100, 3)}).axes[0].lines[0].get_marker() == "None"


def test_denoising_costs_are_drawn_as_they_are_and_weighted() -> None:
    metrics = history(5, 3)
    figure = denoising_costs(metrics, (1000.0, 0.0, 0.5))
    plain, weighted = figure.axes
    assert (plain.get_yscale(), weighted.get_yscale()) == ("log", "log")
    drawn = lines_of(plain)
    assert set(drawn) == {"layer 0 (input), λ = 1000", "layer 2, λ = 0.5", "1: cost of a constant, layers ≥ 1"}
    np.testing.assert_array_equal(drawn["layer 0 (input), λ = 1000"][:, 1], metrics.denoising[:, 0])
    np.testing.assert_array_equal(drawn["layer 2, λ = 0.5"][:, 1], metrics.denoising[:, 2])
    np.testing.assert_array_equal(weighted.lines[0].get_ydata(), 1000 * metrics.denoising[:, 0])
    np.testing.assert_array_equal(weighted.lines[1].get_ydata(), 0.5 * metrics.denoising[:, 2])
    np.testing.assert_array_equal(lines_of(weighted)["supervised cost"][:, 1], metrics.supervised)
    assert plain.lines[0].get_color() == weighted.lines[0].get_color() != plain.lines[1].get_color()


def test_the_line_of_a_constant_guess_is_not_drawn_for_the_input_alone() -> None:
    assert set(lines_of(denoising_costs(history(5, 3), (1.0, 0.0, 0.0)).axes[0])) == {"layer 0 (input), λ = 1"}


def test_of_many_layers_some_are_named_and_no_text_lies_on_another() -> None:
    figure = denoising_costs(history(30, 40), (1.0,) * 40)
    assert len(figure.axes[0].lines) == 41
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sum(name.startswith("layer") for name in named) == NAMED_LAYERS
    assert "layer 0 (input), λ = 1" in named
    assert "layer 39, λ = 1" in named
    assert overlaps(figure) == []
