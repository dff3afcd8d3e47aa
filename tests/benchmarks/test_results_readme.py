"""The README's tables of accuracy are what `benchmarks/results` says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ladder_np.comparison.table import Row, make_table
from ladder_np.experiments.presets import PRESETS
from ladder_np.experiments.results import read_records

HERE = Path(__file__).parents[2] / "benchmarks"
README = (HERE / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.name: row for row in make_table(read_records([HERE / "results"])).rows}


def lines(heading: str, end: str) -> list[list[str]]:
    """Return the cells of the rows that begin with a preset, of the part of the README between two texts."""
    part = README.split(heading, 1)[1].split(end, 1)[0]
    shown = [line for line in part.splitlines() if line.startswith("| `mnist-")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in shown]


def test_the_papers_runs(rows: dict[str, Row]) -> None:
    shown = lines("All of it, on a GPU", "### The papers' tables")
    assert len(shown) == 7
    for name, errors, mean, published in shown:
        row = rows[name.split("`")[1]]
        assert errors == ", ".join(f"{percent:.2f}" for percent in row.percents)
        assert mean.replace("*", "") == f"{row.mean:.2f} ± {row.deviation:.2f} ({len(row.runs)})"
        assert f"{published} " in f"{row.published} "


def test_the_shortened_variants(rows: dict[str, Row]) -> None:
    shown = lines("**[P]'s variants, shortened**", "### Error per minute")
    assert len(shown) == 16
    errors = [float(error) for _, error, _ in shown]
    assert errors == sorted(errors)
    for name, error, published in shown:
        preset = name.strip("`")
        assert error == f"{rows[f'{preset}, epochs 25'].mean:.2f}"
        assert published == str(PRESETS[preset].published).removesuffix(" [P]")


def test_the_autoencoder() -> None:
    runs = json.loads((HERE / "results" / "denoising-autoencoder.json").read_text(encoding="utf-8"))
    assert [run["settings"]["seed"] for run in runs] == [0, 1, 2]
    errors = np.array([run["training_mse"] for run in runs])
    for epoch in (1, 10):
        mean, deviation = errors[:, epoch - 1].mean(), errors[:, epoch - 1].std(ddof=1)
        assert re.search(rf"^\| {epoch} \| 0\.\d+ \| {mean:.4f} ± {deviation:.4f}", README, flags=re.MULTILINE)
    assert f"({', '.join(f'{error:.4f}' for error in errors[:, 9])})" in README
    assert f"takes {np.median([run['seconds'] for run in runs]):.1f} s of one core" in README
