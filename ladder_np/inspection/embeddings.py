"""Word vectors in a network of texts: nearest words, the word2vec text format, and a number for how good they are.

**The vectors.** The first layer sends a document x, scaled, to z¹ = (x W − μ)/σ, so that W_t/σ is what the word t
adds to it, and words that do the same are alike to the network. Its cosines do not depend on how features are scaled,
which multiplies whole vectors.

**The number.** In n documents that were not trained on, words i and j are in nᵢ and nⱼ, and both in nᵢⱼ. They are
partners if

    nᵢⱼ ≥ 5   and   log (n nᵢⱼ / (nᵢ nⱼ)) ≥ log 2,

so that their pointwise mutual information [C] is clearly positive. A partner should be nearer, by the cosine, than
other words that are about as frequent in training: the number is the share of its `RIVALS` neighbors by frequency
that it is nearer than, where both words of a pair are in turn the partner. Vectors that know nothing get 50 %.

Pairs with a common word are not independent. With e the deviations of N pairs p from their mean, the squared standard
error is (Σ_w (Σ_{p ∋ w} e_p)² − Σ_p e_p²) / N², w being words [A].

**Truncated SVD**, X ≈ U S Vᵀ of the training documents X (n, d), gives the word vectors V S to compare with. V is
found by subspace iteration with XᵀX, which is never made ([H], algorithm 4.4): memory depends on d times the number
of dimensions.

References
----------
[C] K. Church, P. Hanks, Word Association Norms, Mutual Information, and Lexicography, Comput. Linguistics, 1990.
[A] P. Aronow, C. Samii, V. Assenova, Cluster-Robust Variance Estimation for Dyadic Data, Polit. Analysis, 2015.
[H] N. Halko, P.-G. Martinsson, J. Tropp, Finding Structure with Randomness, SIAM Review, 2011.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ladder_np.data.sparse import SparseRows
from ladder_np.data.words import Vocabulary, folded
from ladder_np.errors import InputError
from ladder_np.network.model import LadderNetwork

__all__ = [
    "FEWEST_TOGETHER",
    "Pairs",
    "Score",
    "find_pairs",
    "find_word",
    "measure",
    "nearest_words",
    "score",
    "share_nearer",
    "singular_vectors",
    "unit_rows",
    "vector_lines",
    "word_vectors",
    "written",
]

FEWEST_TOGETHER, TIMES_CHANCE = 5, 2.0  # documents with both words of a pair; as a multiple of what chance makes
MOST_WORDS = 4096  # that pairs are made of, those in most held-out documents
RIVALS = 20
PAIRS_AT_ONCE = 1 << 16
ROWS_AT_ONCE = 64
ROUNDS, MORE = 16, 100  # of the subspace iteration, and dimensions that it has beyond those asked for
SPELLINGS = 5  # that are named where a word is unknown


def word_vectors(network: LadderNetwork) -> np.ndarray:
    """Return the word vectors W/σ (d, units) of a trained network whose first layer is dense.

    They are chosen by the number above, on validation articles of AG News: W/σ came before W, W before W beside Vᵀ of
    the decoder, each of length 1. Vᵀ alone knew little, likely because the decoder gets most of a word from the side.
    Raises InputError if the first layer is of another kind, or the network is not trained.
    """
    weight, statistics = network.parameters["encoder.1.weight"], network.statistics
    if weight.ndim != 2 or len(weight) != network.specification.sizes[0]:
        raise InputError("the first layer of the network is not dense; only such a layer has a vector for each word")
    if statistics is None:
        raise InputError("this network has no population statistics yet; train it first")
    W, sigma = (network.device.get(array).astype(np.float64) for array in (weight, statistics.sigma[1]))
    return W / sigma


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, k) divided by their lengths; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


def find_word(vocabulary: Vocabulary, word: str) -> int:
    """Return the place of a word: as it is given if it is known so, else however its letters are cased.

    Raises InputError, which names words that are spelled alike, if it is not in the vocabulary.
    """
    try:
        return vocabulary.tokens.index(word if word in vocabulary.tokens else folded(word))
    except ValueError:
        alike = difflib.get_close_matches(folded(word), vocabulary.tokens, SPELLINGS)
        hint = f"spelled alike: {', '.join(map(written, alike))}" if alike else "no other is spelled alike"
        raise InputError(
            f"{word!r} is not among the model's {len(vocabulary.tokens)} {vocabulary.name}; {hint}"
        ) from None


def nearest_words(vectors: np.ndarray, place: int, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places and the cosines of the `top` words nearest to one of the words; of fewer, all others."""
    units = unit_rows(vectors)
    cosines = units @ units[place]
    order = np.argsort(-cosines, kind="stable")
    order = order[order != place][:top]
    return order, cosines[order]


def written(token: str) -> str:
    r"""Return a token without blanks, unlike any other: a blank is \s, a backslash \\, what has no sign an escape."""
    plain = (c if c.isprintable() and c != "\\" else repr(c)[1:-1] for c in token)
    return "".join(r"\s" if c == " " else c for c in plain)


def vector_lines(vocabulary: Vocabulary, vectors: np.ndarray) -> Iterator[str]:
    """Yield the lines of the word2vec text format: count and width, then words with numbers, frequent ones first.

    Words are as `written` gives them, since the format separates by blanks.
    """
    yield f"{len(vectors)} {vectors.shape[1]}\n"
    for place in np.argsort(vocabulary.weights, kind="stable").tolist():
        numbers = " ".join(f"{value:.6g}" for value in vectors[place])
        yield f"{written(vocabulary.tokens[place])} {numbers}\n"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of words that occur together in held-out documents."""

    words: np.ndarray  # (m,): places in the vocabulary of the words that pairs are made of
    pairs: np.ndarray  # (N, 2): places in `words`
    rivals: np.ndarray  # (m, up to RIVALS): of each word, the others nearest to it by frequency, places in `words`


@dataclass(frozen=True)
class Score:
    """A share in percent with its standard error."""

    percent: float
    error: float

    def __str__(self) -> str:
        return f"{self.percent:.1f} ± {self.error:.1f}"


def find_pairs(rows: SparseRows, weights: np.ndarray) -> Pairs:
    """Return the pairs of words in held-out documents.

    Parameters
    ----------
    rows : SparseRows (n, d)
        The documents; a word with an entry is in them.
    weights : (d,) array
        Of the words, the less the more frequent in training: see `Vocabulary`.

    Raises
    ------
    InputError
        If there are none.
    """
    counts = np.bincount(rows.columns, minlength=rows.width)
    words = np.argsort(-counts, kind="stable")[:MOST_WORDS]
    words = np.sort(words[counts[words] >= FEWEST_TOGETHER])
    together = _count_together(rows, words)
    chance = np.outer(counts[words], counts[words])  # times n, so that it is exact
    partners = (together >= FEWEST_TOGETHER) & (len(rows) * together >= TIMES_CHANCE * chance)
    pairs = np.argwhere(np.triu(partners, 1))
    if not len(pairs) or len(words) < 3:
        raise InputError(
            f"{len(rows)} held-out documents have no pair of known words that {FEWEST_TOGETHER} of them hold, and "
            f"{TIMES_CHANCE:g} times as many as by chance; give more documents"
        )
    return Pairs(words, pairs, _neighbors_by_frequency(weights[words]))


def _count_together(rows: SparseRows, words: np.ndarray) -> np.ndarray:
    """Return in how many rows each two of m words are, (m, m)."""
    place = np.full(rows.width, -1)
    place[words] = np.arange(len(words))
    together = np.zeros((len(words), len(words)))
    for columns, block in _blocks(rows):
        known = place[columns] >= 0
        present, at = (block[:, known] > 0).astype(np.float32), place[columns[known]]
        together[np.ix_(at, at)] += present.T @ present
    return together


def _neighbors_by_frequency(weights: np.ndarray) -> np.ndarray:
    """Return of each word (m,) the others that are next to it when they are ordered by frequency, (m, RIVALS)."""
    order, many = np.argsort(weights, kind="stable"), min(RIVALS, len(weights) - 1)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first = np.clip(rank - many // 2, 0, len(order) - 1 - many)
    ranks = first[:, None] + np.arange(many)
    return order[ranks + (ranks >= rank[:, None])]


def share_nearer(vectors: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Return of each pair (N,) the share of rivals that a partner is nearer than, mean of both; ties count half."""
    units = unit_rows(vectors[pairs.words])
    cosines = units @ units.T
    shares = np.empty(len(pairs.pairs))
    for start in range(0, len(shares), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        one, other = pairs.pairs[part].T
        shares[part] = (_share(cosines, one, other, pairs.rivals) + _share(cosines, other, one, pairs.rivals)) / 2
    return shares


def _share(cosines: np.ndarray, word: np.ndarray, partner: np.ndarray, rivals: np.ndarray) -> np.ndarray:
    """Return the share of the partner's rivals, the word itself apart, that are farther from the word."""
    rivals = rivals[partner]
    difference = cosines[word, partner][:, None] - cosines[word[:, None], rivals]
    counted = rivals != word[:, None]
    return ((np.sign(difference) + 1) / 2 * counted).sum(axis=1) / counted.sum(axis=1)


def score(shares: np.ndarray, pairs: Pairs) -> Score:
    """Return the mean of what the pairs have (N,), in percent, with its standard error."""
    deviations = shares - shares.mean()
    of_words = sum(np.bincount(side, deviations, len(pairs.words)) for side in pairs.pairs.T)
    squares = np.square(of_words).sum() - np.square(deviations).sum()
    return Score(100 * float(shares.mean()), 100 * float(np.sqrt(max(squares, 0.0))) / len(shares))


def measure(
    vectors: np.ndarray, pairs: Pairs, training: SparseRows | None, generator: np.random.Generator
) -> dict[str, Score]:
    """Return how good word vectors (d, k) are, and others of as many dimensions, by name.

    Parameters
    ----------
    vectors : (d, k) array
    pairs : Pairs
    training : SparseRows (n, d) or None
        The training documents, of which the SVD is made; None: there is no SVD to compare with.
    generator : numpy.random.Generator
        Of the random vectors and of the start of the SVD.

    Returns
    -------
    dict
        Of `Score`: the network's, truncated SVD's, the mean difference of the two, and that of random vectors.
    """
    at_random = generator.standard_normal(vectors.shape)
    shares = {"network": share_nearer(vectors, pairs)}
    if training is not None:
        shares["truncated SVD"] = share_nearer(singular_vectors(training, vectors.shape[1], generator), pairs)
        shares["network - SVD"] = shares["network"] - shares["truncated SVD"]
    shares["random vectors"] = share_nearer(at_random, pairs)
    return {name: score(share, pairs) for name, share in shares.items()}


def singular_vectors(rows: SparseRows, width: int, generator: np.random.Generator) -> np.ndarray:
    """Return V S (d, width) of the truncated SVD of rows (n, d); d columns if d is smaller than `width`."""
    start = generator.standard_normal((rows.width, min(rows.width, width + MORE)))
    Q, _ = np.linalg.qr(start)
    for _ in range(ROUNDS):
        Q, _ = np.linalg.qr(_times_gram(rows, Q))
    squares, directions = np.linalg.eigh(Q.T @ _times_gram(rows, Q))
    largest = slice(None, -min(width, len(squares)) - 1, -1)
    return Q @ directions[:, largest] * np.sqrt(np.maximum(squares[largest], 0.0))


def _times_gram(rows: SparseRows, Q: np.ndarray) -> np.ndarray:
    """Return XᵀX Q (d, k) of rows X (n, d)."""
    product = np.zeros_like(Q)
    for columns, block in _blocks(rows):
        product[columns] += block.T @ (block @ Q[columns])
    return product


def _blocks(rows: SparseRows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some rows at a time, dense: the columns that have entries in them, and these columns of the rows."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows.only(np.arange(start, min(start + ROWS_AT_ONCE, len(rows))))
        columns, place = np.unique(part.columns, return_inverse=True)
        block = np.zeros((len(part), len(columns)))
        block[np.repeat(np.arange(len(part)), np.diff(part.starts)), place] = part.values
        yield columns, block
