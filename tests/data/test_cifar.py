"""CIFAR-10 in its binary layout: what a record says, where the files may be, and the line for each damaged one."""

import numpy as np
import pytest
from small_files import line_of

from ladder_np.data import cifar
from ladder_np.data.readers import open_dataset

RECORDS = 20


@pytest.fixture(autouse=True)
def short_files(monkeypatch):
    monkeypatch.setattr(cifar, "RECORDS", RECORDS)


def write_batches(folder, seed=0):
    """Write six short files; their records by name, (records, 3073)."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    files = {}
    for name in (*cifar.TRAINING_FILES, cifar.TEST_FILE):
        records = generator.integers(0, 256, (RECORDS, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(RECORDS) % 10
        (folder / name).write_bytes(records.tobytes())
        files[name] = records
    return files


def test_a_record_is_a_label_and_then_all_red_all_green_and_all_blue_values_row_by_row(tmp_path):
    files = write_batches(tmp_path / cifar.FOLDER)
    dataset = open_dataset("cifar-10", tmp_path)
    assert (dataset.X.shape, dataset.X.dtype, dataset.X_test.shape) == (
        (5 * RECORDS, 3072),
        np.uint8,
        (RECORDS, 3072),
    )
    assert (dataset.image_shape, dataset.pixel_maximum) == ((32, 32, 3), 255)
    image = dataset.X.reshape(-1, 32, 32, 3)[2 * RECORDS + 7]
    record = files["data_batch_3.bin"][7]
    for color in range(3):
        for row, column in ((0, 0), (0, 31), (5, 9), (31, 31)):
            assert image[row, column, color] == record[1 + 1024 * color + 32 * row + column]
    np.testing.assert_array_equal(dataset.X_test[3].reshape(1024, 3).T.ravel(), files["test_batch.bin"][3, 1:])


def test_the_classes_have_their_names_in_the_order_of_the_labels(tmp_path):
    files = write_batches(tmp_path / cifar.FOLDER)
    dataset = open_dataset("cifar-10", tmp_path)
    assert tuple(dataset.classes) == cifar.CLASSES
    np.testing.assert_array_equal(dataset.y[:RECORDS], files["data_batch_1.bin"][:, 0])
    np.testing.assert_array_equal(dataset.y_test, files["test_batch.bin"][:, 0])


@pytest.mark.parametrize("folder", [cifar.FOLDER, f"cifar-10/{cifar.FOLDER}", "cifar-10"])
def test_the_files_are_found_where_the_archive_and_where_fetch_puts_them(tmp_path, folder):
    write_batches(tmp_path / folder)
    assert len(open_dataset("cifar-10", tmp_path).y) == 5 * RECORDS


def test_without_the_files_the_line_says_how_to_get_them(tmp_path):
    line = line_of(open_dataset, "cifar-10", tmp_path)
    assert f"ladder-np fetch cifar-10 --data-dir {tmp_path}" in line


def cut(data):
    return data[:-1]


def lengthened(data):
    return data + b"\0"


def with_a_wrong_label(data):
    return data[: 4 * 3073] + b"\x0a" + data[4 * 3073 + 1 :]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, f"truncated: has {RECORDS * 3073 - 1} bytes; expected {RECORDS} records of 3073 bytes"),
        (lengthened, "has more bytes than it should"),
        (with_a_wrong_label, "record 4 (counted from 0) has the label 10; expected 0 to 9"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, damage, said):
    write_batches(tmp_path / cifar.FOLDER)
    path = tmp_path / cifar.FOLDER / "data_batch_2.bin"
    path.write_bytes(damage(path.read_bytes()))
    line = line_of(open_dataset, "cifar-10", tmp_path)
    assert line.startswith(f"{path}: ")
    assert said in line


def test_a_missing_file_is_named(tmp_path):
    write_batches(tmp_path / cifar.FOLDER)
    (tmp_path / cifar.FOLDER / "test_batch.bin").unlink()
    assert "test_batch.bin: no such file" in line_of(open_dataset, "cifar-10", tmp_path)
