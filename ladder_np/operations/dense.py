"""The dense map a = h W, rows of h being samples, rows of W inputs ([R] Algorithm 1, every matrix product).

With a_ij = Σ_k h_ik W_kj and upstream da = dC/da:

    dC/dh_ik = Σ_j da_ij W_kj   ->   dh = da Wᵀ
    dC/dW_kj = Σ_i h_ik da_ij   ->   dW = hᵀ da

The sum over rows i in dW runs over all lanes at once: that is how shared weights collect every pass.
"""

from ladder_np.arrays import Array, array_module

__all__ = ["dense_backward_input", "dense_backward_weight", "dense_forward"]


def dense_forward(h: Array, W: Array) -> Array:
    """Return a = h W, shape (rows, outputs), for h (rows, inputs) and W (inputs, outputs)."""
    return h @ W


def dense_backward_input(da: Array, W: Array) -> Array:
    """Return dh = da Wᵀ, shape (rows, inputs)."""
    return da @ W.T


def dense_backward_weight(da: Array, h: Array, out: Array | None = None) -> Array:
    """Return dW = hᵀ da, shape (inputs, outputs), written to `out` if given (it is as large as W)."""
    return array_module(h).matmul(h.T, da, out=out)
