"""Products on one BLAS thread: what is cut, what is left as it was, what is set and put back."""

import ctypes
import dataclasses
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from test_threads import in_fresh_python, interrupted_at

from ladder_np import LadderClassifier, LadderNetwork, blas
from ladder_np.blas import (
    LARGEST_PIECE,
    LARGEST_VECTOR_PIECE,
    ask_openblas,
    one_thread_blas,
    one_thread_each,
    one_thread_product,
)
from ladder_np.operations.maps import MAPS, build_maps

matmul = np.matmul
SHAPES = [
    *((300, 200, 100), (300, 12, 200), (12, 300, 200), (200, 300, 100), (1000, 64, 200), (5, 2048, 32)),
    *((2, 2000, 100), (257, 61, 129), (4097, 3, 31), (1, 200, 300), (1, 2048, 31), (3000, 20, 1), (100, 3, 300)),
]


@pytest.fixture(params=["OpenBLAS", "MKL", ""])
def any_blas(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let products run in the way of each BLAS, whichever there is."""
    monkeypatch.setattr(blas, "_one_thread", lambda: blas.ONE_THREAD[request.param])
    monkeypatch.setattr(blas, "MKL_COUNT_OF_ONE", blas.LocalCountOfOne(lambda: lambda count: 0))
    return request.param


@pytest.fixture
def on_openblas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_one_thread", lambda: blas.ONE_THREAD["OpenBLAS"])


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int, int]]]:
    """Note rows, terms and columns of every product that NumPy gives to its BLAS."""
    noted = []

    def noting(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        noted.append((*a.shape[-2:], b.shape[-1]))
        return matmul(a, b, out=out)

    monkeypatch.setattr(np, "matmul", noting)
    return noted


def factors(rows: int, terms: int, columns: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(rows + terms + columns)
    return generator.normal(size=(rows, terms)).astype(dtype), generator.normal(size=(terms, columns)).astype(dtype)


def transposed(x: np.ndarray) -> np.ndarray:
    """The same values with the other order in memory, as W.T and h.T have it."""
    return np.ascontiguousarray(x.T).T


# ---- Products in pieces.


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("first", "second"), [(np.copy, np.copy), (np.copy, transposed), (transposed, np.copy)])
def test_the_product_is_numpys_to_rounding(any_blas, shape, first, second) -> None:
    a, b = factors(*shape)
    expected, given = a @ b, np.full((shape[0], 2 * shape[2]), 7.0)
    np.testing.assert_allclose(one_thread_product(first(a), second(b)), expected, rtol=0, atol=1e-11)
    out = given[:, : shape[2]]  # not contiguous
    assert one_thread_product(first(a), second(b), out) is out
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-11)
    assert (given[:, shape[2] :] == 7).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_openblas_is_given_nothing_that_it_would_share_among_threads(on_openblas, products, shape) -> None:
    one_thread_product(*factors(*shape))
    for rows, terms, columns in products:
        assert terms == shape[1]  # no sum is cut
        assert rows * terms * columns <= (LARGEST_VECTOR_PIECE if 1 in (rows, columns) else LARGEST_PIECE)


@pytest.mark.parametrize("shape", [(2000, 300, 200), (100, 2049, 16)])
def test_a_large_product_or_one_of_long_sums_is_left_whole(on_openblas, products, shape) -> None:
    one_thread_product(*factors(*shape, np.float32))
    assert products == [shape]


def test_a_product_below_openblas_s_limit_is_left_whole(on_openblas, products) -> None:
    one_thread_product(*factors(40, 50, 60))
    assert products == [(40, 50, 60)]


def test_factors_of_two_types_give_the_wider_one(any_blas) -> None:
    a, b = factors(300, 64, 100)
    product = one_thread_product(a, b.astype(np.float32))
    assert product.dtype == np.float64
    np.testing.assert_allclose(product, a @ b.astype(np.float32), rtol=0, atol=1e-11)


# ---- Which networks.


def products_of(sizes: tuple[int, ...], products: list[tuple[int, int, int]]) -> int:
    """Return how many multiplications the largest product of a step, statistics and a prediction has."""
    x = np.random.default_rng(0).normal(size=(1200, sizes[0]))
    network = LadderNetwork(sizes=sizes, seed=0)
    network.loss_and_gradients(x[:100], np.arange(100) % sizes[-1], x[100:200])
    network.estimate_statistics(lambda: iter([x]))
    network.predict_proba(x)
    return max(math.prod(shape) for shape in products)


def test_every_product_of_a_small_network_is_in_pieces(on_openblas, products) -> None:
    assert products_of((30, 200, 100, 3), products) <= LARGEST_PIECE


def test_a_network_with_one_large_weight_is_left_whole(on_openblas, products) -> None:
    """Those of its products that are small, too: the papers' results stay what they are to the last bit."""
    assert products_of((400, 200, 100, 10), products) == 1200 * 400 * 200
    assert (300, 200, 100) in products


def test_a_kind_of_map_without_a_small_one_serves_small_networks_too(monkeypatch) -> None:
    pair = tuple(dataclasses.replace(one, small=None) for one in build_maps((8,), ("6",))[0])
    monkeypatch.setitem(MAPS, "own", lambda below: pair)
    assert build_maps((8,), ("own",)) == [pair]


# ---- What is the caller's stays the caller's.


def test_a_dense_network_sets_nothing_of_the_blas(any_blas) -> None:
    """Threads of the caller that multiply at the same time are as they were, and so are forked children."""
    before = ask_openblas()
    LadderClassifier((20,), max_iter=2, random_state=0).fit(*clouds())
    assert ask_openblas() == before


def clouds() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 240)
    return generator.normal(size=(240, 40)) + 2 * np.eye(3, 40)[y], np.where(np.arange(240) < 30, y, -1)


TRAIN = """
import hashlib, os, sys
import numpy as np
from ladder_np import LadderClassifier
generator = np.random.default_rng(0)
y = generator.integers(0, 3, 240)
X, labels = generator.normal(size=(240, 40)) + 2 * np.eye(3, 40)[y], np.where(np.arange(240) < 30, y, -1)
def digest(seed=0):
    proba = LadderClassifier((120, 60), max_iter=3, random_state=seed).fit(X, labels).predict_proba(X)
    return hashlib.sha256(proba.tobytes()).hexdigest()
"""


@pytest.mark.skipif(one_thread_blas() != "OpenBLAS", reason="another BLAS")
def test_a_small_network_is_the_same_to_the_last_bit_whatever_the_number_of_threads() -> None:
    one, all_of_them = (in_fresh_python(TRAIN + "print(digest())", **v) for v in ({"OPENBLAS_NUM_THREADS": "1"}, {}))
    assert one == all_of_them


def test_two_trainings_in_two_threads_are_those_of_one_after_the_other() -> None:
    X, labels = clouds()
    alone, together = {}, {}

    def train(seed: int, into: dict[int, np.ndarray]) -> None:
        model = LadderClassifier((120, 60), max_iter=3, random_state=seed)
        into[seed] = model.fit(X, labels).predict_proba(X)

    for seed in (1, 2):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for seed in (1, 2):
        assert (alone[seed] == together[seed]).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_trains_as_its_parent() -> None:
    code = """
before = digest()
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, digest().encode())
    os._exit(0)
print(os.read(read, 64).decode() == before == digest())
"""
    assert in_fresh_python(TRAIN + code) == "True"


# ---- OpenBLAS: a count for the process, one while a convolution's threads multiply side by side.


class FakeOpenblas:
    """OpenBLAS's count, and all that it was set to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self.set_to = [count]
        monkeypatch.setattr(blas, "_openblas_counts", lambda: (lambda: self.set_to[-1], self.set_to.append))


def test_the_count_is_one_until_the_last_thread_has_left(monkeypatch) -> None:
    fake, count = FakeOpenblas(monkeypatch, 6), blas.ProcessCountOfOne()
    entered, leave = threading.Barrier(2), threading.Barrier(2)

    def stay() -> None:
        entered.wait(10)
        leave.wait(10)

    thread = threading.Thread(target=count.during, args=(stay,))
    thread.start()
    assert count.during(lambda: entered.wait(10) is not None and fake.set_to[:]) == [6, 1]
    assert fake.set_to == [6, 1]  # the other one is still inside
    leave.wait(10)
    thread.join(10)
    assert fake.set_to == [6, 1, 6]
    assert count.during(fake.set_to.copy) == [6, 1, 6, 1]
    assert fake.set_to == [6, 1, 6, 1, 6]


def test_the_count_is_put_back_after_an_error(monkeypatch) -> None:
    fake = FakeOpenblas(monkeypatch, 4)
    with pytest.raises(ZeroDivisionError):
        blas.ProcessCountOfOne().during(lambda: 1 / 0)
    assert fake.set_to == [4, 1, 4]


CONVOLVE = """
import os, threading
import numpy as np
from ladder_np.blas import ask_openblas, one_thread_each
from ladder_np.operations.maps import build_maps
def count():
    return ask_openblas()["get_num_threads"]
up, down = build_maps((12, 12, 16), ("conv:32:3",))[0]
generator = np.random.default_rng(0)
h, W = generator.standard_normal((40 * 144, 16)), generator.standard_normal(up.weight)
before = count()
"""


@pytest.mark.skipif("get_num_threads" not in ask_openblas(), reason="another BLAS")
def test_a_convolution_multiplies_on_one_thread_each_and_leaves_the_count_as_it_was() -> None:
    code = """
counts, matmul = set(), np.matmul
def noting(a, b, out=None):
    counts.add(count())
    return matmul(a, b, out=out)
np.matmul = noting
a, kept = up.forward(h, W)
up.backward(a, W, kept, np.empty_like(W), True)
print(before, counts, count())
"""
    assert in_fresh_python(CONVOLVE + code, OPENBLAS_NUM_THREADS="2") == "2 {1} 2"


@pytest.mark.skipif(not hasattr(os, "fork") or "get_num_threads" not in ask_openblas(), reason="another system")
def test_a_child_forked_while_a_thread_is_inside_has_the_count_of_before() -> None:
    code = """
inside, leave = threading.Event(), threading.Event()
def stay(_):
    inside.set()
    leave.wait(10)
thread = threading.Thread(target=one_thread_each, args=(stay, None))
thread.start()
inside.wait(10)
read, write = os.pipe()
if os.fork() == 0:
    first = count()
    up.forward(h, W)
    os.write(write, f"{first} {count()}".encode())
    os._exit(0)
in_child, meanwhile = os.read(read, 64).decode(), count()
leave.set()
thread.join(10)
print(in_child, meanwhile, count())
"""
    assert in_fresh_python(CONVOLVE + code, OPENBLAS_NUM_THREADS="2") == "2 2 1 2"


def test_an_interrupt_at_any_moment_leaves_the_count_as_it_was(monkeypatch) -> None:
    fake, count = FakeOpenblas(monkeypatch, 6), blas.ProcessCountOfOne()
    moment = 0
    while interrupted_at(moment, blas.__file__, lambda: count.during(lambda: None)):
        assert (fake.set_to[-1], count._inside, count._lock.locked()) == (6, set(), False), f"moment {moment}"
        moment += 1
    assert moment > 5  # as many as there are


def test_a_count_that_was_set_meanwhile_stays(monkeypatch) -> None:
    fake = FakeOpenblas(monkeypatch, 6)
    blas.ProcessCountOfOne().during(lambda: fake.set_to.append(3))
    assert fake.set_to == [6, 1, 3]


@pytest.mark.parametrize("missing", ["get_num_threads", "set_num_threads"])
def test_an_openblas_without_such_a_function_is_left_alone(monkeypatch, missing) -> None:
    called: list[int] = []
    monkeypatch.setattr(blas, "_openblas_function", lambda name: None if name == missing else called.append)
    monkeypatch.setattr(blas, "_openblas_counts", blas._openblas_counts.__wrapped__)
    blas.ProcessCountOfOne().during(lambda: None)
    assert called == []


# ---- MKL: a count for each thread.


class FakeMkl:
    """MKL's counts: one for the process (0 stands for it), and each thread's own."""

    def __init__(self) -> None:
        self.own = threading.local()

    def set_local_count(self, count: int) -> int:
        before = self.count()
        self.own.count = count
        return before

    def count(self) -> int:
        return getattr(self.own, "count", 0)


@pytest.fixture
def mkl(monkeypatch: pytest.MonkeyPatch) -> FakeMkl:
    fake = FakeMkl()
    monkeypatch.setattr(blas, "_one_thread", lambda: blas.ONE_THREAD["MKL"])
    monkeypatch.setattr(blas, "MKL_COUNT_OF_ONE", blas.LocalCountOfOne(lambda: fake.set_local_count))
    return fake


def test_mkl_runs_a_small_product_on_one_thread_and_a_large_one_on_the_callers(mkl, monkeypatch) -> None:
    counts = []

    def noting(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        counts.append(mkl.count())
        return matmul(a, b, out=out)

    monkeypatch.setattr(np, "matmul", noting)
    mkl.set_local_count(3)
    one_thread_product(*factors(300, 200, 100))
    one_thread_product(*factors(2000, 300, 200, np.float32))
    assert counts == [1, 3]
    assert mkl.count() == 3


def test_mkls_count_is_one_for_the_thread_alone_that_multiplies_side_by_side(mkl) -> None:
    others: list[int] = []
    mkl.set_local_count(3)

    def multiply() -> int:
        thread = threading.Thread(target=lambda: others.append(mkl.count()))
        thread.start()
        thread.join(10)
        return mkl.count()

    assert blas.MKL_COUNT_OF_ONE.during(multiply) == 1
    assert (mkl.count(), others) == (3, [0])


def test_an_interrupt_at_any_moment_leaves_mkls_count_as_it_was(mkl) -> None:
    mkl.set_local_count(3)
    moment = 0
    while interrupted_at(moment, blas.__file__, lambda: blas.MKL_COUNT_OF_ONE.during(lambda: None)):
        assert mkl.count() == 3, f"moment {moment}"
        moment += 1
    assert moment > 3  # as many as a profiler sees


def test_mkls_count_is_put_back_after_an_error(mkl) -> None:
    mkl.set_local_count(5)
    with pytest.raises(ValueError, match="matmul"):
        one_thread_product(np.ones((3, 4)), np.ones((5, 6)))
    assert mkl.count() == 5


# ---- OpenBLAS with OpenMP: a count for each thread, too.


@pytest.fixture
def openmp(monkeypatch: pytest.MonkeyPatch) -> FakeMkl:
    fake = FakeMkl()
    pretend(
        monkeypatch,
        "openblas",
        openblas_get_num_threads=lambda: 2,
        openblas_get_parallel=lambda: 2,
        omp_get_max_threads=fake.count,
        omp_set_num_threads=fake.set_local_count,
    )
    monkeypatch.setattr(blas, "_side_by_side", blas._side_by_side.__wrapped__)
    counts = blas.LocalCountOfOne(blas._openmp_set_local_count.__wrapped__)
    monkeypatch.setitem(blas.SIDE_BY_SIDE, "OpenBLAS with OpenMP", counts)
    return fake


def test_openmps_count_is_one_for_the_thread_that_multiplies_side_by_side(openmp) -> None:
    openmp.set_local_count(3)
    assert one_thread_each(lambda _: openmp.count(), None) == 1
    assert openmp.count() == 3


def test_an_openmp_that_cannot_be_found_is_left_alone(openmp, monkeypatch) -> None:
    pretend(monkeypatch, "openblas", openblas_get_num_threads=lambda: 2, openblas_get_parallel=lambda: 2)
    openmp.set_local_count(3)
    assert one_thread_each(lambda _: openmp.count(), None) == 3


# ---- Which BLAS it is.


def pretend(monkeypatch: pytest.MonkeyPatch, name: str | None, **symbols: Callable[..., object]) -> None:
    """Let NumPy be built with the BLAS of that name and linked with a library that has these functions."""
    monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(**symbols))
    built = {"name": name, "found": name is not None}
    monkeypatch.setattr(np, "show_config", lambda mode: {"Build Dependencies": {"blas": built}})


@pytest.mark.parametrize(
    ("name", "symbols", "expected"),
    [
        ("scipy-openblas", {"scipy_openblas_get_num_threads64_": lambda: 2}, "OpenBLAS"),
        ("blas", {"openblas_get_num_threads": lambda: 2}, "OpenBLAS"),  # conda's, behind which there is any
        ("blas", {"MKL_Set_Num_Threads_Local": lambda count: 0}, "MKL"),
        ("openblas", {}, "OpenBLAS"),  # linked in such a way that it cannot be asked
        ("openblas", {"MKL_Set_Num_Threads_Local": lambda count: 0}, "MKL"),
        ("accelerate", {}, ""),
        (None, {}, ""),
    ],
)
def test_the_blas_is_known_by_what_it_answers(monkeypatch, name, symbols, expected) -> None:
    pretend(monkeypatch, name, **symbols)
    assert one_thread_blas() == expected


@pytest.mark.parametrize("missing", ["ctypes", "numpy._core._multiarray_umath"])
def test_where_libraries_cannot_be_asked_numpy_s_own_word_counts(monkeypatch, missing) -> None:
    pretend(monkeypatch, "accelerate")
    monkeypatch.setitem(sys.modules, missing, None)
    assert one_thread_blas() == ""
