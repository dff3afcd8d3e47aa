"""The quantities of one step, in computing order: the one table that traces, test vectors and checks read.

Each row says what a quantity is called, its equation, where the code computes it, its key in a file of test vectors,
and how it is read from the records of the passes. `State.items` walks the table layer by layer.

Texts are templates: {l} is the layer's number as an exponent, {below} and {above} its neighbors', {s} the same as an
index, {phi} the activation; the rest is filled in from the layer's map and combinator (`fill_in`). A tilde marks the
corrupted encoder, dx is dC/dx, m and s are those of `operations.normalization`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_np.arrays import Array, array_module
from ladder_np.network import passes
from ladder_np.network.layers import Layer
from ladder_np.network.passes import DecodedGradient, EncodedGradient, Passes
from ladder_np.operations import activations, losses, normalization
from ladder_np.operations.formulas import Formula
from ladder_np.operations.maps import Map

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
    """What rows read their values from: one layer of one step.

    `own` and `grad` are the layer's `LayerParameters` and their gradients, `encoded` and `decoded` its records of the
    way forward, and `record` what the backward pass of the row's part returned.
    """

    state: Any
    layer: Layer
    own: Any
    encoded: Any
    decoded: Any = None
    record: Any = None
    grad: Any = None

    @property
    def noise(self) -> Array | None:
        """Standard normal draws before scaling."""
        return self.state.noise[self.layer.index]

    @property
    def mu_tilde(self) -> Array | None:
        """Means of the corrupted lanes."""
        return _stacked(self.encoded.mu[:2])

    @property
    def sigma_tilde(self) -> Array | None:
        """Standard deviations of the corrupted lanes."""
        return _stacked(self.encoded.sigma[:2])

    @property
    def cost(self) -> Array | None:
        """The layer's unweighted cost, 0-dimensional, if it has one."""
        return None if self.decoded.cost is None else self.state.losses.denoising[self.layer.index]

    @property
    def inner(self) -> Mapping[str, Array]:
        """What the combinator computes on the way, if the passes keep everything."""
        inner = self.layer.combinator.inner
        return inner(self.decoded.u, self.own.combinator) if inner and self.state.passes.keep else {}


@dataclass(frozen=True)
class Quantity:
    """One row of the table."""

    part: str  # a key of `PARTS`
    name: str  # the symbol in ASCII, close to the code's; unlike any other's of the same layer and part
    # the equation is its right-hand side, empty for what is given; the symbol is empty where the quantity repeats
    # others, so that a trace leaves it out
    symbol: str
    equation: str
    path: str  # attributes that lead from `At` to the value: an array, or a dict of arrays by name
    # which rows of it, a property of `Rows`, or "all"; empty for what has no row per position of a sample
    rows: str = ""
    formula: Formula | Callable[[Layer], Formula] | None = None  # where the code computes it
    # its key in test vectors, with {l} for the layer (and {name} for each of a dict); empty: it is not in them
    vector: str = ""
    layers: str = "all"  # a key of `LAYERS`

    def value(self, at: At) -> Array | Mapping[str, Array] | None:
        """Return its value, with the layer's shape behind the rows; None where the step does not have it."""
        value: Any = at
        for name in self.path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if value is None or isinstance(value, Mapping) or not self.rows:
            return value
        lane = slice(None) if self.rows == "all" else getattr(at.encoded.rows, self.rows)
        return value[lane].reshape(-1, *at.layer.shape)


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
        return fill_in(self.layer, numbers_of(self.layer), self.layer.phi)

    @property
    def label(self) -> str:
        """The quantity for a message, such as "z̃ of layer 2"."""
        symbol = re.sub(r"\{\w+\}", "", self.quantity.symbol or self.quantity.equation)
        return f"{symbol} of layer {self.layer.index}" if self.layer else symbol

    @property
    def formula(self) -> Formula | None:
        """Where the code computes it."""
        formula = self.quantity.formula
        return formula(self.layer) if callable(formula) and self.layer else formula  # type: ignore[return-value]

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield its keys in a file of test vectors (empty if it has none), with their arrays."""
        named = self.value if isinstance(self.value, Mapping) else {"": self.value}
        for name, value in named.items():
            yield self.quantity.vector.format(l=self.layer.index if self.layer else "", name=name), value


def _stacked(values: Sequence[Array]) -> Array | None:
    """Return statistics of several lanes as (lanes, units), of one lane as (units,)."""
    if len(values) < 2:
        return values[0] if len(values) else None
    return values if hasattr(values, "ndim") else array_module(values[0]).stack(values)


def _of_map(way: str, kind: str) -> Callable[[Layer], Formula]:
    """Return where one of a layer's maps computes its forward, its backward or its weight's gradient."""

    def formula(layer: Layer) -> Formula:
        one: Map = getattr(layer, way)
        return one.lines.get(kind) or Formula(one.forward if kind == "forward" else one.backward)

    return formula


def _combinator(name: str, function: str) -> Callable[[Layer], Formula]:
    return lambda layer: layer.combinator.lines.get(name) or Formula(getattr(layer.combinator, function))


UP_FORWARD, UP_WEIGHT, UP_BACKWARD = _of_map("up", "forward"), _of_map("up", "weight"), _of_map("up_next", "backward")
DOWN_FORWARD, DOWN_WEIGHT = _of_map("down", "forward"), _of_map("down", "weight")
ACTIVE, ACTIVE_BACK = (
    lambda layer: Formula(layer.activation.forward),
    lambda layer: Formula(layer.activation.backward),
)
G, G_BACK = _combinator("z_hat", "forward"), _combinator("dcombinator", "backward")
MEAN = Formula(normalization.normalize_forward, "mu = column_sums")
DEVIATION = Formula(normalization.normalize_forward, "sigma = xp.sqrt")
NORMAL = Formula(normalization.normalize_forward, "z[rows] /= sigma")
NORMAL_BACK = Formula(normalization.normalize_backward, "part /= sigma")
NOISY = Formula(passes.add_noise, "part += z")
INPUT = Formula(Passes._input_target)
SHIFTED = Formula(normalization.shift_scale_forward, "part = xp.positive")
SHIFT_BACK = Formula(normalization.shift_scale_backward, "column_sums(dz")
SCALE_BACK = Formula(normalization.shift_scale_backward, "dgamma = ")
SOFTMAX = Formula(activations.softmax_forward, "p /= p.sum")
SOFTMAX_BACK = Formula(activations.softmax_backward)
ENTROPY = Formula(losses.cross_entropy_forward, "log_normalizer - ")
ENTROPY_BACK = Formula(losses.cross_entropy_backward)
CLEAN_NORMAL = Formula(normalization.standardize_forward, "part /= sigma")
AS_IT_IS = Formula(Passes.decode_forward, "z_hat_bn = ")
DIFFERENCE = Formula(losses.squared_error_forward, "difference = ")
ERROR, ERROR_BACK = Formula(losses.squared_error_forward, ".mean()"), Formula(losses.squared_error_backward)
LAYER_COSTS, TOTAL = Formula(Passes.total, "values[2 + index]"), Formula(Passes.total, "total = total + ")
MEAN_BACK = Formula(normalization.standardize_backward, "column_sums(part)")
DEVIATION_BACK = Formula(normalization.standardize_backward, "column_products(part")
BELOW = Formula(Passes.decode_backward, "dz_hat + dz_hat_below")
LATERAL = Formula(Passes._join, "dz[rows.unlabeled] += decoded.dz_tilde")
TARGET = Formula(Passes._join, "dz[rows.clean] += ")

# fmt: off
INPUTS = (
    Quantity(GIVEN, "x_labeled", "x labeled", "", "state.batch.x_labeled", "all", vector="input/x_labeled"),
    Quantity(GIVEN, "y", "y", "", "state.batch.y", vector="input/y"),
    Quantity(GIVEN, "weights", "w", "", "state.batch.weights"),
    Quantity(GIVEN, "x_unlabeled", "x", "", "state.batch.x_unlabeled", "all", vector="input/x_unlabeled"),
)

# ---- The encoder, from layer 0 up.

ENCODER = (
    Quantity(GIVEN, "W", "W{l}", "", "own.W", vector="param/encoder.{l}.weight"),
    Quantity(CLEAN, "a", "a{l}", "{map}", "encoded.a", "clean", UP_FORWARD, layers="above input"),
    Quantity(CLEAN, "mu", "μ{l}", "mean a{l}", "encoded.target.mu", "", MEAN, "clean/mean.{l}", "above input"),
    Quantity(CLEAN, "sigma", "σ{l}", "sqrt(var a{l} + ε)", "encoded.target.sigma", "", DEVIATION, "clean/std.{l}"),
    Quantity(CLEAN, "z", "z{l}", "x = h{l}", "encoded.target.z", "all", INPUT, "clean/z.{l}", "input"),
    Quantity(CLEAN, "z", "z{l}", "(a{l} − μ{l})/σ{l}",
             "encoded.target.z", "all", NORMAL, "clean/z.{l}", "above input"),
    Quantity(GIVEN, "noise", "n{l}", "", "noise", "all", vector="noise/{l}"),
    Quantity(CORRUPTED, "a_tilde", "ã{l}", "{map_tilde}", "encoded.a", "corrupted", UP_FORWARD),
    Quantity(CORRUPTED, "mu_tilde", "μ̃{l}", "mean ã{l}, {half}", "mu_tilde", "", MEAN),
    Quantity(CORRUPTED, "sigma_tilde", "σ̃{l}", "sqrt(var ã{l} + ε), {half}", "sigma_tilde", "", DEVIATION),
    Quantity(CORRUPTED, "bn_a_tilde", "BN(ã{l})", "(ã{l} − μ̃{l})/σ̃{l}", "encoded.z", "corrupted", NORMAL),
    Quantity(CORRUPTED, "z_tilde", "z̃{l}", "x + s{s} n = h̃{l}",
             "encoded.z_tilde", "corrupted", NOISY, "corrupted/z.{l}", "input"),
    Quantity(CORRUPTED, "z_tilde", "z̃{l}", "BN(ã{l}) + s{s} n",
             "encoded.z_tilde", "corrupted", NOISY, "corrupted/z.{l}", "above input"),
    Quantity(GIVEN, "beta", "β{l}", "", "own.beta", vector="param/encoder.{l}.beta"),
    Quantity(GIVEN, "gamma", "γ{l}", "", "own.gamma", vector="param/encoder.{l}.gamma"),
    Quantity(CLEAN, "b", "b{l}", "{b}", "encoded.b", "clean", SHIFTED, layers="hidden"),
    Quantity(CLEAN, "h", "h{l}", "{phi}(b{l})", "encoded.h", "clean", ACTIVE, layers="hidden"),
    Quantity(CORRUPTED, "b_tilde", "b̃{l}", "{b_tilde}", "encoded.b", "corrupted", SHIFTED),
    Quantity(CORRUPTED, "h_tilde", "", "z̃{l}", "encoded.h", "corrupted", NOISY, "corrupted/h.{l}", "input"),
    Quantity(CORRUPTED, "h_tilde", "h̃{l}", "{phi}(b̃{l})",
             "encoded.h", "corrupted", ACTIVE, "corrupted/h.{l}", "hidden"),
    Quantity(CORRUPTED, "h_tilde", "h̃{l}", "softmax(b̃{l}) = P(ỹ | x)",
             "state.classified.p", "all", SOFTMAX, "corrupted/h.{l}", "top"),
)

# ---- The cost of the labeled rows; then the decoder, from layer L down; then the whole cost.

CLASSIFIER = (
    Quantity(COST, "supervised", "C_s", "−mean log P(ỹ = y | x)",
             "state.losses.supervised", "", ENTROPY, "loss/supervised"),
)

DECODER_ROWS = (
    Quantity(GIVEN, "V", "V{l}", "", "own.V", vector="param/decoder.{l}.weight"),
    Quantity(DECODER, "vertical", "ẑ{above}V{l}", "{vertical}",
             "decoded.vertical", "all", DOWN_FORWARD, layers="below top"),
    Quantity(DECODER, "u", "u{l}", "BN(h̃{l}), unlabeled rows", "decoded.u", "all", NORMAL, "decoder/u.{l}", "top"),
    Quantity(DECODER, "u", "u{l}", "BN(ẑ{above}V{l})", "decoded.u", "all", NORMAL, "decoder/u.{l}", "below top"),
    Quantity(GIVEN, "combinator", "a{l}", "", "own.combinator", vector="param/combinator.{l}.{name}"),
    Quantity(DECODER, "mu_of_u", "μ(u{l})", "a₁ s(a₂u + a₃) + a₄u + a₅",
             "inner.mu_of_u", "all", _combinator("mu_of_u", "forward")),
    Quantity(DECODER, "v_of_u", "v(u{l})", "a₆ s(a₇u + a₈) + a₉u + a₁₀",
             "inner.v_of_u", "all", _combinator("v_of_u", "forward")),
    Quantity(DECODER, "z_hat", "ẑ{l}", "{combinator}", "decoded.z_hat", "all", G, "decoder/z_hat.{l}"),
    Quantity(DECODER, "z_hat_bn", "ẑ{l}_BN", "(ẑ{l} − μ{l})/σ{l}",
             "decoded.z_hat_bn", "all", CLEAN_NORMAL, "decoder/z_hat_bn.{l}", "above input"),
    Quantity(DECODER, "z_hat_bn", "", "ẑ{l}", "decoded.z_hat_bn", "all", AS_IT_IS, "decoder/z_hat_bn.{l}", "input"),
    Quantity(COST, "difference", "", "ẑ{l}_BN − z{l}", "decoded.difference", "all", DIFFERENCE),
    Quantity(COST, "cost", "C{l}", "mean (z{l} − ẑ{l}_BN)²", "cost", "", ERROR, layers="above input"),
    Quantity(COST, "cost", "C{l}", "mean (z{l} − ẑ{l})²", "cost", "", ERROR, layers="input"),
)

LOSSES = (
    Quantity(COST, "costs", "", "mean (z − ẑ_BN)²", "state.losses.denoising", "", LAYER_COSTS, "loss/denoising"),
    Quantity(COST, "total", "C", "C_s + Σ λₗ Cˡ", "state.losses.total", "", TOTAL, "loss/total"),
)

# ---- The way back: up the decoder, through the softmax, down the encoder.

DECODER_BACK = (
    Quantity(UP, "dz_hat_bn", "dẑ{l}_BN", "2 λ{s} (ẑ{l}_BN − z{l})/(M d{s})",
             "record.dz_hat_bn", "all", ERROR_BACK, layers="above input"),
    Quantity(UP, "dmu", "dμ{l}", "−Σ dẑ{l}_BN/σ{l}", "record.target.mu", "", MEAN_BACK, layers="above input"),
    Quantity(UP, "dsigma", "dσ{l}", "−Σ dẑ{l}_BN ẑ{l}_BN/σ{l}",
             "record.target.sigma", "", DEVIATION_BACK, layers="above input"),
    Quantity(UP, "dz_hat", "dẑ{l}", "2 λ{s} (ẑ{l} − z{l})/(M d{s})",
             "record.dz_hat", "all", ERROR_BACK, layers="input"),
    Quantity(UP, "dz_hat", "dẑ{l}", "dẑ{l}_BN/σ{l} + {dz_hat_below}",
             "record.dz_hat", "all", BELOW, layers="above input"),
    Quantity(UP, "du", "du{l}", "dẑ{l} by way of {inner}", "record.du", "all", _combinator("du", "backward")),
    Quantity(UP, "dcombinator", "d(g{l})", "sums over the rows",
             "grad.combinator", "", G_BACK, "grad/combinator.{l}.{name}"),
    Quantity(UP, "dvertical", "d(ẑ{above}V{l})", "(du{l} − m − u{l} s)/σ(u{l})",
             "record.dvertical", "all", NORMAL_BACK, layers="below top"),
    Quantity(UP, "dV", "dV{l}", "{dV}",
             "grad.V", "", DOWN_WEIGHT, "grad/decoder.{l}.weight", "below top"),
    Quantity(UP, "dh_tilde", "dh̃{l}", "(du{l} − m − u{l} s)/σ(u{l})",
             "record.dvertical", "all", NORMAL_BACK, layers="top"),
)

CLASSIFIER_BACK = (
    Quantity(DOWN, "db_tilde_labeled", "db̃{l}", "(h̃{l} − onehot y)/N, labeled",
             "record", "labeled", ENTROPY_BACK, layers="top"),
    Quantity(DOWN, "db_tilde_unlabeled", "db̃{l}", "h̃(dh̃ − Σ h̃dh̃), unlabeled",
             "record", "unlabeled", SOFTMAX_BACK, layers="top"),
)

ENCODER_BACK = (
    Quantity(DOWN, "dh_tilde", "dh̃{l}", "{dh_tilde}", "record.dh", "corrupted", UP_BACKWARD, layers="hidden"),
    Quantity(DOWN, "dh", "dh{l}", "{dh}", "record.dh", "clean", UP_BACKWARD, layers="hidden"),
    Quantity(DOWN, "db_tilde", "db̃{l}", "dh̃{l} {phi}′(b̃{l})", "record.db", "corrupted", ACTIVE_BACK, layers="hidden"),
    Quantity(DOWN, "db", "db{l}", "dh{l} {phi}′(b{l})", "record.db", "clean", ACTIVE_BACK, layers="hidden"),
    Quantity(DOWN, "dgamma", "dγ{l}", "Σ db̃{l} (z̃{l} + β{l})",
             "grad.gamma", "", SCALE_BACK, "grad/encoder.{l}.gamma", "top"),
    Quantity(DOWN, "dbeta", "dβ{l}", "{dbeta}", "grad.beta", "", SHIFT_BACK, "grad/encoder.{l}.beta"),
    Quantity(DOWN, "dz_tilde", "dz̃{l}", "{db_tilde} + dẑ{l} {slope}", "record.dz", "corrupted", LATERAL),
    Quantity(DOWN, "dz", "dz{l}", "db{l} − dẑ{l}_BN", "record.dz", "clean", TARGET, layers="hidden"),
    Quantity(DOWN, "dz", "dz{l}", "−dẑ{l}_BN", "record.dz", "clean", TARGET, layers="top"),
    Quantity(DOWN, "da_tilde", "dã{l}", "{da_tilde}", "record.da", "corrupted", NORMAL_BACK),
    Quantity(DOWN, "da", "da{l}", "(dz{l} − m − z{l} s)/σ{l}", "record.da", "clean", NORMAL_BACK),
    Quantity(DOWN, "dW", "dW{l}", "{dW}", "grad.W", "", UP_WEIGHT, "grad/encoder.{l}.weight"),
)
# fmt: on

# The groups in computing order, and whether each goes through the layers upward.
WALK = (
    (INPUTS, True),
    (ENCODER, True),
    (CLASSIFIER, True),
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
    yield from _items(CLASSIFIER, places[-1], of_step=True)
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
    """Yield the quantities that this layer has."""
    for quantity in quantities:
        if not of_step and not LAYERS[quantity.layers](at.layer.index, at.state.passes.layers[-1].index):
            continue
        value = quantity.value(at)
        if value is None or not (len(value) if isinstance(value, Mapping) else value.size):
            continue
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
    maps = layer.up, layer.up_next, layer.down, layer.down_next
    up, up_next, down, down_next = (GENERIC | one.equations for one in maps)
    templates = {
        "map": up["forward"].format(h="h{below}", W="W{l}"),
        "map_tilde": up["forward"].format(h="h̃{below}", W="W{l}"),
        "vertical": down["forward"].format(h="ẑ{above}", W="V{l}"),
        "dh": up_next["backward"].format(da="da{above}", h="h{l}", W="W{above}"),
        "dh_tilde": up_next["backward"].format(da="dã{above}", h="h̃{l}", W="W{above}"),
        "dz_hat_below": down_next["backward"].format(da="d(ẑ{l}V{below})", h="ẑ{l}", W="V{below}"),
        "dV": down["weight"].format(h="ẑ{above}", da="d(ẑ{above}V{l})"),
        "dW": " + ".join(up["weight"].format(h=h, da=da) for h, da in LANES_OF_WEIGHT),
        "b": _shifted(scale, "z{l}", layer),
        "b_tilde": _shifted(scale, "z̃{l}", layer),
        "db_tilde": scale + "db̃{l}",
        "dbeta": f"Σ {scale}db̃{{l}}" + ("" if layer.has_gamma else " + Σ db{l}"),
        "combinator": layer.combinator.equation,
        "slope": layer.combinator.slope,
        "inner": "μ(u{l}), v(u{l})" if layer.combinator.inner else "g",
        "half": "unlabeled half" if layer.shared else "each half",
        "da_tilde": ("labeled dz̃{l}/σ̃{l}, unlabeled " if layer.shared else "") + "(dz̃{l} − m − BN(ã{l}) s)/σ̃{l}",
    }
    return texts | {name: template.format(**texts) for name, template in templates.items()}


def _shifted(scale: str, z: str, layer: Layer) -> str:
    if not layer.has_beta:
        return scale + z
    return f"{scale}({z} + β{{l}})" if scale else f"{z} + β{{l}}"
