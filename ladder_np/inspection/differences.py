"""Derivatives of a scalar function along a direction, by differences, and how far each can be trusted.

For a unit direction d in one tensor, D(h) = (C(θ + hd) − C(θ − hd))/2h and S(h) = C(θ + hd) − 2C(θ) + C(θ − hd).
All numbers are float64. A difference is wrong for one of three reasons, and each shows by other steps:

- **Rounding** of C by ρ makes an error of about ρ/h. ρ is measured as S over steps so small that only rounding
  changes; r, the error allowed for it, is this measurement or some units of C's last place, whichever is larger.
- **Curvature, kinks and jumps.** A smooth function has D(h) = D(h/2) and S(h) = 4 S(h/2), both up to O(h²). A kink or
  a jump anywhere within the step violates one of the two, by at least a third of the error that it causes in D(h). A
  kink exactly at θ has S(h)/h constant, down to any step.
- **The end of the domain.** Where C is NaN, infinite or raises an arithmetic or a value error, as ``math.log(-1)``
  does, steps shrink until both sides are inside. If one side never is, (−3C(θ) + 4C(θ + hd) − C(θ + 2hd))/2h needs
  the other one only and has an error of O(h²), too, which is judged by a half and a quarter of the step.

A large tensor needs larger steps. A sum over n entries rounds in proportion to its value, n, but its derivative along
a random unit direction has the size of one entry's, and such a direction moves each entry by h/sqrt(n) only. With
sqrt(n) times the step, so that each entry moves by h, rounding hides sqrt(n) times less. A function that mixes the
entries (a layer of units) may be curved over such a step, so D is extrapolated to an error of O(h⁴),
(4 D(h/2) − D(h))/3, and used only if D(h/4) leads to the same number.
"""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Protocol

import numpy as np

from ladder_np.arrays import Array, array_module

__all__ = [
    "DOUBT",
    "STEP",
    "TOLERANCE",
    "WORSE",
    "FiniteDifferences",
    "Point",
    "random_direction",
    "to_host",
]

STEP = 1e-5  # for values of order one or smaller; multiplied by the root mean square of a tensor's larger values
TOLERANCE = 1e-6
ROUNDINGS = 8  # allowed error of a difference, in units of the last place of C
NOISES = 4  # allowed error of a difference, as a multiple of the measured rounding
FEWEST_NOISES = 8  # measurements of the rounding
FINE = 1e-4  # of a step: so small that a kink within it is at the point itself
TINY = 1e-7  # of a step: so small that only rounding changes
BENT = 0.01  # a kink changes the slope by more than this part of it
SEEN = 10  # a second difference above so many times the allowed rounding is not rounding
DOUBT = 10  # a difference may be wrong by so many times what half the step shows: a third of a kink's error or more
CLOSER = tuple(10.0**-i for i in range(10))  # parts of the step that are tried in turn where it is too large
SPARE = 64  # how far a larger step raises a derivative above what rounding hides
WIDE = 10.0  # steps by which each of many entries moves
FURTHEST = 1000.0  # an entry moves by at most so many steps
VISIBLE = 1e-3  # part of a derivative that rounding may hide when another step is tried
WORSE = 4  # rounding of an extrapolated or a one-sided difference, over that of D: at most (4·2 + 1)/3 and 8/2


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


def random_direction(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Return a random unit direction without a tiny component."""
    direction = np.asarray(generator.choice([-1.0, 1.0], shape) * generator.uniform(0.5, 1.5, shape))
    return direction / np.linalg.norm(direction)


def to_host(x: Array) -> np.ndarray:
    """Return an array of any module as a NumPy array (a NumPy array unchanged)."""
    return np.asarray(getattr(array_module(x), "asnumpy", np.asarray)(x))


class FiniteDifferences:
    """Differences at one point, with one step, for a comparison with this tolerance.

    `part` is everywhere the part of the step that is taken: smaller or larger than 1.
    """

    def __init__(self, point: Point, step: float, tolerance: float, generator: np.random.Generator) -> None:
        self.point, self.tolerance = point, tolerance
        self.base = point.cost()[0]
        squares = {name: float(np.mean(np.square(to_host(x)))) for name, x in point.arguments.items()}
        self._step = {name: step * max(1.0, math.sqrt(square)) for name, square in squares.items()}
        gradients = {name: to_host(point.gradients[name]) for name in point.arguments}
        # The derivative that is typical along a unit direction: |g|/sqrt(n).
        self.typical = {name: float(np.linalg.norm(g)) / math.sqrt(g.size) for name, g in gradients.items()}
        self.noise = 0.0  # the rounding of the cost, measured along random directions
        for name, x in [*point.arguments.items()] * math.ceil(FEWEST_NOISES / max(1, len(point.arguments))):
            self.noise = max(self.noise, abs(self.along(name, random_direction(x.shape, generator), TINY)[1]))

    def _cost_at(self, name: str, move: np.ndarray) -> tuple[float, list[Array]]:
        """Return the function and its masks beside the point; NaN and no masks outside of its domain."""
        argument = self.point.arguments[name]
        kept = argument.copy()
        argument += array_module(argument).asarray(move)
        try:
            with np.errstate(all="ignore"):  # the end of the domain is reported by the check
                return self.point.cost()
        except (ArithmeticError, ValueError):  # math.log(-1), a matrix that is not positive definite
            return math.nan, []
        finally:
            argument[...] = kept

    def along(self, name: str, direction: np.ndarray, part: float = 1.0) -> tuple[float, float, bool]:
        """Return D(h), S(h), and whether a mask differs between the two sides."""
        h = part * self._step[name]
        (above, masks_above), (below, masks_below) = (self._cost_at(name, t * direction) for t in (h, -h))
        return (above - below) / (2 * h), above - 2 * self.base + below, _differ(masks_above, masks_below)

    def analytic(self, name: str, direction: np.ndarray) -> float:
        """Return the derivative along a direction according to the analytic gradient."""
        with np.errstate(invalid="ignore"):  # 0 times infinity
            return float((to_host(self.point.gradients[name]) * direction).sum())

    def _moved(self, name: str, direction: np.ndarray, part: float) -> float:
        """Return the same along the move that remains of a small step when the sums θ ± hd are rounded."""
        x, h = to_host(self.point.arguments[name]), part * self._step[name]
        return self.analytic(name, ((x + h * direction) - (x - h * direction)) / (2 * h))

    def rounding(self, name: str, part: float = 1.0) -> float:
        """Return r, the error that rounding of the cost may cause in D."""
        return self._least() / (2 * part * self._step[name])

    def _least(self) -> float:
        return max(self._last_places(), NOISES * self.noise)

    def _last_places(self) -> float:
        return ROUNDINGS * float(np.finfo(np.float64).eps) * abs(self.base)

    def uncertainty(self, name: str, direction: np.ndarray, slope: float, second: float) -> float:
        """Return by how much `slope`, D(h), may be wrong, judged by half the step; `second` is S(h)."""
        halfs_slope, halfs_second, _ = self.along(name, direction, 0.5)
        kink = abs(second - 4 * halfs_second) / (2 * self._step[name])
        return DOUBT * max(abs(slope - halfs_slope), kink)

    def extrapolated(self, name: str, direction: np.ndarray, part: float) -> tuple[float, float]:
        """Return (4 D(h/2) − D(h))/3, and by how much it may be wrong other than by rounding; NaN outside."""
        found = []
        for p in (part, part / 2, part / 4):
            found.append((p * self._step[name], *self.along(name, direction, p)))
            if not math.isfinite(found[-1][1]):
                return math.nan, math.inf
        first, then = ((4 * finer[1] - coarser[1]) / 3 for coarser, finer in pairwise(found))
        kinks = [abs(coarser[2] - 4 * finer[2]) / (2 * coarser[0]) for coarser, finer in pairwise(found)]
        crosses = any(masks_differ for *_, masks_differ in found)
        return first, math.inf if crosses else DOUBT * max(abs(first - then), *kinks)

    def reach(self, name: str, count: int, allowed: float) -> float:
        """Return by how many steps each of `count` entries moves, so that rounding hides no more than `allowed`."""
        needed = SPARE * self.rounding(name) / (allowed * math.sqrt(count)) if allowed else 0.0
        return min(max(WIDE, needed), FURTHEST)

    def wider(self, name: str, direction: np.ndarray, scale: float) -> tuple[float, float] | None:
        """Return a derivative of this size with a larger step, and the error allowed.

        None where rounding does not hide it, or a larger step shows no more.
        """
        allowed, rounding = self.tolerance * scale, self.rounding(name)
        if not 0 < allowed <= rounding < math.inf:
            return None
        part = min(SPARE * rounding / allowed, FURTHEST * math.sqrt(np.count_nonzero(direction)))
        rounding *= WORSE / part
        if rounding > VISIBLE * scale:  # it is as good as zero, and its gradient often is
            return None
        slope, error = self.extrapolated(name, direction, part)
        error = self.trusted(error, rounding, scale)
        return (slope, error) if error < math.inf else None

    def trusted(self, error: float, rounding: float, scale: float) -> float:
        """Return the error allowed in a derivative of this size whose steps show an error; infinite if too much.

        An error above tolerance is trusted only if rounding explains it.
        """
        if error <= self.tolerance * scale:
            return rounding
        return max(error, rounding) if error <= DOUBT * rounding else math.inf

    def closer(self, name: str, direction: np.ndarray) -> tuple[float, float, float] | None:
        """Return a derivative with the largest step that is small enough, the analytic one, and the error allowed.

        Where one side is outside of the function's domain, the derivative is one-sided. None where every step has a
        kink or a jump or leaves the domain, as far as rounding shows.
        """
        root = math.sqrt(np.count_nonzero(direction))
        for part in CLOSER if root == 1 else (root, *CLOSER):
            slope, error, rounding = self._with_step(name, direction, part)
            if not math.isfinite(slope):
                continue
            analytic = self._moved(name, direction, part)
            scale = max(abs(slope), abs(analytic), self.typical[name])
            if rounding > VISIBLE * scale:
                break
            error = self.trusted(error, rounding, scale)
            if error < math.inf:
                return slope, analytic, error
        return None

    def _with_step(self, name: str, direction: np.ndarray, part: float) -> tuple[float, float, float]:
        """Return a derivative, by how much it may be wrong, and by rounding of C; NaN if both sides are outside.

        Near the end of a domain C is often small and exact, so its rounding is measured anew.
        """
        slope, error = self.extrapolated(name, direction, part)
        if not math.isfinite(slope):
            return self._one_sided(name, direction, part)
        noise = NOISES * abs(self.along(name, direction, FINE * part)[1])
        return slope, error, WORSE * max(self._last_places(), noise) / (2 * part * self._step[name])

    def _one_sided(self, name: str, direction: np.ndarray, part: float) -> tuple[float, float, float]:
        for h in (part * self._step[name], -part * self._step[name]):
            steps, costs, masks = (2 * h, h, h / 2, h / 4), [], []
            for t in steps:
                cost, mask = self._cost_at(name, t * direction)
                costs.append(cost)
                masks.append(mask)
                if not math.isfinite(cost):
                    break
            else:
                slopes = [
                    (4 * near - 3 * self.base - far) / (2 * t)
                    for t, (far, near) in zip(steps[1:], pairwise(costs), strict=True)
                ]
                crosses = any(_differ(a, b) for a, b in pairwise(masks))
                error = math.inf if crosses else DOUBT * max(abs(a - b) for a, b in pairwise(slopes))
                return slopes[0], error, WORSE * self._last_places() / (2 * abs(h))
        return math.nan, math.inf, 0.0

    def inward(self, name: str, direction: np.ndarray) -> np.ndarray:
        """Return a direction towards the mean of the entries.

        If some entries lie at the end of an interval, a random direction leaves it on both sides; this one stays.
        """
        x = to_host(self.point.arguments[name])
        return np.abs(direction) * np.where(x <= x.mean(), 1.0, -1.0)

    def is_bent(self, name: str, second: float, scale: float) -> bool:
        """Return whether S(h) is so large, for slopes of this size, that a kink may be within the step."""
        return abs(second) > max(BENT * scale * self._step[name], SEEN * self._least())

    def kinks_at_the_point(self, name: str, direction: np.ndarray, crosses: bool) -> bool:
        """Return whether a kink lies exactly at the point: a mask differs across it, or S(h)/h is constant."""
        if crosses:
            return self.along(name, direction, TINY)[2]
        found = [(part, self.along(name, direction, part)[1]) for part in (1.0, math.sqrt(FINE), FINE)]
        jumps = [second / part for part, second in found if abs(second) > SEEN * self._least()]
        return len(jumps) > 1 and max(jumps) - min(jumps) <= 0.1 * max(map(abs, jumps))

    def is_coarse(self, name: str, direction: np.ndarray) -> bool:
        """Return whether the function is rounded more coarsely than float64: its slope changes far within h."""
        slope, fine, finer = (self.along(name, direction, part)[0] for part in (1.0, FINE, FINE / 3))
        analytic = self.analytic(name, direction)
        noise = 3 * self.rounding(name) / FINE

        def apart(x: float, y: float) -> bool:
            return abs(x - y) > max(0.1 * max(abs(x), abs(y)), noise)

        if not math.isfinite(slope):  # near the end of the domain the slope may change as fast
            return False
        return apart(fine, finer) or (fine == 0 and apart(fine, slope) and apart(fine, analytic))

    def find_wrong(self, name: str, entries: np.ndarray, generator: np.random.Generator, wide: bool) -> int:
        """Return the flat index of a wrong entry among these, by bisection: it may be the only one in a million.

        With `wide`, each entry moves by some usual steps, and so further than in a direction of this step.
        """
        reach = self.reach(name, len(entries), self.tolerance * self.typical[name])

        def error(direction: np.ndarray, count: int) -> float:
            part = reach * math.sqrt(count)
            slopes = [self.along(name, direction, p)[0] for p in ((part, part / 2) if wide else (1.0,))]
            slope, analytic = slopes[-1] + wide * (slopes[-1] - slopes[0]) / 3, self.analytic(name, direction)
            if not math.isfinite(slope):
                slope, analytic, _ = self.closer(name, self.inward(name, direction)) or (0.0, 0.0, 0.0)
            return abs(slope - analytic)

        return self._bisect(name, entries, generator, error)

    def find_kink(self, name: str, direction: np.ndarray, generator: np.random.Generator) -> int:
        """Return the flat index of an entry whose kink lies at the point, among those that a direction moves."""

        def bend(direction: np.ndarray, count: int) -> float:
            return abs(self.along(name, direction)[1])

        return self._bisect(name, np.flatnonzero(direction), generator, bend)

    def _bisect(
        self,
        name: str,
        entries: np.ndarray,
        generator: np.random.Generator,
        score: Callable[[np.ndarray, int], float],
    ) -> int:
        shape, signs = self.point.arguments[name].shape, generator.choice([-1.0, 1.0], len(entries))
        while len(entries) > 1:
            halves = list(zip(np.array_split(entries, 2), np.array_split(signs, 2), strict=True))
            scores = []
            for half, sign in halves:
                direction, root = np.zeros(math.prod(shape)), math.sqrt(len(half))
                direction[half] = sign / root
                scores.append(score(direction.reshape(shape), len(half)) * root)
            entries, signs = halves[int(scores[1] > scores[0])]
        return int(entries[0])


def _differ(masks: list[Array], others: list[Array]) -> bool:
    """Return whether any mask differs; where one side is outside of the domain, no masks are known."""
    return any(bool(to_host((a != b).any())) for a, b in zip(masks, others, strict=False))
