"""What a network is: sizes, activation, combinator, noise, weights. Everything but its numbers."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

__all__ = ["MOST_LAYERS", "Specification"]

DTYPES = ("float32", "float64")
LARGEST_SIZE, MOST_LAYERS = 2**26, 256  # so that the number of parameters stays one that an address can hold


@dataclass(frozen=True)
class Specification:
    """The immutable description of a ladder network; checked when it is made.

    Parameters
    ----------
    sizes : sequence of int
        Widths d_0 .. d_L: input, hidden layers, classes. At least two; L = len(sizes) − 1.
    activation : str
        φ of the layers below the top: a name of `ACTIVATIONS`. The top layer is a softmax.
    combinator : str
        g of every layer: a name of `COMBINATORS`.
    noise_std : float or sequence of float
        Standard deviation of the noise, one for all layers or one a layer, the input first (L + 1).
    denoising_weights : float or sequence of float, optional
        λ_l of every layer, one for all or one a layer, the input first (L + 1); all 0 is the supervised baseline.
        Default: those of the full ladder at 100 labels in [R], 1000, 10, then 0.1 for every further layer.
    batch_norm_eps : float
        Added to batch variances.
    stop_gradient_targets : bool
        Treat the clean z, μ, σ as constants. The reference does not (fact 3), so False is the default.
    dtype : {"float32", "float64"}
        Of parameters and computations.

    Raises
    ------
    InputError
        If a value cannot be used.
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    combinator: str = "gaussian"
    noise_std: tuple[float, ...] = (0.3,)
    denoising_weights: tuple[float, ...] = None  # type: ignore[assignment]  # L + 1 numbers once made
    batch_norm_eps: float = 1e-10
    stop_gradient_targets: bool = False
    dtype: str = "float32"

    def __post_init__(self) -> None:
        fix = partial(object.__setattr__, self)  # the class is frozen: fields are set once, here
        fix("sizes", _checked_sizes(self.sizes))
        fix("noise_std", _per_layer("noise std", self.noise_std, len(self.sizes)))
        weights = default_weights(len(self.sizes)) if self.denoising_weights is None else self.denoising_weights
        fix("denoising_weights", _per_layer("denoising weights", weights, len(self.sizes)))
        fix("batch_norm_eps", _number("batch norm eps", self.batch_norm_eps))
        if self.batch_norm_eps <= 0:
            raise InputError(f"batch norm eps {self.batch_norm_eps}: expected a number > 0")
        if not isinstance(self.stop_gradient_targets, bool):
            raise InputError(f"stop gradient targets {self.stop_gradient_targets!r}: expected True or False")
        for name, choices in (("activation", ACTIVATIONS), ("combinator", COMBINATORS), ("dtype", DTYPES)):
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in choices:
                raise InputError(f"unknown {name} {getattr(self, name)!r}; choose one of {', '.join(choices)}")

    @property
    def top(self) -> int:
        """L, the number of layers above the input."""
        return len(self.sizes) - 1

    @property
    def denoises(self) -> bool:
        """Whether any layer has a denoising cost; without one, unlabeled rows are not used."""
        return any(weight > 0 for weight in self.denoising_weights)

    @property
    def numpy_dtype(self) -> np.dtype:
        """The dtype as NumPy's (and CuPy's) object."""
        return np.dtype(self.dtype)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Specification":
        """Return the specification that `as_json` described; other keys are left alone."""
        names = {field.name for field in dataclasses.fields(cls)}
        if "sizes" not in fields:
            raise InputError("a network's description needs its sizes")
        return cls(**{key: value for key, value in fields.items() if key in names})


def default_weights(layers: int) -> tuple[float, ...]:
    """Return [R]'s λs of the full ladder at 100 labels, for a network of this many layers, input included."""
    return (1000.0, 10.0, *(0.1,) * layers)[:layers]


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    if isinstance(sizes, str) or not isinstance(sizes, Sequence | np.ndarray):
        raise InputError(f"sizes {sizes!r}: expected whole numbers, for example (784, 1000, 500, 10)")
    named = f"layer sizes {'-'.join(map(str, sizes))}"
    if len(sizes) > MOST_LAYERS:
        raise InputError(f"{len(sizes)} layer sizes: expected at most {MOST_LAYERS}")
    if len(sizes) < 2:
        raise InputError(f"{named}: expected at least two, the input's and the number of classes")
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 1 <= size <= LARGEST_SIZE:
            raise InputError(f"{named}: {size!r} is no whole number from 1 to {LARGEST_SIZE}")
    if sizes[-1] < 2:
        raise InputError(f"{named}: the last is the number of classes, at least 2")
    return tuple(int(size) for size in sizes)


def _per_layer(name: str, values: Any, layers: int) -> tuple[float, ...]:
    """Return one number >= 0 for each layer, input included, from one for all or one for each."""
    if (isinstance(values, Sequence) and not isinstance(values, str)) or (
        isinstance(values, np.ndarray) and values.ndim
    ):
        numbers = tuple(_number(name, value) for value in values)
    else:
        numbers = (_number(name, values),)
    if len(numbers) == 1:
        numbers *= layers
    if len(numbers) != layers:
        raise InputError(
            f"{name}: got {len(numbers)} values for {layers} layers (the input counts); give one, or {layers}"
        )
    for number in numbers:
        if number < 0:
            raise InputError(f"{name} {number}: expected numbers >= 0")
    return numbers


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} {value!r}: expected a number") from None
    if not math.isfinite(number):
        raise InputError(f"{name} {value!r}: expected a finite number")
    return number
