"""The quantities of one step, in computing order: the one table that traces, test vectors and checks read.

Each row says what a quantity is called, its equation, where the code computes it, its key in a file of test vectors,
and how it is read from the records of the passes. `State.items` walks the table layer by layer.

Texts are templates: {l} is the layer's number as an exponent, {below} and {above} its neighbors', {s} the same as an
index, {phi} the activation; the rest is filled in from the layer's map and combinator (`fill_in`). A tilde marks the
corrupted encoder, dx is dC/dx, m and s are those of `operations.normalization`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_np.arrays import Array, array_module
from ladder_np.network.layers import Layer, Rows
from ladder_np.network.parameters import LayerParameters
from ladder_np.network.passes import (
    DecodedGradient,
    Encoded,
    EncodedGradient,
    Passes,
    add_noise,
)
from ladder_np.operations.activations import softmax_backward, softmax_forward
from ladder_np.operations.formulas import Formula
from ladder_np.operations.losses import (
    cross_entropy_backward,
    cross_entropy_forward,
    squared_error_backward,
    squared_error_forward,
)
from ladder_np.operations.maps import Map
from ladder_np.operations.normalization import (
    normalize_backward,
    normalize_forward,
    shift_scale_backward,
    shift_scale_forward,
    standardize_backward,
    standardize_forward,
)

__all__ = [
    "CORRUPTED",
    "GIVEN",
    "PARTS",
    "WALK",
    "WAY_BACK",
    "Item",
    "Quantity",
    "backward_items",
    "fill_in",
    "forward_items",
]

GIVEN, CORRUPTED, CLEAN, DECODER, COST = "given", "corrupted encoder", "clean encoder", "decoder", "cost"
UP, DOWN = WAY_BACK = "way back, up the decoder", "way back, down the encoder"

# The parts of a step, and where they stand in the paper, which leaves the way back to the chain rule.
PARTS = {GIVEN: ""} | {part: f"[R] Algorithm 1, {part}" for part in (CORRUPTED, CLEAN, DECODER, COST)}
PARTS |= dict.fromkeys(WAY_BACK, "")

# Which layers a row is about, by their index and L.
LAYERS: dict[str, Callable[[int, int], bool]] = {
    "all": lambda layer, top: True,
    "input": lambda layer, top: layer == 0,
    "above input": lambda layer, top: layer > 0,
    "hidden": lambda layer, top: 0 < layer < top,
    "below top": lambda layer, top: layer < top,
    "top": lambda layer, top: layer == top,
}


@dataclass(frozen=True)
class At:
    """What a row reads its value from: one layer of one step.

    `decoded` is its `Decoded`; `record` is what the backward pass of the row's part returned; `grad` holds the
    gradients as `LayerParameters`.
    """

    state: Any
    layer: Layer
    own: LayerParameters
    encoded: Encoded
    decoded: Any = None
    record: Any = None
    grad: Any = None

    @property
    def rows(self) -> Rows:
        """Where the lanes are in the layer's matrices."""
        return self.encoded.rows


@dataclass(frozen=True)
class Quantity:
    """One row of the table.

    Attributes
    ----------
    part : str
        A key of `PARTS`.
    name : str
        The symbol in ASCII, close to the code's; unlike any other's of the same layer and part.
    symbol, equation : str
        The equation is its right-hand side, empty for what is given; the symbol is empty where the quantity repeats
        others, so that a trace leaves it out.
    value : callable
        ``value(at) -> array, dict of arrays by name, or None`` where the step does not have it.
    formula : Formula, or callable from Layer to Formula, or None
        Where the code computes it.
    vector : str
        Its key in test vectors, with {l} for the layer (and {name} for each of a dict); empty: it is not in them.
    layers : str
        A key of `LAYERS`.
    per_row : bool
        Whether it has a row for every position of a sample, so that it takes the layer's shape.
    """

    part: str
    name: str
    symbol: str
    equation: str
    value: Callable[[At], Array | Mapping[str, Array] | None]
    formula: Formula | Callable[[Layer], Formula] | None = None
    vector: str = ""
    layers: str = "all"
    per_row: bool = True


@dataclass(frozen=True)
class Item:
    """A quantity of one layer (None: of the whole step) with its value; `texts` fills in the quantity's templates."""

    quantity: Quantity
    layer: Layer | None
    value: Array | Mapping[str, Array]

    @property
    def texts(self) -> dict[str, str]:
        """What the braces in symbol and equation stand for."""
        if self.layer is None:
            return {}
        phi = self.layer.activation.forward.__name__.removesuffix("_forward")
        return fill_in(self.layer, numbers_of(self.layer), phi)

    @property
    def label(self) -> str:
        """The quantity for a message, such as "z̃ of layer 2"."""
        symbol = (self.quantity.symbol or self.quantity.equation).format(**dict.fromkeys(self.texts, ""))
        return f"{symbol} of layer {self.layer.index}" if self.layer else symbol

    @property
    def formula(self) -> Formula | None:
        """Where the code computes it."""
        formula = self.quantity.formula
        return formula(self.layer) if callable(formula) and self.layer else formula  # type: ignore[return-value]

    def vectors(self) -> Iterator[tuple[str, Array]]:
        """Yield its keys in a file of test vectors, with their arrays."""
        if not self.quantity.vector:
            return
        named = self.value if isinstance(self.value, Mapping) else {"": self.value}
        for name, value in named.items():
            yield self.quantity.vector.format(l=self.layer.index if self.layer else "", name=name), value


def _stacked(values: Sequence[Array]) -> Array | None:
    """Return statistics of several lanes as (lanes, units), of one lane as (units,)."""
    if len(values) < 2:
        return values[0] if len(values) else None
    return values if hasattr(values, "ndim") else array_module(values[0]).stack(values)


def _lane(x: Array | None, lane: slice) -> Array | None:
    """Return a lane's rows; None where it is not there."""
    return None if x is None or lane.start >= len(x) else x[lane]


def _of_map(way: str, kind: str) -> Callable[[Layer], Formula]:
    """Return where a layer's map, "up" or "down", computes its forward, its backward or its weight's gradient."""

    def formula(layer: Layer) -> Formula:
        one: Map = getattr(layer, way)
        return one.lines.get(kind) or Formula(one.forward if kind == "forward" else one.backward)

    return formula


def _combinator(name: str, function: str) -> Callable[[Layer], Formula]:
    return lambda layer: layer.combinator.lines.get(name) or Formula(getattr(layer.combinator, function))


NORMALIZED, CENTERED = Formula(normalize_forward, "z /= sigma"), Formula(normalize_forward, "mu = a.sum")
DEVIATION = Formula(normalize_forward, "sigma = xp.sqrt")
NOISY = Formula(add_noise, "z_tilde[rows.corrupted] += z")
SHIFTED = Formula(shift_scale_forward, "b = xp.positive")
NORMALIZED_BACK = Formula(normalize_backward, "da /= sigma")
JOINED = Formula(Passes._join, "dz[rows.unlabeled] += decoded.dz_tilde")


def _active(layer: Layer) -> Formula:
    return Formula(layer.activation.forward)


def _active_back(layer: Layer) -> Formula:
    return Formula(layer.activation.backward)


INPUTS = (
    Quantity(GIVEN, "x_labeled", "x labeled", "", lambda at: at.state.batch.x_labeled, vector="input/x_labeled"),
    Quantity(GIVEN, "y", "y", "", lambda at: at.state.batch.y, vector="input/y", per_row=False),
    Quantity(GIVEN, "x_unlabeled", "x", "", lambda at: at.state.batch.x_unlabeled, vector="input/x_unlabeled"),
)

# ---- The encoder, from layer 0 up.


def _noise(at: At) -> Array | None:
    return at.state.noise[at.layer.index]


ENCODER = (
    Quantity(GIVEN, "W", "W{l}", "", lambda at: at.own.W, vector="param/encoder.{l}.weight", per_row=False),
    Quantity(CLEAN, "a", "a{l}", "{map}",
             lambda at: _lane(at.encoded.a, at.rows.clean), _of_map("up", "forward"), layers="above input"),
    Quantity(CLEAN, "mu", "μ{l}", "mean a{l}",
             lambda at: at.encoded.target and at.encoded.target.mu, CENTERED, "clean/mean.{l}", "above input", False),
    Quantity(CLEAN, "sigma", "σ{l}", "sqrt(var a{l} + ε)",
             lambda at: at.encoded.target and at.encoded.target.sigma, DEVIATION, "clean/std.{l}", "above input",
             False),
    Quantity(CLEAN, "z", "z{l}", "x = h{l}",
             lambda at: at.encoded.target and at.encoded.target.z,
             Formula(Passes.corrupt_input, "target = Target"), "clean/z.{l}", "input"),
    Quantity(CLEAN, "z", "z{l}", "(a{l} − μ{l})/σ{l}",
             lambda at: at.encoded.target and at.encoded.target.z, NORMALIZED, "clean/z.{l}", "above input"),
    Quantity(GIVEN, "noise", "n{l}", "", _noise, vector="noise/{l}"),
    Quantity(CORRUPTED, "a_tilde", "ã{l}", "{map_tilde}",
             lambda at: _lane(at.encoded.a, at.rows.corrupted), _of_map("up", "forward"), layers="above input"),
    Quantity(CORRUPTED, "mu_tilde", "μ̃{l}", "mean ã{l}, each half",
             lambda at: _stacked(at.encoded.mu[:2]), CENTERED, layers="above input", per_row=False),
    Quantity(CORRUPTED, "sigma_tilde", "σ̃{l}", "sqrt(var ã{l} + ε), each half",
             lambda at: _stacked(at.encoded.sigma[:2]), DEVIATION, layers="above input", per_row=False),
    Quantity(CORRUPTED, "bn_a_tilde", "BN(ã{l})", "(ã{l} − μ̃{l})/σ̃{l}",
             lambda at: _lane(at.encoded.z, at.rows.corrupted), NORMALIZED, layers="above input"),
    Quantity(CORRUPTED, "z_tilde", "z̃{l}", "x + s{s} n = h̃{l}",
             lambda at: at.encoded.z_tilde[at.rows.corrupted], NOISY, "corrupted/z.{l}", "input"),
    Quantity(CORRUPTED, "z_tilde", "z̃{l}", "BN(ã{l}) + s{s} n",
             lambda at: at.encoded.z_tilde[at.rows.corrupted], NOISY, "corrupted/z.{l}", "above input"),
    Quantity(GIVEN, "beta", "β{l}", "", lambda at: at.own.beta, vector="param/encoder.{l}.beta", per_row=False),
    Quantity(GIVEN, "gamma", "γ{l}", "", lambda at: at.own.gamma, vector="param/encoder.{l}.gamma", per_row=False),
    Quantity(CLEAN, "b", "b{l}", "{b}", lambda at: _lane(at.encoded.b, at.rows.clean), SHIFTED, layers="hidden"),
    Quantity(CLEAN, "h", "h{l}", "{phi}(b{l})",
             lambda at: _lane(at.encoded.h, at.rows.clean), _active, layers="hidden"),
    Quantity(CORRUPTED, "b_tilde", "b̃{l}", "{b_tilde}",
             lambda at: _lane(at.encoded.b, at.rows.corrupted), SHIFTED, layers="above input"),
    Quantity(CORRUPTED, "h_tilde", "", "z̃{l}",
             lambda at: at.encoded.h[at.rows.corrupted], NOISY, "corrupted/h.{l}", "input"),
    Quantity(CORRUPTED, "h_tilde", "h̃{l}", "{phi}(b̃{l})",
             lambda at: at.encoded.h[at.rows.corrupted], _active, "corrupted/h.{l}", "hidden"),
    Quantity(CORRUPTED, "h_tilde", "h̃{l}", "softmax(b̃{l}) = P(ỹ | x)",
             lambda at: at.state.classified.p, Formula(softmax_forward, "p /= p.sum"), "corrupted/h.{l}", "top"),
)  # fmt: skip

# ---- The cost of the labeled rows; then the decoder, from layer L down; then the whole cost.

SUPERVISED = Quantity(
    COST,
    "supervised",
    "C_s",
    "−mean log P(ỹ = y | x)",
    lambda at: at.state.losses.supervised,
    Formula(cross_entropy_forward, "log_normalizer - "),
    "loss/supervised",
    per_row=False,
)


def _inner(name: str) -> Callable[[At], Array | None]:
    def value(at: At) -> Array | None:
        inner = at.layer.combinator.inner
        return inner(at.decoded.u, at.own.combinator).get(name) if inner and at.state.passes.keep else None

    return value


DECODER_ROWS = (
    Quantity(GIVEN, "V", "V{l}", "", lambda at: at.own.V, vector="param/decoder.{l}.weight", per_row=False),
    Quantity(DECODER, "vertical", "ẑ{above}V{l}", "{vertical}",
             lambda at: at.decoded.vertical, _of_map("down", "forward"), layers="below top"),
    Quantity(DECODER, "u", "u{l}", "BN(h̃{l}), unlabeled rows",
             lambda at: at.decoded.u, NORMALIZED, "decoder/u.{l}", "top"),
    Quantity(DECODER, "u", "u{l}", "BN(ẑ{above}V{l})",
             lambda at: at.decoded.u, NORMALIZED, "decoder/u.{l}", "below top"),
    Quantity(GIVEN, "combinator", "a{l}", "", lambda at: at.own.combinator,
             vector="param/combinator.{l}.{name}", per_row=False),
    Quantity(DECODER, "mu_of_u", "μ(u{l})", "a₁ s(a₂u + a₃) + a₄u + a₅",
             _inner("mu_of_u"), _combinator("mu_of_u", "forward")),
    Quantity(DECODER, "v_of_u", "v(u{l})", "a₆ s(a₇u + a₈) + a₉u + a₁₀",
             _inner("v_of_u"), _combinator("v_of_u", "forward")),
    Quantity(DECODER, "z_hat", "ẑ{l}", "{combinator}",
             lambda at: at.decoded.z_hat, _combinator("z_hat", "forward"), "decoder/z_hat.{l}"),
    Quantity(DECODER, "z_hat_bn", "ẑ{l}_BN", "(ẑ{l} − μ{l})/σ{l}",
             lambda at: at.decoded.z_hat_bn, Formula(standardize_forward, "z_hat_bn /= sigma"),
             "decoder/z_hat_bn.{l}", "above input"),
    Quantity(DECODER, "z_hat_bn", "", "ẑ{l}",
             lambda at: at.decoded.z_hat_bn, Formula(Passes.decode_forward, "z_hat_bn = "),
             "decoder/z_hat_bn.{l}", "input"),
    Quantity(COST, "difference", "", "ẑ{l}_BN − z{l}",
             lambda at: at.decoded.difference, Formula(squared_error_forward, "difference = ")),
    Quantity(COST, "cost", "C{l}", "mean (z{l} − ẑ{l}_BN)²",
             lambda at: at.decoded.cost, Formula(squared_error_forward, ".mean()"), layers="above input",
             per_row=False),
    Quantity(COST, "cost", "C{l}", "mean (z{l} − ẑ{l})²",
             lambda at: at.decoded.cost, Formula(squared_error_forward, ".mean()"), layers="input", per_row=False),
)  # fmt: skip

LOSSES = (
    Quantity(COST, "costs", "", "mean (z − ẑ_BN)², each layer",
             lambda at: at.state.losses.denoising, Formula(Passes.total, "values[2 + index]"),
             "loss/denoising", per_row=False),
    Quantity(COST, "total", "C", "C_s + Σ λₗ Cˡ",
             lambda at: at.state.losses.total, Formula(Passes.total, "total = total + "), "loss/total",
             per_row=False),
)  # fmt: skip

# ---- The way back: up the decoder, through the softmax, down the encoder.


def _target(name: str) -> Callable[[At], Array | None]:
    return lambda at: at.record.target and getattr(at.record.target, name)


DECODER_BACK = (
    Quantity(UP, "dz_hat_bn", "dẑ{l}_BN", "2 λ{s} (ẑ{l}_BN − z{l})/(M d{s})",
             lambda at: at.record.dz_hat_bn, Formula(squared_error_backward, "return "), layers="above input"),
    Quantity(UP, "dmu", "dμ{l}", "−Σ dẑ{l}_BN/σ{l}", _target("mu"),
             Formula(standardize_backward, "-dz_hat.sum(axis=0)"), layers="above input", per_row=False),
    Quantity(UP, "dsigma", "dσ{l}", "−Σ dẑ{l}_BN ẑ{l}_BN/σ{l}", _target("sigma"),
             Formula(standardize_backward, "-column_products(dz_hat"), layers="above input", per_row=False),
    Quantity(UP, "dz_hat", "dẑ{l}", "2 λ{s} (ẑ{l} − z{l})/(M d{s})",
             lambda at: at.record.dz_hat, Formula(squared_error_backward, "return "), layers="input"),
    Quantity(UP, "dz_hat", "dẑ{l}", "dẑ{l}_BN/σ{l} + d(ẑ{l}V{below}) V{below}ᵀ",
             lambda at: at.record.dz_hat,
             Formula(Passes.decode_backward, "dz_hat + dz_hat_below"), layers="above input"),
    Quantity(UP, "du", "du{l}", "dẑ{l} by way of {inner}",
             lambda at: at.record.du, _combinator("du", "backward")),
    Quantity(UP, "dcombinator", "d(g{l})", "sums over the rows", lambda at: at.grad.combinator,
             _combinator("dcombinator", "backward"), "grad/combinator.{l}.{name}", per_row=False),
    Quantity(UP, "dvertical", "d(ẑ{above}V{l})", "(du{l} − m − u{l} s)/σ(u{l})",
             lambda at: at.record.dvertical, NORMALIZED_BACK, layers="below top"),
    Quantity(UP, "dV", "dV{l}", "ẑ{above}ᵀ d(ẑ{above}V{l})", lambda at: at.grad.V, _of_map("down", "weight"),
             "grad/decoder.{l}.weight", "below top", False),
    Quantity(UP, "dh_tilde", "dh̃{l}", "(du{l} − m − u{l} s)/σ(u{l})",
             lambda at: at.record.dvertical, NORMALIZED_BACK, layers="top"),
)  # fmt: skip

CLASSIFIER_BACK = (
    Quantity(DOWN, "db_tilde_labeled", "db̃{l}", "(h̃{l} − onehot y)/N, labeled",
             lambda at: at.record[at.rows.labeled], Formula(cross_entropy_backward, "return "), layers="top"),
    Quantity(DOWN, "db_tilde_unlabeled", "db̃{l}", "h̃(dh̃ − Σ h̃dh̃), unlabeled",
             lambda at: _lane(at.record, at.rows.unlabeled), Formula(softmax_backward, "return "), layers="top"),
)  # fmt: skip

ENCODER_BACK = (
    Quantity(DOWN, "dh_tilde", "dh̃{l}", "{dh_tilde}",
             lambda at: _lane(at.record.dh, at.rows.corrupted), _of_map("up", "backward"), layers="hidden"),
    Quantity(DOWN, "dh", "dh{l}", "{dh}",
             lambda at: _lane(at.record.dh, at.rows.clean), _of_map("up", "backward"), layers="hidden"),
    Quantity(DOWN, "db_tilde", "db̃{l}", "dh̃{l} {phi}′(b̃{l})",
             lambda at: _lane(at.record.db, at.rows.corrupted), _active_back, layers="hidden"),
    Quantity(DOWN, "db", "db{l}", "dh{l} {phi}′(b{l})",
             lambda at: _lane(at.record.db, at.rows.clean), _active_back, layers="hidden"),
    Quantity(DOWN, "dgamma", "dγ{l}", "Σ db̃{l} (z̃{l} + β{l})", lambda at: at.grad.gamma,
             Formula(shift_scale_backward, "dgamma = "), "grad/encoder.{l}.gamma", "top", False),
    Quantity(DOWN, "dbeta", "dβ{l}", "{dbeta}", lambda at: at.grad.beta,
             Formula(shift_scale_backward, "dz.sum(axis=0)"), "grad/encoder.{l}.beta", per_row=False),
    Quantity(DOWN, "dz_tilde", "dz̃{l}", "{db_tilde} + dẑ{l} {slope}",
             lambda at: _lane(at.record.dz, at.rows.corrupted), JOINED),
    Quantity(DOWN, "dz", "dz{l}", "db{l} − dẑ{l}_BN", lambda at: _lane(at.record.dz, at.rows.clean),
             Formula(Passes._join, "dz[rows.clean] += "), layers="hidden"),
    Quantity(DOWN, "dz", "dz{l}", "−dẑ{l}_BN", lambda at: _lane(at.record.dz, at.rows.clean),
             Formula(Passes._join, "dz[rows.clean] += "), layers="top"),
    Quantity(DOWN, "da_tilde", "dã{l}", "(dz̃{l} − m − BN(ã{l}) s)/σ̃{l}",
             lambda at: _lane(at.record.da, at.rows.corrupted), NORMALIZED_BACK),
    Quantity(DOWN, "da", "da{l}", "(dz{l} − m − z{l} s)/σ{l}",
             lambda at: _lane(at.record.da, at.rows.clean), NORMALIZED_BACK),
    Quantity(DOWN, "dW", "dW{l}", "{dW}", lambda at: at.grad.W, _of_map("up", "weight"),
             "grad/encoder.{l}.weight", per_row=False),
)  # fmt: skip

# The groups in computing order, and whether each goes through the layers upward.
WALK = (
    (INPUTS, True),
    (ENCODER, True),
    ((SUPERVISED,), True),
    (DECODER_ROWS, False),
    (LOSSES, True),
    (DECODER_BACK, True),
    (CLASSIFIER_BACK, True),
    (ENCODER_BACK, False),
)


# ---- Walking the table.


def forward_items(state: Any) -> Iterator[Item]:
    """Yield every quantity of the way forward with its value, in computing order."""
    places = [
        At(state, layer, own, encoded, state.decoded.get(layer.index))
        for layer, own, encoded in zip(state.passes.layers, state.parameters.layers, state.encoded, strict=True)
    ]
    yield from _items(INPUTS, places[0], of_step=True)
    for at in places:
        yield from _items(ENCODER, at)
    yield from _items((SUPERVISED,), places[-1], of_step=True)
    for at in reversed(places):
        if at.decoded is not None:
            yield from _items(DECODER_ROWS, at)
    yield from _items(LOSSES, places[-1], of_step=True)


def backward_items(
    state: Any, gradients: Any, records: Sequence[tuple[int, DecodedGradient | EncodedGradient | Array]]
) -> Iterator[Item]:
    """Yield every quantity of the way back; `records` are those of `ladder.backward_records`."""
    rows = {DecodedGradient: DECODER_BACK, EncodedGradient: ENCODER_BACK}
    for index, record in records:
        layer, own, grad = state.passes.layers[index], state.parameters.layers[index], gradients.layers[index]
        at = At(state, layer, own, state.encoded[index], state.decoded.get(index), record, grad)
        yield from _items(rows.get(type(record), CLASSIFIER_BACK), at)


def _items(quantities: Sequence[Quantity], at: At, of_step: bool = False) -> Iterator[Item]:
    """Yield the quantities that this layer has, those with a row for each position in the layer's shape."""
    for quantity in quantities:
        if not of_step and not LAYERS[quantity.layers](at.layer.index, at.state.passes.layers[-1].index):
            continue
        value = quantity.value(at)
        if value is None or (not isinstance(value, Mapping) and not value.size):
            continue
        if quantity.per_row and not isinstance(value, Mapping):
            value = value.reshape(-1, *at.layer.shape)
        yield Item(quantity, None if of_step else at.layer, value)


GENERIC = {"forward": "map({h})", "backward": "mapᵀ({da})", "weight": "from {h} and {da}"}  # of any map
LANES_OF_WEIGHT = (("h̃{below}", "dã{l}"), ("h{below}", "da{l}"))
EXPONENTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
INDICES = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def numbers_of(layer: Layer) -> dict[str, str]:
    """Return the layer's number and its neighbors' as exponents, and as an index."""
    steps = (("l", 0), ("below", -1), ("above", 1))
    exponents = {name: str(layer.index + step).translate(EXPONENTS) for name, step in steps}
    return exponents | {"s": str(layer.index).translate(INDICES)}


def fill_in(layer: Layer, numbers: Mapping[str, str], phi: str) -> dict[str, str]:
    """Return what the braces of symbols and equations stand for in a layer, with the given numbers and name of φ."""
    texts = {**numbers, "phi": phi}
    scale = "γ{l} " if layer.has_gamma else ""
    up, down = GENERIC | layer.up.equations, GENERIC | layer.down.equations
    templates = {
        "map": up["forward"].format(h="h{below}", W="W{l}"),
        "map_tilde": up["forward"].format(h="h̃{below}", W="W{l}"),
        "vertical": down["forward"].format(h="ẑ{above}", W="V{l}"),
        "dh": down["backward"].format(da="da{above}", W="W{above}"),
        "dh_tilde": down["backward"].format(da="dã{above}", W="W{above}"),
        "dW": " + ".join(up["weight"].format(h=h, da=da) for h, da in LANES_OF_WEIGHT),
        "b": _shifted(scale, "z{l}", layer),
        "b_tilde": _shifted(scale, "z̃{l}", layer),
        "db_tilde": scale + "db̃{l}",
        "dbeta": f"Σ {scale}db̃{{l}}" + ("" if layer.has_gamma else " + Σ db{l}"),
        "combinator": layer.combinator.equation,
        "slope": layer.combinator.slope,
        "inner": "μ(u{l}), v(u{l})" if layer.combinator.inner else "g",
    }
    return texts | {name: template.format(**texts) for name, template in templates.items()}


def _shifted(scale: str, z: str, layer: Layer) -> str:
    if not layer.has_beta:
        return scale + z
    return f"{scale}({z} + β{{l}})" if scale else f"{z} + β{{l}}"
