"""Statistics of paired differences from repeated splits of the same rows.

The training parts of repeated splits share most of their rows, so the differences of two methods are not independent,
and the usual interval of their mean is much too short. The corrected resampled t interval puts the part that the
splits share into the variance: with J repeats, sample variance s², n₂ test rows and n₁ training rows,

    var(mean) ≈ (1/J + n₂/n₁) s²,     interval = mean ± t(J − 1) · sqrt(var(mean)).

More repeats make the first term small; only more labeled rows make the second one count for less (by making s small).

References
----------
C. Nadeau, Y. Bengio, Inference for the Generalization Error, Machine Learning 52, 2003, equation 9.
M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["CONFIDENCE", "Difference", "paired_difference", "t_quantile"]

CONFIDENCE = 0.95
HALVINGS = 60  # of an angle below π/2: as exact as float64


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences, and where the true one lies with probability `CONFIDENCE`."""

    mean: float
    deviation: float  # s; NaN where all differences are the same: then their spread, and so the interval, is unknown
    test_share: float  # n₂/n₁
    repeats: int

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return not math.isnan(self.deviation)

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.mean - self.half_width(self.repeats)

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.mean + self.half_width(self.repeats)

    def half_width(self, repeats: int) -> float:
        """How far the interval reaches to either side with so many repeats of this spread."""
        return t_quantile(repeats - 1, CONFIDENCE) * math.sqrt(1 / repeats + self.test_share) * self.deviation


def paired_difference(differences: np.ndarray, test_rows: int, training_rows: int) -> Difference:
    """Return mean and corrected interval of differences (J,), one for each of J >= 2 repeats."""
    deviation = math.nan if np.ptp(differences) == 0 else float(differences.std(ddof=1))
    return Difference(float(differences.mean()), deviation, test_rows / training_rows, len(differences))


def t_quantile(freedom: int, confidence: float) -> float:
    """Return t with P(|T| <= t) = `confidence`, for Student's T with so many (whole) degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within(theta: float, freedom: int) -> float:
    """Return P(|T| <= t) for t = sqrt(freedom) · tan(theta), a finite sum of powers of cos(theta)."""
    odd = freedom % 2
    term = math.cos(theta) if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):  # 1, 1/2 cos², 1·3/(2·4) cos⁴, … or cos, 2/3 cos³, 2·4/(3·5) cos⁵, …
        total += term
        term *= (k / (k + 1)) * math.cos(theta) ** 2
    total *= math.sin(theta)
    return 2 / math.pi * (theta + total) if odd else total
