"""Pictures of the decoder: rebuilt inputs, and the combinators' curves."""

import dataclasses

import numpy as np
import pytest
from picture_runs import NAMES, lines_of, make_run, overlaps, texts

from ladder_np import InputError
from ladder_np.experiments.run_folder import load_run_model
from ladder_np.plots import RunSource
from ladder_np.plots.decoder import (
    NORMAL_QUANTILES,
    QUANTILES,
    choose_rows,
    combinators,
    rebuilt_inputs,
    typical_unit,
)
from ladder_np.plots.features import FeatureDisplay

pytest.importorskip("matplotlib", reason="the extra plot is not installed")


# ---- Rebuilt inputs.


def passes(source) -> dict[str, np.ndarray]:
    """The three kinds of inputs, scaled as for the network."""
    state = source.noisy.state
    return {
        "clean": state.batch.x_unlabeled,
        "noisy": state.decoded[0].z_tilde,
        "rebuilt": state.decoded[0].z_hat,
    }


def row_of(axes) -> int:
    return int(axes.get_title().split()[1].removesuffix(":"))


@pytest.mark.parametrize("data", ["digits", "table"])
def test_a_row_has_the_class_that_the_model_predicts_for_it_with_noise(request, data: str) -> None:
    source, figure = (request.getfixturevalue(name) for name in (data, f"{data}_figures"))
    state = source.noisy.state
    p = state.classified.p[state.passes.rows[-1].unlabeled]
    for axes in figure["rebuilt-inputs"].axes[:6]:
        position = list(source.noisy.indices).index(row_of(axes))
        assert axes.get_title().split()[-1] == str(source.predictor.classes[p[position].argmax()])


def test_rows_of_as_many_kinds_as_can_be_are_chosen() -> None:
    classes = np.array([4, 4, 4, 1, 4, 2, 2, 1])
    np.testing.assert_array_equal(choose_rows(classes, 3), [3, 5, 0])
    np.testing.assert_array_equal(choose_rows(classes, 5), [3, 5, 0, 7, 6])
    assert sorted(choose_rows(classes, 99)) == list(range(8))


def test_pixels_are_images_in_their_own_range(digits, digits_figures) -> None:
    axes = digits_figures["rebuilt-inputs"].axes
    assert len(axes) == 30
    numbers = [row_of(axes[place]) for place in range(10)]
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
    number = row_of(figure.axes[0])
    x = passes(digits)["clean"][list(digits.noisy.indices).index(number)]
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), (x / 0.5 + 5).reshape(8, 8), rtol=1e-6)


def test_a_table_is_lines_over_its_features(table, table_figures) -> None:
    figure = table_figures["rebuilt-inputs"]
    assert len(figure.axes) == 6
    for axes in figure.axes:
        position = list(table.noisy.indices).index(row_of(axes))
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
    features = FeatureDisplay(tuple(f"feature {number}" for number in range(64)))
    figure = rebuilt_inputs(digits.predictor, digits.noisy, features)
    assert {axes.get_xlabel() for axes in figure.axes} == {"feature (index)"}
    assert overlaps(figure) == []


# ---- Combinators.


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gaussian(parameters, layer, unit, z_tilde, u):
    """ẑ of one unit, written again from the paper."""
    a = [None, *(float(parameters[f"combinator.{layer}.a{number}"][unit]) for number in range(1, 11))]
    mu = a[1] * sigmoid(a[2] * u + a[3]) + a[4] * u + a[5]
    v = a[6] * sigmoid(a[7] * u + a[8]) + a[9] * u + a[10]
    return (z_tilde - mu) * v + mu


def normalized(network, layer, unit, z_hat):
    """ẑ as the cost compares it: with the clean mean and deviation over all training rows."""
    if layer == 0:
        return z_hat
    return (z_hat - network.statistics.mu[layer][unit]) / network.statistics.sigma[layer][unit]


def unit_of(axes) -> int:
    return int(axes.get_title().split("unit ")[1].split()[0])


def test_there_is_a_panel_a_layer_and_each_curve_is_the_unit_s_own_combinator(digits, digits_figures) -> None:
    panels = digits_figures["combinators"].axes
    assert [axes.get_title().split(":")[0] for axes in panels] == ["layer 0 (input)", "layer 1", "layer 2", "layer 3"]
    for layer, axes in enumerate(panels):
        unit, drawn = unit_of(axes), lines_of(axes)
        for share in QUANTILES:
            u = np.quantile(digits.noisy.state.decoded[layer].u[:, unit], share)
            z_tilde, z_hat = drawn[f"u at its {100 * share:.0f} % quantile"].T
            expected = gaussian(digits.predictor.network.parameters, layer, unit, z_tilde, u)
            expected = normalized(digits.predictor.network, layer, unit, expected)
            np.testing.assert_allclose(z_hat, expected, rtol=1e-4, atol=1e-6)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("z̃", "ẑ, normalized as the clean z" if layer else "ẑ")


def test_all_panels_have_one_scale_so_that_slopes_can_be_compared(digits_figures) -> None:
    panels = digits_figures["combinators"].axes
    assert len({axes.get_xlim() for axes in panels}) == len({axes.get_ylim() for axes in panels}) == 1


def test_the_rows_behind_are_those_that_the_unit_met_colored_by_u(digits, digits_figures) -> None:
    state = digits.noisy.state
    for layer, axes in enumerate(digits_figures["combinators"].axes):
        unit = unit_of(axes)
        z_tilde = state.decoded[layer].z_tilde[:, unit]
        dots = next(one for one in axes.collections if one.get_label().startswith("rows"))
        z_hat = normalized(digits.predictor.network, layer, unit, state.decoded[layer].z_hat[:, unit])
        np.testing.assert_allclose(dots.get_offsets(), np.stack([z_tilde, z_hat], axis=1))
        by_u = dots.get_facecolors()[state.decoded[layer].u[:, unit].argsort(kind="stable")]
        green = by_u[:, 1]  # rises all along the range of colors
        assert (np.diff(green) >= 0).all()


def test_the_line_that_copies_has_slope_1_in_every_panel(digits_figures) -> None:
    for axes in digits_figures["combinators"].axes:
        (copy,) = [line for line in axes.lines if line.get_label() == "ẑ that only copies z̃"]
        assert (copy.get_xy1(), copy.get_slope()) == ((0, 0), 1)


def test_every_curve_is_inside_its_panel(digits_figures) -> None:
    for axes in digits_figures["combinators"].axes:
        low, high = axes.get_ylim()
        for label, line in lines_of(axes).items():
            if label.startswith("u at"):
                assert low < line[:, 1].min() <= line[:, 1].max() < high


def test_the_typical_unit_is_nearest_to_the_median_among_the_lively_whichever_way_u_points() -> None:
    z_tilde, u = np.linspace(-1, 1, 5), np.array([-1.0, 0, 1])
    slopes = np.array([9.0, 1.1, -1.0, 1.3, -9.0, 9.0])  # of u; the sign means nothing
    curves = z_tilde[None, :, None] + u[:, None, None] * slopes
    lively = np.ones(6, bool)
    lively[1] = False
    assert typical_unit(curves, np.array([False, True, True, True, False, False])) == 1
    assert typical_unit(curves, lively) in (0, 4, 5)
    assert typical_unit(curves[..., 1:4], np.array([True, True, True])) == 0
    assert typical_unit(curves[..., 1:4], np.array([False, True, True])) in (1, 2)


def test_a_pixel_that_never_changes_is_not_the_typical_one(tmp_path) -> None:
    generator = np.random.default_rng(0)
    X = np.zeros((80, 25), np.uint8)
    X[:, 20:] = generator.integers(0, 256, (80, 5))  # a few lively pixels: the median of all is a dead one
    np.savez(tmp_path / "pixels.npz", X=X, y=np.arange(80) % 2)
    run = RunSource(
        make_run(tmp_path / "run", dataset=str(tmp_path / "pixels.npz"), denoising_weights=(100, 0, 0, 0))
    )
    (only_for_the_input, *_) = combinators(run.decoder, run.noisy).axes
    assert unit_of(only_for_the_input) >= 20


def test_without_rows_the_curves_are_those_of_a_normal_u(digits) -> None:
    figure = combinators(digits.predictor, None)
    parameters = digits.predictor.network.parameters
    for layer, axes in enumerate(figure.axes):
        drawn = lines_of(axes)
        for share, u in zip(QUANTILES, NORMAL_QUANTILES, strict=True):
            z_tilde, z_hat = drawn[f"u at its {100 * share:.0f} % quantile"].T
            expected = gaussian(parameters, layer, unit_of(axes), z_tilde, u)
            expected = normalized(digits.predictor.network, layer, unit_of(axes), expected)
            np.testing.assert_allclose(z_hat, expected, rtol=1e-4, atol=1e-6)
        assert not [one for one in axes.collections if one.get_label().startswith("rows")]
    first, *_, last = lines_of(figure.axes[0])["u at its 50 % quantile"][:, 0]
    assert (first, last) == pytest.approx((-0.75, 1.75))  # pixels from 0 to 1, and 2.5 σ of noise
    assert any("the data is not available" in text for text in texts(figure))


def test_layers_below_the_lowest_denoised_one_are_left_out(tmp_path) -> None:
    run = RunSource(make_run(tmp_path / "run", denoising_weights=(0, 0, 1, 1), unlabeled_batch=400))
    figure = combinators(run.decoder, run.noisy)
    assert [axes.get_title().split(":")[0] for axes in figure.axes] == ["layer 2", "layer 3"]
    assert overlaps(figure) == []


def test_combinators_that_overflow_are_refused_in_one_line(tmp_path) -> None:
    predictor = load_run_model(make_run(tmp_path / "run", dtype="float64", unlabeled_batch=400), "cpu")
    for name in ("a1", "a5"):
        predictor.network.parameters[f"combinator.2.{name}"][...] = 1.5e308
    with pytest.raises(InputError, match="combinators of layer 2 give NaN or infinite values; train the model again"):
        combinators(predictor, None)
