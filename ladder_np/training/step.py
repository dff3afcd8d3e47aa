"""One training step: noise, forward, backward, Adam."""

import numpy as np

from ladder_np.memory import keep_freed_memory
from ladder_np.network.ladder import Batch, Losses, backward, forward
from ladder_np.network.lanes import Lanes
from ladder_np.network.model import LadderNetwork
from ladder_np.network.noise import NoiseSource
from ladder_np.training.adam import Adam

__all__ = ["TrainingStep"]


class TrainingStep:
    """What lives from step to step: gradients, Adam's moments, the stream of noise.

    Parameters
    ----------
    network : LadderNetwork
        Trained in place.
    seed : int
        Of the noise.
    """

    def __init__(self, network: LadderNetwork, seed: int) -> None:
        self._network = network
        self._gradients = network.parameters.zeros_like()
        self._optimizer = Adam(network.parameters.used)
        self._noise = NoiseSource(seed, network.specification)
        if network.device.xp is np:
            keep_freed_memory()

    @property
    def count(self) -> int:
        """Steps taken so far."""
        return self._optimizer.steps

    def run(self, batch: Batch, rate: float) -> Losses:
        """Draw noise, run forward and backward, update the parameters; return the costs before the update."""
        network = self._network
        lanes = Lanes.needed(network.specification, len(batch.x_labeled), len(batch.x_unlabeled))
        noise = self._noise.draw(lanes, network.device)
        state = forward(network.parameters, batch, noise)
        backward(network.parameters, state, self._gradients)
        self._optimizer.update(self._gradients.used, rate)
        return state.losses
