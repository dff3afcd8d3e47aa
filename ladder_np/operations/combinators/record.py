"""What a combinator is: one row of the table, and the starting values of its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ladder_np.arrays import Array
from ladder_np.operations.formulas import Formula

__all__ = ["Cache", "Combinator", "Initial"]

Cache = tuple[Any, ...]


@dataclass(frozen=True)
class Initial:
    """One parameter of a combinator: its starting values N(mean, std²), and its shape in a layer of `units` units."""

    mean: float = 0.0
    std: float = 0.0
    spread: float = 0.5  # standard deviation about the starting value where a check takes random parameters
    # ``shape(units) -> tuple of int``; (units,) if not given
    shape: Callable[[int], tuple[int, ...]] = lambda units: (units,)

    def draw(self, generator: np.random.Generator, units: int) -> np.ndarray:
        """Return the starting values for a layer of `units` units."""
        shape = self.shape(units)
        return self.mean + self.std * generator.standard_normal(shape) if self.std else np.full(shape, self.mean)


@dataclass(frozen=True)
class Combinator:
    """One combinator of the table."""

    parameters: Mapping[str, Initial]  # its parameters by name, in the order in which they lie in memory
    # ``forward(z_tilde, u, a) -> z_hat, cache``; a holds the parameters by name
    forward: Callable[..., tuple[Array, Cache]]
    # ``backward(dz_hat, u, a, cache) -> dz_tilde, du, da``, all of them fresh arrays
    backward: Callable[..., tuple[Array, Array, dict[str, Array]]]
    # its right-hand side for a trace, {l} standing for the layer, and where it stands in the papers
    equation: str = "g(z̃{l}, u{l})"
    paper: str = ""
    slope: str = "∂g/∂z̃{l}"  # dẑ/dz̃ in that notation
    # ``inner(u, a)`` returns what a trace shows besides ẑ: ``mu_of_u`` and ``v_of_u``, if it has them
    inner: Callable[..., dict[str, Array]] | None = None
    # ``kinks(z_tilde, u, a)`` returns the masks that change where a kink of g is crossed, if it has kinks
    kinks: Callable[..., list[Array]] | None = None
    # where quantities are computed (names as in `network.quantities`), if not in the last line of its functions
    lines: Mapping[str, Formula] = field(default_factory=dict)
    # how `kernels/passes.cu` is compiled to contain it; None: it runs as plain formulas on a GPU too
    cuda: str | None = None
