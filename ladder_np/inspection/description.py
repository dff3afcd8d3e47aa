"""What a network costs: parameters, multiply-adds and memory of each layer, before anything is trained.

Multiply-adds are those of the maps' products for one sample on the way forward. A training step has up to three lanes
in the encoder, one in the decoder, and twice as many multiply-adds on the way back.

Memory is counted, not derived: small steps are run, and what their records keep is measured. It is linear in the
numbers of labeled and unlabeled rows, so three small steps tell those of any other. What the passes hold for a moment
is estimated: where it is most, two matrices of a layer and one of the layer below.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ladder_np.inspection.example import check_numbers, example_step
from ladder_np.network.ladder import State, backward_records, forward
from ladder_np.network.parameters import Parameters
from ladder_np.network.passes import DecodedGradient, Passes
from ladder_np.network.specification import Specification
from ladder_np.operations.maps import Shape

__all__ = ["Description", "LayerDescription", "describe"]

FEW = 2  # labeled and unlabeled rows of the smallest step that is run


@dataclass(frozen=True)
class LayerDescription:
    """One layer 0 .. L.

    Attributes
    ----------
    text : str
        As in the notation of layers; "input" for layer 0.
    shape : tuple of int
        Of one sample.
    encoder, decoder, combinator : int
        Parameters: W, β and γ; V, of the map from the layer above down; the combinator's.
    up, down : int
        Multiply-adds of one sample: up to this layer, and from the layer above down to it.
    memory : int
        Bytes of the layer that a step keeps.
    """

    text: str
    shape: Shape
    encoder: int
    decoder: int
    combinator: int
    up: int
    down: int
    memory: int


@dataclass(frozen=True)
class Description:
    """A network's layers, input first, and the memory of a training step.

    Attributes
    ----------
    layers : tuple of LayerDescription
    n_labeled, n_unlabeled : int
        Rows of the step.
    parameters : int
        Bytes of parameters, gradients and Adam's moments.
    passing : int
        Bytes that the passes hold for a moment, estimated.
    """

    layers: tuple[LayerDescription, ...]
    n_labeled: int
    n_unlabeled: int
    parameters: int
    passing: int

    @property
    def kept(self) -> int:
        """Bytes that the layers keep."""
        return sum(layer.memory for layer in self.layers)

    @property
    def peak(self) -> int:
        """Bytes of a step at its peak."""
        return self.kept + self.parameters + self.passing


def describe(specification: Specification, n_labeled: int, n_unlabeled: int) -> Description:
    """Describe a network, and a step of so many labeled and unlabeled rows.

    Parameters
    ----------
    specification : Specification
    n_labeled, n_unlabeled : int
        Rows, at least 2 each.

    Returns
    -------
    Description

    Raises
    ------
    InputError
        If a lane has too few rows to be normalized.
    """
    check_numbers(specification, n_labeled, n_unlabeled)
    passes, item = Passes(specification, n_labeled, n_unlabeled), specification.numpy_dtype.itemsize
    parameters = Parameters(specification)
    counted = _counted(parameters)
    memory = list(_memory(specification, n_labeled, n_unlabeled))
    layers = tuple(
        LayerDescription(
            text=text,
            shape=layer.shape,
            encoder=counted.get(("encoder", layer.index), 0),
            decoder=counted.get(("decoder", layer.index), 0),
            combinator=counted.get(("combinator", layer.index), 0),
            up=layer.up.multiply_adds,
            down=layer.down.multiply_adds,
            memory=memory[layer.index],
        )
        for layer, text in zip(passes.layers, ("input", *specification.layers), strict=True)
    )
    elements = [rows.total * layer.units for rows, layer in zip(passes.rows, passes.layers, strict=True)]
    passing = max(below + 2 * here for below, here in pairwise(elements))
    vectors = 2 * (parameters.vector.size + parameters.used.size)  # with gradients; Adam's moments of those used
    return Description(layers, n_labeled, n_unlabeled, vectors * item, passing * item)


def _counted(parameters: Parameters) -> dict[tuple[str, int], int]:
    """Return how many parameters there are of each part and layer."""
    counted: dict[tuple[str, int], int] = {}
    for name, view in parameters.items():
        part, layer, _ = name.split(".", 2)
        counted[part, int(layer)] = counted.get((part, int(layer)), 0) + view.size
    return counted


def _memory(specification: Specification, n_labeled: int, n_unlabeled: int) -> Iterator[int]:
    """Yield the bytes that a step keeps of each layer."""
    small, more_labeled, more_unlabeled = (
        _kept_by_a_step(specification, *rows) for rows in ((FEW, FEW), (FEW + 1, FEW), (FEW, FEW + 1))
    )
    for kept, labeled, unlabeled in zip(small, more_labeled, more_unlabeled, strict=True):
        yield kept + (labeled - kept) * (n_labeled - FEW) + (unlabeled - kept) * (n_unlabeled - FEW)


def _kept_by_a_step(specification: Specification, n_labeled: int, n_unlabeled: int) -> list[int]:
    """Run a step and return the bytes that are kept of each layer where the decoder's way back ends."""
    parameters, batch, noise = example_step(specification, n_labeled, n_unlabeled, seed=0)
    with np.errstate(all="ignore"):  # the numbers do not matter
        state = forward(parameters, batch, noise)
        records = backward_records(state, parameters.zeros_like())
        from_decoder = {layer: record for layer, record in records if isinstance(record, DecodedGradient)}
    seen = {id(parameters.vector)}
    return [sum(_sizes(things, seen)) for things in _by_layer(state, from_decoder)]


def _by_layer(state: State, from_decoder: Mapping[int, DecodedGradient]) -> Iterator[list[Any]]:
    """Yield what is kept of each layer."""
    noise = [None if draws is None else draws.copy() for draws in state.noise]  # of the rows that the step needs
    rows = [state.batch.x_labeled, *([state.batch.x_unlabeled] if state.passes.lanes.n_unlabeled else [])]
    for layer, draws in enumerate(noise):
        decoder = [things.get(layer) for things in (state.decoded, state.kept_down, from_decoder)]
        yield [rows if layer == 0 else [], draws, state.encoded[layer], state.kept_up[layer], *decoder]


def _sizes(thing: Any, seen: set[int]) -> Iterator[int]:
    """Yield the bytes of all arrays in a record that have not been seen, each with the memory it is a view of."""
    if isinstance(thing, np.ndarray):
        while isinstance(thing.base, np.ndarray):
            thing = thing.base
        if id(thing) not in seen:
            seen.add(id(thing))
            yield thing.nbytes
    elif isinstance(thing, Mapping):
        yield from _sizes(list(thing.values()), seen)
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from _sizes(part, seen)
    elif dataclasses.is_dataclass(thing):
        yield from _sizes([getattr(thing, field.name) for field in dataclasses.fields(thing)], seen)
