"""benchmarks/README.md shows what the benchmark printed: the tables of the results that are kept beside it."""

import json
from pathlib import Path

import pytest

from benchmarks.speed.report import TABLES, heading

ROOT = Path(__file__).parents[2]
README = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
RESULTS = json.loads((ROOT / "benchmarks" / "speed.json").read_text(encoding="utf-8"))


def test_machine_date_and_versions_are_those_of_the_results() -> None:
    assert heading(RESULTS) in README
    assert not RESULTS["quick"]
    assert not RESULTS["commit"].endswith("-dirty")


@pytest.mark.parametrize("part", TABLES)
def test_tables_are_those_of_the_results(part: str) -> None:
    for line in TABLES[part](RESULTS["parts"][part]).splitlines():
        assert line in README


def test_every_contender_had_the_threads_that_the_results_name() -> None:
    for result in RESULTS["parts"]["step"]:
        for name, threads in result["threads"].items():
            assert threads["cores"] == RESULTS["threads"], name
            assert threads["NumPy"] == RESULTS["threads"], name
            assert threads["framework"] in (None, RESULTS["threads"]), name
