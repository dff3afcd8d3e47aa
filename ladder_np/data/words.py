"""From texts to features: words or groups of characters, counted, and weighed by how rare they are (tf-idf).

A document with token t cₜ times, in a training set of n documents of which nₜ hold t, gets the feature

    (1 + log cₜ) · (1 + log ((1 + n)/(1 + nₜ))),        divided by the length of the document's vector,

the sublinear counts and smoothed inverse document frequencies of [M] 6.2 to 6.4. Nothing in it depends on labels, or
on documents that were not trained on. The characters of a window before the next one (see `sequences`) are features
by their places; each is there or not, 1 or 0.

References
----------
[M] C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, 2008.
"""

import functools
import itertools
import numbers
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.data.sparse import SparseRows, stack_rows
from ladder_np.errors import InputError

__all__ = [
    "DOCUMENT_TOKENS",
    "LARGEST",
    "PLACES",
    "TOKENS",
    "Vocabulary",
    "check_tokens",
    "check_vocabulary_size",
    "find_vocabulary",
    "folded",
]

BLANKS = re.compile(r"\s+")
LONGEST_GROUP = 3  # characters
FEWEST_DOCUMENTS = 2  # a token of one document connects it to no other
LARGEST = 1 << 20  # tokens
MOST_COUNTED = 1 << 22  # different tokens at once; beyond, the rarest so far are left out
LONGEST_WORD = 64  # characters; what is longer is not a word


@functools.cache
def _word() -> re.Pattern[str]:
    """Return the pattern of a word: letters and digits of any script with their marks, and apostrophes inside."""
    marks = "".join(map(chr, (code for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")))
    letters = rf"(?:[^\W_][{re.escape(marks)}]*)+"
    return re.compile(rf"{letters}(?:['’]{letters})*")


def folded(text: str) -> str:
    """Return a text in which equal words have equal characters: case folded, marks joined with their letters."""
    return unicodedata.normalize("NFC", text.casefold())


def words(text: str) -> Iterator[str]:
    """Yield the words of a text, case folded."""
    found = (match[0] for match in _word().finditer(folded(text)))
    return (word for word in found if len(word) <= LONGEST_WORD)


def characters(text: str) -> Iterator[str]:
    """Yield the groups of one to three neighboring characters of a text, case folded, blanks as one.

    So Chinese needs no segmenter, and a word with another ending shares most of its groups.
    """
    one_line = BLANKS.sub(" ", folded(text)).strip()
    for length in range(1, LONGEST_GROUP + 1):
        yield from (one_line[start : start + length] for start in range(len(one_line) - length + 1))


def places(text: str) -> Iterator[str]:
    """Yield each character of a text, with how many places it stands before the end."""
    return (f"{character}{len(text) - place}" for place, character in enumerate(text))


@dataclass(frozen=True)
class Tokens:
    """How texts become features."""

    of: Callable[[str], Iterable[str]]
    name: str  # what people call the tokens
    weighed: bool = True  # by tf-idf; else a token that is there is 1


DOCUMENT_TOKENS = ("words", "characters")  # kinds for documents
PLACES = "places"  # the kind for the windows of a sequence

# By name.
TOKENS = {
    "words": Tokens(words, "words"),
    "characters": Tokens(characters, "groups of characters"),
    PLACES: Tokens(places, "characters by their places", weighed=False),
}


def check_tokens(kind: object) -> str:
    """Return a kind of tokens for documents; raise `InputError` if it is none."""
    if not isinstance(kind, str) or kind not in DOCUMENT_TOKENS:
        raise InputError(f"unknown kind of tokens {kind!r}; choose one of {', '.join(DOCUMENT_TOKENS)}")
    return kind


def check_vocabulary_size(largest: Any) -> None:
    """Raise `InputError` if a vocabulary cannot have so many tokens at most."""
    whole = isinstance(largest, numbers.Integral) and not isinstance(largest, bool)
    if not whole or not 1 <= largest <= LARGEST:
        raise InputError(f"a vocabulary of {largest!r} tokens: expected a whole number from 1 to {LARGEST}")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens that count, each with its weight."""

    kind: str  # in TOKENS
    tokens: tuple[str, ...]  # ascending
    weights: np.ndarray  # (d,) float64: 1 + log ((1 + n)/(1 + nₜ)), if tokens of this kind are weighed

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {token: place for place, token in enumerate(self.tokens)})

    @property
    def name(self) -> str:
        """What people call the tokens."""
        return TOKENS[self.kind].name

    @property
    def window(self) -> int | None:
        """How many characters before the end are looked at, if tokens are their places."""
        return max(int(token[1:]) for token in self.tokens) if self.kind == PLACES else None

    def counts(self, text: str) -> Counter[int]:
        """Return how often each known token occurs in a text, by its place."""
        place: dict[str, int] = self._place  # type: ignore[attr-defined]
        return Counter(place[token] for token in TOKENS[self.kind].of(text) if token in place)

    def rows(self, texts: Iterable[str]) -> SparseRows:
        """Return the features (n, d) float32 of texts; a row without a known token is zero."""
        return stack_rows(map(self._row, texts), len(self.tokens))

    def _row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        counts = self.counts(text)
        places = np.array(sorted(counts), np.int32)
        if not TOKENS[self.kind].weighed:
            return places, np.ones(len(places), np.float32)
        values = (1 + np.log([counts[place] for place in places.tolist()])) * self.weights[places]
        length = np.sqrt(np.square(values).sum())
        return places, (values / (length or 1.0)).astype(np.float32)


def find_vocabulary(
    texts: Sequence[str], kind: str = "words", largest: int = 2000, fewest_documents: int = FEWEST_DOCUMENTS
) -> Vocabulary:
    """Return the tokens of training texts that occur in most of them.

    Parameters
    ----------
    texts : sequence of str
    kind : {"words", "characters", "places"}
    largest : int
        Tokens at most; of equally frequent ones those that sort first.
    fewest_documents : int
        In how many texts a token occurs at least.

    Returns
    -------
    Vocabulary

    Raises
    ------
    InputError
        If the kind is unknown, `largest` is not such a number, or no token is in so many texts.
    """
    kind = kind if kind == PLACES else check_tokens(kind)
    check_vocabulary_size(largest)
    documents = _count_documents(texts, TOKENS[kind].of)
    known = [(-count, token) for token, count in documents.items() if count >= fewest_documents]
    tokens = sorted(token for _, token in itertools.islice(sorted(known), largest))
    if not tokens:
        raise InputError(
            f"no {kind} of {len(texts)} texts are in {fewest_documents} of them; expected more, or longer texts"
        )
    counts = np.array([documents[token] for token in tokens])
    return Vocabulary(kind, tuple(tokens), 1 + np.log((1 + len(texts)) / (1 + counts)))


def _count_documents(texts: Sequence[str], tokens_of: Callable[[str], Iterable[str]]) -> Counter[str]:
    """Return in how many texts each token is; of too many different ones those that are in few are left out."""
    counts: Counter[str] = Counter()
    left_out = 0
    for text in texts:
        counts.update(set(tokens_of(text)))
        while len(counts) > MOST_COUNTED:
            left_out += 1
            counts = Counter({token: count for token, count in counts.items() if count > left_out})
    if not left_out:
        return counts
    kept = counts.keys()  # some were left out before they came again: all are counted anew
    again: Counter[str] = Counter()
    for text in texts:
        again.update(kept & set(tokens_of(text)))
    return again
