"""`ladder-np evaluate`: the test error of a finished run, measured again; the error of any model on labeled rows."""

import json
import re
import shutil

import numpy as np
import pytest
from command_files import (
    COLUMNS,
    TINY,
    assert_refused,
    blobs,
    change,
    image_files,
    image_set_of,
    load,
    quiet,
    write_blobs,
    write_csv_blobs,
    write_images,
    write_table,
)

from ladder_np import LadderClassifier
from ladder_np.data.download import IMAGE_SETS
from ladder_np.predictor import Predictor


def expected_line(run):
    result = json.loads((run / "result.json").read_text())["ladder"]
    return f"test error: {result['test_error_percent']:.2f} % ({result['wrong']} of {result['rows']})\n"


@pytest.mark.parametrize("finished", ["npz_run", "csv_run"])
def test_prints_one_line_that_matches_the_result_file(command, request, finished):
    run = request.getfixturevalue(finished)
    outcome = command("evaluate", run)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == expected_line(run)
    assert re.fullmatch(r"test error: \d+\.\d\d % \(\d+ of \d+\)\n", outcome.out)


def test_works_for_the_embedded_digits(command, tmp_path):
    quiet("train --epochs 1 --hidden-layers 4 --no-baseline --out", tmp_path / "run")
    assert command("evaluate", tmp_path / "run").out == expected_line(tmp_path / "run")


def test_works_from_another_folder_though_the_data_were_named_by_a_relative_path(command, tmp_path, monkeypatch):
    write_blobs(tmp_path / "data.npz")
    monkeypatch.chdir(tmp_path)
    quiet("train --dataset data.npz", TINY, "--out run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    outcome = command("evaluate", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    assert outcome.out == expected_line(tmp_path / "run")


def test_works_from_another_folder_though_the_data_folder_was_relative(command, tmp_path, monkeypatch):
    monkeypatch.setitem(IMAGE_SETS, "mnist", image_set_of(image_files()))
    write_images(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    quiet("train --dataset mnist --data-dir data --labels 10 --epochs 1 --hidden-layers 4 --out run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("evaluate ../run").out == expected_line(tmp_path / "run")


def test_a_run_that_was_moved_is_still_evaluated(command, npz_run, tmp_path):
    shutil.copytree(npz_run, tmp_path / "moved")
    assert command("evaluate", tmp_path / "moved").out == expected_line(npz_run)


@pytest.mark.parametrize("key", ["X", "y", "X_test", "y_test"])
def test_data_that_changed_in_one_number_are_refused(command, tmp_path, key):
    data = write_blobs(tmp_path / "data.npz")
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    array = load(data)[key]
    array[1] = (array[1] + 1) % 3
    change(data, data, **{key: array})
    assert_refused(command("evaluate", tmp_path / "run"), str(data), "sha256 differs")


def test_data_whose_class_numbers_changed_are_refused(command, tmp_path):
    """The same features and class indices under other class numbers are other data: predictions mean other things."""
    data = write_blobs(tmp_path / "data.npz")
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    write_blobs(data, first_class=1)
    assert_refused(command("evaluate", tmp_path / "run"), "sha256 differs")


def test_data_that_are_gone_are_named(command, tmp_path):
    data = write_blobs(tmp_path / "data.npz")
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    data.unlink()
    assert_refused(command("evaluate", tmp_path / "run"), str(data), "no such file")


def test_a_run_without_test_rows_says_how_to_get_some(command, tmp_path):
    data = change(write_blobs(tmp_path / "data.npz"), tmp_path / "data.npz", X_test=None, y_test=None)
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    assert_refused(command("evaluate", tmp_path / "run"), "no test rows", "--test-fraction")


# --- a model on other data


def test_a_model_file_is_evaluated_on_the_test_set_that_the_data_bring(command, npz_run):
    data = npz_run.parent / "data.npz"
    for model in (npz_run, npz_run / "model.npz"):
        outcome = command("evaluate", model, "--dataset", data)
        assert (outcome.out, outcome.err) == (expected_line(npz_run), "")


def test_without_a_test_set_all_labeled_rows_are_measured(command, csv_run, tmp_path):
    X, y = blobs(40, seed=5)
    order = [3, 1, 0, 2]  # columns are found by their names
    rows = [[*x[order], label if k < 30 else ""] for k, (x, label) in enumerate(zip(X, y, strict=True))]
    data = write_table(tmp_path / "new.csv", [*(COLUMNS[k] for k in order), "label"], rows)
    outcome = command("evaluate", csv_run / "model.npz", "--dataset", data)
    wrong = int((Predictor.load(csv_run / "model.npz").predict(X[:30]) != y[:30]).sum())
    assert outcome.out == f"error on labeled rows: {100 * wrong / 30:.2f} % ({wrong} of 30)\n"


def test_rows_of_one_class_and_a_label_column_of_another_name_are_measured(command, csv_run, tmp_path):
    X, y = blobs(30, seed=5)
    data = write_table(tmp_path / "new.csv", [*COLUMNS, "kind"], [[*x, 2] for x in X[y == 2]])
    outcome = command("evaluate", csv_run, "--dataset", data, "--label-column kind")
    assert outcome.out.endswith(" of 10)\n")


def test_rows_in_files_are_measured_like_rows_in_memory(command, npz_run, tmp_path):
    X, y = blobs(60, seed=6, first_class=1)
    y[40:] = -1
    np.savez(tmp_path / "rows.npz", X=X, y=y)
    (tmp_path / "rows").mkdir()
    np.save(tmp_path / "rows" / "X.npy", X)
    np.save(tmp_path / "rows" / "y.npy", y)
    outcomes = [command("evaluate", npz_run, "--dataset", tmp_path / name).out for name in ("rows.npz", "rows")]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].endswith(" of 40)\n")


def test_an_estimators_model_is_evaluated_on_a_table_with_its_classes_as_texts(command, tmp_path):
    X, y = blobs(60, seed=7)
    kinds = np.array(["ash", "elm", "oak"], object)[y]
    LadderClassifier((6,), max_iter=2, random_state=0).fit(X, kinds).save(tmp_path / "trees.npz")
    data = write_table(tmp_path / "trees.csv", [*COLUMNS, "label"], [[*x, k] for x, k in zip(X, kinds, strict=True)])
    wrong = int((LadderClassifier.load(tmp_path / "trees.npz").predict(X) != kinds).sum())
    outcome = command("evaluate", tmp_path / "trees.npz", "--dataset", data)
    assert outcome.out == f"error on labeled rows: {100 * wrong / 60:.2f} % ({wrong} of 60)\n"
    assert outcome.err == "ladder-np: the model knows no column names; columns are taken in their order\n"


def test_data_that_are_not_the_models_are_refused(command, npz_run, csv_run, tmp_path):
    X, y = blobs(30, seed=5)
    np.savez(tmp_path / "classes.npz", X=X, y=y + 2)
    outcome = command("evaluate", csv_run, "--dataset", tmp_path / "classes.npz")
    assert_refused(outcome, "classes.npz: rows are labeled 3, which the model does not know; its classes: 0, 1, 2")
    np.savez(tmp_path / "features.npz", X=X[:, :3], y=y)
    outcome = command("evaluate", csv_run, "--dataset", tmp_path / "features.npz")
    assert_refused(outcome, "features.npz: the model was trained on 4 features per row, this data has 3")
    assert_refused(command("evaluate", npz_run / "model.npz"), "model.npz: expected a run's folder", "--dataset")


# --- the run's own data


def test_the_runs_own_data_is_measured_on_its_test_rows_wherever_it_lies(command, csv_run, tmp_path):
    shutil.copy(csv_run.parent / "data.csv", tmp_path / "moved.csv")
    for model in (csv_run, csv_run / "model.npz"):
        outcome = command("evaluate", model, "--dataset", tmp_path / "moved.csv")
        assert (outcome.status, outcome.out) == (0, expected_line(csv_run))
        assert outcome.err == (
            f"ladder-np: {tmp_path / 'moved.csv'} is the data that {csv_run} was trained on; measured on its 30 test "
            "rows\n"
        )


def test_training_rows_that_are_measured_are_said_to_be_such(command, tmp_path):
    data = write_csv_blobs(tmp_path / "data.csv")
    quiet("train --no-baseline --dataset", data, TINY, "--out", tmp_path / "run")
    outcome = command("evaluate", tmp_path / "run", "--dataset", data)
    assert outcome.out.startswith("error on labeled rows: ")
    assert outcome.err == (
        f"warning: {data} is the data that {tmp_path / 'run'} was trained on; none is held out for the test: the "
        "error on new rows is higher\n"
    )


def test_a_model_beside_a_configuration_of_something_else_is_just_a_model(command, csv_run, tmp_path):
    shutil.copy(csv_run / "model.npz", tmp_path / "model.npz")
    (tmp_path / "config.json").write_text('{"port": 80}')
    outcome = command("evaluate", tmp_path / "model.npz", "--dataset", csv_run.parent / "data.csv")
    assert (outcome.out[:21], outcome.err) == ("error on labeled rows", "")
