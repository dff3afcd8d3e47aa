"""The whole step: forward through encoder and decoder, the cost, and back ([R] Algorithm 1).

    C = −mean log P(ỹ = y | x) + Σₗ λₗ mean (zˡ − ẑˡ_BN)²

The first term is over the labeled rows, the second over the unlabeled ones. This is the wiring alone: maps take from
layer to layer, passes (`passes.py`) do what stands between. Every function is pure: the same parameters, batch and
noise give the same values.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_np.arrays import Array
from ladder_np.network.noise import Noise
from ladder_np.network.parameters import Parameters
from ladder_np.network.passes import (
    Batch,
    Classified,
    Decoded,
    DecodedGradient,
    Encoded,
    EncodedGradient,
    Losses,
    Passes,
)
from ladder_np.network.quantities import Item, backward_items, forward_items

__all__ = ["Batch", "Losses", "State", "backward", "backward_records", "forward"]

# What one pass of the way back returned, with its layer.
Record = tuple[int, DecodedGradient | EncodedGradient | Array]


@dataclass
class State:
    """Everything that the forward pass computed."""

    parameters: Parameters
    passes: Passes  # what it was computed with
    batch: Batch
    noise: Noise  # of the corrupted rows, by layer
    encoded: list[Encoded]  # by layer 0..L
    classified: Classified
    decoded: dict[int, Decoded]  # by layer, of those that the decoder ran through, from the top down
    losses: Losses
    # what the maps' backwards need, by layer
    kept_up: list[Any]
    kept_down: dict[int, Any]

    def items(self, gradients: Parameters | None = None, records: Sequence[Record] = ()) -> Iterator[Item]:
        """Yield every quantity of the step once, in computing order.

        Parameters
        ----------
        gradients : Parameters, optional
            With the gradients; without them only the way forward.
        records : sequence, optional
            What `backward_records` yielded.
        """
        yield from forward_items(self)
        if gradients is not None:
            yield from backward_items(self, gradients, records)


def forward(parameters: Parameters, batch: Batch, noise: Noise, passes: Passes | None = None) -> State:
    """Run the network and compute its cost.

    Parameters
    ----------
    parameters : Parameters
    batch : Batch
    noise : list of (N + M, units of a sample) arrays or None
        Standard normal draws of each layer 0..L, before scaling, labeled rows first. Rows beyond those that the λs
        ask for are not used.
    passes : Passes, optional
        For a batch of this size; plain formulas if not given.

    Returns
    -------
    State
    """
    passes = passes or Passes(parameters.specification, len(batch.x_labeled), len(batch.x_unlabeled))
    layers, own = passes.layers, parameters.layers
    noise = [_of_corrupted(draws, passes, index) for index, draws in enumerate(noise)]

    encoded, kept_up = [passes.corrupt_input(batch, noise[0])], [None]
    for layer in layers[1:]:
        a, kept = layer.up.forward(encoded[-1].h, own[layer.index].W)
        encoded.append(passes.encode_forward(layer, own[layer.index], a, noise[layer.index]))
        kept_up.append(kept)

    classified = passes.classify_forward(encoded[-1].h, batch.y, batch.weights)

    decoded, kept_down = {}, {}
    above = classified.p[passes.rows[-1].unlabeled]
    for layer in reversed(layers[passes.lanes.lowest :]):
        vertical, kept_down[layer.index] = layer.down.forward(above, own[layer.index].V)
        decoded[layer.index] = passes.decode_forward(layer, own[layer.index], vertical, encoded[layer.index])
        above = decoded[layer.index].z_hat

    losses = passes.total(classified, decoded)
    return State(parameters, passes, batch, noise, encoded, classified, decoded, losses, kept_up, kept_down)


def backward(state: State, gradients: Parameters) -> None:
    """Write dC/dparameter into `gradients`; what this network does not use is left as it was (zero).

    Parameters
    ----------
    state : State
        The forward pass's result.
    gradients : Parameters
        Receives the gradients.
    """
    deque(backward_records(state, gradients), maxlen=0)


def backward_records(state: State, gradients: Parameters) -> Iterator[Record]:
    """Run `backward` and yield in computing order what each pass returned (of the classifier, db), with its layer."""
    passes, own, grad = state.passes, state.parameters.layers, gradients.layers
    layers = passes.layers

    from_decoder: dict[int, DecodedGradient] = {}
    below = None  # the gradient of ẑ from the layer below, at the end that of the softmax output
    for layer in layers[passes.lanes.lowest :]:
        index, decoded = layer.index, state.decoded[layer.index]
        from_decoder[index] = passes.decode_backward(layer, own[index], decoded, below, grad[index])
        dvertical = from_decoder[index].dvertical
        below = layer.down.backward(dvertical, own[index].V, state.kept_down[index], grad[index].V, True)
        yield index, from_decoder[index]

    dh = passes.classify_backward(state.classified, state.batch.y, below, state.batch.weights)
    yield layers[-1].index, dh

    for layer in reversed(layers[1:]):
        index, decoder = layer.index, from_decoder.get(layer.index)
        encoded = passes.encode_backward(layer, own[index], state.encoded[index], dh, decoder, grad[index])
        dh = layer.up.backward(encoded.da, own[index].W, state.kept_up[index], grad[index].W, index > 1)
        yield index, encoded


def _of_corrupted(draws: Array | None, passes: Passes, layer: int) -> Array | None:
    """Return a layer's noise as a matrix with the rows that the step has."""
    if draws is None:
        return None
    return draws.reshape(-1, passes.layers[layer].units)[passes.rows[layer].corrupted]
