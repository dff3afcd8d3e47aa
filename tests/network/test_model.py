import numpy as np
import pytest

from ladder_np import InputError, LadderNetwork, check_gradients
from ladder_np.network.layers import Lanes

GENERATOR = np.random.default_rng(0)
X_LABELED, Y, X_UNLABELED = GENERATOR.normal(size=(6, 4)), [0, 1, 2, 0, 1, 2], GENERATOR.normal(size=(9, 4))


def make_network(**options: object) -> LadderNetwork:
    return LadderNetwork(sizes=(4, 5, 3), denoising_weights=(10, 1, 0.1), **options)


def test_given_noise_makes_a_step_repeatable_and_drawn_noise_goes_on() -> None:
    network = make_network()
    noise = [GENERATOR.normal(size=(15, size)) for size in (4, 5, 3)]
    first, gradients = network.loss_and_gradients(X_LABELED, Y, X_UNLABELED, noise)
    again, same = network.loss_and_gradients(X_LABELED, Y, X_UNLABELED, noise)
    assert first.total == again.total
    np.testing.assert_array_equal(gradients.vector, same.vector)
    drawn = [network.loss_and_gradients(X_LABELED, Y, X_UNLABELED)[0].total for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_the_same_seed_draws_the_same_weights_and_noise_and_another_seed_others() -> None:
    one, two, other = make_network(seed=5), make_network(seed=5), make_network(seed=6)
    lanes = Lanes.needed(one.specification, 6, 9)
    np.testing.assert_array_equal(one.parameters.vector, two.parameters.vector)
    assert (one.parameters.vector != other.parameters.vector).any()
    for a, b, c in zip(*(network.draw_noise(lanes) for network in (one, two, other)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_have_the_networks_dtype_whatever_the_inputs(dtype: str) -> None:
    losses, gradients = make_network(dtype=dtype).loss_and_gradients(
        (10 * X_LABELED).astype(np.int16), np.uint8(Y), X_UNLABELED.tolist()
    )
    assert gradients.vector.dtype == losses.total.dtype == losses.denoising.dtype == dtype


def test_fresh_gradients_each_call() -> None:
    network = make_network()
    _, first = network.loss_and_gradients(X_LABELED, Y, X_UNLABELED)
    kept = first.vector.copy()
    network.loss_and_gradients(X_LABELED, Y, X_UNLABELED)
    np.testing.assert_array_equal(first.vector, kept)


def with_nan(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[1, 2] = np.nan
    return x


NOISE = [np.zeros((15, size)) for size in (4, 5, 3)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X_LABELED[:, :3], Y, X_UNLABELED), r"x_labeled: expected shape \(rows, 4\).*got \(6, 3\)"),
        ((X_LABELED, Y, X_UNLABELED[0]), r"x_unlabeled: expected shape \(rows, 4\).*got \(4,\)"),
        ((X_LABELED[:1], Y[:1], X_UNLABELED), "x_labeled: got 1 rows, expected at least 2"),
        ((X_LABELED, Y, X_UNLABELED[:1]), "x_unlabeled: got 1 rows, expected at least 2"),
        ((X_LABELED, Y[:5], X_UNLABELED), r"y: expected shape \(6,\).*got \(5,\)"),
        ((X_LABELED, [0, 1, 2, 0, 1, 3], X_UNLABELED), r"y: expected whole numbers 0 \.\. 2, got 0 to 3"),
        ((X_LABELED, [0, 1, 2, 0, 1, -1], X_UNLABELED), "got -1 to 2"),
        ((X_LABELED, [0.0] * 6, X_UNLABELED), "y: expected whole numbers .* got float64"),
        ((X_LABELED, list("abcabc"), X_UNLABELED), "y: expected whole numbers .* got <U1"),
        ((X_LABELED, [None] * 6, X_UNLABELED), "y: expected whole numbers .* got object"),
        ((X_LABELED * 1e300, Y, X_UNLABELED), r"x_labeled: holds NaN or infinite values \(for float32\)"),
        ((X_LABELED, Y, X_UNLABELED, 5), "noise: expected a list of 3 arrays, got int"),
        ((with_nan(X_LABELED), Y, X_UNLABELED), "x_labeled: holds NaN or infinite values"),
        ((X_LABELED, Y, [["a"] * 4] * 3), "x_unlabeled: expected numbers"),
        ((X_LABELED, Y, [[1, 2, 3, 4], [1]]), "x_unlabeled: expected a rectangular array"),
        (
            (X_LABELED, Y, X_UNLABELED, NOISE[:2]),
            "noise: expected 3 arrays, one for each layer with the input, got 2",
        ),
        ((X_LABELED, Y, X_UNLABELED, [*NOISE[:2], NOISE[0]]), r"noise\[2\]: expected shape \(15, 3\)"),
        ((X_LABELED, Y, X_UNLABELED, [with_nan(NOISE[0]), *NOISE[1:]]), r"noise\[0\]: holds NaN or infinite"),
        ((X_LABELED, Y, X_UNLABELED, [*NOISE[:2], NOISE[2] + np.inf]), r"noise\[2\]: holds NaN or infinite"),
    ],
)
def test_what_does_not_fit_is_named(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make_network().loss_and_gradients(*arguments)
    assert "\n" not in str(caught.value)


def test_every_option_reaches_the_specification() -> None:
    options = {
        "activation": "tanh",
        "combinator": "gated_gaussian",
        "noise_std": (0.1, 0.2, 0.4),
        "denoising_weights": (3.0, 2.0, 1.0),
        "batch_norm_eps": 1e-3,
        "stop_gradient_targets": True,
        "dtype": "float64",
        "labeled_statistics": "unlabeled",
    }
    about = LadderNetwork((4, 5, 3), **options).specification.as_json()
    assert {name: tuple(value) if isinstance(value, list) else value for name, value in about.items()} == {
        "sizes": (4, 5, 3),
        **options,
    }


def test_predicting_before_training_says_what_to_do() -> None:
    with pytest.raises(InputError, match="call estimate_statistics first"):
        make_network().predict_proba(X_LABELED)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_do_not_depend_on_the_batch(dtype: str) -> None:
    network = LadderNetwork((30, 40, 20, 5), dtype=dtype)
    x = np.random.default_rng(1).normal(size=(300, 30)).astype(dtype)
    network.estimate_statistics(lambda: iter([x]))
    together = network.predict_proba(x)
    for size in (1, 7, 31, 32, 100):
        parts = [network.predict_proba(x[start : start + size]) for start in range(0, 300, size)]
        np.testing.assert_allclose(np.concatenate(parts), together, atol=1e-6)
        np.testing.assert_array_equal(np.concatenate(parts).argmax(axis=1), together.argmax(axis=1))


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (X_UNLABELED, "batches: expected a callable such as lambda: .x., got ndarray"),
        (lambda: [X_UNLABELED[:, :3]], r"batches: expected shape \(rows, 4\)"),
        (lambda: [with_nan(X_UNLABELED)], "batches: holds NaN"),
        (lambda: [], "at least 2 rows, got 0"),
    ],
)
def test_statistics_of_unfit_rows_are_refused(batches: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_network().estimate_statistics(batches)


def test_predicting_no_rows_is_refused() -> None:
    network = make_network()
    network.estimate_statistics(lambda: [X_UNLABELED])
    with pytest.raises(InputError, match=r"x: got 0 rows, expected at least 1$"):
        network.predict_proba(X_UNLABELED[:0])


def test_statistics_of_one_row_are_refused() -> None:
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        make_network().estimate_statistics(lambda: iter([np.ones((1, 4), np.float32)]))


@pytest.mark.parametrize("statistics", ["own", "unlabeled"])
def test_weights_multiply_the_labeled_rows_costs_and_their_gradients(statistics: str) -> None:
    net = LadderNetwork((4, 5, 3), denoising_weights=0.5, labeled_statistics=statistics, dtype="float64", seed=1)
    generator = np.random.default_rng(0)
    for view in net.parameters.values():
        view[...] += 0.3 * generator.normal(size=view.shape)
    x, y, unlabeled = generator.normal(size=(6, 4)), generator.integers(0, 3, 6), generator.normal(size=(7, 4))
    noise = [generator.normal(size=(13, size)) for size in (4, 5, 3)]
    weights = generator.uniform(0, 2, 6)
    point = {name: view.copy() for name, view in net.parameters.items()}

    def cost(parameters: dict[str, np.ndarray]) -> float:
        for name, values in parameters.items():
            net.parameters[name][...] = values
        return float(net.loss_and_gradients(x, y, unlabeled, noise, weights)[0].total)

    gradients = net.loss_and_gradients(x, y, unlabeled, noise, weights)[1]
    given = {name: gradients[name].copy() for name in gradients}
    check_gradients(cost, point, given).raise_if_failed()
    each = net.forward(x, y, unlabeled, noise).classified.p[np.arange(6), y]
    losses = net.loss_and_gradients(x, y, unlabeled, noise, weights)[0]
    assert losses.supervised == pytest.approx(-(weights * np.log(each)).mean())


def test_one_labeled_row_is_enough_with_the_unlabeled_rows_statistics() -> None:
    for statistics, fewest in (("unlabeled", 1), ("own", 2)):
        net = LadderNetwork((4, 5, 3), labeled_statistics=statistics, dtype="float64")
        losses, _ = net.loss_and_gradients(
            np.ones((fewest, 4)), [1] * fewest, np.random.default_rng(0).normal(size=(7, 4))
        )
        assert np.isfinite(losses.total)
        with pytest.raises(InputError, match=f"got {fewest - 1} rows, expected at least {fewest}"):
            net.loss_and_gradients(np.ones((fewest - 1, 4)), [1] * (fewest - 1), np.ones((7, 4)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0, 2.0], r"sample_weight: expected shape \(6,\)"), (["a"] * 6, "sample_weight: expected numbers")],
)
def test_weights_that_do_not_fit_are_named(weights: list, message: str) -> None:
    net = LadderNetwork((4, 5, 3))
    with pytest.raises(InputError, match=message):
        net.loss_and_gradients(np.ones((6, 4)), [0] * 6, np.ones((7, 4)), sample_weight=weights)
