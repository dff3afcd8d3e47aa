"""Pictures of networks of images: filters, feature maps, rebuilt layers."""

from pathlib import Path

import numpy as np
import pytest
from picture_runs import overlaps, texts

from ladder_np import InputError, LadderNetwork
from ladder_np.data.dataset import Dataset
from ladder_np.data.scaling import make_scaling
from ladder_np.errors import InputWarning
from ladder_np.network.inference import encode_clean
from ladder_np.network.parameters import random_parameters
from ladder_np.network.specification import Specification
from ladder_np.plots import ModelSource, draw_pictures
from ladder_np.plots.images import encode_images
from ladder_np.plots.report import draw_pngs
from ladder_np.plots.run_data import NothingToDrawError
from ladder_np.predictor import Predictor

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

LAYERS = "conv:5:3:same-max_pool:2-conv:6:2-mean_pool-3"
PICTURES = ["filters", "feature-maps", "rebuilt-layers"]


def source_of(
    input_shape: tuple, layers: str = LAYERS, rows: bool = True, kind: str = "pixels", **fields
) -> ModelSource:
    """Return a model of random parameters, and with them rows of random pixels, scaled in this way."""
    specification = Specification(layers=layers, input_shape=input_shape, **{"denoising_weights": 1.0, **fields})
    vector = random_parameters(specification, np.random.default_rng(0)).vector
    network = LadderNetwork.from_parameters(specification, vector)
    X = np.random.default_rng(1).integers(0, 256, (40, specification.sizes[0])).astype(np.uint8)
    scaling = make_scaling(X, np.arange(40), kind, 255)
    network.estimate_statistics(lambda: [scaling.apply(X, np.float32)])
    y = np.arange(40) % specification.sizes[-1]
    predictor = Predictor(network, scaling, np.arange(specification.sizes[-1]), pixels=True)
    dataset = Dataset("noise", X, y, predictor.classes, pixel_maximum=255) if rows else None
    return ModelSource(Path("model.npz"), predictor, dataset)


def figures(source: ModelSource, names: list[str] | None = None) -> dict:
    return {picture.name: drawn for picture, drawn in draw_pictures(source, names)}


@pytest.fixture(scope="module")
def gray() -> ModelSource:
    return source_of((7, 6, 1))


@pytest.fixture(scope="module")
def colored() -> ModelSource:
    return source_of((6, 8, 3))


@pytest.fixture(scope="module")
def whitened() -> ModelSource:
    with pytest.warns(InputWarning, match="rows of 144 features"):
        return source_of((6, 8, 3), kind="gcn_zca")


def shown(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def with_images(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def test_filters_are_the_first_layers_weights(gray: ModelSource) -> None:
    drawn = figures(gray, ["filters"])["filters"]
    W = gray.predictor.network.parameters["encoder.1.weight"]
    assert len(drawn.axes) == 5
    for f, axes in enumerate(drawn.axes):
        np.testing.assert_allclose(shown(axes), W[:, :, 0, f], rtol=1e-6)
        assert axes.images[0].get_clim() == pytest.approx((-np.abs(W).max(), np.abs(W).max()))


def test_filters_of_three_channels_have_colors_and_zero_is_gray(colored: ModelSource) -> None:
    drawn = figures(colored, ["filters"])["filters"]
    W = colored.predictor.network.parameters["encoder.1.weight"]
    assert len(drawn.axes) == 5
    expected = W[..., 2] / (2 * np.abs(W).max()) + 0.5
    np.testing.assert_allclose(shown(drawn.axes[2]), expected, atol=1e-6)


def test_filters_of_other_channels_are_an_image_each() -> None:
    source = source_of((6, 6, 2))
    drawn = figures(source, ["filters"])["filters"]
    W = source.predictor.network.parameters["encoder.1.weight"]
    assert len(drawn.axes) == 10
    np.testing.assert_allclose(shown(drawn.axes[7]), W[:, :, 1, 3], rtol=1e-6)  # of filter 3, channel 1
    assert "one image for each channel below" in texts(drawn)[0]


@pytest.mark.parametrize("name", ["gray", "colored", "whitened"])
def test_feature_maps_are_the_layers_without_noise(name: str, request: pytest.FixtureRequest) -> None:
    source = request.getfixturevalue(name)
    network, drawn = source.predictor.network, figures(source, ["feature-maps"])["feature-maps"]
    rows = encode_images(source.predictor, source.data).indices
    x = source.predictor.scaling.apply(source.data.dataset.X[rows], np.float64)
    inputs, others = with_images(drawn)[:3], with_images(drawn)[3:]
    for axes, image in zip(inputs, source.data.dataset.X[rows], strict=True):
        image = image.reshape(network.specification.input_shape)
        np.testing.assert_allclose(shown(axes), image[..., 0] if name == "gray" else image / 255, atol=1e-6)
    assert len(others) == 3 * 3 * 4
    shapes = [(7, 6, 5), (4, 3, 5), (3, 2, 6)] if name == "gray" else [(6, 8, 5), (3, 4, 5), (2, 3, 6)]
    for layer, shape in enumerate(shapes, start=1):
        h = encode_clean(network.parameters, network.statistics, x, layer).reshape(3, *shape)
        most = np.argsort(-h.reshape(-1, shape[2]).std(axis=0), kind="stable")[:4]
        line = others[12 * (layer - 1) : 12 * layer]
        for place, axes in enumerate(line):
            image, channel = place // 4, most[place % 4]
            assert axes.get_title() == f"channel {channel}"
            np.testing.assert_allclose(shown(axes), h[image, ..., channel], rtol=1e-6)


def test_rebuilt_layers_are_clean_noisy_and_rebuilt_in_one_range(gray: ModelSource) -> None:
    drawn = figures(gray, ["rebuilt-layers"])["rebuilt-layers"]
    state = gray.noisy.state
    rows = [int(axes.get_title().split()[1]) for axes in drawn.axes[:8]]
    places = [list(gray.noisy.indices).index(row) for row in rows]
    cells = iter(drawn.axes)
    for index, shape in enumerate([(7, 6, 1), (7, 6, 5), (4, 3, 5), (3, 2, 6)]):
        decoded = state.decoded[index]
        clean = decoded.target.z.reshape(-1, *shape)
        channel = clean[places].reshape(-1, shape[2]).std(axis=0).argmax()
        scale = 1 if index else 255  # inputs are shown as raw pixels
        limits = set()
        for values in (clean, decoded.z_tilde, decoded.z_hat_bn):
            for place in places:
                axes = next(cells)
                limits.add(axes.images[0].get_clim())
                expected = scale * values.reshape(-1, *shape)[place, ..., channel]
                np.testing.assert_allclose(shown(axes), expected, rtol=1e-6)
        assert len(limits) == 1
    assert next(cells, None) is None
    labels = [axes.get_ylabel() for axes in drawn.axes[::8]]
    assert labels[:4] == ["0: clean", "0: noisy", "0: rebuilt", labels[3]]
    assert labels[3].startswith("1: clean\nchannel ")


def in_pixels(source: ModelSource) -> dict[str, np.ndarray]:
    """The rows of the noisy pass of whitened images, as pixels by the formula, from 0 to 1."""
    state, scaling = source.noisy.state, source.predictor.scaling
    raw = source.data.dataset.X[source.noisy.indices].astype(float)
    means = raw.mean(axis=1, keepdims=True)
    length = np.linalg.norm(raw - means, axis=1, keepdims=True)
    versions = {
        "clean": state.batch.x_unlabeled,
        "noisy": state.decoded[0].z_tilde,
        "rebuilt": state.decoded[0].z_hat,
    }
    return {
        name: ((z.reshape(raw.shape) @ np.linalg.inv(scaling.whitening) + scaling.shift) * length / 55 + means) / 255
        for name, z in versions.items()
    }


@pytest.mark.parametrize("name", ["rebuilt-inputs", "rebuilt-layers"])
def test_whitened_inputs_are_shown_in_pixels_and_the_note_says_so(whitened: ModelSource, name: str) -> None:
    drawn = figures(whitened, [name])[name]
    columns = 10 if name == "rebuilt-inputs" else 8
    rows = [int(axes.get_title().split()[1]) for axes in drawn.axes[:columns]]
    for line, images in enumerate(in_pixels(whitened).values()):
        for column, row in enumerate(rows):
            image = images[list(whitened.noisy.indices).index(row)].reshape(6, 8, 3)
            axes = drawn.axes[columns * line + column]
            np.testing.assert_allclose(shown(axes), np.clip(image, 0, 1), atol=1e-3)
            if line == 0:
                raw = whitened.data.dataset.X[row].reshape(6, 8, 3)
                np.testing.assert_allclose(shown(axes), raw / 255, atol=2e-3)
    assert any("whitening undone" in text for text in texts(drawn))
    assert overlaps(drawn) == []


def test_mistakes_of_whitened_images_are_their_raw_pixels(whitened: ModelSource) -> None:
    first = figures(whitened, ["confusion"])["confusion"].subfigs[1].axes[0]
    row = int(first.get_title().split("row ")[1])
    np.testing.assert_allclose(shown(first), whitened.data.dataset.X[row].reshape(6, 8, 3) / 255, atol=1e-9)


def test_pictures_of_plain_pixels_have_no_note(colored: ModelSource) -> None:
    for drawn in figures(colored, ["rebuilt-inputs", "rebuilt-layers"]).values():
        assert not any("whitening" in text for text in texts(drawn))


def test_rebuilt_inputs_of_an_oblong_color_image_keep_its_form(colored: ModelSource) -> None:
    drawn = figures(colored, ["rebuilt-inputs"])["rebuilt-inputs"]
    assert {shown(axes).shape for axes in drawn.axes} == {(6, 8, 3)}
    row = int(drawn.axes[0].get_title().split()[1])
    np.testing.assert_allclose(shown(drawn.axes[0]), colored.data.dataset.X[row].reshape(6, 8, 3) / 255, atol=1e-6)


def test_only_layers_with_a_cost_are_rebuilt() -> None:
    source = source_of((7, 6, 1), denoising_weights=(0, 0, 1, 0, 0, 1))
    drawn = figures(source, ["rebuilt-layers"])["rebuilt-layers"]
    assert {axes.get_ylabel()[:2] for axes in drawn.axes[::8]} == {"2:"}
    top = source_of((7, 6, 1), denoising_weights=(0, 0, 0, 0, 0, 1))
    assert "no layer of images has a denoising cost" in str(figures(top, ["rebuilt-layers"])["rebuilt-layers"])


@pytest.mark.parametrize("name", ["gray", "colored"])
def test_no_text_lies_on_another(name: str, request: pytest.FixtureRequest) -> None:
    for drawn in figures(request.getfixturevalue(name), PICTURES).values():
        assert overlaps(drawn) == []


def test_without_being_asked_they_are_drawn_of_images_alone(gray: ModelSource, digits) -> None:
    assert set(PICTURES) <= set(figures(gray))
    assert not set(PICTURES) & set(figures(digits))
    for reason in figures(digits, PICTURES).values():
        assert isinstance(reason, NothingToDrawError)
        assert "not an image of a known height and width" in str(reason)


def test_what_is_missing_is_said() -> None:
    dense = figures(source_of((4, 4, 1), "6-3"), PICTURES)
    assert "is not a convolution" in str(dense["filters"])
    assert "no layer above the input is spatial" in str(dense["feature-maps"])
    assert not isinstance(dense["rebuilt-layers"], NothingToDrawError)  # the input alone
    no_rows = figures(source_of((7, 6, 1), rows=False), PICTURES)
    assert not isinstance(no_rows["filters"], NothingToDrawError)
    assert "holds no rows" in str(no_rows["feature-maps"])
    baseline = figures(source_of((7, 6, 1), denoising_weights=0.0), PICTURES)
    assert "without denoising" in str(baseline["rebuilt-layers"])
    with pytest.raises(InputError, match="nothing to draw"):
        draw_pngs(source_of((4, 4, 1), "6-3"), ["filters"])


def test_many_filters_and_deep_networks_are_thinned() -> None:
    deep = "-".join(["conv:70:3:same", *["conv:2:1"] * 10, "mean_pool", "2"])
    drawn = figures(source_of((3, 3, 1), deep), PICTURES)
    assert len(drawn["filters"].axes) == 64
    assert "64 of 70 filters" in texts(drawn["filters"])[0]
    assert len(with_images(drawn["rebuilt-layers"])) == 8 * 3 * 8
    lines = [axes.get_ylabel() for axes in drawn["feature-maps"].axes if axes.get_ylabel()]
    assert lines == ["input", "1: conv:70:3:same", *[f"{k}: conv:2:1" for k in (2, 4, 5, 7, 8, 10, 11)]]
