"""The whole step: forward through encoder and decoder, the cost, and back ([R] Algorithm 1).

    C = −mean log P(ỹ = y | x) + Σₗ λₗ mean (zˡ − ẑˡ_BN)²

The first term is over the labeled rows, the second over the unlabeled ones. Every function here is pure: the
same parameters, batch and noise give the same values.
"""

from dataclasses import dataclass

from ladder_np.arrays import Array, array_module
from ladder_np.network.decoder import DecoderGradients, DecoderState, decode_backward, decode_forward
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
    """The costs of one step, on the device of the batch.

    Attributes
    ----------
    values : (2 + L + 1,) array
        All of them: total, supervised, denoising.
    """

    values: Array

    @property
    def total(self) -> Array:
        """C, the weighted sum; 0-dimensional."""
        return self.values[0]

    @property
    def supervised(self) -> Array:
        """Cross-entropy of the labeled rows; 0-dimensional."""
        return self.values[1]

    @property
    def denoising(self) -> Array:
        """Unweighted denoising cost of each layer, (L + 1,); NaN where λ is 0 and nothing was computed."""
        return self.values[2:]


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
        Standard normal draws of each layer 0..L, before scaling, labeled rows first. Rows beyond those that
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
    decoder = decode_forward(parameters, lanes, encoder, batch.x_unlabeled)
    b_labeled = encoder.b_top[lanes.labeled]
    if parameters.fused:
        row_costs = parameters.fused.cross_entropy(b_labeled, batch.y)
        losses = Losses(parameters.fused.total(row_costs, decoder.unit_costs, lanes))
    else:
        losses = _total(parameters, cross_entropy_forward(b_labeled, batch.y), decoder.cost)
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
    decoder = DecoderGradients(None, {}, {})
    if lanes.n_unlabeled:
        decoder = decode_backward(parameters, lanes, encoder, state.decoder, gradients)
    p = encoder.h[parameters.specification.top]
    if parameters.fused:
        db_top = parameters.fused.classify_backward(p, state.batch.y, decoder.dh_top)
    else:
        db_top = _classify_backward(p, state.batch.y, decoder.dh_top, lanes)
    encode_backward(parameters, lanes, encoder, db_top, decoder.dz_tilde, decoder.clean, gradients)


def _classify_backward(p: Array, y: Array, dh_top: Array | None, lanes: Lanes) -> Array:
    """Return the gradient of the values before the softmax: cross-entropy, and below it the decoder's, if any."""
    db_labeled = cross_entropy_backward(p[lanes.labeled], y)
    if dh_top is None:
        return db_labeled
    return array_module(p).concatenate([db_labeled, softmax_backward(dh_top, p[lanes.unlabeled])])


def _total(parameters: Parameters, supervised: Array, cost: dict[int, Array]) -> Losses:
    """Return C = supervised + Σ λ cost, and its parts."""
    weights = parameters.specification.denoising_weights
    xp = array_module(parameters.vector)
    values = xp.full(2 + len(weights), xp.nan, dtype=parameters.vector.dtype)
    total = supervised
    for layer, value in cost.items():
        values[2 + layer] = value
        total = total + weights[layer] * value
    values[0], values[1] = total, supervised
    return Losses(values)
