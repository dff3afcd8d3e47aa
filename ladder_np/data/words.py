"""From texts to features: words or groups of characters, counted, and weighed by how rare they are (tf-idf).

A document with token t cₜ times, in a training set of n documents of which nₜ hold t, gets the feature

    (1 + log cₜ) · (1 + log ((1 + n)/(1 + nₜ))),        divided by the length of the document's vector,

the sublinear counts and smoothed inverse document frequencies of [M] 6.2 to 6.4. Nothing in it depends on labels, or
on documents that were not trained on.

References
----------
[M] C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, 2008.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ladder_np.data.sparse import SparseRows, stack_rows
from ladder_np.errors import InputError

__all__ = ["TOKENS", "Vocabulary", "find_vocabulary"]

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # letters and digits of any script, with apostrophes inside
BLANKS = re.compile(r"\s+")
LONGEST_GROUP = 3  # characters
FEWEST_DOCUMENTS = 2  # a token of one document connects it to no other
LARGEST = 1 << 20  # tokens
ODD = 1 << 20  # of different tokens that are counted at once; the rarest are forgotten beyond


def words(text: str) -> Iterator[str]:
    """Yield the words of a text, case folded."""
    return (match[0] for match in WORD.finditer(text.casefold()))


def characters(text: str) -> Iterator[str]:
    """Yield the groups of one to three neighboring characters of a text, case folded, blanks as one.

    So Chinese needs no segmenter, and a word with another ending shares most of its groups.
    """
    folded = BLANKS.sub(" ", text.casefold()).strip()
    for length in range(1, LONGEST_GROUP + 1):
        yield from (folded[start : start + length] for start in range(len(folded) - length + 1))


# By name: what makes a text's tokens.
TOKENS: dict[str, Callable[[str], Iterable[str]]] = {"words": words, "characters": characters}


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens that count, each with its weight."""

    kind: str  # in TOKENS
    tokens: tuple[str, ...]  # ascending
    weights: np.ndarray  # (d,) float64: 1 + log ((1 + n)/(1 + nₜ))

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {token: place for place, token in enumerate(self.tokens)})

    def counts(self, text: str) -> Counter[int]:
        """Return how often each known token occurs in a text, by its place."""
        place: dict[str, int] = self._place  # type: ignore[attr-defined]
        return Counter(place[token] for token in TOKENS[self.kind](text) if token in place)

    def rows(self, texts: Iterable[str]) -> SparseRows:
        """Return the features (n, d) float32 of texts; a row without a known token is zero."""
        return stack_rows(map(self._row, texts), len(self.tokens))

    def _row(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        counts = self.counts(text)
        places = np.array(sorted(counts), np.int32)
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
    kind : {"words", "characters"}
    largest : int
        Tokens at most; of equally frequent ones those that sort first.
    fewest_documents : int
        In how many texts a token occurs at least.

    Raises
    ------
    InputError
        If the kind is unknown, a number is below 1, or no token is in so many texts.
    """
    if kind not in TOKENS:
        raise InputError(f"unknown kind of tokens {kind!r}; choose one of {', '.join(TOKENS)}")
    if not 1 <= largest <= LARGEST or fewest_documents < 1:
        raise InputError(
            f"a vocabulary of {largest} tokens in {fewest_documents} texts at least: expected 1 or more each"
        )
    documents: Counter[str] = Counter()
    for text in texts:
        documents.update(set(TOKENS[kind](text)))
        if len(documents) > ODD:
            documents = Counter({token: count for token, count in documents.items() if count > 1})
    known = [(-count, token) for token, count in documents.items() if count >= fewest_documents]
    tokens = sorted(token for _, token in itertools.islice(sorted(known), largest))
    if not tokens:
        raise InputError(
            f"no {kind} of {len(texts)} texts are in {fewest_documents} of them; expected more, or longer texts"
        )
    counts = np.array([documents[token] for token in tokens])
    return Vocabulary(kind, tuple(tokens), 1 + np.log((1 + len(texts)) / (1 + counts)))
