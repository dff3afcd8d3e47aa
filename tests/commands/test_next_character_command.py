"""A text's next characters from the command line: learned, measured, resumed, generated."""

import json
import re

import numpy as np
import pytest

from ladder_np.generation import generate
from ladder_np.predictor import Predictor

TRAIN = (
    "--next-character --window 4 --hidden-layers 40 --epochs 20 --learning-rate 0.01 --noise-std 0.1 "
    "--denoising-weights 0.1"
)


@pytest.fixture
def text(tmp_path):
    rng = np.random.default_rng(0)
    words = rng.choice(["ladder", "network", "noise", "layer"], 300)
    path = tmp_path / "words.txt"
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def run(command, text, tmp_path):
    outcome = command("train --dataset", text, TRAIN, "--out", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    return outcome


def bits(out):
    return {line.split(":")[0]: float(line.split()[-4]) for line in out.splitlines() if line.endswith("character")}


def test_bits_stand_beside_those_of_ngrams_and_the_supervised_network(run, command, tmp_path):
    assert "features: windows of 4 characters by their places, taken as they are\n" in run.out
    found = bits(run.out)
    assert list(found) == ["supervised only", "ladder", "Witten-Bell 5-grams of all training windows"]
    assert found["ladder"] < 0.6  # of 3.5 for thirteen characters
    results = json.loads((tmp_path / "run" / "result.json").read_text())
    assert round(results["ladder"]["bits_per_character"], 3) == found["ladder"]
    evaluated = command("evaluate", tmp_path / "run").out
    assert f"{found['ladder']:.3f} bits per character" in evaluated


def test_bits_are_the_mean_of_minus_log2_of_what_the_model_says(run, text, tmp_path):
    model = Predictor.load(tmp_path / "run" / "model.npz")
    content = text.read_text()
    places = range(len(content) - int(0.1 * (len(content) - 1)), len(content))
    proba = model.predict_proba(model.read_texts([content[place - 4 : place] for place in places]))
    known = model.classes.tolist()
    expected = -np.mean([np.log2(row[known.index(content[place])]) for row, place in zip(proba, places, strict=True)])
    assert bits(run.out)["ladder"] == pytest.approx(expected, abs=6e-4)


def test_few_labels_are_counted_apart(command, text, tmp_path):
    outcome = command("train --dataset", text, TRAIN, "--labels 100 --out", tmp_path / "few")
    assert "Witten-Bell 5-grams of labeled windows" in outcome.out
    assert "Witten-Bell 5-grams of all training windows" in outcome.out


def test_generated_text_repeats_with_its_seed_and_is_of_the_words_that_were_learned(run, command, tmp_path):
    first = command("generate", tmp_path / "run", "--prompt noise --length 200 --seed 3").out
    assert first == command("generate", tmp_path / "run", "--prompt noise --length 200 --seed 3").out
    assert first != command("generate", tmp_path / "run", "--prompt noise --length 200 --seed 4").out
    assert first.startswith("noise")
    assert len(first) == len("noise") + 200 + 1
    surest = command("generate", tmp_path / "run", "--prompt noise --length 200 --temperature 0").out
    words = re.findall(r"\w+", surest)[1:-1]
    assert np.mean([word in ("ladder", "network", "noise", "layer") for word in words]) > 0.5


def test_temperature_takes_probabilities_to_its_inverse_power(run, tmp_path):
    model = Predictor.load(tmp_path / "run" / "model.npz")
    expected = model.predict_proba(model.read_texts(["noi"]))[0] ** (1 / 0.5)
    drawn = [generate(model, "noi", 1, temperature=0.5, seed=seed) for seed in range(400)]
    for share, name in zip(expected / expected.sum(), model.classes.tolist(), strict=True):
        assert abs(drawn.count(name) / 400 - share) < 0.1


def test_a_finished_run_repeats_its_bits_and_another_text_can_be_measured(run, command, text, tmp_path):
    again = command("train --resume", tmp_path / "run")
    assert bits(again.out) == bits(run.out)
    other = tmp_path / "other.txt"
    other.write_text("layer\nnoise ~\n" * 20, encoding="utf-8")  # with characters that are new
    assert "bits per character" in command("evaluate", tmp_path / "run", "--dataset", other).out
    outcome = command("predict", tmp_path / "run", other, "--out", tmp_path / "next.csv")
    assert outcome.status == 0, outcome.err
    assert len((tmp_path / "next.csv").read_text(encoding="utf-8").splitlines()) >= 20 * len("layer\nnoise ~\n")


CONTRADICTIONS = {
    "--tokens words": "a sequence is learned by the places of its characters",
    "--text-column text": "--text-column is for tables; leave it out with --next-character",
    "--drop-columns a": "--drop-columns is for tables",
}


@pytest.mark.parametrize(("options", "message"), CONTRADICTIONS.items())
def test_options_for_tables_are_refused(command, text, options, message):
    outcome = command("train --dataset", text, "--next-character", options)
    assert outcome.status == 2
    assert message in outcome.err


def test_places_are_for_sequences_alone(command, tmp_path):
    outcome = command("train --dataset", tmp_path / "a.csv", "--text-column text --tokens places")
    assert "unknown kind of tokens 'places'; choose one of words, characters" in outcome.err


def test_a_damaged_place_is_told_when_the_model_is_loaded(run, command, tmp_path):
    arrays = dict(np.load(tmp_path / "run" / "model.npz"))
    arrays["text/tokens"][1] = ord("x")  # of a token's place
    np.savez(tmp_path / "bad.npz", **arrays)
    outcome = command("generate", tmp_path / "bad.npz")
    assert "text/tokens are not characters with their places" in outcome.err


def test_a_report_is_written(run, command, tmp_path):
    pytest.importorskip("matplotlib")
    outcome = command("report", tmp_path / "run")
    assert outcome.status == 0, outcome.err


WRONG = {
    "--length 0": "length 0: expected 1 to",
    "--temperature -1": "temperature -1.0: expected a number >= 0",
    "--temperature nan": "temperature nan: expected a number >= 0",
    "--prompt=": "the prompt is empty",
    "--seed -1": "seed -1: expected a whole number >= 0",
}


@pytest.mark.parametrize(("options", "message"), WRONG.items())
def test_nonsense_is_one_line(run, command, tmp_path, options, message):
    outcome = command("generate", tmp_path / "run", options)
    assert outcome.status == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_other_models_generate_nothing_and_a_window_needs_its_option(command, tmp_path, text):
    command("train --dataset digits --epochs 1 --hidden-layers 8 --quiet --out", tmp_path / "digits")
    outcome = command("generate", tmp_path / "digits")
    assert "was not trained on next characters; train one with --next-character" in outcome.err
    assert "--window needs --next-character" in command("train --dataset", text, "--window 4").err
