"""Weights of rows and of classes: what the cross-entropy is multiplied by, and what a model learns from it."""

import pickle

import numpy as np
import pytest
from clouds import TRUTH, X, Y, known, parameters, small

from ladder_np import InputError, LadderClassifier
from ladder_np.training.weights import class_weights, label_weights

COUNTS = np.array([20, 5])


def overlapping() -> tuple[np.ndarray, np.ndarray]:
    """Two clouds that overlap, so that a weight decides what lies between them."""
    generator = np.random.default_rng(0)
    y = np.arange(400) % 2
    return generator.normal(size=(400, 3)) + 0.8 * y[:, None], y


def test_balanced_weights_are_scikit_learns() -> None:
    np.testing.assert_allclose(class_weights("balanced", np.array(["a", "b"]), COUNTS), [25 / 40, 25 / 10])


def test_a_dict_gives_the_classes_that_it_names_their_weights() -> None:
    np.testing.assert_array_equal(class_weights({"b": 3}, np.array(["a", "b"]), COUNTS), [1, 3])
    np.testing.assert_array_equal(class_weights(None, np.array(["a", "b"]), COUNTS), [1, 1])


def test_weights_have_the_mean_1_over_the_labeled_rows() -> None:
    index, labeled = np.array([0, 1, -1, 0]), np.array([0, 1, 3])
    weights = label_weights({1: 2}, np.arange(2), index, labeled, np.array([1.0, 3.0, 9.0, 2.0]))
    np.testing.assert_allclose(weights, np.array([1, 6, 0, 2]) / 3)


def test_equal_weights_are_no_weights() -> None:
    assert label_weights(None, np.arange(2), np.array([0, 1, -1]), np.array([0, 1]), np.full(3, 7.0)) is None
    np.testing.assert_array_equal(parameters(small().fit(X, Y, np.full(len(X), 2.5))), parameters(small().fit(X, Y)))


def test_a_class_with_a_larger_weight_is_predicted_more_often() -> None:
    features, y = overlapping()
    shares = [
        small(class_weight=weight).fit(features, y).predict(features).mean() for weight in ({0: 10}, None, {1: 10})
    ]
    assert shares[0] < shares[1] - 0.1
    assert shares[2] > shares[1] + 0.1


def test_a_weight_for_each_row_does_what_the_same_weight_of_its_class_does() -> None:
    features, y = overlapping()
    by_class = small(class_weight={0: 4.0, 1: 0.5}).fit(features, y)
    by_row = small().fit(features, y, sample_weight=np.where(y == 0, 4.0, 0.5))
    np.testing.assert_array_equal(parameters(by_class), parameters(by_row))


def test_balanced_classes_count_the_same_however_many_labels_they_have() -> None:
    features, y = overlapping()
    few = np.where((y == 0) | (np.arange(400) < 20), y, 9)  # 200 labels against 10
    plain, balanced = (
        small(class_weight=weight, denoising_weights=0, unlabeled_label=9).fit(features, few).predict(features).mean()
        for weight in (None, "balanced")
    )
    assert plain < 0.3 < balanced


def test_a_row_of_weight_0_is_left_out() -> None:
    """Whatever it holds: a model without the row is the same, bit by bit."""
    damaged, wrong = X.copy(), Y.copy()
    damaged[[3, 40]], wrong[3] = 50.0, 2
    weights = np.ones(len(X))
    weights[[3, 40]] = 0
    rest = np.delete(np.arange(len(X)), [3, 40])
    model = small().fit(damaged, wrong, weights)
    np.testing.assert_array_equal(parameters(model), parameters(small().fit(X[rest], Y[rest])))
    assert len(model.transduction_) == len(X)


def test_weights_go_with_partial_fit_and_a_file(tmp_path: object) -> None:
    labels = np.array(["a", "b", "c"])
    model = small(class_weight={"a": 5, "c": 0.5}, unlabeled_label="?")
    model.partial_fit(X, known(labels, "?"), sample_weight=np.linspace(0.5, 1.5, len(X)))
    model.save(f"{tmp_path}/model.npz")
    assert LadderClassifier.load(f"{tmp_path}/model.npz").class_weight == {"a": 5, "c": 0.5}
    for kind in (int, float, np.int64, bool):
        given = {kind(0): 5, kind(1): 0.5}
        small(class_weight=given).fit(
            X, np.where(Y < 0, 7, Y > 0).astype(float) if kind is float else TRUTH > 0
        ).save(f"{tmp_path}/model.npz")
        assert LadderClassifier.load(f"{tmp_path}/model.npz").class_weight == given


def test_rows_without_weight_leave_a_cost_of_zero() -> None:
    model = small().partial_fit(X, np.full(len(X), -1), classes=[0, 1, 2])
    assert model.history_["supervised"] == [0.0]
    assert min(model.history_[f"denoising_{layer}"][0] for layer in range(4)) > 0


@pytest.mark.parametrize("statistics", ["own", "unlabeled"])
def test_labeled_rows_keep_their_weights_on_every_path(statistics: str) -> None:
    weights = np.where(TRUTH == 0, 3.0, 0.3)
    chosen = small(labeled_statistics=statistics).fit(X, TRUTH, weights)
    assert (parameters(chosen) != parameters(small(labeled_statistics=statistics).fit(X, TRUTH))).any()


def test_weights_of_a_call_of_partial_fit_are_not_divided_by_their_mean() -> None:
    start = small().partial_fit(X, TRUTH)
    moved = [
        np.abs(
            parameters(pickle.loads(pickle.dumps(start)).partial_fit(X, TRUTH, sample_weight=weights)) - before
        ).max()
        for before in [parameters(start)]
        for weights in (np.full(len(X), 1e-9), np.ones(len(X)))
    ]
    assert moved[0] != moved[1]


def test_rows_without_weight_may_not_be_all_labeled_ones_of_a_class() -> None:
    with pytest.raises(InputError, match="class 2 has no labeled row with a weight above 0"):
        small().fit(X, TRUTH, sample_weight=(TRUTH != 2) * 1.0)


def test_the_score_is_the_weighted_share_of_right_rows() -> None:
    model = small(max_iter=2).fit(X, Y)
    right = model.predict(X) == TRUTH
    weights = np.linspace(0, 2, len(X))
    assert model.score(X, TRUTH, sample_weight=weights) == pytest.approx(weights[right].sum() / weights.sum())
    assert model.score(X, TRUTH, weights) != model.score(X, TRUTH)
    labeled = Y >= 0  # what an unlabeled row weighs does not matter
    expected = model.score(X[labeled], Y[labeled], weights[labeled])
    assert model.score(X, Y, np.where(labeled, weights, 99)) == pytest.approx(expected)
    with pytest.raises(InputError, match="no row with a label and a weight > 0"):
        model.score(X, Y, np.where(labeled, 0, 1))
    with pytest.raises(InputError, match=r"sample_weight has the shape \(3,\); expected \(90,\)"):
        model.score(X, TRUTH, [1, 2, 3])


def test_a_class_weight_and_a_sample_weight_multiply_in_partial_fit_too() -> None:
    together = small(class_weight={0: 3}).partial_fit(X, TRUTH, sample_weight=np.full(len(X), 2.0))
    by_row = small().partial_fit(X, TRUTH, sample_weight=np.where(TRUTH == 0, 6.0, 2.0))
    np.testing.assert_array_equal(parameters(together), parameters(by_row))


def test_a_class_weight_of_a_class_that_does_not_exist_is_refused_everywhere() -> None:
    for train in (small(class_weight={7: 2}).fit, small(class_weight={7: 2}).partial_fit):
        with pytest.raises(InputError, match="class_weight names 7, which is not a class"):
            train(X, TRUTH)
