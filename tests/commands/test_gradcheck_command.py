"""`ladder-np gradcheck`: passes for every network, and fails for a gradient that is only a little wrong."""

import dataclasses
import re

import pytest
from command_files import assert_refused
from every_kind import EVERY_KIND

from ladder_np.inspection.report import COLUMNS
from ladder_np.network import passes
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

SMALL = "--sizes 5-4-3"
# Names and shapes of a 5-4-3 network with the gaussian combinator.
PARAMETERS = {
    **{"encoder.1.weight": "5x4", "encoder.1.beta": "4", "encoder.2.weight": "4x3", "encoder.2.beta": "3"},
    **{"encoder.2.gamma": "3", "decoder.1.weight": "3x4", "decoder.0.weight": "4x5"},
    **{f"combinator.{layer}.a{k}": str(size) for layer, size in enumerate((5, 4, 3)) for k in range(1, 11)},
}


def table_of(out):
    """The rows between the heading and the verdict, as {parameter: (shape, verdict)}."""
    rows = [line.split() for line in out.splitlines()[1:-1]]
    return {row[0]: (row[1], " ".join(row[6:])) for row in rows}


def wrong_rows(out):
    return {name for name, (_, verdict) in table_of(out).items() if verdict == "WRONG"}


def test_prints_a_row_a_parameter_and_the_verdict(command):
    outcome = command("gradcheck", SMALL)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.split()[:3] == ["parameter", "shape", "|gradient|"]
    assert table_of(outcome.out) == {name: (shape, "ok") for name, shape in PARAMETERS.items()}
    verdict = outcome.out.splitlines()[-1]
    assert re.fullmatch(
        r"gradient check passed for all 37 parameters; worst relative difference \S+, tolerance 1e-06", verdict
    )


@pytest.mark.parametrize(("activation", "combinator"), EVERY_KIND)
def test_passes_for_every_activation_and_combinator(command, activation, combinator):
    outcome = command("gradcheck", SMALL, "--activation", activation, "--combinator", combinator)
    assert outcome.status == 0, outcome.out


@pytest.mark.parametrize(
    "options",
    [
        "--stop-gradient-targets",
        "--denoising-weights 0",
        "--denoising-weights 0,0,2",
        "--denoising-weights 3,0,0",
        "--denoising-weights 0,1,0",
        "--noise-std 0",
        "--noise-std 0.1,0.2,0.3",
        "--labeled 5 --unlabeled 12",
        "--labeled 12 --unlabeled 5",
        "--sizes 5-3 --seed 3",
        "--sizes 3-4-5-4-3-2",
        "--seed 11",
    ],
)
def test_passes_for_other_networks(command, options):
    outcome = command("gradcheck", SMALL, options)
    assert outcome.status == 0, outcome.out


@pytest.mark.parametrize("seed", [0, 1])
def test_the_output_repeats_by_its_seed(command, seed):
    option = f"--seed {seed}"
    assert command("gradcheck", SMALL, option).out == command("gradcheck", SMALL, option).out


def assert_failed(outcome, *wrong):
    """Status 1, the verdict says so, and these rows at least are wrong."""
    assert (outcome.status, outcome.err) == (1, "")
    marked = wrong_rows(outcome.out)
    assert marked >= set(wrong)
    assert re.match(rf"gradient check FAILED for {len(marked)} of \d+ parameters; ", outcome.out.splitlines()[-1])


@pytest.mark.parametrize("error", [1, 1e-2, 1e-4, -1e-4])
def test_a_wrong_batch_norm_gradient_is_found(command, monkeypatch, error):
    right = passes.normalize_backward

    def wrong(*arguments, out):
        da = right(*arguments, out=out)
        da *= 1 + error
        return da

    monkeypatch.setattr(passes, "normalize_backward", wrong)
    assert_failed(command("gradcheck", SMALL), "encoder.1.weight", "encoder.2.weight")


def test_a_missing_gradient_through_the_clean_statistics_is_found(command, monkeypatch):
    right = passes.normalize_backward
    monkeypatch.setattr(
        passes, "normalize_backward", lambda dz, z, sigma, *statistics, out: right(dz, z, sigma, out=out)
    )
    assert_failed(command("gradcheck", SMALL), "encoder.1.weight", "encoder.2.weight")


def plant(monkeypatch, name, spoil):
    """Let a combinator's backward return `spoil` of its right results (dz_tilde, du, da)."""
    combinator = COMBINATORS[name]
    wrong = dataclasses.replace(combinator, backward=lambda *arguments: spoil(*combinator.backward(*arguments)))
    monkeypatch.setitem(COMBINATORS, name, wrong)


@pytest.mark.parametrize(
    ("combinator", "parameter"), [(name, key) for name, row in COMBINATORS.items() for key in [*row.parameters][::3]]
)
def test_one_wrong_parameter_of_a_combinator_is_found_and_no_other_blamed(
    command, monkeypatch, combinator, parameter
):
    plant(monkeypatch, combinator, lambda dz, du, da: (dz, du, da | {parameter: da[parameter] * (1 + 1e-4)}))
    outcome = command("gradcheck", SMALL, "--combinator", combinator)
    assert_failed(outcome)
    assert wrong_rows(outcome.out) == {f"combinator.{layer}.{parameter}" for layer in range(3)}


def test_a_wrong_lateral_gradient_is_found(command, monkeypatch):
    plant(monkeypatch, "gaussian", lambda dz, du, da: (dz * (1 - 1e-4), du, da))
    outcome = command("gradcheck", SMALL)
    assert_failed(outcome, "encoder.1.weight")
    assert not any(name.startswith(("decoder", "combinator")) for name in wrong_rows(outcome.out))


def test_a_wrong_vertical_gradient_is_found(command, monkeypatch):
    plant(monkeypatch, "gaussian", lambda dz, du, da: (dz, du * (1 + 1e-4), da))
    assert_failed(command("gradcheck", SMALL), "decoder.0.weight", "decoder.1.weight")


def test_a_wrong_activation_gradient_is_found(command, monkeypatch):
    right = ACTIVATIONS["tanh"]
    wrong = dataclasses.replace(right, backward=lambda dh, h: right.backward(dh, h) * (1 + 1e-4))
    monkeypatch.setitem(ACTIVATIONS, "tanh", wrong)
    assert_failed(command("gradcheck", SMALL, "--activation tanh"), "encoder.1.weight", "encoder.1.beta")


def test_a_gradient_that_is_no_number_fails(command, monkeypatch):
    plant(monkeypatch, "gaussian", lambda dz, du, da: (dz, du, da | {"a3": da["a3"] * float("nan")}))
    assert_failed(command("gradcheck", SMALL), "combinator.0.a3")


@pytest.mark.parametrize("rows", ["--labeled 4", "--unlabeled 4", "--labeled 2 --unlabeled 2", "--labeled 0"])
def test_fewer_than_five_rows_are_refused(command, rows):
    """With few rows batch norm's gradient nearly vanishes, and a check proves nothing."""
    assert_refused(command("gradcheck", rows), "needs 5 each")


def test_its_help_explains_every_column_of_the_report(command):
    text = " ".join(command("gradcheck --help").out.split())
    for name, explained in COLUMNS.items():
        assert f"{name}: {explained}" in text
