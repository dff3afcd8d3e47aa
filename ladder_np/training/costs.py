"""An epoch's costs: sums on the device while it runs, a record on the host when it ends."""

import math
from dataclasses import dataclass

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.network.ladder import Losses

__all__ = ["CostSums", "EpochRecord"]


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch was: costs are means over its steps.

    ``denoising`` has the unweighted cost of each layer 0..L, None where λ is 0. ``learning_rate`` is that of the
    epoch's last step; ``seconds`` is the epoch's own wall time, since it was begun or resumed.
    """

    epoch: int
    step: int
    learning_rate: float
    cost: float
    supervised: float
    denoising: tuple[float | None, ...]
    seconds: float


class CostSums:
    """Sums of an epoch's costs, kept on the device and read once at its end.

    Parameters
    ----------
    layers : int
        L + 1, the number of denoising costs.
    dtype : dtype
        Of the costs.
    device : Device
    """

    def __init__(self, layers: int, dtype: np.dtype, device: Device) -> None:
        self._device = device
        self.steps = 0
        self.values: Array = device.xp.zeros(2 + layers, dtype=dtype)

    def add(self, losses: Losses) -> None:
        """Add one step's costs."""
        self.steps += 1
        self.values = losses.values + self.values

    def read(self) -> np.ndarray:
        """Return the sums on the host: total, supervised, denoising; waits for the device."""
        return self._device.get(self.values)

    def restore(self, steps: int, values: np.ndarray) -> None:
        """Go on from sums that `read` returned after `steps` steps."""
        self.steps = steps
        self.values = self._device.put(values)

    def means(self) -> tuple[float, float, tuple[float | None, ...]]:
        """Return the means over the steps: total, supervised, and the denoising costs, None where λ is 0."""
        cost, supervised, *denoising = (float(value) / self.steps for value in self.read())
        return cost, supervised, tuple(None if math.isnan(value) else value for value in denoising)
