"""Random streams: one independent generator per purpose, all from one seed.

Drawing more noise, evaluating more often or adding a stream does not change the other streams: each is a child of one
`SeedSequence`, keyed by the number of its purpose and not by the order in which streams are made.
"""

from enum import IntEnum

import numpy as np

from ladder_np.errors import InputError

__all__ = ["Stream", "check_seed", "is_stream_state", "set_stream_state", "stream", "stream_state"]


class Stream(IntEnum):
    """What a stream is for. Reproducing a run depends on these numbers: add new ones, never renumber."""

    INITIALIZATION = 0
    NOISE = 1
    LABELED_ORDER = 2
    UNLABELED_ORDER = 3
    SPLIT = 4
    EXAMPLE_BATCH = 5  # inputs and random parameters of gradient checks and test vectors
    DIRECTIONS = 6  # directions along which a gradient check differentiates
    KEPT_ROWS = 7  # which rows of a stream partial_fit keeps
    COMPARISON = 8  # splits and seeds of the repeats of a comparison
    WORD_VECTORS = 9  # random ones, and the start of the SVD that a network's are compared with
    GENERATION = 10  # characters of a generated text
    AUGMENTATION = 11  # translations and flips of training images; the repetition is the epoch


def stream(seed: int, purpose: Stream, repetition: int = 0) -> np.random.Generator:
    """Return the random generator of one purpose, from the run's seed >= 0.

    `repetition` is the index of an independent repetition, such as the n-th random point of a gradient check.
    """
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(purpose, repetition))))


def stream_state(generator: np.random.Generator) -> np.ndarray:
    """Return the state of a generator of `stream`, (6,) uint64: four words, then the buffered half of a number."""
    state = generator.bit_generator.state
    words = state["state"]["state"]
    return np.array([*words, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def is_stream_state(state: np.ndarray) -> bool:
    """Return whether an array from a file can be given to `set_stream_state`."""
    fits = state.shape == (6,) and state.dtype == np.uint64
    return bool(fits and state[4] <= 1 and state[5] < 2**32)


def set_stream_state(generator: np.random.Generator, state: np.ndarray) -> None:
    """Set the state that `stream_state` returned, so that the generator continues from there."""
    generator.bit_generator.state = {
        "bit_generator": "SFC64",
        "state": {"state": state[:4]},
        "has_uint32": int(state[4]),
        "uinteger": int(state[5]),
    }


def check_seed(seed: object, name: str = "seed") -> int:
    """Return `seed` as an int, or raise `InputError` if it is not a whole number >= 0."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"{name.replace('_', ' ')} {seed!r}: expected a whole number >= 0")
    return int(seed)
