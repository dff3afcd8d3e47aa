"""May a difference of two means be chance? Student's t distribution, Welch's test, and an exact test of pairs.

Student's T with ν degrees of freedom, a real number, is told by the regularized incomplete beta function I:

    P(|T| >= t) = I_x(ν/2, 1/2),   x = ν/(ν + t²).

Welch's test of two means that were measured with unlike spreads s₁, s₂ in n₁, n₂ runs takes

    t = (m₁ − m₂)/sqrt(v₁ + v₂),   v = s²/n,   ν = (v₁ + v₂)²/(v₁²/(n₁ − 1) + v₂²/(n₂ − 1)).

Pairs (two methods with the same seeds) need no distribution: if the methods are as good as each other, each
difference might as well have the other sign. The p-value is the share of all 2ⁿ choices of signs whose sum is as far
from 0 as the one that was observed, or farther.

References
----------
M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 1964, 26.5.8 (the continued fraction) and 26.7.1.
B. L. Welch, The generalization of "Student's" problem when several different population variances are involved,
Biometrika 34, 1947.
R. A. Fisher, The Design of Experiments, 1935, section 21.
"""

import math
from collections import Counter
from collections.abc import Iterable

from ladder_np.errors import InputError

__all__ = ["SIGNIFICANT", "sign_flip_p", "t_p", "t_quantile", "welch_p"]

SIGNIFICANT = 0.05
HALVINGS = 60  # of an angle below π/2: as exact as float64
MOST_TERMS = 10_000  # of the continued fraction, which needs about sqrt(max(a, b))
TINY, EXACT = 1e-300, 1e-16


def t_p(t: float, freedom: float) -> float:
    """Return P(|T| >= |t|) for Student's T with `freedom` > 0 degrees of freedom, whole or not."""
    if math.isinf(t):
        return 0.0
    square = t * t
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square))


def t_quantile(freedom: float, confidence: float) -> float:
    """Return t with P(|T| <= t) = `confidence`, for Student's T with so many degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if t_p(math.sqrt(freedom) * math.tan(middle), freedom) > 1 - confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """Return I_x(a, b); `rest` is 1 − x, which the caller knows without rounding."""
    if x == 0 or rest == 0:
        return float(rest == 0)
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly: I_x(a, b) = 1 − I_{1−x}(b, a)
        return 1 - _incomplete_beta(b, a, rest, x)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(a * math.log(x) + b * math.log(rest) - log_beta) / (a * _continued_fraction(a, b, x))


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Return 1 + d₁/(1 + d₂/(1 + …)) of 26.5.8, from its beginning (Lentz's way)."""
    value, upper, lower = 1.0, 1.0, 0.0
    for term in range(1, MOST_TERMS):
        m, odd = divmod(term, 2)
        if odd:
            d = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            d = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        lower = 1 / (1 + d * lower or TINY)
        upper = 1 + d / upper or TINY
        value *= upper * lower
        if abs(upper * lower - 1) < EXACT:
            break
    return value


def welch_p(means: tuple[float, float], deviations: tuple[float, float], counts: tuple[int, int]) -> float | None:
    """Return the p-value of Welch's two-sided test of two means.

    Parameters
    ----------
    means, deviations, counts : pairs
        Of each group: the mean, the standard deviation (divisor n − 1) of its values, and their number.

    Returns
    -------
    float or None
        None where the spreads tell nothing: a group of one, or no spread at all.
    """
    if min(counts) < 2 or not any(deviations):
        return None
    variances = [deviation**2 / count for deviation, count in zip(deviations, counts, strict=True)]
    total = sum(variances)
    freedom = total**2 / sum(v**2 / (count - 1) for v, count in zip(variances, counts, strict=True))
    return t_p((means[0] - means[1]) / math.sqrt(total), freedom)


def sign_flip_p(differences: Iterable[int]) -> float:
    """Return the exact p-value of paired differences, whole numbers such as of errors on the same rows.

    All 2ⁿ choices of signs are counted, by the sums that they come to. With n pairs no p-value is below 2/2ⁿ.
    """
    values = [int(difference) for difference in differences]
    if not values:
        raise InputError("no pairs to compare")
    ways = Counter({0: 1})
    for value in map(abs, values):
        after = Counter[int]()
        for total, count in ways.items():
            after[total + value] += count
            after[total - value] += count
        ways = after
    observed = abs(sum(values))
    return sum(count for total, count in ways.items() if abs(total) >= observed) / 2 ** len(values)
