"""``ladder-np compare``: whether the unlabeled rows help, on repeated splits of the labeled ones; or runs."""

import argparse
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.commands.options import (
    TABLE,
    TABLE_FIELDS,
    Options,
    add_data_options,
    add_device_option,
    add_flip_option,
    add_options,
    add_top_gamma_option,
    hidden_layers,
    names,
    numbers,
    sizes,
    whole_number,
)
from ladder_np.commands.table import TABLE_OPTIONS, check_table_options, print_table
from ladder_np.comparison.methods import SCIKIT_LEARN
from ladder_np.comparison.repeats import compare, labels_of
from ladder_np.data.dataset import Dataset
from ladder_np.data.encoding import find_encoding
from ladder_np.data.readers import open_dataset
from ladder_np.data.split import split_rows
from ladder_np.data.tables import TableOptions
from ladder_np.data.words import DOCUMENT_TOKENS
from ladder_np.errors import InputError
from ladder_np.estimator.classifier import LadderClassifier
from ladder_np.estimator.fitting import takes_images
from ladder_np.experiments.autoencoder import refuse_autoencoder
from ladder_np.experiments.results import holds_results, is_run, read_records
from ladder_np.experiments.settings import DATASET_DEFAULTS
from ladder_np.files import write_text
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import names_of_combinators
from ladder_np.plots.style import matplotlib
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["add_to"]


def method_names(text: str) -> tuple[str, ...]:
    """Return names from text such as ``self-training,label spreading``; ``none``: no method."""
    return () if text == "none" else tuple(part.strip() for part in text.split(","))


# The parameter of `LadderClassifier` that each option of the network sets.
PARAMETERS = {
    "hidden_layers": "hidden_layer_sizes",
    "layers": "layers",
    "top_gamma": "top_gamma",
    "activation": "activation",
    "combinator": "combinator",
    "noise_std": "noise_std",
    "denoising_weights": "denoising_weights",
    "labeled_statistics": "labeled_statistics",
    "class_weight": "class_weight",
    "scaling": "scaling",
    "epochs": "max_iter",
    "batch": "batch_size",
    "learning_rate": "learning_rate_init",
    "decay_start": "decay_start",
    "translate": "translate",
    "flip": "flip",
    "vocabulary": "vocabulary_size",
    "dtype": "dtype",
    "device": "device",
}
OPTIONS: Options = {
    "--repeats": (whole_number, "N", "splits of the labeled rows, 2 at least (default: 20)"),
    "--test-fraction": (float, "F", "share of each class's labeled rows that is left out (default: 0.25)"),
    "--methods": (method_names, "NAMES", f"beside the networks: {','.join(SCIKIT_LEARN)} (default: all), or none"),
    **TABLE,
    "--tokens": (str, "KIND", f"counted in texts: {', '.join(DOCUMENT_TOKENS)} (default: words)"),
    "--vocabulary": (whole_number, "N", "different tokens at most (default: 2000)"),
    "--columns": (names, "N1,N2,…", "of a table that are features (default: all but the label column)"),
    "--labels": (whole_number, "N", "rows that keep their label (default: digits 50, mnist 100, files all)"),
    "--hidden-layers": (hidden_layers, "D1-D2-…", "widths, or none (default: 200-100)"),
    "--layers": (sizes, "L1-L2-…", "in their place all layers above the input, as conv:32:5-mean_pool-10"),
    "--activation": (str, "NAME", f"of the hidden layers: {', '.join(ACTIVATIONS)} (default: relu)"),
    "--combinator": (str, "NAME", f"{names_of_combinators()} (default: gaussian)"),
    "--noise-std": (numbers, "S", "one, or one per layer, input first (default: 0.3)"),
    "--denoising-weights": (
        numbers,
        "W0,W1,…",
        "λ: one, or one per layer (default: 10/variance,3,1,…; texts 0.03 times that)",
    ),
    "--labeled-statistics": (
        str,
        "WHOSE",
        "that labeled rows are normalized with: unlabeled, own (default: unlabeled; texts with even labels own)",
    ),
    "--class-weight": (str, "KIND", "balanced: all classes count the same (default: each labeled row does)"),
    "--scaling": (str, "KIND", "auto (default), pixels, standardize, common, none, gcn_zca"),
    "--epochs": (whole_number, "N", "passes over all rows (default: 100)"),
    "--batch": (whole_number, "N", "labeled rows per step, and as many of all rows (default: 50)"),
    "--learning-rate": (float, "R", "(default: 0.004)"),
    "--decay-start": (float, "F", "share of training after which the rate falls to zero (default: 0.67)"),
    "--translate": (whole_number, "P", "pixels by which training images are moved at random, at most (default: 0)"),
    "--dtype": (str, "NAME", "float32 (default) or float64"),
    "--seed": (whole_number, "S", "of splits and trainings (default: 0)"),
    "--json": (Path, "FILE", "write all numbers there"),
    "--picture": (Path, "FILE.png", "draw every repeat; needs matplotlib (the extra plot)"),
}


def add_to(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "compare",
        help="did the unlabeled rows help?",
        description="Split the labeled rows many times. On each split train the ladder, the same network without the "
        "unlabeled rows and, where scikit-learn is installed, other methods; test all on the labeled rows left out. "
        "Say what the errors tell about the unlabeled rows, and what to try next. Or of folders of finished runs: "
        "print the table of their results, as ladder-np table does, each row beside the first one.",
        argument_default=argparse.SUPPRESS,
    )
    about = "as --dataset of train: a name, a file or a folder; or folders of finished runs"
    parser.add_argument("data", nargs="+", metavar="DATA|RUN", help=about)
    add_options(parser, OPTIONS)
    add_flip_option(parser)
    add_top_gamma_option(parser)
    other = "try λ / 10, the other statistics, twice, half the epochs (default: if the ladder is not clearly better)"
    parser.add_argument("--variants", action=argparse.BooleanOptionalAction, help=other)
    add_data_options(parser)
    add_device_option(parser)
    add_options(parser, {"--format": TABLE_OPTIONS["--format"], "--against": TABLE_OPTIONS["--against"]})
    parser.set_defaults(run=run)


OF_RUNS = ("format", "picture", "against")  # options of the table of runs


def run(arguments: argparse.Namespace) -> int:
    """Compare methods on data, or finished runs."""
    paths = [Path(name) for name in arguments.data]
    runs = [path for path in paths if is_run(path)]
    if len(runs) < len(paths):
        _refuse_others(paths)
    if len(runs) < len(paths) and (runs or len(paths) > 1):
        other = next(path for path in paths if path not in runs)
        expected = "expected one data set, or folders of finished runs alone"
        raise InputError(f"{other}: is not a folder of a run; {expected}")
    return _compare_runs(arguments, runs) if runs else _compare_methods(arguments)


def _refuse_others(paths: Sequence[Path]) -> None:
    """Raise `InputError` if a path is a sweep's, which another command compares, or an autoencoder's run."""
    for path in paths:
        refuse_autoencoder(path)
        if holds_results(path):
            table = f"ladder-np table {shlex.join(map(str, paths))} --against 1"
            raise InputError(f"{path}: holds the results of a sweep; sweeps are compared with: {table}")


def _compare_runs(arguments: argparse.Namespace, runs: Sequence[Path]) -> int:
    """Print the table of runs."""
    given = vars(arguments)
    usual = {"command", "run", "data", "device", "data_dir", *OF_RUNS}
    if others := given.keys() - usual:
        raise InputError(f"--{min(others).replace('_', '-')} is for data; {runs[0]} is a finished run")
    kind, picture = given.get("format", "text"), given.get("picture")
    check_table_options(kind, picture)
    print_table(read_records(runs), kind, picture, given.get("against", 1))
    return 0


def _compare_methods(arguments: argparse.Namespace) -> int:
    """Check where results go, measure, print and write them."""
    for name in ("format", "against"):
        if name in arguments:
            raise InputError(f"--{name} is for folders of finished runs; {arguments.data[0]} is none")
    usual = {"labels": None, "seed": 0, "json": None, "picture": None, "dataset": arguments.data[0]}
    arguments = argparse.Namespace(**{**usual, **vars(arguments)})
    check_seed(arguments.seed)
    _check_places(arguments)
    named = vars(arguments)
    options = TableOptions(**{name: value for name, value in named.items() if name in TABLE_FIELDS})
    dataset = open_dataset(arguments.dataset, arguments.data_dir, options)
    index = _kept_labels(arguments, dataset)
    parameters = {parameter: named[option] for option, parameter in PARAMETERS.items() if option in named}
    asked = {name: named[name] for name in ("repeats", "test_fraction", "methods", "variants") if name in named}
    if dataset.texts is not None:
        parameters["text"] = named.get("tokens", "words")
    model = LadderClassifier(unlabeled_label=None, **parameters)
    y = labels_of(dataset.classes, index)
    try:
        X = _encoded(dataset)
        if dataset.image_shape is not None and takes_images(model.get_params()):
            X = X.reshape(-1, *dataset.image_shape)
        result = compare(X, y, model, random_state=arguments.seed, verbose=True, **asked)
    except InputError as error:
        raise InputError(_in_options(str(error))) from None
    features = "texts" if dataset.texts is not None else f"{dataset.X.shape[1]} features"
    print(f"{dataset.name}: {features}, {len(index)} rows, {len(index[index >= 0])} labeled")
    if dataset.X_test is not None:
        print(f"the {len(dataset.X_test)} test rows that the data brings are not used")
    print(result)
    if arguments.json is not None:
        text = json.dumps({"data": arguments.dataset, **result.as_json()}, ensure_ascii=False, indent=1)
        write_text(arguments.json, text + "\n")
        print(f"numbers: {arguments.json}")
    if arguments.picture is not None:
        result.plot(arguments.picture)
        print(f"picture: {arguments.picture}")
    return 0


def _encoded(dataset: Dataset) -> np.ndarray:
    """Return texts as they are, else features as numbers: columns of texts as indicators, in place of missing numbers
    the mean of all rows.
    """
    if dataset.texts is not None:
        return np.array(dataset.texts, dtype=object)
    X = np.asarray(dataset.X)
    if dataset.values is None:
        return X
    encoding = find_encoding(X, np.arange(len(X)), dataset.values)
    if description := encoding.describe(dataset.feature_names):
        print(f"features: {description}")
    return encoding.apply(X)


def _in_options(message: str) -> str:
    """Return an error line about a parameter as one about the option that sets it."""
    name, equals, rest = message.partition("=")
    options = {parameter: option for option, parameter in PARAMETERS.items()}
    return f"--{options[name].replace('_', '-')} {rest}" if equals and name in options else message


def _check_places(arguments: argparse.Namespace) -> None:
    """Refuse, before minutes of training, what could not be written after them."""
    for path in (arguments.json, arguments.picture):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise InputError(f"cannot write {path}: expected a file's name in a folder that exists")
    if arguments.picture is not None:
        if arguments.picture.suffix.lower() != ".png":
            raise InputError(f"--picture {arguments.picture}: expected a name that ends in .png")
        matplotlib()


def _kept_labels(arguments: argparse.Namespace, dataset: Dataset) -> np.ndarray:
    """Return each row's class index, -1 but in as many rows as are to keep their label."""
    labels = arguments.labels
    if labels is None:
        labels = DATASET_DEFAULTS.get(arguments.dataset, {}).get("labels")
    if labels is None:
        return dataset.y
    generator = stream(arguments.seed, Stream.SPLIT)
    split = split_rows(
        dataset.y, len(dataset.classes), labels=labels, validation=0, test_fraction=0, generator=generator
    )
    kept = np.full(len(dataset.y), -1)
    kept[split.labeled] = dataset.y[split.labeled]
    return kept
