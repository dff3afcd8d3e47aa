"""How rows of features are shown: pixels as images, cells of a table, texts with the tokens that weighed most."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladder_np.data.dataset import Dataset
from ladder_np.data.encoding import UNKNOWN, Values
from ladder_np.data.scaling import Scaling
from ladder_np.plots.style import limits
from ladder_np.predictor import Predictor

__all__ = [
    "COLORS",
    "FeatureDisplay",
    "ImageDisplay",
    "ShownImages",
    "as_raw",
    "channels_by_variation",
    "describe_features",
]

COLORS = 3  # channels of an image in color
WHITENED = "whitening undone, with the mean and contrast of each row's own pixels"
WEIGHTY = 4  # tokens of a text that are shown
MOST_TRIED = 50  # of a text's tokens, the heaviest in it


@dataclass(frozen=True, eq=False)
class ShownImages:
    """Images as they are drawn, all with the same black and white."""

    # by what they are, such as "clean": (n, height, width) gray, or (n, height, width, 3) in color
    versions: dict[str, np.ndarray]
    limits: tuple[float, float]  # what is black, and what is white
    channel: str  # the name of the channel that is drawn; nothing if it is the only one, or all are drawn


@dataclass(frozen=True)
class ImageDisplay:
    """How rows are drawn as images."""

    shape: tuple[int, ...]  # height, width, channels
    maximum: int | None = None  # the largest pixel value, where it is known
    in_color: bool = True  # whether three channels are red, green and blue
    note: str = ""  # what images made of the network's inputs are, if they are not plain pixels

    def show(self, versions: Mapping[str, np.ndarray]) -> ShownImages:
        """Return versions of the same rows, (n, d) each, as images.

        The first one tells what is black and white where no largest pixel is known, and which channel is drawn where
        they are not in color: the one that varies most.
        """
        images = {name: np.asarray(rows).reshape(-1, *self.shape) for name, rows in versions.items()}
        first, channels = next(iter(images.values())), self.shape[2]
        name = ""
        if not self.in_color or channels != COLORS:
            channel = channels_by_variation(first)[0]
            images = {version: array[..., channel] for version, array in images.items()}
            first, name = first[..., channel], f"channel {channel}" if channels > 1 else ""
        ends = limits(first) if self.maximum is None else (0.0, float(self.maximum))
        return ShownImages(images, ends, name)


@dataclass(frozen=True)
class FeatureDisplay:
    """How the features of a row are shown."""

    names: tuple[str, ...]  # of the raw features
    image: ImageDisplay | None = None  # of rows that are images
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
    """Return how rows of a dataset are shown: images as such, texts as they are, others as numbers."""
    if predictor.vocabulary is not None:
        weigh = functools.partial(weighty_tokens, predictor)
        return FeatureDisplay(predictor.vocabulary.tokens, texts=dataset.texts, weigh=weigh)
    count = dataset.X.shape[1]
    names = dataset.feature_names or tuple(f"feature {number}" for number in range(count))
    encoded = predictor.scaling.names(names) or ()
    image, shape = None, dataset.shape_of_images(predictor.network.specification.input_shape)
    if shape is not None:
        note = "" if predictor.scaling.whitening is None else WHITENED
        image = ImageDisplay(shape, dataset.pixel_maximum, note=note)
    return FeatureDisplay(names, image, dataset.values, encoded)


def as_raw(scaling: Scaling, versions: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return versions of raw `rows`, (n, d) each, as the network gets them, in the space of raw features."""
    # All in one call: undoing a whitening solves a system of equations.
    raw = scaling.undo(np.concatenate(list(versions.values())), np.concatenate([rows] * len(versions)))
    return dict(zip(versions, np.split(raw, len(versions)), strict=True))


def channels_by_variation(images: np.ndarray) -> np.ndarray:
    """Return the channels of images (n, height, width, channels), those that vary most first."""
    return np.argsort(-images.reshape(-1, images.shape[-1]).std(axis=0), kind="stable")


def weighty_tokens(predictor: Predictor, row: np.ndarray, said: int) -> list[str]:
    """Return the tokens without which a text (d,) would be given the class `said` with the least probability."""
    assert predictor.vocabulary is not None
    places = np.argsort(-row, kind="stable")[: min(MOST_TRIED, np.count_nonzero(row))]
    without = np.tile(row, (len(places), 1))
    without[np.arange(len(places)), places] = 0
    probability = predictor.predict_proba(without)[:, said]
    return [predictor.vocabulary.tokens[place] for place in places[probability.argsort(kind="stable")[:WEIGHTY]]]
