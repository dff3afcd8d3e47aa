"""The top hidden layer in two dimensions: the two directions in which rows differ most (principal components)."""

from typing import Any

import numpy as np

from ladder_np.plots.rows import TopHidden
from ladder_np.plots.style import Figure, colors, matplotlib, new_figure, plain, styled

__all__ = ["principal_components", "top_hidden_layer"]

LISTED_CLASSES = 12  # up to so many have a legend; more have a bar of colors
MANY = 300  # more labeled rows than these are smaller marks
LETTER = 0.16, 0.25  # width and height with some space around, in inches
WIDTH, HEIGHT = 9.5, 6.5  # of the figure, in inches


@styled
def top_hidden_layer(top: TopHidden, classes: np.ndarray) -> Figure:
    """Draw rows by the first two principal components of h, colored by class; labeled rows are marked.

    Parameters
    ----------
    top : TopHidden
    classes : (K,) array
        What the indices stand for.

    Returns
    -------
    matplotlib.figure.Figure
    """
    places, shares = principal_components(top.h)
    shades = colors(len(classes))
    count = int(top.labeled.sum())
    title = f"Top hidden layer (width {top.h.shape[1]}): {len(top.h)} training rows, {count} of them labeled"
    figure = new_figure(title, WIDTH, HEIGHT)
    axes = figure.subplots()
    shade_of = np.array([matplotlib("colors").to_rgba(shade) for shade in shades])[top.classes]
    rows = ~top.labeled
    axes.scatter(*places[rows].T, s=10, c=shade_of[rows], alpha=0.6, linewidths=0)
    axes.scatter(
        *places[top.labeled].T,
        s=36 if count <= MANY else 14,
        c=shade_of[top.labeled],
        edgecolors="black",
        linewidths=0.7,
    )
    axes.set_aspect("equal", adjustable="datalim")
    for axis, share in zip("xy", shares, strict=True):
        axes.set(
            **{f"{axis}label": f"principal component {'xy'.index(axis) + 1} ({100 * share:.1f} % of the variance)"}
        )
    _name_classes(axes, places, top.classes, classes)
    _explain(figure, axes, classes, shades)
    return figure


def principal_components(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows' coordinates along the two directions of the largest variance, and their shares of it.

    Parameters
    ----------
    h : (n, d) array

    Returns
    -------
    places : (n, 2) array
        A second coordinate of one unit is 0. Signs are such that a direction's largest component is positive.
    shares : (2,) array
        From 0 to 1; 0 where nothing varies.
    """
    centered = h - h.mean(axis=0)
    scale = max(np.abs(centered).max(), np.finfo(h.dtype).tiny)  # so that no square overflows
    centered = centered / scale
    if len(h) < h.shape[1]:  # the smaller of two matrices with the same eigenvalues
        values, left = (part[..., :-3:-1] for part in np.linalg.eigh(centered @ centered.T))
        directions, found = centered.T @ left, left * np.sqrt(np.maximum(values, 0))
    else:
        directions = np.linalg.eigh(centered.T @ centered).eigenvectors[:, :-3:-1]
        found = centered @ directions
    largest = np.abs(directions).argmax(axis=0)
    signs = np.where(directions[largest, np.arange(len(largest))] < 0, -1, 1)
    places, shares = np.zeros((len(h), 2)), np.zeros(2)
    places[:, : len(signs)] = found * signs
    total = np.square(centered).sum()
    if total > 0:
        shares = np.square(places).sum(axis=0) / total
    return places * scale, shares


def _name_classes(axes: Any, places: np.ndarray, indices: np.ndarray, classes: np.ndarray) -> None:
    """Write each class's name at its middle, but for those that would lie on another's."""
    inch = max(*(np.ptp(places, axis=0) / (WIDTH, HEIGHT)), np.finfo(float).tiny)  # in units of the components, about
    halo = matplotlib("patheffects").withStroke(linewidth=3, foreground="white")
    written: list[tuple[np.ndarray, str]] = []
    for index in np.unique(indices):
        middle, name = np.median(places[indices == index], axis=0), plain(classes[index], 12)
        if not any(_touch(middle - other, len(name) + len(text), inch) for other, text in written):
            axes.annotate(name, middle, ha="center", va="center", weight="bold", path_effects=[halo])
            written.append((middle, name))


def _touch(apart: np.ndarray, letters: int, inch: float) -> bool:
    """Return whether two texts of so many letters together, with their middles so far apart, lie on each other."""
    return bool(abs(apart[0]) < 0.5 * LETTER[0] * letters * inch and abs(apart[1]) < LETTER[1] * inch)


def _explain(figure: Figure, axes: Any, classes: np.ndarray, shades: list[Any]) -> None:
    Line2D = matplotlib("lines").Line2D
    dot = {"linestyle": "none", "marker": "o"}
    handles = [
        Line2D([], [], color="gray", markersize=4, label="row without label: predicted class", **dot),
        Line2D([], [], color="gray", markersize=7, markeredgecolor="black", label="labeled row: its class", **dot),
    ]
    if len(classes) <= LISTED_CLASSES:
        for name, shade in zip(classes, shades, strict=True):
            handles.append(Line2D([], [], color=shade, markersize=7, label=f"class {plain(name, 12)}", **dot))
    else:
        bar = matplotlib("cm").ScalarMappable(cmap=matplotlib("colors").ListedColormap(shades))
        bar.set_clim(0, len(classes))
        figure.colorbar(bar, ax=axes, label=f"class, {plain(classes[0], 12)} to {plain(classes[-1], 12)}", ticks=[])
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
