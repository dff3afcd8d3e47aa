"""The dense map a = h W, rows of h being samples, rows of W inputs ([R] Algorithm 1, every matrix product).

With a_ij = Σ_k h_ik W_kj and upstream da = dC/da:

    dC/dh_ik = Σ_j da_ij W_kj   ->   dh = da Wᵀ
    dC/dW_kj = Σ_i h_ik da_ij   ->   dW = hᵀ da

The sum over rows i in dW runs over all lanes at once: that is how shared weights collect every pass. The products of
a small network run on one BLAS thread: its `matmul` is then `small_matmul`.
"""

from collections.abc import Callable

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.blas import one_thread_product

__all__ = ["Matmul", "dense_backward_input", "dense_backward_weight", "dense_forward", "matmul", "small_matmul"]

Matmul = Callable[..., Array]  # ``(a, b, out=None) -> a b``


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return a b, computed as the array module does it."""
    return array_module(a).matmul(a, b, out=out)


def small_matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return a b, on the CPU by one BLAS thread."""
    return (one_thread_product if array_module(a) is np else matmul)(a, b, out)


def dense_forward(h: Array, W: Array, matmul: Matmul = matmul) -> Array:
    """Return a = h W, shape (rows, outputs), for h (rows, inputs) and W (inputs, outputs)."""
    return matmul(h, W)


def dense_backward_input(da: Array, W: Array, matmul: Matmul = matmul) -> Array:
    """Return dh = da Wᵀ, shape (rows, inputs)."""
    return matmul(da, W.T)


def dense_backward_weight(da: Array, h: Array, out: Array | None = None, matmul: Matmul = matmul) -> Array:
    """Return dW = hᵀ da, shape (inputs, outputs), written to `out` if given (it is as large as W)."""
    return matmul(h.T, da, out=out)
