"""One run: training, test, and the folder it leaves, whose files `run_folder` lists and reads back."""

import dataclasses
import json
import os
import platform
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.experiments.experiment import Experiment, fingerprint, prepare, rows_for_test
from ladder_np.experiments.run_folder import (
    BASELINE_MODEL,
    BASELINE_STATE,
    CONFIG,
    MODEL,
    RESULT,
    SPLIT,
    STATE,
    ErrorRate,
    check_run_data,
    load_run_config,
    load_run_data,
    load_run_model,
    load_run_split,
    locate_data,
    set_aside,
)
from ladder_np.experiments.run_trainer import Checkpoints, RunTrainer
from ladder_np.files import lock_folder, make_folder, remove_leftovers, write_npz, write_text
from ladder_np.inspection.machine import describe_blas
from ladder_np.network.model import LadderNetwork
from ladder_np.predictor import Predictor
from ladder_np.training.trainer import EpochRecord
from ladder_np.version import __version__

__all__ = ["evaluate_run", "execute", "refuse_run", "reopen", "resume"]

# The file of a model, and that of where its finished training is.
TRAINED = {MODEL: STATE, BASELINE_MODEL: BASELINE_STATE}

# Called after each epoch: which model, the record.
Observer = Callable[[str, EpochRecord], None]


def execute(
    experiment: Experiment,
    folder: Path | None,
    observe: Observer,
    every: int | None = None,
    preset: str | None = None,
) -> tuple[Path, dict[str, ErrorRate]]:
    """Train every model of the experiment, measure them, and leave everything in a new folder.

    By default that is the first ``runs/{dataset}-{number}`` that nobody has taken, not even meanwhile. A checkpoint
    is written at every epoch's end, and after `every` steps; the name of the `preset` in the configuration. Returns
    the folder, and the test errors by model name, the baseline's first; empty without test rows.

    Raises InputError if the folder exists or cannot be written; TrainingDivergedError if a cost is NaN or infinite or
    has exploded (the folder then holds no model); KeyboardInterrupt, whose message says how to go on, after Ctrl-C.
    """

    def fill(folder: Path) -> None:
        write_text(folder / CONFIG, json.dumps(_config(experiment, preset), indent=2) + "\n")
        write_npz(folder / SPLIT, dataclasses.asdict(experiment.split))

    networks = _networks(experiment)  # before the folder: there may not be memory for them
    folder = make_folder([folder] if folder else _numbered(experiment.dataset.name), fill)
    with lock_folder(folder):
        return folder, _work(experiment, networks, folder, observe, every)


def resume(experiment: Experiment, folder: Path, observe: Observer, every: int | None = None) -> dict[str, ErrorRate]:
    """Go on with an interrupted run as if it had never stopped; of a finished one only repeat what was measured.

    The experiment is what `reopen` returned. If that asks for more epochs than the run has, all its models are
    trained on, each from where it is, at the rate that a training of so many epochs has there (see `learning_rate`).

    Raises as `execute`, and InputError if the run's checkpoints cannot be used, or another process is at work on it.
    """
    with lock_folder(folder):
        remove_leftovers(folder)
        networks = _networks(experiment)
        _update(experiment, networks, folder)
        return _work(experiment, networks, folder, observe, every)


def reopen(
    folder: Path, data_dir: Path | None, device_name: str, dataset: str | None = None, epochs: int | None = None
) -> Experiment:
    """Return the experiment of a run that was begun; `data_dir` is by default the one that it was begun with.

    `dataset` is where a data file that was moved lies now, `epochs` a new total to train to. Another kind of device
    than before draws other noise, so that the rest of the training differs. Raises InputError if the folder is not a
    run, its data or rows are gone or were changed, or it cannot be trained longer.
    """
    config = load_run_config(folder)
    settings = locate_data(folder, config, dataset)
    if epochs is not None:
        settings = dataclasses.replace(settings, epochs=epochs)
        _check_longer(folder, config.settings.epochs, epochs)
    experiment = prepare(settings, data_dir or config.data_dir, device_name)
    check_run_data(folder, config, experiment.dataset, settings.dataset)
    stored = dataclasses.asdict(load_run_split(folder, len(experiment.dataset.X)))
    if any(not np.array_equal(rows, stored[name]) for name, rows in dataclasses.asdict(experiment.split).items()):
        raise InputError(f"{folder / SPLIT}: not the rows that the run's settings choose; the file was changed")
    return experiment


def _check_longer(folder: Path, before: int, epochs: int) -> None:
    """Raise `InputError` if a run of `before` epochs cannot become one of `epochs`."""
    if epochs < before:
        raise InputError(f"epochs {epochs}: {folder} is a run of {before}; expected a new total that is larger")
    for model, state in TRAINED.items() if epochs > before else ():
        if (folder / model).exists() and not (folder / state).exists():
            raise InputError(
                f"{folder}: cannot be trained longer: it has no {state}, where its training was at the end (runs of "
                f"older versions have none); train a new run with --epochs {epochs}"
            )


def _update(experiment: Experiment, networks: dict[str, LadderNetwork], folder: Path) -> None:
    """Write down in a run's folder that its data was moved, or that it is trained longer than it was.

    At any moment the run is whole: models that were set aside are made again from the kept states.
    """
    config, now = load_run_config(folder), experiment.settings
    before = config.settings
    facts = config.facts
    if now.epochs < before.epochs:
        raise InputError(f"{folder}: was made a run of {before.epochs} epochs in this moment; start again")
    if now.epochs > before.epochs:
        ended = [RunTrainer(experiment, name, network, folder).hold() for name, network in networks.items()]
        if all(ended):
            raise InputError(
                f"{folder}: was ended by its patience of {before.patience}, not by its {before.epochs} epochs; for "
                "a longer training begin a new run with a larger --patience"
            )
        for name in (RESULT, *TRAINED):
            if (folder / name).exists():
                os.replace(folder / name, set_aside(folder / name, before.epochs))
        facts = {**facts, "epochs_before": [*config.epochs_before, before.epochs]}
    if (now.epochs, now.dataset) != (before.epochs, before.dataset):
        settings = dataclasses.replace(before, epochs=now.epochs, dataset=now.dataset)
        write_text(folder / CONFIG, json.dumps({**facts, "settings": settings.as_json()}, indent=2) + "\n")


def _networks(experiment: Experiment) -> dict[str, LadderNetwork]:
    return {
        name: LadderNetwork.from_specification(model, device=experiment.device, seed=experiment.settings.seed)
        for name, model in experiment.models.items()
    }


def _work(
    experiment: Experiment, networks: dict[str, LadderNetwork], folder: Path, observe: Observer, every: int | None
) -> dict[str, ErrorRate]:
    """Do what is not done yet in a run's folder; return the test errors."""
    test = rows_for_test(experiment.dataset, experiment.split)
    measured = {}
    try:
        for name, network in networks.items():
            predictor = _model(experiment, name, network, folder, partial(observe, name), every)
            if test:
                measured[name] = ErrorRate.of(predictor, *test, characters=experiment.dataset.overlapping)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; go on with: ladder-np train --resume {folder}") from None
    if not (folder / RESULT).exists():
        results = {name: error_rate.as_json() for name, error_rate in measured.items()}
        write_text(folder / RESULT, json.dumps(results, indent=2) + "\n")
    Checkpoints(folder).remove()
    return measured


def _model(
    experiment: Experiment,
    name: str,
    network: LadderNetwork,
    folder: Path,
    observe: Callable[[EpochRecord], None],
    every: int | None,
) -> Predictor:
    """Return a model of the run: from its file if it is finished, else trained and saved there."""
    path = folder / (MODEL if name == experiment.main else BASELINE_MODEL)
    if path.exists():
        return Predictor.load(path, experiment.device)
    predictor = RunTrainer(experiment, name, network, folder, observe, every).run()
    predictor.save(path)
    return predictor


def evaluate_run(folder: Path, data_dir: Path | None, device_name: str, dataset: str | None = None) -> ErrorRate:
    """Measure a finished run's test error again, from its stored model and split.

    `dataset` is where a data file that was moved lies now. Raises InputError if the folder is not a finished run, its
    data is gone or was changed, or it had no test rows.
    """
    predictor = load_run_model(folder, device_name)
    data = load_run_data(folder, data_dir, dataset)
    test = rows_for_test(predictor.features_of(data.dataset), data.split)
    if test is None:
        raise InputError(
            f"{folder}: the run has no test rows; train with --test-fraction, or with X_test and y_test in an .npz"
        )
    predictor.warn_if_unlike(test[0], f"{folder}: the test rows")
    return ErrorRate.of(predictor, *test, characters=data.dataset.overlapping)


def _config(experiment: Experiment, preset: str | None) -> dict[str, Any]:
    blas = describe_blas()
    return {
        "ladder_np": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "device": experiment.device.name,
        # on the CPU the last bits depend on these
        "blas": {"name": blas.name, "version": blas.version, "kernel": blas.kernel, "threads": blas.threads},
        "preset": None if preset is None else Path(preset).name,
        "settings": experiment.settings.as_json(),
        "network": experiment.specification.as_json(),
        "features": experiment.features,
        "data_dir": str(experiment.data_dir.resolve()) if experiment.data_dir else None,
        "data_sha256": fingerprint(experiment.dataset),
        "rows": {key: len(value) for key, value in dataclasses.asdict(experiment.split).items()},
    }


def _numbered(dataset: str) -> Iterator[Path]:
    """Yield the folders ``runs/{dataset}-{number}``."""
    return (Path("runs") / f"{dataset}-{number}" for number in count(1))


def refuse_run(folder: Path) -> None:
    """Raise `InputError` if `folder`, where a new run is to be made, exists; if it is a run, say how it goes on."""
    if (folder / CONFIG).is_file():
        raise InputError(
            f"output folder {folder} exists already and holds a run; name a new one, or leave --out out and let runs "
            f"be numbered; this one goes on with: ladder-np train --resume {folder}"
        )
    if os.path.lexists(folder):
        raise InputError(f"output folder {folder} exists already; name a new one, or leave --out out")
