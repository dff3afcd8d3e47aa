"""Few labeled texts and many unlabeled ones: `LadderClassifier` beside scikit-learn's classifiers, on unlike texts.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.texts --set NAME FOLDER [--seeds N] [--labels 10,25,100]
        [--first SEED] [--drawn even|random|uneven] [--epochs N]
    python -m benchmarks.texts --set NAME FOLDER --tables OUT [--first SEED]

A seed draws 5,600 texts to train on and 2,000 to test on (of a smaller set the same shares), which of them are
labeled, and the training. All classifiers get the same features: tf-idf of the 2,000 tokens that are in most training
texts; label spreading gets 100 components of them (truncated SVD, each text's brought to length 1), in which
distances mean something. Needs scikit-learn. `--tables` writes both parts of the first seed as tables for the command
line instead: train.csv and held-out.csv.

Defaults for texts were chosen on seeds from 1000 on (`--first 1000`); the tables in the README are of seeds 0, 1, …

The sets, and the commands that make their folders (names are only examples):

"""

import argparse
import csv
import functools
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.estimator_defaults import choose_labels
from benchmarks.text_sets import SETS, describe_sets, read_set
from ladder_np import LadderClassifier
from ladder_np.data.words import find_vocabulary

TRAINING, TEST = 5600, 2000
COMPONENTS = 100


@dataclass(frozen=True, eq=False)
class Documents:
    """Texts to train and to test on, with their classes; -1 in training where the label is hidden."""

    tokens: str  # what is counted in them: see `find_vocabulary`
    texts: list[str]
    y: np.ndarray
    test: list[str]
    y_test: np.ndarray

    @functools.cached_property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """The tf-idf of training and test texts, by the tokens of the training texts."""
        vocabulary = find_vocabulary(self.texts, self.tokens)
        return np.asarray(vocabulary.rows(self.texts)), np.asarray(vocabulary.rows(self.test))


Predict = Callable[[Documents], np.ndarray]


def parts(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which of so many texts a seed draws to train and to test on."""
    order = np.random.default_rng(seed).permutation(count)
    test = min(TEST, count * TEST // (TRAINING + TEST))
    train, test_rows = np.split(order[: min(TRAINING, count - test) + test], [-test])
    return train, test_rows


def write_tables(texts: list[str], names: list[str], seed: int, folder: Path) -> None:
    """Write the texts of a seed with the names of their classes."""
    for name, rows in zip(("train.csv", "held-out.csv"), parts(len(texts), seed), strict=True):
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *((texts[row], names[row]) for row in rows)])


def draw(texts: list[str], y: np.ndarray, labels: int, seed: int, tokens: str, drawn: str = "even") -> Documents:
    """Return the texts of a seed, with so many labels for each class, drawn as `choose_labels` says."""
    train, test_rows = parts(len(y), seed)
    known = choose_labels(y, train, labels * len(np.unique(y)), drawn)[train]
    return Documents(tokens, [texts[row] for row in train], known, [texts[row] for row in test_rows], y[test_rows])


def ladder(seed: int, **params: Any) -> Predict:
    """Return a function that trains a ladder on texts and predicts the test ones."""
    return lambda d: LadderClassifier(text=d.tokens, random_state=seed, **params).fit(d.texts, d.y).predict(d.test)


def on_features(make: Callable[[], Any], unlabeled: bool, components: int = 0) -> Predict:
    """Return the same for one of scikit-learn's classifiers, on the labeled texts alone unless it uses others."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    def predict(documents: Documents) -> np.ndarray:
        X, X_test = documents.features
        if components:
            svd = TruncatedSVD(components, random_state=0).fit(X)
            X, X_test = normalize(svd.transform(X)), normalize(svd.transform(X_test))
        rows = np.arange(len(X)) if unlabeled else np.flatnonzero(documents.y >= 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rows that no label reaches are part of how it does
            return make().fit(X[rows], documents.y[rows]).predict(X_test)

    return predict


def contenders(seed: int, epochs: int) -> dict[str, Predict]:
    """Return the methods by name."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

    def logistic() -> Any:
        return LogisticRegression(max_iter=1000)

    return {
        "ladder": ladder(seed, max_iter=epochs),
        "supervised only": ladder(seed, max_iter=epochs, denoising_weights=0.0),
        "logistic regression": on_features(logistic, unlabeled=False),
        "self-training": on_features(lambda: SelfTrainingClassifier(logistic()), unlabeled=True),
        "label spreading": on_features(lambda: LabelSpreading(kernel="knn"), unlabeled=True, components=COMPONENTS),
    }


def read_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        description=f"{__doc__}{describe_sets()}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", nargs=2, required=True, metavar=("NAME", "FOLDER"), help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: 5)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--labels", default="10,25,100", help="of each class (default: 10,25,100)")
    parser.add_argument("--drawn", choices=("even", "random", "uneven"), default="even", help="(default: even)")
    parser.add_argument("--epochs", type=int, default=30, help="of the networks (default: 30)")
    tables = "write the texts of the first seed there as tables, and train nothing"
    parser.add_argument("--tables", type=Path, metavar="OUT", help=tables)
    arguments = parser.parse_args()
    if arguments.set[0] not in SETS:
        parser.error(f"unknown set {arguments.set[0]!r}; choose one of {', '.join(SETS)}")
    if arguments.seeds < 2:
        parser.error(f"{arguments.seeds} seeds: a deviation needs 2 at least")
    return arguments


def main() -> None:
    """Print the table, a row for each number of labels."""
    arguments = read_arguments()
    name, folder = arguments.set
    texts, y, classes = read_set(name, Path(folder))
    if arguments.tables is not None:
        write_tables(texts, [classes[index] for index in y], arguments.first, arguments.tables)
        return
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    names = list(contenders(0, 1))
    print(
        f"{name}, {len(texts):,} texts, labels drawn {arguments.drawn}: test error in %, mean ± standard deviation of"
    )
    print(f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]}), {arguments.epochs} epochs\n")
    print(f"| labels | {' | '.join(names)} | seconds of a ladder |\n|---:|{'---:|' * (len(names) + 1)}", flush=True)
    for labels in map(int, arguments.labels.split(",")):
        errors: dict[str, list[float]] = {method: [] for method in names}
        seconds = []
        for seed in seeds:
            documents = draw(texts, y, labels, seed, SETS[name].tokens, arguments.drawn)
            for method, predict in contenders(seed, arguments.epochs).items():
                start = time.perf_counter()
                errors[method].append(100 * float((predict(documents) != documents.y_test).mean()))
                if method == "ladder":
                    seconds.append(time.perf_counter() - start)
        cells = [f"{statistics.mean(found):.1f} ± {statistics.stdev(found):.1f}" for found in errors.values()]
        print(f"| {len(classes) * labels} | {' | '.join(cells)} | {statistics.mean(seconds):.0f} |", flush=True)


if __name__ == "__main__":
    main()
