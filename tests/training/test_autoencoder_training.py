"""Training the noisy autoencoder on the embedded digits."""

import numpy as np
import pytest

from ladder_np.data.readers import open_dataset
from ladder_np.errors import InputError
from ladder_np.network.autoencoder import Autoencoder, autoencoder_forward
from ladder_np.training.autoencoder import AutoencoderTraining

X = open_dataset("digits", None).X
X = (X * (255 / X.max())).astype(np.uint8)
OF_DIGITS = Autoencoder((64, 32, 16, 32, 64))


def trained(seed: int = 0, epochs: int = 3) -> tuple[AutoencoderTraining, list[float]]:
    training = AutoencoderTraining(OF_DIGITS, X, seed)
    return training, [done.mse for done in training.epochs(epochs)]


def test_the_error_falls_and_rows_are_rebuilt() -> None:
    training, errors = trained(epochs=20)
    assert errors[-1] < 0.6 * errors[0]
    x = (X / 255).astype(np.float32)
    rebuilt = autoencoder_forward(x, training.parameters)
    assert rebuilt.cost < 0.7 * ((x - x.mean(axis=0)) ** 2).mean()  # better than the mean picture


def test_a_seed_repeats_bit_by_bit_and_another_is_another() -> None:
    (first, errors), (second, again), (other, _) = trained(), trained(), trained(seed=1)
    np.testing.assert_array_equal(first.vector, second.vector)
    assert errors == again
    assert (first.vector != other.vector).any()


def test_dropout_and_noise_are_as_large_as_was_asked() -> None:
    training = AutoencoderTraining(Autoencoder((64, 400, 300, 32, 64), dropout=0.3, noise_std=0.5), X)
    kept, noise = training._draw(500)
    assert set(np.unique(kept)) == {0, np.float32(1) / np.float32(0.7)}
    assert (kept == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert kept.mean() == pytest.approx(1, abs=0.01)
    assert (noise.mean(), noise.std()) == (pytest.approx(0, abs=0.01), pytest.approx(0.5, abs=0.01))


@pytest.mark.parametrize(
    ("X", "batch", "says"),
    [
        (X.astype(np.float32), 128, "X is float32 of shape"),
        (X[:, :9], 128, r"expected pixels, uint8 of shape \(rows, 64\)"),
        (X, 0, "batch 0: expected at least one row"),
    ],
)
def test_what_cannot_be_trained_on_is_told(X: np.ndarray, batch: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        AutoencoderTraining(OF_DIGITS, X, batch=batch)
