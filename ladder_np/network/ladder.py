"""The whole step: forward through encoder and decoder, the cost, and back ([R] Algorithm 1).

    C = −mean log P(ỹ = y | x) + Σₗ λₗ mean (zˡ − ẑˡ_BN)²

The first term is over the labelled rows, the second over the unlabelled ones. Every function here is pure: the
same parameters, batch and noise give the same values.
"""

from dataclasses import dataclass

from ladder_np.arrays import Array, array_module
from ladder_np.network.decoder import DecoderState, decode_backward, decode_forward
from ladder_np.network.encoder import EncoderState, encode_backward, encode_forward
from ladder_np.network.lanes import Lanes
from ladder_np.network.noise import Noise
from ladder_np.network.parameters import Parameters
from ladder_np.operations.activations import softmax_backward
from ladder_np.operations.losses import cross_entropy_backward, cross_entropy_forward

__all__ = ["Batch", "Losses", "State", "backward", "forward"]


@dataclass(frozen=True)
class Batch:
    """The rows of one step: x_labeled (N, d_0), y (N,) integers, x_unlabeled (M, d_0)."""

    x_labeled: Array
    y: Array
    x_unlabeled: Array


@dataclass(frozen=True)
class Losses:
    """The costs of one step, all on the device of the batch.

    Attributes
    ----------
    total : 0-dimensional array
        C, the weighted sum.
    supervised : 0-dimensional array
        Cross-entropy of the labelled rows.
    denoising : (L + 1,) array
        Unweighted denoising cost of each layer; NaN where λ is 0 and nothing was computed.
    """

    total: Array
    supervised: Array
    denoising: Array


@dataclass
class State:
    """Everything that the forward pass computed."""

    lanes: Lanes
    batch: Batch
    encoder: EncoderState
    decoder: DecoderState
    losses: Losses


def forward(parameters: Parameters, batch: Batch, noise: Noise, every_layer: bool = False) -> State:
    """Run the network and compute its cost.

    Parameters
    ----------
    parameters : Parameters
    batch : Batch
    noise : list of (N + M, d_l) arrays or None
        Standard normal draws of each layer 0..L, before scaling, labelled rows first. Rows beyond those that
        the λs ask for are not used.
    every_layer : bool
        Compute also what λ = 0 makes unnecessary (for a complete listing of the step).

    Returns
    -------
    State
    """
    lanes = Lanes.needed(parameters.specification, len(batch.x_labeled), len(batch.x_unlabeled), every_layer)
    noise = [draws if draws is None else draws[lanes.corrupted] for draws in noise]
    encoder = encode_forward(parameters, lanes, batch.x_labeled, batch.x_unlabeled, noise)
    supervised = cross_entropy_forward(encoder.b_top[lanes.labeled], batch.y)
    decoder = decode_forward(parameters, lanes, encoder, batch.x_unlabeled)
    losses = _total(parameters, supervised, decoder.cost)
    return State(lanes, batch, encoder, decoder, losses)


def backward(parameters: Parameters, state: State, gradients: Parameters) -> None:
    """Write dC/dparameter into `gradients`; what this network does not use is left as it was (zero).

    Parameters
    ----------
    parameters : Parameters
        Those of the forward pass.
    state : State
        The forward pass's result.
    gradients : Parameters
        Receives the gradients.
    """
    lanes, encoder = state.lanes, state.encoder
    p = encoder.h[parameters.specification.top]
    db_top = cross_entropy_backward(p[lanes.labeled], state.batch.y)
    if not lanes.n_unlabeled:
        encode_backward(parameters, lanes, encoder, db_top, {}, {}, gradients)
        return
    decoder = decode_backward(parameters, lanes, encoder, state.decoder, gradients)
    db_unlabeled = softmax_backward(decoder.dh_top, p[lanes.unlabeled])
    db_top = array_module(p).concatenate([db_top, db_unlabeled])
    encode_backward(parameters, lanes, encoder, db_top, decoder.dz_tilde, decoder.clean, gradients)


def _total(parameters: Parameters, supervised: Array, cost: dict[int, Array]) -> Losses:
    """Return C = supervised + Σ λ cost."""
    weights = parameters.specification.denoising_weights
    xp = array_module(parameters.vector)
    denoising = xp.full(len(weights), xp.nan, dtype=parameters.vector.dtype)
    total = supervised
    for layer, value in cost.items():
        denoising[layer] = value
        total = total + weights[layer] * value
    return Losses(total, supervised, denoising)
