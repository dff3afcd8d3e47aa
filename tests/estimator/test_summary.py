"""The text about a fitted estimator: what stands in it is so, and it fits 80 columns whatever is trained."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clouds import TRUTH, X, Y, known, parameters, small

from ladder_np import InputError, LadderClassifier
from ladder_np.data.readers import load_digits


def items(text: str) -> dict[str, str]:
    """Return the texts beside the names below the table of layers, each in one line."""
    found: dict[str, str] = {}
    for line in text.split("\n\n")[2].splitlines():
        name, rest = line[:12].strip(), line[12:]
        name = name or list(found)[-1]
        found[name] = f"{found[name]} {rest}" if name in found else rest
    return found


def layers(text: str) -> list[list[str]]:
    return [line.split() for line in text.split("\n\n")[1].splitlines()[1:]]


def test_it_tells_network_rows_features_and_training() -> None:
    model = small(max_iter=7).fit(X, Y)
    text = model.summary()
    said = items(text)
    assert text.startswith("LadderClassifier: 4-12-8-3, relu, combinator gaussian\n")
    assert layers(text) == [
        ["0", "input", "4", "0.3", "10", "88"],  # 12 x 4 of the decoder, 10 x 4 of the combinator
        ["1", "dense:12", "12", "0.3", "3", "276"],  # 4 x 12, a shift each, 8 x 12, 10 x 12
        ["2", "dense:8", "8", "0.3", "1", "208"],
        ["3", "dense:3", "3", "0.3", "1", "60"],  # with a scale
    ]
    assert sum(int(line[-1]) for line in layers(text)) == len(parameters(model)) == 632
    assert said["parameters"].startswith("632 in float32")
    assert said["rows"] == "90: 15 labeled; 75 unlabeled"
    assert said["classes"] == "3 (labeled rows): 0 (5), 1 (5), 2 (5)"
    assert said["features"] == "4, each scaled to mean 0 and standard deviation 1"
    assert said["statistics"] == "labeled rows are normalized with the mean and deviation of all rows"
    assert said["epochs"] == "7 of 7"
    history = model.history_
    last = {name: f"{column[-1]:.4g}" for name, column in history.items()}
    assert said["cost"] == (
        f"{last['cost']} in the last epoch: supervised {last['supervised']}, "
        f"denoising, weighted by λ, {last['denoising']}"
    )
    by_layer = ", ".join(f"{layer}: {last[f'denoising_{layer}']}" for layer in range(4))
    assert said["denoising"] == f"unweighted, by layer: {by_layer}"
    assert said["seconds"] == f"{sum(history['seconds']):.2f}"


def test_with_early_stopping_it_tells_the_rows_held_out_and_the_best_epoch() -> None:
    model = small(early_stopping=True, validation_fraction=0.4, max_iter=9, n_iter_no_change=3).fit(X, Y)
    errors = model.history_["validation_error"]
    best = int(np.argmin(errors))
    said = items(model.summary())
    assert said["rows"] == "90: 15 labeled, of which 6 held out to stop early; 75 unlabeled"
    expected = f"the model is that of epoch {best + 1}, validation error {100 * errors[best]:.2f} %"
    assert said["epochs"] == f"{len(errors)} of 9; {expected}"


def test_it_tells_what_went_before() -> None:
    model = small(warm_start=True, max_iter=2).fit(X, Y)
    model.set_params(max_iter=3, early_stopping=True, n_iter_no_change=9).fit(X, Y)
    said = items(model.summary())["epochs"]
    assert said.startswith("3 of 3, after 2 of an earlier fit; the model is that of epoch ")
    best = 3 + int(np.argmin(model.history_["validation_error"][2:]))
    assert f"that of epoch {best}," in said
    model.set_params(early_stopping=False, max_iter=77).partial_fit(X[:30], TRUTH[:30])
    said = items(model.summary())
    assert said["epochs"] == "6, the last by partial_fit"
    assert said["rows"] == "120: 45 labeled; 75 unlabeled"
    assert said["classes"] == "3 (labeled rows): 0 (15), 1 (15), 2 (15)"


def test_rows_without_weight_are_not_counted() -> None:
    weights = np.ones(len(X))
    weights[[0, 1, 80]] = 0
    assert items(small().fit(X, Y, weights).summary())["rows"] == "87: 13 labeled; 74 unlabeled"


def test_of_a_file_it_tells_what_the_file_has(tmp_path: Path) -> None:
    model = small(unlabeled_label="").fit(X, known(np.array(["cat", "dog", "eel"]), ""))
    model.save(tmp_path / "model.npz")
    loaded = LadderClassifier.load(tmp_path / "model.npz").summary()
    said = items(loaded)
    assert said["rows"] == "90; how many were labeled is not known"
    assert said["classes"] == "3: cat, dog, eel"
    assert said["epochs"] == "20"
    assert "seconds" not in said
    assert loaded.split("\n\n")[:2] == model.summary().split("\n\n")[:2]


SCALINGS = {
    "pixels": "64, read as pixels, divided by one number",
    "none": "64, taken as they are",
    "auto": "64, read as pixels, divided by one number",
}


@pytest.mark.parametrize("scaling", SCALINGS)
def test_it_tells_how_features_were_read(scaling: str) -> None:
    digits = load_digits()
    model = small(scaling=scaling, max_iter=1, labeled_statistics="own").fit(digits.X[:200], digits.y[:200])
    said = items(model.summary())
    assert said["features"] == SCALINGS[scaling]
    assert said["statistics"] == "labeled rows are normalized with their own mean and deviation"


LONG = {
    "many classes with long names": ({}, lambda k: f"a class with a very long name, number {k % 40}"),
    "names that break lines": ({}, lambda k: f"x\n\x1b[2J{k % 3}"),
    "names without a blank": ({}, lambda k: 50 * f"{k % 3}"),
    "many layers": ({"hidden_layer_sizes": "-".join(["7"] * 40)}, lambda k: k % 3),
    "one very wide layer": ({"hidden_layer_sizes": (5000,), "noise_std": 0.123456789}, lambda k: k % 3),
    "no hidden layer": ({"hidden_layer_sizes": ()}, lambda k: k % 3),
    "no denoising": ({"denoising_weights": 0}, lambda k: k % 3),
    "tiny weights": ({"denoising_weights": 1.23456e-7}, lambda k: k % 3),
}


@pytest.mark.parametrize("case", LONG)
def test_it_fits_80_columns(case: str) -> None:
    params, label = LONG[case]
    y = np.array([label(k) for k in range(len(X))])
    text = small(max_iter=1, unlabeled_label=None, **params).fit(X, y).summary()
    assert max(map(len, text.splitlines())) <= 80
    assert all(line.isprintable() for line in text.splitlines())


def test_names_of_many_columns_are_cut_short() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame(np.tile(X, 10), columns=[f"a long name of column {k}" for k in range(40)])
    text = small(max_iter=1).fit(frame, Y).summary()
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"…,?$", items(text)["features"])


def test_before_fit_there_is_none() -> None:
    with pytest.raises(InputError, match="this LadderClassifier is not fitted yet; call fit first"):
        small().summary()


def test_a_pickle_of_an_older_version_has_one() -> None:
    state: dict[str, Any] = small().fit(X, Y).__getstate__()
    for later in ("_facts", "denoising_weights_"):
        del state[later]
    model = LadderClassifier.__new__(LadderClassifier)
    model.__setstate__(state)
    assert "90; how many were labeled" in model.summary()
    assert model.denoising_weights_ == pytest.approx((10, 3, 1, 1))
