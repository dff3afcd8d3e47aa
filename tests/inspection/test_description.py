"""What a network costs is what it has, and what a step takes."""

import tracemalloc

import numpy as np
import pytest

from ladder_np import InputError, LadderNetwork
from ladder_np.inspection.description import describe
from ladder_np.network.ladder import Batch
from ladder_np.network.specification import Specification
from ladder_np.training.step import TrainingStep

IMAGES = {"layers": "conv:4:3:full-max_pool:2-conv:5:2-mean_pool-3", "input_shape": (7, 6, 2)}


def test_parameters_are_those_of_the_network() -> None:
    for fields in (IMAGES, {"sizes": (5, 4, 6, 3)}, {"sizes": (4, 3)}):
        specification = Specification(**fields)
        network = LadderNetwork.from_specification(specification)
        layers = describe(specification, 4, 6).layers
        assert len(layers) == len(specification.sizes)
        for index, layer in enumerate(layers):
            sizes = {"encoder": 0, "decoder": 0, "combinator": 0}
            for name, view in network.parameters.items():
                part, number, _ = name.split(".", 2)
                sizes[part] += view.size * (int(number) == index)
            assert (layer.encoder, layer.decoder, layer.combinator) == tuple(sizes.values())


def test_shapes_texts_and_multiply_adds_are_those_of_the_layers() -> None:
    layers = describe(
        Specification(layers="conv:4:3:full-conv:5:2:valid:3-mean_pool-2", input_shape=(6, 3, 2)), 4, 6
    ).layers
    assert [layer.text for layer in layers] == ["input", "conv:4:3:full", "conv:5:2:valid:3", "mean_pool", "2"]
    assert [layer.shape for layer in layers] == [(6, 3, 2), (8, 5, 4), (3, 2, 5), (5,), (2,)]
    # positions of the result, places of a window, channels on both sides
    assert [layer.up for layer in layers] == [0, 8 * 5 * 9 * 2 * 4, 3 * 2 * 4 * 4 * 5, 0, 5 * 2]
    assert [layer.down for layer in layers] == [6 * 3 * 9 * 4 * 2, 8 * 5 * 4 * 5 * 4, 0, 2 * 5, 0]


def test_dense_layers_take_a_multiply_add_for_each_weight() -> None:
    layers = describe(Specification((784, 1000, 10)), 100, 100).layers
    assert [layer.up for layer in layers] == [0, 784_000, 10_000]
    assert [layer.down for layer in layers] == [784_000, 10_000, 0]


def measured_peak(specification: Specification, n: int, m: int) -> int:
    """Return how much memory is in use at most while two steps are taken, network and batch included."""
    tracemalloc.start()
    generator = np.random.default_rng(0)
    network = LadderNetwork.from_specification(specification)
    rows = [generator.standard_normal((count, specification.sizes[0]), dtype=np.float32) for count in (n, m)]
    step = TrainingStep(network, seed=0)
    for _ in range(2):
        step.run(Batch(rows[0], np.arange(n) % specification.sizes[-1], rows[1]), 1e-3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


SMALL = "conv:8:5:full-max_pool:2-conv:16:3-max_pool:2-conv:10:1-mean_pool-10"
PER_LAYER = (0.0,) * 7 + (1.0,)


@pytest.mark.parametrize(
    ("fields", "n", "m"),
    [
        ({"sizes": (784, 300, 200, 10)}, 100, 100),
        ({"sizes": (784, 300, 200, 10), "denoising_weights": 0.0}, 300, 100),
        ({"sizes": (100, 300, 10), "combinator": "gated_gaussian", "activation": "tanh"}, 20, 400),
        ({"layers": SMALL, "input_shape": (20, 20, 3)}, 10, 30),
        ({"layers": SMALL, "input_shape": (20, 20, 3), "denoising_weights": PER_LAYER}, 20, 20),
        ({"layers": SMALL, "input_shape": (20, 20, 3), "denoising_weights": 0.0}, 40, 40),
        ({"layers": SMALL, "input_shape": (20, 20, 3), "labeled_statistics": "unlabeled"}, 30, 10),
    ],
)
def test_memory_is_within_30_percent_of_what_a_step_takes(fields: dict, n: int, m: int) -> None:
    specification = Specification(**fields)
    ratio = describe(specification, n, m).peak / measured_peak(specification, n, m)
    assert 0.7 < ratio < 1.3


def test_memory_grows_with_the_rows_and_not_the_parameters() -> None:
    specification = Specification(**IMAGES)
    small, large = describe(specification, 4, 6), describe(specification, 40, 60)
    assert large.parameters == small.parameters
    assert 9 < large.kept / small.kept <= 10
    assert large.peak == large.kept + large.parameters + large.passing


def test_float64_takes_twice_as_much() -> None:
    single, double = (describe(Specification((50, 30, 5), dtype=dtype), 40, 40) for dtype in ("float32", "float64"))
    assert 1.95 < double.peak / single.peak < 2.05


@pytest.mark.parametrize("rows", [(1, 9), (9, 1), (-3, 9)])
def test_too_few_rows_are_refused(rows: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="batch normalization needs at least 2"):
        describe(Specification((4, 3)), *rows)
