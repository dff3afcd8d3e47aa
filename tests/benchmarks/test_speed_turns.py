"""Turns, what is counted of them, and processes that fail."""

import os

import pytest

from benchmarks.speed.cases import Case
from benchmarks.speed.turns import THREAD_VARIABLES, Child, ContenderError, Plan, Timing, limit_threads, take_turns


class Scripted:
    """A contender whose n-th step ever takes n milliseconds and n page faults."""

    def __init__(self, name, log):
        self.name, self.log, self.taken = name, log, 0

    def run(self, steps):
        self.log.append((self.name, steps))
        milliseconds = [float(self.taken + k) for k in range(steps)]
        self.taken += steps
        return {"milliseconds": milliseconds, "faults": milliseconds}


def test_contenders_alternate_and_first_steps_do_not_count() -> None:
    log: list = []
    children = {name: Scripted(name, log) for name in "abc"}
    timings = take_turns(children, Plan(rounds=2, steps=3, uncounted=1, pause=0))
    assert log[:3] == [("a", 2), ("b", 2), ("c", 2)]  # the warming up
    assert log[3:] == [(name, 4) for name in "abccba"]
    assert timings["a"] == Timing(median=6, lower_quartile=4.25, upper_quartile=7.75, faults=6, steps=6)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_every_contender_has_the_threads_that_were_asked_for(monkeypatch) -> None:
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")  # so that it is restored
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "7")
    before = os.sched_getaffinity(0)
    try:
        limit_threads(1)
        with Child("ours", Case((6, 5, 4), 5, 7)) as child:
            assert child.threads() == {"cores": 1, "NumPy": 1, "framework": None}
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize("name", ["ours", "floor", "our inference", "inference floor"])
def test_our_own_contenders_run(name) -> None:
    with Child(name, Case((6, 5, 4), 5, 7)) as child:
        measured = child.run(3)
    assert len(measured["milliseconds"]) == len(measured["faults"]) == 3
    assert min(measured["milliseconds"]) > 0


def test_a_contender_that_cannot_start_is_named_with_its_last_words() -> None:
    with (
        Child("ours", Case((6,), 5, 7)) as child,
        pytest.raises(ContenderError, match=r"ours stopped with exit status 1: .*expected at least two"),
    ):
        child.run(1)
