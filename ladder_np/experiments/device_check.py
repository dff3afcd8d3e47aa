"""Whether a device computes what NumPy computes here, and how fast: what ``ladder-np doctor --device cuda`` shows.

A check that breaks is a check that failed: its row says what broke, and the others go on.
"""

import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ladder_np.arrays import Device
from ladder_np.experiments.settings import PAPER_LAYERS
from ladder_np.inspection.example import example_step
from ladder_np.inspection.gradcheck import check_network
from ladder_np.inspection.machine import INPUTS, PRODUCT, ROWS, UNITS, best_rate, product_rate
from ladder_np.inspection.vectors import compare_vectors, make_vectors
from ladder_np.kernels import kernels_for
from ladder_np.network.model import LadderNetwork
from ladder_np.network.specification import Specification
from ladder_np.operations.combinators import COMBINATORS
from ladder_np.training.step import TrainingStep

__all__ = ["DeviceCheck", "Scale", "check_device"]

WEIGHTS = (10.0, 1.0, 0.5, 0.1)
DENSE = {"sizes": (20, 70, 33, 5), "denoising_weights": WEIGHTS}
# 65 images have thousands of positions, more than one block of threads adds up. Nothing in it has a kink or takes the
# largest value: of that many numbers a few would be decided by the rounding of float32.
CONVOLUTIONAL = {
    "layers": "conv:33:3:same-conv:8:3:valid:2-mean_pool-5",
    "input_shape": (7, 5, 2),
    "denoising_weights": 0.7,
    "activation": "tanh",
}
RATE = 0.002
# In float32 a pre-activation within a rounding of zero falls on the kink's other side now and then.
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}
RUNS_TO_WARM = 3  # compiles kernels, tries to record a graph, launches it
BUSY = 20  # how many steps' time the device is kept busy while it is seen whether a step waits for it


@dataclass(frozen=True)
class DeviceCheck:
    """One row of the table."""

    name: str  # what was looked at
    found: str  # what was seen; one line
    passed: bool | None  # None: a figure, which has no verdict


@dataclass(frozen=True)
class Scale:
    """How large the checks are."""

    sizes: tuple[int, ...] = (784, *PAPER_LAYERS, 10)  # of the network that is trained: [R]'s by default
    rows: int = 100  # labeled and unlabeled ones each per step
    steps: int = 30  # that are timed
    square: int = 2048  # width of the product that keeps the device busy

    def specification(self, dtype: str = "float32") -> Specification:
        """Return the network's description."""
        return Specification(self.sizes, dtype=dtype)


# What one check returns: what it saw, and its verdict.
Seen = tuple[str, bool | None]


def check_device(device: Device, scale: Scale = Scale()) -> Iterator[DeviceCheck]:  # it is frozen
    """Run all checks of a GPU, one by one, and yield each as soon as it is done."""
    for name, check in _checks(device, scale).items():
        try:
            found, passed = check()
        except Exception as error:  # a compiler's, a driver's, a library's: this is what a user wants to know
            text = " ".join(str(error).split())
            found, passed = f"{type(error).__name__}: {text}", False
        yield DeviceCheck(name, found, passed)


def _checks(device: Device, scale: Scale) -> dict[str, Callable[[], Seen]]:
    plain = Device(device.name, xp=device.xp, fused=False)
    kernels: dict[str, str] = {}  # what each is compiled with, and the first combinator that runs as it
    for name, combinator in COMBINATORS.items():
        if combinator.cuda is not None:
            kernels.setdefault(combinator.cuda, name)
    with_kernel = list(kernels.values())
    others = [name for name, combinator in COMBINATORS.items() if combinator.cuda is None]
    networks = {c: {**DENSE, "combinator": c} for c in with_kernel} | {"convolution": CONVOLUTIONAL}
    kinds = [(name, dtype) for name in networks for dtype in TOLERANCE]
    return {
        **{f"a step as NumPy's: {n}, {dtype}": partial(_step, device, networks[n], dtype) for n, dtype in kinds},
        "a step as NumPy's: plain formulas, float64": partial(_step, plain, DENSE, "float64"),
        "a step as NumPy's: combinators as formulas": partial(_steps_of, device, others),
        **{f"gradients by differences: {c}": partial(_gradients, device, c) for c in with_kernel},
        "training as NumPy's, on its noise": partial(_training, device, scale),
        "training repeats bit by bit": partial(_repetition, device, scale),
        "prediction as NumPy's": partial(_prediction, device, scale),
        "a step waits for nothing": partial(_no_wait, device, scale),
        "kernels beside the products": partial(_launches, device, scale),
        "a training step": partial(_step_time, device, scale),
        f"float32 product {PRODUCT}": partial(_product, device),
        "memory": partial(_memory, device),
    }


# ---- The same values.


def _step(device: Device, options: Mapping[str, Any], dtype: str) -> Seen:
    """Compare everything that a random step computes, in the order in which it computes it."""
    network = Specification(**options, dtype=dtype)
    reference = make_vectors(network, 40, 65, seed=0)
    candidate = make_vectors(network, 40, 65, seed=0, device=device)
    differences = compare_vectors(reference, candidate, TOLERANCE[dtype])
    if wrong := [difference for difference in differences if not difference.passed]:
        return f"{wrong[0].key} is the first of {len(wrong)} arrays that differ, by {wrong[0].relative:.1e}", False
    return f"{len(differences)} arrays, all within {TOLERANCE[dtype]:.0e} of their largest value", True


def _steps_of(device: Device, combinators: Sequence[str]) -> Seen:
    """Compare a step with each of the combinators, in float64."""
    for name in combinators:
        found, passed = _step(device, {**DENSE, "combinator": name}, "float64")
        if not passed:
            return f"{name}: {found}", False
    return f"{len(combinators)} of them, {found}", True


def _gradients(device: Device, combinator: str) -> Seen:
    network = Specification((6, 5, 4), combinator=combinator, denoising_weights=(2.0, 1.0, 0.5), dtype="float64")
    checks = check_network(network, 6, 7, seed=0, device=device)
    worst = max(checks, key=lambda check: check.relative)
    return (
        f"{len(checks)} parameters, worst relative difference {worst.relative:.1e} ({worst.name})",
        all(check.passed for check in checks),
    )


def _training(device: Device, scale: Scale) -> Seen:
    """Train on both from the same starting point with the same noise; rounding grows from step to step."""
    steps, tolerance = 3, 1e-6
    hosts_noise = Device(device.name, xp=device.xp, host_noise=True)
    on_device, on_host = (_Training(place, scale, "float64") for place in (hosts_noise, Device()))
    for training in (on_device, on_host):
        training.run(steps)
    difference = float(np.abs(on_device.parameters() - on_host.parameters()).max())
    return f"after {steps} steps in float64 parameters differ by at most {difference:.1e}", difference <= tolerance


def _repetition(device: Device, scale: Scale) -> Seen:
    first, second = (_Training(device, scale) for _ in range(2))
    for training in (first, second):
        training.run(5)
    equal = np.array_equal(first.parameters(), second.parameters())
    return "5 steps twice, on noise of its own: " + ("the same bits" if equal else "other parameters"), equal


def _prediction(device: Device, scale: Scale) -> Seen:
    tolerance = 1e-9
    probabilities = []
    x = np.random.default_rng(0).random((3 * scale.rows, scale.sizes[0]))
    for place in (device, Device()):
        network = LadderNetwork.from_specification(scale.specification("float64"), device=place)
        batches = [place.put(x)]
        network.estimate_statistics(partial(iter, batches))
        probabilities.append(network.predict_proba(x))
    difference = float(np.abs(np.subtract(*probabilities)).max())
    return f"{len(x)} rows, probabilities differ by at most {difference:.1e}", difference <= tolerance


# ---- What the host has to do, and how long it takes.


def _no_wait(device: Device, scale: Scale) -> Seen:
    """Give the device work for a while and a step behind it: one that waits for nothing is back before that ends."""
    training = _Training(device, scale)
    training.run(RUNS_TO_WARM)
    _keep_busy(device, BUSY * training.seconds_a_step(2), scale.square)
    event = device.mark()
    training.run(1)
    waited = event.done
    device.synchronize()
    return (
        "it came back after the work before it" if waited else "it came back while the work before it ran",
        not waited,
    )


def _keep_busy(device: Device, seconds: float, square: int) -> None:
    """Give the device products that take at least that long, and do not wait for them."""
    x = device.xp.ones((square, square), dtype=np.float32)
    out = x @ x
    device.synchronize()
    start = time.perf_counter()
    device.xp.matmul(x, x, out=out)
    device.synchronize()
    for _ in range(math.ceil(seconds / (time.perf_counter() - start))):
        device.xp.matmul(x, x, out=out)


def _launches(device: Device, scale: Scale) -> Seen:
    """Count the kernels of the first step, which is never launched as a graph."""
    training = _Training(device, scale)
    before = training.launches()
    training.run(1)
    count = training.launches() - before
    training.run(RUNS_TO_WARM)
    graph = "steps are launched as a graph" if training.recorded() else "no graph: steps go on launch by launch"
    most = 12 * len(scale.sizes)
    return f"{count} of ours per step, {count / len(scale.sizes):.1f} per layer; {graph}", 0 < count <= most


def _step_time(device: Device, scale: Scale) -> Seen:
    times = []
    for place in (device, Device()):
        training = _Training(place, scale)
        training.run(RUNS_TO_WARM)
        times.append(1000 * training.seconds_a_step(scale.steps))
    sizes = "-".join(map(str, scale.sizes))
    return (
        f"{times[0]:.2f} ms; NumPy here {times[1]:.2f} ms, {times[1] / times[0]:.1f} times that "
        f"({sizes}, {scale.rows} + {scale.rows} rows, float32)",
        None,
    )


def _product(device: Device) -> Seen:
    found = f"{product_rate(device):.0f} GFLOP/s; NumPy here {product_rate():.0f}"
    rate = _torch_rate()
    return found + ("; PyTorch has no GPU here" if rate is None else f"; PyTorch on this GPU {rate:.0f}"), None


def _torch_rate() -> float | None:
    """Return the same product's speed in PyTorch on the same GPU; None where it is not installed or sees none."""
    if importlib.util.find_spec("torch") is None:
        return None
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return None
    x, W = torch.ones((ROWS, INPUTS), device="cuda"), torch.ones((INPUTS, UNITS), device="cuda")
    out = x @ W

    def multiply() -> None:
        torch.matmul(x, W, out=out)
        torch.cuda.synchronize()

    return best_rate(multiply)


def _memory(device: Device) -> Seen:
    return (
        f"{device.held_memory() / 2**20:.0f} MiB held by these checks, {device.free_memory() / 2**20:.0f} free",
        None,
    )


class _Training:
    """Steps on one random batch, from the starting point."""

    def __init__(self, device: Device, scale: Scale, dtype: str = "float32") -> None:
        specification = scale.specification(dtype)
        self._device = device
        self._network = LadderNetwork.from_specification(specification, device=device, seed=0)
        self._step = TrainingStep(self._network, seed=0)
        _, self._batch, _ = example_step(specification, scale.rows, scale.rows, seed=0, device=device)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._step.run(self._batch, RATE)

    def seconds_a_step(self, steps: int) -> float:
        self._device.synchronize()
        start = time.perf_counter()
        self.run(steps)
        self._device.synchronize()
        return (time.perf_counter() - start) / steps

    def parameters(self) -> np.ndarray:
        return self._device.get(self._network.parameters.vector)

    def launches(self) -> int:
        device = self._device
        return kernels_for(device.xp, self._network.specification.dtype).launches if device.fused else 0

    def recorded(self) -> bool:
        return self._step.recorded
