"""Convolution and pooling as loops over their definitions: an independent witness.

Nothing of `ladder_np` is used. Images are (n, height, width, channels); borders and strides are those of the
description of version 2 of the test vectors.
"""

import itertools

import numpy as np

MIRRORED = {"valid": "full", "full": "valid", "same": "same"}


def zeros_around(border: str, k: int) -> tuple[int, int]:
    """Return the number of zeros before and behind an image."""
    return {"valid": (0, 0), "full": (k - 1, k - 1), "same": ((k - 1) // 2, k // 2)}[border]


def correlate(images: np.ndarray, W: np.ndarray, border: str, stride: int = 1) -> np.ndarray:
    """Return Σ of each window's values times W (k, k, C, F), position by position, without turning W."""
    k, (n, height, width, _) = len(W), images.shape
    before, behind = zeros_around(border, k)
    above = [(side + before + behind - k) // stride + 1 for side in (height, width)]
    a = np.zeros((n, *above, W.shape[3]), np.result_type(images, W))
    for y, x, i, j in itertools.product(*map(range, above), range(k), range(k)):
        row, column = stride * y + i - before, stride * x + j - before
        if 0 <= row < height and 0 <= column < width:
            a[:, y, x] += images[:, row, column] @ W[i, j]
    return a


def mirror(images: np.ndarray, V: np.ndarray, border: str, stride: int = 1) -> np.ndarray:
    """Return what the decoder makes of a layer above a convolution with a border and a stride."""
    n, height, width, channels = images.shape
    apart = np.zeros((n, (height - 1) * stride + 1, (width - 1) * stride + 1, channels), images.dtype)
    for y, x in itertools.product(range(height), range(width)):
        apart[:, y * stride, x * stride] = images[:, y, x]
    return correlate(apart, V, MIRRORED[border])


def max_pool(images: np.ndarray, k: int) -> np.ndarray:
    """Return the largest value of each window; those at the ends may be cut off."""
    n, height, width, channels = images.shape
    a = np.zeros((n, -(-height // k), -(-width // k), channels))
    for s, y, x, c in np.ndindex(a.shape):
        a[s, y, x, c] = max(
            images[s, row, column, c]
            for row in range(k * y, min(k * y + k, height))
            for column in range(k * x, min(k * x + k, width))
        )
    return a


def repeat(images: np.ndarray, k: int, height: int, width: int) -> np.ndarray:
    """Return each value at every position of its window, cut to a height and a width."""
    a = np.zeros((len(images), height, width, images.shape[3]))
    for y, x in itertools.product(range(height), range(width)):
        a[:, y, x] = images[:, y // k, x // k]
    return a
