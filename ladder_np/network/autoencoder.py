"""A plain noisy autoencoder, to stand beside the ladder: it denoises too, but its code must carry everything.

    h₁ = φ(x W₁ + b₁),    d = h₁ m/(1 − p)       dropout: m is 1 with probability 1 − p, else 0
    h₂ = φ(d W₂ + b₂),    c = h₂ + s n           the code, with Gaussian noise
    h₃ = φ(c W₃ + b₃)                            φ is ReLU
    x̂  = σ(h₃ W₄ + b₄)                           C = mean (x̂ − x)²   over rows and features

Backward, with da_k the gradient of what the k-th φ or σ is applied to:

    dx̂ = 2 (x̂ − x)/(rows · features),            da₄ = dx̂ x̂ (1 − x̂)
    dW_k = (input of layer k)ᵀ da_k,             db_k = Σ da_k over rows
    d(input of layer k) = da_k W_kᵀ:             dh₃;  dh₂ = dc;  dh₁ = dd m/(1 − p);   da_k = dh_k φ′

Without m and n it is what the network makes of a row. With widths 784-128-64-128-784 and p = s = 0.3 it is that of a
tutorial on MNIST.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ladder_np.arrays import Array
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.dense import dense_backward_input, dense_backward_weight, dense_forward
from ladder_np.operations.losses import squared_error_backward, squared_error_forward

__all__ = ["Autoencoder", "Pass", "autoencoder_backward", "autoencoder_forward"]


@dataclass(frozen=True)
class Autoencoder:
    """What an autoencoder is.

    Parameters
    ----------
    sizes : tuple of int
        Widths, the input's first and last: five numbers.
    dropout : float
        p, in [0, 1), of the first hidden layer.
    noise_std : float
        s, of the code.
    dtype : {"float32", "float64"}
    """

    sizes: tuple[int, int, int, int, int] = (784, 128, 64, 128, 784)
    dropout: float = 0.3
    noise_std: float = 0.3
    dtype: str = "float32"

    def views(self, vector: Array) -> dict[str, Array]:
        """Return the parameters, or their gradients, by name, as views of one vector."""
        views, start = {}, 0
        for name, shape in self.shapes().items():
            views[name] = vector[start : start + math.prod(shape)].reshape(shape)
            start += math.prod(shape)
        return views

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the parameters' shapes: W (inputs, outputs) and b (outputs,) of each layer, from the input up."""
        shapes: dict[str, tuple[int, ...]] = {}
        for k, (below, above) in enumerate(pairwise(self.sizes), start=1):
            shapes |= {f"W{k}": (below, above), f"b{k}": (above,)}
        return shapes

    def initial(self, generator: np.random.Generator) -> np.ndarray:
        """Return the vector at the start: W uniform in ±sqrt(6/(inputs + outputs)) (Glorot and Bengio 2010), b 0."""
        vector = np.zeros(sum(map(math.prod, self.shapes().values())), dtype=self.dtype)
        for W in (view for name, view in self.views(vector).items() if name.startswith("W")):
            W[...] = generator.uniform(-1, 1, W.shape) * math.sqrt(6 / sum(W.shape))
        return vector


@dataclass(frozen=True)
class Pass:
    """What a forward pass computed."""

    inputs: tuple[Array, ...]  # of each layer: x, d, c, h₃
    outputs: tuple[Array, ...]  # h₁, h₂, h₃, x̂
    difference: Array  # x̂ − x
    cost: Array  # 0-dimensional
    kept: Array | None  # m/(1 − p)


PHI = ("relu", "relu", "relu", "sigmoid")


def autoencoder_forward(
    x: Array, parameters: Mapping[str, Array], kept: Array | None = None, noise: Array | None = None
) -> Pass:
    """Return everything that is computed of some rows.

    Parameters
    ----------
    x : (rows, features) array
    parameters : mapping
        W1, b1, …, W4, b4.
    kept : (rows, units of layer 1) array, optional
        m/(1 − p). None: nothing is dropped.
    noise : (rows, units of the code) array, optional
        s n. None: without noise.
    """
    inputs, outputs, h = [], [], x
    for k, phi in enumerate(PHI, start=1):
        inputs.append(h)
        a = dense_forward(h, parameters[f"W{k}"])
        a += parameters[f"b{k}"]
        outputs.append(ACTIVATIONS[phi].forward(a, out=a))
        h = _disturbed(outputs[-1], k, kept, noise)
    cost, difference = squared_error_forward(outputs[-1], x)
    return Pass(tuple(inputs), tuple(outputs), difference, cost, kept)


def _disturbed(h: Array, layer: int, kept: Array | None, noise: Array | None) -> Array:
    """Return d of the first layer, c of the second, any other as it is."""
    if layer == 1 and kept is not None:
        return h * kept
    return h + noise if layer == 2 and noise is not None else h


def autoencoder_backward(of: Pass, parameters: Mapping[str, Array], gradient: Mapping[str, Array]) -> None:
    """Write the cost's gradient with each parameter into `gradient`, arrays of the parameters' shapes by name."""
    dh = squared_error_backward(1.0, of.difference)
    for k in range(len(PHI), 0, -1):
        if k == 1 and of.kept is not None:
            dh = dh * of.kept
        da = ACTIVATIONS[PHI[k - 1]].backward(dh, of.outputs[k - 1])
        dense_backward_weight(da, of.inputs[k - 1], out=gradient[f"W{k}"])
        gradient[f"b{k}"][...] = da.sum(axis=0)
        if k > 1:
            dh = dense_backward_input(da, parameters[f"W{k}"])
