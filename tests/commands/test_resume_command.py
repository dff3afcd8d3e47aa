"""`ladder-np train --resume`: an interrupted run goes on bit by bit, also after SIGKILL; and what it refuses."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command_files import assert_refused, listing, words, write_blobs, write_csv_blobs

from ladder_np import InputError
from ladder_np.experiments import run_trainer
from ladder_np.experiments.run_trainer import RunTrainer
from ladder_np.files import lock_folder

TRAIN = "--hidden-layers 8-6 --epochs 6 --unlabeled-batch 40 --validation 9"


@pytest.fixture(autouse=True)
def ctrl_c_as_usual():
    """Let SIGINT interrupt: whatever started the tests may have had it ignored, which processes inherit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Killed(BaseException):
    """In place of a signal that no process survives."""


@pytest.fixture
def data(tmp_path):
    return write_blobs(tmp_path / "blobs.npz")


def models(run):
    """Every array of a finished run's models, and its metrics without the seconds."""
    found = {}
    for name in ("model.npz", "baseline.npz"):
        if (run / name).exists():
            with np.load(run / name, allow_pickle=False) as archive:
                found |= {f"{name} {key}": archive[key].tolist() for key in archive.files}
    for name in ("metrics.jsonl", "baseline-metrics.jsonl"):
        if (run / name).exists():
            lines = [json.loads(line) for line in (run / name).read_text().splitlines()]
            found[name] = [{k: v for k, v in line.items() if k != "seconds"} for line in lines]
    found["result"] = json.loads((run / "result.json").read_text())
    return found


@pytest.fixture
def killed(monkeypatch):
    """Makes the n-th step of a run, counted over all its models, the last thing that happens."""

    def after(steps):
        left = [steps]
        original = RunTrainer._after_step

        def count(self):
            original(self)
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        monkeypatch.setattr(RunTrainer, "_after_step", count)
        return original

    return after


@pytest.mark.parametrize("options", ["", "--patience 1", "--checkpoint-every 2 --no-baseline"])
def test_a_run_that_is_killed_after_any_step_goes_on_bit_by_bit(
    options, command, data, tmp_path, killed, monkeypatch, capsys
):
    train = f"train {TRAIN} {options} --dataset"
    assert command(train, data, "--out", tmp_path / "whole").status == 0
    expected = models(tmp_path / "whole")
    for steps in (1, 5, 6, 11, 30, 31, 44):
        run = tmp_path / f"run{steps}"
        with monkeypatch.context() as patch:
            original = killed(steps)
            with contextlib.suppress(Killed):
                command(train, data, "--out", run)
            patch.setattr(RunTrainer, "_after_step", original)
            capsys.readouterr()
            outcome = command("train --resume", run)
        assert (outcome.status, outcome.err) == (0, "")
        assert models(run) == expected, steps
        assert {path.name for path in run.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


def test_a_finished_run_only_says_again_what_it_measured(command, data, tmp_path):
    first = command("train", TRAIN, "--dataset", data, "--out", tmp_path / "run")
    before = listing(tmp_path / "run")
    again = command("train --resume", tmp_path / "run")
    assert (again.status, again.out) == (0, first.out)
    assert listing(tmp_path / "run") == before


@pytest.mark.parametrize("epochs", [1, 3])
def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(epochs, command, data, tmp_path, monkeypatch):
    command("train --no-baseline", TRAIN, "--dataset", data, "--out", tmp_path / "whole")
    original = RunTrainer._after_step
    taken = []

    def interrupt(self):
        taken.append(self._training.steps)
        if len(taken) == 5 * (epochs - 1) + 2:
            os.kill(os.getpid(), signal.SIGINT)
        original(self)

    monkeypatch.setattr(RunTrainer, "_after_step", interrupt)
    run = tmp_path / "run"
    outcome = command("train --no-baseline", TRAIN, "--dataset", data, "--out", run)
    assert (outcome.status, outcome.err) == (
        130,
        f"ladder-np: interrupted; go on with: ladder-np train --resume {run}\n",
    )
    monkeypatch.setattr(RunTrainer, "_after_step", original)
    handler = signal.getsignal(signal.SIGINT)
    assert handler is signal.default_int_handler  # as before
    assert len((run / "metrics.jsonl").read_text().splitlines() if epochs > 1 else []) == epochs - 1
    assert command("train --resume", run).status == 0
    assert models(run) == models(tmp_path / "whole")


def test_patience_stops_early_and_keeps_the_best_epoch(command, data, tmp_path):
    outcome = command(
        "train --no-baseline --hidden-layers 8-6 --epochs 60 --validation 9 --patience 3 --dataset",
        data,
        "--out",
        tmp_path / "run",
    )
    assert outcome.status == 0
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    errors = [json.loads(line)["validation_error"] for line in lines]
    assert len(errors) < 60
    assert len(errors) == errors.index(min(errors)) + 1 + 3


# ---- What is refused, and what that leaves.


@pytest.fixture
def stopped(command, data, tmp_path, killed, monkeypatch):
    """A run that was killed in its third epoch; its data lies beside it."""
    original = killed(12)
    with pytest.raises(Killed):
        command("train --no-baseline", TRAIN, "--dataset", data, "--out", tmp_path / "run")
    monkeypatch.setattr(RunTrainer, "_after_step", original)
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--epochs 9 --labels 20", "--labels"),
        ("--seed 1", "--seed"),
        ("--preset mnist-100-full", "--preset"),
        ("--out x", "--out"),
    ],
)
def test_a_resumed_run_takes_no_settings(option, named, command, stopped):
    before = listing(stopped)
    assert_refused(command("train --resume", stopped, option), named, "own settings")
    assert listing(stopped) == before


def test_other_data_is_refused(command, stopped, data):
    with np.load(data) as archive:
        arrays = dict(archive)
    arrays["X"][0, 0] += 1
    np.savez(data, **arrays)
    before = listing(stopped)
    assert_refused(command("train --resume", stopped), "sha256")
    assert listing(stopped) == before


def test_other_rows_are_refused(command, stopped):
    with np.load(stopped / "split.npz") as archive:
        arrays = dict(archive)
    arrays["labeled"] = arrays["labeled"][1:]
    np.savez(stopped / "split.npz", **arrays)
    assert_refused(command("train --resume", stopped), "split.npz", "changed")


@pytest.mark.parametrize("folder", ["nowhere", "file"])
def test_what_is_not_a_run_is_refused(folder, command, tmp_path):
    (tmp_path / "file").write_text("")
    assert_refused(command("train --resume", tmp_path / folder), "no such run folder")


def test_a_folder_without_configuration_is_refused(command, tmp_path):
    assert_refused(command("train --resume", tmp_path), "config.json")


def test_a_damaged_checkpoint_gives_way_to_the_one_before(command, stopped, data, tmp_path):
    (stopped / "checkpoint.npz").write_bytes((stopped / "checkpoint.npz").read_bytes()[:-50])
    assert command("train --resume", stopped).status == 0
    command("train --no-baseline", TRAIN, "--dataset", data, "--out", tmp_path / "whole")
    assert models(stopped) == models(tmp_path / "whole")


def test_where_both_checkpoints_are_damaged_one_line_says_so_and_nothing_is_lost(command, stopped):
    for name in ("checkpoint.npz", "checkpoint-before.npz"):
        (stopped / name).write_bytes(b"nothing")
    before = listing(stopped)
    assert_refused(command("train --resume", stopped), "checkpoint.npz", "remove")
    assert listing(stopped) == before


def test_a_checkpoint_that_contradicts_itself_is_refused(command, stopped):
    for name in ("checkpoint.npz", "checkpoint-before.npz"):
        with np.load(stopped / name) as archive:
            arrays = dict(archive)
        arrays["epoch"] += 1
        np.savez(stopped / name, **arrays)
    assert_refused(command("train --resume", stopped), "damaged checkpoint", "do not fit this training")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order", np.full(6, 2**40, np.uint64)),
        ("step/noise/streams", np.full((4, 6), 2**40, np.uint64)),
        ("step/noise/drawn", np.array("text")),
        ("parameters", np.nan),
        ("step/v", -1.0),
        ("step/limit", np.array(np.nan)),
    ],
    ids=str,
)
def test_values_that_no_training_has_make_way_for_the_checkpoint_before(
    name, value, command, stopped, data, tmp_path
):
    with np.load(stopped / "checkpoint.npz") as archive:
        arrays = dict(archive)
    arrays[name] = np.full_like(arrays[name], value) if np.isscalar(value) else value
    np.savez(stopped / "checkpoint.npz", **arrays)
    assert command("train --resume", stopped).status == 0
    command("train --no-baseline", TRAIN, "--dataset", data, "--out", tmp_path / "whole")
    assert models(stopped) == models(tmp_path / "whole")


def test_a_run_that_another_process_works_on_is_refused(command, stopped):
    before = listing(stopped)
    with lock_folder(stopped):
        assert_refused(command("train --resume", stopped), "another process")
    assert listing(stopped) == before
    assert command("train --resume", stopped).status == 0


def test_ctrl_c_after_the_last_step_of_a_model_is_not_forgotten(command, data, tmp_path, monkeypatch):
    original = RunTrainer._after_epoch

    def interrupt(self, record):
        original(self, record)
        if self._training.done:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(RunTrainer, "_after_epoch", interrupt)
    outcome = command("train", TRAIN, "--dataset", data, "--out", tmp_path / "run")
    assert outcome.status == 130
    assert not (tmp_path / "run" / "baseline.npz").exists()  # the first model's training had just ended


def test_a_last_step_that_ruins_the_statistics_leaves_no_model(command, data, tmp_path):
    outcome = command(
        "train --no-baseline --hidden-layers 8 --epochs 1 --unlabeled-batch 500 --learning-rate 1e38 --dataset",
        data,
        "--out",
        tmp_path / "run",
    )
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "run" / "model.npz").exists()


@pytest.mark.parametrize("steps", ["0", "-3"])
def test_the_steps_between_checkpoints_are_at_least_one(steps, command, data, tmp_path):
    outcome = command("train", TRAIN, f"--checkpoint-every={steps} --dataset", data, "--out", tmp_path / "run")
    assert_refused(outcome, "--checkpoint-every", ">= 1")
    assert not (tmp_path / "run").exists()


def test_patience_needs_validation_rows(command, tmp_path):
    assert_refused(command("train --patience 3 --out", tmp_path / "run"), "--validation")


def test_a_disk_that_fills_up_ends_the_run_in_one_line_and_it_can_go_on(command, data, tmp_path, monkeypatch):
    original, saved = run_trainer.Checkpoints.save, []

    def full(self, *arguments):
        saved.append(1)
        if len(saved) == 3:
            raise InputError("cannot write checkpoint.npz: No space left on device; choose another place")
        original(self, *arguments)

    monkeypatch.setattr(run_trainer.Checkpoints, "save", full)
    run = tmp_path / "run"
    outcome = command("train --no-baseline", TRAIN, "--dataset", data, "--out", run)
    assert_refused(outcome, "No space left on device")
    assert command("train --resume", run).status == 0
    command("train --no-baseline", TRAIN, "--dataset", data, "--out", tmp_path / "whole")
    assert models(run) == models(tmp_path / "whole")


def test_a_training_that_diverges_names_step_layer_and_checkpoint(command, data, tmp_path, monkeypatch):
    original = RunTrainer._after_step

    def spoil(self):
        original(self)
        if self._training.steps == 12:
            self.network.parameters["encoder.2.weight"][...] = np.nan

    monkeypatch.setattr(RunTrainer, "_after_step", spoil)
    outcome = command("train --no-baseline", TRAIN, "--dataset", data, "--out", tmp_path / "run")
    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    for part in ("step 13", "encoder.2.weight", "after 10 steps", str(tmp_path / "run")):
        assert part in outcome.err


def test_parameters_that_are_infinite_are_never_a_checkpoint(command, data, tmp_path, monkeypatch):
    original = RunTrainer._after_step

    def spoil(self):
        if self._training.steps == 10:  # the last step of an epoch
            self.network.parameters["encoder.2.weight"][...] = np.inf
        original(self)

    monkeypatch.setattr(RunTrainer, "_after_step", spoil)
    outcome = command(
        "train --no-baseline", TRAIN.replace("--validation 9", ""), "--dataset", data, "--out", tmp_path / "r"
    )
    assert outcome.status == 1
    assert "step 10 made parameters NaN or infinite" in outcome.err
    with np.load(tmp_path / "r/checkpoint.npz") as archive:
        assert np.isfinite(archive["parameters"]).all()


# ---- A real process, killed at random instants.


@pytest.mark.skipif(os.name != "posix", reason="signals to a process of its own")
def test_a_process_that_is_killed_again_and_again_ends_where_it_would_have(tmp_path):
    data = write_csv_blobs(tmp_path / "data.csv")
    train = f"train --hidden-layers 8-6 --epochs 500 --test-fraction 0.3 --checkpoint-every 3 --dataset {data}"

    def start(arguments):
        command = [sys.executable, "-m", "ladder_np", *words(arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start(f"{train} --out {tmp_path / 'whole'}").wait() == 0
    run, chance = tmp_path / "run", random.Random(1)
    kills = 0
    for _ in range(40):
        process = start(f"train --resume {run}" if run.exists() else f"{train} --out {run}")
        if kills < 5:
            time.sleep(chance.uniform(0.25, 0.6))
            process.kill()
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
    assert process.returncode == 0
    assert kills >= 3
    assert models(run) == models(tmp_path / "whole")
    assert {path.name for path in run.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}
