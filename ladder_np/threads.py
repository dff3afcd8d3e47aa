"""Work shared among threads, and how many cores this process may use.

NumPy runs matrix products on all cores and everything else on one. Drawing noise, Adam's update, convolutions and
what is done to each of many rows take long enough to be shared (waking a thread takes up to 0.1 ms), and split into
pieces that do not depend on each other. Results never depend on how many threads there are or on which is faster.
NumPy releases Python's lock while it computes.

Between products OpenBLAS's own threads wait by spinning, for 0.1 s by default, and keep the cores from these threads.
Importing `ladder_np` therefore asks OpenBLAS to wait less, which takes effect if NumPy has not been imported before.
"""

import contextvars
import itertools
import math
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["THREAD_VARIABLES", "cpu_quota", "in_parallel", "read_system_file", "thread_count", "usable_cores"]

# Environment variables that limit the threads of NumPy's products: OpenBLAS's, of which the first that is set counts,
# then MKL's.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_DEFAULT_NUM_THREADS",
    "MKL_NUM_THREADS",
)

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``[function(item) for item in items]``, computed by several threads.

    The calls must not depend on each other. All are made; if some fail, the error of the first of them in the order
    of the items is raised after the last call has ended. An interrupt is raised when no call is in progress.
    """
    if thread_count() < 2 or len(items) < 2:
        return [function(item) for item in items]
    results: list[Result] = [None] * len(items)  # type: ignore[list-item]
    errors: dict[int, BaseException] = {}
    positions = itertools.count()  # next() is atomic: each position goes to one thread

    def work() -> None:
        while (position := next(positions)) < len(items):
            try:
                results[position] = function(items[position])
            except BaseException as error:
                errors[position] = error

    helpers = _Helpers(work, min(thread_count(), len(items)) - 1)
    try:
        helpers.begin()
        work()
    finally:  # an interrupt of this thread must not leave helpers that change arrays beside what comes next
        helpers.wait()
    if errors:
        raise errors[min(errors)]
    return results


class _Helpers:
    """Threads that do the same work as the one that asked for them, as soon as they are free.

    An interrupt may come between any two steps of this thread, and must leave neither a lock held nor a helper waited
    for that does not come (executors of `concurrent.futures` hang after some). So there are no locks but those inside
    of queues and dictionaries, each call of which happens as a whole, and every step can be done again.
    """

    def __init__(self, work: Callable[[], None], count: int) -> None:
        self._work = work
        self._owners: dict[int, str] = {}  # who took which place: the helper that began, or the one that waits
        self._ended: dict[int, bool] = {}
        self._news: SimpleQueue[None] = SimpleQueue()
        self._count = count

    def begin(self) -> None:
        """Ask the threads to begin."""
        for place in range(self._count):
            _tasks().put(partial(contextvars.copy_context().run, self._help, place))

    def _help(self, place: int) -> None:
        if self._owners.setdefault(place, "helper") == "helper":
            self._work()
            self._ended[place] = True
            self._news.put(None)

    def wait(self) -> None:
        """Return when no helper works any more, also if an interrupt comes while waiting."""
        try:
            self._wait()
        finally:
            self._wait()

    def _wait(self) -> None:
        # A helper that has not begun, because all threads are busy elsewhere, is not waited for: it will do nothing.
        begun = [k for k in range(self._count) if self._owners.setdefault(k, "none") == "helper"]
        while not all(place in self._ended for place in begun):
            self._news.get()


@cache
def _tasks() -> "SimpleQueue[Callable[[], None]]":
    """Return the queue of what helpers are to do, with its threads."""
    tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def run() -> None:
        while True:
            tasks.get()()  # a name for it would keep its arrays

    for number in range(thread_count() - 1):
        threading.Thread(target=run, name=f"ladder_np_{number}", daemon=True).start()
    return tasks


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tasks.cache_clear)  # a forked child does not inherit the parent's threads


@cache
def thread_count() -> int:
    """Return how many threads share the work: the usable cores, or fewer if NumPy's threads are limited."""
    cores = usable_cores(cpu_quota(Path("/")))
    return min(cores, _requested_threads() or cores)


def _requested_threads() -> int | None:
    """Return how many threads the environment asks for, read as OpenBLAS reads it; None if it does not ask."""
    for name in THREAD_VARIABLES:
        number = re.match(r"\s*([1-9]\d*)", os.environ.get(name, ""))  # "2,1" means 2 at the outermost level
        if number:
            return int(number[1])
    return None


def usable_cores(quota: float | None) -> int:
    """Return how many cores this process may use: by affinity, and by the CPU quota, rounded up."""
    if hasattr(os, "sched_getaffinity"):  # Linux; elsewhere a process may use every core
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return allowed if quota is None else min(allowed, math.ceil(quota))


def cpu_quota(root: Path) -> float | None:
    """Return the CPU time that the control groups of this process allow it, in cores; None without a limit."""
    quotas = (_group_quota(folder) for folder in _control_groups(root))
    return min((quota for quota in quotas if quota is not None), default=None)


def _control_groups(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's CPU control groups (versions 2 and 1) and of all groups above them."""
    for line in read_system_file(root / "proc/self/cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = mount / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(mount))


def _group_quota(folder: Path) -> float | None:
    """Return one group's limit in cores: "150000 100000" is 1.5; "max" (version 2) and "-1" (version 1) are None."""
    quota, period = folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us"
    text = read_system_file(folder / "cpu.max") or f"{read_system_file(quota)} {read_system_file(period)}"
    limit = re.fullmatch(r"\s*([1-9]\d*)\s+([1-9]\d*)\s*", text)
    return int(limit[1]) / int(limit[2]) if limit else None


def read_system_file(path: Path) -> str:
    """Return the text of a file of the operating system; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
