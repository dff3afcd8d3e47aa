"""``ladder-np gradcheck``: compare every gradient with central differences."""

import argparse
from typing import Any

from ladder_np.arrays import Device
from ladder_np.commands.options import add_device_option, add_network_options, described_network
from ladder_np.inspection.gradcheck import TOLERANCE, Check, check_network

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
    """Check, print a row a parameter and the verdict."""
    specification = described_network(
        arguments, stop_gradient_targets=arguments.stop_gradient_targets, dtype="float64"
    )
    checks = check_network(
        specification, arguments.labeled, arguments.unlabeled, arguments.seed, Device(arguments.device)
    )
    print(
        f"{'parameter':<20} {'shape':>12} {'|gradient|':>11} {'absolute':>9} {'relative':>9} {'checked':>7}  verdict"
    )
    for check in checks:
        print(_row(check))
    failed = sum(not check.passed for check in checks)
    worst = max(check.relative for check in checks)
    verdict = f"FAILED for {failed} of {len(checks)}" if failed else f"passed for all {len(checks)}"
    print(f"gradient check {verdict} parameters; worst relative difference {worst:.1e}, tolerance {TOLERANCE:.0e}")
    return 1 if failed else 0


def _row(check: Check) -> str:
    verdict = "ok" if check.passed else "WRONG" if not check.unchecked else f"{check.unchecked} cross a kink"
    shape = "x".join(map(str, check.shape))
    return (
        f"{check.name:<20} {shape:>12} {check.norm:>11.3e} {check.absolute:>9.1e} {check.relative:>9.1e} "
        f"{check.directions:>7}  {verdict}"
    )
