"""Options that several commands share, and how their texts become values."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from ladder_np.arrays import DEVICE_NAMES
from ladder_np.data.dataset import Features
from ladder_np.data.delimited import SEPARATORS
from ladder_np.data.sequences import SequenceOptions
from ladder_np.data.tables import TableOptions
from ladder_np.errors import InputError
from ladder_np.experiments.run_folder import CONFIG, load_run_config, load_run_model
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import names_of_combinators
from ladder_np.operations.maps import is_layer, is_whole_number
from ladder_np.predictor import Predictor

__all__ = [
    "NETWORK",
    "STANDARD",
    "TABLE",
    "Options",
    "Parser",
    "add_data_options",
    "add_device_option",
    "add_flip_option",
    "add_model_argument",
    "add_network_options",
    "add_options",
    "add_top_gamma_option",
    "check_rows",
    "described_network",
    "hidden_layers",
    "label_count",
    "load_model",
    "names",
    "numbers",
    "preset_name",
    "protect",
    "sizes",
    "table_options",
    "whole_number",
]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all errors of this program."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            message += "; one that begins with - is written as OPTION=VALUE"
        raise InputError(f"{message} (see {self.prog} --help)")


STANDARD = Path("-")  # standard input or output in place of a file


def whole_number(text: str) -> int:
    """Return a whole number from text such as ``100``."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def label_count(text: str) -> int | None:
    """Return how many rows keep their label; None from ``all``."""
    return None if text == "all" else whole_number(text)


def numbers(text: str) -> tuple[float, ...]:
    """Return numbers from text such as ``0.3`` or ``1000,10,0.1``."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers such as 1000,10,0.1") from None


def sizes(text: str) -> tuple[Any, ...]:
    """Return layers from text such as ``784-1000-10``: numbers of units, other kinds as texts, shapes as tuples."""
    return tuple(_layer(part, text) for part in text.split("-"))


def _layer(part: str, text: str) -> int | str | tuple[int, ...]:
    if is_whole_number(part):
        return int(part)
    if all(map(is_whole_number, part.split("x"))):
        return tuple(map(int, part.split("x")))
    if not is_layer(part):
        raise argparse.ArgumentTypeError(f"{text!r}: expected layers such as 1000-500-250, {part!r} is not one")
    return part


def described_network(arguments: argparse.Namespace, **others: Any) -> Specification:
    """Return the network that the options of `add_network_options` describe, with `others` of its fields."""
    return Specification(
        sizes=arguments.sizes,
        activation=arguments.activation,
        combinator=arguments.combinator,
        noise_std=arguments.noise_std,
        denoising_weights=arguments.denoising_weights,
        labeled_statistics=arguments.labeled_statistics,
        **others,
    )


def hidden_layers(text: str) -> tuple[int, ...]:
    """Return layer widths from text such as ``1000-500``; ``none`` is a network without hidden layers."""
    return () if text == "none" else sizes(text)


def add_model_argument(parser: argparse.ArgumentParser) -> None:
    """Add the model that a command works with; see `load_model`."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a run's folder, or a model file (.npz)")


def load_model(arguments: argparse.Namespace) -> Predictor:
    """Return the model that a command's first argument names."""
    load = Predictor.load if arguments.model.is_file() else load_run_model
    return load(arguments.model, arguments.device)


def protect(out: Path, what: str, *sources: Path) -> None:
    """Refuse to replace what a command's result comes from: files, what is in folders, a run's files and its data."""
    given = [source.resolve() for source in sources]
    folders = [*given, *(source.parent for source in given if (source.parent / CONFIG).is_file())]
    for run in filter(lambda folder: (folder / CONFIG).is_file(), folders):
        given.append(Path(load_run_config(run).settings.dataset))
    if out.resolve() in given or (out.exists() and out.resolve().parent in folders):
        raise InputError(f"--out {out} would replace a file that {what} come from; name another")


def table_options(arguments: argparse.Namespace, model: Predictor) -> TableOptions:
    """Return how to read a table for a model: as the options say, else as in the run's training."""
    given = {name: value for name, value in vars(arguments).items() if name in TABLE_FIELDS and value is not None}
    given = {**model.table, **given}
    if arguments.model.is_dir():  # of older versions
        settings = load_run_config(arguments.model).settings
        names = ("label_column", "unlabeled_label", "text_column")
        given = {**{name: getattr(settings, name) for name in names}, **given}
    if model.vocabulary is not None and model.vocabulary.window is not None:
        given["sequence"] = SequenceOptions(model.vocabulary.window, characters=tuple(model.classes.tolist()))
    complete = bool(model.columns) and model.scaling.encoding is None
    return TableOptions(
        **given,
        trained=model.columns,
        complete=complete,
        left_out=model.left_out,
        image_values=model.scaling.columns,
    )


def check_rows(model: Predictor, X: Features, names: tuple[str, ...] | None, source: Path | str) -> None:
    """Check features X, read from `source`; their named columns are in the order of training (see `read_table`).

    A note says if the model knows no names, a warning if X is on another scale than the rows in training. Raises
    InputError if the model takes other features.
    """
    if names and model.feature_names is None:
        print("ladder-np: the model knows no column names; columns are taken in their order", file=sys.stderr)
    model.check_like(X)
    model.warn_if_unlike(X, str(source))


def names(text: str) -> tuple[str, ...]:
    """Return names from text such as ``id,date``."""
    return tuple(name.strip() for name in text.split(","))


def preset_name(text: str) -> str:
    """Return the name of a preset, which is not empty: that would mean no preset."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a preset; ladder-np presets lists all")
    return text


def separator(text: str) -> str:
    """Return a separator from itself or its name, such as ``tab``."""
    return {name: sign for sign, name in SEPARATORS.items()}.get(text, text)


# By the name of an option that takes one value: what makes the value of a text, metavar, help.
Options = Mapping[str, tuple[Callable[[str], Any], str, str]]

# How a text table is read, in training and afterwards; what is left out is as in the file, or as in training.
TABLE: Options = {
    "--label-column": (str, "NAME", "of a table (default: label)"),
    "--text-column": (str, "NAME", "of a table, whose cells are texts to learn from (default: none)"),
    "--unlabeled-label": (str, "TEXT", "that stands where a row of a table has no label (default: nothing, or -1)"),
    "--drop-columns": (
        names,
        "N1,N2,…",
        "of a table that are not features (default: an index without a name)",
    ),
    "--separator": (separator, "CHAR", "of a table: comma, semicolon, tab, bar (default: as the file looks)"),
    "--decimal": (str, "MARK", "of a table's numbers: . or , (default: as the file looks)"),
}
TABLE_FIELDS = frozenset(field.name for field in dataclasses.fields(TableOptions))

NETWORK: Options = {
    "--sizes": (sizes, "D0-D1-…", "layers, input first, classes last (default: 8-7-6-4)"),
    "--combinator": (str, "NAME", f"{names_of_combinators()} (default: gaussian)"),
    "--activation": (str, "NAME", f"{', '.join(ACTIVATIONS)} (default: relu)"),
    "--noise-std": (numbers, "S", "one, or one per layer (default: 0.3)"),
    "--denoising-weights": (numbers, "W0,W1,…", "λ: one, or one per layer, input first (default: 1)"),
    "--labeled-statistics": (str, "WHOSE", "that labeled rows are normalized with: own (default), unlabeled"),
    "--labeled": (whole_number, "N", "labeled rows (default: 6)"),
    "--unlabeled": (whole_number, "M", "unlabeled rows (default: 9)"),
    "--seed": (whole_number, "S", "(default: 0)"),
}


def add_options(parser: argparse.ArgumentParser, options: Options) -> None:
    """Add all options of a table."""
    for name, (convert, metavar, text) in options.items():
        parser.add_argument(name, type=convert, metavar=metavar, help=text)


def add_flip_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--flip``."""
    flip = "flip half of the training images, left to right, at random"
    parser.add_argument("--flip", action="store_true", help=flip)


def add_top_gamma_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--top-gamma`` and ``--no-top-gamma``."""
    scale = "the softmax layer has a scale γ (default: yes; without it, as for the paper's CIFAR-10)"
    parser.add_argument("--top-gamma", action=argparse.BooleanOptionalAction, help=scale)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    names = f"one of {', '.join(DEVICE_NAMES)} (default: cpu)"
    parser.add_argument("--device", default="cpu", metavar="NAME", help=names)


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-dir``, whose default is the environment variable LADDER_NP_DATA."""
    named = os.environ.get("LADDER_NP_DATA")
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(named) if named else None,
        metavar="DIR",
        help="folder with data files, such as DIR/mnist/train-images-idx3-ubyte.gz "
        "(default: $LADDER_NP_DATA; otherwise they are downloaded once into a per-user cache)",
    )


def add_network_options(parser: argparse.ArgumentParser, dtype: str | None) -> None:
    """Add the options that describe one network and one step, for checks; ``--dtype`` unless `dtype` is None."""
    add_options(parser, NETWORK)
    parser.set_defaults(sizes=(8, 7, 6, 4), combinator="gaussian", activation="relu")
    parser.set_defaults(noise_std=(0.3,), denoising_weights=(1.0,), labeled_statistics="own")
    parser.set_defaults(labeled=6, unlabeled=9, seed=0)
    if dtype is not None:
        parser.add_argument("--dtype", default=dtype, metavar="NAME", help=f"float32 or float64 (default: {dtype})")
