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
    epoch's last step; ``seconds`` is the epoch's own wall time, since it was begun or resumed. ``validation_error``
    is the share of validation rows that get a wrong class, None where it is not measured.
    """

    epoch: int
    step: int
    learning_rate: float
    cost: float
    supervised: float
    denoising: tuple[float | None, ...]
    seconds: float
    validation_error: float | None = None


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
        self._first = self.values

    def add(self, losses: Losses) -> None:
        """Add one step's costs."""
        self._first = self._first if self.steps else losses.values
        self.steps += 1
        self.values = losses.values + self.values

    def read(self) -> np.ndarray:
        """Return the sums on the host: total, supervised, denoising; waits for the device."""
        return self._device.get(self.values)

    def restore(self, steps: int, values: np.ndarray) -> None:
        """Go on from sums that `read` returned after `steps` steps."""
        self.steps = steps
        self.values = self._device.put(values)
        self._first = self.values / max(1, steps)  # the mean so far stands for the first step, which is forgotten

    def first_and_means(self) -> tuple[float, float, float, tuple[float | None, ...]]:
        """Return the first step's total, then the means over the steps: total, supervised, denoising (None: λ is 0).

        One look at the device.
        """
        xp = self._device.xp
        sums = self._device.get(xp.concatenate([self._first[:1], self.values]))
        cost, supervised, *denoising = (float(value) / self.steps for value in sums[1:])
        return float(sums[0]), cost, supervised, tuple(None if math.isnan(value) else value for value in denoising)
