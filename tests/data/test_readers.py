"""The digits, image sets, npz and CSV files, folders, rows to predict: good ones, and one line for each bad one."""

import gzip
import hashlib
import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_files import GOOD_CSV, idx_bytes, line_of, packed, small_set, table_entry, write_set, write_text

from ladder_np.data import download, readers
from ladder_np.data.download import FILES
from ladder_np.data.readers import (
    load_digits,
    load_folder,
    load_images,
    load_npz,
    open_dataset,
    read_rows,
)
from ladder_np.data.stored import StoredRows
from ladder_np.data.tables import TableOptions
from ladder_np.experiments.experiment import fingerprint

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)


# --- the embedded digits


def test_the_digits_are_the_1797_of_the_uci_test_part_unchanged():
    dataset = load_digits()
    assert (dataset.name, dataset.pixel_maximum) == ("digits", 16)
    assert dataset.X.shape == (1797, 64)
    assert dataset.X.dtype == np.uint8
    assert np.bincount(dataset.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert dataset.classes.tolist() == list(range(10))
    assert dataset.X_test is None
    digest = hashlib.sha256(dataset.X.tobytes() + dataset.y.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_the_digits_are_small_and_say_where_they_come_from():
    folder = Path(readers.__file__).parent
    assert (folder / "digits.npz").stat().st_size < 200_000
    text = (folder / "digits.md").read_text(encoding="utf-8")
    for part in ("Alpaydin", "Kaynak", "10.24432/C50P49", "CC BY 4.0"):
        assert part in text


# --- image sets


@pytest.fixture
def image_folder(tmp_path, monkeypatch):
    """A folder `mnist` with a little image set that the table knows."""
    plain = small_set()
    monkeypatch.setitem(download.IMAGE_SETS, "mnist", table_entry(plain))
    write_set(tmp_path / "mnist", plain)
    return tmp_path / "mnist"


def test_an_image_set_is_read_with_its_test_set(image_folder):
    dataset = load_images("mnist", image_folder)
    assert (dataset.name, dataset.pixel_maximum) == ("mnist", 255)
    assert dataset.X.shape == (6, 6)
    assert dataset.X_test.shape == (4, 6)
    assert dataset.X.dtype == dataset.X_test.dtype == np.uint8
    assert dataset.X.tobytes() == small_set()["train-images-idx3-ubyte"][16:]
    assert dataset.y.tolist() == [0, 1, 0, 1, 0, 1]
    assert dataset.y_test.tolist() == [0, 1, 0, 1]


def test_unpacked_mnist_files_are_accepted(image_folder):
    for path in list(image_folder.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert load_images("mnist", image_folder).X.shape == (6, 6)


@pytest.mark.parametrize("point", [False, True])
def test_fashion_is_told_by_what_is_inside_its_files_however_they_are_packed(tmp_path, monkeypatch, point):
    plain = small_set()
    monkeypatch.setitem(download.IMAGE_SETS, "fashion-mnist", table_entry(plain))
    folder = tmp_path / "fashion-mnist"
    write_set(folder, plain)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    name = "t10k-labels.idx1-ubyte" if point else "t10k-labels-idx1-ubyte"
    (folder / name).write_bytes(plain["t10k-labels-idx1-ubyte"])
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(plain["train-labels-idx1-ubyte"], compresslevel=1, mtime=1))
    assert load_images("fashion-mnist", folder).X.shape == (6, 6)


SET = small_set()
OTHER_LABELS = idx_bytes(np.array([1, 0, 1, 0, 1, 0]))
BAD_SET = {
    "truncated": ("train-images-idx3-ubyte", packed(SET["train-images-idx3-ubyte"][:-1]), "truncated"),
    "cut": ("train-images-idx3-ubyte", packed(SET["train-images-idx3-ubyte"])[:-9], "gzip data end early"),
    "counts": (
        "train-labels-idx1-ubyte",
        packed(idx_bytes(np.arange(5) % 2)),
        "y has 5 labels for 6 rows",
    ),
    "test counts": ("t10k-labels-idx1-ubyte", packed(idx_bytes(np.arange(3) % 2)), "y_test has 3 labels for 4 rows"),
    "labels for images": (
        "train-images-idx3-ubyte",
        packed(OTHER_LABELS),
        "train-images-idx3-ubyte.gz: holds labels (1 dimension); expected images (3 dimensions)",
    ),
    "images for labels": (
        "t10k-labels-idx1-ubyte",
        packed(SET["t10k-images-idx3-ubyte"]),
        "t10k-labels-idx1-ubyte.gz: holds images (3 dimensions); expected labels",
    ),
    "other content": (
        "train-labels-idx1-ubyte",
        packed(OTHER_LABELS),
        "train-labels-idx1-ubyte.gz: wrong checksum: expected sha256 "
        f"{hashlib.sha256(SET['train-labels-idx1-ubyte']).hexdigest()[:12]}..., "
        f"found {hashlib.sha256(OTHER_LABELS).hexdigest()[:12]}...; delete the file and get it again",
    ),
}


@pytest.mark.parametrize(("file", "content", "message"), BAD_SET.values(), ids=BAD_SET)
def test_a_bad_file_of_an_image_set_is_told_by_what_is_wrong(image_folder, file, content, message):
    (image_folder / f"{file}.gz").write_bytes(content)
    line = line_of(load_images, "mnist", image_folder)
    assert message in line
    assert line.startswith(str(image_folder))


def test_a_missing_image_file_is_named_with_the_command_that_gets_it(image_folder):
    (image_folder / "t10k-images-idx3-ubyte.gz").unlink()
    line = line_of(open_dataset, "mnist", image_folder.parent)
    assert line == (
        f"{image_folder}: has no t10k-images-idx3-ubyte.gz; "
        f"get it with `ladder-np fetch mnist --data-dir {image_folder.parent}`"
    )


def test_an_unknown_image_set_is_refused(tmp_path):
    assert "unknown image set 'cifar'; choose one of mnist, fashion-mnist" in line_of(load_images, "cifar", tmp_path)


def real_data():
    return Path(os.environ.get("LADDER_NP_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")


def test_the_real_mnist_is_read_checked_and_takes_little_more_memory_than_its_arrays():
    if not (real_data() / "mnist").is_dir():
        pytest.skip(f"no folder mnist in {real_data()}; name one with LADDER_NP_DATA")
    tracemalloc.start()
    try:
        dataset = open_dataset("mnist", real_data())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert dataset.X.shape == (60_000, 784)
    assert dataset.X_test.shape == (10_000, 784)
    assert dataset.X.dtype == dataset.X_test.dtype == np.uint8
    assert np.bincount(dataset.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert len(dataset.y_test) == 10_000
    arrays = (dataset.X, dataset.y, dataset.X_test, dataset.y_test)
    assert peak < 1.3 * sum(array.nbytes for array in arrays)


# --- npz


def write_archive(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_npz_is_read_with_and_without_a_test_set(tmp_path):
    X = np.arange(8.0).reshape(4, 2)
    dataset = load_npz(write_archive(tmp_path / "my.npz", X=X, y=[3, 4, -1, 3]))
    assert (dataset.name, dataset.pixel_maximum, dataset.X_test) == ("my", None, None)
    assert dataset.classes.tolist() == [3, 4]
    assert (dataset.X == X).all()
    dataset = load_npz(write_archive(tmp_path / "my.npz", X=X, y=[0, 1, 0, 1], X_test=X[:1], y_test=[1]))
    assert dataset.y_test.tolist() == [1]


def test_the_labels_of_an_npz_are_classes_of_any_kind(tmp_path):
    X = np.arange(8.0).reshape(4, 2)
    for y, classes, index in (
        (["b", "", "a", "-1"], ["a", "b"], [1, -1, 0, -1]),
        ([True, False, True, True], [False, True], [1, 0, 1, 1]),
        ([-4, 9, -1, 9], [-4, 9], [0, 1, -1, 1]),
    ):
        dataset = load_npz(write_archive(tmp_path / "my.npz", X=X, y=y, X_test=X[:1], y_test=y[:1]))
        assert dataset.classes.tolist() == classes
        assert dataset.y.tolist() == index
        assert dataset.y_test.tolist() == index[:1]


def test_npz_of_bytes_counts_as_pixels(tmp_path):
    images = np.arange(48, dtype=np.uint8).reshape(3, 4, 4) * 5
    dataset = load_npz(write_archive(tmp_path / "my.npz", X=images, y=[0, 1, 0]))
    assert dataset.pixel_maximum == 255
    assert dataset.X.shape == (3, 16)


def npz_with_header(path, shape):
    header = io.BytesIO()
    description = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", header.getvalue() + bytes(8))


def encrypted_npz(path):
    write_archive(path, X=np.ones(1))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)


def single_array(path):
    with open(path, "wb") as file:
        np.save(file, np.ones(3))


def npz_of_text(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X", b"1 2 3")


GOOD = {"X": np.ones((2, 2)), "y": np.array([0, 1])}
BAD_NPZ = {
    "missing": (lambda path: None, "no such file"),
    "text": (lambda path: path.write_text("hello"), "cannot be read as an .npz archive"),
    "empty": (lambda path: path.write_bytes(b""), "cannot be read as an .npz archive"),
    "truncated": (
        lambda path: path.write_bytes(write_archive(path, **GOOD).read_bytes()[:-30]),
        "cannot be read as an .npz archive",
    ),
    "objects": (lambda path: write_archive(path, X=np.array([None]), y=[0]), "cannot be read as an .npz archive"),
    "single array": (single_array, "got a single array"),
    "encrypted": (encrypted_npz, "cannot be read as an .npz archive"),
    "more than memory": (lambda path: npz_with_header(path, (10**14,)), "cannot be read as an .npz archive"),
    "more than int64": (lambda path: npz_with_header(path, (2**70,)), "cannot be read as an .npz archive"),
    "no X": (lambda path: write_archive(path, x=1, y=[0]), "has no array X; expected X and y, found: x, y"),
    "no y": (lambda path: write_archive(path, X=GOOD["X"]), "has no array y; expected X and y, found: X"),
    "no arrays": (npz_of_text, "has no array X; expected X and y, found: none"),
    "counts": (lambda path: write_archive(path, X=GOOD["X"], y=[0]), "y has 1 labels for 2 rows"),
    "half a test set": (lambda path: write_archive(path, **GOOD, X_test=GOOD["X"]), "without y_test"),
}


@pytest.mark.parametrize(("make", "message"), BAD_NPZ.values(), ids=BAD_NPZ)
def test_a_bad_npz_is_told_by_what_is_wrong(tmp_path, make, message):
    path = tmp_path / "my.npz"
    make(path)
    line = line_of(load_npz, path)
    assert line.startswith(f"{path}: ")
    assert message in line


def test_a_path_too_long_for_the_system_is_a_missing_file(tmp_path):
    for ending in (".npz", ".csv"):
        assert "File name too long" in line_of(open_dataset, "x" * 300 + ending, None)


# --- folders


def write_folder(folder, **files):
    """A folder of `.npy` files, or of bytes under names with _ for -."""
    folder.mkdir()
    for name, value in files.items():
        if isinstance(value, bytes):
            (folder / name.replace("_", "-")).write_bytes(value)
        else:
            np.save(folder / f"{name}.npy", value)
    return folder


ROWS = np.random.default_rng(1).standard_normal((6, 2, 2))
LABELS = np.array([3, 4, 5, -1, -1, 3])


def test_a_folder_is_an_unpacked_npz_whose_rows_stay_in_their_files(tmp_path):
    arrays = {"X": ROWS, "y": LABELS, "X_test": ROWS[:3].reshape(3, 4), "y_test": LABELS[:3]}
    folder = write_folder(tmp_path / "mine", **arrays)
    archive = load_npz(write_archive(tmp_path / "mine.npz", **arrays))
    dataset = load_folder(folder)
    assert (dataset.name, dataset.pixel_maximum, dataset.classes.tolist()) == ("mine", None, [3, 4, 5])
    assert isinstance(dataset.X, StoredRows)
    assert isinstance(dataset.X_test, StoredRows)
    for name in ("X", "y", "X_test", "y_test"):
        assert (np.asarray(getattr(dataset, name)) == getattr(archive, name)).all()
    assert fingerprint(dataset) == fingerprint(archive)


@pytest.mark.parametrize("pack", [bytes, packed])
def test_a_folder_may_have_idx_files_and_labels_of_either_kind(tmp_path, pack):
    plain = {file: idx_bytes(np.array([0, 1, 0, 1, 0])) for file in FILES[1::2]}
    plain |= {file: idx_bytes(IMAGES) for file in FILES[::2]}
    folder = tmp_path / "emnist"
    folder.mkdir()
    for file, data in plain.items():
        (folder / (file + ".gz" * (pack is packed))).write_bytes(pack(data))
    dataset = load_folder(folder)
    assert (dataset.X.shape, dataset.X.dtype, dataset.pixel_maximum) == ((5, 12), np.uint8, 255)
    assert (np.asarray(dataset.X) == IMAGES.reshape(5, 12)).all()
    assert isinstance(dataset.X, StoredRows) == (pack is bytes)
    assert dataset.y_test.tolist() == [0, 1, 0, 1, 0]
    for file in folder.glob("*idx1*"):
        file.unlink()
    (folder / FILES[2]).unlink(missing_ok=True)
    (folder / f"{FILES[2]}.gz").unlink(missing_ok=True)
    np.save(folder / "y.npy", np.array([0, 1, -1, -1, -1]))
    assert load_folder(folder).y.tolist() == [0, 1, -1, -1, -1]


BAD_FOLDERS = {
    "empty": ({}, "has no X.npy; expected a folder with X.npy and y.npy (-1: unlabeled)"),
    "no labels": ({"X": ROWS}, "has no y.npy; expected"),
    "no features": ({"y": LABELS}, "has no X.npy; expected"),
    "two of one": ({"X": ROWS, "y": LABELS, FILES[0]: idx_bytes(IMAGES)}, f"has X.npy and {FILES[0]}; leave one"),
    "counts": ({"X": ROWS, "y": LABELS[:4]}, "y has 4 labels for 6 rows"),
    "labels of images": (
        {"X": ROWS, "y": ROWS},
        "y should be a 1d array: one label per row; it is an array of the shape (6, 2, 2)",
    ),
    "half a test set": ({"X": ROWS, "y": LABELS, "X_test": ROWS}, "has X_test without y_test"),
}


@pytest.mark.parametrize(("files", "message"), BAD_FOLDERS.values(), ids=BAD_FOLDERS)
def test_a_bad_folder_is_told_by_what_is_wrong(tmp_path, files, message):
    folder = write_folder(tmp_path / "mine", **files)
    line = line_of(load_folder, folder)
    assert line.startswith(f"{folder}: ")
    assert message in line


@pytest.mark.parametrize("test", ["t10k", "test"])
@pytest.mark.parametrize("before", ["", "emnist-letters-"])
@pytest.mark.parametrize("ending", ["-{}-ubyte", ".{}-ubyte", "-{}-ubyte.gz"])
def test_a_folder_may_have_the_files_of_an_image_set_under_their_usual_names(tmp_path, test, before, ending):
    for (part, kind), plain in zip(
        [("train", "images"), ("train", "labels"), (test, "images"), (test, "labels")], SET.values(), strict=True
    ):
        name = f"{before}{part}-{kind}{ending.format('idx3' if kind == 'images' else 'idx1')}"
        (tmp_path / name).write_bytes(packed(plain) if name.endswith(".gz") else plain)
    dataset = load_folder(tmp_path)
    assert (dataset.X.shape, dataset.X_test.shape) == ((6, 6), (4, 6))
    assert dataset.y_test.tolist() == [0, 1, 0, 1]


# --- rows to predict


def test_features_are_read_from_npz_csv_and_idx(tmp_path):
    rows = read_rows(write_archive(tmp_path / "my.NPZ.npz", X=IMAGES))
    assert (rows.X.shape, rows.X.dtype, rows.names) == ((5, 12), np.uint8, None)
    rows = read_rows(write_text(tmp_path / "my.CSV", GOOD_CSV))
    assert rows.X.tolist() == [[1, 2.5], [-300, 4], [5, 6], [7, 8]]
    assert rows.names == ("a", "b")
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(packed(idx_bytes(IMAGES)))
    rows = read_rows(tmp_path / "t10k-images-idx3-ubyte.gz")
    assert rows.X.tolist() == IMAGES.reshape(5, 12).tolist()
    assert rows.names is None
    folder = write_folder(tmp_path / "f", X=ROWS)
    for path in (folder, folder / "X.npy"):
        rows = read_rows(path)
        assert (np.asarray(rows.X) == ROWS.reshape(6, 4)).all()
        assert rows.names is None


def test_features_need_no_label_column_and_ignore_what_is_in_it(tmp_path):
    for text in ("a,b\n1,2\n", "a,label,b\n1,whatever,2\n"):
        rows = read_rows(write_text(tmp_path / "my.csv", text))
        assert rows.X.tolist() == [[1, 2]]
        assert rows.names == ("a", "b")


BAD_FEATURES = {
    "other ending": (
        "x.txt",
        lambda path: path.write_text("1"),
        "unknown kind of file; expected .csv, .tsv, .csv.gz",
    ),
    "no X": ("x.npz", lambda path: write_archive(path, Y=[1]), "has no array X; expected X, found: Y"),
    "one dimension": ("x.npz", lambda path: write_archive(path, X=[1.0]), "X has the shape (1,)"),
    "nan": ("x.npz", lambda path: write_archive(path, X=[[1, 2], [1, np.nan]]), "X, row 1, column 1"),
    "labels": ("x-ubyte", lambda path: path.write_bytes(idx_bytes(np.arange(3))), "X has the shape (3,)"),
    "empty csv": ("x.csv", lambda path: path.write_text(""), "is empty"),
    "bad cell": ("x.csv", lambda path: path.write_text("a,b\n1,2\n1,x\n"), "line 3, column 'b' is 'x'"),
    "label alone": ("x.csv", lambda path: path.write_text("label\n1\n"), "has no feature beside 'label'"),
}


@pytest.mark.parametrize(("name", "make", "message"), BAD_FEATURES.values(), ids=BAD_FEATURES)
def test_bad_rows_to_predict_are_told_by_what_is_wrong(tmp_path, name, make, message):
    make(tmp_path / name)
    line = line_of(read_rows, tmp_path / name)
    assert line.startswith(f"{tmp_path / name}: ")
    assert message in line


# --- the door


def test_a_dataset_is_opened_by_name_or_by_the_ending_of_its_path(tmp_path, image_folder):
    assert open_dataset("digits", None).name == "digits"
    assert open_dataset("mnist", image_folder.parent).name == "mnist"
    assert open_dataset(str(write_archive(tmp_path / "n.npz", **GOOD)), None).name == "n"
    text = GOOD_CSV.replace("label", "kind")
    assert open_dataset(str(write_text(tmp_path / "c.csv", text)), None, TableOptions("kind")).name == "c"
    folder = write_folder(tmp_path / "f", X=ROWS, y=LABELS)
    assert open_dataset(str(folder), None).name == open_dataset(str(folder / "X.npy"), None).name == "f"


@pytest.mark.parametrize("name", ["rows.npy", "train-images-idx3-ubyte.zip-ubyte", "x-ubyte.gz"])
def test_features_alone_are_refused_with_what_to_do(tmp_path, name):
    line = line_of(open_dataset, str(tmp_path / name), None)
    assert line == f"{tmp_path / name}: has no labels; put it into a folder as X.npy, with y.npy, and name the folder"


@pytest.mark.parametrize("name", ["cifar", "", "data.doc", "Digits"])
def test_an_unknown_dataset_gets_the_choices(name):
    line = line_of(open_dataset, name, None)
    assert line.startswith(f"unknown dataset {name!r}; choose digits, mnist, fashion-mnist")
