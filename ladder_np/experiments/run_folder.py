"""A run's folder read back: what `run` has written there, checked, for whoever looks at a run later.

config.json       everything needed to repeat it
split.npz         row indices: labeled, train (all rows used without label), validation, test
metrics.jsonl     one line per epoch; baseline-metrics.jsonl likewise for the supervised-only baseline
checkpoint.npz    while the run is unfinished: where it is; checkpoint-before.npz: where it was
training.npz      where a finished training is, so that it can be trained longer; baseline-training.npz likewise
model.npz         the trained model; baseline.npz likewise
result.json       the errors that were measured at the end

Of a run that was trained longer, model, baseline and result from before stay beside the new ones as
``model-100-epochs.npz`` and so on.
"""

import contextlib
import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.data.dataset import Dataset, Features
from ladder_np.data.readers import open_dataset
from ladder_np.data.split import Split
from ladder_np.errors import InputError, LaterError
from ladder_np.experiments.autoencoder import refuse_autoencoder
from ladder_np.experiments.experiment import BASELINE, LADDER, fingerprint
from ladder_np.experiments.settings import DATASET_DEFAULTS, ExperimentSettings
from ladder_np.files import read_json, read_npz, read_text
from ladder_np.network.specification import Specification
from ladder_np.predictor import Predictor
from ladder_np.training.fit import FitHistory
from ladder_np.version import of_later

__all__ = [
    "BASELINE_METRICS",
    "BASELINE_MODEL",
    "BASELINE_STATE",
    "CONFIG",
    "METRICS",
    "MODEL",
    "RESULT",
    "SPLIT",
    "STATE",
    "ErrorRate",
    "RunConfig",
    "RunData",
    "check_run_data",
    "errors_from_json",
    "find_run_split",
    "load_run_config",
    "load_run_data",
    "load_run_histories",
    "load_run_model",
    "load_run_results",
    "load_run_split",
    "locate_data",
    "read_metrics",
    "set_aside",
]

CONFIG, SPLIT, RESULT = "config.json", "split.npz", "result.json"
MODEL, BASELINE_MODEL = "model.npz", "baseline.npz"
METRICS, BASELINE_METRICS = "metrics.jsonl", "baseline-metrics.jsonl"
STATE, BASELINE_STATE = "training.npz", "baseline-training.npz"


@dataclass(frozen=True)
class ErrorRate:
    """An error rate with what it was measured on."""

    wrong: int
    rows: int
    # of the next characters of a text, the mean of -log2 P; None for other classes
    bits: float | None = None

    @classmethod
    def of(cls, predictor: Predictor, X: Features, y: np.ndarray, characters: bool) -> "ErrorRate":
        """Measure a model on rows X with the classes' indices y, which are `characters` that come next or not."""
        wrong, entropy = predictor.measure(X, y)
        return cls(wrong, len(y), entropy / math.log(2) if characters else None)

    @property
    def percent(self) -> float:
        """100 · wrong/rows."""
        return 100 * self.wrong / self.rows

    def __str__(self) -> str:
        text = f"{self.percent:.2f} % ({self.wrong} of {self.rows})"
        return text if self.bits is None else f"{text}, {self.bits:.3f} bits per character"

    def as_json(self) -> dict[str, Any]:
        """Return what a run's results say."""
        facts = {"test_error_percent": self.percent, "wrong": self.wrong, "rows": self.rows}
        return facts if self.bits is None else {**facts, "bits_per_character": self.bits}


@dataclass(frozen=True)
class RunConfig:
    """What ``config.json`` says."""

    settings: ExperimentSettings
    data_dir: Path | None  # the folder with data files that the run was begun with
    data_sha256: str  # see `fingerprint`
    facts: dict[str, Any]  # all of the file: versions, device, rows and the network's description too

    @property
    def epochs_before(self) -> list[int]:
        """The totals that the run was trained to before it was trained longer, in order."""
        return self.facts.get("epochs_before", [])

    @property
    def specification(self) -> Specification:
        """The description of the run's main network.

        Raises InputError if the file does not describe one.
        """
        try:
            return Specification.from_json(self.facts["network"])
        except (InputError, TypeError, KeyError) as error:
            cause = f"its description of the network is missing or damaged: {error}"
            raise InputError(f"{CONFIG}: {cause}{of_later(self.facts.get('ladder_np'))}") from None


@dataclass(frozen=True, eq=False)
class RunData:
    """The data of a run, opened again, and which rows of it were used for what."""

    dataset: Dataset
    split: Split


def load_run_config(folder: Path) -> RunConfig:
    """Return what a run's ``config.json`` says.

    Raises InputError if the folder or the file is missing, or the file is damaged.
    """
    _check_folder(folder)
    path = folder / CONFIG
    config = read_json(read_text(path, "a run's configuration"))
    needed = {"settings": dict, "data_dir": str | None, "data_sha256": str}
    for key, kind in needed.items():
        if not isinstance(config, dict) or not isinstance(config.get(key, ...), kind):
            raise InputError(f"{path}: not a run's configuration: {key} is missing or damaged")
    if not _are_counts(config.get("epochs_before", [])):
        raise InputError(f"{path}: not a run's configuration: epochs_before is damaged")
    try:
        settings = ExperimentSettings.from_json(config["settings"], config.get("ladder_np"))
    except LaterError as error:
        raise InputError(f"{path}: {error}") from None
    except InputError as error:
        later = of_later(config.get("ladder_np"))
        raise InputError(f"{path}: not a run's configuration: {error}{later}") from None
    data_dir = Path(config["data_dir"]) if config["data_dir"] else None
    return RunConfig(settings, data_dir, config["data_sha256"], config)


def set_aside(path: Path, epochs: int) -> Path:
    """Return where a file of a run's folder stays when the run is trained for more than so many epochs."""
    return path.with_stem(f"{path.stem}-{epochs}-epochs")


def load_run_split(folder: Path, rows: int) -> Split:
    """Return a run's split, checked to be of a dataset of `rows` rows.

    Raises InputError if it is missing or damaged.
    """
    path = folder / SPLIT
    arrays = read_npz(path, "a run's split")
    names = [field.name for field in dataclasses.fields(Split)]
    if set(arrays) != set(names) or not all(_are_row_indices(indices, rows) for indices in arrays.values()):
        raise InputError(f"{path}: damaged; expected row indices {', '.join(names)}")
    return Split(**arrays)


def locate_data(folder: Path, config: RunConfig, dataset: str | None) -> ExperimentSettings:
    """Return a run's settings, with its data where `dataset` says that it lies now; None: where it lay.

    Raises InputError if a file that it was trained on is not there any more.
    """
    settings = config.settings
    if dataset is not None:
        return dataclasses.replace(settings, dataset=dataset)
    if settings.dataset not in DATASET_DEFAULTS and not os.path.exists(settings.dataset):
        raise InputError(
            f"{settings.dataset}: no such file or folder; {folder} was trained on it: if it was moved, name its new "
            "place with --dataset PATH"
        )
    return settings


def load_run_data(folder: Path, data_dir: Path | None, dataset: str | None = None) -> RunData:
    """Open a run's data again, by default from the `data_dir` that it was begun with.

    `dataset` is where a file that was moved lies now. Raises InputError if the folder is not a run, or its data is
    gone or was changed.
    """
    config = load_run_config(folder)
    settings = locate_data(folder, config, dataset)
    opened = open_dataset(settings.dataset, data_dir or config.data_dir, settings.table)
    check_run_data(folder, config, opened, settings.dataset)
    return RunData(opened, load_run_split(folder, len(opened.X)))


def is_data_of(config: RunConfig, opened: Dataset) -> bool:
    """Return whether a dataset is the one that a run was begun with."""
    return fingerprint(opened, names="features" in config.facts) == config.data_sha256


def find_run_split(folder: Path, opened: Dataset) -> Split | None:
    """Return a run's split if the dataset is the one that it was begun with; None if not, or if none can tell."""
    with contextlib.suppress(InputError):  # the folder is not a run
        if is_data_of(load_run_config(folder), opened):
            return load_run_split(folder, len(opened.X))
    return None


def check_run_data(folder: Path, config: RunConfig, opened: Dataset, source: str) -> None:
    """Raise `InputError` if the dataset opened from `source` is not the one that a run was begun with."""
    if not is_data_of(config, opened):
        raise InputError(f"{source}: not the data that {folder} was trained on (its sha256 differs)")


def load_run_model(folder: Path, device_name: str) -> Predictor:
    """Return the trained model of a run.

    Raises InputError if the folder is not a finished run.
    """
    _check_folder(folder)
    if not (folder / MODEL).exists() and (folder / CONFIG).exists():
        raise InputError(f"{folder}: the run did not finish; go on with: ladder-np train --resume {folder}")
    if not (folder / MODEL).exists():
        raise InputError(f"{folder}: holds no {MODEL}; this is not a run's folder")
    return Predictor.load(folder / MODEL, device_name)


def load_run_histories(folder: Path) -> dict[str, FitHistory]:
    """Return how the trainings of a run's models went, by name, the baseline's first, as far as they have got.

    Raises InputError if the folder is not a run, or a file is damaged.
    """
    specification = load_run_config(folder).specification
    files = {BASELINE: BASELINE_METRICS, LADDER: METRICS} if specification.denoises else {BASELINE: METRICS}
    paths = {name: folder / file for name, file in files.items() if (folder / file).exists()}
    histories = {name: read_metrics(path, len(specification.sizes)) for name, path in paths.items()}
    return {name: history for name, history in histories.items() if len(history)}


def read_metrics(path: Path, layers: int) -> FitHistory:
    """Return the history in a metrics file, of a network with `layers` (L + 1) denoising costs.

    Raises InputError if the file is damaged. A last line that was cut off by a crash is left out.
    """
    *lines, rest = read_text(path, "a run's metrics").split("\n")
    if read_json(rest) is not None:
        lines.append(rest)
    try:
        return FitHistory.from_json([read_json(line) for line in lines], layers)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def load_run_results(folder: Path) -> dict[str, ErrorRate]:
    """Return the test errors of a run by model, the baseline's first; empty before its end or without test rows.

    Raises InputError if the file is damaged.
    """
    path = folder / RESULT
    if not path.exists():
        return {}
    try:
        return errors_from_json(read_json(read_text(path, "a run's results")))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def errors_from_json(results: Any) -> dict[str, ErrorRate]:
    """Return the error rates of models by name that `ErrorRate.as_json` described; raise `InputError` if damaged."""
    if not isinstance(results, dict) or not all(map(_is_result, results.values())):
        raise InputError("damaged; expected wrong and rows of every model")
    return {name: ErrorRate(r["wrong"], r["rows"], r.get("bits_per_character")) for name, r in results.items()}


def _is_result(result: Any) -> bool:
    wrong, rows = (result.get("wrong"), result.get("rows")) if isinstance(result, dict) else (None, None)
    counted = type(wrong) is int and type(rows) is int and 0 <= wrong <= rows > 0
    return counted and type(result.get("bits_per_character")) in (float, type(None))


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value > 0 for value in values)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run folder")
    refuse_autoencoder(folder)


def _are_row_indices(indices: np.ndarray, rows: int) -> bool:
    if indices.dtype != np.int64 or indices.ndim != 1:
        return False
    return not indices.size or bool(indices.min() >= 0 and indices.max() < rows)
