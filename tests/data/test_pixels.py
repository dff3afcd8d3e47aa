"""What 8-bit features are taken for: pixels where values, shape and number say so, else a table."""

import warnings

import numpy as np
import pytest

from ladder_np.data.pixels import find_pixel_maximum, largest_pixel, warn_of_doubt
from ladder_np.data.readers import load_digits
from ladder_np.errors import InputWarning

GENERATOR = np.random.default_rng(0)
SHADES = GENERATOR.integers(0, 256, (300, 64))


def flags(rows: int = 300, columns: int = 64) -> np.ndarray:
    return GENERATOR.integers(0, 2, (rows, columns))


PIXELS = {
    "all shades, a square image": (SHADES, 255),
    "all shades, three channels of a square": (GENERATOR.integers(0, 256, (300, 48)), 255),
    "all shades, any number of features": (GENERATOR.integers(0, 256, (300, 50)), 255),
    "small images as a block": (GENERATOR.integers(0, 200, (50, 3, 3)), 255),
    "shades up to 16": (load_digits().X, 16),
    "dark borders": (np.where(np.arange(64) % 8 < 2, 0, SHADES), 255),
    "images of three shades": (np.array([0, 50, 255])[GENERATOR.integers(0, 3, (300, 64))], 255),
    "images scaled to 0..100": (GENERATOR.integers(0, 101, (300, 64)), 100),
}
TABLES = {
    "binary images": flags(),
    "genotypes": GENERATOR.integers(0, 3, (300, 100)),
    "ratings of 1 to 5": GENERATOR.integers(1, 6, (300, 36)),
    "one-hot columns": np.eye(50)[GENERATOR.integers(0, 50, 300)],
    "an age beside flags": np.c_[GENERATOR.integers(0, 90, 300), flags(columns=5)],
    "a few columns up to 255": GENERATOR.integers(0, 256, (300, 8)),
    "counts on unlike scales": GENERATOR.poisson([1, 2, 4, 200] * 9, (300, 36)).clip(0, 255),
    "flags with a mark of 255": np.where(GENERATOR.random((300, 64)) < 0.05, 255, flags()),
}


@pytest.mark.parametrize("kind", PIXELS)
def test_images_are_pixels_with_their_largest_value(kind: str) -> None:
    X, maximum = PIXELS[kind]
    with warnings.catch_warnings(action="error"):
        warn_of_doubt(X.astype(np.uint8))
    assert find_pixel_maximum(X.astype(np.uint8)) == maximum


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")
def test_tables_in_8_bits_are_tables(kind: str) -> None:
    assert find_pixel_maximum(TABLES[kind].astype(np.uint8)) is None


def test_only_unsigned_bytes_can_be_pixels() -> None:
    for dtype in ("int8", "int64", "float32", "uint16"):
        assert find_pixel_maximum((SHADES // 2).astype(dtype)) is None


def test_a_mark_that_has_become_255_is_told() -> None:
    with pytest.warns(InputWarning, match="-1 becomes 255 in this type; if it marks missing values, fill them in"):
        warn_of_doubt(TABLES["flags with a mark of 255"].astype(np.uint8))


def test_what_is_nearly_pixels_is_told() -> None:
    X = SHADES.copy()
    X[:, :12] = flags(columns=12)  # 81 % of the features share one scale
    with pytest.warns(InputWarning, match=r"counts as a table, of which 81% .* set scaling to pixels"):
        warn_of_doubt(X.astype(np.uint8))
    assert find_pixel_maximum(X.astype(np.uint8)) is None


@pytest.mark.parametrize(("largest", "expected"), [(16, 16), (100, 100), (127, 127), (128, 255), (255, 255), (0, 1)])
def test_pixels_above_127_are_of_255_shades(largest: int, expected: int) -> None:
    assert largest_pixel(np.array([[0, largest]], np.uint8)) == expected
