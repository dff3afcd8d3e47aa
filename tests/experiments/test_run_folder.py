"""A run's folder read back; that evaluation and prediction use it is tested beside the commands."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.experiments.experiment import prepare
from ladder_np.experiments.run import execute
from ladder_np.experiments.run_folder import ErrorRate, load_run_config, load_run_data, load_run_results
from ladder_np.experiments.settings import make_settings


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record") / "run"
    settings = make_settings({"epochs": 1, "hidden_layers": (6,), "unlabeled_batch": 400})
    execute(prepare(settings, None, "cpu"), folder, lambda name, record: None)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_configuration_data_and_results_are_those_of_the_run(finished: Path) -> None:
    config, data, results = load_run_config(finished), load_run_data(finished, None), load_run_results(finished)
    assert config.settings == make_settings({"epochs": 1, "hidden_layers": (6,), "unlabeled_batch": 400})
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


def test_data_that_is_another_is_refused(tmp_path: Path) -> None:
    X = np.random.default_rng(0).standard_normal((30, 3))
    np.savez(tmp_path / "data.npz", X=X, y=np.arange(30) % 2)
    settings = make_settings({"dataset": str(tmp_path / "data.npz"), "epochs": 1, "hidden_layers": ()})
    execute(prepare(settings, None, "cpu"), tmp_path / "run", lambda name, record: None)
    np.testing.assert_array_equal(load_run_data(tmp_path / "run", None).dataset.X, X)
    np.savez(tmp_path / "data.npz", X=X + 1, y=np.arange(30) % 2)
    with pytest.raises(InputError, match=r"data\.npz: not the data that .*run was trained on"):
        load_run_data(tmp_path / "run", None)
