"""One run: data, split, scaling, training, test; and the folder it leaves.

config.json       everything needed to repeat it
split.npz         row numbers: labeled, train (all rows used without label), validation, test
metrics.jsonl     a line an epoch; baseline-metrics.jsonl likewise for the supervised-only baseline
model.npz         the trained model; baseline.npz likewise
result.json       the errors that were measured at the end
"""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.arrays import Device
from ladder_np.data.dataset import Dataset
from ladder_np.data.preprocessing import Scaling, make_scaling
from ladder_np.data.readers import open_dataset
from ladder_np.data.split import Split, split_rows
from ladder_np.errors import InputError
from ladder_np.experiments.settings import ExperimentSettings
from ladder_np.files import append_line, make_folder, read_npz, write_npz, write_text
from ladder_np.network.model import LadderNetwork
from ladder_np.network.specification import Specification
from ladder_np.predictor import Predictor
from ladder_np.streams import Stream, stream
from ladder_np.training.trainer import EpochRecord, device_batches, train
from ladder_np.version import __version__

__all__ = ["Measured", "Problem", "evaluate_run", "execute", "load_run_model", "prepare"]

LADDER, BASELINE = "ladder", "supervised only"
FILES = {LADDER: ("metrics.jsonl", "model.npz"), BASELINE: ("baseline-metrics.jsonl", "baseline.npz")}

# Called after each epoch: which model, the record, the validation error in [0, 1] or None.
Observer = Callable[[str, EpochRecord, float | None], None]


@dataclass(frozen=True)
class Measured:
    """An error rate with what it was measured on."""

    wrong: int
    rows: int

    @property
    def percent(self) -> float:
        """100 · wrong/rows."""
        return 100 * self.wrong / self.rows

    def __str__(self) -> str:
        return f"{self.percent:.2f} % ({self.wrong} of {self.rows})"


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything a run needs, checked, before anything is written."""

    settings: ExperimentSettings
    dataset: Dataset
    data_dir: Path | None
    split: Split
    scaling: Scaling
    specification: Specification
    device: Device

    @property
    def has_baseline(self) -> bool:
        """Whether the supervised-only baseline is trained beside the ladder."""
        return self.settings.baseline and any(self.specification.denoising_weights)


def prepare(settings: ExperimentSettings, data_dir: Path | None, device_name: str) -> Problem:
    """Read the data and check every setting against it; nothing is written.

    Raises
    ------
    InputError
        If anything does not fit.
    """
    device = Device(device_name)
    dataset = open_dataset(settings.dataset, data_dir, settings.label_column)
    specification = settings.specification(dataset.X.shape[1], len(dataset.classes))
    split = _split(settings, dataset)
    scaling = make_scaling(dataset.X, split.train, settings.scaling, dataset.pixel_maximum)
    return Problem(settings, dataset, data_dir, split, scaling, specification, device)


def execute(problem: Problem, folder: Path | None, observe: Observer) -> tuple[Path, dict[str, Measured]]:
    """Train the baseline, if wanted, and the ladder; measure both; leave everything in a new folder.

    Parameters
    ----------
    problem : Problem
    folder : path or None
        Must not exist yet; None: the first free ``runs/{dataset}-{number}``.
    observe : callable
        See `Observer`.

    Returns
    -------
    folder : path
    measured : dict of str to Measured
        Test errors by model name, the baseline's first; empty without test rows.

    Raises
    ------
    InputError
        If the folder exists or cannot be written.
    TrainingDivergedError
        If a cost is no longer finite; the folder then holds no model.
    """
    folder = make_folder(folder) if folder else _first_free(problem.dataset.name)
    write_text(folder / "config.json", json.dumps(_config(problem), indent=2) + "\n")
    write_npz(folder / "split.npz", dataclasses.asdict(problem.split))
    measured = {}
    for name in (BASELINE, LADDER) if problem.has_baseline else (LADDER,):
        predictor = _train_one(problem, name, folder, observe)
        predictor.save(folder / FILES[name][1])
        if test := _test_rows(problem.dataset, problem.split):
            measured[name] = Measured(predictor.errors(*test), len(test[1]))
    results = {
        name: {"test_error_percent": m.percent, "wrong": m.wrong, "rows": m.rows} for name, m in measured.items()
    }
    write_text(folder / "result.json", json.dumps(results, indent=2) + "\n")
    return folder, measured


def load_run_model(folder: Path, device_name: str) -> Predictor:
    """Return the trained model of a run.

    Raises
    ------
    InputError
        If the folder is no finished run.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run folder")
    if not (folder / "model.npz").exists():
        raise InputError(f"{folder}: holds no model.npz; the run did not finish, or this is no run folder")
    return Predictor.load(folder / "model.npz", device_name)


def evaluate_run(folder: Path, data_dir: Path | None, device_name: str) -> Measured:
    """Measure a finished run's test error again, from its stored model and split.

    Raises
    ------
    InputError
        If the folder is no finished run, its data is gone or another, or it had no test rows.
    """
    predictor = load_run_model(folder, device_name)
    config = _read_config(folder)
    settings = ExperimentSettings.from_json(config["settings"])
    stored_dir = Path(config["data_dir"]) if config["data_dir"] else None
    dataset = open_dataset(settings.dataset, data_dir or stored_dir, settings.label_column)
    if fingerprint(dataset) != config["data_sha256"]:
        raise InputError(f"{settings.dataset}: not the data that {folder} was trained on (its sha256 differs)")
    rows = read_npz(folder / "split.npz", "a run's split")
    names = [field.name for field in dataclasses.fields(Split)]
    if set(rows) != set(names) or any(
        r.dtype != np.int64 or r.ndim != 1 or (r.size and not 0 <= r.min() <= r.max() < len(dataset.X))
        for r in rows.values()
    ):
        raise InputError(f"{folder / 'split.npz'}: damaged; expected row numbers {', '.join(names)}")
    test = _test_rows(dataset, Split(**rows))
    if test is None:
        raise InputError(
            f"{folder}: the run has no test rows; train with X_test and y_test in the .npz, or --test-fraction"
        )
    return Measured(predictor.errors(*test), len(test[1]))


def fingerprint(dataset: Dataset) -> str:
    """Return the sha256 of the dataset's arrays, so that a run can tell its data from another."""
    digest = hashlib.sha256()
    for array in (dataset.X, dataset.y, dataset.X_test, dataset.y_test):
        if array is not None:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _split(settings: ExperimentSettings, dataset: Dataset) -> Split:
    seed = settings.seed if settings.split_seed is None else settings.split_seed
    return split_rows(
        dataset.y,
        len(dataset.classes),
        labels=settings.labels,
        validation=settings.validation,
        test_fraction=0.0 if dataset.X_test is not None else settings.test_fraction,
        generator=stream(seed, Stream.SPLIT),
        classes=dataset.classes,
    )


def _train_one(problem: Problem, name: str, folder: Path, observe: Observer) -> Predictor:
    """Train one model; its metrics go to the folder line by line."""
    specification = problem.specification
    if name == BASELINE:
        weights = (0.0,) * len(specification.sizes)
        specification = dataclasses.replace(specification, denoising_weights=weights)
    network = LadderNetwork.from_specification(specification, device=problem.device, seed=problem.settings.seed)
    dataset, split = problem.dataset, problem.split
    predictor = Predictor(network, problem.scaling, dataset.classes, dataset.feature_names)
    metrics = folder / FILES[name][0]

    def rows(numbers: np.ndarray) -> np.ndarray:
        return problem.scaling.apply(dataset.X[numbers], specification.numpy_dtype)

    def on_epoch(record: EpochRecord) -> None:
        error = None
        if len(split.validation):
            network.estimate_statistics(lambda: device_batches(network, rows, split.train))
            wrong = predictor.errors(dataset.X[split.validation], dataset.y[split.validation])
            error = wrong / len(split.validation)
        append_line(metrics, json.dumps({**dataclasses.asdict(record), "validation_error": error}))
        observe(name, record, error)

    train(network, rows, dataset.y, split.labeled, split.train, problem.settings.training(), on_epoch)
    return predictor


def _test_rows(dataset: Dataset, split: Split) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the test rows and their classes: the dataset's own, else the held-out ones, else None."""
    if dataset.X_test is not None and dataset.y_test is not None:
        return dataset.X_test, dataset.y_test
    if len(split.test):
        return dataset.X[split.test], dataset.y[split.test]
    return None


def _config(problem: Problem) -> dict[str, Any]:
    return {
        "ladder_np": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "device": problem.device.name,
        "settings": problem.settings.as_json(),
        "network": problem.specification.as_json(),
        "data_dir": str(problem.data_dir.resolve()) if problem.data_dir else None,
        "data_sha256": fingerprint(problem.dataset),
        "rows": {key: len(value) for key, value in dataclasses.asdict(problem.split).items()},
    }


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a run's configuration ({error})") from None
    needed = {"settings": dict, "data_dir": str | None, "data_sha256": str}
    for key, kind in needed.items():
        if not isinstance(config, dict) or not isinstance(config.get(key, ...), kind):
            raise InputError(f"{path}: not a run's configuration: {key} is missing or damaged")
    return config


def _first_free(dataset: str) -> Path:
    """Make and return the first folder ``runs/{dataset}-{number}`` that does not exist yet."""
    number = 1
    while True:
        folder = Path("runs") / f"{dataset}-{number}"
        if not folder.exists():
            return make_folder(folder)
        number += 1
