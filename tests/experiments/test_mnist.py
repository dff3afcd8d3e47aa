"""The real MNIST through the command line, with a network small enough for a test; skipped where it is not found."""

import os
from pathlib import Path

import numpy as np
import pytest

from ladder_np.commands import main
from ladder_np.data.readers import read_rows
from ladder_np.predictor import Predictor

DATA = Path(os.environ.get("LADDER_NP_DATA") or Path(__file__).parents[3] / "shared" / "data")
TEST_IMAGES = DATA / "mnist" / "t10k-images-idx3-ubyte.gz"

needs_mnist = pytest.mark.skipif(
    not TEST_IMAGES.exists(), reason="MNIST not found: set LADDER_NP_DATA to a folder that holds mnist/"
)


@needs_mnist
def test_train_evaluate_and_predict_ten_thousand_rows_however_they_are_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    small = [
        "--epochs",
        "1",
        "--hidden-layers",
        "100-50",
        "--denoising-weights",
        "1000,10,0.1,0.1",
        "--noise-std",
        "0.3",
    ]
    where = ["--data-dir", str(DATA)]
    run = tmp_path / "run"
    assert main(["train", "--preset", "mnist-100-full", *small, *where, "--out", str(run)]) == 0
    trained = capsys.readouterr().out
    assert main(["evaluate", str(run), *where]) == 0
    evaluated = capsys.readouterr().out.strip()
    assert evaluated.removeprefix("test error: ") in trained
    assert evaluated.endswith(" of 10000)")
    assert float(evaluated.split()[2]) < 30

    predictor = Predictor.load(run / "model.npz")
    X = read_rows(TEST_IMAGES).X
    together = predictor.predict_proba(X)
    for size, rows in ((7, 10_000), (1, 1000)):
        parts = [predictor.predict_proba(X[start : start + size]) for start in range(0, rows, size)]
        np.testing.assert_allclose(np.concatenate(parts), together[:rows], atol=1e-6)
        np.testing.assert_array_equal(np.concatenate(parts).argmax(axis=1), together[:rows].argmax(axis=1))
