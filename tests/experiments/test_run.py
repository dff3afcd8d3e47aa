"""A run from data to folder; what the command line prints of it is tested beside the commands."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from ladder_np import InputError, LadderClassifier
from ladder_np.data.tables import TableOptions
from ladder_np.errors import InputWarning
from ladder_np.experiments.experiment import fingerprint, prepare
from ladder_np.experiments.presets import PRESETS
from ladder_np.experiments.run import evaluate_run, execute
from ladder_np.experiments.run_folder import ErrorRate
from ladder_np.experiments.settings import ExperimentSettings, make_settings
from ladder_np.files import read_npz
from ladder_np.predictor import Predictor

SMALL = {"epochs": 2, "hidden_layers": (12, 8), "unlabeled_batch": 50}


def run(folder: Path, **named: object) -> dict[str, ErrorRate]:
    experiment = prepare(make_settings({**SMALL, **named}), None, "cpu")
    return execute(experiment, folder, lambda name, record: None)[1]


def test_the_digits_show_what_unlabeled_rows_are_worth(tmp_path: Path) -> None:
    """The default settings as a user gets them: the ladder's error is clearly under the baseline's."""
    experiment = prepare(make_settings({}), None, "cpu")
    _, measured = execute(experiment, tmp_path / "run", lambda name, record: None)
    baseline, ladder = measured["supervised only"], measured["ladder"]
    assert baseline.rows == ladder.rows == 599
    assert ladder.percent < 0.75 * baseline.percent


def test_a_folder_holds_everything_needed_to_repeat_the_run(tmp_path: Path) -> None:
    run(tmp_path / "first", seed=3, labels=30)
    config = json.loads((tmp_path / "first" / "config.json").read_text())
    settings = ExperimentSettings.from_json(config["settings"])
    execute(prepare(settings, None, "cpu"), tmp_path / "second", lambda name, record: None)
    for file in ("model.npz", "baseline.npz", "split.npz"):
        first, second = (read_npz(tmp_path / folder / file, file) for folder in ("first", "second"))
        assert set(first) == set(second)
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])


def test_the_split_seed_fixes_the_rows_whatever_the_seed(tmp_path: Path) -> None:
    for seed in (1, 2):
        run(tmp_path / str(seed), seed=seed, split_seed=9, baseline=False)
    one, two = (read_npz(tmp_path / str(seed) / "split.npz", "split") for seed in (1, 2))
    for key in one:
        np.testing.assert_array_equal(one[key], two[key])


def test_labeled_rows_are_balanced_and_test_rows_are_never_trained_on(tmp_path: Path) -> None:
    run(tmp_path / "run", labels=34, validation=60, baseline=False)
    rows = read_npz(tmp_path / "run" / "split.npz", "split")
    y = prepare(make_settings({}), None, "cpu").dataset.y
    counts = np.bincount(y[rows["labeled"]], minlength=10)
    assert sorted(counts) == [3] * 6 + [4] * 4
    assert set(rows["labeled"]) <= set(rows["train"])
    held_out = set(rows["test"]) | set(rows["validation"])
    assert not held_out & set(rows["train"])
    assert len(held_out) + len(rows["train"]) == 1797


def test_evaluating_again_gives_the_stored_result(tmp_path: Path) -> None:
    measured = run(tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    assert evaluate_run(tmp_path / "run", None, "cpu") == measured["ladder"]
    assert stored["ladder"]["wrong"] == measured["ladder"].wrong


def test_metrics_have_a_line_per_epoch_with_the_validation_error(tmp_path: Path) -> None:
    run(tmp_path / "run", validation=50)
    for file in ("metrics.jsonl", "baseline-metrics.jsonl"):
        lines = [json.loads(line) for line in (tmp_path / "run" / file).read_text().splitlines()]
        assert [line["epoch"] for line in lines] == [1, 2]
        assert all(0 <= line["validation_error"] <= 1 for line in lines)
        assert len(lines[0]["denoising"]) == 4


def test_watching_a_validation_set_does_not_change_what_is_learned_from_the_same_rows(tmp_path: Path) -> None:
    experiment = prepare(make_settings({**SMALL, "validation": 40, "baseline": False}), None, "cpu")
    execute(experiment, tmp_path / "watched", lambda name, record: None)
    blind = dataclasses.replace(experiment, split=dataclasses.replace(experiment.split, validation=np.arange(0)))
    execute(blind, tmp_path / "blind", lambda name, record: None)
    watched, alone = (read_npz(tmp_path / name / "model.npz", "model") for name in ("watched", "blind"))
    for key in set(watched) - {"history"}:
        np.testing.assert_array_equal(watched[key], alone[key])


def test_the_model_of_a_run_knows_its_history(tmp_path: Path) -> None:
    run(tmp_path / "run", validation=50)
    for model, metrics in (("model.npz", "metrics.jsonl"), ("baseline.npz", "baseline-metrics.jsonl")):
        lines = [json.loads(line) for line in (tmp_path / "run" / metrics).read_text().splitlines()]
        history = Predictor.load(tmp_path / "run" / model).history
        assert history.as_json() == [{**line, "seconds": None} for line in lines]


def test_presets_of_dense_networks_are_the_published_settings() -> None:
    layers = (784, 1000, 500, 250, 250, 250, 10)
    published = {
        "mnist-100-full": (100, (1000, 10, 0.1, 0.1, 0.1, 0.1, 0.1), (0.3,) * 7),
        "mnist-1000-full": (1000, (2000, 20, 0.1, 0.1, 0.1, 0.1, 0.1), (0.3, *(0.2,) * 6)),
        "mnist-all-full": (None, (1000, 1, 0.01, 0.01, 0.01, 0.01, 0.01), (0.3,) * 7),
        "mnist-100-baseline": (100, (0,) * 7, (0.3, *(0.5,) * 6)),
    }
    for name, (labels, weights, noise) in published.items():
        settings = make_settings({}, name)
        specification = settings.specification(784, 10)
        assert (settings.dataset, settings.labels, settings.baseline) == ("mnist", labels, False)
        assert (specification.sizes, specification.denoising_weights) == (layers, weights)
        assert (specification.noise_std, specification.combinator) == (noise, "gaussian")
        assert (specification.activation, specification.batch_norm_eps) == ("relu", 1e-10)
        training = settings.training()
        assert (training.epochs, training.labeled_batch, training.unlabeled_batch) == (150, 100, 100)
        assert (training.learning_rate, training.decay_start) == (0.002, 0.67)


def test_named_settings_win_over_the_preset_and_it_over_the_defaults() -> None:
    settings = make_settings({"epochs": 7}, "mnist-1000-full")
    assert (settings.epochs, settings.labels, settings.hidden_layers[0]) == (7, 1000, 1000)


@pytest.mark.parametrize(
    ("named", "preset", "message"),
    [
        ({}, "mnist-5", "unknown preset 'mnist-5'; did you mean mnist-50-full"),
        ({"class_weight": "equal"}, None, "class weight 'equal': expected balanced, or leave it out"),
        ({"seed": -1}, None, "seed -1"),
        ({"split_seed": -1}, None, "split seed -1"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(named: dict, preset: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_settings(named, preset)


def test_a_preset_is_for_any_data() -> None:
    settings = make_settings({"dataset": "digits", "epochs": 2}, "mnist-1000-full")
    assert (settings.dataset, settings.epochs, settings.labels, settings.test_fraction) == ("digits", 2, 1000, 1 / 3)
    assert settings.denoising_weights == PRESETS["mnist-1000-full"].settings["denoising_weights"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_the_papers_way_whatever_the_data(preset: str) -> None:
    for dataset in ("mnist", "table.csv"):
        settings = make_settings({"dataset": dataset}, preset)
        chosen = settings.labeled_statistics, settings.labeled_batch, settings.unlabeled_batch, settings.learning_rate
        assert chosen == ("own", 100, 100, 0.002)


def test_both_faces_train_own_data_with_the_same_defaults() -> None:
    settings, estimator = make_settings({"dataset": "table.csv"}), LadderClassifier()
    assert settings.hidden_layers == estimator.hidden_layer_sizes
    assert settings.labeled_batch == settings.unlabeled_batch == estimator.batch_size
    assert (settings.learning_rate, settings.epochs) == (estimator.learning_rate_init, estimator.max_iter)
    for name in ("labeled_statistics", "decay_start", "noise_std", "activation", "combinator", "scaling", "dtype"):
        expected = getattr(estimator, name)
        assert getattr(settings, name) == ((expected,) if name == "noise_std" else expected)


@pytest.mark.parametrize(("others", "statistics"), [(3, "unlabeled"), (8, "own")], ids=["uneven", "even"])
def test_both_faces_train_texts_with_the_same_defaults(tmp_path: Path, others: int, statistics: str) -> None:
    labels = ["a"] * 9 + ["b"] * others + [""] * (21 - others)
    texts = [f"{word} team {k % 4} the {k % 3}" for k, word in enumerate(["goal", "bank", "chip"] * 10)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label", *(f"{t},{y}" for t, y in zip(texts, labels, strict=True))]) + "\n")
    experiment = prepare(make_settings({"dataset": str(path), "text_column": "text"}), None, "cpu")
    model = LadderClassifier(text="words", unlabeled_label="", max_iter=1, random_state=0).fit(texts, labels)
    assert experiment.specification == model.predictor_.network.specification
    assert experiment.scaling.kind == model.scaling_ == "common"
    np.testing.assert_array_equal(experiment.scaling.scale, model.predictor_.scaling.scale)
    assert (experiment.settings.scaling, experiment.settings.labeled_statistics) == ("common", statistics)


@pytest.mark.parametrize(("spread", "scaling", "input_weight"), [(1, "auto", 10), (2, "none", 2.5), (5, "none", 0.4)])
def test_weights_of_own_data_follow_the_variance_of_its_features(
    tmp_path: Path, spread: float, scaling: str, input_weight: float
) -> None:
    X = spread * np.random.default_rng(0).normal(size=(4000, 3))
    np.savez(tmp_path / "own.npz", X=X, y=np.arange(4000) % 2)
    settings = make_settings({"dataset": str(tmp_path / "own.npz"), "scaling": scaling})
    assert prepare(settings, None, "cpu").specification.denoising_weights == pytest.approx(
        (input_weight, 3, 1, 1), rel=0.1
    )
    for named in ({"dataset": "digits"}, {"dataset": "digits", "hidden_layers": (20,)}):
        chosen = prepare(make_settings(named), None, "cpu").specification.denoising_weights
        assert chosen == (1000, 10, 0.1, 0.1)[: len(chosen)]


def test_settings_of_a_run_that_an_older_version_began_are_what_they_were_then() -> None:
    fields = make_settings({"dataset": "own.csv"}).as_json()
    fields = json.loads(
        json.dumps({**fields, "labeled_statistics": "unlabeled", "denoising_weights": None, "hidden_layers": [7]})
    )
    for name in ("layers", "top_gamma", "translate", "flip"):
        del fields[name]
    settings = ExperimentSettings.from_json(fields)
    assert (settings.layers, settings.top_gamma, settings.translate, settings.flip) == (None, True, 0, False)
    del fields["window"]
    assert ExperimentSettings.from_json(fields).window is None
    for name in ("text_column", "tokens", "vocabulary"):
        del fields[name]
    assert ExperimentSettings.from_json(fields).tokens == "words"
    for name in ("unlabeled_label", "columns", "drop_columns", "separator", "decimal"):
        del fields[name]
    settings = ExperimentSettings.from_json(fields)
    assert settings.table == TableOptions()
    assert (settings.labeled_statistics, settings.reading) == ("unlabeled", 2)
    for name in ("labeled_statistics", "class_weight", "reading"):
        del fields[name]
    settings = ExperimentSettings.from_json(fields)
    assert (settings.labeled_statistics, settings.class_weight, settings.reading) == ("own", None, 1)
    assert settings.table == TableOptions(older=True)
    assert settings.denoising_weights == (1000, 10, 0.1)


def table_with_gaps(path: Path) -> str:
    """Write a table whose rows differ in what the training rows alone must decide."""
    kinds = [f"{k % 3}" for k in range(60)]
    lines = [f"{k if k % 4 else ''},{'red' if k % 2 else 'blue'},{k * k},{kinds[k]}" for k in range(60)]
    path.write_text("\n".join(["a,color,b,label", *lines]) + "\n")
    return str(path)


@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")
def test_what_stands_for_a_missing_number_is_found_on_the_training_rows(tmp_path: Path) -> None:
    named = {"dataset": table_with_gaps(tmp_path / "t.csv"), "test_fraction": 0.5}
    experiment = prepare(make_settings(named), None, "cpu")
    train = experiment.split.train
    encoding = experiment.scaling.encoding
    column = experiment.dataset.X[:, 0]
    assert encoding.means[0] == pytest.approx(np.nanmean(column[train]))
    assert encoding.means[0] != pytest.approx(np.nanmean(column))
    np.testing.assert_allclose(experiment.rows(train).mean(axis=0), 0, atol=1e-5)


@pytest.mark.filterwarnings("ignore::ladder_np.errors.InputWarning")
def test_other_texts_and_other_names_are_other_data(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    text = Path(table_with_gaps(path)).read_text()
    sums = set()
    for changed in (text, text.replace("red", "ruby"), text.replace("a,color,b", "b,color,a")):
        path.write_text(changed)
        sums.add(fingerprint(prepare(make_settings({"dataset": str(path)}), None, "cpu").dataset))
    assert len(sums) == 3


def test_balanced_classes_weigh_the_labeled_rows(tmp_path: Path) -> None:
    y = np.where(np.arange(60) < 40, 0, 1)
    np.savez(tmp_path / "own.npz", X=np.random.default_rng(0).normal(size=(60, 3)), y=y)
    named = {"dataset": str(tmp_path / "own.npz")}
    assert prepare(make_settings(named), None, "cpu").training_data.weights is None
    weights = prepare(make_settings({**named, "class_weight": "balanced"}), None, "cpu").training_data.weights
    np.testing.assert_allclose([weights[:40].sum(), weights[40:].sum()], 30, rtol=1e-5)


def test_a_failed_preparation_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        prepare(make_settings({"labels": 5000}), None, "cpu")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("metrics", "model"), [("metrics.jsonl", "model.npz"), ("baseline-metrics.jsonl", "baseline.npz")]
)
def test_the_last_validation_error_is_the_final_models_on_the_validation_rows(
    tmp_path: Path, metrics: str, model: str
) -> None:
    experiment = prepare(make_settings({**SMALL, "validation": 300}), None, "cpu")
    execute(experiment, tmp_path / "run", lambda name, record: None)
    rows = read_npz(tmp_path / "run" / "split.npz", "split")["validation"]
    wrong = Predictor.load(tmp_path / "run" / model).errors(experiment.dataset.X[rows], experiment.dataset.y[rows])
    last = json.loads((tmp_path / "run" / metrics).read_text().splitlines()[-1])
    assert last["validation_error"] == pytest.approx(wrong / 300)


def test_constant_targets_reach_the_network_and_change_what_is_learned(tmp_path: Path) -> None:
    models = {}
    for stop in (False, True):
        run(tmp_path / str(stop), baseline=False, stop_gradient_targets=stop)
        models[stop] = read_npz(tmp_path / str(stop) / "model.npz", "model")
        assert json.loads(str(models[stop]["meta"]))["stop_gradient_targets"] is stop
    assert (models[True]["param/encoder.1.weight"] != models[False]["param/encoder.1.weight"]).any()


def test_baseline_and_ladder_start_from_the_same_encoder(tmp_path: Path) -> None:
    """With a rate so small that no weight moves, both are still where they started."""
    run(tmp_path / "run", learning_rate=1e-30, seed=5)
    baseline, ladder = (read_npz(tmp_path / "run" / file, "model") for file in ("baseline.npz", "model.npz"))
    names = [key for key in ladder if key.startswith("param/encoder.")]
    assert len(names) == 7
    for name in names:
        np.testing.assert_allclose(baseline[name], ladder[name], rtol=0, atol=1e-20)


def test_a_run_on_8_bit_features_that_an_older_version_began_keeps_their_scaling(tmp_path: Path) -> None:
    flags = np.random.default_rng(0).integers(0, 2, (60, 20)).astype(np.uint8)
    np.savez(tmp_path / "own.npz", X=flags, y=np.arange(60) % 2)
    named = {"dataset": str(tmp_path / "own.npz")}
    now = prepare(make_settings(named), None, "cpu")
    assert (now.scaling.kind, now.settings.scaling) == ("standardize", "standardize")
    before = prepare(make_settings({**named, "reading": 1}), None, "cpu")
    assert before.scaling.kind == "pixels"
    np.testing.assert_array_equal(before.scaling.scale, 1 / 255)


def test_a_table_of_a_run_that_an_older_version_began_keeps_its_columns(tmp_path: Path) -> None:
    lines = [f"{k},{k % 7},{k % 2}" for k in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["Unnamed: 0,a,label", *lines]) + "\n")
    named = {"dataset": str(tmp_path / "own.csv"), "reading": 1}
    with pytest.warns(InputWarning, match="numbers the rows"):
        experiment = prepare(make_settings(named), None, "cpu")
    assert experiment.dataset.feature_names == ("Unnamed: 0", "a")


def test_a_preset_for_other_data_keeps_its_network_and_settings() -> None:
    settings = make_settings({"dataset": "cifar-10"}, "mnist-100-full")
    assert (settings.layers, settings.hidden_layers) == (None, (1000, 500, 250, 250, 250))
    assert (settings.activation, settings.scaling, settings.top_gamma) == ("relu", "auto", True)
