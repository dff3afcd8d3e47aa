"""Every CUDA kernel by itself, compiled for the host, against its plain formula, and what it must leave alone.

The kernels run on the double as on a GPU, through `FusedPasses`: with the arguments, blocks and threads of a step.
What differs on a GPU itself and cannot be seen here: a product and a sum may be one rounded operation, the
exponential is another, and in float32 numbers below the smallest normal one count as zero (CuPy's ``-ftz=true``).
"""

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from unittest import mock

import host_kernels
import numpy as np
import pytest
import strict_cupy
from guarded import Arrays, Memory
from kernel_points import PARTS, ROWS, UNITS, WITH_KERNELS, Point, Values
from pass_table import PASSES, Pass
from planted_faults import FAULTS, Fault

from ladder_np import kernels
from ladder_np.arrays import Device
from ladder_np.kernels import Kernels, kernel_text
from ladder_np.network import fused
from ladder_np.network.fused import FusedPasses
from ladder_np.operations.activations import ACTIVATIONS

pytestmark = pytest.mark.skipif(host_kernels.COMPILER is None, reason="no C++ compiler for the kernels")

POINTS = 128  # launches of a kernel in a test
ULPS = 4  # of numbers computed one by one: NumPy's exp and tanh of float32 are right to 4, the C library's to 1
SUMS, DRAWS, FLOOR, OTHERS = 4, 4, 4, 8  # see `tolerances`


def run(pass_: Pass, point: Point, x: dict[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """Launch a kernel in guarded memory; return its results on the host."""
    memory, dtype = Memory(), SimpleNamespace(dtype=np.dtype(point.dtype))
    with (
        mock.patch.object(fused, "_empty", memory.empty),
        mock.patch.object(Kernels, "_empty", lambda self, *shape: memory.empty(dtype, *shape)),
        mock.patch.object(kernels, "ROWS_OF_A_PART", point.rows_of_a_part),
    ):
        passes = FusedPasses(*point.sizes, device=Device("strict", xp=strict_cupy))
        results = pass_.launch(passes, point, SimpleNamespace(**memory.inputs(x)), memory)
    memory.check(pass_.overwritten)
    return {name: strict_cupy.asnumpy(value) for name, value in results.items()}


def plain(pass_: Pass, point: Point, x: Arrays) -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        return pass_.plain(point, SimpleNamespace(**x))


def kind(x: np.ndarray) -> np.ndarray:
    """Return what each number is: 0 finite, 2 NaN, ±1 infinite."""
    return np.where(np.isnan(x), 2, np.where(np.isinf(x), np.sign(x), 0))


def tolerances(pass_: Pass, point: Point, x: Arrays, expected: dict[str, np.ndarray]) -> dict[str, tuple]:
    """Return, by the name of a result, how far it may be off, and where nothing can be said.

    Numbers computed one by one may be off by ULPS units in their last place, or in that of what they replace.

    A sum of n numbers depends on their order: by less than what changes if each is changed by n units in its last
    place (and by OTHERS more for the few operations around the sum). So a kernel with sums may be off by SUMS times
    as much as the plain formula itself moves in DRAWS random changes of all its inputs, and in one that takes the
    rounding out of sums of equal numbers, and by FLOOR ε of the largest number in any case, each time the largest of
    a unit (or row, if the sum goes over units). Where such a change turns a finite number into infinity or NaN, or
    back, the order decides between them, and nothing is said. Nothing is said about numbers below the smallest normal
    one either, which a GPU takes for zero.
    """
    info = np.finfo(point.dtype)
    if not pass_.sums:
        return {name: (ULPS * ulp(value, x.get(name)), np.False_) for name, value in expected.items()}
    generator = np.random.default_rng(point.seed)
    n = OTHERS + (point.rows if pass_.sums == "rows" else point.units)
    changes = [changed(x, n * info.eps, generator) for _ in range(DRAWS)] + [shortened(x, n)]
    moved = [plain(pass_, point, others) for others in changes]
    return {name: _of_sums(value, [m[name] for m in moved], pass_.sums, info) for name, value in expected.items()}


def ulp(value: np.ndarray, replaced: np.ndarray | None) -> np.ndarray:
    """Return one to two units in the last place."""
    info, largest = np.finfo(value.dtype), np.abs(value)
    if replaced is not None:
        largest = np.maximum(largest, np.abs(replaced))
    return np.maximum(info.eps * largest, info.smallest_subnormal)


def each(x: Arrays, change: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray | None]:
    """Return all inputs changed, but for whole numbers."""
    with np.errstate(all="ignore"):
        return {
            name: value if value is None or value.dtype.kind == "i" else change(value) for name, value in x.items()
        }


def changed(x: Arrays, by: float, generator: np.random.Generator) -> dict[str, np.ndarray | None]:
    """Return all numbers changed a little, each by its own share of itself."""
    return each(x, lambda value: value * (1 + by * generator.uniform(-1, 1, value.shape)).astype(value.dtype))


def shortened(x: Arrays, n: int) -> dict[str, np.ndarray | None]:
    """Return all numbers with so few digits that n equal ones are added up without rounding, in any order."""

    def shorten(value: np.ndarray) -> np.ndarray:
        digits, exponent = np.frexp(value)
        steps = 2.0 ** (np.finfo(value.dtype).nmant - math.ceil(math.log2(n)))
        return np.ldexp(np.rint(digits * steps) / steps, exponent).astype(value.dtype)

    return each(x, shorten)


def _of_sums(expected: np.ndarray, moved: list[np.ndarray], sums: str, info: np.finfo) -> tuple:
    undecided = np.any([kind(m) != kind(expected) for m in moved], axis=0)
    with np.errstate(all="ignore"):
        spread = np.max([np.abs(m - expected) for m in moved], axis=0)
        allowed = np.where(kind(expected) == 0, SUMS * spread + FLOOR * info.eps * np.abs(expected), 0)
    if expected.ndim == 2:
        axis = 0 if sums == "rows" else 1
        undecided, allowed = (x.max(axis=axis, keepdims=True) for x in (undecided, allowed))
    return allowed + info.tiny, undecided


def wrong(actual: np.ndarray, expected: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Return where numbers are further off than allowed, or infinite or NaN where they should not be, or not so."""
    same_kind, finite = kind(actual) == kind(expected), kind(expected) == 0
    with np.errstate(invalid="ignore", over="ignore"):
        return ~same_kind | (finite & ~(np.abs(actual - expected) <= allowed))


def check(pass_: Pass, point: Point) -> float:
    """Assert that a kernel computes what its plain formula does, writes nowhere else and leaves its inputs alone.

    Return of which share of its results nothing could be said.
    """
    x = pass_.inputs(point, Values(point))
    expected, actual = plain(pass_, point, x), run(pass_, point, x)
    assert actual.keys() == expected.keys()
    unsaid = 0
    for name, (allowed, undecided) in tolerances(pass_, point, x, expected).items():
        mine, theirs = actual[name], expected[name]
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype), name
        places = np.argwhere(~undecided & wrong(mine, theirs, allowed))
        for place in map(tuple, places[:1]):
            raise AssertionError(
                f"{name}{[*map(int, place)]} differs: {mine[place]}, not {theirs[place]}, at {point}"
            )
        unsaid += np.broadcast_to(undecided, theirs.shape).sum()
    return unsaid / sum(value.size for value in expected.values())


@pytest.mark.parametrize("values", ["random", "edge"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PASSES)
def test_a_kernel_computes_its_plain_formula_and_writes_nowhere_else(name: str, dtype: str, values: str) -> None:
    points = PASSES[name].points(dtype, values == "edge", POINTS)
    unsaid = [check(PASSES[name], point) for point in points]
    assert np.mean(unsaid) < 0.01


# ---- Numbers computed one by one, inside kernels that also add up.


def hard_values(dtype: str) -> np.ndarray:
    generator, info = np.random.default_rng(0), np.finfo(dtype)
    usual = [scale * generator.standard_normal(50) for scale in (1, 10, 100)]
    hard = [0, -0.0, info.tiny, info.tiny / 8, info.smallest_subnormal, 1e4, 1e30, info.max, np.inf, np.nan]
    with np.errstate(under="ignore"):
        return np.concatenate([*usual, hard, np.negative(hard)]).astype(dtype)


def assert_to_the_last_digits(actual: np.ndarray, expected: np.ndarray) -> None:
    places = wrong(actual, expected, ULPS * ulp(expected, None))
    assert not places.any(), (actual[places], expected[places])


def lone_point(dtype: str, rows: int, units: int, activation: str = "relu") -> Point:
    return Point(dtype, rows, 0, units, activation, "gaussian", False, 0, {"lanes": "labeled"})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", WITH_KERNELS[0])
def test_an_activation_and_its_slope_are_right_to_the_last_digits(activation: str, dtype: str) -> None:
    b, phi = hard_values(dtype), ACTIVATIONS[activation]
    zeros, ones = np.zeros((2, len(b)), dtype), np.ones((1, len(b)), dtype)
    with np.errstate(all="ignore"):
        expected = phi.forward(b)
        up = np.random.default_rng(1).standard_normal(b.shape).astype(dtype)
        expected_slope = phi.backward(up, expected)
    given = {"a": zeros, "noise": None, "beta": b, "gamma": None}  # columns of zeros are 0 when they are normalized
    h = run(PASSES["encode"], lone_point(dtype, 2, len(b), activation), given)["h"]
    assert_to_the_last_digits(h, np.stack([expected, expected]))
    # The gradient of beta is a sum over rows: of one row.
    given = {"dh": up[None], "h": expected[None], "z_tilde": ones, "beta": b, "gamma": None, "lateral": None}
    given |= {"clean_dz": None, "z": ones, "sigma": ones}
    slope = run(PASSES["encode_backward"], lone_point(dtype, 1, len(b), activation), given)["dbeta"]
    assert_to_the_last_digits(slope, expected_slope)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_column_without_variance_is_zero_and_its_deviation_the_root_of_eps(dtype: str) -> None:
    point = lone_point(dtype, 16, 33)
    a = np.full((16, 33), 3.5, dtype)
    results = run(PASSES["encode"], point, {"a": a, "noise": None, "beta": np.zeros(33, dtype), "gamma": None})
    np.testing.assert_array_equal(results["z"], 0)
    np.testing.assert_array_equal(results["mu"], 3.5)
    root = np.sqrt(np.asarray(point.specification.batch_norm_eps, dtype))
    assert_to_the_last_digits(results["sigma"], np.full((1, 33), root))


def test_a_class_that_is_impossible_costs_nothing_to_the_others() -> None:
    """Here the kernel is better than the plain formula, which multiplies minus infinity by the zeros of one-hot."""
    x = {"b": np.array([[1.0, -np.inf], [1.0, -np.inf]]), "y": np.array([0, 1]), "weights": None}
    costs = run(PASSES["cross_entropy"], lone_point("float64", 2, 2), x)["row_costs"]
    np.testing.assert_array_equal(costs, [0, np.inf])
    assert np.isnan(plain(PASSES["cross_entropy"], lone_point("float64", 2, 2), x)["row_costs"][0])


# ---- The table is complete, and the comparison finds what is wrong.


def test_every_kernel_has_its_row_and_a_planted_fault() -> None:
    names = re.findall(r"^KERNEL (\w+)", kernel_text(), re.MULTILINE)
    assert len(names) == len(set(names)) == kernel_text().count("\nKERNEL ")
    assert set(names) == set(PASSES)
    assert set(names) == {fault.kernel for fault in FAULTS if not fault.function}


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (("-DACTIVATION=SOFTPULS", "-DCOMBINATOR=GAUSSIAN"), "an ACTIVATION"),
        (("-DACTIVATION=RELU", "-DCOMBINATOR=VANILA"), "a COMBINATOR"),
    ],
)
def test_a_kind_that_the_text_does_not_have_is_refused(options: tuple[str, str], missing: str) -> None:
    with pytest.raises(host_kernels.CompileError, match=f"{missing} that has no text here"):
        Kernels(strict_cupy, "float32").compiled(options)


@pytest.mark.parametrize("name", PASSES)
def test_points_go_through_all_sizes_options_activations_and_combinators(name: str) -> None:
    points = list(PASSES[name].points("float32", False, POINTS))
    assert {point.n_labeled for point in points} == {point.n_unlabeled for point in points} == set(ROWS)
    assert {point.units for point in points} >= set(UNITS)
    assert [{point.activation for point in points}, {point.combinator for point in points}] == [
        *map(set, WITH_KERNELS)
    ]
    assert {point.rows_of_a_part for point in points} == set(PARTS if PASSES[name].shares else PARTS[:1])
    for option, choices in PASSES[name].options.items():
        assert {point[option] for point in points} == set(choices)
    chosen = {tuple(point.options.values()) for point in points}
    assert len(chosen) == np.prod([len(choices) for choices in PASSES[name].options.values()])


@pytest.fixture
def text_to_plant_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Forget all compiled kernels, before and after."""
    kernels.kernels_for.cache_clear()
    yield monkeypatch
    kernels.kernels_for.cache_clear()


def check_all(pass_: Pass, points: Iterable[Point]) -> None:
    for point in points:
        check(pass_, point)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.function or fault.kernel}: {fault.right}")
def test_a_planted_fault_is_found(fault: Fault, text_to_plant_in: pytest.MonkeyPatch) -> None:
    text = fault.text()
    text_to_plant_in.setattr(kernels, "kernel_text", lambda: text)
    network = {"activation": fault.activation, "combinator": fault.combinator}
    points = PASSES[fault.kernel].points("float64", fault.edge, POINTS)
    with pytest.raises((AssertionError, RuntimeError), match=r"differs|wrote|barrier"):
        check_all(PASSES[fault.kernel], (dataclasses.replace(point, **network) for point in points))


def test_a_changed_input_is_found() -> None:
    memory = Memory()
    devices = memory.inputs({"x": np.ones(3), "y": np.ones(3), "none": None})
    memory.check()
    devices["x"][0] = 2.0
    memory.check(("x",))
    with pytest.raises(AssertionError, match="changed its input x"):
        memory.check(("y",))
