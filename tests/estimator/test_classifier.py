"""What `LadderClassifier` does with rows and labels: training in all its ways, prediction, score."""

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest
from clouds import EPOCHS, LABELED, TRUTH, X, Y, known, parameters, small

from ladder_np import InputError, LadderClassifier, TrainingDivergedError
from ladder_np.errors import InputWarning
from ladder_np.estimator.fitting import split_table
from ladder_np.estimator.input import read_table

LABELS = {
    "numbers without order or start": (np.array([7, 3, 11]), -1),
    "negative numbers, among them -1": (np.array([-1, -2, 5]), 0),
    "unsigned": (np.array([1, 2, 3], np.uint8), 0),
    "whole floats": (np.array([0.0, 1.0, 2.0]), -1),
    "floats with NaN where unlabeled": (np.array([0.0, 1.0, 2.0]), np.nan),
    "texts": (np.array(["cat", "dog", "eel"]), -1),
    "texts with a mark of their own": (np.array(["cat", "dog", "eel"]), "?"),
    "objects with a number as mark": (np.array(["cat", "dog", "eel"], object), -1),
    "objects with None as mark": (np.array(["cat", "dog", "eel"], object), None),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_come_back_as_they_were_given(kind: str) -> None:
    labels, mark = LABELS[kind]
    model = small(unlabeled_label=mark).fit(X, known(labels, mark))
    np.testing.assert_array_equal(model.classes_, np.sort(labels))
    assert model.classes_.dtype.kind == model.predict(X).dtype.kind == model.transduction_.dtype.kind
    assert model.classes_.dtype.kind == labels.dtype.kind
    assert model.score(X, labels[TRUTH]) > 0.9
    assert (model.predict(X) == labels[TRUTH]).mean() == model.score(X, labels[TRUTH])


def test_booleans_are_two_classes() -> None:
    model = small().fit(X, TRUTH == 0)
    assert model.classes_.tolist() == [False, True]
    assert model.predict(X).dtype == bool


def test_labels_are_the_same_training_whatever_they_are_called() -> None:
    numbers = small().fit(X, Y)
    texts = small(unlabeled_label="").fit(X, known(np.array(["a", "b", "c"]), ""))
    np.testing.assert_array_equal(parameters(numbers), parameters(texts))


def test_what_is_known_after_training() -> None:
    model = small().fit(X, Y)
    assert (model.n_features_in_, model.n_iter_, len(model.loss_curve_)) == (4, EPOCHS, EPOCHS)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.validation_scores_ is None
    assert not hasattr(model, "feature_names_in_")
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])


def test_the_history_has_all_parts_of_the_cost_and_goes_on_with_the_training() -> None:
    model = small(max_iter=3, early_stopping=True, warm_start=True, n_iter_no_change=9).fit(X, Y)
    first = model.history_
    by_layer = np.array([first[f"denoising_{layer}"] for layer in range(4)])
    np.testing.assert_allclose(first["denoising"], model.denoising_weights_ @ by_layer, rtol=1e-5)
    np.testing.assert_allclose(first["cost"], np.add(first["supervised"], first["denoising"]))
    assert first["cost"] == model.loss_curve_
    np.testing.assert_allclose(1 - np.array(first["validation_error"]), model.validation_scores_)
    model.fit(X, Y)
    assert model.history_["epoch"] == [1, 2, 3, 4, 5, 6]
    assert model.history_["denoising_2"][:3] == first["denoising_2"]
    model.set_params(early_stopping=False).partial_fit(X, Y)
    assert len(model.history_["cost"]) == len(model.loss_curve_) == model.n_iter_ == 7
    assert len(model.validation_scores_) == 6
    assert np.isnan(model.history_["validation_error"]).tolist() == [False] * 6 + [True]


def test_the_history_is_lists_of_pythons_numbers_and_one_call_from_a_data_frame() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    model = small(max_iter=3, denoising_weights=(1, 0, 0.5, 0)).fit(X, Y)
    frame = pd.DataFrame(model.history_)
    costs = ["cost", "supervised", "denoising", *(f"denoising_{layer}" for layer in range(4))]
    assert list(frame) == ["epoch", "step", "learning_rate", *costs, "validation_error", "seconds"]
    assert frame.shape == (3, 12)
    assert set(frame.dtypes.astype(str)) == {"int64", "float64"}
    assert frame.columns[frame.isna().all()].tolist() == ["denoising_1", "denoising_3", "validation_error"]
    assert (frame.seconds > 0).all()
    assert {type(value) for column in model.history_.values() for value in column} == {int, float}


def test_without_denoising_the_history_has_none_of_it() -> None:
    history = small(max_iter=2, denoising_weights=0).fit(X, Y).history_
    assert history["denoising"] == [0.0, 0.0]
    assert np.isnan(history["denoising_0"]).all()


def test_an_unfitted_estimator_has_no_history() -> None:
    assert not hasattr(small(), "history_")


def test_given_labels_are_kept_in_the_transduction_and_the_others_predicted() -> None:
    y = Y.copy()
    y[0] = 2  # which the model will not believe
    model = small(max_iter=30).fit(X, y)
    assert model.predict(X[:1]) != 2
    np.testing.assert_array_equal(model.transduction_[:LABELED], y[:LABELED])
    np.testing.assert_array_equal(model.transduction_[LABELED:], model.predict(X)[LABELED:])


def test_unlabeled_rows_are_learned_from() -> None:
    alone, together = small().fit(X[:LABELED], Y[:LABELED]), small().fit(X, Y)
    assert np.abs(alone.predict_proba(X) - together.predict_proba(X)).max() > 0.01


def test_rows_without_a_label_do_not_say_it() -> None:
    """Changing labels that are hidden behind the mark changes nothing, and nothing is read of them."""
    np.testing.assert_array_equal(
        parameters(small().fit(X, Y)), parameters(small(unlabeled_label=99).fit(X, np.where(Y < 0, 99, Y)))
    )


# ---- Log-probabilities.


def test_log_probabilities_are_the_logarithms_of_the_probabilities() -> None:
    model = small().fit(X, Y)
    log = model.predict_log_proba(X)
    assert (log.shape, log.dtype) == ((len(X), 3), np.float64)
    np.testing.assert_allclose(log, np.log(model.predict_proba(X)), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(log[:5], model.predict_log_proba(X[:5]), rtol=1e-12)


def test_where_a_probability_is_rounded_to_0_its_logarithm_is_finite_and_right() -> None:
    model = small().fit(X, Y)
    model._predictor.network.parameters["encoder.3.gamma"][...] *= 5000
    proba, log = model.predict_proba(X), model.predict_log_proba(X)
    assert (proba == 0).any()
    assert np.isfinite(log).all()
    assert log.min() < np.log(np.finfo(float).tiny)
    np.testing.assert_array_equal(log.argmax(axis=1), proba.argmax(axis=1))
    model._predictor.network.parameters["encoder.3.gamma"][...] /= 5000
    spread = np.ptp(model.predict_log_proba(X), axis=1)  # differences of logits: 5000 times as large
    np.testing.assert_allclose(np.ptp(log, axis=1), 5000 * spread, rtol=1e-5)


# ---- Randomness.


def test_the_same_seed_gives_the_same_bits_and_another_one_others() -> None:
    first, again, other = (parameters(small(random_state=seed).fit(X, Y)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_generator_gives_the_next_seed_each_time(make: Any) -> None:
    generator = make(5)
    first, second = (parameters(small(random_state=generator).fit(X, Y)) for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(first, parameters(small(random_state=make(5)).fit(X, Y)))


def test_without_a_random_state_each_training_is_another() -> None:
    first, second = (parameters(small(random_state=None, max_iter=1).fit(X, Y)) for _ in range(2))
    assert (first != second).any()


# ---- Going on.


def test_fit_again_begins_anew_and_with_warm_start_goes_on() -> None:
    model = small(warm_start=False)
    first = parameters(model.fit(X, Y)).copy()
    np.testing.assert_array_equal(parameters(model.fit(X, Y)), first)
    model.set_params(warm_start=True).fit(X, Y)
    assert (model.n_iter_, len(model.loss_curve_)) == (2 * EPOCHS, 2 * EPOCHS)
    assert model.loss_curve_[EPOCHS] < model.loss_curve_[0] / 2
    assert (parameters(model) != first).any()


def test_warm_start_keeps_the_scaling_that_the_parameters_belong_to() -> None:
    model = small(warm_start=True).fit(X, Y)
    shift = model._predictor.scaling.shift
    model.fit(X + 1, Y)
    np.testing.assert_array_equal(model._predictor.scaling.shift, shift)


def test_partial_fit_goes_on_as_the_epochs_of_fit_do() -> None:
    """Where a step takes all labeled rows nothing is left over from an epoch, so that all bits are the same."""
    pieces = small()
    for _ in range(4):
        pieces.partial_fit(X, Y)
    whole = small(max_iter=4, decay_start=1.0).fit(X, Y)
    np.testing.assert_array_equal(parameters(pieces), parameters(whole))
    # the variance of 4 times 90 rows has the divisor 359, that of 90 rows 89
    np.testing.assert_allclose(pieces.predict_proba(X), whole.predict_proba(X), atol=0.01)
    assert pieces.loss_curve_ == whole.loss_curve_


def test_partial_fit_takes_pieces_of_other_sizes_and_without_some_classes() -> None:
    model = small().partial_fit(X[:30], TRUTH[:30], classes=[0, 1, 2, 3])
    for _ in range(20):
        model.partial_fit(X[TRUTH < 2], TRUTH[TRUTH < 2])
        model.partial_fit(X[:50], TRUTH[:50])
    assert model.classes_.tolist() == [0, 1, 2, 3]
    assert model.score(X, TRUTH) > 0.9
    assert model.n_iter_ == 41


def test_partial_fit_goes_on_from_fit() -> None:
    model = small().fit(X, Y)
    before = model.score(X, TRUTH)
    model.partial_fit(X, Y)
    assert model.n_iter_ == EPOCHS + 1
    assert model.score(X, TRUTH) >= before - 0.05


def test_the_inputs_default_weight_stays_when_training_goes_on() -> None:
    model = small(scaling="none").partial_fit(X, Y)
    before = model._predictor.network.specification
    model.partial_fit(X[:40] / 2, Y[:40])
    assert model._predictor.network.specification == before


def test_between_two_calls_of_partial_fit_settings_may_change() -> None:
    """Without λ the optimizer has fewer parameters, and begins with new moments."""
    model = small().partial_fit(X, Y).set_params(denoising_weights=0, noise_std=0.1).partial_fit(X, Y)
    model.set_params(denoising_weights=1, dtype="float64").partial_fit(X, Y)
    assert parameters(model).dtype == np.float64
    assert model.n_iter_ == 3


def test_a_training_that_fails_leaves_the_estimator_as_it_was() -> None:
    model = small().fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(TrainingDivergedError):
        model.set_params(learning_rate_init=1e30).fit(X, Y)
    with pytest.raises(InputError):
        model.partial_fit(X, np.full(len(X), 5))
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.n_iter_ == EPOCHS


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_predicts_the_same_and_goes_on_the_same(copied: Any) -> None:
    model = small().fit(X, Y).partial_fit(X, Y)
    other = copied(model)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    for each in (model, other):
        each.partial_fit(X, Y)
    np.testing.assert_array_equal(parameters(model), parameters(other))
    assert isinstance(copied(small()), LadderClassifier)


# ---- Early stopping.


def test_early_stopping_puts_the_best_epoch_back() -> None:
    """The rows of validation are found by the same split; their accuracy is then that of the best epoch."""
    y = np.where(np.random.default_rng(1).random(len(X)) < 0.3, TRUTH[::-1], TRUTH)  # a rough error curve
    model = small(
        early_stopping=True, n_iter_no_change=3, max_iter=60, validation_fraction=0.2, labeled_statistics="own"
    ).fit(X, y)
    rows = split_table(model.get_params(), read_table(X, y, -1, "", None), seed=0).validation
    assert len(rows) == 18
    assert len(model.validation_scores_) == model.n_iter_ == len(model.loss_curve_) < 60
    best = int(np.argmax(model.validation_scores_))
    assert model.n_iter_ == best + 1 + 3
    assert model.validation_scores_[best] > model.validation_scores_[-1]
    assert model.score(X[rows], y[rows]) == model.validation_scores_[best]


def test_rows_of_validation_are_labeled_and_leave_one_of_each_class() -> None:
    table = read_table(X, known(np.arange(3), -1), -1, "", None)
    for fraction in (0.01, 0.5, 0.99):
        split = split_table({"early_stopping": True, "validation_fraction": fraction}, table, seed=0)
        assert (table.index[split.validation] >= 0).all()
        assert set(table.index[split.labeled]) == {0, 1, 2}
        assert 1 <= len(split.validation) <= LABELED - 3
        assert not np.intersect1d(split.train, split.validation).size


# ---- Features.


@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")
def test_eight_bit_features_are_pixels_if_that_is_asked_for() -> None:
    pixels = np.clip(40 * X + 60, 0, 240).astype(np.uint8)
    pixels[0, 0] = 240
    table = small().fit(pixels, Y)
    assert table.scaling_ == "standardize"  # of four features no evidence says that they are pixels
    model = small(scaling="pixels").fit(pixels, Y)
    np.testing.assert_array_equal(model._predictor.scaling.scale, [1 / 255] * 4)
    with pytest.raises(InputError, match="whole-numbered pixels, this data has fractions"):
        model.predict(pixels / 240)
    with pytest.warns(InputWarning, match="of the features are on another scale than in training"):
        table.predict(pixels / 240)


@pytest.mark.parametrize(
    ("scaling", "mean", "deviation"), [("auto", 0, 1), ("standardize", 0, 1), ("none", X.mean(axis=0), X.std(axis=0))]
)
def test_features_are_scaled_as_asked_and_new_ones_alike(scaling: str, mean: Any, deviation: Any) -> None:
    model = small(scaling=scaling).fit(X, Y)
    scaled = model._predictor.scaling.apply(X, np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), np.broadcast_to(mean, 4), atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), np.broadcast_to(deviation, 4))


@pytest.mark.parametrize(
    ("features", "scaling", "variance"),
    [
        (X, "auto", 1),
        (np.hstack([X, np.ones((len(X), 4))]), "auto", 0.5),
        (30 * X, "none", 900 * X.var(axis=0).mean()),
        (
            np.rint(40 + 9 * X).astype(np.uint8),
            "pixels",
            (np.rint(40 + 9 * X) / np.rint(40 + 9 * X).max()).var(0).mean(),
        ),
    ],
    ids=["standardized", "half of them constant", "as they are", "pixels"],
)
def test_the_inputs_weight_is_by_default_for_its_variance(
    features: np.ndarray, scaling: str, variance: float
) -> None:
    model = small(scaling=scaling, max_iter=1).fit(features, Y)
    weights = model._predictor.network.specification.denoising_weights
    np.testing.assert_allclose(weights, [10 / variance, 3, 1, 1])


@pytest.mark.parametrize("convert", [np.asfortranarray, lambda x: x.tolist(), lambda x: x.astype(object)])
def test_features_are_the_same_numbers_in_any_form(convert: Any) -> None:
    model, other = small().fit(X, Y), small().fit(convert(X), Y.tolist())
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(convert(X)))


def test_what_is_given_is_not_changed() -> None:
    features, labels = X.copy(), Y.copy()
    features.flags.writeable = labels.flags.writeable = False
    small(max_iter=1).fit(features, labels).partial_fit(features, labels).score(features, labels)


ODD = {
    "one feature": (X[:, :1], Y),
    "a constant feature": (np.hstack([X, np.ones((len(X), 1))]), Y),
    "one labeled row per class": (X, np.where(np.arange(len(X)) < 3, TRUTH, -1)),
    "one class has one row": (X, np.where(np.arange(len(X)) == 0, 3, Y)),
    "no unlabeled row": (X, TRUTH),
    "two rows": (X[:2], TRUTH[:2]),
    "a class per row": (X, np.arange(len(X))),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_data_gives_finite_probabilities(kind: str) -> None:
    model = small().fit(*ODD[kind])
    assert np.isfinite(model.predict_proba(ODD[kind][0])).all()


# ---- Score and talk.


def test_score_is_the_share_of_labeled_rows_that_are_right() -> None:
    model = small().fit(X, Y)
    right = (model.predict(X) == TRUTH)[:LABELED]
    assert model.score(X, Y) == right.mean()
    weights = np.random.default_rng(0).random(len(X))
    assert model.score(X, Y, weights) == pytest.approx(np.average(right, weights=weights[:LABELED]))


def test_a_verbose_training_writes_its_first_and_last_epoch_on_standard_error(capsys: pytest.CaptureFixture) -> None:
    model = small(max_iter=3, verbose=True, early_stopping=True).fit(X, Y)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 3/3"]
    error = 100 * model.history_["validation_error"][0]
    start = f"epoch 1/3  cost {model.loss_curve_[0]:.4f}  validation error {error:.2f} %  "
    assert re.fullmatch(re.escape(start) + r"\d+:\d\d left", lines[0])
    small(max_iter=1).fit(X, Y)
    assert capsys.readouterr().err == ""


def test_it_prints_as_the_call_that_makes_it() -> None:
    assert repr(LadderClassifier()) == "LadderClassifier()"
    model = LadderClassifier((12, 8), max_iter=100, unlabeled_label="?", random_state=0)
    assert repr(model) == "LadderClassifier(hidden_layer_sizes=(12, 8), unlabeled_label='?', random_state=0)"
