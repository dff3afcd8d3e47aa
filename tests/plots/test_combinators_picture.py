"""The combinators' curves."""

import numpy as np
import pytest
from picture_runs import lines_of, make_run, overlaps, texts

from ladder_np import InputError
from ladder_np.experiments.run_folder import load_run_model
from ladder_np.plots import RunSource
from ladder_np.plots.decoder import NORMAL_QUANTILES, QUANTILES, combinators, typical_unit

pytest.importorskip("matplotlib", reason="the extra plot is not installed")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gaussian(parameters, layer, unit, z_tilde, u):
    """ẑ of one unit, written again from the paper."""
    a = [None, *(float(parameters[f"combinator.{layer}.a{number}"][unit]) for number in range(1, 11))]
    mu = a[1] * sigmoid(a[2] * u + a[3]) + a[4] * u + a[5]
    v = a[6] * sigmoid(a[7] * u + a[8]) + a[9] * u + a[10]
    return (z_tilde - mu) * v + mu


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
            np.testing.assert_allclose(z_hat, expected, rtol=1e-4, atol=1e-6)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("z̃", "ẑ")


def test_the_rows_behind_are_those_that_the_unit_met_colored_by_u(digits, digits_figures) -> None:
    state = digits.noisy.state
    for layer, axes in enumerate(digits_figures["combinators"].axes):
        unit = unit_of(axes)
        z_tilde = state.decoded[layer].z_tilde[:, unit]
        dots = next(one for one in axes.collections if one.get_label().startswith("rows"))
        np.testing.assert_allclose(
            dots.get_offsets(), np.stack([z_tilde, state.decoded[layer].z_hat[:, unit]], axis=1)
        )
        by_u = dots.get_facecolors()[state.decoded[layer].u[:, unit].argsort(kind="stable")]
        green = by_u[:, 1]  # rises all along the range of colors
        assert (np.diff(green) >= 0).all()


def test_the_line_that_copies_is_z_tilde_in_the_scale_of_z_hat(digits, digits_figures) -> None:
    statistics = digits.predictor.network.statistics
    for layer, axes in enumerate(digits_figures["combinators"].axes):
        z_tilde, copy = lines_of(axes)["ẑ that only copies z̃"].T
        unit = unit_of(axes)
        mu, sigma = (statistics.mu[layer][unit], statistics.sigma[layer][unit]) if layer else (0, 1)
        np.testing.assert_allclose((copy - mu) / sigma, z_tilde, rtol=1e-5)


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
            np.testing.assert_allclose(
                z_hat, gaussian(parameters, layer, unit_of(axes), z_tilde, u), rtol=1e-4, atol=1e-6
            )
        assert not [one for one in axes.collections if one.get_label().startswith("rows")]
    assert figure.axes[0].get_xlim() == pytest.approx((-0.75, 1.75))  # pixels from 0 to 1, and 2.5 σ of noise
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
