"""Sparse rows become the dense ones of the same matrix, whatever is asked for."""

import numpy as np
import pytest

from ladder_np.data.scaling import make_scaling
from ladder_np.data.sparse import SparseRows, from_scipy, is_scipy_matrix, stack_rows
from ladder_np.errors import InputError

rng = np.random.default_rng(0)
DENSE = np.where(rng.random((13, 7)) < 0.3, rng.normal(size=(13, 7)), 0.0)
DENSE[4] = 0  # a row without entries


def rows() -> SparseRows:
    return stack_rows(((np.flatnonzero(row), row[row != 0]) for row in DENSE), 7)


KEYS = [
    slice(None),
    slice(2, 9, 3),
    5,
    np.int64(-1),
    [3, 3, 0],
    np.arange(13) % 2 == 0,
    np.array([[1, 4], [4, 12]]),
    np.empty(0, int),
    np.array([-2, 3, -13]),
    np.zeros(13, bool),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_rows_are_those_of_the_dense_matrix(key: object) -> None:
    expected = DENSE[np.asarray(key, np.intp)] if isinstance(key, list) else DENSE[key]  # type: ignore[index]
    np.testing.assert_array_equal(rows()[key], expected)


def test_some_rows_stay_sparse() -> None:
    some = rows().only(np.array([12, 4, 0, 12]))
    assert some.shape == (4, 7)
    np.testing.assert_array_equal(np.asarray(some), DENSE[[12, 4, 0, 12]])


def test_sums_and_limits_are_by_column() -> None:
    full = DENSE.copy()
    full[:, 2] = np.arange(3, 16)  # without a zero
    matrix = stack_rows(((np.flatnonzero(row), row[row != 0]) for row in full), 7)
    np.testing.assert_allclose(matrix.column_sums(matrix.values), full.sum(axis=0))
    low, high = matrix.column_limits()
    np.testing.assert_array_equal(low, full.min(axis=0))
    np.testing.assert_array_equal(high, full.max(axis=0))


@pytest.mark.parametrize("key", [(slice(None), 0), "a", 1.5])
def test_columns_cannot_be_asked_for(key: object) -> None:
    with pytest.raises(TypeError):
        rows()[key]


def test_no_rows_are_a_matrix_too() -> None:
    assert stack_rows([], 3)[:].shape == (0, 3)


@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "coo_array", "lil_matrix"])
def test_scipys_matrices_are_taken(form: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    given = getattr(sparse, form)(DENSE)
    assert is_scipy_matrix(given)
    np.testing.assert_array_equal(np.asarray(from_scipy(given, "X")), DENSE)


def test_entries_for_one_place_are_added_and_the_given_matrix_stays() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    given = sparse.csr_matrix((np.array([1.0, 2.0]), np.array([1, 1]), np.array([0, 2])), shape=(1, 3))
    assert np.asarray(from_scipy(given, "X")).tolist() == [[0, 3, 0]]
    assert given.nnz == 2


@pytest.mark.parametrize(("value", "message"), [(np.nan, "X holds nan"), (1j, "of type complex")])
def test_what_is_no_finite_number_is_refused(value: complex, message: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(InputError, match=message):
        from_scipy(sparse.csr_matrix(np.array([[value, 1]])), "X")


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(IndexError):
        rows()[np.zeros(5, bool)]


@pytest.mark.parametrize("factor", [1e-250, 1.0, 1e200])
def test_standardizing_is_that_of_the_dense_rows(factor: float) -> None:
    matrix = stack_rows(((np.flatnonzero(row), factor * row[row != 0]) for row in DENSE), 7)
    some = np.arange(1, 12)
    sparse, dense = (make_scaling(X, some, "standardize", None) for X in (matrix, factor * DENSE))
    np.testing.assert_allclose(sparse.shift, dense.shift, rtol=1e-12, atol=1e-15 * factor)
    np.testing.assert_allclose(sparse.scale, dense.scale, rtol=1e-12)


def test_a_value_too_large_is_told_by_its_feature() -> None:
    matrix = stack_rows(((np.flatnonzero(row), 1e60 * row[row != 0]) for row in DENSE), 7)
    with pytest.raises(InputError, match=r"feature \d \(counted from 0\) is too large for float32 once scaled"):
        make_scaling(matrix, np.arange(13), "none", None).check(matrix, np.float32)
