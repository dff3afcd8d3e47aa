"""Training of a plain noisy autoencoder (`network.autoencoder`): Adam at a constant rate, batches in random order."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ladder_np.errors import InputError
from ladder_np.network.autoencoder import Autoencoder, autoencoder_backward, autoencoder_forward
from ladder_np.network.noise import fill_normal
from ladder_np.rng import Stream, check_seed, stream
from ladder_np.training.adam import Adam

__all__ = ["AutoencoderTraining", "EpochError"]


@dataclass(frozen=True)
class EpochError:
    """What an epoch came to."""

    epoch: int
    mse: float  # mean over its rows, each as it was rebuilt in its step: with dropout and noise, before the update
    seconds: float


class AutoencoderTraining:
    """One training, from random weights; everything random comes from the seed.

    Parameters
    ----------
    autoencoder : Autoencoder
    X : (rows, features) uint8 array
        Pixels, scaled to 0..1 batch by batch.
    seed : int
    batch : int
        Rows of a step; the last one of an epoch has what is left.
    rate : float
        Adam's learning rate.

    Attributes
    ----------
    vector : array
        The parameters; `parameters` are their views by name.
    """

    def __init__(
        self, autoencoder: Autoencoder, X: np.ndarray, seed: int = 0, batch: int = 128, rate: float = 0.001
    ) -> None:
        if X.ndim != 2 or X.dtype != np.uint8 or X.shape[1] != autoencoder.sizes[0]:
            shown = f"X is {X.dtype} of shape {X.shape}"
            raise InputError(f"{shown}; expected pixels, uint8 of shape (rows, {autoencoder.sizes[0]})")
        if batch < 1:
            raise InputError(f"batch {batch}: expected at least one row")
        check_seed(seed)
        self._autoencoder, self._X, self._batch, self._rate = autoencoder, X, batch, rate
        self.vector = autoencoder.initial(stream(seed, Stream.INITIALIZATION))
        self.parameters = autoencoder.views(self.vector)
        self._gradient = np.zeros_like(self.vector)
        self._optimizer = Adam(self.vector)
        self._order, self._noise = stream(seed, Stream.UNLABELED_ORDER), stream(seed, Stream.NOISE)

    def epochs(self, count: int) -> Iterator[EpochError]:
        """Train, and yield each epoch as soon as it has ended."""
        for epoch in range(1, count + 1):
            begun, squared = time.perf_counter(), 0.0
            order = self._order.permutation(len(self._X))
            for start in range(0, len(order), self._batch):
                rows = order[start : start + self._batch]
                squared += self._step(self._X[rows]) * len(rows)
            yield EpochError(epoch, squared / len(order), time.perf_counter() - begun)

    def _step(self, pixels: np.ndarray) -> float:
        x = pixels.astype(self.vector.dtype)
        x /= 255
        done = autoencoder_forward(x, self.parameters, *self._draw(len(x)))
        autoencoder_backward(done, self.parameters, self._autoencoder.views(self._gradient))
        self._optimizer.update(self._gradient, self._rate)
        return float(done.cost)

    def _draw(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return m/(1 − p) and s n of a step."""
        of, dtype = self._autoencoder, self.vector.dtype.type
        kept = (self._noise.random((rows, of.sizes[1]), dtype=dtype) >= of.dropout).astype(dtype)
        kept /= 1 - of.dropout
        noise = np.empty((rows, of.sizes[2]), dtype)
        fill_normal(self._noise, noise.reshape(-1))
        noise *= of.noise_std
        return kept, noise
