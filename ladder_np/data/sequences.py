"""A text as a sequence: windows of characters, each with the character that comes next as its class."""

import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ladder_np.data.delimited import opened
from ladder_np.errors import InputError

__all__ = ["LONGEST_WINDOW", "OTHER", "TEXT_ENDINGS", "Sequences", "Windows", "known_characters", "read_sequence"]

TEXT_ENDINGS = (".txt", ".txt.gz")
OTHER = "\ufffd"  # stands for all characters that are too rare to learn, as Unicode's sign for unknown ones does
FEWEST = 10  # times that a character is in the text, if it is a class of its own
LONGEST_WINDOW = 64
LONGEST_TEXT = 1 << 21  # characters; windows are kept as features, about 200 bytes for each at 16 characters


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


def read_sequence(path: Path, window: int, known: Sequence[str] | None = None) -> Sequences:
    """Return the windows of a text file, of `window` characters at most; a line's end is one character.

    The classes are the characters that are `known` to a model; where there is none, those that the text has ten times
    at least. All others are `OTHER`. Raises InputError if the window is not from 1 to 64, the file cannot be read as
    UTF-8, is too short or too long, or has others where no class stands for them.
    """
    if not 1 <= window <= LONGEST_WINDOW:
        raise InputError(f"a window of {window} characters: expected 1 to {LONGEST_WINDOW}")
    text = _read(path)
    if known is None:
        counts = Counter(text)
        del counts["\0"]  # NumPy's texts cannot end in it
        text = known_characters(text, [character for character, count in counts.items() if count >= FEWEST])
        known = sorted(set(text))
    else:
        text = known_characters(text, known)
    places = {character: place for place, character in enumerate(known)}
    if len(text) < 2 or len(known) < 2:
        raise InputError(
            f"{path}: has {len(text)} characters, and {len(known)} different ones {FEWEST} times; expected more text"
        )
    if OTHER in text and OTHER not in places:
        raise InputError(f"{path}: holds characters that the model was not trained on; train it on such a text")
    y = np.fromiter((places[character] for character in text[1:]), np.int64, len(text) - 1)
    return Sequences(Windows(text, window), np.array(known), y)


def _read(path: Path) -> str:
    with opened(path, "a text") as file:
        text = file.read(2 * LONGEST_TEXT).replace("\r\n", "\n")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"{path}: has more than {LONGEST_TEXT} characters; cut it, or train on a part")
    return text
