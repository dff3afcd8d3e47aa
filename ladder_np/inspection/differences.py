"""Central differences along directions of a scalar function, and their comparison with an analytic gradient.

For a unit direction d in one tensor, (C(θ + hd) − C(θ − hd))/2h is compared with the analytic g·d: for random
directions without a tiny component, and for every coordinate of small tensors. What makes checks lie is kept out:

- **Kinks.** A direction that carries a mask of the function (of a ReLU, say) across its kink is rejected, or out of
  the function's domain. So is one that fails where the differences themselves are in doubt. With
  S(h) = C(θ + hd) − 2C(θ) + C(θ − hd) and D(h) the central difference, a smooth function has D(h) = D(h/2) and
  S(h) = 4 S(h/2) but for h²; a kink at any place within the step breaks one of the two by at least a third of what it
  does to D(h), a jump by as much. A rejected direction is tried again with a smaller step and, where there are more,
  at another point, boundedly often.
- **Rounding.** Some gradients are exactly zero (a shift before a batch norm), and noise must not fail them: a
  difference counts only above r, what the rounding of C does to it. It is measured, as S of steps in which nothing
  but rounding changes.

The relative difference is |numeric − analytic| over the largest of |numeric|, |analytic|, |g|/sqrt(n) (what a unit
direction typically sees, n being the tensor's size) and r/tolerance. Numbers are float64.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ladder_np.arrays import Array, array_module

__all__ = ["DOUBT", "STEP", "TOLERANCE", "Check", "Point", "Probe", "check_points", "directions_of", "to_host"]

STEP = 1e-5  # for values of order one or smaller; tensors of larger values take it times their root mean square
TOLERANCE = 1e-6
SMALL = 64  # tensors up to this size are checked in every coordinate
MOST_POINTS = 25  # random points tried before a direction counts as uncheckable
STEPS = 4  # at which a direction is tried, one after the other, each a quarter of the one before
ROUNDINGS = 8  # of the cost, in units of its last place, that a difference may be made of
NOISES = 4  # of the rounding that was measured, that a difference may be made of
FEWEST_NOISES = 8  # how often it is measured at least
FINE = 1e-4  # of a step, in which no kink lies but that of the point itself
TINY = 1e-7  # of a step, in which only rounding changes
DOUBT = 10  # times what half the step shows a difference may be wrong: kinks are seen by a third or more


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
    resolved : bool
        Whether any derivative stood out from rounding; if not, both gradients are zero as far as one can see.
    where : tuple of int or None
        The coordinate that differs most, where it was looked for.
    hint : str
        What the difference may mean, where that was looked for.
    """

    name: str
    shape: tuple[int, ...]
    norm: float
    absolute: float = 0.0
    relative: float = 0.0
    directions: int = 0
    unchecked: int = 0
    passed: bool = True
    resolved: bool = False
    where: tuple[int, ...] | None = None
    hint: str = ""


def check_points(
    make_point: Callable[[int], Point],
    generator: np.random.Generator,
    tolerance: float = TOLERANCE,
    step: float = STEP,
    attempts: int = MOST_POINTS,
    n_directions: int = 1,
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
    step : float
        h at the first point.
    attempts : int
        How many points are asked for at the most.
    n_directions : int
        Random directions for each tensor.

    Returns
    -------
    list of Check
        One a tensor, in the order of ``arguments``.
    """
    point = make_point(0)
    checks = {
        name: Check(name, gradient.shape, float(np.linalg.norm(to_host(gradient))))
        for name, gradient in ((name, point.gradients[name]) for name in point.arguments)
    }
    waiting = {name: list(directions_of(check.shape, generator, n_directions)) for name, check in checks.items()}
    for k in range(attempts):
        probe = Probe(make_point(k) if k else point, step / STEPS ** (k % STEPS), tolerance, generator)
        for name, directions in waiting.items():
            waiting[name] = [d for d in directions if not _compare(probe, checks[name], d)]
        if not any(waiting.values()):
            break
    for name, directions in waiting.items():
        checks[name].unchecked = len(directions)
        checks[name].passed &= not directions
    return list(checks.values())


def directions_of(shape: tuple[int, ...], generator: np.random.Generator, n: int) -> Iterator[np.ndarray]:
    """Yield random unit directions without a tiny component, and all coordinates of a small tensor."""
    for _ in range(n):
        direction = np.asarray(generator.choice([-1.0, 1.0], shape) * generator.uniform(0.5, 1.5, shape))
        yield direction / np.linalg.norm(direction)
    size = direction.size
    if 1 < size <= SMALL:
        yield from np.eye(size).reshape(size, *shape)


def _compare(probe: "Probe", check: Check, direction: np.ndarray) -> bool:
    """Compare along one direction and note it in `check`; False if it is rejected, and nothing is noted."""
    numeric, second, crosses = probe.differences(check.name, direction)
    if crosses or (math.isfinite(probe.base) and not math.isfinite(numeric)):
        return False
    gradient = to_host(probe.point.gradients[check.name])
    analytic = float((gradient * direction).sum())
    typical = float(np.linalg.norm(gradient)) / math.sqrt(gradient.size)
    least = probe.rounding(check.name) / probe.tolerance
    absolute, scale = abs(numeric - analytic), max(abs(numeric), abs(analytic), typical)
    relative = absolute / max(scale, least, float(np.finfo(np.float64).tiny))  # a function that is 0 has none of them
    if not all(map(math.isfinite, (numeric, analytic, typical, least))):
        absolute = relative = math.inf  # infinite over infinite would be no difference at all
    elif relative > probe.tolerance and absolute <= probe.doubt(check.name, direction, numeric, second):
        return False
    check.directions += 1
    check.passed &= relative <= probe.tolerance
    check.resolved |= scale > least
    check.absolute = max(check.absolute, absolute)
    check.relative = max(check.relative, relative)
    return True


class Probe:
    """Differences at one point, with one step.

    Parameters
    ----------
    point : Point
    step : float
    tolerance : float
        Of the comparison for which the differences are made.
    generator : numpy.random.Generator
        Draws directions along which the rounding of the cost is measured.

    Attributes
    ----------
    noise : float
        The rounding of the cost that was measured.
    """

    def __init__(self, point: Point, step: float, tolerance: float, generator: np.random.Generator) -> None:
        self.point, self.tolerance = point, tolerance
        self.base = point.cost()[0]
        self._step = {name: step * max(1.0, _root_mean_square(x)) for name, x in point.arguments.items()}
        self.noise = 0.0
        for name, x in [*point.arguments.items()] * math.ceil(FEWEST_NOISES / max(1, len(point.arguments))):
            direction = next(directions_of(x.shape, generator, 1))
            self.noise = max(self.noise, abs(self.differences(name, direction, TINY)[1]))

    def rounding(self, name: str) -> float:
        """Return r, what the rounding of the cost may do to a difference."""
        eps = float(np.finfo(np.float64).eps)
        return max(ROUNDINGS * eps * abs(self.base), NOISES * self.noise) / (2 * self._step[name])

    def is_coarse(self, name: str, direction: np.ndarray) -> bool:
        """Return whether the function moves in steps that float64 does not have: its slope changes far within h."""
        slope, fine, finer = (self.differences(name, direction, part)[0] for part in (1.0, FINE, FINE / 3))
        analytic = float((to_host(self.point.gradients[name]) * direction).sum())
        noise = 3 * self.rounding(name) / FINE

        def apart(x: float, y: float) -> bool:
            return abs(x - y) > max(0.1 * max(abs(x), abs(y)), noise)

        return apart(fine, finer) or (fine == 0 and apart(fine, slope) and apart(fine, analytic))

    def doubt(self, name: str, direction: np.ndarray, slope: float, second: float) -> float:
        """Return by how much D(h) may be wrong, by what the step's half shows; `slope` is D(h), `second` S(h)."""
        halfs_slope, halfs_second, _ = self.differences(name, direction, 0.5)
        kink = abs(second - 4 * halfs_second) / (2 * self._step[name])
        return DOUBT * max(abs(slope - halfs_slope), kink)

    def differences(self, name: str, direction: np.ndarray, part: float = 1.0) -> tuple[float, float, bool]:
        """Return D(h) and S(h), h being this part of the step, and whether a mask differs between the two sides."""
        argument, h = self.point.arguments[name], part * self._step[name]
        kept = argument.copy()
        step = array_module(argument).asarray(h * direction)
        argument += step
        above, masks_above = self.point.cost()
        argument[...] = kept
        argument -= step
        below, masks_below = self.point.cost()
        argument[...] = kept
        crosses = any(bool(to_host((a != b).any())) for a, b in zip(masks_above, masks_below, strict=True))
        return (above - below) / (2 * h), above - 2 * self.base + below, crosses


def to_host(x: Array) -> np.ndarray:
    """Return an array of any module as NumPy's (a NumPy array as it is)."""
    return np.asarray(getattr(array_module(x), "asnumpy", np.asarray)(x))


def _root_mean_square(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(to_host(x)))))
