import json
from pathlib import Path

import numpy as np
import pytest

from ladder_np import InputError, LadderNetwork
from ladder_np.data.encoding import Encoding
from ladder_np.data.scaling import Scaling
from ladder_np.data.stored import StoredRows, open_npy
from ladder_np.files import read_npz, write_npz
from ladder_np.network.inference import predict_proba
from ladder_np.predictor import Predictor
from ladder_np.training.fit import FitHistory
from ladder_np.training.trainer import EpochRecord

X = 5 + 3 * np.random.default_rng(0).standard_normal((2500, 4))


@pytest.fixture
def predictor() -> Predictor:
    network = LadderNetwork((4, 20, 3), seed=1)
    scaling = Scaling(shift=X.mean(axis=0), scale=1 / X.std(axis=0))
    network.estimate_statistics(lambda: iter([scaling.apply(X, np.float32)]))
    return Predictor(network, scaling, np.array([3, 4, 5]), ("a", "b", "c", "d"))


def test_a_saved_model_predicts_the_same_bits(predictor: Predictor, tmp_path: Path) -> None:
    predictor.save(tmp_path / "m.npz")
    loaded = Predictor.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(loaded.predict_proba(X), predictor.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), predictor.predict(X))
    assert loaded.feature_names == predictor.feature_names
    assert loaded.network.specification == predictor.network.specification


@pytest.fixture
def encoded() -> Predictor:
    """Return a model of a column of numbers with gaps, one of texts, one of numbers."""
    encoding = Encoding((None, ("blue", "red"), None), np.array([2.0, 0.0, 5.0]), np.array([True, False, False]))
    network = LadderNetwork((5, 20, 3), seed=1)
    scaling = Scaling(np.zeros(5), np.ones(5), "standardize", encoding)
    network.estimate_statistics(lambda: iter([np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)]))
    return Predictor(network, scaling, np.array(["x", "y", "z"]), ("size", "color", "age"), left_out=("id",))


CELLS = np.array([[1.0, 0.0, 4.0], [np.nan, 1.0, 6.0], [3.0, np.nan, np.nan]])


def test_the_treatment_of_columns_comes_back_from_the_file(encoded: Predictor, tmp_path: Path) -> None:
    encoded.save(tmp_path / "m.npz")
    loaded = Predictor.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(loaded.predict_proba(CELLS), encoded.predict_proba(CELLS))
    assert loaded.columns == encoded.columns == {"size": None, "color": ("blue", "red"), "age": None}
    assert loaded.left_out == ("id",)


ENCODING_DAMAGES = {
    "no object": [1],
    "a list missing": {"values": [None], "means": [0.0]},
    "too few": {"values": [None, ["blue", "red"]], "means": [2.0, 0.0], "indicated": [True, False]},
    "of other lengths": {"values": [None, None], "means": [2.0], "indicated": [True, False]},
    "empty": {"values": [], "means": [], "indicated": []},
    "a mean that is a text": {"values": [None] * 3, "means": ["a", 0.0, 5.0], "indicated": [True, True, False]},
    "a mean that is not finite": {
        "values": [None] * 3,
        "means": [float("nan"), 0.0, 5.0],
        "indicated": [True, True, False],
    },
    "a flag that is a number": {"values": [None] * 3, "means": [2.0, 0.0, 5.0], "indicated": [1, True, False]},
    "texts that are numbers": {
        "values": [None, [1, 2], None],
        "means": [2.0, 0.0, 5.0],
        "indicated": [True, 0, False],
    },
    "texts in another order": {
        "values": [None, ["red", "blue"], None],
        "means": [2.0, 0.0, 5.0],
        "indicated": [True, False, False],
    },
    "an unseen text that there is not": {
        "values": [None, ["blue", "red"], None],
        "means": [2.0, 0.0, 5.0],
        "indicated": [True, False, False],
        "unseen": {"1": [2]},
    },
}


@pytest.mark.parametrize("described", ENCODING_DAMAGES.values(), ids=ENCODING_DAMAGES)
def test_a_damaged_treatment_of_columns_is_refused(encoded: Predictor, tmp_path: Path, described: object) -> None:
    arrays = encoded.as_arrays()
    change_meta(arrays, encoding=described)
    write_npz(tmp_path / "m.npz", arrays)
    with pytest.raises(InputError, match=r"damaged model file: its (encoding|columns)"):
        Predictor.load(tmp_path / "m.npz")


def test_classes_are_those_of_the_data(predictor: Predictor) -> None:
    probabilities = predictor.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(predictor.predict(X), probabilities.argmax(axis=1) + 3)
    assert len(predictor.predict_proba(X[:0])) == 0


def test_predictions_do_not_depend_on_how_rows_are_cut(predictor: Predictor) -> None:
    together = predictor.predict_proba(X)
    for size in (1, 7, 999):
        pieces = np.concatenate([predictor.predict_proba(X[k : k + size]) for k in range(0, len(X), size)])
        np.testing.assert_allclose(pieces, together, atol=1e-6)
        np.testing.assert_array_equal(pieces.argmax(axis=1), together.argmax(axis=1))


def test_rows_in_a_file_are_predicted_like_rows_in_memory(predictor: Predictor, tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", X)
    rows = open_npy(tmp_path / "X.npy")
    assert isinstance(rows, StoredRows)
    np.testing.assert_array_equal(predictor.predict_proba(rows), predictor.predict_proba(X))
    np.testing.assert_array_equal(predictor.predict(rows), predictor.predict(X))
    y = np.arange(len(X)) % 3
    assert predictor.errors(rows, y) == predictor.errors(X, y) == (predictor.predict(X) != y + 3).sum()
    some = np.arange(5, 2400, 7)
    assert predictor.errors(rows.only(some), y[some]) == predictor.errors(X[some], y[some])


def test_rows_in_a_file_are_checked_before_the_first_is_predicted(predictor: Predictor, tmp_path: Path) -> None:
    fractions = np.zeros((2500, 4))
    fractions[2400, 1] = 0.5
    np.save(tmp_path / "X.npy", fractions)
    predictor.pixels = True
    with pytest.raises(InputError, match="this data has fractions"):
        next(predictor.predict_blocks(open_npy(tmp_path / "X.npy")))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((2, 3)), "trained on 4 features per row, this data has 3"),
        (np.zeros(4), r"trained on 4 features per row, this data has shape \(4,\)"),
        ([["a", "b", "c", "d"]], "expected real numbers"),
        (np.full((2, 4), 1j), "expected real numbers"),
        ([[1.0, 2.0, np.nan, 4.0]], "nan"),
        (np.full((2, 4), 1e300), "row 0, feature 0 .* too large for float32"),
    ],
)
def test_data_that_cannot_be_predicted_is_refused(predictor: Predictor, data: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        predictor.predict(data)
    assert "\n" not in str(caught.value)


def test_features_are_scaled_in_float64_on_the_way_to_a_prediction(predictor: Predictor) -> None:
    assert predictor.network.specification.dtype == "float32"
    X = np.random.default_rng(0).normal(size=(7, 4)) + 1000  # float32 would keep 3 digits of the fraction
    network = predictor.network
    x = predictor.scaling.apply(X, np.float64)
    expected = predict_proba(network.parameters, network.statistics, x)
    np.testing.assert_array_equal(predictor.predict_proba(X), expected)
    np.testing.assert_array_equal(network.predict_proba(x), expected)
    rounded = predict_proba(network.parameters, network.statistics, x.astype(np.float32))
    assert np.abs(rounded - expected).max() > 0
    with pytest.raises(InputError, match=r"NaN or infinite values \(for float32\)"):
        network.predict_proba(np.full((2, 4), 1e300))


def test_lists_are_as_good_as_arrays(predictor: Predictor) -> None:
    np.testing.assert_array_equal(predictor.predict(X[:5].tolist()), predictor.predict(X[:5]))


def test_scaled_pixels_are_refused_where_raw_ones_were_trained_on(predictor: Predictor, tmp_path: Path) -> None:
    predictor.pixels = True
    predictor.save(tmp_path / "m.npz")
    loaded = Predictor.load(tmp_path / "m.npz")
    loaded.predict(np.array([[0, 17, 255, 3]], np.uint8))
    loaded.predict(np.array([[0.0, 17.0, 255.0, 3.0]]))
    with pytest.raises(InputError, match="whole-numbered pixels, this data has fractions"):
        loaded.predict(np.array([[0, 17, 255, 3]]) / 255)


def test_a_model_that_overflows_says_so_instead_of_predicting() -> None:
    network = LadderNetwork((4, 3), dtype="float64")
    network.estimate_statistics(lambda: [X])
    network.parameters["encoder.1.weight"][...] = 1e308
    with pytest.raises(InputError, match="no finite probabilities"):
        Predictor(network, Scaling(np.zeros(4), np.ones(4)), np.arange(3)).predict(X[:3])


def change_meta(arrays: dict, **fields: object) -> None:
    arrays["meta"] = np.array(json.dumps({**json.loads(str(arrays["meta"])), **fields}))


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_older_versions_are_read(predictor: Predictor, tmp_path: Path, version: int) -> None:
    predictor.save(tmp_path / "m.npz")
    arrays = read_npz(tmp_path / "m.npz", "a model file")
    meta = {**json.loads(str(arrays["meta"])), "version": version}
    if version == 1:
        del meta["pixels"], meta["object_classes"]
    write_npz(tmp_path / "m.npz", {**arrays, "meta": np.array(json.dumps(meta))})
    loaded = Predictor.load(tmp_path / "m.npz")
    assert (loaded.history, loaded.params, loaded.pixels) == (None, None, False)
    np.testing.assert_array_equal(loaded.predict_proba(X), predictor.predict_proba(X))


def test_history_and_an_estimators_parameters_come_back_without_the_times(
    predictor: Predictor, tmp_path: Path
) -> None:
    predictor.history = FitHistory.from_records(
        [EpochRecord(1, 3, 0.1, 2.0, 1.5, (None, 0.25, 0.5), 12.5, validation_error=0.4)], 3
    )
    predictor.params = {"max_iter": np.int64(3), "noise_std": np.array([0.5, 0.25]), "random_state": object()}
    predictor.save(tmp_path / "m.npz")
    loaded = Predictor.load(tmp_path / "m.npz")
    assert loaded.params == {"max_iter": 3, "noise_std": (0.5, 0.25), "random_state": None}
    assert loaded.history is not None
    assert loaded.history.as_json() == [{**predictor.history.as_json()[0], "seconds": None}]


DAMAGES = {
    "meta says another format": (lambda a: change_meta(a, format="other"), "not a model file"),
    "meta is no JSON": (lambda a: a.update(meta=np.array("{")), "not a model file"),
    "meta is nested without end": (lambda a: a.update(meta=np.array("[" * 100_000)), "not a model file"),
    "meta is missing": (lambda a: a.pop("meta"), "not a model file"),
    "meta is an array": (lambda a: a.update(meta=np.array(["{}"])), "not a model file"),
    "a later format": (
        lambda a: change_meta(a, version=99, ladder_np="7.1"),
        r"m\.npz: model file version 99, of a later version of ladder_np \(7\.1\): use that one; this program \(",
    ),
    "no format": (lambda a: change_meta(a, version="5"), "model file version '5'; this program reads versions 1, 2"),
    "a choice of a later version": (
        lambda a: change_meta(a, activation="magic", ladder_np="7.1"),
        r"m\.npz: unknown activation 'magic'.*; ladder_np 7\.1 wrote it, a later version than this one",
    ),
    "sizes that fit nothing": (lambda a: change_meta(a, sizes=[4, 21, 3]), "encoder.1.weight should be float32"),
    "sizes of a wrong kind": (lambda a: change_meta(a, sizes="4-3"), "damaged model file: sizes '4-3'"),
    "sizes missing": (lambda a: change_meta(a, sizes=None), "damaged model file"),
    "an unknown activation": (lambda a: change_meta(a, activation="magic"), "unknown activation 'magic'"),
    "feature names of a wrong kind": (lambda a: change_meta(a, feature_names=5), "feature names"),
    "too few feature names": (lambda a: change_meta(a, feature_names=["a"]), "feature names"),
    "an array is missing": (lambda a: a.pop("population/mu.2"), "population/mu.2 is missing"),
    "an array has another shape": (
        lambda a: a.update({"population/mu.1": np.zeros(19, np.float32)}),
        r"population/mu.1 should be float32 \(20,\)",
    ),
    "an array has another type": (
        lambda a: a.update({"param/encoder.1.beta": np.zeros(20)}),
        "encoder.1.beta should be float32",
    ),
    "a number is NaN": (lambda a: a["param/encoder.1.beta"].fill(np.nan), "encoder.1.beta holds NaN"),
    "an array too many": (
        lambda a: a.update(extra=np.zeros(1)),
        r"m\.npz: entry extra is unknown to this version .*; a later version",
    ),
    "a shape of images that are none": (
        lambda a: change_meta(a, image_shape=[2, 2]),
        r"damaged model file: its image_shape is \[2, 2\]; expected \[height, width, channels\]",
    ),
    "a shape of images with other features": (
        lambda a: change_meta(a, image_shape=[2, 2, 3]),
        r"damaged model file: its image_shape is \[2, 2, 3\], for 4 features of the network 4-20-3",
    ),
    "a deviation is not positive": (lambda a: a["population/sigma.1"].fill(0), "population/sigma.1"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_file_is_refused_with_the_reason(predictor: Predictor, tmp_path: Path, damage: str) -> None:
    predictor.save(tmp_path / "m.npz")
    arrays = read_npz(tmp_path / "m.npz", "a model file")
    change, message = DAMAGES[damage]
    change(arrays)
    write_npz(tmp_path / "m.npz", arrays)
    with pytest.raises(InputError, match=message) as caught:
        Predictor.load(tmp_path / "m.npz")
    assert "\n" not in str(caught.value)


def test_a_shape_of_images_that_the_network_does_not_take_is_refused(tmp_path: Path) -> None:
    network = LadderNetwork(((2, 3, 1), "conv:2:2", "mean_pool"), seed=1)
    network.estimate_statistics(lambda: iter([np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)]))
    model = Predictor(network, Scaling(np.zeros(6), np.ones(6)), np.array([0, 1]))
    assert model.image_shape == (2, 3, 1)
    arrays = model.as_arrays()
    change_meta(arrays, image_shape=[3, 2, 1])
    write_npz(tmp_path / "m.npz", arrays)
    with pytest.raises(InputError, match=r"its image_shape is \[3, 2, 1\], for 6 features of the network 2x3x1-conv"):
        Predictor.load(tmp_path / "m.npz")


def test_an_untrained_network_is_not_saved(tmp_path: Path) -> None:
    untrained = Predictor(LadderNetwork((4, 3)), Scaling(np.zeros(4), np.ones(4)), np.arange(3))
    with pytest.raises(InputError, match="train it first"):
        untrained.save(tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []
