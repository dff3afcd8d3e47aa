"""Small runs for the tests of pictures, and what a drawn figure holds."""

import contextlib
import math
from itertools import combinations
from pathlib import Path

import numpy as np

from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute
from ladder_np.experiments.settings import make_settings
from ladder_np.plots.style import png

NAMES = ("length", "width $cm$", "<b>mass</b> & much more than there is room for", "$x^2", "鸢尾")


def make_run(folder: Path, **named: object) -> Path:
    """Train a small network without saying a word; the run's folder."""
    settings = make_settings({"epochs": 3, "hidden_layers": (12, 8), **named})
    execute(prepare(settings, None, "cpu"), folder, lambda name, record: None)
    return folder


def write_flowers(path: Path) -> Path:
    """Write a table with three classes, 5, 6 and 7, five features with hostile names, and rows without label."""
    generator = np.random.default_rng(7)
    y = np.arange(150) % 3
    X = 2 * np.eye(5)[y] + generator.standard_normal((150, 5))
    lines = [",".join([*(f'"{name}"' for name in NAMES), "label"])]
    for number, (row, label) in enumerate(zip(X, y, strict=True)):
        lines.append(",".join([*(f"{value:.4f}" for value in row), str(5 + label) if number < 90 else ""]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def texts(figure) -> list[str]:
    """Every text that a figure shows, in the order in which it was made."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def overlaps(figure) -> list[tuple[str, str]]:
    """Pairs of texts that lie on each other; names of classes among the dots are left out."""
    from matplotlib.text import Annotation, Text

    png(figure)
    hidden = set(unseen_labels(figure))
    found = figure.findobj(lambda one: isinstance(one, Text) and not isinstance(one, Annotation))
    shown = [text for text in found if text.get_visible() and text.get_text().strip() and text not in hidden]
    boxes = [text.get_window_extent().padded(-1) for text in shown]
    pairs = combinations(zip(shown, boxes, strict=True), 2)
    return [
        (one.get_text(), other.get_text())
        for (one, a), (other, b) in pairs
        if a.overlaps(b) and not parallel(one, other, figure.dpi)
    ]


def parallel(one, other, dpi) -> bool:
    """Whether two texts slant alike, so that their boxes say nothing, and lie a line or more apart."""
    angle = math.radians(one.get_rotation())
    if not 0 < angle < math.pi / 2 or one.get_rotation() != other.get_rotation() or one.axes is not other.axes:
        return False
    (x, y), (x_other, y_other) = (text.get_transform().transform(text.get_position()) for text in (one, other))
    apart = abs(math.cos(angle) * (y_other - y) - math.sin(angle) * (x_other - x))
    return apart >= one.get_fontsize() * dpi / 72


def unseen_labels(figure):
    """The labels of ticks beyond their axis, and of axes that are switched off."""
    for axes in figure.findobj(lambda one: hasattr(one, "xaxis")):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not axes.axison or not low - slack <= tick.get_loc() <= high + slack:
                    yield from (tick.label1, tick.label2)


def lines_of(axes) -> dict[str, np.ndarray]:
    """The lines with a name in the legend: (points, 2) arrays."""
    return {line.get_label(): line.get_xydata() for line in axes.lines if not line.get_label().startswith("_")}


@contextlib.contextmanager
def changed_settings(**named):
    """A user's own settings of matplotlib, undone afterwards."""
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    mpl.rcParams.update({name.replace("__", "."): value for name, value in named.items()})
    try:
        yield
    finally:
        dict.update(mpl.rcParams, before)
