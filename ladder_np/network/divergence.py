"""Where in a step NaN or infinity first appeared: its quantities are looked at in computing order."""

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.network.ladder import State

__all__ = ["first_nonfinite", "largest_cost"]


def first_nonfinite(state: State) -> str | None:
    """Return the name of the first quantity of a step that holds NaN or infinity; None if all are finite.

    Parameters
    ----------
    state : State
        What the step's forward pass computed, with its parameters before their update.
    """
    for item in state.items():
        if item.quantity.name in PARAMETERS:
            for key, value in item.vectors():
                if not _is_finite(value):
                    return f"the parameter {key.removeprefix('param/')}"
        elif item.layer is not None and not _is_finite(item.value):
            return item.label
    return None


PARAMETERS = ("W", "V", "beta", "gamma", "combinator")


def _is_finite(x: Array) -> bool:
    xp = array_module(x)
    finite = xp.isfinite(x).all()
    return bool(finite if xp is np else xp.asnumpy(finite))


def largest_cost(state: State, denoising: np.ndarray) -> str:
    """Return which layer's weighted denoising cost is the largest; `denoising` is (L + 1,), NaN where λ is 0."""
    weighted = np.array(state.parameters.specification.denoising_weights) * np.nan_to_num(denoising)
    return f"the denoising cost of layer {int(weighted.argmax())}"
