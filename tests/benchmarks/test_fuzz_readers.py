"""The fuzzer: mutated files are read or refused, and it sees what a reader must not do."""

import io
import json
import sys
import time
import warnings
import zipfile

import numpy as np
import pytest

from benchmarks import fuzz_readers, mutations
from ladder_np.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="times and memory are limited as on POSIX")

KINDS = [
    "data .npz",
    "data .csv",
    "data .csv.gz, texts and gaps",
    "rows .csv",
    "X.npy",
    "y.npy",
    "X.npy, pixels",
    "IDX images",
    "IDX images .gz",
    "IDX labels .gz",
    "model.npz",
    "model.npz, named columns",
    "model.npz, encoded columns",
    "an estimator's file",
    "checkpoint.npz",
    "split.npz",
    "config.json, evaluated",
    "config.json, its settings",
    "test vectors .npz",
]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    return fuzz_readers.valid_kinds(tmp_path_factory.mktemp("fuzz"))


def test_every_kind_is_in_this_table(kinds):
    assert list(kinds) == KINDS


@pytest.mark.parametrize("name", KINDS)
def test_mutated_files_are_read_or_refused_in_one_line(kinds, name):
    found = [outcome for _, outcome in fuzz_readers.fuzz(kinds[name], seed=5, numbers=range(25))]
    assert set(found) <= {"read", "refused"}
    assert found.count("refused") > 3


def test_a_mutant_is_the_same_whenever_it_is_made(kinds):
    kind = kinds["model.npz"]
    valid = kind.path.read_bytes()
    made = [fuzz_readers.mutant(kind, valid, seed=1, number=number) for number in range(40)]
    assert made == [fuzz_readers.mutant(kind, valid, seed=1, number=number) for number in range(40)]
    assert len(set(made)) > 35
    assert made[0] != fuzz_readers.mutant(kind, valid, seed=2, number=0)


def test_mutants_inside_an_archive_have_right_checksums(kinds):
    valid = kinds["data .npz"].path.read_bytes()
    for number in range(20):
        bent = mutations.in_archive(np.random.default_rng(number), valid, mutations.mutate)
        assert zipfile.ZipFile(io.BytesIO(bent)).testzip() is None


def test_another_json_value_is_still_json():
    text = json.dumps({"a": [1, {"b": 2}], "c": "d"}).encode()
    bent = {mutations.in_json(np.random.default_rng(number), text) for number in range(60)}
    assert len(bent) > 30
    for one in bent:
        json.loads(one)


def raising(error):
    def use(path):
        raise error

    return use


class TwoLines(InputError):  # noqa: N818
    """What `InputError` itself does not let happen."""

    def __str__(self):
        return "a\nb"


FAULTS = {
    "another exception": (raising(KeyError("x")), "KeyError: 'x'"),
    "an error of two lines": (raising(TwoLines("a")), "an error that is no line: 'a\\nb'"),
    "a warning": (lambda path: warnings.warn("careful", stacklevel=1), "UserWarning: careful"),
    "no memory": (raising(MemoryError()), "MemoryError: "),
    "an end": (raising(SystemExit(3)), "SystemExit: 3"),
    "a hang": (lambda path: time.sleep(5), "more than 0.05 s"),
}


@pytest.mark.parametrize(("use", "expected"), FAULTS.values(), ids=FAULTS)
def test_what_a_reader_must_not_do_is_seen(tmp_path, monkeypatch, use, expected):
    monkeypatch.setattr(fuzz_readers, "SECONDS", 0.05)
    assert fuzz_readers.outcome(fuzz_readers.Kind(tmp_path / "file", use), b"x") == expected


def test_the_valid_file_is_put_back(kinds):
    kind = kinds["data .csv"]
    valid = kind.path.read_bytes()
    list(fuzz_readers.fuzz(kind, seed=0, numbers=range(3)))
    assert kind.path.read_bytes() == valid


def test_the_command_prints_a_table_and_fails_where_a_reader_does(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(fuzz_readers, "limit_memory", lambda: None)
    monkeypatch.setattr(sys, "argv", ["fuzz", "--files", "5", "--kind", "data .csv"])
    assert fuzz_readers.main() == 0
    assert "5 files, 0 failed" in capsys.readouterr().out
    lines = 1 + fuzz_readers.ROWS
    monkeypatch.setattr(fuzz_readers, "use_dataset", lambda path: 1 / (path.read_bytes().count(b"\n") == lines))
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--keep", str(tmp_path), "--files", "60"])
    assert fuzz_readers.main() == 1
    out = capsys.readouterr().out
    assert "data .csv, seed 0, number " in out
    assert "ZeroDivisionError" in out
    assert list(tmp_path.glob("data-0-*"))
