"""What stands for "auto"."""

import numpy as np
import pytest

from ladder_np.training.defaults import TABLES, TEXTS, find_defaults


def test_only_what_is_left_open_is_filled_in() -> None:
    given, counts = {"scaling": "auto", "labeled_statistics": "own", "epochs": 3}, np.array([5, 1])
    assert TEXTS.resolve(given, counts) == {"scaling": "common", "labeled_statistics": "own", "epochs": 3}
    assert TABLES.resolve({"scaling": "none", "labeled_statistics": "auto"}, counts) == {
        "scaling": "none",
        "labeled_statistics": "unlabeled",
    }


@pytest.mark.parametrize(("counts", "expected"), [((5, 5), "own"), ((10, 5, 7), "own"), ((11, 5), "unlabeled")])
def test_texts_have_own_statistics_where_labels_are_even(counts: tuple[int, ...], expected: str) -> None:
    given = {"scaling": "auto", "labeled_statistics": "auto"}
    assert TEXTS.resolve(given, np.array(counts))["labeled_statistics"] == expected
    assert TABLES.resolve(given, np.array(counts))["labeled_statistics"] == "unlabeled"


def test_whitened_images_have_a_tenth_of_the_denoising_weights() -> None:
    assert find_defaults(False, "gcn_zca").lambda_factor == 0.1 * find_defaults(False, "auto").lambda_factor
    assert find_defaults(False, None) == TABLES
    assert find_defaults(True, "gcn_zca") == TEXTS
