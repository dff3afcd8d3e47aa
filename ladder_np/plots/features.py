"""How rows of features are shown: pixels as images, cells of a table, texts with the tokens that weighed most."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ladder_np.data.dataset import Dataset
from ladder_np.data.encoding import UNKNOWN, Values
from ladder_np.predictor import Predictor

__all__ = ["FeatureDisplay", "describe_features"]

SMALLEST_SIDE = 4  # pixels of the smallest image
WEIGHTY = 4  # tokens of a text that are shown
MOST_TRIED = 50  # of a text's tokens, the heaviest in it


@dataclass(frozen=True)
class FeatureDisplay:
    """How the features of a row are shown."""

    names: tuple[str, ...]  # of the raw features
    side: int | None  # pixels along one side of square images; None for rows that are not images
    maximum: int | None  # the largest pixel value
    values: Values | None = None  # the texts of each column, see `Dataset`
    encoded: tuple[str, ...] = ()  # names of the network's inputs, where these are not the features
    texts: Sequence[str] | None = None  # the documents that the features are made of
    # of a row of features and the class that was said: the tokens that speak most for it
    weigh: Callable[[np.ndarray, int], list[str]] | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's d_0 inputs."""
        return self.encoded or self.names

    def cell(self, place: int, value: float) -> str:
        """Return what stands in a cell of a table: a number, a text, or nothing where it is missing."""
        texts = None if self.values is None else self.values[place]
        if np.isnan(value) or (texts is not None and value == UNKNOWN):
            return ""
        return f"{value:.4g}" if texts is None else texts[int(value)]


def describe_features(dataset: Dataset, predictor: Predictor) -> FeatureDisplay:
    """Return how rows of a dataset are shown: a square number of pixels as an image, texts as they are."""
    if predictor.vocabulary is not None:
        weigh = functools.partial(weighty_tokens, predictor)
        return FeatureDisplay(predictor.vocabulary.tokens, None, None, texts=dataset.texts, weigh=weigh)
    count = dataset.X.shape[1]
    side = math.isqrt(count)
    square = dataset.pixel_maximum is not None and side * side == count and side >= SMALLEST_SIDE
    names = dataset.feature_names or tuple(f"feature {number}" for number in range(count))
    encoded = predictor.scaling.names(names) or ()
    return FeatureDisplay(names, side if square else None, dataset.pixel_maximum, dataset.values, encoded)


def weighty_tokens(predictor: Predictor, row: np.ndarray, said: int) -> list[str]:
    """Return the tokens without which a text (d,) would be given the class `said` with the least probability."""
    assert predictor.vocabulary is not None
    places = np.argsort(-row, kind="stable")[: min(MOST_TRIED, np.count_nonzero(row))]
    without = np.tile(row, (len(places), 1))
    without[np.arange(len(places)), places] = 0
    probability = predictor.predict_proba(without)[:, said]
    return [predictor.vocabulary.tokens[place] for place in places[probability.argsort(kind="stable")[:WEIGHTY]]]
