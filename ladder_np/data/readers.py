"""From a name or a path to a checked dataset: the embedded digits, image sets, folders of arrays, `.npz`, `.csv`."""

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from ladder_np.data.dataset import Dataset, Features, check_features, make_dataset
from ladder_np.data.download import (
    FILES,
    IMAGE_SETS,
    cache_folder,
    check_file,
    fetch,
    fetch_command,
    find_file,
)
from ladder_np.data.idx import read_idx
from ladder_np.data.stored import open_npy
from ladder_np.data.tables import load_csv, read_csv_features
from ladder_np.errors import InputError
from ladder_np.files import read_npz

__all__ = [
    "load_csv",
    "load_digits",
    "load_folder",
    "load_images",
    "load_npz",
    "open_dataset",
    "read_features",
    "read_idx",
]

# The files that a folder may have each array of a dataset in: what NumPy saves, or MNIST's, also packed.
ARRAY_FILES = {
    array: (f"{array}.npy", file, f"{file}.gz")
    for array, file in zip(("X", "y", "X_test", "y_test"), FILES, strict=True)
}
IDX_ENDINGS = ("-ubyte", "-ubyte.gz")


def load_digits() -> Dataset:
    """The 1,797 embedded digits: X (1797, 64) uint8 from 0 to 16, all labeled, without a test set."""
    with resources.as_file(resources.files("ladder_np.data") / "digits.npz") as path:
        arrays = read_npz(path, "the embedded digits")
        return make_dataset("digits", arrays["X"], arrays["y"], pixel_maximum=16, source=str(path))


def load_images(name: str, folder: Path) -> Dataset:
    """Read an image set from its four IDX files.

    Parameters
    ----------
    name : str
        "mnist" or "fashion-mnist".
    folder : Path
        Holds `train-images-idx3-ubyte.gz` and the three others; MNIST's may also be unpacked.

    Returns
    -------
    Dataset
        Pixels stay uint8, a row an image; the test images are its test set.

    Raises
    ------
    InputError
        If a file is missing or damaged, counts differ, or a file is not the official one (sha256).
    """
    paths = [find_file(name, file, folder) for file in FILES]
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
    array = read_idx(path)
    dimensions = 3 if "idx3" in file else 1
    if array.ndim != dimensions:
        kinds = {1: "labels (1 dimension)", 3: "images (3 dimensions)"}
        raise InputError(f"{path}: holds {kinds[array.ndim]}; expected {kinds[dimensions]}")
    return array


def load_npz(path: Path) -> Dataset:
    """Read a dataset from an `.npz` archive.

    Parameters
    ----------
    path : Path
        An archive with `X` (n, d) and `y` (n,), -1 for unlabeled rows, and optionally `X_test` and `y_test`.

    Returns
    -------
    Dataset
        A uint8 `X` counts as pixels from 0 to 255.

    Raises
    ------
    InputError
        If the file is no such archive, or `make_dataset` refuses its arrays.
    """
    return _from_arrays(path.stem, _read_arrays(path, ("X", "y")), path)


def load_folder(folder: Path) -> Dataset:
    """Read a dataset from a folder that has a file for each array: `.npz`'s, unpacked; arrays may exceed memory.

    Parameters
    ----------
    folder : Path
        Has `X.npy` and `y.npy`, and optionally `X_test.npy` and `y_test.npy`, as `load_npz` describes them; in place
        of each of them may be the file of an image set (see `ARRAY_FILES`).

    Returns
    -------
    Dataset
        `X` and `X_test` stay in their files where they lie there row by row, as in most `.npy` and plain IDX files.

    Raises
    ------
    InputError
        If a file is missing or damaged, there are two for an array, or `make_dataset` refuses the arrays.
    """
    paths = {array: _find_array(folder, array) for array in ARRAY_FILES}
    for array in ("X", "y"):
        if paths[array] is None:
            raise InputError(f"{folder}: has no {array}.npy; expected a folder with X.npy and y.npy (-1: unlabeled)")
    arrays = {array: _open_array(path) for array, path in paths.items() if path is not None}
    return _from_arrays(folder.resolve().name, arrays, folder)


def _find_array(folder: Path, array: str) -> Path | None:
    found = [folder / file for file in ARRAY_FILES[array] if os.path.exists(folder / file)]
    if len(found) > 1:
        raise InputError(f"{folder}: has {' and '.join(path.name for path in found)}; leave one of them")
    return found[0] if found else None


def _open_array(path: Path) -> Features:
    return open_npy(path) if path.suffix.lower() == ".npy" else read_idx(path)


def _from_arrays(name: str, arrays: Mapping[str, Features], source: Path) -> Dataset:
    return make_dataset(
        name,
        arrays["X"],
        arrays["y"],
        arrays.get("X_test"),
        arrays.get("y_test"),
        pixel_maximum=255 if arrays["X"].dtype == np.uint8 else None,
        source=str(source),
    )


def _read_arrays(path: Path, needed: tuple[str, ...]) -> dict[str, np.ndarray]:
    arrays = read_npz(path, "a data file")
    for key in needed:
        if key not in arrays:
            found = ", ".join(sorted(arrays)[:10]) or "none"
            raise InputError(f"{path}: has no array {key}; expected {' and '.join(needed)}, found: {found}")
    return arrays


def read_features(path: Path, label_column: str) -> tuple[Features, tuple[str, ...] | None]:
    """Read rows to predict.

    Parameters
    ----------
    path : Path
        An `.npz` file with `X`, a `.npy` file, a `.csv` file with a header line, IDX images (`-ubyte`, `-ubyte.gz`),
        or a folder as for `load_folder`, of which `X` is taken.
    label_column : str
        The column that a CSV file may have beside its features; it is left out.

    Returns
    -------
    X : ndarray or StoredRows (n, d)
        In the file's dtype, and in the file where `load_folder` leaves it there; float64 from CSV.
    names : tuple of str or None
        The columns of a CSV file.

    Raises
    ------
    InputError
        If the file is none of these, is damaged, or holds anything but finite real numbers.
    """
    kind = path.name.lower()
    if kind.endswith(".csv"):
        return read_csv_features(path, label_column)
    if kind.endswith(".npz"):
        X: Features = _read_arrays(path, ("X",))["X"]
    elif os.path.isdir(path):
        return read_features(_find_array(path, "X") or path / "X.npy", label_column)
    elif kind.endswith((".npy", *IDX_ENDINGS)):
        X = _open_array(path)
    else:
        raise InputError(
            f"{path}: unknown kind of file; expected .npz, .npy, .csv, or IDX images (-ubyte, -ubyte.gz)"
        )
    return check_features(X, str(path)), None


def open_dataset(name_or_path: str, data_dir: Path | None, label_column: str = "label") -> Dataset:
    """Open a dataset by its name or path.

    Parameters
    ----------
    name_or_path : str
        "digits", "mnist", "fashion-mnist", or a path: of an `.npz` or `.csv` file, or of a folder with `X.npy` and
        `y.npy` (see `load_folder`; its `X.npy` may be named too).
    data_dir : Path or None
        The folder with `mnist/` and `fashion-mnist/`. None: the cache of this user, filled by a download
        when a file is missing there.
    label_column : str
        The column of a CSV file with the class numbers.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        If there is no such dataset, or its files are missing, damaged or refused by `make_dataset`.
    """
    if name_or_path == "digits":
        return load_digits()
    if name_or_path in IMAGE_SETS:
        return load_images(name_or_path, _image_folder(name_or_path, data_dir))
    path = Path(name_or_path)
    if path.suffix.lower() == ".npz":
        return load_npz(path)
    if path.suffix.lower() == ".csv":
        return load_csv(path, label_column)
    if path.name in ARRAY_FILES["X"]:
        path = path.parent
    elif path.suffix.lower() == ".npy" or path.name.endswith(IDX_ENDINGS):
        raise InputError(f"{path}: has no labels; put it into a folder as X.npy, with y.npy, and name the folder")
    if name_or_path and os.path.isdir(path):
        return load_folder(path)
    raise InputError(
        f"unknown dataset {name_or_path!r}; choose digits, {', '.join(IMAGE_SETS)}, a file ending in .npz or .csv, "
        "or a folder with X.npy and y.npy"
    )


def _image_folder(name: str, data_dir: Path | None) -> Path:
    if data_dir is not None:
        return data_dir / name
    cache = cache_folder()
    if not all(find_file(name, file, cache / name) for file in FILES):
        fetch(name, cache)
    return cache / name
