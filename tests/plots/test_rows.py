"""Which rows pictures show, and what the network makes of them; needs no matplotlib."""

import dataclasses

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.data.dataset import Dataset
from ladder_np.experiments.run_folder import load_run_data, load_run_results
from ladder_np.plots.rows import ROWS_AT_ONCE, describe_features, evenly, judge, look_at_top, noisy


@pytest.fixture(scope="module")
def data(digits_run):
    return load_run_data(digits_run, None)


def test_rows_are_taken_evenly() -> None:
    numbers = np.arange(100, 200)
    np.testing.assert_array_equal(evenly(numbers, 100), numbers)
    np.testing.assert_array_equal(evenly(numbers, 4), [100, 125, 150, 175])
    for most in range(1, 100):
        assert len(np.unique(evenly(numbers, most))) == most


@pytest.mark.parametrize(
    ("width", "maximum", "side"),
    [(784, 255, 28), (64, 16, 8), (16, 255, 4), (9, 255, None), (784, None, None), (3072, 255, None)],
)
def test_square_pixels_are_images_and_nothing_else_is(width: int, maximum: int | None, side: int | None) -> None:
    dataset = Dataset("d", np.zeros((2, width)), np.arange(2), np.arange(2), pixel_maximum=maximum)
    features = describe_features(dataset)
    assert features.side == side
    assert len(features.names) == width
    assert features.names[1] == "feature 1"


def test_columns_of_a_table_keep_their_names(table) -> None:
    assert table.features.names[0] == "length"
    assert table.features.side is None


def test_the_noisy_pass_is_the_network_s_own_step(digits, data) -> None:
    rows, network = digits.noisy, digits.predictor.network
    x = digits.predictor.scaling.apply(data.dataset.X[rows.numbers], np.float32)
    assert set(rows.numbers) <= set(data.split.train)
    assert len(rows.numbers) == 500
    np.testing.assert_array_equal(rows.state.batch.x_unlabeled, x)
    noise = (rows.state.decoded[0].z_tilde - x) / network.specification.noise_std[0]
    assert abs(noise.std() - 1) < 0.02
    z_hat = rows.state.decoded[0].z_hat
    assert float(rows.state.losses.denoising[0]) == pytest.approx(float(((z_hat - x) ** 2).mean()), rel=1e-5)


def test_the_noisy_pass_is_the_same_each_time_and_another_for_another_seed(digits, data) -> None:
    again = noisy(digits.predictor, data.dataset, data.split, digits.config.settings.seed)
    np.testing.assert_array_equal(again.state.decoded[0].z_hat, digits.noisy.state.decoded[0].z_hat)
    other = noisy(digits.predictor, data.dataset, data.split, 99)
    assert (other.state.decoded[0].z_hat != again.state.decoded[0].z_hat).any()


def test_a_model_whose_cost_overflows_is_refused_in_one_line(digits_run, data) -> None:
    from ladder_np.experiments.run_folder import load_run_model

    predictor = load_run_model(digits_run, "cpu")
    predictor.network.parameters["decoder.0.weight"][...] = 0
    predictor.network.parameters["combinator.0.a5"][...] = 3e38
    with pytest.raises(InputError, match="the model's cost is not finite; train it again"):
        noisy(predictor, data.dataset, data.split, 0)


def test_test_rows_are_judged_and_the_errors_are_the_run_s(digits, digits_run, data) -> None:
    judged = digits.judged
    assert judged.which == "test"
    np.testing.assert_array_equal(judged.numbers, data.split.test)
    assert (judged.predicted != judged.y).sum() == load_run_results(digits_run)["ladder"].wrong
    probabilities = digits.predictor.predict_proba(judged.X)
    np.testing.assert_array_equal(judged.predicted, probabilities.argmax(axis=1))
    np.testing.assert_allclose(judged.confidence, probabilities.max(axis=1))


def test_without_test_rows_validation_rows_are_judged_and_without_these_labeled_training_rows(digits, data) -> None:
    nothing = np.empty(0, np.int64)
    split = dataclasses.replace(data.split, test=nothing)
    judged = judge(digits.predictor, data.dataset, split)
    assert judged.which == "validation"
    np.testing.assert_array_equal(judged.numbers, split.validation)
    split = dataclasses.replace(split, validation=nothing)
    judged = judge(digits.predictor, data.dataset, split)
    assert judged.which == "labeled training"
    np.testing.assert_array_equal(judged.numbers, split.labeled)
    np.testing.assert_array_equal(judged.y, data.dataset.y[split.labeled])


def test_the_data_s_own_test_rows_come_first_and_in_parts(digits, data) -> None:
    copies = ROWS_AT_ONCE // 599 + 1
    X_test, y_test = (np.concatenate([part] * copies) for part in (digits.judged.X, digits.judged.y))
    judged = judge(digits.predictor, dataclasses.replace(data.dataset, X_test=X_test, y_test=y_test), data.split)
    np.testing.assert_array_equal(judged.numbers, np.arange(599 * copies))
    np.testing.assert_array_equal(judged.predicted, np.concatenate([digits.judged.predicted] * copies))


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
    assert look_at_top(digits.predictor, data.dataset, split).labeled.all()
