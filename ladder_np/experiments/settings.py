"""Every setting of a run, its defaults by dataset.

A run's settings are built in three layers, later ones winning: the dataset's defaults, the preset (`presets`), and
what the user named.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_np.data.scaling import check_scaling
from ladder_np.data.sequences import SequenceOptions
from ladder_np.data.split import check_split
from ladder_np.data.tables import TableOptions
from ladder_np.data.words import LARGEST, PLACES, check_tokens, check_vocabulary_size
from ladder_np.errors import InputError, LaterError
from ladder_np.experiments.preset_files import find_preset
from ladder_np.experiments.presets import CIFAR_SMALL, PAPER_LAYERS, PAPER_TRAINING
from ladder_np.network.specification import (
    Specification,
    check_depth,
    check_names,
    check_per_layer,
    default_weights,
    sizes_for,
)
from ladder_np.operations.maps import Shape, check_layers, split_layers
from ladder_np.rng import check_seed
from ladder_np.training.defaults import AUTO
from ladder_np.training.trainer import TrainingSettings
from ladder_np.version import unknown_name

__all__ = ["DATASET_DEFAULTS", "ExperimentSettings", "make_settings"]


READINGS = (1, 2)  # rules by which files are read; versions of today read new data by the last


@dataclass(frozen=True)
class ExperimentSettings:
    """What a run does; all of it is stored in the run's ``config.json``."""

    # "digits", "mnist", "fashion-mnist", "cifar-10", or the path of a file or of a folder (see `open_dataset`)
    dataset: str = "digits"
    # how a text table is read: see `TableOptions`
    label_column: str = "label"
    unlabeled_label: str | None = None
    columns: tuple[str, ...] | None = None
    drop_columns: tuple[str, ...] = ()
    separator: str | None = None
    decimal: str | None = None
    text_column: str | None = None
    # what is counted in texts, and how many different ones at most: see `find_vocabulary`
    tokens: str = "words"
    vocabulary: int = 2000
    window: int | None = None  # of a text file, characters from which the next one is learned
    # by which rules a file is read: 1, of older versions: 8-bit features are pixels and no column is left out; 2
    reading: int = 2
    labels: int | None = None  # how many rows keep their label, class-balanced; None: all that have one
    test_fraction: float = 0.0  # share of the labeled rows held out for test, where the data brings no test set
    validation: int = 0  # labeled rows held out to watch training
    scaling: str = "auto"  # for texts "common"; for others see `make_scaling`
    hidden_layers: tuple[int | str, ...] = (200, 100)  # widths of the layers between input and classes; may be empty
    layers: tuple[int | str, ...] | None = None  # in their place all layers above the input: see `sizes_for`
    # see `Specification`
    activation: str = "relu"
    combinator: str = "gaussian"
    noise_std: tuple[float, ...] = (0.3,)
    # None until the data is known: [R]'s for the data sets that are known by name, else by the features' variance
    denoising_weights: tuple[float, ...] | None = None
    stop_gradient_targets: bool = False
    labeled_statistics: str = "auto"  # until the data is known: see `Defaults`
    top_gamma: bool = True
    dtype: str = "float32"
    # see `TrainingSettings`
    epochs: int = 100
    labeled_batch: int = 50
    unlabeled_batch: int = 50
    learning_rate: float = 0.004
    decay_start: float = 0.67
    translate: int = 0
    flip: bool = False
    seed: int = 0  # of initial weights, noise and order of rows
    # of the choice of test, validation and labeled rows; None: the same number as `seed`
    split_seed: int | None = None
    # stop a model's training when its error on the validation rows has not fallen for so many epochs, and keep the
    # parameters of the best one; None: train to the end
    patience: int | None = None
    class_weight: str | None = None  # "balanced": classes count the same, however many labeled rows they have
    # also train the same network, from the same starting point and with the same scaling of features, on the labeled
    # rows alone, and report both
    baseline: bool = True

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.split_seed is not None:
            check_seed(self.split_seed, "split_seed")
        if not isinstance(self.dataset, str) or not isinstance(self.label_column, str):
            raise InputError("dataset and label column: expected texts")
        check_split(self.labels, self.validation, self.test_fraction)
        self._check_tokens()
        check_vocabulary_size(self.vocabulary)
        if self.reading not in READINGS:
            raise InputError(f"reading {self.reading!r}: expected {' or '.join(map(str, READINGS))}; leave it out")
        _ = self.table  # checks how data is read
        check_scaling(self.scaling)
        self._check_network()
        self.training()
        if self.class_weight not in (None, "balanced"):
            raise InputError(f"class weight {self.class_weight!r}: expected balanced, or leave it out")
        if self.patience is not None and not self.validation:
            raise InputError(f"patience {self.patience} needs validation rows to watch; add --validation N")

    def _check_tokens(self) -> None:
        """Raise InputError if documents and a sequence are asked for at once."""
        if self.window is None:
            check_tokens(self.tokens)
            return
        if self.tokens != PLACES:
            raise InputError(f"tokens {self.tokens!r}: a sequence is learned by the places of its characters")
        for name in ("text_column", "unlabeled_label", "columns", "drop_columns", "separator", "decimal"):
            if getattr(self, name):
                raise InputError(f"--{name.replace('_', '-')} is for tables; leave it out with --next-character")

    def _check_network(self) -> None:
        """Raise InputError if no data could have this network."""
        check_names({"activation": self.activation, "combinator": self.combinator, "dtype": self.dtype})
        if self.labeled_statistics != AUTO:
            check_names({"labeled_statistics": self.labeled_statistics})
        for name, layers in (("hidden layers", self.hidden_layers), ("layers", self.layers or ())):
            try:
                check_layers(split_layers(layers))
            except InputError as error:
                raise InputError(f"{name}: {error}") from None
        counts = _layer_counts(self.hidden_layers, self.layers)
        check_depth(counts[0])
        numbers = {"noise std": self.noise_std, "denoising weights": self.denoising_weights}
        for name, values in numbers.items():
            if values is not None:
                check_per_layer(name, values, *counts)

    @property
    def table(self) -> TableOptions:
        """How a text table is read."""
        fields = ("label_column", "unlabeled_label", "columns", "drop_columns", "separator", "decimal", "text_column")
        named = {name: getattr(self, name) for name in fields}
        sequence = None
        if self.window is not None:
            sequence = SequenceOptions(self.window, self.test_fraction, self.validation)
        return TableOptions(**named, sequence=sequence, older=self.reading == 1)

    def specification(self, features: int, classes: int, image_shape: Shape | None = None) -> Specification:
        """Return the network's description for data of this many features and classes, images or not."""
        return Specification(
            sizes=sizes_for(features, classes, image_shape, self.hidden_layers, self.layers),
            activation=self.activation,
            combinator=self.combinator,
            noise_std=self.noise_std,
            denoising_weights=self.denoising_weights,  # type: ignore[arg-type]
            stop_gradient_targets=self.stop_gradient_targets,
            dtype=self.dtype,
            labeled_statistics=self.labeled_statistics,
            top_gamma=self.top_gamma,
        )

    def training(self) -> TrainingSettings:
        """Return the trainer's part of the settings."""
        return TrainingSettings(
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(TrainingSettings)}
        )

    def as_json(self) -> dict[str, Any]:
        """Return all fields as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], writer: object = None) -> "ExperimentSettings":
        """Return the settings that `as_json` described, in the version `writer` of this package.

        Raises InputError if they are not a complete description.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        for count in range(1, len(LATER) + 1):  # of a version that had no other choice
            later: dict[str, Any] = {name: value for added in LATER[-count:] for name, value in added.items()}
            if fields.keys() == names - later.keys():
                fields = _with_later(fields, later)
        if missing := names - fields.keys():
            raise InputError(f"setting {min(missing)!r} is missing")
        if unknown := fields.keys() - names:
            raise LaterError(unknown_name(f"setting {min(unknown)!r}", writer))
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        for name, kind in typing.get_type_hints(cls).items():
            if not _is_of(kind, values[name]):
                raise InputError(
                    f"{name.replace('_', ' ')} {values[name]!r}: expected {getattr(kind, '__name__', kind)}"
                )
        return cls(**values)


# Settings that older runs do not name, and what they were, by the versions that added them, the first one first.
LATER: tuple[dict[str, Any], ...] = (
    {"labeled_statistics": "own", "class_weight": None, "reading": 1},
    {"unlabeled_label": None, "columns": None, "drop_columns": [], "separator": None, "decimal": None},
    {"text_column": None, "tokens": "words", "vocabulary": 2000},
    {"window": None},
    {"layers": None, "top_gamma": True, "translate": 0, "flip": False},
)


def _with_later(fields: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return an older run's settings with those that it does not name; λs that the oldest left open were [R]'s."""
    weights, hidden = fields["denoising_weights"], fields["hidden_layers"]
    if "reading" in later and weights is None and isinstance(hidden, list):
        weights = default_weights(len(hidden) + 2)
    return {**later, **fields, "denoising_weights": weights}


def _is_of(kind: Any, value: Any) -> bool:
    """Whether a value is of the type that a field is declared to have."""
    if isinstance(kind, types.UnionType):
        return any(_is_of(one, value) for one in kind.__args__)
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is_of(kind.__args__[0], item) for item in value)
    return type(value) is kind or (kind is float and type(value) is int)


OF_ROWS = ("labels", "test_fraction")
DATASET_DEFAULTS: dict[str, dict[str, Any]] = {
    "digits": {"labels": 50, "test_fraction": 1 / 3, **PAPER_TRAINING},
    "mnist": {"labels": 100, "hidden_layers": PAPER_LAYERS, "epochs": 150, **PAPER_TRAINING},
    "fashion-mnist": {"labels": 100, "hidden_layers": PAPER_LAYERS, "epochs": 150, **PAPER_TRAINING},
    "cifar-10": {name: value for name, value in CIFAR_SMALL.items() if name != "dataset"},
}


# Of a text whose next characters are learned: labeled windows are drawn at random, a fair sample; a character is
# there or not, which standardizing would blow up where it is rare. Noise and λ were chosen on a text of 250,000
# characters: noise of 0.3 hides the few ones among many zeros, a larger λ costs bits (benchmarks/README.md).
NEXT_CHARACTER = {
    "tokens": PLACES,
    "vocabulary": LARGEST,  # all of them
    "scaling": "none",
    "labeled_statistics": "own",
    "noise_std": (0.1,),
    "denoising_weights": (0.1,),
    "test_fraction": 0.1,
    "labeled_batch": 100,
    "unlabeled_batch": 100,
    "learning_rate": 0.002,
    "epochs": 5,
}


def make_settings(named: Mapping[str, Any], preset: str | None = None) -> ExperimentSettings:
    """Return the settings of a run from what the user named, over the preset, over the dataset's defaults.

    A preset, by its name or in a file, is for any data; its own is the default. Raises InputError if it is unknown,
    or a value cannot be used.
    """
    chosen = find_preset(preset).settings if preset else {}
    _check_names(chosen, preset)
    _refuse_both(chosen, f"{preset}: ", "layers", "hidden_layers")
    _refuse_both(named, "", "--layers", "--hidden-layers")
    dataset = named.get("dataset", chosen.get("dataset", "digits"))
    _check_per_layer(named, chosen, preset)
    window = {**chosen, **named}.get("window")
    defaults = DATASET_DEFAULTS.get(dataset, {}) if window is None else NEXT_CHARACTER
    if chosen.get("dataset", dataset) != dataset:  # of another data set a preset takes over what concerns its rows
        defaults = {name: value for name, value in defaults.items() if name in OF_ROWS}
    # What is named of a network's layers takes the place of either.
    without = "layers" if "hidden_layers" in named else None
    merged = {**{k: v for k, v in {**defaults, **chosen}.items() if k != without}, **named}
    try:
        return ExperimentSettings(**merged)
    except InputError as error:
        own = preset is not None and _refusal({**defaults, **chosen}) == str(error)
        raise InputError(f"{preset}: {error}" if own else str(error)) from None


def _refuse_both(given: Mapping[str, Any], where: str, layers: str, hidden: str) -> None:
    """Raise `InputError` if `layers` and `hidden_layers`, called so where they are given, are given at once."""
    if {"hidden_layers", "layers"} <= given.keys():
        raise InputError(f"{where}{layers} names all layers, {hidden} those below the classes; give one of them")


def _refusal(values: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the values of settings; None if a run could use them."""
    try:
        ExperimentSettings(**values)
    except InputError as error:
        return str(error)
    return None


def _check_names(chosen: Mapping[str, Any], preset: str | None) -> None:
    """Raise `InputError` if a preset has a setting that is unknown, or of another kind."""
    kinds = typing.get_type_hints(ExperimentSettings)
    for name, value in chosen.items():
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(kinds)}"
            raise InputError(f"{preset}: unknown setting {name!r}; {hint}")
        if not _is_of(kinds[name], value):
            raise InputError(f"{preset}: {name} {value!r}: expected {_described(kinds[name])}")


def _described(kind: Any) -> str:
    """Return in words what a setting is; an array where there is one value for each layer."""
    if isinstance(kind, types.UnionType):
        return " or ".join(_described(one) for one in kind.__args__ if one is not types.NoneType)
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(kind, "an array such as [1000, 10, 0.1]")


def _layer_counts(hidden: Sequence[int | str], layers: Sequence[int | str] | None) -> tuple[int, ...]:
    """Return how many layers, input included, a network can have: see `sizes_for`."""
    if layers is None:
        return (len(hidden) + 2,)
    return len(layers) + 1, len(layers) + 2  # before the data is read nobody knows whether the last is the classes'


def _check_per_layer(named: Mapping[str, Any], chosen: Mapping[str, Any], preset: str | None) -> None:
    """Raise `InputError` if a preset has values for each layer of its network, and other layers were named."""
    if "hidden_layers" not in named and named.get("layers") is None:
        return
    what = "hidden layers" if "hidden_layers" in named else "layers"
    counts = _layer_counts(named.get("hidden_layers", ()), named.get("layers"))
    added = "" if len(counts) == 1 else ", and a layer of the classes where it is missing"
    for name in ("denoising_weights", "noise_std"):
        values = chosen.get(name, ())
        if name in named or len(values) in (0, 1, *counts):
            continue
        example = ",".join(f"{value:g}" for value in (*values, *values[-1:] * counts[0])[: counts[0]])
        option, needed = f"--{name.replace('_', '-')}", " or ".join(map(str, counts))
        raise InputError(
            f"preset {preset} has {len(values)} values of {option} for its own layers, the network with the {what} "
            f"that were named has {needed} (the input counts{added}): name {needed}, for example {option} {example}"
        )
