"""``ladder-np trace``: one batch goes through the network, and every stage shows what it is and what it made."""

import argparse
import dataclasses
import json
import math
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ladder_np.arrays import Device
from ladder_np.commands.options import add_device_option, add_network_options, described_network, whole_number
from ladder_np.errors import InputError
from ladder_np.files import write_bytes
from ladder_np.inspection.trace import Reading, of_layer, trace_step
from ladder_np.network.specification import Specification
from ladder_np.plots.curves import trace_by_layer
from ladder_np.plots.style import png

__all__ = ["add_to"]

COLUMNS = """\
Symbol = equation, in the order of computation; shape (rows first); mean and standard deviation of all elements,
norm of a gradient; the line of code that computes it. ~: noisy; dx: dC/dx; m, s: see operations/normalization.py.\
"""
FIELDS = [field.name for field in dataclasses.fields(Reading) if field.name not in ("value", "rounding")]


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "trace",
        help="show one batch go through the network, stage by stage",
        description="Run one random training step and show every stage of it: symbol, equation, shape, mean and "
        "standard deviation, on the way back the gradient's norm, and where it is computed.",
    )
    add_network_options(parser, dtype="float64")
    add_device_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON array, an object per stage, unrounded")
    layer = "only the stages of this layer (0 is the input)"
    parser.add_argument("--layer", type=whole_number, metavar="N", help=layer)
    plot = "also draw values and gradients by layer (needs the extra plot)"
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help=plot)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Trace, draw, print."""
    if arguments.plot is not None and arguments.plot.suffix.lower() != ".png":
        raise InputError(f"--plot {arguments.plot}: expected a name that ends in .png")
    specification, device = described_network(arguments, dtype=arguments.dtype), Device(arguments.device)
    readings = trace_step(specification, arguments.labeled, arguments.unlabeled, arguments.seed, device)
    if arguments.layer is not None:
        readings = of_layer(readings, arguments.layer)
    if arguments.plot is not None:
        write_bytes(arguments.plot, png(trace_by_layer(readings)))
        print(f"picture written to {arguments.plot}", file=sys.stderr)
    if arguments.json:
        print("[\n" + ",\n".join(map(_as_json, readings)) + "\n]")
    else:
        print("\n".join([*_introduction(specification, arguments), *_table(readings)]))
    return 0


def _introduction(specification: Specification, arguments: argparse.Namespace) -> Iterator[str]:
    rows = f"N = {arguments.labeled} labeled, M = {arguments.unlabeled} unlabeled rows"
    yield f"network {specification.description}; {rows}; {specification.dtype}, seed {arguments.seed}"
    yield COLUMNS
    if min(specification.denoising_weights) == 0:
        yield "Where λ is 0 there is no cost; what no cost needs is not run."


def _as_json(reading: Reading) -> str:
    """Return one object in one line; JSON has no infinite and undefined numbers: they become null."""
    fields = {name: getattr(reading, name) for name in FIELDS}
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}
    return json.dumps(finite, ensure_ascii=False)


def _table(readings: Sequence[Reading]) -> Iterator[str]:
    """Yield the lines: each part of the step under a heading, all in the same columns."""
    lines = list(_cells(readings))
    columns = max(map(len, lines)) - 1  # the last, the function, needs no width
    widths = [max(_width(line[k]) for line in lines if k < len(line) - 1) for k in range(columns)]
    for first, *numbers, function in lines:
        if function == "function":
            yield ""
        right = "".join(f" {text:>{width}}" for text, width in zip(numbers, widths[1:], strict=False))
        yield f"{_padded(first, widths[0])}{right}  {function}"


def _cells(readings: Sequence[Reading]) -> Iterator[list[str]]:
    """Yield the texts of each heading and row; gradients have one more column."""
    symbols = max(_width(reading.symbol) for reading in readings)
    for part, rows in groupby(readings, key=lambda reading: reading.part):
        first, *others = rows
        norm = [] if first.norm is None else ["norm"]
        yield [first.paper or part, "shape", "mean", "std", *norm, "function"]
        for reading in (first, *others):
            norm = [] if reading.norm is None else [_number(reading.norm, reading)]
            elsewhere = "" if reading.paper == first.paper else f" ({reading.paper})"
            yield [
                f"{_padded(reading.symbol, symbols)} = {reading.equation}",
                "x".join(map(str, reading.shape)) or "-",
                _number(reading.mean, reading),
                _number(reading.std, reading) if reading.shape else "",
                *norm,
                f"{reading.file}:{reading.line} {reading.function}{elsewhere}",
            ]


def _number(value: float, reading: Reading) -> str:
    """Return three digits; 0 for what is rounding only, and differs between machines."""
    return "0" if abs(value) <= reading.rounding else f"{value:#.3g}".removesuffix(".")


def _padded(text: str, width: int) -> str:
    """Pad with blanks; a combining tilde takes no room."""
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    return sum(not unicodedata.combining(character) for character in text)
