"""The picture of a comparison: errors of all methods, and their differences to the ladder, repeat by repeat."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.plots.style import OKABE_ITO, Figure, new_figure, plain, styled

__all__ = ["Compared", "draw_comparison"]

CAPTION = 120  # characters of a line below
ABREAST, APART = 0.32, 0.12  # equal values: how far they spread to either side of their line, and stand apart at most


@dataclass(frozen=True, eq=False)
class Compared:
    """One method's shares of errors (repeats,), and where it is not the ladder what is drawn of their difference."""

    name: str
    errors: np.ndarray
    minus_ladder: np.ndarray | None = None  # (repeats,)
    interval: tuple[float, float] = (math.nan, math.nan)  # NaN: not known


@styled
def draw_comparison(methods: Sequence[Compared], sentences: Sequence[str]) -> Figure:
    """Draw a point for each repeat, means, and the intervals of the differences; methods from top to bottom.

    Parameters
    ----------
    methods : sequence of Compared
        The ladder first.
    sentences : sequence of str
        What is written below.

    Returns
    -------
    matplotlib.figure.Figure
    """
    lines = [line for text in sentences for line in textwrap.wrap(text, CAPTION)]
    figure = new_figure("", 10, 2.4 + 0.45 * len(methods) + 0.2 * len(lines))
    figure.suptitle("Did the unlabeled rows help?", x=0.02, ha="left")  # the legend is beside it
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1))
    for place, method in enumerate(methods):
        _draw_points(left, place, method.errors)
        left.plot(100 * method.errors.mean(), place, "D", color=OKABE_ITO[1], markersize=7, zorder=3)
        if method.minus_ladder is not None:
            _draw_points(right, place, method.minus_ladder)
            _draw_mean(right, place, method)
    right.axvline(0, color="black", linewidth=1)
    left.set(title="error on the test rows", xlabel="% of the test rows")
    left.set_xlim(left=-2)
    right.set(
        title="error minus the ladder's, same split", xlabel="percentage points; right of 0 the ladder is better"
    )
    left.set_yticks(range(len(methods)), [plain(method.name, 30) for method in methods])
    left.set_ylim(len(methods) - 0.5, -0.5)
    _legend(figure, left, right)
    figure.supxlabel("\n".join(plain(line, CAPTION) for line in lines), x=0.02, ha="left", fontsize=10)
    return figure


def _draw_points(axes: Any, place: int, shares: np.ndarray) -> None:
    """Draw one point per repeat; equal values stand abreast."""
    values, counts = np.unique(np.round(shares, 9), return_counts=True)
    apart = min(APART, 2 * ABREAST / max(int(counts.max()) - 1, 1))
    for value, count in zip(values, counts, strict=True):
        beside = apart * (np.arange(count) - (count - 1) / 2)
        axes.plot(np.full(count, 100 * value), place + beside, "o", color=OKABE_ITO[0], markersize=4, alpha=0.5)


def _draw_mean(axes: Any, place: int, method: Compared) -> None:
    assert method.minus_ladder is not None
    low, high = method.interval
    if not math.isnan(low):
        axes.plot([100 * low, 100 * high], [place, place], color=OKABE_ITO[1], linewidth=3, zorder=2)
    axes.plot(100 * method.minus_ladder.mean(), place, "D", color=OKABE_ITO[1], markersize=7, zorder=3)


def _legend(figure: Figure, left: Any, right: Any) -> None:
    left.plot([], [], "o", color=OKABE_ITO[0], markersize=4, alpha=0.5, label="one repeat")
    left.plot([], [], "D", color=OKABE_ITO[1], label="mean")
    right.plot([], [], color=OKABE_ITO[1], linewidth=3, label="95 % interval of the mean")
    figure.legend(loc="outside upper right", ncols=3, fontsize=9)
