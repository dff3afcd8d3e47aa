"""The one preset that is not a ladder."""

import json

import numpy as np
import pytest
from command_files import assert_refused, image_files, image_set_of, quiet, write_images

from ladder_np.data.download import IMAGE_SETS

PRESET = "train --preset denoising-autoencoder"


@pytest.fixture
def pixels(tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (300, 30), dtype=np.uint8)
    np.savez(tmp_path / "pixels.npz", X=X, y=np.arange(300) % 3)
    return tmp_path / "pixels.npz"


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """A folder of data files with a little set of images that passes as MNIST."""
    files = image_files()
    monkeypatch.setitem(IMAGE_SETS, "mnist", image_set_of(files))
    return write_images(tmp_path / "data", files)


def test_each_epoch_stands_beside_the_tutorials(command, mnist, tmp_path):
    done = command(PRESET, "--epochs 10 --seed 3 --data-dir", mnist, "--out", tmp_path / "run")
    assert (done.status, done.err) == (0, "")
    first, heading, *rows, saved = done.out.splitlines()
    assert "seed 3" in first
    assert heading.split() == ["epoch", "training", "MSE", "seconds", "tutorial"]
    assert [row.split()[0] for row in rows] == [str(epoch) for epoch in range(1, 11)]
    assert [row.split()[3:] for row in (rows[0], rows[1], rows[9])] == [["0.0471"], [], ["0.0178"]]
    assert float(rows[9].split()[1]) < float(rows[0].split()[1])
    assert saved == f"run saved in {tmp_path / 'run'}"
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [f"{mse:.4f}" for mse in result["training_mse"]] == [row.split()[1] for row in rows]
    with np.load(tmp_path / "run" / "autoencoder.npz", allow_pickle=False) as saved_weights:
        assert saved_weights["W1"].shape == (12, 128)


def test_numbers_of_other_data_stand_alone(command, pixels):
    done = command(PRESET, "--epochs 2 --dataset", pixels)
    heading, *rows = done.out.splitlines()[1:]
    assert heading.split() == ["epoch", "training", "MSE", "seconds"]
    assert [len(row.split()) for row in rows] == [3, 3]


@pytest.mark.parametrize(
    "words",
    [
        "plot ae",
        "report ae",
        "table ae",
        "table other ae",
        "compare ae",
        "compare other ae",
        "evaluate ae",
        "predict ae pixels.npz --out p.csv",
        "generate ae",
        "describe ae",
        "embeddings ae --measure",
        "train --resume ae",
    ],
)
def test_commands_that_need_a_ladder_say_what_the_folder_is(command, pixels, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    quiet(PRESET, "--epochs 1 --dataset pixels.npz --out ae")
    quiet("train --epochs 1 --hidden-layers 4 --no-baseline --out other")
    outcome = command(words)
    assert_refused(outcome, "ae: the run of a denoising autoencoder, which is not a ladder: it has no test error")
    assert outcome.err.endswith("; its errors are in ae/result.json\n")


def test_a_seed_repeats(command, pixels):
    def errors(seed):
        rows = command(PRESET, "--epochs 2 --seed", str(seed), "--dataset", pixels).out.splitlines()[2:]
        return [row.split()[1] for row in rows]

    assert errors(1) == errors(1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--labels 5", "leave out --labels"),
        ("--device cuda", "leave out --device"),
        ("--resume run", "leave out --resume"),
        ("--epochs 0", "epochs 0: expected at least 1"),
        ("--dataset mnist --data-dir nowhere", "nowhere"),
    ],
)
def test_what_it_does_not_take_is_told_in_one_line(command, options, says):
    done = command(PRESET, options)
    assert done.status == 2
    assert says in done.err
    assert done.err.count("\n") == 1


def test_a_folder_that_exists_is_kept(command, pixels, tmp_path):
    (tmp_path / "run").mkdir()
    done = command(PRESET, "--dataset", pixels, "--out", tmp_path / "run")
    assert (done.status, done.out) == (2, "")
    assert "exists already" in done.err


def test_what_has_no_pixels_is_refused(command, tmp_path):
    np.savez(tmp_path / "t.npz", X=np.random.default_rng(0).normal(size=(50, 4)), y=np.arange(50) % 2)
    done = command(PRESET, "--dataset", tmp_path / "t.npz")
    assert (done.status, done.out) == (2, "")
    assert "learns from images of whole pixels, such as mnist" in done.err


def test_other_commands_say_how_it_runs(command, tmp_path):
    assert "denoising-autoencoder" in command("presets").out
    assert "ladder-np train --preset denoising-autoencoder" in command("presets denoising-autoencoder").out
    swept = command("sweep --preset denoising-autoencoder --out", tmp_path / "sweep")
    assert swept.status == 2
    assert "is not a ladder" in swept.err
