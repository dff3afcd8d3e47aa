"""The picture of the word vectors of a model of texts."""

import unicodedata

import numpy as np

from ladder_np.data.sparse import stack_rows
from ladder_np.inspection.embeddings import unit_rows, word_vectors, written
from ladder_np.plots.classes import explain_classes, principal_components
from ladder_np.plots.style import Figure, class_styles, new_figure, plain, short_names, styled
from ladder_np.predictor import Predictor

__all__ = ["classes_of_words", "free_places", "word_map"]

MOST_WORDS = 300
LETTERS = 14  # of a word, and of the name of a class
# In inches: of the axes, less than they are once drawn; of a letter with some space around it.
WIDEST, NARROWEST, HEIGHT = 11.0, 6.0, 7.5
LETTER, LINE = 0.085, 0.16


@styled
def word_map(predictor: Predictor) -> Figure:
    """Draw the most frequent words by the first two principal components of their vectors, each with length 1.

    A word is written in the color of its class (see `classes_of_words`), or is a mark where it would lie on a more
    frequent one.

    Parameters
    ----------
    predictor : Predictor
        Of texts.

    Returns
    -------
    matplotlib.figure.Figure
    """
    vocabulary = predictor.vocabulary
    assert vocabulary is not None
    words = np.argsort(vocabulary.weights, kind="stable")[:MOST_WORDS]
    places, shares = principal_components(unit_rows(word_vectors(predictor.network)[words]))
    classes, styles = classes_of_words(predictor, words), class_styles(len(predictor.classes))
    texts = [plain(written(vocabulary.tokens[word]), LETTERS) for word in words]
    spread = np.ptp(places, axis=0)
    width = np.clip(HEIGHT * spread[0] / spread[1] if spread[1] else WIDEST, NARROWEST, WIDEST)
    scale = max(*(spread / (width, HEIGHT)), np.finfo(float).tiny)
    free = free_places(places / scale, texts)
    title = f"Word vectors: the {len(words)} most frequent of {len(vocabulary.tokens)} {vocabulary.name}"
    figure = new_figure(title, width + 2.6, HEIGHT + 1.4)
    axes = figure.subplots()
    for index in np.unique(classes):
        rows = places[~free & (classes == index)]
        shade, marker = styles[index]
        axes.scatter(*rows.T, s=9, color=[shade], marker=marker, alpha=0.6, linewidths=0)
    for place, text, index in zip(places[free], np.array(texts)[free], classes[free], strict=True):
        axes.annotate(text, place, ha="center", va="center", fontsize=8, color=styles[index][0])
    axes.update_datalim(places)  # texts do not count by themselves
    axes.autoscale_view()
    axes.set_aspect("equal", adjustable="datalim")
    x, y = (f"principal component {k} ({100 * share:.1f} % of the variance)" for k, share in enumerate(shares, 1))
    axes.set(xlabel=x, ylabel=y)
    explain_classes(figure, axes, short_names(predictor.classes, LETTERS), styles)
    return figure


def classes_of_words(predictor: Predictor, words: np.ndarray) -> np.ndarray:
    """Return the index of the class (n,) that each of n words speaks for.

    It is the one whose log-probability, for a document of the word alone, is highest above its mean over these words.
    """
    assert predictor.vocabulary is not None
    one = np.ones(1, np.float32)
    documents = stack_rows(((words[k : k + 1], one) for k in range(len(words))), len(predictor.vocabulary.tokens))
    found = np.concatenate(list(predictor.predict_blocks(documents, log=True)))
    return (found - found.mean(axis=0)).argmax(axis=1)


def free_places(inches: np.ndarray, texts: list[str]) -> np.ndarray:
    """Return which texts (n,) can be written at their places (n, 2) so that none lies on an earlier one."""
    halves = np.array([[0.5 * LETTER * _letters(text), 0.5 * LINE] for text in texts])
    free = np.zeros(len(texts), bool)
    for k, place in enumerate(inches):
        touched = (np.abs(inches[free] - place) < halves[free] + halves[k]).all(axis=1)
        free[k] = not touched.any()
    return free


def _letters(text: str) -> int:
    """Return the width of a text in letters; a Chinese one counts as two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
