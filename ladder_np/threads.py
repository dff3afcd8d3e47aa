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
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

__all__ = [
    "THREAD_VARIABLES",
    "cpu_quota",
    "in_parallel",
    "one_ahead",
    "read_system_file",
    "thread_count",
    "usable_cores",
]

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

    The calls must not depend on each other. If some fail, the error of the first of them in the order of the items is
    raised, an interrupt before any other, when no call is in progress any more.
    """
    helpers = min(thread_count(), len(items)) - 1
    if helpers < 1:
        return [function(item) for item in items]
    call = _Call(function, items)
    try:
        try:
            call.ask(helpers)
            call.work()
        finally:  # an interrupt of this thread must not leave helpers that change arrays beside what comes next
            call.wait()
    finally:  # nor one that comes at the very moment when the line above begins
        call.wait()
    return call.results()


class _Call(Generic[Item, Result]):
    """One call of `in_parallel`: who takes part, and what came out.

    An interrupt may come between any two steps of the thread that called, and must leave neither a lock held nor a
    helper waited for that does not come (executors of `concurrent.futures` hang after some). So there are no locks
    but those inside of queues and dictionaries, each call of which happens as a whole, and every step can be done
    again.
    """

    def __init__(self, function: Callable[[Item], Result], items: Sequence[Item]) -> None:
        self._function, self._items = function, items
        self._positions = itertools.count()  # next() is atomic: each position goes to one thread
        self._results: dict[int, Result] = {}
        self._errors: dict[int, BaseException] = {}
        self._asked = 0  # helpers, each of which has a number
        self._begun: dict[int, bool] = {}  # by that number: whether it took part, or was not waited for
        self._ended: dict[int, bool] = {}
        self._endings: SimpleQueue[None] = SimpleQueue()

    def ask(self, helpers: int) -> None:
        """Ask helpers to take part as soon as they are free."""
        for number in range(helpers):
            self._asked = number + 1
            # One that is busy elsewhere may see this long after the call: it must not keep the arrays until then.
            _tasks().put(partial(contextvars.copy_context().run, _take_part, weakref.ref(self), number))

    def take_part(self, number: int) -> None:
        """Work as the helper of that number, unless the call does not wait for it any more."""
        if self._begun.setdefault(number, True):
            try:
                self.work()
            except BaseException as error:  # between two items: no memory, most likely
                self._errors[-1] = error
            finally:
                self._ended[number] = True
                self._endings.put(None)

    def work(self) -> None:
        """Take one item after another."""
        while (position := next(self._positions)) < len(self._items):
            try:
                self._results[position] = self._function(self._items[position])
            except BaseException as error:
                self._errors[position] = error

    def wait(self) -> None:
        """Return when no helper works any more, however often an interrupt comes while waiting."""
        try:
            # A helper that has not begun is not waited for: it will do nothing.
            begun = {number for number in range(self._asked) if self._begun.setdefault(number, False)}
            while not begun <= self._ended.keys():
                self._endings.get()
        except BaseException:
            self.wait()
            raise

    def results(self) -> list[Result]:
        """Return what came out, or raise the first error."""
        try:
            if self._errors:
                raise min(self._errors.items(), key=lambda one: (isinstance(one[1], Exception), one[0]))[1]
            return [self._results[position] for position in range(len(self._items))]
        finally:
            self._errors.clear()  # an error knows the frames that it passed, and so would keep itself and the arrays


def _take_part(call: "weakref.ref[_Call]", number: int) -> None:
    there = call()
    if there is not None:
        there.take_part(number)


@cache
def _tasks() -> "SimpleQueue[Callable[[], None]]":
    """Return the queue of what helpers are to do; the first call starts them, once for the life of the process."""
    tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def run() -> None:
        while True:
            tasks.get()()  # a name for it would keep its arrays

    for number in range(thread_count() - 1):
        try:
            threading.Thread(target=run, name=f"ladder_np_{number}", daemon=True).start()
        except RuntimeError:  # no thread is to be had, or Python is ending: those who call do the work
            break
    return tasks


def one_ahead(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield ``function(item)`` for each item; a thread of its own computes the next while the caller uses the last.

    A call's error is raised in its turn. When the iterator has ended, or was closed, no call is in progress.
    """
    turns: SimpleQueue[bool] = SimpleQueue()  # True for the next item, False for none any more
    answers: SimpleQueue[Any] = SimpleQueue()
    ended: dict[str, bool] = {}

    def work() -> None:
        for item in items:
            if not turns.get():
                break
            try:
                answers.put((function(item), None))
            except BaseException as error:
                answers.put((None, error))
        ended["work"] = True
        answers.put(None)

    def stop() -> None:
        try:
            turns.put(False)
            while thread.ident is not None and not ended:  # it has begun
                answers.get()
        except BaseException:  # an interrupt
            stop()
            raise

    thread = threading.Thread(target=work, name="ladder_np_ahead", daemon=True)
    try:
        try:
            thread.start()
            turns.put(True)
            for _ in items:
                result, error = answers.get()
                if error is not None:
                    raise error
                turns.put(True)
                yield result
        finally:
            stop()
    finally:  # as in `in_parallel`
        stop()


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
