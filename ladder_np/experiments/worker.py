"""One run in a process of its own: started from a sweep, on this machine or on another, and ended with it.

The process has one BLAS thread. It reads what to do as one line of JSON from its standard input, and ends, with a
checkpoint, when that is closed: on request, or because the program that started it is gone, however that died. It
leaves the run's folder, from which the next one goes on, and writes its outcome as JSON: ``{"facts": …}``, or
``{"error": …}`` with one line.
"""

import _thread
import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ladder_np.errors import BusyError, InputError, InputWarning, TrainingDivergedError
from ladder_np.experiments.experiment import Experiment, fingerprint, prepare
from ladder_np.experiments.results import is_run, measured_facts
from ladder_np.experiments.run import execute, reopen, resume
from ladder_np.experiments.settings import ExperimentSettings
from ladder_np.inspection.machine import describe_machine
from ladder_np.threads import THREAD_VARIABLES

__all__ = ["Worker", "run_job"]

PAUSE = 0.05  # seconds between two looks at a process
# Seconds that a run may still be locked by a process that is ending: until its step is done.
PATIENCE = 120
Job = Mapping[str, Any]  # JSON values: settings, preset, data_dir, data_sha256, device, folder, every
Outcome = dict[str, Any]


class Worker:
    """The process of one job."""

    def __init__(self, job: Job) -> None:
        with contextlib.ExitStack() as files:
            self._output, self._errors = (files.enter_context(tempfile.TemporaryFile("w+")) for _ in range(2))
            self._start(job)
            self._files = files.pop_all()

    def _start(self, job: Job) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ladder_np.experiments.worker"],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._errors,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")},
            start_new_session=True,  # Ctrl-C is for who started it, who closes its input
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdin is not None
        self._input = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended already: see `wait`
            self._input.write(json.dumps(job) + "\n")
            self._input.flush()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let the run end with a checkpoint after its present step; `wait` for it."""
        with contextlib.suppress(BrokenPipeError):
            self._input.close()

    def wait(self) -> Outcome:
        """Return what the process has left, when it has ended."""
        status = self._process.wait()
        self.stop()
        with self._files:
            self._output.seek(0)
            self._errors.seek(0)
            written, last = self._output.read(), self._errors.read().strip().rpartition("\n")[2]
        try:
            return json.loads(written)
        except ValueError:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            return {"error": f"its process {how}{f': {last}' if last else ''}"}


def run_job(job: Job, stopped: Callable[[], bool] = lambda: False) -> Outcome:
    """Do a job in a process of its own, and return its outcome; `stopped` is asked now and then whether to stop."""
    worker = Worker(job)
    try:
        while worker.running:
            if stopped():
                break
            time.sleep(PAUSE)
    finally:
        worker.stop()
    return worker.wait()


# ---- In the process.


def main() -> int:
    """Do the job that standard input describes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started this may ignore it
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_interrupt_at_end_of_input, daemon=True).start()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        outcome = _attempt(job)
    told = [str(warning.message) for warning in caught if issubclass(warning.category, InputWarning)]
    print(json.dumps({**outcome, "warnings": told}))
    return 0


def _attempt(job: Job) -> Outcome:
    try:
        return {"facts": _train_unless_busy(job)}
    except (InputError, TrainingDivergedError, OSError) as error:
        return {"error": " ".join(str(error).split())}
    except MemoryError as error:
        return {"error": f"not enough memory: {error}" if str(error) else "not enough memory"}
    except KeyboardInterrupt:
        return {"error": "it was interrupted"}


def _interrupt_at_end_of_input() -> None:
    """Wait for the end of standard input, read without Python's buffers, which this thread would hold at the end."""
    while os.read(0, 1):
        pass
    _thread.interrupt_main()


def _train_unless_busy(job: Job) -> dict[str, Any]:
    """Train, when the process that was at work on the run before, and is about to end, has ended."""
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            return _train(job)
        except BusyError:
            if time.monotonic() > limit:
                raise
            time.sleep(1)


def _train(job: Job) -> dict[str, Any]:
    """Begin the run, or go on with it; return its facts."""
    folder, device = Path(job["folder"]), job["device"]
    data_dir = Path(job["data_dir"]) if job["data_dir"] else None
    with _advice_to_delete(folder):
        if is_run(folder):
            experiment = reopen(folder, data_dir, device)
            resume(experiment, folder, lambda name, record: None, job["every"])
        else:
            settings = ExperimentSettings.from_json(job["settings"])
            experiment = prepare(settings, data_dir, device)
            _check_data(experiment, job["data_sha256"])
            execute(experiment, folder, lambda name, record: None, job["every"], job["preset"])
        facts = measured_facts(folder)
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    return {**facts, "hardware": _hardware(device), "finished": finished}


@contextlib.contextmanager
def _advice_to_delete(folder: Path) -> Iterator[None]:
    """Add to an error line about what is in a run's folder, which would be there again next time, what ends that.

    A line that begins with the folder itself is of the run as a whole, and says what to do.
    """
    begun = os.path.lexists(folder)
    try:
        yield
    except InputError as error:
        line = str(error)
        if not begun or str(folder) not in line or line.startswith(f"{folder}:"):
            raise
        raise InputError(f"{line}; to start the run anew, delete the folder {folder}") from None


def _check_data(experiment: Experiment, data_sha256: str | None) -> None:
    """Raise `InputError` unless the data is that of the runs that the sweep has made; None: it has made none."""
    if data_sha256 not in (None, fingerprint(experiment.dataset)):
        raise InputError(
            f"{experiment.settings.dataset}: was changed since this sweep made runs with it (its sha256 differs); "
            "put the old data back, or begin another sweep with another --out"
        )


def _hardware(device: str) -> str:
    """Return what the run was trained on."""
    machine = describe_machine()
    cpu = f"one of {machine.cores} cores of {machine.cpu or platform.machine()}"
    if device == "cpu" or not machine.gpus:
        return cpu
    gpu = machine.gpus[0]
    return f"{gpu.name} ({gpu.memory / 2**30:.0f} GiB, CUDA {machine.cuda}, CuPy {machine.cupy}), {cpu}"


if __name__ == "__main__":
    sys.exit(main())
