"""The only module that imports matplotlib: the style of all pictures, colors, and figures as PNG files.

Only matplotlib's objects are used, never pyplot, so that a caller's own figures and settings are not changed.
"""

import functools
import importlib
import io
import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ladder_np.errors import InputError

__all__ = [
    "OKABE_ITO",
    "colors",
    "dark_map",
    "grid",
    "map_color",
    "matplotlib",
    "new_figure",
    "plain",
    "png",
    "show_image",
    "styled",
    "thinned",
]

Figure = Any  # matplotlib's, which need not be installed

# The palette of Okabe and Ito, which color-blind readers can tell apart; its faintest color comes last but one.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
MAP = "viridis"  # perceptually uniform
BRIGHTEST = 0.93  # upper end of the map that is used: the rest is too faint on white

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


def map_color(share: float) -> tuple[float, ...]:
    """Return the color at a position from 0 to 1 of the perceptually uniform map."""
    return matplotlib().colormaps[MAP](BRIGHTEST * share)


def dark_map() -> Any:
    """Return the darker part of the map, for single marks on white; larger values are darker."""
    return matplotlib("colors").ListedColormap([map_color(share) for share in np.linspace(0.75, 0, 256)])


def plain(text: object, longest: int = 20) -> str:
    """Return a text from a file that matplotlib shows literally: one line, not a formula, not too long."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(text))
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return text.replace("$", r"\$")


def show_image(axes: Any, row: np.ndarray, maximum: int | None) -> None:
    """Draw one row of square pixels: 0 black, the maximum white."""
    side = math.isqrt(len(row))
    axes.imshow(row.reshape(side, side), cmap="gray", vmin=0, vmax=maximum, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def thinned(values: Sequence[Any], most: int) -> list[Any]:
    """Return at most `most` of the values, evenly spaced, with the first and the last."""
    if len(values) <= most:
        return list(values)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, most)]
