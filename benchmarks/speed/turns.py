"""Contenders in processes of their own, and the turns they take."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.speed.cases import Case

__all__ = ["ROOT", "Child", "ContenderError", "Plan", "Timing", "limit_threads", "take_turns"]

ROOT = Path(__file__).parents[2]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
JAX_SETTINGS = {
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",  # on a GPU it would round float32 operands to 10 bits
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # it would take three quarters of the GPU's memory from the others
    "JAX_TRACEBACK_FILTERING": "off",  # an error's last line is the error
}
SECONDS_TO_END = 10


class ContenderError(Exception):
    """A contender could not run, or computes something else than we do."""


def limit_threads(threads: int, device: str = "cpu") -> None:
    """Let this process and those it starts use as many threads, and no more cores than that; JAX on `device`.

    JAX has no setting for threads: it makes as many as it sees cores.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)), JAX_PLATFORMS=device, **JAX_SETTINGS)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


@dataclass(frozen=True)
class Plan:
    """How contenders take turns.

    Attributes
    ----------
    rounds : int
        Turns of each contender.
    steps : int
        Counted steps per turn.
    uncounted : int
        Steps before them, which bring its data into the caches and its threads awake.
    pause : float
        Seconds before each turn, in which the other's waiting threads stop spinning and go to sleep.
    """

    rounds: int
    steps: int
    uncounted: int = 2
    pause: float = 0.15


@dataclass(frozen=True)
class Timing:
    """Milliseconds per step, median and quartiles of all counted steps, and the mean of their page faults."""

    median: float
    lower_quartile: float
    upper_quartile: float
    faults: float
    steps: int

    @classmethod
    def of(cls, milliseconds: Sequence[float], faults: Sequence[float]) -> Self:
        """Return the figures of at least two steps."""
        lower, median, upper = statistics.quantiles(milliseconds, n=4, method="inclusive")
        return cls(median, lower, upper, statistics.fmean(faults), len(milliseconds))


class Child:
    """One contender's process; used in a `with` statement, which ends it.

    Parameters
    ----------
    name : str
        As in `contender`.
    case : Case
    """

    def __init__(self, name: str, case: Case) -> None:
        self._name = name
        # A file, because a pipe that is not read could block the child. `__exit__` closes it.
        self._errors = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.contender", name, json.dumps(case.as_json())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.communicate(timeout=SECONDS_TO_END)  # without further commands it ends by itself
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._errors.close()

    def run(self, steps: int) -> dict[str, list[float]]:
        """Return milliseconds and page faults of that many more steps."""
        return self._ask("run", steps)

    def threads(self) -> dict[str, int | None]:
        """Return how many cores and threads the contender has."""
        return self._ask("threads")

    def check(self, vectors: Path, result: Path) -> None:
        """Have the contender compute the step in the file `vectors` and write loss and gradients to `result`."""
        self._ask("check", str(vectors), str(result))

    def _ask(self, *command: str | int) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None
        answer = self._process.stdout.readline()
        if not answer:
            raise self._failure()
        return json.loads(answer)

    def _failure(self) -> ContenderError:
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "no message")
        return ContenderError(f"{self._name} stopped with exit status {self._process.returncode}: {last}")


def take_turns(children: Mapping[str, Child], plan: Plan) -> dict[str, Timing]:
    """Return each contender's timing; every other round runs backwards, so that a steady drift hits all alike."""
    for child in children.values():
        child.run(plan.uncounted + 1)  # compiles what is compiled, touches all memory
    milliseconds: dict[str, list[float]] = {name: [] for name in children}
    faults: dict[str, list[float]] = {name: [] for name in children}
    for turn in range(plan.rounds):
        for name in children if turn % 2 == 0 else reversed(list(children)):
            time.sleep(plan.pause)
            measured = children[name].run(plan.uncounted + plan.steps)
            milliseconds[name] += measured["milliseconds"][plan.uncounted :]
            faults[name] += measured["faults"][plan.uncounted :]
    return {name: Timing.of(milliseconds[name], faults[name]) for name in children}
