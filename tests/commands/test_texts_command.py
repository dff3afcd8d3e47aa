"""Texts from the command line: trained on, predicted, evaluated, resumed, drawn, compared."""

import json

import numpy as np
import pytest
from command_files import TINY, write_table

from ladder_np.predictor import Predictor

SUBJECTS = {
    "sport": ["goal", "team", "match", "coach"],
    "money": ["market", "shares", "bank", "profit"],
    "tech": ["chip", "software", "phone", "network"],
}
ROWS = 120
TRAIN = f"{TINY} --epochs 25 --text-column text --label-column topic"


def texts(seed=0, rows=ROWS):
    rng = np.random.default_rng(seed)
    topics = [list(SUBJECTS)[k % 3] for k in range(rows)]
    return [" ".join([*rng.choice(SUBJECTS[t], 4), *rng.choice(["the", "a", "of"], 4)]) for t in topics], topics


@pytest.fixture
def data(tmp_path):
    documents, topics = texts()
    rows = [
        [str(k), text, topic if k % 4 == 0 else ""]
        for k, (text, topic) in enumerate(zip(documents, topics, strict=True))
    ]
    return write_table(tmp_path / "news.csv", ["id", "text", "topic"], rows)


@pytest.fixture
def run(command, data, tmp_path):
    outcome = command("train --dataset", data, TRAIN, "--test-fraction 0.3 --out", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    return outcome


def test_what_is_done_to_texts_is_said_and_the_vocabulary_is_in_the_model(run, tmp_path):
    assert "features: words of texts ('text') by tf-idf, divided by one number; left out: id\n" in run.out
    vocabulary = Predictor.load(tmp_path / "run" / "model.npz").vocabulary
    assert set(vocabulary.tokens) == {
        "the",
        "a",
        "of",
        *(word for words in SUBJECTS.values() for word in words),
    }
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]
    assert (settings["text_column"], settings["tokens"], settings["vocabulary"]) == ("text", "words", 2000)


def test_the_vocabulary_is_that_of_the_training_rows_alone(command, tmp_path):
    documents, topics = texts()
    rows = [[f"{text} only{k}", topic] for k, (text, topic) in enumerate(zip(documents, topics, strict=True))]
    rows += [["rare rare", "sport"], ["rare", "money"]]
    data = write_table(tmp_path / "t.csv", ["text", "topic"], rows)
    for seed in range(20):
        out = tmp_path / f"run{seed}"
        command(
            "train --dataset", data, TRAIN, f"--epochs 1 --test-fraction 0.5 --no-baseline --seed {seed} --out", out
        )
        tokens = Predictor.load(out / "model.npz").vocabulary.tokens
        with np.load(out / "split.npz") as split:
            assert ("rare" in tokens) == ({ROWS, ROWS + 1} <= set(split["train"].tolist()))


def test_raw_texts_are_predicted_by_run_and_by_model_file(command, run, tmp_path):
    documents, topics = texts(seed=1, rows=30)
    new = write_table(tmp_path / "new.tsv", ["nr", "text"], [])
    new.write_text("nr\ttext\n" + "".join(f"{k}\t{text}\n" for k, text in enumerate(documents)))
    found = []
    for model in (tmp_path / "run", tmp_path / "run" / "model.npz"):
        outcome = command("predict", model, new, "--id-column nr --out", tmp_path / "out.csv")
        assert outcome.status == 0, outcome.err
        found.append((tmp_path / "out.csv").read_text())
    assert found[0] == found[1]
    classes = [line.split(",")[1] for line in found[0].splitlines()[1:]]
    assert np.mean(np.array(classes) == topics) > 0.8


def test_a_run_on_texts_is_evaluated_and_trained_longer_bit_for_bit(command, data, run, tmp_path):
    error = next(line for line in run.out.splitlines() if line.startswith("ladder:")).split("test error ")[1]
    assert command("evaluate", tmp_path / "run").out == f"test error: {error}\n"
    assert command("evaluate", tmp_path / "run", "--dataset", data).out == f"test error: {error}\n"
    options = "--decay-start 1 --no-baseline --out"
    assert command("train --dataset", data, TRAIN, "--epochs 6", options, tmp_path / "long").status == 0
    assert command("train --dataset", data, TRAIN, "--epochs 3", options, tmp_path / "short").status == 0
    assert command("train --resume", tmp_path / "short", "--epochs 6").status == 0
    with np.load(tmp_path / "long" / "model.npz") as one, np.load(tmp_path / "short" / "model.npz") as other:
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name])


def test_changed_texts_are_not_the_data_of_a_run(command, data, run, tmp_path):
    data.write_text(data.read_text().replace("goal", "gaol", 1))
    assert "not the data that" in command("train --resume", tmp_path / "run", "--epochs 30").err


def test_a_run_on_texts_is_drawn_and_reported(command, run, tmp_path):
    pytest.importorskip("matplotlib")
    outcome = command("report", tmp_path / "run")
    assert outcome.status == 0, outcome.err


def test_compare_takes_texts(command, data):
    options = "--text-column text --label-column topic --epochs 3 --repeats 2 --methods none --no-variants"
    outcome = command("compare", data, options)
    assert outcome.status == 0, outcome.err
    assert "news: texts, 120 rows, 30 labeled" in outcome.out


def test_texts_without_a_known_word_are_told_by_every_command(command, run, tmp_path):
    data = write_table(tmp_path / "odd.csv", ["text", "topic"], [["xyz", "sport"], ["team goal", "sport"]])
    evaluate = ("evaluate", tmp_path / "run", "--dataset", data)
    predict = ("predict", tmp_path / "run", data, "--out", tmp_path / "o")
    for words in (evaluate, predict):
        assert (
            "1 of 2 texts hold no known token; they get the shares of the classes in training" in command(*words).err
        )


BAD = {
    "no such column": ("--text-column body", "has no column 'body'"),
    "unknown tokens": ("--text-column text --tokens letters", "unknown kind of tokens 'letters'"),
    "no vocabulary": ("--text-column text --vocabulary 0", "a vocabulary of 0 tokens"),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_as_texts_is_told(command, data, options, message, tmp_path):
    outcome = command("train --dataset", data, f"{TINY} --label-column topic", options, "--out", tmp_path / "run")
    assert (outcome.status, message in outcome.err) == (2, True), outcome.err
    assert not (tmp_path / "run").exists()


def test_a_model_of_texts_wants_texts_and_one_of_numbers_numbers(command, data, run, csv_run, tmp_path):
    numbers = write_table(tmp_path / "n.csv", ["a"], [["1"]])
    outcome = command("predict", tmp_path / "run" / "model.npz", numbers, "--out", tmp_path / "o.csv")
    assert "has no column 'text'" in outcome.err
    outcome = command("predict", csv_run, data, "--text-column text --out", tmp_path / "o.csv")
    assert "the model was trained on numbers, not on texts; leave out --text-column" in outcome.err
