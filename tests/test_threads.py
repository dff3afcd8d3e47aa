"""Work shared among threads: the same results as from one thread, in the order of the items."""

import gc
import inspect
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from types import FrameType

import numpy as np
import pytest

from ladder_np import threads
from ladder_np.threads import THREAD_VARIABLES, in_parallel, one_ahead, thread_count


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch):
    """Let two threads share work, on a machine with one core too."""
    monkeypatch.setattr(threads, "thread_count", lambda: 2)
    threads._tasks.cache_clear()
    yield
    threads._tasks.cache_clear()


@pytest.fixture
def three_threads(two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "thread_count", lambda: 3)


def in_fresh_python(code: str, **variables: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS") and "OPENBLAS" not in k}
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, env=inherited | variables, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def interrupted_at(moment: int, path: str, function: Callable[[], object]) -> bool:
    """Call the function, interrupted at that moment of what it runs in the file; False if it ended first.

    Moments are where Python looks for signals: when a function begins, and after a call of one that is not in Python.
    """
    moments = itertools.count()

    def profile(frame: FrameType, event: str, _: object) -> None:
        if frame.f_code.co_filename != path or event not in ("call", "c_return"):
            return
        resumed = event == "call" and frame.f_code.co_flags & inspect.CO_GENERATOR
        if not resumed and next(moments) == moment:
            raise KeyboardInterrupt  # Python ends the profiling by itself

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return False


def test_results_come_in_the_order_of_the_items(two_threads: None) -> None:
    assert in_parallel(lambda k: k * k, range(500)) == [k * k for k in range(500)]
    assert in_parallel(lambda k: k, []) == []


def test_two_threads_take_part(two_threads: None) -> None:
    both_are_here = threading.Barrier(2, timeout=20)  # one thread alone would wait forever
    in_parallel(lambda _: both_are_here.wait(), [0, 1])


def test_with_one_thread_the_caller_does_all_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "thread_count", lambda: 1)
    assert set(in_parallel(lambda _: threading.get_ident(), range(9))) == {threading.get_ident()}


def test_the_error_of_the_first_item_is_raised_when_all_have_ended(three_threads: None) -> None:
    all_are_here, ended = threading.Barrier(3, timeout=20), []

    def fail(k: int) -> None:
        all_are_here.wait()
        time.sleep((0.2, 0, 0.4)[k])
        ended.append(k)
        if k < 2:
            raise ValueError(f"item {k}")

    with pytest.raises(ValueError, match="item 0"):  # though item 1 fails earlier
        in_parallel(fail, range(3))
    assert sorted(ended) == [0, 1, 2]


def test_calls_may_run_in_parallel_themselves() -> None:
    code = """
import threading
from ladder_np import threads
threads.thread_count = lambda: 2
both_are_here = threading.Barrier(2, timeout=20)
def squares(n):
    both_are_here.wait()  # so that the helper calls in_parallel too, while no thread is free
    return threads.in_parallel(lambda k: k * k, range(n))
print(threads.in_parallel(squares, [3, 4]))
"""
    assert in_fresh_python(code) == "[[0, 1, 4], [0, 1, 4, 9]]"


def test_several_threads_may_call_at_once(three_threads: None) -> None:
    results: dict[int, list[int]] = {}

    def call(n: int) -> None:
        results[n] = [sum(in_parallel(lambda k: k * n, range(50))) for _ in range(100)]

    callers = [threading.Thread(target=call, args=(n,)) for n in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert results == {n: [n * 1225] * 100 for n in range(5)}


class HelperAtWork:
    """Two items, of which a helper takes one; it is at work when the other ends, and for a while longer."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []

    def __call__(self, item: int) -> int:
        if threading.current_thread() is threading.main_thread():
            until = time.monotonic() + 0.5
            while len(self.begun) == len(self.ended) and time.monotonic() < until:
                time.sleep(2e-5)
        else:
            self.begun.append(item)
            time.sleep(2e-3)
            self.ended.append(item)
        return item


def test_an_interrupt_at_any_moment_is_raised_when_no_helper_works_any_more(two_threads: None) -> None:
    in_parallel(abs, range(2))  # begins the threads
    moment = 0
    work = HelperAtWork()
    while interrupted_at(moment, threads.__file__, partial(in_parallel, work, range(2))):
        assert len(work.begun) == len(work.ended), f"moment {moment}"
        assert in_parallel(lambda k: k * k, range(5)) == [0, 1, 4, 9, 16]
        moment += 1
        work = HelperAtWork()
    assert moment > 20  # as many as there are
    assert len(work.ended) == 1  # the helper took part in the call that was not interrupted


INTERRUPTS = """
import random, signal, time
from test_threads import HelperAtWork
from ladder_np import threads
threads.thread_count = lambda: 2
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
random.seed(0)
interrupts = right = took_part = 0
while interrupts < 1000:
    work = HelperAtWork()
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 4e-3))
        while True:
            threads.in_parallel(work, range(2))
    except KeyboardInterrupt:
        interrupts += 1
        still_inside = len(work.begun) - len(work.ended)
    took_part += len(work.begun) > 0
    right += threads.in_parallel(lambda k: k * k, range(5)) == [0, 1, 4, 9, 16] and still_inside == 0
print(interrupts, right, took_part > 500)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that interrupt")
def test_interrupts_by_a_timer_leave_no_helper_inside_and_nothing_that_waits() -> None:
    assert in_fresh_python(INTERRUPTS, PYTHONPATH=os.pathsep.join(sys.path)) == "1000 1000 True"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that interrupt")
def test_the_second_interrupt_while_waiting_does_not_end_it_either(two_threads: None) -> None:
    both_are_here, ended = threading.Barrier(2, timeout=20), []

    def work(item: int) -> None:
        both_are_here.wait()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.5)
            ended.append(item)

    def interrupt(*_: object) -> None:
        interrupts.append(1)
        raise KeyboardInterrupt

    interrupts: list[int] = []
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.15)
    try:
        with pytest.raises(KeyboardInterrupt):
            in_parallel(work, [0, 1])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(interrupts) > 1
    assert len(ended) == 1


def test_helpers_use_the_callers_numpy_error_state(two_threads: None) -> None:
    met = threading.Barrier(2, timeout=20)

    def overflow(_: int) -> float:
        met.wait()
        return float(np.float32(1e38) * np.float32(10))

    with np.errstate(over="ignore"):  # elsewhere a warning, and in these tests an error
        assert in_parallel(overflow, [0, 1]) == [np.inf, np.inf]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 8),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OPENBLAS_NUM_THREADS": "2"}, 2),
        ({"GOTO_NUM_THREADS": "3"}, 3),
        ({"OPENBLAS_DEFAULT_NUM_THREADS": "4"}, 4),
        ({"MKL_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "2"}, 2),  # as OpenBLAS does it
        ({"OMP_NUM_THREADS": " 2,1"}, 2),
        ({"OMP_NUM_THREADS": "10000"}, 8),
        ({"OMP_NUM_THREADS": "0"}, 8),
        ({"OMP_NUM_THREADS": "", "OPENBLAS_NUM_THREADS": "two"}, 8),
    ],
)
def test_the_variables_that_limit_numpys_threads_limit_these_too(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr(threads, "usable_cores", lambda quota: 8)
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert thread_count.__wrapped__() == expected


def test_a_cpu_quota_limits_the_usable_cores() -> None:
    assert threads.usable_cores(0.5) == 1


def test_a_forked_process_has_threads_of_its_own() -> None:
    code = """
import os, signal
from ladder_np import threads
threads.thread_count = lambda: 2
threads.in_parallel(abs, range(4))
child = os.fork()
if child == 0:
    signal.alarm(30)
    os._exit(0 if threads.in_parallel(abs, range(-4, 0)) == [4, 3, 2, 1] else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    assert in_fresh_python(code) == "0"


def test_importing_asks_openblas_to_wait_less_unless_the_user_has_asked_for_something() -> None:
    code = "import ladder_np, os; print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    assert in_fresh_python(code) == "22"
    assert in_fresh_python(code, OPENBLAS_THREAD_TIMEOUT="26") == "26"


def test_numpy_is_loaded_after_that_request() -> None:
    code = """
import os, sys
class Watch:
    def find_spec(self, name, *_):
        if name == "numpy":
            print("OPENBLAS_THREAD_TIMEOUT" in os.environ)
sys.meta_path.insert(0, Watch())
import ladder_np
"""
    assert in_fresh_python(code) == "True"


# ---- What stays in memory, and what is raised.


def alive_after(call: Callable[[np.ndarray], object]) -> bool:
    """Return whether the array that the call was given is still somewhere when nothing collects cycles."""
    array = np.ones(10)
    there = weakref.ref(array)
    gc.collect()
    gc.disable()
    try:
        call(array)
        del array
        until = time.monotonic() + 2  # a helper's last steps
        while there() is not None and time.monotonic() < until:
            time.sleep(1e-3)
        return there() is not None
    finally:
        gc.enable()


def test_a_helper_that_is_busy_elsewhere_keeps_nothing_of_a_call_that_has_ended(two_threads: None) -> None:
    inside, leave = threading.Semaphore(0), threading.Event()

    def stay(_: int) -> None:
        inside.release()
        leave.wait(20)

    other = threading.Thread(target=in_parallel, args=(stay, range(2)))
    other.start()
    inside.acquire(timeout=20)
    inside.acquire(timeout=20)
    try:
        assert not alive_after(lambda array: in_parallel(lambda item: item + array, range(2)))
    finally:
        leave.set()
        other.join(20)


def test_an_error_keeps_nothing_of_its_call(two_threads: None) -> None:
    def call(array: np.ndarray) -> None:
        with pytest.raises(ValueError, match="item 0"):
            in_parallel(fail_at_zero, [0, array])

    assert not alive_after(call)


def fail_at_zero(item: object) -> None:
    if isinstance(item, int):
        raise ValueError(f"item {item}")


def test_an_interrupt_is_raised_before_the_error_of_an_earlier_item(two_threads: None) -> None:
    both_are_here = threading.Barrier(2, timeout=20)

    def work(item: int) -> None:
        both_are_here.wait()
        raise (ValueError, KeyboardInterrupt)[item]

    with pytest.raises(KeyboardInterrupt):
        in_parallel(work, [0, 1])


def test_a_helper_without_memory_between_two_items_is_an_error_and_nobody_waits(
    two_threads: None, monkeypatch
) -> None:
    original = threads._Call.work

    def work(call: threads._Call) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError("between two items")
        while not call._begun:
            time.sleep(1e-3)
        original(call)

    monkeypatch.setattr(threads._Call, "work", work)
    for _ in range(2):  # the thread lives on
        with pytest.raises(MemoryError, match="between two items"):
            in_parallel(abs, [0, 1])


def test_where_no_thread_can_be_started_the_caller_does_all_the_work(two_threads: None, monkeypatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert set(in_parallel(lambda _: threading.get_ident(), range(9))) == {threading.get_ident()}


# ---- One item ahead.


def test_the_next_item_is_computed_while_the_caller_uses_the_last() -> None:
    begun: list[threading.Event] = [threading.Event() for _ in range(4)]

    def work(item: int) -> int:
        begun[item].set()
        return item * item

    for k, result in enumerate(one_ahead(work, range(4))):
        assert result == k * k
        assert all(event.wait(10) for event in begun[k + 1 : k + 2])
        assert not any(event.is_set() for event in begun[k + 2 :])


def test_an_error_is_raised_in_its_turn() -> None:
    results = one_ahead(lambda item: 6 // item, [2, 1, 0, 3])
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not ahead_threads()


def test_nothing_is_computed_any_more_when_the_iterator_is_closed() -> None:
    begun, ended = [], []

    def work(item: int) -> None:
        begun.append(item)
        time.sleep(0.1)
        ended.append(item)

    results = one_ahead(work, range(9))
    next(results)
    results.close()
    assert begun == ended
    assert len(begun) < 3
    assert not ahead_threads()


def test_an_interrupt_at_any_moment_ends_the_thread_that_works_ahead() -> None:
    def use_one() -> None:
        results = one_ahead(abs, range(3))
        next(results)
        results.close()

    moment = 0
    while interrupted_at(moment, threads.__file__, use_one):
        assert not ahead_threads(), f"moment {moment}"
        moment += 1
    assert moment > 5  # as many as there are


def ahead_threads() -> list[str]:
    """Return the threads that work ahead, after a while in which they may end."""
    until = time.monotonic() + 2
    while time.monotonic() < until:
        names = [thread.name for thread in threading.enumerate() if thread.name == "ladder_np_ahead"]
        if not names:
            return []
        time.sleep(1e-3)
    return names
