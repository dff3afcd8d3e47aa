"""The range of each feature in training, and whether other rows are on another scale."""

from dataclasses import dataclass

import numpy as np

from ladder_np.data.encoding import Values
from ladder_np.data.sparse import Features, SparseRows

__all__ = ["FEWEST_TRAINING_ROWS", "Range", "find_range"]

ROWS_LOOKED_AT = 1000
BLOCK = 1 << 18  # elements worked on together
MOST = 0.5  # more than this share of the features far outside: another scale
NEARLY_ALL = 0.8  # this share of the features far outside or too small: likewise
HIGH = 0.9  # the quantile of absolute values that is compared: the largest one may be an outlier
SMALL = 1 / 15  # of that in training; digits of 0..16 divided by 16 lie below it
FEWEST_ROWS = 50  # from which on chance does not explain that a feature's values are small, or outside its range
FEWEST_TRAINING_ROWS = 10  # fewer have no range to speak of


@dataclass(frozen=True, eq=False)
class Range:
    """The smallest and the largest value of each of d features, and a high quantile of its absolute values.

    All are float64 (d,).
    """

    low: np.ndarray
    high: np.ndarray
    typical: np.ndarray

    def joined(self, other: "Range") -> "Range":
        """Return the range of both."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Range(low, high, np.minimum(self.typical, other.typical))

    def complaint(self, X: Features) -> str | None:
        """Return one line if most features of rows X (n, d) are on another scale than in training, else None.

        At most a thousand rows are looked at, evenly picked. Zeros, missing numbers and features that are constant in
        training say nothing, nor does a single feature of several. A feature is far outside if most of its values lie
        beyond its range: by more than its width, while there are fewer than 50 rows. It is too small if in 50 rows at
        least the 0.9-quantile of its absolute values is below a 15th of that in training.
        """
        varying = np.flatnonzero(self.high > self.low)
        enough = len(X) >= FEWEST_ROWS
        x = np.asarray(_picked(X), np.float64)[:, varying]
        low, high = self.low[varying], self.high[varying]
        with np.errstate(over="ignore", invalid="ignore"):  # a value beyond float64 is refused elsewhere
            margin = 0 if enough else high - low
            told = (x != 0) & ~np.isnan(x)
            counted = told.sum(axis=0)
            outside = (((x < low - margin) | (x > high + margin)) & told).sum(axis=0)
            largest = _high_quantile(x)
        typical = self.typical[varying]
        far, small = 2 * outside > counted, (largest < SMALL * typical) & enough
        # A feature that is mostly zero, on one side or the other, is neither small nor not.
        told_of = (counted > 0) & (far | ((largest > 0) & (typical > 0)) | (not enough))
        off = (far | small)[told_of]
        if off.size < max(1, min(2, varying.size)):
            return None
        if far[counted > 0].mean() <= MOST and off.mean() < NEARLY_ALL:
            return None
        feature = int(np.flatnonzero(told_of)[np.argmax(off)])
        values = x[told[:, feature], feature]
        return (
            f"{off.mean():.0%} of the features are on another scale than in training: feature {varying[feature]} "
            f"(counted from 0) runs from {values.min():g} to {values.max():g}, in training from "
            f"{low[feature]:g} to {high[feature]:g}; give the rows as in training"
        )


def find_range(X: Features, rows: np.ndarray, values: Values | None = None) -> Range | None:
    """Return the range of each feature of X (n, d) over the given rows; None if these are fewer than 10.

    Columns of texts (see `Encoding`) and those without any number have none: it is from 0 to 0. Sparse rows have
    none: hardly a row lies in the range of rare words.
    """
    if len(rows) < FEWEST_TRAINING_ROWS or isinstance(X, SparseRows):
        return None
    step = max(1, BLOCK // X.shape[1])
    low = high = X[rows[:1]][0]
    for start in range(0, len(rows), step):
        part = X[rows[start : start + step]]
        low, high = (
            np.fmin(low, np.fmin.reduce(part)),
            np.fmax(high, np.fmax.reduce(part)),
        )  # NaN where none is a number
    typical = _high_quantile(np.asarray(X[_picked(rows, X.shape[1])], np.float64))
    none = np.isnan(low)
    if values is not None:
        none |= [column is not None for column in values]
    return Range(*(np.where(none, 0.0, limit.astype(np.float64)) for limit in (low, high, typical)))


def _picked(rows: Features, features: int | None = None) -> np.ndarray:
    """Return some of the rows, or of the row indices of so many features, evenly picked: few enough for memory."""
    most = min(ROWS_LOOKED_AT, max(FEWEST_ROWS, BLOCK // (features or rows.shape[1])))
    return np.asarray(rows[:: max(1, len(rows) // most)])


def _high_quantile(x: np.ndarray) -> np.ndarray:
    """Return a high quantile of the absolute values of each feature; missing ones count as 0."""
    return np.quantile(np.abs(np.nan_to_num(x)), HIGH, axis=0) if len(x) else np.zeros(x.shape[1])
