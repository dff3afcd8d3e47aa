"""A trace shows what the real passes compute: every value and gradient against test vectors and restatement."""

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strict_cupy
from equation_table import is_inside
from every_kind import EVERY_KIND
from restatement import intermediates

import ladder_np
from ladder_np import InputError
from ladder_np.arrays import Device
from ladder_np.inspection.trace import Reading, of_layer, trace_step
from ladder_np.inspection.vectors import make_vectors
from ladder_np.network.layers import resolve
from ladder_np.network.quantities import GIVEN, PARTS, WALK, WAY_BACK
from ladder_np.network.specification import Specification

N, M = 5, 7
PACKAGE = Path(ladder_np.__file__).parent
WEIGHTS = {
    "full": (2.0, 1.0, 0.5, 0.25),
    "top only": (0.0, 0.0, 0.0, 1.0),
    "bottom only": (3.0, 0.0, 0.0, 0.0),
    "middle": (0.0, 1.0, 2.0, 0.0),
    "baseline": (0.0, 0.0, 0.0, 0.0),
}
Readings = dict[tuple[str, int | None], Reading]

every_option = pytest.mark.parametrize(("activation", "combinator"), EVERY_KIND)


def network(**options: Any) -> Specification:
    """Return a network of three layers above the input whose noise and λs are all different."""
    usual = {"noise_std": (0.3, 0.2, 0.4, 0.1), "denoising_weights": WEIGHTS["full"], "dtype": "float64"}
    return Specification(**{"sizes": (6, 5, 4, 3), **usual, **options})


def trace(specification: Specification, device: Device | None = None) -> Readings:
    """Return the readings of a step by name and layer, which no two share."""
    readings = trace_step(specification, N, M, seed=2, device=device)
    found = {(reading.name, reading.layer): reading for reading in readings}
    assert len(found) == len(readings)
    return found


# ---- Values and gradients.


def of_vectors(name: str, layer: int | None, vectors: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return what the test vectors hold of a reading; None if nothing."""
    keys = {
        **{"z_tilde": f"corrupted/z.{layer}", "h_tilde": f"corrupted/h.{layer}", "z": f"clean/z.{layer}"},
        **{"mu": f"clean/mean.{layer}", "sigma": f"clean/std.{layer}", "u": f"decoder/u.{layer}"},
        **{"z_hat": f"decoder/z_hat.{layer}", "z_hat_bn": f"decoder/z_hat_bn.{layer}"},
        **{"supervised": "loss/supervised", "total": "loss/total", "dW": f"grad/encoder.{layer}.weight"},
        **{"dbeta": f"grad/encoder.{layer}.beta", "dgamma": f"grad/encoder.{layer}.gamma"},
        **{"dV": f"grad/decoder.{layer}.weight"},
    }
    if name == "cost":
        return vectors["loss/denoising"][layer]
    if name == "dcombinator":
        gradients = [value for key, value in vectors.items() if key.startswith(f"grad/combinator.{layer}.")]
        same = len({gradient.shape for gradient in gradients}) == 1
        return np.stack(gradients) if same else np.concatenate([gradient.ravel() for gradient in gradients])
    return vectors[keys[name]] if name in keys else None


@every_option
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_those_of_the_test_vectors_bit_by_bit(activation: str, combinator: str, dtype: str) -> None:
    specification = network(activation=activation, combinator=combinator, dtype=dtype)
    vectors = make_vectors(specification, N, M, seed=2)
    compared = 0
    for (name, layer), reading in trace(specification).items():
        expected = of_vectors(name, layer, vectors)
        if expected is not None:
            np.testing.assert_array_equal(reading.value, expected, err_msg=f"{name} {layer}", strict=True)
            compared += 1
    assert compared == 7 + 10 + 11 + 6 + 14  # corrupted, clean, decoder, costs, gradients of parameters


def restated(name: str, layer: int, of: dict[str, np.ndarray], corrupted: list[str]) -> np.ndarray:
    """Return what the restatement says of an intermediate; a tilde stands for the `corrupted` lanes that were run."""
    if not name.endswith("tilde") and "tilde_" not in name:
        return of[f"clean/{name}.{layer}"] if f"clean/{name}.{layer}" in of else of[f"decoder/{name}.{layer}"]
    short, _, lane = name.partition("_tilde")
    parts = [of[f"{lane}/{short}.{layer}"] for lane in ([lane.removeprefix("_")] if lane else corrupted)]
    if parts[0].ndim == 1 and len(parts) > 1:
        return np.stack(parts)
    return np.concatenate(parts)


@every_option
@pytest.mark.parametrize("cost", WEIGHTS)
def test_every_value_and_gradient_is_that_of_the_restatement(activation: str, combinator: str, cost: str) -> None:
    specification = network(activation=activation, combinator=combinator, denoising_weights=WEIGHTS[cost])
    vectors = make_vectors(specification, N, M, seed=2)
    values, gradients = intermediates(vectors, json.loads(str(vectors["meta"])))
    corrupted = ["labeled"] if cost == "baseline" else ["labeled", "unlabeled"]
    for (name, layer), reading in trace(specification).items():
        is_gradient = reading.part in WAY_BACK
        if layer is None or name in ("cost", "dW", "dV", "dbeta", "dgamma", "dcombinator"):
            expected = of_vectors(name, layer, vectors)
        elif (name, layer) == ("dh_tilde", specification.top):  # the cross-entropy goes to b̃ at once
            expected = gradients[f"unlabeled/h.{layer}"]
        else:
            of = gradients if is_gradient else values
            expected = restated(name.removeprefix("d") if is_gradient else name, layer, of, corrupted)
        assert reading.shape == expected.shape, name
        floor = 1e-14 * abs(float(vectors["loss/total"]))  # of a gradient that is zero but for rounding
        assert np.abs(reading.value - expected).max() <= 1e-9 * np.abs(expected).max() + floor, (name, layer)
        norm = pytest.approx(np.linalg.norm(expected), rel=1e-9, abs=10 * floor)
        assert reading.norm == (norm if is_gradient else None)
        assert reading.mean == pytest.approx(expected.mean(), rel=1e-9, abs=1e-12)
        assert reading.std == pytest.approx(expected.std(), rel=1e-9, abs=1e-12)


# ---- What is shown, in which order, and where it comes from.

# A network with one hidden layer, in the order of computation.
IN_ORDER = {
    "corrupted encoder": "z̃⁰ ã¹ μ̃¹ σ̃¹ BN(ã¹) z̃¹ b̃¹ h̃¹ ã² μ̃² σ̃² BN(ã²) z̃² b̃² h̃²",
    "clean encoder": "z⁰ a¹ μ¹ σ¹ z¹ b¹ h¹ a² μ² σ² z²",
    "decoder": "u² μ(u²) v(u²) ẑ² ẑ²_BN ẑ²V¹ u¹ μ(u¹) v(u¹) ẑ¹ ẑ¹_BN ẑ¹V⁰ u⁰ μ(u⁰) v(u⁰) ẑ⁰",
    "cost": "C_s C² C¹ C⁰ C",
    "way back, up the decoder": "dẑ⁰ du⁰ d(g⁰) d(ẑ¹V⁰) dV⁰ dẑ¹_BN dμ¹ dσ¹ dẑ¹ du¹ d(g¹) d(ẑ²V¹) dV¹ "
    "dẑ²_BN dμ² dσ² dẑ² du² d(g²) dh̃²",
    "way back, down the encoder": "db̃² db̃² dγ² dβ² dz̃² dz² dã² da² dW² dh̃¹ dh¹ db̃¹ db¹ dβ¹ dz̃¹ dz¹ dã¹ da¹ dW¹",
}


def test_stages_come_part_by_part_in_the_order_of_computation() -> None:
    readings = trace_step(Specification((4, 3, 2), dtype="float64"), N, M, seed=0)
    shown = {
        part: " ".join(reading.symbol for reading in rows)
        for part, rows in itertools.groupby(readings, lambda reading: reading.part)
    }
    assert shown == IN_ORDER
    assert list(shown) == [part for part in PARTS if part != GIVEN]


@every_option
def test_file_and_line_are_those_of_the_formula_in_the_function_that_is_named(
    activation: str, combinator: str
) -> None:
    for reading in trace(network(activation=activation, combinator=combinator)).values():
        lines = (PACKAGE / reading.file).read_text(encoding="utf-8").splitlines()
        line = lines[reading.line - 1].strip()
        assert not line.startswith(("def ", "#", '"""')), reading
        assert is_inside(lines, reading.line, reading.function.rpartition(".")[2]), reading


def test_every_computed_quantity_names_one_line_for_every_kind_of_layer() -> None:
    for activation, combinator in EVERY_KIND:
        layers = resolve(network(activation=activation, combinator=combinator))
        for quantity in (quantity for rows, _ in WALK for quantity in rows if quantity.part != GIVEN):
            for layer in layers[1:-1]:
                formula = quantity.formula(layer) if callable(quantity.formula) else quantity.formula
                assert formula is not None, quantity.name
                formula.place()  # raises if the line is gone


def test_every_kind_of_map_names_lines_that_are_there() -> None:
    specification = Specification(input_shape=(6, 6, 1), layers="conv:4:3-max_pool:2-mean_pool-5-3")
    for layer in resolve(specification):
        for formula in (*layer.up.lines.values(), *layer.down.lines.values()):
            assert formula.place()[1] > 0  # raises if the line is gone


def test_a_line_that_is_gone_is_an_error() -> None:
    found = next(quantity for rows, _ in WALK for quantity in rows if quantity.name == "bn_a_tilde")
    with pytest.raises(ValueError, match="normalize_forward has no line with 'z /= deviation'"):
        dataclasses.replace(found.formula, text="z /= deviation").place()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a_tilde", "return matmul(h, W)"),
        ("bn_a_tilde", "z[rows] /= sigma"),
        ("z_tilde", "part += z[rows.corrupted][some]"),
        ("z_hat", "z_hat += mu"),
        ("z_hat_bn", "part /= sigma"),
        ("cost", "return (difference * difference).mean(), difference"),
        ("da", "part /= sigma"),
    ],
)
def test_the_line_is_the_equation_s(name: str, line: str) -> None:
    reading = trace(network())[name, 1]
    assert (PACKAGE / reading.file).read_text(encoding="utf-8").splitlines()[reading.line - 1].strip() == line


def test_functions_are_those_that_the_options_choose() -> None:
    found = trace(network(activation="tanh", combinator="gated_gaussian"))
    functions = {name: found[name, 1].function for name in ("h_tilde", "db_tilde")}
    assert functions == {"h_tilde": "tanh_forward", "db_tilde": "tanh_backward"}
    assert (found["h_tilde", 1].equation, found["z_hat", 1].paper) == ("tanh(b̃¹)", "[P], GatedGauss")
    assert found["z_hat", 1].equation == "(z̃¹ − μ(u¹)) s(v(u¹)) + μ(u¹)"


@pytest.mark.parametrize(
    ("cost", "absent"),
    [
        ("baseline", {"a", "u", "z_hat", "cost", "du", "da", "db_tilde_unlabeled"}),
        ("top only", {"vertical", "dV", "dvertical"}),
        ("bottom only", {"a", "mu", "z_hat_bn", "da", "dz", "dmu", "dsigma"}),
    ],
)
def test_what_no_weight_asks_for_is_not_run_and_not_shown(cost: str, absent: set[str]) -> None:
    names = {name for name, _ in trace(network(denoising_weights=WEIGHTS[cost]))}
    assert {"z_tilde", "h_tilde", "total", "db_tilde_labeled", "dW"} <= names
    assert not absent & names


def test_constant_targets_take_no_gradient() -> None:
    names = {name for name, _ in trace(network(stop_gradient_targets=True))}
    assert not {"dmu", "dsigma", "dz", "da", "dh", "db"} & names
    assert {"z", "mu", "sigma", "dz_hat_bn", "dz_tilde"} <= names


def test_the_equations_say_whose_statistics_the_labeled_rows_have() -> None:
    for whose, half, da in (
        ("own", "each half", "(dz̃² − m − BN(ã²) s)/σ̃²"),
        ("unlabeled", "unlabeled half", "labeled dz̃²/σ̃², unlabeled (dz̃² − m − BN(ã²) s)/σ̃²"),
    ):
        found = trace(network(labeled_statistics=whose))
        assert found["mu_tilde", 2].equation == f"mean ã², {half}"
        assert found["sigma_tilde", 2].equation == f"sqrt(var ã² + ε), {half}"
        assert found["da_tilde", 2].equation == da


def test_one_layer_s_stages_are_those_of_the_whole_trace() -> None:
    readings = trace_step(network(), N, M, seed=2)
    chosen = [of_layer(readings, layer) for layer in range(4)]
    assert sum(map(len, chosen)) == len(readings) - 2  # C and its supervised part belong to no layer
    assert all(reading.layer == layer for layer, rows in enumerate(chosen) for reading in rows)


@pytest.mark.parametrize("layer", [-1, 4, 99])
def test_a_layer_that_is_not_there_is_refused(layer: int) -> None:
    with pytest.raises(InputError, match=f"^layer {layer}: the network has layers 0, the input, to 3, the classes$"):
        of_layer(trace_step(network(), N, M, seed=2), layer)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(InputError, match="1 labeled rows"):
        trace_step(network(), 1, M, seed=0)


def test_what_is_infinite_is_shown_without_a_warning() -> None:
    found = trace(network(noise_std=(1e300, 0.0, 0.0, 0.0)))
    assert np.isinf(found["sigma_tilde", 1].mean)
    assert found["sigma_tilde", 1].rounding == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_zero_but_for_rounding_is_below_its_bound_and_nothing_else_is(dtype: str) -> None:
    found = trace(network(activation="linear", dtype=dtype))
    for layer in (1, 2, 3):
        for name in ("bn_a_tilde", "z", "u", "da_tilde"):  # batch norm's results, and its gradients, sum to zero
            assert abs(found[name, layer].mean) < found[name, layer].rounding
    # A shift before a batch norm does nothing, were it not for the lateral connections and the decoder's top.
    without_decoder = trace(network(activation="linear", dtype=dtype, denoising_weights=0.0))
    small = {
        key
        for key, reading in without_decoder.items()
        if reading.norm is not None and reading.norm < reading.rounding
    }
    assert small == {("dbeta", 1), ("dbeta", 2)}


def test_a_trace_computes_what_a_step_without_one_computes() -> None:
    """Passes that keep everything give the same values as those that reuse memory."""
    vectors = make_vectors(network(), N, M, seed=2)
    for name in ("dW", "dbeta"):
        reading = trace(network())[name, 1]
        np.testing.assert_array_equal(reading.value, of_vectors(name, 1, vectors))


# ---- On a device.


@pytest.mark.parametrize("fused", [False, True])
def test_on_a_device_the_plain_formulas_run_and_give_numpys_bits(fused: bool) -> None:
    ours, expected = trace(network(), Device("strict", xp=strict_cupy, fused=fused)), trace(network())
    assert ours.keys() == expected.keys()
    for key, reading in expected.items():
        np.testing.assert_array_equal(ours[key].value, reading.value, strict=True)
        assert (ours[key].file, ours[key].line) == (reading.file, reading.line)
