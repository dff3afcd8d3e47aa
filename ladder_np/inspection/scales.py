"""Hints of scale: a gradient that is wrong by a factor, or by one for each row or column, and what these may be."""

from collections.abc import Mapping

import numpy as np

from ladder_np.inspection.comparison import GradientComparison

__all__ = ["factor", "factor_along_an_axis"]

CLOSE = 1e-4  # relative: two factors are the same
LARGEST = 1000  # n up to which n/(n − 1) is told from 1
THROUGHOUT = "the numerical gradient throughout"


def factor(comparison: GradientComparison) -> str:
    n, a = comparison.numeric, comparison.analytic
    c = float((n * a).sum() / (n * n).sum())
    if c == 0 or not comparison.explained_by(a / c):
        return ""
    return name_factor(c, comparison.lengths, known_only=int(comparison.known.sum()) == 1)


def name_factor(c: float, lengths: Mapping[int, list[str]], known_only: bool = False) -> str:
    """Return what it may mean that a gradient is c times what it should be.

    Parameters
    ----------
    c : float
        Not 0.
    lengths : mapping of int to list of str
        What is so long, such as ``{17: ["rows of x"]}``.
    known_only : bool
        Whether to say nothing of factors that mean nothing in particular (a single number is always some multiple).
    """
    if _close(c, -1):
        return "the sign is wrong"
    text = _name_size(abs(c), lengths) or ("" if known_only else f"{abs(c):.6g} times {THROUGHOUT}")
    return f"{text}; and the sign is wrong" if text and c < 0 else text


def _name_size(c: float, lengths: Mapping[int, list[str]]) -> str:
    if _close(c, 2):
        return f"twice {THROUGHOUT}: a factor 1/2 is missing, or a path is counted twice"
    if _close(c, 0.5):
        return f"half {THROUGHOUT}: a factor 2 is missing (the derivative of x² is 2x), or one of two equal paths"
    if n := _whole(c):
        return f"{n} times {THROUGHOUT}: 1/{n} is missing, of a mean{_named(n, lengths)}?"
    if n := _whole(1 / c):
        return f"1/{n} of {THROUGHOUT}: divided by {n} once too often, a mean for a sum{_named(n, lengths)}?"
    for ratio, root in ((c, ""), (c * c, "the square root of ")):
        for value, text in ((ratio, "n/(n − 1)"), (1 / ratio, "(n − 1)/n")):
            if n := _divisor(value, lengths):
                of = _named(n, lengths)
                return f"{c:.6g} times {THROUGHOUT}, {root}{text} with n = {n}{of}: a variance's divisor, n or n − 1?"
    return ""


def _close(x: float, y: float) -> bool:
    return abs(x - y) <= CLOSE * abs(y)


def _whole(c: float) -> int:
    """Return the whole number from 3 on that c is, or 0."""
    n = round(c)
    return n if n > 2 and abs(c - n) <= min(CLOSE * n, 0.01) else 0


def _divisor(ratio: float, lengths: Mapping[int, list[str]]) -> int:
    """Return the n with n/(n − 1) = ratio, or 0."""
    if ratio <= 1:
        return 0
    n = ratio / (ratio - 1)
    whole = round(n)
    near = abs(n - whole) <= min(0.05, 1e-3 + 1e-7 * n * n)
    return whole if near and (3 <= whole <= LARGEST or whole in lengths) else 0


def _named(n: int, lengths: Mapping[int, list[str]]) -> str:
    return f" ({n}: {' or '.join(lengths[n][:2])})" if n in lengths else ""


def factor_along_an_axis(comparison: GradientComparison) -> str:
    """Name a factor for each column, row, …: of a vector, only one that is known from elsewhere."""
    n, a = comparison.numeric, comparison.analytic
    for axis in reversed(range(n.ndim)):
        others = tuple(i for i in range(n.ndim) if i != axis)
        squares, products = ((n * x).sum(axis=others, keepdims=True) for x in (n, a))
        live = squares > comparison.rounding**2 * n.size  # a dead unit has no factor
        factors = np.divide(products, squares, where=live, out=np.ones_like(squares))
        if live.sum() < 2 or not factors.all() or not comparison.explained_by(a / factors):
            continue
        few = bool(comparison.known.sum() < 2 * factors.size)  # so few entries fit any factors
        known = {
            name: vector[comparison.grid[axis]][live.ravel()]
            for name, vector in comparison.vectors.items()
            if len(vector) == comparison.whole.shape[axis]
        }
        if text := name_factors(factors[live], axis, known, known_only=few):
            return text
    return ""


def name_factors(factors: np.ndarray, axis: int, known: Mapping[str, np.ndarray], known_only: bool = False) -> str:
    """Return what it may mean that a gradient is wrong by a factor for each index along an axis.

    Parameters
    ----------
    factors : (n,) array
    axis : int
    known : mapping of str to (n,) array
        Vectors of that length, by what they are.
    known_only : bool
        Whether to say nothing of factors that are none of these.
    """
    for name, vector in known.items():
        if np.allclose(factors, vector, rtol=1e-3, atol=0):
            lacking = name.removeprefix("1/")
            if lacking.startswith("σ"):
                return f"along axis {axis} it is {name} times what it should be: σ² for σ, or the other way round?"
            if lacking != name:
                return f"the factor {lacking} is missing along axis {axis}"
            return f"the factor {name} is there once too often along axis {axis}"
    if known_only:
        return ""
    sizes = f"{np.abs(factors).min():.3g} to {np.abs(factors).max():.3g}"
    where = f"a factor for each index along axis {axis} ({sizes})"
    return f"{where}: a scale once too often or too rarely (σ² for σ, no γ)?"
