"""The processor and how much of it this process may use; on other systems than Linux less can be found out."""

import math
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["THREAD_VARIABLES", "cpu_model", "cpu_quota", "requested_threads", "usable_cores"]

# What limits the threads of NumPy's products: OpenBLAS's variables, the first that is set wins, then MKL's.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_DEFAULT_NUM_THREADS",
    "MKL_NUM_THREADS",
)


def requested_threads() -> int | None:
    """Return how many threads the environment asks for, read as OpenBLAS reads it; None if it does not ask."""
    for name in THREAD_VARIABLES:
        number = re.match(r"\s*([1-9]\d*)", os.environ.get(name, ""))  # "2,1" is 2: the outermost level's
        if number:
            return int(number[1])
    return None


def cpu_model(root: Path) -> str | None:
    """Return the processor's name; Linux on Arm tells none but the architecture's."""
    named = re.search(r"^model name\s*:(.*)", _text(root / "proc/cpuinfo"), flags=re.MULTILINE)
    return (named[1].strip() if named else "") or platform.processor() or platform.machine() or None


def usable_cores(quota: float | None) -> int:
    """Return how many cores this process may use: by affinity, and by the quota, rounded up."""
    if hasattr(os, "sched_getaffinity"):  # Linux; elsewhere a process may use every core
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return allowed if quota is None else min(allowed, math.ceil(quota))


def cpu_quota(root: Path) -> float | None:
    """Return how many cores' time the control groups of this process allow it; None where nothing limits it."""
    quotas = (_group_quota(folder) for folder in _control_groups(root))
    return min((quota for quota in quotas if quota is not None), default=None)


def _control_groups(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups that may limit its time (version 2 and 1), and of all above them."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = mount / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(mount))


def _group_quota(folder: Path) -> float | None:
    """Return one group's limit in cores: "150000 100000" are 1.5; without a limit there is "max" (2) or "-1" (1)."""
    version_1 = f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}"
    limit = re.fullmatch(r"\s*([1-9]\d*)\s+([1-9]\d*)\s*", _text(folder / "cpu.max") or version_1)
    return int(limit[1]) / int(limit[2]) if limit else None


def _text(path: Path) -> str:
    """Return a file's text; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
