"""The estimator on the strict double of CuPy: NumPy's results in all its ways, and files and pickles that move."""

import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strict_cupy
from clouds import X, Y, parameters, small

from ladder_np import LadderClassifier
from ladder_np.arrays import Device
from ladder_np.errors import InputWarning
from ladder_np.plots import EstimatorSource
from ladder_np.training.step import TrainingStep


@pytest.fixture
def device() -> Device:
    """Return the device over the double, which runs plain formulas on the host's noise: NumPy's very bits."""
    return Device("strict", xp=strict_cupy, fused=False, host_noise=True)


def with_partial_fit(model: LadderClassifier) -> LadderClassifier:
    return model.partial_fit(X, Y).partial_fit(X[:60], Y[:60])


def again_from_the_warm(model: LadderClassifier) -> LadderClassifier:
    return model.set_params(warm_start=True).fit(X, Y).fit(X, Y)


WAYS = {
    "fit": lambda model: model.fit(X, Y),
    "early stopping": lambda model: model.set_params(early_stopping=True, n_iter_no_change=2).fit(X, Y),
    "partial_fit": with_partial_fit,
    "warm start": again_from_the_warm,
    "pixels": lambda model: model.fit(np.clip(40 * X + 60, 0, 255).astype(np.uint8), Y),
    "supervised only": lambda model: model.set_params(denoising_weights=0).fit(X, Y),
}


def everything(model: LadderClassifier) -> dict[str, Any]:
    data = np.rint(40 + 9 * X)
    known = {
        "parameters": parameters(model),
        "probabilities": model.predict_proba(data),
        "logarithms": model.predict_log_proba(data),
        "classes": model.predict(data),
    }
    curves = {"losses": model.loss_curve_, "scores": model.validation_scores_ or []}
    return known | curves | {"transduction": getattr(model, "transduction_", [])}


def assert_same(a: LadderClassifier, b: LadderClassifier) -> None:
    for (name, values), others in zip(everything(a).items(), everything(b).values(), strict=True):
        assert type(values) is not strict_cupy.ndarray, name
        np.testing.assert_array_equal(values, others, err_msg=name)


@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")  # the rows predicted are unlike those of fit
@pytest.mark.parametrize("way", WAYS)
def test_on_the_device_it_learns_and_predicts_as_on_the_cpu(way: str, device: Device) -> None:
    there, here = WAYS[way](small(max_iter=6, device=device)), WAYS[way](small(max_iter=6))
    assert isinstance(there._predictor.network.parameters.vector, strict_cupy.ndarray)
    assert_same(there, here)


def test_a_file_moves_between_devices(device: Device, tmp_path: Path) -> None:
    model = small(max_iter=2, device=device).fit(X, Y)
    model.save(tmp_path / "model.npz")
    for place in (device, "cpu"):
        loaded = LadderClassifier.load(tmp_path / "model.npz", place)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        assert loaded.device is place


@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")
def test_training_goes_on_elsewhere(device: Device) -> None:
    """Set the device between two calls: moments, streams and parameters come along."""
    moved, stayed = small(device=device).partial_fit(X, Y), small().partial_fit(X, Y)
    assert_same(moved.set_params(device="cpu").partial_fit(X, Y), stayed.partial_fit(X, Y))


def test_what_is_pickled_on_the_device_is_plain_arrays(device: Device) -> None:
    model = small(max_iter=2, device=device).fit(X, Y).set_params(device="cpu")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))


def test_an_interrupt_on_the_device_keeps_what_it_keeps_on_the_cpu(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = []
    for place in (device, "cpu"):
        run, steps = TrainingStep.run, itertools.count(1)

        def interrupted(self: TrainingStep, *given: Any, run: Any = run, steps: Any = steps) -> Any:
            if next(steps) == 12:
                raise KeyboardInterrupt
            return run(self, *given)

        with monkeypatch.context() as patch:
            patch.setattr(TrainingStep, "run", interrupted)
            with pytest.warns(UserWarning, match="interrupted after 2 of 20 epochs"):
                models.append(small(device=place).fit(X, Y))
    with pytest.warns(InputWarning, match="another scale"):
        assert_same(*models)


def test_pictures_are_drawn_on_the_cpu(device: Device) -> None:
    model = small(max_iter=2, device=device).fit(X, Y)
    there, here = (EstimatorSource(one, X, Y) for one in (model, small(max_iter=2).fit(X, Y)))
    for ask in (lambda s: s.predictions.confidence, lambda s: s.top_hidden.h, lambda s: s.noisy.state.losses.values):
        np.testing.assert_array_equal(ask(there), ask(here))
    assert model.summary().split("seconds")[0] == small(max_iter=2).fit(X, Y).summary().split("seconds")[0]
