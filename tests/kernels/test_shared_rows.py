"""Layers with many rows, as spatial ones have: blocks of threads share them, and sums over rows stay right.

`test_passes` compares the same kernels at few rows, cut into parts of two; here parts are as large as on a GPU.
"""

from collections import Counter
from typing import Any
from unittest import mock

import host_kernels
import numpy as np
import pytest
from kernel_points import Point, Values
from pass_table import PASSES
from test_passes import plain, run

from ladder_np import kernels
from ladder_np.kernels import BLOCKS, ROWS_OF_A_PART, STAGES, TILE, Kernels, parts_of

pytestmark = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

# Neither a number of parts nor one of rows side by side divides these; the labeled rows have parts of other sizes.
LABELED, UNLABELED = 1301, 2333
EVERYTHING = {"lanes": "clean goes on", "noise": True, "beta": True, "gamma": True, "lateral": True, "target": True}
EVERYTHING |= {"cost": True, "below": True}


def point(name: str, dtype: str, rows: tuple[int, int], units: int, **options: Any) -> Point:
    """Return a launch of a kernel with everything that a layer can have, or with other options."""
    chosen = {option: value for option, value in (EVERYTHING | options).items() if option in PASSES[name].options}
    return Point(dtype, *rows, units, "tanh", "gaussian", False, 0, chosen)


def test_a_layer_with_few_rows_is_not_cut() -> None:
    for units in (1, 32, 1000):
        assert [parts_of(rows, units, 3) for rows in (2, 250, 2 * ROWS_OF_A_PART - 1)] == [1, 1, 1]
    assert parts_of(2 * ROWS_OF_A_PART, 32) == 2


@pytest.mark.parametrize("lanes", [1, 3])
def test_more_rows_do_not_mean_more_memory_or_blocks_than_a_gpu_holds(lanes: int) -> None:
    for units in (1, 3, 32, 33, 96, 1000, 40_000):
        parts = [parts_of(rows, units, lanes) for rows in (300_000, 3_000_000, 10**12)]
        tiles = -(-units // TILE) * lanes
        assert parts[1] == parts[2]
        assert max(parts) * tiles <= max(BLOCKS, tiles)
        assert parts[0] * tiles > BLOCKS // 2  # and no fewer blocks than keep it busy


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", STAGES)
def test_a_kernel_computes_its_plain_formula(name: str, shared: bool) -> None:
    many = point(name, "float64", (LABELED, UNLABELED), 33, shared=shared)
    x = PASSES[name].inputs(many, Values(many))
    actual, expected = run(PASSES[name], many, x), plain(PASSES[name], many, x)
    assert actual.keys() == expected.keys()
    for result, values in expected.items():
        scale = np.nanmax(np.abs(values))
        np.testing.assert_allclose(actual[result], values, rtol=0, atol=1e-10 * scale, err_msg=result)


def launched(name: str, rows: int) -> Counter[str]:
    """Return which kernels are launched how often for one pass."""
    names: Counter[str] = Counter()
    original = Kernels._launch

    def launch(self: Kernels, name: str, *rest: Any) -> None:
        names[name] += 1
        original(self, name, *rest)

    some = point(name, "float32", (rows, rows), 5)
    with mock.patch.object(Kernels, "_launch", launch):
        run(PASSES[name], some, PASSES[name].inputs(some, Values(some)))
    return names


@pytest.mark.parametrize("name", STAGES)
def test_few_rows_take_one_launch_and_many_one_for_each_stage(name: str) -> None:
    assert launched(name, 2 * ROWS_OF_A_PART - 1) == {name: 1}
    assert launched(name, 2 * ROWS_OF_A_PART) == {name: STAGES[name].launches}


@pytest.mark.parametrize("name", STAGES)
def test_the_order_in_which_blocks_run_changes_no_bit(name: str) -> None:
    many = point(name, "float32", (LABELED, UNLABELED), 33)
    x = PASSES[name].inputs(many, Values(many))
    first = run(PASSES[name], many, x)
    with host_kernels.last_block_first():
        last = run(PASSES[name], many, x)
    for result, values in first.items():
        assert values.tobytes() == last[result].tobytes(), result


# ---- Sums in float32.

ROWS = 300_001
SUMS = {  # what is a sum over rows, or made of such
    "encode": ("mu", "sigma"),
    "encode_backward": ("dbeta", "dgamma"),
    "decode": ("u_sigma", "unit_costs"),
    "decode_backward": ("da", "clean_mu", "clean_sigma"),
}
DIGITS = 2e-6  # of a sum of positive numbers, as of those in `operations/columns.py`


def hard_to_add(name: str, of: Point) -> dict[str, np.ndarray | None]:
    """Return a kernel's inputs with two rows that take turns, and no sum that cancels.

    Where the same number is added again and again, all roundings go one way.
    """

    def repeated(value: np.ndarray) -> np.ndarray:
        value = np.abs(value) + 1
        return value[np.arange(len(value)) % 2] if len(value) >= ROWS else value

    x = PASSES[name].inputs(of, Values(of))
    x = {k: None if value is None else repeated(value) for k, value in x.items()}
    if "h" in x:
        x["h"] = np.full_like(x["h"], 0.5)  # where tanh has a slope
    if name.startswith("decode"):
        x["a"] = np.full_like(x["a"], 0.1)  # no difference within the combinator is small
    return x


def errors(name: str) -> dict[str, float]:
    """Return how far sums over many rows in float32 are from those in float64."""
    options = {"lanes": "labeled", "lateral": False, "target": False, "noise": False}
    one, other = (point(name, dtype, (ROWS, ROWS), 3, **options) for dtype in ("float32", "float64"))
    x = hard_to_add(name, one)
    wider = {k: None if value is None else value.astype(np.float64) for k, value in x.items()}
    actual, expected = run(PASSES[name], one, x), plain(PASSES[name], other, wider)
    return {
        result: float(np.nanmax(np.abs(actual[result] - expected[result]) / np.abs(expected[result])))
        for result in SUMS[name]
    }


@pytest.mark.parametrize("name", SUMS)
def test_a_float32_sum_over_many_rows_keeps_its_digits(name: str) -> None:
    for result, error in errors(name).items():
        assert error < DIGITS, result


@pytest.mark.parametrize("name", SUMS)
def test_it_would_not_if_one_block_added_them_up(name: str) -> None:
    with mock.patch.object(kernels, "BLOCKS", 1):
        assert max(errors(name).values()) > 10 * DIGITS
