"""Every kernel of `passes.cu` as one row of a table: what it is given, its plain formula, and how it is launched.

The plain formulas are those that run on a CPU.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from guarded import Memory
from kernel_points import LANES, ROWS, TOP, UNITS, Point, Values

from ladder_np.network import decoder, encoder, ladder
from ladder_np.network.decoder import DecoderGradients, DecoderState
from ladder_np.network.encoder import CleanGradient, EncoderState
from ladder_np.network.fused import FusedPasses
from ladder_np.network.lanes import Lanes
from ladder_np.operations.activations import ACTIVATIONS, softmax_forward
from ladder_np.operations.combinators import COMBINATORS
from ladder_np.operations.losses import cross_entropy_forward
from ladder_np.operations.normalization import column_products
from ladder_np.training.adam import Adam

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Pass:
    """One kernel.

    `inputs` draws what it is given; `plain` and `launch` return its results by name, from arrays on the host and on
    the device. `overwritten` names the inputs whose place results may take. `sums` says along what the kernel adds
    up: "rows", "units", or nothing, and then each number is computed by itself.
    """

    inputs: Callable[[Point, Values], Arrays]
    plain: Callable[[Point, SimpleNamespace], Arrays]
    launch: Callable[[FusedPasses, Point, SimpleNamespace, Memory], Arrays]
    sums: str = ""
    overwritten: Callable[[Point], tuple[str, ...]] = lambda point: ()
    options: Mapping[str, tuple] = field(default_factory=dict)

    def points(self, dtype: str, edge: bool, count: int) -> Iterator[Point]:
        """Yield `count` points: all options in turn, with sizes, activations and combinators at random."""
        options = [dict(zip(self.options, x, strict=True)) for x in itertools.product(*self.options.values())]
        activations, combinators = list(ACTIVATIONS), list(COMBINATORS)
        generator = np.random.default_rng(0)
        for k in range(count):
            chosen = options[k % len(options)]
            n_labeled, n_unlabeled = map(int, generator.choice(ROWS, 2))
            fewest = 2 if chosen.get("layer") == TOP else 1  # classes
            units = max(int(generator.choice(UNITS)), fewest)
            which = generator.integers(len(activations))
            # The text that one of them changes has nothing of the other's: half of all pairs will do.
            pair = activations[which], combinators[which % len(combinators)]
            yield Point(dtype, n_labeled, n_unlabeled, units, *pair, edge, k, chosen)


# ---- The encoder.


def corrupt_input_inputs(point: Point, values: Values) -> Arrays:
    lanes, units = point.lanes, point.units
    return {
        "x_labeled": values.matrix(lanes.n_labeled, units),
        "x_unlabeled": values.matrix(lanes.n_unlabeled, units),
        "noise": values.matrix(lanes.n_corrupted, units) if point["noise"] else None,
    }


def corrupt_input_plain(point: Point, x: SimpleNamespace) -> Arrays:
    inputs = [x.x_labeled, x.x_unlabeled, x.x_unlabeled][: len(point.lanes.of_layer(1))]
    std = point.specification.noise_std[0]
    return {"z_tilde": encoder._add_noise(np.concatenate(inputs), x.noise, std, point.lanes)}


def corrupt_input_launch(passes: FusedPasses, point: Point, x: SimpleNamespace, memory: Memory) -> Arrays:
    return {"z_tilde": passes.corrupt_input(x.x_labeled, x.x_unlabeled, x.noise, point.lanes)}


def encode_inputs(point: Point, values: Values) -> Arrays:
    lanes, units = point.lanes, point.units
    return {
        "a": values.matrix(lanes.rows(point.layer), units, overflows=True),
        "noise": values.matrix(lanes.n_corrupted, units) if point["noise"] else None,
        "beta": values.vector(units),
        "gamma": values.vector(units) if point.layer == TOP else None,
    }


def encode_plain(point: Point, x: SimpleNamespace) -> Arrays:
    parameters = point.parameters(beta=x.beta, gamma=x.gamma)
    results = encoder._encode_layer(parameters, point.lanes, point.layer, x.a.copy(), x.noise)
    return dict(zip(("z", "z_tilde", "h", "mu", "sigma"), map(np.asarray, results), strict=True))


def encode_launch(passes: FusedPasses, point: Point, x: SimpleNamespace, memory: Memory) -> Arrays:
    results = passes.encode(point.layer, x.a, x.noise, x.beta, x.gamma, point.lanes)
    return dict(zip(("z", "z_tilde", "h", "mu", "sigma"), results, strict=True))


def encode_backward_inputs(point: Point, values: Values) -> Arrays:
    lanes, units, layer = point.lanes, point.units, point.layer
    rows, rows_up = lanes.rows(layer), lanes.rows(layer + 1)
    target = point["target"] and lanes.has_clean(layer)
    b = values.matrix(rows_up, units)
    with np.errstate(all="ignore"):
        h = ACTIVATIONS[point.activation].forward(b) if layer < TOP else None
    return {
        "up": values.matrix(rows_up, units),
        "h": h,
        "z_tilde": values.matrix(rows, units),
        "beta": values.vector(units),
        "gamma": values.vector(units) if layer == TOP else None,
        "lateral": values.matrix(lanes.n_unlabeled, units) if point["lateral"] and lanes.n_unlabeled else None,
        "clean_dz": values.matrix(lanes.n_unlabeled, units) if target else None,
        "clean_dmu": values.vector(units) if target else None,
        "clean_dsigma": values.vector(units) if target else None,
        "z": values.matrix(rows, units),
        "sigma": np.stack([values.vector(units, positive=True) for _ in lanes.of_layer(layer)]),
    }


def encode_backward_plain(point: Point, x: SimpleNamespace) -> Arrays:
    layer = point.layer
    parameters = point.parameters(beta=x.beta, gamma=x.gamma)
    gradients = parameters.zeros_like()
    state = SimpleNamespace(h={layer: x.h}, z_tilde={layer: x.z_tilde}, z={layer: x.z}, sigma={layer: list(x.sigma)})
    clean = None if x.clean_dz is None else CleanGradient(x.clean_dz, x.clean_dmu, x.clean_dsigma)
    da = encoder._encode_layer_backward(
        parameters, point.lanes, state, layer, x.up.copy(), x.lateral, clean, gradients
    )
    return {"da": da} | {
        f"d{name}": gradients[f"encoder.{layer}.{name}"] for name in ("beta", "gamma") if getattr(x, name) is not None
    }


def encode_backward_launch(passes: FusedPasses, point: Point, x: SimpleNamespace, memory: Memory) -> Arrays:
    clean = None if x.clean_dz is None else (x.clean_dz, x.clean_dmu, x.clean_dsigma)
    shared = {
        f"d{name}": memory.empty(x.up, point.units) for name in ("beta", "gamma") if getattr(x, name) is not None
    }
    above = x.up, x.h, x.z_tilde, x.beta, x.gamma, x.lateral
    da = passes.encode_backward(*above, clean, x.z, x.sigma, point.lanes, shared["dbeta"], shared.get("dgamma"))
    return {"da": da, **shared}


# ---- The softmax layer and the cross-entropy.


def classified(point: Point, values: Values) -> Arrays:
    """Draw values before the softmax, some of them far apart, and classes."""
    b = values.matrix(point.units, point.n_labeled).T.copy()  # hard rows
    return {"b": b, "y": values.generator.integers(point.units, size=point.n_labeled)}


def cross_entropy_inputs(point: Point, values: Values) -> Arrays:
    x = classified(point, values)
    x["b"][np.isneginf(x["b"])] = 0  # the plain formula's 0 times infinity; see the test of minus infinity
    return x


def cross_entropy_plain(point: Point, x: SimpleNamespace) -> Arrays:
    rows = zip(x.b[:, None], x.y[:, None], strict=True)
    return {"row_costs": np.stack([cross_entropy_forward(b, y) for b, y in rows])}


def classify_backward_inputs(point: Point, values: Values) -> Arrays:
    lanes, units = point.lanes, point.units
    with np.errstate(all="ignore"):
        p = softmax_forward(values.matrix(units, lanes.n_corrupted).T)
    return {
        "p": p,
        "y": values.generator.integers(units, size=lanes.n_labeled),
        "dp": values.matrix(lanes.n_unlabeled, units) if lanes.n_unlabeled else None,
    }


# ---- The decoder. Its matrices have the unlabeled rows alone.


def decode_inputs(point: Point, values: Values) -> Arrays:
    rows, units = point.n_unlabeled, point.units
    statistics = point["cost"] and point.layer > 0
    return {
        "vertical": values.matrix(rows, units, overflows=True),
        "z_tilde": values.matrix(rows, units),
        "a": np.stack([values.vector(units) for _ in range(10)]),
        "clean_z": values.matrix(rows, units) if point["cost"] else None,
        "clean_mu": values.vector(units) if statistics else None,
        "clean_sigma": values.vector(units, positive=True) if statistics else None,
    }


def unlabeled_lanes(point: Point) -> Lanes:
    """Return lanes as if there were no labeled rows, with a cost in this layer or not."""
    denoised = tuple(layer == point.layer and bool(point["cost"]) for layer in range(TOP + 1))
    return Lanes(0, point.n_unlabeled, 0, TOP, denoised)


def seen_by_decoder(
    layer: int, z_tilde: np.ndarray, z: Any = None, mu: Any = None, sigma: Any = None
) -> EncoderState:
    """Return what the decoder needs of the encoder; the clean lane's rows follow the corrupted ones."""
    rows = None if z is None else np.concatenate([z_tilde, z])
    return EncoderState({layer: rows}, {layer: z_tilde}, {}, {layer: [mu]}, {layer: [sigma]}, b_top=None)


def decode_plain(point: Point, x: SimpleNamespace) -> Arrays:
    layer, state = point.layer, DecoderState()
    encoded = seen_by_decoder(layer, x.z_tilde, x.clean_z, x.clean_mu, x.clean_sigma)
    decoder._decode_layer(
        point.parameters(a=x.a), unlabeled_lanes(point), layer, encoded, state, x.vertical.copy(), x.clean_z
    )
    results = {name: getattr(state, name)[layer] for name in ("u", "u_sigma", "z_hat")}
    if point["cost"]:
        difference = state.difference[layer]
        sizes, costs = point.specification.sizes, column_products(difference, difference)
        others = [np.full(size, np.nan, point.dtype) for size in sizes]  # the other layers' places stay as they were
        results |= {"z_hat_bn": state.z_hat_bn[layer], "difference": difference}
        results["unit_costs"] = np.concatenate([*others[:layer], costs, *others[layer + 1 :]])
    return results


def decode_launch(passes: FusedPasses, point: Point, x: SimpleNamespace, memory: Memory) -> Arrays:
    clean = (x.clean_z, x.clean_mu, x.clean_sigma) if point["cost"] else None
    unit_costs = memory.empty(x.vertical, sum(point.specification.sizes))
    u, u_sigma, z_hat, z_hat_bn, difference = passes.decode(
        point.layer, x.vertical, x.z_tilde, x.a, clean, unit_costs
    )
    results = {"u": u, "u_sigma": u_sigma, "z_hat": z_hat}
    if point["cost"]:
        results |= {"z_hat_bn": z_hat_bn, "difference": difference, "unit_costs": unit_costs}
    return results


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
        "a": np.stack([values.vector(units) for _ in range(10)]),
    }


def decode_backward_plain(point: Point, x: SimpleNamespace) -> Arrays:
    layer, parameters = point.layer, point.parameters(a=x.a)
    result, gradients = DecoderGradients(None, {}, {}), parameters.zeros_like()
    _, cache = COMBINATORS[point.combinator].forward(x.z_tilde, x.u, parameters.combinator(layer))
    given = {"u": x.u, "u_sigma": x.u_sigma, "cache": cache, "z_hat_bn": x.z_hat_bn, "difference": x.difference}
    dvertical = decoder._decode_layer_backward(
        parameters,
        unlabeled_lanes(point),
        layer,
        seen_by_decoder(layer, x.z_tilde, sigma=x.clean_sigma),
        DecoderState(**{name: {layer: value} for name, value in given.items()}),
        None if x.below is None else x.below.copy(),
        result,
        gradients,
    )
    results = {"dvertical": dvertical, "dz_tilde": result.dz_tilde[layer], "da": gradients.combinator_block(layer)}
    if layer in result.clean:
        clean = result.clean[layer]
        results |= {"clean_dz": clean.dz, "clean_dmu": clean.dmu, "clean_dsigma": clean.dsigma}
    return results


def decode_backward_launch(passes: FusedPasses, point: Point, x: SimpleNamespace, memory: Memory) -> Arrays:
    error = (x.difference, x.z_hat_bn, x.clean_sigma) if point["cost"] else None
    da = memory.empty(x.u, 10, point.units)
    dvertical, dz_tilde, clean = passes.decode_backward(
        point.layer, x.below, error, x.u, x.z_tilde, x.u_sigma, x.a, da
    )
    names = "clean_dz", "clean_dmu", "clean_dsigma"
    return {"dvertical": dvertical, "dz_tilde": dz_tilde, "da": da} | dict(zip(names, clean or (), strict=False))


# ---- The cost, Adam.


def total_inputs(point: Point, values: Values) -> Arrays:
    costs = values.vector(point.n_labeled * 40), values.vector(sum(point.specification.sizes))
    return dict(zip(("row_costs", "unit_costs"), map(np.abs, costs), strict=True))


def total_lanes(point: Point) -> Lanes:
    """Return lanes with more labeled rows than a block has threads, and a cost in some of the layers."""
    return Lanes(point.n_labeled * 40, point.n_unlabeled, 0, TOP, point["denoised"])


def total_plain(point: Point, x: SimpleNamespace) -> Arrays:
    sizes, ends = point.specification.sizes, np.cumsum(point.specification.sizes)
    costs = {
        layer: x.unit_costs[ends[layer] - sizes[layer] : ends[layer]].sum() / (point.n_unlabeled * sizes[layer])
        for layer, wanted in enumerate(point["denoised"])
        if wanted
    }
    return {"costs": ladder._total(point.parameters(), x.row_costs.mean(), costs).values}


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
        corrupt_input_plain,
        corrupt_input_launch,
        options={"layer": (0,), "lanes": ("labeled", "corrupted", "clean goes on"), "noise": YES_NO},
    ),
    "encode": Pass(
        encode_inputs,
        encode_plain,
        encode_launch,
        sums="rows",
        overwritten=lambda point: ("a",),
        options={"lanes": LANES, "noise": YES_NO, "layer": (1, TOP)},
    ),
    "encode_backward": Pass(
        encode_backward_inputs,
        encode_backward_plain,
        encode_backward_launch,
        sums="rows",
        overwritten=lambda point: ("up",),
        options={"lanes": LANES, "layer": (1, TOP), "lateral": YES_NO, "target": YES_NO},
    ),
    "softmax": Pass(
        classified,
        lambda point, x: {"p": softmax_forward(x.b)},
        lambda passes, point, x, memory: {"p": passes.softmax(x.b)},
        sums="units",
    ),
    "cross_entropy": Pass(
        cross_entropy_inputs,
        cross_entropy_plain,
        lambda passes, point, x, memory: {"row_costs": passes.cross_entropy(x.b, x.y)},
        sums="units",
    ),
    "classify_backward": Pass(
        classify_backward_inputs,
        lambda point, x: {"db": ladder._classify_backward(x.p, x.y, x.dp, point.lanes)},
        lambda passes, point, x, memory: {"db": passes.classify_backward(x.p, x.y, x.dp)},
        sums="units",
        options={"lanes": ("labeled", "corrupted")},
    ),
    "decode": Pass(
        decode_inputs,
        decode_plain,
        decode_launch,
        sums="rows",
        overwritten=lambda point: ("vertical",) if point.layer < TOP else (),
        options={"layer": LAYERS, "cost": YES_NO},
    ),
    "decode_backward": Pass(
        decode_backward_inputs,
        decode_backward_plain,
        decode_backward_launch,
        sums="rows",
        options={"layer": LAYERS, "cost": YES_NO, "below": YES_NO, "stop gradient": YES_NO},
    ),
    "total": Pass(
        total_inputs,
        total_plain,
        lambda passes, point, x, memory: {"costs": passes.total(x.row_costs, x.unit_costs, total_lanes(point))},
        sums="rows",
        options={"denoised": tuple(itertools.product(YES_NO, repeat=TOP + 1))},
    ),
    "adam": Pass(
        adam_inputs,
        adam_plain,
        lambda passes, point, x, memory: adam_step(Adam(x.theta, passes.kernels), x, point.seed),
        overwritten=lambda point: ("theta", "m", "v"),
    ),
}
