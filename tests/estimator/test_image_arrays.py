"""The estimator on images: their shapes in training, in prediction and in a file; what is refused."""

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladder_np import InputError, LadderClassifier
from ladder_np.data.readers import load_digits
from ladder_np.errors import InputWarning
from ladder_np.files import write_npz
from ladder_np.training.augmentation import Augmentation, moved

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
        ({"top_gamma": 1}, IMAGES, "^top_gamma=1: expected True or False$"),
        ({"layers": None, "top_gamma": None}, IMAGES, "^top_gamma=None: expected True or False$"),
        ({"early_stopping": "yes"}, IMAGES[0, 0], "^early_stopping='yes': expected True or False$"),
        ({"flip": "yes"}, IMAGES, "^flip='yes': expected True or False$"),
        ({"translate": -1}, IMAGES, "^translate=-1: expected a whole number >= 0$"),
        ({"translate": 1.5}, IMAGES, "^translate=1.5: expected a whole number >= 0$"),
        ({"translate": 8}, IMAGES, "^translate 8: expected less than the images' 8 pixels$"),
        ({"layers": None, "flip": True}, IMAGES.reshape(300, 64), "^translate and flip move images, .*give an array"),
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


def test_whitening_on_fewer_images_than_features_is_warned_of() -> None:
    with pytest.warns(InputWarning, match="'gcn_zca' was found on 60 rows of 64 features"):
        LadderClassifier(layers=LAYERS, scaling="gcn_zca", max_iter=1).fit(IMAGES[:60], Y[:60])


# ---- A softmax layer without γ; moves of training images.


def test_a_network_without_gamma_at_the_top_is_kept_saved_loaded_and_goes_on(tmp_path: Path) -> None:
    model = fitted(top_gamma=False)
    assert "encoder.5.gamma" not in model.predictor_.network.parameters
    assert "encoder.5.gamma" in fitted().predictor_.network.parameters
    assert "no γ at the top" in model.summary()
    assert "no γ" not in fitted().summary()
    model.save(tmp_path / "model.npz")
    again = LadderClassifier.load(tmp_path / "model.npz")
    assert again.top_gamma is False
    np.testing.assert_array_equal(again.predict_proba(IMAGES), model.predict_proba(IMAGES))
    dataclasses.replace(model.predictor_, params=None).save(tmp_path / "run.npz")  # as a run leaves it
    of_run = LadderClassifier.load(tmp_path / "run.npz")
    assert of_run.partial_fit(IMAGES[:60], Y[:60]).n_iter_ == 4
    assert of_run.set_params(warm_start=True, max_iter=2).fit(IMAGES, Y).n_iter_ == 6


def test_a_fitted_network_with_gamma_does_not_go_on_without() -> None:
    model = fitted(warm_start=True).set_params(top_gamma=False)
    network = f"8x8x1-{LAYERS}-10, relu, combinator gaussian"
    told = f"is {network}; the parameters and data ask for {network}, no γ at the top; to go on from it leave these"
    with pytest.raises(InputError, match=told):
        model.fit(IMAGES, Y)


def steps_seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that fills with the epochs for which moves are drawn."""
    epochs: list[int] = []
    draw = Augmentation.draw
    monkeypatch.setattr(
        Augmentation, "draw", lambda self, epoch, plan: epochs.append(epoch) or draw(self, epoch, plan)
    )
    return epochs


@pytest.mark.parametrize("layers", [LAYERS, "20-10"])
def test_training_images_are_moved_whatever_the_layers_are_and_predicted_as_they_are(
    layers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []
    monkeypatch.setattr(
        "ladder_np.training.augmentation.moved",
        lambda x, moves, shape: (
            shapes.append((shape, np.abs(moves.shifts).max(), moves.flipped.any())) or moved(x, moves, shape)
        ),
    )
    model = fitted(layers=layers, translate=2, flip=True)
    assert {shape for shape, *_ in shapes} == {(8, 8, 1)}
    assert (max(shift for _, shift, _ in shapes), any(flipped for *_, flipped in shapes)) == (2, True)
    count = len(shapes)
    expected = model.predict_proba(IMAGES)
    np.testing.assert_array_equal(model.predict_proba(IMAGES.reshape(300, 64)), expected)
    np.testing.assert_array_equal(fitted(layers=layers, translate=2, flip=True).predict_proba(IMAGES), expected)
    assert len(shapes) == 2 * count
    unmoved = LadderClassifier(layers=layers, max_iter=3, random_state=0)
    X = IMAGES if layers == LAYERS else IMAGES.reshape(300, 64)
    assert not np.allclose(unmoved.fit(X, Y).predict_proba(X), expected)


def test_each_call_of_partial_fit_moves_images_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = steps_seen(monkeypatch)
    model = LadderClassifier(layers=LAYERS, flip=True, random_state=0)
    for _ in range(3):
        model.partial_fit(IMAGES[:100], Y[:100], classes=np.arange(10))
    assert epochs == [0, 1, 2]
    again = pickle.loads(pickle.dumps(model))
    for one in (model, again):
        one.partial_fit(IMAGES[:100].reshape(100, 64), Y[:100])  # the model knows their shape
    assert epochs == [0, 1, 2, 3, 3]
    np.testing.assert_array_equal(again.predict_proba(IMAGES), model.predict_proba(IMAGES))


def test_moves_are_saved_loaded_and_set_for_a_training_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted(layers="20-10", translate=np.int64(1))
    model.save(tmp_path / "model.npz")
    again = LadderClassifier.load(tmp_path / "model.npz")
    assert (again.translate, again.flip) == (1, False)
    np.testing.assert_array_equal(again.predict(IMAGES), model.predict(IMAGES))
    epochs = steps_seen(monkeypatch)
    again.set_params(warm_start=True, translate=0, flip=True).fit(IMAGES, Y)
    assert epochs == [0, 1, 2]
    again.set_params(flip=False).fit(IMAGES.reshape(300, 64), Y)
    assert epochs == [0, 1, 2]


# ---- Dense layers, which take images flat: the model knows their shape.


def of_dense_layers(**params: Any) -> LadderClassifier:
    return LadderClassifier((5,), **{"max_iter": 1, "random_state": 0, **params})


def test_a_dense_model_of_moved_images_goes_on_with_images_of_no_other_shape() -> None:
    generator, y = np.random.default_rng(0), np.arange(60) % 2
    model = of_dense_layers(flip=True, warm_start=True).partial_fit(generator.random((60, 6, 6)), y)
    for go_on in (model.partial_fit, model.fit):
        with pytest.raises(InputError, match="X: the model was trained on images of 6x6x1, these have 4x9x1"):
            go_on(generator.random((60, 4, 9)), y)


def test_a_dense_model_of_moved_images_predicts_no_images_with_channels_first() -> None:
    colored = np.stack([IMAGES, IMAGES // 2, 16 - IMAGES], axis=-1)
    model = of_dense_layers(translate=1).fit(colored, Y)
    with pytest.raises(InputError, match="the model was trained on images of 8x8x3, these have 3x8x8"):
        model.predict(colored.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(model.predict_proba(colored), model.predict_proba(colored.reshape(300, -1)))


@pytest.mark.parametrize("first", [100, 30])  # with and without a scaling that is settled
def test_flat_rows_are_moved_as_the_images_of_earlier_calls(first: int) -> None:
    shaped, flat = (of_dense_layers(translate=2).partial_fit(IMAGES[:first], Y[:first], range(10)) for _ in range(2))
    shaped.partial_fit(IMAGES[first:], Y[first:])
    flat.partial_fit(IMAGES[first:].reshape(-1, 64), Y[first:])
    np.testing.assert_array_equal(flat.predict_proba(IMAGES), shaped.predict_proba(IMAGES))


def test_a_model_of_moved_images_takes_images_whatever_its_parameters_become() -> None:
    model = of_dense_layers(flip=True).fit(IMAGES, Y)
    expected = model.predict_proba(IMAGES)
    model.set_params(flip=False)
    np.testing.assert_array_equal(model.predict_proba(IMAGES), expected)
    assert model.partial_fit(IMAGES, Y).n_iter_ == 2
    with pytest.raises(InputError, match=r"X has the shape \(300, 8, 8\); expected 2 dimensions"):
        of_dense_layers().fit(IMAGES.reshape(300, 64), Y).set_params(flip=True).predict(IMAGES)


def test_a_model_of_flat_rows_learns_the_shape_of_images_that_it_goes_on_with() -> None:
    model = of_dense_layers().partial_fit(IMAGES.reshape(300, 64), Y).set_params(flip=True)
    assert model.predictor_.image_shape is None
    assert model.partial_fit(IMAGES, Y).predictor_.image_shape == (8, 8, 1)


def test_files_pickles_and_the_predictor_keep_the_shape_of_images_that_are_taken_flat(tmp_path: Path) -> None:
    model = of_dense_layers(flip=True).fit(IMAGES, Y)
    model.save(tmp_path / "model.npz")
    loaded = LadderClassifier.load(tmp_path / "model.npz")
    for again in (loaded, pickle.loads(pickle.dumps(model)), model.predictor_):
        np.testing.assert_array_equal(again.predict_proba(IMAGES), model.predict_proba(IMAGES))
        with pytest.raises(InputError, match="the model was trained on images of 8x8x1, these have 4x16x1"):
            again.predict(IMAGES.reshape(300, 4, 16))


def test_a_file_that_does_not_tell_the_shape_is_loaded_and_goes_on_with_images(tmp_path: Path) -> None:
    model = of_dense_layers(flip=True).fit(IMAGES, Y)
    arrays = model.predictor_.as_arrays()
    meta = json.loads(str(arrays["meta"]))
    assert meta.pop("image_shape") == [8, 8, 1]
    write_npz(tmp_path / "older.npz", {**arrays, "meta": np.array(json.dumps(meta))})
    older = LadderClassifier.load(tmp_path / "older.npz")
    assert older.predictor_.image_shape is None
    np.testing.assert_array_equal(older.predict_proba(IMAGES.reshape(300, 64)), model.predict_proba(IMAGES))
    assert older.partial_fit(IMAGES, Y).predictor_.image_shape == (8, 8, 1)


def test_images_that_are_moved_have_no_missing_numbers() -> None:
    X, y = np.random.default_rng(0).random((20, 6, 6)), np.arange(20) % 2
    X[3, 2, 1] = np.nan
    with pytest.raises(InputError, match="images in which numbers are missing; fill them in"):
        LadderClassifier((5,), flip=True, missing="mean", max_iter=1).fit(X, y)
