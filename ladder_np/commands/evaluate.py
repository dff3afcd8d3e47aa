"""``ladder-np evaluate``: measure the error of a finished run again, or that of any model on any labeled rows."""

import argparse
from typing import Any

import numpy as np

from ladder_np.commands.options import (
    add_data_options,
    add_device_option,
    add_model_argument,
    in_order_of_training,
    label_column,
    load_model,
)
from ladder_np.data.dataset import Dataset, Features
from ladder_np.data.labels import match_classes
from ladder_np.data.readers import open_dataset
from ladder_np.data.stored import StoredRows
from ladder_np.errors import InputError
from ladder_np.experiments.run import evaluate_run
from ladder_np.experiments.run_folder import ErrorRate

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
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
        "rows (default: the test rows of the run)",
    )
    parser.add_argument("--label-column", metavar="NAME", help="of a .csv (default: as in training)")
    add_data_options(parser)
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
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
    dataset = open_dataset(arguments.dataset, arguments.data_dir, label_column(arguments, arguments.dataset))
    name, X, y = _rows(dataset)
    try:
        X = in_order_of_training(model, X, dataset.feature_names)
        wrong = model.errors(X, match_classes(dataset.classes, model.classes)[y])
    except InputError as error:
        raise InputError(f"{arguments.dataset}: {error}") from None
    return f"{name}: {ErrorRate(wrong, len(y))}"


def _rows(dataset: Dataset) -> tuple[str, Features, np.ndarray]:
    """Return what to call the error, and the rows to measure it on with their classes' indices."""
    if dataset.X_test is not None and dataset.y_test is not None:
        return "test error", dataset.X_test, dataset.y_test
    X, rows = dataset.X, np.flatnonzero(dataset.y >= 0)
    return "error on labeled rows", X.only(rows) if isinstance(X, StoredRows) else X[rows], dataset.y[rows]
