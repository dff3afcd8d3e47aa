"""Every forward/backward pair of `ladder_np.operations` as one row of a table, for tests that walk all of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ladder_np.operations import combinators, dense, losses, normalization
from ladder_np.operations.activations import ACTIVATIONS, softmax_backward, softmax_forward
from ladder_np.operations.maps import Map, build_maps

ROWS, UNITS = 7, 4

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Pair:
    """One forward/backward pair.

    `arguments` draws the inputs; `forward` returns the outputs as a tuple; `backward` turns the outputs' upstream
    gradients into the inputs' gradients, by name; `kinks` returns the masks that must not flip.
    """

    arguments: Callable[[np.random.Generator], Arrays]
    forward: Callable[[Mapping[str, np.ndarray]], tuple]
    backward: Callable[[Mapping[str, np.ndarray], tuple], Arrays]
    kinks: Callable[[Mapping[str, np.ndarray]], list] = field(default=lambda arguments: [])
    complex_step: bool = True


class PairPoint:
    """The scalar Σ upstream · output of one pair at random inputs, as `check_points` wants it."""

    def __init__(self, pair: Pair, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.pair = pair
        self.arguments = pair.arguments(generator)
        # Random, never ones: batch norm's gradient of a plain sum is identically 0.
        self.upstream = tuple(generator.standard_normal(np.shape(out)) for out in pair.forward(self.arguments))
        self.gradients = pair.backward(self.arguments, self.upstream)

    def value(self, arguments: Mapping[str, np.ndarray]) -> complex:
        outputs = self.pair.forward(arguments)
        return sum((up * out).sum() for up, out in zip(self.upstream, outputs, strict=True))

    def cost(self) -> tuple[float, list]:
        return float(np.real(self.value(self.arguments))), self.pair.kinks(self.arguments)


def matrices(*names: str) -> Callable[[np.random.Generator], Arrays]:
    return lambda generator: {name: generator.standard_normal((ROWS, UNITS)) for name in names}


def vectors(generator: np.random.Generator, *names: str) -> Arrays:
    return {name: generator.uniform(0.5, 1.5, UNITS) for name in names}


def activation_pair(name: str) -> Pair:
    activation = ACTIVATIONS[name]
    return Pair(
        matrices("b"),
        lambda x: (activation.forward(x["b"]),),
        lambda x, up: {"b": activation.backward(up[0], activation.forward(x["b"]))},
        kinks=(lambda x: [x["b"] > 0]) if activation.kinked else (lambda x: []),
        # numpy.maximum and numpy.logaddexp are not complex-differentiable.
        complex_step=name not in ("relu", "leaky_relu", "softplus"),
    )


def combinator_pair(name: str) -> Pair:
    combinator = combinators.COMBINATORS[name]

    def arguments(generator: np.random.Generator) -> Arrays:
        parameters = combinator.parameters.items()
        a = {key: generator.standard_normal(initial.shape(UNITS)) for key, initial in parameters}
        return matrices("z_tilde", "u")(generator) | a

    def split(x: Mapping[str, np.ndarray]) -> tuple:
        return x["z_tilde"], x["u"], {key: x[key] for key in combinator.parameters}

    def backward(x: Mapping[str, np.ndarray], up: tuple) -> Arrays:
        z_tilde, u, a = split(x)
        _, cache = combinator.forward(z_tilde, u, a)
        dz_tilde, du, da = combinator.backward(up[0], u, a, cache)
        return {"z_tilde": dz_tilde, "u": du, **da}

    return Pair(
        arguments,
        lambda x: (combinator.forward(*split(x))[0],),
        backward,
        kinks=lambda x: combinator.kinks(*split(x)) if combinator.kinks else [],
        complex_step=combinator.kinks is None,  # numpy.maximum is not complex-differentiable
    )


def normalize_backward(x: Mapping[str, np.ndarray], up: tuple) -> Arrays:
    z, _, sigma = normalization.normalize_forward(x["a"], 1e-3)
    return {"a": normalization.normalize_backward(up[0], z, sigma, up[1], up[2])}


def normalize_z_backward(x: Mapping[str, np.ndarray], up: tuple) -> Arrays:
    z, _, sigma = normalization.normalize_forward(x["a"], 1e-3)
    return {"a": normalization.normalize_backward(up[0], z, sigma)}


def standardize_backward(x: Mapping[str, np.ndarray], up: tuple) -> Arrays:
    z_hat_bn = normalization.standardize_forward(x["z_hat"], x["mu"], x["sigma"])
    gradients = normalization.standardize_backward(up[0], z_hat_bn, x["sigma"])
    return dict(zip(("z_hat", "mu", "sigma"), gradients, strict=True))


def shift_scale_backward(x: Mapping[str, np.ndarray], up: tuple) -> Arrays:
    gradients = normalization.shift_scale_backward(up[0], x["z"], x["beta"], x.get("gamma"))
    return {
        name: gradient
        for name, gradient in zip(("z", "beta", "gamma"), gradients, strict=True)
        if gradient is not None
    }


def dense_arguments(generator: np.random.Generator) -> Arrays:
    return {"h": generator.standard_normal((ROWS, 3)), "W": generator.standard_normal((3, UNITS))}


def map_pair(one: Map, choices: bool = False) -> Pair:
    """Return a map's pair, on two samples; where it chooses among values, none of the choices may change."""

    def arguments(generator: np.random.Generator) -> Arrays:
        rows = 2 * math.prod(one.input[:-1])
        drawn = {"h": generator.standard_normal((rows, one.input[-1]))}
        return drawn if one.weight is None else drawn | {"W": generator.standard_normal(one.weight)}

    def backward(x: Mapping[str, np.ndarray], up: tuple) -> Arrays:
        _, kept = one.forward(x["h"], x.get("W"))
        dW = np.full_like(x["W"], np.nan) if "W" in x else None
        dh = one.backward(up[0], x.get("W"), kept, dW, True)
        return {"h": dh} if dW is None else {"h": dh, "W": dW}

    return Pair(
        arguments,
        lambda x: one.forward(x["h"], x.get("W"))[:1],
        backward,
        kinks=(lambda x: [one.forward(x["h"], None)[1]]) if choices else (lambda x: []),
        complex_step=not choices,  # complex numbers have no largest
    )


def spatial_pairs() -> dict[str, Pair]:
    """Return the pairs of convolutions and poolings up, and of their mirrors down, at odd sizes."""
    layers = ["conv:3:3", "conv:1:2:full", "conv:2:4:same", "conv:3:3:valid:2", "max_pool:2", "mean_pool"]
    built = {text: build_maps((5, 3, 2), [text])[0] for text in layers}
    built["conv of many channels"] = build_maps((2, 2, 8), ["conv:2:2:full"])[0]
    pairs = {name: map_pair(up, choices=name.startswith("max_pool")) for name, (up, _) in built.items()}
    return pairs | {f"mirror of {name}": map_pair(down) for name, (_, down) in built.items()}


CLASSES = np.array([0, 3, 1, 2, 2, 0, 1])
WEIGHTS = np.array([0.5, 2.0, 0.0, 1.3, 0.7, 1.0, 1.5])

PAIRS = {
    "dense": Pair(
        dense_arguments,
        lambda x: (dense.dense_forward(x["h"], x["W"]),),
        lambda x, up: {
            "h": dense.dense_backward_input(up[0], x["W"]),
            "W": dense.dense_backward_weight(up[0], x["h"]),
        },
    ),
    "normalize": Pair(matrices("a"), lambda x: normalization.normalize_forward(x["a"], 1e-3), normalize_backward),
    "normalize, z alone": Pair(
        matrices("a"), lambda x: normalization.normalize_forward(x["a"], 1e-3)[:1], normalize_z_backward
    ),
    "standardize": Pair(
        lambda generator: matrices("z_hat")(generator) | vectors(generator, "mu", "sigma"),
        lambda x: (normalization.standardize_forward(x["z_hat"], x["mu"], x["sigma"]),),
        standardize_backward,
    ),
    "shift": Pair(
        lambda generator: matrices("z")(generator) | vectors(generator, "beta"),
        lambda x: (normalization.shift_scale_forward(x["z"], x["beta"], None),),
        shift_scale_backward,
    ),
    "shift and scale": Pair(
        lambda generator: matrices("z")(generator) | vectors(generator, "beta", "gamma"),
        lambda x: (normalization.shift_scale_forward(x["z"], x["beta"], x["gamma"]),),
        shift_scale_backward,
    ),
    "softmax": Pair(
        matrices("b"),
        lambda x: (softmax_forward(x["b"]),),
        lambda x, up: {"b": softmax_backward(up[0], softmax_forward(x["b"]))},
    ),
    "cross-entropy": Pair(
        matrices("b"),
        lambda x: (losses.cross_entropy_forward(x["b"], CLASSES),),
        lambda x, up: {"b": up[0] * losses.cross_entropy_backward(softmax_forward(x["b"]), CLASSES)},
    ),
    "weighted cross-entropy": Pair(
        matrices("b"),
        lambda x: (losses.cross_entropy_forward(x["b"], CLASSES, WEIGHTS.astype(x["b"].dtype)),),
        lambda x, up: {
            "b": up[0] * losses.cross_entropy_backward(softmax_forward(x["b"]), CLASSES, WEIGHTS.astype(x["b"].dtype))
        },
    ),
    "squared error": Pair(
        matrices("z_hat_bn", "z"),
        lambda x: losses.squared_error_forward(x["z_hat_bn"], x["z"])[:1],
        lambda x, up: {
            "z_hat_bn": losses.squared_error_backward(up[0], x["z_hat_bn"] - x["z"]),
            "z": -losses.squared_error_backward(up[0], x["z_hat_bn"] - x["z"]),
        },
    ),
    **spatial_pairs(),
    **{name: activation_pair(name) for name in ACTIVATIONS},
    **{name: combinator_pair(name) for name in combinators.COMBINATORS},
}
