"""The range of each feature in training, and whether other rows are on another scale."""

from dataclasses import dataclass

import numpy as np

from ladder_np.data.stored import StoredRows

__all__ = ["Range", "find_range"]

ROWS_LOOKED_AT = 1000
BLOCK = 1 << 18  # elements worked on together
MOST = 0.5  # more than this share of the features far outside: another scale
NEARLY_ALL = 0.8  # this share of the features far outside or too small: likewise
SMALL = 1 / 15  # of the largest absolute value in training; digits of 0..16 divided by 16 lie below it
FEWEST_ROWS = 50  # from which on chance does not explain that a feature's values are small, or outside its range


@dataclass(frozen=True, eq=False)
class Range:
    """The smallest and the largest value of each of d features; float64 (d,)."""

    low: np.ndarray
    high: np.ndarray

    def joined(self, other: "Range") -> "Range":
        """Return the range of both."""
        return Range(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def complaint(self, X: np.ndarray | StoredRows) -> str | None:
        """Return one line if most features of rows X (n, d) are on another scale than in training, else None.

        At most a thousand rows are looked at, evenly picked. Zeros and features that are constant in training say
        nothing, nor does a single feature of several. A feature is far outside if most of its values lie beyond its
        range: by more than its width, while there are fewer than 50 rows. It is too small if no absolute value in 50
        rows at least reaches a 15th of the largest one in training.
        """
        varying = np.flatnonzero(self.high > self.low)
        enough = len(X) >= FEWEST_ROWS
        most = min(ROWS_LOOKED_AT, max(FEWEST_ROWS, BLOCK // X.shape[1]))
        rows = X[:: max(1, len(X) // most)]
        with np.errstate(over="ignore", invalid="ignore"):  # a value beyond float64 is refused elsewhere
            x = np.asarray(rows, np.float64)[:, varying]
            low, high = self.low[varying], self.high[varying]
            margin = 0 if enough else high - low
            told = x != 0
            counted = told.sum(axis=0)
            outside = (((x < low - margin) | (x > high + margin)) & told).sum(axis=0)
            small = np.abs(x).max(axis=0, initial=0) < SMALL * np.maximum(np.abs(low), np.abs(high))
        far = (2 * outside > counted)[counted > 0]
        off = far | (small[counted > 0] & enough)
        if not off.size or off.size < min(2, varying.size) or not (far.mean() > MOST or off.mean() >= NEARLY_ALL):
            return None
        feature = int(np.flatnonzero(counted > 0)[np.argmax(off)])
        return (
            f"{off.mean():.0%} of the features are on another scale than in training: feature {varying[feature]} "
            f"(counted from 0) runs from {x[:, feature].min():g} to {x[:, feature].max():g}, in training from "
            f"{low[feature]:g} to {high[feature]:g}; give the rows as in training"
        )


def find_range(X: np.ndarray | StoredRows, rows: np.ndarray) -> Range:
    """Return the range of each feature of X (n, d) over the given rows, one at least."""
    step = max(1, BLOCK // X.shape[1])
    low = high = X[rows[:1]][0]
    for start in range(0, len(rows), step):
        part = X[rows[start : start + step]]
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    return Range(low.astype(np.float64), high.astype(np.float64))
