"""Every backward against differences, against the complex step, and against bad habits."""

import dataclasses
import math

import numpy as np
import pytest
from operation_points import PAIRS, Pair, PairPoint

from ladder_np.inspection.directions import check_points

every_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)


@every_pair
@pytest.mark.parametrize("seed", range(3))
def test_backward_agrees_with_central_differences(pair: Pair, seed: int) -> None:
    checks = check_points(lambda k: PairPoint(pair, 1000 * seed + k), np.random.default_rng(seed))
    assert [check for check in checks if not check.passed] == []
    assert all(check.directions > 1 or math.prod(check.shape) == 1 for check in checks)


@pytest.mark.parametrize("name", [name for name, pair in PAIRS.items() if pair.complex_step])
def test_backward_agrees_with_the_complex_step(name: str) -> None:
    point = PairPoint(PAIRS[name], seed=5)
    generator = np.random.default_rng(6)
    for key, value in point.arguments.items():
        direction = generator.standard_normal(value.shape)
        shifted = {name: argument.astype(complex) for name, argument in point.arguments.items()}
        shifted[key] = value + 1e-30j * direction
        derivative = np.imag(point.value(shifted)) / 1e-30
        analytic = (point.gradients[key] * direction).sum()
        assert analytic == pytest.approx(derivative, rel=1e-12, abs=1e-14)


@every_pair
def test_a_wrong_factor_in_any_gradient_fails_the_check(pair: Pair) -> None:
    for name in pair.arguments(np.random.default_rng(0)):

        def backward(x: dict, up: tuple, name: str = name) -> dict:
            gradients = pair.backward(x, up)
            wrong = gradients[name] * (1 + 1e-5) if gradients[name].any() else gradients[name] + 1e-5  # of none
            return {**gradients, name: wrong}

        wrong = dataclasses.replace(pair, backward=backward)
        checks = check_points(lambda k, wrong=wrong: PairPoint(wrong, k), np.random.default_rng(0))
        assert [check.name for check in checks if not check.passed] == [name]


@every_pair
def test_neither_pass_changes_its_inputs(pair: Pair) -> None:
    point = PairPoint(pair, seed=1)
    kept = {name: value.copy() for name, value in point.arguments.items()}
    upstream = [np.copy(up) for up in point.upstream]
    pair.forward(point.arguments)
    pair.backward(point.arguments, point.upstream)
    for name, value in point.arguments.items():
        np.testing.assert_array_equal(value, kept[name])
    for now, before in zip(point.upstream, upstream, strict=True):
        np.testing.assert_array_equal(now, before)


@every_pair
def test_a_backward_returns_fresh_arrays(pair: Pair) -> None:
    point = PairPoint(pair, seed=2)
    for gradient in point.gradients.values():
        for other in (*point.arguments.values(), *point.upstream):
            assert not np.shares_memory(gradient, other)


@every_pair
def test_inputs_need_not_be_contiguous(pair: Pair) -> None:
    point = PairPoint(pair, seed=3)
    spread = {name: np.repeat(value, 2, axis=0)[::2] for name, value in point.arguments.items()}
    assert any(not value.flags.c_contiguous for value in spread.values())
    for ours, theirs in zip(pair.forward(spread), pair.forward(point.arguments), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)
    gradients = pair.backward(spread, point.upstream)
    for name, gradient in point.gradients.items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-12, atol=1e-14)


@every_pair
def test_float32_stays_float32_and_is_near_float64(pair: Pair) -> None:
    point = PairPoint(pair, seed=4)
    arguments = {name: value.astype(np.float32) for name, value in point.arguments.items()}
    upstream = tuple(np.float32(up) for up in point.upstream)
    for out, exact in zip(pair.forward(arguments), pair.forward(point.arguments), strict=True):
        assert out.dtype == np.float32
        np.testing.assert_allclose(out, exact, rtol=1e-4, atol=1e-5)
    for name, gradient in pair.backward(arguments, upstream).items():
        assert gradient.dtype == np.float32
        scale = np.abs(point.gradients[name]).max()
        np.testing.assert_allclose(gradient, point.gradients[name], rtol=1e-4, atol=1e-5 * scale)
