"""Curves: costs, errors and the learning rate by epoch, denoising costs by epoch, values and gradients by layer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.inspection.trace import Reading
from ladder_np.plots.style import OKABE_ITO, Figure, colors, grid, new_figure, styled, thinned
from ladder_np.training.fit import FitHistory

__all__ = ["denoising_costs", "learning_curves", "trace_by_layer"]

MARKED = 20  # up to so many epochs have markers; the line of a single epoch would be invisible
NAMED_LAYERS, NOT_NAMED = 12, "_"  # layers in the legend; matplotlib omits labels that start with _
LINES = {LADDER: {"color": OKABE_ITO[0], "linestyle": "-"}, BASELINE: {"color": OKABE_ITO[1], "linestyle": "--"}}
# Title, label of the y-axis, column of the history, factor, whether the y-axis is logarithmic.
PANELS = (
    ("cost C, mean of an epoch's steps", "cost (nats + weighted squared errors)", "cost", 1.0, True),
    ("supervised part of it", "cross-entropy (nats)", "supervised", 1.0, True),
    ("error on the validation rows", "rows with a wrong class (%)", "validation_error", 100.0, False),
    ("learning rate, at the end of the epoch", "Adam's step size", "learning_rate", 1.0, False),
)
# Columns, width and height in inches, by the number of panels.
LAYOUTS = {1: (1, 6, 4.5), 2: (2, 10, 4.5), 3: (3, 13, 4), 4: (2, 10, 7.2)}
# Of a trace: label, names of the readings (no layer has two of them), color, marker.
VALUES = (
    (r"$\tilde{z}$ noisy", ("z_tilde",), OKABE_ITO[1], "s"),
    (r"$\tilde{h}$ noisy, activated", ("h_tilde",), OKABE_ITO[4], "v"),
    (r"$z$ clean", ("z",), OKABE_ITO[7], "D"),
    (r"$\hat{z}_{BN}$ rebuilt ($\hat{z}$ of the input)", ("z_hat_bn", "z_hat"), OKABE_ITO[0], "o"),
)
GRADIENTS = (
    (r"$\tilde{a}$, noisy encoder", ("da_tilde",), OKABE_ITO[1], "s"),
    (r"$a$, clean encoder", ("da",), OKABE_ITO[7], "D"),
    (r"$\hat{z}V$, decoder", ("dvertical",), OKABE_ITO[0], "o"),
    (r"$W$", ("dW",), OKABE_ITO[2], "^"),
    (r"$V$", ("dV",), OKABE_ITO[3], "v"),
)


@styled
def learning_curves(histories: Mapping[str, FitHistory]) -> Figure:
    """Draw cost, supervised cost, validation error and learning rate of each model per epoch, as far as known.

    Parameters
    ----------
    histories : mapping of str to FitHistory
        By the name of the model.

    Returns
    -------
    matplotlib.figure.Figure
    """
    known = {panel for panel in PANELS for one in histories.values() if not np.isnan(getattr(one, panel[2])).all()}
    panels = [panel for panel in PANELS if panel in known]
    columns, width, height = LAYOUTS[len(panels)]
    figure = new_figure("Learning curves", width, height)
    cells = grid(figure, len(panels), columns)
    for axes, (title, unit, column, factor, logarithmic) in zip(cells, panels, strict=True):
        for name, history in histories.items():
            values = factor * getattr(history, column)
            axes.plot(history.epoch, values, marker=_marker(history), label=name, **LINES[name])
        if logarithmic:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        _label(axes, title, unit)
        axes.legend()
    return figure


@styled
def denoising_costs(history: FitHistory, weights: Sequence[float]) -> Figure:
    """Draw the denoising cost of each layer per epoch, unweighted and as it counts in the total cost.

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
        plain.axhline(1, color="black", linestyle=":", linewidth=1, label="1: cost of a constant, layers ≥ 1")
    supervised = {"color": "gray", "linestyle": "--", "marker": marker, "label": "supervised cost"}
    weighted.plot(history.epoch, history.supervised, **supervised)
    _label(plain, "cost of a layer", "mean squared error (layers ≥ 1: of variance 1)")
    _label(weighted, "its part of the total cost: λ × cost", "part of the cost C")
    for axes in (plain, weighted):
        axes.set_yscale("log")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def _label(axes: Any, title: str, unit: str) -> None:
    axes.set(title=title, xlabel="epoch", ylabel=unit)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def _marker(history: FitHistory) -> str | None:
    return "." if len(history) <= MARKED else None


@styled
def trace_by_layer(readings: Sequence[Reading]) -> Figure:
    """Draw the stages of one step by layer: means with standard deviations, and gradients' norms."""
    figure = new_figure("One step, layer by layer", 11, 5.2)
    left, right = figure.subplots(1, 2)
    for number, (label, names, color, marker) in enumerate(VALUES):
        found = _by_layer(readings, names)
        if found:
            places = [layer + 0.1 * (number - 1.5) for layer in found]  # side by side
            means, stds = [reading.mean for reading in found.values()], [reading.std for reading in found.values()]
            left.errorbar(places, means, stds, fmt=marker, color=color, capsize=3, label=label)
    left.set(title="Values: mean ± standard deviation over rows and units", ylabel="value")
    for label, names, color, marker in GRADIENTS:
        found = _by_layer(readings, names)
        if found:
            norms = [reading.norm for reading in found.values()]
            right.plot(list(found), norms, marker=marker, color=color, linestyle="--", linewidth=1, label=label)
    right.set(title="Gradients of the cost: norms over rows and units", ylabel="norm of dC/d…", yscale="log")
    layers = sorted({reading.layer for reading in readings if reading.layer is not None})
    for axes in (left, right):
        axes.set(xlabel="layer (0: input)", xticks=layers, xlim=(layers[0] - 0.5, layers[-1] + 0.5))
        axes.grid(False, axis="x")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))  # hides nothing there
    return figure


def _by_layer(readings: Sequence[Reading], names: Sequence[str]) -> dict[int, Reading]:
    """Return each layer's reading of the first name it has, from layer 0 up, where it can be shown.

    That is where it is finite and, for the logarithmic axis of norms, not zero.
    """
    found: dict[int, Reading] = {}
    for name in reversed(names):
        found |= {one.layer: one for one in readings if one.name == name and one.layer is not None}
    return {k: one for k, one in sorted(found.items()) if math.isfinite(one.mean + one.std) and one.norm != 0}
