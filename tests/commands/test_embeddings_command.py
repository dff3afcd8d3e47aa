"""``ladder-np embeddings``: nearest words, the file of vectors, the measurement, and what is refused."""

import json
import re
import shutil

import numpy as np
import pytest
from command_files import TINY, assert_refused, listing, quiet, write_table

from ladder_np import LadderClassifier
from ladder_np.inspection.embeddings import nearest_words, word_vectors
from ladder_np.predictor import Predictor

SUBJECTS = {
    "sport": ["goal", "team", "match", "coach", "league", "cup"],
    "money": ["market", "shares", "bank", "profit", "stocks", "oil"],
    "tech": ["chip", "software", "phone", "network", "web", "data"],
}
HEAD = re.compile(
    r"(\d+) pairs of words that 5 or more of (\d+) held-out documents hold, twice as many as by chance at least\.\n"
    r"How often one of them is nearer to the other than others of about its frequency, in % with standard error "
    r"\(24 dimensions\):\n"
)


def articles(seed, rows):
    rng = np.random.default_rng(seed)
    topics = [list(SUBJECTS)[k % 3] for k in range(rows)]
    return [[" ".join([*rng.choice(SUBJECTS[t], 4), *rng.choice(["the", "a"], 2)]), t] for t in topics]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run with test rows, one without, and a table of new texts."""
    home = tmp_path_factory.mktemp("texts")
    data = write_table(home / "news.csv", ["text", "label"], articles(0, 300))
    known = {text for text, _ in articles(0, 300)}
    write_table(home / "new.csv", ["text", "label"], [row for row in articles(1, 240) if row[0] not in known])
    train = "--text-column text --hidden-layers 24-8 --epochs 40 --no-baseline --labels 60"
    quiet("train --dataset", data, train, "--test-fraction 0.4 --out", home / "run")
    quiet("train --dataset", data, train, "--out", home / "whole")
    return home


def test_the_nearest_words_are_printed_with_their_cosines_in_one_column(command, home):
    outcome = command("embeddings", home / "run", "--like Goal --like bank --top 3")
    assert (outcome.status, outcome.err) == (0, "")
    blocks = [block.splitlines() for block in outcome.out.split("\n\n")]
    assert [block[0] for block in blocks] == ["goal", "bank"]
    model = Predictor.load(home / "run" / "model.npz")
    for block in blocks:
        places, cosines = nearest_words(word_vectors(model.network), model.vocabulary.tokens.index(block[0]), 3)
        expected = [f"{c:7.2f}  {model.vocabulary.tokens[p]}" for p, c in zip(places, cosines, strict=True)]
        assert block[1:] == expected


def test_words_of_a_subject_are_near(command, home):
    for subject, words in SUBJECTS.items():
        found = command("embeddings", home / "whole", "--top 3 --like", words[0]).out.split()[2::2]
        assert len(set(found) & set(SUBJECTS[subject])) >= 2, (words[0], found)


def test_a_run_and_its_model_file_have_the_same_words(command, home):
    one, other = (command("embeddings", home / name, "--like oil") for name in ("run", "run/model.npz"))
    assert one == other
    assert len(one.out.splitlines()) == 11


def test_the_file_has_all_vectors_and_replaces_one_that_exists(command, home, tmp_path):
    out = tmp_path / "vectors.txt"
    out.write_text("before")
    outcome = command("embeddings", home / "run", "--out", out)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == f"20 vectors of 24 numbers written to {out}\n"
    head, *lines = out.read_text(encoding="utf-8").splitlines()
    assert head == "20 24"
    model = Predictor.load(home / "run" / "model.npz")
    found = {line.split(" ")[0]: np.array(line.split(" ")[1:], float) for line in lines}
    expected = dict(zip(model.vocabulary.tokens, word_vectors(model.network), strict=True))
    assert set(found) == set(expected)
    for word, vector in expected.items():
        np.testing.assert_allclose(found[word], vector, rtol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.txt"]


def test_the_vectors_go_to_standard_output_after_what_is_printed(command, home, tmp_path):
    command("embeddings", home / "run", "--out", tmp_path / "v.txt")
    near = command("embeddings", home / "run", "--like oil --top 1").out
    both = command("embeddings", home / "run", "--like oil --top 1 --out -").out
    assert both == near + (tmp_path / "v.txt").read_text(encoding="utf-8")


def test_groups_of_characters_are_written_without_blanks(command, home, tmp_path):
    out = tmp_path / "run"
    quiet("train --dataset", home / "news.csv", f"--text-column text --tokens characters {TINY} --out", out)
    assert command("embeddings", out, "--out", tmp_path / "v.txt").status == 0
    head, *lines = (tmp_path / "v.txt").read_text(encoding="utf-8").splitlines()
    count, width = map(int, head.split(" "))
    assert len(lines) == count
    assert {len(line.split(" ")) for line in lines} == {width + 1}
    assert any(line.startswith(r"\s") for line in lines)
    assert_refused(command("embeddings", out, "--like goe"), f"'goe' is not among the model's {count} groups of char")
    printed = command("embeddings", out, "--like goa --top", str(count)).out.splitlines()
    assert sorted(line[9:] for line in printed[1:]) == sorted(
        line.split(" ")[0] for line in lines if line[:4] != "goa "
    )


def test_a_run_is_measured_on_its_own_test_rows_beside_svd_and_chance(command, home):
    outcome = command("embeddings", home / "run", "--measure")
    assert (outcome.status, outcome.err) == (0, "")
    found = HEAD.match(outcome.out)
    assert found, outcome.out
    assert int(found[2]) == 120
    names = re.findall(r"^  (.{14})  +(-?\d+\.\d) ± \d+\.\d$", outcome.out[found.end() :], re.MULTILINE)
    assert [name.strip() for name, _ in names] == ["network", "truncated SVD", "network - SVD", "random vectors"]
    assert float(names[0][1]) > 65
    assert command("embeddings", home / "run", "--measure").out == outcome.out


def test_the_documents_measured_on_are_those_not_trained_on(command, home, monkeypatch):
    from ladder_np.commands import embeddings

    seen = {}

    def record(vectors, pairs, training, generator):
        seen["training"] = training
        return {}

    def keep(rows, weights):
        seen["held out"] = rows
        return original(rows, weights)

    original = embeddings.find_pairs
    monkeypatch.setattr(embeddings, "measure", record)
    monkeypatch.setattr(embeddings, "find_pairs", keep)
    command("embeddings", home / "run", "--measure")
    vocabulary = Predictor.load(home / "run" / "model.npz").vocabulary
    texts = [text for text, _ in articles(0, 300)]
    with np.load(home / "run" / "split.npz") as split:
        for name, rows in (("training", split["train"]), ("held out", split["test"])):
            expected = vocabulary.rows([texts[row] for row in rows])
            np.testing.assert_array_equal(np.asarray(seen[name]), np.asarray(expected))


def test_without_test_rows_a_file_is_asked_for_and_used(command, home):
    assert_refused(
        command("embeddings", home / "whole", "--measure"),
        f"{home / 'whole'}: has no documents that were not trained on; name a file of such with --held-out, or train "
        "with --test-fraction",
    )
    outcome = command("embeddings", home / "whole", "--measure --held-out", home / "new.csv")
    assert outcome.status == 0, outcome.err
    assert "truncated SVD" in outcome.out
    lines = home / "new.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text, _ in articles(1, 240)))
    assert command("embeddings", home / "whole", "--measure --held-out", lines).out == outcome.out


def test_documents_of_a_file_that_were_trained_on_are_left_out(command, home, tmp_path):
    known = [text for text, _ in articles(0, 300)][:50]
    new = [text for text, _ in articles(1, 240)]
    repeats = set(known) | {text for text, _ in articles(0, 300)}
    mixed = write_table(tmp_path / "mixed.csv", ["text"], [[text] for text in (*known, *new)])
    outcome = command("embeddings", home / "whole", "--measure --held-out", mixed)
    trained = sum(text in repeats for text in (*known, *new))
    assert outcome.err == f"warning: {mixed}: {trained} of 290 texts were trained on; they are left out\n"
    assert f"of {290 - trained} held-out documents" in outcome.out


def test_a_model_file_is_measured_without_svd_and_says_why(command, home):
    model = home / "whole" / "model.npz"
    outcome = command("embeddings", model, "--measure --held-out", home / "new.csv")
    assert outcome.status == 0, outcome.err
    assert "truncated SVD  " not in outcome.out
    assert "no truncated SVD: a model file holds no training documents" in outcome.out
    beside = command("embeddings", model.parent, "--measure --held-out", home / "new.csv").out.splitlines()
    assert [line for line in beside if "SVD" not in line] == outcome.out.splitlines()[:-1]
    assert_refused(command("embeddings", model, "--measure"), "name a file of such with --held-out")


def test_a_saved_estimator_has_words_too(command, home, tmp_path):
    texts, topics = zip(*articles(0, 120), strict=True)
    LadderClassifier(text="words", max_iter=2, random_state=0).fit(texts, topics).save(tmp_path / "model.npz")
    measured = command("embeddings", tmp_path / "model.npz", "--like oil --measure --held-out", home / "new.csv")
    assert measured.status == 0, measured.err
    other = write_table(tmp_path / "other.csv", ["body"], [["goal team"]])
    refused = command("embeddings", tmp_path / "model.npz", "--measure --held-out", other)
    assert_refused(refused, "has no column 'text'", "name it with --text-column")


def test_data_that_was_moved_is_named(command, home, tmp_path):
    run = shutil.copytree(home / "run", tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["settings"]["dataset"] = str(tmp_path / "gone.csv")
    (run / "config.json").write_text(json.dumps(config))
    assert_refused(command("embeddings", run, "--measure"), "gone.csv: no such file", "--dataset PATH")
    outcome = command("embeddings", run, "--measure --dataset", home / "news.csv")
    assert outcome.out == command("embeddings", home / "run", "--measure").out
    assert command("embeddings", run, "--like oil").status == 0


REFUSED = {
    "unknown word": ("--like shars", "'shars' is not among the model's 20 words; spelled alike: shares"),
    "two words": ("--like the@oil", "'the@oil' is not among"),
    "no neighbors": ("--like oil --top 0", "--top 0: expected 1 or more"),
    "half a neighbor": ("--like oil --top 1.5", "'1.5' is not a whole number"),
    "nothing asked": ("", "nothing to do; name words with --like, a file with --out, or ask to --measure"),
    "file without measurement": ("--like oil --held-out x.csv", "--held-out x.csv: is for --measure; name both"),
    "no such file": ("--measure --held-out gone.csv", "gone.csv: no such file"),
    "images": ("--measure --held-out x.npy", "x.npy"),
    "no such column": ("--measure --text-column body --held-out {home}/new.csv", "has no column 'body'"),
    "only its own": ("--measure --held-out {home}/own.csv", "own.csv: has no documents that were not trained on"),
    "no pairs": ("--measure --held-out {home}/few.csv", "few.csv: 2 held-out documents have no pair of known words"),
    "a folder": ("--out {home}", "it is a folder; name a file"),
    "its model": ("--out {home}/run/model.npz", "would replace a file that the vectors come from; name another"),
    "its documents": ("--measure --held-out {home}/new.csv --out {home}/new.csv", "would replace a file"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_told_in_a_line_and_nothing_is_written(command, home, options, message):
    write_table(home / "few.csv", ["text"], [["goal team"], ["bank oil"]])
    with np.load(home / "run" / "split.npz") as split:
        write_table(home / "own.csv", ["text"], [[articles(0, 300)[row][0]] for row in split["train"]])
    before = listing(home)
    assert_refused(command("embeddings", home / "run", options.format(home=home)), message)
    assert listing(home) == before


def test_a_model_of_numbers_has_no_words(command, csv_run):
    for model in (csv_run, csv_run / "model.npz"):
        assert_refused(command("embeddings", model, "--like oil"), f"{model}: was not trained on texts")
    assert_refused(command("embeddings", csv_run / "gone", "--like oil"), "no such run folder")


def test_the_data_and_the_files_of_a_run_are_not_replaced(command, tmp_path):
    rows = [[text, topic] for text, topic in (("goal team match", "sport"), ("bank market profit", "money")) * 20]
    data = write_table(tmp_path / "t.csv", ["text", "label"], rows)
    command("train --dataset", data, f"{TINY} --text-column text --out", tmp_path / "r")
    before = data.read_bytes(), (tmp_path / "r" / "config.json").read_bytes()
    for model, out in (("r", data), ("r/model.npz", data), ("r/model.npz", tmp_path / "r" / "config.json")):
        outcome = command("embeddings", tmp_path / model, "--out", out)
        assert outcome.status == 2
        assert "would replace a file that the vectors come from" in outcome.err
    assert (data.read_bytes(), (tmp_path / "r" / "config.json").read_bytes()) == before
