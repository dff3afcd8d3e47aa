"""Few labeled articles and many unlabeled ones: `LadderClassifier` on AG News beside scikit-learn's classifiers.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.texts ag_news_test.csv [--seeds N] [--labels 10,25,100] [--first SEED]
    python -m benchmarks.texts ag_news_test.csv --tables FOLDER [--first SEED]

The file has the 7,600 test articles of AG News, without a header: class, title, description. A seed draws 5,600 of
them to train on, 2,000 to test on, the labeled ones (as many of each class) and the training. All classifiers get the
same features: tf-idf of the 2,000 words that are in most training articles; label spreading gets 100 components of
them (truncated SVD), in which distances mean something. Needs scikit-learn.

`--tables` writes both parts of the first seed as tables for the command line, news.csv and held-out.csv in FOLDER.

Defaults for texts were chosen on seeds from 1000 on (`--first 1000`); the table in the README is of the seeds 0, 1, …
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np import LadderClassifier

TRAINING, TEST = 5600, 2000
CLASSES = {1: "World", 2: "Sports", 3: "Business", 4: "Sci/Tech"}
COMPONENTS = 100


@dataclass(frozen=True, eq=False)
class Articles:
    """Texts to train and to test on, with their classes; -1 in training where the label is hidden."""

    texts: list[str]
    y: np.ndarray
    test: list[str]
    y_test: np.ndarray


def read_articles(path: Path) -> tuple[list[str], np.ndarray]:
    """Return title and description of each article, and its class."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [(f"{title} {description}", int(label)) for label, title, description in csv.reader(file)]
    return [text for text, _ in rows], np.array([label for _, label in rows])


def parts(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which of so many articles a seed draws to train and to test on."""
    order = np.random.default_rng(seed).permutation(rows)
    return order[:TRAINING], order[TRAINING : TRAINING + TEST]


def write_tables(texts: list[str], y: np.ndarray, folder: Path, seed: int) -> None:
    """Write the articles of a seed, with their classes' names, as tables for the command line."""
    for name, rows in zip(("news.csv", "held-out.csv"), parts(len(y), seed), strict=True):
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *((texts[row], CLASSES[y[row]]) for row in rows)])


def draw(texts: list[str], y: np.ndarray, labels: int, seed: int) -> Articles:
    """Return the articles of a seed, with so many labels of each class."""
    train, test = parts(len(y), seed)
    hidden = np.full(TRAINING, -1)
    for label in np.unique(y):
        rows = np.flatnonzero(y[train] == label)[:labels]
        hidden[rows] = label
    return Articles([texts[row] for row in train], hidden, [texts[row] for row in test], y[test])


def ladder(seed: int, **params: Any) -> Callable[[Articles], np.ndarray]:
    """Return a function that trains a ladder on articles and predicts the test ones."""
    return lambda a: LadderClassifier(text="words", random_state=seed, **params).fit(a.texts, a.y).predict(a.test)


def on_words(make: Callable[[], Any], unlabeled: bool, components: int = 0) -> Callable[[Articles], np.ndarray]:
    """Return the same for one of scikit-learn's classifiers, on the labeled articles alone unless it uses others."""
    from sklearn.decomposition import TruncatedSVD

    from ladder_np.data.words import find_vocabulary

    def predict(articles: Articles) -> np.ndarray:
        vocabulary = find_vocabulary(articles.texts)
        X, X_test = (np.asarray(vocabulary.rows(texts)) for texts in (articles.texts, articles.test))
        if components:
            svd = TruncatedSVD(components, random_state=0).fit(X)
            X, X_test = svd.transform(X), svd.transform(X_test)
        rows = np.arange(len(X)) if unlabeled else np.flatnonzero(articles.y >= 0)
        return make().fit(X[rows], articles.y[rows]).predict(X_test)

    return predict


def contenders(seed: int) -> dict[str, Callable[[Articles], np.ndarray]]:
    """Return the methods by name."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

    def logistic() -> Any:
        return LogisticRegression(max_iter=1000)

    return {
        "ladder": ladder(seed),
        "supervised only": ladder(seed, denoising_weights=0.0),
        "logistic regression": on_words(logistic, unlabeled=False),
        "self-training": on_words(lambda: SelfTrainingClassifier(logistic()), unlabeled=True),
        "label spreading": on_words(lambda: LabelSpreading(kernel="knn"), unlabeled=True, components=COMPONENTS),
    }


def main() -> None:
    """Print the table, a row for each number of labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--labels", default="10,25,100", help="of each class")
    parser.add_argument("--tables", type=Path, metavar="FOLDER", help="write the articles as tables instead")
    arguments = parser.parse_args()
    texts, y = read_articles(arguments.file)
    if arguments.tables is not None:
        write_tables(texts, y, arguments.tables, arguments.first)
        return
    names = list(contenders(0))
    print(f"| labels | {' | '.join(names)} | seconds of a ladder |\n|---:|{'---:|' * (len(names) + 1)}", flush=True)
    for labels in map(int, arguments.labels.split(",")):
        errors: dict[str, list[float]] = {name: [] for name in names}
        seconds = []
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            articles = draw(texts, y, labels, seed)
            for name, predict in contenders(seed).items():
                start = time.perf_counter()
                errors[name].append(100 * float((predict(articles) != articles.y_test).mean()))
                if name == "ladder":
                    seconds.append(time.perf_counter() - start)
        cells = [f"{statistics.mean(found):.1f} ± {statistics.stdev(found):.1f}" for found in errors.values()]
        print(f"| {4 * labels} | {' | '.join(cells)} | {statistics.mean(seconds):.0f} |", flush=True)


if __name__ == "__main__":
    main()
