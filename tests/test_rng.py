import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.rng import Stream, check_seed, stream


def test_streams_are_separate_and_repeatable() -> None:
    first = {purpose: stream(7, purpose).random(4).tolist() for purpose in Stream}
    again = {purpose: stream(7, purpose).random(4).tolist() for purpose in reversed(Stream)}
    assert first == again
    assert len({tuple(numbers) for numbers in first.values()}) == len(Stream)


def test_repetitions_and_seeds_differ() -> None:
    draws = {tuple(stream(seed, Stream.NOISE, k).random(3)) for seed in range(3) for k in range(3)}
    assert len(draws) == 9


def test_the_numbers_of_the_streams_never_change() -> None:
    assert [(purpose.name, purpose.value) for purpose in Stream] == [
        ("INITIALIZATION", 0),
        ("NOISE", 1),
        ("LABELED_ORDER", 2),
        ("UNLABELED_ORDER", 3),
        ("SPLIT", 4),
        ("EXAMPLE_BATCH", 5),
        ("DIRECTIONS", 6),
        ("KEPT_ROWS", 7),
        ("COMPARISON", 8),
        ("WORD_VECTORS", 9),
        ("GENERATION", 10),
        ("AUGMENTATION", 11),
    ]


@pytest.mark.parametrize("seed", [-1, 1.0, True, "1", None])
def test_a_seed_is_a_whole_number_of_at_least_zero(seed: object) -> None:
    with pytest.raises(InputError, match="expected a whole number >= 0"):
        check_seed(seed)
    assert check_seed(np.int64(3)) == 3
