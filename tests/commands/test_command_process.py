"""The program as a process of its own: exit status, outputs that close, and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ladder_np

# Output is buffered as it is for most users; what fails only when it is flushed at the end must not go unseen.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    "PYTHONPATH": str(Path(ladder_np.__file__).parents[1]),
    "PYTHONWARNINGS": "error",
    "OPENBLAS_NUM_THREADS": "1",
}
PROGRAM = [sys.executable, "-m", "ladder_np"]
SMALL = "--sizes 5-4-3"


def start(arguments, **options):
    environment = ENVIRONMENT | options.pop("environment", {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([*PROGRAM, *arguments.split()], env=environment, text=True, errors="replace", **pipes)


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_success_is_status_0_and_writes_results_to_standard_output_alone(tmp_path):
    status, out, err = finish(start(f"train --epochs 1 --hidden-layers 4 --quiet --out {tmp_path / 'run'}"))
    assert (status, err) == (0, "")
    assert out.endswith(f"run saved in {tmp_path / 'run'}\n")


def test_a_log_of_both_outputs_says_what_is_trained_then_how_far_it_is_then_the_result(tmp_path):
    train = f"train --epochs 40 --hidden-layers 4 --no-baseline --out {tmp_path / 'run'}"
    status, out, _ = finish(start(train, stderr=subprocess.STDOUT))
    assert status == 0
    about, features, classes, network, *progress, result, saved = out.splitlines()
    assert (about[:6], features[:8], classes[:7], network[:7], result[:7], saved[:9]) == (
        "digits",
        "features",
        "classes",
        "network",
        "ladder:",
        "run saved",
    )
    assert progress[0].startswith("ladder  epoch 1/40  cost ")
    assert progress[-1].startswith("ladder  epoch 40/40  cost ")
    assert len(progress) < 20


def test_wrong_use_is_status_2_and_one_line_on_standard_error():
    status, out, err = finish(start("train --labels many"))
    assert (status, out) == (2, "")
    assert err.startswith("ladder-np: error: ")
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="signals to a process of its own")
def test_ctrl_c_is_status_130_one_line_and_no_half_written_file(tmp_path):
    run = tmp_path / "run"
    process = start(
        f"train --epochs 1000000 --hidden-layers 8 --quiet --out {run}",
        # A shell may have started the tests with interrupts ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    metrics = run / "baseline-metrics.jsonl"
    limit = time.monotonic() + 30
    while not metrics.exists() and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    status, _, err = finish(process)
    assert (status, err) == (130, f"ladder-np: interrupted; go on with: ladder-np train --resume {run}\n")
    expected = {"config.json", "split.npz", "baseline-metrics.jsonl", "checkpoint.npz", "checkpoint-before.npz"}
    assert {path.name for path in run.iterdir()} - {"checkpoint-before.npz"} == expected - {"checkpoint-before.npz"}


def without_a_reader(arguments):
    """Status and standard error of a program whose standard output nobody reads."""
    read, write = os.pipe()
    process = start(arguments, stdout=write)
    os.close(write)
    os.close(read)
    status, _, err = finish(process)
    return status, err


@pytest.mark.skipif(os.name != "posix", reason="pipes as on POSIX")
def test_a_reader_that_goes_away_amid_a_long_output_causes_no_complaint(tmp_path):
    """As with `| head -1`."""
    vectors = tmp_path / "v.npz"
    assert finish(start(f"vectors {vectors} --sizes 5-4-4-4-4-4-4-4-3"))[0] == 0
    assert without_a_reader(f"compare-vectors {vectors} {vectors}") == (1, "")


@pytest.mark.skipif(os.name != "posix", reason="pipes as on POSIX")
def test_a_reader_that_has_gone_before_a_short_output_causes_no_complaint():
    """A short output is written when the program ends, after the command itself has returned."""
    assert without_a_reader(f"gradcheck {SMALL}") == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output_is_one_line_and_a_failure():
    with open("/dev/full", "w") as full:
        status, _, err = finish(start("gradcheck " + SMALL, stdout=full))
    assert status == 2
    assert err.startswith("ladder-np: error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "encoding"), [("train --help", "ascii"), ("train --help", "cp1252"), ("vectors --help", "cp1252")]
)
def test_help_can_be_read_in_a_terminal_that_knows_no_greek(arguments, encoding):
    status, out, err = finish(start(arguments, environment={"PYTHONIOENCODING": encoding}))
    assert (status, err) == (0, "")
    assert out.startswith("usage: ladder-np")


def test_a_file_name_that_the_terminal_cannot_show_is_no_error(tmp_path):
    """The file is written before its name is printed."""
    status, out, err = finish(
        start(f"vectors {tmp_path / 'λ.npz'} {SMALL}", environment={"PYTHONIOENCODING": "cp1252"})
    )
    assert (status, err) == (0, "")
    assert "entries written to" in out
