"""``ladder-np gradcheck``: compare every gradient with central differences."""

import argparse
from typing import Any

from ladder_np.arrays import Device
from ladder_np.commands.options import add_device_option, add_network_options, described_network
from ladder_np.inspection.differences import TOLERANCE, GradientReport
from ladder_np.inspection.gradcheck import check_network

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "gradcheck",
        help="check all gradients by differences",
        description="Compare every gradient of a random network with central differences, in float64.",
    )
    add_network_options(parser, dtype=None)
    parser.add_argument("--stop-gradient-targets", action="store_true", help="treat the clean targets as constants")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check, and print a row per parameter and the verdict."""
    specification = described_network(
        arguments, stop_gradient_targets=arguments.stop_gradient_targets, dtype="float64"
    )
    checks = check_network(
        specification, arguments.labeled, arguments.unlabeled, arguments.seed, Device(arguments.device)
    )
    report = GradientReport(checks, TOLERANCE)
    print(report)
    return 0 if report.passed else 1
