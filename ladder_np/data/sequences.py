"""A text as a sequence: windows of characters, each with the character that comes next as its class."""

import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ladder_np.data.delimited import opened
from ladder_np.data.split import held_out
from ladder_np.errors import InputError

__all__ = [
    "LONGEST_WINDOW",
    "OTHER",
    "TEXT_ENDINGS",
    "SequenceOptions",
    "Sequences",
    "Windows",
    "known_characters",
    "read_sequence",
]

TEXT_ENDINGS = (".txt", ".txt.gz")
OTHER = "\ufffd"  # stands for all characters that are too rare to learn, as Unicode's sign for unknown ones does
FEWEST = 10  # times that a character is in the text, if it is a class of its own
LONGEST_WINDOW = 64
LONGEST_TEXT = 1 << 20  # characters; of 16 at a time, preparing takes about 800 bytes for each


@dataclass(frozen=True)
class SequenceOptions:
    """How a text is read as a sequence; raises InputError if the window is not from 1 to 64."""

    window: int  # characters before the next one
    # the windows at the end that are not trained on: a share for the test, and as many for validation
    test_fraction: float = 0.0
    validation: int = 0
    characters: tuple[str, ...] | None = None  # that are the classes; None: those that training has often

    def __post_init__(self) -> None:
        if not 1 <= self.window <= LONGEST_WINDOW:
            raise InputError(f"a window of {self.window} characters: expected 1 to {LONGEST_WINDOW}")


@dataclass(frozen=True, eq=False)
class Windows(Sequence[str]):
    """The windows of a text: what stands before its second character, its third, …, its last one.

    The first windows are shorter, as far as the text goes back.
    """

    text: str
    length: int  # characters at most

    def __len__(self) -> int:
        return len(self.text) - 1

    def __getitem__(self, row):  # type: ignore[no-untyped-def]  # indices alone
        end = range(1, len(self.text))[operator.index(row)]
        return self.text[max(0, end - self.length) : end]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Windows with what comes next."""

    windows: Windows  # n of them
    classes: np.ndarray  # (K,) the characters, ascending
    y: np.ndarray  # (n,) the next character's index


def known_characters(text: str, known: Sequence[str]) -> str:
    """Return a text in which every character that is not known is `OTHER`."""
    return text.translate({ord(character): OTHER for character in set(text) - set(known)})


def read_sequence(path: Path, options: SequenceOptions) -> Sequences:
    """Return the windows of a text file; a line's end is one character.

    Where no characters are named, the classes are those that the windows for training have ten times at least, and
    `OTHER`, which stands for all others. Raises InputError if the file cannot be read as UTF-8, or is too short or
    too long.
    """
    text = _read(path)
    known = options.characters
    if known is None:
        counts = Counter(text[: len(text) - held_out(len(text) - 1, options.test_fraction, options.validation)])
        del counts["\0"]  # NumPy's texts cannot end in it
        known = tuple(sorted({OTHER, *(character for character, count in counts.items() if count >= FEWEST)}))
        if len(known) < 3:
            raise InputError(f"{path}: has no two characters {FEWEST} times to train on; expected more text")
    if len(text) < 2:
        raise InputError(f"{path}: has {len(text)} characters; expected two at least")
    text = known_characters(text, known)
    places = {character: place for place, character in enumerate(known)}
    y = np.fromiter((places[character] for character in text[1:]), np.int64, len(text) - 1)
    return Sequences(Windows(text, options.window), np.array(known), y)


def _read(path: Path) -> str:
    with opened(path, "a text") as file:
        text = file.read(2 * LONGEST_TEXT).replace("\r\n", "\n")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"{path}: has more than {LONGEST_TEXT} characters; cut it, or train on a part")
    return text
