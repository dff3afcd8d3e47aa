import numpy as np
import pytest
from every_kind import EVERY_KIND

from ladder_np.arrays import Array, Device
from ladder_np.inspection.example import example_step
from ladder_np.network.fused import make_passes
from ladder_np.network.ladder import Batch, backward, forward
from ladder_np.network.noise import Noise
from ladder_np.network.parameters import Parameters
from ladder_np.network.specification import Specification


@pytest.mark.parametrize("rows", [3, 7, 9])
def test_every_class_occurs_and_as_often_as_any_other(rows: int) -> None:
    _, batch, _ = example_step(Specification((4, 5, 3)), rows, 6, seed=0)
    counts = np.bincount(batch.y, minlength=3)
    assert counts.sum() == rows
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


def test_classes_are_not_in_the_order_of_the_rows() -> None:
    _, batch, _ = example_step(Specification((4, 5, 3)), 12, 6, seed=0)
    assert (batch.y != np.arange(12) % 3).any()


@pytest.mark.parametrize(("activation", "combinator"), EVERY_KIND)
def test_float32_knows_the_gradients_at_the_example_point(activation: str, combinator: str) -> None:
    """A point where rounding decides could not tell a wrong gradient on a device from another order of sums."""
    kind = {"sizes": (5, 37, 6, 3), "activation": activation, "combinator": combinator, "denoising_weights": (1.0,)}
    single, double = (Specification(**kind, dtype=dtype) for dtype in ("float32", "float64"))
    parameters, batch, noise = example_step(single, 6, 18, seed=4)
    exact = Parameters(double, parameters.vector.astype(np.float64))
    batch64 = Batch(batch.x_labeled.astype(np.float64), batch.y, batch.x_unlabeled.astype(np.float64))
    expected = gradients(double, exact, batch64, [values.astype(np.float64) for values in noise])
    largest = max(np.abs(values).max() for values in expected.values())
    for name, values in gradients(single, parameters, batch, noise).items():
        scale = max(np.abs(expected[name]).max(), 1e-2 * largest)
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=5e-5 * scale, err_msg=name)


def gradients(specification: Specification, parameters: Parameters, batch: Batch, noise: Noise) -> dict[str, Array]:
    passes = make_passes(specification, Device(), len(batch.x_labeled), len(batch.x_unlabeled))
    found = parameters.zeros_like()
    backward(forward(parameters, batch, noise, passes), found)
    return dict(found.items())
