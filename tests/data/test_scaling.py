"""Scaling: the values, their independence of the batch, memory, and magnitudes at the edge of the floats."""

import tracemalloc

import numpy as np
import pytest

from ladder_np.data.encoding import find_encoding
from ladder_np.data.scaling import Scaling, make_scaling
from ladder_np.errors import InputError

ROWS = np.arange(200)


def table(seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, (250, 7))


def test_standardize_gives_mean_0_and_deviation_1_on_the_training_rows_alone():
    X = table()
    X[200:] = 1e6  # not trained on
    scaling = make_scaling(X, ROWS, "standardize", None)
    np.testing.assert_allclose(scaling.shift, X[:200].mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(scaling.scale, 1 / X[:200].std(axis=0), rtol=1e-12)
    scaled = scaling.apply(X[:200], np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-12)


def test_standardize_over_many_blocks_equals_the_plain_formula():
    X = np.random.default_rng(1).integers(0, 256, (3000, 100), dtype=np.uint8)
    rows = np.arange(1, 3000, 2)
    scaling = make_scaling(X, rows, "standardize", None)
    np.testing.assert_allclose(scaling.shift, X[rows].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, 1 / X[rows].std(axis=0), rtol=1e-12)


def test_a_small_spread_on_a_large_mean_is_measured_right():
    X = 1e9 + table()
    scaling = make_scaling(X, ROWS, "standardize", None)
    np.testing.assert_allclose(scaling.scale, 1 / (X[:200] - 1e9).std(axis=0), rtol=1e-6)
    assert abs(scaling.apply(X, np.float32)).max() < 10


@pytest.mark.parametrize("magnitude", [1e300, 1e-300, 1e150, 1e-150])
def test_huge_and_tiny_features_are_standardized_like_any_other(magnitude):
    X = table()
    expected = make_scaling(X, ROWS, "standardize", None).apply(X, np.float64)
    found = make_scaling(X * magnitude, ROWS, "standardize", None).apply(X * magnitude, np.float64)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e300, 1e-320, 1 / 3])
def test_a_constant_feature_becomes_exactly_0(value):
    X = table()
    X[:, 2] = value
    scaled = make_scaling(X, ROWS, "standardize", None).apply(X, np.float32)
    assert (scaled[:, 2] == 0).all()


@pytest.mark.parametrize("spread", [5e-324, 1e-310])
def test_a_spread_too_small_to_divide_by_counts_as_constant(spread):
    X = table()
    X[:, 2] = np.where(np.arange(250) % 2, spread, 0.0)
    scaling = make_scaling(X, ROWS, "standardize", None)
    assert scaling.scale[2] == 1
    assert np.isfinite(scaling.apply(X, np.float64)).all()


def test_auto_divides_pixels_and_standardizes_tables():
    pixels = np.array([[0, 16], [8, 4]], np.uint8)
    found = make_scaling(pixels, np.arange(2), "auto", 16).apply(pixels, np.float32)
    assert found.tolist() == [[0, 1], [0.5, 0.25]]
    X = table()
    auto, standard = (make_scaling(X, ROWS, kind, None) for kind in ("auto", "standardize"))
    assert auto.shift.tolist() == standard.shift.tolist()
    assert auto.scale.tolist() == standard.scale.tolist()


def test_pixels_without_a_maximum_take_255_for_uint8():
    pixels = np.arange(256, dtype=np.uint8)[:, None]
    found = make_scaling(pixels, np.arange(256), "pixels", None).apply(pixels, np.float32)
    np.testing.assert_allclose(found, pixels / 255, rtol=2e-7)
    assert found.min() == 0
    assert found.max() == 1


def test_none_leaves_the_numbers_as_they_are():
    X = table()
    assert (make_scaling(X, ROWS, "none", None).apply(X, np.float64) == X).all()


def test_one_common_divisor_gives_mean_variance_1_and_leaves_zeros_zeros():
    X = np.random.default_rng(5).normal(size=(250, 7)) * [1, 2, 3, 0, 5, 6, 7]
    X[::3] = 0
    scaling = make_scaling(X, ROWS, "common", None)
    assert len(set(scaling.scale)) == 1
    scaled = scaling.apply(X, np.float64)
    np.testing.assert_allclose(scaled[ROWS].var(axis=0).mean(), 1)
    assert (scaled[::3] == 0).all()


def test_features_that_do_not_vary_are_divided_by_1():
    scaling = make_scaling(np.full((250, 7), 3.0), ROWS, "common", None)
    assert (scaling.scale == 1).all()


@pytest.mark.parametrize("result", [np.float32, np.float64])
@pytest.mark.parametrize("given", [np.uint8, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("kind", ["standardize", "pixels", "common", "none"])
def test_every_type_gives_a_fresh_contiguous_array_equal_to_the_formula(given, result, kind):
    X = np.asfortranarray(np.random.default_rng(2).integers(0, 255, (250, 7)).astype(given))
    before = X.copy()
    scaling = make_scaling(X, ROWS, kind, 255)
    found = scaling.apply(X, result)
    assert found.dtype == result
    assert found.flags.c_contiguous
    assert not np.shares_memory(found, X)
    assert (before == X).all()
    expected = (X.astype(np.float64) - scaling.shift) * scaling.scale
    np.testing.assert_allclose(found, expected, rtol=3e-7, atol=1e-12)


@pytest.mark.parametrize("kind", ["standardize", "pixels"])
def test_a_row_is_scaled_to_the_same_bits_in_any_batch(kind):
    X = np.random.default_rng(3).integers(0, 256, (777, 129), dtype=np.uint8)
    scaling = make_scaling(X, np.arange(777), kind, 255)
    whole = scaling.apply(X, np.float32)
    for size in (1, 2, 100):
        parts = [scaling.apply(X[at : at + size], np.float32) for at in range(0, 777, size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


@pytest.mark.parametrize("kind", ["standardize", "pixels"])
def test_uint8_gets_no_float64_copy(kind):
    X = np.random.default_rng(4).integers(0, 256, (20_000, 300), dtype=np.uint8)
    tracemalloc.start()
    try:
        result = make_scaling(X, np.arange(20_000), kind, 255).apply(X, np.float32)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < result.nbytes + 4e6


def test_a_value_too_large_for_the_result_is_named():
    X = table()
    X[5, 3] = 1e300
    scaling = make_scaling(X, ROWS, "none", None)
    assert scaling.apply(X, np.float64)[5, 3] == 1e300
    with pytest.raises(InputError, match=r"row 5, feature 3 .* 1e\+300 is too large for float32"):
        scaling.apply(X, np.float32)


def test_a_difference_too_large_for_float64_is_named():
    scaling = Scaling(np.array([-1e308]), np.array([1.0]))
    with pytest.raises(InputError, match=r"row 1, feature 0 .* 1e\+308 is too large for float64"):
        scaling.apply(np.array([[0.0], [1e308]]), np.float64)


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        (table(), "scale", "unknown scaling 'scale'; choose one of auto, pixels, standardize, common, none, gcn_zca"),
        (np.array([[0, 1e200], [1, 0]]), "common", "the variance of the features is too large"),
        (table(), "pixels", "scaling 'pixels' for features of type float64"),
        (table().astype(np.int64), "pixels", "scaling 'pixels' for features of type int64"),
        (np.array([[0, -1e308], [0, 1e308]]), "standardize", r"feature 1 .* runs from -1e\+308 to 1e\+308"),
    ],
)
def test_wrong_use_is_refused_in_one_line(X, kind, message):
    with pytest.raises(InputError, match=message) as caught:
        make_scaling(X, np.arange(len(X)), kind, None)
    assert "\n" not in str(caught.value)


def test_what_an_encoding_makes_of_the_columns_is_standardized(tmp_path):
    X = np.array([[1, 0], [np.nan, 1], [3, 1], [5, np.nan]])
    encoding = find_encoding(X, np.arange(4), (None, ("a", "b")))
    scaling = make_scaling(X, np.arange(4), "standardize", None, encoding)
    assert (scaling.columns, scaling.width) == (2, 4)
    assert scaling.names(("size", "kind")) == ("size", "size is missing", "kind=a", "kind=b")
    scaled = scaling.apply(X, np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    assert scaled[1, 0] == 0  # the mean stands for a missing number
    plain = make_scaling(X, np.arange(4), "none", None, encoding)
    np.testing.assert_array_equal(plain.apply(X, np.float64), encoding.apply(X))
