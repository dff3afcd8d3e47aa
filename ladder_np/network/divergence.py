"""Where in a step the first number appeared that is none: the arrays are looked at in the order of computation."""

from collections.abc import Iterator

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.network.ladder import State
from ladder_np.network.parameters import Parameters

__all__ = ["first_nonfinite", "largest_cost"]


def first_nonfinite(parameters: Parameters, state: State) -> str | None:
    """Return the name of the first array that holds NaN or infinity, with its layer; None if all are finite.

    Parameters
    ----------
    parameters : Parameters
        Those of the step, before its update.
    state : State
        What its forward pass computed.
    """
    for name, x in _in_order(parameters, state):
        xp = array_module(x)
        finite = xp.isfinite(x).all()
        if not bool(finite if xp is np else xp.asnumpy(finite)):
            return name
    return None


def largest_cost(parameters: Parameters, denoising: np.ndarray) -> str:
    """Return which layer's weighted denoising cost is the largest; `denoising` is (L + 1,), NaN where λ is 0."""
    weighted = np.array(parameters.specification.denoising_weights) * np.nan_to_num(denoising)
    return f"the denoising cost of layer {int(weighted.argmax())}"


def _in_order(parameters: Parameters, state: State) -> Iterator[tuple[str, Array]]:
    encoder, decoder, top = state.encoder, state.decoder, parameters.specification.top
    for layer in range(1, top + 1):
        for name in ("weight", "beta", "gamma"):
            if (key := f"encoder.{layer}.{name}") in parameters:
                yield f"the parameter {key}", parameters[key]
        sigmas = encoder.sigma[layer]  # a list of arrays, or one array of all lanes
        yield from ((f"σ of layer {layer}", sigmas[lane]) for lane in range(len(sigmas)))
        yield f"z of layer {layer}", encoder.z[layer]
        yield f"z̃ of layer {layer}", encoder.z_tilde[layer]
        yield f"h of layer {layer}", encoder.h[layer]
    for layer in range(top, state.lanes.lowest - 1, -1):
        if layer < top:
            yield f"the parameter decoder.{layer}.weight", parameters[f"decoder.{layer}.weight"]
        yield f"u of layer {layer}", decoder.u[layer]
        for name, a in parameters.combinator(layer).items():
            yield f"the parameter combinator.{layer}.{name}", a
        yield f"ẑ of layer {layer}", decoder.z_hat[layer]
        if state.lanes.denoised[layer]:
            yield f"ẑ_BN of layer {layer}", decoder.z_hat_bn[layer]
            yield f"ẑ_BN − z of layer {layer}", decoder.difference[layer]
