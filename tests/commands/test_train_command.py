"""`ladder-np train`: what it prints, what it leaves, what its options mean."""

import io
import json
import re

import numpy as np
import pytest
from command_files import (
    TINY,
    change,
    image_files,
    image_set_of,
    load,
    write_blobs,
    write_csv_blobs,
    write_images,
)

from ladder_np.commands import train
from ladder_np.data.download import IMAGE_SETS
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run_folder import ErrorRate
from ladder_np.experiments.settings import make_settings

RESULT = r"test error (\d+\.\d\d) % \((\d+) of (\d+)\)"
FOLDER = {"config.json", "split.npz", "metrics.jsonl", "training.npz", "model.npz", "result.json"}
BASELINE = {"baseline-metrics.jsonl", "baseline-training.npz", "baseline.npz"}
METRICS = {
    "epoch",
    "step",
    "learning_rate",
    "cost",
    "supervised",
    "denoising",
    "seconds",
    "validation_error",
}


@pytest.fixture
def data(tmp_path):
    return write_blobs(tmp_path / "blobs.npz")


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A folder whose little files pass as MNIST."""
    files = image_files()
    monkeypatch.setitem(IMAGE_SETS, "mnist", image_set_of(files))
    return write_images(tmp_path / "data", files)


def settings_of(run):
    return json.loads((run / "config.json").read_text())["settings"]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_npz_with_a_test_set_prints_data_network_both_errors_and_the_folder(command, data, tmp_path):
    outcome = command("train --dataset", data, TINY, "--seed 5 --out", tmp_path / "run")
    assert (outcome.status, outcome.err) == (0, "")
    about, features, classes, network, baseline, ladder, comparison, *advice, saved = outcome.out.splitlines()
    assert features == "features: a table, standardized"
    assert re.fullmatch(r"classes \(labeled rows\): 0 \(\d+\), 1 \(\d+\), 2 \(\d+\)", classes)
    assert len(advice) == ("off the test error" not in comparison)
    assert about == "blobs: 4 features, 3 classes; 200 training rows, 50 of them labeled; 60 for test"
    assert network == "network 4-8-6-3, seed 5"
    assert re.fullmatch("supervised only: +" + RESULT, baseline)
    assert re.fullmatch("ladder: +" + RESULT, ladder)
    assert "unlabeled rows" in comparison
    assert saved == f"run saved in {tmp_path / 'run'}"


def test_the_comparison_is_the_difference_of_the_two_errors(command, data, tmp_path):
    out = command("train --dataset", data, TINY, "--out", tmp_path / "run").out
    (baseline, *_), (ladder, *_) = re.findall(RESULT, out)
    gain = float(baseline) - float(ladder)
    said = re.search(r"(\d+\.\d\d) percentage points (off|higher)", out)
    assert (said is None) == (gain == 0)
    if said:
        assert float(said[1]) == pytest.approx(abs(gain), abs=0.011)  # three rounded numbers
        assert said[2] == ("off" if gain > 0 else "higher")


def test_where_unlabeled_rows_did_not_help_it_says_what_to_try(command, data, tmp_path):
    options = "--hidden-layers 8-6 --epochs 3 --denoising-weights 5000 --labeled-statistics own --seed 1"
    out = command("train --dataset", data, options, "--out", tmp_path / "run").out
    assert "did not help" in out
    tried = out.splitlines()[-2]
    assert tried.startswith("What may help: --denoising-weights 500,500,500,500 (a tenth)")
    assert "--labeled-statistics unlabeled; --epochs 6." in tried


def test_settings_of_a_preset_for_other_data_are_said(command, tmp_path):
    options = "--preset mnist-100-full --dataset digits --labels 50 --hidden-layers 8-6 --denoising-weights 1"
    outcome = command("train", options, "--epochs 1 --out", tmp_path / "run")
    assert outcome.status == 0
    assert outcome.out.splitlines()[4] == "settings of preset mnist-100-full, made for mnist"


def test_csv_holds_out_a_share_for_the_test(command, tmp_path):
    data = write_csv_blobs(tmp_path / "table.csv")
    outcome = command("train --dataset", data, "--test-fraction 0.2", TINY, "--out", tmp_path / "run")
    assert outcome.status == 0
    # 90 of 150 rows have a label; a fifth of those is held out.
    assert outcome.out.startswith(
        "table: 4 features, 3 classes; 132 training rows, 72 of them labeled; 18 for test\n"
    )
    assert len(re.findall(RESULT, outcome.out)) == 2


def test_without_test_rows_no_error_is_reported(command, tmp_path):
    data = write_csv_blobs(tmp_path / "table.csv")
    outcome = command("train --dataset", data, TINY, "--out", tmp_path / "run")
    assert outcome.status == 0
    assert "none for test" in outcome.out
    assert "no test rows, so no test error; --test-fraction F" in outcome.out
    assert not re.search(RESULT, outcome.out)
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == {}


def test_digits_are_the_default(command, tmp_path):
    outcome = command("train --epochs 2 --hidden-layers 8 --out", tmp_path / "run")
    assert outcome.status == 0
    assert outcome.out.startswith("digits: 64 features, 10 classes; 1198 training rows, 50 of them labeled; 599 ")
    assert len(re.findall(RESULT, outcome.out)) == 2


def test_the_folder_holds_exactly_the_documented_files(command, data, tmp_path):
    command("train --dataset", data, TINY, "--out", tmp_path / "both")
    command("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "one")
    assert names_in(tmp_path / "both") == FOLDER | BASELINE
    assert names_in(tmp_path / "one") == FOLDER


def test_no_baseline_reports_the_ladder_alone(command, data, tmp_path):
    out = command("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run").out
    assert "supervised only" not in out
    assert "unlabeled rows" not in out
    assert len(re.findall("ladder: +" + RESULT, out)) == 1
    assert set(json.loads((tmp_path / "run" / "result.json").read_text())) == {"ladder"}


def test_without_denoising_the_one_result_is_not_called_a_ladder(command, data, tmp_path):
    """All λ = 0 is the supervised baseline: a table of results must not call it a ladder."""
    out = command("train --dataset", data, TINY, "--denoising-weights 0 --out", tmp_path / "run").out
    assert len(re.findall(RESULT, out)) == 1
    assert "ladder:" not in out


@pytest.mark.parametrize("file", ["metrics.jsonl", "baseline-metrics.jsonl"])
def test_metrics_have_one_line_per_epoch_with_the_documented_keys(command, data, tmp_path, file):
    command("train --dataset", data, "--hidden-layers 8-6 --epochs 3 --unlabeled-batch 50 --out", tmp_path / "run")
    records = lines_of(tmp_path / "run" / file)
    assert [set(record) for record in records] == [METRICS] * 3
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert [record["step"] for record in records] == [4, 8, 12]  # 200 rows in batches of 50
    assert all(np.isfinite(record["cost"]) for record in records)
    assert all(len(record["denoising"]) == 4 for record in records)


def test_the_cost_in_the_metrics_is_the_weighted_sum_of_its_parts(command, data, tmp_path):
    command("train --dataset", data, TINY, "--denoising-weights 4,3,2,1 --dtype float64 --out", tmp_path / "run")
    for record in lines_of(tmp_path / "run" / "metrics.jsonl"):
        parts = record["supervised"] + np.dot([4, 3, 2, 1], record["denoising"])
        assert record["cost"] == pytest.approx(parts, rel=1e-9)


def test_validation_rows_are_measured_each_epoch_and_never_trained_on(command, data, tmp_path):
    outcome = command("train --dataset", data, TINY, "--validation 10 --out", tmp_path / "run")
    assert "190 training rows, 40 of them labeled; 10 for validation, 60 for test" in outcome.out
    errors = [record["validation_error"] for record in lines_of(tmp_path / "run" / "metrics.jsonl")]
    assert all(10 * error == pytest.approx(round(10 * error)) for error in errors)
    split = load(tmp_path / "run" / "split.npz")
    assert not np.isin(split["validation"], split["train"]).any()


def test_held_out_rows_touch_nothing_of_the_training(command, data, tmp_path):
    """The second run has never seen the validation rows, and goes through the same costs."""
    command("train --dataset", data, TINY, "--validation 10 --out", tmp_path / "a")
    arrays, held_out = load(data), load(tmp_path / "a" / "split.npz")["validation"]
    without = {key: np.delete(arrays[key], held_out, axis=0) for key in ("X", "y")}
    change(data, data, **without)
    command("train --dataset", data, TINY, "--out", tmp_path / "b")
    costs = [[record["cost"] for record in lines_of(tmp_path / run / "metrics.jsonl")] for run in "ab"]
    assert costs[0] == costs[1]


def test_the_split_is_row_numbers_that_do_not_overlap(command, tmp_path):
    command("train --epochs 1 --hidden-layers 4 --validation 20 --no-baseline --out", tmp_path / "run")
    split = load(tmp_path / "run" / "split.npz")
    assert {name: len(rows) for name, rows in split.items()} == {
        "labeled": 50,
        "train": 1178,
        "validation": 20,
        "test": 599,
    }
    everything = np.concatenate([split["train"], split["validation"], split["test"]])
    assert np.array_equal(np.sort(everything), np.arange(1797))
    assert np.isin(split["labeled"], split["train"]).all()


def test_the_configuration_names_all_that_was_chosen(command, data, tmp_path):
    command("train --dataset", data, TINY, "--noise-std 0.1 --labels 30 --seed 7 --out", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    chosen = {"epochs": 3, "hidden_layers": [8, 6], "noise_std": [0.1], "labels": 30, "seed": 7}
    assert {key: config["settings"][key] for key in chosen} == chosen
    assert config["network"]["sizes"] == [4, 8, 6, 3]
    assert config["network"]["denoising_weights"] == pytest.approx([10, 3, 1, 1])
    assert config["settings"]["denoising_weights"] == config["network"]["denoising_weights"]
    assert config["rows"] == {"labeled": 30, "train": 200, "validation": 0, "test": 0}
    assert re.fullmatch("[0-9a-f]{64}", config["data_sha256"])


def test_result_json_repeats_the_printed_numbers(command, data, tmp_path):
    out = command("train --dataset", data, TINY, "--out", tmp_path / "run").out
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    printed = [(float(percent), int(wrong), int(rows)) for percent, wrong, rows in re.findall(RESULT, out)]
    assert list(stored) == ["supervised only", "ladder"]
    for (percent, wrong, rows), result in zip(printed, stored.values(), strict=True):
        assert (wrong, rows) == (result["wrong"], result["rows"])
        assert percent == pytest.approx(result["test_error_percent"], abs=0.005)
        assert result["test_error_percent"] == pytest.approx(100 * wrong / rows)


# ---- progress


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self):
        return True


def test_a_terminal_sees_one_line_rewritten_and_then_wiped(command, data, tmp_path, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    outcome = command("train --dataset", data, TINY, "--validation 10 --out", tmp_path / "run")
    text = terminal.getvalue()
    assert outcome.status == 0
    assert "\n" not in text
    first, *_, blanks, nothing = text.split("\r")[1:]
    assert re.fullmatch(r"supervised only  epoch 1/3  cost .*  validation error \d+\.\d\d %  \d+:\d\d l.*", first)
    assert (blanks.strip(), nothing) == ("", "")


def test_without_a_terminal_the_first_and_the_last_epoch_of_each_model_are_a_line(command, data, tmp_path):
    outcome = command("train --dataset", data, TINY, "--validation 10 --out", tmp_path / "run")
    assert [line.split("  cost")[0] for line in outcome.progress] == [
        f"{name}  epoch {epoch}/3" for name in ("supervised only", "ladder") for epoch in (1, 3)
    ]
    assert re.search(r"cost \d+\.\d{4}  validation error \d+\.\d\d %  \d+:\d\d left$", outcome.progress[0])


def test_quiet_shows_no_progress(command, data, tmp_path):
    outcome = command("train --quiet --dataset", data, TINY, "--out", tmp_path / "run")
    assert (outcome.status, outcome.err, outcome.progress) == (0, "", ())


# ---- where a run goes


def test_runs_are_numbered_by_data_set(command, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny = "--epochs 1 --hidden-layers 4 --no-baseline"
    saved = [command("train", tiny).out.splitlines()[-1] for _ in range(2)]
    saved.append(command("train --dataset blobs.npz", tiny).out.splitlines()[-1])
    assert saved == [f"run saved in runs/{name}" for name in ("digits-1", "digits-2", "blobs-1")]
    assert names_in(tmp_path / "runs") == {"digits-1", "digits-2", "blobs-1"}


def test_parents_of_the_output_folder_are_made(command, data, tmp_path):
    assert command("train --dataset", data, TINY, "--out", tmp_path / "a" / "b" / "c").status == 0
    assert names_in(tmp_path / "a" / "b" / "c") == FOLDER | BASELINE


# ---- seeds


def parameters_of(run):
    return {key: value for key, value in load(run / "model.npz").items() if key.startswith("param/")}


def test_the_same_seed_gives_the_same_bits(command, data, tmp_path):
    for name in ("a", "b"):
        command("train --dataset", data, TINY, "--seed 3 --no-baseline --out", tmp_path / name)
    first, second = load(tmp_path / "a" / "model.npz"), load(tmp_path / "b" / "model.npz")
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_another_seed_gives_other_parameters(command, data, tmp_path):
    for seed in (3, 4):
        command("train --dataset", data, TINY, f"--seed {seed} --no-baseline --out", tmp_path / str(seed))
    first, second = parameters_of(tmp_path / "3"), parameters_of(tmp_path / "4")
    assert all(not np.array_equal(first[key], second[key]) for key in first)


def test_the_baseline_does_not_change_the_ladder(command, data, tmp_path):
    command("train --dataset", data, TINY, "--out", tmp_path / "with")
    command("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "without")
    first, second = parameters_of(tmp_path / "with"), parameters_of(tmp_path / "without")
    assert all(np.array_equal(first[key], second[key]) for key in first)


def split_of(command, folder, options):
    command("train --epochs 1 --hidden-layers 4 --no-baseline", options, "--out", folder)
    return load(folder / "split.npz")


def test_the_split_seed_alone_decides_the_split(command, tmp_path):
    first = split_of(command, tmp_path / "a", "--split-seed 9 --seed 1")
    second = split_of(command, tmp_path / "b", "--split-seed 9 --seed 2")
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert not np.array_equal(
        parameters_of(tmp_path / "a")["param/encoder.1.weight"],
        parameters_of(tmp_path / "b")["param/encoder.1.weight"],
    )


def test_without_a_split_seed_the_seed_decides_the_split(command, tmp_path):
    first = split_of(command, tmp_path / "a", "--seed 1")
    second = split_of(command, tmp_path / "b", "--seed 2")
    same = split_of(command, tmp_path / "c", "--split-seed 1 --seed 2")
    assert not np.array_equal(first["labeled"], second["labeled"])
    assert all(np.array_equal(first[key], same[key]) for key in first)


def test_constant_targets_are_an_option_that_changes_what_is_learned(command, data, tmp_path):
    command("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "a")
    command("train --dataset", data, TINY, "--no-baseline --stop-gradient-targets --out", tmp_path / "b")
    metas = [json.loads(str(load(tmp_path / name / "model.npz")["meta"])) for name in "ab"]
    assert [meta["stop_gradient_targets"] for meta in metas] == [False, True]
    first, second = parameters_of(tmp_path / "a"), parameters_of(tmp_path / "b")
    assert not np.array_equal(first["param/encoder.1.weight"], second["param/encoder.1.weight"])


# ---- presets: the numbers are those of Rasmus et al. 2015 and of their program

LAYERS = [1000, 500, 250, 250, 250]
PUBLISHED = {
    "mnist-100-full": (100, [1000, 10, 0.1, 0.1, 0.1, 0.1, 0.1], [0.3] * 7),
    "mnist-1000-full": (1000, [2000, 20, 0.1, 0.1, 0.1, 0.1, 0.1], [0.3] + [0.2] * 6),
    "mnist-all-full": (None, [1000, 1, 0.01, 0.01, 0.01, 0.01, 0.01], [0.3] * 7),
    "mnist-100-baseline": (100, [0] * 7, [0.3] + [0.5] * 6),
}
COMMON = {
    "dataset": "mnist",
    "hidden_layers": LAYERS,
    "activation": "relu",
    "combinator": "gaussian",
    "stop_gradient_targets": False,
    "labeled_batch": 100,
    "unlabeled_batch": 100,
    "learning_rate": 0.002,
    "decay_start": 0.67,
}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_a_preset_trains_with_the_published_settings(command, small_mnist, tmp_path, preset):
    labels, weights, noise = PUBLISHED[preset]
    # 40 images and one epoch in place of 60,000 and 150; the widths stay.
    shrunk = "--epochs 1" + (" --labels 10" if labels else "")
    outcome = command("train --preset", preset, shrunk, "--data-dir", small_mnist, "--out", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert {key: config["settings"][key] for key in COMMON} == COMMON
    assert config["network"]["denoising_weights"] == weights
    assert config["network"]["noise_std"] == noise
    assert config["network"]["batch_norm_eps"] == 1e-10
    assert config["settings"]["labels"] == (10 if labels else None)
    assert not (tmp_path / "run" / "baseline.npz").exists()


@pytest.mark.parametrize("preset", PUBLISHED)
def test_a_preset_has_the_published_number_of_labels_and_epochs(preset):
    """These two cannot be seen in a run that is short enough for a test."""
    settings = make_settings({}, preset)
    assert (settings.labels, settings.epochs) == (PUBLISHED[preset][0], 150)


def test_the_baseline_is_trained_unless_the_preset_or_an_option_leaves_it_out(command, tmp_path):
    assert "(default: as a preset says, else yes)" in " ".join(command("train --help").out.split())
    (tmp_path / "own.toml").write_text("[settings]\nepochs = 1\nhidden_layers = [8]\n")
    (tmp_path / "alone.toml").write_text("[settings]\nepochs = 1\nhidden_layers = [8]\nbaseline = false\n")
    for preset, option, trained in (("own", "", True), ("alone", "", False), ("alone", "--baseline", True)):
        folder = tmp_path / f"{preset}{option}"
        assert command("train --preset", tmp_path / f"{preset}.toml", option, "--quiet --out", folder).status == 0
        assert (folder / "baseline.npz").exists() == trained


def test_named_options_win_over_the_preset(command, small_mnist, tmp_path):
    command(
        "train --preset mnist-100-full --epochs 1 --labels 10 --hidden-layers 8-6 --noise-std 0.2 --baseline",
        "--denoising-weights 3,2,1,0 --learning-rate 0.01 --seed 4 --data-dir",
        small_mnist,
        "--out",
        tmp_path / "run",
    )
    settings = settings_of(tmp_path / "run")
    named = {
        "epochs": 1,
        "labels": 10,
        "hidden_layers": [8, 6],
        "noise_std": [0.2],
        "denoising_weights": [3, 2, 1, 0],
        "learning_rate": 0.01,
        "seed": 4,
        "baseline": True,
    }
    assert {key: settings[key] for key in named} == named
    assert (tmp_path / "run" / "baseline.npz").exists()


def test_the_data_folder_may_come_from_the_environment(command, small_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("LADDER_NP_DATA", str(small_mnist))
    tiny = "--epochs 1 --hidden-layers 4 --labels 10 --no-baseline --out"
    outcome = command("train --dataset mnist", tiny, tmp_path / "run")
    assert outcome.status == 0
    assert outcome.out.startswith("mnist: 12 features, 2 classes; 40 training rows, 10 of them labeled; 20 for test")


# ---- a training that fails


def test_a_training_that_diverges_ends_with_one_line_and_status_1_and_leaves_no_model(command, data, tmp_path):
    outcome = command("train --dataset", data, TINY, "--learning-rate 1e30 --out", tmp_path / "run")
    assert outcome.status == 1
    assert outcome.err.startswith("ladder-np: error: the cost became ")
    assert outcome.err.count("\n") == 1
    assert "smaller learning rate" in outcome.err
    assert not list(tmp_path.glob("run/model.npz"))
    assert "test error" not in outcome.out


def test_a_network_without_hidden_layers_can_be_trained(command, tmp_path):
    data = write_csv_blobs(tmp_path / "table.csv")
    arguments = ("--hidden-layers none --epochs 2 --test-fraction 0.2 --out", tmp_path / "run")
    outcome = command("train --dataset", data, *arguments)
    assert outcome.status == 0
    assert "network 4-3, seed 0" in outcome.out
    assert len(re.findall(RESULT, outcome.out)) == 2


def test_a_share_too_small_for_the_labels_says_that_none_could_be_spared(command, tmp_path):
    X = np.random.default_rng(0).standard_normal((40, 3))
    np.savez(tmp_path / "few.npz", X=X, y=np.where(np.arange(40) < 3, np.arange(40), -1))
    outcome = command("train --dataset", tmp_path / "few.npz", TINY, "--test-fraction 0.5 --out", tmp_path / "run")
    assert outcome.status == 0
    assert "every class needs the few labeled rows it has" in outcome.out


@pytest.mark.parametrize(("baseline", "ladder", "told"), [(0, 0, False), (0, 1, True), (5, 5, True), (5, 4, False)])
def test_what_to_try_is_said_only_where_something_can_be_gained(capsys, baseline, ladder, told):
    experiment = prepare(make_settings({}), None, "cpu")
    train._report({"supervised only": ErrorRate(baseline, 300), "ladder": ErrorRate(ladder, 300)}, experiment)
    assert ("What may help" in capsys.readouterr().out) == told
