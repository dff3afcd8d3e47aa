"""Which classes the model takes for which, and the mistakes that it was surest of."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ladder_np.plots.inputs import show_image
from ladder_np.plots.rows import Features, Judged
from ladder_np.plots.style import Figure, dark_map, grid, matplotlib, new_figure, plain, styled

__all__ = ["confusion", "confusions"]

WRITTEN_CLASSES = 15  # up to so many, counts are written into the cells
FLAT_LETTERS = 3  # longer names are turned, so that they do not run into each other
DARK = 0.5  # a share whose cell is written on in white
NAMED_CLASSES = 10  # about so many, on an axis
SMALLEST_MARK, LARGEST_MARK = 9.0, 60.0  # points²
IMAGES, ROWS, FEATURES = 12, 12, 5  # mistakes shown: as images; as rows of a table, and its columns
PAIRS = 10  # of classes that are taken for each other


@styled
def confusion(judged: Judged, classes: np.ndarray, features: Features) -> Figure:
    """Draw the confusion matrix, and beside it the mistakes with the greatest confidence.

    Parameters
    ----------
    judged : Judged
    classes : (K,) array
        What the indices stand for.
    features : Features

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = [plain(name, 12) for name in classes]
    wrong = int((judged.predicted != judged.y).sum())
    share = 100 * wrong / len(judged.y)
    title = f"What the model makes of {len(judged.y)} {judged.which} rows: {wrong} wrong ({share:.2f} %)"
    figure = new_figure(title, 13, 5.8)
    left, right = figure.subfigures(1, 2, width_ratios=(6, 7))
    if len(classes) <= WRITTEN_CLASSES:
        _draw_matrix(left, *confusions(judged), names)
    else:
        _draw_confused(left, *confusions(judged), names)
    _draw_mistakes(right, judged, names, features)
    return figure


def confusions(judged: Judged) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the confusion matrix's cells that are not zero: true and predicted classes' indices, numbers of rows."""
    pairs = np.stack([judged.y, judged.predicted])
    (true, said), number = np.unique(pairs, axis=1, return_counts=True)
    return true, said, number


def _draw_matrix(figure: Any, true: np.ndarray, said: np.ndarray, number: np.ndarray, names: list[str]) -> None:
    """Draw all cells; the shade is the cell's share of its true class."""
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
    """Draw of many classes the cells off the diagonal alone, as marks that stay visible, and list the largest."""
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
    figure.suptitle("mistakes (what is right lies on the line)", fontsize=10)
    figure.colorbar(marks, ax=axes, location="bottom", label="rows", ticks=whole(5, integer=True), shrink=0.6)
    _list_pairs(beside, true, said, number, names)


def _name_axes(axes: Any, ticks: Sequence[int], names: list[str]) -> None:
    shown = [names[tick] for tick in ticks]
    if max(map(len, shown)) > FLAT_LETTERS:
        axes.set_xticks(ticks, shown, rotation=45, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(ticks, shown)
    axes.set_yticks(ticks, shown)
    axes.set(xlabel="predicted class", ylabel="true class")


def _list_pairs(axes: Any, true: np.ndarray, said: np.ndarray, number: np.ndarray, names: list[str]) -> None:
    """Write down the first cells."""
    cells = zip(true[:PAIRS], said[:PAIRS], number[:PAIRS], strict=True)
    lines = [f"{rows} × {names[row]} → {names[column]}" for row, column, rows in cells]
    axes.axis("off")
    head = "most frequent\n(true → predicted)\n\n" if lines else ""
    axes.text(0, 1, head + "\n".join(lines), va="top", fontsize=8, linespacing=1.5)


def _draw_mistakes(figure: Any, judged: Judged, names: list[str], features: Features) -> None:
    """Draw the mistakes of the greatest confidence, as images or as a table."""
    wrong = np.flatnonzero(judged.predicted != judged.y)
    surest = wrong[(-judged.confidence[wrong]).argsort(kind="stable")]
    if not len(wrong):
        figure.suptitle("no mistakes", fontsize=10)
    elif features.side:
        _draw_images(figure, judged, surest[:IMAGES], names, features)
    else:
        _write_table(figure, judged, surest[:ROWS], names, features)


def _draw_images(figure: Any, judged: Judged, rows: np.ndarray, names: list[str], features: Features) -> None:
    figure.suptitle("the mistakes that it was surest of", fontsize=10)
    for axes, row in zip(grid(figure, len(rows), 4), rows, strict=True):
        show_image(axes, judged.X[row], features)
        said, true = names[judged.predicted[row]], names[judged.y[row]]
        share = f"{100 * judged.confidence[row]:.0f} %"
        axes.set_title(f"said {said} ({share})\nis {true}, row {judged.numbers[row]}", fontsize=8)


def _write_table(figure: Any, judged: Judged, rows: np.ndarray, names: list[str], features: Features) -> None:
    some = f", first {FEATURES} of {len(features.names)} features" if len(features.names) > FEATURES else ""
    figure.suptitle(f"the mistakes that it was surest of{some}", fontsize=10)
    heads = ["row", "true", "said", "sure (%)", *(plain(name, 9) for name in features.names[:FEATURES])]
    cells = [
        [
            str(judged.numbers[row]),
            names[judged.y[row]],
            names[judged.predicted[row]],
            f"{100 * judged.confidence[row]:.1f}",
            *(f"{value:.4g}" for value in judged.X[row][:FEATURES]),
        ]
        for row in rows
    ]
    axes = figure.subplots()
    axes.axis("off")
    table = axes.table(cells, colLabels=heads, loc="upper center", cellLoc="right", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.scale(1, 1.5)
