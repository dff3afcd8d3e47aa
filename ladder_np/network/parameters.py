"""All parameters in one contiguous vector, with views by the names of the test-vector format, and by layer.

Gradients and the optimizer's moments have the same layout, so the optimizer works on whole vectors and a gradient
check goes through every element. The order is that of use: the encoder upward, then the decoder downward. A network
whose lowest denoised layer is l never touches the decoder below l, which is then the vector's tail.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.specification import Specification
from ladder_np.operations.combinators import Initial
from ladder_np.operations.maps import Map, Shape

__all__ = ["LayerParameters", "Parameters", "initial_parameters", "parameter_shapes", "random_parameters"]

Draw = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Description:
    """A parameter's shape and values."""

    shape: Shape
    initialize: Draw  # at the start of training
    # for checks, from the starting values: (generator, values) -> values
    randomize: Callable[[np.random.Generator, np.ndarray], np.ndarray]


def parameter_shapes(specification: Specification) -> dict[str, tuple[int, ...]]:
    """Return every parameter's name and shape, in the order of the flat vector.

    Names: ``encoder.{l}.weight``, ``encoder.{l}.beta`` and ``encoder.{l}.gamma`` for l = 1..L, then for l = L..0
    ``decoder.{l}.weight`` (into layer l) and ``combinator.{l}.{name}``, each where the layer has one. Weights have
    the shapes of their maps, (d_{l-1}, d_l) up to and (d_{l+1}, d_l) down into a dense layer; β and γ are (units,).
    """
    return {name: described.shape for name, described in _described(resolve(specification))}


def _kept(generator: np.random.Generator, values: np.ndarray) -> np.ndarray:
    return values


def _moved(generator: np.random.Generator, values: np.ndarray, spread: float = 0.5) -> np.ndarray:
    return values + (spread * generator.standard_normal(values.shape)).astype(values.dtype)


def _scale(generator: np.random.Generator, values: np.ndarray) -> np.ndarray:
    return generator.uniform(0.5, 1.5, values.shape)


def _described(layers: tuple[Layer, ...]) -> Iterator[tuple[str, Description]]:
    """Yield the name and the description of every parameter."""
    for layer in layers[1:]:
        prefix = f"encoder.{layer.index}"
        yield from _weight(prefix, layer.up)
        if layer.has_beta:
            yield f"{prefix}.beta", _described_as(Initial(0.0), layer.units, _moved)
        if layer.has_gamma:
            yield f"{prefix}.gamma", _described_as(Initial(1.0), layer.units, _scale)
    for layer in reversed(layers):
        yield from _weight(f"decoder.{layer.index}", layer.down)
        for name, initial in layer.combinator.parameters.items():
            randomize = partial(_moved, spread=initial.spread)
            yield f"combinator.{layer.index}.{name}", _described_as(initial, layer.units, randomize)


def _described_as(initial: Initial, units: int, randomize: Callable[..., np.ndarray]) -> Description:
    return Description(initial.shape(units), partial(initial.draw, units=units), randomize)


def _weight(prefix: str, one: Map) -> Iterator[tuple[str, Description]]:
    if one.weight is not None and one.initialize is not None:
        yield f"{prefix}.weight", Description(one.weight, one.initialize, _kept)


@dataclass(frozen=True)
class LayerParameters:
    """Views of one layer's parameters, or of their gradients; None where it has none."""

    # weight of the map from the layer below, and of that from the layer above down
    W: Array | None
    V: Array | None
    # (units,): shift and scale
    beta: Array | None
    gamma: Array | None
    combinator: Mapping[str, Array]  # the combinator's parameters by name
    combinator_block: Array  # (n,): the same, one after the other


class Parameters(Mapping[str, Array]):
    """Named views into one flat vector: parameters, or their gradients.

    Parameters
    ----------
    specification : Specification
        Gives names, shapes and dtype.
    vector : (total,) array, optional
        The values, on any device; not copied. Zeros on the CPU if not given.

    Attributes
    ----------
    vector : (total,) array
        All values. Writing to it or to a view changes both.
    used : (n,) array
        The head of `vector` that a step reads and has gradients for; what follows belongs to the decoder below the
        lowest denoised layer.
    layers : list of LayerParameters
        The same views by layer 0..L.
    """

    def __init__(self, specification: Specification, vector: Array | None = None) -> None:
        layers = resolve(specification)
        shapes = {name: described.shape for name, described in _described(layers)}
        if vector is None:
            vector = np.zeros(sum(map(math.prod, shapes.values())), dtype=specification.numpy_dtype)
        self.specification = specification
        self.vector = vector
        self._views: dict[str, Array] = {}
        self._starts: dict[str, int] = {}
        used = stop = 0
        for name, shape in shapes.items():
            self._starts[name], stop = stop, stop + math.prod(shape)
            self._views[name] = vector[self._starts[name] : stop].reshape(shape)
            part, layer, _ = name.split(".", 2)
            if part == "encoder" or int(layer) >= specification.lowest:
                used = stop
        self.used = vector[:used]
        self.layers = [self._of_layer(layer) for layer in layers]

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def zeros_like(self) -> "Parameters":
        """Return zeros of the same layout, on the same device."""
        return Parameters(self.specification, array_module(self.vector).zeros_like(self.vector))

    def _of_layer(self, layer: Layer) -> LayerParameters:
        get, names = self._views.get, [f"combinator.{layer.index}.{name}" for name in layer.combinator.parameters]
        start = self._starts[names[0]] if names else 0
        size = sum(self._views[name].size for name in names)
        encoder = f"encoder.{layer.index}"
        return LayerParameters(
            get(f"{encoder}.weight"),
            get(f"decoder.{layer.index}.weight"),
            get(f"{encoder}.beta"),
            get(f"{encoder}.gamma"),
            {name.split(".", 2)[2]: self._views[name] for name in names},
            self.vector[start : start + size],
        )


def initial_parameters(specification: Specification, generator: np.random.Generator) -> Parameters:
    """Return the starting point of training: γ = 1, β = 0, weights and combinators as their kinds start.

    Dense weights are N(0, 1)/sqrt(inputs) ([R]).
    """
    parameters = Parameters(specification)
    for name, described in _described(resolve(specification)):
        parameters[name][...] = described.initialize(generator)
    return parameters


def random_parameters(specification: Specification, generator: np.random.Generator) -> Parameters:
    """Return random parameters for checks: at the starting point most decoder gradients vanish (fact 9).

    Weights as at the start; γ in [0.5, 1.5]; β and a combinator's parameters N(0, spread²) about their initial
    values, the spread 0.5 if a combinator names no other.
    """
    parameters = initial_parameters(specification, generator)
    for name, described in _described(resolve(specification)):
        parameters[name][...] = described.randomize(generator, parameters[name])
    return parameters
