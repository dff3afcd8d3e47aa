"""How a training went: costs, errors and the learning rate by epoch, and the denoising cost of every layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.plots.style import MODEL_COLORS, Figure, colors, grid, new_figure, styled, thinned
from ladder_np.training.fit import FitHistory

__all__ = ["denoising_costs", "learning_curves"]

MARKED = 20  # so few epochs are shown as points too: a single one is no line
NAMED_LAYERS, NOT_NAMED = 12, "_"  # in the legend; matplotlib leaves names that begin so out of it
DASHES = {LADDER: "-", BASELINE: "--"}


@styled
def learning_curves(histories: Mapping[str, FitHistory]) -> Figure:
    """Draw cost, supervised cost, validation error where there is one, and learning rate of each model by epoch.

    Parameters
    ----------
    histories : mapping of str to FitHistory
        By the model's name.

    Returns
    -------
    matplotlib.figure.Figure
    """
    panels = [
        ("cost C, mean of an epoch's steps", "cost (nats + weighted squared errors)", "cost", 1.0, True),
        ("supervised part of it", "cross-entropy (nats)", "supervised", 1.0, True),
        ("error on the validation rows", "rows with a wrong class (%)", "validation_error", 100.0, False),
        ("learning rate, at the end of the epoch", "Adam's step size", "learning_rate", 1.0, False),
    ]
    if all(np.isnan(history.validation_error).all() for history in histories.values()):
        del panels[2]
        figure = new_figure("Learning curves", 13, 4)
        places = grid(figure, 3, 3)
    else:
        figure = new_figure("Learning curves", 10, 7.2)
        places = grid(figure, 4, 2)
    for axes, (title, unit, column, factor, logarithmic) in zip(places, panels, strict=True):
        for name, history in histories.items():
            style = {"color": MODEL_COLORS[name], "linestyle": DASHES[name], "label": name}
            axes.plot(history.epoch, factor * getattr(history, column), marker=_marker(history), **style)
        if logarithmic:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        _finish(axes, title, unit)
        axes.legend()
    return figure


@styled
def denoising_costs(history: FitHistory, weights: Sequence[float]) -> Figure:
    """Draw the denoising cost of each layer by epoch, as it is and as it counts in the total.

    Parameters
    ----------
    history : FitHistory
    weights : sequence of float
        λ of each layer 0..L.

    Returns
    -------
    matplotlib.figure.Figure
    """
    layers = [layer for layer, weight in enumerate(weights) if weight > 0]
    named = set(thinned(layers, NAMED_LAYERS))
    figure = new_figure("Denoising costs by layer", 10, 4.8)
    plain, weighted = grid(figure, 2, 2)
    marker = _marker(history)
    for layer, color in zip(layers, colors(len(layers)), strict=True):
        cost = history.denoising[:, layer]
        label = f"layer {layer}{' (input)' if layer == 0 else ''}, λ = {weights[layer]:g}"
        plain.plot(history.epoch, cost, color=color, marker=marker, label=label if layer in named else NOT_NAMED)
        weighted.plot(history.epoch, weights[layer] * cost, color=color, marker=marker, label=NOT_NAMED)
    if any(layers):
        plain.axhline(1, color="black", linestyle=":", linewidth=1, label="1: what a constant gets, layers ≥ 1")
    supervised = {"color": "gray", "linestyle": "--", "marker": marker, "label": "supervised cost"}
    weighted.plot(history.epoch, history.supervised, **supervised)
    _finish(plain, "cost of a layer", "mean squared error (layers ≥ 1: of variance 1)")
    _finish(weighted, "what it adds to the total: λ × cost", "part of the cost C")
    for axes in (plain, weighted):
        axes.set_yscale("log")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def _finish(axes: Any, title: str, unit: str) -> None:
    axes.set(title=title, xlabel="epoch", ylabel=unit)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def _marker(history: FitHistory) -> str | None:
    return "." if len(history.epoch) <= MARKED else None
