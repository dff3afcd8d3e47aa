"""Error against minutes: it is that of the rows set aside, the schedule ends as the preset's, lines are kept."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import accuracy_per_minute
from benchmarks.accuracy_per_minute import Ours, main, measure, validation_error
from ladder_np.experiments.experiment import Experiment, prepare
from ladder_np.experiments.run import execute
from ladder_np.experiments.settings import make_settings
from ladder_np.predictor import Predictor

PRESET = """
[settings]
dataset = "digits"
labels = 50
hidden_layers = [30, 20]
epochs = 3
baseline = false
labeled_statistics = "own"
"""


@pytest.fixture
def preset(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(PRESET, encoding="utf-8")
    return str(path)


@pytest.fixture
def experiment(preset: str) -> Experiment:
    return prepare(make_settings({"validation": 200, "seed": 1}, preset), None, "cpu")


def test_a_run_has_a_point_for_each_epoch_and_ends_with_its_schedule(preset: str) -> None:
    line = measure(preset, minutes=10, seed=1, validation=200, data_dir=None)
    minutes = [point["minutes"] for point in line["points"]]
    assert len(minutes) == 3
    assert minutes == sorted(minutes)
    assert line["points"][-1]["error_percent"] < line["points"][0]["error_percent"]
    assert (line["seed"], line["settings"]["epochs"], line["settings"]["validation"]) == (1, 3, 200)


def test_a_run_ends_with_the_epoch_in_which_its_time_is_over(preset: str) -> None:
    assert len(measure(preset, minutes=1e-6, seed=1, validation=200, data_dir=None)["points"]) == 1


def test_ours_is_what_the_program_trains(experiment: Experiment, tmp_path: Path) -> None:
    execute(experiment, tmp_path / "run", lambda name, record: None)
    contender = Ours(experiment)
    while not contender.done:
        contender.run_epoch()
    trained = Predictor.load(tmp_path / "run" / "model.npz", experiment.device).network
    np.testing.assert_array_equal(contender.network.parameters.vector, trained.parameters.vector)


def test_the_error_is_that_of_the_rows_set_aside(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy_per_minute, "BLOCK", 70)
    assert not np.isin(experiment.split.validation, experiment.split.train).any()
    contender = Ours(experiment)
    contender.run_epoch()
    error = validation_error(contender, experiment)
    rows, y = experiment.rows(experiment.split.validation), experiment.dataset.y[experiment.split.validation]
    wrong = contender.network.predict_proba(rows).argmax(axis=1) != y
    assert len(y) == 200
    assert error == pytest.approx(100 * wrong.mean())


def test_lines_are_added_and_all_are_drawn(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, picture = tmp_path / "lines.jsonl", tmp_path / "curves.png"
    options = [preset, "--minutes", "1e-6", "--validation", "200", "--json", str(path)]
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", ["accuracy_per_minute", *options])
        main()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["run"] for line in lines] == [preset, preset]
    pytest.importorskip("matplotlib", reason="pictures need the extra plot")
    monkeypatch.setattr(sys, "argv", ["accuracy_per_minute", "--json", str(path), "--picture", str(picture)])
    main()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_pytorch_begins_where_ours_begins_and_learns(experiment: Experiment) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra torch)")
    contender, ours = accuracy_per_minute.PyTorch(experiment), Ours(experiment)
    for name, values in ours.network.parameters.items():
        np.testing.assert_array_equal(contender.parameters[name].detach().numpy(), values)
    errors = []
    while not contender.done:
        contender.run_epoch()
        errors.append(validation_error(contender, experiment))
    for name, values in contender.network.parameters.items():
        np.testing.assert_array_equal(contender.parameters[name].detach().numpy(), values)
    assert len(errors) == 3
    assert errors[-1] < errors[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["mnist-100-full@JAX"],
        ["no-such-preset"],
        ["mnist-100-fast", "--minutes", "0"],
        ["--picture", "x.png"],
        ["--picture", "x.png", "--json", "not-there.jsonl"],
        [],
    ],
)
def test_wrong_use_ends_in_one_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["accuracy_per_minute", *arguments])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.splitlines()[-1].startswith("accuracy_per_minute: error:")


def test_what_the_step_in_pytorch_does_not_have_is_refused(
    preset: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra torch)")
    Path(preset).write_text(PRESET + 'combinator = "vanilla"\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["accuracy_per_minute", f"{preset}@PyTorch", "--validation", "200"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "PyTorch: combinator 'vanilla': expected 'gaussian'" in capsys.readouterr().err
