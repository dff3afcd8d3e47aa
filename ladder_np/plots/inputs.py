"""Inputs as the network sees them: clean, with noise, and rebuilt by the decoder."""

import math
from typing import Any

import numpy as np

from ladder_np.plots.rows import Features, Noisy
from ladder_np.plots.style import OKABE_ITO, Figure, grid, new_figure, plain, styled
from ladder_np.predictor import Predictor

__all__ = ["choose_rows", "rebuilt_inputs", "show_image"]

IMAGES, PROFILES = 10, 6  # shown
NAMED_FEATURES = 10  # on an axis


@styled
def rebuilt_inputs(predictor: Predictor, rows: Noisy, features: Features) -> Figure:
    """Draw some rows clean, noisy and rebuilt: pixels as images, other features as lines.

    Parameters
    ----------
    predictor : Predictor
    rows : Noisy
        Of a network that denoises its input.
    features : Features

    Returns
    -------
    matplotlib.figure.Figure
    """
    state = rows.state
    x, x_tilde, x_hat = state.batch.x_unlabeled, state.decoded[0].z_tilde, state.decoded[0].z_hat
    probabilities = state.classified.p[state.passes.rows[-1].unlabeled]
    noise, left = (float(np.mean((other - x) ** 2)) for other in (x_tilde, x_hat))
    title = f"{len(x)} training rows: mean squared error {noise:.3g} noisy, {left:.3g} rebuilt"
    chosen = choose_rows(probabilities.argmax(axis=1), IMAGES if features.side else PROFILES)
    kinds = {"clean": x[chosen], "noisy": x_tilde[chosen], "rebuilt": x_hat[chosen]}
    if features.side:
        scaling = predictor.scaling
        raw = {kind: values / scaling.scale + scaling.shift for kind, values in kinds.items()}
        return _draw_images(title, raw, rows.numbers[chosen], features)
    return _draw_profiles(title, kinds, rows.numbers[chosen], features)


def choose_rows(classes: np.ndarray, most: int) -> np.ndarray:
    """Return positions of at most so many rows, as many kinds among them as can be."""
    turn = np.zeros(len(classes), np.int64)  # how many rows of its class come before a row
    for number in np.unique(classes):
        of_class = np.flatnonzero(classes == number)
        turn[of_class] = np.arange(len(of_class))
    return np.lexsort((classes, turn))[:most]


def show_image(axes: Any, row: np.ndarray, features: Features) -> None:
    """Draw one row of square pixels: 0 black, the largest white."""
    axes.imshow(
        row.reshape(-1, math.isqrt(len(row))), cmap="gray", vmin=0, vmax=features.maximum, interpolation="nearest"
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(False)


def _draw_images(title: str, kinds: dict[str, np.ndarray], numbers: np.ndarray, features: Features) -> Figure:
    figure = new_figure(title, 10, 3.6)
    axes = grid(figure, len(kinds) * len(numbers), len(numbers))
    for place, (kind, images) in enumerate(kinds.items()):
        line = axes[place * len(numbers) : (place + 1) * len(numbers)]
        line[0].set_ylabel(kind)
        for cell, image, number in zip(line, images, numbers, strict=True):
            show_image(cell, image, features)
            if place == 0:
                cell.set_title(f"row {number}", fontsize=8)
    return figure


def _draw_profiles(title: str, kinds: dict[str, np.ndarray], numbers: np.ndarray, features: Features) -> Figure:
    figure = new_figure(title, 10, 6.5)
    panels = grid(figure, len(numbers), PROFILES // 2)
    places = np.arange(len(features.names))
    few = len(places) <= NAMED_FEATURES
    size, width = (5.0, 1.5) if few else (3.0, 0.8)
    styles: dict[str, dict[str, Any]] = {
        "clean": {"color": "black", "linewidth": 2 * width, "alpha": 0.3, "marker": "o" if few else None},
        "noisy": {"color": OKABE_ITO[1], "linestyle": "none", "marker": "x" if few else "."},
        "rebuilt": {"color": OKABE_ITO[0], "linewidth": width, "marker": "."},
    }
    for position, (axes, number) in enumerate(zip(panels, numbers, strict=True)):
        for kind, rows in kinds.items():
            axes.plot(places, rows[position], label=kind, markersize=size, **styles[kind])
        axes.sharey(panels[0])
        axes.set(title=f"row {number}", ylabel="scaled value")
        if few:
            axes.set_xticks(
                places, [plain(name, 14) for name in features.names], rotation=45, ha="right", rotation_mode="anchor"
            )
            axes.margins(x=0.1)
        else:
            axes.set_xlabel("feature (number)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
