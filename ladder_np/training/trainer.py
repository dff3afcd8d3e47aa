"""The loop: batches in, gradients out, Adam; a record an epoch. It reads no file and prints nothing."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ladder_np.arrays import Array
from ladder_np.errors import InputError, TrainingDivergedError
from ladder_np.network.inference import ROWS_AT_ONCE
from ladder_np.network.ladder import Losses
from ladder_np.network.model import LadderNetwork
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.streams import Stream, check_seed, stream
from ladder_np.training.adam import learning_rate
from ladder_np.training.batches import LabeledCycle, steps_per_epoch, unlabeled_batches
from ladder_np.training.feed import Rows, make_feed
from ladder_np.training.step import TrainingStep

__all__ = ["EpochRecord", "Rows", "TrainingSettings", "device_batches", "estimate_statistics", "train"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; checked when made.

    Parameters
    ----------
    epochs : int
        Passes over the unlabelled rows.
    labeled_batch, unlabeled_batch : int
        Rows a step, at least 2; smaller sets are used whole.
    learning_rate : float
        Adam's rate until `decay_start`.
    decay_start : float
        Share of the steps, in [0, 1], after which the rate falls linearly to zero.
    seed : int
        Of noise and order of rows (each has its own stream).

    Raises
    ------
    InputError
        If a value cannot be used.
    """

    epochs: int = 150
    labeled_batch: int = 100
    unlabeled_batch: int = 100
    learning_rate: float = 0.002
    decay_start: float = 0.67
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("labeled_batch", FEWEST_ROWS), ("unlabeled_batch", FEWEST_ROWS)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name.replace('_', ' ')} {value!r}: expected a whole number >= {least}")
        if not (_is_number(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning rate {self.learning_rate!r}: expected a number > 0")
        if not (_is_number(self.decay_start) and 0 <= self.decay_start <= 1):
            raise InputError(f"decay start {self.decay_start!r}: expected a share from 0 to 1")
        check_seed(self.seed)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch was: costs are means over its steps.

    ``denoising`` has the unweighted cost of each layer 0..L, None where λ is 0. ``learning_rate`` is that of the
    epoch's last step; ``seconds`` is the epoch's own wall time.
    """

    epoch: int
    step: int
    learning_rate: float
    cost: float
    supervised: float
    denoising: tuple[float | None, ...]
    seconds: float


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
    network : LadderNetwork
    rows : callable
        ``rows(numbers)`` returns features as the network takes them, (len(numbers), d_0).
    y : (n,) integer array
        Classes 0 .. K − 1 by row number; only those of `labeled` are read.
    labeled, unlabeled : integer arrays
        Row numbers; the labelled ones are normally among the unlabelled ones too (fact 2).
    settings : TrainingSettings
    on_epoch : callable, optional
        Called after each epoch. The network has no population statistics then, unless the callee asks for them
        (`estimate_statistics`); asking changes nothing of the training.

    Raises
    ------
    InputError
        If there are fewer than 2 labelled or unlabelled rows.
    TrainingDivergedError
        If an epoch's mean cost is infinite or no number.
    """
    for name, numbers in (("labelled", labeled), ("unlabelled", unlabeled)):
        if len(numbers) < FEWEST_ROWS:
            raise InputError(f"{len(numbers)} {name} rows: batch normalisation needs at least {FEWEST_ROWS}")
    step = TrainingStep(network, settings.seed)
    cycle = LabeledCycle(labeled, settings.labeled_batch, stream(settings.seed, Stream.LABELED_ORDER))
    order = stream(settings.seed, Stream.UNLABELED_ORDER)
    feed = make_feed(network, rows, y, labeled, unlabeled)
    all_steps = settings.epochs * steps_per_epoch(len(unlabeled), settings.unlabeled_batch)
    for epoch in range(1, settings.epochs + 1):
        start = time.perf_counter()
        network.statistics = None  # they would be those of other parameters
        costs = _CostSums()
        for batch in feed.batches(
            _plan(network, cycle, unlabeled_batches(unlabeled, settings.unlabeled_batch, order))
        ):
            rate = learning_rate(step.count / all_steps, settings.learning_rate, settings.decay_start)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the record's check sees them
                costs.add(step.run(batch, rate))
        record = costs.record(network, epoch, step.count, rate, start)
        if not math.isfinite(record.cost):
            raise TrainingDivergedError(
                f"the cost became {record.cost} in epoch {epoch}; try a smaller learning rate or smaller weights"
            )
        on_epoch(record)
    estimate_statistics(network, rows, labeled, unlabeled)


def estimate_statistics(network: LadderNetwork, rows: Rows, labeled: np.ndarray, unlabeled: np.ndarray) -> None:
    """Compute the population statistics over the rows that `network` learns from.

    These are the unlabelled rows (among them the labelled ones), but for a network without denoising costs the
    labelled rows alone: the supervised-only baseline sees no other (the scaling it is given may).
    """
    learnt_from = unlabeled if network.specification.denoises else labeled
    network.estimate_statistics(lambda: device_batches(network, rows, learnt_from))


def device_batches(network: LadderNetwork, rows: Rows, numbers: np.ndarray) -> Iterator[Array]:
    """Yield the features of the given rows, in order, in large batches on the network's device."""
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        yield network.device.put(rows(numbers[start : start + ROWS_AT_ONCE]))


def _plan(
    network: LadderNetwork, cycle: LabeledCycle, unlabeled: list[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the row numbers of an epoch's steps, labelled and unlabelled."""
    if not network.specification.denoises:
        unlabeled = [numbers[:0] for numbers in unlabeled]  # nobody will look at them
    return [(cycle.next(), numbers) for numbers in unlabeled]


class _CostSums:
    """Sums of an epoch's costs, kept on the device and read once at its end."""

    def __init__(self) -> None:
        self.steps = 0
        self.values: Array = 0.0

    def add(self, losses: Losses) -> None:
        self.steps += 1
        self.values = losses.values + self.values

    def record(self, network: LadderNetwork, epoch: int, step: int, rate: float, start: float) -> EpochRecord:
        # The only wait for the device in an epoch, so the clock is read after it.
        cost, supervised, *denoising = (float(value) / self.steps for value in network.device.get(self.values))
        return EpochRecord(
            epoch=epoch,
            step=step,
            learning_rate=rate,
            cost=cost,
            supervised=supervised,
            denoising=tuple(None if math.isnan(value) else value for value in denoising),
            seconds=time.perf_counter() - start,
        )
