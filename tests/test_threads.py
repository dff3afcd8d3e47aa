"""Work shared among threads: the same results as from one thread, in the order of the items."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from ladder_np import threads
from ladder_np.threads import THREAD_VARIABLES, in_parallel, thread_count


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


INTERRUPTS = """
import random, signal, threading
from ladder_np import threads
threads.thread_count = lambda: 2
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
random.seed(0)
interrupts = right = 0
while interrupts < 2000:
    inside, ended = [], []
    def work(k):
        if threading.current_thread() is threading.main_thread():  # where the interrupt may end a call
            return
        inside.append(k)
        ended.append(sum(range(100)))
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 3e-4))
        while True:
            threads.in_parallel(work, range(4))
    except KeyboardInterrupt:
        interrupts += 1
        still_inside = len(inside) - len(ended)
    right += threads.in_parallel(lambda k: k * k, range(5)) == [0, 1, 4, 9, 16] and still_inside == 0
print(interrupts, right)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that interrupt")
def test_interrupts_at_any_moment_leave_no_helper_inside_and_nothing_that_waits() -> None:
    assert in_fresh_python(INTERRUPTS) == "2000 2000"


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


def test_an_interrupt_is_raised_when_no_helper_works_any_more(
    two_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_are_here, ended, waits = threading.Barrier(2, timeout=20), [], []
    original = threads._Helpers._wait

    def interrupted_wait(helpers: threads._Helpers) -> None:
        waits.append(1)
        if len(waits) == 1:
            raise KeyboardInterrupt
        original(helpers)

    def work(k: int) -> None:
        both_are_here.wait()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.3)
        ended.append(k)

    monkeypatch.setattr(threads._Helpers, "_wait", interrupted_wait)
    with pytest.raises(KeyboardInterrupt):
        in_parallel(work, [0, 1])
    assert sorted(ended) == [0, 1]
