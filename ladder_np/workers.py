"""Work shared among cores: NumPy runs matrix products on all of them, everything else on one.

Drawing noise and Adam's update are long enough to be shared (to wake a thread takes up to 0.1 ms), and fall into
pieces that do not depend on each other. Results never depend on how many threads there are or which is faster.
NumPy lets go of Python's lock while it computes.

Between products OpenBLAS's own threads wait by spinning, 0.1 s if not told otherwise, and keep the cores from these.
Importing `ladder_np` therefore asks it to wait less, which takes effect where that happens before NumPy is imported.
"""

import contextvars
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent import futures
from functools import cache
from pathlib import Path
from typing import TypeVar

from ladder_np.cores import cpu_quota, requested_threads, usable_cores

__all__ = ["in_parallel", "thread_count"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def thread_count() -> int:
    """Return how many threads share the work: the usable cores, or fewer where NumPy's threads are limited."""
    cores = usable_cores(cpu_quota(Path("/")))
    return min(cores, requested_threads() or cores)


def in_parallel(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``[function(item) for item in items]``, computed by several threads.

    The calls must not depend on each other. All are made, and when they have ended the error of the first that failed
    is raised, by the order of the items.
    """
    if thread_count() < 2 or len(items) < 2:
        return [function(item) for item in items]
    results: list[Result] = [None] * len(items)  # type: ignore[list-item]
    errors: dict[int, BaseException] = {}
    numbers = itertools.count()  # its next is atomic: each number goes to one thread

    def work() -> None:
        while (number := next(numbers)) < len(items):
            try:
                results[number] = function(items[number])
            except BaseException as error:
                errors[number] = error

    threads = min(thread_count(), len(items))
    helpers = [_pool().submit(contextvars.copy_context().run, work) for _ in range(threads - 1)]
    work()
    # A helper that has not begun, because all threads are busy elsewhere, has left nothing undone.
    futures.wait([helper for helper in helpers if not helper.cancel()])
    if errors:
        raise errors[min(errors)]
    return results


@cache
def _pool() -> futures.ThreadPoolExecutor:
    return futures.ThreadPoolExecutor(thread_count() - 1, thread_name_prefix="ladder_np")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads stay behind in the parent
