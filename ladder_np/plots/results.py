"""The picture of a table of results: test errors of all runs, their means and spreads, beside what was published."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.plots.style import OKABE_ITO, Figure, new_figure, plain, styled

__all__ = ["Drawn", "draw_results"]

LINE, MOST_LINES = 60, 6  # of a name: letters of a line, and lines
ROOM = 1.25  # beyond the smallest and the largest error on a logarithmic axis, as a factor
BESIDE = 0.22  # of a published result: how far it stands below the measured one


@dataclass(frozen=True, eq=False)
class Drawn:
    """One row: its errors (n,) in %, and the published mean and standard deviation, where they are known."""

    name: str
    errors: np.ndarray
    published: tuple[float, float | None] | None = None


@styled
def draw_results(rows: Sequence[Drawn]) -> Figure:
    """Draw a point for each run, mean and standard deviation of each row, from top to bottom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = [_wrapped(row.name) for row in rows]
    height = max(0.5, 0.19 * max(name.count("\n") + 1 for name in names) + 0.1)  # of a row, in inches
    figure = new_figure("", 10, 1.6 + height * len(rows))
    figure.suptitle("Test error", x=0.02, ha="left")  # the legend is beside it
    axes = figure.subplots()
    for place, row in enumerate(rows):
        axes.plot(row.errors, np.full(len(row.errors), place), "o", color=OKABE_ITO[0], markersize=4, alpha=0.5)
        spread = row.errors.std(ddof=1) if len(row.errors) > 1 else None
        _draw_mean(axes, place, float(row.errors.mean()), spread, OKABE_ITO[0])
        if row.published is not None:
            _draw_mean(axes, place + BESIDE, *row.published, OKABE_ITO[1])
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlabel="% of the test rows", ylim=(len(rows) - 0.5, -0.5))
    _set_scale(axes, rows)
    axes.plot([], [], "o", color=OKABE_ITO[0], markersize=4, alpha=0.5, label="one run")
    axes.plot([], [], "D-", color=OKABE_ITO[0], label="mean ± standard deviation")
    if any(row.published for row in rows):
        axes.plot([], [], "D-", color=OKABE_ITO[1], label="published, likewise")
    figure.legend(loc="outside upper right", ncols=3, fontsize=9)
    return figure


def _wrapped(name: str) -> str:
    """Return a name in short lines; of a very long one the first and the last, where data and model are named."""
    lines = textwrap.wrap(name, LINE, break_on_hyphens=False)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES // 2], "…", *lines[-(MOST_LINES // 2) :]]
    return "\n".join(plain(line, LINE) for line in lines)


def _set_scale(axes: Any, rows: Sequence[Drawn]) -> None:
    """Make the axis of errors logarithmic if they span more than a decade; zero, if it is there, is its left end."""
    published = [row.published[0] for row in rows if row.published is not None]
    errors = np.concatenate([*(row.errors for row in rows), published])
    positive = errors[errors > 0]
    if not len(positive) or positive.max() <= 10 * positive.min():
        return
    low, high = positive.min() / ROOM, positive.max() * ROOM
    ticks = [tick for power in range(-6, 3) for tick in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)]
    ticks = [tick for tick in ticks if low <= tick <= high]
    if len(positive) < len(errors):
        axes.set_xscale("symlog", linthresh=low, linscale=0.2)  # up to the smallest error it is linear
        low, ticks = -low / 3, [0.0, *ticks]
    else:
        axes.set_xscale("log")
    axes.set_xlim(low, high)  # a bar that goes on to zero is cut off
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(f"{axes.get_xlabel()}, on a logarithmic axis")


def _draw_mean(axes: Any, place: float, mean: float, deviation: float | None, color: str) -> None:
    if deviation is not None:
        axes.plot([mean - deviation, mean + deviation], [place, place], color=color, linewidth=2)
    axes.plot(mean, place, "D", color=color, markersize=6, zorder=3)
