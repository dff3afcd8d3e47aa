"""A sweep's jobs and lines of results; what its processes do is tested beside the command."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ladder_np.experiments.preset_files import as_toml
from ladder_np.experiments.presets import PRESETS
from ladder_np.experiments.settings import make_settings
from ladder_np.experiments.sweep import PlannedRun, Sweep
from ladder_np.experiments.worker import Outcome


class Told:
    """What an observer was told."""

    def __init__(self) -> None:
        self.done: int | None = None
        self.ended: list[str] = []

    def begin(self, done: int) -> None:
        self.done = done

    def end(self, run: PlannedRun, outcome: Outcome) -> None:
        self.ended.append(run.name)


def planned(preset: str | None = None, **named: Any) -> PlannedRun:
    return PlannedRun(make_settings({"split_seed": 0, **named}, preset), preset, "ladder-np train …")


def test_a_job_is_all_that_a_worker_elsewhere_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[dict[str, Any]] = []

    def runner(jobs: Sequence[dict[str, Any]]) -> Generator[tuple[int, Outcome], None, None]:
        seen.extend(jobs)
        yield 1, {"error": "no luck"}
        yield 0, {"facts": {"results": {}}}

    runs, told = [planned(seed=1), planned(seed=2)], Told()
    failed = Sweep(Path("sweep"), runs, Path("data"), "cuda", 7).run(runner, told)
    assert failed == {runs[1]: "no luck"}
    assert (told.done, told.ended) == (0, [runs[1].name, runs[0].name])
    folder, data = tmp_path / "sweep" / "runs" / runs[0].name, tmp_path / "data"
    assert seen[0] == {
        "settings": runs[0].settings.as_json(),
        "preset": None,
        "data_sha256": None,
        "folder": str(folder),
        "data_dir": str(data),
        "device": "cuda",
        "every": 7,
    }
    seen.clear()
    again = Told()
    Sweep(Path("sweep"), runs, None, "cpu").run(lambda jobs: record(seen, jobs), again)
    assert again.done == 1
    assert [job["folder"] for job in seen] == [str(folder.with_name(runs[1].name))]


def record(seen: list[dict[str, Any]], jobs: Sequence[dict[str, Any]]) -> Generator[tuple[int, Outcome], None, None]:
    seen.extend(jobs)
    yield from ()


def test_a_line_says_what_was_published_only_of_the_very_preset() -> None:
    published = {"mean": 1.06, "spread": 0.37, "count": 10, "mark": "s"}
    line = planned("mnist-100-full").facts
    assert published.items() <= line["published"].items()
    assert line["changed"] == {}
    other = planned("mnist-100-full", epochs=5).facts
    assert (other["published"], other["changed"]) == (None, {"epochs": 5})
    assert planned("mnist-100-full", labels=50).facts["published"] is None
    moved = planned("mnist-100-full", dataset="fashion-mnist").facts
    assert (moved["published"], moved["changed"]) == (None, {"dataset": "fashion-mnist"})
    assert planned().facts["published"] is None


def test_a_run_with_a_baseline_beside_it_is_another_run_of_the_same_row() -> None:
    alone, beside = planned(baseline=False), planned(baseline=True)
    assert alone.name != beside.name
    assert alone.facts["digest"] == beside.facts["digest"] != planned(epochs=3).facts["digest"]
    assert alone.facts["changed"] == {}


def test_a_preset_in_a_file_is_named_without_its_place(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(as_toml(PRESETS["mnist-1000-gamma"]), encoding="utf-8")
    line = planned(str(path)).facts
    assert (line["preset"], line["published"]["mean"]) == ("own.toml", 1.53)
    assert planned(str(path)).name.startswith("own-1000-")
    assert planned(str(path)).shown == "own.toml, 1000 labels, seed 0, data seed 0"
