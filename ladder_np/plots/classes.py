"""Pictures of classes: the confusion matrix with the most confident mistakes, and the top hidden layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ladder_np.plots.features import FeatureDisplay, ImageDisplay
from ladder_np.plots.run_data import HiddenLayer, Predictions
from ladder_np.plots.style import (
    Figure,
    balanced,
    class_styles,
    dark_map,
    grid,
    matplotlib,
    new_figure,
    plain,
    short_names,
    show_image,
    styled,
)

__all__ = ["confusion", "confusions", "explain_classes", "principal_components", "top_hidden_layer"]

WRITTEN_CLASSES = 40  # up to so many classes, the whole matrix is drawn, with counts in its cells
LETTERS = 14  # of the name of a class
FLAT_LETTERS = 3  # longer names on the x-axis are rotated
DARK = 0.5  # cells with a larger share have white numbers
NAMED_CLASSES = 10  # about so many of many classes are named on an axis
SMALLEST_MARK, LARGEST_MARK = 9.0, 60.0  # points²
TEXT_HEADS = ["without these words less sure", "text"]
IMAGES, FEATURES = 12, 5  # mistakes shown as images; columns of them as a table
FEW = 5  # mistakes in a short table
PAIRS = 10  # of confused classes in the list
LISTED_CLASSES = 40  # up to so many classes have a legend, more have a color bar
LEGEND_LINES = 20  # in one column of the legend
MANY = 300  # labeled rows from which their marks are smaller
LETTER = 0.15, 0.28  # width and height of a letter with some space around it, in inches
# In inches.
BESIDE_TEXTS = 9.0  # inches of a table of mistakes with texts
CELL, BESIDE, LOWEST = 0.23, 7.0, 5.8  # of the matrix; what stands beside it; the figure's smallest height
HEIGHT, NARROWEST, WIDEST = 6.0, 4.5, 9.5  # of the axes of the top hidden layer
LINE = 0.36  # of the table of mistakes


@styled
def confusion(predictions: Predictions, classes: np.ndarray, features: FeatureDisplay) -> Figure:
    """Draw the confusion matrix, and beside it the mistakes with the highest confidence.

    Parameters
    ----------
    predictions : Predictions
    classes : (K,) array
        What the indices stand for.
    features : FeatureDisplay

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = short_names(classes, LETTERS)
    wrong = int((predictions.predicted != predictions.y).sum())
    share = 100 * wrong / len(predictions.y)
    title = f"Predictions for {len(predictions.y)} {predictions.rows_name}: {wrong} wrong ({share:.2f} %)"
    draw, height = (_draw_matrix, max(LOWEST, 1.8 + CELL * len(classes)))
    if len(classes) > WRITTEN_CLASSES:
        draw, height = _draw_confused, LOWEST
    if not wrong:
        figure = new_figure(title, height + 0.7, height)
        draw(figure.subfigures(), *confusions(predictions), names)
        return figure
    if wrong <= FEW and not features.image:  # a short table goes below, so that no half of the figure is empty
        below = LINE * (wrong + 3)
        figure = new_figure(
            title, max(height + 0.7, BESIDE if features.texts is None else BESIDE_TEXTS), height + below
        )
        parts = figure.subfigures(2, 1, height_ratios=(height, below))
    else:
        beside = BESIDE if features.texts is None else BESIDE_TEXTS
        figure = new_figure(title, height + 0.7 + beside, height)
        parts = figure.subfigures(1, 2, width_ratios=(height + 0.7, beside))
    draw(parts[0], *confusions(predictions), names)
    _draw_mistakes(parts[1], predictions, names, features)
    return figure


def confusions(predictions: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the nonzero cells of the confusion matrix: indices of true and predicted classes, numbers of rows."""
    pairs = np.stack([predictions.y, predictions.predicted])
    (true, said), number = np.unique(pairs, axis=1, return_counts=True)
    return true, said, number


def _draw_matrix(figure: Any, true: np.ndarray, said: np.ndarray, number: np.ndarray, names: list[str]) -> None:
    """Draw all cells; the shade of a cell is its share of the true class."""
    counts = np.zeros((len(names), len(names)), np.int64)
    counts[true, said] = number
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes = figure.subplots()
    shades = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    for row, column, rows in zip(true, said, number, strict=True):
        color = "white" if shares[row, column] > DARK else "black"
        axes.text(column, row, str(rows), ha="center", va="center", color=color, fontsize=8)
    axes.grid(False)
    _name_axes(axes, range(len(names)), names)
    figure.suptitle("confusion matrix (in the cells: rows)", fontsize=10)
    figure.colorbar(shades, ax=axes, label="share of the true class (%)")


def _draw_confused(figure: Any, true: np.ndarray, said: np.ndarray, number: np.ndarray, names: list[str]) -> None:
    """Draw only the cells off the diagonal, as marks that are visible among many classes, and list the largest."""
    off = np.flatnonzero(true != said)
    off = off[(-number[off]).argsort(kind="stable")]
    true, said, number = true[off], said[off], number[off]
    axes, beside = figure.subplots(1, 2, width_ratios=(4, 1))
    last = len(names) - 1
    axes.plot([0, last], [0, last], color="0.8", zorder=0)
    upwards = slice(None, None, -1)  # the largest on top
    style = {"cmap": dark_map(), "vmin": 1, "vmax": max(2, number.max(initial=1)), "linewidths": 0, "marker": "s"}
    size = np.minimum(SMALLEST_MARK * number, LARGEST_MARK)
    marks = axes.scatter(said[upwards], true[upwards], size[upwards], c=number[upwards], **style)
    whole = matplotlib("ticker").MaxNLocator
    ticks = [int(tick) for tick in whole(NAMED_CLASSES, integer=True).tick_values(0, last) if 0 <= tick <= last]
    _name_axes(axes, ticks, names)
    edge = 0.5 + 0.01 * last
    axes.set(xlim=(-edge, last + edge), ylim=(last + edge, -edge), aspect="equal")
    figure.suptitle("mistakes (right predictions lie on the line)", fontsize=10)
    figure.colorbar(marks, ax=axes, location="bottom", label="rows", ticks=whole(5, integer=True), shrink=0.6)
    _list_pairs(beside, true, said, number, names)


def _name_axes(axes: Any, ticks: Sequence[int], names: list[str]) -> None:
    shown = [names[tick] for tick in ticks]
    long = max(map(len, shown)) > FLAT_LETTERS
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {}
    axes.set_xticks(ticks, shown, **slanted)
    axes.set_yticks(ticks, shown)
    axes.set(xlabel="predicted class", ylabel="true class")


def _list_pairs(axes: Any, true: np.ndarray, said: np.ndarray, number: np.ndarray, names: list[str]) -> None:
    """List the first cells as text."""
    cells = zip(true[:PAIRS], said[:PAIRS], number[:PAIRS], strict=True)
    lines = [f"{rows} × {names[row]} → {names[column]}" for row, column, rows in cells]
    axes.axis("off")
    head = "most frequent\n(true → predicted)\n\n" if lines else ""
    axes.text(0, 1, head + "\n".join(lines), va="top", fontsize=8, linespacing=1.5)


def _draw_mistakes(figure: Any, predictions: Predictions, names: list[str], features: FeatureDisplay) -> None:
    """Draw the mistakes of the highest confidence, as images or as a table."""
    wrong = np.flatnonzero(predictions.predicted != predictions.y)
    surest = wrong[(-predictions.confidence[wrong]).argsort(kind="stable")]
    if features.image:
        _draw_images(figure, predictions, surest[:IMAGES], names, features.image)
    else:
        lines = max(FEW, int(figure.bbox.height / figure.dpi / LINE) - 4)  # what is left by titles and the head
        _write_table(figure, predictions, surest[:lines], names, features)


def _draw_images(
    figure: Any, predictions: Predictions, rows: np.ndarray, names: list[str], display: ImageDisplay
) -> None:
    shown = display.show({"raw": predictions.X[rows]})
    figure.suptitle(f"the most confident mistakes{shown.channel and f', {shown.channel}'}", fontsize=10)
    cells = grid(figure, len(rows), balanced(len(rows), 4))
    for axes, row, image in zip(cells, rows, shown.versions["raw"], strict=True):
        show_image(axes, image, shown.limits)
        said, true = names[predictions.predicted[row]], names[predictions.y[row]]
        share = f"{100 * predictions.confidence[row]:.0f} %"
        axes.set_title(f"said {said} ({share})\nis {true}, row {predictions.indices[row]}", fontsize=8)


def _write_table(
    figure: Any, predictions: Predictions, rows: np.ndarray, names: list[str], features: FeatureDisplay
) -> None:
    more = len(features.names) > FEATURES and features.texts is None
    some = f", first {FEATURES} of {len(features.names)} features" if more else ""
    figure.suptitle(f"the most confident mistakes{some}", fontsize=10)
    shown = TEXT_HEADS if features.texts is not None else [plain(name, 9) for name in features.names[:FEATURES]]
    heads = ["row", "true", "said", "sure (%)", *shown]
    cells = []
    for row in rows:
        true, said = names[predictions.y[row]], names[predictions.predicted[row]]
        values = (
            _text_cells(predictions, row, features)
            if features.texts is not None
            else _cells(predictions, row, features)
        )
        cells.append([str(predictions.indices[row]), true, said, f"{100 * predictions.confidence[row]:.1f}", *values])
    axes = figure.subplots()
    axes.axis("off")
    table = axes.table(cells, colLabels=heads, loc="upper center", cellLoc="right", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.auto_set_column_width(range(len(heads)))
    table.scale(1, 1.5)


def _cells(predictions: Predictions, row: int, features: FeatureDisplay) -> list[str]:
    return [features.cell(place, value) for place, value in enumerate(predictions.X[row][:FEATURES])]


def _text_cells(predictions: Predictions, row: int, features: FeatureDisplay) -> list[str]:
    """Return the tokens that weighed most, and the beginning of the text."""
    assert features.texts is not None
    tokens = features.weigh(predictions.X[row], int(predictions.predicted[row])) if features.weigh else []
    return [plain(" ".join(tokens), 32), plain(features.texts[predictions.indices[row]], 40)]


@styled
def top_hidden_layer(top: HiddenLayer, classes: np.ndarray) -> Figure:
    """Draw rows by the first two principal components of h, colored by class; labeled rows are marked.

    Parameters
    ----------
    top : HiddenLayer
    classes : (K,) array
        What the indices stand for.

    Returns
    -------
    matplotlib.figure.Figure
    """
    places, shares = principal_components(top.h)
    styles, names = class_styles(len(classes)), short_names(classes, LETTERS)
    count = int(top.labeled.sum())
    title = f"Top hidden layer (width {top.h.shape[1]}): {len(top.h)} {top.rows_name}, {count} of them labeled"
    spread = np.ptp(places, axis=0)
    width = np.clip(HEIGHT * spread[0] / spread[1] if spread[1] else WIDEST, NARROWEST, WIDEST)
    beside = 2.2 * -(-len(classes) // LEGEND_LINES) if len(classes) <= LISTED_CLASSES else 1
    figure = new_figure(title, width + beside + 0.8, HEIGHT + 1.2)
    axes = figure.subplots()
    edged = {"s": 40 if count <= MANY else 16, "edgecolors": "black", "linewidths": 0.8}
    for labeled, look in ((False, {"s": 14, "alpha": 0.6, "linewidths": 0}), (True, edged)):
        for index in np.unique(top.classes[top.labeled == labeled]):
            rows = places[(top.labeled == labeled) & (top.classes == index)]
            shade, marker = styles[index]
            axes.scatter(*rows.T, color=[shade], marker=marker, **look)
    axes.set_aspect("equal", adjustable="datalim")
    x, y = (f"principal component {k} ({100 * share:.1f} % of the variance)" for k, share in enumerate(shares, 1))
    axes.set(xlabel=x, ylabel=y)
    _name_classes(axes, places / max(*(spread / (width, HEIGHT)), np.finfo(float).tiny), places, top.classes, names)
    _explain(figure, axes, names, styles)
    return figure


def principal_components(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates (n, 2) of the rows of h (n, d) along the two directions of the largest variance.

    With them, the directions' shares (2,) of the variance, 0 if nothing varies. The largest component of each
    direction is positive. With one unit, the second coordinate is 0.
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


def _name_classes(
    axes: Any, inches: np.ndarray, places: np.ndarray, indices: np.ndarray, names: Sequence[str]
) -> None:
    """Write the name of each class at the median of its rows, unless it would overlap another name."""
    halo = matplotlib("patheffects").withStroke(linewidth=3, foreground="white")
    written: list[tuple[np.ndarray, str]] = []
    for index in np.unique(indices):
        middle, name = np.median(inches[indices == index], axis=0), names[index]
        if not any(_touch(middle - other, len(name) + len(text)) for other, text in written):
            place = np.median(places[indices == index], axis=0)
            axes.annotate(name, place, ha="center", va="center", weight="bold", path_effects=[halo])
            written.append((middle, name))


def _touch(apart: np.ndarray, letters: int) -> bool:
    """Return whether two texts overlap, given the distance of their centers in inches and their letters in total."""
    return bool(abs(apart[0]) < 0.5 * LETTER[0] * letters and abs(apart[1]) < LETTER[1])


def _explain(figure: Figure, axes: Any, names: Sequence[str], styles: Sequence[tuple[Any, str]]) -> None:
    Line2D = matplotlib("lines").Line2D
    dot = {"linestyle": "none", "marker": "o", "color": "gray"}
    handles = [
        Line2D([], [], markersize=4, label="row without label: predicted class", **dot),
        Line2D([], [], markersize=7, markeredgecolor="black", label="labeled row: its class", **dot),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    explain_classes(figure, axes, names, styles)


def explain_classes(figure: Figure, axes: Any, names: Sequence[str], styles: Sequence[tuple[Any, str]]) -> None:
    """Say beside the axes which color and marker is which class; of many classes, only which are first and last."""
    if len(names) <= LISTED_CLASSES:
        marks = [
            matplotlib("lines").Line2D([], [], linestyle="none", marker=marker, color=shade, markersize=7, label=name)
            for name, (shade, marker) in zip(names, styles, strict=True)
        ]
        columns = -(-len(names) // LEGEND_LINES)
        axes.legend(handles=marks, title="class", loc="upper left", bbox_to_anchor=(1.01, 1), ncols=columns)
    else:
        bar = matplotlib("cm").ScalarMappable(
            cmap=matplotlib("colors").ListedColormap([shade for shade, _ in styles])
        )
        bar.set_clim(0, len(names))
        figure.colorbar(bar, ax=axes, label=f"class, {names[0]} to {names[-1]}", ticks=[])
