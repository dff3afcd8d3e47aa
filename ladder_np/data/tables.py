"""Text tables as people have them: which columns are features, what their cells hold, which label a row has.

A column of numbers may have missing cells; a column of texts has few values (see `encoding`). What is in doubt is an
error line that names the line, the column and the option that settles it.
"""

import contextlib
import dataclasses
import math
import reprlib
import shlex
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ladder_np.data.columns import NO_NAME, index_columns
from ladder_np.data.delimited import (
    GROUPED,
    SEPARATORS,
    WITH_COMMA,
    WITH_POINT,
    Format,
    check_marks,
    find_format,
    records,
)
from ladder_np.data.encoding import MISSING, MOST_VALUES, UNKNOWN, Values
from ladder_np.data.sequences import SequenceOptions
from ladder_np.errors import InputError, warn

__all__ = ["AS_FOUND", "Table", "TableOptions", "read_table"]

NAMED_AT_MOST = 10  # column names in one error line


@dataclass(frozen=True)
class TableOptions:
    """How a text table is read; what is None is found from the file.

    Raises InputError if the separator or the decimal mark cannot be one, or a column is named twice.
    """

    label_column: str = "label"
    unlabeled_label: str | None = None  # what stands where a row has no label; None: nothing, or -1
    columns: tuple[str, ...] | None = None  # those that are features; None: all but the label column
    drop_columns: tuple[str, ...] = ()  # those that are not
    separator: str | None = None
    decimal: str | None = None
    older: bool = False  # as older versions did: numbers only, also columns that number the rows
    text_column: str | None = None  # whose cells are texts to learn from: the only feature
    sequence: SequenceOptions | None = None  # how a text file is read; None: not as a sequence
    id_column: str | None = None  # kept beside the features
    # the columns of a model by name, with the values of those that hold texts; only these are features
    trained: Mapping[str, tuple[str, ...] | None] = dataclasses.field(default_factory=dict)
    complete: bool = False  # whether no cell may be missing
    left_out: tuple[str, ...] = ()  # columns that the model was trained without
    image_values: int | None = None  # of each image in files that a model takes: gray become colors, or colors gray

    def __post_init__(self) -> None:
        check_marks(self.separator, self.decimal)
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise InputError(f"columns {','.join(self.columns)}: expected each once")


AS_FOUND = TableOptions()


@dataclass(frozen=True, eq=False)
class Table:
    """A table that was read."""

    names: tuple[str, ...]  # of the d features
    X: np.ndarray  # (n, d) float64: numbers, or codes of texts, as `Encoding` takes them
    values: Values  # (d,)
    labels: list[str]  # the cells of the label column, empty where a row has none; empty without such a column
    lines: Sequence[int]  # where each row stands in the file
    left_out: tuple[str, ...]  # columns that are neither features nor labels
    ids: list[str]  # the cells of the id column
    texts: list[str]  # the cells of the text column


def read_table(path: Path, options: TableOptions, labels_wanted: bool) -> Table:
    """Read a text table.

    Raises InputError, which names the line and the column, if it is not one or a cell cannot be used.
    """
    beside = {name for name in (options.label_column, options.id_column, options.text_column) if name is not None}
    wanted = {*beside, *options.trained, *(options.columns or ()), *options.drop_columns}
    others = {*beside, *options.drop_columns, *options.left_out}
    form = find_format(path, options.separator, options.decimal, wanted, others)
    try:
        return _Reader(path, options, form, labels_wanted).read()
    except _TextBelowNumbersError:
        with_texts = _columns_with_texts(path, form)
        return _Reader(path, options, form, labels_wanted, with_texts).read()


class _TextBelowNumbersError(Exception):
    """A column that began with numbers holds a text: what it is shows when all of it is seen."""


def _columns_with_texts(path: Path, form: Format) -> dict[str, tuple[int, str]]:
    """Return the columns that hold anything but numbers, each with the line of its first such cell, and the cell."""
    found: dict[str, tuple[int, str]] = {}
    with contextlib.closing(records(path, form.separator)) as lines:
        header = _read_header(next(lines, None), path)
        for line, cells in lines:
            for name, cell in zip(header, cells, strict=False):
                if name not in found and _is_text(cell, form):
                    found[name] = (line, cell.strip())
    return found


def _is_text(cell: str, form: Format) -> bool:
    return cell.strip() not in MISSING and math.isnan(form.number(cell))


# ---- Columns.


@dataclass
class _Column:
    """One feature while its cells are read: of numbers as long as `codes` is None, else of texts."""

    name: str
    codes: dict[str, int] | None = None  # of the texts, by the order of their first cells
    trained: bool = False  # as in a model: it cannot become a column of texts, nor get other ones
    row_names: bool = False  # whether texts in it are names of rows, which are left out
    first_text: tuple[int, str] | None = None  # the line of the first cell that is not a number, and the cell
    numbers: int = 0  # how many texts are numbers, and how many are not
    texts: int = 0

    @property
    def categories(self) -> bool:
        """Whether it is a column of texts whose values are found in this file."""
        return self.codes is not None and not self.trained and not self.row_names

    def text(self, text: str, line: int, form: Format) -> float:
        """Return the code of a text."""
        if self.codes is None:
            self.codes = {}
        if self.trained or self.row_names:
            return float(self.codes.get(text, UNKNOWN))
        number = not math.isnan(form.number(text))
        self.numbers, self.texts = self.numbers + number, self.texts + (not number)
        if not number:
            self.first_text = self.first_text or (line, text)
        return float(self.codes.setdefault(text, len(self.codes)))


@dataclass
class _Reader:
    """One pass through a file."""

    path: Path
    options: TableOptions
    form: Format
    labels_wanted: bool
    # columns that are known to hold texts, with the first line and cell
    with_texts: Mapping[str, tuple[int, str]] = dataclasses.field(default_factory=dict)
    numbers: array = dataclasses.field(default_factory=lambda: array("d"))  # of the cells so far, row after row

    def read(self) -> Table:
        with contextlib.closing(records(self.path, self.form.separator)) as lines:
            return self._read(lines)

    def _read(self, lines: Iterator[tuple[int, list[str]]]) -> Table:
        header = _read_header(next(lines, None), self.path)
        columns = self._columns(header)
        place_of = {name: place for place, name in enumerate(header)}
        places = [place_of[column.name] for column in columns]
        wanted = (self._label_column, self.options.id_column, self.options.text_column)
        label_at, id_at, text_at = (self._optional(name, header) for name in wanted)
        numbered = array("q")  # as `numbers`: lists of Python numbers would take four times as much
        labels: list[str] = []
        ids: list[str] = []
        texts: list[str] = []
        shared: dict[str, str] = {}  # equal labels are kept once
        for line, cells in lines:
            if len(cells) != len(header):
                raise InputError(
                    f"{self.path}: line {line} has {len(cells)} cells; expected {len(header)} as in the header"
                )
            if label_at is not None:
                label = cells[label_at].strip()
                labels.append("" if label == self.options.unlabeled_label else shared.setdefault(label, label))
            if id_at is not None:
                ids.append(cells[id_at])
            if text_at is not None:
                texts.append(cells[text_at])
            self.numbers.extend(self._row([cells[place] for place in places], columns, line))
            numbered.append(line)
        if not numbered:
            raise InputError(f"{self.path}: has a header line and no rows; expected one line per row after it")
        X = np.frombuffer(self.numbers, np.float64).reshape(len(numbered), len(columns))
        X, columns = self._without_index(X, columns)
        self._check_kinds(columns)
        names = tuple(column.name for column in columns)
        used = {*names, self.options.label_column, self.options.text_column}
        left_out = tuple(name for name in header if name not in used)
        return Table(names, *_in_order(X, columns), labels, numbered, left_out, ids, texts)

    @property
    def _label_column(self) -> str | None:
        return self.options.label_column if self.labels_wanted else None

    def _optional(self, name: str | None, header: list[str]) -> int | None:
        """Return where a column stands; None if there is to be none."""
        if name is None:
            return None
        if name not in header:
            options = {self.options.id_column: "--id-column", self.options.text_column: "--text-column"}
            option = options.get(name, "--label-column")
            raise InputError(f"{self.path}: has no column {name!r}; {self._found(header)}; name it with {option}")
        return header.index(name)

    def _found(self, header: list[str]) -> str:
        separator = SEPARATORS.get(self.form.separator, repr(self.form.separator))
        other = "" if len(header) > 1 else "; --separator names another separator"
        return f"its columns, {separator}-separated, are {_listed(header)}{other}"

    # ---- Which columns are features.

    def _columns(self, header: list[str]) -> list[_Column]:
        self._optional(self._label_column, header)
        if self.options.text_column is not None:
            if self.options.text_column == self.options.label_column:
                raise InputError(
                    f"{self.path}: {self.options.label_column!r} cannot be both the texts and the labels"
                )
            return []
        names = self._trained_names(header) if self.options.trained else self._chosen_names(header)
        return [self._column(name, header) for name in names]

    def _column(self, name: str, header: list[str]) -> _Column:
        if name in self.options.trained:
            values = self.options.trained[name]
            codes = None if values is None else {text: code for code, text in enumerate(values)}
            return _Column(name, codes, trained=True)
        row_names = name == header[0] and NO_NAME.fullmatch(name) is not None and not self.options.older
        first = self.with_texts.get(name)
        return _Column(name, None if first is None else {}, row_names=row_names, first_text=first)

    def _chosen_names(self, header: list[str]) -> list[str]:
        options = self.options
        found = set(header)
        for name in (*(options.columns or ()), *options.drop_columns):
            if name not in found:
                raise InputError(f"{self.path}: has no column {name!r}; {self._found(header)}")
        without = {options.label_column, options.id_column, *options.drop_columns}
        names = [name for name in options.columns or header if name not in without]
        if not names:
            raise InputError(f"{self.path}: has no feature beside {_listed(header)}; {self._found(header)}")
        return names

    def _trained_names(self, header: list[str]) -> list[str]:
        options, found = self.options, set(header)
        if self.labels_wanted and options.label_column in options.trained:
            raise InputError(
                f"{self.path}: {options.label_column!r} is a feature of the model; name the column of labels with "
                "--label-column"
            )
        for name in options.trained:
            if name not in found:
                raise InputError(
                    f"{self.path}: the model was trained on a column {name!r} that this data lacks; "
                    f"{self._found(header)}"
                )
        for name in options.drop_columns:
            if name in options.trained:
                raise InputError(f"{self.path}: {name!r} is a feature of the model; it cannot be left out")
            if name not in found:
                raise InputError(f"{self.path}: has no column {name!r} to leave out; {self._found(header)}")
        known = {options.label_column, options.id_column, *options.trained, *options.drop_columns, *options.left_out}
        for name in header:
            if name not in known and not NO_NAME.fullmatch(name):
                raise InputError(
                    f"{self.path}: column {name!r} was not in the training data; leave it out with --drop-columns, "
                    "or copy it beside the predictions with --id-column"
                )
        return list(options.trained)

    # ---- Cells.

    def _row(self, cells: list[str], columns: list[_Column], line: int) -> list[float]:
        """Return the numbers for one row's cells."""
        number = self.form.number
        values = [
            number(cell) if column.codes is None else math.nan for column, cell in zip(columns, cells, strict=True)
        ]
        if not all(map(math.isfinite, values)):
            for place, column in enumerate(columns):
                if not math.isfinite(values[place]):
                    values[place] = self._cell(cells[place], column, line, slice(place, None, len(columns)))
        return values

    def _cell(self, cell: str, column: _Column, line: int, above: slice) -> float:
        """Return the number for a cell that is not a finite number, or stands in a column of texts.

        `above` are the places of the numbers of its column.
        """
        text = cell.strip()
        if text in MISSING and not (column.trained and text in (column.codes or ())):
            if self.options.complete or self.options.older:
                raise self._refused(column, line, text)
            return math.nan
        other_mark = GROUPED.fullmatch(text) or (self.form.decimal == "." and WITH_COMMA.fullmatch(text))
        may_be_text = column.row_names or (column.trained and column.codes is not None)
        if other_mark and not may_be_text:
            raise self._refused(column, line, text)
        if column.codes is None:
            if column.trained or self.options.older or math.isinf(self.form.number(cell)):
                raise self._refused(column, line, text)
            if not column.row_names and not all(map(math.isnan, self.numbers[above])):
                raise _TextBelowNumbersError
        code = column.text(text, line, self.form)
        if column.categories and len(column.codes or ()) > MOST_VALUES:
            raise self._too_many(column)
        return code

    def _refused(self, column: _Column, line: int, text: str) -> InputError:
        given = reprlib.repr(text) if text else "empty"
        if not column.name:
            return _no_name(self.path, 0)
        return InputError(
            f"{self.path}: line {line}, column {column.name!r} is {given}; {self._advice(column, text)}"
        )

    def _advice(self, column: _Column, text: str) -> str:
        if GROUPED.fullmatch(text) and not WITH_COMMA.fullmatch(text):
            return f"write thousands without a mark between them; the decimal mark here is {self.form.decimal!r}"
        if WITH_COMMA.fullmatch(text):
            return "if that is a decimal comma, name it: --decimal , (other cells have points, or look so)"
        if WITH_POINT.fullmatch(text):
            return "the decimal mark of this table is the comma; write thousands without a point, or name --decimal ."
        if text in MISSING:
            return "expected a finite number: fill it in or drop the line"
        if column.first_text:
            name = shlex.quote(column.name)
            return f"other cells are numbers: correct it, or leave the column out: --drop-columns {name}"
        return "expected a finite number"

    def _too_many(self, column: _Column) -> InputError:
        if column.first_text and column.numbers >= column.texts:
            return self._refused(column, *column.first_text)
        some = ", ".join(map(reprlib.repr, list(column.codes or ())[:3]))
        return InputError(
            f"{self.path}: column {column.name!r} holds more than {MOST_VALUES} different texts ({some}, ...), too "
            f"many for categories (dates, names, ids): leave it out with --drop-columns {shlex.quote(column.name)}"
        )

    def _check_kinds(self, columns: list[_Column]) -> None:
        """Refuse texts among at least as many numbers: these are typing errors, not categories."""
        for column in columns:
            if column.categories and column.first_text and column.numbers >= column.texts:
                raise self._refused(column, *column.first_text)

    def _without_index(self, X: np.ndarray, columns: list[_Column]) -> tuple[np.ndarray, list[_Column]]:
        """Return the columns that do not number or name the rows; a warning tells which are left out."""
        names = tuple(column.name for column in columns)
        numbered = [] if self.options.older else index_columns(X, names)
        dropped = [
            place
            for place, column in enumerate(columns)
            if not column.trained and (place in numbered or (column.row_names and column.codes is not None))
        ]
        if "" in names and names.index("") not in dropped:
            raise _no_name(self.path, names.index(""))
        if not dropped:
            return X, columns
        kept = [place for place in range(len(columns)) if place not in dropped]
        left_out = " and ".join(
            repr(names[place]) if names[place] else "the first column (without a name)" for place in dropped
        )
        if not kept:
            raise InputError(f"{self.path}: has no feature beside {left_out}, an index")
        verb = "numbers the rows and is" if len(dropped) == 1 else "number the rows and are"
        if not self.options.trained:  # a model that was trained without them needs no word about it
            warn(f"{self.path}: {left_out} {verb} left out; give a name to what is a feature")
        return X[:, kept], [columns[place] for place in kept]


def _in_order(X: np.ndarray, columns: list[_Column]) -> tuple[np.ndarray, Values]:
    """Return X with the texts of each column coded in ascending order, whatever the order of rows; and the texts."""
    values: list[tuple[str, ...] | None] = []
    for place, column in enumerate(columns):
        codes = column.codes
        values.append(None if codes is None else tuple(codes if column.trained else sorted(codes)))
        if column.categories and codes:
            ascending = np.argsort(np.array(list(codes), object))
            new = np.empty(len(codes))
            new[ascending] = np.arange(len(codes))
            X = X if X.flags.writeable else X.copy()
            known = ~np.isnan(X[:, place])
            X[known, place] = new[X[known, place].astype(np.intp)]
    return X, tuple(values)


def _read_header(record: tuple[int, list[str]] | None, path: Path) -> list[str]:
    if record is None:
        raise InputError(f"{path}: is empty; expected a header line and one line per row")
    columns = [name.strip() for name in record[1]]
    known: set[str] = set()
    for at, name in enumerate(columns):
        if not name and (at or len(columns) == 1):  # the first one may be an index: see `_without_index`
            raise _no_name(path, at)
        if name in known:
            raise InputError(f"{path}: two columns are called {name!r}; expected a header line with unique names")
        known.add(name)
    return columns


def _no_name(path: Path, place: int) -> InputError:
    return InputError(f"{path}: column {place + 1} has no name in the header line; name it or drop the column")


def _listed(columns: Sequence[str]) -> str:
    text = ", ".join(reprlib.repr(name) for name in columns[:NAMED_AT_MOST])
    return text if len(columns) <= NAMED_AT_MOST else f"{text}, ... ({len(columns)} columns)"
