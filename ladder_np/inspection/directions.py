"""The directions along which a gradient is compared with differences, and what each comparison says.

Every tensor is compared along random unit directions, and a small one in every coordinate. The relative difference is
|numeric − analytic| divided by the largest of |numeric|, |analytic|, |g|/sqrt(n) (the typical derivative along a unit
direction, n being the tensor's size) and r/tolerance, r being the error that rounding may cause. So a difference
below r counts for nothing: some gradients are exactly zero (that of a shift before batch normalization, for example),
and noise must not make them fail.

- Where rounding hides a derivative (it is below r/tolerance), a larger step is tried.
- Where a mask of the function (of a ReLU, say) differs between the two sides, or where the difference is unreliable
  and would fail, the direction is rejected. It is tried again with smaller steps, one-sided at the end of the
  function's domain, and at other points if there are any; a bounded number of times.

**One wrong entry among n** changes the derivative along a random direction of all of them by a part of about
sqrt(1/n) of its own relative error, so it fails only if that error is above tolerance · sqrt(n). A thorough check of
a large tensor therefore also looks at `BLOCKS` sets of entries, those of similar |gradient| together, each entry in
one of them. A difference in a block is searched, by bisection, even if the block as a whole would pass: if it
exceeds what rounding and curvature explain, the entry behind it is compared alone, as every entry of a small tensor
is. The largest entries are compared alone in any case.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ladder_np.inspection.differences import (
    STEP,
    TOLERANCE,
    WORSE,
    FiniteDifferences,
    Point,
    random_direction,
    to_host,
)

__all__ = ["MOST_POINTS", "STEPS", "Check", "check_points"]

SMALL = 64  # tensors up to this size are checked in every coordinate
LARGE = 1000  # tensors above this size are checked in blocks where a check is thorough
BLOCKS = 8
LARGEST = 4  # entries of a large tensor that are checked alone
MOST_POINTS = 25  # random points tried before a direction counts as uncheckable
STEPS = 4  # how many steps a direction is tried with at the points, each a quarter of the one before
COMPARED, CROSSES, DOUBTFUL, OUTSIDE = range(4)  # what became of a direction


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
    obstacle: str = "cross a kink"  # why directions remained unchecked
    kink: tuple[int, ...] | None = None  # a coordinate with a kink exactly at the first point

    def record(self, difference: "_Difference", tolerance: float) -> None:
        """Take a comparison along one direction into the result."""
        self.directions += 1
        self.passed &= difference.relative <= tolerance
        self.resolved |= difference.resolved
        self.absolute = max(self.absolute, difference.absolute)
        self.relative = max(self.relative, difference.relative)


def check_points(
    make_point: Callable[[int], Point],
    generator: np.random.Generator,
    tolerance: float = TOLERANCE,
    step: float = STEP,
    attempts: int = MOST_POINTS,
    n_directions: int = 1,
    thorough: bool = False,
) -> list[Check]:
    """Compare analytic gradients with central differences along `n_directions` random directions per tensor.

    ``make_point(k)`` returns the k-th random point, k = 0, 1, …, with the same names and shapes; up to `attempts`
    are requested, later ones only while some direction was rejected at all points before. `step` is h at the first.
    With `thorough`, large tensors are also checked in blocks. Returns one check per tensor, in the order of
    ``arguments``.
    """
    point = make_point(0)
    differences = FiniteDifferences(point, step, tolerance, generator)
    checks, waiting = {}, {}
    for name in point.arguments:
        gradient = to_host(point.gradients[name])
        check = checks[name] = Check(name, gradient.shape, float(np.linalg.norm(gradient)))
        waiting[name] = _first_look(differences, check, generator, n_directions)
        if thorough and gradient.size > LARGE and check.passed:
            _look_into_blocks(differences, check, generator)
    for k in range(1, attempts):
        if not any(waiting.values()):
            break
        differences = FiniteDifferences(make_point(k), step / STEPS ** (k % STEPS), tolerance, generator)
        for name, directions in waiting.items():
            waiting[name] = [d for d in directions if _compare(differences, checks[name], d) != COMPARED]
    for name, directions in waiting.items():
        checks[name].unchecked = len(directions)
        checks[name].passed &= not directions
    return list(checks.values())


def _directions_of(shape: tuple[int, ...], generator: np.random.Generator, n: int) -> Iterator[np.ndarray]:
    """Yield n random unit directions without a tiny component, then every coordinate of a small tensor."""
    for _ in range(n):
        yield random_direction(shape, generator)
    if 1 < math.prod(shape) <= SMALL:
        yield from (_unit(i, shape) for i in range(math.prod(shape)))


def _unit(entry: int, shape: tuple[int, ...]) -> np.ndarray:
    direction = np.zeros(shape)
    direction.flat[entry] = 1
    return direction


def _index(entry: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(int, np.unravel_index(entry, shape)))


def _first_look(
    differences: FiniteDifferences, check: Check, generator: np.random.Generator, n_directions: int
) -> list[np.ndarray]:
    """Compare along all directions at the first point; return those that are rejected with smaller steps, too."""
    rejected = []
    for direction in _directions_of(check.shape, generator, n_directions):
        outcome = _compare_here(differences, check, direction, generator)
        if outcome != COMPARED:
            rejected.append(direction)
        if outcome == OUTSIDE:
            check.obstacle = "leave its domain"
    return rejected


def _compare_here(
    differences: FiniteDifferences, check: Check, direction: np.ndarray, generator: np.random.Generator
) -> int:
    """Compare along one direction, if need be with smaller steps, and notice a kink exactly at the point."""
    name = check.name
    slope, second, crosses = differences.along(name, direction)
    outcome = _judge(differences, check, direction, slope, second, crosses)
    scale = max(abs(slope), abs(differences.analytic(name, direction)), differences.typical[name])
    bent = crosses or differences.is_bent(name, second, scale)
    if bent and differences.kinks_at_the_point(name, direction, crosses):
        if check.kink is None:
            check.kink = _index(differences.find_kink(name, direction, generator), check.shape)
        return outcome
    if outcome in (DOUBTFUL, OUTSIDE) and any(
        _compare_closer(differences, check, d) for d in (direction, differences.inward(name, direction))
    ):
        return COMPARED
    return outcome


def _compare(differences: FiniteDifferences, check: Check, direction: np.ndarray) -> int:
    """Compare along one direction; return what became of it."""
    return _judge(differences, check, direction, *differences.along(check.name, direction))


def _judge(
    differences: FiniteDifferences, check: Check, direction: np.ndarray, slope: float, second: float, crosses: bool
) -> int:
    """Record D(h) in `check`, or return why it is rejected; where rounding hides it, try a larger step."""
    name, tolerance = check.name, differences.tolerance
    analytic, typical = differences.analytic(name, direction), differences.typical[name]
    if crosses:
        return CROSSES
    if math.isfinite(differences.base) and math.isfinite(analytic) and not math.isfinite(slope):
        return OUTSIDE
    wider = differences.wider(name, direction, max(abs(analytic), typical))
    value, rounding = wider or (slope, differences.rounding(name))
    difference = _difference(value, analytic, typical, rounding / tolerance)
    seems_wrong = wider is None and tolerance < difference.relative < math.inf
    if seems_wrong and difference.absolute <= differences.uncertainty(name, direction, slope, second):
        return DOUBTFUL
    check.record(difference, tolerance)
    return COMPARED


class _Difference(NamedTuple):
    absolute: float
    relative: float
    resolved: bool  # whether the derivative is above what rounding hides


def _difference(slope: float, analytic: float, typical: float, least: float) -> _Difference:
    if not all(map(math.isfinite, (slope, analytic, typical, least))):
        return _Difference(math.inf, math.inf, False)  # inf / inf would hide the difference
    absolute, scale = abs(slope - analytic), max(abs(slope), abs(analytic), typical)
    tiny = float(np.finfo(np.float64).tiny)  # all are 0 for a function that is 0
    return _Difference(absolute, absolute / max(scale, least, tiny), scale > least)


def _compare_closer(differences: FiniteDifferences, check: Check, direction: np.ndarray) -> bool:
    """Compare with the first of ever smaller steps that is small enough, if there is one."""
    found = differences.closer(check.name, direction)
    if found is None:
        return False
    slope, analytic, rounding = found
    least = rounding / differences.tolerance
    check.record(_difference(slope, analytic, differences.typical[check.name], least), differences.tolerance)
    return True


# ---- Large tensors: blocks of entries, and single ones.


def _look_into_blocks(differences: FiniteDifferences, check: Check, generator: np.random.Generator) -> None:
    """Compare along a direction in each block and at the largest entries, and search a block that seems wrong.

    Where a block has a kink or the end of the domain within every step, it is left out: directions of all entries
    have been compared. It ends at the first block that fails.
    """
    size = np.abs(to_host(differences.point.gradients[check.name])).ravel()
    order = generator.permutation(size.size)  # equal ones fall into several blocks by chance
    order = order[np.argsort(size[order], kind="stable")]
    for entries in [*np.array_split(order, BLOCKS), *order[-LARGEST:, None]]:
        direction = np.zeros(size.size)
        direction[entries] = random_direction(entries.shape, generator)
        direction = direction.reshape(check.shape)
        suspicious = _compare_wide(differences, check, direction)
        if suspicious is None:
            _compare_here(differences, check, direction, generator)
        if suspicious:
            entry = differences.find_wrong(check.name, entries, generator, wide=True)
            _compare_here(differences, check, _unit(entry, check.shape), generator)
            check.where = None if check.passed else _index(entry, check.shape)
        if not check.passed:
            break


def _compare_wide(differences: FiniteDifferences, check: Check, direction: np.ndarray) -> bool | None:
    """Compare with a large step; return whether the difference is more than the step and rounding explain.

    Return None where the function is too curved, or has kinks, within such a step.
    """
    name, typical, count = check.name, differences.typical[check.name], int(np.count_nonzero(direction))
    analytic = differences.analytic(name, direction)
    scale = max(abs(analytic), typical)
    part = differences.reach(name, count, differences.tolerance * scale) * math.sqrt(count)
    slope, error = differences.extrapolated(name, direction, part)
    rounding = differences.trusted(error, WORSE * differences.rounding(name, part), scale)
    if rounding == math.inf:
        return None
    difference = _difference(slope, analytic, typical, rounding / differences.tolerance)
    check.record(difference, differences.tolerance)
    return difference.absolute > max(error, rounding)
