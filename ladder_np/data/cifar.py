"""CIFAR-10 in its official binary layout: six files of records, each a label and an image of 32 x 32 in three colors.

A record has 3,073 bytes: the class from 0 to 9, then 1,024 bytes of red, of green and of blue, row by row.
"""

from pathlib import Path

import numpy as np

from ladder_np.data.dataset import Dataset, make_dataset
from ladder_np.errors import InputError
from ladder_np.files import open_file
from ladder_np.npy import fill, new_array

__all__ = ["CIFAR_10", "CLASSES", "FOLDER", "TEST_FILE", "TRAINING_FILES", "find_cifar10", "load_cifar10"]

CIFAR_10 = "cifar-10"
FOLDER = "cifar-10-batches-bin"  # as the archive has it
TRAINING_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILE = "test_batch.bin"
# By label, as `batches.meta.txt` lists them; ascending, so that a label is its class's index.
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE, COLORS = 32, 3
PIXELS = SIDE * SIDE * COLORS
RECORDS = 10_000  # in each file


def find_cifar10(data_dir: Path) -> Path | None:
    """Return the folder with the six files: `FOLDER` in `data_dir`, or in its folder cifar-10, or that; else None."""
    own = data_dir / CIFAR_10
    folders = (own / FOLDER, data_dir / FOLDER, own)
    return next((folder for folder in folders if (folder / TRAINING_FILES[0]).exists()), None)


def load_cifar10(folder: Path) -> Dataset:
    """Read the six files in a folder: 50,000 training images and the 10,000 test images, uint8, channels last.

    One file at a time is in memory beside the images. Raises InputError if a file is missing, has another length than
    10,000 records, or a label above 9.
    """
    paths = [folder / file for file in (*TRAINING_FILES, TEST_FILE)]
    X = np.empty((len(paths), RECORDS, SIDE, SIDE, COLORS), np.uint8)
    y = np.empty((len(paths), RECORDS), np.uint8)
    for number, path in enumerate(paths):
        records = _read_records(path)
        y[number] = records[:, 0]
        X[number] = records[:, 1:].reshape(RECORDS, COLORS, SIDE, SIDE).transpose(0, 2, 3, 1)
    names = np.array(CLASSES)[y]
    training = X[:-1].reshape(-1, SIDE, SIDE, COLORS), names[:-1].ravel()
    return make_dataset(CIFAR_10, *training, X[-1], names[-1], pixel_maximum=255, source=str(folder))


def _read_records(path: Path) -> np.ndarray:
    """Return the records of a file, (records, 3073)."""
    expected = RECORDS * (1 + PIXELS)
    told = f"expected {RECORDS} records of {1 + PIXELS} bytes, {expected} in all; get the file again"
    with open_file(path, "a file of CIFAR-10") as file:
        try:
            records = new_array(expected, np.dtype(np.uint8))
            received = fill(records, file)
            more = bool(file.read(1))
        except OSError as error:
            raise InputError(f"{path}: cannot read it ({error.strerror or error})") from error
    if received < expected:
        raise InputError(f"{path}: truncated: has {received} bytes; {told}")
    if more:
        raise InputError(f"{path}: has more bytes than it should; {told}")
    records = records.reshape(RECORDS, 1 + PIXELS)
    if (highest := int(records[:, 0].max())) >= len(CLASSES):
        record = int(records[:, 0].argmax())
        raise InputError(f"{path}: record {record} (counted from 0) has the label {highest}; expected 0 to 9")
    return records
