"""Wrong input of every kind: one line on standard error, status 2, no result, and nothing written."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from command_files import (
    COLUMNS,
    assert_refused,
    blobs,
    change,
    idx_bytes,
    image_files,
    image_set_of,
    listing,
    load,
    quiet,
    write_blobs,
    write_csv_blobs,
    write_images,
    write_table,
)

from ladder_np.arrays import Device
from ladder_np.data.download import FILES, IMAGE_SETS
from ladder_np.errors import InputError

# Should a wrong input be accepted, the training is over at once.
TRAIN = "train --epochs 1 --hidden-layers 4"
GOOD = f"{TRAIN} --dataset good.npz"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with good and bad files of every kind. Commands that are refused write nothing, so all share it."""
    home = tmp_path_factory.mktemp("errors")
    write_blobs(home / "good.npz")
    write_csv_blobs(home / "good.csv")
    write_bad_archives(home)
    write_bad_tables(home)
    write_bad_images(home)
    quiet(f"{TRAIN} --no-baseline --dataset", home / "good.npz", "--out", home / "run")
    quiet(f"{TRAIN} --no-baseline --dataset", home / "good.csv", "--out", home / "csv_run")
    write_bad_runs(home)
    write_inputs(home)
    write_bad_vectors(home)
    return home


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


def check(command, place, arguments, fragments):
    before = listing(place)
    outcome = command(arguments)
    assert listing(place) == before
    assert_refused(outcome, *fragments)


def write_bad_archives(home):
    good = (home / "good.npz").read_bytes()
    (home / "truncated.npz").write_bytes(good[: len(good) // 2])
    (home / "garbage.npz").write_bytes(bytes(range(256)) * 4)
    (home / "empty.npz").write_bytes(b"")
    (home / "folder.npz").mkdir()
    (home / "text.npz").write_text("a,b,label\n1,2,0\n")
    np.save(home / "single", np.zeros(3))
    (home / "single.npy").rename(home / "single.npz")
    X, y = blobs(60)
    np.savez(home / "objects.npz", X=X.astype(object), y=y)
    for name, entries in {
        "no_y": {"y": None},
        "no_x": {"X": None},
        "nan": {"X": spoilt(load(home / "good.npz")["X"], (7, 2), np.nan)},
        "inf": {"X": spoilt(load(home / "good.npz")["X"], (8, 1), np.inf)},
        "test_nan": {"X_test": spoilt(load(home / "good.npz")["X_test"], (5, 3), np.nan)},
        "one_dimension": {"X": np.arange(200.0)},
        "no_rows": {"X": np.empty((0, 4)), "y": np.empty(0, int)},
        "no_features": {"X": np.empty((200, 0))},
        "texts": {"X": np.full((200, 4), "x")},
        "complex": {"X": np.ones((200, 4), complex)},
        "counts": {"y": np.zeros(199, int)},
        "two_dimensional_y": {"y": np.zeros((200, 1), int)},
        "text_y": {"y": np.full(200, "setosa"), "y_test": np.full(60, "setosa")},
        "fraction": {"y": spoilt(np.arange(200) % 3 * 1.0, 4, 1.5)},
        "nan_y": {"y": spoilt(np.arange(200) % 4 - 1.0, 4, np.nan)},
        "missing_text_y": {"y": spoilt(np.array(["a", "b"] * 100), 6, "?")},
        "no_labels": {"y": np.full(200, -1)},
        "one_class": {"y": np.full(200, 4), "y_test": np.full(60, 4)},
        "bytes_y": {"y": np.full(200, b"a")},
        "unseen": {"y_test": spoilt(np.arange(60) % 3, 9, 7)},
        "unlabeled_test": {"y_test": spoilt(np.arange(60) % 3, 9, -1)},
        "only_x_test": {"y_test": None},
        "only_y_test": {"X_test": None},
        "test_features": {"X_test": np.zeros((60, 5))},
        "test_counts": {"y_test": np.zeros(59, int)},
        "huge": {"X": spoilt(load(home / "good.npz")["X"], (3, 1), 1e300)},
        "huge_test": {"X_test": spoilt(load(home / "good.npz")["X_test"], (3, 1), 1e300)},
    }.items():
        change(home / "good.npz", home / f"{name}.npz", **entries)
    np.savez(home / "two_labels.npz", X=X, y=np.concatenate([[0, 1], np.full(58, -1)]))


def spoilt(array, where, value):
    """The array with one entry replaced."""
    array = array.copy()
    array[where] = value
    return array


def write_bad_tables(home):
    rows = [[str(k), str(k * k), str(k % 2)] for k in range(1, 9)]
    for name, row in {
        "word": ["3", "four", "1"],
        "inf_cell": ["3", "inf", "1"],
        "ragged": ["3", "9"],
        "long": ["3", "9", "1", "7"],
        "fraction": ["3", "9", "0.5"],
        "missing_label": ["3", "9", "NA"],
        "word_label": ["3", "9", "yes"],
    }.items():
        write_table(home / f"{name}.csv", ["a", "b", "label"], [*rows[:2], row, *rows[3:]])
    write_table(home / "no_label.csv", ["a", "b", "c"], rows)
    write_table(home / "only_label.csv", ["label"], [["0"], ["1"]])
    write_table(home / "twice.csv", ["a", "a", "label"], rows)
    write_table(home / "nameless.csv", ["a", "", "label"], rows)
    write_table(home / "header_only.csv", ["a", "b", "label"], [])
    write_table(home / "no_header.csv", rows[0], rows[1:])
    write_table(home / "semicolons.csv", ["a;b;c"], [["1;2;0"], ["3;4;1"]])
    (home / "empty.csv").write_text("")
    (home / "blank_line.csv").write_text("a,b,label\n1,2,0\n\n3,4,1\n")
    (home / "latin.csv").write_bytes("größe,b,label\n1,2,0\n3,4,1\n".encode("latin-1"))
    (home / "quote.csv").write_text('a,b,label\n1,"2,0\n3,4,1\n')


def write_bad_images(home):
    write_images(home / "not_mnist")  # well-formed, and not the official files
    small = image_files()
    images, labels = FILES[0], FILES[1]
    for name, file, content in (
        ("truncated", images, small[images][:-5]),
        ("longer", images, small[images] + b"\0"),
        ("no_header", images, small[images][:9]),
        ("magic", images, b"\0\0\x09\x03" + small[images][4:]),
        ("counts", labels, idx_bytes(np.arange(39) % 2)),
        ("swapped", images, small[labels]),
    ):
        write_images(home / f"{name}_images", small | {file: content})
    write_images(home / "one_missing")
    (home / "one_missing" / "mnist" / f"{FILES[3]}.gz").unlink()
    packed = home / write_images(home / "broken_gzip") / "mnist" / f"{images}.gz"
    packed.write_bytes(packed.read_bytes()[:-30])


def write_bad_runs(home):
    (home / "no_model").mkdir()
    shutil.copytree(home / "run", home / "no_config")
    (home / "no_config" / "config.json").unlink()
    model = home / "run" / "model.npz"
    meta = json.loads(str(load(model)["meta"]))
    weight, sigma = load(model)["param/encoder.1.weight"], load(model)["population/sigma.1"]
    for name, entries in {
        "missing_array": {"param/encoder.1.weight": None},
        "extra_array": {"param/encoder.9.weight": weight},
        "wrong_shape": {"param/encoder.1.weight": weight[:, :3]},
        "wrong_type": {"param/encoder.1.weight": weight.astype(np.float64)},
        "nan": {"param/encoder.1.weight": spoilt(weight, (0, 0), np.nan)},
        "zero_sigma": {"population/sigma.1": np.zeros_like(sigma)},
        "no_meta": {"meta": None},
        "meta_text": {"meta": np.array("no JSON")},
        "meta_list": {"meta": np.array("[1, 2]")},
        "meta_number": {"meta": np.arange(3)},
        "version": {"meta": np.array(json.dumps(meta | {"version": 9}))},
        "format": {"meta": np.array(json.dumps(meta | {"format": "other"}))},
        "sizes_text": {"meta": np.array(json.dumps(meta | {"sizes": "4-3"}))},
        "sizes_float": {"meta": np.array(json.dumps(meta | {"sizes": [4.5, 4, 3]}))},
        "combinator": {"meta": np.array(json.dumps(meta | {"combinator": "other"}))},
        "combinator_list": {"meta": np.array(json.dumps(meta | {"combinator": ["gaussian"]}))},
        "feature_names": {"meta": np.array(json.dumps(meta | {"feature_names": 5}))},
        "few_names": {"meta": np.array(json.dumps(meta | {"feature_names": ["a", "b"]}))},
    }.items():
        shutil.copytree(home / "run", home / f"model_{name}")
        change(model, home / f"model_{name}" / "model.npz", **entries)
    for name, content in {"garbage": b"PK\3\4 no archive", "dataset": (home / "good.npz").read_bytes()}.items():
        shutil.copytree(home / "run", home / f"model_{name}")
        (home / f"model_{name}" / "model.npz").write_bytes(content)
    config = json.loads((home / "run" / "config.json").read_text())
    for name, content in {
        "text": "no JSON",
        "list": "[]",
        "settings": json.dumps(config | {"settings": 5}),
        "unknown_setting": json.dumps(config | {"settings": {"unknown": 5}}),
        "dataset": json.dumps(config | {"settings": config["settings"] | {"dataset": 5}}),
        "epochs": json.dumps(config | {"settings": config["settings"] | {"epochs": "x"}}),
    }.items():
        shutil.copytree(home / "run", home / f"config_{name}")
        (home / f"config_{name}" / "config.json").write_text(content)
    for name, entries in {
        "lost": {"test": None},
        "range": {"test": np.array([10**9])},
        "float": {"test": np.ones(2)},
    }.items():
        shutil.copytree(home / "run", home / f"split_{name}")
        change(home / "run" / "split.npz", home / f"split_{name}" / "split.npz", **entries)


def write_inputs(home):
    """Rows to predict, and what can be wrong with them."""
    rows = blobs(5)[0]
    np.savez(home / "new.npz", X=rows)
    np.savez(home / "new5.npz", X=np.ones((5, 5)))
    np.savez(home / "new1.npz", X=np.ones(4))
    np.savez(home / "new_nan.npz", X=spoilt(rows, (3, 1), np.nan))
    np.savez(home / "new_huge.npz", X=spoilt(rows, (3, 1), 1e300))
    np.savez(home / "new_none.npz", X=np.ones((0, 4)))
    np.savez(home / "no_x_at_all.npz", Z=rows)
    write_table(home / "new.csv", COLUMNS, rows.tolist())
    write_table(home / "lacking.csv", COLUMNS[:3], rows[:, :3].tolist())
    write_table(home / "extra.csv", [*COLUMNS, "color"], [[*row, 1] for row in rows.tolist()])
    write_table(home / "new_text.csv", COLUMNS, [["1", "2", "x", "4"]])
    write_table(home / "none.csv", COLUMNS, [])


def write_bad_vectors(home):
    quiet("vectors", home / "v.npz", "--sizes 5-4-3")
    np.savez(home / "stranger.npz", a=np.zeros(3))
    change(home / "v.npz", home / "v3.npz", meta=np.array('{"version": 3}'))
    change(home / "v.npz", home / "v_text.npz", **{"clean/z.0": np.array(["a"])})


# Each case: the command line, and what the message must contain.
CASES = [
    # the command itself
    ("", "COMMAND"),
    ("frobnicate", "'frobnicate'", "train", "compare-vectors"),
    (f"{GOOD} --frobnicate", "--frobnicate"),
    (f"{GOOD} --epochs", "--epochs"),
    ("evaluate", "MODEL"),
    ("predict run new.npz", "--out"),
    ("fetch", "NAME"),
    ("vectors", "OUT.npz"),
    ("compare-vectors v.npz", "CANDIDATE.npz"),
    # data sets: which file
    (f"{TRAIN} --dataset missing.npz", "missing.npz", "no such file"),
    (f"{TRAIN} --dataset missing.csv", "missing.csv", "no such file"),
    (f"{TRAIN} --dataset nowhere/missing.npz", "nowhere/missing.npz", "no such file"),
    (f"{TRAIN} --dataset good.xlsx", "good.xlsx", "is a spreadsheet; save its table as CSV (UTF-8)"),
    (f"{TRAIN} --dataset imagenet", "imagenet", "digits", "mnist", ".csv"),
    (f"{TRAIN} --dataset folder.npz", "folder.npz"),
    # data sets: archives
    (f"{TRAIN} --dataset truncated.npz", "truncated.npz"),
    (f"{TRAIN} --dataset garbage.npz", "garbage.npz"),
    (f"{TRAIN} --dataset empty.npz", "empty.npz"),
    (f"{TRAIN} --dataset text.npz", "text.npz"),
    (f"{TRAIN} --dataset single.npz", "single.npz", "numpy.savez"),
    (f"{TRAIN} --dataset no_y.npz", "no_y.npz", "no array y", "X"),
    (f"{TRAIN} --dataset no_x.npz", "no_x.npz", "no array X"),
    (f"{TRAIN} --dataset objects.npz", "objects.npz"),
    (f"{TRAIN} --dataset nan.npz", "nan.npz", "row 7", "column 2", "nan"),
    (f"{TRAIN} --dataset inf.npz", "inf.npz", "row 8", "column 1", "inf"),
    (f"{TRAIN} --dataset test_nan.npz", "X_test", "row 5", "column 3"),
    (f"{TRAIN} --dataset one_dimension.npz", "(200,)", "two dimensions"),
    (f"{TRAIN} --dataset no_rows.npz", "(0, 4)"),
    (f"{TRAIN} --dataset no_features.npz", "(200, 0)"),
    (f"{TRAIN} --dataset texts.npz", "X", "<U1", "numbers"),
    (f"{TRAIN} --dataset complex.npz", "complex128", "real numbers"),
    (f"{TRAIN} --dataset counts.npz", "200", "199"),
    (f"{TRAIN} --dataset two_dimensional_y.npz", "(200, 1)"),
    (f"{TRAIN} --dataset text_y.npz", "'setosa'", "two classes"),
    (f"{TRAIN} --dataset fraction.npz", "row 4", "1.5", "whole number"),
    (f"{TRAIN} --dataset nan_y.npz", "row 4", "nan"),
    (f"{TRAIN} --dataset missing_text_y.npz", "row 6", "'?'", "looks like a missing label"),
    (f"{TRAIN} --dataset no_labels.npz", "no row is labeled"),
    (f"{TRAIN} --dataset one_class.npz", "class 4", "two classes"),
    (f"{TRAIN} --dataset bytes_y.npz", "y is of type |S1", "whole numbers or texts"),
    (f"{TRAIN} --dataset unseen.npz", "y_test, row 9", "is 7", "not among the classes"),
    (f"{TRAIN} --dataset unlabeled_test.npz", "y_test", "row 9", "-1"),
    (f"{TRAIN} --dataset only_x_test.npz", "X_test without y_test"),
    (f"{TRAIN} --dataset only_y_test.npz", "y_test without X_test"),
    (f"{TRAIN} --dataset test_features.npz", "4 features", "X_test has 5"),
    (f"{TRAIN} --dataset test_counts.npz", "y_test has 59 labels", "60 rows"),
    (f"{TRAIN} --dataset huge.npz --scaling none", "huge.npz", "row 3", "1e+300", "too large"),
    # found before the training, not after it
    (f"{TRAIN} --dataset huge_test.npz", "huge_test.npz", "X_test", "row 3", "1e+300", "too large"),
    # data sets: tables (lines are counted from 1, the header's)
    (f"{TRAIN} --dataset word.csv", "word.csv", "line 4", "'b'", "'four'"),
    (f"{TRAIN} --dataset inf_cell.csv", "line 4", "'b'", "inf"),
    (f"{TRAIN} --dataset ragged.csv", "line 4", "2 cells", "expected 3"),
    (f"{TRAIN} --dataset long.csv", "line 4", "4 cells", "expected 3"),
    (f"{TRAIN} --dataset fraction.csv", "line 4", "'label'", "0.5"),
    (f"{TRAIN} --dataset missing_label.csv", "line 4", "'label'", "'NA'"),
    (f"{TRAIN} --dataset word_label.csv", "line 4", "'label'", "'yes'"),
    (f"{TRAIN} --dataset no_label.csv", "no column 'label'", "'a', 'b', 'c'"),
    (f"{TRAIN} --dataset good.csv --label-column species", "'species'", "'width'"),
    (f"{TRAIN} --dataset only_label.csv", "no feature beside 'label'"),
    (f"{TRAIN} --dataset twice.csv", "two columns", "'a'"),
    (f"{TRAIN} --dataset nameless.csv", "column 2", "no name"),
    (f"{TRAIN} --dataset header_only.csv", "no rows"),
    (f"{TRAIN} --dataset no_header.csv", "header"),
    (f"{TRAIN} --dataset semicolons.csv", "no column 'label'", "semicolon-separated, are 'a', 'b', 'c'"),
    (f"{TRAIN} --dataset empty.csv", "empty.csv", "is empty"),
    (f"{TRAIN} --dataset blank_line.csv", "line 3", "empty"),
    (f"{TRAIN} --dataset latin.csv", "latin.csv", "UTF-8"),
    (f"{TRAIN} --dataset quote.csv", "quote.csv"),
    # data sets: images
    (f"{TRAIN} --dataset mnist --data-dir nowhere", "nowhere/mnist", FILES[0], "ladder-np fetch mnist"),
    (f"{TRAIN} --dataset mnist --data-dir one_missing", f"no {FILES[3]}.gz", "ladder-np fetch mnist"),
    (f"{TRAIN} --dataset mnist --data-dir truncated_images", FILES[0], "truncated", "480", "475"),
    (f"{TRAIN} --dataset mnist --data-dir longer_images", FILES[0], "after the 480"),
    (f"{TRAIN} --dataset mnist --data-dir no_header_images", FILES[0], "within its header"),
    (f"{TRAIN} --dataset mnist --data-dir magic_images", FILES[0], "00000903", "00000803"),
    (f"{TRAIN} --dataset mnist --data-dir counts_images", "40 rows", "39 labels"),
    (f"{TRAIN} --dataset mnist --data-dir swapped_images", FILES[0], "labels (1 dimension)"),
    (f"{TRAIN} --dataset mnist --data-dir broken_gzip", FILES[0], "truncated"),
    (f"{TRAIN} --dataset mnist --data-dir not_mnist", FILES[0], "wrong checksum", "ladder-np fetch mnist"),
    ("fetch mnist --data-dir not_mnist", FILES[0], "wrong checksum"),
    ("fetch imagenet --data-dir not_mnist", "'imagenet'", "mnist", "fashion-mnist"),
    # how many rows for what
    (f"{GOOD} --labels 51", "51 labels", "50 labeled rows"),
    (f"{GOOD} --labels 2", "2 labels", "3 classes"),
    (f"{GOOD} --labels 0", "0 labels"),
    (f"{GOOD} --labels -3", "-3 labels"),
    (f"{GOOD} --labels abc", "--labels", "'abc'", "whole number"),
    (f"{GOOD} --labels 10.0", "--labels", "'10.0'", "whole number"),
    (f"{GOOD} --validation 48", "48 validation rows", "47"),
    (f"{GOOD} --validation 40 --labels 11", "11 labels", "10 labeled rows"),
    (f"{GOOD} --validation -1", "-1 validation"),
    (f"{TRAIN} --labels 1798", "1798 labels"),
    (f"{TRAIN} --test-fraction 1", "test fraction 1.0", "below 1"),
    (f"{TRAIN} --test-fraction -0.1", "test fraction -0.1"),
    (f"{TRAIN} --test-fraction nan", "test fraction nan"),
    (f"{TRAIN} --test-fraction half", "--test-fraction", "'half'"),
    # a data set with a test set of its own does not make a wrong share right
    (f"{GOOD} --test-fraction 1", "test fraction 1.0"),
    (f"{GOOD} --test-fraction nan", "test fraction nan"),
    # training
    (f"{GOOD} --epochs 0", "epochs 0", ">= 1"),
    (f"{GOOD} --epochs -1", "epochs -1"),
    (f"{GOOD} --preset=", "'' is not the name of a preset", "ladder-np presets lists all"),
    (f"{GOOD} --epochs 1.5", "--epochs", "'1.5'", "whole number"),
    (f"{GOOD} --labeled-batch 1", "labeled batch 1", ">= 2"),
    (f"{GOOD} --unlabeled-batch 1", "unlabeled batch 1", ">= 2"),
    (f"{GOOD} --unlabeled-batch 0", "unlabeled batch 0"),
    (f"{GOOD} --learning-rate 0", "learning rate 0.0", "> 0"),
    (f"{GOOD} --learning-rate -1", "learning rate -1.0"),
    (f"{GOOD} --learning-rate nan", "learning rate nan"),
    (f"{GOOD} --learning-rate inf", "learning rate inf"),
    (f"{GOOD} --learning-rate fast", "--learning-rate", "'fast'"),
    (f"{GOOD} --decay-start 2", "decay start 2.0", "0 to 1"),
    (f"{GOOD} --decay-start -0.5", "decay start -0.5"),
    (f"{GOOD} --decay-start nan", "decay start nan"),
    (f"{GOOD} --seed -1", "seed -1", ">= 0"),
    (f"{GOOD} --split-seed -1", "split seed -1"),
    (f"{GOOD} --seed x", "--seed", "'x'"),
    # the network
    (f"{GOOD} --denoising-weights 1,2", "denoising weights", "2 values", "3 layers"),
    (f"{GOOD} --denoising-weights 1,2,3,4", "4 values", "3 layers"),
    (f"{GOOD} --denoising-weights 1,-2,3", "denoising weights -2"),
    (f"{GOOD} --denoising-weights=-1,2,3", "denoising weights -1"),
    (f"{GOOD} --denoising-weights -1,2,3", "--denoising-weights"),
    (f"{GOOD} --denoising-weights 1,nan,3", "denoising weights nan"),
    (f"{GOOD} --denoising-weights inf", "denoising weights inf"),
    (f"{GOOD} --denoising-weights 1,,3", "--denoising-weights", "'1,,3'"),
    (f"{GOOD} --noise-std 0.1,0.2", "noise std", "2 values", "3 layers"),
    (f"{GOOD} --noise-std -0.1", "noise std -0.1"),
    (f"{GOOD} --noise-std nan", "noise std nan"),
    (f"{GOOD} --noise-std loud", "--noise-std", "'loud'"),
    (f"{GOOD} --preset mnist-7", "'mnist-7'", "ladder-np presets lists all"),
    (f"{GOOD} --preset mnist-100-full --denoising-weights 1", "100 labels asked for", "ask for fewer"),
    (f"{GOOD} --preset mnist-100-full", "7 values of --denoising-weights", "example --denoising-weights 1000,10,0.1"),
    (
        f"{GOOD} --preset mnist-1000-full --denoising-weights 1 --hidden-layers {'4-' * 6}4",
        "has 7 values of --noise-std",
        "name 9, for example --noise-std 0.3,0.2,0.2,0.2,0.2,0.2,0.2,0.2,0.2",
    ),
    (f"{GOOD} --combinator mystery", "'mystery'", "gaussian", "gated_gaussian"),
    (f"{GOOD} --activation mystery", "'mystery'", "relu", "tanh"),
    (f"{GOOD} --dtype float16", "'float16'", "float32", "float64"),
    (f"{GOOD} --device tpu", "'tpu'", "cpu", "cuda", "auto"),
    (f"{GOOD} --scaling whiten", "'whiten'", "pixels", "standardize", "none"),
    (f"{GOOD} --scaling pixels", "pixels", "float64", "uint8"),
    (f"{GOOD} --hidden-layers 0", "0"),
    (f"{GOOD} --hidden-layers 10-x", "--hidden-layers", "'10-x'"),
    (f"{GOOD} --hidden-layers 10-", "--hidden-layers", "'10-'"),
    (f"{GOOD} --hidden-layers 10--5", "--hidden-layers", "'10--5'"),
    (f"{GOOD} --hidden-layers 30000000-30000000", "memory"),
    (f"{GOOD} --hidden-layers 99999999999-99999999999", "99999999999"),
    (f"{TRAIN} --dataset two_labels.npz --labeled-batch 1", "labeled batch 1"),
    # where the run goes
    (f"{GOOD} --out run", "run", "exists already"),
    (f"{GOOD} --out good.npz", "good.npz", "exists already"),
    (f"{GOOD} --out good.npz/run", "good.npz/run", "Not a directory"),
    # evaluate
    ("evaluate nowhere", "nowhere", "no such run folder"),
    ("evaluate good.npz", "good.npz", "a run's folder", "--dataset"),
    ("evaluate no_model", "no_model", "no model.npz"),
    ("evaluate no_config", "no_config/config.json"),
    ("evaluate config_text", "config_text/config.json"),
    ("evaluate config_list", "config_list/config.json"),
    ("evaluate config_settings", "config_settings/config.json", "settings"),
    ("evaluate config_unknown_setting", "config_unknown_setting/config.json", "unknown"),
    ("evaluate config_dataset", "config_dataset/config.json"),
    ("evaluate config_epochs", "config_epochs/config.json", "epochs 'x'"),
    ("evaluate split_lost", "split_lost/split.npz", "damaged"),
    ("evaluate split_range", "split_range/split.npz", "damaged"),
    ("evaluate split_float", "split_float/split.npz", "damaged"),
    ("evaluate run --device tpu", "'tpu'", "cpu"),
    ("evaluate model_garbage", "model_garbage/model.npz"),
    ("evaluate model_dataset", "model_dataset/model.npz", "not a model file"),
    ("evaluate model_no_meta", "model_no_meta/model.npz", "not a model file"),
    ("evaluate model_meta_text", "model_meta_text/model.npz", "not a model file"),
    ("evaluate model_meta_list", "model_meta_list/model.npz", "not a model file"),
    ("evaluate model_meta_number", "model_meta_number/model.npz", "not a model file"),
    ("evaluate model_format", "model_format/model.npz", "not a model file"),
    ("evaluate model_version", "model_version/model.npz", "version 9", "1, 2, 3, 4, 5"),
    ("evaluate model_missing_array", "model_missing_array/model.npz", "encoder.1.weight is missing"),
    ("evaluate model_extra_array", "model_extra_array/model.npz", "encoder.9.weight"),
    ("evaluate model_wrong_shape", "model_wrong_shape/model.npz", "encoder.1.weight", "(4, 4)"),
    ("evaluate model_wrong_type", "model_wrong_type/model.npz", "encoder.1.weight", "float32", "float64"),
    ("evaluate model_nan", "model_nan/model.npz", "encoder.1.weight", "NaN"),
    ("evaluate model_zero_sigma", "model_zero_sigma/model.npz", "sigma.1"),
    ("evaluate model_sizes_text", "model_sizes_text/model.npz", "sizes"),
    ("evaluate model_sizes_float", "model_sizes_float/model.npz", "4.5"),
    ("evaluate model_combinator", "model_combinator/model.npz", "'other'"),
    ("evaluate model_combinator_list", "model_combinator_list/model.npz", "combinator"),
    ("evaluate model_feature_names", "model_feature_names/model.npz", "feature_names"),
    ("evaluate model_few_names", "model_few_names/model.npz", "feature names"),
    # predict
    ("predict nowhere new.npz --out p.csv", "nowhere", "no such run folder"),
    ("predict model_nan new.npz --out p.csv", "model_nan/model.npz", "NaN"),
    ("predict run missing.npz --out p.csv", "missing.npz", "no such file"),
    ("predict run missing.csv --out p.csv", "missing.csv", "no such file"),
    ("predict run new.txt --out p.csv", "new.txt", ".npz", ".csv", "-ubyte"),
    ("predict run garbage.npz --out p.csv", "garbage.npz"),
    ("predict run no_x_at_all.npz --out p.csv", "no array X", "Z"),
    ("predict run new5.npz --out p.csv", "4 features", "5"),
    ("predict run new1.npz --out p.csv", "(4,)", "two dimensions"),
    ("predict run new_nan.npz --out p.csv", "row 3", "column 1", "nan"),
    ("predict run new_huge.npz --out p.csv", "row 3", "1e+300", "too large"),
    ("predict run new_none.npz --out p.csv", "(0, 4)"),
    ("predict csv_run lacking.csv --out p.csv", "'age'"),
    ("predict csv_run extra.csv --out p.csv", "'color'"),
    ("predict csv_run new_text.csv --out p.csv", "line 2", "'weight'"),
    ("predict csv_run none.csv --out p.csv", "no rows"),
    ("predict csv_run new5.npz --out p.csv", "4 features", "5"),
    ("evaluate csv_run --dataset new.csv --label-column age", "'age' is a feature of the model"),
    ("predict run new.npz --out nowhere/p.csv", "nowhere/p.csv"),
    ("predict run new.npz --out good.npz/p.csv", "good.npz/p.csv"),
    ("predict run new.npz --out no_model", "no_model", "folder"),
    ("predict run new.npz --out p.csv --device tpu", "'tpu'"),
    # gradient checks and test vectors
    ("gradcheck --labeled 4", "4 labeled", "needs 5"),
    ("gradcheck --sizes 5", "at least two"),
    ("gradcheck --seed -1", "seed -1"),
    ("gradcheck --combinator mystery", "'mystery'", "gaussian"),
    ("gradcheck --activation mystery", "'mystery'", "relu"),
    ("gradcheck --noise-std 1,2", "noise std", "2 values"),
    ("gradcheck --dtype float32", "--dtype"),
    ("gradcheck --device tpu", "'tpu'"),
    ("vectors new_v.npz --sizes 5", "layer sizes 5", "at least two"),
    ("vectors new_v.npz --sizes 5-0-3", "0"),
    ("vectors new_v.npz --sizes 5-4-1", "at least 2"),
    ("vectors new_v.npz --sizes 5-4-x", "--sizes", "'5-4-x'"),
    ("vectors new_v.npz --sizes 99999999999-99999999999-3", "99999999999"),
    ("vectors new_v.npz --labeled 1", "1 labeled", "at least 2"),
    ("vectors new_v.npz --unlabeled 1", "1 unlabeled", "at least 2"),
    ("vectors new_v.npz --labeled -5", "-5 labeled"),
    ("vectors new_v.npz --seed -1", "seed -1"),
    ("vectors new_v.npz --dtype float16", "'float16'", "float32"),
    ("vectors new_v.npz --denoising-weights 1,2", "2 values", "4 layers"),
    ("vectors nowhere/v.npz", "nowhere/v.npz"),
    ("vectors no_model", "no_model", "folder"),
    ("compare-vectors missing.npz v.npz", "missing.npz", "no such file"),
    ("compare-vectors v.npz missing.npz", "missing.npz", "no such file"),
    ("compare-vectors v.npz garbage.npz", "garbage.npz"),
    ("compare-vectors v.npz stranger.npz", "no key in common"),
    ("compare-vectors stranger.npz v.npz", "stranger.npz", "version"),
    ("compare-vectors v3.npz v.npz", "v3.npz", "version 3, of a later version", "versions 1, 2"),
    ("compare-vectors v.npz v_text.npz", "v_text.npz", "clean/z.0"),
    ("compare-vectors v.npz v.npz --require gradient/", "'gradient/'"),
    ("compare-vectors v.npz v.npz --tolerance -1", "--tolerance -1", ">= 0"),
    ("compare-vectors v.npz v.npz --tolerance nan", "--tolerance nan"),
    ("compare-vectors v.npz v.npz --tolerance much", "--tolerance", "'much'"),
]


@pytest.mark.parametrize(
    ("arguments", "fragments"), [(case[0], case[1:]) for case in CASES], ids=[c[0] for c in CASES]
)
def test_wrong_input_gets_one_line_and_writes_nothing(command, inside, arguments, fragments):
    check(command, inside, arguments, fragments)


def test_official_looking_images_whose_test_set_brings_a_new_class_are_refused(
    command, inside, monkeypatch, tmp_path
):
    files = image_files() | {FILES[3]: idx_bytes(np.arange(20) % 3)}
    monkeypatch.setitem(IMAGE_SETS, "mnist", image_set_of(files))
    write_images(tmp_path / "data", files)
    outcome = command(f"{TRAIN} --dataset mnist --labels 10 --data-dir", tmp_path / "data")
    assert_refused(outcome, "y_test", "is 2, which is not among the classes")


def cuda_works():
    try:
        Device("cuda")
    except InputError:
        return False
    return True


@pytest.mark.skipif(cuda_works(), reason="this machine has a GPU and CuPy")
@pytest.mark.parametrize(
    "arguments",
    [GOOD, "gradcheck", "evaluate run", "predict run new.npz --out p.csv"],
    ids=lambda text: text.split()[0],
)
def test_without_a_gpu_cuda_is_refused_and_the_message_says_what_is_missing(command, inside, arguments):
    check(command, inside, f"{arguments} --device cuda", ("'cuda'", "CuPy", "'cpu'"))


@pytest.mark.skipif(cuda_works(), reason="this machine has a GPU and CuPy")
def test_auto_takes_the_cpu_where_there_is_no_gpu(command):
    assert command("gradcheck --sizes 5-4-3 --device auto").status == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
@pytest.mark.parametrize(
    "arguments", [f"{GOOD} --out locked/run", "predict run new.npz --out locked/p.csv", "vectors locked/v.npz"]
)
def test_a_folder_that_may_not_be_written_is_named(command, inside, arguments):
    locked = inside / "locked"
    locked.mkdir(exist_ok=True)
    locked.chmod(0o500)
    try:
        check(command, inside, arguments, ("locked", "Permission denied"))
    finally:
        locked.chmod(0o700)


def test_the_default_folder_cannot_be_made_below_a_file(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("no folder")
    write_blobs(tmp_path / "good.npz")
    before = listing(tmp_path)
    assert_refused(command(GOOD), "runs/good-1")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("arguments", ["--help", "train --help", "vectors --help", "--version"])
def test_help_and_version_go_to_standard_output_with_status_0(command, arguments):
    outcome = command(arguments)
    assert (outcome.status, outcome.err) == (0, "")
    assert re.match(r"usage: ladder-np|ladder-np \d+\.\d+", outcome.out)
