"""``ladder-np plot`` and ``ladder-np report``: pictures of a run, as files and as one page."""

import argparse
from pathlib import Path
from typing import Any

from ladder_np.commands.options import add_data_options
from ladder_np.errors import InputError
from ladder_np.files import ensure_folder, write_bytes, write_text
from ladder_np.plots.registry import PICTURES, draw_pngs
from ladder_np.plots.report import make_report
from ladder_np.plots.run_data import RunSource

__all__ = ["add_to"]

NAMES = ", ".join(picture.name for picture in PICTURES)


def add_to(commands: Any) -> None:
    """Add both commands to the program's."""
    plot = commands.add_parser(
        "plot",
        help="pictures of a run",
        description="Draw the pictures of a run, as far as it has got. Needs matplotlib (the extra plot).",
        epilog=f"pictures: {NAMES}",
    )
    plot.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    plot.add_argument("--out", type=Path, metavar="DIR", help="where they are written (default: RUN/plots)")
    plot.add_argument(
        "--only", type=names, metavar="NAMES", help="which ones, with commas between them (default: all)"
    )
    add_data_options(plot)
    plot.set_defaults(run=run_plot)
    report = commands.add_parser(
        "report",
        help="a run as one HTML page",
        description="Write one page with the pictures of a run, how to read them, its numbers and its settings. It "
        "can be read without network. Needs matplotlib (the extra plot).",
    )
    report.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    report.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the .html to write, replaced if it exists (default: RUN/report.html)",
    )
    add_data_options(report)
    report.set_defaults(run=run_report)


def names(text: str) -> tuple[str, ...]:
    """Return names from text such as ``confusion,combinators``."""
    return tuple(text.split(","))


def run_plot(arguments: argparse.Namespace) -> int:
    """Draw everything, then write it."""
    gallery = draw_pngs(RunSource(arguments.folder, arguments.data_dir), arguments.only)
    folder = ensure_folder(arguments.out or arguments.folder / "plots")
    for picture, png in gallery.pngs:
        path = folder / f"{picture.name}.png"
        write_bytes(path, png)
        print(f"{picture.title}: {path}")
    for reason, pictures in gallery.left_out.items():
        print(f"left out: {', '.join(picture.name for picture in pictures)}: {reason}")
    return 0


def run_report(arguments: argparse.Namespace) -> int:
    """Make the page and write it."""
    path = arguments.out or arguments.folder / "report.html"
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {path}: expected a name that ends in .html")
    write_text(path, make_report(RunSource(arguments.folder, arguments.data_dir)))
    print(f"report written to {path}")
    return 0
