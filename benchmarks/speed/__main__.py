"""The command: measures the parts that are asked for, prints their tables, writes JSON and a picture."""

import argparse
import dataclasses
import datetime
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.speed import parts
from benchmarks.speed.contender import PEERS
from benchmarks.speed.picture import PANELS, draw
from benchmarks.speed.report import TABLES, heading
from benchmarks.speed.resources import import_time, peak_memory
from benchmarks.speed.turns import ROOT, ContenderError, limit_threads
from ladder_np.arrays import why_no_cuda
from ladder_np.inspection.machine import describe_machine

__all__ = ["main"]


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 1 if a contender failed or computes something else than we do."""
    machine = describe_machine()
    arguments = parse(words, machine.cores)
    limit_threads(arguments.threads, arguments.device)
    about = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(ROOT),
        "threads": arguments.threads,
        "device": arguments.device,
        "quick": arguments.quick,
        "versions": {name: version(name) for name in ("numpy", "torch", "jax")},
        "machine": dataclasses.asdict(machine),
    }
    print(heading(about), flush=True)
    results = {}
    try:
        for name in arguments.parts:
            results[name] = measure(arguments)[name]()
            print(f"\n{TABLES[name](results[name])}", flush=True)
    except ContenderError as error:
        print(f"benchmarks.speed: error: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        arguments.json.write_text(json.dumps({**about, "parts": results}, indent=1) + "\n", encoding="utf-8")
    if arguments.picture:
        draw(results, arguments.picture)
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Return what measures each part."""
    quick, device = arguments.quick, arguments.device
    return {
        "step": lambda: parts.steps(arguments.peers, quick, device),
        "convolution": lambda: parts.convolution(arguments.peers, quick, device),
        "settings": lambda: parts.settings(quick, device),
        "inference": lambda: parts.inference(quick, device),
        "memory": lambda: peak_memory(arguments.data_dir, quick, device),
        "import": lambda: import_time(quick),
        "scaling": lambda: parts.growth(quick, device),
    }


def parse(words: Sequence[str] | None, cores: int) -> argparse.Namespace:
    """Return the checked command line; what cannot work ends the program before anything is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--parts", type=names_of(TABLES), default=list(TABLES), help=f"of {','.join(TABLES)}")
    parser.add_argument("--peers", type=names_of(PEERS), default=list(PEERS), help=f"of {','.join(PEERS)}")
    parser.add_argument("--threads", type=int, default=cores, help="for each contender (default: %(default)s)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few steps of everything: does it run?")
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("LADDER_NP_DATA"), help="with MNIST's files")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--picture", type=Path, help="draw steps and scaling (needs the extra plot)")
    arguments = parser.parse_args(words)
    if arguments.device == "cuda" and (reason := why_no_cuda()):
        parser.error(f"--device cuda cannot be used: {reason}")
    if not 1 <= arguments.threads <= cores:
        parser.error(f"--threads {arguments.threads}: expected 1 to {cores}, the cores this process may use")
    for path in filter(None, (arguments.json, arguments.picture)):
        if not path.parent.is_dir():
            parser.error(f"{path.parent}: no such folder")
    if arguments.picture and not any(name in PANELS for name in arguments.parts):
        parser.error(f"--picture shows {' and '.join(PANELS)}; add one of them to --parts")
    if arguments.picture and importlib.util.find_spec("matplotlib") is None:
        parser.error("--picture needs matplotlib: pip install '.[plot]'")
    return arguments


def names_of(known: Any) -> Callable[[str], list[str]]:
    """Return a parser of comma-separated names among `known`."""

    def names(text: str) -> list[str]:
        chosen = text.split(",") if text else []
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown {unknown[0]!r}; choose of {','.join(known)}")
        return chosen

    return names


def version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit(root: Path) -> str:
    """Return the commit that is checked out in `root`, with "-dirty" if tracked files differ from it."""
    try:
        head, changes = (
            subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
            for words in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("-dirty" if changes else "")


if __name__ == "__main__":
    sys.exit(main())
