"""Pictures of the decoder: rebuilt inputs, and the combinators ẑ = g(z̃, u) as curves.

Every unit has a combinator of its own. The combinator that is drawn belongs to the most typical unit of its layer:
the unit whose curves are closest to the median of all units' curves, among the units that vary at least half as much
as the most variable one (pixels at the border of an image may never vary). The sign of a unit's u is arbitrary, so
curves that fall with u are compared with u reversed.
"""

import math
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.passes import Decoded
from ladder_np.plots.features import FeatureDisplay, ImageDisplay, as_raw
from ladder_np.plots.run_data import NoisyPass
from ladder_np.plots.style import (
    OKABE_ITO,
    Figure,
    balanced,
    cell_size,
    explain_images,
    grid,
    map_color,
    new_figure,
    plain,
    short_names,
    show_image,
    styled,
    thinned,
)
from ladder_np.predictor import Predictor

__all__ = ["choose_rows", "combinators", "rebuilt_inputs", "typical_unit"]

IMAGES, PROFILES = 10, 6  # rows shown as images; as lines
CELL = 1.0  # of a square image, in inches
LETTERS = 12  # of the name of a class
NAMED_FEATURES = 10  # up to so many features are named on the x-axis
# The quantiles of u for which there is a curve, and these quantiles of the normal distribution, which stand in for
# them without data, since batch normalization gives u mean 0 and variance 1.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NORMAL_QUANTILES = (-1.645, -0.674, 0.0, 0.674, 1.645)
MEDIAN = 2
POINTS = 25  # per curve
OUTLIERS = 0.01  # share of z̃ and of ẑ on each side that is not drawn
TINY = 1e-6  # smallest half height of a panel: curves may all be constant
REACH = 2.5  # standard deviations of z̃ that are drawn without data
VARYING = 0.5  # share of the most variable unit's standard deviation
MOST_PANELS = 12


@styled
def rebuilt_inputs(predictor: Predictor, rows: NoisyPass, features: FeatureDisplay) -> Figure:
    """Draw some rows clean, noisy and rebuilt: pixels as images, other features as lines.

    Parameters
    ----------
    predictor : Predictor
    rows : NoisyPass
        Of a network that denoises its input.
    features : FeatureDisplay

    Returns
    -------
    matplotlib.figure.Figure
    """
    state = rows.state
    x = state.batch.x_unlabeled
    x_tilde, x_hat = (values.reshape(x.shape) for values in (state.decoded[0].z_tilde, state.decoded[0].z_hat))
    probabilities = state.classified.p[state.passes.rows[-1].unlabeled]
    noise, left = (float(np.mean((other - x) ** 2)) for other in (x_tilde, x_hat))
    title = f"{len(x)} {rows.rows_name}: mean squared error {noise:.3g} noisy, {left:.3g} rebuilt"
    said = probabilities.argmax(axis=1)
    chosen = choose_rows(said, IMAGES if features.image else PROFILES)
    names = short_names(predictor.classes, LETTERS)
    heads = [f"row {rows.indices[row]}\n{names[said[row]]}" for row in chosen]
    versions = {"clean": x[chosen], "noisy": x_tilde[chosen], "rebuilt": x_hat[chosen]}
    if features.image:
        return _draw_images(title, as_raw(predictor.scaling, versions, rows.X[chosen]), heads, features.image)
    return _draw_profiles(title, versions, heads, features)


def choose_rows(classes: np.ndarray, most: int) -> np.ndarray:
    """Return positions of at most `most` rows, of as many classes as possible."""
    turn = np.zeros(len(classes), np.int64)  # how many rows of the same class precede a row
    for index in np.unique(classes):
        of_class = np.flatnonzero(classes == index)
        turn[of_class] = np.arange(len(of_class))
    return np.lexsort((classes, turn))[:most]


def _draw_images(title: str, versions: dict[str, np.ndarray], heads: list[str], display: ImageDisplay) -> Figure:
    shown = display.show(versions)
    width, height = cell_size(display.shape, CELL)
    figure = new_figure(title, max(4, width * len(heads)), 0.9 + height * len(versions))
    explain_images(figure, ", ".join(filter(None, (shown.channel, display.note))))
    axes = grid(figure, len(versions) * len(heads), len(heads))
    for place, (name, images) in enumerate(shown.versions.items()):
        line = axes[place * len(heads) : (place + 1) * len(heads)]
        line[0].set_ylabel(name)
        for cell, image, head in zip(line, images, heads, strict=True):
            show_image(cell, image, shown.limits)
            if place == 0:
                cell.set_title(head, fontsize=8)
    return figure


def _draw_profiles(title: str, versions: dict[str, np.ndarray], heads: list[str], features: FeatureDisplay) -> Figure:
    columns = balanced(len(heads), PROFILES // 2)
    figure = new_figure(title, 10, 1.3 + 2.7 * -(-len(heads) // columns))
    panels = grid(figure, len(heads), columns)
    places = np.arange(len(features.inputs))
    few = len(places) <= NAMED_FEATURES
    size, width = (5.0, 1.5) if few else (3.0, 0.8)
    styles: dict[str, dict[str, Any]] = {
        "clean": {"color": "black", "linewidth": 2 * width, "alpha": 0.3, "marker": "o" if few else None},
        "noisy": {"color": OKABE_ITO[1], "linestyle": "none", "marker": "x" if few else "."},
        "rebuilt": {"color": OKABE_ITO[0], "linewidth": width, "marker": "."},
    }
    for position, (axes, head) in enumerate(zip(panels, heads, strict=True)):
        for name, rows in versions.items():
            axes.plot(places, rows[position], label=name, markersize=size, **styles[name])
        axes.sharey(panels[0])
        axes.set(title=head.replace("\n", ": "), ylabel="scaled value")
        if few:
            names = [plain(name, 14) for name in features.inputs]
            axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
            axes.margins(x=0.1)
        else:
            axes.set_xlabel("feature (index)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@styled
def combinators(predictor: Predictor, rows: NoisyPass | None) -> Figure:
    """Draw ẑ over z̃ for five values of u, for a typical unit of each layer whose decoder was trained.

    ẑ is normalized as in the cost, and all panels have the same scale: a unit that only copies is the same line in
    each of them, and slopes can be compared.

    Parameters
    ----------
    predictor : Predictor
        Of a network that denoises.
    rows : NoisyPass or None
        None: the data is not available.

    Returns
    -------
    matplotlib.figure.Figure
    """
    layers = resolve(predictor.network.specification)[predictor.network.specification.lowest :]
    chosen = thinned(layers, MOST_PANELS)
    behind = f"dots: {rows.rows_name}" if rows else "without rows: the data is not available"
    some = f", {len(chosen)} of {len(layers)} layers" if len(chosen) < len(layers) else ""
    columns, entries = balanced(len(chosen), 4), 4 if len(chosen) > 2 else 3  # columns of panels, and of the legend
    height = 1.5 + 2.9 * -(-len(chosen) // columns)
    title = f"Combinators ẑ = g(z̃, u) of a typical unit per layer{some}; {behind}"
    figure = new_figure(title, max(8, 3 * columns), height)
    panels = grid(figure, len(chosen), columns)
    for axes, layer in zip(panels, chosen, strict=True):
        _draw_layer(axes, predictor, layer, rows.state.decoded[layer.index] if rows else None)
    _share_scale(panels)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=entries)
    return figure


def _share_scale(panels: list[Any]) -> None:
    """Give all panels the same limits, so that slopes can be compared."""
    for get, put in (("get_xlim", "set_xlim"), ("get_ylim", "set_ylim")):
        limits = np.array([getattr(axes, get)() for axes in panels])
        for axes in panels:
            getattr(axes, put)(limits[:, 0].min(), limits[:, 1].max())


def typical_unit(curves: np.ndarray, varying: np.ndarray) -> int:
    """Return the unit whose curves, (values of u, points, units), are closest to the median of all varying units."""
    falls = curves[-1].mean(axis=0) < curves[0].mean(axis=0)
    turned = np.where(falls, curves[::-1], curves)
    distance = ((turned - np.median(turned[..., varying], axis=-1, keepdims=True)) ** 2).sum(axis=(0, 1))
    return int(np.where(varying, distance, np.inf).argmin())


def _draw_layer(axes: Any, predictor: Predictor, layer: Layer, decoded: Decoded | None) -> None:
    if decoded is None:
        varying, (first, last) = np.ones(layer.units, bool), _expected_range(predictor, layer)
        u = np.repeat(np.array(NORMAL_QUANTILES)[:, None], layer.units, axis=1)
    else:
        varying = _varying(decoded.z_tilde, layer.noise_std)
        (first, last), u = _range(decoded.z_tilde[:, varying]), np.quantile(decoded.u, QUANTILES, axis=0)
    z_tilde = np.linspace(first, last, POINTS)
    mu, sigma = _clean_statistics(predictor, layer)
    curves = (_curves(predictor, layer, z_tilde, u) - mu) / sigma
    unit = typical_unit(curves, varying)
    low, high = np.quantile(curves[MEDIAN][:, varying], (0.25, 0.75), axis=1)
    axes.fill_between(z_tilde, low, high, color="0.85", label="middle half of all units, at their median u")
    heights = [low, high, curves[..., unit].ravel()]
    if decoded is not None:
        z_hat = (decoded.z_hat[:, unit] - mu[unit]) / sigma[unit]
        _scatter(axes, decoded.z_tilde[:, unit], decoded.u[:, unit], z_hat)
        heights.append(np.array(_range(z_hat)))
    for share, curve in zip(QUANTILES, curves[..., unit], strict=True):
        axes.plot(z_tilde, curve, color=map_color(share), linewidth=2, label=f"u at its {100 * share:.0f} % quantile")
    axes.axline((0, 0), slope=1, color="black", linestyle=":", linewidth=1, label="ẑ that only copies z̃")
    name = f"layer {layer.index}{' (input)' if layer.index == 0 else ''}: unit {unit} of {layer.units}"
    axes.set(
        title=name, xlabel="z̃", ylabel="ẑ, normalized as the clean z" if layer.index else "ẑ", xlim=(first, last)
    )
    # The copying line and outliers may be cut off: a panel is as high as its curves and the other rows.
    _set_height(axes, np.concatenate(heights))


def _scatter(axes: Any, z_tilde: np.ndarray, u: np.ndarray, z_hat: np.ndarray) -> None:
    """Draw the rows of one unit, (rows,) arrays."""
    rank = u.argsort().argsort() / max(1, len(u) - 1)
    style = {"s": 6, "alpha": 0.5, "linewidths": 0, "label": "rows, colored by the rank of their u"}
    axes.scatter(z_tilde, z_hat, color=[map_color(share) for share in rank], **style)


def _set_height(axes: Any, heights: np.ndarray) -> None:
    middle, reach = (heights.max() + heights.min()) / 2, (heights.max() - heights.min()) / 2
    axes.set_ylim(middle - 1.05 * reach - TINY, middle + 1.05 * reach + TINY)


def _curves(predictor: Predictor, layer: Layer, z_tilde: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return ẑ, (values of u, points, units), for z̃ (points,) and u (values, units)."""
    network = predictor.network
    a = {name: network.device.get(view) for name, view in network.parameters.layers[layer.index].combinator.items()}
    shape = len(u), len(z_tilde), u.shape[1]
    flat = shape[0] * shape[1], shape[2]
    z_grid = np.broadcast_to(z_tilde[None, :, None], shape).reshape(flat)
    u_grid = np.broadcast_to(u[:, None, :], shape).reshape(flat)
    with np.errstate(all="ignore"):  # overflow is detected below
        z_hat = layer.combinator.forward(z_grid, u_grid, a)[0].reshape(shape)
    if not np.isfinite(z_hat).all():
        raise InputError(f"the combinators of layer {layer.index} give NaN or infinite values; train the model again")
    return z_hat


def _clean_statistics(predictor: Predictor, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Return the clean μ and σ (units,) that normalize ẑ, over all training rows; 0 and 1 at the input (fact 4)."""
    statistics = predictor.network.statistics
    if layer.index == 0 or statistics is None:
        return np.zeros(layer.units), np.ones(layer.units)
    return statistics.mu[layer.index], statistics.sigma[layer.index]


def _varying(z_tilde: np.ndarray, noise: float) -> np.ndarray:
    """Return which units vary, (units,) bool, judged by their standard deviation without the noise."""
    clean = np.sqrt(np.maximum(z_tilde.var(axis=0) - noise**2, 0))
    return clean >= VARYING * clean.max()


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return the smallest and largest value without outliers."""
    low, high = np.quantile(values, (OUTLIERS, 1 - OUTLIERS))
    return float(low), float(high)


def _expected_range(predictor: Predictor, layer: Layer) -> tuple[float, float]:
    """Return the range of z̃ to expect: z has variance 1, as a standardized input has; pixels are in 0..1."""
    if layer.index == 0 and predictor.pixels and not predictor.scaling.shift.any():
        return -REACH * layer.noise_std, 1 + REACH * layer.noise_std
    reach = REACH * math.sqrt(1 + layer.noise_std**2)
    return -reach, reach
