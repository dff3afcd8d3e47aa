"""Noise: standard normal numbers, a stream per layer, the same whoever draws them."""

import math

import numpy as np
import pytest

from ladder_np import threads as shared_threads
from ladder_np.arrays import Device
from ladder_np.network import noise
from ladder_np.network.layers import Lanes
from ladder_np.network.noise import NoiseSource, fill_normal
from ladder_np.network.specification import Specification
from ladder_np.rng import Stream, stream

SIZES = (40, 300, 7)
DEVICE = Device()


def draw(seed: int = 0, steps: int = 1, rows: tuple[int, int] = (3, 4), **options: object) -> list:
    specification = Specification(SIZES, **options)
    source = NoiseSource(seed, specification, DEVICE)
    return [source.draw(Lanes.needed(specification, *rows)) for _ in range(steps)]


def normal(size: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    out = np.full(size, np.nan, dtype)
    fill_normal(np.random.Generator(np.random.SFC64(seed)), out)
    return out


def test_the_formula_is_box_and_mullers() -> None:
    generator = np.random.Generator(np.random.SFC64(5))
    radius, angle = (generator.random(10) for _ in range(2))
    radius, angle = np.sqrt(-2 * np.log(1 - radius)), 2 * math.pi * angle
    expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    np.testing.assert_allclose(normal(20, "float64", seed=5), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("size", [0, 1, 2, 7, 99, 100, 101, 250])
def test_every_element_is_filled_also_over_several_pieces(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(noise, "PIECE", 100)
    drawn = normal(size)
    assert np.isfinite(drawn).all()
    assert len(set(drawn)) == size


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_distribution_is_standard_normal(dtype: str) -> None:
    drawn = normal(1_000_000, dtype).astype("float64")
    assert drawn.dtype == "float64"
    for power, expected, deviation in ((1, 0, 1), (2, 1, 2**0.5), (3, 0, 15**0.5), (4, 3, 96**0.5)):
        assert abs((drawn**power).mean() - expected) < 5 * deviation / 1000  # 5 standard errors
    for bound in (0.1, 0.5, 1, 2, 3, 4):
        share = math.erfc(bound / 2**0.5)
        for tail in (drawn > bound, drawn < -bound):
            assert abs(tail.mean() - share / 2) < 5 * (share / 2 / len(drawn)) ** 0.5
    assert abs(drawn).max() < 5.8 or dtype == "float64"


def test_neighbors_and_partners_are_uncorrelated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "PIECE", 1000)
    drawn = normal(1_000_000)
    for shift in (1, 2, 500, 1000):  # 500: the other number of the same pair
        for a in (drawn, drawn**2 - 1):
            assert abs((a[shift:] * a[:-shift]).mean()) < 5 * a.var() / 1000


def test_the_largest_number_that_float32_can_bring() -> None:
    class Extreme:
        def random(self, size: int, dtype: np.dtype) -> np.ndarray:
            return np.array([0, 1 - 2.0**-24, 0, 0], dtype)

    out = np.empty(4, "float32")
    fill_normal(Extreme(), out)
    np.testing.assert_allclose(out, [0, (48 * math.log(2)) ** 0.5, 0, 0], rtol=1e-6)


def test_each_layer_has_a_stream_of_its_own() -> None:
    generators = stream(4, Stream.NOISE).spawn(len(SIZES))
    first, second = draw(seed=4, steps=2)
    for layer, generator in enumerate(generators):
        for step in (first, second):
            expected = np.empty(7 * SIZES[layer], "float32")
            fill_normal(generator, expected)
            np.testing.assert_array_equal(step[layer], expected.reshape(7, SIZES[layer]))
    assert not np.isin(first[0], first[1]).any()


def test_layers_without_noise_have_none_and_change_no_other() -> None:
    (full,), (partial,) = draw(), draw(noise_std=(0.3, 0, 0.3))
    assert partial[1] is None
    for layer in (0, 2):
        np.testing.assert_array_equal(full[layer], partial[layer])


def test_it_does_not_matter_how_many_threads_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(shared_threads, "thread_count", lambda threads=threads: threads)
        shared_threads._tasks.cache_clear()
        results.append(draw(steps=3, rows=(300, 400)))
    shared_threads._tasks.cache_clear()
    for other in results[1:]:
        for step, expected in zip(other, results[0], strict=True):
            for a, b in zip(step, expected, strict=True):
                np.testing.assert_array_equal(a, b)
