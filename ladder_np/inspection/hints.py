"""What a wrong gradient may mean: patterns in the numerical and the analytic gradient of one tensor.

Each hint undoes one mistake, and is given only where that explains the difference: what is left of it is under a
thousandth. `HINTS` is the order in which they are tried: what explains everything by one number comes first; the last
one says how far the two are alike where nothing explains it.
"""

import math
from collections.abc import Callable

import numpy as np

from ladder_np.inspection.evidence import EXPLAINED, FEWEST, Evidence
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


def hint(evidence: Evidence) -> str:
    """Return what the difference may mean; empty if nothing is wrong at the places that are known."""
    if not evidence.wrong.any():
        return not_finite(evidence)
    return next(filter(None, (look(evidence) for look in HINTS)), "")


# ---- Nothing there, on one side.


def not_finite(evidence: Evidence) -> str:
    if np.isfinite(evidence.whole).all():
        return ""
    first = tuple(map(int, np.argwhere(~np.isfinite(evidence.whole))[0]))
    return f"the gradient is no finite number at {list(first)}"


def no_reaction(evidence: Evidence) -> str:
    if np.abs(evidence.numeric).max() > evidence.rounding:
        return ""
    return (
        "the function does not react to it: does it use the array that it is given, or one from outside? If a "
        "normalisation behind takes this parameter out, the gradient lacks the term through the mean"
    )


def nothing_arrives(evidence: Evidence) -> str:
    return "" if evidence.analytic.any() else "no gradient arrives here: stopped (detached) or not added on the way"


# ---- All of it, by one change.


def float32(evidence: Evidence) -> str:
    a, n = evidence.analytic[evidence.known], evidence.numeric[evidence.known]
    size = float(np.linalg.norm(evidence.difference) / np.linalg.norm(n))
    if size <= FLOAT32_ALONE and _is_of(a, np.float32).all() and _is_of(a, np.float16).mean() < 0.5:
        return f"every value is one that float32 has (off by {size:.0e} of its size): it was computed in float32"
    if size <= LIKE_FLOAT32 and a.size >= FEWEST:
        return f"off by {size:.0e} of its size: float32's rounding in a part of it, or a small ε left out?"
    return ""


def _is_of(x: np.ndarray, dtype: type) -> np.ndarray:
    """Return where values are numbers that another dtype has."""
    with np.errstate(over="ignore"):
        return np.asarray(x.astype(dtype) == x)


def transposed(evidence: Evidence) -> str:
    shape = evidence.whole.shape
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return ""
    turned = evidence.whole.swapaxes(-1, -2)[np.ix_(*evidence.grid)]
    return "it is the numerical gradient transposed" if evidence.explained_by(turned) else ""


def belongs_to_another(evidence: Evidence) -> str:
    for name, numeric in evidence.others.items():
        if numeric.shape == evidence.whole.shape and numeric.any():
            left = np.linalg.norm((evidence.whole - numeric)[np.ix_(*evidence.grid)][evidence.known])
            if left <= EXPLAINED * np.linalg.norm(evidence.difference):
                return f"it is the gradient of {name}: names mixed up?"
    return ""


# ---- A few places.


def some_places(evidence: Evidence) -> str:
    """Say what the wrong places have in common, where others are right."""
    count, looked_at = int(evidence.wrong.sum()), int(evidence.known.sum())
    if count == looked_at or looked_at < FEWEST:
        return ""
    of = f"{looked_at} places" if evidence.complete else f"{looked_at} places looked at"
    at = [evidence.place(tuple(where)) for where in np.argwhere(evidence.wrong)]
    if count == 1:
        return f"wrong at {list(at[0])} only, of {of}: a wrong index?"
    if (np.abs(evidence.numeric[evidence.wrong]) <= evidence.rounding).all():
        return (
            f"not zero at {count} of {of} where the function does not react: a mask (ReLU, dropout, max) forgotten?"
        )
    if not evidence.analytic[evidence.wrong].any():
        return f"zero at {count} of {of} where the function does react: left out by a mask, an index or a slice?"
    for axis, length in enumerate(evidence.numeric.shape):
        indices = {index[axis] for index in at}
        if len(indices) <= length / 2 and evidence.numeric.ndim > 1:
            listed = ", ".join(map(str, sorted(indices)[:5])) + (", …" if len(indices) > 5 else "")
            what = f"axis {axis} at" if evidence.numeric.ndim > 2 else ("row", "column")[axis]
            return f"wrong only in {what} {listed}: an edge, or an index that repeats (x[i] += g adds once)?"
    if count <= looked_at / 2:
        return (
            f"wrong at {count} of {of}, such as {list(at[0])}: an index, or one that repeats (x[i] += g adds once)?"
        )
    return ""


def permuted(evidence: Evidence) -> str:
    if not evidence.complete or evidence.whole.size < FEWEST:
        return ""
    left = np.linalg.norm(np.sort(evidence.analytic, axis=None) - np.sort(evidence.numeric, axis=None))
    if left > EXPLAINED * np.linalg.norm(evidence.difference):
        return ""
    return "the right values at wrong places: a reshape, transpose or reversal on the way?"


HINTS: tuple[Callable[[Evidence], str], ...] = (
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
