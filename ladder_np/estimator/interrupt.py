"""An interrupt of `fit` (Ctrl-C, or a notebook's stop button) ends the training early and keeps what is learned.

An interrupt may come anywhere in a step, so what is kept is the state after the last complete epoch: exactly a
training that ran so many epochs of this schedule. What is then still to do, statistics and predictions, is done. An
interrupt before the first epoch is complete, when little is learned and not measured, and a second one are raised.
"""

from collections.abc import Callable
from typing import TypeVar

from ladder_np.training.fit import FitHistory, fit
from ladder_np.training.trainer import EpochRecord, Training

__all__ = ["InterruptWarning", "fit_until_interrupted"]

Result = TypeVar("Result")


class InterruptWarning(UserWarning):
    """A training was interrupted; what the complete epochs have taught was kept."""


class CompleteEpochs:
    """The epochs that are complete, and where the training stood after the last of them."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._records: list[EpochRecord] = []
        self._last: tuple[int, Callable[[], None]] | None = None  # how many; puts back what was learned then

    def note(self, record: EpochRecord) -> None:
        """Note an epoch that has just ended."""
        self._records.append(record)
        self._last = len(self._records), self._training.remember()  # in one assignment: both or neither

    def go_back(self) -> FitHistory | None:
        """Put the training where it was after the last complete epoch, and finish it; None if there is none."""
        if self._last is None:
            return None
        count, put_back = self._last
        put_back()
        self._training.finish()
        return FitHistory.from_records(self._records[:count], self._training.layers)


def fit_until_interrupted(
    training: Training,
    validation_error: Callable[[], float] | None,
    report: Callable[[EpochRecord], None],
    finish: Callable[[], Result],
) -> tuple[FitHistory, Result, bool]:
    """Train as `training.fit.fit` does; return the history, what `finish` returns afterwards, if it was interrupted.

    Raises KeyboardInterrupt before the first epoch is complete, and at a second interrupt.
    """
    epochs = CompleteEpochs(training)

    def on_epoch(record: EpochRecord) -> None:
        epochs.note(record)
        report(record)

    try:
        return fit(training, validation_error, on_epoch=on_epoch), finish(), False
    except KeyboardInterrupt:
        if (history := epochs.go_back()) is None:
            raise
        return history, finish(), True
