"""How to train; checked when made."""

import math
from dataclasses import dataclass

from ladder_np.errors import InputError
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import check_seed

__all__ = ["TrainingSettings"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; checked when made.

    Parameters
    ----------
    epochs : int
        Passes over the unlabeled rows.
    labeled_batch, unlabeled_batch : int
        Rows a step, at least 2; smaller sets are used whole.
    learning_rate : float
        Adam's rate until `decay_start`.
    decay_start : float
        Share of the steps, in [0, 1], after which the rate falls linearly to zero.
    seed : int
        Of noise and order of rows (each has its own stream).

    Raises
    ------
    InputError
        If a value cannot be used.
    """

    epochs: int = 150
    labeled_batch: int = 100
    unlabeled_batch: int = 100
    learning_rate: float = 0.002
    decay_start: float = 0.67
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("labeled_batch", FEWEST_ROWS), ("unlabeled_batch", FEWEST_ROWS)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name.replace('_', ' ')} {value!r}: expected a whole number >= {least}")
        if not (_is_number(self.learning_rate) and self.learning_rate > 0):
            raise InputError(f"learning rate {self.learning_rate!r}: expected a number > 0")
        if not (_is_number(self.decay_start) and 0 <= self.decay_start <= 1):
            raise InputError(f"decay start {self.decay_start!r}: expected a share from 0 to 1")
        check_seed(self.seed)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
