"""Results of finished runs, one JSON line for each: all that is needed to repeat a run, and what it came to.

``results.jsonl`` is what a sweep leaves; `benchmarks/results` has the same format.
"""

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ladder_np.errors import InputError
from ladder_np.experiments.experiment import LADDER
from ladder_np.experiments.presets import PRESETS, Published
from ladder_np.experiments.run_folder import (
    CONFIG,
    ErrorRate,
    errors_from_json,
    load_run_config,
    load_run_histories,
    load_run_results,
)
from ladder_np.experiments.settings import DATASET_DEFAULTS, ExperimentSettings, make_settings
from ladder_np.files import read_json, read_text, write_text
from ladder_np.version import of_later, unknown_format

__all__ = [
    "RESULTS",
    "Record",
    "append_result",
    "changed_settings",
    "data_name",
    "data_sha256",
    "holds_results",
    "is_run",
    "measured_facts",
    "read_records",
    "read_results",
    "seeds_of",
]

RESULTS = "results.jsonl"
FORMAT, VERSION = "ladder_np result", 1
SEEDS = ("seed", "split_seed")
# Settings that do not make another experiment: labels have a column of their own, a baseline is another row.
OF_NO_OTHER = (*SEEDS, "labels", "baseline", "reading")
# Settings that the data decides where nobody does, and what they are until then.
OPEN = {"denoising_weights": None, "scaling": "auto", "labeled_statistics": "auto"}


@dataclass(frozen=True)
class Record:
    """What one finished run came to."""

    base: str  # the preset's name, or that of the data
    labels: int | None  # None: all
    seeds: tuple[int, int]  # of the model, of the choice of rows
    errors: Mapping[str, ErrorRate]  # by model
    minutes: Mapping[str, float]  # of training, by model, where known
    changed: Mapping[str, Any] = field(default_factory=dict)  # settings unlike those of the preset or the data
    # what a run's folder does not tell whether it was asked for or follows from the data
    decided: Mapping[str, Any] = field(default_factory=dict)
    published: Published | None = None  # of the main model
    data: tuple[str, str] = ("", "")  # the data's name, and its sha256 where that is known
    digest: str = ""  # of all settings that a sweep asked for but seeds and baseline

    @property
    def main(self) -> str:
        """The name of the model that the run is for."""
        return LADDER if LADDER in self.errors else next(iter(self.errors))


def changed_settings(settings: ExperimentSettings, preset: str | None) -> dict[str, Any]:
    """Return the settings that are not those of a preset, or of the data's defaults, as JSON values."""
    usual, own = _usual(settings, preset).as_json(), settings.as_json()
    if preset is not None:
        usual["dataset"] = make_settings({}, preset).dataset
    return {name: own[name] for name in usual if name not in OF_NO_OTHER and own[name] != usual[name]}


def _usual(settings: ExperimentSettings, preset: str | None) -> ExperimentSettings:
    """Return what a run on the same data, read in the same way, has with nothing named but the preset."""
    window = {} if settings.window is None else {"window": settings.window}
    return make_settings({"dataset": settings.dataset, **window}, preset)


# ---- Writing.


def append_result(path: Path, record: Mapping[str, Any]) -> None:
    """Add a line to a file of results: afterwards it is there whole, or not at all."""
    before = read_text(path, "results") if path.exists() else ""
    if before and not before.endswith("\n"):  # an editor may have cut it off
        before += "\n"
    line = json.dumps({"format": FORMAT, "version": VERSION, **record}, ensure_ascii=False)
    write_text(path, f"{before}{line}\n")


def measured_facts(folder: Path) -> dict[str, Any]:
    """Return what a finished run's folder says: settings, versions, data, errors and minutes of each model.

    Raises InputError if it is not a finished run, or a file is damaged.
    """
    config, errors = load_run_config(folder), load_run_results(folder)
    if not errors:
        raise InputError(f"{folder}: {_why_no_error(folder)}")
    minutes = _minutes(folder)
    results = {
        name: {**error.as_json(), "minutes": round(minutes[name], 5) if name in minutes else None}
        for name, error in errors.items()
    }
    return {**config.facts, "results": results}


def _why_no_error(folder: Path) -> str:
    if (folder / "result.json").exists():
        return "the run has no test rows, so no test error; train with --test-fraction"
    return f"the run did not finish; go on with: ladder-np train --resume {folder}"


def _minutes(folder: Path) -> dict[str, float]:
    """Return how long the training of each model took, all its sessions together."""
    return {name: float(history.seconds.sum()) / 60 for name, history in load_run_histories(folder).items()}


# ---- Reading.


def is_run(path: Path) -> bool:
    """Return whether a path is the folder of a run."""
    return (path / CONFIG).is_file()


def holds_results(path: Path) -> bool:
    """Return whether a path is a file of results, or a folder with one, such as a sweep's; not a damaged one."""
    return any(_is_of_results(file) for file in (path.glob("*.jsonl") if path.is_dir() else [path]))


def _is_of_results(file: Path) -> bool:
    with contextlib.suppress(InputError):
        return next(read_results(file), None) is not None
    return False


def read_records(paths: Iterable[Path], only: Collection[str] | None = None) -> list[Record]:
    """Return what files of results, folders with some, and folders of runs hold, in this order.

    With `only` it is the results of the runs with these names. Raises InputError if a path holds none, or is damaged.
    """
    return [record for path in paths for record in _records(path, only)]


def _records(path: Path, only: Collection[str] | None) -> Iterator[Record]:
    if is_run(path):
        yield _record_of_run(path)
        return
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: holds no results (.jsonl) and is not a run; name a file, or the folder of a sweep")
    for file in files:
        lines = (entry for entry in read_results(file) if only is None or entry[1].get("run") in only)
        yield from (_record(line, f"{file}: line {number}") for number, line in lines)


def read_results(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines of a file of results, with their numbers from 1; blank ones are left out.

    Raises InputError if one is something else.
    """
    for number, text in enumerate(read_text(path, "results (.jsonl)").split("\n"), 1):
        if not text.strip():
            continue
        line = read_json(text)
        if not isinstance(line, dict) or line.get("format") != FORMAT:
            raise InputError(f"{path}: line {number} is not a result of a run (its format does not say {FORMAT!r})")
        if line.get("version") != VERSION:
            named = unknown_format("result", line.get("version"), (VERSION,), line.get("ladder_np"))
            raise InputError(f"{path}: line {number}: {named}")
        yield number, line


def _record(line: Mapping[str, Any], where: str) -> Record:
    """Return a line's record; raise `InputError` if it is incomplete."""
    try:
        settings = ExperimentSettings.from_json(line["settings"], line.get("ladder_np"))
        preset, results = line.get("preset"), line["results"]
        errors = errors_from_json(results)
        minutes = {name: float(one["minutes"]) for name, one in results.items() if one.get("minutes") is not None}
        changed, decided = dict(line["changed"]), dict(line.get("decided", {}))
        published = Published(**line["published"]) if line.get("published") else None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        later = of_later(line.get("ladder_np"))
        raise InputError(f"{where}: damaged; expected settings, results and changed{later}") from None
    if not errors:
        raise InputError(f"{where}: holds no test error")
    if preset is not None and not changed and _is_published(preset, settings):
        published = PRESETS[preset].published
    name, digest = data_name(settings), str(line.get("digest", ""))
    data = name, data_sha256(line)
    return Record(
        preset or name,
        settings.labels,
        seeds_of(settings),
        errors,
        minutes,
        changed,
        decided,
        published,
        data,
        digest,
    )


def _record_of_run(folder: Path) -> Record:
    """Return the record of a run's folder; its preset, if it names none, is the first one with the very settings."""
    facts, settings = measured_facts(folder), load_run_config(folder).settings
    preset = facts.get("preset")
    if not isinstance(preset, str) or preset not in PRESETS:
        same = (name for name in PRESETS if _is_published(name, settings) and not _told_apart(settings, name)[0])
        preset = next(same, None)
    changed, decided = _told_apart(settings, preset)
    return _record({**facts, "preset": preset, "changed": changed, "decided": decided}, str(folder))


def _told_apart(settings: ExperimentSettings, preset: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a run's settings change for sure, and what the data may have decided."""
    usual = _usual(settings, preset)
    changed = changed_settings(settings, preset)
    left_open = [name for name, value in OPEN.items() if getattr(usual, name) == value and name in changed]
    return changed, {name: _rounded(changed.pop(name)) for name in left_open}


def _rounded(value: Any) -> Any:
    """Return λs with two digits: those that follow from the data's variance differ a little from split to split."""
    return [float(f"{number:.2g}") for number in value] if isinstance(value, tuple) else value


def _is_published(preset: str, settings: ExperimentSettings) -> bool:
    """Return whether a preset's name stands for its own data and number of labels."""
    own = PRESETS[preset].settings if preset in PRESETS else {}
    return all(name in own and own[name] == getattr(settings, name) for name in ("dataset", "labels"))


def data_sha256(facts: Mapping[str, Any]) -> str:
    """Return the sha256 of a run's data; empty where an older version did not write it, or made it in another way."""
    return str(facts.get("data_sha256") or "") if "features" in facts else ""


def data_name(settings: ExperimentSettings) -> str:
    """Return the name of a run's data, as the rows of tables have it."""
    return settings.dataset if settings.dataset in DATASET_DEFAULTS else Path(settings.dataset).stem


def seeds_of(settings: ExperimentSettings) -> tuple[int, int]:
    """Return the seeds of a run's model and of its choice of rows."""
    return settings.seed, settings.seed if settings.split_seed is None else settings.split_seed
