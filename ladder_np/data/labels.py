"""Labels, the only place that decides about them: which rows are unlabeled, which classes there are, in which order.

A label is a whole number, a text, True or False. Classes are ascending; inside the program a row has the index of its
class, 0 .. K − 1, or −1 where it is unlabeled.
"""

import dataclasses
import functools
import math
import numbers
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.errors import InputError, warn

__all__ = [
    "IN_FILES",
    "Labels",
    "Mark",
    "check_two_classes",
    "is_missing",
    "mark_in_tables",
    "match_classes",
    "parse_labels",
    "plain_classes",
]

# What missing labels become as texts, in a table or in an array of texts.
LIKE_MISSING = {"", "?", "NA", "na", "None", "NaT", "nat"}  # exactly so: "Na" and "none" are classes
LIKE_MISSING_FOLDED = {"nan", "-nan", "n/a", "#n/a", "<na>", "null"}  # in any case
# Classes in many tables, but hardly that of most rows where every row has a label.
MAYBE_MISSING = {"none", "unknown", "missing", "unlabeled", "unlabelled", "undefined", "-", "--", "."}
LARGEST_NUMBER = 2**53  # below it float64 holds every whole number
NAMED_AT_MOST = 5  # classes in one error line
LONGEST_TEXT = 200  # characters of a class in a file: an array of texts is as wide as its longest


@dataclass(frozen=True)
class Mark:
    """What stands in place of a label where a row has none."""

    # Any of these. Texts are compared with a value's text, because an array of texts and numbers turns its numbers
    # into texts. None or NaN stands for whatever is missing: None, NaN, pandas' NA.
    values: tuple[Any, ...]
    name: str  # what error lines call it
    advice: str  # what to do where a label looks like a missing one
    if_class: str = "use another mark"  # what to do where the mark is a class

    @property
    def numbers(self) -> list[numbers.Real]:
        """The marks that are numbers."""
        return [value for value in self.values if isinstance(value, numbers.Real) and not is_missing(value)]


IN_FILES = Mark(
    (-1, ""), "-1 or empty", "leave it empty where a row has no label", "name the classes by other numbers or texts"
)


def mark_in_tables(named: str | None) -> Mark:
    """Return what marks an unlabeled row of a text table: nothing and -1, or nothing and the text that is named.

    Of these, the cells with the text that is named are read as empty.
    """
    if named is None:
        advice = f"{IN_FILES.advice}, or name the mark with --unlabeled-label"
        return dataclasses.replace(IN_FILES, advice=advice, if_class="name another mark: --unlabeled-label")
    return Mark(("",), f"{named!r} or empty", f"write {named!r} where a row has no label", "name another mark")


FEWEST_TOLD = 10  # rows with -1
MANY_TIMES = 1.5  # rows with -1 are so many times those of a class, or as few times, where they are one, too


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as they were given; raises InputError if they are not one label per row, or of another type."""

    values: np.ndarray  # (rows,) numbers, texts (NumPy's own, or objects) or booleans
    mark: Mark
    name: str = "y"  # what error lines call them
    lines: Sequence[int] | None = None  # where each of them stands in a text file, for error lines
    masked: np.ndarray | None = None  # (rows,) bool: which have no label, whatever stands there

    def __post_init__(self) -> None:
        shape, dtype = self.values.shape, self.values.dtype
        if len(shape) != 1:
            raise InputError(
                f"{self.name} should be a 1d array: one label per row; it is an array of the shape {shape}"
            )
        if dtype.kind not in "biufUO":
            raise InputError(f"{self.name} is of type {dtype}; expected whole numbers or texts")

    def check_count(self, rows: int) -> None:
        """Raise `InputError` unless there is a label for each of so many rows."""
        if len(self.values) != rows:
            raise InputError(f"{self.name} has {len(self.values)} labels for {rows} rows; expected as many")

    @functools.cached_property
    def unlabeled(self) -> np.ndarray:
        """Which rows have no label, (rows,) bool: those with the mark, and masked ones.

        Where there are none of these, what is missing (None, NaN, pandas' NA) is the mark; a warning says so.
        """
        marked = np.logical_or.reduce([_equal(self.values, value) for value in self.mark.values])
        if self.masked is not None:
            marked = marked | self.masked
        if marked.any():
            return marked
        missing = _equal(self.values, None)
        if missing.any() and not missing.all():
            warn(
                f"{self.at(int(missing.argmax()))}: rows without a value ({int(missing.sum())} of {len(missing)}) "
                f"count as unlabeled, since no label is {self.mark.name}; {self.mark.advice}"
            )
        return missing

    def at(self, row: int) -> str:
        """Return what an error line calls the label of a row, and what it is."""
        place = f"row {row} (counted from 0)" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.name}, {place} is {_shown(self.values[row])}"

    def encode(self, classes: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the classes (K,), ascending, and each row's index into them, (rows,) int64; −1: unlabeled.

        `classes` are the only ones that there are; without them the classes are those that occur. Raises InputError
        if no class is known, a label cannot be one (a fraction, NaN, a text that stands for a missing label), labels
        are of different kinds, or one is not among `classes`.
        """
        rows = np.flatnonzero(~self.unlabeled)
        index = np.full(len(self.values), -1)
        if not len(rows):
            if classes is None:
                raise InputError(
                    f"{self.name}: no row is labeled: every label is {self.mark.name}; "
                    "label at least one row of each class"
                )
            return classes, index
        found, first, inverse = np.unique(self._sortable(rows), return_index=True, return_inverse=True)
        self._refuse_like_missing(found, rows[first])
        self._refuse_wrapped_mark(found)
        if classes is None:
            index[rows] = inverse
            self._warn_of_mark_as_class(found, np.bincount(inverse))
            self._warn_of_missing_as_class(found, np.bincount(inverse))
            return found, index
        self.check_kind(classes, int(rows[0]))
        places = np.searchsorted(classes, found)
        known = np.append(classes, classes[:1])[places] == found
        if not known.all():
            stranger = int(rows[first[np.argmin(known)]])
            raise InputError(f"{self.at(stranger)}, which is not among the classes; label training rows of it, too")
        index[rows] = places[inverse]
        return classes, index

    def check_kind(self, classes: np.ndarray, row: int) -> None:
        """Raise `InputError` if a row's label is a text where classes are numbers, or the other way round."""
        if isinstance(self.values[row], str) != isinstance(classes[0], str):
            raise InputError(f"{self.at(row)}, but the classes are like {_shown(classes[0])}")

    def _sortable(self, rows: np.ndarray) -> np.ndarray:
        """Return the labels of these rows in a type that can be sorted: texts, or NumPy's whole numbers."""
        labels = self.values[rows]
        if labels.dtype == object:
            texts = np.array([self._is_text(row) for row in rows])
            if texts.all():
                return labels
            if texts.any():
                other = rows[np.argmin(texts == texts[0])]
                raise InputError(
                    f"{self.at(other)}, but other labels are like {_shown(labels[0])}; expected labels of one kind"
                )
            labels = np.array(labels.tolist())
            if labels.dtype.kind not in "biuf":
                raise InputError(f"{self.name} has numbers that no type of NumPy holds; use texts for such classes")
        if labels.dtype.kind == "f":
            whole = np.isfinite(labels) & (labels == np.floor(labels))
            if not whole.all():
                row = rows[np.argmin(whole)]
                raise InputError(
                    f"{self.at(row)} (Unknown label type: continuous); expected whole numbers or texts, and "
                    f"{self.mark.name} where a row has no label"
                )
        return labels

    def _is_text(self, row: int) -> bool:
        label = self.values[row]
        if not isinstance(label, str | numbers.Real | np.bool_) or is_missing(label):
            raise InputError(
                f"{self.at(row)}; expected numbers or texts, and {self.mark.name} where a row has no label; "
                f"{self.mark.advice}"
            )
        return isinstance(label, str)

    def _refuse_like_missing(self, found: np.ndarray, rows: np.ndarray) -> None:
        for label, row in zip(found.tolist(), rows, strict=True) if found.dtype.kind in "UO" else ():
            written = {number for number in self.mark.numbers if parse_number(label) == number}  # -1 as "-1.0"
            if label in LIKE_MISSING or label.strip().lower() in LIKE_MISSING_FOLDED or not label.strip() or written:
                raise InputError(
                    f"{self.at(row)}, which looks like a missing label; {self.mark.advice}, or rename that class"
                )

    def _refuse_wrapped_mark(self, found: np.ndarray) -> None:
        """Refuse what a negative mark becomes in an unsigned type, unless all numbers below are classes as well."""
        if found.dtype.kind != "u" or len(found) < 3:  # of two, both are classes: one class cannot be trained on
            return
        numbers_of_type = int(np.iinfo(found.dtype).max) + 1
        for mark in self.mark.numbers:
            if not -numbers_of_type <= float(mark) < 0:
                continue
            wrapped = numbers_of_type + int(float(mark))
            if found[-1] == wrapped and not (len(found) > 1 and found[-2] == wrapped - 1):
                raise InputError(
                    f"{self.name} is {found.dtype} and holds {wrapped}, which {mark} becomes in this type; give it "
                    f"as int64, with {self.mark.name} where a row has no label"
                )

    def _warn_of_mark_as_class(self, found: np.ndarray, rows: np.ndarray) -> None:
        """Warn if -1 is taken for the mark, and the other classes look as if it were one of them."""
        written = _equal(self.values, -1) & (True if self.masked is None else ~self.masked)
        marked = int(written.sum())
        if found.dtype.kind not in "if" or -1 not in self.mark.numbers:
            return
        sign = set(found.tolist()) == {0, 1} and 1 / MANY_TIMES <= marked / rows.mean() <= MANY_TIMES
        if marked >= FEWEST_TOLD and (sign or found[0] < 0):
            others = ", ".join(_shown(label) for label in found[:NAMED_AT_MOST])
            warn(
                f"{self.name}: the {marked} rows with -1 count as unlabeled, beside the classes {others}; "
                f"if -1 is a class, {self.mark.if_class}"
            )

    def _warn_of_missing_as_class(self, found: np.ndarray, rows: np.ndarray) -> None:
        """Warn if all rows are labeled, more than half of them by a word for a missing label."""
        most, count = found[rows.argmax()], int(rows.max())
        if found.dtype.kind not in "UO" or self.unlabeled.any() or 2 * count <= len(self.values):
            return
        if most.strip().lower() in MAYBE_MISSING:
            warn(
                f"{self.name}: {_shown(most)} counts as a class, that of {count} of {len(self.values)} rows, and no "
                f"row is unlabeled; {self.mark.advice}"
            )


def _equal(labels: np.ndarray, mark: Any) -> np.ndarray:
    """Return which labels, (rows,) bool, are the mark."""
    if labels.dtype == object:
        return np.fromiter((_is_mark(label, mark) for label in labels), bool, len(labels))
    if is_missing(mark):
        equal = np.isnan(labels) if labels.dtype.kind == "f" else False
    elif labels.dtype.kind == "U":
        equal = labels == str(mark)
    else:
        equal = isinstance(mark, numbers.Real | np.generic) and labels == mark
    return np.broadcast_to(equal, labels.shape)


def _is_mark(label: Any, mark: Any) -> bool:
    if is_missing(mark):
        return is_missing(label)
    if isinstance(label, str):
        return label == str(mark)
    return not is_missing(label) and np.ndim(label) == 0 and bool(label == mark)


def is_missing(label: Any) -> bool:
    """Return whether a value stands for none: None, NaN, NaT, pandas' NA, NumPy's masked."""
    try:
        return label is None or label is np.ma.masked or bool(label != label)
    except TypeError:  # pandas' NA is neither equal nor unequal
        return True
    except ValueError:  # an array is many things
        return False


def check_two_classes(classes: np.ndarray, mark: Mark | None = None) -> None:
    """Raise `InputError` unless there are two classes at least; `mark` stands where rows have none, if some have."""
    if len(classes) < 2:
        others = f", and {mark.name} counts as unlabeled (if it is a class, {mark.if_class})" if mark else ""
        raise InputError(
            f"only one class is labeled: every labeled row is of class {_shown(classes[0])}"
            f"{others}; expected two classes at least"
        )


def match_classes(given: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return each given class's index into other ones, (K,) int64, compared as texts: a file knows no type but that.

    Raises InputError if there is no such class.
    """
    index = {_as_text(label): k for k, label in enumerate(classes.tolist())}
    for label in given.tolist():
        if _as_text(label) not in index:
            known = ", ".join(map(_shown, classes[:NAMED_AT_MOST])) + ", ..." * (len(classes) > NAMED_AT_MOST)
            raise InputError(f"rows are labeled {_shown(label)}, which the model does not know; its classes: {known}")
    return np.array([index[_as_text(label)] for label in given.tolist()])


def _as_text(label: Any) -> str:
    return str(int(label) if isinstance(label, float) else label)


def parse_labels(cells: Sequence[str], name: str, lines: Sequence[int], mark: Mark = IN_FILES) -> Labels:
    """Return the labels that a column of a table holds: numbers where all its texts are such, otherwise texts.

    There is one cell per row, without blanks around it; empty, or with the `mark`, where the row is unlabeled. For
    `name` and `lines` see `Labels`. Raises InputError if there are numbers and texts.
    """
    parsed = {cell: parse_number(cell) for cell in cells}  # far fewer than rows, in most tables
    labels = [cell for cell in parsed if cell not in map(str, mark.values)]
    texts = [cell for cell in labels if math.isnan(parsed[cell])]
    if 0 < len(texts) < len(labels):
        raise InputError(
            f"{name}, line {lines[cells.index(texts[0])]} is {_shown(texts[0])}, but other labels are numbers; "
            f"expected labels of one kind, and {mark.name} where a row has no label; {mark.advice}"
        )
    values = cells if texts else [parsed[cell] if cell else -1.0 for cell in cells]
    masked = np.array([not cell for cell in cells], bool)
    return Labels(np.array(values, dtype=object if texts else np.float64), mark, name, lines, masked)


def parse_number(text: str) -> float:
    """Return the number in a cell; NaN if it is not one."""
    try:
        return math.nan if "_" in text else float(text)  # Python reads 1_000 as a number, nobody else does
    except ValueError:
        return math.nan


def plain_classes(classes: np.ndarray, name: str) -> np.ndarray:
    """Return classes of a file in a type that files hold: int64, booleans, or NumPy's texts.

    Raises InputError if a number is too large for float64 to tell it from the next, or a text is very long.
    """
    if classes.dtype.kind in "UO":
        longest = max(classes, key=len)
        if len(longest) > LONGEST_TEXT:
            raise InputError(
                f"{name} has a class of {len(longest)} characters, {_shown(longest)}; use a shorter text"
            )
        return classes.astype(str)
    if classes.dtype.kind in "fu" and (largest := float(abs(classes).max())) >= LARGEST_NUMBER:
        raise InputError(f"{name} has the class {largest:g}; expected whole numbers below 2**53, or texts")
    return classes if classes.dtype.kind == "b" else classes.astype(np.int64)


def _shown(label: Any) -> str:
    return reprlib.repr(label.item() if isinstance(label, np.generic) else label)
