"""Tables as people have them, from the command line: trained on, predicted, evaluated, drawn, compared."""

import gzip
import io
import json
import sys

import numpy as np
import pytest
from command_files import TINY, words

from ladder_np.commands import main
from ladder_np.experiments.run_trainer import RunTrainer

ROWS = 120


def cells(row: int) -> dict[str, str]:
    """Return one row of a table with an id, two numbers, a text and a class; some cells are missing."""
    rng = np.random.default_rng(row)
    kind = row % 3
    length, width = 5.0 + 2 * kind + rng.normal() / 3, 3 + rng.normal()
    return {
        "id": f"A{row:03}",
        "length": "" if row % 11 == 5 else f"{length:.2f}",
        "width": f"{width:.2f}",
        "color": "" if row % 13 == 7 else ["red", "green", "blue"][kind],
        "species": ["setosa", "versicolor", "virginica"][kind] if row % 4 == 0 or row >= 90 else "",
    }


def text(separator: str = ",", decimal: str = ".", unlabeled: str = "", without: tuple[str, ...] = ()) -> str:
    rows = [{**cells(row), "species": cells(row)["species"] or unlabeled} for row in range(ROWS)]
    names = [name for name in rows[0] if name not in without]
    lines = [separator.join(names)]
    lines += [separator.join(row[name].replace(".", decimal) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


LABELS = "--label-column species"
TRAIN = f"{TINY} {LABELS} --test-fraction 0.3 --drop-columns id"


@pytest.fixture
def run(command, tmp_path):
    (tmp_path / "t.csv").write_text(text())
    outcome = command("train --dataset", tmp_path / "t.csv", TRAIN, "--out", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    return outcome


def test_what_is_done_to_the_columns_is_said_and_kept_in_the_model(run, tmp_path):
    assert (
        "features: a table, standardized; 'color' as 3 indicators; missing numbers of 'length' as the column's mean, "
        "with an indicator; left out: id\n" in run.out
    )
    assert "t: 3 features, 3 classes;" in run.out
    assert "network 6-" in run.out
    with np.load(tmp_path / "run" / "model.npz") as model:
        meta = json.loads(str(model["meta"]))
    assert meta["feature_names"] == ["length", "width", "color"]
    assert meta["encoding"]["values"] == [None, None, ["blue", "green", "red"]]
    assert meta["left_out"] == ["id"]
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (settings["drop_columns"], settings["label_column"]) == (["id"], "species")


def test_predictions_are_the_same_however_the_new_table_is_written(command, run, tmp_path, monkeypatch):
    written = {
        "same.csv": text().encode(),
        "semicolons.csv": text(";", ",").encode(),
        "tabs.tsv": text("\t", ",").encode(),
        "packed.csv.gz": gzip.compress(text().encode()),
        "without.csv": text(without=("id", "species")).encode(),
    }
    found = set()
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
        outcome = command("predict", tmp_path / "run", tmp_path / name, "--out", tmp_path / "out.csv")
        assert (outcome.status, outcome.err) == (0, "")
        found.add((tmp_path / "out.csv").read_text())
    assert len(found) == 1


def test_a_table_may_come_from_standard_input_and_go_to_standard_output_with_its_ids(
    tmp_path, monkeypatch, capsysbinary
):
    (tmp_path / "t.csv").write_text(text())
    assert main(words("train --dataset", tmp_path / "t.csv", TRAIN, "--out", tmp_path / "run")) == 0

    class Pipe:
        buffer = io.BytesIO(text(";", ",").encode())

    monkeypatch.setattr(sys, "stdin", Pipe)
    capsysbinary.readouterr()
    status = main(["predict", str(tmp_path / "run"), "-", "--out", "-", "--id-column", "id"])
    out, err = capsysbinary.readouterr()
    assert (status, err) == (0, b"")
    lines = out.decode().splitlines()
    assert lines[0] == "id,class,p_setosa,p_versicolor,p_virginica"
    assert [line.split(",")[0] for line in lines[1:]] == [f"A{row:03}" for row in range(ROWS)]


def test_a_column_that_the_model_does_not_know_is_named_before_any_cell(command, run, tmp_path):
    (tmp_path / "new.csv").write_text("batch," + text().replace("\n", "\nx,", ROWS).rstrip() + "\n")
    outcome = command("predict", tmp_path / "run", tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert outcome.status == 2
    assert "column 'batch' was not in the training data; leave it out with --drop-columns" in outcome.err
    with_option = command(
        "predict", tmp_path / "run", tmp_path / "new.csv", "--drop-columns batch --out", tmp_path / "o"
    )
    assert with_option.status == 0, with_option.err


def test_what_was_not_in_training_is_told(command, run, tmp_path):
    (tmp_path / "new.csv").write_text(text().replace("red", "violet"))
    outcome = command("predict", tmp_path / "run", tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert outcome.status == 0
    assert (
        f"new.csv: {text().count('red')} cells of 'color' hold texts that were not there in training" in outcome.err
    )


def test_errors_about_standard_input_say_so(command, run, tmp_path, monkeypatch):
    class Pipe:
        buffer = io.BytesIO(b"length,width\n1,2\n")

    monkeypatch.setattr(sys, "stdin", Pipe)
    outcome = command("predict", tmp_path / "run", "- --out -")
    assert outcome.err.startswith("ladder-np: error: standard input: the model was trained on a column 'color'")


def test_a_run_on_such_a_table_is_evaluated_resumed_drawn_and_reported(command, run, tmp_path):
    pytest.importorskip("matplotlib")
    error = next(line for line in run.out.splitlines() if line.startswith("ladder:")).split("test error ")[1]
    assert command("evaluate", tmp_path / "run").out == f"test error: {error}\n"
    assert command("train --resume", tmp_path / "run").status == 0
    outcome = command("report", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    report = (tmp_path / "run" / "report.html").read_text()
    assert "&#x27;color&#x27; as 3 indicators" in report


def test_another_mark_of_a_missing_label_is_named(command, tmp_path):
    (tmp_path / "t.tsv").write_text(text("\t", unlabeled="?"))
    options = f"{TINY} {LABELS} --drop-columns id --out"
    refused = command("train --dataset", tmp_path / "t.tsv", options, tmp_path / "a")
    assert "which looks like a missing label" in refused.err
    assert "--unlabeled-label" in refused.err
    taken = command("train --dataset", tmp_path / "t.tsv", "--unlabeled-label ?", options, tmp_path / "b")
    assert "120 training rows, 53 of them labeled" in taken.out


def test_an_id_is_refused_with_the_option_that_leaves_it_out(command, tmp_path):
    (tmp_path / "t.csv").write_text(text())
    outcome = command("train --dataset", tmp_path / "t.csv", TINY, LABELS, "--out", tmp_path / "run")
    assert outcome.status == 2
    assert "column 'id' holds more than 20 different texts ('A000', 'A001', 'A002', ...)" in outcome.err
    assert "--drop-columns id" in outcome.err
    assert not (tmp_path / "run").exists()


def test_compare_takes_such_a_table(command, tmp_path):
    (tmp_path / "t.csv").write_text(text())
    options = f"{LABELS} --drop-columns id --epochs 2 --repeats 2 --methods none --no-variants --hidden-layers 4"
    outcome = command("compare", tmp_path / "t.csv", options)
    assert outcome.status == 0, outcome.err
    assert "features: 'color' as 3 indicators; missing numbers of 'length' as the column's mean" in outcome.out


def test_how_a_table_was_read_is_kept_for_the_model(command, tmp_path):
    (tmp_path / "t.csv").write_text(text(":"))
    options = f"{TINY} {LABELS} --drop-columns id --separator : --out"
    assert command("train --dataset", tmp_path / "t.csv", options, tmp_path / "run").status == 0
    for model in (tmp_path / "run", tmp_path / "run" / "model.npz"):
        outcome = command("predict", model, tmp_path / "t.csv", "--out", tmp_path / "out.csv")
        assert outcome.status == 0, outcome.err


def test_a_run_does_not_take_columns_under_other_names_for_its_data(command, run, tmp_path):
    swapped = text().replace("length,width", "width,length", 1)
    (tmp_path / "other.csv").write_text(swapped)
    outcome = command("train --resume", tmp_path / "run", "--dataset", tmp_path / "other.csv", "--epochs 5")
    assert outcome.status == 2
    assert "not the data that" in outcome.err


def test_an_interrupted_run_on_such_a_table_ends_bit_for_bit(command, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(text())
    options = f"{TRAIN} --no-baseline --out"
    assert command("train --dataset", tmp_path / "t.csv", options, tmp_path / "whole").status == 0
    original = RunTrainer._after_step

    def stop(self):
        original(self)
        if self._training.steps == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunTrainer, "_after_step", stop)
        assert command("train --dataset", tmp_path / "t.csv", options, tmp_path / "run").status == 130
    assert command("train --resume", tmp_path / "run").status == 0
    assert (tmp_path / "run" / "model.npz").read_bytes() == (tmp_path / "whole" / "model.npz").read_bytes()
