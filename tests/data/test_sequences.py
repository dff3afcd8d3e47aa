"""A text as windows of characters with what comes next."""

from pathlib import Path

import numpy as np
import pytest
from small_files import line_of, write_text

from ladder_np.data import sequences
from ladder_np.data.readers import open_dataset
from ladder_np.data.sequences import OTHER, SequenceOptions, read_sequence
from ladder_np.data.tables import TableOptions
from ladder_np.data.words import find_vocabulary


def read(tmp_path: Path, text: str, window: int = 3, **options: object) -> sequences.Sequences:
    path = write_text(tmp_path / "a.txt", text)
    return read_sequence(path, SequenceOptions(window, **options))  # type: ignore[arg-type]


def test_each_window_stands_before_its_class(tmp_path: Path) -> None:
    text = "abcd" * 10
    found = read(tmp_path, text)
    assert found.classes.tolist() == ["a", "b", "c", "d", OTHER]
    assert [*found.windows][:4] == ["a", "ab", "abc", "bcd"]
    assert len(found.windows) == len(found.y) == 39
    for row, window in enumerate(found.windows):
        assert (window + str(found.classes[found.y[row]])).endswith(text[max(0, row - 2) : row + 2])


def test_rare_characters_are_one_class(tmp_path: Path) -> None:
    found = read(tmp_path, "ab" * 10 + "xyz\0" + "c" * 9)
    assert found.classes.tolist() == ["a", "b", OTHER]
    assert found.windows[21] == f"b{OTHER}{OTHER}"


def test_ends_of_lines_are_one_character(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\r\n" * 10)
    assert read_sequence(tmp_path / "a.txt", SequenceOptions(2)).windows.text == "a\n" * 10


def test_the_characters_of_the_end_that_is_held_out_do_not_count(tmp_path: Path) -> None:
    text = "ab" * 50 + "c" * 11 + "d" * 20
    assert read(tmp_path, text).classes.tolist() == ["a", "b", "c", "d", OTHER]
    assert read(tmp_path, text, test_fraction=20 / 130).classes.tolist() == ["a", "b", "c", OTHER]
    assert read(tmp_path, text, test_fraction=20 / 130, validation=2).classes.tolist() == ["a", "b", OTHER]


def test_the_characters_of_a_model_stay_its_classes(tmp_path: Path) -> None:
    found = read(tmp_path, "abz", characters=("a", "b", "c", OTHER))
    assert found.classes.tolist() == ["a", "b", "c", OTHER]
    assert found.y.tolist() == [1, 3]


BAD = {
    "short": ("ab", 3, "has no two characters 10 times to train on; expected more text"),
    "one character": ("a" * 99, 3, "has no two characters 10 times"),
    "empty": ("", 3, "has no two characters 10 times"),
    "no window": ("ab" * 99, 0, "a window of 0 characters: expected 1 to 64"),
    "long window": ("ab" * 99, 65, "a window of 65 characters: expected 1 to 64"),
}


@pytest.mark.parametrize(("text", "window", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_learned_is_refused(tmp_path: Path, text: str, window: int, message: str) -> None:
    assert message in line_of(read, tmp_path, text, window)


def test_a_long_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "LONGEST_TEXT", 99)
    assert "more than 99 characters" in line_of(read, tmp_path, "ab" * 50)


def test_other_data_has_no_next_characters_and_a_text_has_no_labels(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "ab" * 20)
    assert "add --next-character" in line_of(open_dataset, str(path), None)
    for name in ("digits", "a.csv"):
        message = line_of(open_dataset, name, None, TableOptions(sequence=SequenceOptions(3)))
        assert message == f"--next-character learns a text, {name!r} is not a file ending in .txt or .txt.gz"
    dataset = open_dataset(str(path), None, TableOptions(sequence=SequenceOptions(3)))
    assert dataset.overlapping


def test_characters_are_features_by_their_places_before_the_end() -> None:
    vocabulary = find_vocabulary(["ab", "xab", "b"], "places")
    assert vocabulary.tokens == ("a2", "b1")
    assert vocabulary.window == 2
    np.testing.assert_array_equal(vocabulary.rows(["ab", "ba", "bbb", ""])[:], [[1, 1], [0, 0], [0, 1], [0, 0]])
    assert find_vocabulary(["a b", "a"], "words").window is None
