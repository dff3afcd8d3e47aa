"""How much memory this process can allocate, as the system reports it."""

import subprocess
import sys
from pathlib import Path

import pytest

from ladder_np import InputError, npy

CHILD = """
import resource, sys
from ladder_np.npy import available_memory
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(available_memory())
"""


def system(monkeypatch, **files):
    """Let only these files of the operating system exist, with these contents."""
    names = {"/proc/meminfo": "meminfo", "/sys/fs/cgroup/memory.max": "most", "/sys/fs/cgroup/memory.current": "used"}
    names |= {"/sys/fs/cgroup/memory.stat": "stat"}

    def read(path, **named):
        if names.get(str(path)) not in files:
            raise FileNotFoundError(path)
        return files[names[str(path)]]

    monkeypatch.setattr(Path, "read_text", read)


MEMINFO = "MemTotal:  9000 kB\nMemFree:  100 kB\nMemAvailable:  5000 kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"meminfo": MEMINFO}, 5000 * 1024),
        ({"meminfo": MEMINFO, "most": "max\n", "used": "700\n"}, 5000 * 1024),
        ({"meminfo": MEMINFO, "most": "1000\n", "used": "700\n"}, 300),
        ({"meminfo": MEMINFO, "most": "1000", "used": "700", "stat": "anon 5\ninactive_file 600\n"}, 900),
        ({"meminfo": MEMINFO, "most": "1000", "used": "1700"}, 0),
    ],
    ids=["machine", "container without a limit", "container", "cached files of the container", "container is full"],
)
def test_the_smaller_of_machine_and_container_counts(monkeypatch, files, expected):
    system(monkeypatch, **files)
    assert npy.available_memory() == expected


@pytest.mark.skipif(sys.platform != "linux", reason="limits as on Linux")
def test_the_limit_of_the_process_counts():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) <= 64 << 20


def test_where_the_system_says_nothing_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(npy, "_memory_limits", lambda: iter(()))
    assert npy.available_memory() is None
    npy.refuse_more_than_memory(10**30)


def test_more_than_the_available_memory_is_refused(monkeypatch):
    monkeypatch.setattr(npy, "available_memory", lambda: 2_000_000_000)
    npy.refuse_more_than_memory(2_000_000_000)
    with pytest.raises(InputError, match=r"^needs 3\.5 GB of memory, 2 GB are free$"):
        npy.refuse_more_than_memory(3_500_000_000)
