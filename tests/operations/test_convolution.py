"""Convolutions against loops over their definition, whatever borders, stride, channels and pieces in memory."""

import math
import os
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass

import direct_maps
import numpy as np
import pytest

from ladder_np import InputError, threads
from ladder_np.operations import convolution
from ladder_np.operations.maps import Map, build_maps


@dataclass(frozen=True)
class Case:
    """A convolution on images of a shape."""

    shape: tuple[int, int, int]
    channels: int
    size: int
    border: str = "valid"
    stride: int = 1

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))}-conv:{self.channels}:{self.size}:{self.border}:{self.stride}"

    @property
    def maps(self) -> tuple[Map, Map]:
        return build_maps(self.shape, [str(self).partition("-")[2]])[0]

    def up(self, h: np.ndarray, W: np.ndarray) -> np.ndarray:
        return direct_maps.correlate(h.reshape(-1, *self.shape), W, self.border, self.stride)

    def down(self, z: np.ndarray, V: np.ndarray) -> np.ndarray:
        return direct_maps.mirror(z.reshape(-1, *self.maps[1].input), V, self.border, self.stride)


CASES = [
    Case((7, 6, 2), 3, 3),
    Case((7, 6, 2), 3, 3, "full"),
    Case((7, 6, 2), 3, 3, "same"),
    Case((5, 8, 1), 4, 2),
    Case((5, 8, 1), 4, 2, "full"),
    Case((5, 8, 1), 4, 2, "same"),
    Case((6, 5, 9), 2, 4, "same"),
    Case((7, 5, 3), 9, 3, "valid", 2),
    Case((7, 5, 9), 3, 3, "full", 2),
    Case((7, 5, 8), 2, 3, "same", 2),
    Case((7, 10, 2), 5, 4, "valid", 3),
    Case((5, 9, 4), 3, 1, "valid", 2),  # positions between the windows are not looked at
    Case((9, 5, 2), 8, 1, "same", 4),
    Case((5, 4, 9), 7, 1),  # the same dense map at every position
    Case((3, 3, 10), 6, 3),  # a window as large as the image
    Case((1, 1, 2), 3, 3, "full"),
    Case((1, 7, 2), 3, 3, "same"),
    Case((2, 1, 1), 1, 5, "full"),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
SAMPLES = 4


def drawn(one: Map, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return random h, (samples times positions, channels), and a weight."""
    generator = np.random.default_rng(seed)
    rows = SAMPLES * math.prod(one.input[:2])
    return generator.standard_normal((rows, one.input[2])), generator.standard_normal(one.weight)


def both_gradients(one: Map, h: np.ndarray, W: np.ndarray, da: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, kept = one.forward(h, W)
    dW = np.full(one.weight, np.nan)
    return one.backward(da, W, kept, dW, True), dW


def slopes(forward, h: np.ndarray, W: np.ndarray, da: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of Σ da · forward(h, W), a bilinear function: its values at each unit of h and of W."""
    dh, dW = np.zeros_like(h), np.zeros_like(W)
    for gradient, value in ((dh, lambda unit: forward(unit, W)), (dW, lambda unit: forward(h, unit))):
        for index in np.ndindex(gradient.shape):
            unit = np.zeros_like(gradient)
            unit[index] = 1
            gradient[index] = (value(unit).ravel() * da.ravel()).sum()
    return dh, dW


@every_case
def test_the_encoders_map_is_the_definition(case: Case) -> None:
    up, _ = case.maps
    h, W = drawn(up)
    expected = case.up(h, W)
    assert expected.shape == (SAMPLES, *up.output)
    a, _ = up.forward(h, W)
    np.testing.assert_allclose(a, expected.reshape(-1, case.channels), rtol=0, atol=1e-9)


@every_case
def test_the_decoders_map_is_the_mirror_and_fits_the_layer_below(case: Case) -> None:
    _, down = case.maps
    z, V = drawn(down)
    expected = case.down(z, V)
    assert expected.shape == (SAMPLES, *case.shape)
    a, _ = down.forward(z, V)
    np.testing.assert_allclose(a, expected.reshape(-1, case.shape[2]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("channels", range(1, 10))
@pytest.mark.parametrize("way", ["up", "down"])
def test_both_ways_to_lay_out_patches_are_right(channels: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case((5, 7, channels), channels, 3, "full")
    one = case.maps[way == "down"]
    h, W = drawn(one, channels)
    expected = getattr(case, way)(h, W).reshape(-1, channels)
    for few in (0, 100):  # all by row, all by column
        monkeypatch.setattr(convolution, "FEW_CHANNELS", few)
        np.testing.assert_allclose(one.forward(h, W)[0], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("case", CASES[:11:2], ids=str)
@pytest.mark.parametrize("samples_at_once", [1, 3, SAMPLES, 10 * SAMPLES])
def test_pieces_of_any_size_give_the_same_values_and_gradients(
    case: Case, samples_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in case.maps:
        h, W = drawn(one)
        da = np.random.default_rng(1).standard_normal((SAMPLES * math.prod(one.output[:2]), one.output[2]))
        a, (dh, dW) = one.forward(h, W)[0], both_gradients(one, h, W, da)
        elements = math.prod(one.output[:2]) * math.prod(one.weight[:3])
        monkeypatch.setattr(convolution, "PATCHES_ON_CPU", samples_at_once * elements)
        np.testing.assert_allclose(one.forward(h, W)[0], a, rtol=0, atol=1e-11)
        for gradient, expected in zip(both_gradients(one, h, W, da), (dh, dW), strict=True):
            np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-11)
        monkeypatch.undo()


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("lines", [1, 2, 4])
def test_an_image_of_many_patches_is_cut_into_lines_with_the_same_values_and_gradients(
    case: Case, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in case.maps:
        h, W = drawn(one)
        da = np.random.default_rng(1).standard_normal((SAMPLES * math.prod(one.output[:2]), one.output[2]))
        a, (dh, dW) = one.forward(h, W)[0], both_gradients(one, h, W, da)
        monkeypatch.setattr(convolution, "PATCHES_ON_CPU", lines * one.output[1] * math.prod(one.weight[:3]))
        np.testing.assert_allclose(one.forward(h, W)[0], a, rtol=0, atol=1e-11)
        for gradient, expected in zip(both_gradients(one, h, W, da), (dh, dW), strict=True):
            np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-11)
        monkeypatch.undo()


@pytest.mark.parametrize("case", CASES[:11:2], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 3, 16])
def test_groups_of_images_give_the_same_values_and_gradients_on_any_number_of_threads(
    case: Case, groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 5 images, one at a time: 3 groups of two, two and one."""
    for one in case.maps:
        generator = np.random.default_rng(1)
        h = generator.standard_normal((5 * math.prod(one.input[:2]), one.input[2]))
        W = generator.standard_normal(one.weight)
        da = generator.standard_normal((5 * math.prod(one.output[:2]), one.output[2]))
        expected = (one.forward(h, W)[0], *both_gradients(one, h, W, da))
        monkeypatch.setattr(convolution, "PATCHES_ON_CPU", math.prod(one.output[:2]) * math.prod(one.weight[:3]))
        monkeypatch.setattr(convolution, "GROUPS", groups)
        found = []
        for count in (1, 2, 5):
            monkeypatch.setattr(threads, "thread_count", lambda count=count: count)
            found.append((one.forward(h, W)[0], *both_gradients(one, h, W, da)))
        for values, *others in zip(expected, *found, strict=True):
            np.testing.assert_allclose(others[0], values, rtol=0, atol=1e-11)
            for other in others[1:]:
                np.testing.assert_array_equal(other, others[0])
        monkeypatch.undo()


BITS = """
import hashlib
import numpy as np
from ladder_np.operations.maps import build_maps
for shape, text in (
    *(((28, 28, 1), "conv:32:5:full"), ((32, 32, 3), "conv:64:3:same")),
    *(((20, 20, 80), "conv:150:3"), ((24, 24, 96), "conv:10:1")),
):
    up = build_maps(shape, [text])[0][0]
    generator = np.random.default_rng(0)
    h = generator.standard_normal((12 * shape[0] * shape[1], shape[2]), dtype=np.float32)
    W = generator.standard_normal(up.weight, dtype=np.float32)
    a, kept = up.forward(h, W)
    dW = np.empty_like(W)
    dh = up.backward(a, W, kept, dW, True)
    print(hashlib.sha256(a.tobytes() + dW.tobytes() + dh.tobytes()).hexdigest())
"""


def test_a_convolution_has_the_same_bits_on_any_number_of_blas_threads() -> None:
    seen = []
    for count in ("1", "2"):
        variables = {**os.environ, "OPENBLAS_NUM_THREADS": count, "OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count}
        done = subprocess.run(
            [sys.executable, "-c", BITS], env=variables, capture_output=True, text=True, check=True, timeout=120
        )
        seen.append(done.stdout.split())
    assert seen[0] == seen[1]
    assert len(seen[0]) == 4


def test_parts_of_a_large_weights_gradient_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number changes rounding alone."""
    up, _ = Case((7, 6, 2), 3, 3).maps
    h, W = drawn(up)
    da = np.random.default_rng(1).standard_normal((SAMPLES * math.prod(up.output[:2]), 3))
    monkeypatch.setattr(convolution, "PATCHES_ON_CPU", 1)  # an image is a block
    summed = []
    monkeypatch.setattr(convolution, "total", lambda parts: summed.append(len(parts)) or sum(parts))
    _, dW = both_gradients(up, h, W, da)
    monkeypatch.setattr(convolution, "SUMS", 2 * W.size + 1)
    np.testing.assert_allclose(both_gradients(up, h, W, da)[1], dW, rtol=0, atol=1e-11)
    assert summed == [SAMPLES, 2]


def test_patches_of_a_large_image_need_less_memory_than_its_values() -> None:
    """Of a whole image they would take 27 MB on the way up, and 584 MB on the way down."""
    up, down = Case((302, 302, 3), 64, 5).maps
    for one in (up, down):
        h, W = (np.ones(shape, np.float32) for shape in ((math.prod(one.input[:2]), one.input[2]), one.weight))
        tracemalloc.start()
        try:
            a, _ = one.forward(h, W)
            assert tracemalloc.get_traced_memory()[1] < a.nbytes + h.nbytes + 2**24
        finally:
            tracemalloc.stop()


@every_case
def test_gradients_are_those_of_the_definition(case: Case) -> None:
    for one, direct in zip(case.maps, (case.up, case.down), strict=True):
        h, W = drawn(one)
        positions = math.prod(one.input[:2])
        h = h[: 2 * positions]  # two samples, so that each weight's gradient is a sum over both
        da = np.random.default_rng(1).standard_normal((2 * math.prod(one.output[:2]), one.output[2]))
        expected_dh, expected_dW = slopes(direct, h, W, da)
        dh, dW = both_gradients(one, h, W, da)
        np.testing.assert_allclose(dh, expected_dh, rtol=0, atol=1e-9)
        np.testing.assert_allclose(dW, expected_dW, rtol=0, atol=1e-9)


@pytest.mark.parametrize("case", [Case((7, 6, 2), 3, 3), Case((5, 4, 9), 7, 1)], ids=str)
def test_samples_without_a_gradient_take_none(case: Case) -> None:
    up, _ = case.maps
    h, W = drawn(up)
    rows, below = 2 * math.prod(up.output[:2]), 2 * math.prod(case.shape[:2])
    da = np.random.default_rng(1).standard_normal((rows, case.channels))
    _, kept = up.forward(h, W)
    dW = np.empty(up.weight)
    dh = up.backward(da, W, kept, dW, True)
    expected_dh, expected_dW = both_gradients(up, h[:below], W, da)
    np.testing.assert_allclose(dh, expected_dh, rtol=1e-13)
    np.testing.assert_allclose(dW, expected_dW, rtol=1e-13)


@every_case
def test_a_gradient_that_nobody_wants_is_not_computed(case: Case) -> None:
    up, _ = case.maps
    h, W = drawn(up)
    da = np.random.default_rng(1).standard_normal((SAMPLES * math.prod(up.output[:2]), case.channels))
    _, dW = both_gradients(up, h, W, da)
    _, kept = up.forward(h, W)
    again = np.empty(up.weight)
    assert up.backward(da, W, kept, again, False) is None
    np.testing.assert_array_equal(again, dW)


@pytest.mark.parametrize("case", [case for case in CASES if case.border != "same" or case.size % 2], ids=str)
def test_the_mirror_with_the_weight_turned_around_is_the_transpose(case: Case) -> None:
    """Of `same` with an even window it is not: both have the shorter border before the image."""
    up, down = case.maps
    _, W = drawn(up)
    da = np.random.default_rng(1).standard_normal((SAMPLES * math.prod(up.output[:2]), case.channels))
    dh, _ = both_gradients(up, drawn(up)[0], W, da)
    V = np.ascontiguousarray(W[::-1, ::-1].transpose(0, 1, 3, 2))
    np.testing.assert_allclose(down.forward(da, V)[0], dh, rtol=0, atol=1e-11)


def test_weights_start_uniform_within_the_square_root_of_3_over_fan_in() -> None:
    up, down = Case((9, 9, 5), 40, 3, "full").maps
    for one, fan_in in ((up, 5 * 9), (down, 40 * 9)):
        values = one.initialize(np.random.default_rng(0))
        assert values.shape == one.weight
        largest = math.sqrt(3 / fan_in)
        assert 0.99 * largest < np.abs(values).max() <= largest
        assert abs(values.mean()) < 0.1 * largest
        assert values.std() == pytest.approx(math.sqrt(1 / fan_in), rel=0.05)


@pytest.mark.parametrize(
    ("shape", "layers", "message"),
    [
        ((7, 6, 2), "conv:3:8", "a window of 8x8 does not fit; expected a size of 6 at most"),
        ((7, 6, 2), "conv:3:3:valid:2", "a stride of 2 leaves rows or columns over.*a stride of 1 fits"),
        ((7, 10, 2), "conv:3:4:valid:6", "a stride of 6 leaves rows or columns over.*a stride of 1 or 3 fits"),
        ((7, 6, 2), "conv:3:3:wrapped", "border 'wrapped': expected one of valid, full, same"),
        ((7, 6, 2), "conv:0:3", "channels '0': expected a whole number from 1"),
        ((7, 6, 2), "conv:3:x", "size 'x': expected a whole number from 1"),
        ((7, 6, 2), "conv:\u0663:3", "channels '\u0663': expected a whole number from 1"),
        ((7, 6, 2), "conv:3:\uff13", "size '\uff13': expected a whole number from 1"),
        ((7, 6, 2), f"conv:{'9' * 5000}:3", "channels '9{5000}': expected a whole number from 1"),
        ((7, 6, 2), "\u0663", "layer 1, '\u0663': unknown kind of layer"),
        ((7, 6, 2), "conv:3:3:valid:0", "stride '0': expected a whole number from 1"),
        ((7, 6, 2), "conv:3", "layer 1, 'conv:3': conv does not take 1 values; expected conv:channels:size"),
        (
            (7, 6, 2),
            "conv:3:3:full:1:1",
            "layer 1, 'conv:3:3:full:1:1': conv does not take 5 values; expected.*border.*stride",
        ),
        ((84,), "conv:3:3", r"expected images below, .*\(height, width, channels\)"),
        (
            (7, 6, 2),
            "max_pool:2-9-conv:3:3",
            r"layer 3, 'conv:3:3', on a layer of shape \(9,\): expected images below",
        ),
    ],
)
def test_a_convolution_that_cannot_be_is_refused_in_one_line(shape: tuple, layers: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build_maps(shape, layers.split("-"))
    assert "\n" not in str(caught.value)
    assert f"{layers.split('-')[-1]!r}" in str(caught.value)
