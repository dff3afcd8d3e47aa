"""Witten-Bell n-grams against a direct implementation by dictionaries."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from ladder_np.comparison.ngrams import witten_bell_bits

N = 5


def direct_bits(text: list[int], window: int, train: list[int], test: list[int]) -> float:
    """Return the same, word for word after the formula."""
    followers: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for place in train:
        for length in range(min(window, place) + 1):
            followers[tuple(text[place - length : place])][text[place]] += 1

    def probability(context: tuple[int, ...], character: int) -> float:
        shorter = probability(context[1:], character) if context else 1 / N
        after = followers[context]
        if not after:
            return shorter
        return (after[character] + len(after) * shorter) / (after.total() + len(after))

    bits = [-math.log2(probability(tuple(text[max(0, place - window) : place]), text[place])) for place in test]
    return sum(bits) / len(bits)


@pytest.mark.parametrize("window", [0, 1, 2, 4])
def test_bits_are_those_of_the_formula(window: int) -> None:
    generator = np.random.default_rng(window)
    text = generator.choice(N, 400, p=[0.4, 0.3, 0.2, 0.05, 0.05])
    text[2::3] = (text[1:-1:3] + text[:-2:3]) % N  # some characters follow from those before them
    train, test = np.sort(generator.choice(np.arange(1, 300), 120, replace=False)), np.arange(300, 400)
    expected = direct_bits(text.tolist(), window, train.tolist(), test.tolist())
    assert witten_bell_bits(text, window, train, test, N) == pytest.approx(expected, rel=1e-12)


def test_a_text_that_repeats_itself_costs_little() -> None:
    text = np.tile(np.arange(N), 100)
    assert witten_bell_bits(text, 3, np.arange(1, 400), np.arange(400, 500), N) < 0.1
