"""What stands for "auto", and labels of which every class has as many."""

import numpy as np
import pytest

from ladder_np.errors import InputError
from ladder_np.training.defaults import TABLES, TEXTS, network_statistics, training_labels

INDEX = np.array([0, 0, 0, 0, 0, 1, 1, -1, -1, 2])
LABELED = np.flatnonzero(INDEX >= 0)


def test_only_what_is_left_open_is_filled_in() -> None:
    given = {"scaling": "auto", "labeled_statistics": "own", "epochs": 3}
    assert TEXTS.resolve(given) == {"scaling": "common", "labeled_statistics": "own", "epochs": 3}
    assert TABLES.resolve({"scaling": "none", "labeled_statistics": "auto"}) == {
        "scaling": "none",
        "labeled_statistics": "unlabeled",
    }


def test_rows_of_rarely_labeled_classes_are_repeated_until_all_have_as_many() -> None:
    rows = training_labels("balanced", INDEX, LABELED)
    assert np.bincount(INDEX[rows]).tolist() == [5, 5, 5]
    assert set(rows.tolist()) == set(LABELED.tolist())
    assert np.bincount(rows, minlength=10)[[5, 6, 9]].tolist() == [3, 2, 5]


@pytest.mark.parametrize("choice", ["own", "unlabeled"])
def test_other_choices_take_the_labeled_rows_as_they_are(choice: str) -> None:
    assert training_labels(choice, INDEX, LABELED) is LABELED


def test_even_labels_are_drawn_in_the_order_of_any_other_choice() -> None:
    rows = np.array([9, 0, 5])
    assert training_labels("balanced", INDEX, rows) is rows


def test_balanced_labels_are_normalized_with_their_own_statistics() -> None:
    assert [network_statistics(choice) for choice in ("balanced", "own", "unlabeled")] == ["own", "own", "unlabeled"]


@pytest.mark.parametrize("choice", ["auto", "all", None, 3])
def test_other_statistics_are_refused(choice: object) -> None:
    with pytest.raises(InputError, match=r"unknown labeled statistics .*; choose one of own, unlabeled, balanced"):
        network_statistics(choice)
