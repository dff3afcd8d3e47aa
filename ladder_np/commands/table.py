"""``ladder-np table``: the results of finished runs, beside what was published."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ladder_np.commands.options import Options, add_options, whole_number
from ladder_np.comparison.table import FORMATS, Row, Table, make_table
from ladder_np.errors import InputError
from ladder_np.experiments.autoencoder import refuse_autoencoder
from ladder_np.experiments.results import Record, read_records
from ladder_np.files import write_bytes
from ladder_np.plots.results import Drawn, draw_results
from ladder_np.plots.style import matplotlib, png

__all__ = ["TABLE_OPTIONS", "add_to", "check_table_options", "print_table"]

TABLE_OPTIONS: Options = {
    "--format": (str, "KIND", f"of the table: {', '.join(FORMATS)} (default: text)"),
    "--picture": (Path, "FILE.png", "draw every run; needs matplotlib (the extra plot)"),
    "--against": (whole_number, "ROW", "compare with that row, run by run of the same seeds (default: none)"),
}


def add_to(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "table",
        help="results of runs beside published ones",
        description="Print mean, spread and number of the test errors of finished runs, what was published, and "
        "whether they differ.",
    )
    parser.add_argument(
        "results", nargs="+", type=Path, metavar="RESULTS.jsonl|FOLDER", help="of a sweep, or of a run"
    )
    add_options(parser, TABLE_OPTIONS)
    parser.set_defaults(format="text", run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read, and print."""
    check_table_options(arguments.format, arguments.picture)
    for path in arguments.results:
        refuse_autoencoder(path)
    print_table(read_records(arguments.results), arguments.format, arguments.picture, arguments.against)
    return 0


def check_table_options(kind: str, picture: Path | None) -> None:
    """Refuse what cannot be printed or written, before anything is done for it."""
    if kind not in FORMATS:
        raise InputError(f"--format {kind!r}: expected one of {', '.join(FORMATS)}")
    if picture is None:
        return
    if picture.suffix.lower() != ".png":
        raise InputError(f"--picture {picture}: expected a name that ends in .png")
    if picture.is_dir() or not picture.parent.is_dir():
        raise InputError(f"cannot write {picture}: expected a file's name in a folder that exists")
    matplotlib()


def print_table(records: Sequence[Record], kind: str, picture: Path | None, against: int | None) -> None:
    """Print the table of some records, and draw it if a file is named."""
    table = make_table(records, against)
    print(FORMATS[kind](table), end="")
    if picture is not None:
        write_bytes(picture, png(draw_results([_drawn(row, table) for row in table.rows])))
        print(f"picture: {picture}", file=sys.stderr)


def _drawn(row: Row, table: Table) -> Drawn:
    labels = "all" if row.labels is None else row.labels
    published = (row.published.mean, row.published.deviation) if row.published else None
    return Drawn(f"{row.name}, {labels} labels: {row.model}", row.percents, published)
