"""Pooling of images, channels last, and what leads back down in the decoder ([R] section 4.2; fact 12 of its code).

**Max pooling** takes the largest value of each k × k window; windows lie side by side, and those at the far ends may
be cut off by the image's end:

    a[n, y, x, c] = max over (i, j) of h[n, k y + i, k x + j, c],      dC/dh = da where the largest value was, else 0

Of equal values the first one counts, row by row. Its mirror repeats each value at all positions of its window; its
gradient is the sum of da over the window.

**Global mean pooling** takes the mean over all positions; its mirror repeats the mean at every position:

    a[n, c] = mean over (y, x) of h[n, y, x, c],                        dC/dh[n, y, x, c] = da[n, c] / positions
"""

import itertools
from collections.abc import Iterator

from ladder_np.arrays import Array, array_module
from ladder_np.operations.columns import in_blocks_of_images

__all__ = [
    "max_pool_backward",
    "max_pool_forward",
    "mean_pool_backward",
    "mean_pool_forward",
    "repeat_backward",
    "repeat_forward",
    "spread_backward",
    "spread_forward",
]

Shape = tuple[int, int, int]  # height, width, channels of one image


def pooled(shape: Shape, size: int) -> Shape:
    """Return the shape after windows of `size`, the last ones of which may be cut off."""
    return -(-shape[0] // size), -(-shape[1] // size), shape[2]


def _places(size: int) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Yield the number of each place in a window, and the slices of all windows' values at that place."""
    for number, (i, j) in enumerate(itertools.product(range(size), repeat=2)):
        yield number, (slice(None), slice(i, None, size), slice(j, None, size))


def max_pool_forward(h: Array, shape: Shape, size: int) -> tuple[Array, Array]:
    """Return a (rows, C) and at which place of its window each value was, for h (rows, C) of images of a shape."""
    xp, images = array_module(h), h.reshape(-1, *shape)
    a = xp.empty((len(images), *pooled(shape, size)), dtype=h.dtype)
    places = xp.zeros(a.shape, dtype=xp.uint8 if size < 16 else xp.int32)

    def of_some(some: slice) -> None:
        largest, place = a[some], places[some]
        largest[...] = images[some, ::size, ::size]
        for number, at in _places(size):
            values = images[some][at]
            there = (slice(None), slice(values.shape[1]), slice(values.shape[2]))  # where windows are not cut off
            is_larger = (values > largest[there]).astype(place.dtype)
            is_larger *= number
            xp.maximum(is_larger, place[there], out=place[there])  # numbers rise, so that the last larger one stays
            xp.maximum(values, largest[there], out=largest[there])

    in_blocks_of_images(of_some, images)
    return a.reshape(-1, shape[2]), places


def max_pool_backward(da: Array, places: Array, shape: Shape, size: int) -> Array:
    """Return dh (rows, C)."""
    xp = array_module(da)
    da = da.reshape(-1, *pooled(shape, size))
    places = places[: len(da)]  # the last images may take no gradient
    dh = xp.empty((len(da), *shape), dtype=da.dtype)

    def of_some(some: slice) -> None:
        for number, at in _places(size):
            to = dh[some][at]
            there = (some, slice(to.shape[1]), slice(to.shape[2]))
            xp.multiply(da[there], places[there] == number, out=to)

    in_blocks_of_images(of_some, dh)
    return dh.reshape(-1, shape[2])


def repeat_forward(h: Array, shape: Shape, size: int) -> Array:
    """Return h (rows, C) of pooled images repeated over their windows, (rows, C) of images of a shape."""
    xp = array_module(h)
    h = h.reshape(-1, *pooled(shape, size))
    a = xp.empty((len(h), *shape), dtype=h.dtype)

    def of_some(some: slice) -> None:
        for _, at in _places(size):
            to = a[some][at]
            to[...] = h[some, : to.shape[1], : to.shape[2]]

    in_blocks_of_images(of_some, a)
    return a.reshape(-1, shape[2])


def repeat_backward(da: Array, shape: Shape, size: int) -> Array:
    """Return dh (rows, C) of the pooled images."""
    da = da.reshape(-1, *shape)
    dh = array_module(da).zeros((len(da), *pooled(shape, size)), dtype=da.dtype)

    def of_some(some: slice) -> None:
        for _, at in _places(size):
            values = da[some][at]
            dh[some, : values.shape[1], : values.shape[2]] += values

    in_blocks_of_images(of_some, da)
    return dh.reshape(-1, shape[2])


def mean_pool_forward(h: Array, shape: Shape) -> Array:
    """Return a (samples, C), the mean over all positions of images of a shape, for h (rows, C)."""
    return h.reshape(-1, shape[0] * shape[1], shape[2]).mean(axis=1)


def mean_pool_backward(da: Array, shape: Shape) -> Array:
    """Return dh (rows, C)."""
    return spread_forward(da / (shape[0] * shape[1]), shape)


def spread_forward(h: Array, shape: Shape) -> Array:
    """Return h (samples, C) at every position of images of a shape, (rows, C)."""
    return array_module(h).repeat(h, shape[0] * shape[1], axis=0)


def spread_backward(da: Array, shape: Shape) -> Array:
    """Return dh (samples, C)."""
    return da.reshape(-1, shape[0] * shape[1], shape[2]).sum(axis=1)
