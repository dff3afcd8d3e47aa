"""Pictures and the report of a fitted estimator, with rows as its `score` takes them."""

import base64
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_runs import texts

from ladder_np import InputError, LadderClassifier
from ladder_np.data.readers import load_digits
from ladder_np.plots import PICTURES, EstimatorSource, draw_picture, write_report
from ladder_np.plots.features import ImageDisplay

NAMES = [picture.name for picture in PICTURES if not (picture.of_texts or picture.of_images)]
WITHOUT_ROWS = ("learning-curves", "denoising-costs", "combinators")
CLASSES = np.array(["ash", "beech", "cedar"])
TRUTH = np.arange(90) % 3
X = 3 * np.eye(4)[TRUTH] + np.random.default_rng(0).normal(size=(90, 4))
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "batch_size": 20, "random_state": 0, "unlabeled_label": "?"}


needs_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason="the extra plot is not installed")


@pytest.fixture(scope="module")
def model() -> LadderClassifier:
    y = np.where(np.arange(90) < 60, CLASSES[TRUTH], "?")
    return LadderClassifier(**SMALL).fit(X, y)


@needs_matplotlib
@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_drawn_of_the_estimator(model: LadderClassifier, name: str) -> None:
    assert draw_picture(model, name, X, CLASSES[TRUTH]).get_axes()
    if name in WITHOUT_ROWS:
        assert draw_picture(model, name).get_axes()
    else:
        with pytest.raises(InputError, match=f"{name}: it needs rows with labels; give X and y"):
            draw_picture(model, name)


@needs_matplotlib
def test_the_confusion_is_that_of_the_labeled_rows_given(model: LadderClassifier) -> None:
    y = np.where(np.arange(90) < 50, CLASSES[(TRUTH + (np.arange(90) % 7 == 0)) % 3], "?")
    wrong = round((1 - model.score(X, y)) * 50)
    shown = " ".join(texts(draw_picture(model, "confusion", X, y)))
    assert f"Predictions for 50 labeled rows: {wrong} wrong ({2 * wrong:.2f} %)" in shown
    assert all(name in shown for name in CLASSES)


@needs_matplotlib
def test_pixels_are_shown_as_images() -> None:
    digits = load_digits()
    fitted = LadderClassifier(**SMALL).fit(digits.X[:100], digits.y[:100])
    features = EstimatorSource(fitted, digits.X[100:150], digits.y[100:150]).features
    assert features.image == ImageDisplay((8, 8, 1), 16)


@needs_matplotlib
def test_oblong_images_are_shown_as_such_if_the_layers_take_images() -> None:
    digits = load_digits()
    images = digits.X[:150].reshape(-1, 4, 16)
    fitted = LadderClassifier(layers="conv:2:3-mean_pool-10", max_iter=1, random_state=0)
    fitted.fit(images[:100], digits.y[:100])
    source = EstimatorSource(fitted, images[100:], digits.y[100:150])
    assert source.features.image == ImageDisplay((4, 16, 1), 16)
    drawn = draw_picture(fitted, "rebuilt-inputs", images[100:], digits.y[100:150])
    assert {axes.images[0].get_array().shape for axes in drawn.axes} == {(4, 16)}


@needs_matplotlib
def test_images_that_dense_layers_take_flat_are_shown_as_images() -> None:
    images, y = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 3), np.uint8), np.arange(60) % 2
    fitted = LadderClassifier((5,), flip=True, max_iter=1, random_state=0).fit(images, y)
    for rows in (images, images.reshape(60, -1)):
        assert EstimatorSource(fitted, rows, y).features.image == ImageDisplay((6, 6, 3), 255)
    drawn = draw_picture(fitted, "rebuilt-inputs", images, y)
    assert {axes.images[0].get_array().shape for axes in drawn.axes} == {(6, 6, 3)}


@needs_matplotlib
def test_a_frame_names_the_features(model: LadderClassifier) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame(X, columns=["height", "girth", "age", "rings"])
    fitted = LadderClassifier(**SMALL).fit(frame, CLASSES[TRUTH])
    assert EstimatorSource(fitted, frame, CLASSES[TRUTH]).features.names == ("height", "girth", "age", "rings")
    with pytest.raises(InputError, match="must be in the same order"):
        draw_picture(fitted, "confusion", frame[["age", "girth", "height", "rings"]], CLASSES[TRUTH])


@needs_matplotlib
def test_the_report_has_every_picture_and_the_parameters(model: LadderClassifier, tmp_path: Path) -> None:
    write_report(model, tmp_path / "report.html", X, CLASSES[TRUTH])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(images) == len(NAMES)
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    assert "<h1>LadderClassifier: 90 rows</h1>" in page
    assert "<td>hidden_layer_sizes</td><td>8</td>" in page
    assert "Not shown" not in page
    write_report(model, str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == len(WITHOUT_ROWS)
    assert "The reason: it needs rows with labels; give X and y." in page


@needs_matplotlib
def test_a_report_of_a_loaded_estimator_is_that_of_the_saved_one_but_for_the_time(
    model: LadderClassifier, tmp_path: Path
) -> None:
    model.save(tmp_path / "model.npz")
    pages = []
    for one in (model, LadderClassifier.load(tmp_path / "model.npz")):
        write_report(one, tmp_path / "report.html", X, CLASSES[TRUTH])
        pages.append(re.sub(r"<td>(\d+\.\d s|–)</td></tr>", "", (tmp_path / "report.html").read_text("utf-8")))
    assert pages[0] == pages[1]


WRONG = {
    "an unknown picture": (("nonsense",), "unknown picture 'nonsense'; choose among learning-curves"),
    "X alone": (("confusion", X), "X without y; give both, or neither"),
    "y alone": (("confusion", None, CLASSES[TRUTH]), "y without X; give both, or neither"),
    "no label": (("confusion", X, np.full(90, "?")), "no row of y has a label; give rows with labels"),
    "too few columns": (
        ("confusion", X[:, :3], CLASSES[TRUTH]),
        "X has 3 features, but LadderClassifier is expecting",
    ),
    "too few labels": (("confusion", X, CLASSES), r"90 rows|3 labels"),
    "another class": (("confusion", X, np.full(90, "oak")), "'oak', which is not among the classes"),
}


@needs_matplotlib
@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_in_one_line(case: str, model: LadderClassifier) -> None:
    arguments, message = WRONG[case]
    with pytest.raises(InputError, match=message) as caught:
        draw_picture(model, *arguments)
    assert "\n" not in str(caught.value)


@needs_matplotlib
@pytest.mark.parametrize("nobody", [LadderClassifier(), "model.npz", None], ids=["unfitted", "a path", "nothing"])
def test_it_takes_a_fitted_estimator(nobody: Any) -> None:
    with pytest.raises(InputError, match=r"expected a fitted LadderClassifier; call fit first"):
        draw_picture(nobody, "learning-curves")


@needs_matplotlib
def test_a_report_is_written_as_a_page_or_not_at_all(model: LadderClassifier, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"report\.pdf: expected a name that ends in \.html"):
        write_report(model, tmp_path / "report.pdf")
    with pytest.raises(InputError, match="cannot write"):
        write_report(model, tmp_path / "missing" / "report.html")
    assert [*tmp_path.iterdir()] == []


def test_without_matplotlib_a_line_says_what_to_install() -> None:
    code = """
import sys
sys.modules["matplotlib"] = None  # as if it were not installed
import numpy as np
from ladder_np import InputError, LadderClassifier
from ladder_np.plots import draw_picture, write_report
model = LadderClassifier(max_iter=1).fit(np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2)
for ask in (lambda: draw_picture(model, "learning-curves"), lambda: write_report(model, "report.html")):
    try:
        ask()
    except InputError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = "pictures need matplotlib, which is not installed; install it with pip install 'ladder-np[plot]'\n"
    assert done.stdout == 2 * line
