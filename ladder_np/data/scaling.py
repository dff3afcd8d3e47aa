"""From raw features to the network's input: (x - shift) * scale, found on the training rows, applied batch by batch.

The columns of a table that are not plain numbers become such first: see `encoding`. Images may be whitened
instead: see `whitening`.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ladder_np.data.encoding import Encoding
from ladder_np.data.pixels import largest_pixel
from ladder_np.data.sparse import Features, SparseRows
from ladder_np.data.stored import blocks
from ladder_np.data.whitening import find_whitening, unwhitened, whitened
from ladder_np.errors import InputError

__all__ = ["KINDS", "Scaling", "check_scaling", "make_scaling", "mean_variance", "scaled_rows"]

BLOCK = 1 << 16  # elements worked on together: big arrays get no float64 copy of their size
ROWS_LOOKED_AT, FEWEST_LOOKED_AT, LOOKED_AT = 5000, 100, 1 << 20  # rows, and elements, to estimate a variance
WHITENED_AT_ONCE = 1000  # rows, in one product
LARGEST_KEPT = 1 << 30  # bytes of whitened rows: CIFAR-10's 50,000 take 614 MB
KINDS = ("auto", "pixels", "standardize", "common", "none", "gcn_zca")


@dataclass(frozen=True, eq=False)
class Scaling:
    """The scaling of d features; `shift` and `scale` are float64 (d,)."""

    shift: np.ndarray
    scale: np.ndarray
    kind: str = "none"  # how it was found: one of `KINDS` but "auto"
    encoding: Encoding | None = None  # from raw columns to the d features, where they are not the same
    # (d, d) float64, of "gcn_zca": rows are normalized in contrast before, and multiplied with it after the shift;
    # the scale is 1
    whitening: np.ndarray | None = None

    @property
    def columns(self) -> int:
        """How many raw features it takes."""
        return self.width if self.encoding is None else self.encoding.columns

    @property
    def width(self) -> int:
        """How many inputs of the network it makes, d."""
        return len(self.scale)

    def names(self, columns: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """Return the names of the network's inputs, after those of the raw features."""
        return columns if self.encoding is None else self.encoding.names(columns)

    def apply(
        self, rows: np.ndarray, dtype: npt.DTypeLike, first_row: int = 0, within: npt.DTypeLike | None = None
    ) -> np.ndarray:
        """Return raw rows, scaled, as a fresh array (n, d) of `dtype`; each row's result depends on it alone.

        Raises InputError, which counts rows from `first_row` on, if a scaled value is too large for `dtype`, or for
        the smaller dtype `within`.
        """
        rows = rows if self.encoding is None else self.encoding.apply(rows)
        result, narrow = np.empty(rows.shape, dtype), np.dtype(within or dtype)
        largest = np.finfo(narrow).max
        step = max(1, BLOCK // rows.shape[1]) if self.whitening is None else WHITENED_AT_ONCE
        for start in range(0, len(rows), step):
            part = result[start : start + step]
            self._apply_block(rows[start : start + step], part)
            if not (-largest <= part.min() and part.max() <= largest):
                row, column = np.argwhere(~(np.abs(part) <= largest))[0]
                raise InputError(
                    f"row {first_row + start + row}, feature {column} (counted from 0): "
                    f"{rows[start + row, column]} is too large for {narrow} once scaled"
                )
        return result

    def undo(self, scaled: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return inputs of the network (n, d) in the space of raw features without an encoding, float64.

        Whitening takes mean and contrast from each row: what is undone gets those of raw `rows` (n, d).
        """
        if self.whitening is not None:
            return unwhitened(scaled, self.shift, self.whitening, rows)
        return scaled / self.scale + self.shift

    def check(self, X: Features, dtype: npt.DTypeLike) -> None:
        """Scale every row once, in blocks, so that a value too large for `dtype` is found before training, not in it.

        Raises InputError as `apply`.
        """
        if isinstance(X, SparseRows):
            with np.errstate(over="ignore"):
                limits = [np.abs((limit - self.shift) * self.scale) for limit in X.column_limits()]
            if (worst := np.maximum(*limits)).max() > np.finfo(dtype).max:
                feature = int(worst.argmax())
                raise InputError(f"feature {feature} (counted from 0) is too large for {np.dtype(dtype)} once scaled")
            return
        for start, rows in blocks(X):
            self.apply(rows, dtype, first_row=start)

    def _apply_block(self, rows: np.ndarray, result: np.ndarray) -> None:
        if self.whitening is not None:
            result[...] = whitened(rows, self.shift, self.whitening)
            return
        # Overflow is found in the result; casting is same_kind because float64 may become float32.
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            if self.shift.any():
                difference = np.subtract(rows, self.shift, dtype=np.float64, casting="same_kind")
                np.multiply(difference, self.scale, out=result, casting="same_kind")
            elif rows.dtype.kind in "iu" and (self.scale == self.scale[0]).all():
                # Pixels: one constant of the result's type, so that uint8 goes to float32 directly.
                np.multiply(rows, result.dtype.type(self.scale[0]), out=result, casting="same_kind")
            else:
                np.multiply(rows, self.scale, out=result, casting="same_kind")


def check_scaling(kind: object) -> None:
    """Raise `InputError` if a kind of scaling is unknown."""
    if kind not in KINDS:
        raise InputError(f"unknown scaling {kind!r}; choose one of {', '.join(KINDS)}")


def make_scaling(
    X: Features,
    rows: np.ndarray,
    kind: str,
    pixel_maximum: int | None,
    encoding: Encoding | None = None,
) -> Scaling:
    """Find the scaling of raw features X (n, ...) on the training rows, one at least; only these are looked at.

    With an `encoding`, what is scaled is what it makes of X.

    The kind is "pixels": divide by `pixel_maximum`, for uint8 without one by `largest_pixel`; "standardize": mean 0
    and standard deviation 1, a constant feature becomes 0; "common": all divided by one number, so that their mean
    variance is 1 and zeros stay zeros; "none": as it is; "gcn_zca": see `whitening`; "auto": "pixels" if there is a
    `pixel_maximum`, else "standardize". Raises InputError if it is unknown, is "pixels" for something else than
    pixels, or the range of a feature is too large for float64 (1.8e308).
    """
    check_scaling(kind)
    if kind == "auto":
        kind = "standardize" if pixel_maximum is None else "pixels"
    if kind == "standardize" and isinstance(X, SparseRows):
        return _standardizing_sparse(X, rows)
    if kind == "standardize":
        return _standardizing(X, rows, encoding)
    if kind == "gcn_zca":
        if encoding is not None:
            raise InputError("scaling 'gcn_zca' is for images, this is a table; choose standardize or none")
        mean, P = find_whitening(X, rows)
        return Scaling(mean, np.ones_like(mean), kind, whitening=P)
    width = X.shape[1] if encoding is None else encoding.width
    unscaled = Scaling(np.zeros(width), np.ones(width), kind, encoding)
    if kind == "none":
        return unscaled
    divisor = _pixel_divisor(X, pixel_maximum) if kind == "pixels" else _common_divisor(X, rows, unscaled)
    return dataclasses.replace(unscaled, scale=np.full(width, 1 / divisor))


def scaled_rows(
    X: Features, scaling: Scaling, used: np.ndarray, dtype: npt.DTypeLike
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that returns rows of X by their indices, scaled, as a fresh array of `dtype`.

    Whitening costs more than a small network's step: the rows that are `used` are whitened once, all together when
    the first are asked for, and kept if they fit into 1 GiB. So a row is the same whichever others it is asked for
    with, also in a training that is resumed.
    """
    size = len(used) * scaling.width * np.dtype(dtype).itemsize
    if scaling.whitening is None or size > LARGEST_KEPT:
        return lambda indices: scaling.apply(X[indices], dtype)
    places = np.full(len(X), -1)
    places[used] = np.arange(len(used))
    kept: list[np.ndarray] = []

    def rows(indices: np.ndarray) -> np.ndarray:
        if (places[indices] < 0).any():  # of rows that were not announced
            return scaling.apply(X[indices], dtype)
        if not kept:
            kept.append(np.empty((len(used), scaling.width), dtype))
            for start in range(0, len(used), WHITENED_AT_ONCE):
                part = used[start : start + WHITENED_AT_ONCE]
                kept[0][start : start + len(part)] = scaling.apply(X[part], dtype)
        return kept[0][places[indices]]

    return rows


def mean_variance(X: Features, rows: np.ndarray, scaling: Scaling) -> float:
    """Return the mean over the features of their variances once scaled, over rows evenly picked where there are many.

    It is 0 if every feature is the same in all of them.
    """
    most = min(ROWS_LOOKED_AT, max(FEWEST_LOOKED_AT, LOOKED_AT // X.shape[1]))
    picked = rows[:: max(1, len(rows) // most)]
    with np.errstate(over="ignore", under="ignore"):  # a variance beyond float64 is refused as a value too large
        return float(scaling.apply(X[picked], np.float64).var(axis=0).mean())


def _common_divisor(X: Features, rows: np.ndarray, unscaled: Scaling) -> float:
    """Return the square root of the features' mean variance; 1 where they hardly vary."""
    variance = mean_variance(X, rows, unscaled)
    if not math.isfinite(variance):
        raise InputError("the variance of the features is too large for float64; divide them by a constant")
    return math.sqrt(variance) if variance >= np.finfo(np.float32).tiny else 1.0


def _pixel_divisor(X: Features, pixel_maximum: int | None) -> int:
    if pixel_maximum is not None:
        return pixel_maximum
    if X.dtype == np.uint8:
        return largest_pixel(X)
    raise InputError(f"scaling 'pixels' for features of type {X.dtype}; expected uint8: choose standardize or none")


def _standardizing_sparse(X: SparseRows, rows: np.ndarray) -> Scaling:
    """Mean and standard deviation by way of t = (x - low) / span, as below, from the entries alone.

    What is not an entry is 0, and deviates from the mean as a 0 does.
    """
    used = X.only(rows)
    low, high = used.column_limits()
    span = np.where(high > low, high - low, 1.0)
    t, zero = (used.values - low[used.columns]) / span[used.columns], -low / span
    others = len(rows) - np.bincount(used.columns, minlength=used.width)
    mean = (used.column_sums(t) + others * zero) / len(rows)
    squares = used.column_sums(np.square(t - mean[used.columns])) + others * np.square(zero - mean)
    deviation = (high - low) * np.sqrt(squares / len(rows))
    usable = deviation >= np.finfo(np.float64).tiny
    return Scaling(low + span * mean, 1 / np.where(usable, deviation, 1.0), "standardize")


def _standardizing(X: Features, rows: np.ndarray, encoding: Encoding | None) -> Scaling:
    """Mean and standard deviation by way of t = (x - low) / span, which lies in 0..1.

    In t nothing overflows, however large x is, and sums of squares are safe: its ends are both attained, so that the
    variance is 1/(2n) at least. A constant feature has span 0, exactly.
    """

    def read(part: np.ndarray) -> np.ndarray:
        return X[part] if encoding is None else encoding.apply(X[part])

    step = max(1, BLOCK // X.shape[1])
    parts = [rows[start : start + step] for start in range(0, len(rows), step)]
    lowest = highest = read(rows[:1])[0]
    for part in parts:
        x = read(part)
        lowest, highest = np.minimum(lowest, x.min(axis=0)), np.maximum(highest, x.max(axis=0))
    with np.errstate(over="ignore", invalid="ignore"):  # told as an error below
        low, high = lowest.astype(np.float64), highest.astype(np.float64)
        span = high - low
    if not np.isfinite(span).all():
        column = int(np.argmin(np.isfinite(span)))
        raise InputError(
            f"feature {column} (counted from 0) runs from {low[column]} to {high[column]}, "
            "too far for float64; divide it by a constant"
        )
    divisor = np.where(span > 0, span, 1.0)
    total, squares = np.zeros_like(low), np.zeros_like(low)
    for part in parts:
        t = (read(part) - low) / divisor
        total += t.sum(axis=0)
        squares += np.square(t).sum(axis=0)
    mean = total / len(rows)
    deviation = span * np.sqrt(np.maximum(squares / len(rows) - mean**2, 0.0))
    # Below the smallest normal number 1 / deviation would overflow: such a feature counts as constant.
    usable = deviation >= np.finfo(np.float64).tiny
    return Scaling(low + span * mean, 1 / np.where(usable, deviation, 1.0), "standardize", encoding)
