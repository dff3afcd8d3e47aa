"""What partial_fit keeps of a stream: even samples, statistics of all calls, rows that fill up what a call lacks."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from clouds import CENTERS, parameters, small

from ladder_np import LadderClassifier
from ladder_np.errors import InputWarning
from ladder_np.estimator.input import read_table
from ladder_np.estimator.kept import MOST_LABELED, MOST_ROWS, KeptRows, plan_call

CLASSES = [0, 1, 2]


def rows(count: int, seed: int = 0, classes: tuple[int, ...] = (0, 1, 2)) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    y = generator.choice(classes, count)
    return 1.5 * CENTERS[y] + generator.normal(size=(count, 4)), y


def streamed(calls: int = 20) -> LadderClassifier:
    model = small()
    for call in range(calls):
        model.partial_fit(*rows(60, call), classes=CLASSES)
    return model


TEST = rows(600, seed=99)


def plan(kept: KeptRows | None, X: np.ndarray, y: np.ndarray, batch: int = 20) -> tuple:
    table = read_table(X, y, -1, "", None, CLASSES)
    call = plan_call(table, kept or KeptRows.before_the_first(table, 0), batch)
    return call, call.kept


def test_of_all_rows_so_far_an_even_sample_is_kept() -> None:
    kept, count = None, 0
    for _ in range(12):
        numbers = np.arange(count, count + 500.0)
        _, kept = plan(kept, np.c_[1.5 * numbers, numbers % 7], np.zeros(500, int))
        count += 500
    for sample, most in ((kept.rows, MOST_ROWS), (kept.labeled, MOST_LABELED)):
        chosen = sample.table.X[:, 0] / 1.5
        assert len(set(chosen)) == len(chosen) == most
        assert sample.seen == count
        shares = np.histogram(chosen, bins=6, range=(0, count))[0] / most
        assert np.abs(shares - 1 / 6).max() < 0.04  # four standard deviations


def test_a_call_as_large_as_a_batch_with_all_classes_trains_on_its_own_rows() -> None:
    _, kept = plan(None, *rows(60, 1))
    call, _ = plan(kept, *rows(40, 2))
    assert call.unlabeled.tolist() == call.labeled.tolist() == list(range(40))
    assert len(call.measured) == 100


def test_a_small_call_is_filled_up_to_a_batch() -> None:
    _, kept = plan(None, *rows(60, 1))
    call, _ = plan(kept, *rows(3, 2, classes=(1,)))
    assert (call.unlabeled[:3].tolist(), len(call.unlabeled)) == ([0, 1, 2], 20)
    assert set(call.table.index[call.labeled]) == {0, 1, 2}
    assert len(call.labeled) == 20


def test_classes_that_a_call_lacks_train_along_in_equal_numbers() -> None:
    _, kept = plan(None, *rows(200, 1))
    with pytest.warns(InputWarning, match="all 30 labeled rows of this call are of one class"):
        call, _ = plan(kept, *rows(30, 2, classes=(1,)))
    assert np.bincount(call.table.index[call.labeled]).tolist() == [30, 30, 30]


def test_few_rows_of_one_class_are_nothing_to_warn_of() -> None:
    _, kept = plan(None, *rows(200, 1))
    with warnings.catch_warnings(action="error"):
        plan(kept, *rows(5, 2, classes=(1,)))


@pytest.mark.parametrize(("count", "classes"), [(1, (0,)), (2, (1,)), (100, (1,)), (100, (0, 2))])
@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")
def test_no_later_call_ruins_the_model(count: int, classes: tuple) -> None:
    model = streamed()
    before = model.score(*TEST)
    assert before > 0.95
    for repetition in range(3):
        model.partial_fit(*rows(count, 50 + repetition, classes))
    assert model.score(*TEST) > before - 0.03


def test_unlabeled_rows_alone_and_one_labeled_row_are_calls() -> None:
    X, y = rows(60, 1)
    model = small().partial_fit(X, np.full(60, -1), classes=CLASSES)
    start = parameters(model).copy()
    model.partial_fit(X, np.where(np.arange(60) == 4, y, -1))
    model.partial_fit(X[:1], y[:1])
    assert (parameters(model) != start).any()
    assert np.isfinite(model.predict_proba(X)).all()


def test_rare_labels_in_a_stream_of_unlabeled_rows_are_enough() -> None:
    model = small()
    for call in range(60):
        X, y = rows(50, call)
        model.partial_fit(X, np.where(np.arange(50) < call % 2, y, -1), classes=CLASSES)  # one in every second call
    assert model.score(*TEST) > 0.9


def test_a_copy_goes_on_as_the_original() -> None:
    model = streamed(3)
    other = pickle.loads(pickle.dumps(model))
    for each in (model, other):
        each.partial_fit(*rows(5, 7))
    np.testing.assert_array_equal(parameters(model), parameters(other))
    np.testing.assert_array_equal(model.predict_proba(TEST[0]), other.predict_proba(TEST[0]))


@pytest.mark.parametrize("saved", [False, True])
def test_a_small_call_after_fit_or_a_file_does_not_replace_the_statistics_either(tmp_path: Path, saved: bool) -> None:
    model = small().fit(*rows(300, 3))
    if saved:
        model.save(tmp_path / "model.npz")
        model = LadderClassifier.load(tmp_path / "model.npz")
    before, first = model.score(*TEST), model._predictor.statistics.mu[1]
    assert before > 0.95
    for repetition in range(3):
        model.partial_fit(*rows(2, 60 + repetition, classes=(1,)))
    assert model.score(*TEST) > before - 0.03
    assert model._predictor.statistics.count == 306
    assert np.abs(model._predictor.statistics.mu[1] - first).max() < 0.5


@pytest.mark.parametrize("first", [2, 7, 60])
def test_a_stream_of_single_rows_is_learned_whatever_the_first_call_brought(first: int) -> None:
    """The scaling of two rows alone would be a bad one."""
    X, y = rows(300, 5)
    model = small().partial_fit(X[:first], y[:first], classes=CLASSES)
    for k in range(first, 300):
        model.partial_fit(X[k : k + 1], y[k : k + 1])
    assert model.score(*TEST) > 0.9
    settled = X[: max(first, 50)].mean(axis=0)
    np.testing.assert_allclose(model._predictor.scaling.shift, settled, atol=1e-6)


def test_the_inputs_weight_settles_with_the_scaling() -> None:
    """Of two rows only the few features that differ have a variance, and λ of the input is ten over the mean."""
    X = np.eye(80)[np.random.default_rng(0).integers(0, 80, 400)]
    y = np.arange(400) % 3
    model = small().partial_fit(X[:2], y[:2], classes=CLASSES)
    first = model._predictor.network.specification.denoising_weights[0]
    model.partial_fit(X[2:60], y[2:60])
    settled = model._predictor.network.specification.denoising_weights[0]
    scaled = model._predictor.scaling.apply(X[:60], np.float64)
    assert settled == pytest.approx(10 / scaled.var(axis=0).mean())
    model.partial_fit(X[60:], y[60:])
    assert first > 5 * settled
    assert model._predictor.network.specification.denoising_weights[0] == settled
