"""``ladder-np plot`` and ``ladder-np report``: pictures of a run or a model, as files and as one page."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ladder_np.commands.options import (
    TABLE,
    add_data_options,
    add_model_argument,
    add_options,
    check_rows,
    table_options,
)
from ladder_np.data.readers import open_dataset
from ladder_np.errors import InputError
from ladder_np.files import ensure_folder, write_bytes, write_text
from ladder_np.plots.report import PICTURES, draw_pngs, make_report
from ladder_np.plots.run_data import ModelSource, PlotSource, RunSource
from ladder_np.predictor import Predictor

__all__ = ["add_to"]

NAMES = ", ".join(picture.name for picture in PICTURES)


def add_to(commands: Any) -> None:
    """Add both commands to the program's."""
    plot = commands.add_parser(
        "plot",
        help="pictures of a run or a model",
        description="Draw the pictures of a run, as far as it has got, or of a model file. Needs matplotlib (the "
        "extra plot).",
        epilog=f"pictures: {NAMES}",
    )
    _add_source_options(plot)
    out = "where they are written (default: RUN/plots, or MODEL-plots)"
    plot.add_argument("--out", type=Path, metavar="DIR", help=out)
    plot.add_argument("--only", metavar="NAMES", help="which ones, with commas between them (default: all)")
    plot.set_defaults(run=run_plot)
    report = commands.add_parser(
        "report",
        help="a run or a model as one HTML page",
        description="Write one page with the pictures of a run or a model, how to read them, numbers and settings. "
        "It can be read without network. Needs matplotlib (the extra plot).",
    )
    _add_source_options(report)
    out = "the .html to write, replaced if it exists (default: RUN/report.html, or MODEL-report.html)"
    report.add_argument("--out", type=Path, metavar="FILE", help=out)
    report.set_defaults(run=run_report)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    add_model_argument(parser)
    parser.add_argument(
        "--dataset",
        metavar="NAME",
        help="with a model file: rows to show, a name or path as in train (default: only what needs no rows); with a "
        "run: where its data lies now, if it was moved",
    )
    add_options(parser, TABLE)
    add_data_options(parser)


def run_plot(arguments: argparse.Namespace) -> int:
    """Draw everything, then write it."""
    drawn = draw_pngs(_source(arguments), arguments.only.split(",") if arguments.only is not None else None)
    folder = ensure_folder(arguments.out or _beside(arguments.model, "plots"))
    for picture, png in drawn.pngs:
        path = folder / f"{picture.name}.png"
        write_bytes(path, png)
        print(f"{picture.title}: {path}")
    for reason, pictures in drawn.left_out.items():
        print(f"left out: {', '.join(picture.name for picture in pictures)}: {reason}")
    return 0


def run_report(arguments: argparse.Namespace) -> int:
    """Make the page and write it."""
    path = arguments.out or _beside(arguments.model, "report.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {path}: expected a name that ends in .html")
    write_text(path, make_report(_source(arguments)))
    print(f"report written to {path}")
    return 0


def _beside(model: Path, name: str) -> Path:
    """Return a path in a run's folder, or beside a model file and with its name in front."""
    return model.with_name(f"{model.stem}-{name}") if model.is_file() else model / name


def _source(arguments: argparse.Namespace) -> PlotSource:
    """Return the run or the model file that is named, with the rows to show."""
    path, data = arguments.model, arguments.dataset
    if data is None and arguments.label_column is not None:
        raise InputError(f"--label-column {arguments.label_column}: needs --dataset")
    if not path.is_file():
        if arguments.label_column is not None:
            raise InputError(f"--label-column {arguments.label_column}: is for a model file; {path} has its own")
        return RunSource(path, arguments.data_dir, data)
    predictor = Predictor.load(path)
    if data is None:
        return ModelSource(path, predictor)
    dataset = predictor.features_of(open_dataset(data, arguments.data_dir, table_options(arguments, predictor)))
    try:
        check_rows(predictor, dataset.X, dataset.feature_names, dataset.name)  # a table has no X_test
        names = predictor.feature_names or dataset.feature_names
        return ModelSource(path, predictor, dataclasses.replace(dataset, feature_names=names))
    except InputError as error:
        raise InputError(f"{data}: {error}") from None
