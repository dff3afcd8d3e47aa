"""The floor is exactly the products that a step really does."""

import itertools
import math
import sys
from collections import Counter

import numpy as np
import pytest

from benchmarks.speed.cases import SETTINGS, SIZES, Case
from benchmarks.speed.floor import FloorStep, Product, inference_products, step_products, total_flop
from ladder_np.network.ladder import backward, forward
from ladder_np.network.layers import Lanes
from ladder_np.network.specification import Specification
from ladder_np.operations import dense

SMALL = (9, 8, 7, 6, 5, 4, 3)
KINDS = {"forward": "dense_forward", "weight": "dense_backward_weight", "input": "dense_backward_input"}


def operand_shapes(product: Product) -> tuple:
    """Kind and shapes of both arguments, as the dense operations are called."""
    rows, inputs, outputs = product.rows, product.inputs, product.outputs
    if product.kind == "weight":
        return "weight", (rows, outputs), (rows, inputs)
    return product.kind, (rows, inputs if product.kind == "forward" else outputs), (inputs, outputs)


@pytest.fixture
def calls(monkeypatch):
    """Every call of a dense operation, wherever it was imported to: kind and shapes of both arguments."""
    seen = []

    def recording(kind, original):
        def wrapper(*arguments, **options):
            seen.append((kind, arguments[0].shape, arguments[1].shape))
            return original(*arguments, **options)

        return wrapper

    for kind, name in KINDS.items():
        original = getattr(dense, name)
        users = [m for key, m in sys.modules.items() if key.startswith("ladder_np") and hasattr(m, name)]
        for module in users:
            monkeypatch.setattr(module, name, recording(kind, original))
    return seen


def one_step(specification, n_labeled, n_unlabeled):
    case = Case(specification.sizes, n_labeled, n_unlabeled)
    network, batch = case.network(), case.batch()
    parameters = type(network.parameters)(specification, network.parameters.vector)
    lanes = Lanes.needed(specification, n_labeled, n_unlabeled)
    generator = np.random.default_rng(0)
    noise = [generator.standard_normal((lanes.n_corrupted, size), dtype=np.float32) for size in specification.sizes]
    state = forward(parameters, batch, noise)
    backward(state, parameters.zeros_like())


@pytest.mark.parametrize("constant_targets", [False, True])
@pytest.mark.parametrize(
    "weights",
    [*(case.denoising_weights for case in SETTINGS.values()), (0, 0, 1, 0, 1, 0, 0), (1, 0, 0, 1, 0, 0, 0)],
    ids=str,
)
def test_the_list_is_what_a_step_calls(calls, weights, constant_targets) -> None:
    specification = Specification(SMALL, denoising_weights=weights, stop_gradient_targets=constant_targets)
    one_step(specification, 11, 13)
    expected = step_products(specification, 11, 13)
    assert Counter(calls) == Counter(map(operand_shapes, expected))


def test_the_full_step_of_the_paper_s_network_has_the_known_cost() -> None:
    weights = sum(math.prod(pair) for pair in itertools.pairwise(SIZES))
    encoder = 3 * 300 * weights - 300 * SIZES[0] * SIZES[1]  # forward, weight, input; but not the input's gradient
    decoder = 3 * 100 * weights
    assert total_flop(Case(SIZES)) == 2 * (encoder + decoder)


def test_products_of_one_matrix_share_their_operands_and_are_right() -> None:
    floor = FloorStep(Case((6, 5, 4), 3, 7))
    floor.step()
    for left, right, out in floor._operands:
        np.testing.assert_allclose(out, left @ right, rtol=1e-4, atol=1e-5)
    first, V = floor._operands[0][1], floor._operands[2][1]
    everything = [array for operands in floor._operands for array in operands]
    uses = [sum(np.shares_memory(weight, array) for array in everything) for weight in (first, V)]
    assert uses == [1, 2]  # forward and for the gradient of the input, which layer 1 does without


def test_inference_runs_forward_products_alone() -> None:
    products = inference_products((6, 5, 4), 10)
    assert [(p.kind, p.rows, p.inputs, p.outputs) for p in products] == [("forward", 10, 6, 5), ("forward", 10, 5, 4)]
