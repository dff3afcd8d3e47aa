"""Which labels are the mark of an unlabeled row, which classes there are, and which index each row gets."""

import numpy as np
import pytest

from ladder_np.errors import InputError
from ladder_np.estimator.labels import find_classes, index_labels, is_unlabeled, read_labels

NAN = float("nan")
# y, mark, which rows are unlabeled
MARKS = {
    "numbers": ([0, -1, 1], -1, [1]),
    "numbers, a class is called -1": ([-1, 9, 1], 9, [1]),
    "floats and a whole mark": ([0.0, -1.0], -1, [1]),
    "texts and numbers make an array of texts": (["a", -1, "b"], -1, [1]),
    "texts with a text as mark": (["a", "", "b"], "", [1]),
    "objects keep their numbers": (np.array(["a", -1, "-1"], object), -1, [1, 2]),
    "None is missing": (np.array(["a", None, "b"], object), None, [1]),
    "NaN as mark means None too": (np.array(["a", None, NAN], object), NAN, [1, 2]),
    "None as mark means NaN too": ([0.0, NAN], None, [1]),
    "whole numbers are never missing": ([0, 1], None, []),
    "texts are never missing": (["nan", "None"], None, []),
    "a text as mark among numbers": ([0, 1], "?", []),
    "no mark among booleans": ([True, False], -1, []),
}


@pytest.mark.parametrize("case", MARKS)
def test_the_mark_is_found(case: str) -> None:
    y, mark, expected = MARKS[case]
    labels = read_labels(y, len(y), "Estimator")
    assert np.flatnonzero(is_unlabeled(labels, mark)).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([5, 3, 5]), [3, 5]),
        (np.array(["b", "a", "b"]), ["a", "b"]),
        (np.array(["b", "a"], object), ["a", "b"]),
        (np.array([2, 1], object), [1, 2]),
        (np.array([np.int64(2), 1.0], object), [1.0, 2.0]),
    ],
)
def test_classes_are_ascending(labels: np.ndarray, classes: list) -> None:
    found = find_classes(labels, -1)
    assert found.tolist() == classes
    assert (found.dtype == object) == (isinstance(labels[0], str) and labels.dtype == object)


@pytest.mark.parametrize(
    ("y", "classes", "index"),
    [
        ([7, -1, 3], [3, 7], [1, -1, 0]),
        (["b", "-1", "a"], ["a", "b"], [1, -1, 0]),
        (np.array(["b", -1, "a"], object), ["a", "b", "c"], [1, -1, 0]),
        ([-1, -1], [0, 1], [-1, -1]),
    ],
)
def test_each_row_gets_the_index_of_its_class(y: list, classes: list, index: list) -> None:
    labels = read_labels(y, len(y), "Estimator")
    assert index_labels(labels, -1, np.array(classes)).tolist() == index


@pytest.mark.parametrize(
    ("y", "classes"), [([0, 2], [0, 1]), ([-5, 0], [0, 1]), (["a"], [0, 1]), ([1], ["a", "b"]), (["c"], ["a", "b"])]
)
def test_a_label_that_is_no_class_is_named(y: list, classes: list) -> None:
    with pytest.raises(InputError, match=r"y has the label (2|-5|'a'|1|'c'),"):
        index_labels(np.array(y), -1, np.array(classes))
