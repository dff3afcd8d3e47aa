"""From a name or a path to a checked dataset: the embedded digits, image sets, folders of arrays, `.npz`, `.csv`."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from ladder_np.data.cifar import CIFAR_10, FOLDER, find_cifar10, load_cifar10
from ladder_np.data.dataset import Dataset, Features, ImageShape, check_features, find_image_shape, make_dataset
from ladder_np.data.delimited import TABLE_ENDINGS, is_table, table_name
from ladder_np.data.documents import LINES_ENDINGS, has_folders_of_texts, read_folder_of_texts, read_lines
from ladder_np.data.download import (
    FILES,
    IMAGE_SETS,
    cache_folder,
    check_file,
    fetch,
    fetch_command,
    find_file,
    image_set,
)
from ladder_np.data.images import (
    IMAGE_ENDINGS,
    TEST,
    TRAIN,
    find_images,
    has_folders_of_images,
    images_of_classes,
    read_images,
)
from ladder_np.data.labels import Labels, mark_in_tables, parse_labels, plain_classes
from ladder_np.data.pixels import BYTE, find_pixel_maximum
from ladder_np.data.sequences import TEXT_ENDINGS, read_sequence
from ladder_np.data.sparse import SparseRows
from ladder_np.data.stored import open_idx, open_npy
from ladder_np.data.tables import AS_FOUND, TableOptions, read_table
from ladder_np.errors import InputError, warn
from ladder_np.files import read_npz

__all__ = ["Rows", "load_digits", "load_folder", "load_images", "load_npz", "load_table", "open_dataset", "read_rows"]

# The files that a folder may have each array of a dataset in: what NumPy saves; MNIST's, packed or not, with a point
# for the second hyphen, as many programs unpack them; or EMNIST's, which the name of one of its sets precedes.
ARRAY_FILES = {
    "X": r"X\.npy|(.*-)?train-images[-.]idx3-ubyte(\.gz)?",
    "y": r"y\.npy|(.*-)?train-labels[-.]idx1-ubyte(\.gz)?",
    "X_test": r"X_test\.npy|(.*-)?(t10k|test)-images[-.]idx3-ubyte(\.gz)?",
    "y_test": r"y_test\.npy|(.*-)?(t10k|test)-labels[-.]idx1-ubyte(\.gz)?",
}
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
IDX_ENDINGS = ("-ubyte", "-ubyte.gz")


def load_digits() -> Dataset:
    """The 1,797 embedded digits: X (1797, 64) uint8 from 0 to 16, all labeled, without a test set."""
    with resources.as_file(resources.files("ladder_np.data") / "digits.npz") as path:
        arrays = read_npz(path, "the embedded digits")
        X, y = arrays["X"], arrays["y"]
        return make_dataset("digits", X, y, pixel_maximum=16, image_shape=(8, 8, 1), source=str(path))


def load_images(name: str, folder: Path) -> Dataset:
    """Read an image set from its four IDX files in `folder`; its pixels stay uint8, its test images are the test set.

    Raises InputError if a file is missing or damaged, counts differ, or a file is not the official one (sha256).
    """
    image_set(name)  # refuses an unknown one
    paths = [find_file(file, folder) for file in FILES]
    present = [path for path in paths if path is not None]
    if len(present) < len(FILES):
        missing = FILES[paths.index(None)]
        raise InputError(f"{folder}: has no {missing}.gz; get it with `{fetch_command(name, folder.parent)}`")
    X, y, X_test, y_test = (_read_part(path, file) for path, file in zip(present, FILES, strict=True))
    dataset = make_dataset(name, X, y, X_test, y_test, pixel_maximum=255, source=str(folder))
    # Last, so that a damaged file is told by what is wrong in it and not by its checksum.
    for file, path in zip(FILES, present, strict=True):
        check_file(name, file, path)
    return dataset


def _read_part(path: Path, file: str) -> Features:
    values = open_idx(path)
    dimensions = 3 if "idx3" in file else 1
    if values.ndim != dimensions:
        kinds = {1: "labels (1 dimension)", 3: "images (3 dimensions)"}
        raise InputError(f"{path}: holds {kinds[values.ndim]}; expected {kinds[dimensions]}")
    return values


def load_npz(path: Path, older: bool = False) -> Dataset:
    """Read an archive with `X` and `y`, and optionally `X_test` and `y_test`: see `make_dataset`.

    Whether `X` is pixels is found from its values and shape: see `find_pixel_maximum`; for `older`, `open_dataset`.

    Raises InputError if the file is not such an archive, or `make_dataset` refuses its arrays.
    """
    return _from_arrays(path.stem, _read_arrays(path, ("X", "y")), path, older)


def load_folder(folder: Path, older: bool = False) -> Dataset:
    """Read a folder that has a file for each of the arrays that `load_npz` reads; they may exceed memory.

    The files are `X.npy`, `y.npy`, ... or those of an image set (see `ARRAY_FILES`). `X` and `X_test` stay there if
    their rows lie one after the other, as in most `.npy` and plain IDX files.

    Raises InputError if a file is missing or damaged, there are two for an array, or `make_dataset` refuses the
    arrays.
    """
    paths = {name: _find_array(folder, name) for name in ARRAY_FILES}
    for name in ("X", "y"):
        if paths[name] is None:
            raise InputError(
                f"{folder}: has no {name}.npy; expected a folder with X.npy and y.npy (-1: unlabeled), "
                "or files named as MNIST's, such as train-images-idx3-ubyte.gz"
            )
    arrays = {name: _open_array(path) for name, path in paths.items() if path is not None}
    return _from_arrays(folder.resolve().name, arrays, folder, older)


def _find_array(folder: Path, name: str) -> Path | None:
    try:
        found = [folder / file for file in sorted(os.listdir(folder)) if re.fullmatch(ARRAY_FILES[name], file)]
    except OSError as error:
        raise InputError(f"{folder}: cannot read it ({error.strerror}); expected a folder with data files") from error
    if len(found) > 1:
        raise InputError(f"{folder}: has {' and '.join(path.name for path in found)}; leave one of them")
    return found[0] if found else None


def _open_array(path: Path) -> Features:
    return open_npy(path) if path.suffix.lower() == ".npy" else open_idx(path)


def _from_arrays(name: str, arrays: Mapping[str, Features], source: Path, older: bool) -> Dataset:
    X = arrays["X"]
    maximum = (BYTE if X.dtype == np.uint8 else None) if older else find_pixel_maximum(X)
    return make_dataset(
        name,
        arrays["X"],
        arrays["y"],
        arrays.get("X_test"),
        arrays.get("y_test"),
        pixel_maximum=maximum,
        source=str(source),
    )


def _read_arrays(path: Path, needed: tuple[str, ...]) -> dict[str, np.ndarray]:
    arrays = read_npz(path, "a data file")
    for key in needed:
        if key not in arrays:
            found = ", ".join(sorted(arrays)[:10]) or "none"
            raise InputError(f"{path}: has no array {key}; expected {' and '.join(needed)}, found: {found}")
    return arrays


def load_table(path: Path, options: TableOptions = AS_FOUND) -> Dataset:
    """Read a text table with a header line; features are float64, with their column names.

    Whole numbers or texts in the label column are classes; an empty cell, -1 or the mark that is named stands where a
    row has none. For what else may be in a table, see `read_table`.

    Raises InputError, which names the line and the column, if the file is not such a table, or `make_dataset` refuses
    its values.
    """
    table = read_table(path, options, labels_wanted=True)
    labels = _labels_of(table.labels, path, table.lines, options)
    if options.text_column is not None:
        return _of_texts(path, table_name(path), table.texts, labels, table.left_out)
    dataset = make_dataset(
        table_name(path), table.X, labels, feature_names=table.names, values=table.values, source=str(path)
    )
    return dataclasses.replace(dataset, left_out=table.left_out)


def _labels_of(cells: list[str], path: Path, lines: Sequence[int], options: TableOptions) -> Labels:
    cells = ["" if cell == options.unlabeled_label else cell for cell in cells]
    mark = mark_in_tables(options.unlabeled_label)
    return parse_labels(cells, f"{path}: column {options.label_column!r}", lines, mark)


def _of_texts(path: Path, name: str, texts: list[str], labels: Labels, left_out: tuple[str, ...]) -> Dataset:
    classes, index = labels.encode()
    empty = sum(not text.strip() for text in texts)
    if empty:
        warn(f"{path}: {empty} of {len(texts)} texts are empty")
    classes = plain_classes(classes, labels.name)
    return Dataset(name, _nothing(len(texts)), index, classes, left_out=left_out, texts=tuple(texts))


def _of_images(folder: Path, options: TableOptions) -> Dataset:
    """Return the images of a folder with a folder for each class, or with two such folders, train and test."""
    training = folder / TRAIN if has_folders_of_images(folder / TRAIN) else folder
    paths, names = images_of_classes(training)
    X = read_images(paths, options.image_values)
    arrays: list[Features | Labels] = [X, _labels_of(names, training, range(len(names)), options)]
    if training != folder and has_folders_of_images(folder / TEST):
        paths, names = images_of_classes(folder / TEST)
        tests = read_images(paths, X[0].size)
        if tests.shape[1:] != X.shape[1:]:
            raise InputError(f"{folder / TEST}: has images of {tests.shape[1:]}, {training} of {X.shape[1:]}")
        arrays += [tests, _labels_of(names, folder / TEST, range(len(names)), options)]
    name, source = folder.resolve().name, str(folder)
    return make_dataset(name, *arrays, pixel_maximum=BYTE, source=source)  # type: ignore[arg-type]


def _nothing(rows: int) -> SparseRows:
    """Return rows without features."""
    return SparseRows(np.empty(0, np.float32), np.empty(0, np.int32), np.zeros(rows + 1, np.int64), 0)


def _of_windows(path: Path, options: TableOptions) -> Dataset:
    """Return the windows of a text file; a mistake in how it is asked for becomes one line."""
    if options.sequence is None:
        raise InputError(
            f"{path}: is a text without labels; to learn its next characters add --next-character, to learn classes "
            "of texts name a table with --text-column, or a folder with a folder of .txt files for each class"
        )
    sequences = read_sequence(path, options.sequence)
    name = path.name.partition(".")[0]
    rows = _nothing(len(sequences.windows))
    return Dataset(name, rows, sequences.y, sequences.classes, texts=sequences.windows, overlapping=True)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to predict."""

    X: Features  # (n, d)
    names: tuple[str, ...] | None  # of the columns of a table
    ids: list[str]  # the cells of the id column, where one was asked for
    texts: list[str] | None = None  # those of the text column, likewise
    image_shape: ImageShape | None = None  # (height, width, channels), where the file has each row as an image


def read_rows(path: Path, options: TableOptions = AS_FOUND) -> Rows:
    """Return rows to predict.

    `path` is a text table (its features become float64), an `.npz` file with `X`, a `.npy` file, IDX images
    (`-ubyte`, `-ubyte.gz`), an image or a folder of images (PNG or JPEG, in the order of their names), or a folder as
    for `load_folder`, of which `X` is taken; rows stay in the file where `load_folder` leaves them there. Raises
    InputError if it is none of these, is damaged, or holds what `read_table` or `check_features` refuses.
    """
    if is_table(path):
        table = read_table(path, options, labels_wanted=False)
        texts = None if options.text_column is None else table.texts
        return Rows(table.X, table.names, table.ids, texts)
    if path.name.lower().endswith(LINES_ENDINGS):
        texts, ids, _ = read_lines(path, options.text_column or "text", options.id_column)
        return Rows(np.empty((len(texts), 0)), None, ids if options.id_column else [], texts)
    if path.name.lower().endswith(TEXT_ENDINGS) and options.sequence is not None:
        windows = [*read_sequence(path, options.sequence).windows]
        return Rows(np.empty((len(windows), 0)), None, [], windows)
    if options.id_column is not None:
        raise InputError(f"{path}: has no columns with names, so no id column; leave out --id-column")
    kind = path.name.lower()
    if kind.endswith(".npz"):
        X: Features = _read_arrays(path, ("X",))["X"]
    elif kind.endswith(IMAGE_ENDINGS):
        X = read_images([path], options.image_values)
    elif os.path.isdir(path) and (found := find_images(path)):
        X = read_images(found, options.image_values)
    elif os.path.isdir(path):
        X = _open_array(_find_array(path, "X") or path / "X.npy")
    elif kind.endswith((".npy", *IDX_ENDINGS)):
        X = _open_array(path)
    else:
        raise InputError(
            f"{path}: unknown kind of file; expected {', '.join(TABLE_ENDINGS)}, .npz, .npy, "
            ".png, .jpg, or IDX images (-ubyte, -ubyte.gz)"
        )
    return Rows(check_features(X, str(path)), None, [], image_shape=find_image_shape(X))


def open_dataset(
    name_or_path: str,
    data_dir: Path | None,
    options: TableOptions = AS_FOUND,
) -> Dataset:
    """Open a dataset by its name or path.

    Parameters
    ----------
    name_or_path : str
        "digits", "mnist", "fashion-mnist", "cifar-10", or a path: of an `.npz` or `.csv` file, of a folder with
        `X.npy` and `y.npy` (see `load_folder`; its `X.npy` may be named too), or of one with a folder of images for
        each class (see `images`).
    data_dir : Path or None
        The folder with `mnist/`, `fashion-mnist/` and `cifar-10-batches-bin/` (also in `cifar-10/`). None: the
        cache of this user, filled by a download when a file is missing there.
    options : TableOptions
        How a text table is read; `older` counts for all files: 8-bit features are pixels, no column is left out.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If there is no such dataset, or its files are missing, damaged or refused by `make_dataset`.
    """
    path = Path(name_or_path)
    if path.name.lower().endswith(TEXT_ENDINGS):
        return _of_windows(path, options)
    if options.sequence is not None:
        raise InputError(f"--next-character learns a text, {name_or_path!r} is not a file ending in .txt or .txt.gz")
    if name_or_path == "digits":
        return load_digits()
    if name_or_path in IMAGE_SETS:
        return load_images(name_or_path, _image_folder(name_or_path, data_dir))
    if name_or_path == CIFAR_10:
        return load_cifar10(_cifar10_folder(data_dir))
    if path.suffix.lower() == ".npz":
        return load_npz(path, options.older)
    if is_table(path):
        return load_table(path, options)
    if path.name.lower().endswith(LINES_ENDINGS):
        texts, labels, lines = read_lines(path, options.text_column or "text", options.label_column)
        return _of_texts(path, path.name.partition(".")[0], texts, _labels_of(labels, path, lines, options), ())
    folder = name_or_path and os.path.isdir(path)
    if folder and _find_array(path, "X") is None and has_folders_of_texts(path):
        texts, labels = read_folder_of_texts(path)
        return _of_texts(path, path.resolve().name, texts, _labels_of(labels, path, range(len(labels)), options), ())
    if folder and _find_array(path, "X") is None and has_folders_of_images(path):
        return _of_images(path, options)
    if re.fullmatch(ARRAY_FILES["X"], path.name):
        path = path.parent
    elif path.suffix.lower() == ".npy" or path.name.endswith(IDX_ENDINGS):
        raise InputError(f"{path}: has no labels; put it into a folder as X.npy, with y.npy, and name the folder")
    if name_or_path and os.path.isdir(path):
        return load_folder(path, options.older)
    if path.suffix.lower() in SPREADSHEETS:
        raise InputError(f"{path}: is a spreadsheet; save its table as CSV (UTF-8), and name that file")
    raise InputError(
        f"unknown dataset {name_or_path!r}; choose digits, {', '.join(IMAGE_SETS)}, {CIFAR_10}, a file ending in "
        ".npz, .csv, .tsv, .jsonl or .txt (.gz, too), or a folder with X.npy and y.npy, or with a folder of images "
        "for each class"
    )


def _cifar10_folder(data_dir: Path | None) -> Path:
    found = find_cifar10(data_dir or cache_folder())
    if found is None and data_dir is not None:
        command = fetch_command(CIFAR_10, data_dir)
        raise InputError(f"{data_dir}: has no folder {FOLDER}; get it with `{command}`")
    return found or fetch(CIFAR_10, cache_folder())[0].parent


def _image_folder(name: str, data_dir: Path | None) -> Path:
    if data_dir is not None:
        return data_dir / name
    cache = cache_folder()
    if not all(find_file(file, cache / name) for file in FILES):
        fetch(name, cache)
    return cache / name
