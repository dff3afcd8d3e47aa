"""Random translations and flips: what becomes of an image, what is drawn, also in a training that is resumed."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import strict_cupy

from ladder_np import InputError, LadderNetwork
from ladder_np.data.readers import load_digits
from ladder_np.network.specification import Specification
from ladder_np.rng import Stream
from ladder_np.training.augmentation import Moves, make_augmentation, moved
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import Training, TrainingSettings

SHAPE = (4, 5, 2)
X = np.random.default_rng(0).normal(size=(3, 40))


def by_hand(image: np.ndarray, down: int, right: int, flipped: bool) -> np.ndarray:
    """Move one image pixel by pixel."""
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            to_i, to_j = i + down, (width - 1 - j if flipped else j) + right
            if 0 <= to_i < height and 0 <= to_j < width:
                result[to_i, to_j] = image[i, j]
    return result


def test_images_are_flipped_then_shifted_and_0_comes_in() -> None:
    moves = Moves(np.array([[1, -2], [0, 3], [-3, 0]]), np.array([True, False, True]))
    result = moved(X, moves, SHAPE)
    for image, out, shift, flipped in zip(X, result, moves.shifts, moves.flipped, strict=True):
        np.testing.assert_array_equal(out.reshape(SHAPE), by_hand(image.reshape(SHAPE), *shift, flipped))
    assert result.flags.c_contiguous
    assert moved(X.astype(np.float32), moves, SHAPE).dtype == np.float32


def test_a_gpu_moves_them_the_same() -> None:
    moves = drawn(2, True)
    moves = Moves(moves.shifts[:3], moves.flipped[:3])
    on_device = moved(strict_cupy.asarray(X), moves, SHAPE)
    assert isinstance(on_device, strict_cupy.ndarray)
    np.testing.assert_array_equal(strict_cupy.asnumpy(on_device), moved(X, moves, SHAPE))


def test_no_rows_are_no_rows() -> None:
    assert moved(X[:0], Moves(np.zeros((0, 2), int), np.zeros(0, bool)), SHAPE).shape == (0, 40)


def drawn(translate: int, flip: bool, seed: int = 0, epoch: int = 0) -> Moves:
    augmentation = make_augmentation(translate, flip, seed, SHAPE)
    assert augmentation is not None
    return augmentation.draw(epoch, [(np.arange(2000), np.arange(1))])[0][0]


def test_all_shifts_are_as_likely_and_half_of_the_images_are_flipped() -> None:
    moves = drawn(2, True)
    counts = np.bincount((5 * (moves.shifts[:, 0] + 2) + moves.shifts[:, 1] + 2), minlength=25)
    assert len(counts) == 25
    assert counts.min() > 40
    assert 900 < moves.flipped.sum() < 1100


def test_each_is_drawn_alone() -> None:
    assert not drawn(2, False).flipped.any()
    assert not drawn(0, True).shifts.any()


def test_draws_differ_by_epoch_and_seed_and_repeat() -> None:
    first = drawn(2, True)
    np.testing.assert_array_equal(drawn(2, True).shifts, first.shifts)
    for other in (drawn(2, True, epoch=1), drawn(2, True, seed=1)):
        assert (other.shifts != first.shifts).any()


def test_what_cannot_be_moved_is_refused() -> None:
    with pytest.raises(InputError, match="translate and flip move images, the rows of this data are none"):
        make_augmentation(1, False, 0, None)
    with pytest.raises(InputError, match="translate 4: expected less than the images' 4 pixels"):
        make_augmentation(4, False, 0, SHAPE)
    for field, value in (("translate", -1), ("translate", 1.5), ("flip", 1)):
        with pytest.raises(InputError, match=f"{field} {value}: expected"):
            TrainingSettings(**{field: value})
    assert make_augmentation(0, False, 0, None) is None


DIGITS = load_digits()
SETTINGS = TrainingSettings(epochs=3, labeled_batch=10, unlabeled_batch=25, seed=4, translate=1, flip=True)


def training(settings: TrainingSettings = SETTINGS, **changes: Any) -> Training:
    rows = DIGITS.X[:100].astype(np.float32) / 16
    network = LadderNetwork.from_specification(Specification((64, 20, 10)), seed=1)
    data = TrainingData(lambda i: rows[i], DIGITS.y, np.arange(20), np.arange(100), image_shape=(8, 8, 1))
    return Training(network, dataclasses.replace(data, **changes), settings)


def test_the_images_of_a_step_are_moved_and_the_order_and_the_noise_stay() -> None:
    plain = training(dataclasses.replace(SETTINGS, translate=0, flip=False))
    batches, others = list(training()._batches()), list(plain._batches())
    assert len(batches) == 4
    for batch, other in zip(batches, others, strict=True):
        np.testing.assert_array_equal(batch.y, other.y)
        for x, of_other in ((batch.x_labeled, other.x_labeled), (batch.x_unlabeled, other.x_unlabeled)):
            assert (x != of_other).any(axis=1).mean() > 0.5
            assert (x.sum(axis=1) <= of_other.sum(axis=1) + 1e-5).all()


def test_a_training_that_is_resumed_within_an_epoch_is_the_same_bit_by_bit() -> None:
    whole = training()
    for _ in range(3):
        whole.run_epoch()
    begun = training()
    begun.run_epoch()

    class StopError(Exception):
        pass

    def stop() -> None:
        if begun.steps == 6:
            raise StopError

    with pytest.raises(StopError):
        begun.run_epoch(stop)
    resumed = training()
    resumed.restore(begun.state())
    while not resumed.done:
        resumed.run_epoch()
    np.testing.assert_array_equal(resumed.state()["parameters"], whole.state()["parameters"])
    assert resumed.steps == whole.steps


def test_statistics_are_of_the_images_as_they_are() -> None:
    moving = training()
    moving.estimate_statistics()
    plain = training(dataclasses.replace(SETTINGS, translate=0, flip=False))
    plain.estimate_statistics()
    of_moving, of_plain = (each._network.statistics for each in (moving, plain))
    assert of_moving is not None
    assert of_plain is not None
    np.testing.assert_array_equal(of_moving.mu[1], of_plain.mu[1])


def test_a_training_on_rows_that_are_no_images_is_refused() -> None:
    with pytest.raises(InputError, match="the rows of this data are none"):
        training(image_shape=None)


def test_the_stream_is_its_own() -> None:
    assert Stream.AUGMENTATION == 11
