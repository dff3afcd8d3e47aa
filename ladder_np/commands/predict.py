"""``ladder-np evaluate`` and ``predict``: a run or a model on labeled rows, and on new ones."""

import argparse
import csv
import io
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ladder_np.commands.options import (
    STANDARD,
    TABLE,
    add_data_options,
    add_device_option,
    add_model_argument,
    add_options,
    check_rows,
    load_model,
    protect,
    table_options,
)
from ladder_np.data.dataset import Dataset, Features
from ladder_np.data.labels import match_classes
from ladder_np.data.readers import open_dataset, read_rows
from ladder_np.data.split import Split
from ladder_np.errors import InputError, warn
from ladder_np.experiments.experiment import rows_for_test
from ladder_np.experiments.run import evaluate_run
from ladder_np.experiments.run_folder import ErrorRate, find_run_split
from ladder_np.files import write_atomically

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add both commands to the program's."""
    parser = commands.add_parser(
        "evaluate",
        help="error of a run or a model",
        description="Measure the test error of a finished run again, on the test rows of its own data, or the error "
        "of a model on other labeled rows.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "--dataset",
        metavar="NAME",
        help="measure on this data, a name or path as in train: on its test set if it has one, else on its labeled "
        "rows; if it is the run's own data, which may have been moved, on the test rows of the run (default: there)",
    )
    add_options(parser, TABLE)
    add_data_options(parser)
    add_device_option(parser)
    parser.set_defaults(run=run_evaluate)
    parser = commands.add_parser(
        "predict",
        help="classes of new rows",
        description="Write the class and the probabilities of every row of a file.",
    )
    add_model_argument(parser)
    files = (
        "a table (.csv, .tsv, .gz, too), .npz (X), .npy or IDX images, .png, .jpg, a folder with X.npy or of images, "
        "or - for a table from "
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help=files + "standard input")
    out = "the .csv to write (replaced if it exists), or - for standard output"
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=out)
    add_options(parser, TABLE)
    parser.add_argument("--id-column", metavar="NAME", help="of a table, copied beside each prediction")
    add_device_option(parser)
    parser.set_defaults(run=run_predict)


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate and print one line."""
    if arguments.dataset is not None:
        print(_measure(arguments))
    elif arguments.model.is_file():
        raise InputError(f"{arguments.model}: expected a run's folder, or a model file together with --dataset")
    else:
        print(f"test error: {evaluate_run(arguments.model, arguments.data_dir, arguments.device)}")
    return 0


def _measure(arguments: argparse.Namespace) -> str:
    model = load_model(arguments)
    dataset = open_dataset(arguments.dataset, arguments.data_dir, table_options(arguments, model))
    dataset = model.features_of(dataset)
    name, X, y = _rows(dataset, _split_of(arguments.model, dataset, arguments.dataset))
    try:
        check_rows(model, X, dataset.feature_names, arguments.dataset)
        index = match_classes(dataset.classes, model.classes)[y]
        error_rate = ErrorRate.of(model, X, index, characters=dataset.overlapping)
    except InputError as error:
        raise InputError(f"{arguments.dataset}: {error}") from None
    return f"{name}: {error_rate}"


def _split_of(model: Path, dataset: Dataset, source: str) -> Split | None:
    """Return which rows of the dataset a run was trained on, if it can be told that it was; say so."""
    folder = model.parent if model.is_file() else model
    split = find_run_split(folder, dataset)
    if split is None or dataset.X_test is not None:
        return split
    if len(split.test):
        about = f"measured on its {len(split.test)} test rows"
    else:
        about = "none is held out for the test: the error on new rows is higher"
    note = f"{source} is the data that {folder} was trained on; {about}"
    if len(split.test):
        print(f"ladder-np: {note}", file=sys.stderr)
    else:
        warn(note)
    return split


def _rows(dataset: Dataset, split: Split | None) -> tuple[str, Features, np.ndarray]:
    """Return what to call the error, and the rows to measure it on with their classes' indices.

    `split` is of the run that was trained on this dataset, if one was.
    """
    nothing = np.empty(0, np.int64)
    if (test := rows_for_test(dataset, split or Split(nothing, nothing, nothing, nothing))) is not None:
        return "test error", *test
    X, rows = dataset.X, np.flatnonzero(dataset.y >= 0)
    return "error on labeled rows", X[rows] if isinstance(X, np.ndarray) else X.only(rows), dataset.y[rows]


def run_predict(arguments: argparse.Namespace) -> int:
    """Predict and write."""
    if arguments.input != STANDARD:
        return _predict(arguments, arguments.input, str(arguments.input))
    with tempfile.TemporaryDirectory() as folder:  # a table is read more than once
        path = Path(folder) / "table.csv"
        with open(path, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            return _predict(arguments, path, "standard input")
        except InputError as error:
            raise InputError(str(error).replace(str(path), "standard input")) from None


def _predict(arguments: argparse.Namespace, path: Path, source: str) -> int:
    out = arguments.out
    if out != STANDARD:
        protect(out, "the predictions", arguments.model, path)
    model = load_model(arguments)
    rows = read_rows(path, table_options(arguments, model))

    def write(file: BinaryIO) -> None:
        try:
            X = rows.X
            if model.vocabulary is not None or rows.texts is not None:
                X = model.read_texts(rows.texts)
            model.check_images(rows.image_shape, "X")
            check_rows(model, X, rows.names or None, source)
            for text in _table(model.classes, model.predict_blocks(X), arguments.id_column, rows.ids):
                file.write(text.encode(errors="backslashreplace"))  # a text of NumPy may hold half a character
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    if out == STANDARD:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return 0
    write_atomically(out, write)
    print(f"{len(rows.X)} rows written to {out}")
    return 0


def _table(classes: np.ndarray, blocks: Iterator[np.ndarray], id_column: str | None, ids: list[str]) -> Iterator[str]:
    """Yield a .csv text, piece by piece: per row its id, if there are ids, the class and each class's probability."""
    head = [] if id_column is None else [id_column]
    yield _lines([[*head, "class", *(f"p_{name}" for name in classes)]])
    start = 0
    for probabilities in blocks:
        rows = range(start, start + len(probabilities))
        beside = [ids[row : row + 1] for row in rows]  # nothing without ids
        yield _lines([*cell, classes[row.argmax()], *row] for cell, row in zip(beside, probabilities, strict=True))
        start += len(probabilities)


def _lines(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
