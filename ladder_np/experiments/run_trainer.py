"""The training of one model of a run: metrics line by line, checkpoints, early stopping; it can be resumed."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ladder_np.errors import TrainingDivergedError
from ladder_np.experiments.checkpoint import Checkpoints
from ladder_np.experiments.experiment import Experiment
from ladder_np.experiments.interruption import Interruption
from ladder_np.files import append_line, write_text
from ladder_np.network.model import LadderNetwork
from ladder_np.predictor import Predictor
from ladder_np.training.early_stopping import EarlyStopping
from ladder_np.training.trainer import EpochRecord, Training, estimate_statistics

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
    metrics : path
        Receives a line an epoch.
    observe : callable
        Called after each epoch with its record and the validation error, or None.
    every : int or None
        Steps between checkpoints, besides that of every epoch's end.
    watched : bool, optional
        See `Training`.
    """

    experiment: Experiment
    name: str
    network: LadderNetwork
    folder: Path
    metrics: Path
    observe: Callable[[EpochRecord, float | None], None]
    every: int | None = None
    watched: bool | None = None

    def __post_init__(self) -> None:
        patience = self.experiment.settings.patience
        self._checkpoints = Checkpoints(self.folder)
        self._stopping = EarlyStopping(patience) if patience else None
        if self._stopping:
            self._stopping.best = self._vector()  # so that a checkpoint's arrays have their shapes from the start
        split, y, settings = self.experiment.split, self.experiment.dataset.y, self.experiment.settings.training()
        self._training = Training(
            self.network, self.experiment.rows, y, split.labeled, split.train, settings, self.watched
        )

    def run(self) -> Predictor:
        """Train from the last checkpoint, or from the start, to the end; return the model.

        Raises
        ------
        InputError
            If a file cannot be written, or the checkpoints cannot be used.
        TrainingDivergedError
            If the cost is no number or has exploded.
        KeyboardInterrupt
            After Ctrl-C, when the step is finished and a checkpoint written.
        """
        self._restore()
        self._cut_metrics(self._training.epoch)
        try:
            self._train()
            if self._stopping:
                self.network.parameters.vector[...] = self.network.device.put(self._stopping.best)
            self._estimate_statistics()
        except TrainingDivergedError as error:
            raise TrainingDivergedError(f"{self._located(error)}; {self._last_checkpoint()}") from None
        return self._predictor()

    def _restore(self) -> None:
        state = self._load()
        if state is None:
            return
        self._training.restore(state)
        if self._stopping:
            self._stopping.restore(
                {k.removeprefix("stopping/"): values for k, values in state.items() if k.startswith("stopping/")}
            )

    def _load(self) -> dict[str, np.ndarray] | None:
        return self._checkpoints.load(self.name, self._state(), self._training.validate_state)

    def _state(self) -> dict[str, np.ndarray]:
        stopping = self._stopping.state() if self._stopping else {}
        return self._training.state() | {f"stopping/{name}": values for name, values in stopping.items()}

    def _train(self) -> None:
        with Interruption() as interruption:
            while not (self._training.done or (self._stopping and self._stopping.stop)):
                self._end_epoch(self._training.run_epoch(lambda: self._after_step(interruption)))
                self._save()
                if interruption.requested:
                    raise KeyboardInterrupt

    def _after_step(self, interruption: Interruption) -> None:
        if interruption.requested or (self.every and self._training.steps % self.every == 0):
            self._training.check_costs()
            self._save()
        if interruption.requested:
            raise KeyboardInterrupt

    def _save(self) -> None:
        state = self._state()
        if not np.isfinite(state["parameters"]).all():
            raise TrainingDivergedError(f"step {self._training.steps} made parameters infinite or no number")
        self._checkpoints.save(self.name, state)

    def _end_epoch(self, record: EpochRecord) -> None:
        error = self._validation_error()
        append_line(self.metrics, json.dumps({**dataclasses.asdict(record), "validation_error": error}))
        if self._stopping and error is not None:
            self._stopping.observe(error, self._vector())
        self.observe(record, error)

    def _vector(self) -> np.ndarray:
        return self.network.device.get(self.network.parameters.vector)

    def _validation_error(self) -> float | None:
        dataset, rows = self.experiment.dataset, self.experiment.split.validation
        if not len(rows):
            return None
        self._estimate_statistics()
        return self._predictor().errors(dataset.X[rows], dataset.y[rows]) / len(rows)

    def _estimate_statistics(self) -> None:
        split = self.experiment.split
        estimate_statistics(self.network, self.experiment.rows, split.labeled, split.train)

    def _predictor(self) -> Predictor:
        dataset = self.experiment.dataset
        pixels = dataset.pixel_maximum is not None
        return Predictor(self.network, self.experiment.scaling, dataset.classes, dataset.feature_names, pixels=pixels)

    def _cut_metrics(self, epochs: int) -> None:
        """Remove lines of epochs that a checkpoint does not know: they will be run again."""
        if not self.metrics.exists():
            return
        lines = self.metrics.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        write_text(self.metrics, "".join(lines[:epochs]))

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
