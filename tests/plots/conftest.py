"""Runs to draw, made once; none of them may be changed."""

from pathlib import Path

import pytest
from picture_runs import make_run, write_flowers

from ladder_np.plots import RunSource, draw_pictures


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded digits with validation rows."""
    return make_run(tmp_path_factory.mktemp("digits") / "run", validation=40)


@pytest.fixture(scope="session")
def table_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with three classes and hostile names of columns, without test and validation rows."""
    home = tmp_path_factory.mktemp("table")
    return make_run(home / "run", dataset=str(write_flowers(home / "flowers.csv")))


@pytest.fixture(scope="session")
def digits(digits_run: Path) -> RunSource:
    return RunSource(digits_run)


@pytest.fixture(scope="session")
def table(table_run: Path) -> RunSource:
    return RunSource(table_run)


@pytest.fixture(scope="session")
def digits_figures(digits: RunSource) -> dict:
    """All pictures of the digits, by name."""
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    return {picture.name: figure for picture, figure in draw_pictures(digits)}


@pytest.fixture(scope="session")
def table_figures(table: RunSource) -> dict:
    """All pictures of the table, by name."""
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    return {picture.name: figure for picture, figure in draw_pictures(table)}
