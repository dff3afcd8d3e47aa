"""`LadderClassifier` with its defaults beside scikit-learn's semi-supervised classifiers, on held-out data sets.

    apt-get download weka && dpkg -x weka_*.deb weka
    OPENBLAS_NUM_THREADS=1 python -m benchmarks.held_out weka/usr/share/doc/weka/examples [--seeds N] [--data …]
    OPENBLAS_NUM_THREADS=1 python -m benchmarks.held_out weka/usr/share/doc/weka/examples --compare [--repeats N]

Needs scikit-learn, and the examples of Debian's package weka: its balanced tables of numbers with 200 rows or more,
except those that the defaults were chosen on (iris). `segment` comes with test rows of its own; of the others a
third is drawn by the seed. The seed also draws the labeled rows, as many of each class. The embedded digits are here
for comparison: the defaults were chosen on other rows of them. Tables are standardized over all training rows, digits
divided by their largest value, for all classifiers; all other settings are what each class has by default.

With `--compare` nobody looks at test rows: `ladder_np.compare` says from the labeled rows alone what it can, with
fair labels, as many of each class (the tables are balanced), and with unfair ones: every second class has a sixth of
the others' labels, two at least. The last lines count where the ladder is clearly better, clearly worse, or neither.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.estimator_defaults import UNEVEN, digits_rows
from ladder_np import Comparison, LadderClassifier, compare
from ladder_np.data.readers import load_digits

Rows = tuple[np.ndarray, np.ndarray]
SEGMENT = ("segment-challenge", "segment-test")
# Data sets, and how many rows of each class are labeled.
TASKS = {"segment": (5, 10, 20), "diabetes": (10,), "ionosphere": (10,), "glass": (5,), "digits": (2, 5, 20)}


def contenders(pixels: bool) -> dict[str, Callable[[int], Any]]:
    """Return a maker of each classifier, by its name in the table; given a seed."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
    from sklearn.svm import SVC

    def scaled(classifier: Any) -> Any:
        return make_pipeline(FunctionTransformer(lambda X: X / 16) if pixels else StandardScaler(), classifier)

    return {
        "ladder": lambda seed: LadderClassifier(random_state=seed),
        "ladder, λ = 0": lambda seed: LadderClassifier(denoising_weights=0, random_state=seed),
        "self-training, logistic regression": lambda seed: scaled(
            SelfTrainingClassifier(LogisticRegression(max_iter=1000))
        ),
        "self-training, SVC": lambda seed: scaled(SelfTrainingClassifier(SVC(probability=True, random_state=seed))),
        "label spreading, knn": lambda seed: scaled(LabelSpreading(kernel="knn")),
    }


def read_arff(path: Path) -> Rows:
    """Return the features and labels of a table whose last column is the class."""
    from scipy.io import arff

    table, _ = arff.loadarff(path)
    *features, label = table.dtype.names
    return np.stack([table[name] for name in features], axis=1), table[label].astype(str)


def split(folder: Path, name: str, generator: np.random.Generator) -> tuple[Rows, Rows]:
    """Return training and test rows."""
    if name == "segment":
        train, test = (read_arff(folder / f"{part}.arff") for part in SEGMENT)
        return train, test
    if name == "digits":
        digits = load_digits()
        train, test = ((digits.X[rows], digits.y[rows]) for rows in digits_rows())
        return train, test
    X, y = read_arff(folder / f"{name}.arff")
    order = generator.permutation(len(y))
    test_rows, train_rows = order[: len(y) // 3], order[len(y) // 3 :]
    return (X[train_rows], y[train_rows]), (X[test_rows], y[test_rows])


def hide_labels(
    y: np.ndarray, per_class: int | list[int], generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and y as indices into them with −1 in all but `per_class` random rows of each.

    `per_class` is one number, or several that the classes have in turn.
    """
    classes, index = np.unique(y, return_inverse=True)
    known = np.full(len(y), -1)
    counts = np.resize(per_class, len(classes))
    for k in range(len(classes)):
        rows = generator.permutation(np.flatnonzero(index == k))[: counts[k]]
        known[rows] = k
    return classes, known


def error(make: Callable[[int], Any], folder: Path, name: str, per_class: int, seed: int) -> float:
    """Return a classifier's test error in percent."""
    generator = np.random.default_rng(seed)
    (X, y), (X_test, y_test) = split(folder, name, generator)
    classes, known = hide_labels(y, per_class, generator)
    model = make(seed).fit(X, known)
    return float(100 * np.mean(classes[model.predict(X_test)] != y_test))


def uneven(per_class: int) -> list[int]:
    """Return how many labels classes have in turn: many, and a sixth of that (two at least), of the same mean."""
    few = max(2, round(2 * per_class / (1 + UNEVEN)))
    return [max(2, 2 * per_class - few), few]


def compared(folder: Path, name: str, per_class: int | list[int], repeats: int) -> Comparison:
    """Return what a comparison says of a data set's training rows, most of them without their label."""
    generator = np.random.default_rng(0)
    (X, y), _ = split(folder, name, generator)
    return compare(X, hide_labels(y, per_class, generator)[1], repeats=repeats, verbose=True)


def compare_all(folder: Path, names: list[str], repeats: int) -> None:
    """Print a table of comparisons, then wins and losses."""
    kinds: dict[str, Callable[[int], int | list[int]]] = {"fair": lambda count: count, "unfair": uneven}
    counts: dict[str, dict[str, int]] = {}
    columns = ["data, mean labels of each class", "ladder", "without unlabeled rows", "verdict", "what to try"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name, per_class, kind in [(data, count, kind) for data in names for count in TASKS[data] for kind in kinds]:
        result = compared(folder, name, kinds[kind](per_class), repeats)
        ladder, supervised = (f"{100 * result.errors[key].mean():.1f}" for key in ("ladder", "supervised only"))
        cells = [f"{name}, {per_class}, {kind}", ladder, supervised, result.verdict, result.advice]
        print(f"| {' | '.join(cells)} |", flush=True)
        for method, difference in result.differences.items():
            outcome = "better" if difference.low > 0 else "worse" if difference.high < 0 else "neither"
            of_method = counts.setdefault(method, {"better": 0, "worse": 0, "neither": 0})
            of_method[outcome] += 1
    print("\n| the ladder beside | clearly better | clearly worse | neither |\n|---|---:|---:|---:|")
    for method, of_method in counts.items():
        print(f"| {method} | " + " | ".join(map(str, of_method.values())) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--data", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    if arguments.compare:
        compare_all(arguments.folder, arguments.data, arguments.repeats)
        return
    columns = contenders(pixels=False)
    print(f"test error %, mean ± standard deviation of {arguments.seeds} seeds\n")
    print("| data, labeled rows of each class | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns))
    for name, per_class in [(data, per_class) for data in arguments.data for per_class in TASKS[data]]:
        cells = []
        for make in contenders(pixels=name == "digits").values():
            errors = [error(make, arguments.folder, name, per_class, seed) for seed in range(arguments.seeds)]
            cells.append((statistics.mean(errors), statistics.stdev(errors)))
        shown = [f"**{m:.1f} ± {s:.1f}**" if m == min(cells)[0] else f"{m:.1f} ± {s:.1f}" for m, s in cells]
        print(f"| {name}, {per_class} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()
