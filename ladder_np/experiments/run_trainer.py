"""The training of one model of a run: metrics line by line, checkpoints, Ctrl-C; it can be resumed.

A checkpoint holds ``meta`` (JSON: format, version, model) and the arrays of `Training.state`. It is written beside
and renamed, and the one before stays: one undamaged checkpoint is there whenever the process dies. The last one of a
finished training is kept under another name, so that it can be trained longer.
"""

import contextlib
import dataclasses
import json
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import numpy as np

from ladder_np.errors import InputError, TrainingDivergedError
from ladder_np.experiments.experiment import Experiment
from ladder_np.experiments.run_folder import BASELINE_METRICS, BASELINE_STATE, METRICS, STATE, read_metrics
from ladder_np.files import append_line, read_json_entry, read_npz, write_npz, write_text
from ladder_np.network.model import LadderNetwork
from ladder_np.predictor import Predictor
from ladder_np.training.fit import fit
from ladder_np.training.trainer import EpochRecord, Training
from ladder_np.version import __version__, of_later, unknown_format

__all__ = ["Checkpoints", "RunTrainer"]

FORMAT, VERSION = "ladder_np checkpoint", 1
LAST, BEFORE = "checkpoint.npz", "checkpoint-before.npz"
# Arrays whose first dimension differs from step to step.
FREE_LENGTH = ("waiting", "step/noise/drawn")
# One of them is there: its type, and its second dimension.
OF_ONE_DEVICE = {"step/noise/streams": (np.uint64, 6), "step/noise/drawn": (np.int64, 2)}


@dataclass
class RunTrainer:
    """One model's training in a run's folder."""

    experiment: Experiment
    name: str  # of the model
    network: LadderNetwork  # at its starting point; trained in place
    folder: Path  # of the run
    observe: Callable[[EpochRecord], None] = lambda record: None  # called after each epoch with its record
    every: int | None = None  # steps between checkpoints, besides the one at the end of every epoch
    watched: bool | None = None  # see `Training`

    def __post_init__(self) -> None:
        experiment = self.experiment
        dataset, training = experiment.dataset, experiment.settings.training()
        self._training = Training(self.network, experiment.training_data, training, self.watched)
        pixels = experiment.scaling.kind == "pixels"
        self._model = Predictor(
            self.network,
            experiment.scaling,
            dataset.classes,
            dataset.feature_names,
            pixels=pixels,
            range=experiment.range,
            left_out=dataset.left_out,
            table=_read_as(experiment),
            vocabulary=experiment.vocabulary,
            prior=experiment.prior,
            image_shape=dataset.image_shape,
        )
        self._metrics = self.folder / (METRICS if self.name == experiment.main else BASELINE_METRICS)
        self._checkpoints = Checkpoints(self.folder, STATE if self.name == experiment.main else BASELINE_STATE)
        self._interruption = Interruption()

    def run(self) -> Predictor:
        """Train from the last checkpoint, or from the start, to the end; keep the state there, and return the model.

        Raises InputError if a file cannot be written, or the checkpoints cannot be used; TrainingDivergedError if the
        cost is NaN or infinite or has exploded; KeyboardInterrupt after Ctrl-C, when the step is finished and a
        checkpoint written.
        """
        self._restore()
        self._cut_metrics()
        watched = len(self.experiment.split.validation) > 0
        try:
            with self._interruption:
                fit(self._training, self._validation_error if watched else None, self._after_step, self._after_epoch)
        except TrainingDivergedError as error:
            raise TrainingDivergedError(f"{self._located(error)}; {self._last_checkpoint()}") from None
        self._interruption.raise_if_requested()
        self._keep()
        with contextlib.suppress(InputError):  # where somebody has damaged the metrics the model is whole without
            self._model.history = read_metrics(self._metrics, self._training.layers)
        return self._model

    def hold(self) -> bool:
        """Keep where the training is, for one of more epochs; return whether it has nothing left to do.

        Raises InputError if the checkpoints cannot be used.
        """
        self._restore()
        self._keep()
        return self._training.done

    def _restore(self) -> None:
        if state := self._load():
            self._training.restore(state)

    def _load(self) -> dict[str, np.ndarray] | None:
        return self._checkpoints.load(self.name, self._training.state(), self._training.validate_state)

    def _keep(self) -> None:
        self._checkpoints.keep(self.name, self._training.state(), self._training.validate_state)

    def _cut_metrics(self) -> None:
        """Remove lines of epochs that the checkpoint does not know: they will be run again."""
        if self._metrics.exists():
            lines = self._metrics.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            write_text(self._metrics, "".join(lines[: self._training.epoch]))

    def _validation_error(self) -> float:
        dataset, rows = self.experiment.dataset, self.experiment.split.validation
        return self._model.errors(dataset.X[rows], dataset.y[rows]) / len(rows)

    def _after_step(self) -> None:
        if self._interruption.requested or (self.every and self._training.steps % self.every == 0):
            self._training.check_costs()
            self._save()
        self._interruption.raise_if_requested()

    def _after_epoch(self, record: EpochRecord) -> None:
        append_line(self._metrics, json.dumps(dataclasses.asdict(record)))
        self.observe(record)
        self._save()
        self._interruption.raise_if_requested()

    def _save(self) -> None:
        state = self._training.state()
        if not np.isfinite(state["parameters"]).all():
            raise TrainingDivergedError(f"step {self._training.steps} made parameters NaN or infinite")
        self._checkpoints.save(self.name, state)

    def _located(self, error: TrainingDivergedError) -> TrainingDivergedError:
        """Return an error that names step and layer: a GPU's steps are run again and looked at one by one."""
        device = self.network.device
        if device.name == "cpu":
            return error
        start = LadderNetwork.from_specification(
            self.network.specification, device=device, seed=self.experiment.settings.seed
        )
        again = dataclasses.replace(self, network=start, watched=True)
        try:
            again._restore()
            while not again._training.done and again._training.steps <= self._training.steps:
                again._training.run_epoch()
        except TrainingDivergedError as located:
            return located
        return error

    def _last_checkpoint(self) -> str:
        state = self._load()
        if state is None:
            return "there is no checkpoint yet; try a smaller learning rate or smaller weights"
        return f"the last checkpoint, after {int(state['step/steps'])} steps, stays in {self.folder}"


class Interruption:
    """Within its context the first Ctrl-C is only noted, as `requested`; a second one interrupts at once.

    It does nothing outside the main thread, where signals arrive, or where Ctrl-C is ignored.
    """

    def __init__(self) -> None:
        self.requested = False
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._active = in_main_thread and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN

    def raise_if_requested(self) -> None:
        """Raise the `KeyboardInterrupt` that was noted, if any was."""
        if self.requested:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if self._active:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.raise_if_requested()
        self.requested = True


Arrays = Mapping[str, np.ndarray]


class Checkpoints:
    """The checkpoints in a run's folder, for one of its models at a time.

    `kept` is the file in which that of a finished training stays. What is asked for must look like the arrays `like`,
    the state of a training that has just begun; `check` raises InputError if arrays that do so hold what cannot be.
    """

    def __init__(self, folder: Path, kept: str = STATE) -> None:
        self._last, self._before, self._kept = folder / LAST, folder / BEFORE, folder / kept
        self._last_is_damaged = False

    def save(self, model: str, arrays: Arrays) -> None:
        """Write a checkpoint of the model of that name.

        Raises InputError if it cannot be written; the one before stays.
        """
        meta = json.dumps({"format": FORMAT, "version": VERSION, "ladder_np": __version__, "model": model})
        # Until the new one stands there is the one before: the last, unless that is damaged and an older one is not.
        if self._last.exists() and not self._last_is_damaged:
            os.replace(self._last, self._before)
        write_npz(self._last, {"meta": np.array(meta), **arrays})
        self._last_is_damaged = False

    def load(self, model: str, like: Arrays, check: Callable[[Arrays], None]) -> dict[str, np.ndarray] | None:
        """Return the arrays of the newest undamaged checkpoint of that model, or None without a checkpoint of it.

        Raises InputError if there are checkpoints, and none can be used.
        """
        newest = self._newest(model, like, check)
        return newest[1] if newest else None

    def keep(self, model: str, like: Arrays, check: Callable[[Arrays], None]) -> None:
        """Let that checkpoint take the place of the kept one; older ones go. Raises InputError as `load`."""
        newest = self._newest(model, like, check)
        if newest is None or newest[0] == self._kept:
            return
        if newest[0] == self._last:
            self._before.unlink(missing_ok=True)  # first: what is not kept is taken for newer
        os.replace(newest[0], self._kept)
        self.remove()

    def _newest(
        self, model: str, like: Arrays, check: Callable[[Arrays], None]
    ) -> tuple[Path, dict[str, np.ndarray]] | None:
        complaint, unusable = None, []
        for path in filter(Path.exists, (self._last, self._before, self._kept)):
            try:
                meta, arrays = _read_checkpoint(path)
                if meta["model"] != model:  # the one before this one, so that this one had just begun
                    complaint = None
                    continue
                _check_arrays(path, meta, arrays, like, check)
            except InputError as error:
                complaint = complaint or error
                unusable.append(path.name)
                self._last_is_damaged |= path == self._last
            else:
                return path, arrays
        if complaint:
            raise InputError(f"{complaint}; remove {' and '.join(unusable)} to begin again")
        return None

    def remove(self) -> None:
        """Remove them all but the kept one."""
        for path in (self._last, self._before):
            path.unlink(missing_ok=True)


def _read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays = read_npz(path, "a checkpoint")
    meta = read_json_entry(arrays, "meta")
    if not isinstance(meta, dict) or meta.get("format") != FORMAT or not isinstance(meta.get("model"), str):
        raise InputError(f"{path}: not a checkpoint of ladder_np (its meta entry does not say so)")
    if meta.get("version") != VERSION:
        raise InputError(
            f"{path}: {unknown_format('checkpoint', meta.get('version'), (VERSION,), meta.get('ladder_np'))}"
        )
    return meta, {name: values for name, values in arrays.items() if name != "meta"}


def _check_arrays(
    path: Path, meta: Mapping[str, Any], arrays: Arrays, like: Arrays, check: Callable[[Arrays], None]
) -> None:
    try:
        _check_shapes(arrays, like)
        check(arrays)
    except InputError as error:
        raise InputError(f"{path}: damaged checkpoint: {error}{of_later(meta.get('ladder_np'))}") from None


def _check_shapes(arrays: Mapping[str, np.ndarray], like: Mapping[str, np.ndarray]) -> None:
    """Check that exactly the expected arrays are there, and of the expected shapes and kinds."""
    missing = set(like) - set(arrays) - set(OF_ONE_DEVICE)
    unknown = set(arrays) - set(like) - set(OF_ONE_DEVICE)
    if missing or unknown or not set(OF_ONE_DEVICE) & set(arrays):
        name = min(missing or unknown or {"step/noise"})
        raise InputError(f"{name} is {'unexpected' if unknown else 'missing'}")
    for name, (kind, width) in OF_ONE_DEVICE.items():
        if name in arrays and (arrays[name].dtype != kind or arrays[name].shape[1:] != (width,)):
            raise InputError(f"{name} should be {kind.__name__} (n, {width})")
    for name in set(like) & set(arrays):
        given, expected, free = arrays[name], like[name], int(name in FREE_LENGTH)
        fits = given.dtype == expected.dtype and given.ndim == expected.ndim
        if not fits or given.shape[free:] != expected.shape[free:]:
            raise InputError(f"{name} should be {expected.dtype} {expected.shape}, it is {given.dtype} {given.shape}")


def _read_as(experiment: Experiment) -> dict[str, str | None]:
    """Return how a text table was read, as the model keeps it."""
    settings = experiment.settings
    if experiment.dataset.values is None and experiment.vocabulary is None:
        return {}
    names = ("label_column", "unlabeled_label", "separator", "text_column")
    named = {name: getattr(settings, name) for name in names}
    return {name: value for name, value in named.items() if value is not None}
