"""What the double stands for, on a real GPU; skipped where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from every_kind import EVERY_KIND
from test_convolution_device import COSTS as SPATIAL_COSTS
from test_convolution_device import LAYERS, MANY, TOP, large, spatial
from test_fused_device import (
    COSTS,
    TOLERANCE,
    assert_close,
    batches,
    costs,
    specification,
    step,
    steps,
    trained,
    vector,
)

from ladder_np import LadderClassifier
from ladder_np.arrays import Device, why_no_cuda
from ladder_np.experiments.device_check import check_device
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute
from ladder_np.experiments.settings import make_settings
from ladder_np.inspection.example import example_step
from ladder_np.network.model import LadderNetwork
from ladder_np.network.specification import Specification
from ladder_np.operations.convolution import PATCHES_ON_GPU
from ladder_np.predictor import Predictor
from ladder_np.training.step import TrainingStep

pytestmark = pytest.mark.skipif(bool(why_no_cuda()), reason=f"no GPU: {why_no_cuda()}")


@pytest.fixture
def device() -> Device:
    """Return the GPU."""
    return Device("cuda")


def test_doctor_finds_nothing_wrong(device: Device) -> None:
    assert [check for check in check_device(device) if check.passed is False] == []


@pytest.mark.parametrize("fused", [True, False], ids=["kernels", "formulas"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("activation", "combinator"), EVERY_KIND)
def test_step_equals_numpys_to_rounding(combinator: str, activation: str, cost: str, fused: bool) -> None:
    for dtype in TOLERANCE:
        network = specification(combinator=combinator, activation=activation, dtype=dtype, **COSTS[cost])
        assert_close(step(network, Device("cuda", fused=fused)), step(network, Device("cpu")))


@pytest.mark.parametrize("rows", [(2, 2), (5, 33), (40, 3), (700, 1100)])
def test_any_number_of_rows_will_do(rows: tuple[int, int], device: Device) -> None:
    network = specification(dtype="float64", activation="tanh")
    assert_close(step(network, device, rows), step(network, Device("cpu"), rows))


@pytest.mark.parametrize("options", [{}, {"denoising_weights": 0.0}], ids=["ladder", "baseline"])
def test_training_on_the_hosts_noise_is_numpys_to_rounding(options: dict[str, Any]) -> None:
    model, records, X = trained(Device("cuda", host_noise=True), **options)
    expected, expected_records, _ = trained(Device("cpu"), **options)
    np.testing.assert_allclose(vector(model), vector(expected), rtol=1e-7, atol=1e-9)
    if not options:
        np.testing.assert_allclose(costs(records), costs(expected_records), rtol=1e-9)
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-9)


def test_batches_are_numpys_from_the_card_and_from_pinned_memory(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = batches(Device("cpu"))
    for free in (2**30, 0):
        monkeypatch.setattr(Device, "free_memory", lambda self, free=free: free)
        for actual, batch in zip(batches(device), expected, strict=True):
            for one, other in zip(actual, batch, strict=True):
                np.testing.assert_array_equal(one, other)


def test_training_repeats_bit_by_bit_and_its_model_predicts_the_same_on_the_cpu(
    device: Device, tmp_path: Path
) -> None:
    (model, records, X), (again, _, _) = trained(device, "float32"), trained(device, "float32")
    np.testing.assert_array_equal(vector(model), vector(again))
    assert records[-1].cost < records[0].cost
    model.save(tmp_path / "model.npz")
    moved = Predictor.load(tmp_path / "model.npz", Device("cpu"))
    np.testing.assert_allclose(moved.predict_proba(X), model.predict_proba(X), atol=1e-5)


# ---- Convolution. In float32 no kink and no largest value: a few of that many would be decided by rounding.


@pytest.mark.parametrize("fused", [True, False], ids=["kernels", "formulas"])
@pytest.mark.parametrize("layers", LAYERS)
def test_a_convolutional_step_equals_numpys(layers: str, fused: bool) -> None:
    network = spatial(layers, dtype="float64")
    assert_close(step(network, Device("cuda", fused=fused)), step(network, Device("cpu")))


@pytest.mark.parametrize("fused", [True, False], ids=["kernels", "formulas"])
@pytest.mark.parametrize("cost", SPATIAL_COSTS)
def test_it_does_with_more_rows_than_one_block_adds_up(cost: str, fused: bool) -> None:
    options = {k: (0.0,) * 5 + (1.0,) if v == TOP else v for k, v in SPATIAL_COSTS[cost].items()}
    network = large(dtype="float64", **options)
    assert_close(step(network, Device("cuda", fused=fused), MANY), step(network, Device("cpu"), MANY))


# 3 x 100 images of 28 x 28 positions: 235,200 rows.
DEEP = Specification(
    layers="conv:32:5:same-conv:48:4:valid:2-mean_pool-10",
    input_shape=(28, 28, 1),
    denoising_weights=0.1,
    activation="tanh",
)


@pytest.mark.parametrize("fused", [True, False], ids=["kernels", "formulas"])
def test_hundreds_of_thousands_of_rows_in_float32_give_numpys_step(fused: bool) -> None:
    rows = 100, 100
    actual, expected = (step(DEEP, place, rows) for place in (Device("cuda", fused=fused), Device("cpu")))
    # Layer 3 is normalized, so that the gradient of layer 2's β all but cancels: NumPy's own is off by 1e-4.
    assert_close(actual, expected, times=10)


def test_convolutional_training_with_many_rows_repeats_bit_by_bit(device: Device) -> None:
    for network in (large(), DEEP):
        (first, first_costs, _), (second, second_costs, _) = (steps(device, 3, network, [MANY]) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first_costs, second_costs)


def held_after_a_step(device: Device, images: int) -> int:
    """Return how many bytes CuPy's pool has taken from the card for steps alone."""
    pool = device.xp.get_default_memory_pool()
    pool.free_all_blocks()
    training = TrainingStep(LadderNetwork.from_specification(DEEP, device=device, seed=0), 0, watched=True)
    _, batch, _ = example_step(DEEP, images, images, seed=0, device=device)
    before = pool.total_bytes()
    for _ in range(2):
        training.run(batch, 0.002)
    return pool.total_bytes() - before


def test_memory_grows_with_the_images_by_far_less_than_their_patches(device: Device) -> None:
    few, many = (held_after_a_step(device, images) for images in (200, 400))
    # Of 200 more images in each of three lanes, on the way back through the second layer.
    patches = 3 * 200 * (28 * 28) * (4 * 4 * 48)
    assert patches > 4 * PATCHES_ON_GPU
    assert 0 < many - few < patches * np.dtype(DEEP.dtype).itemsize


def test_a_run_learns_the_digits(tmp_path: Path) -> None:
    settings = make_settings({"labels": 100, "epochs": 20, "baseline": False, "hidden_layers": (64, 32)})
    _, errors = execute(prepare(settings, None, "cuda"), tmp_path / "run", lambda *observed: None)
    assert errors["ladder"].percent < 20


def test_texts_are_learned_and_predicted_as_on_the_cpu(device: Device, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    known = [[f"{word}{place}" for place in range(30)] for word in ("red", "blue")]
    y = np.arange(200) % 2
    texts = [" ".join(generator.choice(known[label], 8)) for label in y]
    hidden = np.where(np.arange(200) < 20, y, -1)
    model = LadderClassifier(text="words", device="cuda", max_iter=20, random_state=0).fit(texts, hidden)
    assert np.mean(model.predict(texts) == y) > 0.95
    model.save(tmp_path / "model.npz")
    moved = LadderClassifier.load(tmp_path / "model.npz")
    np.testing.assert_allclose(moved.predict_proba(texts), model.predict_proba(texts), atol=1e-5)
