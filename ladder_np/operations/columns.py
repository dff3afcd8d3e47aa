"""Matrices with many rows: sums over the rows of a matrix (rows, units), and work on some rows at a time.

A spatial layer has a row for each position of each sample, hundreds of thousands in a step.

**Sums.** In float32, added up one after the other, they lose digits: a sum of 300,000 squares is wrong by up to 1e-4
of it. So those of a block are first laid side by side, in a matrix of fewer and longer rows; its columns are summed,
then, in float64, the sums that belong to one unit, and last those of all blocks: wrong by 5e-6 at most, and faster.

**Blocks.** What several operations do to each row is done to some rows at a time, so that what they leave in between
stays small, and by several threads. Blocks do not depend on how many threads there are.
"""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.threads import in_parallel

__all__ = ["column_products", "column_sums", "in_blocks", "in_blocks_of_images", "row_blocks", "total"]

MANY_ROWS = 4096  # with fewer, all is done at once
FEW_ROWS = 1024  # with fewer, rows are added one after the other
LONG_ROW = 2**14  # elements of a row of the matrix that many rows are laid out in
BLOCK = 2**18  # elements of a block: a MiB in float32; of smaller ones the calls take longer than the caches save

Result = TypeVar("Result")


def in_blocks(function: Callable[[slice], Result], like: Array) -> list[Result]:
    """Return what a function returns for some rows at a time, all of those that `like` (rows, units) has, in order.

    The calls must not depend on each other.
    """
    return in_parallel(function, row_blocks(like))


def row_blocks(like: Array) -> list[slice]:
    """Return the blocks of a matrix's rows; all rows are one block if there are few, or on a GPU."""
    if len(like) < MANY_ROWS or array_module(like) is not np:
        return [slice(None)]
    height = max(1, BLOCK // like.shape[1])
    return [slice(start, start + height) for start in range(0, len(like), height)]


def in_blocks_of_images(function: Callable[[slice], None], images: Array) -> None:
    """Call a function with some images (n, height, width, channels) at a time, as `in_blocks` with rows."""
    if array_module(images) is not np:
        function(slice(None))
        return
    each = max(1, BLOCK // math.prod(images.shape[1:]))
    in_parallel(function, [slice(start, start + each) for start in range(0, len(images), each)])


def total(parts: Sequence[Array]) -> Array:
    """Return the sum of arrays, of a single one itself."""
    return functools.reduce(operator.add, parts)


def column_sums(a: Array) -> Array:
    """Return Σ a over the rows, (units,)."""
    if len(a) < FEW_ROWS:
        return a.sum(axis=0)
    if len(row_blocks(a)) > 1:
        return total(in_blocks(lambda rows: column_sums(a[rows]), a))
    (whole,), rest = _side_by_side(a)
    return _of_units(whole.sum(axis=0), a) + rest[0].sum(axis=0)


def column_products(a: Array, b: Array) -> Array:
    """Return Σ a b over the rows, (units,), without a product of all elements in memory."""
    product = array_module(a).einsum
    if len(a) < FEW_ROWS:
        return product("ij,ij->j", a, b)
    if len(row_blocks(a)) > 1:
        return total(in_blocks(lambda rows: column_products(a[rows], b[rows]), a))
    whole, rest = _side_by_side(a, b)
    return _of_units(product("ij,ij->j", *whole), a) + product("ij,ij->j", *rest)


def _of_units(sums: Array, like: Array) -> Array:
    """Return the sums of each unit, of those of a longer row: thousands, perhaps, so they are added in float64."""
    wide = np.result_type(sums.dtype, np.float64)
    return sums.reshape(-1, like.shape[1]).sum(axis=0, dtype=wide).astype(sums.dtype)


def _side_by_side(*matrices: Array) -> tuple[list[Array], list[Array]]:
    """Return matrices (rows, units) as views of longer rows, and the rows that are left over."""
    rows, units = matrices[0].shape
    together = max(1, LONG_ROW // units)
    whole = rows // together * together
    return [m[:whole].reshape(-1, together * units) for m in matrices], [m[whole:] for m in matrices]
