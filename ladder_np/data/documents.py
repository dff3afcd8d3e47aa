"""Documents in other files than tables: JSON lines, or a folder with a folder of texts for each class."""

import json
import reprlib
from pathlib import Path
from typing import Any

from ladder_np.data.delimited import opened
from ladder_np.errors import InputError

__all__ = ["LINES_ENDINGS", "UNLABELED", "has_folders_of_texts", "parts", "read_folder_of_texts", "read_lines"]

LINES_ENDINGS = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
UNLABELED = ("unlabeled", "unlabelled", "unsup")  # the last one is that of the IMDb reviews
TEXT_ENDING = "*.txt"
LARGEST_TEXT = 1 << 24  # characters


def read_lines(path: Path, text_key: str, label_key: str | None) -> tuple[list[str], list[str], list[int]]:
    """Return the texts of a file of JSON lines, their labels (empty where there is none), and the lines' numbers.

    `label_key` None: no labels are read. Raises InputError, which names the line, if a line is not a JSON object, or
    its text is missing or not a text.
    """
    texts: list[str] = []
    labels: list[str] = []
    numbers: list[int] = []
    with opened(path, "a file of JSON lines") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            record = _record(line, f"{path}: line {number}")
            text = record.get(text_key)
            if not isinstance(text, str):
                raise InputError(
                    f"{path}: line {number}: {text_key!r} is {reprlib.repr(text)}; expected a text; name the key of "
                    "the texts with --text-column"
                )
            texts.append(text)
            label = record.get(label_key) if label_key is not None else None
            labels.append("" if label is None else str(label).strip())
            numbers.append(number)
    if not texts:
        raise InputError(f"{path}: is empty; expected one JSON object per line")
    return texts, labels, numbers


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}); expected one object per line") from None
    if not isinstance(record, dict):
        raise InputError(f"{where} is {reprlib.repr(record)}; expected a JSON object")
    return record


def has_folders_of_texts(folder: Path) -> bool:
    """Return whether a folder holds folders of `.txt` files."""
    return any(next(part.glob(TEXT_ENDING), None) is not None for part in parts(folder))


def parts(folder: Path) -> list[Path]:
    """Return the folders in a folder, but hidden ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def read_folder_of_texts(folder: Path) -> tuple[list[str], list[str]]:
    """Return the texts of a folder with a folder for each class, and their labels.

    Files are read in the order of their names; those in a folder named as in `UNLABELED` have no label. Raises
    InputError, which names the file, if one cannot be read as UTF-8.
    """
    texts, labels = [], []
    for part in parts(folder):
        label = "" if part.name.lower() in UNLABELED else part.name
        for path in sorted(part.glob(TEXT_ENDING)):
            texts.append(_read(path))
            labels.append(label)
    return texts, labels


def _read(path: Path) -> str:
    with opened(path, "a text") as file:
        text = file.read(LARGEST_TEXT + 1)
    if len(text) > LARGEST_TEXT:
        raise InputError(f"{path}: has more than {LARGEST_TEXT} characters; expected a document")
    return text
