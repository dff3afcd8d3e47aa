"""Sums over the rows of a matrix (rows, units), one for each unit.

A spatial layer has a row for each position of each sample, hundreds of thousands in a step. In float32, added up one
after the other, they lose digits with every row: a sum of 300,000 squares is wrong by up to 1e-4 of it. So many rows
are first laid side by side, in a matrix of fewer and longer rows; its columns are summed, and then the sums that
belong to one unit, which is wrong by 1e-6 at most, and faster.
"""

from ladder_np.arrays import Array, array_module

__all__ = ["column_products", "column_sums"]

MANY_ROWS = 4096  # with fewer, rows are added one after the other, as ever
LONG_ROW = 2**14  # elements of a row of the matrix that many rows are laid out in


def column_sums(a: Array) -> Array:
    """Return Σ a over the rows, (units,)."""
    if len(a) < MANY_ROWS:
        return a.sum(axis=0)
    (whole,), rest = _side_by_side(a)
    return whole.sum(axis=0).reshape(-1, a.shape[1]).sum(axis=0) + rest[0].sum(axis=0)


def column_products(a: Array, b: Array) -> Array:
    """Return Σ a b over the rows, (units,), without a product of all elements in memory."""
    product = array_module(a).einsum
    if len(a) < MANY_ROWS:
        return product("ij,ij->j", a, b)
    whole, rest = _side_by_side(a, b)
    return product("ij,ij->j", *whole).reshape(-1, a.shape[1]).sum(axis=0) + product("ij,ij->j", *rest)


def _side_by_side(*matrices: Array) -> tuple[list[Array], list[Array]]:
    """Return matrices (rows, units) as views of longer rows, and the rows that are left over."""
    rows, units = matrices[0].shape
    together = max(1, LONG_ROW // units)
    whole = rows // together * together
    return [m[:whole].reshape(-1, together * units) for m in matrices], [m[whole:] for m in matrices]
