"""A contender's own process: it builds what NAME stands for, then carries out commands, one per line.

    python -m benchmarks.speed.contender NAME CASE

CASE is a `Case` as JSON. Commands come on standard input, answers leave on standard output, each a line of JSON:

    ["run", K]                      take K steps; answers their milliseconds and page faults
    ["threads"]                     answers the cores it may use, NumPy's threads, and its framework's
    ["check", VECTORS, RESULT]      compute loss and gradients of the step in the file VECTORS, write RESULT
"""

import importlib
import importlib.util
import json
import os
import resource
import sys
import time
from importlib import metadata
from typing import Any, Protocol

import numpy as np

from benchmarks.speed.cases import Case
from ladder_np.inspection.machine import describe_machine
from ladder_np.inspection.vectors import read_vectors

__all__ = ["PEERS", "Runner", "is_installed"]

PEERS = {
    "PyTorch": ("torch", "benchmarks.speed.torch_peer", "TorchStep"),
    "torch.compile": ("torch", "benchmarks.speed.torch_peer", "CompiledTorchStep"),
    "JAX jit": ("jax", "benchmarks.speed.jax_peer", "JaxStep"),
}
"""By name: the package that must be installed, and where the contender is."""

JAX_ON_CUDA = ("jax-cuda13-plugin", "jax-cuda12-plugin")  # what lets JAX use a GPU: any of these


def is_installed(name: str, device: str) -> bool:
    """Return whether a peer's package is installed; for a GPU, a build of it that can use one."""
    package = PEERS[name][0]
    if importlib.util.find_spec(package) is None:
        return False
    if device == "cpu":
        return True
    if package == "torch":
        return not metadata.version("torch").endswith("+cpu")
    return any(list(metadata.distributions(name=plugin)) for plugin in JAX_ON_CUDA)


OWN = {
    "ours": ("benchmarks.speed.ours", "OurStep"),
    "floor": ("benchmarks.speed.floor", "FloorStep"),
    "our inference": ("benchmarks.speed.ours", "OurInference"),
    "inference floor": ("benchmarks.speed.floor", "FloorInference"),
}


class Runner(Protocol):
    """What a contender is: something that can take one more step and has finished it when the call returns."""

    def step(self) -> None:
        """Take one step."""


class Peer(Runner, Protocol):
    """A contender that computes what we compute, and can show it."""

    def loss_and_gradients(self, vectors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return ``loss/total`` and every ``grad/…`` of the step in `vectors`."""


def main() -> None:
    # Whatever a framework may print, answers stay alone on their line: others write to standard error.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    name, case = sys.argv[1:]
    module, kind = PEERS[name][1:] if name in PEERS else OWN[name]
    runner = getattr(importlib.import_module(module), kind)(Case.from_json(json.loads(case)))
    for line in sys.stdin:
        print(json.dumps(obey(runner, *json.loads(line))), file=answers)


def obey(runner: Any, verb: str, *arguments: Any) -> dict[str, Any] | None:
    """Carry out one command and return its answer."""
    if verb == "run":
        return run(runner, *arguments)
    if verb == "threads":
        return threads(runner)
    vectors, result = arguments
    np.savez(result, **runner.loss_and_gradients(read_vectors(vectors, complete=True)))
    return None


def threads(runner: Runner) -> dict[str, int | None]:
    """Return how many threads this process's parts use, as they say themselves."""
    machine = describe_machine()
    framework = getattr(runner, "threads", None)
    return {"cores": machine.cores, "NumPy": machine.blas.threads, "framework": framework() if framework else None}


def run(runner: Runner, steps: int) -> dict[str, list[float]]:
    """Return what each step took, in milliseconds, and the page faults that the system served without a disk."""
    measured: dict[str, list[float]] = {"milliseconds": [], "faults": []}
    for _ in range(steps):
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter()
        runner.step()
        measured["milliseconds"].append(1000 * (time.perf_counter() - start))
        measured["faults"].append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
    return measured


if __name__ == "__main__":
    main()
