"""The estimator on images: their shapes in training, in prediction and in a file; what is refused."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladder_np import InputError, LadderClassifier
from ladder_np.data.readers import load_digits

DIGITS = load_digits()
IMAGES = DIGITS.X.reshape(-1, 8, 8)[:300]
Y = np.where(np.arange(300) < 60, DIGITS.y[:300], -1)
LAYERS = "conv:6:3-max_pool:2-conv:8:2-mean_pool"


def fitted(**params: Any) -> LadderClassifier:
    return LadderClassifier(**{"layers": LAYERS, "max_iter": 3, "random_state": 0, **params}).fit(IMAGES, Y)


@pytest.fixture(scope="module")
def model() -> LadderClassifier:
    return fitted()


def test_images_are_taken_with_and_without_an_axis_for_one_channel_and_flat_in_prediction(
    model: LadderClassifier,
) -> None:
    assert str(model.predictor_.network.specification) == f"8x8x1-{LAYERS}-10"
    expected = model.predict_proba(IMAGES)
    for shape in ((300, 8, 8, 1), (300, 64)):
        np.testing.assert_array_equal(model.predict_proba(IMAGES.reshape(shape)), expected)
    np.testing.assert_array_equal(model.predict_proba(IMAGES[:2].tolist()), model.predict_proba(IMAGES[:2]))
    with_channel = LadderClassifier(layers=LAYERS, max_iter=3, random_state=0).fit(IMAGES[..., None], Y)
    np.testing.assert_array_equal(with_channel.predict_proba(IMAGES), expected)


def test_what_it_learns_depends_on_where_pixels_are(model: LadderClassifier) -> None:
    order = np.random.default_rng(0).permutation(64)
    shuffled = IMAGES.reshape(-1, 64)[:, order].reshape(IMAGES.shape)
    other = LadderClassifier(layers=LAYERS, max_iter=3, random_state=0).fit(shuffled, Y)
    assert not np.allclose(other.predict_proba(shuffled), model.predict_proba(IMAGES))


def test_colors_lie_channels_last() -> None:
    colored = np.stack([IMAGES, IMAGES // 2, 16 - IMAGES], axis=-1)
    model = LadderClassifier(layers="conv:4:3-mean_pool", max_iter=1, random_state=0).fit(colored, Y)
    assert model.predictor_.network.specification.input_shape == (8, 8, 3)
    assert model.predict(colored).shape == (300,)


def test_files_and_pickles_keep_the_shape_and_the_layers(model: LadderClassifier, tmp_path: Path) -> None:
    model.save(tmp_path / "model.npz")
    for again in (LadderClassifier.load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.predict_proba(IMAGES), model.predict_proba(IMAGES))
        assert again.layers == LAYERS


def test_hidden_layer_sizes_and_layers_that_leave_the_classes_out_give_the_same_network(
    model: LadderClassifier,
) -> None:
    hidden = LadderClassifier(LAYERS, max_iter=3, random_state=0).fit(IMAGES, Y)
    complete = fitted(layers=f"{LAYERS}-10")
    for other in (hidden, complete):
        np.testing.assert_array_equal(other.predict_proba(IMAGES), model.predict_proba(IMAGES))


def test_a_last_layer_with_a_unit_for_each_class_is_the_classes() -> None:
    model = fitted(layers="conv:10:3-mean_pool")
    assert str(model.predictor_.network.specification) == "8x8x1-conv:10:3-mean_pool"


def test_fit_and_partial_fit_go_on_with_images() -> None:
    model = fitted(warm_start=True)
    assert model.fit(IMAGES, Y).n_iter_ == 6
    assert model.partial_fit(IMAGES[:50], Y[:50]).n_iter_ == 7
    parts = LadderClassifier(layers=LAYERS, random_state=0).partial_fit(IMAGES[:100], Y[:100], classes=np.arange(10))
    assert parts.partial_fit(IMAGES[100:], Y[100:]).predict(IMAGES).shape == (300,)


@pytest.mark.parametrize(
    ("params", "X", "said"),
    [
        ({}, IMAGES.reshape(300, 64), r"layer 1, 'conv:6:3', on a layer of shape \(64,\): expected images below"),
        ({"layers": None}, IMAGES, r"X has the shape \(300, 8, 8\); expected 2 dimensions"),
        ({"layers": "20-10"}, IMAGES, r"X has the shape \(300, 8, 8\); expected 2 dimensions"),
        ({"hidden_layer_sizes": (3,)}, IMAGES, r"layers='conv.*' and hidden_layer_sizes=\(3,\): give one of them"),
        ({"layers": "conv:6:9"}, IMAGES, r"a window of 9x9 does not fit; expected a size of 8"),
        ({"layers": 3.5}, IMAGES, r"layers 3.5: expected texts"),
        ({}, np.where(IMAGES == 3, np.nan, IMAGES), r"X, row 0, column .* is nan; expected finite numbers"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(params: dict[str, Any], X: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LadderClassifier(**{"layers": LAYERS, "max_iter": 1, **params}).fit(X, Y)


def test_images_of_another_shape_than_in_training_are_refused(model: LadderClassifier) -> None:
    with pytest.raises(
        InputError, match="LadderClassifier: X: the model was trained on images of 8x8x1, these have 4x16x1"
    ):
        model.predict(IMAGES.reshape(300, 4, 16))


def test_small_calls_of_partial_fit_go_on_with_images() -> None:
    X, y = np.random.default_rng(0).random((8, 6, 6)), np.arange(8) % 2
    model = LadderClassifier(layers="conv:4:3-mean_pool", random_state=0)
    model.partial_fit(X[:4], y[:4], classes=[0, 1])
    model.partial_fit(X[4:], y[4:])
    assert model.predict(X).shape == (8,)


def test_missing_numbers_in_images_are_refused() -> None:
    X, y = np.random.default_rng(0).random((20, 6, 6)), np.arange(20) % 2
    X[3, 2, 1] = np.nan
    with pytest.raises(InputError, match="images in which numbers are missing; fill them in"):
        LadderClassifier(layers="conv:4:3-mean_pool", missing="mean", max_iter=1).fit(X, y)
