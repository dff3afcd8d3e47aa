"""From a name or a path to a checked dataset: the embedded digits, image sets, folders of arrays, `.npz`, `.csv`."""

import csv
import io
import math
import os
import reprlib
from array import array
from collections.abc import Container, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from ladder_np.data.columns import index_columns
from ladder_np.data.dataset import Dataset, Features, check_features, make_dataset
from ladder_np.data.download import FILES, IMAGE_SETS, cache_folder, check_file, fetch, fetch_command, find_file
from ladder_np.data.labels import parse_labels, parse_number
from ladder_np.data.pixels import BYTE, find_pixel_maximum
from ladder_np.data.stored import open_idx, open_npy
from ladder_np.errors import InputError, warn
from ladder_np.files import open_file, read_npz

__all__ = ["load_csv", "load_digits", "load_folder", "load_images", "load_npz", "open_dataset", "read_features"]

# The files that a folder may have each array of a dataset in: what NumPy saves, or MNIST's, also packed.
ARRAY_FILES = {
    name: (f"{name}.npy", file, f"{file}.gz")
    for name, file in zip(("X", "y", "X_test", "y_test"), FILES, strict=True)
}
IDX_ENDINGS = ("-ubyte", "-ubyte.gz")
NAMED_AT_MOST = 10  # column names in one error line
LONGEST_RECORD = 1 << 24  # characters; a file without line ends, or a quote that never closes, is not read whole


def load_digits() -> Dataset:
    """The 1,797 embedded digits: X (1797, 64) uint8 from 0 to 16, all labeled, without a test set."""
    with resources.as_file(resources.files("ladder_np.data") / "digits.npz") as path:
        arrays = read_npz(path, "the embedded digits")
        return make_dataset("digits", arrays["X"], arrays["y"], pixel_maximum=16, source=str(path))


def load_images(name: str, folder: Path) -> Dataset:
    """Read an image set from its four IDX files in `folder`; its pixels stay uint8, its test images are the test set.

    Raises InputError if a file is missing or damaged, counts differ, or a file is not the official one (sha256).
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
            raise InputError(f"{folder}: has no {name}.npy; expected a folder with X.npy and y.npy (-1: unlabeled)")
    arrays = {name: _open_array(path) for name, path in paths.items() if path is not None}
    return _from_arrays(folder.resolve().name, arrays, folder, older)


def _find_array(folder: Path, name: str) -> Path | None:
    found = [folder / file for file in ARRAY_FILES[name] if os.path.exists(folder / file)]
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


def load_csv(path: Path, label_column: str, known: Container[str] = ()) -> Dataset:
    """Read a table (UTF-8, comma-separated, with a header line); features are float64, with their column names.

    Whole numbers or texts in `label_column` are classes; an empty cell or -1 marks an unlabeled row. An unnamed first
    column, and pandas' `Unnamed: N`, are left out with a warning where they number the rows (see `index_columns`),
    unless they are among the `known` ones.

    Raises InputError, which names the line and the column, if the file is not such a table, or `make_dataset` refuses
    its values.
    """
    names, X, labels = _read_table(path, label_column, labels_wanted=True, known=known)
    return make_dataset(path.stem, X, parse_labels(*labels), feature_names=names, source=str(path))


def _read_table(
    path: Path, label_column: str, *, labels_wanted: bool, known: Container[str] = ()
) -> tuple[tuple[str, ...], np.ndarray, tuple[list[str], str, Sequence[int]]]:
    """Return the features' names, the features (n, d) float64, and what `parse_labels` needs.

    Columns that number the rows are left out, unless they are among the `known` ones.
    """
    records = _records(path)
    columns = _read_header(next(records, None), path)
    label_at = columns.index(label_column) if label_column in columns else None
    if labels_wanted and label_at is None:
        raise InputError(
            f"{path}: has no column {label_column!r}; its columns are {_listed(columns)}; name it with --label-column"
        )
    names = tuple(name for name in columns if name != label_column)
    if not names:
        raise InputError(f"{path}: has only the label column {label_column!r}; expected features beside it")
    numbers, lines = array("d"), array("q")  # 8 bytes per cell; lists of Python numbers would take four times as much
    labels: list[str] = []
    texts: dict[str, str] = {}  # equal ones are kept once
    for line, cells in records:
        if len(cells) != len(columns):
            raise InputError(f"{path}: line {line} has {len(cells)} cells; expected {len(columns)} as in the header")
        if label_at is not None:
            label = cells.pop(label_at).strip()
            if labels_wanted:
                labels.append(texts.setdefault(label, label))
        numbers.extend(_parse_features(cells, names, line, path))
        lines.append(line)
    if not numbers:
        raise InputError(f"{path}: has a header line and no rows; expected one line per row after it")
    X = np.frombuffer(numbers, np.float64).reshape(-1, len(names))
    names, X = _without_index(X, names, known, path)
    return names, X, (labels, f"{path}: column {label_column!r}", lines)


def _without_index(
    X: np.ndarray, names: tuple[str, ...], known: Container[str], path: Path
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and features without the unknown columns that number the rows; a warning names them."""
    dropped = [place for place in index_columns(X, names) if names[place] not in known]
    kept = [place for place in range(len(names)) if place not in dropped]
    if "" in names and 0 not in dropped:
        raise _no_name(path, 0)
    if not dropped:
        return names, X
    if not kept:
        raise InputError(f"{path}: has no feature beside {_listed([names[place] for place in dropped])}, an index")
    left_out = " and ".join(
        repr(names[place]) if names[place] else "the first column (without a name)" for place in dropped
    )
    verb = "numbers the rows and is" if len(dropped) == 1 else "number the rows and are"
    if known == ():  # a model that was trained without them needs no word about it
        warn(f"{path}: {left_out} {verb} left out; give a name to what is a feature")
    return tuple(names[place] for place in kept), X[:, kept]


def _no_name(path: Path, place: int) -> InputError:
    return InputError(f"{path}: column {place + 1} has no name in the header line; name it or drop the column")


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number of each line and its cells; empty lines at the end are not lines."""
    empty_line, length = None, 0

    def lines() -> Iterator[str]:
        nonlocal length
        while line := file.readline(LONGEST_RECORD + 1 - length):
            length += len(line)
            if length > LONGEST_RECORD:
                raise InputError(
                    f"{path}: line {reader.line_num + 1} begins a row of more than {LONGEST_RECORD} characters; "
                    "end each row's line, or save so wide a table as .npz or .npy"
                )
            yield line

    try:
        with io.TextIOWrapper(open_file(path, "a CSV file"), encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(lines(), strict=True)
            for cells in reader:
                length = 0
                if not cells:
                    empty_line = empty_line or reader.line_num
                elif empty_line:
                    # Skipping it would shift predictions against the lines of the file.
                    raise InputError(f"{path}: line {empty_line} is empty; expected cells, or the end of the file")
                else:
                    yield reader.line_num, cells
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}); expected a CSV file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error.reason}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise InputError(
            f"{path}: line {reader.line_num} is not CSV ({error}); expected comma-separated cells"
        ) from error


def _read_header(record: tuple[int, list[str]] | None, path: Path) -> list[str]:
    if record is None:
        raise InputError(f"{path}: is empty; expected a header line and one line per row")
    columns = [name.strip() for name in record[1]]
    known: set[str] = set()
    for at, name in enumerate(columns):
        if not name and (at or len(columns) == 1):  # the first one may be an index: see `_without_index`
            raise _no_name(path, at)
        if name in known:
            raise InputError(f"{path}: two columns are called {name!r}; expected a header line with unique names")
        known.add(name)
    return columns


def _listed(columns: list[str]) -> str:
    text = ", ".join(reprlib.repr(name) for name in columns[:NAMED_AT_MOST])
    return text if len(columns) <= NAMED_AT_MOST else f"{text}, ... ({len(columns)} columns)"


def _parse_features(cells: list[str], names: tuple[str, ...], line: int, path: Path) -> list[float]:
    values = [parse_number(cell) for cell in cells]
    if all(map(math.isfinite, values)):
        return values
    at = [math.isfinite(value) for value in values].index(False)
    if not names[at]:
        raise _no_name(path, at)
    given = reprlib.repr(cells[at]) if cells[at].strip() else "empty"
    raise InputError(
        f"{path}: line {line}, column {names[at]!r} is {given}; expected a finite number: fill it in or drop the line"
    )


def read_features(
    path: Path, label_column: str, known: Sequence[str] = ()
) -> tuple[Features, tuple[str, ...] | None]:
    """Return rows to predict, (n, d), and their names: the columns of a CSV file without `label_column`, else None.

    Its columns that number the rows are left out, too, unless they are among the `known` ones, a model's.

    `path` is an `.npz` file with `X`, a `.npy` file, a `.csv` file with a header line (its features become float64),
    IDX images (`-ubyte`, `-ubyte.gz`), or a folder as for `load_folder`, of which `X` is taken; rows stay in the file
    where `load_folder` leaves them there. Raises InputError if it is none of these, is damaged, or holds anything but
    finite real numbers.
    """
    kind = path.name.lower()
    if kind.endswith(".csv"):
        names, table, _ = _read_table(path, label_column, labels_wanted=False, known=known)
        return table, names
    if kind.endswith(".npz"):
        X: Features = _read_arrays(path, ("X",))["X"]
    elif os.path.isdir(path):
        return read_features(_find_array(path, "X") or path / "X.npy", label_column, known)
    elif kind.endswith((".npy", *IDX_ENDINGS)):
        X = _open_array(path)
    else:
        raise InputError(
            f"{path}: unknown kind of file; expected .npz, .npy, .csv, or IDX images (-ubyte, -ubyte.gz)"
        )
    return check_features(X, str(path)), None


def open_dataset(
    name_or_path: str,
    data_dir: Path | None,
    label_column: str = "label",
    *,
    older: bool = False,
    known: Container[str] = (),
) -> Dataset:
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
        The column of a CSV file with the classes.
    older : bool
        Whether to read a file as older versions did: 8-bit features are pixels, no column is left out.
    known : container of str
        Columns of a CSV file that are not left out, whatever they hold: a model's.

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
        return load_npz(path, older)
    if path.suffix.lower() == ".csv":
        return load_csv(path, label_column, _Everything() if older else known)
    if path.name in ARRAY_FILES["X"]:
        path = path.parent
    elif path.suffix.lower() == ".npy" or path.name.endswith(IDX_ENDINGS):
        raise InputError(f"{path}: has no labels; put it into a folder as X.npy, with y.npy, and name the folder")
    if name_or_path and os.path.isdir(path):
        return load_folder(path, older)
    raise InputError(
        f"unknown dataset {name_or_path!r}; choose digits, {', '.join(IMAGE_SETS)}, a file ending in .npz or .csv, "
        "or a folder with X.npy and y.npy"
    )


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


def _image_folder(name: str, data_dir: Path | None) -> Path:
    if data_dir is not None:
        return data_dir / name
    cache = cache_folder()
    if not all(find_file(name, file, cache / name) for file in FILES):
        fetch(name, cache)
    return cache / name
