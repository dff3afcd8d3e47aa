"""The picture of a table of results: test errors of all runs, their means and spreads, beside what was published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.plots.style import OKABE_ITO, Figure, new_figure, plain, styled

__all__ = ["Drawn", "draw_results"]

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
    figure = new_figure("", 10, 1.6 + 0.5 * len(rows))
    figure.suptitle("Test error", x=0.02, ha="left")  # the legend is beside it
    axes = figure.subplots()
    for place, row in enumerate(rows):
        axes.plot(row.errors, np.full(len(row.errors), place), "o", color=OKABE_ITO[0], markersize=4, alpha=0.5)
        spread = row.errors.std(ddof=1) if len(row.errors) > 1 else None
        _draw_mean(axes, place, float(row.errors.mean()), spread, OKABE_ITO[0])
        if row.published is not None:
            _draw_mean(axes, place + BESIDE, *row.published, OKABE_ITO[1])
    axes.set_yticks(range(len(rows)), [plain(row.name, 60) for row in rows])
    axes.set(xlabel="% of the test rows", ylim=(len(rows) - 0.5, -0.5))
    axes.plot([], [], "o", color=OKABE_ITO[0], markersize=4, alpha=0.5, label="one run")
    axes.plot([], [], "D-", color=OKABE_ITO[0], label="mean ± standard deviation")
    if any(row.published for row in rows):
        axes.plot([], [], "D-", color=OKABE_ITO[1], label="published, likewise")
    figure.legend(loc="outside upper right", ncols=3, fontsize=9)
    return figure


def _draw_mean(axes: Any, place: float, mean: float, deviation: float | None, color: str) -> None:
    if deviation is not None:
        axes.plot([mean - deviation, mean + deviation], [place, place], color=color, linewidth=2)
    axes.plot(mean, place, "D", color=color, markersize=6, zorder=3)
