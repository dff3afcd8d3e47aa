"""`ladder-np predict`: classes and probabilities of new rows, the same in whichever pieces they come."""

import numpy as np
import pytest
from command_files import COLUMNS, TINY, blobs, idx_bytes, quiet, read_table, write_blobs, write_table

from ladder_np.predictor import Predictor


@pytest.fixture
def rows():
    return blobs(50, seed=8)[0]


def predict(command, run, data, out, options=""):
    """The header, the classes and the probabilities that the command writes."""
    outcome = command("predict", run, data, "--out", out, options)
    assert (outcome.status, outcome.err) == (0, "")
    header, lines = read_table(out)
    assert outcome.out == f"{len(lines)} rows written to {out}\n"
    return header, np.array([int(line[0]) for line in lines]), np.array([line[1:] for line in lines], float)


def test_writes_a_class_and_probabilities_a_row(command, npz_run, rows, tmp_path):
    np.savez(tmp_path / "new.npz", X=rows)
    header, classes, probabilities = predict(command, npz_run, tmp_path / "new.npz", tmp_path / "out.csv")
    assert header == ["class", "p_1", "p_2", "p_3"]  # the data's own class numbers
    assert probabilities.shape == (50, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(classes, 1 + probabilities.argmax(axis=1))


def test_classes_are_those_of_the_predictor(command, npz_run, rows, tmp_path):
    np.savez(tmp_path / "new.npz", X=rows)
    _, classes, probabilities = predict(command, npz_run, tmp_path / "new.npz", tmp_path / "out.csv")
    predictor = Predictor.load(npz_run / "model.npz")
    assert np.array_equal(classes, predictor.predict(rows))
    np.testing.assert_allclose(probabilities, predictor.predict_proba(rows), rtol=1e-6)


def test_the_columns_of_a_csv_may_come_in_any_order_with_or_without_the_label(command, csv_run, rows, tmp_path):
    plain = write_table(tmp_path / "plain.csv", COLUMNS, rows.tolist())
    order = [2, 0, 3, 1]
    mixed = [[*row[order].tolist(), "unknown"] for row in rows]
    mixed = write_table(tmp_path / "mixed.csv", [*(COLUMNS[k] for k in order), "label"], mixed)
    header, classes, probabilities = predict(command, csv_run, plain, tmp_path / "plain.out.csv")
    again = predict(command, csv_run, mixed, tmp_path / "mixed.out.csv")
    assert header == again[0] == ["class", "p_0", "p_1", "p_2"]
    assert np.array_equal(classes, again[1])
    assert np.array_equal(probabilities, again[2])


def test_the_label_column_may_have_another_name(command, csv_run, rows, tmp_path):
    data = write_table(tmp_path / "new.csv", [*COLUMNS, "species"], [[*row.tolist(), "?"] for row in rows])
    _, classes, _ = predict(command, csv_run, data, tmp_path / "out.csv", "--label-column species")
    assert len(classes) == 50


def test_a_csv_and_an_npz_of_the_same_numbers_get_the_same_predictions(command, csv_run, rows, tmp_path):
    np.savez(tmp_path / "new.npz", X=rows)
    write_table(tmp_path / "new.csv", COLUMNS, rows.tolist())
    results = [predict(command, csv_run, tmp_path / f"new.{kind}", tmp_path / "out.csv") for kind in ("npz", "csv")]
    assert np.array_equal(results[0][2], results[1][2])


def test_the_labels_of_an_npz_are_not_read(command, npz_run, rows, tmp_path):
    np.savez(tmp_path / "new.npz", X=rows, y=["what", "ever"])
    _, classes, _ = predict(command, npz_run, tmp_path / "new.npz", tmp_path / "out.csv")
    assert len(classes) == 50


def test_idx_images_are_predicted_like_their_rows(command, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (90, 2, 2))
    y = (images.reshape(90, 4).mean(axis=1) > 127).astype(int)
    np.savez(tmp_path / "data.npz", X=images.astype(np.uint8), y=y)
    quiet("train --dataset", tmp_path / "data.npz", TINY, "--no-baseline --out", tmp_path / "run")
    (tmp_path / "new-ubyte").write_bytes(idx_bytes(images))
    idx = predict(command, tmp_path / "run", tmp_path / "new-ubyte", tmp_path / "a.csv")
    npz = predict(command, tmp_path / "run", tmp_path / "data.npz", tmp_path / "b.csv")
    assert np.array_equal(idx[2], npz[2])


def test_an_existing_output_file_is_replaced(command, npz_run, rows, tmp_path):
    np.savez(tmp_path / "new.npz", X=rows[:3])
    (tmp_path / "out.csv").write_text("old\n" * 100)
    _, classes, _ = predict(command, npz_run, tmp_path / "new.npz", tmp_path / "out.csv")
    assert len(classes) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"new.npz", "out.csv"}  # nothing is left beside it


@pytest.mark.parametrize("pieces", [1, 7, 64, 300])
def test_predictions_do_not_depend_on_the_rows_they_come_with(npz_run, pieces):
    rows = blobs(300, seed=9)[0]
    predictor = Predictor.load(npz_run / "model.npz")
    whole = predictor.predict_proba(rows)
    parts = [predictor.predict_proba(rows[start : start + pieces]) for start in range(0, 300, pieces)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6, rtol=0)
    assert np.array_equal(np.concatenate(parts).argmax(axis=1), whole.argmax(axis=1))


def test_predictions_do_not_change_when_a_large_input_is_worked_off_in_blocks(npz_run):
    """More rows than go through the network at once."""
    rows = blobs(2500, seed=10)[0]
    predictor = Predictor.load(npz_run / "model.npz")
    whole = predictor.predict_proba(rows)
    picked = np.random.default_rng(0).permutation(2500)
    np.testing.assert_allclose(predictor.predict_proba(rows[picked]), whole[picked], atol=1e-6, rtol=0)


def test_the_input_is_left_as_it_was(npz_run):
    rows = blobs(20, seed=11)[0]
    kept = rows.copy()
    rows.flags.writeable = False
    Predictor.load(npz_run / "model.npz").predict(rows)
    assert np.array_equal(rows, kept)


def test_class_numbers_may_begin_at_one(npz_run, tmp_path):
    data = write_blobs(tmp_path / "zero.npz")
    quiet("train --dataset", data, TINY, "--no-baseline --out", tmp_path / "run")
    from_zero, from_one = (Predictor.load(run / "model.npz") for run in (tmp_path / "run", npz_run))
    assert np.array_equal(from_zero.classes, [0, 1, 2])
    assert np.array_equal(from_one.classes, [1, 2, 3])
    rows = blobs(40, seed=12)[0]
    assert np.array_equal(from_zero.predict(rows) + 1, from_one.predict(rows))


def test_the_label_column_of_the_training_is_left_out_and_a_feature_called_label_is_not(command, rows, tmp_path):
    X, y = blobs(90, seed=4)
    columns = ["label", *COLUMNS[1:], "target"]
    lines = [[*x, label] for x, label in zip(X.tolist(), y.tolist(), strict=True)]
    data = write_table(tmp_path / "table.csv", columns, lines)
    quiet("train --dataset", data, "--label-column target", TINY, "--out", tmp_path / "run")
    _, classes, _ = predict(command, tmp_path / "run", data, tmp_path / "out.csv")
    assert np.array_equal(classes, Predictor.load(tmp_path / "run" / "model.npz").predict(X))


def test_scaled_pixels_are_refused_by_a_model_of_raw_ones(command, tmp_path):
    generator = np.random.default_rng(0)
    X, y = generator.integers(0, 256, (80, 16), dtype=np.uint8), np.arange(80) % 2
    np.savez(tmp_path / "pixels.npz", X=X, y=y)
    np.savez(tmp_path / "scaled.npz", X=X / 255)
    quiet("train --dataset", tmp_path / "pixels.npz", TINY, "--out", tmp_path / "run")
    outcome = command("predict", tmp_path / "run", tmp_path / "scaled.npz", "--out", tmp_path / "out.csv")
    assert outcome.status == 2
    assert "scaled.npz: the model was trained on whole-numbered pixels" in outcome.err
    assert not (tmp_path / "out.csv").exists()
