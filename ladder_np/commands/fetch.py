"""``ladder-np fetch``: download a data set once, or check the files that are there."""

import argparse
from typing import Any

from ladder_np.commands.options import add_data_options
from ladder_np.data.download import IMAGE_SETS, cache_folder, fetch

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "fetch",
        help="download and check a data set",
        description="Download a data set once, or check the files that are there.",
    )
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(IMAGE_SETS)}")
    add_data_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fetch, and print where the files are."""
    folder = arguments.data_dir or cache_folder()
    for path in fetch(arguments.name, folder):
        print(path)
    return 0
