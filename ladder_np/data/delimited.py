"""Text tables as lines of cells: packed or plain, with the separator and the decimal mark that the file has."""

import contextlib
import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from ladder_np.data.labels import parse_number
from ladder_np.data.stored import unpacked
from ladder_np.errors import InputError, warn
from ladder_np.files import open_file

__all__ = [
    "GROUPED",
    "SEPARATORS",
    "TABLE_ENDINGS",
    "WITH_COMMA",
    "WITH_POINT",
    "Format",
    "check_marks",
    "find_format",
    "is_table",
    "opened",
    "records",
    "table_name",
]

TABLE_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}  # by how likely they are
DECIMALS = (".", ",")
FEWEST_POINTED = 3  # of a column with points: fewer have three digits behind them by chance
SAMPLE = 1 << 16  # characters that the separator and the decimal mark are found from
LONGEST_RECORD = 1 << 24  # characters; a file without line ends, or a quote that never closes, is not read whole
WITH_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
WITH_POINT = re.compile(r"\s*[-+]?\d*\.\d+\s*")
# with marks between the thousands: 1.259, 1.259,00, 1,259.00, 1 259
GROUPED = re.compile(r"\s*[-+]?[1-9]\d{0,2}([.,' \u00a0\u202f]\d{3})+([.,]\d+)?\s*")
THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2}(,\d{3})+\s*")


@dataclass(frozen=True)
class Format:
    """How the cells of a file are written."""

    separator: str = ","
    decimal: str = "."

    def number(self, text: str) -> float:
        """Return the number in a cell, True as 1 and False as 0; NaN if it is not one."""
        if self.decimal == ",":
            text = "" if "." in text else text.replace(",", ".")  # with a point: thousands, or another decimal mark
        number = parse_number(text)
        return {"true": 1.0, "false": 0.0}.get(text.strip().lower(), number) if math.isnan(number) else number


def is_table(path: Path) -> bool:
    """Return whether the name is one of a text table."""
    return path.name.lower().endswith(TABLE_ENDINGS)


def table_name(path: Path) -> str:
    """Return a table's name without its ending."""
    ending = max((ending for ending in TABLE_ENDINGS if path.name.lower().endswith(ending)), key=len)
    return path.name[: -len(ending)]


def check_marks(separator: str | None, decimal: str | None) -> None:
    """Raise `InputError` if one cannot separate cells or mark decimals; None means: as found from the file."""
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise InputError(f"separator {separator!r}: expected one character, such as ';', or tab")
    if decimal is not None and decimal not in DECIMALS:
        raise InputError(f"decimal mark {decimal!r}: expected '.' or ','")


def find_format(
    path: Path, separator: str | None, decimal: str | None, wanted: Collection[str], others: Collection[str] = ()
) -> Format:
    """Return the separator and the decimal mark of a file: as named, else as its first lines look.

    The separator is the one whose header has most of the `wanted` columns; among these, one that splits all lines
    into equally many cells. In the `others` nobody looks for a decimal mark. Raises InputError if the file cannot be
    read, or the decimal mark is in doubt.
    """
    lines = _sample(path)
    if lines[0].startswith("PK\x03\x04"):
        raise InputError(f"{path}: is a packed file, as a spreadsheet is, and no text; save the table as CSV (UTF-8)")
    if separator is None:
        separator = max(SEPARATORS, key=lambda one: _merit(_split(lines, one), wanted))
    rows = _split(lines, separator)
    if decimal is None:
        _warn_of_thousands(rows, others, path)
        decimal = _decimal(rows, others, path)
    return Format(separator, decimal)


def _warn_of_thousands(rows: list[list[str]], others: Collection[str], path: Path) -> None:
    """Warn of columns with several cells such as 1.259 beside whole numbers without a point."""
    for place, name in enumerate(rows[0] if rows else []):
        cells = [row[place].strip() for row in rows[1:] if place < len(row)]
        pointed = [cell for cell in cells if "." in cell]
        if name.strip() in others or len(pointed) < FEWEST_POINTED or not all(map(GROUPED.fullmatch, pointed)):
            continue
        if any(cell.isdecimal() for cell in cells):
            warn(
                f"{path}: column {name.strip()!r} has cells such as {pointed[0]!r} beside whole numbers; a point is "
                "read as the decimal mark: write thousands without it"
            )


def _sample(path: Path) -> list[str]:
    """Return the first lines, whole ones."""
    with opened(path) as file:
        header = file.readline(LONGEST_RECORD)
        lines = io.StringIO(file.read(max(SAMPLE, 2 * len(header))), newline="").readlines()
        return [header, *(lines if len(lines) < 2 or not file.read(1) else lines[:-1])]


def _split(lines: list[str], separator: str) -> list[list[str]]:
    """Return the cells of the lines, as far as these can be split."""
    cells: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # told with its line when the file is read
        cells.extend(row for row in csv.reader(lines, delimiter=separator) if row)
    return cells


def _merit(rows: list[list[str]], wanted: Collection[str]) -> tuple[int, int]:
    """Return how well a separator splits the sample: wanted names in the header, then cells per line if all agree."""
    if not rows:
        return 0, 0
    names = {name.strip() for name in rows[0]}
    return sum(name in names for name in wanted), len(rows[0]) if len({len(row) for row in rows}) == 1 else 0


def _decimal(rows: list[list[str]], others: Collection[str], path: Path) -> str:
    """Return the decimal mark of the cells below a header; those of the `others` say nothing."""
    looked_at = [name.strip() not in others for name in rows[0]] if rows else []
    cells = [cell for row in rows[1:] for look, cell in zip(looked_at, row, strict=False) if look]
    with_comma = [cell for cell in cells if WITH_COMMA.fullmatch(cell)]
    if not with_comma or any(map(WITH_POINT.fullmatch, cells)):
        return "."  # a comma beside points is told with its cell
    if all(map(THOUSANDS.fullmatch, with_comma)):
        raise InputError(
            f"{path}: a cell is {with_comma[0].strip()!r}; if its comma is the decimal mark name it: --decimal , "
            "else write thousands without a comma"
        )
    return ","


def records(path: Path, separator: str) -> Generator[tuple[int, list[str]]]:
    """Yield the number of each line and its cells; empty lines at the end are not lines.

    Raises InputError, which names the line, if the file cannot be read or is not such a table.
    """
    empty_line, length = None, 0

    def lines() -> Iterator[str]:
        nonlocal length
        while line := file.readline(LONGEST_RECORD + 1 - length):
            length += len(line)
            if length > LONGEST_RECORD:
                raise InputError(
                    f"{path}: line {reader.line_num + 1} begins a row of more than {LONGEST_RECORD} characters; "
                    "end each row's line, or save so wide a table as .npz or .npy"
                )
            yield line

    with opened(path) as file:
        reader = csv.reader(lines(), delimiter=separator, strict=True)
        try:
            for cells in reader:
                length = 0
                if not cells:
                    empty_line = empty_line or reader.line_num
                elif empty_line:
                    # Skipping it would shift predictions against the lines of the file.
                    raise InputError(f"{path}: line {empty_line} is empty; expected cells, or the end of the file")
                else:
                    yield reader.line_num, cells
        except csv.Error as error:
            name = SEPARATORS.get(separator, repr(separator))
            raise InputError(
                f"{path}: line {reader.line_num} is not CSV ({error}); expected {name}-separated cells"
            ) from error


def _undecodable(path: Path) -> str:
    """Return where a file stops being UTF-8; a decoder only knows where in the part that it was given."""
    offset = 0
    with open_file(path, "a text") as file:
        for number, line in enumerate(unpacked(file), 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = f"byte {offset + error.start} (counted from 0), in line {number}, is 0x{line[error.start]:02x}"
                return f"is not UTF-8 text: {byte}"
            offset += len(line)
    return "is not UTF-8 text"


@contextlib.contextmanager
def opened(path: Path, what: str = "a CSV file") -> Iterator[io.TextIOWrapper]:
    """Open a text file, packed or plain; what goes wrong in reading becomes one line, `what` was expected."""
    try:
        with open_file(path, what) as file:
            yield io.TextIOWrapper(unpacked(file), encoding="utf-8-sig", newline="")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: {_undecodable(path)}; save it in UTF-8") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged gzip data ({error}); get the file again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror or error}); expected {what}") from error
