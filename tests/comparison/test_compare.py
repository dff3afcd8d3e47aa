"""`compare`: splits, methods, errors that do not depend on what else is compared, and what it refuses."""

import importlib
import json

import numpy as np
import pytest
from few_labels import NAMES, clouds, quick

from ladder_np import InputError, LadderClassifier, compare
from ladder_np.comparison import methods as methods_module
from ladder_np.comparison.methods import SCIKIT_LEARN, VARIANTS, fit_network, scaled_rows
from ladder_np.comparison.repeats import SUPERVISED
from ladder_np.errors import InputWarning
from ladder_np.estimator.fitting import begin_fit
from ladder_np.estimator.input import read_table
from ladder_np.estimator.interrupt import InterruptWarning
from ladder_np.training.trainer import Training

NETWORKS = ["ladder", "supervised only"]


def quickly(X, y, model=None, **named):
    return compare(X, y, model or quick(), **{"repeats": 3, "methods": (), "variants": False, **named})


# ---- What is compared.


def test_thirty_labels_of_three_unequal_classes_are_split_so_that_each_class_is_on_both_sides():
    X, y = clouds((18, 8, 4))
    result = quickly(X, NAMES[y], quick(unlabeled_label="?"))
    assert result.labels == {"rose": 18, "tulip": 8, "lily": 4}
    assert result.test_labels == {"rose": 5, "tulip": 2, "lily": 1}
    assert (result.test_rows, result.labeled_rows, result.unlabeled_rows) == (8, 30, 90)


def test_two_labeled_rows_of_each_class_are_enough():
    pytest.importorskip("sklearn")
    X, y = clouds((2, 2, 2), apart=6.0)
    result = compare(X, y, quick(), repeats=3)
    assert result.test_labels == {0: 1, 1: 1, 2: 1}
    assert set(NETWORKS) | set(SCIKIT_LEARN) <= set(result.errors)
    assert all(((errors >= 0) & (errors <= 1)).all() for errors in result.errors.values())


def test_test_rows_are_labeled_ones_and_are_left_out_of_the_training(monkeypatch):
    seen = []

    def spy(model, changes, repeat):
        seen.append(repeat)
        return fit_network(model, changes, repeat)

    monkeypatch.setattr("ladder_np.comparison.repeats.fit_network", spy)
    X, y = clouds()
    quickly(X, y, repeats=2)
    assert len(seen) == 4
    for repeat in seen:
        assert len(repeat.X) + len(repeat.X_test) == len(X)
        assert not (repeat.X[:, None] == repeat.X_test).all(axis=2).any()
        assert (repeat.index >= 0).sum() == 22
        places = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in repeat.X_test]
        assert y[places].tolist() == repeat.answers.tolist()
    assert seen[0] is seen[1]  # ladder and baseline: the same rows, the same seed
    assert seen[0].seed != seen[2].seed
    assert not np.array_equal(seen[0].X_test, seen[2].X_test)


def test_the_network_without_unlabeled_rows_has_the_same_starting_point_and_scaling():
    X, y = clouds()
    table = read_table(X, y, -1, "test", None)
    params = quick(random_state=5).get_params()
    ladder, supervised = (begin_fit({**params, **changes}, table, None)[0] for changes in ({}, SUPERVISED))
    shared = [name for name in supervised.network.parameters if name.startswith("encoder")]
    assert shared
    for name in shared:
        assert np.array_equal(ladder.network.parameters[name], supervised.network.parameters[name])
    assert np.array_equal(ladder.scaling.shift, supervised.scaling.shift)
    assert np.array_equal(ladder.scaling.scale, supervised.scaling.scale)


def test_other_methods_are_given_the_features_as_the_ladder_scales_them():
    X, y = clouds()
    ladder = quick(random_state=0).fit(X, y)
    assert np.allclose(scaled_rows(ladder, X), (X - X.mean(axis=0)) / X.std(axis=0))


def test_errors_are_those_of_the_estimator_itself(monkeypatch):
    repeats = []

    def spy(model, changes, repeat):
        repeats.append(repeat)
        return fit_network(model, changes, repeat)

    monkeypatch.setattr("ladder_np.comparison.repeats.fit_network", spy)
    X, y = clouds(apart=1.0)
    result = quickly(X, y, quick(random_state=99))
    first = repeats[0]
    for name, changes in zip(NETWORKS, ({}, {"denoising_weights": 0}), strict=True):
        own = quick(random_state=first.seed, **changes).fit(first.X, first.index)
        assert result.errors[name][0] == pytest.approx(1 - own.score(first.X_test, first.answers))


# ---- The same seed gives the same numbers.


def test_errors_do_not_depend_on_the_other_methods_or_on_how_many_repeats_there_are():
    pytest.importorskip("sklearn")
    X, y = clouds(apart=1.5)
    alone = quickly(X, y)
    beside = quickly(X, y, methods=["label spreading", "self-training"], repeats=5, variants=True)
    for name in NETWORKS:
        assert np.array_equal(alone.errors[name], beside.errors[name][:3])
    again = quickly(X, y, methods="self-training", repeats=5)
    assert np.array_equal(again.errors["self-training"], beside.errors["self-training"])
    other = quickly(X, y, random_state=1)
    assert not all(np.array_equal(alone.errors[name], other.errors[name]) for name in NETWORKS)


def test_the_given_model_is_not_changed_and_its_class_weights_and_labels_are_used():
    X, y = clouds(apart=0.5)
    model = quick(class_weight={"rose": 1.0, "tulip": 1.0, "lily": 1e4}, unlabeled_label="?", random_state=3)
    weighted = quickly(X, NAMES[y], model)
    assert not hasattr(model, "classes_")
    assert model.random_state == 3
    assert not np.array_equal(weighted.errors["ladder"], quickly(X, y).errors["ladder"])


def test_lists_and_data_frames_give_the_numbers_of_arrays():
    pandas = pytest.importorskip("pandas")
    X, y = clouds(apart=1.0)
    expected = quickly(X, y).errors["ladder"]
    assert np.array_equal(quickly(X.tolist(), y.tolist()).errors["ladder"], expected)
    frame = pandas.DataFrame(X, columns=list("abcd"), index=np.arange(len(X)) + 7)
    labels = pandas.Series(y, index=frame.index)
    assert np.array_equal(quickly(frame, labels).errors["ladder"], expected)


def test_doubtful_input_is_told_once():
    X, y = clouds()
    with pytest.warns(InputWarning, match="numbers the rows") as told:
        quickly(np.column_stack([X, np.arange(len(X))]), y)
    assert len(told) == 1


# ---- Other settings of the ladder.


def test_other_settings_are_tried_where_the_ladder_is_not_clearly_better():
    X, y = clouds(apart=0.0)
    result = quickly(X, y, quick(denoising_weights=(10.0, 1.0, 1.0)), variants=None)
    assert result.variants == {
        "λ / 10": "denoising weights 1,0.1,0.1",
        "own statistics": "labeled statistics own",
        "6 epochs": "6 epochs",
        "1 epoch": "1 epoch",
    }
    assert list(result.errors) == [*NETWORKS, *result.variants]
    assert len(result.errors["6 epochs"]) == 3


def test_each_other_setting_changes_what_it_says():
    X, y = clouds()
    fitted = quick(labeled_statistics="own", random_state=0).fit(X, y)
    changes = {name: value for make in VARIANTS[:3] for name, value in make(fitted).changes.items()}
    weights = [weight / 10 for weight in fitted.predictor_.network.specification.denoising_weights]
    assert changes.pop("denoising_weights") == pytest.approx(weights, rel=1e-2)
    assert changes == {"labeled_statistics": "unlabeled", "max_iter": 6}


# ---- Without scikit-learn.


def test_without_scikit_learn_the_networks_are_compared_and_the_rest_is_said_to_be_left_out(monkeypatch):
    def refuse(name):
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(methods_module, "_scikit_learn", lambda module: refuse(f"sklearn.{module}"))
    X, y = clouds()
    result = quickly(X, y, methods=None)
    assert list(result.errors) == NETWORKS
    assert result.left_out == tuple(SCIKIT_LEARN)
    assert "without scikit-learn, which is not installed" in str(result)
    with pytest.raises(InputError, match="label spreading needs scikit-learn"):
        quickly(X, y, methods=["label spreading"])


# ---- What is refused.


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"repeats": 1}, "repeats 1: expected a whole number >= 2"),
        ({"repeats": 2.5}, "repeats 2.5: expected a whole number"),
        ({"test_fraction": 0}, "test fraction 0: expected a share between 0 and 1"),
        ({"test_fraction": "a"}, "test fraction 'a'"),
        ({"methods": ["boosting"]}, "unknown method 'boosting'; choose among self-training"),
        ({"random_state": -1}, "random state -1"),
        ({"model": "ladder"}, "model: expected a LadderClassifier, got str"),
        ({"model": LadderClassifier(denoising_weights=0)}, "denoising weights 0: such a network does not use"),
        ({"model": LadderClassifier(denoising_weights=(0, 0.0))}, "nothing to compare"),
        ({"model": LadderClassifier(max_iter=0)}, "max_iter=0"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(named, message):
    X, y = clouds()
    with pytest.raises(InputError, match=message):
        quickly(X, y, **named)


def test_a_class_with_one_labeled_row_is_named():
    X, y = clouds((5, 5, 1))
    with pytest.raises(InputError, match="class 'lily' has 1 labeled row; a comparison needs two of each class"):
        quickly(X, NAMES[y], quick(unlabeled_label="?"))


def test_without_unlabeled_rows_there_is_nothing_to_compare():
    X, _ = clouds()
    with pytest.raises(InputError, match="every row has a label, so there are no unlabeled rows"):
        quickly(X, np.arange(len(X)) % 3)


# ---- What comes out.


def test_the_table_fits_80_columns_and_the_numbers_are_plain_json():
    pytest.importorskip("sklearn")
    X, y = clouds()
    result = quickly(X, y, methods=None, variants=True)
    lines = str(result).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("3 repeats: 22 labeled rows to train on, 8 to test on; 90 unlabeled rows")
    assert repr(result) == str(result)
    written = json.loads(json.dumps(result.as_json()))
    assert written["verdict"] == result.verdict
    assert written["methods"]["ladder"]["errors"] == result.errors["ladder"].tolist()
    assert set(written["methods"]) == set(result.errors)


def test_the_errors_of_a_repeat_are_written_if_wanted(capsys):
    X, y = clouds()
    quickly(X, y)
    assert capsys.readouterr().err == ""
    quickly(X, y, verbose=True)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["repeat 1/3", "repeat 2/3", "repeat 3/3"]
    assert lines[2].endswith("0:00 left")
    assert max(map(len, lines)) <= 80


# ---- Interrupts.


class Interrupting:
    """Trains networks until one is interrupted in the middle, as by Ctrl-C."""

    def __init__(self, trainings):
        self.left = trainings

    def __call__(self, model, changes, repeat):
        self.left -= 1
        if self.left >= 0:
            return fit_network(model, changes, repeat)
        steps = []
        original = Training.run_epoch

        def interrupt(training, *given):
            steps.append(training)
            if len(steps) == 3:
                raise KeyboardInterrupt
            return original(training, *given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Training, "run_epoch", interrupt)
            return fit_network(model, changes, repeat)


def interrupted(monkeypatch, trainings, **named):
    monkeypatch.setattr("ladder_np.comparison.repeats.fit_network", Interrupting(trainings))
    X, y = clouds()
    return quickly(X, y, **{"repeats": 5, **named})


@pytest.mark.parametrize("trainings", [4, 5])
def test_an_interrupt_leaves_the_complete_repeats_and_no_half_training(monkeypatch, trainings):
    X, y = clouds()
    whole = quickly(X, y, repeats=5)
    with pytest.warns(InterruptWarning, match="interrupted after 2 of 5 repeats; the result is theirs"):
        result = interrupted(monkeypatch, trainings)
    assert {name: len(errors) for name, errors in result.errors.items()} == dict.fromkeys(NETWORKS, 2)
    for name in NETWORKS:
        np.testing.assert_array_equal(result.errors[name], whole.errors[name][:2])


def test_an_interrupt_before_two_repeats_are_complete_leaves_nothing(monkeypatch):
    with pytest.raises(KeyboardInterrupt, match="before two repeats were complete; no result"):
        interrupted(monkeypatch, 3)


def test_an_interrupt_while_other_settings_are_tried_leaves_the_main_result(monkeypatch):
    with pytest.warns(InterruptWarning, match="other settings of the ladder were tried; they are left out"):
        result = interrupted(monkeypatch, 12, variants=True)
    assert {name: len(errors) for name, errors in result.errors.items()} == dict.fromkeys(NETWORKS, 5)
