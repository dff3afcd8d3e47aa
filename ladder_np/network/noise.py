"""Drawing the noise of one step. Passes never draw: noise is always their argument.

Normal numbers are made two at a time from two uniform ones u, w in [0, 1) (Box and Muller 1958):

    n = sqrt(−2 log(1 − u)) cos(2π w),   n' = sqrt(−2 log(1 − u)) sin(2π w)

in pieces that stay in the cache: half the time of `Generator.standard_normal`. With float32's 24 random bits no |n|
exceeds 5.8, which one normal number in a hundred million does.
"""

import math

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.network.lanes import Lanes
from ladder_np.network.specification import Specification
from ladder_np.streams import Stream, stream
from ladder_np.workers import in_parallel

__all__ = ["Noise", "NoiseSource", "fill_normal"]

# For each layer 0..L standard normal draws (N + M, d_l), before scaling; None where the layer has no noise.
Noise = list[Array | None]

PIECE = 131_072  # numbers; small enough for the cache, long enough not to quarrel over Python's lock


class NoiseSource:
    """A random stream of noise, with a child stream for each layer, so that layers are drawn side by side.

    Parameters
    ----------
    seed : int
    specification : Specification
    """

    def __init__(self, seed: int, specification: Specification) -> None:
        self._specification = specification
        self._generators = stream(seed, Stream.NOISE).spawn(len(specification.sizes))

    def draw(self, lanes: Lanes, device: Device) -> Noise:
        """Return the standard normal draws of one step, labelled rows first, layers from the input up."""
        dtype = self._specification.numpy_dtype
        noisy = [layer for layer, std in enumerate(self._specification.noise_std) if std > 0]
        # Allocated and put on the device by the calling thread: memory and devices belong to threads too.
        drawn = {layer: np.empty((lanes.n_corrupted, self._specification.sizes[layer]), dtype) for layer in noisy}

        def fill(layer: int) -> None:
            fill_normal(self._generators[layer], drawn[layer].reshape(-1))

        if sum(draws.size for draws in drawn.values()) < PIECE:  # not worth waking anybody
            for layer in noisy:
                fill(layer)
        else:
            in_parallel(fill, noisy)
        return [device.put(drawn[layer]) if layer in drawn else None for layer in range(len(self._generators))]


def fill_normal(generator: np.random.Generator, out: np.ndarray) -> None:
    """Fill `out`, one-dimensional, with standard normal draws of its dtype."""
    for start in range(0, out.size, PIECE):
        piece = out[start : start + PIECE]
        uniform = generator.random(piece.size + piece.size % 2, dtype=piece.dtype)
        half = uniform.size // 2
        radius, angle = uniform[:half], uniform[half:]
        np.subtract(1, radius, out=radius)
        np.log(radius, out=radius)
        radius *= -2
        np.sqrt(radius, out=radius)
        angle *= 2 * math.pi
        np.multiply(radius, np.cos(angle), out=piece[:half])
        np.multiply(radius, np.sin(angle), out=uniform[half:])
        piece[half:] = uniform[half : piece.size]
