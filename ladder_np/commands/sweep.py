"""``ladder-np sweep``: presets x numbers of labels x seeds, on the cores of this machine or on a Dask cluster."""

import argparse
import dataclasses
import itertools
import re
import shlex
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ladder_np.commands import train
from ladder_np.commands.options import Options, Parser, add_options, names, whole_number
from ladder_np.commands.table import TABLE_OPTIONS, check_table_options, print_table
from ladder_np.comparison.table import make_table
from ladder_np.errors import InputError, InputWarning
from ladder_np.experiments.results import RESULTS, read_records
from ladder_np.experiments.settings import DATASET_DEFAULTS, make_settings
from ladder_np.experiments.sweep import PlannedRun, Runner, Sweep, on_cluster, on_this_machine
from ladder_np.experiments.worker import Outcome
from ladder_np.threads import cpu_quota, usable_cores

__all__ = ["add_to", "train_parser"]

ONE_THREAD = "OPENBLAS_NUM_THREADS=1"  # as a sweep's processes have; more threads change the last bits
MOST_RUNS = 10_000  # their results are one text


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return whole numbers from text such as ``0-4`` or ``1,3,7-9``."""
    return tuple(number for part in text.split(",") for number in _range(part, text))


def _range(part: str, text: str) -> Sequence[int]:
    found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}: expected whole numbers such as 0-4 or 1,3,7")
    first, last = int(found[1]), int(found[2] or found[1])
    if not 0 <= last - first < MOST_RUNS:
        raise argparse.ArgumentTypeError(f"{text!r}: {part.strip()} is not a range from a number to a larger one")
    return range(first, last + 1)


OPTIONS: Options = {
    "--out": (Path, "FOLDER", f"of the results ({RESULTS}) and the runs; one that is there is gone on with"),
    "--preset": (names, "P1,P2,…", "presets or .toml files (default: the data's defaults)"),
    "--labels": (names, "N1,N2,…", "numbers of labels, or all (default: each preset's)"),
    "--seed": (whole_numbers, "S", "of weights, noise and order: numbers and ranges, as 0-4,7 (default: 0)"),
    "--split-seed": (whole_numbers, "S", "of the choice of rows, each with each --seed (default: as --seed)"),
    "--jobs": (whole_number, "N", "processes at once, each with one BLAS thread (default: as many as cores)"),
    "--scheduler": (str, "ADDRESS", "of a Dask cluster that does the runs, as tcp://host:8786 (the extra dask)"),
    **TABLE_OPTIONS,
}


def add_to(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "sweep",
        help="many runs side by side, and their table",
        usage="ladder-np sweep --out FOLDER [--preset P1,P2,…] [--labels N1,N2,…] [--seed S] [--split-seed S] "
        "[--jobs N | --scheduler ADDRESS] [any option of train]",
        description="Train each preset with each number of labels and each seed, and print a table of the results. "
        "The same command goes on with a sweep that was interrupted, and tries again what failed. Options that are "
        "not listed here are passed on to train (see ladder-np train --help).",
    )
    add_options(parser, OPTIONS)
    parser.add_argument("--quiet", action="store_true", help="do not show which runs are done")
    parser.set_defaults(format="text", seed=(0,), run=run, passed_on=[])


def run(arguments: argparse.Namespace) -> int:
    """Check everything that can be, make the runs, print the table."""
    if arguments.out is None:
        raise InputError("--out FOLDER is missing: where results and runs are left")
    check_table_options(arguments.format, arguments.picture)
    sweep, runner = _sweep(arguments), _runner(arguments)
    _check_against(sweep, arguments.against)
    try:
        failed = sweep.run(runner, _Shown(sweep, arguments.quiet))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted after {len(sweep.done())} of {len(sweep.planned)} runs; the same command goes on from there"
        ) from None
    done = sweep.done()
    try:
        if done:
            records = read_records([sweep.results], only=done)
            print_table(records, arguments.format, arguments.picture, arguments.against)
    finally:  # the table may lack the row to compare with because of them
        for line in _failures(failed):
            print(line, file=sys.stderr)
    return 1 if failed else 0


def _sweep(arguments: argparse.Namespace) -> Sweep:
    """Return the sweep that is asked for; raise `InputError` where no run could be made of it."""
    seeds = [(seed, split) for seed in arguments.seed for split in arguments.split_seed or (seed,)]
    chosen = list(itertools.product(arguments.preset or (None,), arguments.labels or (None,), seeds))
    if len(chosen) > MOST_RUNS:
        raise InputError(f"{len(chosen)} runs: expected at most {MOST_RUNS}")
    parser = train_parser()
    one = parser.parse_args(arguments.passed_on)
    if one.resume is not None:
        raise InputError("--resume: a sweep goes on with what it has begun; give the same command again")
    planned = [_planned(parser, [*_chosen_words(*each), *arguments.passed_on]) for each in chosen]
    return Sweep(arguments.out, list(dict.fromkeys(planned)), one.data_dir, one.device, one.checkpoint_every)


def train_parser() -> argparse.ArgumentParser:
    """Return what understands the options that are passed on."""
    parser = Parser(prog="ladder-np train", argument_default=argparse.SUPPRESS)
    train.add_arguments(parser)
    return parser


def _chosen_words(preset: str | None, labels: str | None, seeds: tuple[int, int]) -> list[str]:
    """Return the options of train that tell the runs of a sweep apart."""
    named = {"--preset": preset, "--labels": labels, "--seed": str(seeds[0]), "--split-seed": str(seeds[1])}
    return [word for option, value in named.items() if value is not None for word in (option, value)]


def _planned(parser: argparse.ArgumentParser, words: Sequence[str]) -> PlannedRun:
    """Return the run that these words after `ladder-np train` make alone."""
    parsed = parser.parse_args(words)
    settings = make_settings(train.named_settings(parsed), parsed.preset)
    if settings.dataset not in DATASET_DEFAULTS:  # a worker may be at work elsewhere
        settings = dataclasses.replace(settings, dataset=str(Path(settings.dataset).resolve()))
    return PlannedRun(settings, parsed.preset, f"{ONE_THREAD} {shlex.join(['ladder-np', 'train', *words])}")


def _check_against(sweep: Sweep, against: int | None) -> None:
    """Refuse the number of a row that the table will not have even if every run finishes."""
    if against is None:
        return
    done = sweep.done()
    records = read_records([sweep.results], only=done) if done else []
    awaited = [run.awaited for run in sweep.planned if run.name not in done]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # it is told when the table is printed
        make_table([*records, *awaited], against)


def _runner(arguments: argparse.Namespace) -> Runner:
    if arguments.scheduler is not None:
        if arguments.jobs is not None:
            raise InputError("--jobs: the workers of --scheduler have a number of their own; leave one of them out")
        return on_cluster(arguments.scheduler)
    jobs = usable_cores(cpu_quota(Path("/"))) if arguments.jobs is None else arguments.jobs
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: expected a whole number >= 1")
    return on_this_machine(jobs)


class _Shown:
    """What is told of each run that is done, on standard error."""

    def __init__(self, sweep: Sweep, quiet: bool) -> None:
        self._runs, self._results, self._quiet = len(sweep.planned), sweep.results, quiet
        self._warnings: set[str] = set()

    def begin(self, done: int) -> None:
        """Show how many runs there are, and where results are left."""
        self._before = self._ended = done
        self._start = time.monotonic()
        if not self._quiet:
            counted = f"{done} of {self._runs} runs are done already" if done else _counted(self._runs)
            print(f"{counted}; results in {self._results}", file=sys.stderr, flush=True)

    def end(self, run: PlannedRun, outcome: Outcome) -> None:
        """Show the outcome of one run, and what it warned of, once."""
        self._ended += 1
        for message in outcome.get("warnings", []):
            if message not in self._warnings:
                print(f"warning: {message}", file=sys.stderr)
            self._warnings.add(message)
        if not self._quiet:
            told = f"{run.shown}: {_told(outcome)}{self._left()}"
            print(f"{self._ended}/{self._runs}  {told}", file=sys.stderr, flush=True)

    def _left(self) -> str:
        """Return how long the rest will take, by those that have ended."""
        pace = (time.monotonic() - self._start) / (self._ended - self._before)
        left = round(pace * (self._runs - self._ended))
        return f"; {left // 60}:{left % 60:02} left" if self._ended < self._runs else ""


def _told(outcome: Outcome) -> str:
    if "facts" not in outcome:
        return "FAILED"
    results = outcome["facts"]["results"]
    errors = ", ".join(f"{name} {one['test_error_percent']:.2f} %" for name, one in results.items())
    minutes = sum(one["minutes"] or 0 for one in results.values())
    return f"test error {errors}; {minutes:.1f} minutes"


def _failures(failed: dict[PlannedRun, str]) -> list[str]:
    """Return the failures for people: those with one reason together."""
    reasons: dict[str, list[PlannedRun]] = {}
    for run, reason in failed.items():
        reasons.setdefault(reason, []).append(run)
    return [
        f"ladder-np: {_counted(len(runs))} failed: {'; '.join(run.shown for run in runs)}: {reason}"
        for reason, runs in reasons.items()
    ]


def _counted(runs: int) -> str:
    return f"{runs} run{'s' if runs > 1 else ''}"
