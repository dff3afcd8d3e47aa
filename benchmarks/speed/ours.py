"""Our own contenders: a training step, and prediction."""

from benchmarks.speed.cases import RATE, Case
from ladder_np.training.step import TrainingStep

__all__ = ["OurInference", "OurStep"]


class OurStep:
    """A training step as `train` runs it: noise, forward, backward, Adam."""

    def __init__(self, case: Case) -> None:
        self._training = TrainingStep(case.network(), seed=0)
        self._batch = case.batch()

    def step(self) -> None:
        """Take one step."""
        self._training.run(self._batch, RATE)


class OurInference:
    """The class probabilities of `n_unlabeled` rows, asked for at once."""

    def __init__(self, case: Case) -> None:
        self._network = case.network()
        self._x = case.batch().x_unlabeled
        self._network.estimate_statistics(lambda: [self._x])

    def step(self) -> None:
        """Predict all rows once."""
        self._network.predict_proba(self._x)
