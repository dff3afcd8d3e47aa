"""A run's folder read back; that evaluation and prediction use it is tested beside the commands."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute
from ladder_np.experiments.run_folder import (
    ErrorRate,
    load_run_config,
    load_run_data,
    load_run_histories,
    load_run_results,
)
from ladder_np.experiments.settings import make_settings

SMALL = {"epochs": 3, "hidden_layers": (6,), "unlabeled_batch": 400}
SETTINGS = make_settings({**SMALL, "validation": 40, "denoising_weights": (10, 0, 1)})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with both models, validation rows and one λ of 0. Not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    execute(prepare(SETTINGS, None, "cpu"), folder, lambda name, record: None)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_configuration_data_and_results_are_those_of_the_run(finished: Path) -> None:
    config, data, results = load_run_config(finished), load_run_data(finished, None), load_run_results(finished)
    assert dataclasses.replace(config.settings, scaling="auto") == SETTINGS  # what auto came to is in the file
    assert config.specification.sizes == (64, 6, 10)
    assert data.dataset.name == "digits"
    assert len(data.split.labeled) == 50
    stored = json.loads((finished / "result.json").read_text())
    assert {name: one.wrong for name, one in results.items()} == {name: one["wrong"] for name, one in stored.items()}
    assert list(results) == ["supervised only", "ladder"]
    assert {one.rows for one in results.values()} == {599}


def test_a_run_that_is_not_finished_has_no_results(run: Path) -> None:
    (run / "result.json").unlink()
    assert load_run_results(run) == {}


NO_RESULTS = ["", "[]", "1", "null", '{"ladder": 1}']
NO_COUNTS = ['"wrong": 1', '"wrong": 2, "rows": 1', '"wrong": 0, "rows": 0', '"wrong": "1", "rows": 2']
NO_COUNTS += ['"wrong": -1, "rows": 2', '"wrong": true, "rows": 2', '"wrong": 0.5, "rows": 2']


@pytest.mark.parametrize("content", [*NO_RESULTS, *(f'{{"ladder": {{{counts}}}}}' for counts in NO_COUNTS)])
def test_damaged_results_are_refused(run: Path, content: str) -> None:
    (run / "result.json").write_text(content)
    with pytest.raises(InputError, match=r"result\.json: damaged; expected wrong and rows of every model"):
        load_run_results(run)


def test_results_are_percent_of_the_rows(run: Path) -> None:
    (run / "result.json").write_text('{"a": {"wrong": 1, "rows": 8}}')
    assert load_run_results(run) == {"a": ErrorRate(1, 8)}
    assert str(ErrorRate(1, 8)) == "12.50 % (1 of 8)"


@pytest.mark.parametrize("network", [None, 5, {}, {"sizes": [4]}, {"sizes": [4, 2], "dtype": "float16"}])
def test_a_configuration_that_describes_no_network_says_so(run: Path, network: object) -> None:
    config = json.loads((run / "config.json").read_text())
    config["network"] = network
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config\.json: its description of the network is missing or damaged"):
        _ = load_run_config(run).specification


def test_other_data_is_refused(tmp_path: Path) -> None:
    X = np.random.default_rng(0).standard_normal((30, 3))
    np.savez(tmp_path / "data.npz", X=X, y=np.arange(30) % 2)
    settings = make_settings({"dataset": str(tmp_path / "data.npz"), "epochs": 1, "hidden_layers": ()})
    execute(prepare(settings, None, "cpu"), tmp_path / "run", lambda name, record: None)
    np.testing.assert_array_equal(load_run_data(tmp_path / "run", None).dataset.X, X)
    np.savez(tmp_path / "data.npz", X=X + 1, y=np.arange(30) % 2)
    with pytest.raises(InputError, match=r"data\.npz: not the data that .*run was trained on"):
        load_run_data(tmp_path / "run", None)


# ---- How training went.


def test_every_value_of_the_metrics_is_in_the_arrays(finished: Path) -> None:
    histories = load_run_histories(finished)
    assert list(histories) == ["supervised only", "ladder"]
    for name, file in (("supervised only", "baseline-metrics.jsonl"), ("ladder", "metrics.jsonl")):
        lines = [json.loads(line) for line in (finished / file).read_text().splitlines()]
        for column in ("epoch", "step", "learning_rate", "cost", "supervised", "seconds", "validation_error"):
            np.testing.assert_array_equal(getattr(histories[name], column), [line[column] for line in lines])
        denoising = np.array([line["denoising"] for line in lines], dtype=np.float64)  # None becomes NaN
        np.testing.assert_array_equal(histories[name].denoising, denoising)
    assert np.isnan(histories["ladder"].denoising[:, 1]).all()
    assert np.isfinite(histories["ladder"].denoising[:, [0, 2]]).all()
    assert np.isnan(histories["supervised only"].denoising).all()


def test_an_error_that_was_not_measured_is_nan(run: Path) -> None:
    lines = [
        json.loads(line) | {"validation_error": None} for line in (run / "metrics.jsonl").read_text().splitlines()
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert np.isnan(load_run_histories(run)["ladder"].validation_error).all()


def test_the_metrics_of_a_run_without_denoising_are_those_of_the_baseline(tmp_path: Path) -> None:
    experiment = prepare(make_settings({**SMALL, "denoising_weights": (0,)}), None, "cpu")
    execute(experiment, tmp_path / "run", lambda name, record: None)
    assert list(load_run_histories(tmp_path / "run")) == ["supervised only"]


def test_a_line_that_a_crash_cut_off_is_left_out_and_a_whole_one_without_line_break_is_not(run: Path) -> None:
    text = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(text.rstrip("\n"))
    assert list(load_run_histories(run)["ladder"].epoch) == [1, 2, 3]
    (run / "metrics.jsonl").write_text(text[:-30])
    assert list(load_run_histories(run)["ladder"].epoch) == [1, 2]


@pytest.mark.parametrize("text", [None, "", '{"epoch": 1, "st'])
def test_a_model_without_a_finished_epoch_has_no_history(run: Path, text: str | None) -> None:
    (run / "metrics.jsonl").unlink()
    if text is not None:
        (run / "metrics.jsonl").write_text(text)
    assert list(load_run_histories(run)) == ["supervised only"]


@pytest.mark.parametrize(
    "change",
    [
        {"cost": None},
        {"cost": "1"},
        {"cost": True},
        {"cost": float("nan")},
        {"cost": float("inf")},
        {"epoch": 10**400},
        {"supervised": [1]},
        {"denoising": None},
        {"denoising": [1.0, 2.0]},
        {"denoising": [1.0, "2", None]},
        {"validation_error": "0"},
        {"validation_error": float("nan")},
    ],
    ids=str,
)
def test_a_damaged_line_is_named(run: Path, change: dict) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"metrics\.jsonl: record 2 is damaged; expected the record of an epoch$"):
        load_run_histories(run)


@pytest.mark.parametrize("line", ["garbage", "", "[]", "1", "{}", "\udcff".encode(errors="surrogateescape")])
def test_a_line_that_is_not_a_record_is_named(run: Path, line: str | bytes) -> None:
    content = line if isinstance(line, bytes) else line.encode()
    (run / "metrics.jsonl").write_bytes(content + b"\n" + (run / "metrics.jsonl").read_bytes())
    with pytest.raises(InputError, match="record 1 is damaged"):
        load_run_histories(run)


# ---- Of a later version.


def rewrite(run: Path, settings: dict, **others: object) -> None:
    config = json.loads((run / "config.json").read_text())
    config["settings"] |= settings
    (run / "config.json").write_text(json.dumps(config | others))


def test_a_setting_that_this_version_does_not_know_is_not_called_damage(run: Path) -> None:
    rewrite(run, {"mixup": 0.3}, ladder_np="7.1")
    with pytest.raises(InputError, match=r"config\.json: setting 'mixup' is unknown to .*; ladder_np 7\.1 wrote it"):
        load_run_config(run)
    rewrite(run, {}, ladder_np=None)
    with pytest.raises(InputError, match=r"config\.json: setting 'mixup' is unknown to .*; a later version wrote it"):
        load_run_config(run)


def test_a_value_that_this_version_does_not_know_names_the_later_one_that_wrote_it(run: Path) -> None:
    network = json.loads((run / "config.json").read_text())["network"]
    rewrite(run, {}, ladder_np="7.1", network=network | {"combinator": "magic"})
    with pytest.raises(InputError, match=r"unknown combinator 'magic'.*; ladder_np 7\.1 wrote it, a later version"):
        load_run_config(run).specification.sizes  # noqa: B018
    rewrite(run, {"class_weight": "magic"})
    with pytest.raises(InputError, match=r"class weight 'magic'.*; ladder_np 7\.1 wrote it, a later version"):
        load_run_config(run)


@pytest.mark.parametrize("value", [5, ["../x"], [True], [0], None])
def test_totals_from_before_that_cannot_be_are_damage(run: Path, value: object) -> None:
    rewrite(run, {}, epochs_before=value)
    with pytest.raises(InputError, match="epochs_before is damaged"):
        load_run_config(run)
