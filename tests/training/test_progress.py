"""How far a training is: a line on a terminal or in a notebook, lines now and then in a log; by a clock held here."""

import io
import os
import shutil
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

from ladder_np import LadderClassifier
from ladder_np.training.progress import Progress
from ladder_np.training.trainer import EpochRecord

WIDTH = 100


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Notebook(io.StringIO):
    """The stream of a notebook: it says that it is no terminal."""


Notebook.__module__ = "ipykernel.iostream"


class Watched:
    """Progress whose clock stands wherever `at` puts it."""

    def __init__(self, epochs: int, stream: io.StringIO) -> None:
        self.now = 1000.0
        self.stream = stream
        self.progress = Progress(epochs, stream)

    def at(self, seconds: float, name: str, epoch: int, validation_error: float | None = None) -> str:
        """The line shown when an epoch ends `seconds` after the start; what the record says of time is no help."""
        self.now = 1000.0 + seconds
        record = EpochRecord(epoch, 7 * epoch, 0.002, 1.25, 1.0, (0.1, None), 0.001, validation_error)
        self.progress.observe(name, record)
        return self.stream.getvalue().rstrip("\n").replace("\n", "\r").split("\r")[-1].rstrip()

    def end(self) -> str:
        self.progress.__exit__(None, None, None)
        return self.stream.getvalue()


Watch = Callable[..., Watched]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Makes watched progress, entered at second 0."""
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda fallback: os.terminal_size((WIDTH, 24)))

    def make(epochs: int, stream: type[io.StringIO] = Terminal) -> Watched:
        watched = Watched(epochs, stream())
        monkeypatch.setattr(time, "monotonic", lambda: watched.now)
        watched.progress.__enter__()
        return watched

    return make


def test_the_time_left_is_the_mean_epoch_so_far_for_each_epoch_to_come(watch: Watch) -> None:
    watched = watch(epochs=3)
    assert watched.at(10, "ladder", 1) == "ladder  epoch 1/3  cost 1.2500  0:20 left"
    assert watched.at(20, "ladder", 2).endswith("  0:10 left")
    assert watched.at(30, "ladder", 3).endswith("  0:00 left")


def test_the_time_left_counts_all_that_an_epoch_takes_as_the_pace_changes(watch: Watch) -> None:
    watched = watch(epochs=4)
    assert watched.at(60, "ladder", 1).endswith("  3:00 left")
    assert watched.at(80, "ladder", 2).endswith("  1:20 left")  # two epochs in 80 s


def test_each_model_has_its_own_clock(watch: Watch) -> None:
    watched = watch(epochs=2)
    watched.at(1, "supervised only", 1)
    watched.at(2, "supervised only", 2)
    assert watched.at(42, "ladder", 1) == "ladder  epoch 1/2  cost 1.2500  0:40 left"


def test_epochs_before_a_resume_do_not_count_as_done_in_no_time(watch: Watch) -> None:
    assert watch(epochs=12).at(10, "ladder", 10).endswith("  0:20 left")


def test_the_validation_error_is_in_percent(watch: Watch) -> None:
    assert watch(epochs=2).at(5, "ladder", 1, 0.125).endswith("cost 1.2500  validation error 12.50 %  0:05 left")


# ---- On a terminal.


def test_a_shorter_line_covers_all_of_a_longer_one(watch: Watch) -> None:
    watched = watch(epochs=2)
    watched.at(1, "supervised only", 1)
    watched.at(2, "ladder", 2)
    _, longer, shorter = watched.stream.getvalue().split("\r")
    assert len(shorter) == len(longer)


def test_leaving_wipes_the_line(watch: Watch) -> None:
    watched = watch(epochs=2)
    shown = watched.at(5, "ladder", 1)
    assert watched.end() == f"\r{shown}\r{' ' * len(shown)}\r"


@pytest.mark.parametrize("columns", [2, 10, 40])
def test_a_narrow_terminal_gets_as_much_of_the_line_as_it_has_columns_but_one(
    watch: Watch, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(epochs=2)
    whole = watched.at(1, "ladder", 1)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda fallback: os.terminal_size((columns, 24)))
    watched.at(2, "ladder", 2)
    *_, line = watched.stream.getvalue().split("\r")
    assert len(line) == columns - 1
    assert line[:6] == whole[:6][: columns - 1]


def test_the_width_is_that_of_the_terminal_that_is_written_to(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def size(descriptor: int) -> os.terminal_size:
        asked.append(descriptor)
        return os.terminal_size((20, 24))

    monkeypatch.setattr(os, "get_terminal_size", size)
    monkeypatch.setattr(Terminal, "fileno", lambda self: 7)
    assert len(watch(epochs=2).at(1, "ladder", 1)) <= 19
    assert asked == [7]


def test_the_line_is_rewritten_no_faster_than_it_can_be_read(watch: Watch) -> None:
    watched = watch(epochs=1000)
    for epoch in range(1, 1001):
        watched.at(epoch / 1000, "ladder", epoch)
    assert 5 <= watched.stream.getvalue().count("\r") <= 11


# ---- In a notebook.


def test_a_notebook_has_one_line_rewritten_whose_last_state_stays(watch: Watch) -> None:
    watched = watch(epochs=3, stream=Notebook)
    for epoch in (1, 2, 3):
        watched.at(0.04 + epoch / 100, "", epoch)
    text = watched.end()
    assert text.count("\n") == 1
    assert text.split("\r")[-1] == "epoch 3/3  cost 1.2500  0:00 left\n"
    assert "\033" not in text


# ---- In a log.


def lines_of(watched: Watched, epochs: int, seconds: float) -> list[int]:
    """The epochs that a training of so many, each so long, leaves a line of."""
    for epoch in range(1, epochs + 1):
        watched.at(seconds * epoch, "ladder", epoch)
    return [int(line.split("epoch ")[1].split("/")[0]) for line in watched.end().splitlines()]


def test_a_short_training_leaves_its_first_and_its_last_epoch(watch: Watch) -> None:
    assert lines_of(watch(1000, io.StringIO), 1000, 0.005) == [1, 1000]


def test_a_log_has_a_line_every_ten_seconds_and_later_fewer(watch: Watch) -> None:
    epochs = lines_of(watch(20_000, io.StringIO), 20_000, 1)
    assert epochs[:4] == [1, 11, 21, 31]
    assert 60 < len(epochs) < 130
    assert max(np.diff(epochs)) == 300  # 5 minutes


def test_slow_epochs_have_a_line_each(watch: Watch) -> None:
    assert lines_of(watch(4, io.StringIO), 4, 60) == [1, 2, 3, 4]


def test_the_last_epoch_of_each_model_is_there_also_where_it_is_stopped(watch: Watch) -> None:
    watched = watch(100, io.StringIO)
    for name, last, begin in (("supervised only", 5, 0), ("ladder", 7, 1)):
        for epoch in range(1, last + 1):
            watched.at(begin + 0.1 * epoch, name, epoch)
    starts = [line.split("/")[0] for line in watched.end().splitlines()]
    assert starts == ["supervised only  epoch 1", "supervised only  epoch 5", "ladder  epoch 1", "ladder  epoch 7"]


def test_a_terminal_that_can_rewrite_nothing_is_a_log(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    watched = watch(2)
    watched.at(1, "ladder", 1)
    assert watched.end() == "ladder  epoch 1/2  cost 1.2500  0:01 left\n"


# ---- The estimator shows the same.


def test_a_verbose_estimator_leaves_the_last_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    X = np.random.default_rng(0).normal(size=(40, 3))
    LadderClassifier((4,), max_iter=3, verbose=True, random_state=0).fit(X, np.arange(40) % 2)
    text = terminal.getvalue()
    assert text.count("\n") == 1
    assert text.split("\r")[-1].startswith("epoch 3/3  cost ")
