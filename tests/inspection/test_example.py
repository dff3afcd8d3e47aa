import numpy as np
import pytest

from ladder_np.inspection.example import example_step
from ladder_np.network.specification import Specification


@pytest.mark.parametrize("rows", [3, 7, 9])
def test_every_class_occurs_and_as_often_as_any_other(rows: int) -> None:
    _, batch, _ = example_step(Specification((4, 5, 3)), rows, 6, seed=0)
    counts = np.bincount(batch.y, minlength=3)
    assert counts.sum() == rows
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


def test_classes_are_not_in_the_order_of_the_rows() -> None:
    _, batch, _ = example_step(Specification((4, 5, 3)), 12, 6, seed=0)
    assert (batch.y != np.arange(12) % 3).any()
