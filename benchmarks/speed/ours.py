"""Our own contenders: a training step, and prediction."""

from benchmarks.speed.cases import RATE, Case
from ladder_np.training.step import TrainingStep

__all__ = ["OurInference", "OurStep"]


class OurStep:
    """A training step as `train` runs it: noise, forward, backward, Adam."""

    def __init__(self, case: Case) -> None:
        network, batch = case.network(), case.batch()
        self._device = network.device
        self._training = TrainingStep(network, seed=0)
        self._batch = batch.each(self._device.put)

    def step(self) -> None:
        """Take one step and wait for it."""
        self._training.run(self._batch, RATE)
        self._device.synchronize()


class OurInference:
    """The class probabilities of `n_unlabeled` rows, asked for at once."""

    def __init__(self, case: Case) -> None:
        self._network = case.network()
        self._x = case.batch().x_unlabeled
        self._network.estimate_statistics(lambda: [self._network.device.put(self._x)])

    def step(self) -> None:
        """Predict all rows once, from the host to the host."""
        self._network.predict_proba(self._x)
