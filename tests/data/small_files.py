"""Small files for the tests of the data floor, and the check that an error is one line."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from ladder_np.data.download import FILES, ImageSet
from ladder_np.errors import InputError

GOOD_CSV = "a,label,b\n1,0,2.5\n-3e2,1,4\n5,,6\n7,-1,8\n"


def idx_bytes(array):
    """The plain IDX file of an array of bytes."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def small_set(seed=0):
    """The four plain files of a little image set: 6 and 4 images of 2x3 pixels, 2 classes."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (10, 2, 3))
    labels = np.arange(10) % 2
    return dict(
        zip(FILES, map(idx_bytes, (images[:6], labels[:6], images[6:], labels[6:])), strict=True),
    )


def table_entry(plain, *, mirrors=()):
    """What the table of image sets must say about these files."""
    return ImageSet(mirrors, tuple(hashlib.sha256(data).hexdigest() for data in plain.values()))


def packed(data):
    """gzip'd, always to the same bytes."""
    return gzip.compress(data, mtime=0)


def write_set(folder, plain):
    """Write the four files, gzip'd, into a folder."""
    folder.mkdir(parents=True)
    for file, data in plain.items():
        (folder / f"{file}.gz").write_bytes(packed(data))


def write_text(path, text, encoding="utf-8"):
    """Write a text file; its path."""
    path.write_bytes(text.encode(encoding))
    return path


def line_of(action, *arguments):
    """The error line, which must be one line."""
    with pytest.raises(InputError) as caught:
        action(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)
