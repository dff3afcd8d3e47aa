"""Which labels are the mark of an unlabeled row, which classes there are, and which index each row gets."""

import warnings

import numpy as np
import pytest

from ladder_np.data.labels import IN_FILES, Labels, Mark, is_missing, match_classes, parse_labels, plain_classes
from ladder_np.errors import InputError, InputWarning

NAN = float("nan")


def given(y, mark=-1):
    marks = mark if isinstance(mark, Mark) else Mark((mark,), f"the mark {mark!r}", "mark it")
    return Labels(np.asarray(y), marks)


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
    "texts of a file": (["a", "", "-1", "-2"], IN_FILES, [1, 2]),
    "numbers of a file": ([0, -1, 1, -2], IN_FILES, [1]),
}


@pytest.mark.parametrize(("y", "mark", "expected"), MARKS.values(), ids=MARKS)
def test_the_mark_is_found(y, mark, expected):
    assert np.flatnonzero(given(y, mark).unlabeled).tolist() == expected


CLASSES = {
    "whole numbers": ([5, 3, 5, -1], [3, 5], [1, 0, 1, -1]),
    "negative numbers": ([5, -3, 5], [-3, 5], [1, 0, 1]),
    "texts": (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
    "objects that are texts": (np.array(["b", "a", -1], object), ["a", "b"], [1, 0, -1]),
    "objects that are numbers": (np.array([np.int64(2), 1.0, -1], object), [1.0, 2.0], [1, 0, -1]),
    "booleans": ([True, False, True], [False, True], [1, 0, 1]),
    "a vast gap": ([0, 10**15], [0, 10**15], [0, 1]),
}


@pytest.mark.parametrize(("y", "classes", "index"), CLASSES.values(), ids=CLASSES)
def test_classes_are_ascending_and_each_row_gets_the_index_of_its_class(y, classes, index):
    found, where = given(y).encode()
    assert found.tolist() == classes
    assert (found.dtype == object) == (isinstance(classes[0], str) and isinstance(y, np.ndarray))
    assert where.tolist() == index
    assert where.dtype == np.int64


@pytest.mark.parametrize(
    ("y", "classes", "index"),
    [
        ([7, -1, 3], [3, 7], [1, -1, 0]),
        (["b", "-1", "a"], ["a", "b"], [1, -1, 0]),
        (np.array(["b", -1, "a"], object), ["a", "b", "c"], [1, -1, 0]),
        ([-1, -1], [0, 1], [-1, -1]),
        ([True, False], [0, 1], [1, 0]),
    ],
)
def test_labels_are_looked_up_among_given_classes(y, classes, index):
    assert given(y).encode(np.array(classes))[1].tolist() == index


REFUSED = {
    "not among the classes": (lambda: given([0, 2]).encode(np.arange(2)), "y, row 1 (counted from 0) is 2, which"),
    "below the classes": (lambda: given([-5, 0]).encode(np.arange(2)), "row 0 (counted from 0) is -5, which is not"),
    "text for numbers": (lambda: given(["a"]).encode(np.arange(2)), "is 'a', but the classes are like 0"),
    "number for texts": (lambda: given([1]).encode(np.array(["a", "b"])), "is 1, but the classes are like 'a'"),
    "nothing labeled": (lambda: given([-1, -1]).encode(), "y: no row is labeled: every label is the mark -1"),
    "measurements": (lambda: given([0, 0.5]).encode(), "is 0.5 (Unknown label type: continuous); expected"),
    "NaN": (lambda: given([0, NAN, -1]).encode(), "row 1 (counted from 0) is nan (Unknown label type: continuous)"),
    "missing as a text": (lambda: given(["a", "b", "None"]).encode(), "row 2 (counted from 0) is 'None', which"),
    "texts and numbers": (lambda: given(np.array(["a", 1, "b"], object)).encode(), "is 1, but other labels are"),
    "no label": (lambda: given(np.array(["a", None, -1], object)).encode(), "row 1 (counted from 0) is None;"),
    "beyond NumPy": (lambda: given(np.array([10**30, 1], object)).encode(), "numbers that no type of NumPy holds"),
    "two dimensions": (lambda: given([[0], [1]]), "y should be a 1d array: one label per row"),
    "bytes": (lambda: given([b"a"]), "y is of type |S1; expected whole numbers or texts"),
    "another count": (lambda: given([0, 1]).check_count(3), "y has 2 labels for 3 rows; expected as many"),
    "a vast number in a file": (lambda: plain_classes(np.array([0, 2.0**53]), "y"), "y has the class 9.0072e+15"),
    "a text without end in a file": (lambda: plain_classes(np.array(["a" * 999]), "y"), "a class of 999 characters"),
    "a column of both": (lambda: parse_labels(["1", "", "cat"], "c", [2, 3, 5]), "c, line 5 is 'cat', but other"),
    "a class that a model lacks": (lambda: match_classes(np.array(["a", "x"]), np.array(["a"])), "labeled 'x'"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_label_is_told_by_its_row(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


MATCHES = {
    "the same": ([3, 5], [3, 5], [0, 1]),
    "fewer": (["b"], ["a", "b"], [1]),
    "whole floats": ([3, 5], [3.0, 5.0], [0, 1]),
    "booleans that a table holds as texts": (["False", "True"], [False, True], [0, 1]),
    "digits that an estimator knows as texts": ([10, 9], ["10", "9"], [0, 1]),
}


@pytest.mark.parametrize(("of_data", "of_model", "index"), MATCHES.values(), ids=MATCHES)
def test_the_classes_of_data_are_found_among_those_of_a_model(of_data, of_model, index):
    assert match_classes(np.array(of_data), np.array(of_model)).tolist() == index


# ---- Marks that were lost on the way.


@pytest.mark.parametrize(
    "text",
    ["", "nan", "NaN", "NAN", "None", "NaT", "NA", "N/A", "n/a", "<NA>", "null", "NULL", "?", " ", "-1.0", "-1."],
)
def test_texts_that_stand_for_a_missing_label_are_not_classes(text):
    with pytest.raises(InputError, match="looks like a missing label; mark it, or rename that class"):
        given(["cat", "dog", text]).encode()


@pytest.mark.parametrize("text", ["Na", "none", "Nan dynasty", "nano", "-2.0", "-1x", "no"])
def test_texts_that_only_look_alike_are_classes(text):
    assert text in given(["cat", "dog", text]).encode()[0]


def test_masked_labels_are_unlabeled_whatever_stands_there():
    labels = Labels(np.array([0, 1, 7]), Mark((-1,), "-1", ""), masked=np.array([False, False, True]))
    classes, index = labels.encode()
    assert (classes.tolist(), index.tolist()) == ([0, 1], [0, 1, -1])


@pytest.mark.parametrize("y", [np.array(["a", None, "b"], object), [0.0, NAN, 1.0], np.array([0, NAN, 1], object)])
def test_missing_values_are_the_mark_where_nothing_else_is(y):
    with pytest.warns(InputWarning, match=r"rows without a value \(1 of 3\) count as unlabeled, since no label is"):
        assert given(y).encode()[1].tolist() == [0, -1, 1]


def test_missing_values_beside_the_mark_are_refused():
    with pytest.raises(InputError, match="row 2"):
        given([0.0, -1.0, NAN, 1.0]).encode()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
def test_a_mark_that_an_unsigned_type_has_wrapped_is_refused(dtype):
    y = np.array([0, 1, -1]).astype("int64").astype(dtype)
    with pytest.raises(InputError, match=f"is {dtype} and holds {y[2]}, which -1 becomes in this type"):
        given(y).encode()


def test_256_classes_of_bytes_are_classes():
    assert len(given(np.arange(256).astype("uint8")).encode()[0]) == 256


@pytest.mark.parametrize("y", [[-1, 0, 1] * 10, [-2, -1, 3, 4] * 12])
def test_minus_one_beside_classes_like_it_is_told(y):
    with pytest.warns(InputWarning, match="rows with -1 count as unlabeled, beside the classes"):
        given(y).encode()


@pytest.mark.parametrize("y", [[-1, 0, 1, 2] * 10, [0, 1, *[-1] * 20], ["a", "b", "-1"]])
def test_minus_one_as_the_usual_mark_is_not(y):
    with warnings.catch_warnings(action="error"):
        given(y).encode()


def test_empty_cells_of_a_file_are_not_minus_one():
    with warnings.catch_warnings(action="error"):
        labels = parse_labels(["0", "1", ""] * 20, "c", range(60))
        assert np.bincount(labels.encode()[1] + 1).tolist() == [20, 20, 20]


def test_unlabeled_rows_beside_two_classes_are_told_only_if_they_are_about_as_many():
    with warnings.catch_warnings(action="error"):
        given([0] * 170 + [1] * 285 + [-1] * 114).encode()
        given([0] * 20 + [1] * 20 + [-1] * 500).encode()
    with pytest.warns(InputWarning, match="count as unlabeled"):
        given([0] * 100 + [1] * 100 + [-1] * 100).encode()


@pytest.mark.parametrize("mark", [float("inf"), -float("inf"), -1e300])
def test_a_mark_beyond_the_type_is_not_in_it(mark):
    assert given(np.array([0, 255], np.uint8), mark).encode()[0].tolist() == [0, 255]


def test_two_classes_of_bytes_are_classes_whatever_they_are_called():
    assert given(np.array([0, 255, 255], np.uint8)).encode()[0].tolist() == [0, 255]


@pytest.mark.parametrize("text", ["unknown", "Missing", "unlabelled", "-", "."])
def test_a_word_for_a_missing_label_on_most_rows_is_told(text):
    with pytest.warns(
        InputWarning, match="counts as a class, that of 30 of 50 rows, and no row is unlabeled; mark it"
    ):
        given(["cat", "dog"] * 10 + [text] * 30).encode()


@pytest.mark.parametrize("y", [["cat", "dog", "unknown"] * 10, ["cat"] * 30 + ["dog"] * 9, ["-1"] + ["none"] * 9])
def test_such_a_word_on_few_rows_or_beside_the_mark_is_a_class(y):
    with warnings.catch_warnings(action="error"):
        given(y).encode()


@pytest.mark.parametrize("value", [None, NAN, np.float32("nan"), np.datetime64("NaT"), np.ma.masked])
def test_values_that_stand_for_none_are_missing(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, "", "nan", np.ones(2), [1], np.int8(-1)])
def test_values_that_only_look_empty_are_not_missing(value):
    assert not is_missing(value)
