"""How `LadderClassifier`'s defaults were chosen: validation error of settings on different data sets with few labels.

    OPENBLAS_NUM_THREADS=1 python benchmarks/estimator_defaults.py [--seeds N] [--only …] [--tasks …] [--json FILE]

Needs scikit-learn. A quarter of each data set's rows are for validation, the others are trained on, of these as many
with their label as the table says, in turn from each class; a seed fixes both and the training. Of the embedded
digits a third is set aside before, as test rows that no choice looks at. Results go to the file after each setting,
and the table is printed of all that the file holds.
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
}
LARGER = "30 over the variance, 10, 1, 1"
SETTINGS: dict[str, dict[str, Any]] = {
    "chosen": {},
    "λ 0: supervised only": {"denoising_weights": 0.0},
    "larger λ: 30, 10, 1": {"denoising_weights": LARGER},
    "noise 0.2": {"noise_std": 0.2},
    "rate 0.002": {"learning_rate_init": 0.002},
    "batches of 100": {"batch_size": 100},
    "the paper's λ, rate, batches": {
        "denoising_weights": (1000.0, 10.0, 0.1, 0.1),
        "learning_rate_init": 0.002,
        "batch_size": 100,
    },
}
# Data sets and numbers of labels.
TASKS = [
    ("digits, 8-bit", 20),
    ("digits, 8-bit", 50),
    ("digits, 8-bit", 200),
    ("digits", 50),
    ("digits", 200),
    ("wine", 20),
    ("iris", 20),
    ("breast cancer", 20),
    ("breast cancer", 100),
    ("two moons", 20),
    ("20 blobs", 60),
    ("8 clusters", 50),
    ("8 clusters", 200),
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
    }
    return makers[name]()


def choose_labels(y: np.ndarray, rows: np.ndarray, labels: int) -> np.ndarray:
    """Return y with −1 in all but `labels` of the given rows, which are taken in turn from each class."""
    turn = np.empty(len(rows), dtype=np.int64)
    for k in np.unique(y):
        of_class = y[rows] == k
        turn[of_class] = np.arange(of_class.sum())
    chosen = rows[np.argsort(turn, kind="stable")[:labels]]
    known = np.full(len(y), -1)
    known[chosen] = y[chosen]
    return known


def validation_error(setting: dict[str, Any], name: str, labels: int, seed: int) -> float:
    """Return the error in percent on the validation rows."""
    X, y = load(name)
    order = np.random.default_rng(seed).permutation(len(y))
    validation, training = order[: len(y) // 4], order[len(y) // 4 :]
    known = choose_labels(y, training, labels)
    params = {**CHOSEN, **setting}
    if params["denoising_weights"] == LARGER:
        variance = (X / X.max()).var(axis=0).mean() if X.dtype == np.uint8 else 1.0  # as the estimator scales X
        params["denoising_weights"] = (30.0 / variance, 10.0, 1.0, 1.0)
    model = LadderClassifier(random_state=seed, **params).fit(X[training], known[training])
    return 100 * (1 - model.score(X[validation], y[validation]))


def table(results: dict[str, dict[str, list[float]]]) -> str:
    """Return a markdown table, one line per task and one column per setting."""
    lines = ["| validation error, % | " + " | ".join(results) + " |", "|---|" + "---:|" * len(results)]
    for name, labels in TASKS:
        task = f"{name}, {labels} labels"
        means = [statistics.mean(result[task]) for result in results.values()]
        lines.append(f"| {task} | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    means = [statistics.mean(map(statistics.mean, result.values())) for result in results.values()]
    lines.append("| **mean** | " + " | ".join(f"**{mean:.2f}**" for mean in means) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--tasks", nargs="+", choices=sorted({name for name, _ in TASKS}), help="default: all")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/estimator_defaults.json"))
    arguments = parser.parse_args()
    results = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.exists() else {}
    for setting in arguments.only:
        result = results.setdefault(setting, {})
        for name, labels in TASKS:
            if arguments.tasks and name not in arguments.tasks:
                continue
            errors = [validation_error(SETTINGS[setting], name, labels, seed) for seed in range(arguments.seeds)]
            result[f"{name}, {labels} labels"] = [round(value, 3) for value in errors]
        arguments.json.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"mean of {arguments.seeds} seeds\n")
    print(table({name: results[name] for name in SETTINGS if name in results}))


if __name__ == "__main__":
    main()
