"""The gradient check for any function of named arrays: ``ladder_np.check_gradients``.

Gradients are compared with central differences (`differences`). Where one fails, both gradients are compared at
single coordinates, and `hints` says what the difference may mean.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.errors import InputError
from ladder_np.inspection.differences import (
    DOUBT,
    STEP,
    TOLERANCE,
    FiniteDifferences,
    random_direction,
    to_host,
)
from ladder_np.inspection.directions import MOST_POINTS, STEPS, Check, check_points
from ladder_np.inspection.hints import GradientComparison, hint, shape_hint
from ladder_np.inspection.report import GradientReport
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["check_gradients"]

N_DIRECTIONS = 3  # random directions per tensor
NEARBY = 0.01  # distance of other points from the caller's, as a share of each value
NOISY = 1e-10  # relative change of the cost between two calls that float64's rounding does not explain
WHOLE = 256  # tensors up to this size are compared at every coordinate, if few tensors are wrong
PART = 64  # number of coordinates, about, at which larger tensors are compared
ALL = 1024  # coordinates of all tensors together
NO_GRADIENT = "the slopes on its two sides differ, and there is no gradient"
LITTLE = "single entries differ by less than shows beside rounding: many share the error, or one is wrong by little"
OBSTACLE = (
    "a kink, a jump or the end of its domain lies within every step that was tried, down to those that rounding hides"
)
COARSE = "the function is rounded more coarsely than float64: float32 inside, or a large number cancels?"

Arrays = Mapping[str, Array]
Gradients = Arrays | Callable[..., Arrays]


def check_gradients(
    function: Callable[[dict[str, Array]], Any],
    parameters: Arrays,
    gradients: Gradients,
    *,
    kinks: Callable[[dict[str, Array]], Any] | None = None,
    seed: int = 0,
    step: float = STEP,
    tolerance: float = TOLERANCE,
) -> GradientReport:
    """Compare the gradients of any function of named arrays with central differences, and say what is wrong.

    Every tensor is checked along 3 random directions of all its entries and, up to 64 entries, in every coordinate.
    To say what a difference may mean, a gradient that fails is then compared at all coordinates, or at about 64 of
    more than 256.

    What is found in a tensor of n > 64 entries:

    - An error that the entries share, such as a wrong factor, ten times `tolerance`: in all but one case of 1000.
    - One wrong entry: in as many cases if it is wrong by 4 · `tolerance` · norm, where norm is that of the gradient.
      A random direction sees only about 1/sqrt(n) of a single entry.
    - One wrong entry among more than 1000 is searched more closely, by blocks of entries with similar gradients, and
      checked alone where a block shows it. It is found nearly always if it is wrong by more than `tolerance` times
      its gradient and times norm/sqrt(n), as in a small tensor, and by more than the function's rounding hides, about
      1e-9 of its value. Less is found where kinks or strong curvature lie within 10 to 1000 steps.

    A large gradient costs about 100 calls of the function if it is right, and some hundreds if it is wrong or if the
    end of the function's domain is near.

    Parameters
    ----------
    function : callable
        ``function(parameters)`` returns a number or one array of any shape. It returns the same for the same
        parameters (fix its noise) and does not change them.
    parameters : mapping of str to array
        Where to check: float64 arrays of NumPy or CuPy. Use random values and batches of at least five rows: at many
        initial values gradients are zero, and a check proves nothing.
    gradients : mapping of str to array, or callable
        The gradient at `parameters`, by the same names and with the same shapes, or ``gradients(parameters)`` that
        returns it. For a function that returns an array: ``gradients(parameters, upstream)``, which returns the
        gradient of ``(upstream * function(parameters)).sum()``; `upstream` is random and has the shape of that array.
        With a callable, directions that cross a kink are tried again at random points nearby, otherwise only with
        smaller steps.
    kinks : callable, optional
        ``kinks(parameters)`` returns the values whose sign changes at the function's kinks, such as the inputs of a
        ReLU: arrays of numbers or booleans. Without it, kinks are detected by the differences themselves.
    seed : int, optional
        Seed of directions, upstream gradients and points nearby.
    step : float, optional
        Step of the differences, for values of order one or smaller.
    tolerance : float, optional
        Largest relative difference that passes.

    Returns
    -------
    GradientReport
        Has ``passed``, one `Check` per parameter and ``raise_if_failed()``; prints as a table.

    Raises
    ------
    InputError
        If an argument cannot be used: numbers that are not float64, names that differ, or a function that is noisy,
        is NaN or infinite, or changes its parameters.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(5, 3))
    >>> check_gradients(lambda p: (p["x"] ** 2).mean(), {"x": x}, {"x": 2 * x / x.size}).passed
    True
    """
    for name, value in (("step", step), ("tolerance", tolerance)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise InputError(f"{name} {value!r}: expected a number above 0")
    if not callable(function):
        raise InputError(f"function of type {type(function).__name__}; expected a callable that takes the parameters")
    checked = CheckedFunction(function, _checked_parameters(parameters), gradients, kinks, check_seed(seed))
    first = FunctionPoint(checked)
    _check_repeatable(first)
    generator = stream(seed, Stream.DIRECTIONS)
    moves = callable(gradients)
    checks = check_points(
        lambda k: _point_nearby(checked, k, first) if k and moves else first,
        generator,
        tolerance,
        step,
        MOST_POINTS if moves else STEPS,
        N_DIRECTIONS,
        thorough=True,
    )
    if not all(check.passed and check.resolved and check.kink is None for check in checks):
        differences = FiniteDifferences(first, step, tolerance, generator)
        _refuse_rounding(checks, differences)
        _explain(checks, first, differences, generator)
    return GradientReport(_in_order(checks, first), tolerance)


def _refuse_rounding(checks: list[Check], differences: FiniteDifferences) -> None:
    """Raise `InputError` if rounding of the function hides all of its gradients."""
    hidden = [check.norm > differences.rounding(check.name) for check in checks]
    if any(hidden) and not any(check.resolved or not check.passed for check in checks):
        raise InputError(
            f"the function's value, {differences.base:.3g}, is rounded so coarsely that differences show "
            "no gradient; leave out its constant terms and terms that cancel"
        )


def _explain(
    checks: list[Check], point: "FunctionPoint", differences: FiniteDifferences, generator: np.random.Generator
) -> None:
    """Set in failed checks where the gradient is wrong and what that may mean."""
    shapes = {name: x.shape for name, x in point.parameters.items()}
    lengths = _lengths_of(shapes | ({"the result": point.output} if point.output else {}))
    vectors = _vectors_of({name: to_host(x) for name, x in point.parameters.items()})
    wrong = [check for check in checks if check.relative > differences.tolerance]
    comparisons = _compare_coordinates(differences, wrong, generator, lengths, vectors)
    for check in wrong:
        comparison = comparisons[check.name]
        check.hint = hint(comparison)
        if comparison.wrong.any():
            check.where = comparison.worst
        elif not check.hint:
            check.hint = LITTLE
    for check in checks:
        if not check.passed and differences.is_coarse(check.name, random_direction(check.shape, generator)):
            check.hint = COARSE
        elif not check.hint and check.kink is not None:
            place = f", at {list(check.kink)}" if check.kink else ""
            advice = "" if check.passed else "; check at other values"
            check.hint = f"a kink lies exactly at the point{place}: {NO_GRADIENT}{advice}"
        elif check.unchecked and not check.hint:
            check.hint = OBSTACLE


def _in_order(checks: list[Check], point: "FunctionPoint") -> list[Check]:
    """Return the checks in the order of the parameters, and a failed one for each gradient of a wrong shape."""
    found = {check.name: check for check in checks}
    for name in point.parameters.keys() - found.keys():
        given, expected = point.shapes[name], point.parameters[name].shape
        text = shape_hint(given, expected)
        found[name] = Check(name, expected, math.nan, math.inf, math.inf, passed=False, hint=text)
    return [found[name] for name in point.parameters]


# ---- The caller's function at a point.


@dataclass(frozen=True)
class CheckedFunction:
    """The caller's function and its gradients."""

    function: Callable[[dict[str, Array]], Any]
    parameters: Arrays
    gradients: Gradients
    kinks: Callable[[dict[str, Array]], Any] | None
    seed: int


def _point_nearby(checked: CheckedFunction, k: int, first: "FunctionPoint") -> "FunctionPoint":
    """Return the k-th point nearby, or the first one if that is outside of the function's domain."""
    try:
        with np.errstate(all="ignore"):
            return FunctionPoint(checked, k)
    except (ArithmeticError, ValueError):
        return first


class FunctionPoint:
    """The function at copies of the caller's parameters or at random ones nearby, as a `Point`.

    A result that is an array is reduced to Σ upstream · array.
    """

    def __init__(self, checked: CheckedFunction, k: int = 0) -> None:
        generator = stream(checked.seed, Stream.EXAMPLE_BATCH, k)
        self.checked, self._upstream = checked, None
        self.parameters = {name: _nearby(x, generator) if k else x.copy() for name, x in checked.parameters.items()}
        value = checked.function(dict(self.parameters))
        self.output = _checked_shape(value)
        if self.output:
            self._upstream = _beside(value, generator.standard_normal(self.output))
        given = self._analytic()
        self.shapes = {name: gradient.shape for name, gradient in given.items()}
        # Without the tensors whose gradients have another shape.
        self.arguments = {name: x for name, x in self.parameters.items() if x.shape == self.shapes[name]}
        self.gradients = {name: given[name] for name in self.arguments}

    def _analytic(self) -> dict[str, np.ndarray]:
        """Return the caller's gradients, checked, in the order of the parameters."""
        given = self.checked.gradients
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
        value = self.checked.function(dict(self.parameters))
        if self._upstream is not None:
            value = (self._upstream * (value if _is_on_device(value) else np.asarray(value))).sum()
        return float(to_host(value)), self._masks()

    def _masks(self) -> list[Array]:
        if self.checked.kinks is None:
            return []
        found = self.checked.kinks(dict(self.parameters))
        found = list(found.values()) if isinstance(found, Mapping) else found
        found = found if isinstance(found, list | tuple) else [found]
        for x in found:
            if not hasattr(x, "dtype"):
                raise InputError(f"kinks returned {type(x).__name__}; expected an array, or a list or dict of arrays")
        return [x if x.dtype.kind == "b" else x > 0 for x in found]


def _nearby(x: Array, generator: np.random.Generator) -> Array:
    """Return random values close to those of `x` and of the same signs; zeros change too."""
    host = to_host(x)
    typical = float(np.sqrt(np.mean(np.square(host)))) or 1.0
    return _beside(x, host + NEARBY * np.where(host, host, typical) * generator.standard_normal(host.shape))


def _is_on_device(x: Any) -> bool:
    return hasattr(array_module(x), "asnumpy")


def _beside(x: Array, host: np.ndarray) -> Array:
    """Return `host` on the device of `x`."""
    return array_module(x).asarray(host) if _is_on_device(x) else np.asarray(host)


# ---- Checks of what the caller gave.


def _checked_parameters(parameters: Any) -> Arrays:
    """Return the caller's parameters as arrays; raise `InputError` if they cannot be perturbed."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise InputError("parameters: expected a dict of at least one named float64 array")
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
            raise InputError(f"parameter {name!r} holds NaN or infinite values")
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
        checked[name] = gradient.astype(np.float64)  # a copy, because the caller may reuse its memory
    return checked


def _checked_shape(value: Any) -> tuple[int, ...]:
    """Return the shape of the function's result."""
    try:
        host = to_host(value)
    except ValueError:  # arrays of several shapes
        host = np.array(None)
    if host.dtype != np.float64 and host.dtype.kind not in "iu":
        what = type(value).__name__ if host.dtype.kind == "O" else f"numbers of {host.dtype}"
        raise InputError(f"the function returned {what}; expected a number or one array, of float64")
    if not np.isfinite(host).all():
        raise InputError("the function is NaN or infinite at these parameters; differences need finite values")
    return host.shape


def _refuse_other_arguments(gradients: Callable[..., Any], count: int, output: tuple[int, ...]) -> None:
    """Raise `InputError` if a callable does not take this number of arguments."""
    try:
        signature = inspect.signature(gradients)
    except ValueError:  # some built-in callables have none
        return
    try:
        signature.bind(*range(count))
    except TypeError as error:
        wanted = "parameters" if count == 1 else "parameters, upstream"
        returned = f"an array of shape {output}" if output else "a number"
        raise InputError(f"gradients{signature}: expected ({wanted}), as the function returns {returned}") from error


def _check_repeatable(point: FunctionPoint) -> None:
    """Raise `InputError` if a function changes its parameters, or returns another value when called again."""
    for name, x in point.parameters.items():
        if (to_host(x) != to_host(point.checked.parameters[name])).any():
            raise InputError(f"the function or its gradients change parameter {name!r} in place; let them copy it")
    (once, _), (again, _) = point.cost(), point.cost()
    if abs(once - again) > NOISY * abs(once):
        raise InputError(f"the function returned {once!r}, then {again!r} for the same parameters; fix its noise")


# ---- Both gradients of a tensor, coordinate by coordinate.


def _compare_coordinates(
    differences: FiniteDifferences,
    checks: Sequence[Check],
    generator: np.random.Generator,
    lengths: Mapping[int, list[str]],
    vectors: Mapping[str, np.ndarray],
) -> dict[str, GradientComparison]:
    """Compare the named tensors' gradients at single coordinates, which `generator` chooses in large tensors."""
    most = max(1, ALL // max(1, len(checks)))
    grids = {check.name: _grid(differences, check, most, generator) for check in checks}
    found = {name: _slopes(differences, name, grid) for name, grid in grids.items()}
    slopes = {name: slope for name, (slope, _) in found.items()}
    whole = {name: x for name, x in slopes.items() if x.shape == differences.point.arguments[name].shape}
    comparisons = {}
    for name, grid in grids.items():
        others = {other: x for other, x in whole.items() if other != name and not np.isnan(x).any()}
        theta, gradient = to_host(differences.point.arguments[name]), to_host(differences.point.gradients[name])
        on_grid, known = np.ix_(*grid), ~np.isnan(slopes[name])
        numeric, analytic = np.where(known, slopes[name], 0), np.where(known, gradient[on_grid], 0)
        typical, rounding = differences.typical[name], found[name][1]
        scale = np.maximum(np.maximum(np.abs(numeric), np.abs(analytic)), typical)
        wrong = known & ~(np.abs(analytic - numeric) <= np.maximum(differences.tolerance * scale, rounding))
        comparisons[name] = GradientComparison(
            theta[on_grid], numeric, analytic, known, wrong, grid, gradient, rounding, lengths, vectors, others
        )
    return comparisons


def _slopes(differences: FiniteDifferences, name: str, grid: tuple[np.ndarray, ...]) -> tuple[np.ndarray, float]:
    """Return the numerical gradient on the grid, NaN where it is unreliable, and its rounding."""
    gradient = to_host(differences.point.gradients[name])
    slopes, direction, rounding = np.empty([len(along) for along in grid]), np.zeros(gradient.shape), 0.0
    for where in np.ndindex(slopes.shape):
        index = tuple(along[i] for along, i in zip(grid, where, strict=True))
        direction[index] = 1
        slopes[where], rounded = _slope(differences, name, direction, float(gradient[index]))
        rounding = max(rounding, rounded)
        direction[index] = 0
    return slopes, rounding


def _slope(differences: FiniteDifferences, name: str, direction: np.ndarray, analytic: float) -> tuple[float, float]:
    """Return the slope along one coordinate, NaN if it is unreliable, and by how much rounding may change it."""
    typical, tolerance, rounding = differences.typical[name], differences.tolerance, differences.rounding(name)
    if wider := differences.wider(name, direction, max(abs(analytic), typical)):
        return wider
    slope, second, crosses = differences.along(name, direction)
    if crosses:
        return math.nan, rounding
    if not math.isfinite(slope):
        found = differences.closer(name, direction)
        return (found[0], found[2]) if found else (math.nan, rounding)
    error, scale = abs(slope - analytic), max(abs(slope), abs(analytic), typical)
    if error > max(tolerance * scale, rounding):  # perhaps a kink or a jump nearby; below rounding it would not show
        most = min(error, DOUBT * tolerance * scale)
        if differences.uncertainty(name, direction, slope, second) >= most:
            return math.nan, rounding
    return slope, rounding


def _grid(
    differences: FiniteDifferences, check: Check, most: int, generator: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Return the indices along each axis: all, or a choice that makes at most about `most` coordinates."""
    name, shape = check.name, check.shape
    if math.prod(shape) <= min(WHOLE, most):
        return tuple(map(np.arange, shape))
    counts = list(shape)
    while math.prod(counts) > min(PART, most):
        counts[counts.index(max(counts))] //= 2
    wrong = check.where
    if wrong is None:
        hidden = differences.rounding(name) > differences.tolerance * differences.typical[name]
        found = differences.find_wrong(name, np.arange(math.prod(shape)), generator, wide=hidden)
        wrong = tuple(map(int, np.unravel_index(found, shape)))
    chosen = (generator.permutation(n)[:count] for n, count in zip(shape, counts, strict=True))
    return tuple(np.union1d(along, [i]) for along, i in zip(chosen, wrong, strict=True))


def _lengths_of(shapes: Mapping[str, tuple[int, ...]]) -> dict[int, list[str]]:
    """Return the axes by their length, and the tensors by their number of entries."""
    lengths: dict[int, list[str]] = {}
    for name, shape in shapes.items():
        axes = ("entries",) if len(shape) == 1 else ("rows", "columns") if len(shape) == 2 else ()
        for axis, length in enumerate(shape):
            what = f"{axes[axis]} of {name}" if axes else f"axis {axis} of {name}"
            lengths.setdefault(length, []).append(what)
        if len(shape) > 1:
            lengths.setdefault(math.prod(shape), []).append(f"entries of {name}")
    return lengths


def _vectors_of(arguments: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return vectors that may multiply a gradient by mistake: parameters, σ of columns, and powers of both."""
    vectors = {name: x for name, x in arguments.items() if x.ndim == 1}
    vectors |= {f"σ of {name}'s columns": x.std(axis=0) for name, x in arguments.items() if x.ndim == 2}
    named: dict[str, np.ndarray] = {}
    for name, v in vectors.items():
        if v.all():
            named |= {name: v, f"1/{name}": 1 / v, f"{name}²": v * v, f"1/{name}²": 1 / (v * v)}
    return named
