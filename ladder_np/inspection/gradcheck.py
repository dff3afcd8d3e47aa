"""Gradient checks by central differences.

For a unit direction d in one tensor, (C(θ + hd) − C(θ − hd))/2h is compared with the analytic g·d: for one random
direction without a tiny component, and for every coordinate of small tensors. What makes such checks lie is kept
out: the point is random, never the starting point (fact 9); a direction that carries any ReLU across its kink is
rejected and tried at another random point, boundedly often; numbers are float64.

The relative difference is |numeric − analytic| over the largest of |numeric|, |analytic|, |g|/sqrt(n) (what a unit
direction typically sees, n being the tensor's size) and r/tolerance, where r is what the rounding of the cost itself
does to a difference: some gradients are exactly zero (a shift before a batch norm), and noise must not fail them.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ladder_np.arrays import Array, Device, array_module
from ladder_np.errors import InputError
from ladder_np.inspection.example import example_step
from ladder_np.network.ladder import State, backward, forward
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.losses import squared_error_forward
from ladder_np.operations.normalization import standardize_forward
from ladder_np.streams import Stream, check_seed, stream

__all__ = ["Check", "Point", "check_gradients", "check_network"]

STEP = 1e-5
TOLERANCE = 1e-6
SMALL = 64  # tensors up to this size are checked in every coordinate
MOST_POINTS = 25  # random points tried before a direction counts as uncheckable
FEWEST_ROWS = 5  # with 2 rows batch norm's gradient is about 0, and a check proves nothing
ROUNDINGS = 8  # of the cost, in units of its last place, that a difference may be made of


class Point(Protocol):
    """A place at which a scalar function and its gradient are known.

    Attributes
    ----------
    arguments : mapping of str to array
        float64 arrays; the check perturbs them in place and restores them.
    gradients : mapping of str to array
        The analytic gradient, by the same names.
    """

    @property
    def arguments(self) -> Mapping[str, Array]: ...

    @property
    def gradients(self) -> Mapping[str, Array]: ...

    def cost(self) -> tuple[float, list[Array]]:
        """Return the function at the present arguments, and the masks of all kinks (empty without kinks)."""
        ...


@dataclass
class Check:
    """The result for one tensor.

    Attributes
    ----------
    name, shape
        Of the tensor.
    norm : float
        Of its analytic gradient at the first point.
    absolute, relative : float
        The worst differences met.
    directions : int
        How many directions were compared.
    unchecked : int
        How many directions crossed a kink at every point tried.
    passed : bool
        Whether every direction was compared and agreed.
    """

    name: str
    shape: tuple[int, ...]
    norm: float
    absolute: float = 0.0
    relative: float = 0.0
    directions: int = 0
    unchecked: int = 0
    passed: bool = True


def check_gradients(
    make_point: Callable[[int], Point], generator: np.random.Generator, tolerance: float = TOLERANCE
) -> list[Check]:
    """Compare analytic gradients with central differences.

    Parameters
    ----------
    make_point : callable
        ``make_point(k)`` returns the k-th random point, k = 0, 1, …; further ones are asked for only where a
        direction crossed a kink at all points before. Names and shapes are the same at every point.
    generator : numpy.random.Generator
        Draws the directions.
    tolerance : float
        Largest relative difference that passes.

    Returns
    -------
    list of Check
        One a tensor, in the order of ``arguments``.
    """
    point = make_point(0)
    checks = {
        name: Check(name, gradient.shape, float(np.linalg.norm(_host(gradient))))
        for name, gradient in ((name, point.gradients[name]) for name in point.arguments)
    }
    waiting = {name: list(_directions(check.shape, generator)) for name, check in checks.items()}
    for k in range(MOST_POINTS):
        point = make_point(k) if k else point
        for name, directions in waiting.items():
            waiting[name] = [d for d in directions if not _compare(point, checks[name], d, tolerance)]
        if not any(waiting.values()):
            break
    for name, directions in waiting.items():
        checks[name].unchecked = len(directions)
        checks[name].passed &= not directions
    return list(checks.values())


def _directions(shape: tuple[int, ...], generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield one random unit direction without a tiny component, and all coordinates of a small tensor."""
    direction = generator.choice([-1.0, 1.0], shape) * generator.uniform(0.5, 1.5, shape)
    yield direction / np.linalg.norm(direction)
    size = direction.size
    if 1 < size <= SMALL:
        yield from np.eye(size).reshape(size, *shape)


def _compare(point: Point, check: Check, direction: np.ndarray, tolerance: float) -> bool:
    """Compare along one direction and note it in `check`; False if a kink is crossed, and nothing is noted."""
    argument, gradient = point.arguments[check.name], _host(point.gradients[check.name])
    kept = argument.copy()
    step = array_module(argument).asarray(STEP * direction)
    argument += step
    above, masks_above = point.cost()
    argument[...] = kept
    argument -= step
    below, masks_below = point.cost()
    argument[...] = kept
    if any(bool(_host((a != b).any())) for a, b in zip(masks_above, masks_below, strict=True)):
        return False
    numeric = (above - below) / (2 * STEP)
    analytic = float((gradient * direction).sum())
    typical = float(np.linalg.norm(gradient)) / math.sqrt(gradient.size)
    rounding = ROUNDINGS * float(np.finfo(np.float64).eps) * max(abs(above), abs(below)) / (2 * STEP)
    absolute = abs(numeric - analytic)
    relative = absolute / max(abs(numeric), abs(analytic), typical, rounding / tolerance)
    if not all(map(math.isfinite, (numeric, analytic, typical, rounding))):
        absolute = relative = math.inf  # infinite over infinite would be no difference at all
    check.directions += 1
    check.passed &= relative <= tolerance
    check.absolute = max(check.absolute, absolute)
    check.relative = max(check.relative, relative)
    return True


def _host(x: Array) -> np.ndarray:
    xp = array_module(x)
    return np.asarray(x) if xp is np else xp.asnumpy(x)


class _NetworkPoint:
    """The whole cost of a ladder network at random parameters, batch and noise."""

    def __init__(
        self,
        specification: Specification,
        n_labeled: int,
        n_unlabeled: int,
        seed: int,
        k: int,
        device: Device,
    ) -> None:
        self._specification = specification
        self._parameters, self._batch, self._noise = example_step(
            specification, n_labeled, n_unlabeled, seed, k, device
        )
        self.arguments: Mapping[str, Array] = self._parameters
        self._base = forward(self._parameters, self._batch, self._noise)
        gradients = self._parameters.zeros_like()
        backward(self._parameters, self._base, gradients)
        self.gradients: Mapping[str, Array] = gradients

    def cost(self) -> tuple[float, list[Array]]:
        state = forward(self._parameters, self._batch, self._noise)
        total = (
            self._with_constant_targets(state) if self._specification.stop_gradient_targets else state.losses.total
        )
        masks = [h > 0 for h in state.encoder.h[1:-1]] if ACTIVATIONS[self._specification.activation].kinked else []
        return float(_host(total)), masks

    def _with_constant_targets(self, state: State) -> Array:
        """Return the cost with the base point's clean z, μ, σ, whose gradient the option leaves out."""
        encoder, clean = self._base.encoder, self._base.lanes.clean
        total = state.losses.supervised
        for layer, z_hat in state.decoder.z_hat.items():
            if not state.lanes.denoised[layer]:
                continue
            z = self._batch.x_unlabeled if layer == 0 else encoder.z[layer][clean]  # type: ignore[index]
            if layer > 0:
                z_hat = standardize_forward(z_hat, *encoder.clean_statistics(layer))
            total = total + self._specification.denoising_weights[layer] * squared_error_forward(z_hat, z)[0]
        return total


def check_network(
    specification: Specification,
    n_labeled: int,
    n_unlabeled: int,
    seed: int,
    device: Device | None = None,
    tolerance: float = TOLERANCE,
) -> list[Check]:
    """Check the gradient of a ladder network's whole cost with every parameter.

    Parameters
    ----------
    specification : Specification
        Of dtype float64.
    n_labeled, n_unlabeled : int
        Rows, at least 5 each.
    seed : int
        Of parameters, inputs, noise and directions.
    device : Device, optional
        The CPU by default.
    tolerance : float
        Largest relative difference that passes.

    Returns
    -------
    list of Check
        One a parameter.

    Raises
    ------
    InputError
        If there are too few rows, or numbers are not float64.
    """
    if min(n_labeled, n_unlabeled) < FEWEST_ROWS:
        raise InputError(
            f"{n_labeled} labelled and {n_unlabeled} unlabelled rows: a gradient check needs {FEWEST_ROWS} each"
        )
    if specification.dtype != "float64":
        raise InputError(f"dtype {specification.dtype}: differences need float64")
    check_seed(seed)
    device = device or Device()
    return check_gradients(
        lambda k: _NetworkPoint(specification, n_labeled, n_unlabeled, seed, k, device),
        stream(seed, Stream.DIRECTIONS),
        tolerance,
    )
