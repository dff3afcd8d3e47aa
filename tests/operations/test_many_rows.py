"""Matrices with many rows: their sums keep their digits, and work in blocks changes nothing but roundings."""

from typing import Any

import numpy as np
import pytest

from ladder_np import threads
from ladder_np.inspection.example import example_step
from ladder_np.network.ladder import backward, forward
from ladder_np.network.specification import Specification
from ladder_np.operations import columns
from ladder_np.operations.columns import column_products, column_sums, in_blocks, row_blocks

LAYERS = ("conv:4:3:same", "max_pool:2", "conv:5:2:full", "mean_pool", "3")


@pytest.mark.parametrize("long_row", [2**14, 2])
@pytest.mark.parametrize(("rows", "units"), [(1, 3), (4095, 32), (4096, 1), (9001, 3), (9001, 32)])
def test_sums_are_those_of_float64(rows: int, units: int, long_row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "LONG_ROW", long_row)
    generator = np.random.default_rng(0)
    a, b = (generator.normal(1, 1, (rows, units)).astype(np.float32) for _ in range(2))
    np.testing.assert_allclose(column_sums(a), a.astype(float).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(column_products(a, b), (a.astype(float) * b).sum(axis=0), rtol=1e-5, atol=1e-2)


def test_a_sum_of_very_many_rows_keeps_its_digits() -> None:
    a = np.random.default_rng(0).normal(1, 1, (300_000, 4)).astype(np.float32)
    exact = np.square(a.astype(float)).sum(axis=0)
    assert np.abs(column_products(a, a) / exact - 1).max() < 2e-6
    assert np.abs(np.einsum("ij,ij->j", a, a) / exact - 1).max() > 1e-5  # row after row


@pytest.mark.parametrize("units", [3, 33, 96, 512])
def test_two_rows_that_take_turns_keep_their_digits(units: int) -> None:
    """Their rounding errors do not cancel: added row after row the sum is wrong by 1e-5 to 1e-4."""
    rows = min(300_001, 30_000_001 // units)
    a = np.tile(np.random.default_rng(0).random((2, units), dtype=np.float32), (rows // 2 + 1, 1))[:rows]
    exact = a.astype(float).sum(axis=0)
    assert np.abs(column_sums(a) / exact - 1).max() < 1e-5
    exact = np.square(a.astype(float)).sum(axis=0)
    assert np.abs(column_products(a, a) / exact - 1).max() < 1e-5


def test_blocks_are_all_rows_once_and_in_order() -> None:
    many = np.zeros((10_000, 64))
    blocks = row_blocks(many)
    assert len(blocks) > 2
    assert np.concatenate([np.arange(10_000)[block] for block in blocks]).tolist() == list(range(10_000))
    assert in_blocks(lambda rows: rows.start, many) == [block.start for block in blocks]
    assert row_blocks(np.zeros((4095, 64))) == [slice(None)]


def step(monkeypatch: pytest.MonkeyPatch, most: int, block: int, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    monkeypatch.setattr(columns, "MANY_ROWS", most)
    monkeypatch.setattr(columns, "BLOCK", block)
    network = Specification(
        input_shape=(6, 6, 2), layers=LAYERS, denoising_weights=1.0, noise_std=0.3, dtype="float64", **options
    )
    parameters, batch, noise = example_step(network, 7, 9, seed=0)
    gradients = parameters.zeros_like()
    state = forward(parameters, batch, noise)
    backward(state, gradients)
    return state.losses.values, gradients.vector


@pytest.mark.parametrize("options", [{}, {"combinator": "gated_gaussian"}, {"labeled_statistics": "unlabeled"}])
def test_a_step_in_blocks_is_the_step_at_once(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    at_once = step(monkeypatch, 2**30, 2**17, **options)
    for block in (1, 17, 200):
        for expected, actual in zip(at_once, step(monkeypatch, 2, block, **options), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)


def test_blocks_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "thread_count", lambda count=count: count)
        results.append(step(monkeypatch, 2, 17)[1])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
