"""The one place that checks arrays: what it makes of good ones and the line it says for each bad one."""

import tracemalloc

import numpy as np
import pytest

from ladder_np.data.dataset import check_features, make_dataset
from ladder_np.errors import InputError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 0, -1])


def with_value(value, row=2, column=1):
    changed = X.copy()
    changed[row, column] = value
    return changed


def test_classes_become_indices_and_unlabeled_stays_minus_one():
    dataset = make_dataset("t", X, np.array([7, -5, -1, 6]), X[:2], np.array([6, -5]), source="f")
    assert dataset.classes.tolist() == [-5, 6, 7]
    assert dataset.y.tolist() == [2, 0, -1, 1]
    assert dataset.y_test.tolist() == [1, 0]
    assert {dataset.y.dtype, dataset.classes.dtype, dataset.y_test.dtype} == {np.dtype(np.int64)}


def test_whole_floats_and_any_integer_type_are_labels():
    for dtype in (np.float16, np.float64, np.int8, np.int32, np.longdouble):
        assert make_dataset("t", X, Y.astype(dtype), source="f").y.tolist() == [0, 1, 0, -1]
    assert make_dataset("t", X, np.array([1, 2, 1, 2], np.uint64), source="f").y.tolist() == [0, 1, 0, 1]


def test_images_are_flattened_by_row_and_keep_their_dtype_and_memory():
    images = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    dataset = make_dataset("t", images, Y, source="f", pixel_maximum=255)
    assert dataset.X.dtype == np.uint8
    assert dataset.X.tolist() == images.reshape(4, 6).tolist()
    assert np.shares_memory(dataset.X, images)


def test_features_become_contiguous_and_of_native_byte_order_without_a_change_of_value():
    checked = check_features(np.asfortranarray(X).astype(">f4"), "f")
    assert checked.flags.c_contiguous
    assert checked.dtype == np.float32
    assert checked.dtype.isnative
    assert (checked == X).all()


def test_a_bad_value_far_down_a_big_array_is_found_and_named():
    big = np.ones((20_000, 50))
    big[19_321, 7] = np.inf
    with pytest.raises(InputError, match=r"X, row 19321, column 7 \(counted from 0\) is inf"):
        check_features(big, "f")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_checking_a_big_array_takes_little_memory(dtype):
    big = np.ones((20_000, 500), dtype)
    tracemalloc.start()
    try:
        check_features(big, "f")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2e6


REFUSED = {
    "not finite": ({"X": with_value(np.nan)}, "X, row 2, column 1 (counted from 0) is nan"),
    "infinite, named": (
        {"X": with_value(-np.inf), "feature_names": ("a", "height", "c")},
        "X, row 2, column 'height' (counted from 0) is -inf",
    ),
    "one dimension": ({"X": X[0]}, "X has the shape (3,)"),
    "no dimension": ({"X": np.array(1.0)}, "X has the shape ()"),
    "no row": ({"X": X[:0], "y": Y[:0]}, "X has the shape (0, 3)"),
    "no feature": ({"X": X[:, :0]}, "X has the shape (4, 0)"),
    "empty images": ({"X": np.zeros((4, 0, 3))}, "X has the shape (4, 0, 3)"),
    "objects": ({"X": X.astype(object)}, "X is of type object"),
    "complex": ({"X": X.astype(complex)}, "X is of type complex128"),
    "strings": ({"X": X.astype(str)}, "X is of type <U32"),
    "labels of another count": ({"y": Y[:3]}, "y has 3 labels for 4 rows"),
    "labels in a column": (
        {"y": Y[:, None]},
        "y should be a 1d array: one label per row; it is an array of the shape",
    ),
    "fraction": (
        {"y": np.array([0, 1, 0.5, 1])},
        "y, row 2 (counted from 0) is 0.5 (Unknown label type: continuous)",
    ),
    "nan label": ({"y": np.array([0, np.nan, 1, -1])}, "y, row 1 (counted from 0) is nan"),
    "infinite label": ({"y": np.array([0, 1, 1, np.inf])}, "y, row 3 (counted from 0) is inf"),
    "beyond int64": ({"y": np.array([2**64 - 1, 0, 1, 1], np.uint64)}, "y is uint64 and holds 18446744073709551615"),
    "near int64": ({"y": np.array([2**63, 0, 1, 1], np.uint64)}, "y has the class 9.22337e+18; expected whole"),
    "bytes as labels": (
        {"y": np.array([b"a", b"b", b"a", b"c"])},
        "y is of type |S1; expected whole numbers or texts",
    ),
    "a label like a missing one": (
        {"y": np.array(["a", "b", "nan", "b"])},
        "y, row 2 (counted from 0) is 'nan', which",
    ),
    "nothing labeled": ({"y": np.full(4, -1)}, "y: no row is labeled: every label is -1 or empty"),
    "y_test missing": ({"X_test": X}, "has X_test without y_test"),
    "X_test missing": ({"y_test": Y}, "has y_test without X_test"),
    "test not finite": ({"X_test": with_value(np.nan), "y_test": abs(Y)}, "X_test, row 2, column 1"),
    "test features": (
        {"X_test": X[:, :2], "y_test": abs(Y)},
        "X has 3 features and X_test has 2",
    ),
    "test labels of another count": (
        {"X_test": X, "y_test": np.array([0, 1])},
        "y_test has 2 labels for 4 rows",
    ),
    "unlabeled test row": ({"X_test": X, "y_test": Y}, "y_test, row 3 (counted from 0) is -1: unlabeled"),
    "class of the test alone": (
        {"X_test": X, "y_test": np.array([0, 1, 2, 1])},
        "y_test, row 2 (counted from 0) is 2, which is not among the classes",
    ),
    "texts in the test alone": (
        {"X_test": X, "y_test": np.array(list("abab"))},
        "y_test, row 0 (counted from 0) is 'a', but the classes are like 0",
    ),
    "pixels scaled in the test alone": (
        {"X": X.astype(np.uint8), "X_test": X / 255, "y_test": abs(Y), "pixel_maximum": 255},
        "X is uint8 and X_test is float64",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_arrays_get_one_line_that_names_the_thing(changes, message):
    with pytest.raises(InputError) as caught:
        make_dataset(**{"name": "t", "X": X, "y": Y, "source": "some.file", **changes})
    line = str(caught.value)
    assert line.startswith("some.file: ")
    assert message in line
    assert "\n" not in line


def test_the_shape_of_images_is_known_and_that_of_other_rows_is_none():
    images = np.arange(72, dtype=np.uint8).reshape(4, 2, 3, 3)
    assert make_dataset("t", images, Y, source="f").image_shape == (2, 3, 3)
    assert make_dataset("t", images[..., 0], Y, source="f").image_shape == (2, 3, 1)
    assert make_dataset("t", X, Y, source="f").image_shape is None
    assert make_dataset("t", X, Y, source="f", image_shape=(3, 1, 1)).image_shape == (3, 1, 1)
    assert make_dataset("t", images.reshape(4, 2, 3, 3, 1), Y, source="f").image_shape is None


def test_test_images_of_another_shape_are_refused():
    X, y = np.zeros((4, 5, 5, 3)), np.array([0, 1, 0, 1])
    with pytest.raises(InputError, match="X holds images of 5x5x3 and X_test of 3x5x5; expected one shape"):
        make_dataset("a", X, y, X.transpose(0, 3, 1, 2), y, source="a.npz")
