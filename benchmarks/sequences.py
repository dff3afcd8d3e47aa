"""The next character of a text: ladder, supervised only and Witten-Bell n-grams, in bits per character.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.sequences FILE.txt [--seeds N] [--labels 5000,all]
        [--window N] [--epochs N] [--noise-std S]

The last tenth of the text is held out. `--labels` says how many windows keep their next character; the rest are only
denoised. n-grams have contexts as long as the windows, and are counted in the labeled windows.
"""

import argparse
import contextlib
import io
import re
import statistics
import tempfile
import time
from pathlib import Path

from ladder_np.commands import main as ladder_np

OPTIONS = {"--window": 16, "--epochs": 5, "--noise-std": 0.1}
NAMES = {"ladder": "ladder", "supervised only": "supervised only", "Witten-Bell": "n-grams of as many windows"}


def train(file: Path, labels: str, seed: int, options: list[str]) -> dict[str, float]:
    """Train one run and return the bits per character of each model."""
    named = [] if labels == "all" else ["--labels", labels]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
        words = ["train", "--dataset", file, "--next-character", "--seed", seed, "--quiet", "--out", f"{folder}/run"]
        if ladder_np([str(word) for word in (*words, *named, *options)]):
            raise SystemExit("training failed")
    found: dict[str, float] = {}
    for line in out.getvalue().splitlines():
        if match := re.search(r"([\d.]+) bits per character", line):
            name = next(name for start, name in NAMES.items() if line.startswith(start))
            found.setdefault(name, float(match[1]))  # n-grams of the labeled windows come first
    return found


def main() -> None:
    """Print the table, a row for each number of labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", default="5000,all")
    for name in OPTIONS:
        parser.add_argument(name, help=f"as in ladder-np train; its default is the one there: {OPTIONS[name]}")
    arguments = parser.parse_args()
    given = ((name, getattr(arguments, name.removeprefix("--").replace("-", "_"))) for name in OPTIONS)
    options = [word for name, value in given if value is not None for word in (name, value)]
    print(
        f"| labeled windows | {' | '.join(NAMES.values())} | minutes |\n|---:|{'---:|' * (len(NAMES) + 1)}",
        flush=True,
    )
    for labels in arguments.labels.split(","):
        start = time.perf_counter()
        runs = [train(arguments.file, labels, seed, options) for seed in range(arguments.seeds)]
        minutes = (time.perf_counter() - start) / 60 / arguments.seeds
        cells = []
        for name in NAMES.values():
            bits = [run[name] for run in runs]
            spread = f" ± {statistics.stdev(bits):.3f}" if len(bits) > 1 and len(set(bits)) > 1 else ""
            cells.append(f"{statistics.mean(bits):.3f}{spread}")
        print(f"| {labels} | {' | '.join(cells)} | {minutes:.1f} |", flush=True)


if __name__ == "__main__":
    main()
