"""Documents as JSON lines, and as a folder of texts for each class."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from small_files import line_of, write_text

from ladder_np.data.readers import open_dataset, read_rows
from ladder_np.data.tables import TableOptions

RECORDS = [{"text": "ein Tor", "label": "Sport"}, {"text": "die Börse", "label": "Geld"}, {"text": "nichts", "x": 1}]
LINES = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS) + "\n\n"


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
def test_json_lines_are_texts_with_labels(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / ("news.jsonl" + ".gz" * zipped)
    path.write_bytes(gzip.compress(LINES.encode()) if zipped else LINES.encode())
    dataset = open_dataset(str(path), None)
    assert (dataset.name, dataset.texts) == ("news", ("ein Tor", "die Börse", "nichts"))
    assert (dataset.classes.tolist(), dataset.y.tolist()) == (["Geld", "Sport"], [1, 0, -1])
    rows = read_rows(path, TableOptions(id_column="label"))
    assert (rows.texts, rows.ids) == (["ein Tor", "die Börse", "nichts"], ["Sport", "Geld", ""])


def test_keys_have_other_names(tmp_path: Path) -> None:
    text = LINES.replace('"text"', '"body"').replace('"label"', '"topic"')
    path = write_text(tmp_path / "n.jsonl", text)
    dataset = open_dataset(str(path), None, TableOptions("topic", text_column="body"))
    assert dataset.y.tolist() == [1, 0, -1]


def test_a_folder_has_a_folder_for_each_class(tmp_path: Path) -> None:
    for name, texts in {"pos": ["good", "fine"], "neg": ["bad"], "unsup": ["so so"], "empty": []}.items():
        (tmp_path / name).mkdir()
        for number, text in enumerate(texts):
            write_text(tmp_path / name / f"{number}.txt", text)
    dataset = open_dataset(str(tmp_path), None)
    assert dataset.texts == ("bad", "good", "fine", "so so")
    assert (dataset.classes.tolist(), dataset.y.tolist()) == (["neg", "pos"], [0, 1, 1, -1])


BAD = {
    "no JSON": ("{'text': 'a'}\n", "line 1 is not JSON"),
    "no object": ('["a"]\n', "line 1 is ['a']; expected a JSON object"),
    "no text": (
        '{"body": "a"}\n',
        "line 1: 'text' is None; expected a text; name the key of the texts with --text-column",
    ),
    "nothing": ("\n", "is empty; expected one JSON object per line"),
    "no label": ('{"text": "a"}\n', "no row is labeled"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_bad_lines_are_told_by_their_number(tmp_path: Path, text: str, message: str) -> None:
    assert message in line_of(open_dataset, str(write_text(tmp_path / "t.jsonl", text)), None)


def test_a_text_that_is_not_utf8_is_told_by_its_file_and_byte(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_bytes("größe".encode("latin-1"))
    assert "1.txt: is not UTF-8 text: byte 2 (counted from 0), in line 1, is 0xf6; save it in UTF-8" in line_of(
        open_dataset, str(tmp_path), None
    )


def test_a_folder_of_arrays_with_notes_is_one_of_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.arange(8.0).reshape(4, 2))
    np.save(tmp_path / "y.npy", np.array([0, 1, 0, -1]))
    for name in ("notes", ".hidden"):
        (tmp_path / name).mkdir()
        write_text(tmp_path / name / "readme.txt", "notes")
    assert open_dataset(str(tmp_path), None).texts is None


def test_the_labels_are_no_texts(tmp_path: Path) -> None:
    path = write_text(tmp_path / "t.csv", "text,label\na,x\nb,y\n")
    assert "cannot be both the texts and the labels" in line_of(
        open_dataset, str(path), None, TableOptions(text_column="label")
    )
