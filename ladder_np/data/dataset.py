"""A checked dataset, and the one place that checks its arrays."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ladder_np.data.encoding import Values
from ladder_np.data.labels import IN_FILES, Labels, plain_classes
from ladder_np.data.pixels import square_side
from ladder_np.data.sparse import Features, SparseRows
from ladder_np.data.stored import StoredRows, blocks
from ladder_np.data.words import Vocabulary
from ladder_np.errors import InputError

__all__ = ["Dataset", "Features", "ImageShape", "check_features", "find_image_shape", "make_dataset"]

ImageShape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of features with class indices; build it with `make_dataset`, which checks everything."""

    name: str  # "digits", "mnist", "fashion-mnist", the file's name without its ending, or the folder's
    # (n, d): training rows in the dtype they came in (uint8 pixels stay uint8); in memory, C-contiguous, or in their
    # file. Index it by rows, and go through it by `blocks`.
    X: Features
    y: np.ndarray  # (n,): index 0..K-1 into `classes`; -1 for an unlabeled row
    # (K,): the classes as the file has them, ascending: int64 for whole numbers of any type, texts, or booleans
    classes: np.ndarray
    # (m, d): the dataset's own test set; every row of it is labeled
    X_test: Features | None = None
    y_test: np.ndarray | None = None
    feature_names: tuple[str, ...] | None = None  # the columns of a CSV file without the label column
    # what pixels are divided by (255, or 16 for the digits); None for a table of numbers
    pixel_maximum: int | None = None
    # of a text table, in which cells may be missing (NaN): the texts of each column, None where it holds numbers
    values: Values | None = None
    left_out: tuple[str, ...] = ()  # columns of the file that are neither features nor labels
    # (n,): documents, or windows of one, of which X has no features until a vocabulary is chosen
    texts: Sequence[str] | None = None
    # (height, width, channels) where each row is an image, whose values lie channels last, row by row
    image_shape: ImageShape | None = None
    # whether rows are windows that overlap, so that what is held out must be the end, and no rows between others
    overlapping: bool = False

    def shape_of_images(self, taken: tuple[int, ...]) -> ImageShape | None:
        """Return (height, width, channels) of the images that rows are; None if they are not images.

        `taken` is the shape of one row as a model takes it: if it takes images, they are of this shape. Else the
        dataset's own shape counts, but one pixel high or wide it is a series of numbers; without one, a square number
        of pixels is a gray image.
        """
        if len(taken) == 3:
            return taken
        if self.image_shape is not None:
            return self.image_shape if min(self.image_shape[:2]) > 1 else None
        side = None if self.pixel_maximum is None else square_side(self.X.shape[1])
        return None if side is None else (side, side, 1)

    def with_vocabulary(self, vocabulary: Vocabulary) -> "Dataset":
        """Return the dataset with the features that a vocabulary makes of its texts."""
        return dataclasses.replace(self, X=vocabulary.rows(self.texts or ()))


def make_dataset(
    name: str,
    X: Features,
    y: Features | Labels,
    X_test: Features | None = None,
    y_test: Features | None = None,
    *,
    feature_names: tuple[str, ...] | None = None,
    pixel_maximum: int | None = None,
    values: Values | None = None,
    image_shape: ImageShape | None = None,
    source: str,
) -> Dataset:
    """Check arrays, and find the classes and each row's index into them.

    Parameters
    ----------
    name : str
        What the dataset is called.
    X : ndarray or StoredRows (n, d) or (n, ...)
        Real numbers; rows of more than one dimension (images) are flattened.
    y : ndarray (n,) or Labels
        Whole numbers, texts or booleans; -1 or an empty text for an unlabeled row.
    X_test, y_test : ndarray, optional
        Both or neither; like `X` and `y`, without unlabeled rows.
    feature_names : tuple of str, optional
        A name for each of the d features.
    pixel_maximum : int, optional
        What pixels are divided by.
    values : tuple, optional
        Of each column, the texts that its numbers are the codes of, or None; with it, X may hold NaN.
    image_shape : tuple of int, optional
        (height, width, channels) of each row; else as `find_image_shape` says.
    source : str
        Where the arrays come from, for the error line: a path.

    Returns
    -------
    Dataset
        Shares the memory of `X` and `X_test` where they are C-contiguous.

    Raises
    ------
    InputError
        If anything above does not hold, a feature is not finite, or no row is labeled.
    """
    image_shape = image_shape or find_image_shape(X)
    test_shape = None if X_test is None else find_image_shape(X_test)
    if image_shape and test_shape and image_shape != test_shape:
        shown = ("x".join(map(str, shape)) for shape in (image_shape, test_shape))
        raise InputError(f"{source}: X holds images of {' and X_test of '.join(shown)}; expected one shape")
    X = check_features(X, source, "X", feature_names, missing=values is not None)
    labels = _labels_of(X, y, f"{source}: y")
    classes, index = labels.encode()
    classes = plain_classes(classes, labels.name)
    test_index = None
    if X_test is not None and y_test is not None:
        X_test = check_features(X_test, source, "X_test", feature_names)
        _check_same_features(X, X_test, pixel_maximum, source)
        test_index = _test_index(_labels_of(X_test, y_test, f"{source}: y_test"), classes)
    elif X_test is not None or y_test is not None:
        given, missing = ("y_test", "X_test") if X_test is None else ("X_test", "y_test")
        raise InputError(f"{source}: has {given} without {missing}; give both or neither")
    tests = X_test, test_index
    return Dataset(name, X, index, classes, *tests, feature_names, pixel_maximum, values, image_shape=image_shape)


def find_image_shape(X: Features) -> ImageShape | None:
    """Return (height, width, channels) of images (n, height, width[, channels]); None of other arrays."""
    if X.ndim not in (3, 4) or 0 in X.shape:
        return None
    height, width, channels = (*X.shape[1:], 1)[:3]
    return height, width, channels


def _labels_of(X: Features, y: Features | Labels, name: str) -> Labels:
    labels = y if isinstance(y, Labels) else Labels(y, IN_FILES, name)  # type: ignore[arg-type]
    labels.check_count(len(X))
    return labels


def _test_index(labels: Labels, classes: np.ndarray) -> np.ndarray:
    index = labels.encode(classes)[1]
    if (index < 0).any():
        raise InputError(f"{labels.at(int(index.argmin()))}: unlabeled; every test row needs its label")
    return index


def check_features(
    X: Features,
    source: str,
    what: str = "X",
    feature_names: tuple[str, ...] | None = None,
    missing: bool = False,
) -> Features:
    """Return features (n, d), or (n, ...) made such, after a check that needs no second array of their size.

    The numbers and dtype stay, but booleans become uint8 0 and 1; an array becomes C-contiguous and of this machine's
    byte order, rows in a file stay there. `source`, `what` and `feature_names` are for the error line. Raises
    InputError if `X` has fewer than two dimensions, no row or no feature, is not real, or holds infinity or, unless
    numbers may be `missing`, NaN.
    """
    if isinstance(X, SparseRows):  # checked where it was made
        return X
    if X.dtype == bool:
        X = X.as_bytes() if isinstance(X, StoredRows) else X.view(np.uint8)
    if X.dtype.kind not in "iuf":
        raise InputError(f"{source}: {what} is of type {X.dtype}; expected real numbers (integers or floats)")
    if X.ndim < 2:
        raise InputError(f"{source}: {what} has the shape {X.shape}; expected two dimensions: rows and features")
    if 0 in X.shape:
        raise InputError(f"{source}: {what} has the shape {X.shape}; expected at least one row and one feature")
    if isinstance(X, StoredRows):
        X = X.flat()
    else:
        X = np.ascontiguousarray(X, dtype=X.dtype.newbyteorder("=")).reshape(len(X), -1)
    if X.dtype.kind == "f":
        _refuse_nonfinite(X, source, what, feature_names, missing)
    return X


def _refuse_nonfinite(X: Features, source: str, what: str, names: tuple[str, ...] | None, missing: bool) -> None:
    for start, rows in blocks(X):
        finite = ~np.isinf(rows) if missing else np.isfinite(rows)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            value = rows[row, column]
            where = f"column {column}" if names is None else f"column {names[column]!r}"
            raise InputError(
                f"{source}: {what}, row {start + row}, {where} (counted from 0) is {value}; "
                "expected finite numbers, not NaN or infinity: fill it in or drop the row"
            )


def _check_same_features(X: Features, X_test: Features, pixel_maximum: int | None, source: str) -> None:
    if X_test.shape[1] != X.shape[1]:
        raise InputError(f"{source}: X has {X.shape[1]} features and X_test has {X_test.shape[1]}; expected as many")
    # Pixels of another type are most likely scaled already and would be scaled twice.
    if pixel_maximum is not None and X_test.dtype != X.dtype:
        raise InputError(f"{source}: X is {X.dtype} and X_test is {X_test.dtype}; save both as {X.dtype} pixels")
