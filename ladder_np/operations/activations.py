"""Activations φ, each with its backward as a function of its own output h = φ(b), which is kept anyway.

    relu        h = max(b, 0)            dh/db = [h > 0]                 at the kink b = 0: 0
    leaky_relu  h = max(b, 0.1 b)        dh/db = 1 if h > 0 else 0.1     at the kink b = 0: 0.1
    sigmoid     h = 1/(1 + exp(−b))      dh/db = h (1 − h)
    tanh        h = tanh(b)              dh/db = 1 − h²
    softplus    h = log(1 + exp(b))      dh/db = sigmoid(b) = 1 − exp(−h)
    linear      h = b                    dh/db = 1
    softmax     p_k = exp(b_k)/Σ exp     db = p (dp − Σ_k dp_k p_k)      over the units of each row; the top layer

A forward returns a fresh array, or writes to `out` if given, which may be b itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ladder_np.arrays import Array, array_module

__all__ = ["ACTIVATIONS", "Activation", "sigmoid_forward", "softmax_backward", "softmax_forward"]

LEAKY_SLOPE = 0.1  # [R] convolutional networks; negative inputs are multiplied by it


def relu_forward(b: Array, out: Array | None = None) -> Array:
    """Return max(b, 0)."""
    zeros = array_module(b).zeros(b.shape[-1], dtype=b.dtype)  # NumPy is twice as fast with a row as with a number
    return array_module(b).maximum(b, zeros, out=out)


def relu_backward(dh: Array, h: Array) -> Array:
    """Return db: dh where h > 0, else 0 (so 0 at the kink)."""
    return dh * (h > 0)


def leaky_relu_forward(b: Array, out: Array | None = None) -> Array:
    """Return max(b, 0.1 b)."""
    return array_module(b).maximum(b, LEAKY_SLOPE * b, out=out)


def leaky_relu_backward(dh: Array, h: Array) -> Array:
    """Return db: dh where h > 0, else 0.1 dh (so 0.1 dh at the kink)."""
    positive = (h > 0).astype(h.dtype)
    return dh * (LEAKY_SLOPE + (1 - LEAKY_SLOPE) * positive)  # NumPy's where takes eight times as long


def sigmoid_forward(b: Array, out: Array | None = None) -> Array:
    """Return 1/(1 + exp(−b))."""
    xp = array_module(b)
    h = xp.negative(b, out=out)
    with np.errstate(over="ignore", under="ignore"):  # exp(−b) = inf is right: h = 0
        xp.exp(h, out=h)
        h += 1
        return xp.reciprocal(h, out=h)


def sigmoid_backward(dh: Array, h: Array) -> Array:
    """Return db = dh h (1 − h)."""
    return dh * h * (1 - h)


def tanh_forward(b: Array, out: Array | None = None) -> Array:
    """Return tanh(b)."""
    return array_module(b).tanh(b, out=out)


def tanh_backward(dh: Array, h: Array) -> Array:
    """Return db = dh (1 − h²)."""
    return dh * (1 - h * h)


def softplus_forward(b: Array, out: Array | None = None) -> Array:
    """Return log(1 + exp(b)), computed without overflow."""
    return array_module(b).logaddexp(b, array_module(b).zeros_like(b), out=out)


def softplus_backward(dh: Array, h: Array) -> Array:
    """Return db = dh (1 − exp(−h))."""
    return -dh * array_module(h).expm1(-h)


def linear_forward(b: Array, out: Array | None = None) -> Array:
    """Return b."""
    return array_module(b).positive(b, out=out)


def linear_backward(dh: Array, h: Array) -> Array:
    """Return db = dh, as a fresh array."""
    return dh.copy()


def softmax_forward(b: Array) -> Array:
    """Return p = exp(b)/Σ exp(b) over the last axis."""
    p = array_module(b).exp(b - b.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return p


def softmax_backward(dp: Array, p: Array) -> Array:
    """Return db = p (dp − Σ dp p), the sum over the last axis."""
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Activation:
    """One activation of the table."""

    forward: Callable[..., Array]  # ``forward(b, out=None) -> h``
    backward: Callable[[Array, Array], Array]  # ``backward(dh, h) -> db``, fresh
    kinked: bool = False  # whether it has a kink that a gradient check must avoid
    # how `kernels/passes.cu` is compiled to contain it; None: it runs as plain formulas on a GPU too
    cuda: str | None = None


ACTIVATIONS = {
    "relu": Activation(relu_forward, relu_backward, kinked=True, cuda="-DACTIVATION=RELU"),
    "leaky_relu": Activation(leaky_relu_forward, leaky_relu_backward, kinked=True, cuda="-DACTIVATION=LEAKY_RELU"),
    "sigmoid": Activation(sigmoid_forward, sigmoid_backward, cuda="-DACTIVATION=SIGMOID"),
    "tanh": Activation(tanh_forward, tanh_backward, cuda="-DACTIVATION=TANH"),
    "softplus": Activation(softplus_forward, softplus_backward, cuda="-DACTIVATION=SOFTPLUS"),
    "linear": Activation(linear_forward, linear_backward, cuda="-DACTIVATION=LINEAR"),
}
