"""Maps: what takes one layer's activations to the layer above, and its mirror back down in the decoder.

The encoder's map makes aˡ of hˡ⁻¹, the decoder's mirror makes the matrix that uˡ is normalized from of ẑˡ⁺¹ ([R]
Algorithm 1). A map is the only part of a layer that knows about space: everything else sees matrices (rows, units),
whose rows are samples times positions (a dense layer has one position) and whose units are channels.

`MAPS` has a row for each kind of layer. A layer's text names the kind and its arguments, separated by colons; a
number alone is a dense layer: "500" is "dense:500". The layers of a network are such texts joined by hyphens:
"1000-500-10".
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from ladder_np.arrays import Array
from ladder_np.blas import LARGEST_SMALL_WEIGHT
from ladder_np.errors import InputError
from ladder_np.operations.convolution import (
    Window,
    convolution_backward_input,
    convolution_backward_weight,
    convolution_forward,
)
from ladder_np.operations.dense import (
    Matmul,
    dense_backward_input,
    dense_backward_weight,
    dense_forward,
    matmul,
    small_matmul,
)
from ladder_np.operations.formulas import Formula
from ladder_np.operations.pooling import (
    max_pool_backward,
    max_pool_forward,
    mean_pool_backward,
    mean_pool_forward,
    pooled,
    repeat_backward,
    repeat_forward,
    spread_backward,
    spread_forward,
)

__all__ = [
    "IDENTITY",
    "LARGEST_SIZE",
    "MAPS",
    "Map",
    "MapPair",
    "Shape",
    "build_maps",
    "check_layers",
    "is_layer",
    "is_whole_number",
    "split_layers",
]

Shape = tuple[int, ...]
LARGEST_SIZE = 2**26  # units of one layer, so that the number of parameters stays one that an address can hold
MOST_DIGITS = 18  # of a number in a text; Python refuses to read one of thousands


@dataclass(frozen=True)
class Map:
    """A map between two layers, with its gradient."""

    # shape of one sample on both sides: (units,) or (height, width, channels)
    input: Shape
    output: Shape
    weight: Shape | None  # shape of the weight; None where there is none
    # ``initialize(generator) -> W``: the weight at the start of training, drawn on the host
    initialize: Callable[[np.random.Generator], np.ndarray] | None
    # ``forward(h, W) -> a, kept``: h (rows, channels of the input), a (rows, channels of the output), contiguous; may
    # be a view of h. `kept` is what the backward needs.
    forward: Callable[[Array, Array | None], tuple[Array, Any]]
    # ``backward(da, W, kept, dW, wanted) -> dh``: writes the weight's gradient to dW, and returns that of h, or None
    # if it is not `wanted`. da may end before a did: the samples that it lacks take no gradient.
    backward: Callable[..., Array | None]
    # ``choices(kept) -> array``: which values the map chose, as max pooling does; where a choice changes, there is a
    # kink. None where it chooses nothing
    choices: Callable[[Any], Array] | None = None
    multiply_adds: int = 0  # of its product, for one sample
    # φ of a layer with this map where it is not the network's: "linear" for pooling ([R]'s code), which then has no
    # shift β either
    activation: str | None = None
    # where "forward", "backward" and "weight" (its gradient) are computed, if not in the last line of its functions
    lines: Mapping[str, Formula] = field(default_factory=dict)
    # the same three as text for a trace: of {h} and {W}, of {da}, {h} and {W}, of {h} and {da}
    equations: dict[str, str] = field(default_factory=dict)
    # the same map in a network that is small (see `ladder_np.blas`), where each product runs on one BLAS thread; None
    # where it is computed the same way there
    small: "Map | None" = None


MapPair = tuple[Map, Map]  # up in the encoder, down in the decoder

# The top layer's u is made of the softmax output itself, without a weight (fact 5).
IDENTITY = Map((), (), None, None, lambda h, W: (h, None), lambda da, W, kept, dW, wanted: da)


# ---- What texts behind colons stand for. The annotation of a function's parameter names what makes its value of the
# text, ``(text, name of the parameter) -> value``, and refuses what fits on no layer; without one it gets the text.


def _whole_number(text: str, what: str) -> int:
    if not is_whole_number(text) or not 1 <= int(text) <= LARGEST_SIZE:
        raise InputError(f"{what} {text!r}: expected a whole number from 1 to {LARGEST_SIZE}")
    return int(text)


def _name_of_borders(text: str, what: str) -> str:
    if text not in BORDERS:
        raise InputError(f"{what} {text!r}: expected one of {', '.join(BORDERS)}")
    return text


Whole = Annotated[int, _whole_number]
Borders = Annotated[str, _name_of_borders]


# ---- Dense layers.


def dense(below: Shape, units: Whole) -> MapPair:
    """Return a dense layer's maps: a = h W up, and V, of its own, down into the flattened shape below."""
    above = (units,)
    return _dense_map(below, above), _dense_map(above, below)


DENSE_LINES = {
    "forward": Formula(dense_forward, "matmul(h, W)"),
    "backward": Formula(dense_backward_input, "matmul(da, W.T)"),
    "weight": Formula(dense_backward_weight, "matmul(h.T, da"),
}
DENSE_EQUATIONS = {"forward": "{h} {W}", "backward": "{da} {W}ᵀ", "weight": "{h}ᵀ {da}"}


def _dense_map(input_shape: Shape, output_shape: Shape) -> Map:
    small = _dense_map_with(small_matmul, input_shape, output_shape)
    return dataclasses.replace(_dense_map_with(matmul, input_shape, output_shape), small=small)


def _dense_map_with(matmul: Matmul, input_shape: Shape, output_shape: Shape) -> Map:
    inputs, outputs = math.prod(input_shape), math.prod(output_shape)

    def forward(h: Array, W: Array) -> tuple[Array, Array]:
        h = h.reshape(-1, inputs)  # the positions of a sample side by side
        return dense_forward(h, W, matmul).reshape(-1, output_shape[-1]), h

    def backward(da: Array, W: Array, h: Array, dW: Array, wanted: bool) -> Array | None:
        da = da.reshape(-1, outputs)
        dense_backward_weight(da, h[: len(da)], dW, matmul)
        return dense_backward_input(da, W, matmul).reshape(-1, input_shape[-1]) if wanted else None

    def initialize(generator: np.random.Generator) -> np.ndarray:
        return generator.standard_normal((inputs, outputs)) / math.sqrt(inputs)

    return Map(
        input_shape,
        output_shape,
        (inputs, outputs),
        initialize,
        forward,
        backward,
        multiply_adds=inputs * outputs,
        lines=DENSE_LINES,
        equations=DENSE_EQUATIONS,
    )


# ---- Convolution.

# By name of the borders: zeros before and behind the image for windows of k, and the borders of the mirror (fact 12).
BORDERS: dict[str, tuple[Callable[[int], tuple[int, int]], str]] = {
    "valid": (lambda k: (0, 0), "full"),
    "full": (lambda k: (k - 1, k - 1), "valid"),
    "same": (lambda k: ((k - 1) // 2, k // 2), "same"),
}


def conv(below: Shape, channels: Whole, size: Whole, border: Borders = "valid", stride: Whole = 1) -> MapPair:
    """Return a convolution's maps: windows of size × size up; down with a weight of its own and the mirror's borders.

    With a stride s, the decoder puts values s apart before it convolves.
    """
    k, s = size, stride
    zeros, mirror = BORDERS[border]
    up = Window(_images(below), k, *zeros(k), stride=s)
    if min(up.enlarged) < k:
        raise InputError(f"a window of {k}x{k} does not fit; expected a size of {min(up.enlarged)} at most")
    if any((side - k) % s for side in up.enlarged):
        largest = min(s, max(up.enlarged))
        fitting = [number for number in range(1, largest) if not any((side - k) % number for side in up.enlarged)]
        raise InputError(
            f"a stride of {s} leaves rows or columns over, so that the decoder has no mirror of it; a stride of "
            f"{' or '.join(map(str, fitting))} fits"
        )
    down = Window((*up.output, channels), k, *BORDERS[mirror][0](k), spacing=s)
    return _conv_map(up, channels), _conv_map(down, below[-1])


CONV_LINES = {
    "forward": Formula(convolution_forward, "matmul(P, W"),
    "backward": Formula(convolution_backward_input),
    "weight": Formula(convolution_backward_weight, "mine +="),
}
CONV_EQUATIONS = {"forward": "{h} * {W}", "backward": "{da} * {W} turned", "weight": "{h} * {da}"}


def _images(below: Shape) -> tuple[int, int, int]:
    if len(below) != 3:
        raise InputError(
            "expected images below, (height, width, channels); the input is such where the data's rows are images, "
            "(n, height, width[, channels]), or its shape is named, as 28x28x1"
        )
    return below


def _conv_map(window: Window, units: int) -> Map:
    k, channels = window.size, window.input[2]

    def forward(h: Array, W: Array) -> tuple[Array, Array]:
        return convolution_forward(h, W, window), h

    def backward(da: Array, W: Array, h: Array, dW: Array, wanted: bool) -> Array | None:
        samples = len(da) // math.prod(window.output)
        convolution_backward_weight(da, h[: samples * math.prod(window.input[:2])], window, dW)
        return convolution_backward_input(da, W, window) if wanted else None

    def initialize(generator: np.random.Generator) -> np.ndarray:
        largest = math.sqrt(3 / (k * k * channels))  # as the reference code has it
        return generator.uniform(-largest, largest, (k, k, channels, units))

    weight = k, k, channels, units
    return Map(
        window.input,
        (*window.output, units),
        weight,
        initialize,
        forward,
        backward,
        multiply_adds=math.prod(window.output) * math.prod(weight),
        lines=CONV_LINES,
        equations=CONV_EQUATIONS,
    )


# ---- Pooling: no weight, and φ is linear (fact 10).


def max_pool(below: Shape, size: Whole) -> MapPair:
    """Return max pooling over windows that lie side by side, and its mirror: repetition, cut to the size below."""
    shape, k = _images(below), size
    if k > max(shape[:2]):
        raise InputError(f"a window of {k}x{k} is larger than the image; expected a size of {max(shape[:2])} at most")
    above = pooled(shape, k)

    def up(h: Array, W: Array | None) -> tuple[Array, Array]:
        return max_pool_forward(h, shape, k)

    def up_backward(da: Array, W: Array | None, place: Array, dW: Array | None, wanted: bool) -> Array | None:
        return max_pool_backward(da, place, shape, k) if wanted else None

    def down(h: Array, W: Array | None) -> tuple[Array, None]:
        return repeat_forward(h, shape, k), None

    def down_backward(da: Array, W: Array | None, kept: None, dW: Array | None, wanted: bool) -> Array | None:
        return repeat_backward(da, shape, k) if wanted else None

    largest = _pool_map(shape, above, up, up_backward, "max")
    repeated = _pool_map(above, shape, down, down_backward, "repeat")
    return dataclasses.replace(largest, choices=lambda place: place), repeated


def mean_pool(below: Shape) -> MapPair:
    """Return the mean over all positions, and its mirror: the mean at every position."""
    shape = _images(below)
    above = (shape[2],)

    def up(h: Array, W: Array | None) -> tuple[Array, None]:
        return mean_pool_forward(h, shape), None

    def up_backward(da: Array, W: Array | None, kept: None, dW: Array | None, wanted: bool) -> Array | None:
        return mean_pool_backward(da, shape) if wanted else None

    def down(h: Array, W: Array | None) -> tuple[Array, None]:
        return spread_forward(h, shape), None

    def down_backward(da: Array, W: Array | None, kept: None, dW: Array | None, wanted: bool) -> Array | None:
        return spread_backward(da, shape) if wanted else None

    return _pool_map(shape, above, up, up_backward, "mean"), _pool_map(above, shape, down, down_backward, "spread")


POOL_LINES = {
    "max": {"forward": Formula(max_pool_forward, "xp.maximum"), "backward": Formula(max_pool_backward, "multiply")},
    "repeat": {"forward": Formula(repeat_forward, "to[...]"), "backward": Formula(repeat_backward, "+=")},
    "mean": {"forward": Formula(mean_pool_forward), "backward": Formula(mean_pool_backward)},
    "spread": {"forward": Formula(spread_forward), "backward": Formula(spread_backward)},
}


POOL_EQUATIONS = {  # forward and backward
    "max": ("max {h}", "{da} at max {h}"),
    "repeat": ("{h} repeated", "Σ {da} over windows"),
    "mean": ("mean {h}", "{da}/positions"),
    "spread": ("{h} everywhere", "Σ {da} over positions"),
}


def _pool_map(below: Shape, above: Shape, forward: Callable, backward: Callable, name: str) -> Map:
    equations = dict(zip(("forward", "backward"), POOL_EQUATIONS[name], strict=True))
    maps = below, above, None, None, forward, backward
    return Map(*maps, activation="linear", lines=POOL_LINES[name], equations=equations)


# Kind of layer -> what returns its two maps, from the shape of a sample below and what is behind the colons.
MAPS: dict[str, Callable[..., MapPair]] = {"dense": dense, "conv": conv, "max_pool": max_pool, "mean_pool": mean_pool}


def split_layers(layers: str | Sequence[str | int]) -> tuple[str, ...]:
    """Return the texts of the layers above the input, of "1000-500-10" or of a sequence such as (1000, "500", 10).

    Raises InputError if it is neither.
    """
    parts = layers.split("-") if isinstance(layers, str) else layers
    if not isinstance(parts, Sequence | np.ndarray) or not all(isinstance(p, str | int | np.integer) for p in parts):
        raise InputError(f"layers {layers!r}: expected texts, for example '1000-500-10' or ('1000', '500', '10')")
    # "dense:500" is "500", so that networks of the same layers are equal
    return tuple(str(part).removeprefix("dense:") for part in parts)


def is_whole_number(text: str) -> bool:
    """Return whether a text is a whole number in the digits 0 to 9; `str.isdecimal` knows those of all scripts."""
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


def is_layer(text: str) -> bool:
    """Return whether a text names a kind of layer, or is a number of units; its arguments are not looked at."""
    return is_whole_number(text) or text.partition(":")[0] in MAPS


def build_maps(input_shape: Shape, layers: Sequence[str]) -> list[MapPair]:
    """Return the maps up to, and down from, each of the layers above the input.

    Raises InputError if a layer's kind is unknown, or it does not fit on the one below.
    """
    shape, pairs = input_shape, []
    for named, make, arguments in _read_layers(layers):
        try:
            pairs.append(make(shape, *arguments))
        except InputError as error:
            raise InputError(f"{named}, on a layer of shape {shape}: {error}") from None
        _check_pair(*pairs[-1], shape, named)
        shape = pairs[-1][0].output
    return _for_small_network(pairs) if _is_small(pairs) else pairs


def check_layers(layers: Sequence[str]) -> None:
    """Raise `InputError` if one of the layers above the input fits on no layer below."""
    for _ in _read_layers(layers):
        pass


def _read_layers(layers: Sequence[str]) -> Iterator[tuple[str, Callable[..., MapPair], list[Any]]]:
    """Yield each layer's name for people, its function of `MAPS`, and what this takes besides the shape below."""
    for number, text in enumerate(layers, start=1):
        named = f"layer {number}, {text!r}"
        kind, *texts = f"dense:{text}".split(":") if is_whole_number(text) else text.split(":")
        if kind not in MAPS:
            known = ", ".join(MAPS)
            raise InputError(f"{named}: unknown kind of layer; give a number of units, or one of {known}")
        try:
            arguments = _arguments(kind, texts)
        except InputError as error:
            raise InputError(f"{named}: {error}") from None
        yield named, MAPS[kind], arguments


def _arguments(kind: str, texts: Sequence[str]) -> list[Any]:
    """Return the arguments of a kind's function besides the shape below; raise `InputError` if it has no such."""
    _, *parameters = inspect.signature(MAPS[kind]).parameters.values()
    needed = sum(parameter.default is parameter.empty for parameter in parameters)
    if not needed <= len(texts) <= len(parameters):
        raise InputError(f"{kind} does not take {len(texts)} values; expected {_form(kind)}")
    return [_value(parameter, text) for parameter, text in zip(parameters, texts, strict=False)]


def _value(parameter: inspect.Parameter, text: str) -> Any:
    """Return what a text behind a colon stands for."""
    makers = getattr(parameter.annotation, "__metadata__", ())
    return makers[0](text, parameter.name) if makers else text


def _form(kind: str) -> str:
    """Return what a kind's text looks like: conv:channels:size[:border[:stride]]."""
    _, *arguments = inspect.signature(MAPS[kind]).parameters.values()
    optional = sum(argument.default is not argument.empty for argument in arguments)
    needed = len(arguments) - optional
    texts = [f":{a.name}" if k < needed else f"[:{a.name}" for k, a in enumerate(arguments)]
    return kind + "".join(texts) + "]" * optional


def _is_small(pairs: Sequence[MapPair]) -> bool:
    """Whether no weight is large. One that is decides for all: the BLAS's threads are then awake between products."""
    weights = [one.weight for pair in pairs for one in pair if one.weight is not None]
    return all(math.prod(weight) <= LARGEST_SMALL_WEIGHT for weight in weights)


def _for_small_network(pairs: Sequence[MapPair]) -> list[MapPair]:
    return [(up.small or up, down.small or down) for up, down in pairs]


def _check_pair(up: Map, down: Map, below: Shape, named: str) -> None:
    """Check what a row of `MAPS` returned, whose author is to learn what is wrong before it is used."""
    given, expected = (up.input, down.input, down.output), (below, up.output, below)
    if given != expected:
        raise InputError(
            f"{named}: its maps have the shapes up.input, down.input, down.output = {given}, not {expected}"
        )
    if any((one.weight is None) != (one.initialize is None) for one in (up, down)):
        raise InputError(f"{named}: a map needs both weight and initialize, or neither")
