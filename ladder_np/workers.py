"""Work shared among cores: NumPy runs matrix products on all of them, everything else on one.

Drawing noise and Adam's update are long enough to be shared (to wake a thread takes up to 0.1 ms), and fall into
pieces that do not depend on each other. Results never depend on how many threads there are or which is faster.
NumPy lets go of Python's lock while it computes.

Between products OpenBLAS's own threads wait by spinning, some 20 ms, and keep the cores from these. Importing
`ladder_np` therefore asks it to wait less, which takes effect where that happens before NumPy is first imported.
"""

import contextvars
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

__all__ = ["in_parallel", "thread_count"]

Item = TypeVar("Item")
Result = TypeVar("Result")

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@cache
def thread_count() -> int:
    """Return how many threads share the work: the usable cores, or fewer where a variable limits NumPy's products."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [int(value) for name in LIMITS if (value := os.environ.get(name, "")).isdecimal() and int(value)]
    return min([cores, *limits])


def in_parallel(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``[function(item) for item in items]``, computed by several threads.

    The calls must not depend on each other. The first error is raised.
    """
    threads = min(thread_count(), len(items))
    if threads < 2:
        return [function(item) for item in items]
    results: list[Result] = [None] * len(items)  # type: ignore[list-item]
    numbers = itertools.count()  # its next is atomic: each number goes to one thread

    def work() -> None:
        while (number := next(numbers)) < len(items):
            results[number] = function(items[number])

    helpers = [_pool().submit(contextvars.copy_context().run, work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for helper in helpers:
            helper.result()
    return results


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_count() - 1, thread_name_prefix="ladder_np")
