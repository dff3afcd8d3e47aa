"""All parameters in one contiguous vector, with views by the names of the test-vector format.

Gradients and the optimizer's moments have the same layout, so the optimizer works on whole vectors and a
gradient check can walk everything. The order is that of use: the encoder upwards, then the decoder downwards. A
network whose lowest denoised layer is l never touches the decoder below l, which is then the vector's tail.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from ladder_np.arrays import Array, Device, array_module
from ladder_np.network.fused import FusedPasses
from ladder_np.network.lanes import Lanes
from ladder_np.network.specification import Specification
from ladder_np.operations.combinators import COMBINATORS

__all__ = ["Parameters", "initial_parameters", "parameter_shapes", "random_parameters"]


def parameter_shapes(specification: Specification) -> dict[str, tuple[int, ...]]:
    """Return every parameter's name and shape, in the order of the flat vector.

    Names: ``encoder.{l}.weight`` (d_{l-1}, d_l), ``encoder.{l}.beta`` (d_l,) for l = 1..L,
    ``encoder.{L}.gamma`` (d_L,), ``combinator.{l}.{a}`` (d_l,) for l = L..0 and
    ``decoder.{l}.weight`` (d_{l+1}, d_l) for l = L−1..0.
    """
    sizes, top = specification.sizes, specification.top
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(1, top + 1):
        shapes[f"encoder.{layer}.weight"] = (sizes[layer - 1], sizes[layer])
        shapes[f"encoder.{layer}.beta"] = (sizes[layer],)
    shapes[f"encoder.{top}.gamma"] = (sizes[top],)
    for layer in range(top, -1, -1):
        if layer < top:
            shapes[f"decoder.{layer}.weight"] = (sizes[layer + 1], sizes[layer])
        for name in COMBINATORS[specification.combinator].initial:
            shapes[f"combinator.{layer}.{name}"] = (sizes[layer],)
    return shapes


class Parameters(Mapping[str, Array]):
    """Named views into one flat vector: parameters, or their gradients.

    Parameters
    ----------
    specification : Specification
        Gives names, shapes and dtype.
    vector : (total,) array, optional
        The values, on `device`; not copied. Zeros if not given.
    device : Device, optional
        The CPU by default.

    Attributes
    ----------
    vector : (total,) array
        All values. Writing to it or to a view changes both.
    used : (n,) array
        The head of `vector` that a step reads and has gradients for; what follows belongs to the decoder below the
        lowest denoised layer.
    fused : FusedPasses or None
        How the passes of this network's layers run; None: as plain formulas.
    """

    def __init__(
        self, specification: Specification, vector: Array | None = None, device: Device | None = None
    ) -> None:
        device = device or Device()
        shapes = parameter_shapes(specification)
        if vector is None:
            total = sum(math.prod(shape) for shape in shapes.values())
            vector = device.xp.zeros(total, dtype=specification.numpy_dtype)
        self.specification = specification
        self.vector = vector
        self.fused = FusedPasses(specification, device) if device.fused else None
        self._device = device
        self._views: dict[str, Array] = {}
        self._blocks: dict[int, Array] = {}
        names = list(COMBINATORS[specification.combinator].initial)
        lowest = Lanes.needed(specification, 0, 0).lowest
        start = 0
        for name, shape in shapes.items():
            stop = start + math.prod(shape)
            self._views[name] = vector[start:stop].reshape(shape)
            part, layer, short = name.split(".")
            if short == names[0]:
                units = shape[0]
                self._blocks[int(layer)] = vector[start : start + len(names) * units].reshape((len(names), units))
            start = stop
            if part == "encoder" or int(layer) >= lowest:
                self.used = vector[:stop]
        self._combinators = [self._combinator_views(layer) for layer in range(specification.top + 1)]

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def combinator(self, layer: int) -> dict[str, Array]:
        """Return the combinator's parameters of one layer by their short names (a1 .. a10)."""
        return self._combinators[layer]

    def combinator_block(self, layer: int) -> Array:
        """Return the same as one array (10, d_l): they lie one after the other in the vector."""
        return self._blocks[layer]

    def zeros_like(self) -> "Parameters":
        """Return zeros of the same layout, on the same device."""
        return Parameters(self.specification, array_module(self.vector).zeros_like(self.vector), self._device)

    def _combinator_views(self, layer: int) -> dict[str, Array]:
        names = COMBINATORS[self.specification.combinator].initial
        return {name: self._views[f"combinator.{layer}.{name}"] for name in names}


def initial_parameters(specification: Specification, generator: np.random.Generator) -> Parameters:
    """Return the starting point of training: weights N(0, 1)/sqrt(fan_in), γ = 1, β = 0, [R]'s combinators."""
    parameters = Parameters(specification)
    combinator = COMBINATORS[specification.combinator].initial
    for name, view in parameters.items():
        last = name.rpartition(".")[2]
        if last == "weight":
            view[...] = generator.standard_normal(view.shape) / math.sqrt(view.shape[0])
        elif last == "gamma":
            view[...] = 1
        elif last in combinator:
            view[...] = combinator[last]
    return parameters


def random_parameters(specification: Specification, generator: np.random.Generator) -> Parameters:
    """Return random parameters for checks: at the starting point most decoder gradients vanish (fact 9).

    Weights as at the start; γ in [0.5, 1.5]; β and combinator parameters N(0, 0.5²) about their initial values.
    """
    parameters = initial_parameters(specification, generator)
    for name, view in parameters.items():
        if name.endswith("gamma"):
            view[...] = generator.uniform(0.5, 1.5, view.shape)
        elif not name.endswith("weight"):
            view += (0.5 * generator.standard_normal(view.shape)).astype(view.dtype)
    return parameters
