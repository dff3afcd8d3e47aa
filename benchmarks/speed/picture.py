"""The picture: whole steps against the floor, and how our step grows."""

from pathlib import Path
from typing import Any

__all__ = ["draw"]

# Okabe and Ito's, told apart by color-blind readers too.
COLORS = {"ours": "#0072B2", "PyTorch": "#D55E00", "torch.compile": "#E69F00", "JAX jit": "#009E73"}
CURVE_STYLES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))


def draw(parts: dict[str, Any], path: Path) -> None:
    """Draw the parts ``step`` and ``scaling`` side by side, or the one that is there."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    panels = [(draw_part, parts[name]) for name, draw_part in PANELS.items() if name in parts]
    figure, axes = plt.subplots(1, len(panels), figsize=(6 * len(panels), 4.6), layout="constrained", squeeze=False)
    for ax, (draw_part, result) in zip(axes[0], panels, strict=True):
        draw_part(ax, result)
        ax.grid(alpha=0.3, axis="y")
        ax.set_axisbelow(True)
        ax.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=110)


def draw_steps(ax: Any, results: list[dict[str, Any]]) -> None:
    """Draw bars of step times, as multiples of the floor's; each bar is named by its milliseconds."""
    names = [name for name in COLORS if name in results[0]["timings"]]
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        places = [group - 0.4 + (number + 0.5) * width for group in range(len(results))]
        timings = [result["timings"][name]["median"] for result in results]
        ratios = [time / result["timings"]["floor"]["median"] for time, result in zip(timings, results, strict=True)]
        bars = ax.bar(places, ratios, 0.92 * width, color=COLORS[name], label=name)
        ax.bar_label(bars, [f"{time:.0f}" for time in timings], fontsize=8, padding=1)
    ax.margins(y=0.6)  # room for the legend
    ax.axhline(1, color="black", linestyle="--", label="floor: the products alone")
    labels = [
        f"{result['title'].replace(', ', chr(10))}\nfloor {result['timings']['floor']['median']:.0f} ms"
        for result in results
    ]
    ax.set_xticks(range(len(results)), labels, fontsize=8)
    ax.set_ylabel("step time / time of its matrix products in NumPy")
    ax.set_title("A training step (numbers on bars: ms)")


def draw_growth(ax: Any, results: list[dict[str, Any]]) -> None:
    """Draw our step's time over multiples of the usual value of each thing that grows."""
    for result, (color, marker) in zip(results, CURVE_STYLES, strict=True):
        x = [value / result["base"] for value in result["values"]]
        label = f"{result['title']}: exponent {result['exponent']:.2f}"
        ax.plot(x, [timing["median"] for timing in result["timings"]], marker=marker, color=color, label=label)
    from matplotlib.ticker import LogLocator

    ax.margins(y=0.3)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ticks = sorted({value / result["base"] for result in results for value in result["values"]})
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xlabel("multiple of the usual value")
    ax.set_ylabel("ms per step")
    ax.set_title("How our step's time grows")


PANELS = {"step": draw_steps, "scaling": draw_growth}
