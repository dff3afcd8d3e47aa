"""A sweep: many runs, side by side in processes of this machine or on a Dask cluster, their results in one file.

results.jsonl   a line for each finished run: see `results`
runs/           the runs' folders

A sweep that was interrupted goes on: what has a line is done, a run that was begun goes on from its last checkpoint.
"""

import contextlib
import dataclasses
import hashlib
import importlib
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ladder_np.errors import InputError
from ladder_np.experiments.experiment import model_names
from ladder_np.experiments.preset_files import find_preset
from ladder_np.experiments.results import (
    RESULTS,
    SEEDS,
    Record,
    append_result,
    changed_settings,
    data_name,
    data_sha256,
    read_results,
    seeds_of,
)
from ladder_np.experiments.run_folder import ErrorRate
from ladder_np.experiments.settings import ExperimentSettings
from ladder_np.experiments.worker import PAUSE, Outcome, Worker, run_job
from ladder_np.files import ensure_folder, lock_folder

__all__ = ["PlannedRun", "Runner", "Sweep", "on_cluster", "on_this_machine"]

CONNECT = 10  # seconds that a scheduler has to answer
ASK = 2.0  # seconds after which a worker of a cluster asks again whether to stop


@dataclass(frozen=True)
class PlannedRun:
    """A run that is to be made."""

    settings: ExperimentSettings
    preset: str | None
    command: str  # that makes it alone

    @cached_property
    def name(self) -> str:
        """The name of its folder, which tells it from every other run."""
        base = Path(self.preset or self.settings.dataset).stem
        labels = "all" if self.settings.labels is None else self.settings.labels
        base = re.sub(r"[^\w.-]", "_", base)
        return f"{base}-{labels}-{_digest(self.settings, SEEDS)}-seed-{self.settings.seed}-{self.settings.split_seed}"

    @property
    def shown(self) -> str:
        """What it is, for people."""
        labels = "all" if self.settings.labels is None else self.settings.labels
        base = Path(self.preset).name if self.preset else Path(self.settings.dataset).stem
        return f"{base}, {labels} labels, seed {self.settings.seed}, data seed {self.settings.split_seed}"

    @property
    def _preset_name(self) -> str | None:
        return Path(self.preset).name if self.preset else None  # a file may lie anywhere

    @property
    def awaited(self) -> Record:
        """Its record with errors of nothing: it stands in the rows of a table that the finished run will be in."""
        facts, settings = self.facts, self.settings
        weights = settings.denoising_weights
        names = model_names(weights is None or any(weight > 0 for weight in weights), settings.baseline)
        return Record(
            base=self._preset_name or data_name(settings),
            labels=settings.labels,
            seeds=seeds_of(settings),
            errors=dict.fromkeys(names, ErrorRate(0, 1)),
            minutes={},
            changed=facts["changed"],
            digest=facts["digest"],
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What its line of results says besides what was measured."""
        preset = find_preset(self.preset) if self.preset else None
        changed = changed_settings(self.settings, self.preset)
        same = preset is not None and not changed and self.settings.labels == preset.settings.get("labels", ...)
        published = preset.published if preset is not None and same else None
        return {
            "run": self.name,
            "command": self.command,
            "preset": self._preset_name,
            "changed": changed,
            "published": dataclasses.asdict(published) if published else None,
            "digest": _digest(self.settings, (*SEEDS, "baseline")),
        }


def _data(settings: ExperimentSettings) -> str:
    """Return what tells the data of a run, and how it is read, from others."""
    return f"{settings.dataset} {settings.table}"


def _data_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the sha256 of the data that finished runs were trained on, where it is known."""
    found = {}
    for line in (line for line in lines if data_sha256(line)):
        with contextlib.suppress(InputError, KeyError, TypeError):  # not a line of this sweep
            found[_data(ExperimentSettings.from_json(line["settings"]))] = data_sha256(line)
    return found


def _digest(settings: ExperimentSettings, left_out: Sequence[str]) -> str:
    """Return what stands for all settings but those left out, as far as they are not those of every run.

    So it stays when a later version has more settings.
    """
    usual = ExperimentSettings().as_json()
    own = {k: v for k, v in settings.as_json().items() if v != usual[k] and k not in left_out}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:8]


# Does jobs in some order, and yields each one's place and outcome as it is done.
Runner = Callable[[Sequence[dict[str, Any]]], Generator[tuple[int, Outcome], None, None]]


class Observer(Protocol):
    """Who is told how far a sweep is."""

    def begin(self, done: int) -> None:
        """So many runs are done already; the others begin."""

    def end(self, run: PlannedRun, outcome: Outcome) -> None:
        """One has ended."""


@dataclass(frozen=True)
class Sweep:
    """Runs, and the folder that they and their results are left in."""

    folder: Path
    planned: Sequence[PlannedRun]
    data_dir: Path | None
    device: str
    every: int | None = None  # steps between checkpoints

    @property
    def results(self) -> Path:
        """The file of results."""
        return self.folder / RESULTS

    def done(self) -> dict[str, dict[str, Any]]:
        """Return the lines of results of planned runs that are finished, by name; InputError if they are damaged."""
        names = {run.name for run in self.planned}
        return {line["run"]: line for line in self._lines() if line.get("run") in names}

    def _lines(self) -> list[dict[str, Any]]:
        return [line for _, line in read_results(self.results)] if self.results.exists() else []

    def run(self, runner: Runner, observer: Observer) -> dict[PlannedRun, str]:
        """Make the runs that are not done, and return why some failed.

        Raises InputError if the folder cannot be used, or another sweep is at work there.
        """
        ensure_folder(self.folder)
        failed = {}
        with lock_folder(self.folder):
            done = self.done()
            missing = [run for run in self.planned if run.name not in done]
            observer.begin(len(done))
            data = _data_of(self._lines())
            with contextlib.closing(runner([self._job(run, data) for run in missing])) as outcomes:
                for place, outcome in outcomes:
                    if "facts" in outcome:
                        append_result(self.results, {**missing[place].facts, **outcome["facts"]})
                    else:
                        failed[missing[place]] = outcome["error"]
                    observer.end(missing[place], outcome)
        return failed

    def _job(self, run: PlannedRun, data: Mapping[str, str]) -> dict[str, Any]:
        return {
            "settings": run.settings.as_json(),
            "preset": run.preset,
            "data_sha256": data.get(_data(run.settings)),
            "data_dir": str(self.data_dir.resolve()) if self.data_dir else None,
            "device": self.device,
            "folder": str((self.folder / "runs" / run.name).resolve()),
            "every": self.every,
        }


# ---- Where runs are made.


def on_this_machine(processes: int) -> Runner:
    """Return what does jobs in so many processes of this machine at once."""

    def run(jobs: Sequence[dict[str, Any]]) -> Generator[tuple[int, Outcome], None, None]:
        waiting, running = list(enumerate(jobs)), dict[int, Worker]()
        try:
            while waiting or running:
                while waiting and len(running) < processes:
                    place, job = waiting.pop(0)
                    running[place] = Worker(job)
                for place in [place for place, worker in running.items() if not worker.running]:
                    yield place, running.pop(place).wait()
                time.sleep(PAUSE)
        finally:
            for worker in running.values():
                worker.stop()
            for worker in running.values():
                worker.wait()

    return run


def on_cluster(address: str) -> Runner:
    """Return what does jobs on the workers of a Dask scheduler, one process for each of their threads.

    Where workers share the sweep's folder, the run of a worker that has died goes on from its checkpoint on another;
    elsewhere it begins again. Raises InputError if Dask is not installed.
    """
    distributed = _distributed()

    def run(jobs: Sequence[dict[str, Any]]) -> Generator[tuple[int, Outcome], None, None]:
        with _client(distributed, address) as client:
            stop = distributed.Event(f"ladder_np-{uuid.uuid4().hex}")
            places = {client.submit(_on_worker, job, stop.name, pure=False): place for place, job in enumerate(jobs)}
            try:
                for future in distributed.as_completed(list(places)):
                    yield places[future], _outcome(future)
            finally:
                if not all(future.done() for future in places):
                    stop.set()
                    client.cancel(list(places))

    return run


def _on_worker(job: dict[str, Any], stop: str) -> Outcome:
    """Do a job in a worker of a cluster, until the sweep's event says to stop."""
    event, asked = _distributed().Event(stop), time.monotonic()

    def stopped() -> bool:
        nonlocal asked
        if time.monotonic() < asked + ASK:
            return False
        asked = time.monotonic()
        return event.is_set()

    return run_job(job, stopped)


def _outcome(future: Any) -> Outcome:
    """Return what a job on a cluster came to; its worker, or the scheduler, may have died."""
    try:
        return future.result()
    except Exception as error:
        if future.status == "cancelled":
            return {"error": "the connection to the scheduler was lost"}
        reason = " ".join(str(error).replace(future.key, "it").split())
        return {"error": f"the cluster could not do it: {type(error).__name__}: {reason}"}


def _distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError:
        remedy = "install it with pip install 'ladder-np[dask]'"
        raise InputError(f"--scheduler needs Dask, which is not installed; {remedy}") from None


@contextlib.contextmanager
def _client(distributed: Any, address: str) -> Iterator[Any]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it says comes as errors too, in one line
    try:
        client = distributed.Client(address, timeout=CONNECT)
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"--scheduler {address}: no Dask scheduler answers: {reason}") from None
    with client:
        yield client
