"""The split: disjoint, complete, balanced, drawn from its generator alone."""

import numpy as np
import pytest

from ladder_np.data.split import split_in_order, split_rows, stratified_test_rows
from ladder_np.errors import InputError


def make_labels(sizes, unlabeled=0, seed=0):
    y = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(unlabeled, -1)])
    return np.random.default_rng(seed).permutation(y)


def split(y, n_classes, seed=0, **changes):
    arguments = {"labels": None, "validation": 0, "test_fraction": 0.0, **changes}
    return split_rows(y, n_classes, generator=np.random.default_rng(seed), **arguments)


def counts(y, rows, n_classes):
    return np.bincount(y[rows], minlength=n_classes).tolist()


def test_parts_are_disjoint_ascending_and_cover_every_row():
    y = make_labels([30, 50, 20], unlabeled=40)
    for seed in range(20):
        found = split(y, 3, seed, labels=10, validation=15, test_fraction=0.2)
        together = np.concatenate([found.train, found.validation, found.test])
        assert sorted(together.tolist()) == list(range(140))
        assert np.isin(found.labeled, found.train).all()
        for part in (found.labeled, found.train, found.validation, found.test):
            assert part.dtype == np.int64
            assert (np.diff(part) > 0).all()
        for part in (found.labeled, found.validation, found.test):
            assert (y[part] >= 0).all()
        assert [len(found.labeled), len(found.validation), len(found.test)] == [10, 15, 20]


def test_unlabeled_rows_are_all_trained_on():
    y = make_labels([10, 10], unlabeled=30)
    found = split(y, 2, validation=5, test_fraction=0.3)
    assert np.isin(np.flatnonzero(y < 0), found.train).all()


def test_test_rows_are_in_the_proportions_of_the_classes():
    y = make_labels([100, 50, 10])
    assert counts(y, split(y, 3, test_fraction=0.2).test, 3) == [20, 10, 2]


def test_the_test_share_is_rounded_over_all_and_given_to_the_largest_remainders():
    y = make_labels([14, 17, 15])  # a tenth: 1.4, 1.7, 1.5, together 4.6
    assert counts(y, split(y, 3, test_fraction=0.1).test, 3) == [1, 2, 2]


def test_which_class_gets_the_extra_test_row_is_drawn():
    y = make_labels([15, 15, 20])
    found = {tuple(counts(y, split(y, 3, seed, test_fraction=0.1).test, 3)) for seed in range(30)}
    assert found == {(1, 2, 2), (2, 1, 2)}


def test_labels_and_validation_differ_by_one_at_most_between_classes():
    y = make_labels([40, 90, 60, 55])
    for seed in range(10):
        found = split(y, 4, seed, labels=30, validation=17)
        assert sorted(counts(y, found.labeled, 4)) == [7, 7, 8, 8]
        assert sorted(counts(y, found.validation, 4)) == [4, 4, 4, 5]


def test_which_class_gets_the_extra_label_is_drawn():
    y = make_labels([20, 20, 20])
    found = {tuple(counts(y, split(y, 3, seed, labels=4).labeled, 3)) for seed in range(40)}
    assert found == {(2, 1, 1), (1, 2, 1), (1, 1, 2)}


def test_a_scarce_class_gives_all_and_the_others_fill_up():
    y = make_labels([2, 50, 4, 50])
    assert counts(y, split(y, 4, labels=40).labeled, 4) == [2, 17, 4, 17]


def test_no_number_of_labels_means_all_that_remain():
    y = make_labels([20, 30], unlabeled=5)
    found = split(y, 2, validation=10, test_fraction=0.2)
    assert len(found.labeled) == 50 - 10 - 10


def test_asking_for_every_remaining_label_is_the_same_as_asking_for_none():
    y = make_labels([20, 30])
    assert split(y, 2, labels=50).labeled.tolist() == list(range(50))


def test_test_and_validation_leave_every_class_a_labeled_row():
    y = make_labels([1, 2, 30])
    for seed in range(10):
        found = split(y, 3, seed, validation=5, test_fraction=0.6)
        assert min(counts(y, found.labeled, 3)) >= 1
        assert counts(y, found.test, 3)[0] == 0


def test_the_split_depends_on_the_generator_and_on_nothing_else():
    y = make_labels([30, 30], unlabeled=10)
    first, same, other = (split(y, 2, seed, labels=6, validation=4, test_fraction=0.1) for seed in (1, 1, 2))
    for part in ("labeled", "train", "validation", "test"):
        assert getattr(first, part).tolist() == getattr(same, part).tolist()
        assert getattr(first, part).tolist() != getattr(other, part).tolist()


def test_more_labels_keep_test_and_validation_and_contain_the_fewer():
    y = make_labels([30, 30, 30])
    few, more = (split(y, 3, labels=labels, validation=6, test_fraction=0.1) for labels in (6, 12))
    assert few.test.tolist() == more.test.tolist()
    assert few.validation.tolist() == more.validation.tolist()
    assert np.isin(few.labeled, more.labeled).all()


SMALL = make_labels([5, 5], unlabeled=3)
REFUSED = {
    "fewer labels than classes": (SMALL, 2, {"labels": 1}, "1 labels for 2 classes; expected 2 at least"),
    "no labels": (SMALL, 2, {"labels": 0}, "0 labels for 2 classes"),
    "too many labels": (SMALL, 2, {"labels": 11}, "11 labels asked for, 10 labeled rows remain"),
    "too many labels after validation": (
        SMALL,
        2,
        {"labels": 8, "validation": 3},
        "8 labels asked for, 7 labeled rows remain",
    ),
    "validation too large": (SMALL, 2, {"validation": 9}, "9 validation rows; expected 0 to 8"),
    "validation too large after test": (
        SMALL,
        2,
        {"validation": 7, "test_fraction": 0.2},
        "7 validation rows; expected 0 to 6: of 10 labeled rows, 2 are for the test",
    ),
    "negative validation": (SMALL, 2, {"validation": -1}, "-1 validation rows; expected 0 to 8"),
    "test of all": (SMALL, 2, {"test_fraction": 1.0}, "test fraction 1.0"),
    "negative test": (SMALL, 2, {"test_fraction": -0.1}, "test fraction -0.1"),
    "test nan": (SMALL, 2, {"test_fraction": np.nan}, "test fraction nan"),
    "class without a labeled row": (SMALL, 3, {}, "class 2 has no labeled row"),
    "the same by its number": (
        SMALL,
        3,
        {"classes": np.array([5, 6, 7])},
        "class 7 has no labeled row",
    ),
    "one class": (np.array([0, 0, -1]), 1, {}, "every labeled row is of class 0, and"),
    "one class by its name": (
        np.array([0, -1]),
        1,
        {"classes": np.array(["cat"])},
        "is of class 'cat', and",
    ),
}


@pytest.mark.parametrize(("y", "n_classes", "changes", "message"), REFUSED.values(), ids=REFUSED)
def test_impossible_wishes_get_one_line(y, n_classes, changes, message):
    with pytest.raises(InputError) as caught:
        split(y, n_classes, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_test_rows_of_a_repeat_are_a_share_of_each_class_and_leave_one() -> None:
    y = np.array([0] * 18 + [1] * 8 + [2] * 4 + [3] * 2 + [-1] * 50)
    drawn = [stratified_test_rows(y, 0.25, np.random.default_rng(seed)) for seed in range(5)]
    for rows in drawn:
        assert np.bincount(y[rows]).tolist() == [5, 2, 1, 1]
        assert (np.diff(rows) > 0).all()
    assert len({tuple(rows) for rows in drawn}) == 5
    rows = stratified_test_rows(y, 0.99, np.random.default_rng(0))
    assert np.bincount(y[rows]).tolist() == [17, 7, 3, 1]


def in_order(y, seed=0, **changes):
    arguments = {"labels": None, "validation": 0, "test_fraction": 0.0, **changes}
    return split_in_order(y, generator=np.random.default_rng(seed), **arguments)


def test_in_order_the_end_is_held_out():
    y = np.tile([0, 1, 2], 40)
    found = in_order(y, labels=30, validation=10, test_fraction=0.25)
    assert found.train.tolist() == list(range(80))
    assert found.validation.tolist() == list(range(80, 90))
    assert found.test.tolist() == list(range(90, 120))
    assert len(found.labeled) == 30
    assert np.isin(found.labeled, found.train).all()
    assert (np.diff(found.labeled) > 0).all()
    assert in_order(y).labeled.tolist() == list(range(120))


def test_in_order_each_class_is_labeled_and_the_others_have_the_classes_shares():
    y = np.where(np.random.default_rng(0).random(4000) < 0.9, 0, 1)
    y[3990] = 2
    found = in_order(y, labels=1000)
    assert 3990 in found.labeled
    assert abs(np.mean(y[found.labeled] == 0) - 0.9) < 0.03
    assert in_order(y, labels=1000).labeled.tolist() == found.labeled.tolist()
    assert in_order(y, seed=1, labels=1000).labeled.tolist() != found.labeled.tolist()


@pytest.mark.parametrize("wrong", [{"labels": 2}, {"labels": 121}, {"validation": 119}, {"validation": -1}])
def test_in_order_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        in_order(np.tile([0, 1, 2], 40), **wrong)
