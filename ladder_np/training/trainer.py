"""The loop: batches in, gradients out, Adam; a record an epoch. It reads no file and prints nothing.

A `Training` can be stopped after any step, put into arrays, and go on from them elsewhere as if it had never stopped:
parameters, moments, every random stream and the place in the epoch are in them.
"""

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ladder_np.arrays import Array
from ladder_np.errors import InputError, TrainingDivergedError
from ladder_np.network.inference import ROWS_AT_ONCE
from ladder_np.network.model import LadderNetwork
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import Stream, is_stream_state, set_stream_state, stream, stream_state
from ladder_np.training.adam import learning_rate
from ladder_np.training.batches import LabeledCycle, steps_per_epoch, unlabeled_batches
from ladder_np.training.costs import CostSums, EpochRecord
from ladder_np.training.loader import Indices, Rows, make_loader
from ladder_np.training.settings import TrainingSettings
from ladder_np.training.step import TrainingStep

__all__ = ["EpochRecord", "Rows", "Training", "TrainingSettings", "device_batches", "estimate_statistics", "train"]


class Training:
    """A network in training, after any number of steps.

    Parameters
    ----------
    network : LadderNetwork
        Trained in place.
    rows : callable
        ``rows(indices)`` returns features as the network takes them, (len(indices), d_0).
    y : (n,) integer array
        Classes 0 .. K − 1 by row number; only those of `labeled` are read.
    labeled, unlabeled : integer arrays
        Row indices; the labeled ones are normally among the unlabeled ones too (fact 2).
    settings : TrainingSettings
    watched : bool, optional
        Whether each step's cost is looked at before its update, so that a training that diverges is stopped there; by
        default on the CPU, where it costs nothing. A GPU's are looked at when an epoch ends.

    Attributes
    ----------
    epoch : int
        Epochs finished.

    Raises
    ------
    InputError
        If there are fewer than 2 labeled or unlabeled rows.
    """

    def __init__(
        self,
        network: LadderNetwork,
        rows: Rows,
        y: np.ndarray,
        labeled: np.ndarray,
        unlabeled: np.ndarray,
        settings: TrainingSettings,
        watched: bool | None = None,
    ) -> None:
        for name, indices in (("labeled", labeled), ("unlabeled", unlabeled)):
            if len(indices) < FEWEST_ROWS:
                raise InputError(f"{len(indices)} {name} rows: batch normalization needs at least {FEWEST_ROWS}")
        self._network = network
        self._labeled = labeled
        self._unlabeled = unlabeled
        self._settings = settings
        self._step = TrainingStep(network, settings.seed, network.device.xp is np if watched is None else watched)
        self._cycle = LabeledCycle(labeled, settings.labeled_batch, stream(settings.seed, Stream.LABELED_ORDER))
        self._order = stream(settings.seed, Stream.UNLABELED_ORDER)
        self._loader = make_loader(network, rows, y, labeled, unlabeled)
        self._all_steps = settings.epochs * steps_per_epoch(len(unlabeled), settings.unlabeled_batch)
        self.epoch = 0
        self._begin_epoch()

    @property
    def done(self) -> bool:
        """Whether all epochs are finished."""
        return self.epoch == self._settings.epochs

    @property
    def steps(self) -> int:
        """Steps taken so far, in all epochs."""
        return self._step.count

    def run_epoch(self, on_step: Callable[[], None] = lambda: None) -> EpochRecord:
        """Run what is left of the current epoch.

        Parameters
        ----------
        on_step : callable, optional
            Called after each step; `state` can be asked then. What it raises ends the epoch there, and `run_epoch`
            goes on with the next step.

        Raises
        ------
        TrainingDivergedError
            If the cost is infinite or no number, or has exploded.
        """
        start = time.perf_counter()
        self._network.statistics = None  # they would be those of other parameters
        waiting = self._plan()[self._costs.steps :]
        for batch in self._loader.batches(waiting) if waiting else ():
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the check of the costs sees them
                self._costs.add(self._step.run(batch, self._rate()))
            on_step()
        record = self._record(start)
        self.epoch += 1
        self._begin_epoch()
        return record

    def _rate(self) -> float:
        settings = self._settings
        return learning_rate(self.steps / self._all_steps, settings.learning_rate, settings.decay_start)

    def _begin_epoch(self) -> None:
        """Note where the orders are: with the number of steps since, that is the place in the epoch."""
        specification = self._network.specification
        self._start = stream_state(self._order), *self._cycle.state()
        self._costs = CostSums(len(specification.sizes), specification.numpy_dtype, self._network.device)

    def _plan(self) -> list[Indices]:
        """Return the row indices of the epoch's steps, labeled and unlabeled; the same whenever it is asked."""
        order, *cycle = self._start
        set_stream_state(self._order, order)
        self._cycle.restore(*cycle)
        unlabeled = unlabeled_batches(self._unlabeled, self._settings.unlabeled_batch, self._order)
        if not self._network.specification.denoises:
            unlabeled = [indices[:0] for indices in unlabeled]  # nobody will look at them
        return [(self._cycle.next(), indices) for indices in unlabeled]

    def _record(self, start: float) -> EpochRecord:
        rate = learning_rate(
            (self.steps - 1) / self._all_steps, self._settings.learning_rate, self._settings.decay_start
        )
        # The only wait for the device in an epoch, so the clock is read after it.
        cost, supervised, denoising = self.check_costs()
        seconds = time.perf_counter() - start
        return EpochRecord(self.epoch + 1, self.steps, rate, cost, supervised, denoising, seconds)

    def check_costs(self) -> tuple[float, float, tuple[float | None, ...]]:
        """Return the means of the epoch's costs so far: total, supervised, denoising; waits for the device.

        Raises
        ------
        TrainingDivergedError
            If the total is infinite or no number, or has exploded.
        """
        first, cost, supervised, denoising = self._costs.first_and_means()
        if not (self._step.accepts(first) and self._step.accepts(cost)):
            raise TrainingDivergedError(f"the cost became {cost:.6g} in epoch {self.epoch + 1}")
        return cost, supervised, denoising

    def state(self) -> dict[str, np.ndarray]:
        """Return all that the rest of the training depends on, as arrays on the host."""
        order, cycle, waiting = self._start
        return {
            "parameters": self._network.device.get(self._network.parameters.vector),
            **{f"step/{name}": values for name, values in self._step.state().items()},
            "epoch": np.array(self.epoch),
            "order": order,
            "cycle": cycle,
            "waiting": waiting,
            "costs/steps": np.array(self._costs.steps),
            "costs/values": self._costs.read(),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was asked, of a training with the same network, rows and settings.

        On the same device, and on the CPU with the same number of threads, the rest is the same bit by bit.
        """
        self._network.parameters.vector[...] = self._network.device.put(state["parameters"])
        self._step.restore({k.removeprefix("step/"): values for k, values in state.items() if k.startswith("step/")})
        self.epoch = int(state["epoch"])
        self._start = state["order"], state["cycle"], state["waiting"]
        self._costs.restore(int(state["costs/steps"]), state["costs/values"])

    def validate_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Check of a file's state what shapes do not tell: its place in the epoch exists, all counts agree on it.

        Raises
        ------
        InputError
            If the arrays contradict each other, or this training.
        """
        epoch, in_epoch, steps = (int(state[name]) for name in ("epoch", "costs/steps", "step/steps"))
        an_epoch = self._all_steps // self._settings.epochs
        step = {name: state[f"step/{name}"] for name in ("m", "v", "limit")}
        fits = all(np.isfinite(values).all() for values in (state["parameters"], *step.values()))
        fits &= bool((step["v"] >= 0).all() and step["limit"] > 0)
        fits &= all(map(is_stream_state, (state["order"], state["cycle"], *state.get("step/noise/streams", ()))))
        fits &= 0 <= epoch <= self._settings.epochs and 0 <= in_epoch <= an_epoch
        fits &= steps == epoch * an_epoch + in_epoch
        fits &= bool(np.isin(state["waiting"], self._labeled).all())
        if (drawn := state.get("step/noise/drawn")) is not None:
            largest = (self._settings.labeled_batch + self._settings.unlabeled_batch) * sum(
                self._network.specification.sizes
            )
            fits &= bool((drawn >= 0).all() and (drawn[:, 0] <= largest).all()) and drawn[:, 1].sum() <= steps
        if not fits:
            raise InputError(f"step {steps}, epoch {epoch} and step {in_epoch} in it are no place of this training")


def train(
    network: LadderNetwork,
    rows: Rows,
    y: np.ndarray,
    labeled: np.ndarray,
    unlabeled: np.ndarray,
    settings: TrainingSettings,
    on_epoch: Callable[[EpochRecord], None] = lambda record: None,
) -> None:
    """Train `network` in place, then compute its population statistics (see `estimate_statistics`).

    Parameters
    ----------
    network, rows, y, labeled, unlabeled, settings
        See `Training`.
    on_epoch : callable, optional
        Called after each epoch. The network has no population statistics then, unless the callee asks for them
        (`estimate_statistics`); asking changes nothing of the training.

    Raises
    ------
    InputError
        If there are fewer than 2 labeled or unlabeled rows.
    TrainingDivergedError
        If the cost is infinite or no number, or has exploded.
    """
    training = Training(network, rows, y, labeled, unlabeled, settings)
    while not training.done:
        on_epoch(training.run_epoch())
    estimate_statistics(network, rows, labeled, unlabeled)


def estimate_statistics(network: LadderNetwork, rows: Rows, labeled: np.ndarray, unlabeled: np.ndarray) -> None:
    """Compute the population statistics over the rows that `network` learns from.

    These are the unlabeled rows (among them the labeled ones), but for a network without denoising costs the
    labeled rows alone: the supervised-only baseline sees no other (the scaling it is given may).

    Raises
    ------
    TrainingDivergedError
        If they are NaN or infinite; the network then has none.
    """
    learnt_from = unlabeled if network.specification.denoises else labeled
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # looked at below
        network.estimate_statistics(lambda: device_batches(network, rows, learnt_from))
    statistics = network.statistics
    assert statistics is not None
    xp = network.device.xp
    finite = xp.isfinite(xp.concatenate([*statistics.mu.values(), *statistics.sigma.values()])).all()
    if not bool(network.device.get(finite)):
        network.statistics = None
        raise TrainingDivergedError(
            "the training's last step made the network's values NaN or infinite; try a smaller learning rate"
        )


def device_batches(network: LadderNetwork, rows: Rows, indices: np.ndarray) -> Iterator[Array]:
    """Yield the features of the given rows, in order, in large batches on the network's device."""
    for start in range(0, len(indices), ROWS_AT_ONCE):
        yield network.device.put(rows(indices[start : start + ROWS_AT_ONCE]))
