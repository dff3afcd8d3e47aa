"""The combinators as curves: ẑ = g(z̃, u) over z̃ for several u, one unit a layer, with the rows that it met behind.

Every unit has a combinator of its own. The one that is drawn is the most typical of its layer: the unit whose curves
lie nearest to the median of all units' curves, among units that vary at least half as much as the liveliest (the
border of an image is the same in all rows). The sign of a unit's u is arbitrary, so curves that fall with u are
compared the other way round.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.operations.combinators import COMBINATORS
from ladder_np.plots.rows import Noisy
from ladder_np.plots.style import Figure, grid, map_color, new_figure, styled, thinned
from ladder_np.predictor import Predictor

__all__ = ["combinators", "typical_unit"]

# The shares of rows with a smaller u for which there is a curve, and these quantiles of the normal distribution: they
# stand in where the rows are not at hand, since batch normalization gives u mean 0 and variance 1.
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
NORMAL = (-1.645, -0.674, 0.0, 0.674, 1.645)
MIDDLE = 2
POINTS = 25  # of a curve
OUTLIERS = 0.01  # of z̃ and ẑ on each side, not drawn
TINY = 1e-6  # of ẑ: curves that are all the same still have a height
REACH = 2.5  # standard deviations of z̃, where the rows are not at hand
LIVELY = 0.5
MOST_PANELS = 12


@dataclass(frozen=True, eq=False)
class Met:
    """What a layer's combinators met in the rows, (rows, d_l) arrays."""

    z_tilde: np.ndarray
    u: np.ndarray
    z_hat: np.ndarray


@styled
def combinators(predictor: Predictor, rows: Noisy | None) -> Figure:
    """Draw ẑ over z̃ for five u, for a typical unit of each layer that the decoder was trained for.

    Parameters
    ----------
    predictor : Predictor
        Of a network that denoises.
    rows : Noisy or None
        None: the data is not at hand.

    Returns
    -------
    matplotlib.figure.Figure
    """
    specification = predictor.network.specification
    layers = range(specification.lowest, specification.top + 1)
    chosen = thinned(layers, MOST_PANELS)
    behind = "training rows behind" if rows else "without rows: their data is not at hand"
    some = f", {len(chosen)} of {len(layers)} layers" if len(chosen) < len(layers) else ""
    columns, entries = min(len(chosen), 4), 4 if len(chosen) > 2 else 3  # in a row: of panels, and of the legend
    height = 1.5 + 2.9 * -(-len(chosen) // columns)
    title = f"Combinators ẑ = g(z̃, u) of a typical unit a layer{some}; {behind}"
    figure = new_figure(title, max(8, 3 * columns), height)
    for axes, layer in zip(grid(figure, len(chosen), columns), chosen, strict=True):
        _draw_layer(axes, predictor, layer, _met(rows, layer))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=entries)
    return figure


def typical_unit(curves: np.ndarray, lively: np.ndarray) -> int:
    """Return the unit whose curves lie nearest to the median of all.

    Parameters
    ----------
    curves : (values of u, points, units) array
    lively : (units,) boolean array
        Which of the units count; at least one.
    """
    falls = curves[-1].mean(axis=0) < curves[0].mean(axis=0)
    turned = np.where(falls, curves[::-1], curves)
    distance = ((turned - np.median(turned[..., lively], axis=-1, keepdims=True)) ** 2).sum(axis=(0, 1))
    return int(np.where(lively, distance, np.inf).argmin())


def _met(rows: Noisy | None, layer: int) -> Met | None:
    if rows is None:
        return None
    decoded = rows.state.decoded[layer]
    return Met(decoded.z_tilde, decoded.u, decoded.z_hat)


def _draw_layer(axes: Any, predictor: Predictor, layer: int, met: Met | None) -> None:
    units = predictor.network.specification.sizes[layer]
    noise = predictor.network.specification.noise_std[layer]
    if met is None:
        lively, (first, last) = np.ones(units, bool), _likely(predictor, layer, noise)
        u = np.repeat(np.array(NORMAL)[:, None], units, axis=1)
    else:
        lively = _lively(met.z_tilde, noise)
        (first, last), u = _inner(met.z_tilde[:, lively]), np.quantile(met.u, SHARES, axis=0)
    z_tilde = np.linspace(first, last, POINTS)
    curves = _curves(predictor, layer, z_tilde, u)
    unit = typical_unit(curves, lively)
    low, high = np.quantile(curves[MIDDLE][:, lively], (0.25, 0.75), axis=1)
    axes.fill_between(z_tilde, low, high, color="0.85", label="half of all units, at their median u")
    if met is not None:
        _scatter(axes, met.z_tilde[:, unit], met.u[:, unit], met.z_hat[:, unit])
    for share, curve in zip(SHARES, curves[..., unit], strict=True):
        axes.plot(z_tilde, curve, color=map_color(share), linewidth=2, label=f"u at its {100 * share:.0f} % quantile")
    axes.plot(z_tilde, _copy(predictor, layer, unit, z_tilde), "k:", linewidth=1, label="ẑ that only copies z̃")
    name = f"layer {layer}{' (input)' if layer == 0 else ''}: unit {unit} of {units}"
    axes.set(title=name, xlabel="z̃", ylabel="ẑ", xlim=(first, last))
    # What is far steeper than the curves, or far out, must not flatten them.
    heights = [low, high, curves[..., unit].ravel(), [] if met is None else _inner(met.z_hat[:, unit])]
    _set_height(axes, np.concatenate(heights))


def _scatter(axes: Any, z_tilde: np.ndarray, u: np.ndarray, z_hat: np.ndarray) -> None:
    """Draw the rows that one unit met, (rows,) arrays."""
    rank = u.argsort().argsort() / max(1, len(u) - 1)
    style = {"s": 6, "alpha": 0.5, "linewidths": 0, "label": "rows, colored by the rank of their u"}
    axes.scatter(z_tilde, z_hat, color=[map_color(share) for share in rank], **style)


def _set_height(axes: Any, heights: np.ndarray) -> None:
    middle, reach = (heights.max() + heights.min()) / 2, (heights.max() - heights.min()) / 2
    axes.set_ylim(middle - 1.05 * reach - TINY, middle + 1.05 * reach + TINY)


def _curves(predictor: Predictor, layer: int, z_tilde: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return ẑ, (values of u, points, units), for z̃ (points,) and u (values, units)."""
    network = predictor.network
    g = COMBINATORS[network.specification.combinator].forward
    a = {name: network.device.get(view) for name, view in network.parameters.layers[layer].combinator.items()}
    shape = len(u), len(z_tilde), u.shape[1]
    flat = shape[0] * shape[1], shape[2]
    z_grid = np.broadcast_to(z_tilde[None, :, None], shape).reshape(flat)
    u_grid = np.broadcast_to(u[:, None, :], shape).reshape(flat)
    with np.errstate(all="ignore"):  # what overflows is found below
        z_hat = g(z_grid, u_grid, a)[0].reshape(shape)
    if not np.isfinite(z_hat).all():
        raise InputError(f"the model's combinators of layer {layer} give no finite values; train it again")
    return z_hat


def _copy(predictor: Predictor, layer: int, unit: int, z_tilde: np.ndarray) -> np.ndarray:
    """Return the ẑ whose normalized value is z̃ itself."""
    statistics = predictor.network.statistics
    if layer == 0 or statistics is None:
        return z_tilde
    mu, sigma = (float(values[layer][unit]) for values in (statistics.mu, statistics.sigma))
    return mu + sigma * z_tilde


def _lively(z_tilde: np.ndarray, noise: float) -> np.ndarray:
    clean = np.sqrt(np.maximum(z_tilde.var(axis=0) - noise**2, 0))
    return clean >= LIVELY * clean.max()


def _inner(values: np.ndarray) -> tuple[float, float]:
    """Return where the values begin and end, but for outliers."""
    low, high = np.quantile(values, (OUTLIERS, 1 - OUTLIERS))
    return float(low), float(high)


def _likely(predictor: Predictor, layer: int, noise: float) -> tuple[float, float]:
    """Return where z̃ is likely to lie: z has variance 1, as a standardized input has; pixels lie in 0..1."""
    if layer == 0 and predictor.pixels and not predictor.scaling.shift.any():
        return -REACH * noise, 1 + REACH * noise
    return -REACH * math.sqrt(1 + noise**2), REACH * math.sqrt(1 + noise**2)
