"""A training step: what it updates, that threads do not change it, and that a steady one takes no page faults."""

import platform
import subprocess
import sys
import threading

import numpy as np
import pytest

from ladder_np import LadderNetwork
from ladder_np import threads as workers
from ladder_np.network import noise
from ladder_np.network.ladder import Batch
from ladder_np.network.parameters import random_parameters
from ladder_np.network.specification import Specification
from ladder_np.training import adam
from ladder_np.training.step import TrainingStep

SIZES = (6, 8, 7, 5, 3)
# The lowest denoised layer, by the weights; 5 where there is no decoder.
WEIGHTS = {0: (1, 1, 1, 1, 1), 1: (0, 1, 0, 0, 1), 2: (0, 0, 1, 0, 0), 4: (0, 0, 0, 0, 1), 5: (0, 0, 0, 0, 0)}


def batch(denoises: bool = True) -> Batch:
    generator = np.random.default_rng(0)
    rows = 9 if denoises else 0
    return Batch(generator.random((6, 6), "f4"), np.arange(6) % 3, generator.random((rows, 6), "f4"))


@pytest.mark.parametrize("lowest", WEIGHTS)
def test_only_parameters_that_a_cost_reaches_are_used_and_all_of_them(lowest: int) -> None:
    specification = Specification(SIZES, "tanh", denoising_weights=WEIGHTS[lowest])
    start = random_parameters(
        specification, np.random.default_rng(0)
    )  # at the usual one many gradients are 0: fact 9
    network = LadderNetwork.from_parameters(specification, start.vector)
    for name, view in network.parameters.items():
        part, layer, _ = name.split(".")
        used = part == "encoder" or int(layer) >= lowest
        assert np.shares_memory(view, network.parameters.used) == used, name
    unused = network.parameters.vector[network.parameters.used.size :]
    before, head = unused.copy(), network.parameters.used.copy()
    step = TrainingStep(network, seed=0)
    for _ in range(3):
        step.run(batch(lowest < 5), 0.01)
    assert step.count == 3
    np.testing.assert_array_equal(unused, before)
    assert (network.parameters.used != head).all()


@pytest.mark.parametrize("lowest", WEIGHTS)
def test_no_gradient_is_ever_written_beyond_what_is_used(lowest: int) -> None:
    network = LadderNetwork(SIZES, denoising_weights=WEIGHTS[lowest])
    rows = batch(lowest < 5)
    _, gradients = network.loss_and_gradients(rows.x_labeled, rows.y, batch().x_unlabeled)
    assert not gradients.vector[gradients.used.size :].any()


def test_threads_change_no_bit_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adam, "CACHED_PIECE", 11)
    vectors = []
    for threads in (1, 3, 3):
        monkeypatch.setattr(workers, "thread_count", lambda threads=threads: threads)
        workers._tasks.cache_clear()
        network = LadderNetwork(SIZES)
        step = TrainingStep(network, seed=0)
        for _ in range(20):
            step.run(batch(), 0.01)
        vectors.append(network.parameters.vector)
    workers._tasks.cache_clear()
    for vector in vectors[1:]:
        np.testing.assert_array_equal(vector, vectors[0])


def test_two_trainings_at_once_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adam, "CACHED_PIECE", 11)
    monkeypatch.setattr(noise, "PIECE", 20)
    monkeypatch.setattr(workers, "thread_count", lambda: 3)
    workers._tasks.cache_clear()

    def trained(seed: int, results: dict[int, np.ndarray]) -> None:
        network = LadderNetwork(SIZES, seed=seed)
        step = TrainingStep(network, seed)
        for _ in range(50):
            step.run(batch(), 0.01)
        results[seed] = network.parameters.vector

    alone: dict[int, np.ndarray] = {}
    together: dict[int, np.ndarray] = {}
    for seed in (1, 2):
        trained(seed, alone)
    threads = [threading.Thread(target=trained, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    workers._tasks.cache_clear()
    for seed in (1, 2):
        np.testing.assert_array_equal(together[seed], alone[seed])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator of this system is not glibc's")
@pytest.mark.parametrize(
    ("weights", "hidden"),
    [
        ("(1000, 10, .1, .1)", "1000, 500"),
        ("(0, 0, 0, 1)", "1000, 500"),
        ("(1000, 0, 0, 0)", "1000, 500"),
        ("(0, 0, 0, 0)", "1000, 500"),
        ("(1000, 10, .1, .1)", "4000, 2000"),  # more is free at once than glibc would keep of itself
    ],
)
def test_a_steady_step_takes_no_page_faults(weights: str, hidden: str) -> None:
    code = f"""
import resource, ladder_np, numpy as np
from ladder_np.network.ladder import Batch
from ladder_np.training.step import TrainingStep
rows = np.random.default_rng(0).random((200, 784), "f4")
unlabeled = rows[100 : 200 if any({weights}) else 100]
step = TrainingStep(ladder_np.LadderNetwork((784, {hidden}, 10), denoising_weights={weights}), 0)
def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        step.run(Batch(rows[:100], np.arange(100) % 10, unlabeled), 0.002)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / steps
faults(10)
print(faults(10))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(out) < 50  # without care it is thousands; a thread's first use of something may take a few
