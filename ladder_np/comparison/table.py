"""The table of finished runs: a row for each experiment and model, beside what was published, and beside another row.

Means and spreads are over seeds. Whether a row differs from what was published is Welch's test, of published mean,
standard deviation and count; whether it differs from another row with the same seeds, the exact test of pairs.
"""

import csv
import dataclasses
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.comparison.significance import SIGNIFICANT, sign_flip_p, welch_p
from ladder_np.errors import InputError, warn
from ladder_np.experiments.presets import ERROR, MARKS, SOURCES, Published
from ladder_np.experiments.results import Record
from ladder_np.experiments.run_folder import ErrorRate

__all__ = ["FORMATS", "Row", "Table", "make_table"]

UNKNOWN = "-"


@dataclass(frozen=True)
class Row:
    """One model of one experiment, over its seeds."""

    name: str
    labels: int | None  # None: all
    model: str
    runs: Mapping[tuple[int, int], ErrorRate]  # by the seeds of the model and of the choice of rows
    data: tuple[str, str]  # its name, and its sha256 where that is known
    minutes: float | None  # of one training, the mean
    published: Published | None = None

    @property
    def percents(self) -> np.ndarray:
        """The test errors (n,)."""
        return np.array([error.percent for error in self.runs.values()])

    @property
    def mean(self) -> float:
        """Of the test errors."""
        return float(self.percents.mean())

    @property
    def deviation(self) -> float | None:
        """The standard deviation of single runs, divisor n − 1; None of one run."""
        return float(self.percents.std(ddof=1)) if len(self.runs) > 1 else None

    @property
    def standard_error(self) -> float | None:
        """The standard error of the mean."""
        return None if self.deviation is None else self.deviation / math.sqrt(len(self.runs))

    @property
    def published_p(self) -> float | None:
        """The p-value of the difference to what was published; None where that cannot be told."""
        published = self.published
        if published is None or published.count is None or published.deviation is None or self.deviation is None:
            return None
        counts = (len(self.runs), published.count)
        return welch_p((self.mean, published.mean), (self.deviation, published.deviation), counts)

    def pairs(self, other: "Row") -> list[tuple[ErrorRate, ErrorRate]]:
        """Return the errors of both on the same data, with the same seeds and as many test rows."""
        if not _same_data(self.data, other.data):
            return []
        shared = [(error, other.runs[seeds]) for seeds, error in self.runs.items() if seeds in other.runs]
        return [(mine, theirs) for mine, theirs in shared if mine.rows == theirs.rows]


def _same_data(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Return whether two rows have the same data, by its sha256, or by its name where one is not known."""
    (name, sha256), (other_name, other_sha256) = one, other
    return sha256 == other_sha256 if sha256 and other_sha256 else name == other_name


@dataclass(frozen=True)
class Table:
    """Rows, and the place of the one that the others are compared with, if any."""

    rows: Sequence[Row]
    against: int | None = None

    def __post_init__(self) -> None:
        if self.against is not None and not 0 <= self.against < len(self.rows):
            numbers = f"a row from 1 to {len(self.rows)}"
            raise InputError(f"--against {self.against + 1}: expected the number of {numbers}")

    def paired(self, row: Row) -> tuple[float, float, int] | None:
        """Return a row's mean difference to the row compared with, in percentage points, its p-value, the pairs.

        None of that row itself, and where no run has the same data and seeds.
        """
        if self.against is None or row is self.rows[self.against]:
            return None
        pairs = row.pairs(self.rows[self.against])
        if not pairs:
            return None
        wrong = [mine.wrong - theirs.wrong for mine, theirs in pairs]
        mean = float(np.mean([mine.percent - theirs.percent for mine, theirs in pairs]))
        return mean, sign_flip_p(wrong), len(pairs)


# ---- Rows of records.


def make_table(records: Iterable[Record], against: int | None = None) -> Table:
    """Return the table of some records; `against` is the number of a row, from 1.

    Warns of a run that is there twice, and counts the first. Raises InputError without a record, or such a row.
    """
    groups: dict[str, list[tuple[Record, str]]] = {}
    for record in _with_data(list(records)):
        for model in record.errors:
            groups.setdefault(_key(record, model), []).append((record, model))
    if not groups:
        raise InputError("no results yet: no run has finished")
    names = _names([group[0][0] for group in groups.values()])
    named = list(zip(names, groups.values(), strict=True))
    for message in dict.fromkeys(message for name, group in named for message in _repeated(name, group)):
        warn(message)
    rows = [_row(name, group) for name, group in named]
    return Table(rows, None if against is None else against - 1)


def _with_data(records: Sequence[Record]) -> Iterator[Record]:
    """Yield the records; those that do not know their data's sha256 have that of the first like them that does."""
    known: dict[str, tuple[str, str]] = {}
    for record in records:
        if record.data[1]:
            known.setdefault(_change(record), record.data)
    for record in records:
        yield record if record.data[1] else dataclasses.replace(record, data=known.get(_change(record), record.data))


def _key(record: Record, model: str) -> str:
    """Return what is the same for all runs of a row."""
    of_run = (record.base, record.labels, record.changed, record.decided, record.data, record.digest)
    return json.dumps([*of_run, model], sort_keys=True)


def _names(records: Sequence[Record]) -> Iterator[str]:
    """Yield names: the preset or the data, what is changed; where they differ what the data decided, and the data."""
    for record in records:
        alike = [other.decided for other in records if _change(other) == _change(record)]
        differing = {k: v for k, v in record.decided.items() if any(other.get(k) != v for other in alike)}
        settings = [*map(_setting, {**record.changed, **differing}.items())]
        several = len({other.data for other in records if _change(other) == _change(record)}) > 1
        yield ", ".join([record.base, *settings, *([f"data {record.data[1][:8]}"] if several else [])])


def _change(record: Record) -> str:
    return json.dumps([record.base, record.labels, record.changed], sort_keys=True)


def _setting(setting: tuple[str, Any]) -> str:
    """Return a setting as its option says it."""
    name, value = setting
    if name == "dataset":
        return Path(value).name
    sign = "-" if name in ("hidden_layers", "layers") else ","
    values = value if isinstance(value, list | tuple) else [value]
    shown = sign.join(f"{one:g}" if isinstance(one, float) else str(one) for one in values)
    return f"{name.replace('_', ' ')} {shown}"


def _repeated(name: str, group: Sequence[tuple[Record, str]]) -> Iterator[str]:
    """Yield a warning of each run that is there more than once: the same one for each model of a run."""
    labels = "all" if group[0][0].labels is None else group[0][0].labels
    for (seed, data_seed), times in Counter(record.seeds for record, _ in group).items():
        if times > 1:
            run = f"{name}, {labels} labels: seed {seed} with data seed {data_seed}"
            yield f"{run} is there {'twice' if times == 2 else f'{times} times'}; the first counts"


def _row(name: str, group: Sequence[tuple[Record, str]]) -> Row:
    first, model = group[0]
    counted: dict[tuple[int, int], Record] = {}
    for record, _ in group:
        counted.setdefault(record.seeds, record)
    runs = {seeds: record.errors[model] for seeds, record in counted.items()}
    minutes = [record.minutes[model] for record in counted.values() if model in record.minutes]
    published = first.published if model == first.main else None
    return Row(name, first.labels, model, runs, first.data, float(np.mean(minutes)) if minutes else None, published)


# ---- What is shown. Columns are records of a table: their heading, and the text of a row.


@dataclass(frozen=True)
class Column:
    """One column of the table for people."""

    heading: str
    text: Callable[[Table, Row], str]
    right: bool = True  # numbers stand at the right


def _number(table: Table, row: Row) -> str:
    return str(next(place for place, other in enumerate(table.rows, 1) if other is row))


def _error(row: Row) -> str:
    return f"{row.mean:.2f}" if row.deviation is None else f"{row.mean:.2f} ± {row.deviation:.2f}"


def _p(p: float) -> str:
    return f"p {p:.3f}" if p >= 0.001 else "p < 0.001"


def _verdict(p: float) -> str:
    return f"{_p(p)}, {'significant' if p < SIGNIFICANT else 'not significant'}"


def _difference(row: Row) -> str:
    """Return the difference to what was published."""
    if row.published is None:
        return UNKNOWN
    p = row.published_p
    told = UNKNOWN if p is None else _verdict(p)
    return f"{row.mean - row.published.mean:+.2f}; {told}"


def _paired(table: Table, row: Row) -> str:
    found = table.paired(row)
    if found is None:
        return UNKNOWN
    mean, p, count = found
    return f"{mean:+.2f} in {count} pair{'s' if count > 1 else ''}; {_verdict(p)}"


def _optional(value: float | None, form: str) -> str:
    return UNKNOWN if value is None else format(value, form)


COLUMNS: tuple[Column, ...] = (
    Column("", _number),
    Column("run", lambda table, row: row.name, right=False),
    Column("labels", lambda table, row: "all" if row.labels is None else str(row.labels)),
    Column("model", lambda table, row: row.model, right=False),
    Column("error, %", lambda table, row: _error(row)),
    Column("SE", lambda table, row: _optional(row.standard_error, ".3f")),
    Column("n", lambda table, row: str(len(row.runs))),
    Column("minutes", lambda table, row: _optional(row.minutes, ".1f" if (row.minutes or 1) >= 1 else ".2g")),
)
OF_PUBLISHED = (
    Column("published", lambda table, row: str(row.published or UNKNOWN), right=False),
    Column("difference ¹", lambda table, row: _difference(row), right=False),
)


def _columns(table: Table) -> tuple[Column, ...]:
    """Return the columns that say something."""
    columns = COLUMNS
    if any(row.published for row in table.rows):
        columns += OF_PUBLISHED
    if table.against is not None:
        columns += (Column(f"minus row {table.against + 1} ²", _paired, right=False),)
    return columns


def _cells(table: Table) -> list[list[str]]:
    return [[column.text(table, row) for column in _columns(table)] for row in table.rows]


def _footnotes(table: Table) -> Iterator[str]:
    """Yield what the table means."""
    yield "error: of the test rows, mean ± standard deviation of n runs (seeds); SE: the standard error of the mean"
    published = [row.published for row in table.rows if row.published]
    if published:
        yield f"¹ minus what was published; p of Welch's test, significant below {SIGNIFICANT:g}"
        for source in dict.fromkeys(one.source for one in published if one.source in SOURCES):
            yield f"{source} {SOURCES[source]}"
        marks = {mark for one in published for mark in (one.mark, one.spread_mark)}
        if said := [f"({mark}) {about}" for mark, about in MARKS.items() if mark in marks]:
            yield "; ".join(said)
        if any(one.spread_is == ERROR for one in published):
            yield "SE behind a published spread: a standard error, where others are standard deviations"
    if table.against is not None:
        yield "² percentage points, of pairs of runs with the same data and seeds; p of the exact sign-flip"
        yield f"  (permutation) test of the pairs, 2/2ⁿ at least with n of them; significant below {SIGNIFICANT:g}"


def as_text(table: Table) -> str:
    """Return the table for a terminal."""
    columns = _columns(table)
    lines = [[column.heading for column in columns], *_cells(table)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    shown = [
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        ).rstrip()
        for cells in lines
    ]
    return "\n".join([*shown, *_footnotes(table)]) + "\n"


def as_markdown(table: Table) -> str:
    """Return the table in Markdown."""
    columns = _columns(table)
    lines = [[column.heading for column in columns], ["---:" if column.right else "---" for column in columns]]
    lines += [[cell.replace("|", r"\|") for cell in cells] for cells in _cells(table)]
    shown = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join([*shown, "", *(f"{line}  " for line in _footnotes(table))]).rstrip() + "\n"


def as_csv(table: Table) -> str:
    """Return all numbers, not rounded; what is not known is empty."""
    file = io.StringIO()
    rows = [_values(table, row) for row in table.rows]
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _values(table: Table, row: Row) -> dict[str, Any]:
    published = {field.name: None for field in dataclasses.fields(Published)}
    published |= dataclasses.asdict(row.published) if row.published else {}
    difference, p, pairs = table.paired(row) or (None, None, None)
    return {
        "run": row.name,
        "labels": "all" if row.labels is None else row.labels,
        "model": row.model,
        "mean": row.mean,
        "standard_deviation": row.deviation,
        "standard_error": row.standard_error,
        "n": len(row.runs),
        "minutes": row.minutes,
        **{f"published_{name}": value for name, value in published.items()},
        "welch_p": row.published_p,
        "against": None if table.against is None else table.against + 1,
        "difference": difference,
        "pairs": pairs,
        "sign_flip_p": p,
    }


FORMATS: dict[str, Callable[[Table], str]] = {"text": as_text, "markdown": as_markdown, "csv": as_csv}
