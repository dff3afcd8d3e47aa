"""Tables, and the command around them."""

import json

import pytest

from benchmarks.speed import __main__ as command
from benchmarks.speed import parts, report
from benchmarks.speed.cases import CONVOLUTION_CASES, SETTINGS, STEP_CASES, Case
from benchmarks.speed.turns import ROOT

TINY = Case((6, 5, 4), 5, 7)


def timing(median: float) -> dict[str, float]:
    return {"median": median, "lower_quartile": median - 1, "upper_quartile": median + 1, "faults": 3, "steps": 9}


def test_a_table_is_markdown() -> None:
    assert report.table(("what", "ms"), [["a", "1"], ["b", "2"]]) == "| what | ms |\n|---|---:|\n| a | 1 |\n| b | 2 |"


def test_steps_are_sorted_and_compared_with_ours_and_the_floor() -> None:
    timings = {"floor": timing(10), "ours": timing(20), "JAX jit": timing(30)}
    lines = report.steps([{"title": "net", "timings": timings, "not_installed": ["PyTorch"]}]).splitlines()
    assert lines[2] == "| floor: its matrix products alone | 10.0 | 9.0–11.0 | 0.50 | 1.00 | 3 |"
    assert lines[3] == "| ours | 20.0 | 19.0–21.0 | 1.00 | 2.00 | 3 |"
    assert lines[4] == "| JAX jit | 30.0 | 29.0–31.0 | 1.50 | 3.00 | 3 |"
    assert lines[5] == "| PyTorch | not installed |  |  |  |  |"


def test_inference_is_in_rows_a_second() -> None:
    text = report.inference({"rows": 500, "timings": {"predict_proba": timing(100), "floor": timing(50)}})
    assert "| predict_proba | 5,000 | 100.0 |" in text
    assert "| floor | 10,000 | 50.0 | 49.0–51.0 | 2.00 |" in text


def test_memory_says_why_it_is_missing() -> None:
    assert report.memory({"skipped": "no data"}) == "Peak memory: skipped, no data."
    assert "| mnist, epochs: 2 | 200 |" in report.memory({"what": "mnist", "bytes": {1: 2e8, 2: 2e8}})


@pytest.mark.parametrize("case", [*STEP_CASES.values(), *CONVOLUTION_CASES.values(), *SETTINGS.values()], ids=repr)
def test_cases_survive_json(case) -> None:
    assert Case.from_json(json.loads(json.dumps(case.as_json()))) == case


@pytest.fixture
def _tiny(monkeypatch):
    """The command, but with a tiny network, and this process left with all its threads."""
    monkeypatch.setattr(parts, "STEP_CASES", {"tiny": TINY})
    monkeypatch.setattr(parts, "STEP_PLANS", (parts.QUICK,))
    monkeypatch.setattr(parts, "SETTINGS", {"tiny": TINY})
    monkeypatch.setattr(
        parts, "CONVOLUTION_CASES", {"tiny": Case(((4, 4, 1), "conv:2:3:same", "max_pool:2", 3), 3, 3)}
    )
    monkeypatch.setattr(command, "limit_threads", lambda threads, device: None)


@pytest.mark.usefixtures("_tiny")
def test_the_command_prints_tables_and_writes_all_of_it_as_json(tmp_path, capsys) -> None:
    target = tmp_path / "speed.json"
    words = ["--quick", "--parts", "step,convolution,settings,inference,import", "--peers", "", "--json", str(target)]
    assert command.main(words) == 0
    out, err = capsys.readouterr()
    assert out.count("|---|") == 5
    assert "step: tiny: measuring" in err
    written = json.loads(target.read_text(encoding="utf-8"))
    assert set(written) == {"date", "commit", "threads", "device", "quick", "versions", "machine", "parts"}
    assert set(written["parts"]) == {"step", "convolution", "settings", "inference", "import"}
    assert written["parts"]["step"][0]["timings"]["ours"]["steps"] == parts.QUICK.rounds * parts.QUICK.steps


@pytest.mark.usefixtures("_tiny")
def test_the_command_draws_what_was_measured(tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    target = tmp_path / "speed.png"
    assert command.main(["--quick", "--parts", "step", "--peers", "", "--picture", str(target)]) == 0
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("_tiny")
def test_a_peer_that_fails_stops_the_command(monkeypatch, capsys) -> None:
    monkeypatch.setitem(command.PEERS, "broken", ("numpy", "benchmarks.speed.ours", "OurStep"))  # not there at all
    assert command.main(["--quick", "--parts", "step", "--peers", "broken"]) == 1
    assert "benchmarks.speed: error: broken stopped with exit status 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--threads", "0"], "expected 1 to 2"),
        (["--threads", "3"], "expected 1 to 2"),
        (["--parts", "step,nonsense"], "unknown 'nonsense'"),
        (["--peers", "nonsense"], "unknown 'nonsense'"),
        (["--json", "no/such/folder/file.json"], "no such folder"),
        (["--parts", "import", "--picture", "speed.png"], "--picture shows step and scaling"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(words, complaint, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        command.parse(words, cores=2)
    assert stop.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_commit_of_a_folder_without_a_repository_is_unknown(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert command.commit(tmp_path) == "unknown"
    assert command.commit(ROOT)
