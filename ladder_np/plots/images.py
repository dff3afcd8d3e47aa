"""Pictures of networks whose input is images: filters, feature maps, and what the decoder rebuilds at every level.

Values of the network have no color of their own. Of three channels, images are drawn in color; of any other number,
one channel is a gray image. In each image or row of images black and white are the ends of what is drawn there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.network.inference import encode_clean
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.passes import Decoded
from ladder_np.plots.decoder import choose_rows
from ladder_np.plots.run_data import NoisyPass, NothingToDrawError, PlotData, evenly_spaced
from ladder_np.plots.style import Figure, balanced, grid, new_figure, styled, thinned
from ladder_np.predictor import Predictor

__all__ = ["FeatureMaps", "encode_images", "feature_maps", "filters", "rebuilt_layers"]

MOST_FILTERS, FILTER_COLUMNS = 64, 16
MOST_LAYERS = 8
MAPPED_ROWS = 3  # whose feature maps are drawn
CHANNELS = 4  # of a layer, for each of the images whose feature maps are drawn
IMAGES = 8  # whose layers are rebuilt
OUTLIERS = 0.005  # share of values on each side that are cut off
COLORS = 3
CELL = 0.85  # inches


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """Some images, and what each spatial layer above them makes of them without noise."""

    rows_name: str  # see `PlotData`
    indices: np.ndarray  # (n,): of the rows in X
    images: np.ndarray  # (n, height, width, channels): as the network gets them
    layers: dict[int, np.ndarray]  # h by layer, (n, height, width, channels)


def encode_images(predictor: Predictor, data: PlotData) -> FeatureMaps:
    """Return what every spatial layer makes of a few evenly spaced rows.

    Raises NothingToDrawError if no layer above the input is spatial.
    """
    network, indices = predictor.network, evenly_spaced(data.split.train, MAPPED_ROWS)
    shapes = {layer.index: layer.shape for layer in resolve(network.specification)[1:] if len(layer.shape) == 3}
    if not shapes:
        raise NothingToDrawError("no layer above the input is spatial")
    x = predictor.scaling.apply(data.dataset.X[indices], np.float64)
    layers = {
        index: encode_clean(network.parameters, predictor.statistics, x, index).reshape(-1, *shape)
        for index, shape in shapes.items()
    }
    return FeatureMaps(data.rows_name, indices, x.reshape(-1, *network.specification.input_shape), layers)


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
        _show(axes, image, -largest, largest)
    return figure


@styled
def feature_maps(predictor: Predictor, maps: FeatureMaps) -> Figure:
    """Draw some images, and below them what each spatial layer makes of them without noise.

    Parameters
    ----------
    predictor : Predictor
    maps : FeatureMaps

    Returns
    -------
    matplotlib.figure.Figure
    """
    spatial = thinned(sorted(maps.layers), MOST_LAYERS)
    images = len(maps.indices)
    columns = images * CHANNELS
    title = f"{images} {maps.rows_name} in each spatial layer: the channels that vary most"
    figure = new_figure(title, max(6, CELL * columns + 1), 1 + CELL * (1 + len(spatial)))
    axes = grid(figure, columns * (1 + len(spatial)), columns)
    _line(axes[0], "input")
    for cell in axes[:columns]:
        cell.axis("off")
    for k, (row, image) in enumerate(zip(maps.indices, maps.images, strict=True)):
        axes[k * CHANNELS].axis("on")
        _show(axes[k * CHANNELS], _as_image(image), float(maps.images.min()), float(maps.images.max()))
        axes[k * CHANNELS].set_title(f"row {row}", fontsize=8)
    for place, layer in enumerate(spatial, start=1):
        h = maps.layers[layer]
        line = axes[place * columns : (place + 1) * columns]
        chosen = _varying(h)[:CHANNELS]
        _line(line[0], f"{layer}: {predictor.network.specification.layers[layer - 1]}")
        for image, cells in zip(h, _pieces(line), strict=True):
            for channel, cell in zip(chosen, cells, strict=False):
                _show(cell, image[..., channel], *_limits(h[..., channel]))
                cell.set_title(f"channel {channel}", fontsize=7, pad=2)
            for cell in cells[len(chosen) :]:
                cell.axis("off")
    return figure


@styled
def rebuilt_layers(predictor: Predictor, rows: NoisyPass) -> Figure:
    """Draw some rows in every spatial layer with a denoising cost: clean, noisy and rebuilt.

    An input of three channels is drawn in color; of any other layer, the channel whose clean values vary most is.

    Parameters
    ----------
    predictor : Predictor
    rows : NoisyPass

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
    figure = new_figure(title, max(6, CELL * len(chosen) + 1.5), 1 + CELL * 3 * len(drawn))
    cells = iter(grid(figure, 3 * len(drawn) * len(chosen), len(chosen)))
    for number, (layer, decoded) in enumerate(drawn):
        said, versions = _versions(layer, decoded)
        limits = _limits(versions["clean"])
        for name, values in versions.items():
            line = [next(cells) for _ in chosen]
            _line(line[0], f"{layer.index}: {name}{said if name == 'clean' else ''}")
            for row, cell in zip(chosen, line, strict=True):
                _show(cell, values[row], *limits)
                if number == 0 and name == "clean":
                    cell.set_title(f"row {rows.indices[row]}", fontsize=8)
    return figure


def _versions(layer: Layer, decoded: Decoded) -> tuple[str, dict[str, np.ndarray]]:
    """Return which channel of a layer is drawn, and its images, clean, noisy and rebuilt."""
    assert decoded.target is not None
    values = {"clean": decoded.target.z, "noisy": decoded.z_tilde, "rebuilt": decoded.z_hat_bn}
    images = {name: np.asarray(array).reshape(-1, *layer.shape) for name, array in values.items()}
    if layer.index == 0 and layer.shape[2] == COLORS:
        return "", images
    channel = _varying(images["clean"])[0]
    said = f"\nchannel {channel}" if layer.shape[2] > 1 else ""
    return said, {name: array[..., channel] for name, array in images.items()}


def _as_image(image: np.ndarray) -> np.ndarray:
    """Return an image (height, width, 3) in color, of other numbers of channels the one that varies most."""
    return image if image.shape[2] == COLORS else image[..., _varying(image[None])[0]]


def _varying(images: np.ndarray) -> np.ndarray:
    """Return the channels of images (n, height, width, channels), those that vary most first."""
    return np.argsort(-images.reshape(-1, images.shape[-1]).std(axis=0), kind="stable")


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, (OUTLIERS, 1 - OUTLIERS))
    return (float(low), float(high)) if low < high else (float(low) - 1, float(high) + 1)


def _pieces(line: Sequence[Any]) -> list[Sequence[Any]]:
    return [line[start : start + CHANNELS] for start in range(0, len(line), CHANNELS)]


def _line(axes: Any, name: str) -> None:
    """Write what a line of images is at the left of its first one."""
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)


def _show(axes: Any, image: np.ndarray, low: float, high: float) -> None:
    """Draw an image (height, width), or in color (height, width, 3), from black to white."""
    image = np.asarray(image, np.float64)
    if image.ndim == 2:
        axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    else:
        axes.imshow(np.clip((image - low) / (high - low), 0, 1), interpolation="nearest")
    axes.set(xticks=[], yticks=[])
