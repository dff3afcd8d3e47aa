"""Random translations and horizontal flips of training images, labeled and unlabeled, drawn anew for every step.

An image is moved before noise is added, so that the clean and the corrupted lane see the same one. What comes in at
a border is 0, as the network takes it. Each epoch has a stream of its own, so that its number is all that a resumed
training needs to draw the same.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.errors import InputError
from ladder_np.network.ladder import Batch
from ladder_np.operations.maps import Shape
from ladder_np.rng import Stream, stream
from ladder_np.training.loader import Indices

__all__ = ["Augmentation", "Moves", "make_augmentation", "moved"]


@dataclass(frozen=True, eq=False)
class Moves:
    """How n images are moved."""

    shifts: np.ndarray  # (n, 2) whole numbers of pixels: down, right
    flipped: np.ndarray  # (n,) booleans: left and right change sides, before the shift


@dataclass(frozen=True)
class Augmentation:
    """Draws moves, and moves the images of batches."""

    shape: Shape  # (height, width, channels)
    translate: int  # pixels at most, in each direction
    flip: bool  # whether half of the images are flipped
    seed: int

    def draw(self, epoch: int, plan: Sequence[Indices]) -> list[tuple[Moves, Moves]]:
        """Return the moves of the labeled and of the unlabeled images of all steps of an epoch, counted from 0."""
        generator = stream(self.seed, Stream.AUGMENTATION, epoch)
        return [
            (self._moves(len(labeled), generator), self._moves(len(unlabeled), generator))
            for labeled, unlabeled in plan
        ]

    def _moves(self, images: int, generator: np.random.Generator) -> Moves:
        shifts = generator.integers(-self.translate, self.translate, (images, 2), endpoint=True)
        return Moves(shifts, generator.random(images) < (0.5 if self.flip else 0.0))

    def batch(self, batch: Batch, moves: tuple[Moves, Moves]) -> Batch:
        """Return a batch with its images moved."""
        x_labeled, x_unlabeled = (
            moved(x, own, self.shape) for x, own in zip((batch.x_labeled, batch.x_unlabeled), moves, strict=True)
        )
        return dataclasses.replace(batch, x_labeled=x_labeled, x_unlabeled=x_unlabeled)


def make_augmentation(translate: int, flip: bool, seed: int, image_shape: Shape | None) -> Augmentation | None:
    """Return what moves images of a shape; None where nothing is asked for.

    Raises InputError if the rows are not images, or smaller than the translation.
    """
    if not translate and not flip:
        return None
    if image_shape is None:
        raise InputError(
            "translate and flip move images, the rows of this data are none; give an array of images, (n, height, "
            "width[, channels]), or leave them out"
        )
    if translate >= min(image_shape[:2]):
        raise InputError(f"translate {translate}: expected less than the images' {min(image_shape[:2])} pixels")
    return Augmentation(image_shape, translate, flip, seed)


def moved(x: Array, moves: Moves, shape: Shape) -> Array:
    """Return images x (n, height · width · channels), moved, as a fresh array."""
    (height, width, channels), n, xp = shape, len(x), array_module(x)
    edge = int(np.abs(moves.shifts).max(initial=0))
    framed = xp.zeros((n, height + 2 * edge, width + 2 * edge, channels), dtype=x.dtype)
    framed[:, edge : edge + height, edge : edge + width] = x.reshape(n, *shape)
    # Where each row and column of an image comes from in the framed one.
    unflipped = np.arange(width) - moves.shifts[:, 1:]
    columns = xp.asarray(edge + np.where(moves.flipped[:, None], width - 1 - unflipped, unflipped))
    rows = xp.asarray(edge + np.arange(height) - moves.shifts[:, :1])
    return framed[xp.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]].reshape(x.shape)
