"""`ladder-np train` on images: the shapes of data sets and files, and layers that need them."""

import json

import numpy as np
import pytest
from command_files import assert_refused, load

from ladder_np import InputError, LadderClassifier
from ladder_np.data.readers import load_digits
from ladder_np.predictor import Predictor

LAYERS = "conv:4:3:same-max_pool:2-conv:6:3"
SHORT = "--epochs 1 --no-baseline --quiet"


def network(folder):
    return json.loads((folder / "config.json").read_text())["network"]


@pytest.fixture
def images(tmp_path):
    digits = load_digits()
    path = tmp_path / "images.npz"
    np.savez(path, X=digits.X[:200].reshape(-1, 8, 8), y=np.where(np.arange(200) < 60, digits.y[:200], -1))
    return path


def test_convolutions_on_the_digits_train_test_resume_and_predict(command, tmp_path, images):
    run = tmp_path / "run"
    outcome = command("train --dataset digits --hidden-layers", LAYERS, SHORT, "--out", run)
    assert outcome.status == 0, outcome.err
    assert f"network 8x8x1-{LAYERS}-10" in outcome.out
    assert network(run)["input_shape"] == [8, 8, 1]
    assert command("evaluate", run).out.startswith("test error: ")
    assert command("train --quiet --epochs 2 --resume", run).status == 0
    assert command("predict", run, images, "--out", tmp_path / "p.csv").status == 0
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 201


def test_the_shape_of_images_in_a_file_is_that_of_the_array(command, tmp_path, images):
    assert (
        command("train --dataset", images, "--layers conv:5:3-mean_pool-10", SHORT, "--out", tmp_path / "run").status
        == 0
    )
    assert network(tmp_path / "run")["layers"] == ["conv:5:3", "mean_pool", "10"]


def test_a_folder_of_arrays_knows_the_shape_of_its_images(command, tmp_path, images):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, array in load(images).items():
        np.save(folder / f"{name}.npy", array)
    outcome = command("train --dataset", folder, "--layers conv:5:3-mean_pool-10", SHORT, "--out", tmp_path / "run")
    assert "network 8x8x1-conv:5:3" in outcome.out


def test_dense_networks_on_images_stay_as_they_were(command, tmp_path, images):
    command("train --dataset", images, "--hidden-layers 5", SHORT, "--out", tmp_path / "shaped")
    flat = tmp_path / "images-flat.npz"
    np.savez(flat, X=load(images)["X"].reshape(200, 64), y=load(images)["y"])
    command("train --dataset", flat, "--scaling pixels --hidden-layers 5", SHORT, "--out", tmp_path / "flat")
    assert network(tmp_path / "shaped")["sizes"] == [64, 5, 10]
    shaped, unshaped = load(tmp_path / "shaped" / "model.npz"), load(tmp_path / "flat" / "model.npz")
    np.testing.assert_array_equal(shaped["param/encoder.1.weight"], unshaped["param/encoder.1.weight"])


def test_rows_that_are_no_images_are_refused_in_one_line(command, tmp_path, images):
    flat = tmp_path / "flat.npz"
    np.savez(flat, X=load(images)["X"].reshape(200, 64), y=load(images)["y"])
    outcome = command("train --dataset", flat, "--layers conv:5:3-mean_pool", SHORT, "--out", tmp_path / "run")
    assert_refused(outcome, "conv:5:3", "(64,)", "expected images below")
    assert "input_shape" not in outcome.err  # the command line has no such option
    assert not (tmp_path / "run").exists()


def test_layers_and_hidden_layers_exclude_each_other(command, tmp_path):
    outcome = command("train --layers 20-10 --hidden-layers 20", SHORT, "--out", tmp_path / "run")
    assert_refused(outcome, "--layers", "--hidden-layers", "give one of them")


def test_whitening_and_moves_are_in_the_run_and_the_model(command, tmp_path, images):
    run = tmp_path / "run"
    options = "--scaling gcn_zca --translate 1 --flip --layers conv:5:3-mean_pool --test-fraction 0.2"
    outcome = command("train --dataset", images, options, SHORT, "--out", run)
    assert "features: images, normalized in contrast and whitened (ZCA)" in outcome.out, outcome.err
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert (settings["scaling"], settings["translate"], settings["flip"]) == ("gcn_zca", 1, True)
    model = load(run / "model.npz")
    assert (model["scaling/whitening"].shape, model["scaling/whitening"].dtype) == ((64, 64), np.float32)
    tested = next(line for line in outcome.out.splitlines() if line.startswith("ladder:")).split("error ")[1]
    assert command("evaluate", run).out == f"test error: {tested}\n"


def test_a_run_of_moved_images_without_gamma_goes_on_in_the_estimator(command, tmp_path, images):
    options = "--no-top-gamma --flip --layers conv:4:3-mean_pool --test-fraction 0.2"
    assert command("train --dataset", images, options, SHORT, "--out", tmp_path / "run").status == 0
    model = LadderClassifier.load(tmp_path / "run" / "model.npz")
    assert (model.top_gamma, model.flip) == (False, False)  # a model's file knows the network, not how it was trained
    X, y = (load(images)[name] for name in "Xy")
    assert model.set_params(flip=True).partial_fit(X, y).n_iter_ == 2
    assert model.set_params(warm_start=True, max_iter=1).fit(X, y).n_iter_ == 3


def test_a_whitening_that_does_not_fit_is_a_damaged_model(command, tmp_path, images):
    run = tmp_path / "run"
    command("train --dataset", images, "--scaling gcn_zca --layers 10 --test-fraction 0.2", SHORT, "--out", run)
    arrays = load(run / "model.npz")
    whitening = arrays.pop("scaling/whitening")
    for damaged, said in ((None, "do not fit"), (whitening[:3], "should be float32 (64, 64)")):
        more = {} if damaged is None else {"scaling/whitening": damaged}
        np.savez(run / "model.npz", **arrays, **more)
        assert_refused(command("evaluate", run), "scaling/whitening", said)


def test_whitening_on_too_few_images_is_warned_of(command, tmp_path, images):
    few = tmp_path / "few.npz"
    np.savez(few, X=load(images)["X"][:50], y=load(images)["y"][:50])
    outcome = command("train --dataset", few, "--scaling gcn_zca --layers 10", SHORT, "--out", tmp_path / "run")
    assert outcome.status == 0
    assert "warning: scaling 'gcn_zca' was found on 50 rows of 64 features" in outcome.err


@pytest.mark.parametrize("option", ["--translate 1", "--flip"])
def test_moves_of_rows_that_are_no_images_are_refused(command, tmp_path, option):
    table = tmp_path / "t.csv"
    table.write_text("a,b,label\n" + "".join(f"{k},{k * k % 7},{k % 2}\n" for k in range(20)))
    outcome = command("train --dataset", table, option, SHORT, "--out", tmp_path / "run")
    assert_refused(outcome, "translate and flip move images")
    assert not (tmp_path / "run").exists()


def test_images_of_another_shape_with_as_many_values_are_refused(command, tmp_path, images):
    run, other = tmp_path / "run", tmp_path / "other.npz"
    command("train --dataset", images, "--layers conv:4:3-mean_pool --test-fraction 0.2", SHORT, "--out", run)
    arrays = load(images)
    np.savez(other, X=arrays["X"].reshape(-1, 4, 16), y=arrays["y"])
    told = "the model was trained on images of 8x8x1, these have 4x16x1"
    assert_refused(command("predict", run, other, "--out", tmp_path / "p.csv"), str(other), told)
    assert_refused(command("evaluate", run, "--dataset", other), told)
    np.save(tmp_path / "X.npy", arrays["X"][:5, 1:, 2:])
    smaller = command("predict", run, tmp_path / "X.npy", "--out", tmp_path / "p.csv")
    assert_refused(smaller, "trained on images of 8x8x1, these have 7x6x1")
    np.save(tmp_path / "X.npy", arrays["X"][:5].reshape(5, 64))
    assert command("predict", run, tmp_path / "X.npy", "--out", tmp_path / "p.csv").status == 0


def test_a_model_takes_images_from_python(command, tmp_path, images):
    command(
        "train --dataset", images, "--layers conv:4:3-mean_pool --test-fraction 0.2", SHORT, "--out", tmp_path / "run"
    )
    model = Predictor.load(tmp_path / "run" / "model.npz")
    X = load(images)["X"]
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X.reshape(-1, 64)))
    with pytest.raises(InputError, match="images of 8x8x1, these have 4x16x1"):
        model.predict(X.reshape(-1, 4, 16))


def test_a_run_of_dense_layers_knows_the_shape_of_its_images(command, tmp_path, images):
    run, other, arrays = tmp_path / "run", tmp_path / "other.npz", load(images)
    command("train --dataset", images, "--hidden-layers 5 --test-fraction 0.2", SHORT, "--out", run)
    model, X = LadderClassifier.load(run / "model.npz"), arrays["X"]
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X.reshape(-1, 64)))
    np.savez(other, X=X.reshape(-1, 4, 16), y=arrays["y"])
    told = "the model was trained on images of 8x8x1, these have 4x16x1"
    assert_refused(command("predict", run, other, "--out", tmp_path / "p.csv"), str(other), told)
    assert_refused(command("evaluate", run, "--dataset", other), told)


def test_compare_takes_layers_of_images(command, images):
    outcome = command(
        "compare", images, "--layers conv:4:3-mean_pool --epochs 2 --repeats 2 --no-variants --methods none"
    )
    assert outcome.status == 0, outcome.err
    assert "200 rows, 60 labeled" in outcome.out


def test_without_top_gamma_the_model_has_none(command, tmp_path):
    command("train --no-top-gamma --hidden-layers 5", SHORT, "--out", tmp_path / "run")
    assert "param/encoder.2.gamma" not in load(tmp_path / "run" / "model.npz")
    assert command("evaluate", tmp_path / "run").status == 0


# ---- Image files of another number of channels than the model was trained on.


@pytest.fixture
def pictures(tmp_path):
    """Folders of gray and of colored images with the same brightness, bright ones and dark ones."""
    Image = pytest.importorskip("PIL.Image", reason="the extra images is not installed")
    generator = np.random.default_rng(0)
    for k in range(40):
        gray = generator.integers(0, 100, (6, 4), dtype=np.uint8) + np.uint8(150 * (k % 2))
        for kind, mode in (("gray", "L"), ("color", "RGB")):
            for home in (tmp_path / kind / ("bright" if k % 2 else "dark"), tmp_path / f"new-{kind}"):
                home.mkdir(parents=True, exist_ok=True)
                Image.fromarray(gray).convert(mode).save(home / f"{k:02}.png")
    return tmp_path


@pytest.mark.parametrize(("trained", "given"), [("color", "gray"), ("gray", "color")])
@pytest.mark.parametrize("layers", ["--layers conv:4:3-mean_pool", "--hidden-layers 5"])
def test_gray_files_become_colors_for_a_model_of_colors_and_colors_gray(command, pictures, trained, given, layers):
    run = pictures / "run"
    outcome = command("train --dataset", pictures / trained, layers, "--test-fraction 0.2", SHORT, "--out", run)
    assert outcome.status == 0, outcome.err
    tables = []
    for kind in (trained, given):
        out = pictures / f"{kind}.csv"
        outcome = command("predict", run, pictures / f"new-{kind}", "--out", out)
        assert outcome.status == 0, outcome.err
        tables.append(out.read_text())
    assert len(tables[0].splitlines()) == 41
    assert tables[0] == tables[1]
    errors = [command("evaluate", run / "model.npz", "--dataset", pictures / kind).out for kind in (trained, given)]
    assert errors[0].split(": ")[1] == errors[1].split(": ")[1]
    one = command("predict", run, pictures / f"new-{given}" / "00.png", "--out -")
    alone, together = (float(text.splitlines()[1].split(",")[1]) for text in (one.out, tables[0]))
    assert alone == pytest.approx(together, abs=1e-9)


def test_a_file_of_another_size_is_told_whatever_its_channels_are(command, pictures):
    Image = pytest.importorskip("PIL.Image", reason="the extra images is not installed")
    run = pictures / "run"
    command(
        "train --dataset", pictures / "color", "--layers conv:4:3-mean_pool --test-fraction 0.2", SHORT, "--out", run
    )
    Image.fromarray(np.zeros((9, 8), np.uint8)).save(pictures / "wide.png")
    outcome = command("predict", run, pictures / "wide.png", "--out", pictures / "p.csv")
    assert_refused(outcome, "wide.png", "the model was trained on images of 6x4x3, these have 9x8x1")


@pytest.mark.parametrize("scaling", ["pixels", "gcn_zca"])
def test_the_report_of_colored_images_is_written(command, pictures, scaling):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    run = pictures / "run"
    options = f"--layers conv:4:3-mean_pool --test-fraction 0.2 --scaling {scaling}"
    command("train --dataset", pictures / "color", options, SHORT, "--out", run)
    assert command("report", run).status == 0
    assert "Not shown" not in (run / "report.html").read_text()
