"""Texts to features: tokens, vocabulary, tf-idf."""

import numpy as np
import pytest

from ladder_np.data.words import characters, find_vocabulary, words
from ladder_np.errors import InputError

TEXTS = ["The cat sat. The cat!", "a dog sat", "Cats and DOGS", "the end", ""]


def test_words_are_letters_and_digits_of_any_script_case_folded() -> None:
    text = "Don't STOP: die Straße, l’été 2024-05 — naïve_x 你好, мир"
    assert list(words(text)) == [
        "don't",
        "stop",
        "die",
        "strasse",
        "l’été",
        "2024",
        "05",
        "naïve",
        "x",
        "你好",
        "мир",
    ]


def test_groups_of_characters_need_no_blanks() -> None:
    assert list(characters(" Ab\n\tc")) == ["a", "b", " ", "c", "ab", "b ", " c", "ab ", "b c"]
    assert "中国" in set(characters("我爱中国"))


def test_a_vocabulary_has_the_most_frequent_tokens_of_at_least_two_documents() -> None:
    vocabulary = find_vocabulary(TEXTS)
    assert vocabulary.tokens == ("sat", "the")
    np.testing.assert_allclose(vocabulary.weights, 1 + np.log(6 / 3))
    assert find_vocabulary(TEXTS, largest=1).tokens == ("sat",)
    assert "cat" in find_vocabulary(TEXTS, fewest_documents=1).tokens


def test_a_row_is_sublinear_counts_by_rarity_of_length_one() -> None:
    vocabulary = find_vocabulary(TEXTS, fewest_documents=1)
    row = vocabulary.rows(["The cat sat. The cat! unheard"])[0]
    by_hand = {
        "the": (1 + np.log(2)) * (1 + np.log(6 / 3)),
        "cat": (1 + np.log(2)) * (1 + np.log(6 / 2)),
        "sat": 1 + np.log(6 / 3),
    }
    length = np.sqrt(sum(value**2 for value in by_hand.values()))
    expected = [by_hand.get(token, 0) / length for token in vocabulary.tokens]
    np.testing.assert_allclose(row, expected, rtol=1e-6)


def test_it_is_that_of_scikit_learn() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    vocabulary = find_vocabulary(TEXTS, fewest_documents=1)
    other = text.TfidfVectorizer(token_pattern=r"[^\W_]+", sublinear_tf=True)
    expected = other.fit_transform(TEXTS).toarray()
    assert vocabulary.tokens == tuple(other.get_feature_names_out())
    np.testing.assert_allclose(np.asarray(vocabulary.rows(TEXTS)), expected, rtol=1e-6)


def test_a_text_without_a_known_token_is_a_row_of_zeros() -> None:
    assert not find_vocabulary(TEXTS).rows(["", "nothing known"])[:].any()


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (["a", "b"], {}, "no words of 2 texts are in 2 of them"),
        ([], {}, "no words of 0 texts"),
        (["a"], {"kind": "letters"}, "unknown kind of tokens 'letters'; choose one of words, characters"),
        (["a"], {"largest": 0}, "a vocabulary of 0 tokens: expected a whole number from 1"),
    ],
)
def test_what_gives_no_vocabulary_is_refused(texts: list[str], options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_vocabulary(texts, **options)


def test_marks_stay_with_their_letters_and_equal_words_are_equal() -> None:
    assert list(words("हिन्दी भाषा")) == ["हिन्दी", "भाषा"]
    assert list(words("cafe\u0301s")) == list(words("caf\u00e9s")) == ["caf\u00e9s"]
    assert list(words("İstanbul")) == list(words("i̇stanbul"))
    assert len(list(words("İstanbul"))) == 1


def test_what_is_very_long_is_no_word() -> None:
    assert list(words("short " + "x" * 65 + " " + "y" * 64)) == ["short", "y" * 64]


@pytest.mark.parametrize("most", [20, 1000])
def test_tokens_of_most_texts_are_found_however_many_others_there_are(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladder_np.data.words.MOST_COUNTED", most)
    texts = [f"rare{k} other{k} often {'half' if k % 2 else 'odd'}" for k in range(60)]
    for order in (texts, texts[::-1]):
        vocabulary = find_vocabulary(order)
        assert vocabulary.tokens == ("half", "odd", "often")
        np.testing.assert_allclose(vocabulary.weights, 1 + np.log(61 / np.array([31, 31, 61])))
