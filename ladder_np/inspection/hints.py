"""What a wrong gradient may mean: patterns in the numerical and the analytic gradient of one tensor.

Each hint undoes one mistake, and is given only where that explains the difference: what is left of it is under a
thousandth. `HINTS` is the order in which they are tried: what explains everything by one number comes first; the last
one says how far the two are alike where nothing explains it.
"""

import math
from collections.abc import Callable

import numpy as np

from ladder_np.inspection.comparison import EXPLAINED, FEWEST, GradientComparison
from ladder_np.inspection.scales import factor, factor_along_an_axis
from ladder_np.inspection.terms import (
    invariance,
    multiple_of_the_parameter,
    no_pattern,
    outer_product,
    summed_too_far,
    totals_agree,
)

__all__ = ["HINTS", "hint", "shape_hint"]

LIKE_FLOAT32 = 1e-5  # of a gradient, up to which a difference may be float32's rounding
FLOAT32_ALONE = 1e-2  # the same where every value is one of float32


def hint(comparison: GradientComparison) -> str:
    """Return what the difference may mean; empty if nothing is wrong at the places that are known."""
    if not comparison.wrong.any():
        return not_finite(comparison)
    return next(filter(None, (look(comparison) for look in HINTS)), "")


# ---- Nothing there, on one side.


def not_finite(comparison: GradientComparison) -> str:
    if np.isfinite(comparison.whole).all():
        return ""
    first = tuple(map(int, np.argwhere(~np.isfinite(comparison.whole))[0]))
    return f"the gradient is no finite number at {list(first)}"


def no_reaction(comparison: GradientComparison) -> str:
    if np.abs(comparison.numeric).max() > comparison.rounding:
        return ""
    return (
        "the function does not react to it: does it use the array that it is given, or one from outside? If a "
        "normalization behind takes this parameter out, the gradient lacks the term through the mean"
    )


def nothing_arrives(comparison: GradientComparison) -> str:
    return "" if comparison.analytic.any() else "no gradient arrives here: stopped (detached) or not added on the way"


# ---- All of it, by one change.


def float32(comparison: GradientComparison) -> str:
    a, n = comparison.analytic[comparison.known], comparison.numeric[comparison.known]
    size = float(np.linalg.norm(comparison.difference) / np.linalg.norm(n))
    if size <= FLOAT32_ALONE and _is_of(a, np.float32).all() and _is_of(a, np.float16).mean() < 0.5:
        return f"every value is one that float32 has (off by {size:.0e} of its size): it was computed in float32"
    if size <= LIKE_FLOAT32 and a.size >= FEWEST:
        return f"off by {size:.0e} of its size: float32's rounding in a part of it, or a small ε left out?"
    return ""


def _is_of(x: np.ndarray, dtype: type) -> np.ndarray:
    """Return where values are numbers that another dtype has."""
    with np.errstate(over="ignore"):
        return np.asarray(x.astype(dtype) == x)


def transposed(comparison: GradientComparison) -> str:
    shape = comparison.whole.shape
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return ""
    turned = comparison.whole.swapaxes(-1, -2)[np.ix_(*comparison.grid)]
    return "it is the numerical gradient transposed" if comparison.explained_by(turned) else ""


def belongs_to_another(comparison: GradientComparison) -> str:
    for name, numeric in comparison.others.items():
        if numeric.shape == comparison.whole.shape and numeric.any():
            left = np.linalg.norm((comparison.whole - numeric)[np.ix_(*comparison.grid)][comparison.known])
            if left <= EXPLAINED * np.linalg.norm(comparison.difference):
                return f"it is the gradient of {name}: names mixed up?"
    return ""


# ---- A few places.


def some_places(comparison: GradientComparison) -> str:
    """Say what the wrong places have in common, where others are right that are not zero on both sides."""
    wrong, of = (
        comparison.wrong,
        f"of {int(comparison.known.sum())} places{'' if comparison.complete else ' looked at'}",
    )
    live = np.maximum(np.abs(comparison.numeric), np.abs(comparison.analytic)) > comparison.rounding
    count = int(wrong.sum())
    if comparison.known.sum() < FEWEST:
        return ""
    first = list(comparison.place(tuple(np.argwhere(wrong)[0])))
    if count == 1:
        return f"wrong at {first} only, {of}: a wrong index?"
    if (np.abs(comparison.numeric[wrong]) <= comparison.rounding).all():
        return f"not zero at {count} {of} where the function does not react: a mask (ReLU, dropout, max) forgotten?"
    if not comparison.analytic[wrong].any():
        return f"zero at {count} {of} where the function does react: left out by a mask, an index or a slice?"
    where = _lines(comparison, live) or (f"at {count} {of}, such as {first}" if count <= live.sum() / 2 else "")
    why = "an edge, some rows of the batch, an index that repeats (x[i] += g adds once)"
    return f"wrong only {where}: {why}?" if where else ""


def _lines(comparison: GradientComparison, live: np.ndarray) -> str:
    """Name the rows (columns, …) that hold all wrong places, where they are no more than half of them."""
    if live.ndim < 2:
        return ""
    for axis, along in enumerate(comparison.grid):
        others = tuple(i for i in range(live.ndim) if i != axis)
        lines, all_lines = (along[x.any(axis=others)] for x in (comparison.wrong, live))
        if len(lines) <= len(all_lines) / 2:
            listed = ", ".join(map(str, lines[:5])) + (", …" if len(lines) > 5 else "")
            return f"in {('row', 'column')[axis] if live.ndim == 2 else f'axis {axis} at'} {listed}"
    return ""


def permuted(comparison: GradientComparison) -> str:
    if not comparison.complete or comparison.whole.size < FEWEST:
        return ""
    left = np.linalg.norm(np.sort(comparison.analytic, axis=None) - np.sort(comparison.numeric, axis=None))
    if left > EXPLAINED * np.linalg.norm(comparison.difference):
        return ""
    return "the right values at wrong places: a reshape, transpose or reversal on the way?"


HINTS: tuple[Callable[[GradientComparison], str], ...] = (
    not_finite,
    no_reaction,
    nothing_arrives,
    factor,
    float32,
    transposed,
    belongs_to_another,
    some_places,
    permuted,
    factor_along_an_axis,
    summed_too_far,
    totals_agree,
    multiple_of_the_parameter,
    invariance,
    outer_product,
    no_pattern,
)


def shape_hint(given: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return what a gradient of another shape than its parameter's may mean."""
    text = f"shape {given} instead of {expected}"
    if len(given) > 1 and given == expected[::-1]:
        return f"{text}: transposed?"
    if [n for n in given if n != 1] == [n for n in expected if n != 1]:
        return f"{text}: an axis of length 1 too many or too few (keepdims)?"
    if math.prod(given) == math.prod(expected):
        return f"{text}: reshape it"
    if len(given) > len(expected) and given[len(given) - len(expected) :] == expected:
        return f"{text}: not summed over the rows to which the parameter was broadcast?"
    if len(given) < len(expected):
        return f"{text}: summed over an axis too many?"
    if len(given) == len(expected) == 1:
        return f"{text}: summed over the wrong axis?"
    return text
