"""The only module that imports matplotlib: the style of all pictures, colors, and figures as PNG files.

Only matplotlib's objects are used, never pyplot, so that a caller's own figures and settings are not changed.
"""

import bisect
import functools
import importlib
import io
import itertools
import math
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import takewhile
from typing import Any

import numpy as np

from ladder_np.errors import InputError

__all__ = [
    "OKABE_ITO",
    "balanced",
    "cell_size",
    "class_styles",
    "colors",
    "dark_map",
    "explain_images",
    "grid",
    "limits",
    "map_color",
    "matplotlib",
    "new_figure",
    "plain",
    "png",
    "short_names",
    "show_image",
    "stamp",
    "styled",
    "thinned",
]

Figure = Any  # matplotlib's, which need not be installed

# The palette of Okabe and Ito, which color-blind readers can tell apart; its faintest color comes last but one.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
# Of classes: the palette without black, which is the edge of labeled rows, and three more colors.
CLASS_COLORS = (*OKABE_ITO[:7], "#7F3C8D", "#8C564B", "#A6D854")
MOST_STYLES = 40
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">")
MAP = "viridis"  # perceptually uniform
BRIGHTEST = 0.93  # upper end of the map that is used: the rest is too faint on white

OUTLIERS = 0.005  # share of an image's values on each side that are cut off where no largest pixel is known
MOST_STRETCHED = 1.5  # the cell of an oblong image is at most so much wider or higher than that of a square one

TITLE, SMALL_LINE, SMALL_LETTER = 0.26, 0.19, 0.075  # of the title and of the lines below it, in inches

STYLE = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "legend.fontsize": 9,
    "figure.titlesize": 12,
    "figure.dpi": 110,
    "savefig.dpi": 110,
}


def matplotlib(module: str = "") -> Any:
    """Return matplotlib, or one of its modules; raise `InputError` if it is not installed, or cannot be imported."""
    try:
        return importlib.import_module(f"matplotlib.{module}" if module else "matplotlib")
    except ModuleNotFoundError:
        remedy = "install it with pip install 'ladder-np[plot]'"
        raise InputError(f"pictures need matplotlib, which is not installed; {remedy}") from None
    except Exception as error:  # a broken installation, or a user's settings with an error, read when it is imported
        reason = " ".join(str(error).split())
        raise InputError(f"pictures need matplotlib, which cannot be imported: {reason}") from None


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Make a function draw in this style, independent of the user's own settings of matplotlib."""

    @functools.wraps(draw)
    def drawn(*arguments: Any, **named: Any) -> Figure:
        with _style():
            return draw(*arguments, **named)

    return drawn


def _style() -> AbstractContextManager[None]:
    return matplotlib("style").context(STYLE, after_reset=True)


def new_figure(title: str, width: float, height: float) -> Figure:
    """Return an empty figure with constrained layout; sizes in inches."""
    figure = matplotlib("figure").Figure((width, height), layout="constrained")
    matplotlib("backends.backend_agg").FigureCanvasAgg(figure)
    figure.suptitle(title)
    return figure


def grid(figure: Figure, count: int, columns: int) -> list[Any]:
    """Return `count` axes in `columns` columns, row by row."""
    rows = -(-count // columns)
    cells = figure.add_gridspec(rows, columns)
    return [figure.add_subplot(cells[place]) for place in itertools.islice(np.ndindex(rows, columns), count)]


def balanced(count: int, most: int) -> int:
    """Return a number of columns, at most `most`, with which as few cells of a grid as can be stay empty."""
    widest = max(1, min(count, most))
    return min(range(widest, widest // 2, -1), key=lambda number: -count % number)


def stamp(figure: Figure, text: str) -> Figure:
    """Write small lines below the title, at the right: what the picture is of."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(text, int(width / SMALL_LETTER))
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - SMALL_LINE * len(lines) / height))
    place = {"x": 0.995, "y": 1 - TITLE / height, "ha": "right", "va": "top"}
    figure.text(s="\n".join(lines), fontsize=8, color="0.35", in_layout=False, **place)
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file; figures of the same data give the same bytes."""
    file = io.BytesIO()
    with _style(), warnings.catch_warnings():
        # Names from files may contain any character.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def colors(count: int) -> list[Any]:
    """Return `count` colors: from the palette if it has enough, else from the perceptually uniform map."""
    if count <= len(OKABE_ITO):
        return list(OKABE_ITO[:count])
    return [map_color(place) for place in np.linspace(0, 1, count)]


def class_styles(count: int) -> list[tuple[Any, str]]:
    """Return a color and a marker for each class: ten classes differ in both, forty in one of the two at least.

    Of more classes the colors come from the perceptually uniform map, in the order of the classes.
    """
    shades = CLASS_COLORS if count <= MOST_STYLES else [map_color(place) for place in np.linspace(0, 1, count)]
    turns = (divmod(k, len(CLASS_COLORS)) for k in range(count))
    return [
        (shades[k % len(shades)], MARKERS[(place + turn) % len(MARKERS)]) for k, (turn, place) in enumerate(turns)
    ]


def map_color(share: float) -> tuple[float, ...]:
    """Return the color at a position from 0 to 1 of the perceptually uniform map."""
    return matplotlib().colormaps[MAP](BRIGHTEST * share)


def dark_map() -> Any:
    """Return the darker part of the map, for single marks on white; larger values are darker."""
    return matplotlib("colors").ListedColormap([map_color(share) for share in np.linspace(0.75, 0, 256)])


def plain(text: object, longest: int = 20) -> str:
    """Return a text from a file that matplotlib shows literally: one line, not a formula, not too long."""
    return _cut(_one_line(text), longest).replace("$", r"\$")


def short_names(names: Iterable[object], longest: int) -> list[str]:
    """Return names of at most so many letters: cut at the end; those that would be alike then, around the place where
    they differ; and those that still would be, with their number in front.
    """
    whole = [_one_line(name) for name in names]
    order = sorted(set(whole))
    short = {name: _cut(name, longest) for name in order}
    for name in _alike(short):
        short[name] = _cut_around_the_difference(name, order, longest)
    for name in _alike(short):
        short[name] = _cut(f"{whole.index(name)}: {name}", longest)
    return [short[name].replace("$", r"\$") for name in whole]


def _alike(short: Mapping[str, str]) -> list[str]:
    """Return the names that are not the only one with their short name."""
    times = Counter(short.values())
    return [name for name, text in short.items() if times[text] > 1]


def _one_line(text: object) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _cut_around_the_difference(name: str, order: Sequence[str], longest: int) -> str:
    """Return the beginning of a long name, and the letters by which it differs from its neighbors in `order`."""
    if len(name) <= longest:
        return name
    place = bisect.bisect_left(order, name)
    beside = [order[other] for other in (place - 1, place + 1) if 0 <= other < len(order)]
    common = max(sum(takewhile(bool, map(str.__eq__, name, other))) for other in beside)
    head = longest // 3
    width = longest - head - 2  # the letters between two …
    start = max(head, min(common - width // 3, len(name) - width))
    return f"{name[:head]}…{_cut(name[start:], width + 1)}"


def cell_size(shape: tuple[int, ...], side: float) -> tuple[float, float]:
    """Return width and height of a cell for images (height, width, …), as large as a square of a side, in inches."""
    stretch = min(max(math.sqrt(shape[1] / shape[0]), 1 / MOST_STRETCHED), MOST_STRETCHED)
    return side * stretch, side / stretch


def explain_images(figure: Figure, note: str) -> None:
    """Write below the images what they are, if there is something to say."""
    if note:
        figure.supxlabel(note, fontsize=8)


def limits(values: np.ndarray) -> tuple[float, float]:
    """Return what is drawn black and white in images of these values: their ends, without outliers."""
    low, high = np.quantile(values, (OUTLIERS, 1 - OUTLIERS))
    return (float(low), float(high)) if low < high else (float(low) - 1, float(high) + 1)


def show_image(axes: Any, image: np.ndarray, black_and_white: tuple[float, float]) -> None:
    """Draw an image (height, width), or in color (height, width, 3); what lies beyond black and white is cut off."""
    image, (low, high) = np.asarray(image, np.float64), black_and_white
    if image.ndim == 2:
        axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    else:
        axes.imshow(np.clip((image - low) / (high - low), 0, 1), interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def thinned(values: Sequence[Any], most: int) -> list[Any]:
    """Return at most `most` of the values, evenly spaced, with the first and the last."""
    if len(values) <= most:
        return list(values)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, most)]
