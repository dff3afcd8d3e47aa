"""The noisy autoencoder: its formulas restated, its gradients, and that nothing is disturbed without being asked."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from ladder_np.inspection.function_check import check_gradients
from ladder_np.network.autoencoder import Autoencoder, autoencoder_backward, autoencoder_forward

SMALL = Autoencoder((9, 7, 4, 6, 9), dropout=0.25, noise_std=0.5, dtype="float64")
ROWS = 8


def point(seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return rows, random parameters, m/(1 − p) and s n."""
    generator = np.random.default_rng(seed)
    a = {name: generator.normal(scale=0.7, size=shape) for name, shape in SMALL.shapes().items()}
    kept = (generator.random((ROWS, 7)) >= SMALL.dropout) / (1 - SMALL.dropout)
    return generator.random((ROWS, 9)), a, kept, SMALL.noise_std * generator.normal(size=(ROWS, 4))


def restated(a, x, kept, noise):
    h = anp.maximum(anp.dot(x, a["W1"]) + a["b1"], 0) * kept
    h = anp.maximum(anp.dot(h, a["W2"]) + a["b2"], 0) + noise
    h = anp.maximum(anp.dot(h, a["W3"]) + a["b3"], 0)
    return anp.mean((1 / (1 + anp.exp(-(anp.dot(h, a["W4"]) + a["b4"]))) - x) ** 2)


def gradients(x, a, kept, noise):
    written = {name: np.full(shape, np.nan) for name, shape in SMALL.shapes().items()}
    autoencoder_backward(autoencoder_forward(x, a, kept, noise), a, written)
    return written


@pytest.mark.parametrize("disturbed", [True, False])
def test_cost_and_gradients_are_those_of_autograd(disturbed: bool) -> None:
    x, a, kept, noise = point()
    given = (kept, noise) if disturbed else (None, None)
    plain = (kept, noise) if disturbed else (np.ones_like(kept), np.zeros_like(noise))
    assert autoencoder_forward(x, a, *given).cost == pytest.approx(restated(a, x, *plain), rel=1e-13)
    expected = grad(restated)(a, x, *plain)
    for name, gradient in gradients(x, a, *given).items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-9, atol=1e-15)


def hidden(x, a, kept, noise):
    """Return the values whose sign changes at kinks."""
    done = autoencoder_forward(x, a, kept, noise)
    return [h > 0 for h in done.outputs[:-1]]


@pytest.mark.parametrize("seed", range(3))
def test_gradients_agree_with_central_differences(seed: int) -> None:
    x, a, kept, noise = point(seed)
    report = check_gradients(
        lambda p: autoencoder_forward(x, p, kept, noise).cost,
        a,
        lambda p: gradients(x, p, kept, noise),
        kinks=lambda p: hidden(x, p, kept, noise),
        seed=seed,
    )
    report.raise_if_failed()


@pytest.mark.parametrize("name", SMALL.shapes())
def test_a_wrong_gradient_fails_the_check(name: str) -> None:
    x, a, kept, noise = point()
    wrong = gradients(x, a, kept, noise)
    wrong[name] = wrong[name] * (1 + 1e-5)
    report = check_gradients(
        lambda p: autoencoder_forward(x, p, kept, noise).cost, a, wrong, kinks=lambda p: hidden(x, p, kept, noise)
    )
    assert not report.passed


def test_the_start_is_uniform_weights_and_no_biases() -> None:
    of = Autoencoder()
    vector = of.initial(np.random.default_rng(0))
    assert vector.dtype == np.float32
    views = of.views(vector)
    assert (
        vector.size == sum(view.size for view in views.values()) == 784 * 128 * 2 + 128 * 64 * 2 + 128 * 2 + 64 + 784
    )
    for k in range(1, 5):
        W, limit = views[f"W{k}"], np.sqrt(6 / sum(views[f"W{k}"].shape))
        assert abs(W).max() <= limit
        assert W.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
        assert not views[f"b{k}"].any()
