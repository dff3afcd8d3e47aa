"""Kinds of layers, combinators and activations are rows of tables: made-up ones, registered here, work everywhere."""

import dataclasses
import functools
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from restatement import recompute

from ladder_np import InputError, LadderClassifier, LadderNetwork
from ladder_np.commands import main
from ladder_np.inspection.gradcheck import check_network
from ladder_np.inspection.trace import trace_step
from ladder_np.inspection.vectors import compare_vectors, make_vectors
from ladder_np.network.layers import resolve
from ladder_np.network.passes import Batch
from ladder_np.network.specification import LABELED_STATISTICS, Specification
from ladder_np.operations.activations import ACTIVATIONS, Activation
from ladder_np.operations.combinators import COMBINATORS, Combinator, Initial
from ladder_np.operations.maps import MAPS, Map, MapPair, Shape
from ladder_np.training.step import TrainingStep

# ---- A linear map with a weight and a mirror, one without either, which pools, and a combinator and an activation.


def diagonal(below: Shape) -> MapPair:
    """Each unit times a weight of its own, up and down."""

    def forward(h: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return h * W, h

    def backward(da: np.ndarray, W: np.ndarray, h: np.ndarray, dW: np.ndarray, wanted: bool) -> np.ndarray | None:
        dW[...] = (h[: len(da)] * da).sum(axis=0)
        return da * W if wanted else None

    def initialize(generator: np.random.Generator) -> np.ndarray:
        return generator.uniform(0.5, 1.5, below[-1:])

    one = Map(below, below, below[-1:], initialize, forward, backward)
    return one, one


def halves(below: Shape) -> MapPair:
    """The mean over pairs of rows of pixels; down, each repeated. Linear and without weight, as pooling is."""
    if len(below) != 3 or below[0] % 2:
        raise InputError(f"expected an even height, got {below}")
    above = (below[0] // 2, *below[1:])
    inner = math.prod(below[1:])

    def mean(h: np.ndarray, W: None) -> tuple[np.ndarray, None]:
        return h.reshape(-1, above[0], 2, inner).mean(axis=2).reshape(-1, below[-1]), None

    def repeat(h: np.ndarray, W: None) -> tuple[np.ndarray, None]:
        return np.repeat(h.reshape(-1, above[0], 1, inner), 2, axis=2).reshape(-1, below[-1]), None

    def mean_backward(da: np.ndarray, W: None, kept: None, dW: None, wanted: bool) -> np.ndarray | None:
        return repeat(da, W)[0] / 2 if wanted else None

    def repeat_backward(da: np.ndarray, W: None, kept: None, dW: None, wanted: bool) -> np.ndarray | None:
        return 2 * mean(da, W)[0] if wanted else None

    up = Map(below, above, None, None, mean, mean_backward, activation="linear")
    return up, Map(above, below, None, None, repeat, repeat_backward)


def bend_forward(b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    return np.arcsinh(b, out=out)


def bend_backward(dh: np.ndarray, h: np.ndarray) -> np.ndarray:
    return dh / np.cosh(h)


def blend_forward(z_tilde: np.ndarray, u: np.ndarray, a: dict[str, np.ndarray]) -> tuple[np.ndarray, tuple]:
    """ẑ = lateral z̃ + vertical · (1, u, u²): a parameter (units,) and one (3, units)."""
    powers = np.stack([np.ones_like(u), u, u * u])
    return a["lateral"] * z_tilde + np.einsum("krj,kj->rj", powers, a["vertical"]), (z_tilde, powers)


def blend_backward(dz_hat: np.ndarray, u: np.ndarray, a: dict[str, np.ndarray], cache: tuple) -> tuple:
    z_tilde, powers = cache
    da = {"lateral": (dz_hat * z_tilde).sum(axis=0), "vertical": np.einsum("krj,rj->kj", powers, dz_hat)}
    return dz_hat * a["lateral"], dz_hat * (a["vertical"][1] + 2 * a["vertical"][2] * u), da


BLEND = Combinator(
    {"lateral": Initial(1.0, std=0.1), "vertical": Initial(0.0, std=0.1, shape=lambda units: (3, units))},
    blend_forward,
    blend_backward,
    equation="b z̃{l} + polynomial of u{l}",
    slope="b",
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAPS, "diagonal", diagonal)
    monkeypatch.setitem(MAPS, "halves", halves)
    monkeypatch.setitem(COMBINATORS, "blend", BLEND)
    monkeypatch.setitem(ACTIVATIONS, "bend", Activation(bend_forward, bend_backward))


LAYERS = {
    "a map among dense ones": {"sizes": (5, 6, "diagonal", 4, 3)},
    "spatial": {"layers": "diagonal-halves-diagonal-halves-5-3", "input_shape": (4, 3, 2)},
}
KINDS = list(itertools.product(LAYERS, ("gaussian", "blend"), ("relu", "bend")))


def specification(
    layers: str, combinator: str = "gaussian", activation: str = "tanh", **others: Any
) -> Specification:
    return Specification(**LAYERS[layers], combinator=combinator, activation=activation, dtype="float64", **others)


@pytest.mark.parametrize(("layers", "combinator", "activation"), KINDS)
def test_the_gradient_of_the_whole_cost_is_right(layers: str, combinator: str, activation: str) -> None:
    for stop, statistics in itertools.product((False, True), LABELED_STATISTICS):
        others = {"stop_gradient_targets": stop, "labeled_statistics": statistics}
        made = specification(layers, combinator, activation, denoising_weights=0.7, **others)
        checks = check_network(made, 6, 8, seed=0)
        assert {check.name for check in checks} == set(LadderNetwork.from_specification(made).parameters)
        assert [check.name for check in checks if not check.passed] == []


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("lowest", [0, 1, 2])
def test_it_is_right_where_some_layers_are_not_denoised(layers: str, lowest: int) -> None:
    count = len(specification(layers).sizes)
    lambdas = [1.0 if layer >= lowest and layer % 2 == lowest % 2 else 0.0 for layer in range(count)]
    checks = check_network(specification(layers, denoising_weights=lambdas), 6, 8, seed=0)
    assert [check.name for check in checks if not check.passed] == []


def test_a_wrong_gradient_of_a_made_up_map_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(below: Shape) -> MapPair:
        up, down = halves(below)
        return dataclasses.replace(up, backward=lambda *arguments: 1.001 * up.backward(*arguments)), down

    monkeypatch.setitem(MAPS, "halves", wrong)
    checks = check_network(specification("spatial", denoising_weights=1.0), 6, 8, seed=0)
    wrong = [check.name for check in checks if not check.passed]  # no scale of a unit passes a batch norm
    assert wrong == ["encoder.1.beta", "encoder.3.beta"]


@pytest.mark.parametrize(("layers", "combinator", "activation"), KINDS)
def test_vectors_name_every_layer_and_have_its_shape(layers: str, combinator: str, activation: str) -> None:
    made = specification(layers, combinator, activation)
    vectors = make_vectors(made, 5, 7, seed=1)
    for layer in resolve(made):
        assert vectors[f"corrupted/z.{layer.index}"].shape == (12, *layer.shape)
        assert vectors[f"clean/z.{layer.index}"].shape == (7, *layer.shape)
        assert vectors[f"decoder/u.{layer.index}"].shape == (7, *layer.shape)
        assert vectors[f"noise/{layer.index}"].shape == (12, *layer.shape)
        if layer.index:
            assert vectors[f"clean/std.{layer.index}"].shape == (layer.units,)
    parameters = LadderNetwork.from_specification(made).parameters
    assert {key.removeprefix("grad/") for key in vectors if key.startswith("grad/")} == set(parameters)
    assert all(vectors[f"grad/{name}"].shape == view.shape for name, view in parameters.items())


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("combinator", ["gaussian", "gated_gaussian"])
def test_version_2_is_that_of_an_independent_restatement(layers: str, activation: str, combinator: str) -> None:
    # ε is large: with a small one a diagonal weight's gradient, behind whose map a batch norm follows, is rounding
    others = {"denoising_weights": 0.7, "noise_std": 0.4, "batch_norm_eps": 0.1}
    vectors = make_vectors(specification(layers, combinator, activation, **others), 5, 7, seed=1)
    expected = recompute(vectors, json.loads(str(vectors["meta"])))
    assert set(expected) == {key for key in vectors if not key.startswith(("meta", "param/", "input/", "noise/"))}
    differences = compare_vectors(vectors, expected, 1e-10)
    assert [difference.key for difference in differences if not difference.passed] == []


def test_version_2_says_what_each_layer_is() -> None:
    meta = json.loads(str(make_vectors(specification("spatial"), 5, 7, seed=1)["meta"]))
    assert (meta["version"], meta["input_shape"], meta["sizes"]) == (2, [4, 3, 2], [24, 24, 12, 12, 6, 5, 3])
    assert meta["layers"] == ["diagonal", "halves", "diagonal", "halves", "5", "3"]
    assert meta["activation"] == ["tanh", "linear", "tanh", "linear", "tanh", "linear"]
    assert meta["has_beta"] == [True, False, True, False, True, True]
    assert meta["has_gamma"] == [False, False, False, False, False, True]


def test_a_dense_layer_written_out_is_the_same_network_and_gives_version_1() -> None:
    made = Specification((4, "dense:3", 2))
    assert made == Specification((4, 3, 2))
    assert json.loads(str(make_vectors(made, 5, 7, seed=1)["meta"]))["version"] == 1


@pytest.mark.parametrize(("layers", "combinator", "activation"), KINDS)
def test_a_trace_shows_every_stage_with_its_line_of_code(layers: str, combinator: str, activation: str) -> None:
    readings = trace_step(specification(layers, combinator, activation, denoising_weights=1.0), 5, 7, seed=1)
    assert len({(reading.part, reading.name, reading.layer) for reading in readings}) == len(readings) > 60
    assert all(reading.line > 0 and np.isfinite(reading.value).all() for reading in readings)
    by_name = {(reading.name, reading.layer): reading for reading in readings}
    if combinator == "blend":
        assert by_name["z_hat", 1].equation == "b z̃¹ + polynomial of u¹"
        assert by_name["z_hat", 1].file == "test_kinds.py"
    assert by_name["h_tilde", 1].equation == f"{activation}(b̃¹)"


def test_a_trace_names_the_map_that_computed_each_gradient() -> None:
    readings = trace_step(specification("a map among dense ones", denoising_weights=1.0), 5, 7, seed=1)
    functions = {(reading.name, reading.layer): (reading.equation, reading.function) for reading in readings}
    # layers 5, 6, diagonal, 4, 3: the diagonal is the map up to layer 2 and, mirrored, down to layer 1
    assert functions["dh", 1] == ("mapᵀ(da²)", "diagonal.<locals>.backward")
    assert functions["dh_tilde", 1] == ("mapᵀ(dã²)", "diagonal.<locals>.backward")
    assert functions["dh", 2] == ("da³ W³ᵀ", "dense_backward_input")
    assert functions["dW", 2] == ("from h̃¹ and dã² + from h¹ and da²", "diagonal.<locals>.backward")
    assert functions["dV", 1] == ("from ẑ² and d(ẑ²V¹)", "diagonal.<locals>.backward")
    assert functions["dV", 2] == ("ẑ³ᵀ d(ẑ³V²)", "dense_backward_weight")
    assert functions["dz_hat", 1][0] == "dẑ¹_BN/σ¹ + d(ẑ¹V⁰) V⁰ᵀ"
    assert functions["dz_hat", 2][0] == "dẑ²_BN/σ² + mapᵀ(d(ẑ²V¹))"


def test_a_step_with_functions_of_any_sort_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    relu = ACTIVATIONS["relu"]
    odd = Activation(functools.partial(relu.forward), eval("lambda dh, h: dh * (h > 0)"))
    monkeypatch.setitem(ACTIVATIONS, "odd", odd)
    readings = trace_step(Specification((4, 3, 2), activation="odd"), 5, 7, seed=1)
    by_name = {(reading.name, reading.layer): reading for reading in readings}
    assert by_name["h_tilde", 1].equation == "odd(b̃¹)"
    assert by_name["h_tilde", 1].function == "relu_forward"
    assert (by_name["db_tilde", 1].file, by_name["db_tilde", 1].line) == ("?", 0)


def test_a_combinator_may_have_no_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    lateral = Combinator({}, lambda z, u, a: (z.copy(), ()), lambda dz_hat, u, a, cache: (dz_hat.copy(), 0 * u, {}))
    monkeypatch.setitem(COMBINATORS, "lateral", lateral)
    made = specification("a map among dense ones", "lateral", denoising_weights=1.0)
    assert all(check.passed for check in check_network(made, 6, 8, seed=0))
    assert not [reading for reading in trace_step(made, 5, 7, seed=1) if reading.name == "dcombinator"]


def test_checks_leave_the_starting_point_whatever_a_parameter_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(z_tilde: np.ndarray, u: np.ndarray, a: dict[str, np.ndarray]) -> tuple[np.ndarray, tuple]:
        return a["my.weight"] * z_tilde + a["gamma"], (z_tilde,)

    def backward(dz_hat: np.ndarray, u: np.ndarray, a: dict[str, np.ndarray], cache: tuple) -> tuple:
        da = {"my.weight": (dz_hat * cache[0]).sum(axis=0), "gamma": dz_hat.sum(axis=0)}
        return 5 * dz_hat * a["my.weight"], 0 * u, da  # five times too much

    row = Combinator({"my.weight": Initial(0.0), "gamma": Initial(0.0)}, forward, backward)
    monkeypatch.setitem(COMBINATORS, "wrong", row)
    checks = check_network(specification("a map among dense ones", "wrong", denoising_weights=1.0), 6, 8, seed=0)
    assert "encoder.1.weight" in {check.name for check in checks if not check.passed}


def test_a_map_may_return_a_view_of_what_it_got(monkeypatch: pytest.MonkeyPatch) -> None:
    def flatten(below: Shape, copied: bool) -> MapPair:
        above = (math.prod(below),)

        def one(input_shape: Shape, output_shape: Shape) -> Map:
            def forward(h: np.ndarray, W: None) -> tuple[np.ndarray, None]:
                a = h.reshape(-1, output_shape[-1])
                return (a.copy() if copied else a), None

            def backward(da: np.ndarray, W: None, kept: None, dW: None, wanted: bool) -> np.ndarray | None:
                return da.reshape(-1, input_shape[-1]) if wanted else None

            return Map(input_shape, output_shape, None, None, forward, backward, activation="linear")

        return one(below, above), one(above, below)

    results = []
    for copied in (False, True):
        monkeypatch.setitem(MAPS, "flatten", lambda below, copied=copied: flatten(below, copied))
        made = Specification(layers="flatten-6-flatten-3", input_shape=(2, 2, 3), dtype="float64")
        network = LadderNetwork.from_specification(made, seed=0)
        x = np.random.default_rng(0).normal(size=(30, 12))
        before, y, step = x.copy(), np.arange(10) % 3, TrainingStep(network, seed=0)
        costs = [float(step.run(Batch(x[:10], y, x), 0.01).total) for _ in range(5)]
        network.estimate_statistics(lambda x=x: [x])
        results.append((costs, network.predict_proba(x)))
        np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_a_kind_whose_maps_do_not_fit_together_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAPS, "crooked", lambda below: (halves(below)[0], halves(below)[0]))
    with pytest.raises(InputError, match=r"layer 1, 'crooked': its maps have the shapes up.input, down.input"):
        Specification(layers="crooked-3", input_shape=(4, 3, 2))
    up, down = diagonal((2,))
    monkeypatch.setitem(MAPS, "half", lambda below: (dataclasses.replace(up, initialize=None), down))
    with pytest.raises(InputError, match="layer 1, 'half': a map needs both weight and initialize, or neither"):
        Specification((2, "half", 3))


@pytest.mark.parametrize(("layers", "combinator", "activation"), KINDS)
def test_training_makes_the_cost_fall_and_prediction_right(layers: str, combinator: str, activation: str) -> None:
    made = specification(layers, combinator, activation, denoising_weights=0.1)
    network = LadderNetwork.from_specification(made, seed=0)
    generator = np.random.default_rng(0)
    y = np.arange(40) % made.sizes[-1]
    x = generator.normal(size=(40, made.sizes[0])) + 5 * generator.normal(size=(made.sizes[-1], made.sizes[0]))[y]
    step, losses = TrainingStep(network, seed=0), []
    for _ in range(250):
        losses.append(float(step.run(Batch(x[:20], y[:20], x), 0.01).total))
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    network.estimate_statistics(lambda: [x])
    assert (network.predict_proba(x).argmax(axis=1) == y).mean() > 0.9


def test_an_estimator_with_made_up_kinds_is_trained_saved_and_loaded(tmp_path: Any) -> None:
    generator = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = generator.normal(size=(90, 4)) + 6 * generator.normal(size=(3, 4))[y]
    labels = np.where(np.arange(90) < 30, y, -1)
    model = LadderClassifier((8, "diagonal", 6), "bend", combinator="blend", max_iter=100, random_state=0)
    model.fit(X, labels)
    assert model.score(X, y) > 0.85
    model.save(tmp_path / "model.npz")
    loaded = LadderClassifier.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    same = LadderClassifier("8-diagonal-6", "bend", combinator="blend", max_iter=100, random_state=0).fit(X, labels)
    np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))


# ---- What a general layer needs to be decided (the reference code), and what cannot be.


def test_a_layer_whose_map_is_linear_by_itself_has_no_shift() -> None:
    layers = resolve(specification("spatial", activation="relu"))
    assert [layer.has_beta for layer in layers] == [False, True, False, True, False, True, True]
    assert [layer.activation is ACTIVATIONS["linear"] for layer in layers[1:]] == [
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert "encoder.2.beta" not in LadderNetwork.from_specification(specification("spatial")).parameters


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "linear"])
def test_only_the_softmax_layer_has_a_scale_whatever_the_activation(activation: str) -> None:
    layers = resolve(Specification((4, 5, 3), activation=activation))
    assert [layer.has_gamma for layer in layers] == [False, False, True]
    assert [layer.has_beta for layer in layers] == [False, True, True]


def test_spatial_layers_are_normalized_and_noisy_per_channel_over_rows_and_positions() -> None:
    made = specification("spatial", denoising_weights=1.0)
    vectors = make_vectors(made, 5, 7, seed=1)
    a = vectors["clean/z.1"]  # layer 2 is the mean over pairs of pixel rows, of layer 1's activations
    h = np.tanh(a + vectors["param/encoder.1.beta"]).reshape(7, 2, 2, 3, 2).mean(axis=2)
    np.testing.assert_allclose(vectors["clean/mean.2"], h.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(vectors["clean/std.2"], np.sqrt(h.var(axis=(0, 1, 2)) + 1e-10), rtol=1e-12)
    assert vectors["param/combinator.2.a1"].shape == (2,)
    z_hat_bn, z = vectors["decoder/z_hat_bn.2"], vectors["clean/z.2"]
    assert vectors["loss/denoising"][2] == pytest.approx(((z_hat_bn - z) ** 2).mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sizes": (5, "mystery:3", 2)}, r"layer 1, 'mystery:3': unknown kind of layer; give a number"),
        ({"sizes": (5, "diagonal:3", 2)}, r"layer 1, 'diagonal:3': diagonal does not take 1 values"),
        ({"sizes": ((3, 4, 2), "halves", 2)}, r"layer 1, 'halves', on a layer of shape .3, 4, 2.: expected an even"),
        ({"sizes": ((4, 4, 2), "halves")}, r"the last one has the shape \(2, 4, 2\), expected \(classes,\)"),
        ({"layers": "3-2"}, "layers and input_shape: expected both"),
        ({"layers": (3, 2.5), "input_shape": 4}, "expected texts, for example '1000-500-10'"),
        ({"layers": "3-2", "input_shape": (4, 4)}, r"input shape \(4, 4\): expected \(features,\) or \(height"),
        ({"layers": "0-2", "input_shape": 4}, "units '0': expected a whole number from 1"),
        ({"sizes": (4, 3, 2), "layers": "5-2", "input_shape": 4}, "differ; give one of them"),
    ],
)  # fmt: skip
def test_layers_that_cannot_be_are_refused_in_one_line(fields: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Specification(**fields)
    assert "\n" not in str(caught.value)


def test_a_description_survives_json() -> None:
    for layers in LAYERS:
        made = specification(layers)
        assert "sizes" not in made.as_json()
        assert Specification.from_json(made.as_json()) == made
    dense = Specification((4, 5, 3))
    assert {"layers", "input_shape"}.isdisjoint(dense.as_json())
    assert str(dense) == "4-5-3"
    assert str(specification("spatial")) == "4x3x2-diagonal-halves-diagonal-halves-5-3"


def test_samples_and_noise_may_have_the_shapes_of_their_layers_as_in_the_vectors() -> None:
    made = specification("spatial", denoising_weights=1.0)
    vectors = make_vectors(made, 5, 7, seed=1)
    network = LadderNetwork.from_specification(made)
    for name, view in network.parameters.items():
        view[...] = vectors[f"param/{name}"]
    batch = [vectors[f"input/{name}"] for name in ("x_labeled", "y", "x_unlabeled")]
    losses, gradients = network.loss_and_gradients(*batch, [vectors[f"noise/{layer}"] for layer in range(7)])
    assert losses.total == vectors["loss/total"]
    np.testing.assert_array_equal(gradients["decoder.0.weight"], vectors["grad/decoder.0.weight"])


def test_a_run_with_made_up_kinds_is_trained_resumed_and_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    network = "--hidden-layers 8-diagonal-dense:6 --combinator blend --activation bend"  # dense:6 is 6
    assert main(["train", *network.split(), "--epochs", "2", "--no-baseline", "--out", "run"]) == 0
    for command in ("train --resume run", "evaluate run", "predict run/model.npz rows.npy --out classes.csv"):
        np.save("rows.npy", np.zeros((3, 64), np.uint8))
        assert main(command.split()) == 0
    assert "64-8-diagonal-6-10" in capsys.readouterr().out
    description = json.loads(Path("run/config.json").read_text())
    assert description["network"]["layers"] == ["8", "diagonal", "6", "10"]
    assert LadderClassifier.load("run/model.npz").hidden_layer_sizes == (8, "diagonal", 6)
