"""What ``ladder-np doctor --device cuda`` checks, on the double: all is well, and each fault has a row of its own."""

import dataclasses
import functools
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import host_kernels
import numpy as np
import pytest
import strict_cupy

from ladder_np import kernels
from ladder_np.arrays import Device
from ladder_np.commands import doctor, main
from ladder_np.experiments import device_check
from ladder_np.experiments.device_check import DeviceCheck, Scale, check_device
from ladder_np.network import fused, inference
from ladder_np.network.noise import NoiseSource
from ladder_np.operations.combinators import COMBINATORS

pytestmark = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

SMALL = Scale(sizes=(9, 8, 7, 3), rows=6, steps=2, square=8)
FIGURES = ["a training step", "float32 product 300x784 @ 784x1000", "memory"]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the double as it was."""
    yield
    strict_cupy.cuda.records_products = False
    strict_cupy.recording = None
    kernels.kernels_for.cache_clear()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time products for less than a quarter of a second."""
    monkeypatch.setattr("ladder_np.inspection.machine.SECONDS", 0.01)


def checked(names: str = "", **options: Any) -> dict[str, DeviceCheck]:
    """Return the checks whose names match, by name."""
    device = Device("strict", xp=strict_cupy, **options)
    original = device_check._checks

    def some(device: Device, scale: Scale) -> dict[str, Callable]:
        return {name: check for name, check in original(device, scale).items() if re.search(names, name)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device_check, "_checks", some)
        return {check.name: check for check in check_device(device, SMALL)}


def failed(checks: dict[str, DeviceCheck]) -> list[str]:
    return [name for name, check in checks.items() if check.passed is False]


def test_all_is_well_as_it_is() -> None:
    checks = checked()
    assert failed(checks) == []
    assert [name for name, check in checks.items() if check.passed is None] == FIGURES
    assert len(checks) == 21
    # corrupted input, 3 + 3 encoder, 4 + 4 decoder, softmax, its gradient, cross-entropy, total, Adam
    assert checks["kernels beside the products"].found.startswith("20 of ours per step, 5.0 per layer; no graph")
    for check in checks.values():
        assert "\n" not in check.found


def test_a_recorded_graph_is_told() -> None:
    strict_cupy.cuda.records_products = True
    assert "as a graph" in checked("kernels")["kernels beside the products"].found


def plant(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """Put another text in place of one of the kernels'."""
    text = kernels.kernel_text()
    assert text.count(right) == 1
    monkeypatch.setattr(kernels, "kernel_text", lambda: text.replace(right, wrong))
    kernels.kernels_for.cache_clear()


def test_a_wrong_forward_is_found_and_its_first_wrong_array_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "u[k] = here;", "u[k] = 2 * here;")
    checks = checked("a step as|training as")
    assert len(failed(checks)) == 9  # not the plain formulas
    assert "decoder/u.3 is the first of" in checks["a step as NumPy's: gaussian, float64"].found


def test_a_wrong_gradient_is_found_by_differences_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "sums[4] += dmu;", "sums[4] -= dmu;")
    checks = checked("a step as|gradients")
    assert len(failed(checks)) == 8
    assert re.search(r"combinator\.\d\.a5", checks["gradients by differences: gaussian"].found)


@pytest.mark.parametrize(
    ("right", "wrong", "first"),
    [
        ("part < gridDim.y;", "part < gridDim.y - 1;", "clean/mean.1"),  # the last part's sums are left out
        ("unit_costs[blockIdx.y * units + unit]", "unit_costs[unit]", "loss/"),
    ],
)
def test_wrong_sums_over_rows_that_blocks_share_are_found_by_the_convolution(
    right: str, wrong: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, right, wrong)
    checks = checked("a step as")
    assert failed(checks) == [f"a step as NumPy's: convolution, {dtype}" for dtype in ("float64", "float32")]
    for name in failed(checks):
        assert checks[name].found.startswith(first)


def test_a_combinator_without_a_kernel_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a step as NumPy's: combinators as formulas"
    assert checked("as formulas")[name].passed
    right = COMBINATORS["linear"]

    def wrong(z_tilde: Any, u: Any, a: Any) -> Any:
        z_hat, cache = right.forward(z_tilde, u, a)
        return (z_hat if isinstance(u, np.ndarray) else 2 * z_hat), cache

    monkeypatch.setitem(COMBINATORS, "linear", dataclasses.replace(right, forward=wrong))
    checks = checked("as formulas")
    assert failed(checks) == [name]
    assert checks[name].found.startswith("linear: decoder/z_hat.3 is the first of")


def test_a_step_that_waits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = fused.FusedPasses.classify_forward

    def waiting(self: Any, b: Any, *others: Any) -> Any:
        strict_cupy.asnumpy(b)
        return original(self, b, *others)

    monkeypatch.setattr(fused.FusedPasses, "classify_forward", waiting)
    checks = checked("waits|kernels")
    assert failed(checks) == ["a step waits for nothing"]
    assert "after the work before it" in checks["a step waits for nothing"].found


def test_wrong_predictions_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = inference.standardize_forward
    monkeypatch.setattr(
        inference,
        "standardize_forward",
        lambda a, mu, *rest, **options: original(
            a, mu if isinstance(mu, np.ndarray) else mu + 0.01, *rest, **options
        ),
    )
    assert failed(checked("prediction")) == ["prediction as NumPy's"]


def test_training_that_does_not_repeat_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original, seeds = NoiseSource.__init__, iter(range(100))
    monkeypatch.setattr(NoiseSource, "__init__", lambda self, seed, *rest: original(self, next(seeds), *rest))
    assert failed(checked("repeats")) == ["training repeats bit by bit"]


def test_a_layer_of_too_many_kernels_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = kernels.Kernels._launch
    monkeypatch.setattr(kernels.Kernels, "_launch", lambda self, *a: [original(self, *a) for _ in range(3)])
    assert failed(checked("kernels")) == ["kernels beside the products"]


def test_a_check_that_breaks_fails_alone_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("NVRTC_ERROR_COMPILATION:\n  no such file")

    monkeypatch.setattr(device_check, "check_network", broken)
    checks = checked("gradients|kernels")
    names = "gaussian", "gated_gaussian", "vanilla"  # one for each kernel
    assert failed(checks) == [f"gradients by differences: {name}" for name in names]
    assert {checks[name].found for name in failed(checks)} == {"RuntimeError: NVRTC_ERROR_COMPILATION: no such file"}


# ---- The command.


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``--device cuda`` find the double."""
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy)
    monkeypatch.setattr(doctor, "check_device", functools.partial(check_device, scale=SMALL))


def test_doctor_shows_the_checks_below_its_table(gpu: None, capsys: pytest.CaptureFixture) -> None:
    assert main(["doctor", "--device", "cuda"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("on the GPU"))
    assert any(
        line.startswith("GPU  ") and "strict double, 2.0 GiB, capability 9.0" in line for line in lines[:start]
    )
    assert len(lines) == start + 1 + 21 + 1
    assert lines[-1] == "all 18 checks passed"
    column = lines[start].index("verdict")
    assert {line[column : column + 7].strip() for line in lines[start + 1 : -1]} == {"ok", ""}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_doctor_fails_when_a_check_does(
    options: list[str], gpu: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    plant(monkeypatch, "u[k] = here;", "u[k] = 2 * here;")
    assert main(["doctor", "--device", "cuda", *options]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    if options:
        checks = json.loads(out)["device_checks"]
        assert sum(check["passed"] is False for check in checks) == 12
    else:
        assert out.endswith("12 of 18 checks FAILED\n")
