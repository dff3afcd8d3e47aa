"""Word vectors: what they are, which words are near, the file, and the number that says how good they are."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest

from ladder_np import LadderNetwork
from ladder_np.data.sparse import SparseRows, stack_rows
from ladder_np.data.words import find_vocabulary
from ladder_np.errors import InputError
from ladder_np.inspection import embeddings
from ladder_np.inspection.embeddings import (
    Pairs,
    find_pairs,
    find_word,
    measure,
    nearest_words,
    score,
    share_nearer,
    singular_vectors,
    unit_rows,
    vector_lines,
    word_vectors,
    written,
)
from ladder_np.network.inference import PopulationStatistics

TOPICS = (
    "goal team match coach league cup",
    "oil shares bank profit market stocks",
    "chip phone software web data app",
)


def documents(seed: int, count: int = 400) -> list[str]:
    """Texts of three topics, four of six words each, and two words of none."""
    rng = np.random.default_rng(seed)
    texts = []
    for k in range(count):
        chosen = [*rng.choice(TOPICS[k % 3].split(), 4, replace=False), *rng.choice(["the", "a", "of", "it"], 2)]
        texts.append(" ".join(chosen))
    return texts


def sparse(dense: np.ndarray) -> SparseRows:
    return stack_rows(((np.flatnonzero(row), row[row != 0]) for row in dense), dense.shape[1])


def trained(sizes: tuple[int, ...] = (5, 4, 3), sigma: np.ndarray | None = None) -> LadderNetwork:
    network = LadderNetwork(sizes=sizes, dtype="float64", seed=1)
    ones = {layer: np.ones(width) for layer, width in enumerate(sizes) if layer}
    network.statistics = PopulationStatistics({k: 0 * v for k, v in ones.items()}, ones, 9)
    if sigma is not None:
        network.statistics.sigma[1] = sigma
    return network


def test_a_word_s_vector_is_what_one_more_of_it_adds_to_the_first_layer() -> None:
    sigma = np.array([0.5, 1.0, 2.0, 4.0])
    network = trained(sigma=sigma)
    vectors = word_vectors(network)
    x = np.array([0.3, 0.0, -1.0, 2.0, 0.1])
    W = network.parameters["encoder.1.weight"]
    for word in range(5):
        more = x + np.eye(5)[word]
        np.testing.assert_allclose(vectors[word], (more @ W - x @ W) / sigma, rtol=1e-12)


def test_a_network_that_was_not_trained_has_no_vectors() -> None:
    with pytest.raises(InputError, match="train it first"):
        word_vectors(LadderNetwork(sizes=(5, 4, 3)))


def test_nearest_words_are_ordered_by_cosine_whatever_the_lengths() -> None:
    vectors = np.array([[1.0, 0.0], [30.0, 30.0], [0.2, 0.1], [-5.0, 0.0], [0.0, 0.0]])
    places, cosines = nearest_words(vectors, 0, 3)
    assert places.tolist() == [2, 1, 4]
    np.testing.assert_allclose(cosines, [2 / math.sqrt(5), math.sqrt(0.5), 0])
    assert nearest_words(vectors, 0, 99)[0].tolist() == [2, 1, 4, 3]


def test_a_word_is_found_however_it_is_cased_and_an_unknown_one_is_told_with_those_spelled_alike() -> None:
    vocabulary = find_vocabulary(["Oil prices", "oil price", "straße"] * 2)
    assert vocabulary.tokens[find_word(vocabulary, "OIL")] == "oil"
    assert vocabulary.tokens[find_word(vocabulary, "STRASSE")] == "strasse"
    with pytest.raises(InputError, match=r"'prise' is not among the model's 4 words; spelled alike: price, prices$"):
        find_word(vocabulary, "prise")
    with pytest.raises(InputError, match=r"'zebu' is not among .*; no other is spelled alike$"):
        find_word(vocabulary, "zebu")


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("oil", "oil"),
        ("鸢尾", "鸢尾"),
        (" a", r"\sa"),
        ("\\s", r"\\s"),
        ("a\u200bb", r"a\u200bb"),
        ("\udc80", r"\udc80"),
        ("\x85", r"\x85"),
    ],
)
def test_a_written_token_has_no_blank_and_is_utf_8(token: str, text: str) -> None:
    assert written(token) == text
    assert written(token).encode().decode().split() == [text]


def test_different_tokens_are_written_differently() -> None:
    groups = ["".join(parts) for n in (1, 2, 3, 4) for parts in itertools.product(" \\sx\u200b2", repeat=n)]
    assert len({written(group) for group in groups}) == len(groups)


def test_the_file_is_read_back_as_a_count_a_width_and_a_line_for_each_word_frequent_ones_first() -> None:
    vocabulary = find_vocabulary(["ab a", "ab", "a b", "b ab"], kind="characters", fewest_documents=1)
    vectors = np.random.default_rng(0).normal(size=(len(vocabulary.tokens), 3)) * 1e-3
    lines = list(vector_lines(vocabulary, vectors))
    assert all(line.endswith("\n") for line in lines)
    head, *rest = [line.split() for line in lines]
    assert head == [str(len(vocabulary.tokens)), "3"]
    places = {written(token): place for place, token in enumerate(vocabulary.tokens)}
    assert sorted(word for word, *_ in rest) == sorted(places)
    weights = [vocabulary.weights[places[word]] for word, *_ in rest]
    assert weights == sorted(weights)
    for word, *numbers in rest:
        np.testing.assert_allclose(np.array(numbers, float), vectors[places[word]], rtol=1e-5)


def by_hand(rows: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of columns, straight from the definition."""
    present, found = rows > 0, set()
    for i, j in itertools.combinations(range(rows.shape[1]), 2):
        both = int((present[:, i] & present[:, j]).sum())
        if both >= 5 and len(rows) * both >= 2 * int(present[:, i].sum()) * int(present[:, j].sum()):
            found.add((i, j))
    return found


def test_pairs_are_the_words_that_are_together_often_and_more_than_by_chance() -> None:
    vocabulary = find_vocabulary(documents(0))
    rows = vocabulary.rows(documents(1, 150))
    found = find_pairs(rows, vocabulary.weights)
    pairs = {tuple(sorted(found.words[pair].tolist())) for pair in found.pairs}
    assert pairs == by_hand(np.asarray(rows))
    topics = [set(topic.split()) for topic in TOPICS]
    assert all(any({vocabulary.tokens[k] for k in pair} <= topic for topic in topics) for pair in pairs)


def test_pairs_at_the_limits_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "ROWS_AT_ONCE", 7)
    at_limits = np.zeros(2, int)
    for seed in range(30):
        present = np.random.default_rng(seed).random((60, 25)) < 0.2
        present[:, :2] = np.arange(60)[:, None] < 6  # one pair at least
        found = find_pairs(sparse(present * 0.5), np.arange(25.0))
        pairs = {tuple(sorted(found.words[pair].tolist())) for pair in found.pairs}
        assert pairs == by_hand(present)
        both = [(present[:, i] & present[:, j]).sum() for i, j in pairs]
        alone = [present[:, i].sum() * present[:, j].sum() for i, j in pairs]
        at_limits += [both.count(5), sum(60 * b == 2 * a for a, b in zip(alone, both, strict=True))]
    assert at_limits.min() > 0


def test_without_pairs_more_documents_are_asked_for() -> None:
    vocabulary = find_vocabulary(documents(0))
    for texts in ([], ["goal team"] * 4, ["goal"] * 50, ["zebu"]):
        with pytest.raises(
            InputError, match=r"held-out documents have no pair of known words .*; give more documents"
        ):
            find_pairs(vocabulary.rows(texts), vocabulary.weights)


def test_rivals_are_the_words_next_by_frequency_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "RIVALS", 4)
    rng = np.random.default_rng(3)
    rows = sparse((rng.random((200, 9)) < 0.4) * 1.0)
    rows = rows.joined(sparse(np.repeat(np.eye(9)[:1] + np.eye(9)[1:2], 200, axis=0)))
    weights = rng.permutation(9.0 + np.arange(9))
    found = find_pairs(rows, weights)
    order = np.argsort(weights)
    for place, word in enumerate(found.words):
        rank = int(np.flatnonzero(order == word)[0])
        distances = [abs(rank - int(np.flatnonzero(order == found.words[other])[0])) for other in found.rivals[place]]
        assert 0 not in distances
        expected = sorted(d for d in (abs(rank - other) for other in range(9)) if d)[:4] if 1 < rank < 7 else None
        assert len(set(found.rivals[place].tolist())) == 4
        if expected:
            assert sorted(distances) == expected
        else:
            assert max(distances) == 4 if rank in (0, 8) else max(distances) == 3


def test_the_share_is_that_of_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "PAIRS_AT_ONCE", 7)
    monkeypatch.setattr(embeddings, "RIVALS", 6)
    vocabulary = find_vocabulary(documents(0))
    pairs = find_pairs(vocabulary.rows(documents(1)), vocabulary.weights)
    vectors = np.random.default_rng(5).normal(size=(len(vocabulary.tokens), 2))
    shares = share_nearer(vectors, pairs)
    cosines = unit_rows(vectors) @ unit_rows(vectors).T
    assert len(shares) > 20
    for share, pair in zip(shares, pairs.pairs, strict=True):
        sides = []
        for word, partner in (pair, pair[::-1]):
            w, p = pairs.words[word], pairs.words[partner]
            sides.append(
                np.mean([cosines[w, p] > cosines[w, pairs.words[r]] for r in pairs.rivals[partner] if r != word])
            )
        assert share == pytest.approx(np.mean(sides), abs=1e-12)


def test_ties_count_half() -> None:
    vocabulary = find_vocabulary(documents(0))
    pairs = find_pairs(vocabulary.rows(documents(1)), vocabulary.weights)
    for vectors in (np.eye(len(vocabulary.tokens)), np.zeros((len(vocabulary.tokens), 3))):
        np.testing.assert_array_equal(share_nearer(vectors, pairs), 0.5)


def test_scaling_vectors_and_turning_them_changes_no_share() -> None:
    vocabulary = find_vocabulary(documents(0))
    pairs = find_pairs(vocabulary.rows(documents(1)), vocabulary.weights)
    rng = np.random.default_rng(6)
    vectors = rng.normal(size=(len(vocabulary.tokens), 5))
    turned = vectors @ np.linalg.qr(rng.normal(size=(5, 5)))[0] * rng.uniform(0.1, 9, (len(vectors), 1))
    np.testing.assert_array_equal(share_nearer(vectors, pairs), share_nearer(turned, pairs))


def test_the_standard_error_allows_for_pairs_with_a_common_word() -> None:
    index = np.array(list(itertools.combinations(range(6), 2)))
    pairs = Pairs(np.arange(6), index, np.zeros((6, 1), int))
    values = np.random.default_rng(7).random(len(index))
    e = values - values.mean()
    together = sum(e[p] * e[q] for p in range(15) for q in range(15) if set(index[p]) & set(index[q]))
    found = score(values, pairs)
    assert found.percent == pytest.approx(100 * values.mean())
    assert found.error == pytest.approx(100 * math.sqrt(max(together, 0)) / 15)


def test_the_standard_error_is_what_the_number_varies_by_between_words() -> None:
    rng = np.random.default_rng(8)
    index = np.array(list(itertools.combinations(range(30), 2)))
    index = index[rng.random(len(index)) < 0.3]
    pairs = Pairs(np.arange(30), index, np.zeros((30, 1), int))
    means, errors = [], []
    for _ in range(400):
        effect = rng.normal(size=30)
        found = score(effect[index].sum(axis=1) + rng.normal(size=len(index)), pairs)
        means.append(found.percent)
        errors.append(found.error)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(means), rel=0.15)


def test_singular_vectors_are_those_of_the_dense_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "ROWS_AT_ONCE", 16)
    rng = np.random.default_rng(9)
    mask = rng.random((300, 400)) < 0.6
    dense = rng.normal(size=(300, 6)) * [9, 6, 4, 3, 2, 1] @ rng.normal(size=(6, 400)) * mask
    dense[13] = 0
    _, S, Vt = np.linalg.svd(dense)
    found = singular_vectors(sparse(dense), 4, rng)
    expected = Vt[:4].T * S[:4]
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5 * S[0] ** 2)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), S[:4], rtol=1e-5)
    assert singular_vectors(sparse(dense[:, :40]), 99, rng).shape == (40, 40)


def test_good_vectors_get_a_high_number_and_random_ones_fifty() -> None:
    vocabulary = find_vocabulary(documents(0))
    training, pairs = vocabulary.rows(documents(0)), find_pairs(vocabulary.rows(documents(1)), vocabulary.weights)
    topic = [[float(token in words.split()) for words in TOPICS] for token in vocabulary.tokens]
    scores = measure(np.array(topic), pairs, training, np.random.default_rng(0))
    assert list(scores) == ["network", "truncated SVD", "network - SVD", "random vectors"]
    assert scores["network"].percent > 80  # within a topic there are ties
    assert scores["truncated SVD"].percent > 80
    difference = scores["network"].percent - scores["truncated SVD"].percent
    assert scores["network - SVD"].percent == pytest.approx(difference)
    assert abs(scores["random vectors"].percent - 50) < 4 * scores["random vectors"].error + 10
    alone = measure(np.array(topic), pairs, None, np.random.default_rng(0))
    assert list(alone) == ["network", "random vectors"]


def test_memory_grows_with_the_words_and_not_with_their_square() -> None:
    rng, width = np.random.default_rng(10), 20_000
    rows = [(np.unique(np.append(rng.choice(width, 30), [1, 2, 3])), 1.0) for _ in range(40)]
    rows += [(np.unique(rng.choice(width, 30)), 1.0) for _ in range(300)]
    documents = stack_rows(((columns, np.full(len(columns), value)) for columns, value in rows), width)
    weights = rng.uniform(1, 5, width)
    tracemalloc.start()
    pairs = find_pairs(documents, weights)
    measure(rng.normal(size=(width, 5)), pairs, documents, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pairs.words[pairs.pairs].tolist() == [[1, 2], [1, 3], [2, 3]]
    assert peak < 1000 * 8 * width  # some matrices of d by 105 numbers
