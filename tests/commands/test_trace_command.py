"""`ladder-np trace`: a table that reads beside the paper, the same as JSON, a picture, and one line for nonsense."""

import importlib
import json
import re
import unicodedata

import numpy as np
import pytest
import strict_cupy
from command_files import assert_refused, listing

from ladder_np.arrays import Device
from ladder_np.commands import trace
from ladder_np.inspection.trace import trace_step
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

SMALL = "--sizes 5-4-3"
HEADINGS = [
    "[R] Algorithm 1, corrupted encoder",
    "[R] Algorithm 1, clean encoder",
    "[R] Algorithm 1, decoder",
    "[R] Algorithm 1, cost",
    "way back, up the decoder",
    "way back, down the encoder",
]
FIELDS = ["part", "name", "layer", "symbol", "equation", "paper", "function", "file", "line", "shape", "mean", "std"]


def places(line):
    """The characters of a line, by the column in which a terminal shows them: combining ones take none."""
    return "".join(character for character in line if not unicodedata.combining(character))


def rows_of(out):
    """The rows under each heading: {heading: [row, …]}."""
    blocks = [block.splitlines() for block in out.split("\n\n")[1:]]
    return {block[0].partition(" shape")[0].rstrip(): block[1:] for block in blocks}


def symbol(row):
    return row.split(" = ")[0].rstrip()


# ---- The table.


def test_the_table_shows_every_part_in_order_and_every_stage_of_it(command):
    outcome = command("trace", SMALL)
    assert (outcome.status, outcome.err) == (0, "")
    rows = rows_of(outcome.out)
    assert list(rows) == HEADINGS
    readings = trace_step(Specification((5, 4, 3), denoising_weights=1, dtype="float64"), 6, 9, 0)
    assert [symbol(row) for block in rows.values() for row in block] == [reading.symbol for reading in readings]


def test_it_says_first_what_was_run(command):
    options = "--activation tanh --combinator gated_gaussian --labeled 3 --unlabeled 5 --dtype float32 --seed 4"
    first = command("trace", SMALL, options).out.splitlines()[0]
    network = "5-4-3, tanh, combinator gated_gaussian"
    assert first == f"network {network}; N = 3 labeled, M = 5 unlabeled rows; float32, seed 4"


def test_a_network_with_images_reads_as_well(command):
    outcome = command("trace --sizes 7x6x2-conv:3:3-max_pool:2-conv:4:2:full-mean_pool-5-3")
    assert (outcome.status, outcome.err) == (0, "")
    text = " ".join(outcome.out.split())
    for stage in (
        "ã¹ = h̃⁰ * W¹ 15x5x4x3",
        "a² = max h¹ 9x3x2x3",
        "a⁴ = mean h³ 9x4",
        "ẑ⁴V³ = ẑ⁴ everywhere 9x4x3x4",
        "ẑ²V¹ = ẑ² repeated 9x5x4x3",
        "ẑ¹V⁰ = ẑ¹ * V⁰ 9x7x6x2",
        "dh̃¹ = dã² at max h̃¹ 15x5x4x3",
        "dh³ = da⁴/positions 9x4x3x4",
        "dh² = da³ * W³ turned 9x3x2x3",
        "dW³ = h̃² * dã³ + h² * da³ 2x2x3x4",
        "dẑ² = dẑ²_BN/σ² + Σ d(ẑ²V¹) over windows 9x3x2x3",
    ):
        assert stage in text, stage
    assert "μ³ = mean a³ 4 0 0 operations" in text  # of a layer whose mean is 0 below, without a shift
    for block in places(outcome.out).split("\n\n")[1:]:
        heading, *rows = block.splitlines()
        function = heading.index("function")
        assert all(re.match(r"(network|operations)/[\w/]+\.py:\d+ [\w.]+$", row[function:]) for row in rows)


@pytest.mark.parametrize(
    ("activation", "combinator"), [*((name, "gaussian") for name in ACTIVATIONS), *(("relu", g) for g in COMBINATORS)]
)
@pytest.mark.parametrize("layer", ["", "--layer 0", "--layer 1"])
def test_columns_stand_below_each_other(command, combinator, activation, layer):
    out = command("trace", SMALL, layer, "--combinator", combinator, "--activation", activation).out
    for block in places(out).split("\n\n")[1:]:
        heading, *rows = block.splitlines()
        function, shape = heading.index("function"), heading.index("shape") + len("shape")
        for row in rows:
            assert re.match(r"(network|operations)/[\w/]+\.py:\d+ [\w.]+( \(\[[PR]\].*\))?$", row[function:]), row
            assert row[function - 2 : function] == "  ", row
            assert re.search(r" (\d+|\d+x\d+|-)$", row[:shape]), row
            assert len(re.sub(r" \(\[[PR]\].*", "", row)) <= 125, row
    assert max(map(len, places(out).split("\n\n")[0].splitlines())) <= 118


def test_numbers_have_three_digits_and_rounding_is_zero(command):
    rows = [row for block in rows_of(command("trace", SMALL).out).values() for row in block]
    readings = trace_step(Specification((5, 4, 3), denoising_weights=1, dtype="float64"), 6, 9, 0)
    zeros = set()
    for row, reading in zip(rows, readings, strict=True):
        shown = re.search(r"  +(?:\d+x\d+|\d+|-) +([^/=]+)  (?:network|operations)/", row)[1].split()
        given = [reading.mean, *([reading.std] if reading.shape else []), *([reading.norm] if reading.norm else [])]
        np.testing.assert_allclose([float(text) for text in shown], given, rtol=5e-3, atol=1e-12, err_msg=row)
        zeros |= {reading.symbol} if "0" in shown else set()
        assert all(len(re.sub(r"e.*|^-?0?\.?0*|\.", "", text)) == 3 for text in shown if text != "0"), row
    assert {"BN(ã¹)", "z²", "u⁰", "dã¹", "db̃²", "d(ẑ¹V⁰)"} <= zeros  # their rows or units sum to zero


def test_the_output_repeats_by_its_seed_and_another_seed_s_differs(command):
    first, again, other = (command("trace", SMALL, "--seed", str(seed)).out for seed in (1, 1, 2))
    assert first == again != other


def test_one_layer_alone(command):
    rows = [row for block in rows_of(command("trace", SMALL, "--layer 1").out).values() for row in block]
    assert len(rows) > 30
    assert all("¹" in symbol(row) for row in rows)


def test_a_weight_of_zero_is_explained(command):
    explanation = "Where λ is 0 there is no cost; what no cost needs is not run."
    assert explanation in command("trace", SMALL, "--denoising-weights 0,0,1").out.splitlines()
    assert explanation not in command("trace", SMALL).out


def test_the_supervised_baseline_has_an_encoder_and_a_cost_only(command):
    assert list(rows_of(command("trace", SMALL, "--denoising-weights 0").out)) == [HEADINGS[k] for k in (0, 3, 5)]


# ---- JSON.


def test_json_is_one_array_of_the_same_readings_unrounded(command):
    outcome = command("trace", SMALL, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    objects = json.loads(outcome.out)
    readings = trace_step(Specification((5, 4, 3), denoising_weights=1, dtype="float64"), 6, 9, 0)
    assert len(objects) == len(readings)
    for found, reading in zip(objects, readings, strict=True):
        assert list(found) == [*FIELDS, "norm"]
        assert found == {name: getattr(reading, name) for name in found} | {"shape": list(reading.shape)}


def test_json_and_layer_go_together(command):
    objects = json.loads(command("trace", SMALL, "--json --layer 2").out)
    assert {found["layer"] for found in objects} == {2}


def test_what_json_has_no_number_for_is_null(command):
    outcome = command("trace", SMALL, "--json --noise-std 1e300")
    assert (outcome.status, outcome.err) == (0, "")

    def refuse(text):
        raise AssertionError(text)

    by_name = {(found["name"], found["layer"]): found for found in json.loads(outcome.out, parse_constant=refuse)}
    assert by_name["sigma_tilde", 1]["mean"] is None


# ---- The picture.


@pytest.mark.parametrize("options", ["", "--layer 1", "--denoising-weights 0", "--noise-std 1e300", "--sizes 2-2"])
def test_a_picture_is_written_beside_the_table(command, tmp_path, options):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    out = tmp_path / "trace.png"
    outcome = command("trace", SMALL, options, "--plot", out)
    assert (outcome.status, outcome.err) == (0, f"picture written to {out}\n")
    assert outcome.out == command("trace", SMALL, options).out
    assert out.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.glob("*.p*")] == ["trace.png"]


def test_without_matplotlib_a_picture_is_refused_in_one_line(command, tmp_path, monkeypatch):
    right = importlib.import_module

    def without(name, *others):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return right(name, *others)

    monkeypatch.setattr(importlib, "import_module", without)
    outcome = command("trace", SMALL, "--plot", tmp_path / "trace.png")
    assert_refused(outcome, "matplotlib", "not installed", "ladder-np[plot]")
    assert (outcome.out, list(tmp_path.glob("*.p*"))) == ("", [])


# ---- On a device.


def test_on_the_double_the_table_is_the_cpu_s(command, monkeypatch):
    expected = command("trace", SMALL).out
    monkeypatch.setattr(trace, "Device", lambda name: Device(name, xp=strict_cupy, fused=False))
    assert command("trace", SMALL).out == expected


# ---- Nonsense.


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        ("--layer 3", ("layer 3", "0, the input, to 2")),
        ("--layer -1", ("layer -1", "0, the input, to 2")),
        ("--layer=-1 --json", ("layer -1", "0, the input, to 2")),
        ("--layer top", ("--layer", "'top'", "whole number")),
        ("--layer 1.0", ("--layer", "'1.0'")),
        ("--layer", ("--layer", "expected one argument")),
        ("--plot trace.jpg", ("trace.jpg", ".png")),
        ("--plot trace", ("--plot trace", ".png")),
        ("--plot", ("--plot", "expected one argument")),
        ("--sizes 5", ("layer sizes 5", "at least two")),
        ("--sizes 5-4-x", ("--sizes", "'5-4-x'")),
        ("--sizes 99999999999-9-3", ("99999999999",)),
        ("--labeled 1", ("1 labeled", "at least 2")),
        ("--unlabeled 0", ("0 unlabeled", "at least 2")),
        ("--labeled some", ("--labeled", "'some'")),
        ("--seed -1", ("seed -1",)),
        ("--dtype float16", ("'float16'", "float32")),
        ("--combinator mystery", ("'mystery'", "gaussian")),
        ("--activation mystery", ("'mystery'", "relu")),
        ("--noise-std 1,2", ("noise std", "2 values")),
        ("--denoising-weights nan", ("denoising weights nan",)),
        ("--device tpu", ("'tpu'", "cpu")),
        ("--color", ("--color", "trace --help")),
        ("run", ("run", "trace --help")),
    ],
)
def test_wrong_input_gets_one_line_and_writes_nothing(command, tmp_path, monkeypatch, options, fragments):
    assert_refused_and_nothing_written(command, tmp_path, monkeypatch, options, fragments)


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        ("--plot nowhere/trace.png", ("nowhere/trace.png",)),
        ("--plot folder.png", ("folder.png", "folder")),
    ],
)
def test_a_picture_that_cannot_be_written_is_said(command, tmp_path, monkeypatch, options, fragments):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    assert_refused_and_nothing_written(command, tmp_path, monkeypatch, options, fragments)


def assert_refused_and_nothing_written(command, tmp_path, monkeypatch, options, fragments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    before = listing(tmp_path)
    outcome = command("trace", SMALL, options)
    assert_refused(outcome, *fragments)
    assert outcome.out == ""
    assert listing(tmp_path) == before
