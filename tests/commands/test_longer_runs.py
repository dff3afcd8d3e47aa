"""`ladder-np train --resume RUN --epochs N`: a run trained longer, from where it is; and what stands in its way."""

import contextlib
import json
import os
import re

import numpy as np
import pytest
from command_files import assert_refused, change, listing, load, write_blobs

from ladder_np.commands import train
from ladder_np.experiments import run as runs
from ladder_np.experiments.run_trainer import RunTrainer
from ladder_np.experiments.settings import ExperimentSettings
from ladder_np.training.adam import learning_rate

TRAIN = "--hidden-layers 8-6 --unlabeled-batch 40 --quiet"  # 5 steps an epoch
MODELS = ("model.npz", "baseline.npz", "training.npz", "baseline-training.npz")
METRICS = ("metrics.jsonl", "baseline-metrics.jsonl")


class Killed(BaseException):
    """In place of a signal that no process survives."""


@pytest.fixture
def data(tmp_path):
    return write_blobs(tmp_path / "blobs.npz")


@pytest.fixture
def finished(command, data, tmp_path):
    """A finished run of 4 epochs."""
    assert command("train", TRAIN, "--epochs 4 --dataset", data, "--out", tmp_path / "run").status == 0
    return tmp_path / "run"


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def left_by(run):
    """Everything that a run has come to, without seconds."""
    found = {name: {k: v.tolist() for k, v in load(run / name).items()} for name in MODELS if (run / name).exists()}
    for name in METRICS:
        if (run / name).exists():
            found[name] = [{**record, "seconds": 0} for record in records(run / name)]
    return {**found, "result": json.loads((run / "result.json").read_text())}


def config_of(run):
    return json.loads((run / "config.json").read_text())


@contextlib.contextmanager
def killed_after(monkeypatch, steps):
    """Let the n-th step, counted over all models, be the last thing that happens."""
    left = [steps]
    original = RunTrainer._after_step

    def count(self):
        original(self)
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(RunTrainer, "_after_step", count)
        yield


def test_a_finished_run_is_trained_to_the_new_total(command, finished):
    before = {name: left_by(finished)[name] for name in METRICS}
    model = load(finished / "model.npz")
    outcome = command("train --quiet --resume", finished, "--epochs 7")
    assert (outcome.status, outcome.err) == (0, "")
    assert "trained to 7 epochs instead of 4; from here on the learning rate is that of a training of 7 epochs: " in (
        outcome.out
    )
    assert "0.004 up to epoch 4.69, then falling to zero in epoch 7\n" in outcome.out
    assert outcome.out.endswith(
        f"run saved in {finished}\nits model of 4 epochs: {finished / 'model-4-epochs.npz'}\n"
    )
    after = left_by(finished)
    for name in METRICS:
        assert after[name][:4] == before[name]
        assert [record["epoch"] for record in after[name]] == [1, 2, 3, 4, 5, 6, 7]
        assert [record["step"] for record in after[name]] == [5, 10, 15, 20, 25, 30, 35]
    config = config_of(finished)
    assert (config["settings"]["epochs"], config["epochs_before"]) == (7, [4])
    assert len(json.loads(after["model.npz"]["history"])) == 7
    for name, entry in after["result"].items():
        assert f"{entry['wrong']} of {entry['rows']}" in next(
            line for line in outcome.out.splitlines() if line.startswith(f"{name}:")
        )
    assert command("evaluate", finished).out.split("error: ")[1] in outcome.out
    kept = load(finished / "model-4-epochs.npz")
    assert all(np.array_equal(kept[key], model[key]) for key in model)
    assert {"baseline-4-epochs.npz", "result-4-epochs.json"} <= {path.name for path in finished.iterdir()}
    assert not [path for path in finished.iterdir() if path.name.startswith("checkpoint")]


def test_the_learning_rate_is_that_of_a_training_of_the_new_total(command, finished):
    command("train --quiet --resume", finished, "--epochs 8")
    for name in METRICS:
        rates = [record["learning_rate"] for record in records(finished / name)]
        expected = [learning_rate((5 * epoch - 1) / 20, 0.004, 0.67) for epoch in (1, 2, 3, 4)]
        expected += [learning_rate((5 * epoch - 1) / 40, 0.004, 0.67) for epoch in (5, 6, 7, 8)]
        assert rates == pytest.approx(expected)
        assert rates[4] > rates[3]  # it had nearly fallen to zero


@pytest.mark.parametrize("options", ["--decay-start 1", "--decay-start 1 --validation 9 --patience 8"])
def test_without_a_rate_that_falls_it_ends_where_an_undisturbed_training_of_the_total_does(
    options, command, data, tmp_path, finished
):
    for name, epochs in (("whole", 7), ("part", 4)):
        command("train", TRAIN, options, f"--epochs {epochs} --dataset", data, "--out", tmp_path / name)
    assert command("train --quiet --resume", tmp_path / "part", "--epochs 7").status == 0
    assert left_by(tmp_path / "part") == left_by(tmp_path / "whole")


@pytest.mark.parametrize("steps", [3, 5, 12, 33])  # of 60: in the baseline's training or the ladder's
def test_an_interrupted_run_whose_rate_has_not_begun_to_fall_ends_as_one_of_the_total(
    steps, command, data, tmp_path, monkeypatch
):
    command("train", TRAIN, "--epochs 9 --decay-start 1 --dataset", data, "--out", tmp_path / "whole")
    run = tmp_path / "run"
    with killed_after(monkeypatch, steps):
        command("train", TRAIN, "--epochs 6 --decay-start 1 --checkpoint-every 2 --dataset", data, "--out", run)
    assert command("train --quiet --resume", run, "--epochs 9").status == 0
    assert left_by(run) == left_by(tmp_path / "whole")


def test_decay_that_has_not_begun_leaves_no_trace_of_the_smaller_total(command, data, tmp_path, monkeypatch):
    command("train --no-baseline", TRAIN, "--epochs 9 --dataset", data, "--out", tmp_path / "whole")
    run = tmp_path / "run"
    with killed_after(monkeypatch, 18):  # the rate falls after 20 of 30 steps
        command("train --no-baseline", TRAIN, "--epochs 6 --dataset", data, "--out", run)
    assert command("train --quiet --resume", run, "--epochs 9").status == 0
    assert left_by(run) == left_by(tmp_path / "whole")


@pytest.mark.parametrize("steps", [1, 7, 15, 16, 29])  # of 15 + 15 more
def test_killed_on_the_way_to_the_new_total_it_goes_on_bit_by_bit(
    steps, command, data, finished, tmp_path, monkeypatch
):
    command("train", TRAIN, "--epochs 4 --dataset", data, "--out", tmp_path / "whole")
    command("train --quiet --resume", tmp_path / "whole", "--epochs 7")
    with killed_after(monkeypatch, steps):
        command("train --quiet --resume", finished, "--epochs 7")
    assert not (finished / "result.json").exists()
    assert_refused(command("evaluate", finished), "did not finish", f"train --resume {finished}")
    again = command("train --quiet --resume", finished, "" if steps % 2 else "--epochs 7")
    assert (again.status, again.err) == (0, "")
    assert left_by(finished) == left_by(tmp_path / "whole")
    assert {path.name for path in finished.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


@pytest.mark.parametrize("instant", range(5))
def test_killed_between_two_of_its_files_it_is_whole(instant, command, finished, tmp_path, monkeypatch):
    """Result and models are set aside, then the configuration is written: each may be the last thing that happens."""
    expected = left_by(finished)
    calls = [0]

    def counting(function):
        def call(*arguments):
            calls[0] += 1
            if calls[0] == instant + 1:
                raise Killed
            return function(*arguments)

        return call

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(runs.os, "replace", counting(os.replace))
        command("train --quiet --resume", finished, "--epochs 7")
    assert calls[0] == instant + 1
    again = command("train --quiet --resume", finished)
    assert (again.status, again.err) == (0, "")
    after = left_by(finished)
    if config_of(finished)["settings"]["epochs"] == 4:
        assert after == expected
    else:
        assert len(after["metrics.jsonl"]) == 7


def test_a_run_is_trained_longer_again_and_again(command, finished):
    for epochs in (5, 6, 8):
        assert command("train --quiet --resume", finished, f"--epochs {epochs}").status == 0
    assert config_of(finished)["epochs_before"] == [4, 5, 6]
    assert len(records(finished / "metrics.jsonl")) == 8
    assert {f"model-{epochs}-epochs.npz" for epochs in (4, 5, 6)} <= {path.name for path in finished.iterdir()}


def test_the_total_that_a_finished_run_has_only_says_again_what_was_measured(command, finished):
    before = listing(finished)
    outcome = command("train --quiet --resume", finished, "--epochs 4")
    assert (outcome.status, "instead of" in outcome.out) == (0, False)
    assert listing(finished) == before


@pytest.mark.parametrize(
    ("epochs", "fragment"), [("3", "is a run of 4; expected a new total"), ("0", "epochs 0"), ("-1", "epochs -1")]
)
def test_a_smaller_total_is_refused(epochs, fragment, command, finished):
    before = listing(finished)
    assert_refused(command("train --resume", finished, f"--epochs={epochs}"), fragment)
    assert listing(finished) == before


def test_a_run_that_was_made_longer_meanwhile_is_left_alone(command, finished, monkeypatch):
    original = train.reopen

    def meanwhile(*arguments, **named):
        experiment = original(*arguments, **named)
        monkeypatch.setattr(train, "reopen", original)
        command("train --quiet --resume", finished, "--epochs 6")
        return experiment

    monkeypatch.setattr(train, "reopen", meanwhile)
    assert_refused(command("train --resume", finished), "made a run of 6 epochs", "start again")
    assert config_of(finished)["settings"]["epochs"] == 6


@pytest.mark.parametrize("name", ["training.npz", "baseline-training.npz"])
def test_a_finished_run_without_its_kept_state_says_why_it_cannot_go_on(name, command, finished):
    (finished / name).unlink()
    before = listing(finished)
    outcome = command("train --resume", finished, "--epochs 7")
    assert_refused(
        outcome, f"cannot be trained longer: it has no {name}", "older versions", "new run with --epochs 7"
    )
    assert listing(finished) == before
    assert command("train --resume", finished).status == 0


def test_a_damaged_kept_state_is_named_and_nothing_is_lost(command, finished):
    (finished / "training.npz").write_bytes(b"nothing")
    before = listing(finished)
    assert_refused(command("train --resume", finished, "--epochs 7"), "training.npz", "remove training.npz")
    assert listing(finished) == before


def test_a_run_that_its_patience_ended_is_not_trained_longer_by_epochs(command, data, tmp_path):
    options = "--validation 9 --patience 1 --epochs 60 --no-baseline"
    command("train", TRAIN, options, "--dataset", data, "--out", tmp_path / "run")
    before = listing(tmp_path / "run")
    outcome = command("train --resume", tmp_path / "run", "--epochs 90")
    assert_refused(outcome, "ended by its patience of 1", "larger --patience")
    assert listing(tmp_path / "run") == before


def test_a_model_that_its_patience_ended_stays_while_the_other_is_trained_longer(
    command, data, tmp_path, monkeypatch
):
    def error(trainer):  # the ladder's falls
        return 1 / trainer._training.epoch if trainer.name == "ladder" else 0.5

    monkeypatch.setattr(RunTrainer, "_validation_error", error)
    run = tmp_path / "run"
    command("train", TRAIN, "--validation 9 --patience 2 --epochs 4 --dataset", data, "--out", run)
    before = left_by(run)
    outcome = command("train --quiet --resume", run, "--epochs 6")
    assert outcome.status == 0
    assert "supervised only: no better for 2 epochs, stopped after epoch 3 of 6; epoch 1 is kept" in outcome.out
    assert "ladder:          all 6 epochs; epoch 6 is kept, validation error 16.67 %" in outcome.out
    after = left_by(run)
    for name in ("baseline.npz", "baseline-training.npz", "baseline-metrics.jsonl"):
        assert after[name] == before[name]
    assert len(after["metrics.jsonl"]) == 6


def test_the_line_about_the_rate_is_right_where_it_never_falls():
    settings = ExperimentSettings(epochs=9, decay_start=1.0, learning_rate=0.5)
    assert train._describe_longer(settings, 4).endswith("that of a training of 9 epochs: 0.5 up to epoch 9")


# ---- What patience tells.


def test_a_training_that_stops_early_says_when_and_which_epoch_is_kept(command, data, tmp_path):
    options = "--validation 9 --patience 3 --epochs 60 --no-baseline"
    outcome = command("train", TRAIN, options, "--dataset", data, "--out", tmp_path / "run")
    errors = [record["validation_error"] for record in records(tmp_path / "run" / "metrics.jsonl")]
    best = errors.index(min(errors))
    assert (
        f"ladder:          no better for 3 epochs, stopped after epoch {len(errors)} of 60; "
        f"epoch {best + 1} is kept, validation error {100 * errors[best]:.2f} %\n"
    ) in outcome.out
    assert outcome.err == (
        "warning: --patience chooses the epoch by 9 validation rows, which tell little: one row is 11.1 percentage "
        "points; 30 or more are better (--validation N), or no --patience\n"
    )


def test_a_training_that_patience_did_not_stop_says_which_epoch_is_kept(command, tmp_path):
    run = tmp_path / "run"
    outcome = command("train", TRAIN, "--validation 30 --patience 9 --epochs 3 --no-baseline --out", run)
    assert re.search(r"^ladder: +all 3 epochs; epoch \d is kept, validation error \d+\.\d\d %$", outcome.out, re.M)
    assert outcome.err == ""


# ---- Data that was moved.


@pytest.fixture
def moved(command, data, finished):
    """The run, and where its data lies now."""
    (finished.parent / "elsewhere").mkdir()
    return finished, data.rename(finished.parent / "elsewhere" / "other.npz")


@pytest.mark.parametrize("name", ["evaluate", "train --resume"])
def test_data_that_is_gone_says_how_its_new_place_is_named(name, command, moved, data):
    run, _ = moved
    assert_refused(command(name, run), f"{data}: no such file or folder; {run} was trained on it", "--dataset PATH")


def test_an_interrupted_run_goes_on_with_data_that_was_moved_and_knows_its_place_then(
    command, moved, tmp_path, monkeypatch
):
    run, place = moved
    with killed_after(monkeypatch, 7):
        command("train --quiet --resume", run, "--epochs 7 --dataset", place)
    assert command("train --quiet --resume", run).status == 0
    assert config_of(run)["settings"]["dataset"] == str(place)
    assert command("evaluate", run).status == 0
    assert len(records(run / "metrics.jsonl")) == 7


def test_other_data_in_the_place_of_the_moved_one_is_refused(command, moved):
    run, place = moved
    X = load(place)["X"]
    X[3, 1] += 1
    change(place, place, X=X)
    before = listing(run)
    assert_refused(command("train --resume", run, "--dataset", place), str(place), "sha256 differs")
    assert listing(run) == before


@pytest.mark.parametrize("name", ["plot", "report"])
def test_pictures_of_a_run_show_data_that_was_moved(name, command, moved):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    run, place = moved
    only = "--only rebuilt-inputs" if name == "plot" else ""
    without = command(name, run, only)
    if name == "plot":
        assert_refused(without, "no such file or folder", "--dataset PATH")
    outcome = command(name, run, only, "--dataset", place)
    assert (outcome.status, outcome.err) == (0, "")


# ---- Where a run goes.


def test_a_folder_that_exists_says_what_to_do(command, data, finished, tmp_path):
    (tmp_path / "mine").mkdir()
    for folder, fragments in (
        (finished, ("holds a run; name a new one, or leave --out out", f"ladder-np train --resume {finished}")),
        (tmp_path / "mine", ("exists already; name a new one, or leave --out out",)),
    ):
        before = listing(folder)
        assert_refused(command("train", TRAIN, "--dataset", data, "--out", folder), f"{folder} exists", *fragments)
        assert listing(folder) == before


def test_a_number_that_is_taken_while_the_run_begins_gives_way_to_the_next(command, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    original = runs.fingerprint

    def meanwhile(dataset):
        (tmp_path / "runs" / "blobs-1").mkdir(parents=True)
        (tmp_path / "runs" / "blobs-1" / "config.json").write_text("theirs")
        return original(dataset)

    monkeypatch.setattr(runs, "fingerprint", meanwhile)
    outcome = command("train --no-baseline --epochs 1", TRAIN, "--dataset", data)
    assert outcome.out.endswith("run saved in runs/blobs-2\n")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["blobs-1", "blobs-2"]
