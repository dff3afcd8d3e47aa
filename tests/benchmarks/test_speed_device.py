"""The benchmark on a GPU, as far as the double of CuPy can tell: contenders compute there, and wait for the end."""

import importlib.util
import sys
from importlib import metadata

import host_kernels
import numpy as np
import pytest
import strict_cupy

from benchmarks.speed import __main__ as command
from benchmarks.speed.cases import Case
from benchmarks.speed.contender import is_installed
from benchmarks.speed.floor import FloorInference, FloorStep
from benchmarks.speed.ours import OurInference, OurStep
from benchmarks.speed.report import heading

CASE = Case((6, 5, 4), 5, 7, device="cuda")
CONVOLUTIONAL = Case(((8, 7, 1), "conv:5:3:full", "max_pool:2", "conv:4:2", "mean_pool", 3), 5, 30, device="cuda")


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "cuda" find the double."""
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy)


@pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")
@pytest.mark.parametrize(
    ("kind", "case"),
    [
        *((kind, CASE) for kind in (OurStep, FloorStep, OurInference, FloorInference)),
        *((kind, CONVOLUTIONAL) for kind in (OurStep, FloorStep)),
    ],
)
def test_a_contender_computes_on_the_gpu_and_waits_once(kind: type, case: Case) -> None:
    contender = kind(case)
    contender.step()
    with strict_cupy.watched_traffic() as traffic:
        contender.step()
    assert traffic.products > 0
    assert traffic.synchronizations == 1


def test_the_floor_is_computed_there() -> None:
    floor = FloorStep(CASE)
    floor.step()
    for left, right, out in floor._operands:
        np.testing.assert_allclose(out.get(), left.get() @ right.get(), rtol=1e-4, atol=1e-5)


def test_the_command_knows_the_option() -> None:
    assert command.parse(["--device", "cuda"], cores=2).device == "cuda"


def test_a_gpu_that_is_not_there_ends_the_command_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(SystemExit) as end:
        command.parse(["--device", "cuda"], cores=2)
    assert end.value.code == 2
    assert "CuPy is not installed" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("peer", "installed", "there"),
    [
        ("PyTorch", {"torch": "2.13.0+cpu"}, False),
        ("torch.compile", {"torch": "2.13.0+cu130"}, True),
        ("PyTorch", {"torch": "2.13.0"}, True),
        ("JAX jit", {"jax": "0.10.2"}, False),
        ("JAX jit", {"jax": "0.10.2", "jax-cuda12-plugin": "0.10.2"}, True),
        ("JAX jit", {}, False),
    ],
)
def test_a_peer_without_cuda_counts_as_not_installed_there(
    peer: str, installed: dict[str, str], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in installed else None)
    monkeypatch.setattr(metadata, "version", installed.__getitem__)
    monkeypatch.setattr(metadata, "distributions", lambda name: [name] if name in installed else [])
    assert is_installed(peer, "cuda") == there
    assert is_installed(peer, "cpu") == bool(installed)


def test_the_heading_names_the_gpu() -> None:
    machine = {"cpu": "CPU", "cores": 2, "blas": {"loaded": "BLAS"}, "gpus": [{"name": "Fast GPU"}]}
    about = {"machine": machine, "threads": 2, "versions": {}, "commit": "c", "date": "d", "quick": False}
    assert heading({**about, "device": "cuda"}).startswith("on the GPU (Fast GPU) of CPU, 2 usable cores")
    assert heading({**about, "device": "cpu"}).startswith("CPU, 2 usable cores")
