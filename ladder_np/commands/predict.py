"""``ladder-np predict``: write the class and the probabilities of every row of a file."""

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ladder_np.commands.options import add_device_option
from ladder_np.data.readers import read_features
from ladder_np.errors import InputError
from ladder_np.experiments.run_folder import load_run_config, load_run_model
from ladder_np.files import write_atomically
from ladder_np.predictor import Predictor

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "predict",
        help="classes of new rows",
        description="Write the class and the probabilities of every row of a file.",
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="a run's folder, or a model file (.npz)")
    parser.add_argument(
        "input", type=Path, metavar="INPUT", help=".csv, .npz (X), .npy or IDX images, or a folder with X.npy"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the .csv to write (replaced if it exists)"
    )
    parser.add_argument(
        "--label-column", metavar="NAME", help="left out of a .csv if there (default: as in training)"
    )
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Predict and write."""
    _protect(arguments.out, arguments.folder, arguments.input)
    load = Predictor.load if arguments.folder.is_file() else load_run_model
    predictor = load(arguments.folder, arguments.device)
    X, names = read_features(arguments.input, _label_column(arguments))
    if names and predictor.feature_names is None:
        print("ladder-np: the model knows no column names; columns are taken in their order", file=sys.stderr)

    def write(file: BinaryIO) -> None:
        try:
            for text in _table(predictor.classes, predictor.predict_blocks(predictor.arrange(X, names))):
                file.write(text.encode())
        except InputError as error:
            raise InputError(f"{arguments.input}: {error}") from None

    write_atomically(arguments.out, write)
    print(f"{len(X)} rows written to {arguments.out}")
    return 0


def _label_column(arguments: argparse.Namespace) -> str:
    """Return the name of the column to leave out: as given, else as in training; only tables have one."""
    if arguments.label_column is not None or arguments.input.suffix.lower() != ".csv":
        return arguments.label_column or ""
    return load_run_config(arguments.folder).settings.label_column if arguments.folder.is_dir() else "label"


def _protect(out: Path, folder: Path, given: Path) -> None:
    """Refuse to replace what the predictions are made from."""
    if out.resolve() in (given.resolve(), folder.resolve()) or (
        out.exists() and out.resolve().parent in (folder.resolve(), given.resolve())
    ):
        raise InputError(f"--out {out} would replace a file that the predictions come from; name another")


def _table(classes: np.ndarray, blocks: Iterator[np.ndarray]) -> Iterator[str]:
    """Yield a .csv text, piece by piece: the class and each class's probability, a row a row."""
    yield _lines([["class", *(f"p_{number}" for number in classes)]])
    for probabilities in blocks:
        yield _lines([classes[row.argmax()], *row] for row in probabilities)


def _lines(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
