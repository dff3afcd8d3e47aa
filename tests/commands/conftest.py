"""Fixtures of the command-line tests: a command run in-process, finished runs, and no network."""

import urllib.error
import urllib.request

import pytest
from command_files import TINY, Outcome, quiet, words, write_blobs, write_csv_blobs

from ladder_np.commands import main


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """No test downloads anything or sees the user's own data."""

    def refuse(*_, **__):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LADDER_NP_DATA", raising=False)


@pytest.fixture
def command(capsys):
    """Runs a command in-process: texts are split at blanks, paths are one argument each."""

    def run(*parts):
        status = main(words(*parts))
        return Outcome.of(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def npz_run(tmp_path_factory):
    """A finished run on a .npz with its own test set, classes 1, 2, 3; beside it lies data.npz. Not to be changed."""
    home = tmp_path_factory.mktemp("npz_run")
    data = write_blobs(home / "data.npz", first_class=1)
    quiet("train --dataset", data, TINY, "--out", home / "run")
    return home / "run"


@pytest.fixture(scope="session")
def csv_run(tmp_path_factory):
    """A finished run on a .csv, a third held out for test; beside it lies data.csv. Not to be changed."""
    home = tmp_path_factory.mktemp("csv_run")
    data = write_csv_blobs(home / "data.csv")
    quiet("train --dataset", data, "--test-fraction 0.33 --no-baseline", TINY, "--out", home / "run")
    return home / "run"
