"""Central differences of a scalar function along directions, compared with an analytic gradient.

For a unit direction d in one tensor, (C(θ + hd) − C(θ − hd))/2h is compared with g·d, g being the analytic gradient:
for random directions without a tiny component, and for every coordinate of small tensors. All numbers are float64.
Two effects would mislead such a check:

- **Kinks.** A direction is rejected if a mask of the function (of a ReLU, say) differs between its two sides, if the
  function is not finite there, or if it fails while the difference itself is unreliable. With D(h) the central
  difference and S(h) = C(θ + hd) − 2C(θ) + C(θ − hd), a smooth function has D(h) = D(h/2) and S(h) = 4 S(h/2), both
  up to O(h²). A kink or a jump anywhere within the step violates one of the two, by at least a third of the error
  that it causes in D(h). A rejected direction is tried again with a smaller step and, where possible, at another
  point, a bounded number of times.
- **Rounding.** Some gradients are exactly zero (that of a shift before batch normalization, for example), and noise
  must not make them fail. So a difference counts only if it exceeds r, the error that rounding of C causes in it,
  which is measured as S over steps so small that only rounding changes.

The relative difference is |numeric − analytic| divided by the largest of |numeric|, |analytic|, |g|/sqrt(n) (the
typical derivative along a unit direction, n being the tensor's size) and r/tolerance.
"""

import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ladder_np.arrays import Array, array_module

__all__ = [
    "DOUBT",
    "MOST_POINTS",
    "STEP",
    "STEPS",
    "TOLERANCE",
    "Check",
    "FiniteDifferences",
    "GradientReport",
    "Point",
    "check_points",
    "directions_of",
    "to_host",
]

STEP = 1e-5  # for values of order one or smaller; multiplied by the root mean square of a tensor's larger values
TOLERANCE = 1e-6
SMALL = 64  # tensors up to this size are checked in every coordinate
MOST_POINTS = 25  # random points tried before a direction counts as uncheckable
STEPS = 4  # how many steps a direction is tried with, each a quarter of the one before
ROUNDINGS = 8  # allowed error of a difference, in units of the last place of C
NOISES = 4  # allowed error of a difference, as a multiple of the measured rounding
FEWEST_NOISES = 8  # measurements of the rounding
FINE = 1e-4  # of a step: so small that a kink within it is at the point itself
TINY = 1e-7  # of a step: so small that only rounding changes
DOUBT = 10  # a difference may be wrong by so many times what half the step shows: a third of a kink's error or more


class Point(Protocol):
    """A point at which a scalar function and its gradient are known."""

    @property
    def arguments(self) -> Mapping[str, Array]:
        """float64 arrays by name; the check perturbs them in place and restores them."""
        ...

    @property
    def gradients(self) -> Mapping[str, Array]:
        """The analytic gradient, by the same names."""
        ...

    def cost(self) -> tuple[float, list[Array]]:
        """Return the function at the present arguments, and the masks of all kinks (empty without kinks)."""
        ...


@dataclass
class Check:
    """The result for one tensor."""

    name: str
    shape: tuple[int, ...]
    norm: float  # of its analytic gradient at the first point
    absolute: float = 0.0  # the largest difference found
    relative: float = 0.0  # the same for relative differences
    directions: int = 0  # how many were compared
    unchecked: int = 0  # how many directions were rejected at every point and with every step
    passed: bool = True  # whether every direction was compared and agreed
    resolved: bool = False  # whether any derivative exceeded rounding; if not, both gradients look like zero
    where: tuple[int, ...] | None = None  # the coordinate that differs most, where it was looked for
    hint: str = ""  # what the difference may mean, where that was looked for


def check_points(
    make_point: Callable[[int], Point],
    generator: np.random.Generator,
    tolerance: float = TOLERANCE,
    step: float = STEP,
    attempts: int = MOST_POINTS,
    n_directions: int = 1,
) -> list[Check]:
    """Compare analytic gradients with central differences along `n_directions` random directions per tensor.

    ``make_point(k)`` returns the k-th random point, k = 0, 1, …, with the same names and shapes; up to `attempts`
    are requested, later ones only while some direction was rejected at all points before. `step` is h at the first.
    Returns one check per tensor, in the order of ``arguments``.
    """
    point = make_point(0)
    checks = {
        name: Check(name, gradient.shape, float(np.linalg.norm(to_host(gradient))))
        for name, gradient in ((name, point.gradients[name]) for name in point.arguments)
    }
    waiting = {name: list(directions_of(check.shape, generator, n_directions)) for name, check in checks.items()}
    for k in range(attempts):
        present = make_point(k) if k else point
        differences = FiniteDifferences(present, step / STEPS ** (k % STEPS), tolerance, generator)
        for name, directions in waiting.items():
            waiting[name] = [d for d in directions if not _compare(differences, checks[name], d)]
        if not any(waiting.values()):
            break
    for name, directions in waiting.items():
        checks[name].unchecked = len(directions)
        checks[name].passed &= not directions
    return list(checks.values())


def directions_of(shape: tuple[int, ...], generator: np.random.Generator, n: int) -> Iterator[np.ndarray]:
    """Yield n random unit directions without a tiny component, then every coordinate of a small tensor."""
    for _ in range(n):
        direction = np.asarray(generator.choice([-1.0, 1.0], shape) * generator.uniform(0.5, 1.5, shape))
        yield direction / np.linalg.norm(direction)
    size = direction.size
    if 1 < size <= SMALL:
        yield from np.eye(size).reshape(size, *shape)


def _compare(differences: "FiniteDifferences", check: Check, direction: np.ndarray) -> bool:
    """Compare along one direction and record it in `check`; return False if the direction is rejected."""
    numeric, second, crosses = differences.along(check.name, direction)
    if crosses or (math.isfinite(differences.base) and not math.isfinite(numeric)):
        return False
    gradient = to_host(differences.point.gradients[check.name])
    analytic = float((gradient * direction).sum())
    typical = float(np.linalg.norm(gradient)) / math.sqrt(gradient.size)
    least = differences.rounding(check.name) / differences.tolerance
    absolute, scale = abs(numeric - analytic), max(abs(numeric), abs(analytic), typical)
    relative = absolute / max(scale, least, float(np.finfo(np.float64).tiny))  # all are 0 for a function that is 0
    if not all(map(math.isfinite, (numeric, analytic, typical, least))):
        absolute = relative = math.inf  # inf / inf would hide the difference
    elif relative > differences.tolerance and absolute <= differences.uncertainty(
        check.name, direction, numeric, second
    ):
        return False
    check.directions += 1
    check.passed &= relative <= differences.tolerance
    check.resolved |= scale > least
    check.absolute = max(check.absolute, absolute)
    check.relative = max(check.relative, relative)
    return True


class FiniteDifferences:
    """Central differences at one point, with one step, for a comparison with this tolerance."""

    def __init__(self, point: Point, step: float, tolerance: float, generator: np.random.Generator) -> None:
        self.point, self.tolerance = point, tolerance
        self.base = point.cost()[0]
        squares = {name: float(np.mean(np.square(to_host(x)))) for name, x in point.arguments.items()}
        self._step = {name: step * max(1.0, math.sqrt(square)) for name, square in squares.items()}
        self.noise = 0.0  # the rounding of the cost, measured along random directions
        for name, x in [*point.arguments.items()] * math.ceil(FEWEST_NOISES / max(1, len(point.arguments))):
            direction = next(directions_of(x.shape, generator, 1))
            self.noise = max(self.noise, abs(self.along(name, direction, TINY)[1]))

    def along(self, name: str, direction: np.ndarray, part: float = 1.0) -> tuple[float, float, bool]:
        """Return D(h), S(h) for h this part of the step, and whether a mask differs between the two sides."""
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

    def rounding(self, name: str) -> float:
        """Return r, the error that rounding of the cost may cause in a difference."""
        eps = float(np.finfo(np.float64).eps)
        return max(ROUNDINGS * eps * abs(self.base), NOISES * self.noise) / (2 * self._step[name])

    def uncertainty(self, name: str, direction: np.ndarray, slope: float, second: float) -> float:
        """Return by how much `slope`, D(h), may be wrong, judged by half the step; `second` is S(h)."""
        halfs_slope, halfs_second, _ = self.along(name, direction, 0.5)
        kink = abs(second - 4 * halfs_second) / (2 * self._step[name])
        return DOUBT * max(abs(slope - halfs_slope), kink)

    def is_coarse(self, name: str, direction: np.ndarray) -> bool:
        """Return whether the function is rounded more coarsely than float64: its slope changes far within h."""
        slope, fine, finer = (self.along(name, direction, part)[0] for part in (1.0, FINE, FINE / 3))
        analytic = float((to_host(self.point.gradients[name]) * direction).sum())
        noise = 3 * self.rounding(name) / FINE

        def apart(x: float, y: float) -> bool:
            return abs(x - y) > max(0.1 * max(abs(x), abs(y)), noise)

        return apart(fine, finer) or (fine == 0 and apart(fine, slope) and apart(fine, analytic))


def to_host(x: Array) -> np.ndarray:
    """Return an array of any module as a NumPy array (a NumPy array unchanged)."""
    return np.asarray(getattr(array_module(x), "asnumpy", np.asarray)(x))


@dataclass(frozen=True)
class GradientReport:
    """The result of a gradient check; prints as a table.

    Iterating yields a `Check` per tensor; the report is true if all of them passed.
    """

    checks: Sequence[Check]
    tolerance: float  # the largest relative difference that passed

    @property
    def passed(self) -> bool:
        """Whether every gradient agreed in every direction."""
        return all(check.passed for check in self.checks)

    def __bool__(self) -> bool:
        return self.passed

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def raise_if_failed(self) -> None:
        """Raise AssertionError with the table unless every gradient agreed."""
        if not self.passed:
            raise AssertionError(f"\n{self}")

    def __str__(self) -> str:
        """Return one line per tensor, followed by what its difference may mean, and the verdict."""
        width = max(20, *(len(check.name) for check in self.checks))
        head = (
            f"{'parameter':<{width}} {'shape':>12} {'|gradient|':>11} {'absolute':>9} {'relative':>9} {'checked':>7}"
        )
        lines, above = [f"{head}  verdict"], ""
        for check in self.checks:
            lines.append(f"{_row(check, width)}  {self._mark(check)}")
            hint = "as above" if check.hint and check.hint == above else check.hint
            lines += textwrap.wrap(hint, 110, initial_indent="    ", subsequent_indent="    ")
            above = check.hint
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        failed = sum(not check.passed for check in self.checks)
        worst = max(check.relative for check in self.checks)
        verdict = f"FAILED for {failed} of {len(self.checks)}" if failed else f"passed for all {len(self.checks)}"
        return (
            f"gradient check {verdict} parameters; worst relative difference {worst:.1e}, "
            f"tolerance {self.tolerance:.0e}"
        )

    def _mark(self, check: Check) -> str:
        if check.passed:
            return "ok" if check.resolved else "ok as far as rounding shows"
        if check.relative > self.tolerance:
            return f"WRONG, most at {list(check.where)}" if check.where else "WRONG"
        return f"{check.unchecked} cross a kink"


def _row(check: Check, width: int) -> str:
    shape = "x".join(map(str, check.shape)) or "scalar"
    return (
        f"{check.name:<{width}} {shape:>12} {check.norm:>11.3e} {check.absolute:>9.1e} {check.relative:>9.1e} "
        f"{check.directions:>7}"
    )
