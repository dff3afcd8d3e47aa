"""Statistics of paired differences from repeated splits of the same rows.

The training parts of repeated splits share most of their rows, so the differences of two methods are not independent,
and the usual interval of their mean is much too short. The corrected resampled t interval puts the part that the
splits share into the variance: with J repeats, sample variance s², n₂ test rows and n₁ training rows,

    var(mean) ≈ (1/J + n₂/n₁) s²,     interval = mean ± t(J − 1) · sqrt(var(mean)).

More repeats make the first term small; only more labeled rows make the second one count for less (by making s small).

References
----------
C. Nadeau, Y. Bengio, Inference for the Generalization Error, Machine Learning 52, 2003, equation 9.
"""

import math
from dataclasses import dataclass

import numpy as np

from ladder_np.comparison.significance import t_quantile

__all__ = ["CONFIDENCE", "Difference", "paired_difference"]

CONFIDENCE = 0.95


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
