"""What unlabeled rows are worth in two dimensions, where one can see it; tables and the README's picture.

    python benchmarks/two_dimensions.py [--seeds N] [--picture FILE.png]

A seed fixes the data, which rows are labeled, and the training. The settings were chosen on seeds from 1000 on; the
tables are of the seeds 0, 1, … The first has test errors. The second asks what the denoising costs can see: the
ladder is trained with a label on every row, once the right ones, once those that the supervised network gives, and
the costs are compared. The picture needs the extra ``plot``.
"""

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np import LadderClassifier

ROWS, TEST_ROWS = 600, 2000
LAMBDAS = (10.0, 3.0, 1.0, 1.0)  # the estimator's defaults for standardized features
# Statistics as in the paper, because the labels are even; noise narrower than the gaps between the classes.
SETTINGS: dict[str, Any] = {"hidden_layer_sizes": (100, 50), "labeled_statistics": "own", "noise_std": 0.1}
MODELS = {"supervised only": 0.0, "ladder": LAMBDAS}
COLORS = ("#0072B2", "#D55E00", "#56B4E9", "#CC79A7", "#009E73", "#E69F00")  # told apart by color-blind readers too


def six_sticks(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of six long, thin clusters on a circle, each turned at random."""
    y = rng.integers(0, 6, rows)
    turn = rng.uniform(0, np.pi, 6)[y]
    along, across = rng.uniform(-2, 2, rows), 0.15 * rng.normal(size=rows)
    x = 4 * np.cos(np.pi * y / 3) + along * np.cos(turn) - across * np.sin(turn)
    return np.column_stack([x, 4 * np.sin(np.pi * y / 3) + along * np.sin(turn) + across * np.cos(turn)]), y


def two_moons(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of two half circles that reach into each other, with noise of 0.1."""
    y = rng.integers(0, 2, rows)
    angle = rng.uniform(0, np.pi, rows)
    x = np.where(y == 0, np.cos(angle), 1 - np.cos(angle))
    height = np.where(y == 0, np.sin(angle), 0.5 - np.sin(angle))
    return np.column_stack([x, height]) + 0.1 * rng.normal(size=(rows, 2)), y


@dataclass(frozen=True)
class Task:
    """A data set, and how many rows of each class are labeled."""

    name: str
    make: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
    labels: int


TASKS = (
    Task("six sticks", six_sticks, 1),
    Task("six sticks", six_sticks, 3),
    Task("two moons", two_moons, 3),
    Task("two moons", two_moons, 10),
)


@dataclass(frozen=True)
class Sample:
    """Training rows with all labels and with the few that are given (-1 elsewhere), and test rows."""

    X: np.ndarray
    y: np.ndarray
    given: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def draw_sample(task: Task, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    X, y = task.make(ROWS + TEST_ROWS, rng)
    given = np.full(ROWS, -1)
    for label in np.unique(y):
        rows = rng.choice(np.flatnonzero(y[:ROWS] == label), task.labels, replace=False)
        given[rows] = label
    return Sample(X[:ROWS], y[:ROWS], given, X[ROWS:], y[ROWS:])


def train(X: np.ndarray, y: np.ndarray, weights: Any, seed: int) -> LadderClassifier:
    return LadderClassifier(denoising_weights=weights, random_state=seed, **SETTINGS).fit(X, y)


def percent_wrong(task: Task, seed: int) -> dict[str, float]:
    """Return each model's test error in percent."""
    sample = draw_sample(task, seed)
    models = {name: train(sample.X, sample.given, weights, seed) for name, weights in MODELS.items()}
    return {name: 100 * (1 - model.score(sample.X_test, sample.y_test)) for name, model in models.items()}


def cost_difference(task: Task, seed: int) -> float:
    """Return by how much, in percent, the denoising costs are higher with the supervised network's boundary.

    The ladder is trained with a label on every row: the right ones, and those of the network that was trained on the
    few given ones. Costs are Σ λₗ Cˡ, the mean of the last ten epochs.
    """
    sample = draw_sample(task, seed)
    drawn = train(sample.X, sample.given, 0.0, seed).predict(sample.X)
    right, wrong = (np.mean(train(sample.X, y, LAMBDAS, seed).history_["denoising"][-10:]) for y in (sample.y, drawn))
    return 100 * (wrong / right - 1)


def summary(values: list[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.1f} ± {spread:.1f}"


def measure_errors(seeds: int) -> dict[Task, list[dict[str, float]]]:
    """Print the table of test errors, and return them by seed."""
    print(f"test error in %, mean ± standard deviation of {seeds} seeds of data, labels and training\n")
    print("| data, labeled rows of each class | supervised only | ladder | ladder better in |\n|---|---:|---:|---:|")
    results = {}
    for task in TASKS:
        results[task] = errors = [percent_wrong(task, seed) for seed in range(seeds)]
        columns = " | ".join(summary([error[model] for error in errors]) for model in MODELS)
        better = sum(error["ladder"] < error["supervised only"] for error in errors)
        print(f"| {task.name}, {task.labels} | {columns} | {better} of {seeds} |", flush=True)
    return results


def measure_costs(seeds: int) -> None:
    """Print the table of what the denoising costs can see."""
    print("\nΣ λₗ Cˡ with all rows labeled by the supervised network, above that with the right labels\n")
    print("| data, labeled rows of each class | difference in % | higher in |\n|---|---:|---:|")
    for task in (TASKS[0], TASKS[2]):
        differences = [cost_difference(task, seed) for seed in range(seeds)]
        higher = sum(difference > 0 for difference in differences)
        print(f"| {task.name}, {task.labels} | {summary(differences)} | {higher} of {seeds} |", flush=True)


def median_seed(errors: list[dict[str, float]]) -> int:
    """Return the seed whose gain is the median of all (the lower one of two)."""
    gains = [error["supervised only"] - error["ladder"] for error in errors]
    return gains.index(statistics.median_low(gains))


def draw(task: Task, seed: int, path: Path) -> None:
    """Draw both models' regions of the classes; unlabeled rows faint, or crossed if wrong, labeled ones large."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    sample = draw_sample(task, seed)
    low, high = sample.X.min(axis=0) - 0.5, sample.X.max(axis=0) + 0.5
    axes_of_grid = [np.linspace(start, stop, 300) for start, stop in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes_of_grid), axis=-1)
    hidden = sample.given < 0
    layout = ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.1)
    figure, panels = plt.subplots(1, 2, figsize=(10, 5.6), layout=layout)
    for panel, (name, weights) in zip(panels, MODELS.items(), strict=True):
        model = train(sample.X, sample.given, weights, seed)
        regions = model.predict(grid.reshape(-1, 2)).reshape(grid.shape[:2])
        panel.pcolormesh(*axes_of_grid, regions, cmap=ListedColormap(COLORS), vmin=-0.5, vmax=5.5, alpha=0.3, lw=0)
        wrong = hidden & (model.predict(sample.X) != sample.y)
        panel.scatter(*sample.X[hidden & ~wrong].T, s=7, color="#333333", alpha=0.45, lw=0)
        panel.scatter(*sample.X[wrong].T, s=26, color="black", marker="x", lw=1.3)
        for label, (color, marker) in enumerate(zip(COLORS, "osD^vP", strict=True)):
            place = sample.X[sample.given == label].T
            panel.scatter(*place, s=190, color=color, marker=marker, edgecolor="black", lw=1.8, zorder=3)
        error = 100 * (1 - model.score(sample.X_test, sample.y_test))
        panel.set_title(f"{name}: {error:.1f} % test error", fontsize=16, pad=9)
        panel.set(xticks=[], yticks=[], aspect="equal")
    counts = f"Labels of each class: {task.labels} (large mark); rows without: {hidden.sum()} (dots; crosses: wrong)"
    figure.suptitle(counts, fontsize=15)
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error(f"--seeds {arguments.seeds}: expected 1 or more")
    results = measure_errors(arguments.seeds)
    measure_costs(arguments.seeds)
    if arguments.picture:
        seed = median_seed(results[TASKS[0]])
        draw(TASKS[0], seed, arguments.picture)
        print(f"\n{arguments.picture} shows seed {seed}, whose gain is the median")


if __name__ == "__main__":
    main()
