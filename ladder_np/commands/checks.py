"""``ladder-np gradcheck``, ``vectors``, ``compare-vectors``: check this implementation, and any other against it."""

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ladder_np.arrays import Device
from ladder_np.commands.options import add_device_option, add_network_options, described_network
from ladder_np.errors import InputError
from ladder_np.files import write_npz
from ladder_np.inspection.differences import TOLERANCE
from ladder_np.inspection.gradcheck import check_network
from ladder_np.inspection.report import COLUMNS, GradientReport
from ladder_np.inspection.vector_hints import explain_first
from ladder_np.inspection.vectors import Difference, compare_vectors, make_vectors, read_vectors, required_keys

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add the three commands to the program's."""
    parser = commands.add_parser(
        "gradcheck",
        help="check all gradients by differences",
        description="Compare every gradient of a random network with central differences, in float64.",
        epilog="\n".join(["columns of the report:", *map(_explained, COLUMNS.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_network_options(parser, dtype=None)
    parser.add_argument("--stop-gradient-targets", action="store_true", help="treat the clean targets as constants")
    add_device_option(parser)
    parser.set_defaults(run=run_gradcheck)
    parser = commands.add_parser(
        "vectors",
        help="write one complete step to a file",
        description="Write one complete training step: parameters, inputs, noise, intermediates, losses, gradients.",
    )
    parser.add_argument("out", type=Path, metavar="OUT.npz", help="the file to write (replaced if it exists)")
    add_network_options(parser, dtype="float64")
    add_device_option(parser)
    parser.set_defaults(run=run_vectors)
    parser = commands.add_parser(
        "compare-vectors",
        help="compare two such files",
        description="Compare two files of test vectors; the first wrong line is the first wrong step. Its equation "
        "is named, and each known mistake that gives the candidate's very numbers.",
    )
    parser.add_argument("reference", type=Path, metavar="REFERENCE.npz")
    parser.add_argument("candidate", type=Path, metavar="CANDIDATE.npz")
    passes = "largest difference that passes, relative to the array's largest value (default: 1e-9; float32 1e-4)"
    parser.add_argument("--tolerance", type=float, metavar="R", help=passes)
    required = "fail unless the candidate has all keys that begin so, such as grad/ (may be repeated)"
    parser.add_argument("--require", action="append", default=[], metavar="PREFIX", help=required)
    parser.add_argument("--quiet", action="store_true", help="print only what differs, and the verdict")
    parser.set_defaults(run=run_compare)


def _explained(column: tuple[str, str]) -> str:
    """Return a column's name and what it is, in lines that fit a terminal."""
    return textwrap.fill(": ".join(column), 80, initial_indent="  ", subsequent_indent="    ")


def run_gradcheck(arguments: argparse.Namespace) -> int:
    """Check, and print a row per parameter and the verdict."""
    fixed, device = arguments.stop_gradient_targets, Device(arguments.device)
    specification = described_network(arguments, stop_gradient_targets=fixed, dtype="float64")
    checks = check_network(specification, arguments.labeled, arguments.unlabeled, arguments.seed, device)
    report = GradientReport(checks, TOLERANCE)
    print(report)
    return 0 if report.passed else 1


def run_vectors(arguments: argparse.Namespace) -> int:
    """Make and write the vectors."""
    specification, device = described_network(arguments, dtype=arguments.dtype), Device(arguments.device)
    arrays = make_vectors(specification, arguments.labeled, arguments.unlabeled, arguments.seed, device)
    write_npz(arguments.out, arrays)
    print(f"{len(arrays)} entries written to {arguments.out}; loss/total {float(arrays['loss/total']):.6g}")
    return 0


def run_compare(arguments: argparse.Namespace) -> int:
    """Compare and print a line per key, and the verdict."""
    if arguments.tolerance is not None and not arguments.tolerance >= 0:
        raise InputError(f"--tolerance {arguments.tolerance}: expected a number >= 0")
    reference = read_vectors(arguments.reference, complete=True)
    candidate = read_vectors(arguments.candidate, complete=False)
    missing = [key for key in required_keys(reference, arguments.require) if key not in candidate]
    differences = compare_vectors(reference, candidate, arguments.tolerance)
    named = "1e-09 (1e-04 where either is float32)" if arguments.tolerance is None else f"{arguments.tolerance:.0e}"
    wrong = [difference for difference in differences if not difference.passed]
    if not arguments.quiet:
        print(f"relative differences are over an array's largest value; tolerance {named}")
    if wrong or not arguments.quiet:
        print(f"{'key':<28} {'shape':>12} {'absolute':>9} {'relative':>9}  where")
    for difference in wrong if arguments.quiet else differences:
        print(_row(difference))
    for key in missing:
        print(f"{key:<28} missing from {arguments.candidate}")
    if not arguments.quiet:
        for line in _not_compared(set(reference) - {"meta"}, set(candidate) - {"meta"}):
            print(line)
    for line in explain_first(reference, candidate, differences, arguments.tolerance):
        print(textwrap.fill(line, 110, subsequent_indent="    ", break_on_hyphens=False))
    print(_verdict([difference.key for difference in wrong], missing, len(differences)))
    return 1 if wrong or missing else 0


def _row(difference: Difference) -> str:
    shape = "x".join(map(str, difference.shape)) or "scalar"
    where = difference.note or str(list(difference.where or ()))
    verdict = "" if difference.passed else "  WRONG"
    return (
        f"{difference.key:<28} {shape:>12} {difference.absolute:>9.1e} {difference.relative:>9.1e}  {where}{verdict}"
    )


def _not_compared(reference: set[str], candidate: set[str]) -> Iterator[str]:
    if absent := reference - candidate:
        yield f"not compared: {len(absent)} keys of the reference that the candidate lacks, such as {min(absent)}"
    if unknown := candidate - reference:
        yield f"not compared: {len(unknown)} keys of the candidate that the reference lacks, such as {min(unknown)}"


def _verdict(wrong: list[str], missing: list[str], compared: int) -> str:
    if not wrong and not missing:
        return f"all {compared} keys agree"
    parts = [f"{len(wrong)} of {compared} keys differ, the first is {wrong[0]}"] if wrong else []
    parts += [f"{len(missing)} required keys are missing"] if missing else []
    return "; ".join(parts)
