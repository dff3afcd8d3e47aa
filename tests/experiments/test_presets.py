"""The presets: their networks can be built, and are those of the paper's table."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.data.dataset import make_dataset
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.settings import PRESETS, make_settings
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.specification import Specification

SHAPES = {"mnist": (28, 28, 1), "cifar-10": (32, 32, 3)}


def network(preset: str) -> Specification:
    shape = SHAPES[PRESETS[preset]["dataset"]]
    return make_settings({}, preset).specification(int(np.prod(shape)), 10, shape)


def layers(preset: str) -> tuple[Layer, ...]:
    return resolve(network(preset))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_network_of_every_preset_fits_its_data(preset: str) -> None:
    specification = network(preset)
    assert specification.sizes[-1] == 10
    assert len(specification.denoising_weights) == len(specification.sizes)


def test_conv_small_has_the_shapes_of_the_table() -> None:
    shapes = [layer.shape for layer in layers("mnist-100-conv-small-gamma")]
    sides = [28, 32, 16, 14, 16, 8, 6, 6]
    channels = [1, 32, 32, 64, 64, 64, 128, 10]
    assert shapes == [(s, s, c) for s, c in zip(sides, channels, strict=True)] + [(10,), (10,)]


def test_conv_large_has_the_shapes_of_the_table() -> None:
    shapes = [layer.shape for layer in layers("cifar10-4000-conv-large-gamma")]
    sides = [32, 30, 32, 34, 17, 15, 17, 15, 8, 6, 6, 6]
    channels = [3, 96, 96, 96, 96, 192, 192, 192, 192, 192, 192, 10]
    assert shapes == [(s, s, c) for s, c in zip(sides, channels, strict=True)] + [(10,)]


def test_conv_fc_is_a_dense_network_over_windows_of_26() -> None:
    shapes = [layer.shape for layer in layers("mnist-100-conv-fc")]
    channels = [1000, 500, 250, 250, 250, 10]
    assert shapes == [(28, 28, 1), *((3, 3, c) for c in channels), (10,)]


TABLE: dict[str, dict[str, Any]] = {
    "mnist-100-conv-fc": {"denoising_weights": (1000, 10, *(0.1,) * 6), "epochs": 150, "decay_start": 0.67},
    "mnist-100-conv-small-gamma": {"denoising_weights": (*(0.0,) * 9, 1.0), "epochs": 150, "decay_start": 0.67},
    "mnist-100-conv-small-baseline": {
        "denoising_weights": (0.0,) * 10,
        "noise_std": (0.3, *(0.45,) * 9),
        "epochs": 20,
        "decay_start": 0.5,
    },
    "cifar10-4000-conv-large-gamma": {
        "denoising_weights": (*(0.0,) * 12, 4.0),
        "noise_std": (0.3,),
        "epochs": 70,
        "decay_start": 0.86,
    },
    "cifar10-4000-conv-large-baseline": {"denoising_weights": (0.0,) * 13, "epochs": 20, "decay_start": 0.5},
}


@pytest.mark.parametrize("preset", TABLE)
def test_the_settings_of_the_table_are_those_of_the_preset(preset: str) -> None:
    settings = make_settings({}, preset)
    of_cifar = preset.startswith("cifar10")
    common = {
        "learning_rate": 0.002,
        "labeled_batch": 100,
        "unlabeled_batch": 100,
        "labels": 4000 if of_cifar else 100,
        "scaling": "gcn_zca" if of_cifar else "auto",
        "activation": "leaky_relu" if of_cifar else "relu",
        "top_gamma": not of_cifar,
        "labeled_statistics": "own",
        "translate": 0,
        "flip": False,
        "baseline": False,
    }
    for name, value in {**common, **TABLE[preset]}.items():
        assert getattr(settings, name) == value, name
    assert any(layer.has_gamma for layer in layers(preset)) != of_cifar


def test_the_small_network_is_trained_beside_its_baseline_and_is_cifar_10s_default() -> None:
    small = make_settings({}, "cifar10-4000-small")
    assert small.baseline
    assert dataclasses.replace(small, denoising_weights=None) == make_settings({"dataset": "cifar-10"})


@pytest.mark.parametrize("name", ["hidden_layers", "layers"])
def test_named_layers_take_the_place_of_the_presets(name: str) -> None:
    settings = make_settings({name: (20,), "denoising_weights": (1.0,)}, "mnist-100-conv-small-gamma")
    assert str(settings.specification(784, 10, (28, 28, 1))) == "784-20-10"
    over_dense = make_settings({"layers": ("conv:4:5", "mean_pool"), "denoising_weights": (1.0,)}, "mnist-100-full")
    assert str(over_dense.specification(784, 10, (28, 28, 1))) == "28x28x1-conv:4:5-mean_pool-10"


def test_hidden_layers_beside_a_presets_values_for_its_own_are_refused() -> None:
    with pytest.raises(InputError, match=r"has 10 values of --denoising-weights for its own layers"):
        make_settings({"hidden_layers": (20,)}, "mnist-100-conv-small-gamma")


def test_layers_beside_a_presets_values_for_its_own_are_refused_with_the_numbers_that_may_fit() -> None:
    named = {"layers": ("conv:4:5", "mean_pool")}
    said = (
        r"^preset mnist-100-full has 7 values of --denoising-weights for its own layers, the network with the layers "
        r"that were named has 3 or 4 \(the input counts, and a layer of the classes where it is missing\): name 3 or "
        r"4, for example --denoising-weights 1000,10,0\.1$"
    )
    with pytest.raises(InputError, match=said):
        make_settings(named, "mnist-100-full")
    with pytest.raises(InputError, match=r"has 7 values of --noise-std .* example --noise-std 0\.3,0\.2,0\.2$"):
        make_settings({**named, "denoising_weights": (1.0,)}, "mnist-1000-full")


@pytest.mark.parametrize("layers", [5, 6])
def test_layers_that_may_be_as_many_as_the_presets_are_left_to_the_network(layers: int) -> None:
    assert make_settings({"layers": (30,) * layers}, "mnist-100-full").denoising_weights == (1000, 10, *(0.1,) * 5)


def test_whitened_images_get_weights_by_their_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 3), dtype=np.uint8)
    dataset = make_dataset("cifar-10", images, np.arange(60) % 2, pixel_maximum=255, source="t")
    monkeypatch.setattr("ladder_np.experiments.experiment.open_dataset", lambda *_: dataset)
    layers = ("conv:4:3", "mean_pool")
    experiment = prepare(make_settings({"dataset": "cifar-10", "labels": 10, "layers": layers}), None, "cpu")
    variance = experiment.rows(experiment.split.train).astype(float).var(axis=0).mean()
    weights = experiment.specification.denoising_weights
    assert weights == pytest.approx((1 / variance, 0.3, 0.1, 0.1))  # a tenth of those of tables
    assert experiment.settings.denoising_weights == weights
