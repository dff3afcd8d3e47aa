"""The training of one model of a run: metrics line by line, checkpoints, Ctrl-C; it can be resumed."""

import contextlib
import dataclasses
import json
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import numpy as np

from ladder_np.errors import InputError, TrainingDivergedError
from ladder_np.experiments.checkpoint import Checkpoints
from ladder_np.experiments.experiment import Experiment
from ladder_np.experiments.run_folder import BASELINE_METRICS, METRICS, read_metrics
from ladder_np.files import append_line, write_text
from ladder_np.network.model import LadderNetwork
from ladder_np.predictor import Predictor
from ladder_np.training.costs import EpochRecord
from ladder_np.training.fit import fit
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import Training

__all__ = ["RunTrainer"]


@dataclass
class RunTrainer:
    """One model's training in a run's folder.

    Parameters
    ----------
    experiment : Experiment
    name : str
        Of the model.
    network : LadderNetwork
        At its starting point; trained in place.
    folder : path
        Of the run.
    observe : callable
        Called after each epoch with its record.
    every : int or None
        Steps between checkpoints, besides the one at the end of every epoch.
    watched : bool, optional
        See `Training`.
    """

    experiment: Experiment
    name: str
    network: LadderNetwork
    folder: Path
    observe: Callable[[EpochRecord], None]
    every: int | None = None
    watched: bool | None = None

    def __post_init__(self) -> None:
        experiment = self.experiment
        dataset, split = experiment.dataset, experiment.split
        data = TrainingData(experiment.rows, dataset.y, split.labeled, split.train)
        self._training = Training(self.network, data, experiment.settings.training(), self.watched)
        pixels = dataset.pixel_maximum is not None
        self._model = Predictor(
            self.network, experiment.scaling, dataset.classes, dataset.feature_names, pixels=pixels
        )
        self._metrics = self.folder / (METRICS if self.name == experiment.main else BASELINE_METRICS)
        self._checkpoints = Checkpoints(self.folder)
        self._interruption = Interruption()

    def run(self) -> Predictor:
        """Train from the last checkpoint, or from the start, to the end; return the model.

        Raises InputError if a file cannot be written, or the checkpoints cannot be used. Raises TrainingDivergedError
        if the cost is NaN or infinite or has exploded. Raises KeyboardInterrupt After Ctrl-C, when the step is
        finished and a checkpoint written.
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
        with contextlib.suppress(InputError):  # where somebody has damaged the metrics the model is whole without
            self._model.history = read_metrics(self._metrics, self._training.layers)
        return self._model

    def _restore(self) -> None:
        if (state := self._load()) is not None:
            self._training.restore(state)

    def _load(self) -> dict[str, np.ndarray] | None:
        return self._checkpoints.load(self.name, self._training.state(), self._training.validate_state)

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
    """Within its context the first Ctrl-C is only noted; a second one interrupts at once.

    It does nothing outside the main thread, where signals arrive, or where Ctrl-C is ignored.

    Attributes
    ----------
    requested : bool
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
