"""An interrupt while an estimator trains: what is learned is kept, nothing is left half made."""

import itertools
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from clouds import EPOCHS, LABELED, TRUTH, X, Y, parameters, small

from ladder_np import LadderClassifier
from ladder_np.predictor import Predictor
from ladder_np.training.step import TrainingStep
from ladder_np.training.trainer import EarlyStopping, Training

STEPS = 5  # an epoch's: 90 rows in batches of 20


def interrupt_in(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *calls: int) -> None:
    """Interrupt the given calls of a method, counted from 1, after it has done its work."""
    original, count = getattr(owner, name), itertools.count(1)

    def interrupted(*arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        if next(count) in calls:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(owner, name, interrupted)


def interrupted(fit: Callable[[], LadderClassifier], epochs: int, of: int = EPOCHS) -> LadderClassifier:
    message = f"fit was interrupted after {epochs} of {of} epochs; the model is what they have taught"
    with pytest.warns(UserWarning, match=message):
        return fit()


def stopped_after(epochs: int, **params: Any) -> np.ndarray:
    """Return the parameters after so many epochs of a training that was to be longer."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        original = Training.run_epoch

        def run_epoch(self: Training, *arguments: Any) -> Any:
            record = original(self, *arguments)
            seen.append(self._vector().copy())
            return record

        patch.setattr(Training, "run_epoch", run_epoch)
        small(**params).fit(X, Y)
    return seen[epochs - 1]


@pytest.mark.parametrize("step", [3 * STEPS + 1, 3 * STEPS + 3, 4 * STEPS - 1])
def test_the_complete_epochs_are_kept(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    expected = stopped_after(3)
    interrupt_in(monkeypatch, TrainingStep, "run", step)
    model = interrupted(lambda: small().fit(X, Y), epochs=3)
    np.testing.assert_array_equal(parameters(model), expected)
    assert (model.n_iter_, len(model.loss_curve_), model.history_["epoch"]) == (3, 3, [1, 2, 3])
    np.testing.assert_array_equal(model.transduction_[:LABELED], Y[:LABELED])
    np.testing.assert_array_equal(model.transduction_[LABELED:], model.predict(X)[LABELED:])
    assert "3 of 20" in model.summary()
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_a_signal_does_the_same() -> None:
    """Ctrl-C, at a place in a step that nobody has chosen."""
    model = small(max_iter=100_000)
    previous = signal.setitimer(signal.ITIMER_REAL, 0)
    handler = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.warns(UserWarning, match=r"interrupted after \d+ of 100000 epochs"):
            model.fit(X, Y)
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *previous)
    assert 0 < model.n_iter_ < 100_000
    assert model.score(X, TRUTH) > 0.5
    assert model.n_iter_ == len(model.history_["cost"])


def test_with_early_stopping_the_best_epoch_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"early_stopping": True, "n_iter_no_change": 50, "max_iter": 30, "validation_fraction": 0.5}
    steps = len(small(**params).fit(X, Y).history_["step"])
    assert steps == 30
    full = small(**params).fit(X, Y)
    best = int(np.argmin(full.history_["validation_error"][:12]))
    expected = stopped_after(best + 1, **params)
    interrupt_in(monkeypatch, TrainingStep, "run", full.history_["step"][11] + 2)
    model = interrupted(lambda: small(**params).fit(X, Y), epochs=12, of=30)
    np.testing.assert_array_equal(parameters(model), expected)
    assert f"the model is that of epoch {best + 1}," in model.summary()


def test_an_interrupt_between_an_epoch_and_its_note_leaves_that_epoch_out(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"early_stopping": True, "n_iter_no_change": 50}
    interrupt_in(monkeypatch, EarlyStopping, "observe", 4)
    assert interrupted(lambda: small(**params).fit(X, Y), epochs=3).n_iter_ == 3


@pytest.mark.parametrize("warm", [False, True], ids=["not fitted before", "fitted before"])
def test_before_the_first_epoch_is_complete_the_estimator_is_as_before(
    monkeypatch: pytest.MonkeyPatch, warm: bool
) -> None:
    model = small(warm_start=True)
    if warm:
        model.fit(X, Y)
    before = dict(model.__dict__)
    kept = parameters(model).copy() if warm else None
    interrupt_in(monkeypatch, TrainingStep, "run", STEPS - 1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert model.__dict__ == before
    if warm:
        np.testing.assert_array_equal(parameters(model), kept)


WORK_AFTER = {
    "the last statistics": (Training, "estimate_statistics"),
    "the predictions for the rows": (Predictor, "predict_blocks"),
}


@pytest.mark.parametrize("place", WORK_AFTER)
def test_an_interrupt_after_the_last_epoch_loses_nothing(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    expected = small().fit(X, Y)
    interrupt_in(monkeypatch, *WORK_AFTER[place], 1)
    model = interrupted(lambda: small().fit(X, Y), epochs=EPOCHS)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    np.testing.assert_array_equal(model.transduction_, expected.transduction_)


@pytest.mark.parametrize("place", WORK_AFTER)
@pytest.mark.parametrize("warm", [False, True], ids=["not fitted before", "fitted before"])
def test_a_second_interrupt_leaves_the_estimator_as_before(
    monkeypatch: pytest.MonkeyPatch, place: str, warm: bool
) -> None:
    model = small(warm_start=True)
    expected = model.fit(X, Y).predict_proba(X) if warm else None
    before = dict(model.__dict__)
    owner, name = WORK_AFTER[place]
    interrupt_in(monkeypatch, TrainingStep, "run", 2 * STEPS + 2)
    interrupt_in(monkeypatch, owner, name, 1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    monkeypatch.undo()
    assert model.__dict__ == before
    if warm:
        np.testing.assert_array_equal(model.predict_proba(X), expected)
    else:
        assert not hasattr(model, "classes_")


@pytest.mark.parametrize("place", [(TrainingStep, "run"), (Training, "estimate_statistics")], ids=["step", "end"])
def test_an_interrupted_partial_fit_leaves_the_estimator_as_before(
    monkeypatch: pytest.MonkeyPatch, place: tuple[type, str]
) -> None:
    model, again = (small().partial_fit(X, Y) for _ in range(2))
    before = dict(model.__dict__)
    interrupt_in(monkeypatch, *place, 1)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, Y)
    monkeypatch.undo()
    assert model.__dict__ == before
    np.testing.assert_array_equal(parameters(model.partial_fit(X, TRUTH)), parameters(again.partial_fit(X, TRUTH)))


def test_a_warm_start_goes_on_from_what_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small(warm_start=True)
    with monkeypatch.context() as patch:
        interrupt_in(patch, TrainingStep, "run", 2 * STEPS + 1)
        interrupted(lambda: model.fit(X, Y), epochs=2)
    model.fit(X, Y)
    assert model.n_iter_ == 2 + EPOCHS
    assert model.history_["epoch"] == list(range(1, EPOCHS + 3))


def test_a_warning_that_is_an_error_does_not_lose_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_in(monkeypatch, TrainingStep, "run", STEPS + 1)
    model = small()
    with pytest.raises(UserWarning, match="interrupted after 1 of"):
        model.fit(X, Y)
    assert model.n_iter_ == 1


def test_the_warning_points_at_the_line_that_calls_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_in(monkeypatch, TrainingStep, "run", STEPS + 1)
    line = sys._getframe().f_lineno + 2
    with pytest.warns(UserWarning, match="interrupted") as caught:
        small().fit(X, Y)
    assert [(warning.filename, warning.lineno) for warning in caught] == [(__file__, line)]
