"""``ladder-np predict``: write the class and the probabilities of every row of a file."""

import argparse
import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ladder_np.commands.options import (
    add_device_option,
    add_model_argument,
    in_order_of_training,
    label_column,
    load_model,
)
from ladder_np.data.readers import read_features
from ladder_np.errors import InputError
from ladder_np.files import write_atomically

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "predict",
        help="classes of new rows",
        description="Write the class and the probabilities of every row of a file.",
    )
    add_model_argument(parser)
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
    _protect(arguments.out, arguments.model, arguments.input)
    model = load_model(arguments)
    X, names = read_features(arguments.input, label_column(arguments, arguments.input))

    def write(file: BinaryIO) -> None:
        try:
            for text in _table(model.classes, model.predict_blocks(in_order_of_training(model, X, names))):
                file.write(text.encode(errors="backslashreplace"))  # a text of NumPy may hold half a character
        except InputError as error:
            raise InputError(f"{arguments.input}: {error}") from None

    write_atomically(arguments.out, write)
    print(f"{len(X)} rows written to {arguments.out}")
    return 0


def _protect(out: Path, model: Path, given: Path) -> None:
    """Refuse to replace what the predictions are made from."""
    if out.resolve() in (given.resolve(), model.resolve()) or (
        out.exists() and out.resolve().parent in (model.resolve(), given.resolve())
    ):
        raise InputError(f"--out {out} would replace a file that the predictions come from; name another")


def _table(classes: np.ndarray, blocks: Iterator[np.ndarray]) -> Iterator[str]:
    """Yield a .csv text, piece by piece: per row the class and each class's probability."""
    yield _lines([["class", *(f"p_{name}" for name in classes)]])
    for probabilities in blocks:
        yield _lines([classes[row.argmax()], *row] for row in probabilities)


def _lines(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
