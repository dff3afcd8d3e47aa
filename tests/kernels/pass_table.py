"""Every kernel of `passes.cu` as one row of a table: what it is given, its plain formula, and how it is launched.

Both sides are the same method: of `Passes`, the plain formulas that run on a CPU, and of `FusedPasses`. Where one
method launches two kernels, each has a row.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from guarded import Memory
from kernel_points import LANES, PARTS, ROWS, TOP, UNITS, WITH_KERNELS, Point, Values, of_combinator, of_layer

from ladder_np.arrays import array_module
from ladder_np.network.fused import FusedPasses
from ladder_np.network.passes import (
    Batch,
    Classified,
    Decoded,
    DecodedGradient,
    Encoded,
    Passes,
    Target,
    combine_forward,
)
from ladder_np.operations.activations import ACTIVATIONS, softmax_forward
from ladder_np.operations.columns import column_products
from ladder_np.operations.combinators import COMBINATORS
from ladder_np.operations.losses import cross_entropy_forward
from ladder_np.training.adam import Adam

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Pass:
    """One kernel.

    `inputs` draws what it is given; `plain` and `launch` return its results by name, from arrays on the host and on
    the device. `overwritten` names the inputs whose place results take. `sums` says along what the kernel adds
    up: "rows", "units", or nothing, and then each number is computed by itself. `shares`: blocks may share the rows.
    """

    inputs: Callable[[Point, Values], Arrays]
    plain: Callable[[Point, SimpleNamespace], Arrays]
    launch: Callable[[FusedPasses, Point, SimpleNamespace, Memory], Arrays]
    sums: str = ""
    shares: bool = False
    overwritten: tuple[str, ...] = ()
    options: Mapping[str, tuple] = field(default_factory=dict)

    def points(self, dtype: str, edge: bool, count: int) -> Iterator[Point]:
        """Yield `count` points: all options in turn, with sizes, activations and combinators at random."""
        options = [dict(zip(self.options, x, strict=True)) for x in itertools.product(*self.options.values())]
        activations, combinators = WITH_KERNELS
        generator = np.random.default_rng(0)
        for k in range(count):
            chosen = options[k % len(options)]
            n_labeled, n_unlabeled = map(int, generator.choice(ROWS, 2))
            fewest = 2 if chosen.get("layer") == TOP else 1  # classes
            units = max(int(generator.choice(UNITS)), fewest)
            which = generator.integers(len(activations))
            # The text that one of them changes has nothing of the other's: one combinator for each will do.
            pair = activations[which], combinators[which % len(combinators)]
            part = int(generator.choice(PARTS)) if self.shares else PARTS[0]
            yield Point(dtype, n_labeled, n_unlabeled, units, *pair, edge, k, chosen, part)


def of_target(target: Target | None) -> Arrays:
    """Return what goes to, or comes from, the clean lane, by name."""
    return {} if target is None else {"clean_z": target.z, "clean_mu": target.mu, "clean_sigma": target.sigma}


# ---- The encoder.


def corrupt_input_inputs(point: Point, values: Values) -> Arrays:
    lanes, units = point.lanes, point.units
    return {
        "x_labeled": values.matrix(lanes.n_labeled, units),
        "x_unlabeled": values.matrix(lanes.n_unlabeled, units),
        "noise": values.matrix(lanes.n_corrupted, units) if point["noise"] else None,
    }


def corrupt_input(passes: Passes, x: SimpleNamespace) -> Arrays:
    encoded = passes.corrupt_input(Batch(x.x_labeled, None, x.x_unlabeled), x.noise)
    assert encoded.h is encoded.z_tilde
    return {"z_tilde": encoded.z_tilde}


def encode_inputs(point: Point, values: Values) -> Arrays:
    rows, units = point.lane_rows, point.units
    return {
        "a": values.matrix(rows.total, units, overflows=True),
        "noise": values.matrix(rows.n_corrupted, units) if point["noise"] else None,
        "beta": values.vector(units) if point["beta"] else None,
        "gamma": values.vector(units) if point["gamma"] else None,
    }


def encode(passes: Passes, point: Point, x: SimpleNamespace) -> Encoded:
    return passes.encode_forward(passes.layers[point.layer], of_layer(x.beta, x.gamma), x.a, x.noise)


def encoded_arrays(encoded: Encoded) -> Arrays:
    names = "z", "z_tilde", "h", "mu", "sigma"
    return {name: getattr(encoded, name) for name in names} | of_target(encoded.target)


def encode_plain(point: Point, x: SimpleNamespace) -> Arrays:
    return {name: np.asarray(value) for name, value in encoded_arrays(encode(point.passes, point, x)).items()}


def encode_backward_inputs(point: Point, values: Values) -> Arrays:
    rows, units = point.lane_rows, point.units
    target = point["target"] and rows.has_clean
    b = values.matrix(rows.going_on, units)
    with np.errstate(all="ignore"):
        h = ACTIVATIONS[point.activation].forward(b)
    lateral = rows.n_unlabeled and (point["lateral"] or target)
    return {
        "dh": values.matrix(rows.going_on, units),
        "h": h,
        "z_tilde": values.matrix(rows.total, units),
        "beta": values.vector(units) if point["beta"] else None,
        "gamma": values.vector(units) if point["gamma"] else None,
        "lateral": values.matrix(rows.n_unlabeled, units) if lateral else None,
        "clean_dz": values.matrix(rows.n_unlabeled, units) if target else None,
        "clean_dmu": values.vector(units) if target else None,
        "clean_dsigma": values.vector(units) if target else None,
        "z": values.matrix(rows.total, units),
        "sigma": np.stack([values.vector(units, positive=True) for _ in rows.lanes[rows.shared :]])[
            [0] * rows.shared + [*range(len(rows.lanes) - rows.shared)]
        ],
    }


def encode_backward(passes: Passes, point: Point, x: SimpleNamespace, empty: Callable[..., Any]) -> Arrays:
    """Return da, and dβ and dγ where there are such, which are written to arrays from `empty`."""
    target = None if x.clean_dz is None else Target(x.clean_dz, x.clean_dmu, x.clean_dsigma)
    decoded = None if x.lateral is None else DecodedGradient(None, x.lateral, target)
    encoded = Encoded(point.lane_rows, x.z, x.z_tilde, x.h, sigma=x.sigma)
    dbeta, dgamma = (None if own is None else empty(x.dh, point.units) for own in (x.beta, x.gamma))
    own, gradient = of_layer(x.beta, x.gamma), of_layer(dbeta, dgamma)
    result = passes.encode_backward(passes.layers[point.layer], own, encoded, x.dh, decoded, gradient)
    named = {"da": result.da, "dbeta": dbeta, "dgamma": dgamma}
    return {name: value for name, value in named.items() if value is not None}


def on_host(like: np.ndarray, *shape: int) -> np.ndarray:
    return np.full(shape, np.nan, like.dtype)


# ---- The softmax layer and the cross-entropy.


def row_weights(point: Point, values: Values) -> np.ndarray | None:
    if not point["weights"]:
        return None
    return values.generator.uniform(0.5, 1.5, point.n_labeled).astype(point.dtype)


def classified_inputs(point: Point, values: Values) -> Arrays:
    """Draw values before the softmax, some of them far apart, and classes."""
    b = values.matrix(point.units, point.lanes.n_corrupted).T.copy()  # hard rows
    weights = row_weights(point, values)
    return {"b": b, "y": values.generator.integers(point.units, size=point.n_labeled), "weights": weights}


def cross_entropy_inputs(point: Point, values: Values) -> Arrays:
    x = classified_inputs(point, values)
    x["b"][np.isneginf(x["b"])] = 0  # the plain formula's 0 times infinity; see the test of minus infinity
    return x


def cross_entropy_plain(point: Point, x: SimpleNamespace) -> Arrays:
    """Return the cost of each row; the plain pass returns their mean."""
    weights = np.ones_like(x.b[: len(x.y), 0]) if x.weights is None else x.weights
    rows = zip(x.b[: len(x.y), None], x.y[:, None], weights[:, None], strict=True)
    return {"row_costs": np.stack([cross_entropy_forward(*row) for row in rows])}


def classify_backward_inputs(point: Point, values: Values) -> Arrays:
    lanes, units = point.lanes, point.units
    with np.errstate(all="ignore"):
        p = softmax_forward(values.matrix(units, lanes.n_corrupted).T)
    return {
        "p": p,
        "y": values.generator.integers(units, size=lanes.n_labeled),
        "dp": values.matrix(lanes.n_unlabeled, units) if lanes.n_unlabeled else None,
        "weights": row_weights(point, values),
    }


def classify_backward(passes: Passes, x: SimpleNamespace) -> Arrays:
    return {"db": passes.classify_backward(Classified(x.p, None), x.y, x.dp, x.weights)}


# ---- The decoder. Its matrices have the unlabeled rows alone, but z̃ is the encoder's.


def decode_inputs(point: Point, values: Values) -> Arrays:
    rows, units = point.n_unlabeled, point.units
    statistics = point["cost"] and point.layer > 0
    return {
        "vertical": values.matrix(rows, units, overflows=True),
        "z_tilde": values.matrix(point.lane_rows.n_corrupted, units),
        "a": np.stack([values.vector(units) for _ in point.parameters]),
        "clean_z": values.matrix(rows, units) if point["cost"] else None,
        "clean_mu": values.vector(units) if statistics else None,
        "clean_sigma": values.vector(units, positive=True) if statistics else None,
    }


def decode(passes: Passes, point: Point, x: SimpleNamespace) -> Decoded:
    target = None if x.clean_z is None else Target(x.clean_z, x.clean_mu, x.clean_sigma)
    encoded = Encoded(point.lane_rows, None, x.z_tilde, None, target=target)
    return passes.decode_forward(passes.layers[point.layer], of_combinator(point, x.a), x.vertical, encoded)


def decoded_arrays(decoded: Decoded, unit_costs: Any) -> Arrays:
    results = {name: getattr(decoded, name) for name in ("u", "u_sigma", "z_hat")}
    if decoded.target is None:
        assert (decoded.z_hat_bn, decoded.difference, decoded.cost) == (None, None, None)
        return results
    return results | {"z_hat_bn": decoded.z_hat_bn, "difference": decoded.difference, "unit_costs": unit_costs}


def decode_plain(point: Point, x: SimpleNamespace) -> Arrays:
    decoded = decode(point.passes, point, x)
    sizes, layer = point.specification.sizes, point.layer
    costs = [np.full(size, np.nan, point.dtype) for size in sizes]  # the other layers' places stay as they were
    if decoded.target is not None:
        costs[layer] = column_products(decoded.difference, decoded.difference)
    return decoded_arrays(decoded, np.concatenate(costs))


def decode_launch(passes: FusedPasses, point: Point, x: SimpleNamespace, memory: Memory) -> Arrays:
    passes._unit_costs = memory.empty(x.vertical, passes._ends[-1])
    decoded = decode(passes, point, x)
    starts = [0, *passes._ends[:-1]]
    places = zip(starts, passes._ends, point.specification.sizes, strict=True)
    with np.errstate(all="ignore"):  # of the hard values, and of the other layers' places
        costs = [passes._unit_costs[start:end].reshape(-1, size).sum(axis=0) for start, end, size in places]
    return decoded_arrays(decoded, array_module(costs[0]).concatenate(costs))


def decode_backward_inputs(point: Point, values: Values) -> Arrays:
    rows, units = point.n_unlabeled, point.units
    return {
        "below": values.matrix(rows, units) if point["below"] or not point["cost"] else None,
        "difference": values.matrix(rows, units) if point["cost"] else None,
        "z_hat_bn": values.matrix(rows, units) if point["cost"] else None,
        "clean_sigma": values.vector(units, positive=True) if point["cost"] and point.layer > 0 else None,
        "u": values.matrix(rows, units),
        "z_tilde": values.matrix(rows, units),
        "u_sigma": values.vector(units, positive=True),
        "a": np.stack([values.vector(units) for _ in point.parameters]),
    }


def decode_backward(
    passes: Passes, point: Point, x: SimpleNamespace, empty: Callable[..., Any], cache: tuple = ()
) -> Arrays:
    """Return all gradients of a layer; da is written to an array from `empty`."""
    target = None if x.difference is None else Target(None, None, x.clean_sigma)
    decoded = Decoded(x.u, x.u_sigma, x.z_tilde, None, cache, target, x.z_hat_bn, x.difference)
    da = empty(x.u, len(point.parameters), point.units)
    layer = passes.layers[point.layer]
    result = passes.decode_backward(layer, of_combinator(point, x.a), decoded, x.below, of_combinator(point, da))
    return {"dvertical": result.dvertical, "dz_tilde": result.dz_tilde, "da": da} | of_target(result.target)


def decode_backward_plain(point: Point, x: SimpleNamespace) -> Arrays:
    _, cache = combine_forward(COMBINATORS[point.combinator], x.z_tilde, x.u, of_combinator(point, x.a).combinator)
    return decode_backward(point.passes, point, x, on_host, cache)


# ---- The cost, Adam.


def total_inputs(point: Point, values: Values) -> Arrays:
    costs = values.vector(point.n_labeled * 40), values.vector(sum(point.specification.sizes))
    return dict(zip(("row_costs", "unit_costs"), map(np.abs, costs), strict=True))


def total_plain(point: Point, x: SimpleNamespace) -> Arrays:
    ends, costs = np.cumsum(point.specification.sizes), {}
    for layer, size in enumerate(point.specification.sizes):
        unit_costs = x.unit_costs[ends[layer] - size : ends[layer]]
        cost = unit_costs.sum() / (point.n_unlabeled * size) if point.denoised[layer] else None
        costs[layer] = Decoded(None, None, None, None, cost=cost)
    return {"costs": point.passes.total(Classified(None, x.row_costs.mean()), costs).values}


def total_launch(passes: FusedPasses, point: Point, x: SimpleNamespace, memory: Memory) -> Arrays:
    many = dataclasses.replace(passes, n_labeled=len(x.row_costs))  # more than a block has threads
    many._unit_costs = x.unit_costs
    return {"costs": many.total(Classified(None, x.row_costs), {}).values}


def adam_inputs(point: Point, values: Values) -> Arrays:
    size = point.rows * point.units
    gradient, m = values.vector(size), values.vector(size)
    with np.errstate(all="ignore"):
        v = m * m  # a moment without its square is no state of Adam
    theta = values.generator.standard_normal(size).astype(point.dtype)
    if point.edge:
        # No zeros: a denormal moment loses digits in the kernel's order of factors, which no parameter above it sees.
        theta[::7] *= np.sqrt(np.finfo(theta.dtype).max)
        theta[::11], theta[5::11] = np.inf, np.nan
    return {"gradient": gradient, "theta": theta, "m": m, "v": v}


def adam_step(optimizer: Adam, x: SimpleNamespace, steps: int) -> Arrays:
    optimizer.m, optimizer.v, optimizer.steps = x.m, x.v, steps
    optimizer.update(x.gradient, 0.002)
    return {"theta": optimizer.vector, "m": optimizer.m, "v": optimizer.v}


def adam_plain(point: Point, x: SimpleNamespace) -> Arrays:
    copies = SimpleNamespace(**{name: value.copy() for name, value in vars(x).items()})
    return adam_step(Adam(copies.theta), copies, point.seed)


# ---- The table.

LAYERS = (0, 1, TOP)
YES_NO = (True, False)

PASSES = {
    "corrupt_input": Pass(
        corrupt_input_inputs,
        lambda point, x: corrupt_input(point.passes, x),
        lambda passes, point, x, memory: corrupt_input(passes, x),
        options={"layer": (0,), "lanes": ("labeled", "corrupted", "clean goes on"), "noise": YES_NO},
    ),
    "encode": Pass(
        encode_inputs,
        encode_plain,
        lambda passes, point, x, memory: encoded_arrays(encode(passes, point, x)),
        sums="rows",
        shares=True,
        options={"lanes": LANES, "shared": YES_NO, "noise": YES_NO, "beta": YES_NO, "gamma": YES_NO},
    ),
    "encode_backward": Pass(
        encode_backward_inputs,
        lambda point, x: encode_backward(point.passes, point, x, on_host),
        lambda passes, point, x, memory: encode_backward(passes, point, x, memory.empty),
        sums="rows",
        shares=True,
        options=dict.fromkeys(("shared", "lateral", "target", "beta", "gamma"), YES_NO) | {"lanes": LANES},
    ),
    "softmax": Pass(
        classified_inputs,
        lambda point, x: {"p": point.passes.classify_forward(x.b, x.y).p},
        lambda passes, point, x, memory: {"p": passes.classify_forward(x.b, x.y).p},
        sums="units",
        options={"lanes": ("labeled", "corrupted")},
    ),
    "cross_entropy": Pass(
        cross_entropy_inputs,
        cross_entropy_plain,
        lambda passes, point, x, memory: {"row_costs": passes.classify_forward(x.b, x.y, x.weights).cost},
        sums="units",
        options={"lanes": ("labeled", "corrupted"), "weights": YES_NO},
    ),
    "classify_backward": Pass(
        classify_backward_inputs,
        lambda point, x: classify_backward(point.passes, x),
        lambda passes, point, x, memory: classify_backward(passes, x),
        sums="units",
        options={"lanes": ("labeled", "corrupted"), "weights": YES_NO},
    ),
    "decode": Pass(
        decode_inputs,
        decode_plain,
        decode_launch,
        sums="rows",
        shares=True,
        options={"layer": LAYERS, "cost": YES_NO},
    ),
    "decode_backward": Pass(
        decode_backward_inputs,
        decode_backward_plain,
        lambda passes, point, x, memory: decode_backward(passes, point, x, memory.empty),
        sums="rows",
        shares=True,
        options={"layer": LAYERS, "cost": YES_NO, "below": YES_NO, "stop gradient": YES_NO},
    ),
    "total": Pass(
        total_inputs,
        total_plain,
        total_launch,
        sums="rows",
        options={"denoised": tuple(itertools.product(YES_NO, repeat=TOP + 1))},
    ),
    "adam": Pass(
        adam_inputs,
        adam_plain,
        lambda passes, point, x, memory: adam_step(Adam(x.theta, passes.kernels), x, point.seed),
        overwritten=("theta", "m", "v"),
    ),
}
