"""The example in two dimensions: data as described, fair samples, a picture, and a gain where it is said to be."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import two_dimensions
from benchmarks.two_dimensions import TASKS, draw, draw_sample, median_seed, percent_wrong, six_sticks, two_moons

SCRIPT = Path(two_dimensions.__file__)


@pytest.mark.parametrize("seed", range(10))
def test_sticks_are_long_and_thin(seed) -> None:
    X, y = six_sticks(3000, np.random.default_rng(seed))
    for label in range(6):
        spread = np.linalg.svd(X[y == label] - X[y == label].mean(axis=0), compute_uv=False) / np.sqrt(
            (y == label).sum()
        )
        assert spread[0] == pytest.approx(2 / np.sqrt(3), rel=0.1)
        assert spread[1] == pytest.approx(0.15, rel=0.15)


def test_moons_reach_into_each_other_without_touching() -> None:
    X, y = two_moons(2000, np.random.default_rng(0))
    upper, lower = X[y == 0], X[y == 1]
    assert lower[:, 1].max() > upper[:, 1].min()
    nearest = np.array([np.linalg.norm(X - row, axis=1).argsort()[1] for row in X])
    assert (y[nearest] != y).mean() < 0.01


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.name} {task.labels}")
def test_labels_are_even_and_right_and_a_seed_fixes_them(task) -> None:
    sample, again, other = draw_sample(task, 3), draw_sample(task, 3), draw_sample(task, 4)
    labeled = sample.given >= 0
    assert np.bincount(sample.given[labeled]).tolist() == [task.labels] * len(np.unique(sample.y))
    np.testing.assert_array_equal(sample.given[labeled], sample.y[labeled])
    np.testing.assert_array_equal(sample.given, again.given)
    np.testing.assert_array_equal(sample.X, again.X)
    assert not np.array_equal(sample.given, other.given)


def test_the_ladder_gains_on_the_sticks() -> None:
    errors = [percent_wrong(TASKS[0], seed) for seed in range(1000, 1002)]
    supervised, ladder = (np.mean([error[model] for error in errors]) for model in ("supervised only", "ladder"))
    assert ladder < supervised / 2


def test_the_picture_is_of_the_median_gain(tmp_path) -> None:
    errors = [{"supervised only": 10.0, "ladder": 10.0 - gain} for gain in (5, 1, 9, 4)]
    assert median_seed(errors) == 3
    pytest.importorskip("matplotlib")
    draw(TASKS[0], 0, tmp_path / "picture.png")
    assert 10_000 < (tmp_path / "picture.png").stat().st_size < 150_000


def test_the_tables_have_a_row_for_each_task(monkeypatch, capsys) -> None:
    monkeypatch.setattr(two_dimensions, "SETTINGS", {"hidden_layer_sizes": (5, 4), "max_iter": 10})
    monkeypatch.setattr(sys, "argv", ["two_dimensions.py", "--seeds", "2"])
    two_dimensions.main()
    lines = capsys.readouterr().out.splitlines()
    for task in TASKS:
        assert [line for line in lines if line.startswith(f"| {task.name}, {task.labels} |")]
    assert sum(line.endswith("of 2 |") for line in lines) == len(TASKS) + 2


def test_wrong_use_is_one_line() -> None:
    line = [sys.executable, str(SCRIPT), "--seeds", "0"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=SCRIPT.parents[1])
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("error: --seeds 0: expected 1 or more")
