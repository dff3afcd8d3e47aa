"""Whether 8-bit features are pixels or a table, for every face of the program; the type alone does not tell.

Pixels share one scale and are divided by one number. In a table an age stands beside flags of 0 and 1, which such a
division would drown; there each feature gets a scale of its own.
"""

import math

import numpy as np

from ladder_np.data.sparse import Features
from ladder_np.data.stored import blocks
from ladder_np.errors import warn

__all__ = ["BYTE", "find_pixel_maximum", "largest_pixel", "square_side", "warn_of_doubt"]

BYTE = 255
FEWEST_SHADES = 16  # the largest value that pixels have at least: flags, genotypes and ratings stay below
FEWEST_PIXELS = 16  # an image of 4 x 4
ROWS_LOOKED_AT = 2000
# A feature is on the common scale if its values spread over this share of 0 .. largest value.
SPREAD = 0.25
# So many of the features that vary are on the common scale in images of which the dataset or the number of features
# tells no more (measured: 0.90 to 0.97 of digits and MNIST, whose borders are mostly dark), and in other images.
OF_A_SQUARE, OF_ANY = 0.85, 0.98
DOUBT = 0.1  # so close below these the decision is told as a doubtful one
CHANNELS = (1, 3)


def find_pixel_maximum(X: Features) -> int | None:
    """Return what pixels X (n, d) or (n, ...) are divided by; None if X is a table.

    They are pixels if they are uint8, reach 16, and either X has more than two dimensions, or there are 16 features
    at least and nearly all that vary are spread over one common scale: 85 % where they make a square image, of one
    channel or three, else 98 %. A largest value that stands alone above small ones (0, 1, 2, 255) is a mark and not a
    shade.
    """
    return largest_pixel(X) if _look_at(X)[0] else None


def warn_of_doubt(X: Features) -> None:
    """Warn if X (n, d) is nearly pixels in the sense of `find_pixel_maximum`, or holds what -1 becomes in 8 bits."""
    if doubt := _look_at(X)[1]:
        warn(doubt)


def _look_at(X: Features) -> tuple[bool, str]:
    """Return whether X is pixels, and what makes that doubtful, if anything."""
    if X.dtype != np.uint8 or X.ndim < 2 or 0 in X.shape:
        return False, ""
    sample = np.asarray(X[:: max(1, len(X) // ROWS_LOOKED_AT)]).reshape(-1, math.prod(X.shape[1:]))
    values = np.flatnonzero(np.bincount(sample.ravel(), minlength=BYTE + 1))
    if values[-1] < FEWEST_SHADES:
        return False, ""
    if len(values) > 2 and values[-2] < min(FEWEST_SHADES, SPREAD * values[-1]):
        wrapped = (
            f"X is uint8 and holds {BYTE} beside values up to {values[-2]}: -1 becomes {BYTE} in this type; if it "
            "marks missing values, fill them in"
        )
        return False, wrapped if values[-1] == BYTE else ""
    return (True, "") if X.ndim > 2 else _share_one_scale(sample, int(values[-1]))


def square_side(pixels: int) -> int | None:
    """Return the side of a square gray image of so many pixels; None if there is no such image, or it is tiny."""
    side = math.isqrt(pixels)
    return side if side * side == pixels >= FEWEST_PIXELS else None


def largest_pixel(X: Features) -> int:
    """Return the largest value that uint8 pixels can have: 255 if one is above 127, else the largest that occurs."""
    largest = 1
    for _, rows in blocks(X):
        largest = max(largest, int(rows.max()))
        if largest > BYTE // 2:
            return BYTE
    return largest


def _share_one_scale(sample: np.ndarray, largest: int) -> tuple[bool, str]:
    features = sample.shape[1]
    if features < FEWEST_PIXELS:
        return False, ""
    spread = sample.max(axis=0).astype(int) - sample.min(axis=0)
    varying = spread[spread > 0]
    share = float((varying >= SPREAD * largest).mean()) if varying.size else 0.0
    square = any(features == channels * math.isqrt(features // channels) ** 2 for channels in CHANNELS)
    needed = OF_A_SQUARE if square else OF_ANY
    nearly = (
        f"X is uint8: it counts as a table, of which {share:.0%} of the features share one scale; if these are "
        "pixels, set scaling to pixels (--scaling pixels); if not, set it to standardize"
    )
    return share >= needed, nearly if needed - DOUBT <= share < needed else ""
