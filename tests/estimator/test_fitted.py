"""A fitted estimator in a file: the same predictions, parameters and history back; a run's model is one too."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clouds import EPOCHS, LABELED, TRUTH, X, Y, known, small

from ladder_np import InputError, LadderClassifier
from ladder_np.commands import main
from ladder_np.files import read_npz, write_npz
from ladder_np.predictor import Predictor

LABELS = {
    "numbers": (np.array([3, 7, 11]), -1),
    "floats": (np.array([0.0, 1.0, 2.0]), -1),
    "texts": (np.array(["cat", "dog", "ß"]), ""),
    "objects": (np.array(["cat", "dog", "ß"], object), None),
}


@pytest.mark.parametrize("kind", LABELS)
def test_a_loaded_estimator_is_the_saved_one(kind: str, tmp_path: Path) -> None:
    labels, mark = LABELS[kind]
    model = small(unlabeled_label=mark, early_stopping=True, max_iter=5).fit(X, known(labels, mark))
    model.save(tmp_path / "model.npz")
    loaded = LadderClassifier.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.get_params() == model.get_params()
    assert (loaded.n_iter_, loaded.loss_curve_) == (model.n_iter_, model.loss_curve_)
    assert loaded.validation_scores_ == model.validation_scores_
    assert loaded.score(X, known(labels, mark)) == model.score(X, known(labels, mark))
    assert type(loaded.predict(X)[0]) is type(model.predict(X)[0])


def test_a_loaded_estimator_goes_on_training(tmp_path: Path) -> None:
    small().fit(X, Y).save(tmp_path / "model.npz")
    loaded = LadderClassifier.load(tmp_path / "model.npz").set_params(warm_start=True, max_iter=3)
    loaded.partial_fit(X, Y).fit(X, Y)
    assert loaded.n_iter_ == EPOCHS + 4
    assert loaded.score(X, TRUTH) > 0.9


def test_numpys_numbers_as_parameters_come_back_as_pythons_and_a_generator_as_none(tmp_path: Path) -> None:
    odd = {"max_iter": np.int64(2), "noise_std": np.array([0.3, 0.2, 0.2, 0.1]), "hidden_layer_sizes": [12, 8]}
    small(**odd, random_state=np.random.default_rng(0)).fit(X, Y).save(tmp_path / "model.npz")
    params = LadderClassifier.load(tmp_path / "model.npz").get_params()
    assert (params["max_iter"], params["noise_std"], params["random_state"]) == (2, (0.3, 0.2, 0.2, 0.1), None)
    assert params["hidden_layer_sizes"] == (12, 8)


def test_the_same_estimator_is_saved_as_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        small().fit(X, Y).save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


# ---- Beside the command line.


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table's path: the clouds as .csv, with their labels."""
    path = tmp_path_factory.mktemp("data") / "clouds.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "d", "label"])
        writer.writerows([*map(repr, map(float, x)), int(y)] for x, y in zip(X, Y, strict=True))
    return path


def test_a_runs_model_is_an_estimator(table: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    train = ["train", "--dataset", str(table), "--epochs", "3", "--hidden-layers", "9", "--no-baseline"]
    assert main([*train, "--out", str(tmp_path / "run")]) == 0
    model = LadderClassifier.load(tmp_path / "run" / "model.npz")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    expected = Predictor.load(tmp_path / "run" / "model.npz").predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(frame), expected)
    assert model.hidden_layer_sizes == (9,)
    assert model.denoising_weights == pytest.approx((10, 3, 1))  # of a standardized table
    assert model.labeled_statistics == "unlabeled"
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    model.set_params(warm_start=True, max_iter=1).fit(frame, Y)


def test_predict_reads_an_estimators_file(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    model = small(unlabeled_label="").fit(X, known(np.array(["cat", "dog", "eel"]), ""))
    model.save(tmp_path / "pets.npz")
    assert main(["predict", str(tmp_path / "pets.npz"), str(table), "--out", str(tmp_path / "classes.csv")]) == 0
    assert "90 rows written" in capsys.readouterr().out
    with open(tmp_path / "classes.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["class", "p_cat", "p_dog", "p_eel"]
    assert [row[0] for row in rows] == model.predict(X).tolist()
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float), model.predict_proba(X), rtol=1e-12)


def test_predict_protects_the_estimators_file(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    small(max_iter=1).fit(X, Y).save(tmp_path / "model.npz")
    before = (tmp_path / "model.npz").read_bytes()
    assert main(["predict", str(tmp_path / "model.npz"), str(table), "--out", str(tmp_path / "model.npz")]) == 2
    assert "would replace a file that the predictions come from" in capsys.readouterr().err
    assert (tmp_path / "model.npz").read_bytes() == before


# ---- Older files.


def test_a_file_of_version_2_gives_its_parameters_and_curves(tmp_path: Path) -> None:
    model = small(max_iter=3).fit(X, Y)
    model.save(tmp_path / "m.npz")
    arrays = read_npz(tmp_path / "m.npz", "a model file")
    arrays["meta"] = np.array(json.dumps({**json.loads(str(arrays["meta"])), "version": 2}))
    del arrays["history"]
    change(arrays, loss_curve=[3.0, 2.0, 1.5], validation_scores=[0.25, 0.5, 0.75])
    write_npz(tmp_path / "m.npz", arrays)
    loaded = LadderClassifier.load(tmp_path / "m.npz")
    assert (loaded.loss_curve_, loaded.validation_scores_) == ([3.0, 2.0, 1.5], [0.25, 0.5, 0.75])
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


# ---- Damaged files.


def change(arrays: dict, **fields: Any) -> None:
    arrays["estimator"] = np.array(json.dumps({**json.loads(str(arrays["estimator"])), **fields}))


DAMAGES = {
    "the entry is not JSON": (
        lambda a: a.update(estimator=np.array("{")),
        "its estimator is not a JSON text of a dict",
    ),
    "the entry is nested without end": (lambda a: a.update(estimator=np.array("[" * 100_000)), "is not a JSON text"),
    "the entry is an array": (lambda a: a.update(estimator=np.array(["{}"])), "is not a JSON text"),
    "the entry is a number": (lambda a: a.update(estimator=np.array(5)), "is not a JSON text"),
    "params are a list": (lambda a: change(a, params=[1]), "its estimator has no params"),
    "params of a later version": (
        lambda a: change(a, params={"depth": 3}),
        r"m\.npz: the parameter 'depth' of its estimator is unknown to this version of .*; a later version wrote it",
    ),
    "params with a device": (
        lambda a: change(a, params={"device": "tpu", "depth": 3}),
        "the parameter 'depth' of its estimator is unknown",
    ),
    "the history is an object": (
        lambda a: a.update(history=np.array("{}")),
        "its history is not a JSON text of a list",
    ),
    "an epoch of the history lacks its cost": (
        lambda a: a.update(history=np.array('[{"epoch": 1}]')),
        "its history: record 1 is damaged",
    ),
    "a curve of texts": (lambda a: change(a, loss_curve=["a"]), "damaged model file: its history"),
    "no curve": (lambda a: change(a, loss_curve=None), "damaged model file: its history"),
    "curves of different lengths": (
        lambda a: change(a, loss_curve=[1, 2], validation_scores=[0.5]),
        "damaged model file: its history",
    ),
    "a curve of vast numbers": (lambda a: change(a, loss_curve=[10**400]), "damaged model file: its history"),
    "two classes are the same": (lambda a: a.update(classes=np.array([1, 1, 2])), "not 3 different ones"),
    "too few classes": (lambda a: a.update(classes=np.array(["a", "b"])), "classes should be 3 numbers or texts"),
    "classes are bytes": (lambda a: a.update(classes=np.array([b"a", b"b", b"c"])), "should be 3 numbers or texts"),
    "a class is NaN": (lambda a: a.update(classes=np.array([0, 1, np.nan])), "not 3 different ones"),
    "classes are complex": (lambda a: a.update(classes=np.arange(3) * 1j), "should be 3 numbers or texts"),
    "classes are missing": (lambda a: a.pop("classes"), "classes is missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_the_reason(damage: str, tmp_path: Path) -> None:
    small(max_iter=1).fit(X[:LABELED], Y[:LABELED]).save(tmp_path / "m.npz")
    arrays = read_npz(tmp_path / "m.npz", "a model file")
    alter, message = DAMAGES[damage]
    alter(arrays)
    write_npz(tmp_path / "m.npz", arrays)
    with pytest.raises(InputError, match=message) as caught:
        LadderClassifier.load(tmp_path / "m.npz")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "m.npz"))


def test_a_pickle_of_an_older_version_goes_on_with_the_statistics_that_it_had() -> None:
    state = small().fit(X, Y).__getstate__()
    for later in ("labeled_statistics", "class_weight", "_kept", "scaling_"):
        del state[later]
    model = LadderClassifier.__new__(LadderClassifier)
    model.__setstate__(state)
    assert (model.labeled_statistics, model.class_weight, model.scaling_) == ("own", None, "standardize")
    assert model.partial_fit(X, Y).fit(X, Y).get_params()["labeled_statistics"] == "own"


def test_the_trained_model_is_known_once_there_is_one() -> None:
    model = small(max_iter=2)
    with pytest.raises(InputError, match="not fitted"):
        model.predictor_  # noqa: B018
    model.fit(X, known(np.arange(3), -1))
    np.testing.assert_array_equal(model.predictor_.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(model.predictor_.classes, model.classes_)
