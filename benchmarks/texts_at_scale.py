"""Memory and time where there are many documents: generated texts, one epoch of `LadderClassifier(text="words")`.

    python -m benchmarks.texts_at_scale [--documents 100000] [--words 50000] [--steps N]

Prints the peak memory of the process and the median time of a step. With --steps training is ended after so many:
time and memory of a step do not need the whole epoch.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Iterator

import numpy as np

from ladder_np import LadderClassifier
from ladder_np.training import trainer

CLASSES, LABELS, LENGTH = 4, 400, 60  # words of a document
SUBJECT = 0.3  # share of its words that tell its class


class EnoughError(Exception):
    """So many steps were taken as were wanted."""


def documents(count: int, words: int) -> Iterator[str]:
    """Yield texts; words are as frequent as in a language (Zipf), and some tell the class, which takes turns."""
    generator = np.random.default_rng(0)
    names = [f"w{number}" for number in range(words)]
    share = np.cumsum(1 / (np.arange(words) + 10.0))
    for document in range(count):
        places = np.searchsorted(share, generator.random(LENGTH) * share[-1])
        telling = generator.random(LENGTH) < SUBJECT
        places = np.where(telling, places // CLASSES * CLASSES + document % CLASSES, places) % words
        yield " ".join(names[place] for place in places)


def time_steps(most: int | None) -> list[float]:
    """Let the trainer's steps be timed, and ended after so many; return where the seconds are collected."""
    seconds: list[float] = []
    run = trainer.TrainingStep.run

    def timed(*arguments: object, **named: object) -> object:
        if most is not None and len(seconds) == most:
            raise EnoughError
        start = time.perf_counter()
        result = run(*arguments, **named)  # type: ignore[arg-type]
        seconds.append(time.perf_counter() - start)
        return result

    trainer.TrainingStep.run = timed  # type: ignore[method-assign, assignment]
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=50_000)
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    texts = list(documents(arguments.documents, arguments.words))
    y = np.where(np.arange(len(texts)) < LABELS, np.arange(len(texts)) % CLASSES, -1)
    before = peak()
    seconds = time_steps(arguments.steps)
    model = LadderClassifier(text="words", vocabulary_size=arguments.words, max_iter=1, random_state=0)
    start = time.perf_counter()
    try:
        model.fit(texts, y)
        ended = f"one epoch in {(time.perf_counter() - start) / 60:.1f} minutes"
    except EnoughError:
        ended = "ended after these"
    print(f"{len(texts)} documents, {before:.0f} MB with them alone; peak {peak():.0f} MB")
    print(f"{len(seconds)} steps, median {1000 * statistics.median(seconds):.0f} ms; {ended}")


def peak() -> float:
    """Return the largest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
