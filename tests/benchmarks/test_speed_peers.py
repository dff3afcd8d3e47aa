"""Peers compute what we compute, and one that does not is found out."""

import importlib
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.speed.cases import Case
from benchmarks.speed.check import check_peers
from benchmarks.speed.contender import PEERS
from benchmarks.speed.turns import ROOT, Child, ContenderError
from ladder_np.inspection.vectors import make_vectors

CASE = Case((9, 8, 7, 5), 14, 17)


@pytest.fixture(autouse=True)
def few_resources(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")  # JAX spends its time on compiling


@pytest.mark.parametrize("name", ["PyTorch", "JAX jit"])  # torch.compile runs PyTorch's function; it takes a minute
def test_loss_and_gradients_are_ours_before_and_after_steps(name) -> None:
    package = PEERS[name][0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (extra bench)")
    with Child(name, CASE) as peer:
        check_peers({name: peer}, CASE)
        assert len(peer.run(2)["milliseconds"]) == 2
        check_peers({name: peer}, CASE)


def test_pytorch_rounds_no_operands_on_a_gpu() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed (extra bench)")
    torch_peer = importlib.import_module("benchmarks.speed.torch_peer")
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("high")
    torch_peer.TorchStep(CASE)
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"


JAXS_ADAM = """
import numpy as np
from benchmarks.speed import jax_peer
from benchmarks.speed.cases import RATE
from ladder_np.training.adam import Adam

generator = np.random.default_rng(0)
theta = generator.standard_normal(50).astype("float32")
state = jax_peer.initial_state({"theta": theta})
optimizer = Adam(theta)
for _ in range(5):
    gradient = generator.standard_normal(50).astype("float32")
    state = {**state, **jax_peer.adam(state, {"theta": gradient})}
    optimizer.update(gradient, RATE)
np.testing.assert_allclose(state["parameters"]["theta"], theta, rtol=1e-5, atol=1e-7)
"""


def test_jaxs_adam_is_ours() -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed (extra bench)")
    # In a process of its own: JAX complains about every fork of the one it was loaded into.
    done = subprocess.run([sys.executable, "-c", JAXS_ADAM], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Impostor:
    """Answers with our own gradients, but for one change."""

    def __init__(self, change):
        self.change = change

    def check(self, vectors, result):
        with np.load(vectors, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files if key.startswith(("loss/total", "grad/"))}
        self.change(arrays)
        np.savez(result, **arrays)


def test_our_own_gradients_pass() -> None:
    check_peers({"ours": Impostor(lambda arrays: None)}, CASE)


def test_a_wrong_gradient_is_named() -> None:
    def spoil(arrays):
        arrays["grad/encoder.2.beta"][3] *= 1.01

    with pytest.raises(ContenderError, match=r"impostor computes something else .* grad/encoder\.2\.beta"):
        check_peers({"impostor": Impostor(spoil)}, CASE)


def test_a_gradient_that_is_wrong_beyond_rounding_is_found_in_float64() -> None:
    def spoil(arrays):
        arrays["grad/encoder.2.beta"] *= 1 + 1e-6

    with pytest.raises(ContenderError, match=r"in float64, grad/encoder\.2\.beta"):
        check_peers({"impostor": Impostor(spoil)}, CASE)


def test_float32_is_checked_too() -> None:
    def spoil(arrays):
        if arrays["loss/total"].dtype == np.float32:
            arrays["grad/encoder.2.beta"] *= 1.01

    with pytest.raises(ContenderError, match=r"in float32, grad/encoder\.2\.beta"):
        check_peers({"impostor": Impostor(spoil)}, CASE)


def test_a_peer_that_answers_in_another_precision_is_named() -> None:
    def spoil(arrays):
        arrays.update({key: array.astype(np.float32) for key, array in arrays.items()})

    with pytest.raises(ContenderError, match=r"computes in float32 where float64 is asked"):
        check_peers({"impostor": Impostor(spoil)}, CASE)


def test_a_missing_gradient_is_named() -> None:
    with pytest.raises(ContenderError, match=r"impostor has no grad/decoder\.0\.weight"):
        check_peers({"impostor": Impostor(lambda arrays: arrays.pop("grad/decoder.0.weight"))}, CASE)


def impostor_in_float32(change, *points):
    """Return our own gradients, changed at some of the points in float32, counted from 0."""
    seen = iter(range(100))

    def spoil(arrays):
        if arrays["loss/total"].dtype == np.float32 and next(seen) in points:
            change(arrays)

    return {"impostor": Impostor(spoil)}


def a_hundredth(arrays):
    arrays["grad/encoder.2.beta"] *= 1.01


def a_half(arrays):
    arrays["grad/encoder.2.beta"] *= 1.5


def of_the_cost(arrays):
    arrays["loss/total"] *= 1.01


@pytest.mark.parametrize("points", [(0,), (1, 4)])
def test_a_kink_at_a_few_points_is_no_fault(points) -> None:
    check_peers(impostor_in_float32(a_hundredth, *points), CASE)


@pytest.mark.parametrize(
    ("change", "points", "key"),
    [
        (a_hundredth, (0, 1, 2), "encoder.2.beta"),
        (a_hundredth, (0, 2, 3, 4), "encoder.2.beta"),
        (a_half, (3,), "encoder.2.beta"),
        (of_the_cost, (4,), "total"),
        (a_half, (5,), "encoder.2.beta"),  # with all rows of the case
    ],
)
def test_a_fault_in_float32_at_most_points_or_a_gross_one_at_any_is_found(change, points, key) -> None:
    with pytest.raises(ContenderError, match=rf"in float32, (grad|loss)/{key} differs"):
        check_peers(impostor_in_float32(change, *points), CASE)


def test_the_last_point_in_float32_has_all_rows_of_the_case(monkeypatch) -> None:
    steps = []
    monkeypatch.setattr(
        "benchmarks.speed.check.make_vectors",
        lambda specification, *rows, seed: (
            steps.append((specification.dtype, *rows)) or make_vectors(specification, *rows, seed=seed)
        ),
    )
    check_peers({"ours": Impostor(lambda arrays: None)}, Case((9, 8, 7, 5), 30, 40))
    assert steps == [("float64", 30, 40), *[("float32", 20, 20)] * 5, ("float32", 30, 40)]
