"""What to compare the next character of a ladder with: n-grams smoothed by the method of Witten and Bell.

After a context c that is n(c) times in training and is followed by T(c) different characters there, w has

    P(w | c) = (n(c w) + T(c) P(w | c')) / (n(c) + T(c)),

c' being c without its first character, down to no context at all, which starts from equal shares of all characters.
A context that training does not have leaves all to c'.

References
----------
[WB] I. Witten, T. Bell, The zero-frequency problem: estimating the probabilities of novel events in adaptive text
compression, IEEE Trans. Information Theory 37 (1991), method C; interpolated as in S. Chen, J. Goodman, An empirical
study of smoothing techniques for language modeling, 1998, section 2.5.
"""

import numpy as np

__all__ = ["witten_bell_bits"]

NOTHING = -1  # in place of a character, before the text begins


def witten_bell_bits(
    characters: np.ndarray, window: int, train: np.ndarray, test: np.ndarray, n_characters: int
) -> float:
    """Return the mean of -log2 P of characters, by the `window` characters before each.

    Parameters
    ----------
    characters : ndarray (n,) of int
        A text: the index of each character, 0 to `n_characters` - 1.
    window : int
        The longest context.
    train, test : ndarray of int
        The places of the characters that are counted, and of those that are predicted.
    n_characters : int

    Returns
    -------
    float
        Bits per character.
    """
    # Contexts and what follows them get numbers that both parts share; a context grows to the left.
    contexts = np.zeros(len(characters), np.int64)
    probability = np.full(len(test), 1 / n_characters)
    for length in range(window + 1):
        if length:
            before = np.concatenate([np.full(length, NOTHING), characters[:-length]])
            contexts = _numbered(contexts * (n_characters + 1) + before + 1)
        pairs = _numbered(contexts * n_characters + characters)
        n_context, n_pair = (np.bincount(numbers[train], minlength=len(characters)) for numbers in (contexts, pairs))
        first = train[np.unique(pairs[train], return_index=True)[1]]
        n_different = np.bincount(contexts[first], minlength=len(characters))
        n, t = n_context[contexts[test]], n_different[contexts[test]]
        smoothed = (n_pair[pairs[test]] + t * probability) / np.maximum(n + t, 1)
        probability = np.where(n > 0, smoothed, probability)
    return -float(np.log2(probability).mean())


def _numbered(keys: np.ndarray) -> np.ndarray:
    """Return a number from 0 for each key (n,), the same for equal keys."""
    return np.unique(keys, return_inverse=True)[1]
