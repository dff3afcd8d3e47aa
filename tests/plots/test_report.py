"""All pictures of a run, why some are left out, and the report: one page that needs no other file."""

import base64
import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from picture_runs import make_run, overlaps, texts

from ladder_np import InputError
from ladder_np.experiments.run_folder import load_run_results
from ladder_np.experiments.verdict import verdict
from ladder_np.plots import PICTURES, RunSource, draw_pictures
from ladder_np.plots.report import DrawnPictures, draw_pngs, make_report
from ladder_np.plots.run_data import NothingToDrawError

pytest.importorskip("matplotlib", reason="the extra plot is not installed")

ALL = ("learning-curves", "denoising-costs", "rebuilt-inputs", "combinators", "confusion", "top-hidden-layer")
FROM_DATA = ("rebuilt-inputs", "confusion", "top-hidden-layer")
OF_A_DECODER = ("denoising-costs", "rebuilt-inputs", "combinators")


def left_out(run: Path) -> dict[str, str]:
    """The reasons, by the names of the pictures."""
    pictures = draw_pictures(RunSource(run))
    return {picture.name: str(found) for picture, found in pictures if isinstance(found, NothingToDrawError)}


@pytest.fixture
def copy(table_run: Path, tmp_path: Path) -> Path:
    """A run and its data that a test may damage."""
    shutil.copytree(table_run.parent, tmp_path / "home")
    run = tmp_path / "home" / "run"
    config = json.loads((run / "config.json").read_text())
    config["settings"]["dataset"] = str(tmp_path / "home" / "flowers.csv")
    (run / "config.json").write_text(json.dumps(config))
    return run


def test_a_finished_run_has_every_picture(digits_figures: dict, table_figures: dict) -> None:
    assert tuple(digits_figures) == tuple(table_figures) == ALL
    assert not any(
        isinstance(figure, NothingToDrawError) for figure in (*digits_figures.values(), *table_figures.values())
    )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("data", ["digits", "table"])
def test_every_picture_is_titled_with_units_on_its_axes_and_no_text_on_another(
    request: pytest.FixtureRequest, name: str, data: str
) -> None:
    figure = request.getfixturevalue(f"{data}_figures")[name]
    assert figure.get_suptitle()
    for axes in figure.get_axes():
        if axes.axison and not axes.images and axes.get_label() != "<colorbar>":
            assert axes.get_ylabel(), name
            assert axes.get_xlabel() or axes.get_xticklabels()[0].get_text(), name
    assert overlaps(figure) == []
    assert all(text.get_fontsize() >= 8 for text in figure.findobj(lambda one: hasattr(one, "get_fontsize")))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("data", "weights"), [("digits", "1000, 10, 0.1, 0.1"), ("table", "10, 3, 1, 1")])
def test_every_picture_says_what_it_is_of(request: pytest.FixtureRequest, name: str, data: str, weights: str) -> None:
    source, figures = (request.getfixturevalue(fixture) for fixture in (data, f"{data}_figures"))
    said = f"{source.title}; λ = {weights}; seed 0"
    assert said in [text.replace("\n", " ") for text in texts(figures[name])]


@pytest.mark.parametrize("name", ALL)
def test_the_same_run_gives_the_same_bytes(digits_run: Path, name: str) -> None:
    first, second = (draw_pngs(RunSource(digits_run), (name,)).pngs[0][1] for _ in range(2))
    assert first == second


def test_only_the_named_pictures_are_drawn_in_the_table_s_order(digits) -> None:
    drawn = draw_pngs(digits, ("combinators", "learning-curves"))
    assert [picture.name for picture, _ in drawn.pngs] == ["learning-curves", "combinators"]
    assert drawn.left_out == {}


@pytest.mark.parametrize("names", [("confusion", "foo"), ("",), ("Confusion",)])
def test_an_unknown_picture_is_named_with_those_that_there_are(digits, names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"unknown picture '.*'; choose among learning-curves, denoising-costs, "):
        draw_pngs(digits, names)


def test_a_run_without_denoising_has_no_pictures_of_a_decoder(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", denoising_weights=(0,))
    assert left_out(run) == dict.fromkeys(OF_A_DECODER, "the network was trained without denoising (every λ is 0)")


def test_a_network_that_does_not_rebuild_its_input_has_no_picture_of_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", denoising_weights=(0, 0, 0, 1), unlabeled_batch=400)
    assert left_out(run) == {"rebuilt-inputs": "the decoder does not rebuild the input: the λ of layer 0 is 0"}


def test_a_network_without_hidden_layers_has_no_picture_of_them(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", hidden_layers=(), unlabeled_batch=400)
    assert left_out(run) == {"top-hidden-layer": "the network has no hidden layer"}


def test_without_its_data_a_run_keeps_curves_and_combinators(copy: Path) -> None:
    (copy.parent / "flowers.csv").unlink()
    reasons = left_out(copy)
    assert tuple(reasons) == FROM_DATA
    assert all("flowers.csv: no such file" in reason for reason in reasons.values())


def test_data_that_changed_are_gone_too(copy: Path) -> None:
    path = copy.parent / "flowers.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",5\n", ",6\n", 1), encoding="utf-8")
    assert all("not the data that" in reason for reason in left_out(copy).values())


def test_data_that_do_not_fit_the_described_network_are_not_drawn(copy: Path, digits_run: Path) -> None:
    config, other = (json.loads((run / "config.json").read_text()) for run in (copy, digits_run))
    (copy / "config.json").write_text(json.dumps(config | {"network": other["network"]}))
    shutil.copy(digits_run / "model.npz", copy)
    for name in ("metrics.jsonl", "baseline-metrics.jsonl"):
        shutil.copy(digits_run / name, copy)
    assert left_out(copy).keys() == set(FROM_DATA)


def test_an_unfinished_run_has_its_curves(copy: Path) -> None:
    (copy / "model.npz").unlink()
    reason = "the run is not finished: it has no model.npz yet"
    assert left_out(copy) == dict.fromkeys((*FROM_DATA, "combinators"), reason)


def test_a_run_that_still_trains_its_baseline_has_the_baseline_s_curves(copy: Path) -> None:
    for name in ("model.npz", "metrics.jsonl"):
        (copy / name).unlink()
    reasons = left_out(copy)
    assert set(reasons) == set(ALL) - {"learning-curves"}
    assert reasons["denoising-costs"] == "no epoch of the ladder is finished yet"


def test_a_run_without_a_finished_epoch_has_nothing_to_draw(copy: Path) -> None:
    for name in ("model.npz", "metrics.jsonl", "baseline-metrics.jsonl"):
        (copy / name).unlink()
    with pytest.raises(InputError, match="run: nothing to draw: no epoch is finished yet; "):
        draw_pngs(RunSource(copy))


def test_the_model_of_another_run_is_refused(copy: Path, digits_run: Path) -> None:
    shutil.copy(digits_run / "model.npz", copy)
    with pytest.raises(InputError, match=r"model\.npz: is not the model of this run; it has another network"):
        draw_pngs(RunSource(copy))


def test_the_data_are_opened_once_even_if_they_are_gone(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ladder_np.plots import run_data

    opened = []

    def open_once(*arguments: object) -> object:
        opened.append(arguments)
        raise InputError("gone")

    monkeypatch.setattr(run_data, "load_run_data", open_once)
    assert len(left_out(copy)) == 3
    assert len(opened) == 1


@pytest.mark.parametrize(
    "shape", ["one feature", "constant features", "two labeled rows", "many features", "one hidden unit", "no noise"]
)
def test_unusual_data_and_networks_are_drawn_without_a_warning(tmp_path: Path, shape: str) -> None:
    generator = np.random.default_rng(0)
    X = generator.standard_normal((40, {"one feature": 1, "many features": 300}.get(shape, 3)))
    y = np.arange(40) % 2
    if shape == "constant features":
        X[:, 1:] = 7
    if shape == "two labeled rows":
        y[2:] = -1
    np.savez(tmp_path / "data.npz", X=X, y=y)
    network = {"one hidden unit": {"hidden_layers": (1,)}, "no noise": {"noise_std": (0.0,)}}.get(shape, {})
    run = make_run(tmp_path / "run", dataset=str(tmp_path / "data.npz"), **network)
    names = (*FROM_DATA, "combinators")
    assert len(draw_pngs(RunSource(run), names).pngs) == len(names)


def test_columns_with_hostile_names_are_shown_as_they_are(table_figures: dict) -> None:
    shown = texts(table_figures["rebuilt-inputs"])
    assert r"width \$cm\$" in shown
    assert r"\$x^2" in shown


# ---- The report.

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


def undrawn_pictures(run: RunSource) -> DrawnPictures:
    """Return pictures without drawing them, which is faster."""
    pngs = [(picture, f"picture {number}".encode()) for number, picture in enumerate(PICTURES[:4])]
    return DrawnPictures(pngs, {"data <gone> & lost": list(PICTURES[4:6])})


@pytest.fixture
def page(digits_run: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", undrawn_pictures)
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
    for group in (config["settings"], config["network"], config["rows"], config["blas"], config):
        assert set(group) - {"settings", "network", "rows", "blas"} <= set(cells)
    assert config["data_sha256"] in cells
    assert cells[cells.index("hidden_layers") + 1] == "12, 8"
    assert cells[cells.index("split_seed") + 1] == "–"
    assert cells[cells.index("baseline") + 1] == "yes"


def test_the_page_asks_for_nothing_from_outside_and_runs_nothing(digits_run: Path) -> None:
    text = make_report(RunSource(digits_run))
    assert len(re.findall(r'<img src="data:image/png;base64,[A-Za-z0-9+/=]+" alt="[^"]+">', text)) == len(ALL)
    assert not re.search(r"https?:|//|@import|url\(|<script|<link|<iframe|javascript:| on\w+=", without_images(text))
    Page(text)


def without_images(text: str) -> str:
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)


def test_texts_from_files_are_only_texts(digits_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", undrawn_pictures)
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
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", undrawn_pictures)
    run = Path(shutil.copytree(table_run, tmp_path / "run"))
    (run / "result.json").unlink()
    cells = Page(make_report(RunSource(run))).of("td")
    assert cells[cells.index("ladder") + 1 :][:2] == ["–", "–"]
    for name in ("metrics.jsonl", "baseline-metrics.jsonl"):
        (run / name).unlink()
    assert "ladder" not in Page(make_report(RunSource(run))).of("td")


def test_damaged_results_are_refused(table_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", undrawn_pictures)
    run = Path(shutil.copytree(table_run, tmp_path / "run"))
    (run / "result.json").write_text("{")
    with pytest.raises(InputError, match=r"result\.json: damaged"):
        make_report(RunSource(run))


def test_a_run_that_stopped_early_says_which_epoch_its_model_is_of(
    table_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", undrawn_pictures)
    run = Path(shutil.copytree(table_run, tmp_path / "run"))
    sentence = "The model is that of the epoch with the smallest one."
    assert sentence not in make_report(RunSource(run))
    config = json.loads((run / "config.json").read_text())
    config["settings"] |= {"validation": 5, "patience": 3}
    (run / "config.json").write_text(json.dumps(config))
    assert sentence in make_report(RunSource(run))


# ---- The verdict, and denoisers that do harm.


def paragraphs(run: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("ladder_np.plots.report.draw_pngs", undrawn_pictures)
    return unescape(re.sub("<[^>]*>", "", without_images(make_report(RunSource(run)))))


def test_the_report_carries_the_verdict_with_its_counts(digits_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = paragraphs(digits_run, monkeypatch)
    results = load_run_results(digits_run)
    baseline, ladder = results["supervised only"].wrong, results["ladder"].wrong
    assert "Trained on 50 labeled and 1108 unlabeled rows." in text
    assert f"Did the unlabeled rows help? {verdict(results)} Test rows: supervised only: {baseline} wrong of" in text
    assert f"ladder: {ladder} wrong of 599." in text
    assert ("What may help: --denoising-weights 100,1,0.01,0.01" in text) == (ladder >= baseline)


def test_too_few_test_rows_are_said_before_the_counts(digits_run: Path, tmp_path: Path, monkeypatch) -> None:
    run = Path(shutil.copytree(digits_run, tmp_path / "run"))
    few = {name: {"test_error_percent": 10.0, "wrong": 1, "rows": 10} for name in ("supervised only", "ladder")}
    (run / "result.json").write_text(json.dumps(few))
    told = (
        "help? 10 test rows are too few to tell: one row is 10.0 percentage points; ladder-np compare tests on many"
    )
    assert f"{told} splits of the labeled rows. Test rows: " in paragraphs(run, monkeypatch)


def test_a_denoiser_that_is_worse_than_nothing_is_warned_of(digits: RunSource, digits_run: Path, monkeypatch) -> None:
    text, state = paragraphs(digits_run, monkeypatch), digits.noisy.state
    warned = []
    for layer, decoded in state.decoded.items():
        noisy, rebuilt = (
            np.square(x - decoded.target.z).mean(dtype=np.float64) for x in (decoded.z_tilde, decoded.z_hat_bn)
        )
        if rebuilt > noisy:
            warned.append(layer)
            errors = f"is {rebuilt:.3g}, that of the noisy layer itself {noisy:.3g}."
            assert f"denoiser of layer {layer}" in text
            assert errors in text
    assert 3 in warned
    assert text.count("worse than doing nothing") == len(warned)
    assert "--denoising-weights 1000,10,0.1,1, more epochs, or λ = 0 for this layer; the test" in text


def test_without_its_data_nothing_is_said_of_denoisers(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy.parent / "flowers.csv").unlink()
    assert "worse than doing nothing" not in paragraphs(copy, monkeypatch)
