"""`ladder-np table`, `compare` with folders of runs, and `presets`."""

import json
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
from command_files import assert_refused, quiet

from ladder_np.experiments.presets import PRESETS
from ladder_np.experiments.settings import make_settings

QUICK = "--hidden-layers 8 --epochs 2"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder with three finished runs on the digits, a, b and c; c has another learning rate."""
    home = tmp_path_factory.mktemp("runs")
    for name, options in {"a": "--seed 0", "b": "--seed 1", "c": "--seed 0 --learning-rate 0.01"}.items():
        quiet("train --no-baseline", QUICK, options, "--out", home / name)
    return home


def test_runs_are_compared_row_by_row_with_the_first(command, runs):
    outcome = command("compare", runs / "a", runs / "b", runs / "c")
    assert (outcome.status, outcome.err) == (0, "")
    header, first, second, *_ = outcome.out.splitlines()
    assert header.endswith("minus row 1 ²")
    assert first.startswith("1  digits, hidden layers 8, epochs 2 ")
    assert second.startswith("2  digits, hidden layers 8, epochs 2, learning rate 0.01 ")
    assert " in 1 pair; p 1.000, not significant" in second
    assert "²" not in command("table", runs / "a", runs / "c").out


def test_one_run_is_a_table_too(command, runs):
    assert command("compare", runs / "a").out.splitlines()[1].startswith("1  digits, hidden layers 8, epochs 2")


def test_a_table_is_printed_as_csv_and_drawn(command, runs, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "t.png"
    outcome = command("table", runs / "a", runs / "b", "--format csv --picture", picture)
    assert outcome.out.startswith("run,labels,model,mean,")
    assert outcome.err == f"picture: {picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def sweeps(runs):
    """Two sweeps in the folder with the runs: s 1, of one number of labels, and s2, of another."""
    for name, labels in {"s 1": "20", "s2": "30"}.items():
        quiet("sweep --no-baseline --jobs 1 --quiet", QUICK, "--labels", labels, "--out", runs / name)
    return runs


@pytest.mark.parametrize("paths", [["s 1", "s2"], ["s 1"], ["a", "s 1"], ["s2/results.jsonl", "s 1"]])
def test_compare_says_what_compares_sweeps(command, sweeps, monkeypatch, paths):
    monkeypatch.chdir(sweeps)
    outcome = command("compare", *map(Path, paths))
    first = next(path for path in paths if path != "a")
    assert_refused(outcome, f"{first}: holds the results of a sweep; sweeps are compared with: ladder-np table ")
    _, *told = shlex.split(outcome.err.partition(" with: ")[2])
    assert told == ["table", *paths, "--against", "1"]
    assert "minus row 1" in command(*map(Path, told)).out


def test_compare_takes_a_data_file_of_json_lines_for_data(command, tmp_path):
    (tmp_path / "data.jsonl").write_text('{"text": "a", "label": "x"}\n')
    assert "sweep" not in command("compare", tmp_path / "data.jsonl").err


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        ("table none.jsonl", "none.jsonl: no such file"),
        ("table .", "holds no results (.jsonl) and is not a run"),
        ("table", "RESULTS.jsonl|FOLDER"),
        ("table a --format html", "--format 'html': expected one of text, markdown, csv"),
        ("table a --against 2", "--against 2: expected the number of a row from 1 to 1"),
        ("table a --picture x.jpg", "--picture x.jpg: expected a name that ends in .png"),
        ("table a --picture none/x.png", "cannot write none/x.png"),
        (
            "compare a digits",
            "digits: is not a folder of a run; expected one data set, or folders of finished runs alone",
        ),
        ("compare digits mnist", "digits: is not a folder of a run"),
        ("compare a b --repeats 3", "--repeats is for data; a is a finished run"),
        ("compare digits --against 1", "--against is for folders of finished runs; digits is none"),
    ],
)
def test_wrong_use_is_one_line(command, runs, monkeypatch, words, fragment):
    monkeypatch.chdir(runs)
    assert_refused(command(words), fragment)


def test_a_run_that_has_not_finished_and_one_without_test_rows_are_refused(command, csv_run, npz_run, tmp_path):
    data = csv_run.parent / "data.csv"
    quiet("train --dataset", data, "--no-baseline", QUICK, "--out", tmp_path / "run")
    assert_refused(command("compare", tmp_path / "run"), "the run has no test rows, so no test error")
    (tmp_path / "run" / "result.json").unlink()
    assert_refused(
        command("compare", tmp_path / "run"), "the run did not finish; go on with: ladder-np train --resume"
    )


def test_runs_on_files_differ_by_what_the_data_decided_only_if_that_differs(command, csv_run, npz_run):
    outcome = command("compare", csv_run, npz_run)
    assert [line.split()[1].rstrip(",") for line in outcome.out.splitlines()[1:4]] == ["data"] * 3
    assert "denoising weights" not in outcome.out


def test_runs_on_a_text_s_next_characters_have_a_table(command, tmp_path):
    (tmp_path / "story.txt").write_text("The quick brown fox jumps over the lazy dog. " * 40)
    text = tmp_path / "story.txt"
    quiet("train --next-character --window 4 --epochs 1 --no-baseline --dataset", text, "--out", tmp_path / "run")
    outcome = command("compare", tmp_path / "run")
    assert outcome.out.splitlines()[1].startswith("1  story, epochs 1 ")


# ---- Presets.


def test_all_presets_are_listed_with_what_was_published(command):
    outcome = command("presets")
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines[1 : len(PRESETS) + 1]] == list(PRESETS)
    full, gamma = lines[1], next(line for line in lines if line.startswith("mnist-1000-gamma"))
    assert full.split(maxsplit=6)[1:6] == ["1.06", "±", "0.37", "(s)", "[R]"]
    assert "  6 ¹  100 labels; λ 1000,10,0.1,…; noise 0.3; 150 epochs; the full ladder" in full
    assert " 1.53 (s) ± 0.10 (m) [R] " in gamma
    assert " - " in gamma  # nobody measured its minutes
    assert "(m) recalled, not compared with the paper" in outcome.out


def test_one_preset_is_printed_as_the_start_of_one_s_own(command, tmp_path):
    outcome = command("presets mnist-1000-full")
    tables = tomllib.loads(outcome.out)
    assert tables["settings"]["noise_std"] == [0.3, *[0.2] * 6]
    assert tables["published"]["mean"] == 0.84
    path = tmp_path / "own.toml"
    path.write_text(outcome.out.replace("epochs = 150", "epochs = 1"))
    own = command("train --dataset digits --hidden-layers 8 --noise-std 0.3 --denoising-weights 1 --preset", path)
    assert own.status == 0
    assert f"settings of preset {path}, made for mnist" in own.out
    assert command("presets", path).out == path.read_text()


def test_a_preset_that_is_none_is_one_line(command, tmp_path):
    assert_refused(command("presets mnist"), "unknown preset 'mnist'")
    (tmp_path / "own.toml").write_text("[settings]\nepochz = 3\n")
    assert_refused(command("presets", tmp_path / "own.toml"), "unknown setting 'epochz'; did you mean epochs?")
    assert_refused(command("train --preset", tmp_path / "own.toml"), "unknown setting 'epochz'")


def test_a_preset_that_no_run_could_use_is_not_printed(command, tmp_path):
    (tmp_path / "own.toml").write_text('[settings]\ncombinator = "foo"\n')
    outcome = command("presets", tmp_path / "own.toml")
    assert_refused(outcome, "unknown combinator 'foo'")
    assert outcome.out == ""


def test_all_labels_can_be_named_over_a_preset_s(command, tmp_path):
    outcome = command(
        "train --preset mnist-100-full --dataset digits --labels all --epochs 1 --out", tmp_path / "run"
    )
    assert "1198 training rows, 1198 of them labeled" in outcome.out


@pytest.mark.parametrize("preset", ["mnist-100-full", "mnist-100-gaussian"])
def test_of_two_presets_with_the_same_settings_a_run_is_of_the_one_that_was_named(command, tmp_path, preset):
    assert make_settings({}, "mnist-100-full") == make_settings({}, "mnist-100-gaussian")
    quick = "--dataset digits --hidden-layers 8 --noise-std 0.3 --denoising-weights 1 --epochs 1 --no-baseline"
    command("train --preset", preset, quick, "--out", tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["preset"] == preset
    assert command("table", tmp_path / "run").out.splitlines()[1].split()[1] == f"{preset},"


def test_a_damaged_name_of_a_preset_in_a_run_s_configuration_is_as_none(runs, command, tmp_path):
    shutil.copytree(runs / "a", tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "preset": [1]}))
    assert command("table", tmp_path / "run").out.splitlines()[1].split()[1] == "digits,"
