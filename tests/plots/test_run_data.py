"""Which rows pictures show, and what the network makes of them; needs no matplotlib."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from ladder_np import InputError, LadderNetwork
from ladder_np.data.dataset import Dataset
from ladder_np.data.scaling import Scaling
from ladder_np.experiments.run_folder import load_run_data, load_run_results
from ladder_np.network.specification import Specification
from ladder_np.plots.features import FeatureDisplay, ImageDisplay, describe_features
from ladder_np.plots.run_data import (
    ROWS_AT_ONCE,
    PlotData,
    encode_top_hidden,
    evenly_spaced,
    noisy_pass,
    predict_labeled,
)
from ladder_np.predictor import Predictor


@pytest.fixture(scope="module")
def data(digits_run):
    return load_run_data(digits_run, None)


def test_rows_are_taken_evenly() -> None:
    numbers = np.arange(100, 200)
    np.testing.assert_array_equal(evenly_spaced(numbers, 100), numbers)
    np.testing.assert_array_equal(evenly_spaced(numbers, 4), [100, 125, 150, 175])
    for most in range(1, 100):
        assert len(np.unique(evenly_spaced(numbers, most))) == most


def described(width: int, **network: object) -> Callable[..., FeatureDisplay]:
    """Return how a dataset of so many features, with the fields that are named, is shown."""
    specification = Specification(**(network or {"sizes": (width, 2)}))
    scaling = Scaling(np.zeros(width), np.ones(width))
    model = Predictor(LadderNetwork.from_specification(specification), scaling, np.arange(2))
    rows = np.zeros((2, width)), np.arange(2), np.arange(2)
    return lambda **fields: describe_features(Dataset("d", *rows, **fields), model)


@pytest.mark.parametrize(
    ("width", "maximum", "side"),
    [(784, 255, 28), (64, 16, 8), (16, 255, 4), (9, 255, None), (784, None, None), (3072, 255, None)],
)
def test_without_a_shape_square_pixels_are_gray_images(width: int, maximum: int | None, side: int | None) -> None:
    features = described(width)(pixel_maximum=maximum)
    assert features.image == (None if side is None else ImageDisplay((side, side, 1), maximum))
    assert len(features.names) == width
    assert features.names[1] == "feature 1"


@pytest.mark.parametrize("shape", [(6, 4, 3), (8, 3, 3), (6, 12, 1), (3, 6, 4), (2, 36, 1)])
@pytest.mark.parametrize("maximum", [255, None])
def test_the_shape_of_the_dataset_s_images_is_kept(shape: tuple, maximum: int | None) -> None:
    features = described(72)(image_shape=shape, pixel_maximum=maximum)
    assert features.image == ImageDisplay(shape, maximum)


@pytest.mark.parametrize("shape", [(1, 64, 1), (64, 1, 1)])
def test_what_is_one_pixel_high_or_wide_is_no_image(shape: tuple) -> None:
    assert described(64)(image_shape=shape, pixel_maximum=255).image is None


def test_the_shape_of_the_network_s_images_tells_of_flat_rows() -> None:
    of_images = described(64, layers="conv:2:1-2", input_shape=(4, 16, 1))
    assert of_images(pixel_maximum=255).image == ImageDisplay((4, 16, 1), 255)
    assert of_images().image == ImageDisplay((4, 16, 1))


def test_images_are_drawn_in_color_or_of_the_channel_that_varies_most() -> None:
    X = np.random.default_rng(0).random((5, 24)) * np.tile([1, 3, 2], 8)
    color = ImageDisplay((2, 4, 3)).show({"clean": X, "noisy": X + 1})
    assert color.channel == ""
    np.testing.assert_array_equal(color.versions["noisy"], (X + 1).reshape(5, 2, 4, 3))
    assert color.limits == pytest.approx(np.quantile(X, (0.005, 0.995)))
    one = ImageDisplay((2, 4, 3), in_color=False).show({"clean": X, "noisy": X * np.tile([9, 1, 1], 8)})
    assert one.channel == "channel 1"
    np.testing.assert_array_equal(one.versions["noisy"], X.reshape(5, 2, 4, 3)[..., 1])
    gray = ImageDisplay((4, 6, 1), 255).show({"raw": X})
    assert (gray.channel, gray.limits) == ("", (0, 255))
    np.testing.assert_array_equal(gray.versions["raw"], X.reshape(5, 4, 6))


def test_columns_of_a_table_keep_their_names(table) -> None:
    assert table.features.names[0] == "length"
    assert table.features.image is None


def test_the_noisy_pass_is_the_network_s_own_step(digits, data) -> None:
    rows, network = digits.noisy, digits.predictor.network
    x = digits.predictor.scaling.apply(data.dataset.X[rows.indices], np.float32)
    assert set(rows.indices) <= set(data.split.train)
    assert len(rows.indices) == 500
    np.testing.assert_array_equal(rows.state.batch.x_unlabeled, x)
    noise = (rows.state.decoded[0].z_tilde - x) / network.specification.noise_std[0]
    assert abs(noise.std() - 1) < 0.02
    z_hat = rows.state.decoded[0].z_hat
    assert float(rows.state.losses.denoising[0]) == pytest.approx(float(((z_hat - x) ** 2).mean()), rel=1e-5)


def test_the_noisy_pass_is_the_same_each_time_and_another_for_another_seed(digits, data) -> None:
    again = noisy_pass(digits.predictor, digits.data)
    np.testing.assert_array_equal(again.state.decoded[0].z_hat, digits.noisy.state.decoded[0].z_hat)
    other = noisy_pass(digits.predictor, dataclasses.replace(digits.data, seed=99))
    assert (other.state.decoded[0].z_hat != again.state.decoded[0].z_hat).any()


def test_a_model_whose_cost_overflows_is_refused_in_one_line(digits_run, data) -> None:
    from ladder_np.experiments.run_folder import load_run_model

    predictor = load_run_model(digits_run, "cpu")
    predictor.network.parameters["decoder.0.weight"][...] = 0
    predictor.network.parameters["combinator.0.a5"][...] = 3e38
    with pytest.raises(InputError, match="the model's cost is NaN or infinite; train it again"):
        noisy_pass(predictor, PlotData(data.dataset, data.split, "rows", 0))


def test_test_rows_are_judged_and_the_errors_are_the_run_s(digits, digits_run, data) -> None:
    judged = digits.predictions
    assert judged.rows_name == "test rows"
    np.testing.assert_array_equal(judged.indices, data.split.test)
    assert (judged.predicted != judged.y).sum() == load_run_results(digits_run)["ladder"].wrong
    probabilities = digits.predictor.predict_proba(judged.X)
    np.testing.assert_array_equal(judged.predicted, probabilities.argmax(axis=1))
    np.testing.assert_allclose(judged.confidence, probabilities.max(axis=1))


def test_without_test_rows_validation_rows_are_judged_and_without_these_labeled_training_rows(digits, data) -> None:
    nothing = np.empty(0, np.int64)
    split = dataclasses.replace(data.split, test=nothing)
    judged = predict_labeled(digits.predictor, dataclasses.replace(digits.data, split=split))
    assert judged.rows_name == "validation rows"
    np.testing.assert_array_equal(judged.indices, split.validation)
    split = dataclasses.replace(split, validation=nothing)
    judged = predict_labeled(digits.predictor, dataclasses.replace(digits.data, split=split))
    assert judged.rows_name == "labeled training rows"
    np.testing.assert_array_equal(judged.indices, split.labeled)
    np.testing.assert_array_equal(judged.y, data.dataset.y[split.labeled])


def test_the_data_s_own_test_rows_come_first_and_in_parts(digits, data) -> None:
    copies = ROWS_AT_ONCE // 599 + 1
    X_test, y_test = (np.concatenate([part] * copies) for part in (digits.predictions.X, digits.predictions.y))
    dataset = dataclasses.replace(data.dataset, X_test=X_test, y_test=y_test)
    judged = predict_labeled(digits.predictor, dataclasses.replace(digits.data, dataset=dataset))
    np.testing.assert_array_equal(judged.indices, np.arange(599 * copies))
    np.testing.assert_array_equal(judged.predicted, np.concatenate([digits.predictions.predicted] * copies))


def test_the_top_hidden_layer_is_the_one_that_prediction_uses(digits, data) -> None:
    top, network = digits.top_hidden, digits.predictor.network
    assert top.h.shape == (len(data.split.train), 8)
    assert top.labeled.sum() == len(data.split.labeled)
    assert top.labeled[-len(data.split.labeled) :].all()
    np.testing.assert_array_equal(top.classes[top.labeled], data.dataset.y[data.split.labeled])
    a = top.h @ network.parameters["encoder.3.weight"]
    z = (a - network.statistics.mu[3]) / network.statistics.sigma[3]
    b = network.parameters["encoder.3.gamma"] * (z + network.parameters["encoder.3.beta"])
    np.testing.assert_array_equal(b.argmax(axis=1)[~top.labeled], top.classes[~top.labeled])


def test_a_run_with_every_row_labeled_has_no_others(digits, data) -> None:
    split = dataclasses.replace(data.split, train=data.split.labeled)
    assert encode_top_hidden(digits.predictor, dataclasses.replace(digits.data, split=split)).labeled.all()
