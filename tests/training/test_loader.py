import numpy as np
import pytest

from ladder_np.training.loader import LabeledCycle, steps_per_epoch, unlabeled_batches


@pytest.mark.parametrize(("rows", "size"), [(600, 100), (601, 100), (599, 100), (7, 100), (3, 2), (2, 2), (1001, 10)])
def test_an_epoch_has_each_row_once_in_even_batches_of_two_rows_at_least(rows: int, size: int) -> None:
    numbers = np.arange(rows) * 3
    batches = unlabeled_batches(numbers, size, np.random.default_rng(0))
    sizes = [len(batch) for batch in batches]
    assert sorted(np.concatenate(batches)) == list(numbers)
    assert len(batches) == steps_per_epoch(rows, size)
    assert min(sizes) >= 2
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(size, 3)


def test_each_epoch_has_its_own_order() -> None:
    generator = np.random.default_rng(0)
    first, second = (np.concatenate(unlabeled_batches(np.arange(50), 10, generator)) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize(("rows", "size"), [(10, 10), (10, 4), (10, 3), (3, 100), (10, 7)])
def test_labeled_batches_are_full_and_every_cycle_has_each_row_once(rows: int, size: int) -> None:
    cycle = LabeledCycle(np.arange(rows) + 5, size, np.random.default_rng(0))
    batches = [cycle.next() for _ in range(30)]
    assert {len(batch) for batch in batches} == {min(rows, size)}
    stream = np.concatenate(batches)
    for start in range(0, len(stream) - rows, rows):
        assert sorted(stream[start : start + rows]) == list(np.arange(rows) + 5)


def test_each_labeled_cycle_has_its_own_order() -> None:
    cycle = LabeledCycle(np.arange(20), 8, np.random.default_rng(0))
    stream = np.concatenate([cycle.next() for _ in range(5)])
    first, second = stream[:20], stream[20:]
    assert (first != second).any()
    for order in (first, second):
        assert (order != np.arange(20)).any()
