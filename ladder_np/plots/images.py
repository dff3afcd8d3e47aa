"""Pictures of networks whose input is images: filters, feature maps, and what the decoder rebuilds at every level.

Inputs are drawn as raw pixels. Other values of the network have no color of their own: one channel is a gray image,
in which black and white are the ends of what is drawn there. Filters of three channels are drawn in color.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.network.inference import encode_clean
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.passes import Decoded
from ladder_np.plots.decoder import choose_rows
from ladder_np.plots.features import COLORS, ImageDisplay, as_raw, channels_by_variation
from ladder_np.plots.run_data import NoisyPass, NothingToDrawError, PlotData, evenly_spaced
from ladder_np.plots.style import (
    Figure,
    balanced,
    cell_size,
    explain_images,
    grid,
    limits,
    new_figure,
    show_image,
    styled,
    thinned,
)
from ladder_np.predictor import Predictor

__all__ = ["FeatureMaps", "encode_images", "feature_maps", "filters", "rebuilt_layers"]

MOST_FILTERS, FILTER_COLUMNS = 64, 16
MOST_LAYERS = 8
MAPPED_ROWS = 3  # whose feature maps are drawn
CHANNELS = 4  # of a layer, for each of the images whose feature maps are drawn
IMAGES = 8  # whose layers are rebuilt
CELL = 0.85  # of a square image, in inches


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """Some images, and what each spatial layer above them makes of them without noise."""

    rows_name: str  # see `PlotData`
    indices: np.ndarray  # (n,): of the rows in X
    X: np.ndarray  # (n, d_0): their raw pixels
    layers: dict[int, np.ndarray]  # h by layer, (n, height, width, channels)


def encode_images(predictor: Predictor, data: PlotData) -> FeatureMaps:
    """Return what every spatial layer makes of a few evenly spaced rows.

    Raises NothingToDrawError if no layer above the input is spatial.
    """
    network, indices = predictor.network, evenly_spaced(data.split.train, MAPPED_ROWS)
    shapes = {layer.index: layer.shape for layer in resolve(network.specification)[1:] if len(layer.shape) == 3}
    if not shapes:
        raise NothingToDrawError("no layer above the input is spatial")
    X = data.dataset.X[indices]
    x = predictor.scaling.apply(X, np.float64)
    layers = {
        index: encode_clean(network.parameters, predictor.statistics, x, index).reshape(-1, *shape)
        for index, shape in shapes.items()
    }
    return FeatureMaps(data.rows_name, indices, X, layers)


@styled
def filters(predictor: Predictor) -> Figure:
    """Draw the weights of the first layer, if it is a convolution of the input.

    Parameters
    ----------
    predictor : Predictor

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NothingToDrawError
        If the first layer is of another kind.
    """
    network = predictor.network
    first = network.parameters.layers[1].W
    if first is None or first.ndim != 4:
        raise NothingToDrawError("the first layer is not a convolution")
    W = network.device.get(first)
    images = [W[..., f] for f in range(W.shape[3])]
    if W.shape[2] != COLORS:
        images = [W[:, :, c, f] for f in range(W.shape[3]) for c in range(W.shape[2])]
    chosen = thinned(images, MOST_FILTERS)
    size, of = f"{W.shape[0]}x{W.shape[1]}", "" if W.shape[2] in (1, COLORS) else ", one image for each channel below"
    some = f"{len(chosen)} of {len(images)}" if len(chosen) < len(images) else f"{len(images)}"
    columns = balanced(len(chosen), FILTER_COLUMNS)
    height = 0.8 + CELL * -(-len(chosen) // columns)
    figure = new_figure(f"{some} filters of layer 1, {size}{of}", max(6, CELL * columns), height)
    largest = float(np.abs(W).max())
    for axes, image in zip(grid(figure, len(chosen), columns), chosen, strict=True):
        show_image(axes, image, (-largest, largest))
    return figure


@styled
def feature_maps(predictor: Predictor, maps: FeatureMaps, display: ImageDisplay) -> Figure:
    """Draw some images, and below them what each spatial layer makes of them without noise.

    Parameters
    ----------
    predictor : Predictor
    maps : FeatureMaps
    display : ImageDisplay
        Of the inputs.

    Returns
    -------
    matplotlib.figure.Figure
    """
    spatial = thinned(sorted(maps.layers), MOST_LAYERS)
    images = len(maps.indices)
    columns = images * CHANNELS
    title = f"{images} {maps.rows_name} in each spatial layer: the channels that vary most"
    width, height = cell_size(display.shape, CELL)
    figure = new_figure(title, max(6, width * columns + 1), 1 + height * (1 + len(spatial)))
    axes = grid(figure, columns * (1 + len(spatial)), columns)
    inputs = display.show({"raw": maps.X})
    _line(axes[0], "input", inputs.channel)
    for cell in axes[:columns]:
        cell.axis("off")
    for k, (row, image) in enumerate(zip(maps.indices, inputs.versions["raw"], strict=True)):
        axes[k * CHANNELS].axis("on")
        show_image(axes[k * CHANNELS], image, inputs.limits)
        axes[k * CHANNELS].set_title(f"row {row}", fontsize=8)
    for place, layer in enumerate(spatial, start=1):
        h = maps.layers[layer]
        line = axes[place * columns : (place + 1) * columns]
        chosen = channels_by_variation(h)[:CHANNELS]
        _line(line[0], f"{layer}: {predictor.network.specification.layers[layer - 1]}")
        for image, cells in zip(h, _pieces(line), strict=True):
            for channel, cell in zip(chosen, cells, strict=False):
                show_image(cell, image[..., channel], limits(h[..., channel]))
                cell.set_title(f"channel {channel}", fontsize=7, pad=2)
            for cell in cells[len(chosen) :]:
                cell.axis("off")
    return figure


@styled
def rebuilt_layers(predictor: Predictor, rows: NoisyPass, display: ImageDisplay) -> Figure:
    """Draw some rows in every spatial layer with a denoising cost: clean, noisy and rebuilt.

    Inputs are drawn as raw pixels; of any other layer, the channel whose clean values vary most is.

    Parameters
    ----------
    predictor : Predictor
    rows : NoisyPass
    display : ImageDisplay
        Of the inputs.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NothingToDrawError
        If no spatial layer has a denoising cost.
    """
    state = rows.state
    layers = [(state.passes.layers[index], decoded) for index, decoded in sorted(state.decoded.items())]
    spatial = [(layer, decoded) for layer, decoded in layers if len(layer.shape) == 3 and decoded.target is not None]
    if not spatial:
        raise NothingToDrawError("no layer of images has a denoising cost (their λ are 0)")
    probabilities = state.classified.p[state.passes.rows[-1].unlabeled]
    chosen = choose_rows(probabilities.argmax(axis=1), IMAGES)
    drawn = thinned(spatial, MOST_LAYERS)
    title = f"{len(chosen)} {rows.rows_name} in layers of images: clean, noisy, rebuilt"
    width, height = cell_size(display.shape, CELL)
    figure = new_figure(title, max(6, width * len(chosen) + 1.5), 1 + height * 3 * len(drawn))
    if drawn[0][0].index == 0:
        explain_images(figure, display.note and f"input: {display.note}")
    cells = iter(grid(figure, 3 * len(drawn) * len(chosen), len(chosen)))
    for number, (layer, decoded) in enumerate(drawn):
        versions = _versions(layer, decoded, chosen)
        if layer.index == 0:
            shown = display.show(as_raw(predictor.scaling, versions, rows.X[chosen]))
        else:
            shown = ImageDisplay(layer.shape, in_color=False).show(versions)
        for name, images in shown.versions.items():
            line = [next(cells) for _ in chosen]
            _line(line[0], f"{layer.index}: {name}", shown.channel if name == "clean" else "")
            for row, image, cell in zip(chosen, images, line, strict=True):
                show_image(cell, image, shown.limits)
                if number == 0 and name == "clean":
                    cell.set_title(f"row {rows.indices[row]}", fontsize=8)
    return figure


def _versions(layer: Layer, decoded: Decoded, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """Return some rows of a layer, clean, noisy and rebuilt, with all their values in a row."""
    assert decoded.target is not None
    values = {"clean": decoded.target.z, "noisy": decoded.z_tilde, "rebuilt": decoded.z_hat_bn}
    return {name: np.asarray(array).reshape(-1, math.prod(layer.shape))[chosen] for name, array in values.items()}


def _pieces(line: Sequence[Any]) -> list[Sequence[Any]]:
    return [line[start : start + CHANNELS] for start in range(0, len(line), CHANNELS)]


def _line(axes: Any, name: str, channel: str = "") -> None:
    """Write what a line of images is at the left of its first one."""
    axes.set_ylabel(f"{name}\n{channel}" if channel else name, rotation=0, ha="right", va="center", fontsize=8)
