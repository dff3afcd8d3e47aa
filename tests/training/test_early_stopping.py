"""Which epoch is the best, when to stop, and that both survive a restart."""

import numpy as np
import pytest

from ladder_np.training.trainer import EarlyStopping

# errors by epoch: the best one's epoch, and the epoch after which a patience of 2 is over (None: it is not)
COURSES = {
    "it falls all the way": ([0.5, 0.4, 0.3, 0.2], 4, None),
    "it rises from the start": ([0.2, 0.3, 0.4], 1, 3),
    "an equal error is not better": ([0.3, 0.3, 0.3], 1, 3),
    "patience begins anew after each better one": ([0.4, 0.5, 0.3, 0.4, 0.2, 0.3, 0.4], 5, 7),
    "NaN is not better": ([0.4, float("nan"), float("nan")], 1, 3),
    "the first counts, whatever it is": ([float("inf"), float("inf"), 0.5], 3, None),
}


def observe(stopping: EarlyStopping, errors: list[float]) -> int | None:
    """Observe errors until it says stop; return after which epoch. Each epoch's parameters are its number."""
    for error in errors:
        stopping.observe(error, np.full(3, stopping.epoch + 1.0))
        if stopping.stop:
            return stopping.epoch
    return None


@pytest.mark.parametrize("course", COURSES)
def test_the_best_epoch_and_the_end(course: str) -> None:
    errors, best, end = COURSES[course]
    stopping = EarlyStopping(2, np.zeros(3))
    assert observe(stopping, errors) == end
    assert stopping.best_epoch == best
    assert stopping.best_error == errors[best - 1]
    np.testing.assert_array_equal(stopping.best, [best] * 3)


def test_the_best_parameters_are_a_copy() -> None:
    stopping, vector = EarlyStopping(1, np.zeros(3)), np.ones(3)
    stopping.observe(0.5, vector)
    vector[...] = 7
    np.testing.assert_array_equal(stopping.best, [1, 1, 1])


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("split", [0, 1, 2])
def test_from_a_saved_state_it_goes_on_as_if_it_had_never_stopped(course: str, split: int) -> None:
    errors, _, end = COURSES[course]
    whole, first, second = (EarlyStopping(2, np.zeros(3)) for _ in range(3))
    observe(whole, errors)
    observe(first, errors[:split])
    saved = first.state()
    observe(first, [0.0])  # which must not reach what was saved
    second.restore(saved)
    assert observe(second, errors[split:]) == end
    for key, values in whole.state().items():
        np.testing.assert_array_equal(second.state()[key], values)
