"""What is known about the wrong gradient of one tensor: both gradients, coordinate by coordinate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ladder_np.inspection.differences import DOUBT, Probe, to_host

__all__ = ["EXPLAINED", "FEWEST", "GradientComparison", "collect", "lengths_of", "vectors_of"]

EXPLAINED = 1e-3  # of the difference may be left over by what explains it
FEWEST = 3  # entries from which a pattern can be told from chance
WHOLE = 256  # a tensor of up to so many coordinates is looked at as a whole, unless many tensors are wrong
PART = 64  # of the coordinates of a larger one are looked at, about
ALL = 1024  # coordinates of all tensors together


@dataclass(frozen=True)
class GradientComparison:
    """Both gradients of one tensor at one point, on all of its coordinates or on a grid of some.

    Attributes
    ----------
    theta, numeric, analytic : arrays of one shape
        Parameter and gradients on the grid; both gradients are 0 where the numerical one is not known.
    known : array of bool
        Where it is known.
    wrong : array of bool
        Where they differ by more than the tolerance.
    grid : tuple of array
        The indices along each axis.
    whole : array
        The analytic gradient of the whole tensor.
    rounding : float
        Up to which the numerical gradient is no more than rounding.
    lengths : mapping of int to list of str
        What is so long, such as ``{17: ["rows of x"]}``.
    vectors : mapping of str to array
        One-dimensional arrays that a gradient may have been multiplied by, by what they are.
    others : mapping of str to array
        Numerical gradients of other tensors, where all of one is known.
    """

    theta: np.ndarray
    numeric: np.ndarray
    analytic: np.ndarray
    known: np.ndarray
    wrong: np.ndarray
    grid: tuple[np.ndarray, ...]
    whole: np.ndarray
    rounding: float = 0.0
    lengths: Mapping[int, list[str]] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    others: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def difference(self) -> np.ndarray:
        return self.analytic - self.numeric

    @property
    def complete(self) -> bool:
        """Whether the whole numerical gradient is known."""
        return self.numeric.size == self.whole.size and bool(self.known.all())

    def explained_by(self, corrected: np.ndarray) -> bool:
        """Return whether the analytic gradient, corrected like this, is the numerical one."""
        left = np.linalg.norm((corrected - self.numeric)[self.known])
        return bool(left <= EXPLAINED * np.linalg.norm(self.difference))

    def place(self, where: tuple[int, ...]) -> tuple[int, ...]:
        """Return the index in the whole tensor of an index in the grid."""
        return tuple(int(along[i]) for along, i in zip(self.grid, where, strict=True))

    @property
    def worst(self) -> tuple[int, ...]:
        """The index in the whole tensor of the largest difference."""
        return self.place(np.unravel_index(np.abs(self.difference).argmax(), self.difference.shape))


def collect(
    probe: Probe,
    names: Sequence[str],
    generator: np.random.Generator,
    lengths: Mapping[int, list[str]],
    vectors: Mapping[str, np.ndarray],
) -> dict[str, GradientComparison]:
    """Look at the gradients of some tensors coordinate by coordinate, at a bounded number of them.

    Parameters
    ----------
    probe : Probe
    names : sequence of str
        Of the tensors.
    generator : numpy.random.Generator
        Chooses the coordinates of tensors that are too large to look at every one.
    lengths, vectors : mapping
        See `GradientComparison`.
    """
    most = max(1, ALL // max(1, len(names)))
    grids = {name: _grid(probe, name, most, generator) for name in names}
    slopes = {name: _slopes(probe, name, grid) for name, grid in grids.items()}
    whole = {name: x for name, x in slopes.items() if x.shape == probe.point.arguments[name].shape}
    comparison = {}
    for name, grid in grids.items():
        others = {other: x for other, x in whole.items() if other != name and not np.isnan(x).any()}
        comparison[name] = _evidence(probe, name, grid, slopes[name], lengths, vectors, others)
    return comparison


def _evidence(
    probe: Probe,
    name: str,
    grid: tuple[np.ndarray, ...],
    slopes: np.ndarray,
    lengths: Mapping[int, list[str]],
    vectors: Mapping[str, np.ndarray],
    others: Mapping[str, np.ndarray],
) -> GradientComparison:
    theta, whole = to_host(probe.point.arguments[name]), to_host(probe.point.gradients[name])
    on_grid, known = np.ix_(*grid), ~np.isnan(slopes)
    numeric, analytic = np.where(known, slopes, 0), np.where(known, whole[on_grid], 0)
    typical, rounding = np.linalg.norm(whole) / math.sqrt(whole.size), probe.rounding(name)
    scale = np.maximum(np.maximum(np.abs(numeric), np.abs(analytic)), typical)
    right = np.abs(analytic - numeric) <= np.maximum(probe.tolerance * scale, rounding)
    return GradientComparison(
        theta[on_grid], numeric, analytic, known, known & ~right, grid, whole, rounding, lengths, vectors, others
    )


def _slopes(probe: Probe, name: str, grid: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the numerical gradient on the grid, NaN where it is in doubt."""
    gradient = to_host(probe.point.gradients[name])
    typical = np.linalg.norm(gradient) / math.sqrt(gradient.size)
    slopes, direction = np.empty([len(along) for along in grid]), np.zeros(gradient.shape)
    for where in np.ndindex(slopes.shape):
        index = tuple(along[i] for along, i in zip(grid, where, strict=True))
        direction[index] = 1
        slope, second, crosses = probe.differences(name, direction)
        error, scale = abs(slope - gradient[index]), max(abs(slope), abs(gradient[index]), typical)
        differs = error > max(probe.tolerance * scale, probe.rounding(name))
        in_doubt = crosses
        if differs and not crosses:  # a kink or a jump nearby, seen where it is no longer rounding
            in_doubt = probe.doubt(name, direction, slope, second) >= min(error, DOUBT * probe.tolerance * scale)
        slopes[where] = np.nan if in_doubt else slope
        direction[index] = 0
    return slopes


def _grid(probe: Probe, name: str, most: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return the indices along each axis: all, or so many that there are about `most` coordinates or fewer."""
    shape = probe.point.arguments[name].shape
    if math.prod(shape) <= min(WHOLE, most):
        return tuple(map(np.arange, shape))
    counts = list(shape)
    while math.prod(counts) > min(PART, most):
        counts[counts.index(max(counts))] //= 2
    wrong = np.unravel_index(_find_wrong(probe, name, generator), shape)
    chosen = (generator.permutation(n)[:count] for n, count in zip(shape, counts, strict=True))
    return tuple(np.union1d(along, [i]) for along, i in zip(chosen, wrong, strict=True))


def _find_wrong(probe: Probe, name: str, generator: np.random.Generator) -> int:
    """Return the flat index of a coordinate that is wrong, found by halving: it may be the only one in a million."""
    gradient = to_host(probe.point.gradients[name])
    signs = generator.choice([-1.0, 1.0], gradient.size)
    flat = np.arange(gradient.size)
    while len(flat) > 1:
        errors = []
        halves = np.array_split(flat, 2)
        for half in halves:
            direction = np.zeros(gradient.size)
            direction[half] = signs[half]
            along = direction.reshape(gradient.shape) / math.sqrt(len(half))
            errors.append(
                abs(probe.differences(name, along)[0] - float((gradient * along).sum())) * math.sqrt(len(half))
            )
        flat = halves[int(errors[1] > errors[0])]
    return int(flat[0])


def lengths_of(shapes: Mapping[str, tuple[int, ...]]) -> dict[int, list[str]]:
    """Return what is how long: axes, and all entries together."""
    lengths: dict[int, list[str]] = {}
    for name, shape in shapes.items():
        axes = ("entries",) if len(shape) == 1 else ("rows", "columns") if len(shape) == 2 else ()
        for axis, length in enumerate(shape):
            what = f"{axes[axis]} of {name}" if axes else f"axis {axis} of {name}"
            lengths.setdefault(length, []).append(what)
        if len(shape) > 1:
            lengths.setdefault(math.prod(shape), []).append(f"entries of {name}")
    return lengths


def vectors_of(arguments: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return vectors that a gradient may be multiplied by wrongly: parameters, σ of columns, and powers of both."""
    vectors = {name: x for name, x in arguments.items() if x.ndim == 1}
    vectors |= {f"σ of {name}'s columns": x.std(axis=0) for name, x in arguments.items() if x.ndim == 2}
    named: dict[str, np.ndarray] = {}
    for name, v in vectors.items():
        if v.all():
            named |= {name: v, f"1/{name}": 1 / v, f"{name}²": v * v, f"1/{name}²": 1 / (v * v)}
    return named
