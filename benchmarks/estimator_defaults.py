"""How `LadderClassifier`'s defaults were chosen: validation error of settings on different data sets with few labels.

    OPENBLAS_NUM_THREADS=1 python benchmarks/estimator_defaults.py [--seeds N] [--only …] [--tasks …] [--json FILE]

Needs scikit-learn. A quarter of each data set's rows are for validation, the others are trained on, of these as many
with their label as the table says; a seed fixes both and the training. Labels are chosen in one of three ways:
evenly, in turn from each class; at random, as when somebody labels what comes first; or unevenly, so that every
second class has a sixth of the labels of the others, whatever its share of all rows. Of the embedded digits a third
is set aside before, as test rows that no choice looks at. Results go to the file after each setting, and the table is
printed of all that the file holds.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np import LadderClassifier
from ladder_np.data.readers import load_digits

Data = tuple[np.ndarray, np.ndarray]

CHOSEN: dict[str, Any] = {
    "denoising_weights": None,
    "noise_std": 0.3,
    "batch_size": 50,
    "learning_rate_init": 0.004,
    "max_iter": 100,
    "hidden_layer_sizes": (200, 100),
    "labeled_statistics": "unlabeled",
    "class_weight": None,
}
UNEVEN = 6  # the labels of a class over those of the next, where they are uneven
LARGER = "30 over the variance, 10, 1, 1"
SETTINGS: dict[str, dict[str, Any]] = {
    "chosen": {},
    "own statistics": {"labeled_statistics": "own"},
    "own, balanced classes": {"labeled_statistics": "own", "class_weight": "balanced"},
    "balanced classes": {"class_weight": "balanced"},
    "λ 0: supervised only": {"denoising_weights": 0.0},
    "larger λ: 30, 10, 1": {"denoising_weights": LARGER},
    "noise 0.2": {"noise_std": 0.2},
    "rate 0.002": {"learning_rate_init": 0.002},
    "batches of 100": {"batch_size": 100},
    "the paper's λ, rate, batches": {
        "denoising_weights": (1000.0, 10.0, 0.1, 0.1),
        "learning_rate_init": 0.002,
        "batch_size": 100,
        "labeled_statistics": "own",
    },
}
# Data sets, numbers of labels, and how these are chosen.
TASKS = [
    ("digits, 8-bit", 20, "even"),
    ("digits, 8-bit", 50, "even"),
    ("digits, 8-bit", 200, "even"),
    ("digits", 50, "even"),
    ("digits", 200, "even"),
    ("wine", 20, "even"),
    ("iris", 20, "even"),
    ("breast cancer", 20, "even"),
    ("breast cancer", 100, "even"),
    ("two moons", 20, "even"),
    ("20 blobs", 60, "even"),
    ("8 clusters", 50, "even"),
    ("8 clusters", 200, "even"),
    ("circles", 20, "even"),
    ("rare class", 20, "even"),
    ("digits, 8-bit", 50, "random"),
    ("wine", 20, "random"),
    ("iris", 20, "random"),
    ("breast cancer", 20, "random"),
    ("two moons", 20, "random"),
    ("8 clusters", 50, "random"),
    ("rare class", 20, "random"),
    ("digits, 8-bit", 110, "uneven"),
    ("wine", 20, "uneven"),
    ("iris", 20, "uneven"),
    ("breast cancer", 24, "uneven"),
    ("two moons", 20, "uneven"),
    ("20 blobs", 140, "uneven"),
    ("8 clusters", 50, "uneven"),
]


def digits_rows() -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the embedded digits' rows for training and validation, and of those for the test."""
    order = np.random.default_rng(20).permutation(1797)
    return order[:1198], order[1198:]


def digits() -> Data:
    """Return the embedded digits without the rows for the test."""
    data, (rows, _) = load_digits(), digits_rows()
    return data.X[rows], data.y[rows]


def load(name: str) -> Data:
    """Return a data set's features and classes."""
    from sklearn import datasets

    makers: dict[str, Callable[[], Data]] = {
        "digits, 8-bit": digits,
        "digits": lambda: (digits()[0].astype(np.float64), digits()[1]),
        "wine": lambda: datasets.load_wine(return_X_y=True),
        "iris": lambda: datasets.load_iris(return_X_y=True),
        "breast cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
        "two moons": lambda: datasets.make_moons(600, noise=0.15, random_state=0),
        "20 blobs": lambda: datasets.make_blobs(1200, n_features=5, centers=20, cluster_std=1.2, random_state=0),
        "8 clusters": lambda: datasets.make_classification(
            1200, 20, n_informative=8, n_redundant=4, n_classes=4, class_sep=1.5, random_state=0
        ),
        "circles": lambda: datasets.make_circles(600, noise=0.05, factor=0.5, random_state=1),
        "rare class": lambda: datasets.make_classification(
            1200, 12, n_informative=6, n_clusters_per_class=1, weights=[0.9], class_sep=1.5, random_state=0
        ),
    }
    return makers[name]()


def choose_labels(y: np.ndarray, rows: np.ndarray, labels: int, kind: str) -> np.ndarray:
    """Return y with −1 in all but `labels` of the given rows, which are in random order.

    "even" takes them in turn from each class, "uneven" six times as often from every second class; "random" takes the
    first ones, with at least one of each class.
    """
    turn = np.empty(len(rows))
    for k, label in enumerate(np.unique(y)):
        of_class = np.flatnonzero(y[rows] == label)
        turn[of_class] = np.arange(len(of_class)) * (UNEVEN if kind == "uneven" and k % 2 else 1)
        if kind == "random":
            turn[of_class[1:]] = 1 + of_class[1:]
    chosen = rows[np.argsort(turn, kind="stable")[:labels]]
    known = np.full(len(y), -1)
    known[chosen] = y[chosen]
    return known


def validation_error(setting: dict[str, Any], name: str, labels: int, kind: str, seed: int) -> float:
    """Return the error in percent on the validation rows."""
    X, y = load(name)
    order = np.random.default_rng(seed).permutation(len(y))
    validation, training = order[: len(y) // 4], order[len(y) // 4 :]
    known = choose_labels(y, training, labels, kind)
    params = {**CHOSEN, **setting}
    if params["denoising_weights"] == LARGER:
        variance = (X / X.max()).var(axis=0).mean() if X.dtype == np.uint8 else 1.0  # as the estimator scales X
        params["denoising_weights"] = (30.0 / variance, 10.0, 1.0, 1.0)
    model = LadderClassifier(random_state=seed, **params).fit(X[training], known[training])
    return 100 * (1 - model.score(X[validation], y[validation]))


def describe(task: tuple[str, int, str]) -> str:
    """Return what a task is called in the file and the table."""
    name, labels, kind = task
    return f"{name}, {labels} labels, {kind}"


def table(results: dict[str, dict[str, list[float]]]) -> str:
    """Return a markdown table, one line per task and one column per setting."""
    lines = ["| validation error, % | " + " | ".join(results) + " |", "|---|" + "---:|" * len(results)]
    for task in map(describe, TASKS):
        means = [statistics.mean(result[task]) for result in results.values()]
        lines.append(f"| {task} | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    for kind in ("even", "random", "uneven", ""):
        chosen = [task for task in map(describe, TASKS) if task.endswith(f", {kind}" if kind else "")]
        means = [statistics.mean(statistics.mean(result[task]) for task in chosen) for result in results.values()]
        lines.append(f"| **mean, {kind or 'all'}** | " + " | ".join(f"**{mean:.2f}**" for mean in means) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--tasks", nargs="+", choices=sorted({task[0] for task in TASKS}), help="default: all")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/estimator_defaults.json"))
    arguments = parser.parse_args()
    results = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.exists() else {}
    for setting in arguments.only:
        result = results.setdefault(setting, {})
        for task in TASKS:
            if arguments.tasks and task[0] not in arguments.tasks:
                continue
            errors = [validation_error(SETTINGS[setting], *task, seed) for seed in range(arguments.seeds)]
            result[describe(task)] = [round(value, 3) for value in errors]
        arguments.json.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"mean of {arguments.seeds} seeds\n")
    print(table({name: results[name] for name in SETTINGS if name in results}))


if __name__ == "__main__":
    main()
