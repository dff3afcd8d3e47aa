"""``ladder-np describe``: a network's layers, and what they cost, before or after it is trained."""

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ladder_np.commands.options import NETWORK, add_options, add_top_gamma_option, load_model, sizes
from ladder_np.errors import InputError
from ladder_np.experiments.run_folder import load_run_config
from ladder_np.inspection.description import Description, describe
from ladder_np.network.specification import Specification

__all__ = ["add_to"]

OF_LAYERS = ("--combinator", "--activation", "--noise-std", "--denoising-weights", "--labeled-statistics")
ROWS = 100  # labeled and unlabeled ones of a step in [R]
HEADINGS = ("", "layer", "shape", "W, β, γ", "V", "combinator", "up", "down", "memory")
GROUPS = ("", "", "", "parameters", "", "", "multiply-adds", "", "of a step")
EXPLAINED = """\
up, down: multiply-adds of one image or row on its way up to a layer, and down to it in the decoder. A step takes
three times as many, forward and twice back, in up to three lanes of the encoder and one of the decoder.\
"""


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "describe",
        help="layers, parameters, multiply-adds, memory of a network",
        description="Print a table of a network's layers: shapes, parameters, multiply-adds per image, memory of a "
        "training step.",
        epilog="An example: ladder-np describe 28x28x1-conv:32:5:full-max_pool:2-conv:64:3-mean_pool-10",
    )
    what = "layers, the input's shape first, such as 784-1000-10; or a run's folder, or a model file (.npz)"
    parser.add_argument("model", type=Path, metavar="LAYERS|RUN|MODEL", help=what)
    add_options(parser, {name: NETWORK[name] for name in OF_LAYERS})
    add_top_gamma_option(parser)
    rows = f"rows of a step (default: {ROWS}, or the run's)"
    parser.add_argument("--labeled", type=int, metavar="N", help=f"labeled {rows}")
    parser.add_argument("--unlabeled", type=int, metavar="M", help=f"unlabeled {rows}")
    parser.add_argument("--dtype", metavar="NAME", help="float32 (default) or float64")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.set_defaults(run=run, device="cpu")


def run(arguments: argparse.Namespace) -> int:
    """Describe and print."""
    specification, labeled, unlabeled = _named(arguments)
    labeled = labeled if arguments.labeled is None else arguments.labeled
    unlabeled = unlabeled if arguments.unlabeled is None else arguments.unlabeled
    description = describe(specification, labeled, unlabeled)
    print("\n".join([_as_json(specification, description)] if arguments.json else _lines(specification, description)))
    return 0


def _named(arguments: argparse.Namespace) -> tuple[Specification, int, int]:
    """Return the network that the command names, and how many labeled and unlabeled rows its steps have."""
    fields = [name.removeprefix("--").replace("-", "_") for name in (*OF_LAYERS, "--top-gamma", "--dtype")]
    given = {name: value for name in fields if (value := getattr(arguments, name)) is not None}
    if not os.path.exists(arguments.model):  # layers may be longer than names of files can be
        return Specification(**{"denoising_weights": 1.0, **given}, sizes=_layers(str(arguments.model))), ROWS, ROWS
    if given:
        raise InputError(f"--{next(iter(given)).replace('_', '-')}: {arguments.model} has its own; it is for LAYERS")
    specification = load_model(arguments).network.specification
    if arguments.model.is_file():
        return specification, ROWS, ROWS
    settings = load_run_config(arguments.model).settings
    return specification, settings.labeled_batch, settings.unlabeled_batch


def _layers(text: str) -> tuple[Any, ...]:
    try:
        return sizes(text)
    except argparse.ArgumentTypeError as error:
        raise InputError(f"no run's folder or model file of that name, and no layers: {error}") from None


def _lines(specification: Specification, description: Description) -> Iterator[str]:
    yield f"network {specification.description}; {specification.dtype}"
    yield from _table([GROUPS, HEADINGS, *_rows(description)])
    yield ""
    yield EXPLAINED
    n, m = description.n_labeled, description.n_unlabeled
    yield f"memory of a step of {n} labeled and {m} unlabeled rows: {_bytes(description.peak)} at its peak, about:"
    yield f"{_bytes(description.kept):>10}  is kept of the layers"
    yield f"{_bytes(description.parameters):>10}  are parameters, gradients and Adam's moments"
    yield f"{_bytes(description.passing):>10}  are needed for a moment"


def _rows(description: Description) -> Iterator[Sequence[str]]:
    for index, layer in enumerate(description.layers):
        counts = layer.encoder, layer.decoder, layer.combinator, layer.up, layer.down
        shape = "x".join(map(str, layer.shape))
        yield str(index), layer.text, shape, *map(_count, counts), _bytes(layer.memory)
    names = "encoder", "decoder", "combinator", "up", "down"
    sums = {name: sum(getattr(layer, name) for layer in description.layers) for name in names}
    yield "", "all", "", *map(_count, sums.values()), _bytes(description.kept)


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for number, layer, *others in rows:
        right = "  ".join(f"{text:>{width}}" for text, width in zip(others, widths[2:], strict=True))
        yield f"{number:>{widths[0]}}  {layer:<{widths[1]}}  {right}".rstrip()


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _bytes(number: int) -> str:
    """Return a size in MB; kB where it is small."""
    return f"{number / 1e6:,.1f} MB" if number >= 1e5 else f"{number / 1e3:.1f} kB"


def _as_json(specification: Specification, description: Description) -> str:
    sums = {name: getattr(description, name) for name in ("kept", "peak")}
    return json.dumps({"network": specification.as_json(), **dataclasses.asdict(description), **sums})
