"""``ladder-np plot`` and ``ladder-np report``."""

import argparse
import importlib
import os
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
from command_files import assert_refused, listing

from ladder_np import LadderClassifier
from ladder_np.commands import plot

NAMES = ["combinators", "confusion", "denoising-costs", "learning-curves", "rebuilt-inputs", "top-hidden-layer"]


@pytest.fixture
def copy(npz_run, tmp_path):
    """A run that may be written to; its data stays where it is."""
    return shutil.copytree(npz_run, tmp_path / "run")


@pytest.fixture
def no_matplotlib(monkeypatch):
    """As if the extra plot were not installed."""
    find = importlib.import_module

    def import_module(name):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return find(name)

    monkeypatch.setattr(importlib, "import_module", import_module)


@pytest.fixture
def with_matplotlib():
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")


@pytest.mark.usefixtures("with_matplotlib")
def test_pictures_are_written_into_the_run_and_named(command, copy):
    outcome = command("plot", copy)
    assert (outcome.status, outcome.err) == (0, "")
    assert sorted(os.listdir(copy / "plots")) == [f"{name}.png" for name in NAMES]
    lines = outcome.out.splitlines()
    assert sorted(line.rpartition(": ")[2] for line in lines) == sorted(
        str(copy / "plots" / f"{n}.png") for n in NAMES
    )
    for name in NAMES:
        assert (copy / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("with_matplotlib")
def test_named_pictures_go_where_they_are_wanted_and_nothing_else_is_written(command, npz_run, tmp_path):
    before = listing(npz_run)
    outcome = command("plot", npz_run, "--only learning-curves,denoising-costs --out", tmp_path / "a" / "b")
    assert outcome.status == 0
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["denoising-costs.png", "learning-curves.png"]
    assert listing(npz_run) == before


@pytest.mark.usefixtures("with_matplotlib")
def test_pictures_are_replaced_and_no_half_written_file_stays(command, copy):
    (copy / "plots").mkdir()
    (copy / "plots" / "learning-curves.png").write_bytes(b"old")
    (copy / "plots" / "mine.txt").write_text("mine")
    assert command("plot", copy, "--only learning-curves").status == 0
    assert sorted(os.listdir(copy / "plots")) == ["learning-curves.png", "mine.txt"]
    assert (copy / "plots" / "learning-curves.png").read_bytes() != b"old"


@pytest.mark.usefixtures("with_matplotlib")
def test_pictures_that_are_left_out_are_named_in_one_line_per_reason(command, copy):
    (copy / "model.npz").unlink()
    outcome = command("plot", copy)
    assert outcome.status == 0
    assert outcome.out.splitlines()[-1] == (
        "left out: rebuilt-inputs, combinators, confusion, top-hidden-layer: the run is not finished: "
        "it has no model.npz yet"
    )
    assert sorted(os.listdir(copy / "plots")) == ["denoising-costs.png", "learning-curves.png"]


@pytest.mark.usefixtures("with_matplotlib")
def test_a_report_is_written_into_the_run_or_where_it_is_wanted(command, copy, tmp_path):
    (copy / "model.npz").unlink()  # fewer pictures are drawn sooner
    outcome = command("report", copy)
    assert (outcome.status, outcome.out, outcome.err) == (0, f"report written to {copy / 'report.html'}\n", "")
    assert command("report", copy, "--out", tmp_path / "mine.HTML").status == 0
    assert (tmp_path / "mine.HTML").read_bytes() == (copy / "report.html").read_bytes()


@pytest.mark.usefixtures("no_matplotlib")
@pytest.mark.parametrize("name", ["plot", "report"])
def test_without_matplotlib_one_line_says_what_to_install(command, npz_run, name):
    before = listing(npz_run)
    assert_refused(command(name, npz_run), "matplotlib", "pip install 'ladder-np[plot]'")
    assert listing(npz_run) == before


@pytest.mark.usefixtures("with_matplotlib")
@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ("plot nowhere", ("nowhere: no such run folder",)),
        ("plot empty", ("empty/config.json", "expected a run's configuration")),
        ("plot file", ("file: not a model file",)),
        ("plot", ("MODEL",)),
        ("plot run --only denoising-costs --dataset digits", ("digits: not the data that run was trained on",)),
        ("report run --dataset gone.npz", ("gone.npz: no such file",)),
        ("plot run --dataset digits --label-column kind", ("--label-column kind: is for a model file",)),
        ("plot run/model.npz --dataset digits", ("digits: ", "the model")),
        ("plot run --label-column kind", ("--label-column kind: needs --dataset",)),
        ("plot run --only curves", ("unknown picture 'curves'", "learning-curves")),
        ("plot run --only learning-curves,", ("unknown picture ''",)),
        ("plot run --only denoising-costs --out file", ("cannot make folder file",)),
        ("plot run --only denoising-costs --out file/below", ("cannot make folder file/below",)),
        ("plot bad_model", ("bad_model/model.npz",)),
        ("plot bad_metrics", ("bad_metrics/metrics.jsonl: record 1 is damaged",)),
        ("plot bad_config", ("bad_config/config.json",)),
        ("report nowhere", ("nowhere: no such run folder",)),
        ("report run --out run/model.npz", ("run/model.npz: expected a name that ends in .html",)),
        ("report run --out missing/report.html", ("cannot write missing/report.html",)),
        ("report bad_result", ("bad_result/result.json: damaged",)),
    ],
)
def test_nonsense_is_refused_in_one_line_and_nothing_is_written(
    command, npz_run, tmp_path, monkeypatch, arguments, fragments
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(npz_run, "run")
    for name, file in (("model", "model.npz"), ("metrics", "metrics.jsonl"), ("config", "config.json")):
        shutil.copytree("run", f"bad_{name}")
        (tmp_path / f"bad_{name}" / file).write_text("garbage\n")
    shutil.copytree("run", "bad_result")
    (tmp_path / "bad_result" / "result.json").write_text("{}]")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    before = listing(tmp_path)
    assert_refused(command(arguments), *fragments)
    assert listing(tmp_path) == before


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A model that an estimator saved, of classes that are texts, and a table of its rows."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    kinds = np.array(["oak", "elm", "ash"])[np.arange(90) % 3]
    X = generator.normal(size=(90, 4)) + 3 * generator.normal(size=(3, 4))[np.arange(90) % 3]
    y = np.where(np.arange(90) < 30, kinds, "")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    LadderClassifier((8, 6), max_iter=4, unlabeled_label="", random_state=0).fit(frame, y).save("trees.npz")
    frame[["d", "b", "a", "c"]].assign(tree=y).to_csv("trees.csv", index=False)


@pytest.mark.usefixtures("with_matplotlib", "saved")
def test_a_model_of_the_estimator_is_drawn_from_its_history_and_with_rows_also_from_these(command):
    outcome = command("plot trees.npz")
    assert (outcome.status, outcome.err) == (0, "")
    known = ["combinators", "denoising-costs", "learning-curves"]
    assert sorted(os.listdir("trees-plots")) == [f"{name}.png" for name in known]
    assert "left out: rebuilt-inputs, confusion, top-hidden-layer: a model file holds no rows" in outcome.out
    outcome = command("plot trees.npz --dataset trees.csv --label-column tree --out all")
    assert (outcome.status, outcome.err) == (0, "")
    assert sorted(os.listdir("all")) == [f"{name}.png" for name in NAMES]


@pytest.mark.usefixtures("with_matplotlib", "saved")
def test_a_report_of_a_model_names_it_its_classes_and_its_parameters(command):
    outcome = command("report trees.npz --dataset trees.csv --label-column tree")
    assert (outcome.status, outcome.out) == (0, "report written to trees-report.html\n")
    page = Path("trees-report.html").read_text(encoding="utf-8")
    for text in ("Model trees.npz: trees", "ash, elm, oak", "a, b, c, d", "4-8-6-3", "hidden_layer_sizes"):
        assert text in page, text


@pytest.mark.usefixtures("with_matplotlib")
def test_a_report_of_a_model_has_the_error_on_the_test_set_of_the_data(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(80, 3)), np.arange(80) % 2
    X[:, 0] += 4 * y
    model = LadderClassifier((6,), max_iter=4, random_state=0).fit(X, y)
    model.save("m.npz")
    np.savez("data.npz", X=X, y=y, X_test=X[:50], y_test=y[:50])
    assert command("report m.npz --dataset data.npz").status == 0
    wrong = int((model.predict(X[:50]) != y[:50]).sum())
    assert f"{2 * wrong:.2f} % ({wrong} of 50)" in Path("m-report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("with_matplotlib", "saved")
def test_a_model_without_column_names_is_drawn_with_those_of_the_table(command):
    frame = pandas.read_csv("trees.csv", keep_default_na=False)
    features, labels = frame[["d", "b", "a", "c"]], frame["tree"].to_numpy()
    LadderClassifier((6,), max_iter=2, unlabeled_label="", random_state=0).fit(features.to_numpy(), labels).save(
        "m.npz"
    )
    arguments = "m.npz --dataset trees.csv --label-column tree"
    outcome = command(f"plot {arguments} --only rebuilt-inputs")
    assert (outcome.status, "columns are taken in their order" in outcome.err) == (0, True)
    source = plot._source(
        argparse.Namespace(model=Path("m.npz"), dataset="trees.csv", label_column="tree", data_dir=None)
    )
    assert source.features.names == ("d", "b", "a", "c")


@pytest.mark.usefixtures("with_matplotlib", "saved")
def test_rows_of_a_class_that_the_model_does_not_know_are_refused(command):
    text = Path("trees.csv").read_text().replace("elm", "yew")
    Path("others.csv").write_text(text)
    outcome = command("plot trees.npz --dataset others.csv --label-column tree")
    assert_refused(outcome, "others.csv: rows are labeled 'yew'", "'ash', 'elm', 'oak'")


@pytest.mark.usefixtures("with_matplotlib")
def test_a_full_disk_leaves_the_old_report(command, copy, monkeypatch):
    (copy / "report.html").write_text("old")
    (copy / "model.npz").unlink()  # fewer pictures are drawn sooner

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert_refused(command("report", copy), "cannot write", "No space left on device")
    assert (copy / "report.html").read_text() == "old"
    assert not [name for name in os.listdir(copy) if name.endswith(".part")]
