"""The command line. Results go to standard output, progress, notes and errors (one line each) to standard error.

Exit status: 0; 1 for a failed check or training that diverged; 2 for wrong use; 130 when interrupted.
"""

import argparse
import contextlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ladder_np.commands import (
    checks,
    compare,
    describe,
    doctor,
    embeddings,
    generate,
    plot,
    predict,
    presets,
    sweep,
    table,
    trace,
    train,
)
from ladder_np.commands.options import Parser
from ladder_np.errors import InputError, InputWarning, TrainingDivergedError
from ladder_np.estimator.interrupt import InterruptWarning
from ladder_np.version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; `sys.argv` by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # λ and … must not fail on a terminal that cannot show them
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", InputWarning)
            warnings.simplefilter("always", InterruptWarning)
            warnings.showwarning = _show_warning
            return _run(arguments)
    except InputError as error:
        return _complain(str(error), 2)
    except TrainingDivergedError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt as interruption:  # requested by the user, so not an error
        print(f"ladder-np: {interruption}" if str(interruption) else "ladder-np: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the program that reads the output has ended, as in `| head`
        _discard_output()
        return 1
    except MemoryError as error:
        return _complain(f"not enough memory: {error}" if str(error) else "not enough memory", 2)
    except OSError as error:
        _discard_output()
        return _complain(f"{error.filename or 'output'}: {error.strerror or error}", 2)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        parsed, unknown = _parser().parse_known_args(arguments)
        if unknown and hasattr(parsed, "passed_on"):
            parsed.passed_on = unknown
        elif unknown:
            what = "unknown option" if unknown[0].startswith("-") else "unexpected argument"
            hint = f"; data is named with --dataset {unknown[0]}" if hasattr(parsed, "preset") else ""
            hint = hint if what == "unexpected argument" else ""
            raise InputError(f"{what} {unknown[0]} (see ladder-np {parsed.command} --help){hint}")
        status = parsed.run(parsed)
    except SystemExit as exit:  # argparse has printed help or version
        status = int(exit.code or 0)
    sys.stdout.flush()  # here, where a full disk or a closed pipe can still be reported in one line
    return status


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """Write a warning as one line, without the place in the program that Python's own would name."""
    print(f"warning: {message}", file=sys.stderr, flush=True)


def _discard_output() -> None:
    """Redirect standard output to nowhere, so that the interpreter's last flush does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str, status: int) -> int:
    print(f"ladder-np: error: {' '.join(message.split())}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="ladder-np", description="Ladder Networks: train, predict, and check values and gradients.")
    parser.add_argument("--version", action="version", version=f"ladder-np {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for module in (
        train,
        presets,
        sweep,
        table,
        compare,
        predict,
        generate,
        plot,
        embeddings,
        describe,
        checks,
        trace,
        doctor,
    ):
        module.add_to(commands)
    return parser
