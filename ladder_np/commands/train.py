"""``ladder-np train`` and ``fetch``: train a ladder and the supervised-only baseline beside it; get data for it."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.commands import autoencoder
from ladder_np.commands.options import (
    TABLE,
    Options,
    add_data_options,
    add_device_option,
    add_flip_option,
    add_options,
    add_top_gamma_option,
    hidden_layers,
    label_count,
    names,
    numbers,
    preset_name,
    sizes,
    whole_number,
)
from ladder_np.comparison.ngrams import witten_bell_bits
from ladder_np.data.download import ARCHIVES, IMAGE_SETS, cache_folder, fetch
from ladder_np.data.words import DOCUMENT_TOKENS
from ladder_np.errors import InputError, warn
from ladder_np.experiments.autoencoder import AUTOENCODER
from ladder_np.experiments.experiment import Experiment, prepare
from ladder_np.experiments.preset_files import find_preset
from ladder_np.experiments.run import execute, refuse_run, reopen, resume
from ladder_np.experiments.run_folder import MODEL, ErrorRate, load_run_config, load_run_histories, set_aside
from ladder_np.experiments.settings import ExperimentSettings, make_settings
from ladder_np.experiments.verdict import did_not_help, verdict, what_to_try
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import names_of_combinators
from ladder_np.training.progress import Progress

__all__ = ["add_arguments", "add_to", "named_settings"]

NO_SETTINGS = (
    "command",
    "run",
    "preset",
    "out",
    "data_dir",
    "device",
    "resume",
    "checkpoint_every",
    "quiet",
    "next_character",
)
WINDOW = 16  # characters
OF_A_RESUMED_RUN = ("dataset", "epochs")  # what may be named anew: where its data lies now, a new total
FEW_ROWS = 30  # for validation: with fewer, one or two rows decide which epoch is better
NAMED_CLASSES = 10  # in the line about labeled rows
EPILOG = (
    "ladder-np presets lists the presets. Named options win over the preset, which wins over the data's defaults."
)

# The options that settings are named by, and those of the run itself; what is not given is not in the arguments.
OPTIONS: Options = {
    "--dataset": (
        str,
        "NAME",
        "digits (default, embedded), mnist, fashion-mnist, cifar-10, FILE.npz, a table (.csv, .tsv, .gz, too), or a "
        "folder: X.npy, y.npy, or images (.png, .jpg) in a folder for each class; "
        "with --resume: where the run's data lies now, if it was moved",
    ),
    **TABLE,
    "--tokens": (str, "KIND", f"counted in texts: {', '.join(DOCUMENT_TOKENS)} (default: words)"),
    "--vocabulary": (whole_number, "N", "different tokens at most, those in most training texts (default: 2000)"),
    "--window": (whole_number, "N", "characters before the next one, with --next-character (default: 16)"),
    "--columns": (names, "N1,N2,…", "of a table that are features (default: all but the label column)"),
    "--preset": (
        preset_name,
        "NAME",
        "settings of a published experiment (see ladder-np presets), or FILE.toml; for any data that fits",
    ),
    "--labels": (
        label_count,
        "N",
        "rows that keep their label, class-balanced, or all (default: digits 50, mnist 100, files all)",
    ),
    "--test-fraction": (float, "F", "share of the labeled rows held out for test (default: digits 1/3, else 0)"),
    "--validation": (whole_number, "N", "labeled rows held out to watch training (default: 0)"),
    "--scaling": (
        str,
        "KIND",
        "auto (default: pixels to 0..1, tables standardized, texts divided by one common number), pixels, "
        "standardize, common, none, gcn_zca",
    ),
    "--hidden-layers": (hidden_layers, "D1-D2-…", "widths, or none (default: 200-100; mnist 1000-500-250-250-250)"),
    "--layers": (
        sizes,
        "L1-L2-…",
        "in their place all layers above the input, as conv:32:5:full-max_pool:2-conv:64:3-mean_pool-10; a last "
        "one with a unit for each class is added where it is missing",
    ),
    "--activation": (str, "NAME", f"of the hidden layers: {', '.join(ACTIVATIONS)} (default: relu)"),
    "--combinator": (str, "NAME", f"{names_of_combinators()} (default: gaussian)"),
    "--noise-std": (numbers, "S", "one, or one per layer, input first (default: 0.3)"),
    "--denoising-weights": (
        numbers,
        "W0,W1,…",
        "λ: one, or one per layer, input first (default: digits and mnist 1000,10,0.1,…; files 10/variance,3,1,…; "
        "texts 0.03 times that)",
    ),
    "--labeled-statistics": (
        str,
        "WHOSE",
        "that labeled rows are normalized with: own, the paper's way, for labels that are a fair sample of all "
        "rows; or unlabeled (default: files unlabeled, texts with even labels own; digits, mnist and presets own)",
    ),
    "--class-weight": (str, "KIND", "balanced: all classes count the same (default: each labeled row does)"),
    "--dtype": (str, "NAME", "float32 (default) or float64"),
    "--epochs": (
        whole_number,
        "N",
        "passes over the unlabeled rows (default: 100; mnist 150); with --resume: a new total, see there",
    ),
    "--labeled-batch": (whole_number, "N", "labeled rows per step (default: files 50, others 100)"),
    "--unlabeled-batch": (whole_number, "M", "unlabeled rows per step (default: files 50, others 100)"),
    "--learning-rate": (float, "R", "(default: files 0.004, others 0.002)"),
    "--decay-start": (float, "F", "share of training after which the rate falls to zero (default: 0.67)"),
    "--translate": (whole_number, "P", "pixels by which training images are moved at random, at most (default: 0)"),
    "--seed": (whole_number, "S", "of weights, noise and order (default: 0)"),
    "--split-seed": (whole_number, "S", "of the choice of rows (default: as --seed)"),
    "--patience": (
        whole_number,
        "N",
        "stop when the validation error has not fallen for N epochs, and keep the best (default: never)",
    ),
    "--checkpoint-every": (
        whole_number,
        "N",
        "steps between checkpoints, besides the one at every epoch's end (default: none)",
    ),
    "--resume": (
        Path,
        "RUN",
        "go on with an interrupted run, with its own settings, as if it had never stopped; with --epochs N, train a "
        "finished or interrupted run to N epochs in all, from where it is on at the learning rate of a training of N "
        "epochs, which may be higher than the last one",
    ),
    "--out": (Path, "DIR", "new folder for the run (default: runs/NAME-number)"),
}


def add_to(commands: Any) -> None:
    """Add both commands to the program's."""
    parser = commands.add_parser(
        "train",
        help="train on data with few labels",
        description="Train a ladder, and the same network on the labeled rows alone beside it; report both.",
        epilog=EPILOG,
        argument_default=argparse.SUPPRESS,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)
    parser = commands.add_parser(
        "fetch",
        help="download and check a data set",
        description="Download a data set once, or check the files that are there.",
    )
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join((*IMAGE_SETS, *ARCHIVES))}")
    add_data_options(parser)
    parser.set_defaults(run=run_fetch)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a training."""
    add_options(parser, OPTIONS)
    following = "learn a text file (.txt): from a window of characters the one that comes next"
    parser.add_argument("--next-character", action="store_true", help=following)
    targets = "treat the clean targets as constants (the papers do not)"
    parser.add_argument("--stop-gradient-targets", action="store_true", help=targets)
    add_flip_option(parser)
    add_top_gamma_option(parser)
    beside = "train the same network on the labeled rows alone too (default: as a preset says, else yes)"
    parser.add_argument("--baseline", action=argparse.BooleanOptionalAction, help=beside)
    parser.add_argument("--quiet", action="store_true", help="do not show how far training is")
    add_data_options(parser)
    add_device_option(parser)
    parser.set_defaults(preset=None, checkpoint_every=None, resume=None, out=None, quiet=False)


def named_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that options name."""
    named = {k: v for k, v in vars(arguments).items() if k not in NO_SETTINGS}
    if "next_character" in arguments:
        named.setdefault("window", WINDOW)
    elif "window" in named:
        raise InputError("--window needs --next-character, which learns a text file")
    return named


def run_fetch(arguments: argparse.Namespace) -> int:
    """Fetch, and print where the files are."""
    for path in fetch(arguments.name, arguments.data_dir or cache_folder()):
        print(path)
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Train and report."""
    named = named_settings(arguments)
    if arguments.preset == AUTOENCODER:
        return autoencoder.run(arguments, named)
    every = arguments.checkpoint_every
    if every is not None and every < 1:
        raise InputError(f"--checkpoint-every {every}: expected a whole number of steps >= 1")
    experiment = _begin(arguments, named) if arguments.resume is None else _reopen(arguments, named)
    with Progress(experiment.settings.epochs, None if arguments.quiet else sys.stderr) as progress:
        if arguments.resume is not None:
            folder = arguments.resume
            measured = resume(experiment, folder, progress.observe, every)
        else:
            folder, measured = execute(experiment, arguments.out, progress.observe, every, arguments.preset)
    for line in _early_stops(folder, experiment.settings):
        print(line)
    _report(measured, experiment)
    for line in _ngrams(experiment) if measured and experiment.dataset.overlapping else ():
        print(line)
    if not measured:
        print(f"no test rows, so no test error; {_why_no_test(experiment.settings)}")
    print(f"run saved in {folder}")
    for epochs in load_run_config(folder).epochs_before:
        if (model := set_aside(folder / MODEL, epochs)).exists():
            print(f"its model of {epochs} epochs: {model}")
    return 0


def _begin(arguments: argparse.Namespace, named: dict[str, Any]) -> Experiment:
    """Return the experiment of a new run, and print what it is."""
    settings = make_settings(named, arguments.preset)
    if arguments.out is not None:
        refuse_run(arguments.out)
    experiment = prepare(settings, arguments.data_dir, arguments.device)
    _warn_of_few(experiment)
    print(_describe(experiment), flush=True)  # in a log, before the progress
    made_for = find_preset(arguments.preset).settings.get("dataset") if arguments.preset else None
    if made_for is not None and settings.dataset != made_for:
        print(f"settings of preset {arguments.preset}, made for {made_for}", flush=True)
    return experiment


def _reopen(arguments: argparse.Namespace, named: dict[str, Any]) -> Experiment:
    """Return the experiment of a run that goes on, and print what it is."""
    again = {name: named.pop(name, None) for name in OF_A_RESUMED_RUN}
    _refuse_settings({**named, "preset": arguments.preset, "out": arguments.out})
    before = load_run_config(arguments.resume).settings.epochs
    experiment = reopen(arguments.resume, arguments.data_dir, arguments.device, **again)
    print(_describe(experiment), flush=True)
    if experiment.settings.epochs > before:
        print(_describe_longer(experiment.settings, before), flush=True)
    return experiment


def _describe_longer(settings: ExperimentSettings, before: int) -> str:
    """Return what a run of `before` epochs is trained to, and at which learning rate."""
    constant, all_epochs = settings.decay_start * settings.epochs, settings.epochs
    falling = "" if settings.decay_start == 1 else f", then falling to zero in epoch {all_epochs}"
    return (
        f"trained to {all_epochs} epochs instead of {before}; from here on the learning rate is that of a training "
        f"of {all_epochs} epochs: {settings.learning_rate:g} up to epoch {constant:.4g}{falling}"
    )


def _refuse_settings(named: dict[str, Any]) -> None:
    """A resumed run has its own settings."""
    for name, value in named.items():
        if value is not None:
            raise InputError(f"--resume goes on with the run's own settings; leave out --{name.replace('_', '-')}")


def _warn_of_few(experiment: Experiment) -> None:
    """Warn if the rows that choose the epoch are too few for it."""
    rows = len(experiment.split.validation)
    if experiment.settings.patience is not None and rows < FEW_ROWS:
        warn(
            f"--patience chooses the epoch by {rows} validation rows, which tell little: one row is "
            f"{100 / rows:.1f} percentage points; {FEW_ROWS} or more are better (--validation N), or no --patience"
        )


def _early_stops(folder: Path, settings: ExperimentSettings) -> Iterator[str]:
    """Yield a line for each model whose epoch was chosen by the validation rows."""
    histories = {}
    if settings.patience is not None:
        with contextlib.suppress(InputError):  # the metrics were damaged; the model was made without
            histories = load_run_histories(folder)
    for name, history in histories.items():
        errors, epochs = history.validation_error.tolist(), len(history)
        ended = f"no better for {settings.patience} epochs, stopped after epoch {epochs} of {settings.epochs}"
        ended = ended if epochs < settings.epochs else f"all {epochs} epochs"
        best = errors.index(min(errors))
        yield f"{name + ':':<17}{ended}; epoch {best + 1} is kept, validation error {100 * errors[best]:.2f} %"


def _describe(experiment: Experiment) -> str:
    dataset, split = experiment.dataset, experiment.split
    test = len(split.test) if dataset.X_test is None else len(dataset.X_test)
    held_out = [f"{len(split.validation)} for validation"] if len(split.validation) else []
    held_out.append(f"{test} for test" if test else "none for test")
    return (
        f"{dataset.name}: {dataset.X.shape[1]} features, {len(dataset.classes)} classes; "
        f"{len(split.train)} training rows, {len(split.labeled)} of them labeled; {', '.join(held_out)}\n"
        f"features: {experiment.features}\n"
        f"{_describe_classes(experiment)}\n"
        f"network {experiment.specification}, seed {experiment.settings.seed}"
    )


def _describe_classes(experiment: Experiment) -> str:
    """Return how many labeled training rows each class has, the first classes by name."""
    dataset, labeled = experiment.dataset, experiment.split.labeled
    counts = np.bincount(dataset.y[labeled], minlength=len(dataset.classes)).tolist()
    classes = [repr(name) if dataset.overlapping else name for name in dataset.classes.tolist()]
    shown = [f"{name} ({count})" for name, count in zip(classes, counts, strict=True)]
    if len(shown) > NAMED_CLASSES:
        shown = [*shown[:NAMED_CLASSES], f"… ({len(shown)} classes with {min(counts)} to {max(counts)} rows)"]
    text = f"classes (labeled rows): {', '.join(shown)}"
    if len(labeled) == len(experiment.split.train):
        text += "; every row is labeled, so none is left to learn from without a label"
    return text


def _ngrams(experiment: Experiment) -> Iterator[str]:
    """Yield what n-grams with contexts as long as the windows come to on the test characters."""
    dataset, split, window = experiment.dataset, experiment.split, experiment.settings.window
    assert dataset.texts is not None
    assert window is not None
    # A window's row is the place of the next character but for the first character, which has no window.
    first = int(np.flatnonzero(dataset.classes == dataset.texts[0])[0])
    characters = np.concatenate([[first], dataset.y])
    counted = {"labeled": split.labeled, "all training": split.train}
    if len(split.labeled) == len(split.train):
        del counted["labeled"]
    for name, rows in counted.items():
        bits = witten_bell_bits(characters, window, rows + 1, split.test + 1, len(dataset.classes))
        yield f"Witten-Bell {window + 1}-grams of {name} windows: {bits:.3f} bits per character"


def _why_no_test(settings: ExperimentSettings) -> str:
    if settings.test_fraction > 0:
        return "the share is less than one row, or every class needs the few labeled rows it has; label more"
    return "--test-fraction F holds some labeled rows out"


def _report(measured: dict[str, ErrorRate], experiment: Experiment) -> None:
    for name, result in measured.items():
        print(f"{name + ':':<17}test error {result}")
    if said := verdict(measured):
        print(said)
    if did_not_help(measured):
        print(what_to_try(experiment.specification, experiment.settings.epochs))
