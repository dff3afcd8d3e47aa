"""CSV files: a good one, and the one line, with line and column, for each bad one."""

import os

import numpy as np
import pytest
from small_files import GOOD_CSV, line_of, write_text

from ladder_np.data import tables
from ladder_np.data.tables import load_csv


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_read_with_its_names_and_unlabeled_rows(tmp_path, encoding, end):
    dataset = load_csv(write_text(tmp_path / "my.csv", GOOD_CSV.replace("\n", end), encoding), "label")
    assert (dataset.name, dataset.pixel_maximum) == ("my", None)
    assert dataset.feature_names == ("a", "b")
    assert dataset.X.dtype == np.float64
    assert dataset.X.tolist() == [[1, 2.5], [-300, 4], [5, 6], [7, 8]]
    assert dataset.y.tolist() == [0, 1, -1, -1]


def test_csv_may_have_quotes_spaces_whole_floats_and_empty_lines_at_the_end(tmp_path):
    text = 'a, "b,c" ,label\n 1 ,2,0.0\n3,"4", 1 \n5,6,  \n\n\n'.replace(' "b,c" ', '"b,c"')
    dataset = load_csv(write_text(tmp_path / "my.csv", text), "label")
    assert dataset.feature_names == ("a", "b,c")
    assert dataset.X.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert dataset.y.tolist() == [0, 1, -1]


BAD_CSV = {
    "empty": ("", "is empty; expected a header line"),
    "header alone": ("a,label\n", "has a header line and no rows"),
    "no label column": ("a,b\n1,2\n", "has no column 'label'; its columns are 'a', 'b'"),
    "many columns": (",".join(f"x{i}" for i in range(784)), "'x8', 'x9', ... (784 columns)"),
    "label column alone": ("label\n1\n0\n", "has only the label column 'label'"),
    "names twice": ("a,label,a\n1,0,1\n", "two columns are called 'a'"),
    "label twice": ("a,label,label\n1,0,1\n", "two columns are called 'label'"),
    "no name": ("a,,label\n1,2,0\n", "column 2 has no name"),
    "no number": (GOOD_CSV + "tall,1,2\n", "line 6, column 'a' is 'tall'; expected a finite number"),
    "underscore": (GOOD_CSV + "1,1,2_0\n", "line 6, column 'b' is '2_0'"),
    "nan": (GOOD_CSV + "1,1,NaN\n", "line 6, column 'b' is 'NaN'"),
    "infinite": (GOOD_CSV + "1e999,1,1\n", "line 6, column 'a' is '1e999'"),
    "empty cell": (GOOD_CSV + "1,1, \n", "line 6, column 'b' is empty"),
    "cell missing": (GOOD_CSV + "1,1\n", "line 6 has 2 cells; expected 3"),
    "cell too many": (GOOD_CSV + "1,1,2,3\n", "line 6 has 4 cells; expected 3"),
    "line empty": (GOOD_CSV + "\n1,1,2\n", "line 6 is empty"),
    "label no number": (GOOD_CSV + "1,cat,2\n", "line 6, column 'label' is 'cat'; expected a whole number"),
    "label fraction": (GOOD_CSV + "1,1.5,2\n", "line 6, column 'label' is '1.5'"),
    "label below -1": (GOOD_CSV + "1,-2,2\n", "line 6, column 'label' is '-2'"),
    "label infinite": (GOOD_CSV + "1,inf,2\n", "line 6, column 'label' is 'inf'"),
    "label vast": (GOOD_CSV + "1,1e300,2\n", "line 6, column 'label' is '1e300'"),
    "line after a cell of two lines": ('"a\nb",label\n1,0\nx,1\n', "line 4, column 'a\\nb' is 'x'"),
    "open quote": (GOOD_CSV + '1,1,"2\n', "is no CSV (unexpected end of data)"),
    "text after a quote": (GOOD_CSV + '1,1,"2"3\n', "line 6 is no CSV"),
    "vast cell": (GOOD_CSV + "1" * 200_000, "line 6 is no CSV (field larger than field limit"),
    "one class": ("a,label\n1,4\n2,4\n3,\n", "every labeled row is of class 4"),
    "gap": ("a,label\n1,1\n2,4\n", "no labeled row of class 2, 3"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_bad_csv_is_told_by_line_and_column(tmp_path, text, message):
    path = write_text(tmp_path / "my.csv", text)
    line = line_of(load_csv, path, "label")
    assert line.startswith(f"{path}: ")
    assert message in line
    assert len(line) < len(str(path)) + 300


def test_a_table_may_be_longer_than_its_longest_row(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST_RECORD", 16)
    rows = ["1,0,2.5", "3,1,4"] * 50
    dataset = load_csv(write_text(tmp_path / "my.csv", "\n".join(["a,label,b", *rows])), "label")
    assert len(dataset.X) == 100
    path = write_text(tmp_path / "my.csv", "\n".join(["a,label,b", *rows, '1,1,"2', '.000000000"']))
    assert f"{path}: line 103 begins a row of more than 16 characters" in line_of(load_csv, path, "label")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_csv_in_another_encoding_is_refused(tmp_path, encoding):
    path = write_text(tmp_path / "my.csv", "größe,label\n1,0\n", encoding)
    assert "is not UTF-8 text" in line_of(load_csv, path, "label")


def test_a_missing_csv_or_a_folder_is_refused(tmp_path):
    assert "no such file; expected a CSV file" in line_of(load_csv, tmp_path / "no.csv", "label")
    assert "is a folder; expected a CSV file" in line_of(load_csv, tmp_path, "label")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is no regular file" in line_of(load_csv, tmp_path / "pipe.csv", "label")
