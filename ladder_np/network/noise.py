"""Drawing the noise of one step. Passes never draw: noise is always their argument."""

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.network.lanes import Lanes
from ladder_np.network.specification import Specification

__all__ = ["Noise", "draw_noise"]

# For each layer 0..L standard normal draws (N + M, d_l), before scaling; None where the layer has no noise.
Noise = list[Array | None]


def draw_noise(generator: np.random.Generator, specification: Specification, lanes: Lanes, device: Device) -> Noise:
    """Return the standard normal draws of one step, labelled rows first, layers from the input up."""
    return [
        device.put(generator.standard_normal((lanes.n_corrupted, size), dtype=specification.numpy_dtype))
        if std > 0
        else None
        for size, std in zip(specification.sizes, specification.noise_std, strict=True)
    ]
