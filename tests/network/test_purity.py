"""Passes are pure: a backward leaves what the forward computed as it was, in every setting, and can be repeated."""

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from every_kind import EVERY_KIND

from ladder_np.inspection.example import example_step
from ladder_np.network.ladder import State, backward, forward
from ladder_np.network.specification import LABELED_STATISTICS, Specification

WEIGHTS = [(10, 1, 0.5, 0.1), (0, 0, 0, 1), (10, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0)]


def arrays_in(part: Any, path: str = "state") -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array that `part` holds, with the way to it."""
    if isinstance(part, np.ndarray):
        yield path, part
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from arrays_in(getattr(part, field.name), f"{path}.{field.name}")
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from arrays_in(value, f"{path}[{key}]")
    elif isinstance(part, list | tuple):
        for number, value in enumerate(part):
            yield from arrays_in(value, f"{path}[{number}]")


@pytest.mark.parametrize(("activation", "combinator"), EVERY_KIND)
@pytest.mark.parametrize("noise_std", [0.3, 0, (0.3, 0, 0.3, 0)])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("constant_targets", [False, True])
@pytest.mark.parametrize("statistics", LABELED_STATISTICS)
def test_a_backward_changes_nothing_that_the_forward_computed(
    combinator: str, activation: str, noise_std: Any, weights: tuple, constant_targets: bool, statistics: str
) -> None:
    options = {"stop_gradient_targets": constant_targets, "labeled_statistics": statistics}
    specification = Specification((5, 7, 6, 3), activation, combinator, noise_std, weights, **options)
    parameters, batch, noise = example_step(specification, 6, 8, seed=0)
    inputs = copy.deepcopy((parameters.vector, batch, noise))
    state: State = forward(parameters, batch, noise)
    before = copy.deepcopy(dict(arrays_in(state)))
    results = []
    for _ in range(2):
        gradients = parameters.zeros_like()
        backward(state, gradients)
        results.append(gradients.vector)
    np.testing.assert_array_equal(results[0], results[1])
    assert len(before) > 20
    for path, array in arrays_in(state):
        np.testing.assert_array_equal(array, before[path], err_msg=path)
    for after, earlier in zip(arrays_in((parameters.vector, batch, noise)), arrays_in(inputs), strict=True):
        np.testing.assert_array_equal(after[1], earlier[1], err_msg=after[0])
