"""Clean, noisy and rebuilt inputs."""

import dataclasses

import numpy as np
import pytest
from picture_runs import NAMES, lines_of, overlaps, texts

from ladder_np.plots.decoder import choose_rows, rebuilt_inputs
from ladder_np.plots.sources import FeatureDisplay

pytest.importorskip("matplotlib", reason="the extra plot is not installed")


def passes(source) -> dict[str, np.ndarray]:
    """The three kinds of inputs, scaled as for the network."""
    state = source.noisy.state
    return {
        "clean": state.batch.x_unlabeled,
        "noisy": state.decoded[0].z_tilde,
        "rebuilt": state.decoded[0].z_hat,
    }


def test_rows_of_as_many_kinds_as_can_be_are_chosen() -> None:
    classes = np.array([4, 4, 4, 1, 4, 2, 2, 1])
    np.testing.assert_array_equal(choose_rows(classes, 3), [3, 5, 0])
    np.testing.assert_array_equal(choose_rows(classes, 5), [3, 5, 0, 7, 6])
    assert sorted(choose_rows(classes, 99)) == list(range(8))


def test_pixels_are_images_in_their_own_range(digits, digits_figures) -> None:
    axes = digits_figures["rebuilt-inputs"].axes
    assert len(axes) == 30
    numbers = [int(axes[place].get_title().removeprefix("row ")) for place in range(10)]
    positions = [list(digits.noisy.indices).index(number) for number in numbers]
    for line, values in enumerate(passes(digits).values()):
        for column, position in enumerate(positions):
            image = axes[10 * line + column].images[0]
            np.testing.assert_allclose(image.get_array(), 16 * values[position].reshape(8, 8), rtol=1e-6)
            assert image.get_clim() == (0, 16)
    assert [axes[place].get_ylabel() for place in (0, 10, 20)] == ["clean", "noisy", "rebuilt"]


def test_images_of_a_standardized_run_are_shown_in_raw_pixels(digits) -> None:
    scaling = dataclasses.replace(digits.predictor.scaling, shift=np.full(64, 5.0), scale=np.full(64, 0.5))
    predictor = dataclasses.replace(digits.predictor, scaling=scaling)
    figure = rebuilt_inputs(predictor, digits.noisy, digits.features)
    number = int(figure.axes[0].get_title().removeprefix("row "))
    x = passes(digits)["clean"][list(digits.noisy.indices).index(number)]
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), (x / 0.5 + 5).reshape(8, 8), rtol=1e-6)


def test_a_table_is_lines_over_its_features(table, table_figures) -> None:
    figure = table_figures["rebuilt-inputs"]
    assert len(figure.axes) == 6
    for axes in figure.axes:
        position = list(table.noisy.indices).index(int(axes.get_title().removeprefix("row ")))
        drawn = lines_of(axes)
        for kind, values in passes(table).items():
            np.testing.assert_allclose(drawn[kind], np.stack([np.arange(5), values[position]], axis=1))
        assert axes.get_ylabel() == "scaled value"
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        assert ticks == ["length", r"width \$cm\$", "<b>mass</b> &…", r"\$x^2", NAMES[4]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["clean", "noisy", "rebuilt"]


def test_the_title_tells_the_errors(table, table_figures) -> None:
    kinds = passes(table)
    noise, left = (((kinds[kind] - kinds["clean"]) ** 2).mean() for kind in ("noisy", "rebuilt"))
    assert f"150 training rows: mean squared error {noise:.3g} noisy, {left:.3g} rebuilt" in texts(
        table_figures["rebuilt-inputs"]
    )


def test_many_features_are_numbered_instead_of_named(digits) -> None:
    features = FeatureDisplay(tuple(f"feature {number}" for number in range(64)), None, None)
    figure = rebuilt_inputs(digits.predictor, digits.noisy, features)
    assert {axes.get_xlabel() for axes in figure.axes} == {"feature (index)"}
    assert overlaps(figure) == []
