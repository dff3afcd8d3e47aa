"""The two costs ([R] Algorithm 1, cost function C).

**Cross-entropy** of the labeled rows, from b, the values before the softmax (the logarithm of a rounded
probability would lose digits), with p = softmax(b):

    C = −1/N Σ_i log p_i,y(i) = 1/N Σ_i (log Σ_k exp b_ik − b_i,y(i)),      db = (p − onehot(y))/N

With a weight w_i per row (of mean 1 over all labeled rows, so that the cost keeps its size):

    C = 1/N Σ_i w_i (log Σ_k exp b_ik − b_i,y(i)),      db_i = w_i (p_i − onehot(y_i))/N

**Squared error** of one layer's reconstruction on the M unlabeled rows, mean over rows and units:

    C = 1/(M d) Σ (ẑ_BN − z)²,      dẑ_BN = 2 dC (ẑ_BN − z)/(M d),      dz = −dẑ_BN
"""

from ladder_np.arrays import Array, array_module

__all__ = [
    "cross_entropy_backward",
    "cross_entropy_forward",
    "squared_error_backward",
    "squared_error_forward",
]


def cross_entropy_forward(b: Array, y: Array, weights: Array | None = None) -> Array:
    """Return −mean w log P(y), a 0-dimensional array.

    Parameters
    ----------
    b : (rows, classes) array
        Values before the softmax.
    y : (rows,) integer array
        Classes 0 .. classes − 1.
    weights : (rows,) array, optional
        w; 1 where not given.
    """
    xp = array_module(b)
    shifted = b - b.max(axis=-1, keepdims=True)
    log_normalizer = xp.log(xp.exp(shifted).sum(axis=-1))
    costs = log_normalizer - (shifted * one_hot(y, b)).sum(axis=-1)
    return (costs if weights is None else weights * costs).mean()


def cross_entropy_backward(p: Array, y: Array, weights: Array | None = None) -> Array:
    """Return db = w (p − onehot(y))/rows, shape (rows, classes), for p = softmax(b)."""
    db = (p - one_hot(y, p)) / len(p)
    return db if weights is None else db * weights[:, None]


def one_hot(y: Array, like: Array) -> Array:
    """Return a (rows, classes) array of ones at each row's class and zeros elsewhere, of the dtype of `like`."""
    classes = array_module(like).arange(like.shape[-1])
    return (y[:, None] == classes).astype(like.dtype)


def squared_error_forward(z_hat_bn: Array, z: Array) -> tuple[Array, Array]:
    """Return the mean of (ẑ_BN − z)², a 0-dimensional array, and the difference ẑ_BN − z, (rows, units)."""
    difference = z_hat_bn - z
    return (difference * difference).mean(), difference


def squared_error_backward(dcost: float, difference: Array) -> Array:
    """Return dẑ_BN = 2 dC (ẑ_BN − z)/(rows · units); the gradient of z is its negative."""
    return difference * (2 * dcost / difference.size)
