"""The labels of the held-out sets: fair ones, as many of each class, and unfair ones; what a comparison counts."""

import numpy as np
import pytest

from benchmarks import held_out
from ladder_np import LadderClassifier, compare


def test_unfair_labels_are_as_many_on_the_whole_and_two_of_each_class_at_least():
    assert [held_out.uneven(count) for count in (2, 5, 10, 20)] == [[2, 2], [8, 2], [17, 3], [34, 6]]
    y = np.repeat(["a", "b", "c"], 40)
    classes, known = held_out.hide_labels(y, held_out.uneven(10), np.random.default_rng(0))
    assert np.bincount(known[known >= 0]).tolist() == [17, 3, 17]
    assert (classes[known[known >= 0]] == y[known >= 0]).all()
    _, known = held_out.hide_labels(y, 10, np.random.default_rng(0))
    assert np.bincount(known[known >= 0]).tolist() == [10, 10, 10]


def test_a_comparison_of_all_sets_counts_where_the_ladder_is_better(monkeypatch, tmp_path, capsys):
    pytest.importorskip("sklearn")
    generator = np.random.default_rng(0)
    y = np.repeat(np.arange(2), 60)
    X = generator.normal(size=(120, 3)) + 3 * y[:, None]
    monkeypatch.setattr(held_out, "split", lambda *_: ((X, y), (X, y)))
    monkeypatch.setattr(held_out, "TASKS", {"clouds": (5,)})
    model = LadderClassifier(hidden_layer_sizes=(8,), max_iter=3)
    monkeypatch.setattr(
        held_out, "compare", lambda X, y, **named: compare(X, y, model, **{**named, "verbose": False})
    )
    held_out.compare_all(tmp_path, ["clouds"], 2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| clouds, 5, fair", "| clouds, 5, unfair"]
    counts = [cell.split("|")[2:5] for cell in lines if cell.startswith("| supervised only")]
    assert sum(int(cell) for cell in counts[0]) == 2
