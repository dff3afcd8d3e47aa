"""What a trained model is made of, saved as one `.npz` of plain arrays, whoever has trained it.

Keys of the file: ``meta`` (JSON: format, version, the network's description, feature names, kind of scaling, the
images' shape),
``param/{name}`` as in the test-vector format, ``population/mu.{l}`` and ``population/sigma.{l}`` (units,) for
l = 1..L, ``scaling/shift`` and ``scaling/scale`` (d_0,), of whitened images ``scaling/whitening``
(d_0, d_0) float32, ``range/low``, ``range/high`` and ``range/typical`` (d,) of
the raw features in training, ``classes`` (d_L,) numbers or texts; ``history`` (JSON, see `FitHistory`) where it is
known; ``estimator`` (JSON) if an estimator has trained it: its parameters. Older versions are still read: 1 knew
whole numbers as classes only, in 2 an estimator's curves of cost and accuracy stood beside its parameters, 3 had no
ranges and no kind of scaling, 4 no encoding of columns: d was d_0. What ``meta`` may lack was added to version 5. A
model of texts has ``text/tokens``, UTF-8 one after the other, where they end in ``text/ends`` (d,),
``text/weights`` (d,) and ``text/prior`` (K,).
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from ladder_np.arrays import Device
from ladder_np.data.dataset import ImageShape
from ladder_np.data.encoding import Encoding
from ladder_np.data.ranges import Range
from ladder_np.data.scaling import KINDS, Scaling
from ladder_np.data.sequences import LONGEST_WINDOW
from ladder_np.data.words import PLACES, TOKENS, Vocabulary
from ladder_np.errors import InputError, LaterError
from ladder_np.files import read_json_entry, read_npz, write_npz
from ladder_np.network.inference import PopulationStatistics
from ladder_np.network.layers import resolve
from ladder_np.network.model import LadderNetwork
from ladder_np.network.parameters import parameter_shapes
from ladder_np.network.specification import Specification
from ladder_np.training.fit import FitHistory
from ladder_np.version import __version__, of_later, unknown_format, unknown_name

__all__ = ["TrainedModel"]

FORMAT = "ladder_np model"
VERSION, READABLE = 5, (1, 2, 3, 4, 5)
ROUNDING, LARGEST_WEIGHT = 1e-9, 100.0  # of shares that add up to 1; of a token, 1 + log of a number of texts
PLACE = re.compile(
    rf".(?:[1-9]|[1-5]\d|6[0-{LONGEST_WINDOW - 60}])", re.DOTALL
)  # a character and a place of a window
TEXT = ("text/tokens", "text/ends", "text/weights", "text/prior")  # see `Vocabulary`
TABLE = ("label_column", "unlabeled_label", "separator", "text_column")
WHITENING = "scaling/whitening"
RANGE = ("range/low", "range/high", "range/typical")  # see `Range`
OTHERS = {"meta", "classes", "history", "estimator", WHITENING}
CLASS_KINDS = "biufU"  # of NumPy's dtypes: numbers and texts


@dataclass(eq=False)
class TrainedModel:
    """A network with all that stands between raw features and classes."""

    network: LadderNetwork  # with population statistics
    scaling: Scaling  # from raw features to the network's input
    classes: np.ndarray  # (K,) what outputs stand for: numbers or texts (of NumPy's own type, or as Python's objects)
    feature_names: tuple[str, ...] | None = None  # columns of the training table, None where it had no names
    pixels: bool = False  # whether the model was trained on whole-numbered pixels, so that it must be given such
    history: FitHistory | None = None  # how training went
    params: dict[str, Any] | None = None  # of the estimator that has trained it; None if a run has
    range: Range | None = None  # of the raw features in training; None in files before version 4
    left_out: tuple[str, ...] = ()  # columns of the training table that are neither features nor labels
    vocabulary: Vocabulary | None = None  # what makes features of texts, where these are what is predicted
    prior: np.ndarray | None = None  # (K,) shares of the classes in the labeled rows, for texts without a known token
    # how the training table was read, where that was named: see `TABLE`
    table: Mapping[str, str | None] = field(default_factory=dict)
    # (height, width, channels) of the images in training, also where the network takes them flat; None if the rows
    # were no images, or an older file does not tell
    image_shape: ImageShape | None = None

    def __post_init__(self) -> None:
        self.image_shape = self.network.specification.image_shape or self.image_shape

    @property
    def statistics(self) -> PopulationStatistics:
        """What it normalizes with; raises InputError if there is none yet."""
        if self.network.statistics is None:
            raise InputError("this network has no population statistics yet; train it first")
        return self.network.statistics

    def save(self, path: Path | str) -> None:
        """Write the model as one `.npz`, beside and renamed.

        Raises InputError if the place cannot be written.
        """
        write_npz(path, self.as_arrays())

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Return what `save` writes."""
        network, get, statistics = self.network, self.network.device.get, self.statistics
        meta = {
            "format": FORMAT,
            "version": VERSION,
            "ladder_np": __version__,
            "feature_names": self.feature_names,
            "pixels": self.pixels,
            "scaling": self.scaling.kind,
            "object_classes": self.classes.dtype == object,
            "population_rows": statistics.count,
            "encoding": None if self.scaling.encoding is None else self.scaling.encoding.as_json(),
            "left_out": self.left_out,
            "text": None if self.vocabulary is None else self.vocabulary.kind,
            "table": dict(self.table),
            "image_shape": self.image_shape,
            **network.specification.as_json(),
        }
        arrays = {"meta": np.array(json.dumps(meta))}
        arrays |= {f"param/{name}": get(view) for name, view in network.parameters.items()}
        for layer in range(1, network.specification.top + 1):
            arrays[f"population/mu.{layer}"] = get(statistics.mu[layer])
            arrays[f"population/sigma.{layer}"] = get(statistics.sigma[layer])
        arrays |= {"scaling/shift": self.scaling.shift, "scaling/scale": self.scaling.scale}
        if self.scaling.whitening is not None:
            arrays[WHITENING] = self.scaling.whitening.astype(np.float32)  # where it was found it was rounded so
        if self.prior is not None:
            arrays["text/prior"] = self.prior
        if self.vocabulary is not None:
            texts = [token.encode(errors="surrogatepass") for token in self.vocabulary.tokens]
            arrays["text/tokens"] = np.frombuffer(b"".join(texts), np.uint8)
            arrays["text/ends"] = np.cumsum([len(text) for text in texts])
            arrays["text/weights"] = self.vocabulary.weights
        if self.range is not None:
            arrays |= dict(zip(RANGE, (self.range.low, self.range.high, self.range.typical), strict=True))
        arrays["classes"] = self.classes.astype(str) if self.classes.dtype == object else self.classes
        if self.history is not None:
            # Without the times, so that the same training leaves the same bytes.
            records = [{**record, "seconds": None} for record in self.history.as_json()]
            arrays["history"] = np.array(json.dumps(records))
        if self.params is not None:
            arrays["estimator"] = np.array(json.dumps({"params": _as_json(self.params)}))
        return arrays

    @classmethod
    def load(cls, path: Path | str, device: Device | str = "cpu") -> Self:
        """Read a model file.

        Raises InputError if it is missing, not a model file, or its arrays do not fit its own description.
        """
        return cls.from_arrays(path, read_npz(path, "a model file"), device)

    @classmethod
    def from_arrays(cls, path: Path | str, arrays: dict[str, np.ndarray], device: Device | str = "cpu") -> Self:
        """Return the model that `as_arrays` described; `path` is for the error line.

        Raises InputError as `load`.
        """
        meta = _read_meta(path, arrays)
        device = device if isinstance(device, Device) else Device(device)
        try:
            return cls._from_description(meta, arrays, device)
        except LaterError as error:
            raise InputError(f"{path}: {error}") from None
        except (InputError, TypeError) as error:
            later = of_later(meta.get("ladder_np"))
            raise InputError(f"{path}: {error}{later}" if later else f"{path}: damaged model file: {error}") from None

    @classmethod
    def _from_description(cls, meta: dict[str, Any], arrays: dict[str, np.ndarray], device: Device) -> Self:
        specification = Specification.from_json(meta)
        _check_arrays(arrays, specification)
        _check_classes(arrays, specification)
        scaling = _read_scaling(meta, arrays)
        names = _checked_names(meta.get("feature_names", ...), scaling.columns)
        vector = np.concatenate([arrays[f"param/{name}"].ravel() for name in parameter_shapes(specification)])
        network = LadderNetwork.from_parameters(specification, vector, device=device)
        layers = range(1, specification.top + 1)
        network.statistics = PopulationStatistics(
            mu={layer: device.put(arrays[f"population/mu.{layer}"]) for layer in layers},
            sigma={layer: device.put(arrays[f"population/sigma.{layer}"]) for layer in layers},
            count=_checked_count(meta.get("population_rows", 0)),
        )
        classes = arrays["classes"].astype(object) if meta.get("object_classes") is True else arrays["classes"]
        history, params = _read_training(arrays, len(specification.sizes))
        return cls(
            network,
            scaling,
            classes,
            names,
            pixels=meta.get("pixels") is True,
            history=history,
            params=params,
            range=_read_range(arrays, scaling.columns),
            left_out=_checked_names(meta.get("left_out", []), None) or (),
            vocabulary=_read_vocabulary(meta, arrays, scaling.columns),
            prior=arrays.get("text/prior"),
            table=_checked_table(meta.get("table", {})),
            image_shape=_checked_image_shape(meta.get("image_shape"), specification, scaling.columns),
        )


def _read_scaling(meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> Scaling:
    """Return the scaling; older files do not tell its kind, and only their numbers do."""
    shift, scale = arrays["scaling/shift"], arrays["scaling/scale"]
    by_one = not shift.any() and (scale == scale[0]).all()
    guessed = ("none" if scale[0] == 1 else "pixels") if by_one else "standardize"
    kind = meta.get("scaling", guessed)
    if kind not in KINDS or kind == "auto":
        raise InputError(f"its scaling is {kind!r}; expected one of {', '.join(KINDS[1:])}")
    encoding = None if meta.get("encoding") is None else Encoding.from_json(meta["encoding"])
    if encoding is not None and encoding.width != len(scale):
        raise InputError(f"its columns make {encoding.width} features; scaling/scale has {len(scale)}")
    if (kind == "gcn_zca") != (WHITENING in arrays):
        raise InputError(f"{WHITENING} and its scaling, {kind!r}, do not fit")
    if kind != "gcn_zca":
        return Scaling(shift, scale, kind, encoding)
    _check_array(arrays, WHITENING, (len(shift), len(shift)), np.dtype(np.float32))
    return Scaling(shift, scale, kind, whitening=arrays[WHITENING].astype(np.float64))


def _read_vocabulary(meta: dict[str, Any], arrays: dict[str, np.ndarray], features: int) -> Vocabulary | None:
    """Return the tokens that features are made of; None where the file has none."""
    if meta.get("text") is None and not set(TEXT) & set(arrays):
        return None
    if not isinstance(meta.get("text"), str) or meta["text"] not in TOKENS:
        raise InputError(f"its text is {meta.get('text')!r}; expected one of {', '.join(TOKENS)}")
    _check_array(arrays, "text/weights", (features,), np.dtype(np.float64))
    _check_array(arrays, "text/prior", arrays["classes"].shape, np.dtype(np.float64))
    if arrays["text/prior"].min() <= 0 or abs(arrays["text/prior"].sum() - 1) > ROUNDING:
        raise InputError("text/prior holds no positive shares of 1")
    _check_array(arrays, "text/ends", (features,), np.dtype(np.int64))
    if not 1 <= arrays["text/weights"].min() <= arrays["text/weights"].max() <= LARGEST_WEIGHT:
        raise InputError(f"text/weights are not from 1 to {LARGEST_WEIGHT}")
    tokens = _read_tokens(arrays.get("text/tokens", np.empty(0)), arrays["text/ends"])
    if meta["text"] == PLACES and not all(PLACE.fullmatch(token) for token in tokens):
        raise InputError("text/tokens are not characters with their places")
    return Vocabulary(meta["text"], tokens, arrays["text/weights"])


def _read_tokens(content: np.ndarray, ends: np.ndarray) -> tuple[str, ...]:
    """Return texts that lie one after the other as UTF-8."""
    starts = np.concatenate([[0], ends[:-1]])
    if content.dtype != np.uint8 or content.ndim != 1 or (ends <= starts).any() or ends[-1] != len(content):
        raise InputError("text/tokens and text/ends do not fit")
    text = content.tobytes()
    try:
        tokens = tuple(text[a:b].decode(errors="surrogatepass") for a, b in zip(starts, ends, strict=True))
    except UnicodeDecodeError:
        raise InputError("text/tokens is not UTF-8 text") from None
    if len(set(tokens)) < len(tokens):
        raise InputError("text/tokens holds a token twice")
    return tokens


def _checked_table(table: Any) -> dict[str, str | None]:
    if not isinstance(table, dict) or not set(table) <= set(TABLE):
        raise InputError(f"its table is {table!r}; expected some of {', '.join(TABLE)}")
    if not all(value is None or isinstance(value, str) for value in table.values()):
        raise InputError("its table has values that are not texts")
    return table


def _read_range(arrays: dict[str, np.ndarray], features: int) -> Range | None:
    """Return the range of the features in training; None where the file has none."""
    if not set(RANGE) & set(arrays):
        return None
    for key in RANGE:
        _check_array(arrays, key, (features,), np.dtype(np.float64))
    return Range(*(arrays[key] for key in RANGE))


def _as_json(value: Any) -> Any:
    """Return a parameter as a JSON value; None for what is not one, as a generator of random numbers."""
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else None


def _read_training(arrays: dict[str, np.ndarray], layers: int) -> tuple[FitHistory | None, dict[str, Any] | None]:
    """Return the history and the estimator's parameters, None each where the file has none."""
    records, estimator = _read_entry(arrays, "history", list), _read_entry(arrays, "estimator", dict)
    try:
        if estimator is not None and "loss_curve" in estimator:  # version 2
            errors = [1 - score for score in estimator.get("validation_scores") or []]
            records = FitHistory.from_curves(estimator["loss_curve"], errors, layers).as_json()
        history = None if records is None else FitHistory.from_json(records, layers)
    except (InputError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"its history: {error}") from None
    if estimator is None:
        return history, None
    if not isinstance(estimator.get("params"), dict):
        raise InputError("its estimator has no params")
    params = estimator["params"].items()
    return history, {name: tuple(value) if isinstance(value, list) else value for name, value in params}


def _read_entry(arrays: dict[str, np.ndarray], key: str, kind: type) -> Any:
    """Return the JSON value of an entry; None if there is no such entry."""
    if key not in arrays:
        return None
    value = read_json_entry(arrays, key)
    if not isinstance(value, kind):
        raise InputError(f"its {key} is not a JSON text of a {kind.__name__}")
    return value


def _read_meta(path: Path | str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    meta = read_json_entry(arrays, "meta")
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise InputError(f"{path}: not a model file of ladder_np (its meta entry does not say so)")
    if meta.get("version") not in READABLE:
        raise InputError(
            f"{path}: {unknown_format('model file', meta.get('version'), READABLE, meta.get('ladder_np'))}"
        )
    return meta


def _checked_count(count: Any) -> int:
    if type(count) is not int or count < 0:
        raise InputError(f"population_rows {count!r}; expected a whole number >= 0")
    return count


def _checked_names(names: Any, features: int | None) -> tuple[str, ...] | None:
    """Return names of columns, as many as there are `features`, if these are told."""
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("its feature names are not a list of texts")
    if features not in (None, len(names)):
        raise InputError(f"{len(names)} feature names for {features} features")
    return tuple(names)


def _checked_image_shape(shape: Any, specification: Specification, features: int) -> ImageShape | None:
    """Return the shape of images that have so many features, and that a network of images takes; None if not told."""
    if shape is None:
        return None
    if not isinstance(shape, list) or len(shape) != 3 or not all(type(n) is int and n > 0 for n in shape):
        raise InputError(f"its image_shape is {shape!r}; expected [height, width, channels]")
    if math.prod(shape) != features or specification.image_shape not in (None, tuple(shape)):
        raise InputError(f"its image_shape is {shape!r}, for {features} features of the network {specification}")
    height, width, channels = shape
    return height, width, channels


def _check_arrays(arrays: dict[str, np.ndarray], specification: Specification) -> None:
    """Check that exactly the described arrays are there, of the described shapes, kinds and finite values."""
    dtype = specification.numpy_dtype
    expected = {f"param/{name}": (shape, dtype) for name, shape in parameter_shapes(specification).items()}
    for layer in resolve(specification)[1:]:
        expected |= {f"population/{name}.{layer.index}": ((layer.units,), dtype) for name in ("mu", "sigma")}
    expected["scaling/shift"] = expected["scaling/scale"] = (specification.sizes[:1], np.dtype(np.float64))
    for key, (shape, kind) in expected.items():
        _check_array(arrays, key, shape, kind)
        if key.startswith("population/sigma") and arrays[key].min() <= 0:
            raise InputError(f"{key} holds values that are not positive")
    if unknown := set(arrays) - set(expected) - set(RANGE) - set(TEXT) - OTHERS:
        raise LaterError(unknown_name(f"entry {min(unknown)}"))


def _check_array(arrays: dict[str, np.ndarray], key: str, shape: tuple[int, ...], kind: np.dtype) -> None:
    """Check that an array is there, of this shape and type, and finite."""
    if key not in arrays:
        raise InputError(f"{key} is missing")
    array = arrays[key]
    if array.shape != shape or array.dtype != kind:
        raise InputError(f"{key} should be {kind} {shape}, it is {array.dtype} {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{key} holds NaN or infinite values")


def _check_classes(arrays: dict[str, np.ndarray], specification: Specification) -> None:
    """Check that there is a class for each output, all different."""
    if "classes" not in arrays:
        raise InputError("classes is missing")
    classes, count = arrays["classes"], specification.sizes[-1]
    if classes.shape != (count,) or classes.dtype.kind not in CLASS_KINDS:
        raise InputError(f"classes should be {count} numbers or texts, it is {classes.dtype} {classes.shape}")
    if len(np.unique(classes)) < count or (classes.dtype.kind == "f" and not np.isfinite(classes).all()):
        raise InputError(f"classes are not {count} different ones")
