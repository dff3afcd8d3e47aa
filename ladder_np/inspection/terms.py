"""Hints of terms: a gradient summed over the wrong axis, or one that lacks a term or has one too many."""

import numpy as np

from ladder_np.inspection.comparison import EXPLAINED, FEWEST, GradientComparison

__all__ = [
    "invariance",
    "multiple_of_the_parameter",
    "no_pattern",
    "outer_product",
    "summed_too_far",
    "totals_agree",
]

NONE, SOME = 1e-3, 0.05  # shares of a gradient along a direction; an ε in a variance leaves a little of one


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
    """Name changes of the parameter that leave the function as it is, while the gradient says that they do not."""
    if not comparison.complete or comparison.whole.size < FEWEST:
        return ""
    ones = np.ones_like(comparison.theta)
    terms = [
        (_does_not_react(comparison, ones), "adding a number to", "the term through the mean is missing"),
        (
            _does_not_react(comparison, comparison.theta),
            "scaling",
            "the term through the variance is missing, or has a wrong divisor (n, n − 1)",
        ),
    ]
    return "; ".join(
        f"{change} {what} changes nothing, as before a normalization, but this gradient says it does: {term}"
        for what, change, term in terms
        if what
    )


def _does_not_react(comparison: GradientComparison, change: np.ndarray) -> str:
    """Return to which part (a column, a row) this change makes none to the function; empty if it makes one."""
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
    """Return the largest share of the gradient that lies along `change`, slice by slice along an axis."""
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
        "error was made in every row, as where the term through a mean is missing"
    )


def no_pattern(comparison: GradientComparison) -> str:
    """Say how far the two are alike, where no pattern was found."""
    n, a = comparison.numeric[comparison.known], comparison.analytic[comparison.known]
    if n.size < FEWEST:
        return ""
    longer = float(np.linalg.norm(a) / np.linalg.norm(n))
    cosine = float((n / np.linalg.norm(n)) @ (a / np.linalg.norm(a)))
    return (
        f"no simple pattern ({longer:.3g} times as long as the numerical gradient, cosine {cosine:.3g}): a term is "
        "missing (stopped on the way, = where += is meant), too much, or wrong"
    )
