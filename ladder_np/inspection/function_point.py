"""A caller's function and gradients as a `Point`, and what is asked of them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.errors import InputError
from ladder_np.inspection.differences import to_host
from ladder_np.rng import Stream, stream

__all__ = [
    "NOISY",
    "Arrays",
    "CheckedFunction",
    "FunctionPoint",
    "Gradients",
    "checked_parameters",
    "refuse_what_differences_cannot_judge",
]

NEARBY = 0.01  # how far off other points are, as a share of each value
NOISY = 1e-10  # of the cost: more rounding than float64 has

Arrays = Mapping[str, Array]
Gradients = Arrays | Callable[..., Arrays]


@dataclass(frozen=True)
class CheckedFunction:
    """What the caller gave."""

    function: Callable[[dict[str, Array]], Any]
    parameters: Arrays
    gradients: Gradients
    kinks: Callable[[dict[str, Array]], Any] | None
    seed: int


class FunctionPoint:
    """The function at the caller's parameters, or at random ones nearby; of an array, Σ upstream · array.

    Attributes
    ----------
    question : CheckedFunction
    arguments, gradients
        As a `Point` has them, without the tensors whose gradients have another shape.
    parameters : dict of str to array
        All of them, copies of the caller's.
    shapes : dict of str to tuple
        Of all gradients.
    output : tuple of int
        The shape of the function's result.
    """

    def __init__(self, question: CheckedFunction, k: int = 0) -> None:
        generator = stream(question.seed, Stream.EXAMPLE_BATCH, k)
        self.question, self._upstream = question, None
        self.parameters = {name: _nearby(x, generator) if k else x.copy() for name, x in question.parameters.items()}
        value = question.function(dict(self.parameters))
        self.output = _checked_shape(value)
        if self.output:
            self._upstream = _beside(value, generator.standard_normal(self.output))
        given = self._analytic()
        self.shapes = {name: gradient.shape for name, gradient in given.items()}
        self.arguments = {name: x for name, x in self.parameters.items() if x.shape == self.shapes[name]}
        self.gradients = {name: given[name] for name in self.arguments}

    def _analytic(self) -> dict[str, np.ndarray]:
        """Return the caller's gradients, checked, by the order of the parameters."""
        given = self.question.gradients
        arguments = [dict(self.parameters)] if self._upstream is None else [dict(self.parameters), self._upstream]
        if callable(given):
            _refuse_other_arguments(given, len(arguments), self.output)
            given = given(*arguments)
        elif self._upstream is not None:
            raise InputError(
                f"the function returns an array of shape {self.output}: give gradients(parameters, upstream), "
                "a callable, in place of arrays"
            )
        return _checked_gradients(given, self.parameters)

    def cost(self) -> tuple[float, list[Array]]:
        """Return the function's value, and the masks of its kinks."""
        value = self.question.function(dict(self.parameters))
        if self._upstream is not None:
            value = (self._upstream * (value if _is_on_device(value) else np.asarray(value))).sum()
        return float(to_host(value)), self._masks()

    def _masks(self) -> list[Array]:
        if self.question.kinks is None:
            return []
        found = self.question.kinks(dict(self.parameters))
        found = list(found.values()) if isinstance(found, Mapping) else found
        found = found if isinstance(found, list | tuple) else [found]
        for x in found:
            if not hasattr(x, "dtype"):
                raise InputError(f"kinks returned {type(x).__name__}; expected an array, or a list or dict of arrays")
        return [x if x.dtype.kind == "b" else x > 0 for x in found]


def _nearby(x: Array, generator: np.random.Generator) -> Array:
    """Return random values close to those of `x`, of the same signs; zeros move too."""
    host = to_host(x)
    typical = float(np.sqrt(np.mean(np.square(host)))) or 1.0
    return _beside(x, host + NEARBY * np.where(host, host, typical) * generator.standard_normal(host.shape))


def _is_on_device(x: Any) -> bool:
    return hasattr(array_module(x), "asnumpy")


def _beside(x: Array, host: np.ndarray) -> Array:
    """Return `host` where `x` is."""
    return array_module(x).asarray(host) if _is_on_device(x) else np.asarray(host)


# ---- What is asked of the caller.


def checked_parameters(parameters: Any) -> Arrays:
    """Return the caller's parameters as arrays, if differences can be made of them."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise InputError("parameters: expected a dict of named float64 arrays, with one at least")
    for name, x in parameters.items():
        if not isinstance(name, str):
            raise InputError(f"parameter name {name!r}: expected a text")
        if not isinstance(x, np.ndarray | np.generic) and not _is_on_device(x):
            raise InputError(f"parameter {name!r} is of type {type(x).__name__}; expected a NumPy or CuPy array")
        if x.dtype != np.float64:
            raise InputError(f"parameter {name!r} holds {x.dtype}; differences need float64: astype('float64')")
        if not x.size:
            raise InputError(f"parameter {name!r} is empty, shape {x.shape}; leave it out")
        if not np.isfinite(to_host(x)).all():
            raise InputError(f"parameter {name!r} holds values that are no finite numbers")
    return {name: _beside(x, x) for name, x in parameters.items()}


def _checked_gradients(given: Any, parameters: Arrays) -> dict[str, np.ndarray]:
    if not isinstance(given, Mapping):
        raise InputError(f"gradients of type {type(given).__name__}; expected a dict, as parameters is")
    if given.keys() != parameters.keys():
        raise InputError(
            f"gradients named {', '.join(map(str, given)) or 'nothing'} for parameters named "
            f"{', '.join(map(str, parameters))}; expected the same names"
        )
    checked = {}
    for name in parameters:
        gradient = to_host(given[name])
        if gradient.dtype != np.float64 and gradient.dtype.kind not in "iu":
            raise InputError(f"the gradient of {name!r} holds {gradient.dtype}; differences need float64")
        checked[name] = gradient.astype(np.float64)  # a copy: the caller may use its memory again
    return checked


def _checked_shape(value: Any) -> tuple[int, ...]:
    """Return the shape of what the function returned."""
    try:
        host = to_host(value)
    except ValueError:  # arrays of several shapes
        host = np.array(None)
    if host.dtype != np.float64 and host.dtype.kind not in "iu":
        what = type(value).__name__ if host.dtype.kind == "O" else f"numbers of {host.dtype}"
        raise InputError(f"the function returned {what}; expected a number or one array, of float64")
    if not np.isfinite(host).all():
        raise InputError("the function is no finite number at these parameters; differences need one")
    return host.shape


def _refuse_other_arguments(gradients: Callable[..., Any], count: int, output: tuple[int, ...]) -> None:
    """Refuse a callable that does not take so many arguments."""
    try:
        signature = inspect.signature(gradients)
    except ValueError:  # built-in callables need not have one
        return
    try:
        signature.bind(*range(count))
    except TypeError as error:
        wanted = "parameters" if count == 1 else "parameters, upstream"
        returned = f"an array of shape {output}" if output else "a number"
        raise InputError(f"gradients{signature}: expected ({wanted}), as the function returns {returned}") from error


def refuse_what_differences_cannot_judge(point: FunctionPoint) -> None:
    """Refuse a function that changes its parameters or whose values change."""
    for name, x in point.parameters.items():
        if (to_host(x) != to_host(point.question.parameters[name])).any():
            raise InputError(f"the function or its gradients change parameter {name!r} in place; let them copy it")
    (once, _), (again, _) = point.cost(), point.cost()
    if abs(once - again) > NOISY * abs(once):
        raise InputError(f"the function returned {once!r}, then {again!r} for the same parameters; fix its noise")
