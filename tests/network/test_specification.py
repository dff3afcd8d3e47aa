import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.errors import InputWarning
from ladder_np.network.parameters import parameter_shapes
from ladder_np.network.specification import Specification, sizes_for


def test_one_number_stands_for_all_layers() -> None:
    specification = Specification((4, 5, 3), noise_std=0.2, denoising_weights=1)
    assert specification.noise_std == (0.2, 0.2, 0.2)
    assert specification.denoising_weights == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("sizes", "weights"), [((4, 3), (1000, 10)), ((4, 5, 3), (1000, 10, 0.1)), ((4, 5, 6, 3), (1000, 10, 0.1, 0.1))]
)
def test_default_weights_are_the_papers_cut_to_the_layers(sizes: tuple, weights: tuple) -> None:
    assert Specification(sizes).denoising_weights == weights


def test_an_array_without_dimensions_is_one_number() -> None:
    assert Specification((4, 3), denoising_weights=np.array(2.0)).denoising_weights == (2.0, 2.0)


def test_it_survives_json() -> None:
    specification = Specification((4, 5, 3), activation="tanh", noise_std=(0.1, 0.2, 0.3), dtype="float64")
    assert Specification.from_json(specification.as_json()) == specification


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sizes": (4,)}, "at least two"),
        ({"sizes": "4-3"}, "expected whole numbers"),
        ({"sizes": (4, 0, 3)}, "layer sizes 4-0-3: 0 is not a whole number from 1"),
        ({"sizes": (4, 2.5, 3)}, "2.5 is not a whole number"),
        ({"sizes": (4, True, 3)}, "True is not a whole number"),
        ({"sizes": (4, 1)}, "number of classes, at least 2"),
        ({"activation": "swish"}, "unknown activation 'swish'; choose one of relu, leaky_relu"),
        ({"combinator": "magic"}, "unknown combinator 'magic'; choose one of gaussian, gated_gaussian"),
        ({"dtype": "float16"}, "unknown dtype 'float16'; choose one of float32, float64"),
        ({"noise_std": (0.1, 0.2)}, "noise std: got 2 values for 3 layers"),
        ({"noise_std": -0.1}, "noise std -0.1: expected numbers >= 0"),
        ({"denoising_weights": (1, 2, 3, 4)}, "denoising weights: got 4 values for 3 layers"),
        ({"denoising_weights": "abc"}, "denoising weights 'abc': expected a number"),
        ({"denoising_weights": float("nan")}, "expected a finite number"),
        ({"activation": ["relu"]}, "unknown activation"),
        ({"stop_gradient_targets": "no"}, "stop gradient targets 'no': expected True or False"),
        ({"sizes": (3,) * 300}, "300 layer sizes: expected at most 256"),
        ({"batch_norm_eps": 0}, "batch norm eps 0.0: expected a number > 0"),
    ],
)
def test_what_cannot_be_used_is_named(fields: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Specification(**{"sizes": (4, 5, 3), **fields})
    assert "\n" not in str(caught.value)


IMAGES = (8, 8, 1)


@pytest.mark.parametrize(
    ("hidden", "layers", "expected"),
    [
        ((200, 100), None, "64-200-100-10"),
        ((), None, "64-10"),
        (("conv:4:3", "max_pool:2"), None, "8x8x1-conv:4:3-max_pool:2-10"),
        ((), "conv:4:3-mean_pool", "8x8x1-conv:4:3-mean_pool-10"),
        ((), "conv:4:3-mean_pool-10", "8x8x1-conv:4:3-mean_pool-10"),
        ((), "conv:10:3-mean_pool", "8x8x1-conv:10:3-mean_pool"),
        ((), "conv:10:3-mean_pool-10", "8x8x1-conv:10:3-mean_pool-10"),
        ((), "30-10", "64-30-10"),
        ((), (30,), "64-30-10"),
    ],
)
def test_layers_for_data_end_with_a_unit_for_each_class_and_begin_with_images_where_these_are_needed(
    hidden: tuple, layers: str | tuple | None, expected: str
) -> None:
    assert str(Specification(sizes_for(64, 10, IMAGES, hidden, layers))) == expected


def test_layers_that_need_images_are_refused_for_rows_that_are_none() -> None:
    with pytest.raises(InputError, match=r"layer 1, 'conv:4:3', on a layer of shape \(64,\): expected images below"):
        Specification(sizes_for(64, 10, None, ("conv:4:3",)))


def test_a_dense_network_on_images_is_the_one_on_flat_rows() -> None:
    assert Specification(sizes_for(64, 10, IMAGES, (5,))) == Specification((64, 5, 10))


def test_images_with_their_channels_first_are_warned_of() -> None:
    with pytest.warns(InputWarning, match=r"images of 3x32x32: .* use X\.transpose\(0, 2, 3, 1\)"):
        sizes_for(3072, 10, (3, 32, 32), ("conv:4:1",))


def test_a_network_without_top_gamma_has_no_such_parameter_and_says_so_in_its_description() -> None:
    plain, without = Specification((4, 3, 2)), Specification((4, 3, 2), top_gamma=False)
    assert set(parameter_shapes(plain)) - set(parameter_shapes(without)) == {"encoder.2.gamma"}
    assert plain.description == "4-3-2, relu, combinator gaussian"
    assert without.description == "4-3-2, relu, combinator gaussian, no γ at the top"
    assert "top_gamma" not in plain.as_json()
    assert Specification.from_json(without.as_json()) == without
    with pytest.raises(InputError, match="top gamma 1: expected True or False"):
        Specification((4, 3, 2), top_gamma=1)  # type: ignore[arg-type]
