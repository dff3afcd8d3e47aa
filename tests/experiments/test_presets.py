"""The presets: their networks can be built, settings and results are those of the papers' tables, files are read."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.data.dataset import make_dataset
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.preset_files import as_toml, find_preset
from ladder_np.experiments.presets import CPU_STEP, DEVIATION, ERROR, PRESETS, Published
from ladder_np.experiments.results import read_records
from ladder_np.experiments.settings import make_settings
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.specification import Specification
from ladder_np.operations.combinators import COMBINATORS

SHAPES = {"mnist": (28, 28, 1), "cifar-10": (32, 32, 3)}


def network(preset: str) -> Specification:
    shape = SHAPES[PRESETS[preset].settings["dataset"]]
    if PRESETS[preset].settings.get("combinator", "gaussian") not in COMBINATORS:
        pytest.skip("its combinator is not there yet")
    return make_settings({}, preset).specification(int(np.prod(shape)), 10, shape)


def layers(preset: str) -> tuple[Layer, ...]:
    return resolve(network(preset))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_network_of_every_preset_fits_its_data(preset: str) -> None:
    specification = network(preset)
    assert specification.sizes[-1] == 10
    assert len(specification.denoising_weights) == len(specification.sizes)


def test_conv_small_has_the_shapes_of_the_table() -> None:
    shapes = [layer.shape for layer in layers("mnist-100-conv-small-gamma")]
    sides = [28, 32, 16, 14, 16, 8, 6, 6]
    channels = [1, 32, 32, 64, 64, 64, 128, 10]
    assert shapes == [(s, s, c) for s, c in zip(sides, channels, strict=True)] + [(10,), (10,)]


def test_conv_large_has_the_shapes_of_the_table() -> None:
    shapes = [layer.shape for layer in layers("cifar10-4000-conv-large-gamma")]
    sides = [32, 30, 32, 34, 17, 15, 17, 15, 8, 6, 6, 6]
    channels = [3, 96, 96, 96, 96, 192, 192, 192, 192, 192, 192, 10]
    assert shapes == [(s, s, c) for s, c in zip(sides, channels, strict=True)] + [(10,)]


def test_conv_fc_is_a_dense_network_over_windows_of_26() -> None:
    shapes = [layer.shape for layer in layers("mnist-100-conv-fc")]
    channels = [1000, 500, 250, 250, 250, 10]
    assert shapes == [(28, 28, 1), *((3, 3, c) for c in channels), (10,)]


TABLE: dict[str, dict[str, Any]] = {
    "mnist-100-conv-fc": {"denoising_weights": (1000, 10, *(0.1,) * 6), "epochs": 150, "decay_start": 0.67},
    "mnist-100-conv-small-gamma": {"denoising_weights": (*(0.0,) * 9, 1.0), "epochs": 150, "decay_start": 0.67},
    "mnist-100-conv-small-baseline": {
        "denoising_weights": (0.0,) * 10,
        "noise_std": (0.3, *(0.45,) * 9),
        "epochs": 20,
        "decay_start": 0.5,
    },
    "cifar10-4000-conv-large-gamma": {
        "denoising_weights": (*(0.0,) * 12, 4.0),
        "noise_std": (0.3,),
        "epochs": 70,
        "decay_start": 0.86,
    },
    "cifar10-4000-conv-large-baseline": {"denoising_weights": (0.0,) * 13, "epochs": 20, "decay_start": 0.5},
}


@pytest.mark.parametrize("preset", TABLE)
def test_the_settings_of_the_table_are_those_of_the_preset(preset: str) -> None:
    settings = make_settings({}, preset)
    of_cifar = preset.startswith("cifar10")
    common = {
        "learning_rate": 0.002,
        "labeled_batch": 100,
        "unlabeled_batch": 100,
        "labels": 4000 if of_cifar else 100,
        "scaling": "gcn_zca" if of_cifar else "auto",
        "activation": "leaky_relu" if of_cifar else "relu",
        "top_gamma": not of_cifar,
        "labeled_statistics": "own",
        "translate": 0,
        "flip": False,
        "baseline": False,
    }
    for name, value in {**common, **TABLE[preset]}.items():
        assert getattr(settings, name) == value, name
    assert any(layer.has_gamma for layer in layers(preset)) != of_cifar


def test_the_small_network_is_trained_beside_its_baseline_and_is_cifar_10s_default() -> None:
    small = make_settings({}, "cifar10-4000-small")
    assert small.baseline
    assert dataclasses.replace(small, denoising_weights=None) == make_settings({"dataset": "cifar-10"})
    for name, epochs, weights in (("gamma", 6, (*(0.0,) * 7, 0.3)), ("baseline", 20, (0.0,) * 8)):
        other = {"epochs": epochs, "denoising_weights": weights, "baseline": False}
        assert make_settings({}, f"cifar10-4000-small-{name}") == dataclasses.replace(small, **other)


@pytest.mark.parametrize("name", ["hidden_layers", "layers"])
def test_named_layers_take_the_place_of_the_presets(name: str) -> None:
    settings = make_settings({name: (20,), "denoising_weights": (1.0,)}, "mnist-100-conv-small-gamma")
    assert str(settings.specification(784, 10, (28, 28, 1))) == "784-20-10"
    over_dense = make_settings({"layers": ("conv:4:5", "mean_pool"), "denoising_weights": (1.0,)}, "mnist-100-full")
    assert str(over_dense.specification(784, 10, (28, 28, 1))) == "28x28x1-conv:4:5-mean_pool-10"


def test_hidden_layers_beside_a_presets_values_for_its_own_are_refused() -> None:
    with pytest.raises(InputError, match=r"has 10 values of --denoising-weights for its own layers"):
        make_settings({"hidden_layers": (20,)}, "mnist-100-conv-small-gamma")


def test_layers_beside_a_presets_values_for_its_own_are_refused_with_the_numbers_that_may_fit() -> None:
    named = {"layers": ("conv:4:5", "mean_pool")}
    said = (
        r"^preset mnist-100-full has 7 values of --denoising-weights for its own layers, the network with the layers "
        r"that were named has 3 or 4 \(the input counts, and a layer of the classes where it is missing\): name 3 or "
        r"4, for example --denoising-weights 1000,10,0\.1$"
    )
    with pytest.raises(InputError, match=said):
        make_settings(named, "mnist-100-full")
    with pytest.raises(InputError, match=r"has 7 values of --noise-std .* example --noise-std 0\.3,0\.2,0\.2$"):
        make_settings({**named, "denoising_weights": (1.0,)}, "mnist-1000-full")


@pytest.mark.parametrize("layers", [5, 6])
def test_layers_that_may_be_as_many_as_the_presets_are_left_to_the_network(layers: int) -> None:
    assert make_settings({"layers": (30,) * layers}, "mnist-100-full").denoising_weights == (1000, 10, *(0.1,) * 5)


def test_whitened_images_get_weights_by_their_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (120, 6, 6, 3), dtype=np.uint8)
    dataset = make_dataset("cifar-10", images, np.arange(120) % 2, pixel_maximum=255, source="t")
    monkeypatch.setattr("ladder_np.experiments.experiment.open_dataset", lambda *_: dataset)
    layers = ("conv:4:3", "mean_pool")
    experiment = prepare(make_settings({"dataset": "cifar-10", "labels": 10, "layers": layers}), None, "cpu")
    variance = experiment.rows(experiment.split.train).astype(float).var(axis=0).mean()
    weights = experiment.specification.denoising_weights
    assert weights == pytest.approx((1 / variance, 0.3, 0.1, 0.1))  # a tenth of those of tables
    assert experiment.settings.denoising_weights == weights


# ---- What was published, as the tables of the papers are quoted: [R] with standard deviations, [P] with
# standard errors, by the number of labels. A second copy of the numbers, so that a slip in one of them is seen.

RASMUS = """
100-full 1.06 0.37 s | 100-bottom 1.09 0.32 m | 100-gamma 3.06 1.44 m | 100-baseline 21.74 1.77 m
1000-full 0.84 0.08 s | 1000-bottom 0.90 0.05 m | 1000-gamma 1.53 0.10 s/m | 1000-baseline 5.70 0.20 m
all-full 0.57 0.02 s | all-bottom 0.59 0.03 m | all-gamma 0.78 0.03 m | all-baseline 0.80 0.03 s | 50-full 1.62 0.65 m
"""
PEZESHKI = """
plain-baseline 25.80 .40 8.73 .06 1.18 .01 m
vanilla 1.086 .023 1.017 .017 .608 .013 m
first-noise 1.86 .19 1.38 .03 .732 .015 m
first-recons 1.69 .18 1.05 .02 .608 .013 m
first-noise-and-recons 1.86 .19 1.06 .18 .732 .016 m
no-lateral 16.39 .58 5.25 .10 .820 .009 m
rand-init 1.23 .03 1.01 .03 .614 .015 m
rev-init 1.31 .13 1.03 .02 .631 .018 m
no-sig 1.61 .12 1.22 .01 .633 .010 m
no-mult 3.04 .91 1.74 .03 .674 .018 m
linear 5.03 .92 2.77 .02 .849 .014 m
gaussian 1.064 .021 .983 .019 .604 .010 m
gated-gaussian 1.31 .04 1.09 .02 .632 .011 m
mlp-4 1.37 - .996 - .605 - m
amlp-4 1.072 .015 .974 .021 .598 .014 s
amlp-2-2-2 1.002 .038 .979 .025 .578 .013 s
"""


def test_the_results_of_the_first_paper_are_standard_deviations_of_ten_runs() -> None:
    rows = [row.split() for row in RASMUS.replace("|", "\n").strip().splitlines()]
    for name, mean, deviation, marks in rows:
        mark, _, other = marks.partition("/")
        expected = Published(float(mean), float(deviation), DEVIATION, 10, mark, other, "[R]")
        assert PRESETS[f"mnist-{name}"].published == expected
    named = {f"mnist-{name}" for name, *_ in rows}
    assert {name for name, preset in PRESETS.items() if preset.published and preset.published.source == "[R]" and
            "layers" not in preset.settings} == named  # fmt: skip


def test_the_results_of_the_second_paper_are_standard_errors_of_ten_runs() -> None:
    for row in PEZESHKI.strip().splitlines():
        name, *numbers, mark = row.split()
        for place, labels in enumerate((100, 1000, 60000)):
            mean, error = numbers[2 * place : 2 * place + 2]
            spread = None if error == "-" else float(error)
            preset = PRESETS[f"mnist-{labels}-{name}"]
            assert preset.published == Published(float(mean), spread, ERROR, 10, mark, "", "[P]")
            assert preset.settings["labels"] == (None if labels == 60000 else labels)
    assert sum(name.startswith("mnist-60000-") for name in PRESETS) == len(PEZESHKI.strip().splitlines())


def test_a_standard_error_of_ten_runs_is_a_standard_deviation_three_times_as_large() -> None:
    assert Published(1.0, 0.02, ERROR, 10).deviation == pytest.approx(0.02 * 10**0.5)
    assert Published(1.0, 0.02, DEVIATION, 10).deviation == 0.02
    assert Published(1.0, 0.02, ERROR).deviation is None


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("vanilla", {"combinator": "vanilla"}),
        ("no-lateral", {"combinator": "no_lateral"}),
        ("mlp-4", {"combinator": "mlp[4]"}),
        ("amlp-2-2-2", {"combinator": "amlp[2,2,2]"}),
        ("gaussian", {}),
        ("plain-baseline", {"denoising_weights": (0.0,) * 7, "noise_std": (0.0,)}),
        ("first-noise", {"combinator": "vanilla", "noise_std": (0.3, *(0.0,) * 6)}),
        ("first-recons", {"combinator": "vanilla", "denoising_weights": ("first", *(0.0,) * 6)}),
        (
            "first-noise-and-recons",
            {"combinator": "vanilla", "noise_std": (0.3, *(0.0,) * 6), "denoising_weights": ("first", *(0.0,) * 6)},
        ),
    ],
)
@pytest.mark.parametrize(("labels", "full"), [("100", "100"), ("1000", "1000"), ("60000", "all")])
def test_a_variant_is_the_full_ladder_but_for_what_its_name_says(
    variant: str, changes: dict[str, Any], labels: str, full: str
) -> None:
    whole = make_settings({}, f"mnist-{full}-full")
    first = whole.denoising_weights[0]
    weights = tuple(first if w == "first" else w for w in changes.get("denoising_weights", whole.denoising_weights))
    expected = dataclasses.replace(whole, **{**changes, "denoising_weights": weights})
    assert make_settings({}, f"mnist-{labels}-{variant}") == expected


def test_the_costs_of_the_first_paper_s_runs() -> None:
    """Its table of λ and noise: bottom and top cost alone, and the baselines' noise of 0.5 above the input."""
    tops = {"100": 0.5, "1000": 10, "all": 2}
    bottoms = {"100": 5000, "1000": 2000, "all": 2000}
    for labels in tops:
        settings = {name: make_settings({}, f"mnist-{labels}-{name}") for name in ("bottom", "gamma", "baseline")}
        assert settings["bottom"].denoising_weights == (bottoms[labels], *(0,) * 6)
        assert settings["gamma"].denoising_weights == (*(0,) * 6, tops[labels])
        assert settings["baseline"].denoising_weights == (0,) * 7
        assert [one.noise_std for one in settings.values()] == [(0.3,), (0.3,), (0.3, *(0.5,) * 6)]


def test_expected_minutes_are_the_mean_of_measured_runs() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "results"
    for name, preset in PRESETS.items():
        if preset.expected is not None:
            whole = (record for record in read_records([folder / f"{name}.jsonl"]) if not record.changed)
            minutes = [one for record in whole for one in record.minutes.values()]
            assert preset.expected.minutes == round(float(np.mean(minutes)), 1)


def test_the_times_of_a_step_on_a_cpu_are_those_that_were_measured() -> None:
    measured = json.loads((Path(__file__).parents[2] / "benchmarks" / "speed.json").read_text())["parts"]["settings"]
    steps = [round(one["timings"]["ours"]["median"], 1) for one in measured]
    assert [one["title"].split()[0] for one in measured] == ["full", "Γ-model", "bottom", "supervised"]
    assert list(CPU_STEP.values()) == steps


# ---- Files.


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_that_is_printed_is_read_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(as_toml(PRESETS[name]), encoding="utf-8")
    assert find_preset(str(path)) == PRESETS[name]
    assert make_settings({}, str(path)) == make_settings({}, name)


def test_a_file_of_one_s_own_names_what_differs_from_the_data_s_defaults(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[settings]\ndataset = "digits"\nlabels = 30\nhidden_layers = [20]\nlearning_rate = 1\n')
    usual = make_settings({"dataset": "digits"})
    expected = dataclasses.replace(usual, labels=30, hidden_layers=(20,), learning_rate=1)
    assert make_settings({}, str(path)) == expected
    assert make_settings({"epochs": 3}, str(path)).epochs == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[settings]\nepochz = 3", "unknown setting 'epochz'; did you mean epochs?"),
        ("[settings]\nzzz = 3", "unknown setting 'zzz'; known are dataset, label_column"),
        ("[settings]\nepochs = 3.5", "epochs 3.5: expected a whole number"),
        ("[settings]\nnoise_std = 0.3", "noise_std 0.3: expected an array such as"),
        ("[settings]\nbaseline = 1", "baseline 1: expected true or false"),
        ("[settings]\nhidden_layers = [20]\nlayers = [20, 10]", "layers names all layers, hidden_layers those below"),
        ("[setting]\nepochs = 3", "unknown name 'setting'; did you mean settings?"),
        ("about = 3\n[settings]", "about 3: expected a text in quotes"),
        (
            "",
            "has no table of settings; a preset's file needs a line [settings], and below it lines such as",
        ),
        ("settings = 3", "ladder-np presets mnist-100-full prints a whole one"),
        ("[settings]\nreading = 7", "reading 7: expected 1 or 2; leave it out"),
        ("[settings]\nreading = 0", "reading 0: expected 1 or 2"),
        ("[settings]\nreading = true", "reading True: expected a whole number"),
        ("[settings]\ncombinator = 'mlp[04]'", "unknown combinator 'mlp[04]'"),
        pytest.param(
            f"[settings]\nepochs = {'9' * 5000}",
            "not TOML that can be read: a number of thousands of digits",
            id="thousands of digits",
        ),
        pytest.param(f"[settings]\nepochs = {'[' * 5000}", "nested too deeply", id="thousands of arrays"),
        ("[settings", "not TOML: "),
        ("[settings]\n[published]\nmeen = 1", "published: unknown name 'meen'; did you mean mean?"),
        ("[settings]\n[published]\nspread = 1", "published: incomplete"),
        ("[settings]\n[published]\nmean = 'low'", "published: mean 'low': expected a number"),
        ("[settings]\n[published]\nmean = 1\ncount = 1.5", "published: count 1.5"),
        ("[settings]\n[published]\nmean = 1\nmark = 'x'", "published: mark 'x': expected one of c, s, m"),
        ("[settings]\n[published]\nmean = 1\nspread_is = 'sd'", "published: spread_is 'sd': expected"),
        ("[settings]\n[published]\nmean = -1", "published: mean -1: expected percent from 0 to 100"),
        ("[settings]\n[published]\nmean = nan", "published: mean nan: expected percent from 0 to 100"),
        ("[settings]\n[published]\nmean = inf", "published: mean inf: expected percent"),
        ("[settings]\n[published]\nmean = 100.5", "published: mean 100.5: expected percent"),
        ("[settings]\n[published]\nmean = 1\nspread = inf", "published: spread inf: expected percent"),
        ("[settings]\n[published]\nmean = 1\nspread = nan", "published: spread nan: expected percent"),
        ("[settings]\n[published]\nmean = 1\nspread = -0.1", "published: spread -0.1: expected percent"),
        ("[settings]\n[published]\nmean = 1\ncount = 0", "published: count 0: expected a whole number of runs >= 1"),
        ("[settings]\n[expected]\nminutes = -3\nhardware = 'a'", "expected: minutes -3: expected a number >= 0"),
        ("[settings]\n[expected]\nminutes = nan\nhardware = 'a'", "expected: minutes nan: expected a number >= 0"),
        ("[settings]\n[expected]\nminutes = inf\nhardware = 'a'", "expected: minutes inf: expected a number >= 0"),
        ("[settings]\n[expected]\nminutes = 3\nhardware = ''", "expected: hardware '': expected the machine"),
        ("published = 3\n[settings]", "published: expected a table"),
        ("[settings]\nlabels = 'many'", "labels 'many': expected a whole number"),
    ],
)
def test_a_file_that_is_no_preset_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        make_settings({}, str(path))
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


# What no data is needed to refuse, as a line of a file.
NO_RUN = {
    'combinator = "foo"': "unknown combinator 'foo'; choose one of gaussian",
    'activation = "foo"': "unknown activation 'foo'; choose one of relu",
    'activation = "auto"': "unknown activation 'auto'",
    'dtype = "float16"': "unknown dtype 'float16'; choose one of float32, float64",
    'scaling = "foo"': "unknown scaling 'foo'; choose one of auto",
    'labeled_statistics = "foo"': "unknown labeled statistics 'foo'; choose one of own, unlabeled",
    "denoising_weights = [-1]": "denoising weights -1.0: expected numbers >= 0",
    "denoising_weights = [1, nan, 1, 1]": "denoising weights nan: expected a finite number",
    "denoising_weights = [inf]": "denoising weights inf: expected a finite number",
    "denoising_weights = []": "denoising weights: got 0 values for 4 layers",
    "denoising_weights = [1, 2]": "denoising weights: got 2 values for 4 layers (the input counts); give one, or 4",
    "noise_std = [-0.1]": "noise std -0.1: expected numbers >= 0",
    "noise_std = [nan]": "noise std nan: expected a finite number",
    f"noise_std = [{'9' * 400}]": "expected a number",
    "hidden_layers = [0]": "hidden layers: layer 1, '0': units '0': expected a whole number from 1 to",
    "hidden_layers = [20, -3]": "hidden layers: layer 2, '-3': unknown kind of layer",
    f"hidden_layers = {[2] * 300}": "302 layer sizes: expected at most 256",
    'columns = ["a", "a"]': "columns a,a: expected each once",
    'layers = ["conv:0:3"]': "layers: layer 1, 'conv:0:3': channels '0': expected a whole number from 1 to",
    'layers = ["conv:3"]': "layers: layer 1, 'conv:3': conv does not take 1 values; expected conv:channels:size",
    'layers = ["conv:3:3:wrapped"]': "border 'wrapped': expected one of valid, full, same",
    'layers = ["20", "10"]\nnoise_std = [1, 2]': "noise std: got 2 values for 3 or 4 layers",
    "labels = -5": "-5 labels; expected 2 at least",
    "labels = 1": "1 labels; expected 2 at least",
    "validation = -1": "-1 validation rows; expected 0 or more",
    "test_fraction = nan": "test fraction nan: expected a share",
    "vocabulary = 0": "a vocabulary of 0 tokens: expected a whole number from 1",
    'window = 65\ntokens = "places"': "a window of 65 characters: expected 1 to 64",
    'separator = "::"': "separator '::': expected one character",
    'decimal = "_"': "decimal mark '_': expected '.' or ','",
    f"learning_rate = {'9' * 400}": "expected a number > 0",
}


@pytest.mark.parametrize(("line", "message"), NO_RUN.items())
def test_a_setting_that_no_run_could_use_is_refused_before_any_data_is_read(
    line: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f"[settings]\n{line}\n")
    with pytest.raises(InputError) as error:
        make_settings({}, str(path))
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


OF_A_FILE = ["decay_start = 2.0", "learning_rate = -1", "epochs = 0", "seed = -1", "patience = 3"]


@pytest.mark.parametrize("line", OF_A_FILE)
def test_what_is_wrong_with_a_file_is_said_of_the_file_whatever_else_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f"[settings]\n{line}\n")
    for named in ({}, {"labels": 20}, {"dataset": "own.csv"}):
        with pytest.raises(InputError) as error:
            make_settings(named, str(path))
        assert str(error.value).startswith(f"{path}: {line.replace('_', ' ').replace(' =', '')}")


def test_what_is_wrong_with_a_named_setting_is_not_said_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[settings]\nepochs = 3\npatience = 2\n")
    with pytest.raises(InputError, match=r"^epochs 0: "):
        make_settings({"epochs": 0, "validation": 10}, str(path))
    assert make_settings({"validation": 10}, str(path)).patience == 2


def test_a_file_that_names_a_window_has_the_defaults_of_next_characters(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[settings]\nwindow = 12\nepochs = 2\n")
    assert make_settings({}, str(path)) == make_settings({"window": 12, "epochs": 2})


def test_the_defaults_that_wait_for_the_data_are_no_unknown_names(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[settings]\nlabeled_statistics = "auto"\nscaling = "auto"\nlabels = 2\n')
    settings = make_settings({}, str(path))
    assert (settings.labeled_statistics, settings.scaling, settings.labels) == ("auto", "auto", 2)


def test_a_name_that_is_no_preset_is_told_what_was_meant() -> None:
    with pytest.raises(InputError, match=r"unknown preset 'mnist-100-ful'; did you mean mnist-100-full"):
        find_preset("mnist-100-ful")
    with pytest.raises(InputError, match=r"unknown preset 'x'; ladder-np presets lists all"):
        find_preset("x")
