"""Pooling and its mirrors against loops over their definitions; which value counts where several are largest."""

import math

import direct_maps
import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.operations.maps import Map, MapPair, build_maps

SAMPLES = 3

# Shape and size: divisible, cut off in one direction or both, one window, windows wider than one side, many places.
CASES = [
    ((6, 4, 3), 2),
    ((7, 5, 2), 2),
    ((7, 6, 1), 3),
    ((5, 5, 9), 5),
    ((2, 7, 2), 3),
    ((3, 4, 2), 1),
    ((17, 19, 1), 16),
    ((18, 17, 2), 17),
]
every_case = pytest.mark.parametrize(("shape", "size"), CASES)


def drawn(shape: tuple, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((SAMPLES * math.prod(shape[:-1]), shape[-1]))


def max_pool(shape: tuple, size: int) -> MapPair:
    return build_maps(shape, [f"max_pool:{size}"])[0]


def through(one: Map, h: np.ndarray) -> np.ndarray:
    """Return the map of h, with the shape of a sample behind the samples."""
    a, _ = one.forward(h, None)
    assert a.shape == (len(a.reshape(-1, *one.output)) * math.prod(one.output[:-1]), one.output[-1])
    return a.reshape(-1, *one.output)


def gradient(one: Map, h: np.ndarray, da: np.ndarray) -> np.ndarray:
    _, kept = one.forward(h, None)
    assert one.backward(da, None, kept, None, False) is None
    return one.backward(da, None, kept, None, True)


@every_case
def test_max_pooling_is_the_largest_value_of_each_window(shape: tuple, size: int) -> None:
    up, _ = max_pool(shape, size)
    h = drawn(shape)
    np.testing.assert_array_equal(through(up, h), direct_maps.max_pool(h.reshape(-1, *shape), size))


@every_case
def test_its_mirror_repeats_each_value_over_its_window(shape: tuple, size: int) -> None:
    _, down = max_pool(shape, size)
    z = drawn(down.input)
    expected = direct_maps.repeat(z.reshape(-1, *down.input), size, *shape[:2])
    np.testing.assert_array_equal(through(down, z), expected)


@every_case
def test_the_gradient_goes_to_the_largest_value_of_each_window(shape: tuple, size: int) -> None:
    up, _ = max_pool(shape, size)
    h, da = drawn(shape), drawn(up.output, 1)
    expected = np.zeros((SAMPLES, *shape))
    images, upstream = h.reshape(expected.shape), da.reshape(-1, *up.output)
    for s, y, x, c in np.ndindex(upstream.shape):
        window = images[s, size * y : size * (y + 1), size * x : size * (x + 1), c]
        row, column = np.unravel_index(window.argmax(), window.shape)  # the first of the largest, row by row
        expected[s, size * y + row, size * x + column, c] = upstream[s, y, x, c]
    np.testing.assert_array_equal(gradient(up, h, da).reshape(expected.shape), expected)


@pytest.mark.parametrize(
    ("window", "first"),
    [
        ([[1, 1], [1, 1]], (0, 0)),
        ([[0, 1], [1, 1]], (0, 1)),
        ([[0, 0], [1, 1]], (1, 0)),
        ([[-2, -3], [-2, -2]], (0, 0)),
        ([[0.0, -0.0], [-1, 0.0]], (0, 0)),
        ([[-0.0, 0.0], [-1, 0.0]], (0, 0)),  # zeros are equal, whatever their signs
        ([[-np.inf, -np.inf], [-np.inf, -np.inf]], (0, 0)),
    ],
)
def test_of_equal_values_the_first_one_row_by_row_takes_the_gradient(window: list, first: tuple) -> None:
    up, _ = max_pool((2, 2, 1), 2)
    dh = gradient(up, np.array(window, float).reshape(-1, 1), np.array([[5.0]])).reshape(2, 2)
    assert dh[first] == 5
    assert np.count_nonzero(dh) == 1


def test_equal_values_after_a_relu_share_nothing_in_a_window_that_is_cut_off() -> None:
    up, _ = max_pool((3, 3, 1), 2)
    dh = gradient(up, np.zeros((9, 1)), np.array([[1.0], [2.0], [3.0], [4.0]])).reshape(3, 3)
    np.testing.assert_array_equal(dh, [[1, 0, 2], [0, 0, 0], [3, 0, 4]])


@every_case
def test_the_mirrors_gradient_sums_over_each_window(shape: tuple, size: int) -> None:
    _, down = max_pool(shape, size)
    z, da = drawn(down.input), drawn(shape, 1)
    expected, upstream = np.zeros((SAMPLES, *down.input)), da.reshape(-1, *shape)
    for y, x in np.ndindex(shape[:2]):
        expected[:, y // size, x // size] += upstream[:, y, x]
    np.testing.assert_allclose(gradient(down, z, da).reshape(expected.shape), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 5, 2), (1, 1, 4), (2, 7, 1)])
def test_mean_pooling_and_its_mirror_are_the_mean_and_the_mean_everywhere(shape: tuple) -> None:
    [(up, down)] = build_maps(shape, ["mean_pool"])
    h, z = drawn(shape), drawn(shape[-1:])
    np.testing.assert_allclose(through(up, h), h.reshape(-1, *shape).mean(axis=(1, 2)), rtol=1e-13)
    expected = np.broadcast_to(z[:, None, None], (SAMPLES, *shape))
    np.testing.assert_array_equal(through(down, z), expected)
    positions = shape[0] * shape[1]
    np.testing.assert_allclose(gradient(up, h, z).reshape(expected.shape), expected / positions, rtol=1e-14)
    summed = h.reshape(-1, *shape).sum(axis=(1, 2))
    np.testing.assert_allclose(gradient(down, z, h), summed, rtol=0, atol=1e-12)


@pytest.mark.parametrize("text", ["max_pool:2", "max_pool:3", "mean_pool"])
def test_pooling_is_linear_without_weight_and_has_no_shift(text: str) -> None:
    for one in build_maps((7, 5, 2), [text])[0]:
        assert (one.weight, one.initialize, one.activation) == (None, None, "linear")


@pytest.mark.parametrize(("text", "rows"), [("max_pool:2", 6), ("mean_pool", 1)])
def test_samples_without_a_gradient_take_none(text: str, rows: int) -> None:
    [(up, _)] = build_maps((5, 4, 2), [text])
    h, da = drawn((5, 4, 2)), drawn(up.output, 1)[: 2 * rows]
    _, kept = up.forward(h, None)
    np.testing.assert_array_equal(up.backward(da, None, kept, None, True), gradient(up, h[: 2 * 20], da))


@pytest.mark.parametrize(
    ("shape", "text", "message"),
    [
        ((5, 3, 2), "max_pool:6", "a window of 6x6 is larger than the image; expected a size of 5 at most"),
        ((5, 3, 2), "max_pool:0", "size '0': expected a whole number from 1"),
        ((5, 3, 2), "max_pool", "max_pool does not take 0 values; expected max_pool:size$"),
        ((5, 3, 2), "max_pool:2:2", "max_pool does not take 2 values"),
        ((5, 3, 2), "mean_pool:3", "mean_pool does not take 1 values; expected mean_pool$"),
        ((30,), "max_pool:2", r"on a layer of shape \(30,\): expected images below"),
        ((30,), "mean_pool", r"on a layer of shape \(30,\): expected images below"),
    ],
)
def test_a_pooling_that_cannot_be_is_refused_in_one_line(shape: tuple, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build_maps(shape, [text])
    assert "\n" not in str(caught.value)
    assert f"layer 1, {text!r}" in str(caught.value)
