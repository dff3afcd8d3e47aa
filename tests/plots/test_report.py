"""The report: one page that needs nothing else."""

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ladder_np import InputError
from ladder_np.experiments.run_folder import load_run_results
from ladder_np.plots import PICTURES, RunSource
from ladder_np.plots.report import DrawnPictures, make_report

EMPTY = {"meta", "img"}  # elements without an end


class Page(HTMLParser):
    """A page taken apart; elements that are not closed, or closed by another, are refused."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data))

    def of(self, tag: str) -> list[str]:
        """The texts of all elements of one kind."""
        return [text for name, text in self.texts if name == tag]


def fake_gallery(run: RunSource) -> DrawnPictures:
    """Pictures without matplotlib, so that the page is tested everywhere."""
    pngs = [(picture, f"picture {number}".encode()) for number, picture in enumerate(PICTURES[:4])]
    return DrawnPictures(pngs, {"data <gone> & lost": list(PICTURES[4:])})


@pytest.fixture
def page(digits_run: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", fake_gallery)
    return Page(make_report(RunSource(digits_run)))


def test_every_picture_is_in_the_page_with_what_it_shows_and_how_to_read_it(page: Page) -> None:
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 4
    for number, (image, picture) in enumerate(zip(images, PICTURES, strict=False)):
        head, content = (image["src"] or "").split(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(content) == f"picture {number}".encode()
        assert image["alt"] == picture.shows
        assert picture.title in page.of("h2")
        assert f" {picture.shows}" in page.of("p")
        assert f" {picture.reading}" in page.of("p")


def test_pictures_that_are_left_out_are_named_with_the_reason(page: Page) -> None:
    (line,) = [text for text in page.of("p") if text.startswith("Not shown")]
    assert line == f"Not shown: {PICTURES[4].title}, {PICTURES[5].title}. The reason: data <gone> & lost."


def test_numbers_of_both_models_are_in_a_table(page: Page, digits_run: Path) -> None:
    cells, results = page.of("td"), load_run_results(digits_run)
    for name, file in (("supervised only", "baseline-metrics.jsonl"), ("ladder", "metrics.jsonl")):
        last = json.loads((digits_run / file).read_text().splitlines()[-1])
        row = cells[cells.index(name) :][:7]
        assert row[1:] == [
            str(results[name]),
            f"{100 * last['validation_error']:.2f} %",
            f"{last['cost']:.4g}",
            f"{last['supervised']:.4g}",
            str(last["epoch"]),
            str(last["step"]),
        ]


def test_every_setting_and_version_is_in_the_page(page: Page, digits_run: Path) -> None:
    config, cells = json.loads((digits_run / "config.json").read_text()), page.of("td")
    for group in (config["settings"], config["network"], config["rows"], config):
        assert set(group) - {"settings", "network", "rows"} <= set(cells)
    assert config["data_sha256"] in cells
    assert cells[cells.index("hidden_layers") + 1] == "12, 8"
    assert cells[cells.index("split_seed") + 1] == "–"
    assert cells[cells.index("baseline") + 1] == "yes"


def test_the_page_asks_for_nothing_from_outside_and_runs_nothing(digits_run: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    text = make_report(RunSource(digits_run))
    assert len(re.findall(r'<img src="data:image/png;base64,[A-Za-z0-9+/=]+" alt="[^"]+">', text)) == len(PICTURES)
    assert not re.search(r"https?:|//|@import|url\(|<script|<link|<iframe|javascript:| on\w+=", without_images(text))
    Page(text)


def without_images(text: str) -> str:
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)


def test_texts_from_files_are_only_texts(digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", fake_gallery)
    run = tmp_path / '<b> & "quoted"'
    shutil.copytree(digits_run, run)
    config = json.loads((run / "config.json").read_text())
    hostile = "</td></table><script>alert('&amp;')</script>"
    config["settings"]["dataset"] = hostile
    config["machine"] = hostile
    config["rows"] = {hostile: [hostile, None]}
    (run / "config.json").write_text(json.dumps(config))
    text = make_report(RunSource(run))
    page = Page(text)  # which refuses elements that do not fit
    assert "<script" not in text
    assert page.of("td").count(hostile) == 3
    assert f"{hostile}, –" in page.of("td")
    assert page.of("title") == page.of("h1") == [f'Run <b> & "quoted": {Path(hostile).name}']


def test_a_run_without_results_metrics_or_validation_rows_has_dashes(
    table_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", fake_gallery)
    run = Path(shutil.copytree(table_run, tmp_path / "run"))
    (run / "result.json").unlink()
    cells = Page(make_report(RunSource(run))).of("td")
    assert cells[cells.index("ladder") + 1 :][:2] == ["–", "–"]
    for name in ("metrics.jsonl", "baseline-metrics.jsonl"):
        (run / name).unlink()
    assert "ladder" not in Page(make_report(RunSource(run))).of("td")


def test_damaged_results_are_refused(table_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", fake_gallery)
    run = Path(shutil.copytree(table_run, tmp_path / "run"))
    (run / "result.json").write_text("{")
    with pytest.raises(InputError, match=r"result\.json: damaged"):
        make_report(RunSource(run))


def test_a_run_that_stopped_early_says_which_epoch_its_model_is_of(
    table_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", fake_gallery)
    run = Path(shutil.copytree(table_run, tmp_path / "run"))
    sentence = "The model is that of the epoch with the smallest one."
    assert sentence not in make_report(RunSource(run))
    config = json.loads((run / "config.json").read_text())
    config["settings"] |= {"validation": 5, "patience": 3}
    (run / "config.json").write_text(json.dumps(config))
    assert sentence in make_report(RunSource(run))
