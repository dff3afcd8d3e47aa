"""Early stopping: when it stops, what it keeps, and that it goes on from its own state."""

import numpy as np

from ladder_np.training.early_stopping import EarlyStopping


def watched(errors: list[float], patience: int = 2) -> EarlyStopping:
    stopping = EarlyStopping(patience, np.zeros(2))
    for k, error in enumerate(errors, start=1):
        stopping.observe(error, np.full(2, float(k)))
    return stopping


def test_it_stops_when_the_error_has_not_fallen_for_as_many_epochs() -> None:
    assert not watched([0.5]).stop
    assert not watched([0.5, 0.6]).stop
    assert watched([0.5, 0.6, 0.5]).stop
    assert not watched([0.5, 0.6, 0.4, 0.4]).stop


def test_the_first_of_equally_good_epochs_is_kept() -> None:
    stopping = watched([0.5, 0.3, 0.3, 0.4])
    assert (stopping.best_error, stopping.best_epoch) == (0.3, 2)
    np.testing.assert_array_equal(stopping.best, [2, 2])


def test_what_is_kept_does_not_change_with_the_training() -> None:
    vector = np.ones(2)
    stopping = EarlyStopping(1, vector)
    vector[...] = 5
    np.testing.assert_array_equal(stopping.best, [1, 1])
    stopping.observe(0.5, vector)
    vector[...] = 7
    np.testing.assert_array_equal(stopping.best, [5, 5])


def test_it_goes_on_from_its_state() -> None:
    errors = [0.5, 0.4, 0.45, 0.3, 0.35, 0.36]
    for cut in range(len(errors)):
        first, second = watched(errors[:cut]), EarlyStopping(2, np.zeros(2))
        second.restore(first.state())
        for k, error in enumerate(errors[cut:], start=cut + 1):
            second.observe(error, np.full(2, float(k)))
        whole = watched(errors)
        assert (second.stop, second.best_error, second.best_epoch) == (whole.stop, 0.3, 4)
        np.testing.assert_array_equal(second.best, whole.best)
