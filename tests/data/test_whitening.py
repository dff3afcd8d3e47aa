"""Contrast normalization and ZCA: the formulas, what they are fitted on, what is kept, and what is refused."""

import numpy as np
import pytest
from small_files import line_of

from ladder_np.data import scaling as scaling_module
from ladder_np.data import whitening
from ladder_np.data.scaling import make_scaling, scaled_rows
from ladder_np.data.sparse import SparseRows
from ladder_np.data.whitening import contrast_normalized, find_whitening, unwhitened, whitened
from ladder_np.errors import InputWarning

GENERATOR = np.random.default_rng(0)
X = (GENERATOR.integers(0, 256, (60, 4)) @ GENERATOR.random((4, 12)) / 4 + GENERATOR.integers(0, 9, (60, 12))).astype(
    np.uint8
)
TRAIN = np.arange(0, 60, 2)


def by_the_formula(rows):
    """Return g of rows, one at a time."""
    result = []
    for x in rows.astype(float):
        centered = x - x.sum() / len(x)
        result.append(55 * centered / np.sqrt((centered**2).sum()))
    return np.array(result)


def test_a_row_has_mean_0_and_length_55_once_normalized():
    g = contrast_normalized(X)
    np.testing.assert_allclose(g, by_the_formula(X), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(g, axis=1), 55, rtol=1e-12)
    np.testing.assert_allclose(g.sum(axis=1), 0, atol=1e-11)


def test_a_row_without_contrast_is_0():
    assert not contrast_normalized(np.full((2, 12), 7, np.uint8)).any()


def test_p_is_the_inverse_root_of_the_training_rows_covariance_with_a_tenth_on_its_diagonal():
    mean, P = find_whitening(X, TRAIN)
    g = by_the_formula(X[TRAIN])
    covariance = (g - g.mean(axis=0)).T @ (g - g.mean(axis=0)) / len(TRAIN)
    np.testing.assert_allclose(mean, g.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(P, P.T, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(P @ (covariance + 0.1 * np.eye(12)) @ P, np.eye(12), atol=2e-5)
    np.testing.assert_allclose(whitened(X, mean, P), (by_the_formula(X) - mean) @ P, rtol=1e-10, atol=1e-10)


def test_only_training_rows_are_looked_at_and_blocks_of_them_change_nothing_but_rounding(monkeypatch):
    mean, P = find_whitening(X, TRAIN)
    changed = X.copy()
    changed[1::2] = 0
    np.testing.assert_array_equal(find_whitening(changed, TRAIN)[1], P)
    monkeypatch.setattr(whitening, "ROWS_AT_ONCE", 7)
    in_blocks = find_whitening(X, TRAIN)
    np.testing.assert_allclose(in_blocks[0], mean, rtol=1e-12)
    np.testing.assert_allclose(in_blocks[1], P, rtol=1e-5, atol=1e-6)


def test_it_is_a_kind_of_scaling(monkeypatch):
    scaling = make_scaling(X, TRAIN, "gcn_zca", 255)
    assert (scaling.kind, scaling.width) == ("gcn_zca", 12)
    expected = whitened(X, *find_whitening(X, TRAIN))
    np.testing.assert_allclose(scaling.apply(X, np.float64), expected, rtol=1e-12)
    monkeypatch.setattr(scaling_module, "WHITENED_AT_ONCE", 7)
    np.testing.assert_allclose(scaling.apply(X, np.float32), expected, rtol=1e-5, atol=1e-5)
    assert scaling.apply(X, np.float32).dtype == np.float32


def test_whitened_rows_are_computed_once_and_do_not_depend_on_the_others_asked_for(monkeypatch):
    scaling = make_scaling(X, TRAIN, "gcn_zca", 255)
    calls = []
    monkeypatch.setattr(
        scaling_module, "whitened", lambda rows, *rest: calls.append(len(rows)) or whitened(rows, *rest)
    )
    rows = scaled_rows(X, scaling, TRAIN, np.float32)
    assert calls == []
    first = rows(TRAIN[[3, 1]])
    np.testing.assert_array_equal(rows(TRAIN)[[3, 1]], first)
    np.testing.assert_allclose(first, scaling.apply(X[TRAIN[[3, 1]]], np.float32), rtol=1e-6)
    assert calls == [len(TRAIN), 2]
    first[...] = 0
    assert rows(TRAIN[[3, 1]]).all()  # what is returned is the caller's own


def test_rows_that_were_not_announced_are_their_own():
    scaling = make_scaling(X, TRAIN, "gcn_zca", 255)
    others = np.setdiff1d(np.arange(len(X)), TRAIN[:5])
    rows = scaled_rows(X, scaling, TRAIN[:5], np.float32)
    np.testing.assert_allclose(rows(others), scaling.apply(X[others], np.float32), rtol=1e-6)


def test_whitened_rows_that_do_not_fit_are_computed_when_they_are_asked_for(monkeypatch):
    monkeypatch.setattr(scaling_module, "LARGEST_KEPT", len(TRAIN) * 12 * 4 - 1)
    scaling = make_scaling(X, TRAIN, "gcn_zca", 255)
    calls = []
    monkeypatch.setattr(
        scaling_module, "whitened", lambda rows, *rest: calls.append(len(rows)) or whitened(rows, *rest)
    )
    rows = scaled_rows(X, scaling, TRAIN, np.float32)
    np.testing.assert_array_equal(rows(TRAIN[:4]), scaling.apply(X[TRAIN[:4]], np.float32))
    assert calls == [4, 4]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whitened_rows_become_their_own_pixels_again(dtype):
    scaling = make_scaling(X, TRAIN, "gcn_zca", 255)
    raw = scaling.undo(scaling.apply(X, dtype), X)
    assert raw.dtype == np.float64
    np.testing.assert_allclose(raw, X, atol=1e-2 if dtype == np.float32 else 1e-9)


def test_what_a_network_makes_of_a_row_gets_the_row_s_mean_and_contrast():
    mean, P = find_whitening(X, TRAIN)
    z = whitened(X[:5], mean, P) + GENERATOR.standard_normal((5, 12))
    g = z @ np.linalg.inv(P) + mean
    centered = X[:5] - X[:5].mean(axis=1, keepdims=True)
    expected = g * np.linalg.norm(centered, axis=1)[:, None] / 55 + X[:5].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(unwhitened(z, mean, P, X[:5]), expected, rtol=1e-9, atol=1e-9)


def test_a_row_without_contrast_is_gray_again():
    scaling = make_scaling(X, TRAIN, "gcn_zca", 255)
    gray = np.full((2, 12), 7, np.uint8)
    np.testing.assert_allclose(scaling.undo(scaling.apply(gray, np.float64), gray), gray, atol=1e-9)


def test_a_matrix_without_an_inverse_is_told():
    assert "its matrix has no inverse" in line_of(unwhitened, X[:2], np.zeros(12), np.zeros((12, 12)), X[:2])


def test_fewer_rows_than_features_are_warned_of():
    said = (
        r"^scaling 'gcn_zca' was found on 11 rows of 12 features: .* give it 12 training rows at least, unlabeled "
        r"ones count, or choose pixels or none$"
    )
    with pytest.warns(InputWarning, match=said):
        find_whitening(X, TRAIN[:11])
    find_whitening(X, TRAIN[:12])  # where a warning is an error


def test_what_cannot_be_whitened_is_told():
    sparse = SparseRows(np.ones(2, np.float32), np.zeros(2, np.int32), np.array([0, 1, 2]), 3)
    assert "for images" in line_of(find_whitening, sparse, np.arange(2))
    wide = np.zeros((2, whitening.MOST_FEATURES + 1), np.uint8)
    assert "8193 features: expected 8192 at most" in line_of(find_whitening, wide, np.arange(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_p_survives_a_file_of_float32_without_a_change(dtype):
    _, P = find_whitening(X, TRAIN)
    np.testing.assert_array_equal(P.astype(np.float32).astype(np.float64), P)
    scaling = make_scaling(X, TRAIN, "gcn_zca", 255)
    assert scaled_rows(X, scaling, TRAIN, dtype)(TRAIN).dtype == dtype
