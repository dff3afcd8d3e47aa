"""The progress line by a clock that the test holds."""

import io
import time

import pytest

from ladder_np.commands.train import Progress
from ladder_np.training.trainer import EpochRecord


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self):
        return True


class Watched:
    """A progress line whose clock stands wherever `at` puts it."""

    def __init__(self, epochs):
        self.now = 1000.0
        self.terminal = Terminal()
        self.progress = Progress(epochs, self.terminal)

    def at(self, seconds, name, epoch, validation_error=None):
        """The line shown when an epoch ends `seconds` after the start; what the record says of time is no help."""
        self.now = 1000.0 + seconds
        record = EpochRecord(epoch, 7 * epoch, 0.002, 1.25, 1.0, (0.1, None), 0.001, validation_error)
        self.progress.observe(name, record)
        return self.terminal.getvalue().split("\r\033[K")[-1]


@pytest.fixture
def watch(monkeypatch):
    """Makes a watched progress line, entered at second 0."""

    def make(epochs):
        watched = Watched(epochs)
        monkeypatch.setattr(time, "monotonic", lambda: watched.now)
        watched.progress.__enter__()
        return watched

    return make


def test_the_time_left_is_the_mean_epoch_so_far_for_each_epoch_to_come(watch):
    watched = watch(epochs=3)
    assert watched.at(10, "ladder", 1) == "ladder  epoch 1/3  cost 1.2500  0:20 left"
    assert watched.at(20, "ladder", 2).endswith("  0:10 left")
    assert watched.at(30, "ladder", 3).endswith("  0:00 left")


def test_the_time_left_counts_all_that_an_epoch_takes_as_the_pace_changes(watch):
    watched = watch(epochs=4)
    assert watched.at(60, "ladder", 1).endswith("  3:00 left")
    assert watched.at(80, "ladder", 2).endswith("  1:20 left")  # two epochs in 80 s


def test_each_model_has_its_own_clock(watch):
    watched = watch(epochs=2)
    watched.at(1, "supervised only", 1)
    watched.at(2, "supervised only", 2)
    assert watched.at(42, "ladder", 1) == "ladder  epoch 1/2  cost 1.2500  0:40 left"


def test_the_validation_error_is_in_percent(watch):
    assert watch(epochs=2).at(5, "ladder", 1, 0.125).endswith("cost 1.2500  validation error 12.50 %  0:05 left")


def test_leaving_wipes_the_line(watch):
    watched = watch(epochs=2)
    watched.at(5, "ladder", 1)
    watched.progress.__exit__(None, None, None)
    assert watched.terminal.getvalue().endswith("left\r\033[K")
