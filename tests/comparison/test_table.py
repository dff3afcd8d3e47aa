"""The table of finished runs: which runs are a row, means and tests, formats, what is published of it."""

import csv
import dataclasses
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.comparison.significance import sign_flip_p, welch_p
from ladder_np.comparison.table import FORMATS, as_csv, as_markdown, as_text, make_table
from ladder_np.errors import InputWarning
from ladder_np.experiments.presets import ERROR, PRESETS, Published
from ladder_np.experiments.results import Record, append_result, read_records
from ladder_np.experiments.run_folder import ErrorRate
from ladder_np.experiments.settings import make_settings

PUBLISHED = Published(1.06, 0.37, count=10, mark="s", source="[R]")
WRONG = (84, 96, 93, 103, 94)


def record(seed, wrong, *, base="mnist-100-full", **others):
    """One run with that many errors in 10,000 rows; of a baseline beside it 900 more."""
    errors = {"supervised only": ErrorRate(wrong + 900, 10_000), "ladder": ErrorRate(wrong, 10_000)}
    return Record(base, 100, (seed, seed), errors, {"ladder": 6.0 + seed}, **others)


def five(**others):
    return [record(seed, wrong, **others) for seed, wrong in enumerate(WRONG)]


def test_a_row_has_mean_deviation_standard_error_and_minutes_of_its_runs():
    baseline, ladder = make_table(five(published=PUBLISHED)).rows
    assert (baseline.model, ladder.model) == ("supervised only", "ladder")
    percents = np.array(WRONG) / 100
    assert ladder.mean == pytest.approx(percents.mean())
    assert ladder.deviation == pytest.approx(percents.std(ddof=1))
    assert ladder.standard_error == pytest.approx(percents.std(ddof=1) / math.sqrt(5))
    assert (ladder.minutes, baseline.minutes) == (8.0, None)
    assert (baseline.published, ladder.published) == (None, PUBLISHED)  # what was published is the main model's


def test_one_run_has_no_spread():
    (row,) = make_table([Record("x", None, (0, 0), {"ladder": ErrorRate(3, 100)}, {}, published=PUBLISHED)]).rows
    assert (row.mean, row.deviation, row.standard_error, row.published_p) == (3.0, None, None, None)
    assert " 3.00 " in as_text(make_table([Record("x", None, (0, 0), {"ladder": ErrorRate(3, 100)}, {})]))


def test_the_difference_to_what_was_published_is_welch_s_test_of_standard_deviations():
    row = make_table(five(published=PUBLISHED)).rows[1]
    assert row.published_p == welch_p((row.mean, 1.06), (row.deviation, 0.37), (5, 10))
    of_error = Published(1.06, 0.02, ERROR, 10, source="[P]")
    row = make_table(five(published=of_error)).rows[1]
    assert row.published_p == welch_p((row.mean, 1.06), (row.deviation, 0.02 * math.sqrt(10)), (5, 10))
    assert row.published_p < 0.05


@pytest.mark.parametrize("published", [Published(1.0), Published(1.0, 0.1), Published(1.0, 0.1, ERROR)])
def test_what_was_published_without_spread_or_count_is_shown_and_not_tested(published):
    table = make_table(five(published=published))
    assert table.rows[1].published_p is None
    assert "-0.06; -" in as_text(table)


def test_rows_with_the_same_seeds_are_compared_pair_by_pair():
    table = make_table(five(), against=1)
    mean, p, pairs = table.paired(table.rows[1])
    assert (mean, p, pairs) == (pytest.approx(-9.0), 2 / 2**5, 5)
    assert table.paired(table.rows[0]) is None
    others = [record(seed, wrong, base="other") for seed, wrong in ((3, 100), (4, 100), (9, 1))]
    table = make_table([*five(), *others], against=2)
    mean, p, pairs = table.paired(table.rows[3])
    assert (mean, p, pairs) == (pytest.approx((-3 + 6) / 200), sign_flip_p([-3, 6]), 2)
    unpaired = make_table([*five(), record(9, 1, base="other")], against=1)
    assert unpaired.paired(unpaired.rows[2]) is None


def test_runs_with_unlike_test_rows_are_no_pairs():
    """Other data, or another share held out: counts of errors on other rows cannot be set beside each other."""
    fewer = Record("other", 100, (0, 0), {"ladder": ErrorRate(9, 1000)}, {})
    table = make_table([*five(), fewer], against=1)
    assert table.paired(table.rows[2]) is None


def test_runs_of_other_settings_labels_or_presets_of_one_name_are_other_rows():
    apart = [
        record(0, 1),
        record(1, 2, changed={"epochs": 5}),
        record(2, 3, digest="other"),
        Record("mnist-100-full", 50, (0, 0), {"ladder": ErrorRate(1, 100)}, {}),
    ]
    assert len(make_table(apart).rows) == 7
    names = [row.name for row in make_table(apart).rows]
    assert names[2] == "mnist-100-full, epochs 5"


A, B = ("table", "a" * 64), ("table", "b" * 64)


def test_runs_on_other_data_of_the_same_name_are_another_row_and_no_pairs():
    table = make_table([*five(data=A), *five(data=B)], against=2)
    assert [row.name for row in table.rows] == [
        f"mnist-100-full, data {sha256}" for sha256 in ["a" * 8] * 2 + ["b" * 8] * 2
    ]
    assert [len(row.runs) for row in table.rows] == [5, 5, 5, 5]
    assert [table.paired(row) is None for row in table.rows] == [False, True, True, True]


def test_runs_that_do_not_know_their_data_are_of_the_row_that_does():
    (_, row) = make_table([record(0, 1, data=("table", "")), record(1, 2, data=A)]).rows
    assert (row.name, len(row.runs)) == ("mnist-100-full", 2)


def test_rows_are_paired_on_equal_data_however_it_is_named_and_by_its_name_where_no_more_is_known():
    def pairs(one, other):
        table = make_table([record(0, 5, data=one), record(0, 7, data=other, changed={"epochs": 9})], against=2)
        return table.paired(table.rows[3]) is not None

    assert pairs(A, ("moved", A[1]))
    assert pairs(("mnist", ""), ("mnist", A[1]))
    assert not pairs(("mnist", ""), ("cifar-10", A[1]))
    assert not pairs(A, B)


def test_what_the_data_may_have_decided_is_shown_only_where_it_differs():
    same = [record(seed, 1, decided={"scaling": "none"}) for seed in (0, 1)]
    assert {row.name for row in make_table(same).rows} == {"mnist-100-full"}
    other = [*same, record(2, 1, decided={"scaling": "common"})]
    assert [row.name for row in make_table(other).rows][1::2] == [
        "mnist-100-full, scaling none",
        "mnist-100-full, scaling common",
    ]


def test_a_run_that_is_there_twice_counts_once():
    with pytest.warns(InputWarning, match="mnist-100-full, 100 labels: seed 0 with data seed 0 is there twice; the"):
        table = make_table([record(0, 5), dataclasses.replace(record(0, 7), minutes={"ladder": 100.0})])
    assert [len(row.runs) for row in table.rows] == [1, 1]
    assert (table.rows[1].mean, table.rows[1].minutes) == (0.05, 6.0)


def test_runs_that_are_there_twice_are_told_once_each_not_for_each_model():
    others = [Record("mnist-100-full", None, (0, 0), {"ladder": ErrorRate(1, 10)}, {})] * 2
    with pytest.warns(InputWarning) as caught:
        make_table([*five(), *five()[:2], record(1, 9), *others])
    assert [str(warning.message) for warning in caught] == [
        "mnist-100-full, 100 labels: seed 0 with data seed 0 is there twice; the first counts",
        "mnist-100-full, 100 labels: seed 1 with data seed 1 is there 3 times; the first counts",
        "mnist-100-full, all labels: seed 0 with data seed 0 is there twice; the first counts",
    ]


def test_no_record_and_a_row_that_is_not_there_are_refused():
    with pytest.raises(InputError, match="no results yet"):
        make_table([])
    for number in (0, 3, -1):
        with pytest.raises(InputError, match=f"--against {number}: expected the number of a row from 1 to 2"):
            make_table(five(), against=number)


# ---- Formats.


def test_the_text_is_a_table_with_its_footnotes():
    lines = as_text(make_table(five(published=PUBLISHED), against=1)).splitlines()
    header, _, ladder, *_ = (re.split(r" {2,}", line.strip()) for line in lines)
    assert header == [
        "run",
        "labels",
        "model",
        "error, %",
        "SE",
        "n",
        "minutes",
        "published",
        "difference ¹",
        "minus row 1 ²",
    ]
    assert ladder == [
        *("2", "mnist-100-full", "100", "ladder", "0.94 ± 0.07", "0.030", "5", "8.0", "1.06 ± 0.37 (s) [R]"),
        "-0.12; p 0.344, not significant",
        "-9.00 in 5 pairs; p 0.062, not significant",
    ]
    assert any("Welch's test" in line for line in lines[3:])
    assert any("sign-flip" in line for line in lines[3:])
    assert "(s) read in a secondary source" in lines
    assert max(map(len, lines[3:])) <= 120


def test_markdown_has_as_many_cells_in_every_line():
    lines = as_markdown(make_table(five(published=PUBLISHED))).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 4
    assert {line.count("|") for line in table} == {11}
    assert set(table[1]) <= set("|-: ")


def test_csv_has_all_numbers_unrounded():
    table = make_table(five(published=PUBLISHED), against=1)
    header, *rows = csv.reader(io.StringIO(as_csv(table)))
    ladder = dict(zip(header, rows[1], strict=True))
    row = table.rows[1]
    assert float(ladder["mean"]) == row.mean
    assert float(ladder["standard_deviation"]) == row.deviation
    assert float(ladder["welch_p"]) == row.published_p
    assert (ladder["published_mean"], ladder["published_spread"], ladder["published_mark"]) == ("1.06", "0.37", "s")
    assert (float(ladder["sign_flip_p"]), ladder["pairs"]) == (2 / 2**5, "5")
    assert dict(zip(header, rows[0], strict=True))["welch_p"] == ""


def test_every_format_shows_every_row():
    for show in FORMATS.values():
        assert show(make_table(five())).count("mnist-100-full") == 2


# ---- Files of results.


def line(preset="mnist-100-full", **settings):
    """A line as a sweep writes it."""
    return {
        "settings": json.loads(json.dumps(make_settings(settings, preset).as_json())),
        "preset": preset,
        "changed": {},
        "results": {"ladder": {"wrong": 94, "rows": 10_000, "minutes": None}},
    }


def test_a_line_of_a_preset_stands_beside_what_was_published(tmp_path):
    path = tmp_path / "r.jsonl"
    append_result(path, line(seed=3, split_seed=4))
    append_result(path, {**line(seed=5), "changed": {"epochs": 3}})
    append_result(path, line(seed=6, labels=50))
    first, changed, fewer = read_records([path])
    assert (first.seeds, first.base, first.minutes) == ((3, 4), "mnist-100-full", {})
    assert first.published == PRESETS["mnist-100-full"].published
    assert (changed.seeds, changed.published, fewer.published) == ((5, 5), None, None)
    assert read_records([tmp_path]) == read_records([path])


def test_the_sha256_of_an_older_version_which_left_out_the_columns_names_is_not_compared(tmp_path):
    append_result(tmp_path / "r.jsonl", {**line(seed=1), "data_sha256": "a" * 64})
    append_result(tmp_path / "r.jsonl", {**line(seed=2), "data_sha256": "b" * 64, "features": "8-bit pixels"})
    older, newer = read_records([tmp_path])
    assert (older.data, newer.data) == (("mnist", ""), ("mnist", "b" * 64))
    (row,) = make_table([older, newer]).rows
    assert len(row.runs) == 2


def test_a_preset_of_one_s_own_has_what_the_line_says_was_published(tmp_path):
    published = {"mean": 2.0, "spread": 0.1, "count": 3}
    append_result(tmp_path / "r.jsonl", {**line(), "preset": "own.toml", "published": published})
    (found,) = read_records([tmp_path])
    assert found.published == Published(2.0, 0.1, count=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "line 1 is not a result of a run"),
        ("nonsense", "line 1 is not a result of a run"),
        ('{"format": "ladder_np result", "version": 9}', "line 1: result version 9, of a later version"),
        ('{"format": "ladder_np result", "version": 1}', "line 1: damaged; expected settings, results and changed"),
    ],
)
def test_a_file_of_something_else_is_refused(text, message, tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(InputError, match=message):
        read_records([path])


@pytest.mark.parametrize(
    "results", [{}, {"ladder": {"wrong": 1}}, {"ladder": 3}, [], None, {"ladder": {"wrong": 9, "rows": 0}}]
)
def test_a_line_without_a_test_error_is_refused(results, tmp_path):
    append_result(tmp_path / "r.jsonl", {**line(), "results": results})
    with pytest.raises(InputError, match=r"r\.jsonl: line 1: "):
        read_records([tmp_path])


def test_the_measured_runs_of_the_project_are_in_this_format():
    folder = Path(__file__).parents[2] / "benchmarks" / "results"
    table = make_table(read_records([folder]))
    ladder = {row.name: row for row in table.rows}
    assert f"{ladder['mnist-100-full'].mean:.2f} ± {ladder['mnist-100-full'].deviation:.2f}" == "0.94 ± 0.07"
    assert "mnist-100-conv-small-gamma, epochs 8" in ladder  # not the published experiment
    for name, row in ladder.items():
        assert row.published == (PRESETS[name].published if name in PRESETS else None), name
