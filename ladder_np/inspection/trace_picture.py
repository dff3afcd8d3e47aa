"""The picture of a trace: values and gradients by layer. It needs matplotlib, the extra ``plot``."""

import importlib
import math
from collections.abc import Sequence
from typing import Any

from ladder_np.errors import InputError
from ladder_np.inspection.trace import Reading

__all__ = ["draw_trace"]

# Label, names of the readings (no layer has two of them), color (Okabe and Ito's, for color-blind readers), marker.
VALUES = (
    (r"$\tilde{z}$ noisy", ("z_tilde",), "#D55E00", "s"),
    (r"$\tilde{h}$ noisy, activated", ("h_tilde",), "#E69F00", "v"),
    (r"$z$ clean", ("z",), "#000000", "D"),
    (r"$\hat{z}_{BN}$ rebuilt ($\hat{z}$ of the input)", ("z_hat_bn", "z_hat"), "#0072B2", "o"),
)
GRADIENTS = (
    (r"$\tilde{a}$, noisy encoder", ("da_tilde",), "#D55E00", "s"),
    (r"$a$, clean encoder", ("da",), "#000000", "D"),
    (r"$\hat{z}V$, decoder", ("dvertical",), "#0072B2", "o"),
    (r"$W$", ("dW",), "#009E73", "^"),
    (r"$V$", ("dV",), "#CC79A7", "v"),
)


def draw_trace(readings: Sequence[Reading]) -> Any:
    """Return a figure: means with standard deviations on the left, gradients' norms on the right.

    Raises InputError if matplotlib is not installed.
    """
    try:
        figure = importlib.import_module("matplotlib.figure").Figure(figsize=(11, 5.2), layout="constrained")
    except ModuleNotFoundError:
        raise InputError(
            "a picture needs matplotlib, which is not installed; install it with pip install 'ladder-np[plot]'"
        ) from None
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
        axes.grid(alpha=0.3, axis="y")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))  # hides nothing there
    return figure


def _by_layer(readings: Sequence[Reading], names: Sequence[str]) -> dict[int, Reading]:
    """Return each layer's reading of the first name it has, from layer 0 up, where it can be shown."""
    found: dict[int, Reading] = {}
    for name in reversed(names):
        found |= {
            reading.layer: reading for reading in readings if reading.name == name and reading.layer is not None
        }
    return {layer: reading for layer, reading in sorted(found.items()) if _can_be_shown(reading)}


def _can_be_shown(reading: Reading) -> bool:
    """Return whether it is finite and, for the logarithmic axis of norms, not zero."""
    return math.isfinite(reading.mean + reading.std) and reading.norm != 0
