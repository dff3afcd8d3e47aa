"""Drawing the noise of one step. Passes never draw: noise is always their argument.

A GPU draws its own, all layers at once, by a generator seeded from our stream; other numbers than the host's. On the
host normal numbers are made two at a time from two uniform ones u, w in [0, 1) (Box and Muller 1958):

    n = sqrt(−2 log(1 − u)) cos(2π w),   n' = sqrt(−2 log(1 − u)) sin(2π w)

in pieces that stay in the cache: half the time of `Generator.standard_normal`. With float32's 24 random bits no |n|
exceeds 5.8, which one normal number in a hundred million does.
"""

import math
from collections.abc import Mapping
from itertools import accumulate

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.network.layers import Lanes
from ladder_np.network.specification import Specification
from ladder_np.rng import Stream, set_stream_state, stream, stream_state
from ladder_np.threads import in_parallel

__all__ = ["Noise", "NoiseSource", "fill_normal"]

# For each layer 0..L standard normal draws (N + M, d_l), before scaling; None where the layer has no noise.
Noise = list[Array | None]

PIECE = 131_072  # numbers; small enough for the cache, long enough that threads do not wait for Python's lock


class NoiseSource:
    """A random stream of noise.

    Parameters
    ----------
    seed : int
    specification : Specification
    device : Device
        Draws itself unless it is the CPU or has `Device.host_noise`.
    """

    def __init__(self, seed: int, specification: Specification, device: Device) -> None:
        self._specification = specification
        self._device = device
        source = stream(seed, Stream.NOISE)
        self._on_host = device.xp is np or device.host_noise
        if self._on_host:  # a child stream for each layer, so that layers are drawn side by side
            self._generators = source.spawn(len(specification.sizes))
        else:
            self._device_generator = device.generator(int(source.integers(2**63)))
            self._drawn: list[list[int]] = []  # [numbers per draw, draws], in order

    def draw(self, lanes: Lanes) -> Noise:
        """Return the standard normal draws of one step, labeled rows first, layers from the input up."""
        noisy = self._noisy()
        drawn = self._draw_on_host(lanes, noisy) if self._on_host else self._draw_on_device(lanes, noisy)
        return [drawn.get(layer) for layer in range(len(self._specification.sizes))]

    def _noisy(self) -> list[int]:
        return [layer for layer, std in enumerate(self._specification.noise_std) if std > 0]

    def _draw_on_device(self, lanes: Lanes, noisy: list[int]) -> dict[int, Array]:
        """Draw all layers in one array and cut it up."""
        if not noisy:
            return {}
        counts = self._counts(lanes, noisy)
        drawn = self._draw_normal(sum(counts))
        return {
            layer: drawn[end - count : end].reshape((lanes.n_corrupted, count // lanes.n_corrupted))
            for layer, count, end in zip(noisy, counts, accumulate(counts), strict=True)
        }

    def _counts(self, lanes: Lanes, noisy: list[int]) -> list[int]:
        return [lanes.n_corrupted * self._specification.sizes[layer] for layer in noisy]

    def _draw_normal(self, size: int) -> Array:
        return self._device_generator.standard_normal(size, dtype=self._specification.numpy_dtype)

    def note(self, lanes: Lanes) -> None:
        """Note that a step has drawn: a GPU's generator tells no state, and a launched graph calls no `draw`."""
        if self._on_host:
            return
        size = sum(self._counts(lanes, self._noisy()))
        if not self._drawn or self._drawn[-1][0] != size:
            self._drawn.append([size, 0])
        self._drawn[-1][1] += 1

    def state(self) -> dict[str, np.ndarray]:
        """Return where the stream is: each layer's state (L + 1, 6), or what a GPU's steps drew, (k, 2)."""
        if self._on_host:
            return {"streams": np.stack([stream_state(generator) for generator in self._generators])}
        return {"drawn": np.array(self._drawn, dtype=np.int64).reshape(-1, 2)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was asked. Noise of the other kind of device is not continued: this one's begins.

        A GPU's generator tells no state; it draws again what it drew: some seconds for a long training.
        """
        if self._on_host and "streams" in state:
            for generator, saved in zip(self._generators, state["streams"], strict=True):
                set_stream_state(generator, saved)
        elif not self._on_host and "drawn" in state:
            self._drawn = state["drawn"].tolist()
            for size, draws in self._drawn:
                for _ in range(draws if size else 0):
                    self._draw_normal(size)

    def _draw_on_host(self, lanes: Lanes, noisy: list[int]) -> dict[int, Array]:
        dtype = self._specification.numpy_dtype
        # Allocated and put on the device by the calling thread: memory and devices belong to threads too.
        drawn = {layer: np.empty((lanes.n_corrupted, self._specification.sizes[layer]), dtype) for layer in noisy}

        def fill(layer: int) -> None:
            fill_normal(self._generators[layer], drawn[layer].reshape(-1))

        if sum(draws.size for draws in drawn.values()) < PIECE:  # not worth starting threads
            for layer in noisy:
                fill(layer)
        else:
            in_parallel(fill, noisy)
        return {layer: self._device.put(draws) for layer, draws in drawn.items()}


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
