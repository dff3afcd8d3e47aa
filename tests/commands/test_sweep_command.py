"""`ladder-np sweep`: many runs side by side, interrupted, killed, failing, on a cluster; one table of them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command_files import assert_refused, blobs, load, quiet, words, write_blobs
from test_command_process import ENVIRONMENT, PROGRAM

from ladder_np.experiments.settings import make_settings
from ladder_np.experiments.sweep import PlannedRun
from ladder_np.experiments.worker import Worker

QUICK = "--hidden-layers 12 --epochs 2"
FOUR = "--labels 20,50 --seed 0-1 --no-baseline --hidden-layers 12"
LIMIT = 120  # seconds after which a test gives up waiting


def lines(folder):
    """The lines of results by run."""
    return {line["run"]: line for line in map(json.loads, (folder / "results.jsonl").read_text().splitlines())}


def numbers(folder):
    """What a sweep computed, without times and places: errors, and every array of every model."""
    found = {}
    for run, line in lines(folder).items():
        found[run] = {name: (one["wrong"], one["rows"]) for name, one in line["results"].items()}
        for key, array in load(folder / "runs" / run / "model.npz").items():
            if key != "history":  # has the seconds
                found[f"{run} {key}"] = array.tolist()
    return found


def start(*parts):
    """A process of the program, with interrupts as a shell's user has them."""
    return subprocess.Popen(
        [*PROGRAM, *words(*parts)],
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(condition, process):
    """Wait until a condition holds, while the process is at work."""
    limit = time.monotonic() + LIMIT
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an undisturbed sweep of four runs that take a second each."""
    folder = tmp_path_factory.mktemp("sweep") / "whole"
    out, err = start("sweep", FOUR, "--epochs 60 --jobs 2 --out", folder).communicate(timeout=LIMIT)
    assert out.count("ladder") == 2, err
    return folder


# ---- What it makes.


def test_presets_times_labels_times_seeds_are_trained_and_shown_in_one_table(command, tmp_path):
    folder = tmp_path / "sweep"
    outcome = command("sweep --preset mnist-100-full,mnist-100-gamma --dataset digits --labels 20,30 --seed 1,3-4")
    assert_refused(outcome, "--out FOLDER is missing")
    options = f"{QUICK} --denoising-weights 1 --noise-std 0.2"
    sweep = "sweep --preset mnist-100-full,mnist-100-bottom --dataset digits --labels 20,30 --seed 3-4"
    outcome = command(sweep, options, "--out", folder)
    assert outcome.status == 0
    about, *told = outcome.err.splitlines()
    assert about == f"8 runs; results in {folder / 'results.jsonl'}"
    assert [line.split("  ")[0] for line in told] == [f"{k}/8" for k in range(1, 9)]
    assert all(" left" in line for line in told[:-1])
    header, *rows, note = outcome.out.splitlines()
    assert header.split() == ["run", "labels", "model", "error,", "%", "SE", "n", "minutes"]
    changes = "digits, hidden layers 12, noise std 0.2, denoising weights 1, epochs 2"
    assert [row.split("  ")[1] for row in rows] == [f"{name}, {changes}" for name in
                                                  ["mnist-100-full"] * 2 + ["mnist-100-bottom"] * 2]  # fmt: skip
    assert note.startswith("error: ")
    assert len(lines(folder)) == 8


def test_a_line_has_all_that_repeats_the_run_and_its_command_gives_the_same_numbers(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command("sweep --labels 30 --seed 5 --split-seed 7 --out sweep", QUICK)
    (line,) = lines(Path("sweep")).values()
    assert line["command"].startswith("OPENBLAS_NUM_THREADS=1 ladder-np train --labels 30 --seed 5 --split-seed 7 ")
    assert line["blas"]["threads"] in (1, None)  # None: not OpenBLAS
    assert (line["settings"]["seed"], line["settings"]["split_seed"], line["settings"]["epochs"]) == (5, 7, 2)
    assert {"ladder_np", "numpy", "python", "machine", "hardware", "data_sha256", "rows", "finished"} <= set(line)
    command(line["command"].removeprefix("OPENBLAS_NUM_THREADS=1 ladder-np "), "--out again")
    again = json.loads(Path("again/result.json").read_text())
    assert {name: one["wrong"] for name, one in again.items()} == {
        name: one["wrong"] for name, one in line["results"].items()
    }
    assert all(one["minutes"] > 0 for one in line["results"].values())


def test_data_that_was_changed_meanwhile_is_refused(command, tmp_path):
    table = tmp_path / "table.csv"
    rows = [f"{k},{(k * k) % 7},{k % 2}" for k in range(60)]
    table.write_text("\n".join(["a,b,label", *rows]))
    sweep = (
        f"sweep --dataset {table} --test-fraction 0.3 --labels 20 --no-baseline {QUICK} --out {tmp_path / 'sweep'}"
    )
    assert command(sweep, "--seed 0").status == 0
    table.write_text("\n".join(["a,b,label", *rows[:-1], "8,8,1"]))
    outcome = command(sweep, "--seed 0-1")
    assert outcome.status == 1
    assert f"{table}: was changed since this sweep made runs with it (its sha256 differs)" in outcome.err
    assert len(lines(tmp_path / "sweep")) == 1
    assert command(sweep, "--seed 0-1", "--labels 25").status == 1  # another number of labels, the same data


def test_data_seeds_and_model_seeds_are_crossed_if_both_are_given(command, tmp_path):
    command("sweep --no-baseline --seed 0-1 --split-seed 2-3 --quiet --out", tmp_path / "sweep", QUICK)
    made = {(line["settings"]["seed"], line["settings"]["split_seed"]) for line in lines(tmp_path / "sweep").values()}
    assert made == {(0, 2), (0, 3), (1, 2), (1, 3)}


def test_a_sweep_is_the_same_with_one_process_or_several(whole, command, tmp_path):
    assert command("sweep", FOUR, "--epochs 60 --jobs 1 --quiet --out", tmp_path / "one").status == 0
    assert numbers(tmp_path / "one") == numbers(whole)


def test_a_finished_sweep_is_only_shown_again_and_new_settings_are_new_runs(command, tmp_path):
    sweep = f"sweep --labels 20 --seed 0-1 --no-baseline {QUICK} --out"
    first = command(sweep, tmp_path / "sweep")
    before = (tmp_path / "sweep" / "results.jsonl").stat()
    again = command(sweep, tmp_path / "sweep")
    results = tmp_path / "sweep" / "results.jsonl"
    assert (again.out, again.err) == (first.out, f"2 of 2 runs are done already; results in {results}\n")
    assert (tmp_path / "sweep" / "results.jsonl").stat() == before
    with results.open("a") as file:  # a line that is not of this sweep, and that this version cannot read
        file.write(
            json.dumps({**next(iter(lines(tmp_path / "sweep").values())), "run": "x", "settings": {"newer": 1}})
        )
    other = command(sweep, tmp_path / "sweep", "--learning-rate 0.01")
    assert "learning rate 0.01" in other.out
    assert len(lines(tmp_path / "sweep")) == 5


def test_a_row_to_compare_with_that_no_run_will_make_is_refused_before_the_other_runs(command, tmp_path):
    sweep = f"sweep {QUICK} --quiet --out"
    assert command(sweep, tmp_path / "sweep", "--labels 20 --against 2").status == 0
    before = (tmp_path / "sweep" / "results.jsonl").read_text()
    refused = command(sweep, tmp_path / "sweep", "--labels 20,30 --seed 0-1 --against 5")
    assert_refused(refused, "--against 5: expected the number of a row from 1 to 4")
    assert (tmp_path / "sweep" / "results.jsonl").read_text() == before
    other = command(sweep, tmp_path / "sweep", "--labels 20,30 --seed 0-1 --against 4")
    assert (other.status, other.err) == (0, "")
    assert len(other.out.splitlines()) == 1 + 4 + 3


def test_a_failing_run_stops_no_other_and_is_told_at_the_end(command, tmp_path):
    outcome = command("sweep --labels 5,20 --seed 0-1 --no-baseline", QUICK, "--jobs 1 --out", tmp_path / "sweep")
    assert outcome.status == 1
    assert outcome.out.splitlines()[1].split()[:8] == ["1", "digits,", "hidden", "layers", "12,", "epochs", "2", "20"]
    *_, last = outcome.err.splitlines()
    shown = "digits, 5 labels, seed 0, data seed 0; digits, 5 labels, seed 1, data seed 1"
    assert last == f"ladder-np: 2 runs failed: {shown}: 5 labels for 10 classes; expected 10 at least"
    assert len(lines(tmp_path / "sweep")) == 2


def test_failures_are_told_too_if_they_were_to_make_the_row_to_compare_with(command, tmp_path):
    sweep = f"sweep --labels 5,20 --no-baseline {QUICK} --quiet --jobs 1 --against 2 --out"
    outcome = command(sweep, tmp_path / "sweep")
    assert (outcome.status, outcome.out) == (2, "")
    failed, refused = outcome.err.splitlines()
    assert failed.endswith("5 labels for 10 classes; expected 10 at least")
    assert refused == "ladder-np: error: --against 2: expected the number of a row from 1 to 1"


def test_a_run_that_diverges_fails_with_its_reason(command, tmp_path):
    outcome = command("sweep --learning-rate 1e30 --no-baseline", QUICK, "--out", tmp_path / "sweep")
    assert (outcome.status, outcome.out) == (1, "")
    assert "ladder-np: 1 run failed: digits, 50 labels, seed 0, data seed 0: " in outcome.err
    assert "NaN" in outcome.err


# ---- Damaged.


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a sweep of one run."""
    folder = tmp_path_factory.mktemp("sweep") / "made"
    quiet("sweep --no-baseline --jobs 1 --quiet", QUICK, "--out", folder)
    return folder


@pytest.mark.parametrize(
    "file", ["config.json", "split.npz", "model.npz", "training.npz", "result.json", "metrics.jsonl"]
)
def test_a_damaged_run_says_which_folder_to_delete_and_then_begins_anew(command, made, tmp_path, file):
    shutil.copytree(made, tmp_path / "sweep")
    (tmp_path / "sweep" / "results.jsonl").unlink()
    (run,) = (tmp_path / "sweep" / "runs").iterdir()
    (run / "model.npz").unlink()
    (run / file).write_text("{\n")
    sweep = ("sweep --no-baseline --jobs 1 --quiet", QUICK, "--out", tmp_path / "sweep")
    for _ in range(2):
        outcome = command(*sweep)
        assert (outcome.status, outcome.err.count("\n")) == (1, 1)
        assert f"{run / file}: " in outcome.err
        assert outcome.err.endswith(f"; to start the run anew, delete the folder {run}\n")
    shutil.rmtree(run)
    outcome = command(*sweep)
    assert (outcome.status, outcome.err) == (0, "")


def test_a_folder_that_is_no_run_any_more_and_changed_data_are_told_so_too(command, tmp_path):
    data = write_blobs(tmp_path / "data.npz")
    sweep = ("sweep --no-baseline --jobs 1 --quiet --dataset", data, QUICK, "--out", tmp_path / "sweep")
    command(*sweep)
    (tmp_path / "sweep" / "results.jsonl").unlink()
    (run,) = (tmp_path / "sweep" / "runs").iterdir()
    write_blobs(data, first_class=1)
    advice = f"; to start the run anew, delete the folder {run}\n"
    outcome = command(*sweep)
    assert "its sha256 differs" in outcome.err
    assert outcome.err.endswith(advice)
    (run / "config.json").unlink()
    assert command(*sweep).err.endswith(advice)


def test_a_failure_that_deleting_the_folder_would_not_end_has_no_such_advice(command, tmp_path):
    X, y = blobs(40)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    sweep = ("sweep --no-baseline --jobs 1 --quiet --dataset", tmp_path / "data.npz", QUICK, "--out", tmp_path / "s")
    for _ in range(2):
        outcome = command(*sweep)
        assert "no test rows" in outcome.err
        assert "delete" not in outcome.err


def test_blank_lines_in_the_results_are_left_out_and_a_missing_last_end_of_line_is_made_up(command, made, tmp_path):
    shutil.copytree(made, tmp_path / "sweep")
    results = tmp_path / "sweep" / "results.jsonl"
    results.write_text(f"\n{results.read_text().strip()}")
    sweep = ("sweep --no-baseline --jobs 1 --quiet", QUICK, "--out", tmp_path / "sweep")
    assert command(*sweep, "--seed 0-1").status == 0
    results.write_text(f"{results.read_text()} \n\n")
    assert command(*sweep, "--seed 0-1").status == 0
    assert command("table", results).out.splitlines()[1].split("  ")[-2].strip() == "2"
    results.write_text(f"{results.read_text()}nonsense\n")
    assert_refused(command("table", results), "results.jsonl: line 6 is not a result of a run")


# ---- Interrupted.


def test_ctrl_c_is_one_line_and_the_same_command_goes_on_to_the_same_numbers(whole, tmp_path):
    folder = tmp_path / "sweep"
    sweep = ("sweep", FOUR, "--epochs 60 --jobs 2 --out", folder)
    process = start(*sweep)
    wait_for((folder / "results.jsonl").exists, process)
    wait_for(lambda: len(list(folder.glob("runs/*/checkpoint.npz"))) > 0, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (130, "")
    done = len(lines(folder))
    assert err.splitlines()[-1] == (
        f"ladder-np: interrupted after {done} of 4 runs; the same command goes on from there"
    )
    begun = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/config.json")}
    assert len(begun) > done
    process = start(*sweep)
    assert "4/4  " in process.communicate(timeout=LIMIT)[1]
    assert numbers(folder) == numbers(whole)
    assert {path: path.stat().st_mtime_ns for path in begun} == begun  # gone on with, not begun again


def test_a_sweep_that_is_killed_leaves_no_process_behind_and_goes_on(whole, tmp_path):
    folder = tmp_path / "sweep"
    sweep = ("sweep", FOUR, "--epochs 60 --jobs 2 --out", folder)
    process = start(*sweep)
    wait_for(lambda: len(list(folder.glob("runs/*/checkpoint.npz"))) == 2, process)
    process.kill()
    process.communicate()
    out, err = start(*sweep).communicate(timeout=LIMIT)
    assert "4/4  " in err
    assert out.count("ladder") == 2
    assert numbers(folder) == numbers(whole)


def test_a_worker_ends_with_a_checkpoint_when_it_is_stopped(tmp_path):
    settings = make_settings({"epochs": 10**6, "baseline": False, "hidden_layers": (8,)})
    job = {"settings": settings.as_json(), "device": "cpu", "folder": str(tmp_path / "run")}
    worker = Worker({**job, **dict.fromkeys(("data_dir", "data_sha256", "every", "preset"))})
    limit = time.monotonic() + LIMIT
    while not (tmp_path / "run" / "metrics.jsonl").exists() and time.monotonic() < limit:
        time.sleep(0.02)
    worker.stop()
    assert worker.wait()["error"] == "it was interrupted"
    assert (tmp_path / "run" / "checkpoint.npz").exists()


def test_a_worker_that_dies_is_an_error_with_its_cause(tmp_path):
    worker = Worker({"settings": None, "device": "cpu", "folder": str(tmp_path / "run"), "data_dir": None})
    assert worker.wait()["error"].startswith("its process ended with status 1: ")


def test_two_sweeps_in_one_folder_are_refused(tmp_path, command):
    process = start("sweep --epochs 1000000 --no-baseline --jobs 1 --out", tmp_path / "sweep")
    wait_for(lambda: list((tmp_path / "sweep").glob("runs/*")), process)
    outcome = command("sweep --epochs 2 --out", tmp_path / "sweep")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)
    assert_refused(outcome, "another process is at work there")


# ---- On a cluster.

CLUSTER = """
import json, sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        pids = [nanny.pid for nanny in cluster.workers.values()]
        print(json.dumps({"address": cluster.scheduler_address, "pids": pids}), flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def cluster(tmp_path):
    """A Dask cluster of two worker processes: its scheduler's address, and their process ids."""
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    (tmp_path / "cluster.py").write_text(CLUSTER)
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONWARNINGS"}
    with subprocess.Popen(
        [sys.executable, tmp_path / "cluster.py"],
        env=environment,
        cwd=tmp_path,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield json.loads(process.stdout.readline())
        process.stdin.close()


@pytest.fixture
def unwarned(monkeypatch):
    """Dask warns of its own dependencies."""
    monkeypatch.setitem(ENVIRONMENT, "PYTHONWARNINGS", "default")


@pytest.mark.usefixtures("unwarned")
def test_a_cluster_one_of_whose_workers_is_killed_gives_the_same_numbers(cluster, whole, tmp_path):
    folder = tmp_path / "sweep"
    process = start("sweep", FOUR, "--epochs 60 --scheduler", cluster["address"], "--out", folder)
    wait_for(lambda: len(list(folder.glob("runs/*/checkpoint.npz"))) == 2, process)
    begun = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/config.json")}
    os.kill(cluster["pids"][0], signal.SIGKILL)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    assert out.count("ladder") == 2
    assert numbers(folder) == numbers(whole)
    assert {path: path.stat().st_mtime_ns for path in begun} == begun


@pytest.mark.usefixtures("unwarned")
def test_ctrl_c_stops_the_runs_of_a_cluster_too(cluster, tmp_path):
    folder = tmp_path / "sweep"
    process = start("sweep --no-baseline --epochs 1000000 --scheduler", cluster["address"], "--out", folder)
    wait_for(lambda: list(folder.glob("runs/*/checkpoint.npz")), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert "interrupted after 0 of 1 runs" in err
    (metrics,) = folder.glob("runs/*/metrics.jsonl")
    limit, before = time.monotonic() + LIMIT, -1
    while metrics.stat().st_size != before and time.monotonic() < limit:
        before = metrics.stat().st_size
        time.sleep(3)
    assert metrics.stat().st_size == before


def test_a_scheduler_that_is_not_there_and_a_missing_dask_are_one_line(command, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    outcome = command("sweep --scheduler tcp://127.0.0.1:1 --out", tmp_path / "sweep", QUICK)
    assert_refused(outcome, "--scheduler needs Dask, which is not installed; install it with pip install")
    outcome = command("sweep --jobs 2 --scheduler tcp://127.0.0.1:1 --out", tmp_path / "sweep", QUICK)
    assert_refused(outcome, "--jobs: the workers of --scheduler have a number of their own")


# ---- Wrong use.


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ("--seed a", "--seed: 'a': expected whole numbers such as 0-4 or 1,3,7"),
        ("--seed 5-2", "5-2 is not a range from a number to a larger one"),
        ("--seed 0-9999 --labels 20,30", "20000 runs: expected at most 10000"),
        ("--labels many", "'many' is not a whole number"),
        ("--labels ,", "--labels: '' is not a whole number"),
        ("--labels 20,,50", "--labels: '' is not a whole number"),
        ("--labels=", "--labels: '' is not a whole number"),
        ("--preset ,", "--preset: '' is not the name of a preset; ladder-np presets lists all"),
        ("--preset mnist-100-full,", "--preset: '' is not the name of a preset"),
        ("--preset=", "--preset: '' is not the name of a preset"),
        ("--preset mnist-100-ful", "unknown preset 'mnist-100-ful'; did you mean mnist-100-full"),
        ("--preset none.toml", "error: none.toml: no such file"),
        ("--jobs 0", "--jobs 0: expected a whole number >= 1"),
        ("--epochs 0", "epochs 0"),
        ("--combinator foo", "unknown combinator 'foo'"),
        ("--labels=-5", "-5 labels"),
        ("--preset mnist-100-full --dataset digits --noise-std 0.1,0.2", "noise std: got 2 values for 7 layers"),
        ("--resume x", "--resume: a sweep goes on with what it has begun"),
        ("--speed 3", "unrecognized arguments: --speed 3"),
        ("--format html", "--format 'html': expected one of text, markdown, csv"),
        ("--picture x.jpg", "--picture x.jpg: expected a name that ends in .png"),
        ("--against 2", "--against 2: expected the number of a row from 1 to 1"),
        ("--against 0", "--against 0: expected the number of a row from 1 to 1"),
        ("--against 5 --baseline --seed 0-3 --labels 20,30", "--against 5: expected the number of a row from 1 to 4"),
        ("--against 3 --baseline --denoising-weights 0 --labels 20,30", "--against 3: expected the number of a row"),
        (
            "--against 99 --preset mnist-100-full,mnist-100-gamma --dataset digits",
            "--against 99: expected the number",
        ),
    ],
)
def test_wrong_options_are_one_line_before_any_training(command, tmp_path, options, fragment):
    outcome = command("sweep --no-baseline --out", tmp_path / "sweep", options)
    assert_refused(outcome, fragment)
    assert not (tmp_path / "sweep").exists()


def test_one_preset_of_several_that_cannot_be_used_begins_no_run(command, tmp_path):
    (tmp_path / "good.toml").write_text("[settings]\nepochs = 1\n")
    (tmp_path / "wrong.toml").write_text('[settings]\ncombinator = "foo"\n')
    presets = f"{tmp_path / 'good.toml'},{tmp_path / 'wrong.toml'}"
    outcome = command("sweep --seed 0-4 --preset", presets, "--out", tmp_path / "sweep")
    assert_refused(outcome, "unknown combinator 'foo'")
    assert not (tmp_path / "sweep").exists()


def test_a_damaged_file_of_results_is_one_line(command, tmp_path):
    (tmp_path / "results.jsonl").write_text("{}\n")
    outcome = command("sweep --no-baseline --epochs 1 --out", tmp_path)
    assert_refused(outcome, "results.jsonl: line 1 is not a result of a run")


def test_the_name_of_a_run_tells_settings_apart_but_not_versions():
    def name(**named):
        return PlannedRun(make_settings({"split_seed": 0, **named}), None, "").name

    assert name(seed=3).rpartition("-seed-")[0] == name().rpartition("-seed-")[0]
    assert len({name(), name(seed=3), name(epochs=7), name(labels=60)}) == 4
    assert name() == "digits-50-45326f09-seed-0-0"  # changes only with what a setting means: sweeps would begin again
