"""`ladder-np evaluate`: the test error of a finished run, measured again."""

import json
import re
import shutil

import pytest
from command_files import (
    TINY,
    assert_refused,
    change,
    image_files,
    image_set_of,
    load,
    quiet,
    write_blobs,
    write_images,
)

from ladder_np.data.download import IMAGE_SETS


def expected_line(run):
    result = json.loads((run / "result.json").read_text())["ladder"]
    return f"test error: {result['test_error_percent']:.2f} % ({result['wrong']} of {result['rows']})\n"


@pytest.mark.parametrize("finished", ["npz_run", "csv_run"])
def test_prints_one_line_that_matches_the_result_file(command, request, finished):
    run = request.getfixturevalue(finished)
    outcome = command("evaluate", run)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == expected_line(run)
    assert re.fullmatch(r"test error: \d+\.\d\d % \(\d+ of \d+\)\n", outcome.out)


def test_works_for_the_embedded_digits(command, tmp_path):
    quiet("train --epochs 1 --hidden-layers 4 --no-baseline --out", tmp_path / "run")
    assert command("evaluate", tmp_path / "run").out == expected_line(tmp_path / "run")


def test_works_from_another_folder_though_the_data_were_named_by_a_relative_path(command, tmp_path, monkeypatch):
    write_blobs(tmp_path / "data.npz")
    monkeypatch.chdir(tmp_path)
    quiet("train --dataset data.npz", TINY, "--out run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    outcome = command("evaluate", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    assert outcome.out == expected_line(tmp_path / "run")


def test_works_from_another_folder_though_the_data_folder_was_relative(command, tmp_path, monkeypatch):
    monkeypatch.setitem(IMAGE_SETS, "mnist", image_set_of(image_files()))
    write_images(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    quiet("train --dataset mnist --data-dir data --labels 10 --epochs 1 --hidden-layers 4 --out run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert command("evaluate ../run").out == expected_line(tmp_path / "run")


def test_a_run_that_was_moved_is_still_evaluated(command, npz_run, tmp_path):
    shutil.copytree(npz_run, tmp_path / "moved")
    assert command("evaluate", tmp_path / "moved").out == expected_line(npz_run)


@pytest.mark.parametrize("key", ["X", "y", "X_test", "y_test"])
def test_data_that_changed_in_one_number_are_refused(command, tmp_path, key):
    data = write_blobs(tmp_path / "data.npz")
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    array = load(data)[key]
    array[1] = (array[1] + 1) % 3
    change(data, data, **{key: array})
    assert_refused(command("evaluate", tmp_path / "run"), str(data), "sha256 differs")


def test_data_whose_class_numbers_changed_are_refused(command, tmp_path):
    """The same features and class indices under other class numbers are other data: predictions mean other things."""
    data = write_blobs(tmp_path / "data.npz")
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    write_blobs(data, first_class=1)
    assert_refused(command("evaluate", tmp_path / "run"), "sha256 differs")


def test_data_that_are_gone_are_named(command, tmp_path):
    data = write_blobs(tmp_path / "data.npz")
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    data.unlink()
    assert_refused(command("evaluate", tmp_path / "run"), str(data), "no such file")


def test_a_run_without_test_rows_says_how_to_get_some(command, tmp_path):
    data = change(write_blobs(tmp_path / "data.npz"), tmp_path / "data.npz", X_test=None, y_test=None)
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    assert_refused(command("evaluate", tmp_path / "run"), "no test rows", "--test-fraction")
