"""Validation errors that the defaults for texts were chosen by: settings of `LadderClassifier` on one set of texts.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.text_defaults --set NAME FOLDER [--seeds 1000,1001]
        [--drawn even|random|uneven] [--only WORD]

A seed draws the texts to train on, up to 2,000 others to measure the error on, and the training. Labels are drawn
even (as many of each class), at random (with two of each class at least), or uneven (every second class has a sixth
of the others', two at least). The sets, and how to get them: `python -m benchmarks.texts --help`. Needs SciPy.
"x 45": tf-idf times 45, which is near what `scaling="common"` does with 2,000 tokens.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.text_sets import SETS, UNTOUCHED, read_set
from ladder_np import LadderClassifier
from ladder_np.data.words import find_vocabulary

FIRST_SEED = 1000  # those below are for the tables
EPOCHS, VALIDATION = 30, 2000
# Texts to train on, and labels of each class.
SIZES = {
    "ag-news": (5600, 25),
    "tweets": (3000, 25),
    "drug-reviews": (660, 25),
    "chinese-reviews": (3000, 50),
    "mails": (3000, 10),
    "descriptions": (4000, 25),
}
TABLES = {"scaling": "standardize", "labeled_statistics": "unlabeled"}
OWN = {"scaling": "standardize", "labeled_statistics": "own"}
SMALL = (0.3, 0.09, 0.03, 0.03)
# By name: what tf-idf is multiplied with, and parameters.
SETTINGS: dict[str, tuple[float, dict[str, Any]]] = {
    "standardized, λ 10, 3, 1, 1, unlabeled": (1, TABLES),
    "standardized, λ 10, 3, 1, 1, own": (1, OWN),
    "standardized, λ 1, 0.3, 0.1, 0.1, own": (1, {**OWN, "denoising_weights": (1, 0.3, 0.1, 0.1)}),
    "standardized, λ 0": (1, {**OWN, "denoising_weights": 0.0}),
    "x 45, λ 1, 0.3, 0.1, 0.1, balanced": (45, {"denoising_weights": (1, 0.3, 0.1, 0.1)}),
    "x 45, λ 0.3, 0.09, 0.03, 0.03, balanced": (45, {"denoising_weights": SMALL}),
    "x 45, λ 0.1, 0.03, 0.01, 0.01, balanced": (45, {"denoising_weights": (0.1, 0.03, 0.01, 0.01)}),
    "x 45, λ 0.3, 0.09, 0.03, 0.03, own": (45, {"denoising_weights": SMALL, "labeled_statistics": "own"}),
    "x 45, λ 0.3, 0.09, 0.03, 0.03, unlabeled": (
        45,
        {"denoising_weights": SMALL, "labeled_statistics": "unlabeled"},
    ),
}


def hide_labels(y: np.ndarray, labels: int, drawn: str) -> np.ndarray:
    """Return y (n,) with -1 in all rows but those that keep their label; the rows are in random order."""
    known = np.full(len(y), -1)
    counts = [max(2, round(labels / 6)) if drawn == "uneven" and k % 2 else labels for k in range(y.max() + 1)]
    if drawn == "random":
        known[: sum(counts)] = y[: sum(counts)]
        counts = [2] * len(counts)
    for k, count in enumerate(counts):
        known[np.flatnonzero(y == k)[:count]] = k
    return known


def validation_error(name: str, labeled: tuple[list[str], np.ndarray], setting: str, seed: int, drawn: str) -> float:
    """Return the error in percent of a setting on the validation texts of a seed."""
    from scipy.sparse import csr_matrix

    texts, y = labeled
    size, labels = SIZES[name]
    order = np.random.default_rng(seed).permutation(len(y))
    train, validation = order[:size], order[size : size + VALIDATION]
    vocabulary = find_vocabulary([texts[row] for row in train], SETS[name].tokens)
    factor, params = SETTINGS[setting]
    X, X_validation = (
        csr_matrix(np.asarray(vocabulary.rows([texts[row] for row in rows]))) * factor for rows in (train, validation)
    )
    params = {"scaling": "none", "labeled_statistics": "own", "max_iter": EPOCHS, **params}
    model = LadderClassifier(random_state=seed, **params).fit(X, hide_labels(y[train], labels, drawn))
    return 100 * float((model.predict(X_validation) != y[validation]).mean())


def main() -> None:
    """Print a row for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", nargs=2, required=True, metavar=("NAME", "FOLDER"), help=", ".join(SIZES))
    parser.add_argument("--seeds", default=str(FIRST_SEED), help=f"from {FIRST_SEED} on (default: {FIRST_SEED})")
    parser.add_argument("--drawn", choices=("even", "random", "uneven"), default="even", help="(default: even)")
    parser.add_argument("--only", default="", help="settings whose names hold this")
    arguments = parser.parse_args()
    name, folder = arguments.set
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    if name not in SIZES:
        parser.error(f"unknown set {name!r}; choose one of {', '.join(SIZES)} ({UNTOUCHED} is for the test alone)")
    if min(seeds) < FIRST_SEED:
        parser.error(f"seed {min(seeds)}: expected {FIRST_SEED} or more; those below are for the tables")
    texts, y, _ = read_set(name, Path(folder))
    print(f"| {name}, labels {arguments.drawn} | error in %, seeds {arguments.seeds} |\n|---|---|", flush=True)
    for setting in SETTINGS:
        if arguments.only in setting:
            errors = [validation_error(name, (texts, y), setting, seed, arguments.drawn) for seed in seeds]
            print(f"| {setting} | {', '.join(f'{error:.1f}' for error in errors)} |", flush=True)


if __name__ == "__main__":
    main()
