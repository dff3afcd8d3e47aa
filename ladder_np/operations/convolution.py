"""Convolution of images, channels last, as products of patches and a weight ([R] section 4.2; fact 12 of its code).

An output position (y, x) looks at a window of k × k input positions, beginning at (s y, s x) of the input X that has
been made larger: its values t apart with zeros between, p zeros before them and q behind, in height and in width:

    a[n, y, x, f] = Σ_{i, j, c} X[n, s y + i, s x + j, c] W[i, j, c, f]

With the windows of all positions as the rows of a matrix P (rows, k² C) this is the product a = P W; so

    dC/dW = Pᵀ da

A value at (y, x) of X is in the windows that begin at (y − i, x − j), where those are multiples of s. So its gradient
is again a convolution: of da with its values s apart, k − 1 − p zeros before and k − 1 − q behind, with windows every
t positions, and with the weight turned around:

    dC/dh = the same of da, with  W'[i, j, f, c] = W[k − 1 − i, k − 1 − j, c, f],   s' = t,  t' = s

P is k² times as large as the image. It is made for some images at a time, few enough that it stays in the cache, and
made again for dW: memory does not grow with the batch. Of an image whose P is large it is made for some lines of the
output at a time, one at least; what grows with the image is then that line, width · k² C elements, and one enlarged
input. Threads work on groups of images side by side, each product on one BLAS thread, so that a core multiplies the P
that it has made, instead of fetching it from another core's cache. The groups do not depend on how many threads there
are; there are no more than 16, and no more of dW than fit into 64 MiB in float32. A 1 × 1 window needs no P: it is h.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.blas import one_thread_each
from ladder_np.operations.columns import total
from ladder_np.threads import in_parallel

__all__ = ["Window", "convolution_backward_input", "convolution_backward_weight", "convolution_forward"]

PATCHES_ON_CPU = 2**18  # elements of P at once: 1 MiB in float32
PATCHES_ON_GPU = 2**26
GROUPS = 16  # of images, at most
SUMS = 2**24  # elements of the groups' parts of dW, together
FEW_CHANNELS = 8  # with fewer, P is made column by column: its rows would be copied in too short pieces

Group = tuple[slice, slice]  # rows below and above of some images
Result = TypeVar("Result")


@dataclass(frozen=True)
class Window:
    """How a convolution goes over images (height, width, channels)."""

    input: tuple[int, int, int]
    size: int  # k
    before: int = 0  # p
    behind: int = 0  # q
    stride: int = 1  # s
    spacing: int = 1  # t

    @property
    def enlarged(self) -> tuple[int, int]:
        """Height and width of the larger input."""
        height, width = ((side - 1) * self.spacing + 1 + self.before + self.behind for side in self.input[:2])
        return height, width

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of the output."""
        height, width = ((side - self.size) // self.stride + 1 for side in self.enlarged)
        return height, width

    @property
    def is_dense(self) -> bool:
        """Whether each position is mapped by itself, so that P is the input."""
        return (self.size, self.before, self.behind, self.stride, self.spacing) == (1, 0, 0, 1, 1)

    def turned(self, channels: int) -> "Window":
        """Return the window of the gradient, over an output with so many channels."""
        return dataclasses.replace(
            self,
            input=(*self.output, channels),
            before=self.size - 1 - self.before,
            behind=self.size - 1 - self.behind,
            stride=self.spacing,
            spacing=self.stride,
        )


def convolution_forward(h: Array, W: Array, window: Window) -> Array:
    """Return a (rows, F).

    Parameters
    ----------
    h : (rows, C) array
        Rows are samples times positions, row by row of each image.
    W : (k, k, C, F) array
    window : Window
    """
    xp, W = array_module(h), W.reshape(-1, W.shape[-1])
    a = xp.empty((_samples(h, window) * math.prod(window.output), W.shape[1]), dtype=h.dtype)
    blocks = Blocks.of(h, window)

    def of_group(group: Group) -> None:
        below, above = group
        for rows, P in blocks.patches(h[below]):
            xp.matmul(P, W, out=a[above][rows])

    blocks.of_each_group(of_group, _samples(h, window))
    return a


def convolution_backward_input(da: Array, W: Array, window: Window) -> Array:
    """Return dh (rows, C), for da (rows, F) and W (k, k, C, F)."""
    turned = array_module(W).ascontiguousarray(W[::-1, ::-1].transpose(0, 1, 3, 2))
    return convolution_forward(da, turned, window.turned(W.shape[-1]))


def convolution_backward_weight(da: Array, h: Array, window: Window, out: Array) -> Array:
    """Write dW to `out` (k, k, C, F), for da (rows, F) and h (rows, C), and return it."""
    xp, dW = array_module(h), out.reshape(-1, out.shape[-1])
    blocks = Blocks.of(h, window, max(1, SUMS // dW.size))

    def of_group(group: Group) -> Array:
        below, above = group
        mine, part = (xp.empty_like(dW) for _ in range(2))
        for rows, P in blocks.patches(h[below]):
            if rows.start:
                mine += xp.matmul(P.T, da[above][rows], out=part)
            else:
                xp.matmul(P.T, da[above][rows], out=mine)
        return mine

    dW[...] = total(blocks.of_each_group(of_group, _samples(h, window)))
    return out


def _samples(h: Array, window: Window) -> int:
    return len(h) // math.prod(window.input[:2])


@dataclass(frozen=True)
class Blocks:
    """How P is made and multiplied: of some images, or some lines of one, at a time.

    On the CPU groups of images are worked on side by side; for a GPU all images are one group.
    """

    window: Window
    elements: int  # of P at once
    images: int  # of which P is made at once; of one image perhaps only some lines
    most_groups: int
    on_cpu: bool

    @classmethod
    def of(cls, h: Array, window: Window, most_groups: int | None = None) -> "Blocks":
        """Return the blocks of a convolution of h, in so many groups at most."""
        on_cpu, channels = array_module(h) is np, window.input[2]
        elements = PATCHES_ON_CPU if on_cpu else PATCHES_ON_GPU
        # An image's P, or the enlarged input where its values or its windows are far apart.
        of_image = max(math.prod(window.output) * window.size**2, math.prod(window.enlarged)) * channels
        images = max(1, elements // of_image)
        return cls(window, elements, images, min(GROUPS, most_groups or GROUPS) if on_cpu else 1, on_cpu)

    def of_each_group(self, function: Callable[[Group], Result], images: int) -> list[Result]:
        """Return the function of each group's rows, below and above, on the CPU side by side."""
        groups = self.groups(images)
        return in_parallel(partial(one_thread_each, function) if self.on_cpu else function, groups)

    def groups(self, images: int) -> list[Group]:
        """Return the rows of each group of images, below and above; groups but the last are of whole blocks."""
        below, above = math.prod(self.window.input[:2]), math.prod(self.window.output)
        each = -(-images // (self.most_groups * self.images)) * self.images
        groups = [(start, min(start + each, images)) for start in range(0, images, each)]
        return [(slice(i * below, j * below), slice(i * above, j * above)) for i, j in groups]

    def patches(self, h: Array) -> Iterator[tuple[slice, Array]]:
        """Yield P of some images, or some lines of one, in memory that is used again, with the rows that it makes."""
        if self.window.is_dense:
            yield slice(0, len(h)), h
            return
        xp, window = array_module(h), self.window
        images, (height, width) = h.reshape(-1, *window.input), window.output
        of_line = width * window.size**2 * window.input[2]  # elements of P
        at_once = min(len(images), self.images)
        lines = min(height, max(1, self.elements // of_line))
        larger = xp.zeros((at_once, *window.enlarged, window.input[2]), dtype=h.dtype)
        memory = xp.empty(at_once * lines * of_line, dtype=h.dtype)
        inside = _inside(larger, window)
        bands = [_views(larger, memory, window, first, lines) for first in range(0, height, lines)]
        for start in range(0, len(images), at_once):
            part = images[start : start + at_once]
            if len(part) < at_once:
                bands = [_views(larger[: len(part)], memory, window, 0, height)]
            inside[: len(part)] = part
            first = start * height * width
            for windows, copy, P in bands:
                copy[...] = windows
                yield slice(first, first + len(P)), P
                first += len(P)


def _inside(larger: Array, window: Window) -> Array:
    """Return where images lie in larger inputs."""
    inner = (slice(window.before, side - window.behind, window.spacing) for side in window.enlarged)
    return larger[:, *inner]


def _views(larger: Array, memory: Array, window: Window, first: int, lines: int) -> tuple[Array, Array, Array]:
    """Return the windows of some lines of the output, where these are copied to in memory, and P there."""
    (height, width), k, n, channels = window.output, window.size, len(larger), window.input[2]
    lines, columns = min(lines, height - first), k * k * channels
    memory = memory[: n * lines * width * columns]
    by_sample, by_row, by_column, by_channel = larger.strides
    shape, strides = (n, lines, width, k), (by_sample, window.stride * by_row, window.stride * by_column, by_row)
    larger = larger[:, first * window.stride :]
    strided = array_module(larger).lib.stride_tricks.as_strided
    if channels >= FEW_CHANNELS:
        # What a window has of one row of the image lies in one piece.
        windows = strided(larger, shape=(*shape, k * channels), strides=(*strides, by_channel))
        return windows, memory.reshape(windows.shape), memory.reshape(-1, columns)
    windows = strided(larger, shape=(*shape, k, channels), strides=(*strides, by_column, by_channel))
    windows = windows.transpose(3, 4, 5, 0, 1, 2)
    return windows, memory.reshape(windows.shape), memory.reshape(columns, -1).T
