"""``ladder-np compare``: the table of a file, its JSON and picture, and one line for each error."""

import json

import numpy as np
import pytest
from command_files import assert_refused, blobs, write_table

QUICK = "--hidden-layers 8 --epochs 3 --repeats 3 --no-variants"
NAMES = ("rose", "tulip", "lily")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A CSV file: three classes with 18, 8 and 4 labels, 90 rows without."""
    return write_labeled(tmp_path_factory.mktemp("compare") / "flowers.csv", (18, 8, 4))


def write_labeled(path, counts, rows=120):
    X, y = blobs(rows)
    labels = np.full(rows, "", dtype=object)
    for k, count in enumerate(counts):
        labels[np.flatnonzero(y == k)[:count]] = NAMES[k]
    return write_table(
        path, ["a", "b", "c", "d", "species"], [[*x, label] for x, label in zip(X, labels, strict=True)]
    )


def test_a_table_with_few_labels_gets_a_verdict(command, table, tmp_path):
    outcome = command("compare", table, "--label-column species", QUICK, "--json", tmp_path / "c.json")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "flowers: 4 features, 120 rows, 30 labeled"
    assert lines[1].startswith("3 repeats: 22 labeled rows to train on, 8 to test on; 90 unlabeled rows")
    assert "supervised only" in outcome.out
    assert max(map(len, lines[:-1])) <= 80
    assert [line.split("  ")[0] for line in outcome.err.splitlines()] == ["repeat 1/3", "repeat 2/3", "repeat 3/3"]
    written = json.loads((tmp_path / "c.json").read_text())
    assert written["verdict"] in " ".join(outcome.out.split())
    assert written["labels"] == {"rose": 18, "tulip": 8, "lily": 4}


def test_the_same_seed_prints_the_same_errors(command, table, tmp_path):
    def errors(seed):
        command("compare", table, "--label-column species --methods none", QUICK, f"--seed {seed} --json", path)
        return {name: one["errors"] for name, one in json.loads(path.read_text())["methods"].items()}

    path = tmp_path / "c.json"
    assert errors(3) == errors(3)
    assert list(errors(3)) == ["ladder", "supervised only"]


def test_options_set_the_estimator_s_parameters(command, table, tmp_path):
    options = "--noise-std 0.2 --denoising-weights 5,1,1 --labeled-statistics own --batch 20 --class-weight balanced"
    path = tmp_path / "c.json"
    command("compare", table, "--label-column species --methods none", QUICK, options, "--json", path)
    model = json.loads(path.read_text())["model"]
    for shown in (
        "hidden_layer_sizes=(8,)",
        "max_iter=3",
        "noise_std=(0.2,)",
        "denoising_weights=(5.0, 1.0, 1.0)",
        "labeled_statistics='own'",
        "batch_size=20",
        "class_weight='balanced'",
    ):
        assert shown in model


def test_named_data_keeps_as_many_labels_as_in_training(command):
    outcome = command("compare digits --methods none", QUICK)
    assert outcome.out.startswith("digits: 64 features, 1797 rows, 50 labeled\n")
    outcome = command("compare digits --labels 40 --methods none", QUICK)
    assert outcome.out.startswith("digits: 64 features, 1797 rows, 40 labeled\n")


def test_data_with_test_rows_of_its_own_is_told_that_they_are_not_used(command, npz_run):
    outcome = command("compare", npz_run.parent / "data.npz", "--methods none", QUICK)
    assert outcome.status == 0
    assert "the 60 test rows that the data brings are not used\n" in outcome.out


def test_a_picture_is_drawn(command, table, tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "c.png"
    outcome = command("compare", table, "--label-column species --methods none", QUICK, "--picture", picture)
    assert outcome.out.endswith(f"picture: {picture}\n")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ("--repeats 1", "repeats 1: expected a whole number >= 2"),
        ("--test-fraction 1.5", "test fraction 1.5"),
        ("--methods boosting", "unknown method 'boosting'"),
        ("--json nowhere/c.json", "cannot write nowhere/c.json: expected a file's name in a folder that exists"),
        ("--picture c.jpg", "--picture c.jpg: expected a name that ends in .png"),
        ("--seed -1", "seed -1"),
        ("--denoising-weights 0", "nothing to compare"),
        ("--epochs 0", "--epochs 0: expected a whole number >= 1"),
        ("--labels 1", "1 labels for 3 classes"),
        ("--label-column kind", "has no column 'kind'"),
    ],
)
def test_wrong_options_are_one_line_before_any_training(command, table, options, fragment):
    outcome = command("compare", table, "--label-column species --methods none", options)
    assert_refused(outcome, fragment)


def test_wrong_data_is_one_line(command, tmp_path):
    one = write_labeled(tmp_path / "one.csv", (9, 9, 1))
    assert_refused(command("compare", one, "--label-column species"), "class 'lily' has 1 labeled row")
    full = write_labeled(tmp_path / "full.csv", (40, 40, 40))
    assert_refused(command("compare", full, "--label-column species"), "every row has a label")
    assert_refused(command("compare", tmp_path / "none.csv"), "none.csv")
    assert_refused(command("compare"), "DATA")


def test_a_network_of_images_may_lack_gamma_and_images_be_moved(command, tmp_path):
    path = tmp_path / "c.json"
    options = "--hidden-layers 8 --epochs 1 --repeats 2 --no-variants --no-top-gamma --translate 1 --flip"
    outcome = command("compare digits", "--methods self-training", options, "--json", path)
    assert outcome.status == 0, outcome.err
    written = json.loads(path.read_text())
    assert list(written["methods"]) == ["ladder", "supervised only", "self-training"]
    for shown in ("top_gamma=False", "translate=1", "flip=True"):
        assert shown in written["model"]


def test_moves_of_rows_that_are_no_images_are_refused(command, table):
    assert_refused(
        command("compare", table, "--label-column species --flip", QUICK), "translate and flip move images"
    )
