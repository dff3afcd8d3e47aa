"""Along what the step's time is measured as it grows, and the exponent of that growth."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.speed.cases import HIDDEN, LABELED, SIZES, UNLABELED, Case, network_of

__all__ = ["CURVES", "Curve", "exponent"]

EVEN_WIDTH, EVEN_DEPTH = 500, 4  # of the networks that only differ in depth


@dataclass(frozen=True)
class Curve:
    """One thing that grows while all else stays.

    Attributes
    ----------
    title : str
    base : float
        The usual value; pictures show multiples of it.
    values : tuple of float
        From small to large.
    case : callable
        The network and batch of one value.
    """

    title: str
    base: float
    values: tuple[float, ...]
    case: Callable[[float], Case]


def _wide(factor: float) -> Case:
    return Case(network_of(*(round(factor * width) for width in HIDDEN)))


def _deep(layers: float) -> Case:
    return Case(network_of(*(EVEN_WIDTH,) * int(layers)))


def _batch(rows: float) -> Case:
    return Case(SIZES, int(rows), int(rows))


def _unlabeled(rows: float) -> Case:
    return Case(SIZES, LABELED, int(rows))


CURVES = (
    Curve("width of all hidden layers, as a factor", 1, (0.25, 0.5, 1, 2, 4), _wide),
    Curve(f"depth: hidden layers, each {EVEN_WIDTH} wide", EVEN_DEPTH, (1, 2, 4, 8, 16), _deep),
    Curve("batch: labeled rows, and as many unlabeled", LABELED, (25, 50, 100, 200, 400, 800), _batch),
    Curve(f"unlabeled rows beside {LABELED} labeled", UNLABELED, (25, 50, 100, 200, 400, 800, 1600), _unlabeled),
)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return p of values ~ sizes^p, by least squares of the logarithms over the larger half of the points.

    The smaller half says more about what every call costs than about growth.
    """
    half = len(sizes) // 2
    x, y = ([math.log(value) for value in column[half:]] for column in (sizes, values))
    return statistics.linear_regression(x, y).slope
