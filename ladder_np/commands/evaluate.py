"""``ladder-np evaluate``: measure the test error of a finished run again."""

import argparse
from pathlib import Path
from typing import Any

from ladder_np.commands.options import add_data_options, add_device_option
from ladder_np.experiments.run import evaluate_run

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "evaluate",
        help="test error of a finished run",
        description="Measure the test error of a finished run again, on the test rows of its own data.",
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    add_data_options(parser)
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print one line."""
    print(f"test error: {evaluate_run(arguments.folder, arguments.data_dir, arguments.device)}")
    return 0
