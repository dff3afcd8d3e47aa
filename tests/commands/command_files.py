"""Small data for the tests of the command line, and what a folder holds."""

import contextlib
import csv
import gzip
import hashlib
import io
import os
import re
import struct
from dataclasses import dataclass

import numpy as np

from ladder_np.commands import main
from ladder_np.data.download import FILES, ImageSet

COLUMNS = ("width", "height", "weight", "age")
PROGRESS = re.compile(r"(ladder|supervised only)  epoch \d+/\d+  cost .* left$")
TINY = "--hidden-layers 8-6 --epochs 3"


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and its two outputs, the lines that show how far it is apart."""

    status: int
    out: str
    err: str
    progress: tuple[str, ...] = ()

    @classmethod
    def of(cls, status, out, err):
        lines = err.splitlines(keepends=True)
        progress = tuple(line.rstrip("\n") for line in lines if PROGRESS.match(line))
        return cls(status, out, "".join(line for line in lines if not PROGRESS.match(line)), progress)


def words(*parts):
    """The argument list: texts are split at blanks, paths are one argument each."""
    return [word for part in parts for word in (part.split() if isinstance(part, str) else [str(part)])]


def quiet(*parts):
    """Run a command whose output no test looks at; it must succeed."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main(words(*parts)) == 0


def blobs(rows, seed=0, first_class=0):
    """Three clouds in four dimensions: features (rows, 4) and class numbers (rows,)."""
    generator = np.random.default_rng(seed)
    y = np.arange(rows) % 3
    X = generator.standard_normal((rows, 4)) + 3 * np.eye(4)[y] + [10, 0, -5, 100]
    return X, y + first_class


def write_blobs(path, first_class=0):
    """A data file with 200 rows, 150 of them unlabeled, and 60 test rows; its path."""
    X, y = blobs(200, seed=1, first_class=first_class)
    X_test, y_test = blobs(60, seed=2, first_class=first_class)
    y[50:] = -1
    np.savez(path, X=X, y=y, X_test=X_test, y_test=y_test)
    return path


def write_table(path, columns, rows):
    """A CSV file; its path."""
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def write_csv_blobs(path):
    """A CSV file with the label in the middle, 90 labeled rows and 60 with an empty cell; its path."""
    X, y = blobs(150, seed=3)
    labels = [*map(str, y[:90]), *[""] * 60]
    rows = [[*x[:2], label, *x[2:]] for x, label in zip(X.tolist(), labels, strict=True)]
    return write_table(path, [*COLUMNS[:2], "label", *COLUMNS[2:]], rows)


def read_table(path):
    """Header, and rows of texts, of a CSV file."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def load(path):
    """Every array of an archive, never unpickling."""
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def change(source, target, **entries):
    """Copy an archive with some entries replaced, added, or left out where None; the copy's path."""
    arrays = load(source) | entries
    np.savez(target, **{key: value for key, value in arrays.items() if value is not None})
    return target


def idx_bytes(array):
    """The plain IDX file of an array of bytes."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype("u1").tobytes()


def image_files():
    """The four plain files of a little image set, by name: 40 and 20 images of 3x4 pixels, two classes."""
    generator = np.random.default_rng(4)
    images, labels = generator.integers(0, 256, (60, 3, 4)), np.arange(60) % 2
    parts = images[:40], labels[:40], images[40:], labels[40:]
    return dict(zip(FILES, map(idx_bytes, parts), strict=True))


def write_images(folder, files=None):
    """Write the four files, gzip'd, into `folder`/mnist; `folder`."""
    (folder / "mnist").mkdir(parents=True)
    for name, content in (files or image_files()).items():
        (folder / "mnist" / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder


def image_set_of(files):
    """What the table of image sets must say for these files to pass as official ones."""
    return ImageSet((), tuple(hashlib.sha256(content).hexdigest() for content in files.values()))


def listing(folder):
    """Everything in a folder, with sizes and times: equal listings mean that nothing was written."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            about = os.lstat(os.path.join(parent, name))
            found[os.path.join(parent, name)] = about.st_size, about.st_mtime_ns
    return found


def assert_refused(outcome, *fragments):
    """One error line with all fragments, status 2, no result."""
    assert outcome.status == 2, outcome
    assert outcome.err.startswith("ladder-np: error: ")
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith("\n")
    assert "Traceback" not in outcome.err
    for fragment in fragments:
        assert fragment in outcome.err
    for result in ("test error", "saved", "written", "agree", "gradient check"):
        assert result not in outcome.out
