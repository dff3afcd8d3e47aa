"""Runs killed at random instants and resumed: does each end exactly as an undisturbed run?

    python benchmarks/kill_and_resume.py [--kills 200] [--seed 0]

A small training of ladder and baseline on the embedded digits is run once undisturbed. Then runs of it are started,
killed by SIGKILL at a random instant within the time that the whole takes, and resumed, until one ends by itself;
every array of its models, its metrics (except the seconds) and its result must be those of the first.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

TRAIN = ["train", "--hidden-layers=40-20", "--epochs=25", "--validation=30", "--patience=20", "--checkpoint-every=5"]


def start(*words: str) -> subprocess.Popen:
    """Start the program."""
    command = [sys.executable, "-m", "ladder_np", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen, what: str) -> None:
    """Wait for a process that is not killed."""
    _, error = process.communicate()
    if process.returncode:
        sys.exit(f"{what} ended with status {process.returncode}: {error.strip()}")


def outcome(run: Path) -> dict[str, Any]:
    """Return everything that a finished run holds, except the seconds."""
    found: dict[str, Any] = {"files": sorted(path.name for path in run.iterdir())}
    for path in run.glob("*.npz"):
        with np.load(path, allow_pickle=False) as archive:
            found |= {f"{path.name} {key}": (archive[key].dtype, archive[key].tobytes()) for key in archive.files}
    for path in run.glob("*.jsonl"):
        found[path.name] = [{**json.loads(line), "seconds": 0} for line in path.read_text().splitlines()]
    found["result"] = (run / "result.json").read_text()
    return found


def kill_until_it_ends(run: Path, seconds: float, chance: random.Random, most: int) -> int:
    """Start a run; kill and resume it until it ends by itself, after `most` kills at the latest; return the kills."""
    kills = 0
    while True:
        process = start("train", "--resume", str(run)) if run.exists() else start(*TRAIN, "--out", str(run))
        if kills == most:
            ended(process, f"resuming {run.name}")
            return kills
        try:
            process.wait(chance.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
        _, error = process.communicate()
        if process.returncode == 0:
            return kills
        if process.returncode != -signal.SIGKILL:
            sys.exit(f"a run ended with status {process.returncode}: {error.strip()}")
        kills += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the instants (default: %(default)s)")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        ended(start(*TRAIN, "--out", str(folder / "whole")), "the undisturbed run")
        seconds = time.perf_counter() - begin
        expected = outcome(folder / "whole")
        kills = runs = equal = 0
        while kills < arguments.kills:
            run = folder / f"run{runs}"
            kills += kill_until_it_ends(run, seconds, chance, arguments.kills - kills)
            runs += 1
            equal += outcome(run) == expected
            print(f"\r{kills} kills, {runs} runs, {equal} equal", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{kills} kills and as many resumes in {runs} runs of {seconds:.1f} s: {equal} of {runs} ended bit-equal")
    sys.exit(0 if equal == runs else 1)


if __name__ == "__main__":
    main()
