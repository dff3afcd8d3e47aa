"""Trainings of a small network side by side: seconds of one alone, then of each of several at once.

    python benchmarks/side_by_side.py [--count N]

Each is a process of its own that trains `LadderClassifier` with its defaults on a made table of 900 rows, 30 of them
labeled. On a machine with C cores, N at once should take about max(1, N/C) times as long as one.
"""

import argparse
import subprocess
import sys

CODE = """
import time
import numpy as np
from ladder_np import LadderClassifier

generator = np.random.default_rng(0)
y = generator.integers(0, 3, 900)
X = generator.normal(size=(900, 12)) + 1.5 * np.eye(3, 12)[y]
labels = np.where(np.arange(900) < 30, y, -1)
start = time.perf_counter()
LadderClassifier(random_state=0).fit(X, labels)
print(time.perf_counter() - start)
"""


def seconds(count: int) -> list[float]:
    """Return how long each of so many trainings takes that are started together."""
    command = [sys.executable, "-c", CODE]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return [float(process.communicate()[0]) for process in running]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2)
    count = parser.parse_args().count
    print(f"1 alone: {seconds(1)[0]:.1f} s")
    print(f"{count} at once: {', '.join(f'{each:.1f}' for each in seconds(count))} s")


if __name__ == "__main__":
    main()
