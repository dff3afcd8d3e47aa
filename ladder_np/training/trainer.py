"""A network in training: batches in, gradients out, Adam; a record per epoch. It reads no file and prints nothing.

A `Training` can be stopped after any step, put into arrays, and go on from them elsewhere as if it had never stopped:
parameters, moments, every random stream, the place in the epoch and the best epoch so far are in them.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.errors import InputError, TrainingDivergedError
from ladder_np.network.ladder import Batch, Losses
from ladder_np.network.model import LadderNetwork
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import Stream, check_seed, is_stream_state, set_stream_state, stream, stream_state
from ladder_np.training.adam import learning_rate
from ladder_np.training.augmentation import make_augmentation
from ladder_np.training.loader import (
    Indices,
    LabeledCycle,
    TrainingData,
    device_batches,
    make_loader,
    steps_per_epoch,
    unlabeled_batches,
)
from ladder_np.training.step import TrainingStep, part_of

__all__ = ["EarlyStopping", "EpochRecord", "Training", "TrainingSettings"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; raises InputError if a value cannot be used."""

    epochs: int = 150  # passes over the unlabeled rows
    # rows per step, at least 2; smaller sets are used whole
    labeled_batch: int = 100
    unlabeled_batch: int = 100
    learning_rate: float = 0.002  # Adam's, until `decay_start`
    decay_start: float = 0.67  # share of the steps, in [0, 1], after which the rate falls linearly to zero
    seed: int = 0  # of noise, order of rows and moves of images (each has its own stream)
    # stop when the validation error has not fallen for so many epochs, and put the best parameters back; None: never
    patience: int | None = None
    # of training images: pixels by which each is moved at random, at most; whether half of them are flipped
    translate: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        least = {"epochs": 1, "labeled_batch": FEWEST_ROWS, "unlabeled_batch": FEWEST_ROWS, "translate": 0}
        for name, number in least.items():
            _check_whole(name, getattr(self, name), number)
        if not isinstance(self.flip, bool):
            raise InputError(f"flip {self.flip!r}: expected True or False")
        if self.patience is not None:
            _check_whole("patience", self.patience, 1)
        if not (_is_number(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning rate {self.learning_rate!r}: expected a number > 0")
        if not (_is_number(self.decay_start) and 0 <= self.decay_start <= 1):
            raise InputError(f"decay start {self.decay_start!r}: expected a share from 0 to 1")
        check_seed(self.seed)


def _check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name.replace('_', ' ')} {value!r}: expected a whole number >= {least}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max  # a whole number may be larger


class EarlyStopping:
    """Observes an error after each epoch and keeps the parameters that had the smallest; of equal ones the first.

    After `patience` epochs in a row without a smaller error, `stop` is true. `start` is the parameter vector before
    the first epoch, on the host.
    """

    def __init__(self, patience: int, start: np.ndarray) -> None:
        self._patience = patience
        self.epoch = 0  # epochs observed
        self.best_error = float("inf")  # before the first
        self.best_epoch = 0  # counted from 1; 0 before the first
        self.best = np.array(start)  # a copy of the parameter vector after that epoch, on the host

    @property
    def stop(self) -> bool:
        """Whether the best error is `patience` epochs old."""
        return self.epoch - self.best_epoch >= self._patience

    def observe(self, error: float, vector: np.ndarray) -> None:
        """Note the error after one more epoch, and the parameters `vector` (on the host) if it is the smallest."""
        self.epoch += 1
        if self.best_epoch == 0 or error < self.best_error:
            self.best_error, self.best_epoch, self.best = float(error), self.epoch, np.array(vector)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that the rest depends on, as arrays."""
        scalars = {name: np.array(getattr(self, name)) for name in ("epoch", "best_error", "best_epoch")}
        return {**scalars, "best": self.best}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was asked."""
        self.epoch, self.best_epoch = int(state["epoch"]), int(state["best_epoch"])
        self.best_error, self.best = float(state["best_error"]), np.array(state["best"])


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch was: costs are means over its steps."""

    epoch: int
    step: int
    learning_rate: float  # of its last step
    cost: float
    supervised: float
    denoising: tuple[float | None, ...]  # the unweighted cost of each layer 0..L, None where λ is 0
    seconds: float  # its own wall time, since it was begun or resumed
    validation_error: float | None = None  # share of validation rows that get a wrong class; None: not measured


class CostSums:
    """Sums of an epoch's costs, L + 1 denoising ones among them, kept on the device and read once at its end."""

    def __init__(self, layers: int, dtype: np.dtype, device: Device) -> None:
        self._device = device
        self.steps = 0
        self.values: Array = device.xp.zeros(2 + layers, dtype=dtype)
        self._first = self.values

    def add(self, losses: Losses) -> None:
        """Add one step's costs."""
        self._first = self._first if self.steps else losses.values
        self.steps += 1
        self.values = losses.values + self.values

    def read(self) -> np.ndarray:
        """Return the sums on the host: total, supervised, denoising; waits for the device."""
        return self._device.get(self.values)

    def restore(self, steps: int, values: np.ndarray) -> None:
        """Go on from sums that `read` returned after `steps` steps."""
        self.steps = steps
        self.values = self._device.put(values)
        self._first = self.values / max(1, steps)  # the mean so far stands for the first step, which is forgotten

    def first_and_means(self) -> tuple[float, float, float, tuple[float | None, ...]]:
        """Return the first step's total, then the means over the steps: total, supervised, denoising (None: λ is 0).

        One look at the device.
        """
        xp = self._device.xp
        sums = self._device.get(xp.concatenate([self._first[:1], self.values]))
        cost, supervised, *denoising = (float(value) / self.steps for value in sums[1:])
        return float(sums[0]), cost, supervised, tuple(None if math.isnan(value) else value for value in denoising)


class Training:
    """A network in training (in place), after any number of steps; `epoch` counts the finished epochs.

    If `watched`, each step's cost is looked at before its update, so that a training that diverges is stopped there;
    by default on the CPU, where it costs nothing. A GPU's are looked at when an epoch ends. Raises InputError if
    there are fewer than 2 labeled or unlabeled rows (one labeled row is enough where it is normalized with the
    unlabeled rows' statistics).
    """

    def __init__(
        self, network: LadderNetwork, data: TrainingData, settings: TrainingSettings, watched: bool | None = None
    ) -> None:
        fewest = {"labeled": network.specification.fewest_labeled, "unlabeled": FEWEST_ROWS}
        for name, indices in (("labeled", data.labeled), ("unlabeled", data.unlabeled)):
            if len(indices) < fewest[name]:
                raise InputError(f"{len(indices)} {name} rows: batch normalization needs at least {fewest[name]}")
        self._network = network
        self._data = data
        self._settings = settings
        self._step = TrainingStep(network, settings.seed, network.device.xp is np if watched is None else watched)
        self._cycle = LabeledCycle(data.labeled, settings.labeled_batch, stream(settings.seed, Stream.LABELED_ORDER))
        self._order = stream(settings.seed, Stream.UNLABELED_ORDER)
        self._loader = make_loader(network, data)
        self._augmentation = make_augmentation(settings.translate, settings.flip, settings.seed, data.image_shape)
        self._all_steps = settings.epochs * steps_per_epoch(len(data.unlabeled), settings.unlabeled_batch)
        self._stopping = EarlyStopping(settings.patience, self._vector()) if settings.patience else None
        self.epoch = 0
        self._begin_epoch()

    @property
    def done(self) -> bool:
        """Whether all epochs are finished, or early stopping has ended them."""
        return self.epoch == self._settings.epochs or (self._stopping is not None and self._stopping.stop)

    @property
    def steps(self) -> int:
        """Steps taken so far, in all epochs."""
        return self._step.count

    @property
    def layers(self) -> int:
        """L + 1, the number of denoising costs in each record."""
        return len(self._network.specification.sizes)

    def run_epoch(self, on_step: Callable[[], None] = lambda: None) -> EpochRecord:
        """Run what is left of the current epoch.

        `on_step` is called after each step; `state` can be asked then. What it raises ends the epoch there, and
        `run_epoch` goes on with the next step. Raises TrainingDivergedError if the cost is NaN or infinite, or has
        exploded.
        """
        start = time.perf_counter()
        self._network.statistics = None  # they would be those of other parameters
        for batch in self._batches():
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the check of the costs sees them
                self._costs.add(self._step.run(batch, self._rate(self.steps)))
            on_step()
        record = self._record(start)
        self.epoch += 1
        self._begin_epoch()
        return record

    def _batches(self) -> Iterator[Batch]:
        """Yield what is left of the current epoch."""
        plan, done = self._plan(), self._costs.steps
        batches = self._loader.batches(plan[done:]) if done < len(plan) else iter(())
        if self._augmentation is None:
            yield from batches
            return
        for batch, moves in zip(batches, self._augmentation.draw(self.epoch, plan)[done:], strict=True):
            yield self._augmentation.batch(batch, moves)

    def _rate(self, steps: int) -> float:
        """Return the learning rate of the step that follows `steps` steps."""
        settings = self._settings
        return learning_rate(steps / self._all_steps, settings.learning_rate, settings.decay_start)

    def _begin_epoch(self) -> None:
        """Note where the orders are: with the number of steps since, that is the place in the epoch."""
        self._start = stream_state(self._order), *self._cycle.state()
        self._costs = CostSums(self.layers, self._network.specification.numpy_dtype, self._network.device)

    def _plan(self) -> list[Indices]:
        """Return the row indices of the epoch's steps, labeled and unlabeled; the same whenever it is asked."""
        order, *cycle = self._start
        set_stream_state(self._order, order)
        self._cycle.restore(*cycle)
        unlabeled = unlabeled_batches(self._data.unlabeled, self._settings.unlabeled_batch, self._order)
        if not self._network.specification.denoises:
            unlabeled = [indices[:0] for indices in unlabeled]  # they are not used
        return [(self._cycle.next(), indices) for indices in unlabeled]

    def _record(self, start: float) -> EpochRecord:
        # The only wait for the device in an epoch, so the clock is read after it.
        cost, supervised, denoising = self.check_costs()
        seconds = time.perf_counter() - start
        return EpochRecord(
            self.epoch + 1, self.steps, self._rate(self.steps - 1), cost, supervised, denoising, seconds
        )

    def check_costs(self) -> tuple[float, float, tuple[float | None, ...]]:
        """Return the means of the epoch's costs so far: total, supervised, denoising; waits for the device.

        Raises TrainingDivergedError if the total is NaN or infinite, or has exploded.
        """
        first, cost, supervised, denoising = self._costs.first_and_means()
        if not (self._step.accepts(first) and self._step.accepts(cost)):
            raise TrainingDivergedError(f"the cost became {cost:.6g} in epoch {self.epoch + 1}")
        return cost, supervised, denoising

    def observe(self, validation_error: float) -> None:
        """Tell early stopping the validation error after an epoch; without a patience this does nothing."""
        if self._stopping:
            self._stopping.observe(validation_error, self._vector())

    def remember(self) -> Callable[[], None]:
        """Return a function that puts back what has been learned so far: to `finish` there, not to go on."""
        vector = self._network.parameters.vector.copy()
        stopping = self._stopping.state() if self._stopping else None

        def put_back() -> None:
            self._network.parameters.vector[...] = vector
            if self._stopping and stopping:
                self._stopping.restore(stopping)

        return put_back

    def finish(self) -> None:
        """Put the best parameters back, where early stopping has found any, and compute the population statistics.

        Raises TrainingDivergedError as `estimate_statistics`.
        """
        if self._stopping and self._stopping.best_epoch:
            self._network.parameters.vector[...] = self._network.device.put(self._stopping.best)
        self.estimate_statistics()

    def estimate_statistics(self) -> None:
        """Compute the population statistics over the rows that the network learns from; changes no parameter.

        If the data does not name others, these are the unlabeled rows (among them the labeled ones), but for a
        network without denoising costs the labeled rows alone: the supervised-only baseline sees no other (the
        scaling it is given may).

        Raises TrainingDivergedError if they are NaN or infinite; the network then has none.
        """
        network, data = self._network, self._data
        learned_from = data.unlabeled if network.specification.denoises else data.labeled
        measured = learned_from if data.measured is None else data.measured
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # looked at below
            network.estimate_statistics(lambda: device_batches(network, data, measured))
        statistics = network.statistics
        assert statistics is not None
        xp = network.device.xp
        finite = xp.isfinite(xp.concatenate([*statistics.mu.values(), *statistics.sigma.values()])).all()
        if not bool(network.device.get(finite)):
            network.statistics = None
            raise TrainingDivergedError(
                "the training's last step made the network's values NaN or infinite; try a smaller learning rate"
            )

    def _vector(self) -> np.ndarray:
        """Return the parameters on the host."""
        return self._network.device.get(self._network.parameters.vector)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that the rest of the training depends on, as arrays on the host."""
        order, cycle, waiting = self._start
        stopping = self._stopping.state() if self._stopping else {}
        return {
            "parameters": self._vector(),
            **{f"step/{name}": values for name, values in self._step.state().items()},
            "epoch": np.array(self.epoch),
            "order": order,
            "cycle": cycle,
            "waiting": waiting,
            "costs/steps": np.array(self._costs.steps),
            "costs/values": self._costs.read(),
            **{f"stopping/{name}": values for name, values in stopping.items()},
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was asked, of a training with the same network, rows and settings.

        On the same device, and on the CPU with the same number of threads, the rest is the same bit by bit.
        """
        self._network.parameters.vector[...] = self._network.device.put(state["parameters"])
        self._step.restore(part_of(state, "step/"))
        self.epoch = int(state["epoch"])
        self._start = state["order"], state["cycle"], state["waiting"]
        self._costs.restore(int(state["costs/steps"]), state["costs/values"])
        if self._stopping:
            self._stopping.restore(part_of(state, "stopping/"))

    def validate_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Check the values of a state that comes from a file: its place in the epoch exists, all counts agree on it.

        Raises InputError if the arrays contradict each other, or this training.
        """
        epoch, in_epoch, steps = (int(state[name]) for name in ("epoch", "costs/steps", "step/steps"))
        fits = self._is_place(epoch, in_epoch, steps) and self._are_values(state) and self._are_draws(state, steps)
        if self._stopping:
            fits &= np.isfinite(state["stopping/best"]).all() and int(state["stopping/epoch"]) == epoch
            fits &= 0 <= int(state["stopping/best_epoch"]) <= epoch
        if not fits:
            raise InputError(
                f"its values or place (step {steps}, epoch {epoch}, step {in_epoch} in it) do not fit this training"
            )

    def _is_place(self, epoch: int, in_epoch: int, steps: int) -> bool:
        per_epoch = self._all_steps // self._settings.epochs
        exists = 0 <= epoch <= self._settings.epochs and 0 <= in_epoch <= per_epoch
        return exists and steps == epoch * per_epoch + in_epoch

    def _are_values(self, state: Mapping[str, np.ndarray]) -> bool:
        finite = all(np.isfinite(state[name]).all() for name in ("parameters", "step/m", "step/v", "step/limit"))
        if not finite or (state["step/v"] < 0).any() or state["step/limit"] <= 0:
            return False
        streams = (state["order"], state["cycle"], *state.get("step/noise/streams", ()))
        return all(map(is_stream_state, streams)) and bool(np.isin(state["waiting"], self._data.labeled).all())

    def _are_draws(self, state: Mapping[str, np.ndarray], steps: int) -> bool:
        """Whether the noise drawn so far on a GPU can be that of `steps` steps."""
        if (drawn := state.get("step/noise/drawn")) is None:
            return True
        rows = self._settings.labeled_batch + self._settings.unlabeled_batch
        largest = rows * sum(self._network.specification.sizes)
        return bool((drawn >= 0).all() and (drawn[:, 0] <= largest).all() and drawn[:, 1].sum() <= steps)
