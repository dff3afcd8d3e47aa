"""What unlabeled rows are worth on the embedded digits, by the number of labels; table and the README's picture.

    python benchmarks/digits.py [--seeds N] [--picture FILE.png]

Both models are trained by `ladder-np train`'s own code with its default settings; a seed fixes split, weights, noise
and order. The picture needs the extra ``plot``.
"""

import argparse
import itertools
import statistics
import tempfile
from pathlib import Path
from typing import Any

from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute
from ladder_np.experiments.settings import make_settings

LABELS = (20, 50, 100, 200, 500)
MODELS = ("supervised only", "ladder")
COLORS = {"supervised only": "#D55E00", "ladder": "#0072B2"}  # told apart by color-blind readers too


def measure(labels: int, seeds: int) -> dict[str, list[float]]:
    """Return each model's test errors in percent, one per seed."""
    errors: dict[str, list[float]] = {model: [] for model in MODELS}
    for seed in range(seeds):
        experiment = prepare(make_settings({"labels": labels, "seed": seed}), None, "cpu")
        with tempfile.TemporaryDirectory() as folder:
            _, measured = execute(experiment, Path(folder) / "run", lambda name, record: None)
        for model in MODELS:
            errors[model].append(measured[model].percent)
    return errors


def summary(values: list[float]) -> str:
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def draw_network(axes: Any) -> None:
    """Draw the ladder with two layers above the input: three columns of boxes and the arrows between them."""
    columns = {"corrupted": 0.14, "decoder": 0.5, "clean": 0.86}
    names = {
        "corrupted": (r"$\tilde{x}$", r"$\tilde{z}^{1}$", r"$\tilde{z}^{2}$"),
        "decoder": (r"$\hat{x}$", r"$\hat{z}^{1}$", r"$\hat{z}^{2}$"),
        "clean": (r"$x$", r"$z^{1}$", r"$z^{2}$"),
    }
    heights = (0.1, 0.38, 0.66)
    arrow = {"arrowstyle": "-|>", "color": "#444444", "shrinkA": 13, "shrinkB": 13}
    for column, x in columns.items():
        for name, y in zip(names[column], heights, strict=True):
            axes.text(x, y, name, ha="center", va="center", fontsize=14, bbox={"boxstyle": "round", "fc": "white"})
    for low, high in itertools.pairwise(heights):
        for column in ("corrupted", "clean"):
            axes.annotate("", (columns[column], high), (columns[column], low), arrowprops=arrow)
        axes.annotate("", (columns["decoder"], low), (columns["decoder"], high), arrowprops=arrow)
    for number, y in enumerate(heights):
        lateral = {**arrow, "color": COLORS["ladder"]}
        axes.annotate("", (columns["decoder"], y), (columns["corrupted"], y), arrowprops=lateral)
        cost = {**arrow, "arrowstyle": "-", "linestyle": "--", "color": COLORS["supervised only"]}
        axes.annotate("", (columns["clean"], y), (columns["decoder"], y), arrowprops=cost)
        axes.text(0.68, y + 0.03, f"$\\lambda_{number} C^{number}$", ha="center", fontsize=12)
        axes.text(0.32, y + 0.03, "$g$", ha="center", fontsize=12)
    axes.annotate("", (columns["corrupted"], 0.9), (columns["corrupted"], 0.66), arrowprops=arrow)
    axes.text(columns["corrupted"], 0.93, r"$\tilde{y}$: cross-entropy" + "\non labeled rows", ha="center")
    axes.annotate("", (columns["decoder"], 0.66), (columns["corrupted"], 0.9), arrowprops={**arrow, "shrinkA": 4})
    for column, x in columns.items():
        axes.text(x, -0.04, {"corrupted": "noisy encoder", "clean": "clean encoder"}.get(column, column), ha="center")
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.08, 1.06))
    axes.axis("off")
    axes.set_title("The ladder: the decoder rebuilds every clean layer")


def draw(results: dict[int, dict[str, list[float]]], seeds: int, path: Path) -> None:
    """Draw network and results side by side."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    draw_network(left)
    for model, marker, shift in zip(MODELS, "os", (0.97, 1.03), strict=True):  # so that bars do not hide each other
        means = [statistics.mean(results[labels][model]) for labels in LABELS]
        spreads = [statistics.stdev(results[labels][model]) for labels in LABELS]
        places = [shift * labels for labels in LABELS]
        right.errorbar(places, means, spreads, marker=marker, capsize=4, color=COLORS[model], label=model)
    right.set_xscale("log")
    right.set_xticks(LABELS, [str(labels) for labels in LABELS])
    right.minorticks_off()
    right.set_ylim(bottom=0)
    right.set(xlabel="labeled rows (of 1198 training rows)", ylabel="test error, %")
    right.set_title(f"8x8 digits: mean ± standard deviation of {seeds} seeds")
    right.grid(alpha=0.3)
    right.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    results = {}
    print(f"test error %, mean ± standard deviation of {arguments.seeds} seeds\n")
    print("| labels | supervised only | ladder |\n|---|---|---|")
    for labels in LABELS:
        results[labels] = measure(labels, arguments.seeds)
        print(f"| {labels} | " + " | ".join(summary(results[labels][model]) for model in MODELS) + " |", flush=True)
    if arguments.picture:
        draw(results, arguments.seeds, arguments.picture)


if __name__ == "__main__":
    main()
