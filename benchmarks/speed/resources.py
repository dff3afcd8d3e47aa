"""What has no contender: peak memory of a training run, and the time that an import takes."""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.speed.turns import ROOT, ContenderError

__all__ = ["import_time", "peak_memory"]

IMPORT = """
import json, time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
import ladder_np
print(json.dumps([middle - start, time.perf_counter() - middle]))
"""
# A process begins with its parent's peak as its own, and ours is large: a small one stands between.
PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
# ru_maxrss counts bytes on macOS, units of 1024 bytes elsewhere.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def import_time(quick: bool) -> dict[str, float]:
    """Return the median seconds that `import numpy` takes in a fresh process, and `import ladder_np` after it."""
    measured = []
    for _ in range(3 if quick else 9):
        done = subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise ContenderError(f"import failed: {done.stderr.strip()}")
        measured.append(json.loads(done.stdout))
    return dict(zip(("numpy", "ladder_np"), map(statistics.median, zip(*measured, strict=True)), strict=True))


def peak_memory(data: Path | None, quick: bool, device: str = "cpu") -> dict[str, Any]:
    """Return the host's peak memory in bytes of training on MNIST for one and for two epochs; quickly: on the digits.

    Parameters
    ----------
    data : path or None
        The folder with MNIST's; None: nothing is measured, and the result says why.
    quick : bool
    device : {"cpu", "cuda"}
    """
    where = ["--device", device]
    if quick:
        return {"what": "embedded digits", "bytes": {epochs: _train(where, epochs) for epochs in (1, 2)}}
    if data is None:
        return {"skipped": "no folder with MNIST was named (--data-dir or LADDER_NP_DATA)"}
    options = [*where, "--preset", "mnist-100-full", "--data-dir", str(data.resolve())]
    return {"what": "mnist-100-full", "bytes": {epochs: _train(options, epochs) for epochs in (1, 2)}}


def _train(options: list[str], epochs: int) -> int:
    """Train in a process of its own and return its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        train = ["-m", "ladder_np", "train", *options, "--no-baseline", "--epochs", str(epochs)]
        command = [sys.executable, "-c", PEAK, sys.executable, *train, "--out", str(Path(folder) / "run")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ContenderError(f"training stopped: {done.stderr.strip()}")
    return int(done.stdout) * RSS_UNIT
