"""The nine facts that re-implementations get wrong, one test each: break the fact and the test fails."""

import dataclasses

import numpy as np
import pytest

from ladder_np.data.split import split_rows
from ladder_np.inspection.example import example_step
from ladder_np.inspection.gradcheck import check_network
from ladder_np.network.inference import population_statistics, predict_proba
from ladder_np.network.ladder import State, backward, forward
from ladder_np.network.model import LadderNetwork
from ladder_np.network.parameters import Parameters, initial_parameters, parameter_shapes
from ladder_np.network.specification import LABELED_STATISTICS, Specification
from ladder_np.training.fit import fit
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import Training, TrainingSettings

N, M = 6, 9
SPECIFICATION = Specification(
    (5, 7, 4, 3), activation="tanh", denoising_weights=(2.0, 1.5, 1.0, 0.5), dtype="float64"
)


def run(specification: Specification = SPECIFICATION) -> tuple[Parameters, State, Parameters]:
    parameters, batch, noise = example_step(specification, N, M, seed=0)
    state = forward(parameters, batch, noise)
    gradients = parameters.zeros_like()
    backward(state, gradients)
    return parameters, state, gradients


def standard(a: np.ndarray) -> np.ndarray:
    return (a - a.mean(axis=0)) / np.sqrt(a.var(axis=0) + SPECIFICATION.batch_norm_eps)


def test_fact_1_each_half_of_the_batch_has_its_own_statistics() -> None:
    parameters, state, _ = run()
    h, z, rows = state.encoded[0].h, state.encoded[1].z, state.encoded[1].rows
    for lane in (rows.labeled, rows.unlabeled, rows.clean):
        a = h[lane] @ parameters["encoder.1.weight"]
        np.testing.assert_allclose(z[lane], standard(a), rtol=1e-10, atol=1e-12)
    together = standard(h[rows.corrupted] @ parameters["encoder.1.weight"])
    assert np.abs(z[rows.corrupted] - together).max() > 0.05


def test_fact_1_is_an_option_labeled_rows_can_have_the_corrupted_unlabeled_ones_statistics() -> None:
    chosen = dataclasses.replace(SPECIFICATION, labeled_statistics="unlabeled")
    parameters, state, _ = run(chosen)
    h, encoded, rows = state.encoded[0].h, state.encoded[1], state.encoded[1].rows
    labeled, unlabeled = (h[lane] @ parameters["encoder.1.weight"] for lane in (rows.labeled, rows.unlabeled))
    mu, sigma = unlabeled.mean(axis=0), np.sqrt(unlabeled.var(axis=0) + chosen.batch_norm_eps)
    np.testing.assert_allclose(encoded.z[rows.labeled], (labeled - mu) / sigma, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(encoded.z[rows.unlabeled], standard(unlabeled), rtol=1e-10, atol=1e-12)
    for lane in (0, 1):
        np.testing.assert_allclose(encoded.mu[lane], mu)
        np.testing.assert_allclose(encoded.sigma[lane], sigma)


def test_without_denoising_costs_labeled_rows_keep_their_own_statistics() -> None:
    baseline = dataclasses.replace(SPECIFICATION, denoising_weights=0.0)
    (_, one, own), (_, other, shared) = (
        run(dataclasses.replace(baseline, labeled_statistics=whose)) for whose in LABELED_STATISTICS
    )
    assert one.losses.total == other.losses.total
    np.testing.assert_array_equal(own.vector, shared.vector)


def test_fact_1_denoising_costs_never_look_at_labeled_rows() -> None:
    parameters, batch, noise = example_step(SPECIFICATION, N, M, seed=0)
    costs = forward(parameters, batch, noise).losses
    batch.x_labeled[...] += 1.0 + batch.x_labeled**2
    changed = forward(parameters, batch, noise).losses
    np.testing.assert_array_equal(changed.denoising, costs.denoising)
    assert changed.supervised != costs.supervised


def test_fact_2_unlabeled_rows_include_the_labeled_ones() -> None:
    y = np.arange(40) % 4
    generator = np.random.default_rng(0)
    split = split_rows(y, 4, labels=8, validation=4, test_fraction=0.2, generator=generator)
    assert set(split.labeled) <= set(split.train)
    fed: list[np.ndarray] = []

    def rows(numbers: np.ndarray) -> np.ndarray:
        fed.append(numbers)
        return np.random.default_rng(1).standard_normal((40, 3))[numbers]

    network = LadderNetwork((3, 5, 4))
    settings = TrainingSettings(epochs=1, labeled_batch=8, unlabeled_batch=7)
    steps: list[np.ndarray] = []
    data = TrainingData(rows, y, split.labeled, split.train)
    fit(Training(network, data, settings), on_epoch=lambda record: steps.extend(fed))
    unlabeled = np.concatenate(steps[1::2])  # each step asks for its labeled rows, then its unlabeled ones
    assert sorted(unlabeled) == sorted(split.train)


def test_fact_3_gradients_reach_the_clean_pass_through_z_mean_and_deviation() -> None:
    """The directional derivative of the true cost is that of our gradient, not of a stopped one."""
    _, _, gradients = run()
    _, _, stopped = run(Specification(**{**SPECIFICATION.as_json(), "stop_gradient_targets": True}))
    parameters, batch, noise = example_step(SPECIFICATION, N, M, seed=0)
    direction = np.random.default_rng(1).standard_normal(parameters["encoder.1.weight"].shape)
    costs = []
    for sign in (1, -1):
        shifted = Parameters(SPECIFICATION, parameters.vector.copy())
        shifted["encoder.1.weight"][...] += sign * 1e-5 * direction
        costs.append(forward(shifted, batch, noise).losses.total)
    numeric = (costs[0] - costs[1]) / 2e-5
    assert (gradients["encoder.1.weight"] * direction).sum() == pytest.approx(numeric, rel=1e-6)
    assert (stopped["encoder.1.weight"] * direction).sum() != pytest.approx(numeric, rel=1e-2)
    np.testing.assert_array_equal(stopped["decoder.0.weight"], gradients["decoder.0.weight"])


def test_fact_4_the_input_layer_is_not_normalized() -> None:
    _, state, _ = run()
    _, batch, noise = example_step(SPECIFICATION, N, M, seed=0)
    x = np.concatenate([batch.x_labeled, batch.x_unlabeled])
    np.testing.assert_allclose(
        state.encoded[0].z_tilde[state.encoded[0].rows.corrupted], x + 0.3 * noise[0], rtol=1e-14
    )
    np.testing.assert_array_equal(state.encoded[0].h[state.encoded[0].rows.clean], batch.x_unlabeled)
    np.testing.assert_array_equal(state.decoded[0].z_hat_bn, state.decoded[0].z_hat)
    expected = ((state.decoded[0].z_hat - batch.x_unlabeled) ** 2).mean()
    assert state.losses.denoising[0] == pytest.approx(expected, rel=1e-12)


def test_fact_5_the_top_u_is_the_normalized_softmax_output_without_weights() -> None:
    _, state, _ = run()
    p = state.classified.p[state.encoded[3].rows.unlabeled]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(state.decoded[3].u, standard(p), rtol=1e-10, atol=1e-12)
    assert "decoder.3.weight" not in parameter_shapes(SPECIFICATION)


def test_fact_5_every_u_is_normalized_without_scale_or_shift() -> None:
    parameters, state, _ = run()
    for layer in range(3):
        vertical = state.decoded[layer + 1].z_hat @ parameters[f"decoder.{layer}.weight"]
        np.testing.assert_allclose(state.decoded[layer].u, standard(vertical), rtol=1e-9, atol=1e-11)
        assert {n for n in parameters if n.startswith(f"decoder.{layer}.")} == {f"decoder.{layer}.weight"}


def test_fact_6_the_cost_divides_by_the_clean_deviation_and_takes_the_mean() -> None:
    _, state, _ = run()
    for layer in (1, 2, 3):
        encoded, z_hat = state.encoded[layer], state.decoded[layer].z_hat
        mu, sigma, z = encoded.mu[2], encoded.sigma[2], encoded.z[encoded.rows.clean]
        cost = state.losses.denoising[layer]
        assert cost == pytest.approx((((z_hat - mu) / sigma - z) ** 2).mean(), rel=1e-12)
        assert cost != pytest.approx((((z_hat - mu) / sigma**2 - z) ** 2).mean(), rel=1e-3)  # a TensorFlow port
        assert cost != pytest.approx(((z_hat - z) ** 2).mean(), rel=1e-3)  # a Keras port
        corrupted = encoded.mu[1], encoded.sigma[1]
        assert cost != pytest.approx((((z_hat - corrupted[0]) / corrupted[1] - z) ** 2).mean(), rel=1e-3)
    weighted = state.losses.supervised + np.dot(SPECIFICATION.denoising_weights, state.losses.denoising)
    assert state.losses.total == pytest.approx(weighted, rel=1e-12)


def test_fact_7_every_layer_has_a_shift_and_only_the_softmax_a_scale() -> None:
    parameters, state, _ = run()
    assert [name for name in parameters if "beta" in name] == [f"encoder.{layer}.beta" for layer in (1, 2, 3)]
    assert [name for name in parameters if "gamma" in name] == ["encoder.3.gamma"]
    beta, gamma = parameters["encoder.3.beta"], parameters["encoder.3.gamma"]
    b = gamma * (state.encoded[3].z_tilde[state.encoded[3].rows.corrupted] + beta)
    np.testing.assert_allclose(state.encoded[3].h, b, rtol=1e-12)
    h = np.tanh(state.encoded[1].z_tilde + parameters["encoder.1.beta"])
    np.testing.assert_allclose(state.encoded[1].h, h, rtol=1e-12)


def test_fact_8_prediction_uses_unbiased_population_statistics_and_not_the_batch() -> None:
    parameters, _, _ = run()
    x = np.random.default_rng(2).standard_normal((50, 5))
    statistics = population_statistics(parameters, lambda: iter(np.split(x, [7, 20, 21])))
    h = x
    for layer in (1, 2, 3):
        a = h @ parameters[f"encoder.{layer}.weight"]
        sigma = np.sqrt(a.var(axis=0, ddof=1) + SPECIFICATION.batch_norm_eps)
        np.testing.assert_allclose(statistics.mu[layer], a.mean(axis=0), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(statistics.sigma[layer], sigma, rtol=1e-12)
        h = np.tanh((a - a.mean(axis=0)) / sigma + parameters[f"encoder.{layer}.beta"])
    together = predict_proba(parameters, statistics, x)
    alone = np.concatenate([predict_proba(parameters, statistics, row[None]) for row in x])
    np.testing.assert_allclose(alone, together, atol=1e-14)


def test_fact_9_at_the_starting_point_most_decoder_gradients_vanish_and_examples_are_elsewhere() -> None:
    start = initial_parameters(SPECIFICATION, np.random.default_rng(0))
    random, batch, noise = example_step(SPECIFICATION, N, M, seed=0)
    vanishing = {}
    for name, parameters in (("start", start), ("random", random)):
        state = forward(parameters, batch, noise)
        gradients = parameters.zeros_like()
        backward(state, gradients)
        vanishing[name] = {key for key, gradient in gradients.items() if not gradient.any()}
        assert (state.decoded[1].z_hat == 0).all() == (name == "start")
    assert {f"decoder.{layer}.weight" for layer in range(3)} <= vanishing["start"]
    assert vanishing["random"] == set()


def test_a_network_without_top_gamma_has_right_gradients() -> None:
    chosen = dataclasses.replace(SPECIFICATION, top_gamma=False)
    parameters, _, gradients = run(chosen)
    assert not any(name.endswith(".gamma") for name in parameters)
    assert all(check.passed for check in check_network(chosen, N, M, seed=0))
    assert np.abs(gradients["encoder.3.beta"]).max() > 0
