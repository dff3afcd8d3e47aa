"""From a name or a path to a checked dataset: the embedded digits, image sets, `.npz` and `.csv` files."""

from importlib import resources
from pathlib import Path

import numpy as np

from ladder_np.data.dataset import Dataset, check_features, make_dataset
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
from ladder_np.data.tables import load_csv, read_csv_features
from ladder_np.errors import InputError
from ladder_np.files import read_npz

__all__ = ["load_csv", "load_digits", "load_images", "load_npz", "open_dataset", "read_features", "read_idx"]


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


def _read_part(path: Path, file: str) -> np.ndarray:
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
    arrays = _read_arrays(path, ("X", "y"))
    return make_dataset(
        path.stem,
        arrays["X"],
        arrays["y"],
        arrays.get("X_test"),
        arrays.get("y_test"),
        pixel_maximum=255 if arrays["X"].dtype == np.uint8 else None,
        source=str(path),
    )


def _read_arrays(path: Path, needed: tuple[str, ...]) -> dict[str, np.ndarray]:
    arrays = read_npz(path, "a data file")
    for key in needed:
        if key not in arrays:
            found = ", ".join(sorted(arrays)[:10]) or "none"
            raise InputError(f"{path}: has no array {key}; expected {' and '.join(needed)}, found: {found}")
    return arrays


def read_features(path: Path, label_column: str) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Read rows to predict.

    Parameters
    ----------
    path : Path
        An `.npz` file with `X`, a `.csv` file with a header line, or IDX images (`-ubyte`, `-ubyte.gz`).
    label_column : str
        The column that a CSV file may have beside its features; it is left out.

    Returns
    -------
    X : ndarray (n, d)
        In the file's dtype; float64 from CSV.
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
        X = _read_arrays(path, ("X",))["X"]
    elif kind.endswith(("-ubyte", "-ubyte.gz")):
        X = read_idx(path)
    else:
        raise InputError(f"{path}: unknown kind of file; expected .npz, .csv, or IDX images (-ubyte, -ubyte.gz)")
    return check_features(X, str(path)), None


def open_dataset(name_or_path: str, data_dir: Path | None, label_column: str = "label") -> Dataset:
    """Open a dataset by its name or path.

    Parameters
    ----------
    name_or_path : str
        "digits", "mnist", "fashion-mnist", or the path of an `.npz` or `.csv` file.
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
    raise InputError(
        f"unknown dataset {name_or_path!r}; choose digits, {', '.join(IMAGE_SETS)}, or a file ending in .npz or .csv"
    )


def _image_folder(name: str, data_dir: Path | None) -> Path:
    if data_dir is not None:
        return data_dir / name
    cache = cache_folder()
    if not all(find_file(name, file, cache / name) for file in FILES):
        fetch(name, cache)
    return cache / name
