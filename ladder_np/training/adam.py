"""Adam over one flat vector (Kingma and Ba 2015, algorithm 1), and the learning rate's schedule.

    m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
    θ ← θ − η (m/(1 − β₁ᵗ)) / (sqrt(v/(1 − β₂ᵗ)) + ε)

It is computed with fewer passes over memory, for m' = m/(1 − β₁) and v' = v/(1 − β₂):

    m' ← β₁ m' + g                 v' ← β₂ v' + g²
    θ ← θ − η' m' / (sqrt(v') + ε')     with   c = sqrt((1 − β₂ᵗ)/(1 − β₂)),   ε' = ε c,   η' = η c (1 − β₁)/(1 − β₁ᵗ)
"""

import math

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.kernels import Kernels
from ladder_np.threads import in_parallel

__all__ = ["Adam", "learning_rate"]

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
# On a CPU the vector is worked through in pieces, which stay in the cache between the passes over them; with smaller
# ones the threads wait for Python's lock.
CACHED_PIECE = 262_144


def learning_rate(progress: float, rate: float, decay_start: float) -> float:
    """Return the rate after a share `progress` of all steps, in [0, 1] ([R] section 4).

    It is constant until `decay_start`, then falls linearly to zero; with a `decay_start` of 1 it never falls.
    """
    if progress <= decay_start:
        return rate
    return rate * (1 - progress) / (1 - decay_start)


class Adam:
    """The optimizer's state: scaled moments m' and v' of the whole parameter vector, and the number of steps done.

    `update` changes `vector` (total,) in place; with a GPU's `kernels` as one kernel, else as plain formulas.
    """

    def __init__(self, vector: Array, kernels: Kernels | None = None) -> None:
        xp = array_module(vector)
        self.vector = vector
        self._kernels = kernels
        self._factors: Array = (0.0, 0.0) if kernels is None else xp.empty(2, dtype=np.float64)  # η' and ε'
        self.m = xp.zeros_like(vector)
        self.v = xp.zeros_like(vector)
        self.steps = 0
        piece = CACHED_PIECE if xp is np else vector.size
        self._pieces = [slice(start, start + piece) for start in range(0, vector.size, piece)]

    def restore(self, m: Array, v: Array, steps: int) -> None:
        """Go on from the moments, and the number of steps, of another."""
        self.m[...], self.v[...], self.steps = m, v, steps

    def update(self, gradient: Array, rate: float) -> None:
        """Take one step against `gradient`, a (total,) array, with learning rate `rate`."""
        self.advance(rate)
        self.apply(gradient)

    def advance(self, rate: float) -> None:
        """Count a step, and set η' and ε' for it: what differs from step to step besides the gradient."""
        self.steps += 1
        c = math.sqrt((1 - BETA2**self.steps) / (1 - BETA2))
        factors = rate * c * (1 - BETA1) / (1 - BETA1**self.steps), EPS * c
        if self._kernels is None:
            self._factors = factors
        else:
            self._factors[0], self._factors[1] = factors

    def apply(self, gradient: Array) -> None:
        """Change moments and parameters against `gradient`, with the factors that `advance` has set."""
        if self._kernels is not None:
            arrays = gradient, self._factors, self.vector, self.m, self.v
            self._kernels.over_elements("adam", self.vector.size, *arrays, self.vector.size, BETA1, BETA2)
            return
        step_size, eps = self._factors

        def update(piece: slice) -> None:
            theta, m, v, g = self.vector[piece], self.m[piece], self.v[piece], gradient[piece]
            m *= BETA1
            m += g
            v *= BETA2
            change = g * g
            v += change
            array_module(v).sqrt(v, out=change)
            change += eps
            array_module(v).divide(m, change, out=change)
            change *= step_size
            theta -= change

        in_parallel(update, self._pieces)
