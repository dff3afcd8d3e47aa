"""What a network is: layers, activation, combinator, noise, weights λ. Everything but its parameters' values."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ladder_np.errors import InputError, warn
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import find_combinator, names_of_combinators
from ladder_np.operations.maps import LARGEST_SIZE, Shape, build_maps, is_whole_number, split_layers
from ladder_np.operations.normalization import FEWEST_ROWS

__all__ = [
    "LABELED_STATISTICS",
    "MOST_LAYERS",
    "Specification",
    "check_depth",
    "check_names",
    "check_per_layer",
    "default_weights",
    "needs_images",
    "sizes_for",
    "weights_for_variance",
]

LABELED_STATISTICS = ("own", "unlabeled")
DTYPES = ("float32", "float64")
MOST_LAYERS = 256  # with the input
COLORS = (1, 3)  # channels of most images
CHOICES: dict[str, Collection[str]] = {  # of the fields that are one of a few texts
    "activation": ACTIVATIONS,
    "dtype": DTYPES,
    "labeled_statistics": LABELED_STATISTICS,
}


@dataclass(frozen=True)
class Specification:
    """The immutable description of a ladder network; checked when it is made.

    Parameters
    ----------
    sizes : sequence of int
        Units d_0 .. d_L of one sample: input, hidden layers, classes; L = len(sizes) − 1 >= 1. Enough for a network
        of dense layers; among them may be texts of other kinds of layers, and the first may be the input's shape.
        Afterwards always the numbers of units.
    activation : str
        φ of the layers below the top: a name of `ACTIVATIONS`. The top layer is a softmax.
    combinator : str
        g of every layer: a name that `find_combinator` knows.
    noise_std : float or sequence of float
        Standard deviation of the noise, one for all layers or one for each, the input first (L + 1).
    denoising_weights : float or sequence of float, optional
        λ_l of every layer, one for all or one for each layer, the input first (L + 1); all 0 is the supervised
        baseline. Default: those of the full ladder at 100 labels in [R], 1000, 10, then 0.1 for every further layer.
    batch_norm_eps : float
        Added to batch variances.
    stop_gradient_targets : bool
        Treat the clean z, μ, σ as constants. The reference does not (fact 3), so False is the default.
    dtype : {"float32", "float64"}
        Of parameters and computations.
    layers : text or sequence of texts, optional
        Instead of `sizes`: layers 1 .. L in the notation of `operations.maps`; the last has a unit for each class.
    input_shape : tuple of int, optional
        With `layers`: of one sample, (d_0,) or (height, width, channels).
    labeled_statistics : {"own", "unlabeled"}
        What a training step normalizes its labeled rows with: their own mean and deviation, as the reference does
        (fact 1), or those of the corrupted unlabeled rows beside them, through which the gradient then flows too.
        The first fits labels that are a fair sample of all rows, the second any. Without denoising costs it is always
        their own: then a step has no unlabeled rows.
    top_gamma : bool
        Whether the softmax layer has a scale γ: in [R]'s networks for MNIST, not in those for CIFAR-10 (fact 10).

    Raises
    ------
    InputError
        If a value cannot be used.
    """

    sizes: tuple[int, ...] = None  # type: ignore[assignment]  # L + 1 numbers once made
    activation: str = "relu"
    combinator: str = "gaussian"
    noise_std: tuple[float, ...] = (0.3,)
    denoising_weights: tuple[float, ...] = None  # type: ignore[assignment]  # L + 1 numbers once made
    batch_norm_eps: float = 1e-10
    stop_gradient_targets: bool = False
    dtype: str = "float32"
    layers: tuple[str, ...] = None  # type: ignore[assignment]  # L texts once made
    input_shape: Shape = None  # type: ignore[assignment]  # of one sample, once made
    labeled_statistics: str = "own"
    top_gamma: bool = True

    def __post_init__(self) -> None:
        fix = partial(object.__setattr__, self)  # the class is frozen: fields are set once, here
        for name, value in self._checked_layers().items():
            fix(name, value)
        fix("noise_std", _per_layer("noise std", self.noise_std, len(self.sizes)))
        weights = default_weights(len(self.sizes)) if self.denoising_weights is None else self.denoising_weights
        fix("denoising_weights", _per_layer("denoising weights", weights, len(self.sizes)))
        fix("batch_norm_eps", _number("batch norm eps", self.batch_norm_eps))
        if self.batch_norm_eps <= 0:
            raise InputError(f"batch norm eps {self.batch_norm_eps}: expected a number > 0")
        for name in ("stop_gradient_targets", "top_gamma"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name.replace('_', ' ')} {getattr(self, name)!r}: expected True or False")
        check_names({name: getattr(self, name) for name in (*CHOICES, "combinator")})

    def _checked_layers(self) -> dict[str, Any]:
        """Return `input_shape`, `layers` and `sizes`, which say the same of a network of dense layers."""
        sizes, layers, shape = self.sizes, self.layers, self.input_shape
        if layers is None and shape is None:
            if not _has_other_kinds(sizes):
                sizes = _checked_sizes(sizes)
                return {"input_shape": sizes[:1], "layers": tuple(map(str, sizes[1:])), "sizes": sizes}
            (shape, *layers), sizes = sizes, None
        if layers is None or shape is None:
            raise InputError("layers and input_shape: expected both, or sizes alone")
        input_shape, layers = _checked_shape(shape), split_layers(layers)
        if not layers:
            raise InputError("no layers: expected one at least, with a unit for each class")
        check_depth(len(layers) + 1)
        shapes = [input_shape, *(up.output for up, _ in build_maps(input_shape, layers))]
        units = _checked_sizes([math.prod(shape) for shape in shapes])
        if len(shapes[-1]) != 1:
            raise InputError(
                f"layers {'-'.join(layers)}: the last one has the shape {shapes[-1]}, expected (classes,)"
            )
        if sizes is not None and tuple(sizes) != units:
            raise InputError(f"sizes {sizes} and layers {'-'.join(layers)} differ; give one of them")
        return {"input_shape": input_shape, "layers": layers, "sizes": units}

    def __str__(self) -> str:
        """Return the layers, input first, in the notation of texts: 784-1000-10."""
        return "-".join(["x".join(map(str, self.input_shape)), *self.layers])

    @property
    def description(self) -> str:
        """The layers and what they are made of, in words: 784-1000-10, relu, combinator gaussian."""
        top = "" if self.top_gamma else ", no γ at the top"
        return f"{self}, {self.activation}, combinator {self.combinator}{top}"

    @property
    def is_dense(self) -> bool:
        """Whether all layers are dense, so that `sizes` alone describes the network."""
        return len(self.input_shape) == 1 and all(map(is_whole_number, self.layers))

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """(height, width, channels) of the images that the network takes; None where it takes rows of features."""
        if len(self.input_shape) != 3:
            return None
        height, width, channels = self.input_shape
        return height, width, channels

    @property
    def lowest(self) -> int:
        """The lowest layer with λ > 0, down to which the decoder runs; L + 1 where there is none."""
        wanted = [layer for layer, weight in enumerate(self.denoising_weights) if weight > 0]
        return wanted[0] if wanted else self.top + 1

    @property
    def top(self) -> int:
        """L, the number of layers above the input."""
        return len(self.sizes) - 1

    @property
    def denoises(self) -> bool:
        """Whether any layer has a denoising cost; without one, unlabeled rows are not used."""
        return any(weight > 0 for weight in self.denoising_weights)

    @property
    def shares_statistics(self) -> bool:
        """Whether labeled rows are normalized with the corrupted unlabeled rows' statistics."""
        return self.labeled_statistics == "unlabeled" and self.denoises

    @property
    def fewest_labeled(self) -> int:
        """How many labeled rows a step needs: 2 where these are normalized with their own statistics."""
        return 1 if self.shares_statistics else FEWEST_ROWS

    @property
    def numpy_dtype(self) -> np.dtype:
        """The dtype as NumPy's (and CuPy's) object."""
        return np.dtype(self.dtype)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values: `sizes` of a dense network, `layers` and `input_shape` of any other.

        `top_gamma` is left out where it is true, as in files of versions that knew nothing else.
        """
        left_out = {"layers", "input_shape"} if self.is_dense else {"sizes"}
        left_out |= {"top_gamma"} if self.top_gamma else set()
        fields = dataclasses.asdict(self).items()
        return {k: list(v) if isinstance(v, tuple) else v for k, v in fields if k not in left_out}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Specification":
        """Return the specification that `as_json` described; other keys are left alone."""
        names = {field.name for field in dataclasses.fields(cls)}
        if "sizes" not in fields and "layers" not in fields:
            raise InputError("a network's description needs its sizes, or layers and input_shape")
        return cls(**{key: value for key, value in fields.items() if key in names})


def check_depth(layers: int) -> None:
    """Raise `InputError` if a network cannot have so many layers, input included."""
    if layers > MOST_LAYERS:
        raise InputError(f"{layers} layer sizes: expected at most {MOST_LAYERS}, the input's among them")


def check_names(named: Mapping[str, Any]) -> None:
    """Raise `InputError` if a field of `Specification` that is a name, such as the activation, has an unknown one."""
    for name, value in named.items():
        if name == "combinator":
            known, names = isinstance(value, str) and find_combinator(value) is not None, names_of_combinators()
        else:
            known, names = isinstance(value, str) and value in CHOICES[name], ", ".join(CHOICES[name])
        if not known:
            raise InputError(f"unknown {name.replace('_', ' ')} {value!r}; choose one of {names}")


def sizes_for(
    features: int,
    classes: int,
    image_shape: Shape | None,
    hidden: Sequence[int | str],
    layers: str | Sequence[int | str] | None = None,
) -> tuple[Any, ...]:
    """Return what `Specification` takes as `sizes`, of a network for data with so many features and classes.

    Between input and classes are the `hidden` layers, below a dense layer with a unit for each class. Instead
    `layers` may name all layers above the input; if the last of them has another shape than (classes,), that dense
    layer is added. The input is (height, width, channels) if the rows are images of that shape and the first layer
    needs it, else flat.

    Raises InputError if a layer does not fit, among them a first one that needs images where the rows are none.
    """
    above: tuple[Any, ...] = (*hidden, classes) if layers is None else split_layers(layers)
    first: int | Shape = features
    if image_shape is not None and needs_images(above[:1], features):
        height, width, channels = first = image_shape
        if height in COLORS and channels not in COLORS:
            warn(
                f"images of {height}x{width}x{channels}: expected channels last, (n, height, width, channels); if "
                "they come first, use X.transpose(0, 2, 3, 1)"
            )
    if layers is None:
        return first, *above
    shape = (first,) if isinstance(first, int) else first
    top = build_maps(shape, above)[-1][0].output if above else shape
    return (first, *above) if above and top == (classes,) else (first, *above, classes)


def needs_images(layers: str | Sequence[int | str], features: int = 1) -> bool:
    """Return whether the first of some layers does not fit on so many features side by side."""
    texts = split_layers(layers)
    try:
        build_maps((features,), texts[:1])
    except InputError:
        return True
    return False


def default_weights(layers: int) -> tuple[float, ...]:
    """Return [R]'s λs of the full ladder at 100 labels, for a network of this many layers, input included."""
    return (1000.0, 10.0, *(0.1,) * layers)[:layers]


def weights_for_variance(layers: int, variance: float, factor: float = 1.0) -> tuple[float, ...]:
    """Return λs for any data, for a network of this many layers: 10/variance for the input, 3, then 1, × `factor`.

    [R]'s are for 784 pixels of variance 0.1 and for wider layers; these were chosen on the validation rows of unlike
    data sets by ``benchmarks/estimator_defaults.py``. z⁰ alone is not normalized (fact 4): over the mean variance of
    the scaled features its cost is a share, as that of the layers above is.
    """
    return tuple(factor * weight for weight in (10.0 / variance, 3.0, *(1.0,) * layers)[:layers])


def _has_other_kinds(sizes: Any) -> bool:
    """Return whether sizes hold more than numbers: texts of layers, or the input's shape."""
    return (
        isinstance(sizes, Sequence) and not isinstance(sizes, str) and any(isinstance(s, str | tuple) for s in sizes)
    )


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    if isinstance(sizes, str) or not isinstance(sizes, Sequence | np.ndarray):
        raise InputError(f"sizes {sizes!r}: expected whole numbers, for example (784, 1000, 500, 10)")
    named = f"layer sizes {'-'.join(map(str, sizes))}"
    check_depth(len(sizes))
    if len(sizes) < 2:
        raise InputError(f"{named}: expected at least two, the input's and the number of classes")
    for size in sizes:
        if not _is_size(size):
            raise InputError(f"{named}: {size!r} is not a whole number from 1 to {LARGEST_SIZE}")
    if sizes[-1] < 2:
        raise InputError(f"{named}: the last is the number of classes, at least 2")
    return tuple(int(size) for size in sizes)


def _checked_shape(shape: Any) -> Shape:
    if isinstance(shape, int | np.integer) and not isinstance(shape, bool):
        shape = (shape,)
    if not isinstance(shape, Sequence) or len(shape) not in (1, 3) or not all(map(_is_size, shape)):
        raise InputError(f"input shape {shape!r}: expected (features,) or (height, width, channels)")
    return tuple(map(int, shape))


def _is_size(size: Any) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and bool(1 <= size <= LARGEST_SIZE)


def check_per_layer(name: str, values: Any, *layers: int) -> tuple[float, ...]:
    """Return what a field such as noise std holds: one number >= 0 for all layers, or one for each, input included.

    `layers` is how many there are, or what their number can be. Raises InputError if it holds anything else.
    """
    if (isinstance(values, Sequence) and not isinstance(values, str)) or (
        isinstance(values, np.ndarray) and values.ndim
    ):
        numbers = tuple(_number(name, value) for value in values)
    else:
        numbers = (_number(name, values),)
    if len(numbers) not in (1, *layers):
        needed = " or ".join(map(str, layers))
        raise InputError(
            f"{name}: got {len(numbers)} values for {needed} layers (the input counts); give one, or {needed}"
        )
    for number in numbers:
        if number < 0:
            raise InputError(f"{name} {number}: expected numbers >= 0")
    return numbers


def _per_layer(name: str, values: Any, layers: int) -> tuple[float, ...]:
    """Return one number >= 0 for each layer, input included, from one for all or one for each."""
    numbers = check_per_layer(name, values, layers)
    return numbers * layers if len(numbers) == 1 else numbers


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} {value!r}: expected a number") from None
    if not math.isfinite(number):
        raise InputError(f"{name} {value!r}: expected a finite number")
    return number
