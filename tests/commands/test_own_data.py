"""Data of one's own: larger than memory, with odd numbers of classes, labels and features."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from command_files import COLUMNS, TINY, blobs, change, idx_bytes, load, quiet, read_table, write_blobs, write_table

import ladder_np
from ladder_np.data.download import FILES

# --- rows that stay in their files


def unpacked(archive, folder):
    """The arrays of an archive as a folder of `.npy` files."""
    folder.mkdir()
    for name, array in load(archive).items():
        np.save(folder / f"{name}.npy", array)
    return folder


OPTIONS = f"{TINY} --seed 3"


@pytest.mark.parametrize("own_test", [True, False], ids=["test rows of its own", "test rows held out"])
def test_a_folder_gives_the_very_run_of_the_archive_with_the_same_arrays(command, tmp_path, own_test):
    archive = write_blobs(tmp_path / "data.npz")
    options = OPTIONS
    if not own_test:
        change(archive, archive, X_test=None, y_test=None)
        options += " --test-fraction 0.4 --validation 5"
    folder = unpacked(archive, tmp_path / "data")
    for data, run in ((archive, "from_archive"), (folder, "from_folder")):
        quiet("train --dataset", data, options, "--out", tmp_path / run)
    one, other = tmp_path / "from_archive", tmp_path / "from_folder"
    for name in ("model.npz", "baseline.npz", "split.npz", "result.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert json.loads((other / "config.json").read_text())["settings"]["dataset"] == str(folder.resolve())
    assert command("evaluate", other).out == command("evaluate", one).out


def test_predictions_of_a_npy_file_a_folder_and_an_archive_are_the_same_bytes(command, npz_run, tmp_path):
    rows = blobs(2500, seed=5)[0]
    np.savez(tmp_path / "new.npz", X=rows)
    folder = unpacked(tmp_path / "new.npz", tmp_path / "new")
    texts = []
    for given in (tmp_path / "new.npz", folder, folder / "X.npy"):
        outcome = command("predict", npz_run, given, "--out", tmp_path / "out.csv")
        assert outcome.out == f"2500 rows written to {tmp_path / 'out.csv'}\n"
        texts.append((tmp_path / "out.csv").read_text())
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0].splitlines()) == 2501


def test_a_bad_row_far_down_leaves_the_old_predictions_and_nothing_else(command, npz_run, tmp_path):
    rows = blobs(2500, seed=5)[0]
    rows[2400, 2] = 1e300  # fits the file's type and not the model's: found when it is scaled
    np.save(tmp_path / "new.npy", rows)
    (tmp_path / "out.csv").write_text("old")
    outcome = command("predict", npz_run, tmp_path / "new.npy", "--out", tmp_path / "out.csv")
    assert outcome.status == 2
    assert "new.npy: row 2400, feature 2" in outcome.err
    assert (tmp_path / "out.csv").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"new.npy", "out.csv"}


def test_a_folder_of_image_files_is_a_data_set(command, tmp_path):
    generator = np.random.default_rng(0)
    y = np.arange(120) % 2
    images = np.uint8(generator.integers(0, 100, (120, 3, 3)) + 100 * y[:, None, None])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILES[0]).write_bytes(idx_bytes(images))
    (tmp_path / "data" / FILES[1]).write_bytes(idx_bytes(y))
    outcome = command("train --dataset", tmp_path / "data", OPTIONS, "--test-fraction 0.3 --out", tmp_path / "run")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("data: 9 features, 2 classes; 84 training rows, 84 of them labeled; 36 for test\n")
    assert command("evaluate", tmp_path / "run").status == 0


def test_data_that_change_in_training_end_it_with_one_line(command, tmp_path, monkeypatch):
    folder = unpacked(write_blobs(tmp_path / "data.npz"), tmp_path / "data")
    from ladder_np.experiments import run

    def spoil(*arguments):
        (folder / "X.npy").write_bytes(b"")
        return networks(*arguments)

    networks = run.rows_for_test
    monkeypatch.setattr(run, "rows_for_test", spoil)
    outcome = command("train --dataset", folder, OPTIONS, "--out", tmp_path / "run")
    assert outcome.status == 2
    assert outcome.err == f"ladder-np: error: {folder}/X.npy: was changed while it was in use; start again\n"


# --- classes of any kind

CLASSES = {
    "texts": np.array(["ash tree", "elm", 'o"ak, ü']),
    "numbers below 0 and gaps": np.array([-7, 3, 900]),
    "booleans": np.array([False, True]),
}


@pytest.mark.parametrize("kind", ["csv", "npz", "folder"])
@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_classes_of_any_kind_are_trained_on_evaluated_and_predicted_by_their_names(command, tmp_path, kind, classes):
    X, index = blobs(90, seed=3)
    y = classes[index % len(classes)]
    marked = np.where(np.arange(90) < 60, y.astype(str), "")  # the others are unlabeled
    if kind == "csv":
        rows = [[*x, label] for x, label in zip(X, marked, strict=True)]
        data = write_table(tmp_path / "data.csv", [*COLUMNS, "label"], rows)
    else:
        if y.dtype.kind == "i":
            y[60:] = -1
        labels = marked if y.dtype.kind == "U" else y
        np.savez(tmp_path / "data.npz", X=X, y=labels)
        data = tmp_path / "data.npz" if kind == "npz" else unpacked(tmp_path / "data.npz", tmp_path / "data")
    run, out = tmp_path / "run", tmp_path / "out.csv"
    assert command("train --dataset", data, OPTIONS, "--test-fraction 0.2 --out", run).status == 0
    assert command("evaluate", run).status == command("evaluate", run, "--dataset", data).status == 0
    assert command("predict", run, data, "--out", out).status == 0
    header, rows = read_table(out)
    assert header == ["class", *(f"p_{name}" for name in classes)]
    probabilities = np.array([row[1:] for row in rows], float)
    assert [row[0] for row in rows] == [str(classes[k]) for k in probabilities.argmax(axis=1)]
    assert command("train --resume", run).status == 0


# --- memory

WIDTH, CHILDREN = 2048, Path(__file__).with_name("peak_child.py")


def write_big(folder, rows):
    """A data set of that many rows of 8 kB."""
    folder.mkdir()
    some = np.random.default_rng(0).standard_normal((1000, WIDTH), np.float32)
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (rows, WIDTH))
    for start in range(0, rows, len(some)):
        X[start : start + len(some)] = some
    del X
    np.save(folder / "y.npy", np.arange(rows) % 4)


def peak(*arguments):
    """The peak of memory of a command in a process of its own, in MB."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(ladder_np.__file__).parents[1])}
    program = [sys.executable, CHILDREN, sys.executable, "-m", "ladder_np", *map(str, arguments)]
    return int(subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout) / 1e3


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are counted as on Linux")
def test_training_and_predicting_take_no_more_memory_for_a_file_of_98_mb_than_for_one_of_8(tmp_path):
    options = ["--epochs", "1", "--hidden-layers", "4", "--test-fraction", "0.5", "--unlabeled-batch", "250"]
    peaks = {}
    for rows in (1000, 12_000):
        data, run = tmp_path / f"{rows}", tmp_path / f"run{rows}"
        write_big(data, rows)
        peaks[rows] = (
            peak("train", "--dataset", data, *options, "--no-baseline", "--out", run),
            peak("predict", run, data, "--out", tmp_path / "out.csv"),
        )
    (tmp_path / "12000" / "X.npy").unlink()  # pytest keeps the folders of some runs
    for small, large in zip(peaks[1000], peaks[12_000], strict=True):
        assert large < small + 20


# --- odd numbers


def table(classes=3, rows=90, features=4, seed=0):
    generator = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    return generator.standard_normal((rows, features)) + 3 * (y[:, None] % features == np.arange(features)), y


def imbalanced():
    X, _ = table()
    return X, np.where(np.arange(90) < 2, np.arange(90) + 1, 0)


def one_feature():
    X, y = table()
    return X[:, :1], y


def constant(columns, dtype=np.float64):
    def make():
        X, y = table()
        X[:, columns] = 7
        return X.astype(dtype), y

    return make


def many_classes():
    return table(classes=2000, rows=4000, features=6)


def one_label_a_class():
    X, y = table()
    return X, np.where(np.arange(90) < 3, y, -1)


def one_label_of_many_classes():
    X, y = table(classes=2000, rows=4000, features=6)
    return X, np.where(np.arange(4000) < 2000, y, -1)


def two_rows():
    X, _ = table()
    return X[:2], np.array([0, 1])


def tiny_numbers():
    X, y = table()
    return X * 1e-310, y


def large_numbers():
    X, y = table()
    return X * 1e300, y


ODD = {
    "imbalanced": (imbalanced, "--test-fraction 0.3"),
    "one feature": (one_feature, "--test-fraction 0.3"),
    "a constant feature": (constant([1]), "--test-fraction 0.3"),
    "all features but one constant": (constant([1, 2, 3]), "--test-fraction 0.3"),
    "all features constant": (constant([0, 1, 2, 3]), "--test-fraction 0.3"),
    "all features constant, not scaled": (constant([0, 1, 2, 3]), "--test-fraction 0.3 --scaling none"),
    "all pixels constant": (constant([0, 1, 2, 3], np.uint8), "--test-fraction 0.3"),
    "2000 classes": (many_classes, "--test-fraction 0.3 --epochs 1 --no-baseline"),
    "one label a class": (one_label_a_class, ""),
    "one label a class, a test wanted": (one_label_a_class, "--test-fraction 0.3"),
    "one label of each of 2000 classes": (one_label_of_many_classes, "--epochs 1 --no-baseline"),
    "two rows": (two_rows, ""),
    "numbers below the smallest normal one": (tiny_numbers, "--test-fraction 0.3"),
    "numbers near the largest": (large_numbers, "--test-fraction 0.3"),
}


@pytest.mark.parametrize(("make", "options"), ODD.values(), ids=ODD)
def test_odd_data_are_trained_on_evaluated_and_predicted_without_a_warning_or_a_number_missing(
    command, tmp_path, make, options
):
    X, y = make()
    own = {} if "test-fraction" in options else {"X_test": X[y >= 0], "y_test": y[y >= 0]}
    np.savez(tmp_path / "data.npz", X=X, y=y, **own)
    run = tmp_path / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = command(
            f"train --epochs 2 --hidden-layers 6 {options} --dataset", tmp_path / "data.npz", "--out", run
        )
        assert (outcome.status, outcome.err) == (0, "")
        held_out = "no test rows" not in outcome.out
        assert command("evaluate", run).status == (0 if held_out else 2)
        np.savez(tmp_path / "new.npz", X=X[:60])
        assert command("predict", run, tmp_path / "new.npz", "--out", tmp_path / "out.csv").status == 0
    for line in (run / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert np.isfinite([record["cost"], *record["denoising"]]).all()
    probabilities = np.array([line[1:] for line in read_table(tmp_path / "out.csv")[1]], float)
    assert probabilities.shape == (min(60, len(X)), y.max() + 1)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_a_model_that_knows_a_column_without_a_name_is_evaluated_with_it(command, tmp_path):
    """An older model, or one of a data frame, was trained on it; a new run on the same file leaves it out."""
    X, y = blobs(60)
    names = ("Unnamed: 0", "a", "b", "c")
    X[:, 0] = np.arange(60)
    write_table(
        tmp_path / "t.csv", (*names, "label"), [[*row, label] for row, label in zip(X.tolist(), y, strict=True)]
    )
    with warnings.catch_warnings(action="ignore"):
        model = ladder_np.LadderClassifier(hidden_layer_sizes=(6,), max_iter=3, random_state=0)
        model.fit(pytest.importorskip("pandas").DataFrame(X, columns=names), y).save(tmp_path / "m.npz")
    outcome = command("evaluate", tmp_path / "m.npz", "--dataset", tmp_path / "t.csv")
    assert (outcome.status, outcome.err) == (0, "")
