"""One training step: noise, forward, backward, Adam."""

import numpy as np

from ladder_np.memory import keep_freed_memory
from ladder_np.network.ladder import Batch, Losses, backward, forward
from ladder_np.network.lanes import Lanes
from ladder_np.network.model import LadderNetwork
from ladder_np.network.noise import NoiseSource
from ladder_np.training.adam import Adam
from ladder_np.training.capture import CapturedSteps

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
        fused = network.parameters.fused
        self._optimizer = Adam(network.parameters.used, fused.kernels if fused else None)
        self._noise = NoiseSource(seed, network.specification, network.device)
        # A graph holds no host's work: not the host's noise, nor plain formulas' numbers that differ between steps.
        capturable = fused is not None and not network.device.host_noise
        self._captured = CapturedSteps(network.device.xp, self._work) if capturable else None
        if network.device.xp is np:
            keep_freed_memory()

    @property
    def count(self) -> int:
        """Steps taken so far."""
        return self._optimizer.steps

    @property
    def recorded(self) -> bool:
        """Whether steps are launched as a graph (from the third of a batch's shape on, where that can be)."""
        return self._captured is not None and self._captured.recorded

    def run(self, batch: Batch, rate: float) -> Losses:
        """Draw noise, run forward and backward, update the parameters; return the costs before the update."""
        self._optimizer.advance(rate)
        return self._captured.run(batch) if self._captured else self._work(batch)

    def _work(self, batch: Batch) -> Losses:
        parameters = self._network.parameters
        noise = self._noise.draw(Lanes.needed(parameters.specification, len(batch.x_labeled), len(batch.x_unlabeled)))
        state = forward(parameters, batch, noise)
        backward(parameters, state, self._gradients)
        self._optimizer.apply(self._gradients.used)
        return state.losses
