"""benchmarks/README.md shows what the benchmark printed: the tables of the results that are kept beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.report import TABLES, heading

ROOT = Path(__file__).parents[2]
README = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
FILES = [
    json.loads((ROOT / "benchmarks" / name).read_text(encoding="utf-8"))
    for name in ("speed.json", "convolution.json")
]
RESULTS = {name: result for file in FILES for name, result in file["parts"].items()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["date"])
def test_machine_date_and_versions_are_those_of_the_results(file: dict[str, Any]) -> None:
    assert heading(file) in README
    assert not file["quick"]
    assert not file["commit"].endswith("-dirty")


@pytest.mark.parametrize("part", TABLES)
def test_tables_are_those_of_the_results(part: str) -> None:
    for line in TABLES[part](RESULTS[part]).splitlines():
        assert line in README


def test_every_contender_had_the_threads_that_the_results_name() -> None:
    for file in FILES:
        for result in (*file["parts"].get("step", ()), *file["parts"].get("convolution", ())):
            for name, threads in result["threads"].items():
                assert threads["cores"] == file["threads"], name
                assert threads["NumPy"] == file["threads"], name
                assert threads["framework"] in (None, file["threads"]), name


def test_the_table_of_openblas_s_own_kernel_is_that_of_its_results() -> None:
    file = json.loads((ROOT / "benchmarks" / "convolution_own_kernel.json").read_text(encoding="utf-8"))
    assert "OPENBLAS_CORETYPE" not in file["machine"]["environment"]
    for result in file["parts"]["convolution"]:
        floor, ours, peer = (result["timings"][name]["median"] for name in ("floor", "ours", "PyTorch"))
        assert f"| {result['title']} | {floor:.1f} | **{ours:.1f}** | {peer:.1f} |" in README
