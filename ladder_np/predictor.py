"""A trained model: raw features in, classes out; saved as one `.npz` of plain arrays.

Keys of the file: ``meta`` (JSON: format, version, the network's description, feature names),
``param/{name}`` as in the test-vector format, ``population/mu.{l}`` and ``population/sigma.{l}`` (d_l,) for
l = 1..L, ``scaling/shift`` and ``scaling/scale`` (d_0,), ``classes`` (d_L,) numbers or texts; ``estimator`` (JSON)
if an estimator has saved it, for itself. Version 1, still read, knew integer classes only.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.arrays import Device
from ladder_np.data.dataset import Features, check_features
from ladder_np.data.scaling import Scaling
from ladder_np.data.stored import StoredRows, blocks
from ladder_np.errors import InputError
from ladder_np.files import read_json, read_npz, write_npz
from ladder_np.network.inference import ROWS_AT_ONCE, PopulationStatistics
from ladder_np.network.model import LadderNetwork
from ladder_np.network.parameters import parameter_shapes
from ladder_np.network.specification import Specification
from ladder_np.version import __version__

__all__ = ["Predictor"]

FORMAT = "ladder_np model"
VERSION, READABLE = 2, (1, 2)
CLASS_KINDS = "biufU"  # of NumPy's dtypes: numbers and texts


@dataclass(eq=False)
class Predictor:
    """A network with all that stands between raw features and classes.

    Parameters
    ----------
    network : LadderNetwork
        With population statistics.
    scaling : Scaling
        From raw features to the network's input.
    classes : (K,) array
        What the network's outputs stand for: numbers or texts (of NumPy's own type, or as Python's objects).
    feature_names : tuple of str or None
        Columns of the training table, None where it had no names.
    pixels : bool
        Whether the model was trained on whole-numbered pixels, so that it must be given such.
    """

    network: LadderNetwork
    scaling: Scaling
    classes: np.ndarray
    feature_names: tuple[str, ...] | None = None
    pixels: bool = False

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return P(class), shape (rows, K), float64, for raw features X (rows, d_0); batches change nothing.

        Raises
        ------
        InputError
            If X is not numbers, or unlike the training data's features.
        """
        return np.concatenate([np.empty((0, len(self.classes))), *self.predict_blocks(X)])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row, (rows,)."""
        best = (probabilities.argmax(axis=1) for probabilities in self.predict_blocks(X))
        return self.classes[np.concatenate([np.empty(0, np.intp), *best])]

    def errors(self, X: Features, y: np.ndarray) -> int:
        """Return how many rows get another class than their index y (rows,) into `classes`."""
        parts = zip(self.predict_blocks(X), blocks(y, ROWS_AT_ONCE), strict=True)
        return sum(int((part.argmax(axis=1) != indices).sum()) for part, (_, indices) in parts)

    def predict_blocks(self, X: Features) -> Iterator[np.ndarray]:
        """Yield what `predict_proba` returns, (some rows, K) at a time; X is read as far as they are asked for.

        Raises
        ------
        InputError
            As `predict_proba`, as soon as what is wrong has been read.
        """
        X = self.checked(X)
        dtype = self.network.specification.numpy_dtype
        for start, part in blocks(X, ROWS_AT_ONCE):
            rows = self.scaling.apply(part, dtype, first_row=start)
            with np.errstate(all="ignore"):  # what overflows is found below
                probabilities = self.network.predict_proba(rows)
            if not np.isfinite(probabilities).all():
                raise InputError("the model gives no finite probabilities for this data; train it again")
            yield probabilities

    def checked(self, X: Features) -> Features:
        """Return X as a finite matrix with the training data's number and kind of features."""
        X = X if isinstance(X, StoredRows) else np.asarray(X)
        expected = self.network.specification.sizes[0]
        if X.ndim != 2 or X.shape[1] != expected:
            given = f"{X.shape[1]}" if X.ndim == 2 else f"shape {X.shape}"
            raise InputError(f"the model was trained on {expected} features a row, this data has {given}")
        if len(X):
            X = check_features(X, "the data to predict")
        if self.pixels and X.dtype.kind == "f" and any((np.floor(rows) != rows).any() for _, rows in blocks(X)):
            raise InputError("the model was trained on whole-numbered pixels, this data has fractions; give it raw")
        return X

    def arrange(self, X: Features, names: tuple[str, ...] | None) -> Features:
        """Return X (rows, d_0) with its named columns in the order of the training table.

        Raises
        ------
        InputError
            If columns are missing or unknown.
        """
        if names is None or self.feature_names is None or isinstance(X, StoredRows):
            return X
        places, known = {name: place for place, name in enumerate(names)}, set(self.feature_names)
        for name in self.feature_names:
            if name not in places:
                raise InputError(f"the model was trained on a column {name!r} that this data lacks")
        for name in names:
            if name not in known:
                raise InputError(f"column {name!r} was not in the training data; remove it")
        return X[:, [places[name] for name in self.feature_names]]

    def save(self, path: Path | str) -> None:
        """Write the model as one `.npz`, beside and renamed.

        Raises
        ------
        InputError
            If the place cannot be written.
        """
        write_npz(path, self.as_arrays())

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Return what `save` writes."""
        return dict(self._arrays())

    def _arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        network, get = self.network, self.network.device.get
        if network.statistics is None:
            raise InputError("this network has no population statistics yet; train it before saving")
        meta = {
            "format": FORMAT,
            "version": VERSION,
            "ladder_np": __version__,
            "feature_names": self.feature_names,
            "pixels": self.pixels,
            "object_classes": self.classes.dtype == object,
            **network.specification.as_json(),
        }
        yield "meta", np.array(json.dumps(meta))
        for name, view in network.parameters.items():
            yield f"param/{name}", get(view)
        for layer in range(1, network.specification.top + 1):
            yield f"population/mu.{layer}", get(network.statistics.mu[layer])
            yield f"population/sigma.{layer}", get(network.statistics.sigma[layer])
        yield "scaling/shift", self.scaling.shift
        yield "scaling/scale", self.scaling.scale
        yield "classes", self.classes.astype(str) if self.classes.dtype == object else self.classes

    @classmethod
    def load(cls, path: Path | str, device: Device | str = "cpu") -> "Predictor":
        """Read a model file.

        Raises
        ------
        InputError
            If it is missing, no model file, or its arrays do not fit its own description.
        """
        return cls.from_arrays(path, read_npz(path, "a model file"), device)

    @classmethod
    def from_arrays(
        cls, path: Path | str, arrays: dict[str, np.ndarray], device: Device | str = "cpu"
    ) -> "Predictor":
        """Return the model that `as_arrays` described; `path` is for the error line.

        Raises
        ------
        InputError
            As `load`.
        """
        meta = _read_meta(path, arrays)
        try:
            specification = Specification.from_json(meta)
        except (InputError, TypeError) as error:
            raise InputError(f"{path}: damaged model file: {error}") from None
        _check_arrays(path, arrays, specification)
        _check_classes(path, arrays, specification)
        _check_feature_names(path, meta.get("feature_names", ...), specification)
        vector = np.concatenate([arrays[f"param/{name}"].ravel() for name in parameter_shapes(specification)])
        network = LadderNetwork.from_parameters(specification, vector, device=device)
        layers = range(1, specification.top + 1)
        put = network.device.put
        network.statistics = PopulationStatistics(
            mu={layer: put(arrays[f"population/mu.{layer}"]) for layer in layers},
            sigma={layer: put(arrays[f"population/sigma.{layer}"]) for layer in layers},
        )
        names = meta["feature_names"]
        return cls(
            network,
            Scaling(shift=arrays["scaling/shift"], scale=arrays["scaling/scale"]),
            arrays["classes"].astype(object) if meta.get("object_classes") is True else arrays["classes"],
            tuple(names) if names is not None else None,
            pixels=meta.get("pixels") is True,
        )


def _read_meta(path: Path | str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    text = arrays.get("meta", np.array(""))
    meta = read_json(str(text[()])) if text.ndim == 0 else None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise InputError(f"{path}: not a model file of ladder_np (its meta entry does not say so)")
    if meta.get("version") not in READABLE:
        readable = " and ".join(map(str, READABLE))
        raise InputError(
            f"{path}: model file version {meta.get('version')!r}; this program reads versions {readable}"
        )
    return meta


def _check_feature_names(path: Path | str, names: Any, specification: Specification) -> None:
    if names is None:
        return
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: damaged model file: its feature names are no list of texts")
    if len(names) != specification.sizes[0]:
        raise InputError(
            f"{path}: damaged model file: {len(names)} feature names for {specification.sizes[0]} features"
        )


def _check_arrays(path: Path | str, arrays: dict[str, np.ndarray], specification: Specification) -> None:
    """Check that exactly the described arrays are there, of the described shapes, kinds and finite values."""
    sizes, dtype = specification.sizes, specification.numpy_dtype
    expected = {f"param/{name}": (shape, dtype) for name, shape in parameter_shapes(specification).items()}
    for layer in range(1, specification.top + 1):
        expected[f"population/mu.{layer}"] = ((sizes[layer],), dtype)
        expected[f"population/sigma.{layer}"] = ((sizes[layer],), dtype)
    expected["scaling/shift"] = expected["scaling/scale"] = ((sizes[0],), np.dtype(np.float64))
    for key, (shape, kind) in expected.items():
        if key not in arrays:
            raise InputError(f"{path}: damaged model file: {key} is missing")
        array = arrays[key]
        if array.shape != shape or array.dtype != kind:
            raise InputError(
                f"{path}: damaged model file: {key} should be {kind} {shape}, it is {array.dtype} {array.shape}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"{path}: damaged model file: {key} holds NaN or infinite values")
        if key.startswith("population/sigma") and array.min() <= 0:
            raise InputError(f"{path}: damaged model file: {key} holds values that are not positive")
    if unknown := set(arrays) - set(expected) - {"meta", "classes", "estimator"}:
        raise InputError(f"{path}: damaged model file: unexpected entry {min(unknown)}")


def _check_classes(path: Path | str, arrays: dict[str, np.ndarray], specification: Specification) -> None:
    """Check that there is a class for each output, all different."""
    if "classes" not in arrays:
        raise InputError(f"{path}: damaged model file: classes is missing")
    classes, count = arrays["classes"], specification.sizes[-1]
    if classes.shape != (count,) or classes.dtype.kind not in CLASS_KINDS:
        raise InputError(
            f"{path}: damaged model file: classes should be {count} numbers or texts, "
            f"it is {classes.dtype} {classes.shape}"
        )
    if len(np.unique(classes)) < count or (classes.dtype.kind == "f" and not np.isfinite(classes).all()):
        raise InputError(f"{path}: damaged model file: classes are not {count} different ones")
