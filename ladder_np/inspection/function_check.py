"""The gradient check for anybody's function over named arrays."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ladder_np.arrays import Array
from ladder_np.errors import InputError
from ladder_np.inspection.comparison import collect, lengths_of, vectors_of
from ladder_np.inspection.differences import (
    MOST_POINTS,
    STEP,
    STEPS,
    TOLERANCE,
    Check,
    Probe,
    check_points,
    directions_of,
    to_host,
)
from ladder_np.inspection.function_point import (
    Arrays,
    CheckedFunction,
    FunctionPoint,
    Gradients,
    checked_parameters,
    refuse_what_differences_cannot_judge,
)
from ladder_np.inspection.hints import hint, shape_hint
from ladder_np.inspection.report import GradientReport
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["check_gradients"]

N_DIRECTIONS = 3  # random ones, for each tensor


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
    """Compare the gradients of any function over named arrays with central differences, and say what is wrong.

    Every tensor is checked along random directions and, up to 64 entries, in every coordinate. Where a gradient
    fails, all of its coordinates are looked at, or of more than 256 about 64, to say what the difference may mean.

    Parameters
    ----------
    function : callable
        ``function(parameters)`` returns a number, or one array of any shape; always the same one for the same
        parameters (fix its noise), which it leaves as they are.
    parameters : mapping of str to array
        Where to check: float64, NumPy or CuPy. Take random values, with batches of five rows or more: at many a
        starting point gradients are zero, and a check proves nothing.
    gradients : mapping of str to array, or callable
        By the parameters' names and of their shapes: the gradient at `parameters`, or ``gradients(parameters)`` that
        returns it. Of a function that returns an array it is ``gradients(parameters, upstream)``, which returns the
        gradient of ``(upstream * function(parameters)).sum()``; `upstream` is random, of that array's shape. Where it
        is a callable, directions that cross a kink are tried again at random points nearby, else with smaller steps.
    kinks : callable, optional
        ``kinks(parameters)`` returns what changes its sign at the function's kinks, such as what goes into a ReLU:
        arrays, boolean or not. Without it, kinks are found by the function's differences where a direction fails.
    seed : int, optional
        Of directions, upstream gradients and points nearby.
    step : float, optional
        Of the differences, for values of order one or smaller.
    tolerance : float, optional
        Largest relative difference that passes.

    Returns
    -------
    GradientReport
        Has ``passed``, a `Check` for each parameter and ``raise_if_failed()``; prints as a table.

    Raises
    ------
    InputError
        If an argument is of no use: numbers that are not float64, names that differ, a function that is noisy, not
        finite, or changes its parameters.

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
    question = CheckedFunction(function, checked_parameters(parameters), gradients, kinks, check_seed(seed))
    first = FunctionPoint(question)
    refuse_what_differences_cannot_judge(first)
    generator = stream(seed, Stream.DIRECTIONS)
    moves = callable(gradients)
    checks = check_points(
        lambda k: FunctionPoint(question, k) if k and moves else first,
        generator,
        tolerance,
        step,
        MOST_POINTS if moves else STEPS,
        N_DIRECTIONS,
    )
    probe = Probe(first, step, tolerance, generator)
    _refuse_rounding(checks, probe)
    _explain(checks, first, probe, generator)
    return GradientReport(_in_order(checks, first), tolerance)


def _refuse_rounding(checks: list[Check], probe: Probe) -> None:
    """Refuse a function whose rounding hides all of its gradients."""
    hidden = [check.norm > probe.rounding(check.name) for check in checks]
    if any(hidden) and not any(check.resolved or not check.passed for check in checks):
        raise InputError(
            f"the function's value, {probe.base:.3g}, is so coarsely rounded that no gradient of it can be seen in "
            "differences; leave out what is constant or cancels in it"
        )


def _explain(checks: list[Check], point: FunctionPoint, probe: Probe, generator: np.random.Generator) -> None:
    """Note in failed checks where the gradient is wrong and what that may mean."""
    shapes = {name: x.shape for name, x in point.parameters.items()}
    lengths = lengths_of(shapes | ({"the result": point.output} if point.output else {}))
    vectors = vectors_of({name: to_host(x) for name, x in point.parameters.items()})
    wrong = [check for check in checks if check.relative > probe.tolerance]
    comparison = collect(probe, [check.name for check in wrong], generator, lengths, vectors)
    for check in wrong:
        seen = comparison[check.name]
        check.hint = hint(seen)
        check.where = seen.worst if seen.wrong.any() else None
    for check in checks:
        if not check.passed and probe.is_coarse(check.name, next(directions_of(check.shape, generator, 1))):
            check.hint = (
                "the function moves in steps coarser than float64's: float32 inside, or a large number cancels?"
            )
        elif check.unchecked and not check.hint:
            check.hint = "a kink, a jump or the end of its domain lies within every step that was tried"


def _in_order(checks: list[Check], point: FunctionPoint) -> list[Check]:
    """Return the checks in the order of the parameters, with one for each gradient of a wrong shape."""
    found = {check.name: check for check in checks}
    return [
        found[name] if name in found else _of_wrong_shape(name, point.shapes[name], x.shape)
        for name, x in point.parameters.items()
    ]


def _of_wrong_shape(name: str, given: tuple[int, ...], expected: tuple[int, ...]) -> Check:
    return Check(name, expected, math.nan, math.inf, math.inf, passed=False, hint=shape_hint(given, expected))
