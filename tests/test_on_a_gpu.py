"""What the double stands for, on a real GPU; skipped where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_fused_device import COSTS, TOLERANCE, assert_close, batches, costs, specification, step, trained, vector

from ladder_np import LadderClassifier
from ladder_np.arrays import Device, why_no_cuda
from ladder_np.experiments.device_check import check_device
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute
from ladder_np.experiments.settings import make_settings
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS
from ladder_np.predictor import Predictor

pytestmark = pytest.mark.skipif(bool(why_no_cuda()), reason=f"no GPU: {why_no_cuda()}")


@pytest.fixture
def device() -> Device:
    """Return the GPU."""
    return Device("cuda")


def test_doctor_finds_nothing_wrong(device: Device) -> None:
    assert [check for check in check_device(device) if check.passed is False] == []


@pytest.mark.parametrize("fused", [True, False], ids=["kernels", "formulas"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("combinator", COMBINATORS)
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
