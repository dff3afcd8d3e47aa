"""Hints: what a wrong gradient may mean, by patterns in the numerical and the analytic gradient of one tensor.

Each hint corresponds to one mistake and is given only if undoing it explains the difference: less than a thousandth
of it is left. `HINTS` is the order in which they are tried. Mistakes that one number explains come first; the last
entry says how similar the two gradients are if nothing explains the difference.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["HINTS", "GradientComparison", "hint", "shape_hint"]

EXPLAINED = 1e-3  # share of the difference that may be left when it counts as explained
FEWEST = 3  # entries needed to tell a pattern from chance
LIKE_FLOAT32 = 1e-5  # relative difference up to which it may be float32's rounding
FLOAT32_ALONE = 1e-2  # the same if every value is a float32 number
CLOSE = 1e-4  # relative difference up to which two factors are the same
LARGEST = 1000  # n up to which n/(n − 1) is told from 1
THROUGHOUT = "the numerical gradient throughout"
NONE, SOME = 1e-3, 0.05  # shares of a gradient along a direction; an ε in a variance leaves a small one


@dataclass(frozen=True)
class GradientComparison:
    """Both gradients of one tensor at one point, at all of its coordinates or on a grid of some."""

    # on the grid: parameter and gradients; both gradients are 0 where the numerical one is unknown
    theta: np.ndarray
    numeric: np.ndarray
    analytic: np.ndarray
    known: np.ndarray  # bool, on the grid: where the numerical gradient is known
    wrong: np.ndarray  # bool, on the grid: where the two differ by more than the tolerance
    grid: tuple[np.ndarray, ...]  # the indices along each axis
    whole: np.ndarray  # the analytic gradient of the whole tensor
    rounding: float = 0.0  # the size up to which the numerical gradient may be nothing but rounding
    lengths: Mapping[int, list[str]] = field(default_factory=dict)  # the axes by length: ``{17: ["rows of x"]}``
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)  # (n,) factors that the gradient may wrongly have
    others: Mapping[str, np.ndarray] = field(default_factory=dict)  # complete numerical gradients of other tensors

    @property
    def difference(self) -> np.ndarray:
        return self.analytic - self.numeric

    @property
    def complete(self) -> bool:
        """Whether the whole numerical gradient is known."""
        return self.numeric.size == self.whole.size and bool(self.known.all())

    def explained_by(self, corrected: np.ndarray) -> bool:
        """Return whether the analytic gradient, corrected like this, agrees with the numerical one."""
        left = np.linalg.norm((corrected - self.numeric)[self.known])
        return bool(left <= EXPLAINED * np.linalg.norm(self.difference))

    def place(self, where: tuple[int, ...]) -> tuple[int, ...]:
        """Return the index in the whole tensor for an index in the grid."""
        return tuple(int(along[i]) for along, i in zip(self.grid, where, strict=True))

    @property
    def worst(self) -> tuple[int, ...]:
        """The index in the whole tensor of the largest difference."""
        return self.place(np.unravel_index(np.abs(self.difference).argmax(), self.difference.shape))


def hint(comparison: GradientComparison) -> str:
    """Return what the difference may mean; empty if nothing is wrong where the numerical gradient is known."""
    if not comparison.wrong.any():
        return not_finite(comparison)
    return next(filter(None, (look(comparison) for look in HINTS)), "")


# ---- One of the two is zero, NaN or infinite.


def not_finite(comparison: GradientComparison) -> str:
    if np.isfinite(comparison.whole).all():
        return ""
    first = tuple(map(int, np.argwhere(~np.isfinite(comparison.whole))[0]))
    return f"the gradient is NaN or infinite at {list(first)}"


def no_reaction(comparison: GradientComparison) -> str:
    if np.abs(comparison.numeric).max() > comparison.rounding:
        return ""
    return (
        "the function does not react to it: does it use the array that it is given, or one from outside? If a "
        "normalization after it cancels this parameter, the gradient lacks the term through the mean"
    )


def nothing_arrives(comparison: GradientComparison) -> str:
    return "" if comparison.analytic.any() else "no gradient arrives here: stopped (detached) or not added on the way"


# ---- All of it is wrong, by one factor or one change.


def factor(comparison: GradientComparison) -> str:
    n, a = comparison.numeric, comparison.analytic
    c = float((n * a).sum() / (n * n).sum())
    if c == 0 or not comparison.explained_by(a / c):
        return ""
    return name_factor(c, comparison.lengths, known_only=int(comparison.known.sum()) == 1)


def name_factor(c: float, lengths: Mapping[int, list[str]], known_only: bool = False) -> str:
    """Return what it may mean that a gradient is c ≠ 0 times the right one; `lengths` as in `GradientComparison`.

    With `known_only`, a factor without a known meaning is ignored: one number is always some multiple of another.
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
        return f"{n} times {THROUGHOUT}: a factor 1/{n} is missing, that of a mean{_named(n, lengths)}?"
    if n := _whole(1 / c):
        return f"1/{n} of {THROUGHOUT}: divided by {n} once too often, a mean instead of a sum{_named(n, lengths)}?"
    for ratio, root in ((c, ""), (c * c, "the square root of ")):
        for value, text in ((ratio, "n/(n − 1)"), (1 / ratio, "(n − 1)/n")):
            if n := _divisor(value, lengths):
                of = _named(n, lengths)
                return f"{c:.6g} times {THROUGHOUT}, {root}{text} with n = {n}{of}: a variance's divisor, n or n − 1?"
    return ""


def _close(x: float, y: float) -> bool:
    return abs(x - y) <= CLOSE * abs(y)


def _whole(c: float) -> int:
    """Return the whole number >= 3 that c is, or 0."""
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


def float32(comparison: GradientComparison) -> str:
    a, n = comparison.analytic[comparison.known], comparison.numeric[comparison.known]
    size = float(np.linalg.norm(comparison.difference) / np.linalg.norm(n))
    if size <= FLOAT32_ALONE and _is_of(a, np.float32).all() and _is_of(a, np.float16).mean() < 0.5:
        return f"every value is a float32 number (off by {size:.0e} of its size): it was computed in float32"
    if size <= LIKE_FLOAT32 and a.size >= FEWEST:
        return f"off by {size:.0e} of its size: float32's rounding in a part of it, or a small ε left out?"
    return ""


def _is_of(x: np.ndarray, dtype: type) -> np.ndarray:
    """Return where values are exactly representable in another dtype."""
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


# ---- A few entries are wrong.


def some_places(comparison: GradientComparison) -> str:
    """Say what the wrong entries have in common, if other entries that are not zero are right."""
    wrong = comparison.wrong
    of = f"of {int(comparison.known.sum())} places{'' if comparison.complete else ' looked at'}"
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
    """Name the rows (columns, …) that hold all wrong entries, if they are at most half of all rows (columns, …)."""
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


# ---- A factor for each row or column; a wrong sum; a missing or superfluous term.


def factor_along_an_axis(comparison: GradientComparison) -> str:
    """Name a factor for each column, row, …; for few entries, only a factor that is a known vector."""
    n, a = comparison.numeric, comparison.analytic
    for axis in reversed(range(n.ndim)):
        others = tuple(i for i in range(n.ndim) if i != axis)
        squares, products = ((n * x).sum(axis=others, keepdims=True) for x in (n, a))
        live = squares > comparison.rounding**2 * n.size  # the gradient of a dead unit is zero: it has no factor
        factors = np.divide(products, squares, where=live, out=np.ones_like(squares))
        if live.sum() < 2 or not factors.all() or not comparison.explained_by(a / factors):
            continue
        few = bool(comparison.known.sum() < 2 * factors.size)  # so few entries agree with any factors
        known = {
            name: vector[comparison.grid[axis]][live.ravel()]
            for name, vector in comparison.vectors.items()
            if len(vector) == comparison.whole.shape[axis]
        }
        if text := name_factors(factors[live], axis, known, known_only=few):
            return text
    return ""


def name_factors(factors: np.ndarray, axis: int, known: Mapping[str, np.ndarray], known_only: bool = False) -> str:
    """Return what it may mean that a gradient is wrong by one factor (n,) per index along an axis.

    `known` has vectors (n,) by name; with `known_only`, factors that are not among these are ignored.
    """
    for name, vector in known.items():
        if np.allclose(factors, vector, rtol=1e-3, atol=0):
            lacking = name.removeprefix("1/")
            if lacking.startswith("σ"):
                return f"along axis {axis} it is {name} times what it should be: σ² for σ, or the other way round?"
            if lacking != name:
                return f"the factor {lacking} is missing along axis {axis}"
            return f"the factor {name} is applied once too often along axis {axis}"
    if known_only:
        return ""
    sizes = f"{np.abs(factors).min():.3g} to {np.abs(factors).max():.3g}"
    where = f"a factor for each index along axis {axis} ({sizes})"
    return f"{where}: a scale is missing or applied once too often (no γ, σ² for σ)?"


def summed_too_far(comparison: GradientComparison) -> str:
    if not comparison.complete:
        return ""
    for axis, length in enumerate(comparison.whole.shape):
        if length < 2 or np.ptp(comparison.analytic, axis=axis).any():
            continue
        total = comparison.numeric.sum(axis=axis, keepdims=True)
        for name, value in (("sum", total), ("mean", total / length)):
            if np.linalg.norm(comparison.analytic - value) <= EXPLAINED * np.linalg.norm(comparison.difference):
                return f"every entry is the {name} of the numerical gradient along axis {axis}: summed over it too?"
    return ""


def totals_agree(comparison: GradientComparison) -> str:
    n = comparison.numeric
    if not comparison.complete or n.ndim != 1 or n.size < FEWEST or abs(n.sum()) <= EXPLAINED * np.linalg.norm(n):
        return ""
    if abs(comparison.difference.sum()) > 0.1 * EXPLAINED * np.linalg.norm(comparison.difference):
        return ""
    return "its sum is right, its entries are not: summed over the wrong axis?"


def multiple_of_the_parameter(comparison: GradientComparison) -> str:
    theta, difference = np.where(comparison.known, comparison.theta, 0), comparison.difference
    if not theta.any() or int(comparison.known.sum()) < FEWEST:
        return ""
    c = float((theta * difference).sum() / (theta * theta).sum())
    if np.linalg.norm(difference - c * theta) > EXPLAINED * np.linalg.norm(difference):
        return ""
    which = "missing" if c < 0 else "too much"
    return f"{abs(c):.4g} times the parameter itself is {which}: the gradient of a weight decay?"


def invariance(comparison: GradientComparison) -> str:
    """Name changes of the parameter that the function ignores, although the gradient says that it reacts to them."""
    if not comparison.complete or comparison.whole.size < FEWEST:
        return ""
    ones = np.ones_like(comparison.theta)
    variance = "the term through the variance is missing, or has a wrong divisor (n, n − 1)"
    terms = [
        (_does_not_react(comparison, ones), "adding a number to", "the term through the mean is missing"),
        (_does_not_react(comparison, comparison.theta), "scaling", variance),
    ]
    return "; ".join(
        f"{change} {what} changes nothing, as before a normalization, but this gradient says it does: {term}"
        for what, change, term in terms
        if what
    )


def _does_not_react(comparison: GradientComparison, change: np.ndarray) -> str:
    """Return the part (a column, a row) whose change the function ignores; empty if it reacts to all."""
    ndim = comparison.whole.ndim
    for axis, length in enumerate(comparison.whole.shape):
        numeric, analytic, difference = (
            _share_along(change, gradient, axis)
            for gradient in (comparison.numeric, comparison.analytic, comparison.difference)
        )
        if length > 1 and numeric < NONE and analytic > 10 * numeric and difference > SOME:
            return {1: ["all of it"], 2: ["a column", "a row"]}.get(ndim, [f"all along axis {axis}"] * ndim)[axis]
    return ""


def _share_along(change: np.ndarray, gradient: np.ndarray, axis: int) -> float:
    """Return the largest share of the gradient in the direction `change`, over the slices along an axis."""
    along = np.abs((change * gradient).sum(axis=axis))
    size = np.sqrt((change**2).sum(axis=axis) * (gradient**2).sum())
    return float((along / np.where(size > 0, size, 1)).max())


def outer_product(comparison: GradientComparison) -> str:
    if not comparison.complete or comparison.whole.ndim != 2 or min(comparison.whole.shape) < FEWEST:
        return ""
    values = np.linalg.svd(comparison.difference, compute_uv=False)
    if values[1] > EXPLAINED * values[0]:
        return ""
    return (
        "the difference has rank 1: the share of one row (of the batch) is missing or counted twice, or the same "
        "error was made in every row, as when the term through a mean is missing"
    )


def no_pattern(comparison: GradientComparison) -> str:
    """Say how similar the two gradients are; for differences in which no pattern was found."""
    n, a = comparison.numeric[comparison.known], comparison.analytic[comparison.known]
    if n.size < FEWEST:
        return ""
    longer = float(np.linalg.norm(a) / np.linalg.norm(n))
    cosine = float((n / np.linalg.norm(n)) @ (a / np.linalg.norm(a)))
    return (
        f"no simple pattern ({longer:.3g} times as long as the numerical gradient, cosine {cosine:.3g}): a term is "
        "missing (detached, or = where += was meant), superfluous, or wrong"
    )


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


# Of four axes: their order elsewhere -> what it may be.
OTHER_FRAMEWORKS = {
    (0, 3, 1, 2): "channels first? here they are last",
    (3, 2, 0, 1): "a weight as (channels, channels below, k, k)? here it is (k, k, channels below, channels)",
}


def shape_hint(given: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return what it may mean that a gradient has another shape than its parameter."""
    text = f"shape {given} instead of {expected}"
    for order, what in OTHER_FRAMEWORKS.items():
        if len(given) == len(expected) == 4 and given == tuple(expected[axis] for axis in order):
            return f"{text}: {what}"
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
