"""Text tables: separators, decimal marks, packed files, indices, texts, missing cells, marks of no label."""

import gzip
import os
import warnings

import numpy as np
import pytest
from small_files import GOOD_CSV, line_of, write_text

from ladder_np.data import delimited, tables
from ladder_np.data.encoding import UNKNOWN, find_encoding
from ladder_np.data.readers import load_table, read_rows
from ladder_np.data.tables import TableOptions
from ladder_np.errors import InputWarning


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_read_with_its_names_and_unlabeled_rows(tmp_path, encoding, end):
    dataset = load_table(write_text(tmp_path / "my.csv", GOOD_CSV.replace("\n", end), encoding))
    assert (dataset.name, dataset.pixel_maximum) == ("my", None)
    assert dataset.feature_names == ("a", "b")
    assert dataset.X.dtype == np.float64
    assert dataset.X.tolist() == [[1, 2.5], [-300, 4], [5, 6], [7, 8]]
    assert dataset.y.tolist() == [0, 1, -1, -1]


def test_csv_may_have_quotes_spaces_whole_floats_and_empty_lines_at_the_end(tmp_path):
    text = 'a, "b,c" ,label\n 1 ,2,0.0\n3,"4", 1 \n5,6,  \n\n\n'.replace(' "b,c" ', '"b,c"')
    dataset = load_table(write_text(tmp_path / "my.csv", text))
    assert dataset.feature_names == ("a", "b,c")
    assert dataset.X.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert dataset.y.tolist() == [0, 1, -1]


COLUMNS = {
    "gaps and numbers below 0": (["7", "-3", "", "-1", "7.0"], [-3, 7], [1, 0, -1, -1, 1]),
    "texts": (["dog", " cat", "", "-1", "two words"], ["cat", "dog", "two words"], [1, 0, -1, -1, 2]),
    "true and false": (["True", "False", "True"], ["False", "True"], [1, 0, 1]),
}


@pytest.mark.parametrize(("cells", "classes", "index"), COLUMNS.values(), ids=COLUMNS)
def test_the_labels_of_a_csv_are_classes_of_any_kind(tmp_path, cells, classes, index):
    text = "\n".join(["a,label", *(f"{k},{cell}" for k, cell in enumerate(cells))])
    dataset = load_table(write_text(tmp_path / "my.csv", text))
    assert dataset.classes.tolist() == classes
    assert dataset.classes.dtype.kind == ("U" if isinstance(classes[0], str) else "i")
    assert dataset.y.tolist() == index


BAD_CSV = {
    "empty": ("", "is empty; expected a header line"),
    "header alone": ("a,label\n", "has a header line and no rows"),
    "no label column": ("a,b\n1,2\n", "has no column 'label'; its columns, comma-separated, are 'a', 'b'; name it"),
    "many columns": (",".join(f"x{i}" for i in range(784)), "'x8', 'x9', ... (784 columns)"),
    "label column alone": ("label\n1\n0\n", "has no feature beside 'label'; its columns, comma-separated"),
    "names twice": ("a,label,a\n1,0,1\n", "two columns are called 'a'"),
    "label twice": ("a,label,label\n1,0,1\n", "two columns are called 'label'"),
    "no name": ("a,,label\n1,2,0\n", "column 2 has no name"),
    "no number": (GOOD_CSV + "tall,1,2\n", "line 6, column 'a' is 'tall'; other cells are numbers: correct it"),
    "underscore": (GOOD_CSV + "1,1,2_0\n", "line 6, column 'b' is '2_0'"),
    "infinite": (GOOD_CSV + "1e999,1,1\n", "line 6, column 'a' is '1e999'"),
    "cell missing": (GOOD_CSV + "1,1\n", "line 6 has 2 cells; expected 3"),
    "cell too many": (GOOD_CSV + "1,1,2,3\n", "line 6 has 4 cells; expected 3"),
    "line empty": (GOOD_CSV + "\n1,1,2\n", "line 6 is empty"),
    "texts and numbers": (GOOD_CSV + "1,cat,2\n", "column 'label', line 6 is 'cat', but other labels are numbers"),
    "label fraction": (GOOD_CSV + "1,1.5,2\n", "column 'label', line 6 is 1.5 (Unknown label type: continuous)"),
    "label infinite": (GOOD_CSV + "1,inf,2\n", "column 'label', line 6 is inf"),
    "label vast": (
        GOOD_CSV + "1,1e300,2\n",
        "column 'label' has the class 1e+300; expected whole numbers below 2**53",
    ),
    "label missing": (
        "a,label\n1,x\n2,NA\n3,y\n",
        "line 3 is 'NA', which looks like a missing label; leave it empty where a row has no label, or name",
    ),
    "label long": ("a,label\n1,x\n2," + "y" * 201, "column 'label' has a class of 201 characters, 'yyyyyyyyyyyy..."),
    "nothing labeled": ("a,label\n1,\n2,-1\n", "column 'label': no row is labeled"),
    "line after a cell of two lines": ('"a\nb",label\n1,0\nx,1\n', "line 4, column 'a\\nb' is 'x'"),
    "open quote": (GOOD_CSV + '1,1,"2\n', "is not CSV (unexpected end of data)"),
    "text after a quote": (GOOD_CSV + '1,1,"2"3\n', "line 6 is not CSV"),
    "vast cell": (GOOD_CSV + "1" * 200_000, "line 6 is not CSV (field larger than field limit"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_bad_csv_is_told_by_line_and_column(tmp_path, text, message):
    path = write_text(tmp_path / "my.csv", text)
    line = line_of(load_table, path)
    assert line.startswith(f"{path}: ")
    assert message in line
    assert len(line) < len(str(path)) + 300


def test_a_table_may_be_longer_than_its_longest_row(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "LONGEST_RECORD", 16)
    rows = ["1,0,2.5", "3,1,4"] * 50
    dataset = load_table(write_text(tmp_path / "my.csv", "\n".join(["a,label,b", *rows])))
    assert len(dataset.X) == 100
    path = write_text(tmp_path / "my.csv", "\n".join(["a,label,b", *rows, '1,1,"2', '.000000000"']))
    assert f"{path}: line 103 begins a row of more than 16 characters" in line_of(load_table, path)


OTHER_ENCODINGS = {"latin-1": "byte 12 (counted from 0), in line 3, is 0xf6", "utf-16": "byte 0 (counted from 0)"}


@pytest.mark.parametrize(("encoding", "message"), OTHER_ENCODINGS.items())
def test_a_csv_in_another_encoding_is_refused_with_byte_and_line(tmp_path, encoding, message):
    path = write_text(tmp_path / "my.csv", "a,label\n1,0\nö,1\n", encoding)
    assert f"{path}: is not UTF-8 text: {message}" in line_of(load_table, path)


def test_the_byte_is_counted_over_the_whole_file(tmp_path):
    (tmp_path / "my.csv").write_bytes(b"a,label\n" + b"1,0\n" * 99_999 + b"\xff,1\n")
    assert "byte 400004 (counted from 0), in line 100001, is 0xff" in line_of(load_table, tmp_path / "my.csv")


def test_a_missing_csv_or_a_folder_is_refused(tmp_path):
    assert "no such file; expected a CSV file" in line_of(load_table, tmp_path / "no.csv")
    assert "is a folder; expected a CSV file" in line_of(load_table, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is not a regular file" in line_of(load_table, tmp_path / "pipe.csv")


# ---- As people have them.

NUMBERS = [[5.01, 3.54], [6.0, -3.08], [7.07, 2.73]]
AS_WRITTEN = {
    "comma": ("t.csv", "a,b,label\n5.01,3.54,x\n6,-3.08,\n7.07,2.73,y\n", {}),
    "semicolon, decimal comma": ("t.csv", "a;b;label\n5,01;3,54;x\n6,0;-3,08;\n7,07;2,73;y\n", {}),
    "semicolon, decimal point": ("t.csv", "a;b;label\n5.01;3.54;x\n6.0;-3.08;\n7.07;2.73;y\n", {}),
    "tab in a .tsv": ("t.tsv", "a\tb\tlabel\n5.01\t3.54\tx\n6\t-3.08\t\n7.07\t2.73\ty\n", {}),
    "tab in a .csv": ("t.csv", "a\tb\tlabel\n5,01\t3,54\tx\n6\t-3,08\t\n7,07\t2,73\ty\n", {}),
    "bar": ("t.csv", "a|b|label\n5.01|3.54|x\n6|-3.08|\n7.07|2.73|y\n", {}),
    "quoted decimal comma": ("t.csv", 'a,b,label\n"5,01","3,54",x\n6,"-3,08",\n"7,07","2,73",y\n', {}),
    "texts with commas": ("t.csv", 'a;b;label\n5.01;3.54;"x, y"\n6;-3.08;\n7.07;2.73;"y, x"\n', {}),
    "another separator": ("t.csv", "a:b:label\n5.01:3.54:x\n6:-3.08:\n7.07:2.73:y\n", {"separator": ":"}),
    "a mark": ("t.csv", "a,b,label\n5.01,3.54,x\n6,-3.08,?\n7.07,2.73,y\n", {"unlabeled_label": "?"}),
    "another label column": ("t.csv", "kind,a,b\nx,5.01,3.54\n,6,-3.08\ny,7.07,2.73\n", {"label_column": "kind"}),
    "columns left out": (
        "t.csv",
        "id,a,b,note,label\nA1,5.01,3.54,x,x\nA2,6,-3.08,x,\nA3,7.07,2.73,x,y\n",
        {"drop_columns": ("id", "note")},
    ),
    "columns chosen": (
        "t.csv",
        "id,a,label,b\nA1,5.01,x,3.54\nA2,6,,-3.08\nA3,7.07,y,2.73\n",
        {"columns": ("a", "b")},
    ),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(("name", "text", "options"), AS_WRITTEN.values(), ids=AS_WRITTEN)
def test_a_table_is_read_as_it_is_written(tmp_path, name, text, options, zipped):
    path = tmp_path / (name + ".gz" * zipped)
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    dataset = load_table(path, TableOptions(**options))
    assert dataset.name == "t"
    assert dataset.feature_names == ("a", "b")
    assert dataset.X.tolist() == NUMBERS
    assert dataset.y.tolist() == [0, -1, 1]
    rows = read_rows(path, TableOptions(**options))
    assert (rows.X.tolist(), rows.names) == (NUMBERS, ("a", "b"))


def test_the_separator_is_that_of_the_header_that_has_the_columns(tmp_path):
    text = "weight, in kg;height, in m;label\n1,5;2,5;x\n3,5;4,5;y\n"  # as many commas in each line
    dataset = load_table(write_text(tmp_path / "t.csv", text))
    assert dataset.feature_names == ("weight, in kg", "height, in m")
    assert dataset.X.tolist() == [[1.5, 2.5], [3.5, 4.5]]


def test_a_label_of_minus_one_is_a_class_where_another_mark_is_named(tmp_path):
    path = write_text(tmp_path / "t.csv", "a,label\n1,-1\n2,1\n3,?\n")
    dataset = load_table(path, TableOptions(unlabeled_label="?"))
    assert (dataset.classes.tolist(), dataset.y.tolist()) == ([-1, 1], [0, 1, -1])


DOUBT = {
    "thousands behind tabs": ("a\tlabel\n1,234\tx\n5,678\ty\n", {}, "'1,234'; if its comma is the decimal mark"),
    "thousands with points": (
        "a;b;label\n1.259;1,5;x\n905;2,5;y\n",
        {"decimal": ","},
        "line 2, column 'a' is '1.259'; write thousands without a mark between them; the decimal mark here is ','",
    ),
    "thousands and decimals": (
        "a;label\n1.259,00;x\n2.345,50;y\n",
        {},
        "line 2, column 'a' is '1.259,00'; write thousands without a mark between them",
    ),
    "a point under the comma": (
        "a;label\n1,5;x\n2.5;y\n",
        {"decimal": ","},
        "'2.5'; the decimal mark of this table is",
    ),
    "few decimal commas beside points": (
        "a;b;label\n1,5;0.5;x\n2,5;1.5;y\n1,5;0.5;y\n",
        {},
        "line 2, column 'a' is '1,5'; if that is a decimal comma, name it: --decimal ,",
    ),
    "the wrong mark": ("a;label\n0,03;x\n0,48;y\n", {"decimal": "."}, "'0,03'; if that is a decimal comma, name it"),
    "a column twice": ("a,label\n1,2\n", {"columns": ("a", "a")}, "columns a,a: expected each once"),
    "a spreadsheet": ("PK\x03\x04 and so on\n", {}, "is a packed file, as a spreadsheet is, and no text"),
    "thousands": (
        'a,label\n"1,234",x\n"5,678",y\n',
        {},
        "'1,234'; if its comma is the decimal mark name it: --decimal ,",
    ),
    "commas and points": (
        "a;label\n1,5;x\n2.5;y\n3.5;y\n",
        {},
        "line 2, column 'a' is '1,5'; if that is a decimal comma",
    ),
    "separator": ("a;b\n1;2\n", {}, "its columns, semicolon-separated, are 'a', 'b'; name it with --label-column"),
    "one column": ("a:label\n1:2\n", {}, "comma-separated, are 'a:label'; --separator names another separator"),
    "two characters": ("a,label\n1,2\n", {"separator": "::"}, "separator '::': expected one character"),
    "a decimal mark": ("a,label\n1,2\n", {"decimal": "_"}, "decimal mark '_': expected '.' or ','"),
    "unknown column to leave out": ("a,label\n1,2\n", {"drop_columns": ("c",)}, "has no column 'c'; its columns"),
    "unknown column to choose": ("a,label\n1,2\n", {"columns": ("c",)}, "has no column 'c'; its columns"),
    "an id": (
        "id,a,label\n" + "".join(f"A{k},1,{k % 2}\n" for k in range(30)),
        {},
        "column 'id' holds more than 20 different texts ('A0', 'A1', 'A2', ...), too many for categories "
        "(dates, names, ids): leave it out with --drop-columns id",
    ),
    "damaged gzip": (None, {}, "damaged gzip data"),
}


@pytest.mark.parametrize(("text", "options", "message"), DOUBT.values(), ids=DOUBT)
def test_what_is_in_doubt_is_told_with_the_option_that_settles_it(tmp_path, text, options, message):
    path = tmp_path / "t.csv.gz"
    whole = gzip.compress((text or "a,label\n1,2\n" * 99).encode())
    path.write_bytes(whole if text else whole[:-9])
    assert message in line_of(lambda: load_table(path, TableOptions(**options)))


def test_cells_that_may_be_thousands_are_told(tmp_path):
    cells = ["925", "1.120", "1.300", "2.050", "740"]
    path = write_text(tmp_path / "t.csv", "a;label\n" + "".join(f"{c};{k % 2}\n" for k, c in enumerate(cells)))
    with pytest.warns(InputWarning, match="column 'a' has cells such as '1.120' beside whole numbers"):
        load_table(path)
    decimals = write_text(tmp_path / "d.csv", path.read_text().replace("1.120", "1.12"))
    with warnings.catch_warnings(action="error"):
        load_table(decimals)
        load_table(path, TableOptions(decimal="."))  # named: no doubt


def test_a_decimal_mark_is_looked_for_in_features_alone(tmp_path):
    text = "version;a;label\n1.2;1,5;x\n1.3;2,5;y\n"
    dataset = load_table(write_text(tmp_path / "t.csv", text), TableOptions(drop_columns=("version",)))
    assert dataset.X.tolist() == [[1.5], [2.5]]


def test_a_header_longer_than_the_sample_hides_no_decimal_mark(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "SAMPLE", 16)
    names = [f"column{k}" for k in range(40)]
    text = "\n".join([";".join([*names, "label"]), *(";".join([*["1,5"] * 40, kind]) for kind in "xy")])
    assert load_table(write_text(tmp_path / "t.csv", text)).X.tolist() == [[1.5] * 40] * 2


def test_wide_tables_take_time_in_proportion_to_their_width(tmp_path):
    names = [f"c{k}" for k in range(50_000)]
    rows = [",".join([*["1.5"] * len(names), kind]) for kind in "xy"]
    dataset = load_table(write_text(tmp_path / "t.csv", "\n".join([",".join([*names, "label"]), *rows]) + "\n"))
    assert dataset.X.shape == (2, 50_000)  # in seconds; in minutes where a look-up goes through the names


def test_thousands_are_decimals_where_that_is_named(tmp_path):
    path = write_text(tmp_path / "t.csv", 'a,label\n"1,234",x\n"5,678",y\n')
    assert load_table(path, TableOptions(decimal=",")).X.tolist() == [[1.234], [5.678]]


# ---- Columns of texts, missing cells.

MIXED = "size,color,on,label\n1,red,True,x\n,blue,false,\n3,,TRUE,y\nNA,red,,y\n"


def test_texts_are_codes_of_their_ascending_values_and_what_is_missing_is_nan(tmp_path):
    dataset = load_table(write_text(tmp_path / "t.csv", MIXED))
    assert dataset.values == (None, ("blue", "red"), None)
    nan = np.nan
    np.testing.assert_array_equal(dataset.X, [[1, 1, 1], [nan, 0, 0], [3, nan, 1], [nan, 1, nan]])


def test_the_encoding_has_an_indicator_for_each_text_and_for_what_was_missing_in_training(tmp_path):
    dataset = load_table(write_text(tmp_path / "t.csv", MIXED))
    encoding = find_encoding(dataset.X, np.array([0, 1, 2]), dataset.values)
    assert encoding.names(dataset.feature_names) == ("size", "size is missing", "color=blue", "color=red", "on")
    assert encoding.apply(dataset.X).tolist() == [
        [1, 0, 0, 1, 1],
        [2, 1, 1, 0, 0],
        [3, 0, 0, 0, 1],
        [2, 1, 0, 1, 2 / 3],  # on was never missing in training: its mean
    ]
    assert encoding.describe(dataset.feature_names) == (
        "'color' as 2 indicators; missing numbers of 'size' as the column's mean, with an indicator"
    )


def test_a_text_that_no_training_row_has_is_unknown_to_the_model(tmp_path):
    dataset = load_table(write_text(tmp_path / "t.csv", MIXED))
    encoding = find_encoding(dataset.X, np.array([0, 2]), dataset.values)  # "blue" is in another row
    assert encoding.apply(dataset.X)[1].tolist()[1:3] == [0, 0]
    assert "1 cells of 'color' hold texts that were not there in training" in encoding.complaint(
        dataset.X, dataset.feature_names
    )


def test_rows_for_a_model_are_read_by_its_columns_and_its_texts(tmp_path):
    trained = {"size": None, "color": ("blue", "red")}
    options = TableOptions(trained=trained, left_out=("on",), id_column="name")
    text = "color,name,on,size,label\nred,r1,1,2,x\npink,r2,0,,\n"
    rows = read_rows(write_text(tmp_path / "t.csv", text), options)
    assert rows.names == ("size", "color")
    np.testing.assert_array_equal(rows.X, [[2, 1], [np.nan, UNKNOWN]])
    assert rows.ids == ["r1", "r2"]


def test_an_unnamed_feature_of_a_model_stays_in_few_new_rows(tmp_path):
    options = TableOptions(trained={"Unnamed: 0": None, "a": None})
    rows = read_rows(write_text(tmp_path / "t.csv", "Unnamed: 0,a\n1,5\n2,6\n3,7\n"), options)
    assert rows.names == ("Unnamed: 0", "a")
    assert rows.X.tolist() == [[1, 5], [2, 6], [3, 7]]


BAD_FOR_A_MODEL = {
    "unknown column": ("size,color,more\n1,red,x\n", {}, "column 'more' was not in the training data; leave it out"),
    "before any cell": ("more,size,color\nrow0,x,red\n", {}, "column 'more' was not in the training data"),
    "missing column": ("size\n1\n", {}, "the model was trained on a column 'color' that this data lacks"),
    "text for a number": ("size,color\nbig,red\n", {}, "line 2, column 'size' is 'big'; expected a finite number"),
    "no gaps": ("size,color\n,red\n", {"complete": True}, "line 2, column 'size' is empty; expected a finite number"),
    "a feature left out": ("size,color\n1,red\n", {"drop_columns": ("size",)}, "'size' is a feature of the model"),
    "nothing to leave out": ("size,color\n1,red\n", {"drop_columns": ("x",)}, "has no column 'x' to leave out"),
    "no id": ("size,color\n1,red\n", {"id_column": "id"}, "has no column 'id'"),
}


@pytest.mark.parametrize(("text", "options", "message"), BAD_FOR_A_MODEL.values(), ids=BAD_FOR_A_MODEL)
def test_rows_that_do_not_fit_a_model_are_told(tmp_path, text, options, message):
    options = TableOptions(trained={"size": None, "color": ("blue", "red")}, **options)
    assert message in line_of(read_rows, write_text(tmp_path / "t.csv", text), options)


def test_names_of_rows_in_an_unnamed_first_column_are_left_out(tmp_path):
    lines = [f"row{k},{k % 7},{k % 2}" for k in range(40)]
    path = write_text(tmp_path / "t.csv", "\n".join([",a,label", *lines]) + "\n")
    with pytest.warns(InputWarning, match="the first column"):
        dataset = load_table(path)
    assert (dataset.feature_names, dataset.left_out) == (("a",), ("",))


def test_a_column_that_begins_with_numbers_may_be_one_of_texts(tmp_path):
    cells = ["1", "2", *["many"] * 5]
    text = "a,b,label\n" + "".join(f"{cell},{k % 3},{k % 2}\n" for k, cell in enumerate(cells))
    dataset = load_table(write_text(tmp_path / "t.csv", text))
    assert dataset.values == (("1", "2", "many"), None)
    assert dataset.X[:, 0].tolist() == [0, 1, 2, 2, 2, 2, 2]


def test_the_order_of_rows_changes_no_code(tmp_path):
    rows = [f"{color},{k},{k % 2}" for k, color in enumerate(["red", "blue", "green", "red"])]
    codes = []
    for order in (rows, rows[::-1]):
        dataset = load_table(write_text(tmp_path / "t.csv", "\n".join(["c,a,label", *order])))
        codes.append(dataset.X[np.argsort(dataset.X[:, 1]), 0].tolist())
    assert codes[0] == codes[1] == [2, 0, 1, 2]


def test_an_older_run_reads_numbers_alone(tmp_path):
    older = TableOptions(older=True)
    assert "'color' is 'red'; expected a finite number" in line_of(
        load_table, write_text(tmp_path / "t.csv", MIXED), older
    )
    path = write_text(tmp_path / "i.csv", "Unnamed: 0,label\n" + "".join(f"{k},{k % 2}\n" for k in range(20)))
    with warnings.catch_warnings(action="error"):
        assert load_table(path, older).feature_names == ("Unnamed: 0",)


def test_a_wide_table_with_texts_below_numbers_is_read_three_times_at_most(tmp_path, monkeypatch):
    passes = []
    original = tables.records
    monkeypatch.setattr(tables, "records", lambda path, separator: passes.append(path) or original(path, separator))
    names = [f"c{k}" for k in range(30)]
    rows = [["1" if row <= place else "x" for place in range(30)] for row in range(70)]
    text = "\n".join([",".join([*names, "label"]), *(",".join([*row, str(k % 2)]) for k, row in enumerate(rows))])
    assert load_table(write_text(tmp_path / "t.csv", text)).values == (("1", "x"),) * 30
    assert len(passes) == 3
