"""The stages of one step: every equation of [R] Algorithm 1 and of the way back, and where the code computes it.

One row a stage. Its places say which function's result (or argument) is the quantity and who calls that function
there; `trace` watches the real passes at these places. The plain formula's place comes first. A fused pass has places
of its own, and none for what its kernel keeps to itself.

Texts are templates: {l} is the layer's number as an exponent, {below} and {above} its neighbors', {s} the same as an
index, {phi} the activation, {g} the combinator, {v} what it multiplies by (`GATES`). A tilde marks the corrupted
encoder, dx is dC/dx, m and s are those of `operations.normalization`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ladder_np.inspection.watch import Place

__all__ = ["GATES", "LAYERS", "PARTS", "STAGES", "TARGET_STATISTICS", "WAY_BACK", "Stage"]

CORRUPTED, CLEAN, DECODER, COST = "corrupted encoder", "clean encoder", "decoder", "cost"
UP, DOWN = WAY_BACK = "way back, up the decoder", "way back, down the encoder"

# The parts of a step, in order, and where they stand in the paper, which leaves the way back to the chain rule.
PARTS = {part: f"[R] Algorithm 1, {part}" for part in (CORRUPTED, CLEAN, DECODER, COST)} | dict.fromkeys(WAY_BACK, "")

# Which layers 0 .. L a row is about. What belongs to no layer is seen once a step.
LAYERS: dict[str, Callable[[int, int], bool]] = {
    "all": lambda layer, top: True,
    "none": lambda layer, top: True,
    "input": lambda layer, top: layer == 0,
    "above input": lambda layer, top: layer > 0,
    "hidden": lambda layer, top: 0 < layer < top,
    "below top": lambda layer, top: layer < top,
    "top": lambda layer, top: layer == top,
}

# What the combinators multiply z̃ − μ(u) by, and where they stand in the papers.
GATES = {
    "gaussian": ("v(u{l})", PARTS[DECODER]),
    "gated_gaussian": ("s(v(u{l}))", "[P], GatedGauss"),
}


@dataclass(frozen=True)
class Stage:
    """One row of the table.

    Attributes
    ----------
    part : str
        A key of `PARTS`.
    name : str
        The symbol in ASCII, close to the code's; unlike any other's of the same layer.
    symbol, equation : str
        The equation is its right-hand side.
    places : tuple of Place
    rows : str or slice or None
        Which of the rows that are seen: a property of `Lanes`; of statistics, which have a row a lane, a slice.
    layers : str
        A key of `LAYERS`.
    paper : str
        Where it stands, where `PARTS` does not say it; {paper} is the combinator's place.
    """

    part: str
    name: str
    symbol: str
    equation: str
    places: tuple[Place, ...]
    rows: str | slice | None = None
    layers: str = "all"
    paper: str = ""


# ---- Places, by the function that computes and the pass that calls it.


def _normalize(item: int, fused_item: int) -> tuple[Place, ...]:
    return Place("normalize_forward", "_normalize_lanes_forward", (item,)), _fused_encode(fused_item)


def _fused_encode(item: int) -> Place:
    return Place("FusedPasses.encode", "_encode_layer", (item,))


def _fused_decode(item: int) -> Place:
    return Place("FusedPasses.decode", "_decode_layer_fused", (item,))


def _fused_total(item: int | slice) -> Place:
    return Place("FusedPasses.total", "forward", (item,))


def _combine_backward(item: int) -> Place:
    return Place("{g}_backward", "_decode_layer_backward", (item,))


def _fused_decode_backward(*path: int, written: str | None = None) -> Place:
    return Place("FusedPasses.decode_backward", "_decode_layer_backward_fused", path, written=written)


def _fused_classify_backward(rows: str) -> Place:
    return Place("FusedPasses.classify_backward", "backward", rows=rows)


def _fused_encode_backward(written: str | None = None) -> Place:
    return Place("FusedPasses.encode_backward", "_encode_layer_backward", written=written)


INPUT = Place("_add_noise", "encode_forward"), Place("FusedPasses.corrupt_input", "encode_forward")
PRODUCT = (Place("dense_forward", "encode_forward"),)
MEAN, DEVIATION, NORMALIZED = _normalize(1, 3), _normalize(2, 4), _normalize(0, 0)
NOISY = Place("_add_noise", "_encode_layer"), _fused_encode(1)
SHIFTED = Place("shift_scale_forward", "_encode_layer")
ACTIVE = Place("{phi}_forward", "_encode_layer"), _fused_encode(2)
SOFTMAX = Place("softmax_forward", "encode_forward"), Place("FusedPasses.softmax", "encode_forward")
VERTICAL = (Place("dense_forward", "decode_forward", shift=-1),)
U = Place("normalize_forward", "_decode_layer", (0,)), _fused_decode(0)
CURVES = [(Place("curve_forward", "gaussian_forward", (0,), call=call),) for call in (0, 1)]
Z_HAT = Place("{g}_forward", "_decode_layer", (0,)), _fused_decode(2)
Z_HAT_BN = Place("standardize_forward", "_compare_with_clean"), _fused_decode(3)
LAYER_COST = (Place("squared_error_forward", "_compare_with_clean", (0,)),)
COSTS = (_fused_total(slice(2, None)),)
SUPERVISED = Place("cross_entropy_forward", "forward"), _fused_total(1)
TOTAL = Place("_total", "forward", ("total",)), _fused_total(0)

DERROR = (Place("squared_error_backward", "_denoising_backward"),)
DMEAN = Place("standardize_backward", "_denoising_backward", (1,)), _fused_decode_backward(2, 1)
DDEVIATION = Place("standardize_backward", "_denoising_backward", (2,)), _fused_decode_backward(2, 2)
DZ_HAT = (Place("{g}_backward", "_decode_layer_backward", argument="dz_hat"),)
DU, DCOMBINATOR = (_combine_backward(1),), (_combine_backward(2), _fused_decode_backward(written="da"))
DVERTICAL = Place("normalize_backward", "_decode_layer_backward"), _fused_decode_backward(0)
DV = (Place("dense_backward_weight", "decode_backward"),)
DLABELED = Place("cross_entropy_backward", "_classify_backward"), _fused_classify_backward("labeled")
DUNLABELED = Place("softmax_backward", "_classify_backward"), _fused_classify_backward("unlabeled")
DH = (Place("dense_backward_input", "encode_backward", shift=-1),)
DB = (Place("{phi}_backward", "_encode_layer_backward"),)
DBETA = Place("shift_scale_backward", "_encode_layer_backward", (1,)), _fused_encode_backward("dbeta")
DGAMMA = Place("shift_scale_backward", "_encode_layer_backward", (2,)), _fused_encode_backward("dgamma")
DZ = (Place("_normalize_lanes_backward", "_encode_layer_backward", argument="dz"),)
DA = Place("normalize_backward", "_normalize_lanes_backward"), _fused_encode_backward()
DW = (Place("dense_backward_weight", "encode_backward"),)

CORRUPTED_LANES, CLEAN_LANE = slice(0, 2), slice(2, 3)  # of statistics
TARGET_STATISTICS = ("dmu", "dsigma")  # computed, but no gradients, where targets are constants

STAGES = (
    Stage(CORRUPTED, "z_tilde", "z̃{l}", "x + s{s} n = h̃{l}", INPUT, "corrupted", "input"),
    Stage(CORRUPTED, "a_tilde", "ã{l}", "h̃{below} W{l}", PRODUCT, "corrupted"),
    Stage(CORRUPTED, "mu_tilde", "μ̃{l}", "mean ã{l}, each half", MEAN, CORRUPTED_LANES),
    Stage(CORRUPTED, "sigma_tilde", "σ̃{l}", "sqrt(var ã{l} + ε), each half", DEVIATION, CORRUPTED_LANES),
    Stage(CORRUPTED, "bn_a_tilde", "BN(ã{l})", "(ã{l} − μ̃{l})/σ̃{l}", NORMALIZED, "corrupted"),
    Stage(CORRUPTED, "z_tilde", "z̃{l}", "BN(ã{l}) + s{s} n", NOISY, "corrupted"),
    Stage(CORRUPTED, "b_tilde", "b̃{l}", "z̃{l} + β{l}", (SHIFTED,), "corrupted", "hidden"),
    Stage(CORRUPTED, "b_tilde", "b̃{l}", "γ{l} (z̃{l} + β{l})", (SHIFTED, _fused_encode(2)), "corrupted", "top"),
    Stage(CORRUPTED, "h_tilde", "h̃{l}", "{phi}(b̃{l})", ACTIVE, "corrupted", "hidden"),
    Stage(CORRUPTED, "h_tilde", "h̃{l}", "softmax(b̃{l}) = P(ỹ | x)", SOFTMAX, "corrupted", "top"),
    Stage(CLEAN, "z", "z{l}", "x = h{l}", INPUT, "clean", "input"),
    Stage(CLEAN, "a", "a{l}", "h{below} W{l}", PRODUCT, "clean"),
    Stage(CLEAN, "mu", "μ{l}", "mean a{l}", MEAN, CLEAN_LANE),
    Stage(CLEAN, "sigma", "σ{l}", "sqrt(var a{l} + ε)", DEVIATION, CLEAN_LANE),
    Stage(CLEAN, "z", "z{l}", "(a{l} − μ{l})/σ{l}", NORMALIZED, "clean"),
    Stage(CLEAN, "b", "b{l}", "z{l} + β{l}", (SHIFTED,), "clean", "hidden"),
    Stage(CLEAN, "h", "h{l}", "{phi}(b{l})", ACTIVE, "clean", "hidden"),
    Stage(DECODER, "vertical", "ẑ{above}V{l}", "ẑ{above} times V{l}", VERTICAL),
    Stage(DECODER, "u", "u{l}", "BN(h̃{l}), unlabeled rows", U, layers="top"),
    Stage(DECODER, "u", "u{l}", "BN(ẑ{above}V{l})", U, layers="below top"),
    Stage(DECODER, "mu_of_u", "μ(u{l})", "a₁ s(a₂u + a₃) + a₄u + a₅", CURVES[0]),
    Stage(DECODER, "v_of_u", "v(u{l})", "a₆ s(a₇u + a₈) + a₉u + a₁₀", CURVES[1]),
    Stage(DECODER, "z_hat", "ẑ{l}", "(z̃{l} − μ(u{l})) {v} + μ(u{l})", Z_HAT, paper="{paper}"),
    Stage(DECODER, "z_hat_bn", "ẑ{l}_BN", "(ẑ{l} − μ{l})/σ{l}", Z_HAT_BN, layers="above input"),
    Stage(COST, "cost", "C{l}", "mean (z{l} − ẑ{l}_BN)²", LAYER_COST, layers="above input"),
    Stage(COST, "cost", "C{l}", "mean (z{l} − ẑ{l})²", LAYER_COST, layers="input"),
    Stage(COST, "costs", "C⁰…Cᴸ", "mean (z − ẑ_BN)², each layer", COSTS, layers="none"),
    Stage(COST, "supervised", "C_s", "−mean log P(ỹ = y | x)", SUPERVISED, layers="none"),
    Stage(COST, "total", "C", "C_s + Σ λₗ Cˡ", TOTAL, layers="none"),
    Stage(UP, "dz_hat_bn", "dẑ{l}_BN", "2 λ{s} (ẑ{l}_BN − z{l})/(M d{s})", DERROR, layers="above input"),
    Stage(UP, "dmu", "dμ{l}", "−Σ dẑ{l}_BN/σ{l}", DMEAN, layers="above input"),
    Stage(UP, "dsigma", "dσ{l}", "−Σ dẑ{l}_BN ẑ{l}_BN/σ{l}", DDEVIATION, layers="above input"),
    Stage(UP, "dz_hat", "dẑ{l}", "2 λ{s} (ẑ{l} − z{l})/(M d{s})", DERROR, layers="input"),
    Stage(UP, "dz_hat", "dẑ{l}", "dẑ{l}_BN/σ{l} + d(ẑ{l}V{below}) V{below}ᵀ", DZ_HAT, layers="above input"),
    Stage(UP, "du", "du{l}", "dẑ{l} by way of μ(u{l}), v(u{l})", DU),
    Stage(UP, "dcombinator", "da₁₋₁₀{l}", "sums over rows, a₁ to a₁₀", DCOMBINATOR),
    Stage(UP, "dvertical", "d(ẑ{above}V{l})", "(du{l} − m − u{l} s)/σ(u{l})", DVERTICAL, layers="below top"),
    Stage(UP, "dV", "dV{l}", "ẑ{above}ᵀ d(ẑ{above}V{l})", DV, layers="below top"),
    Stage(UP, "dh_tilde", "dh̃{l}", "(du{l} − m − u{l} s)/σ(u{l})", DVERTICAL, layers="top"),
    Stage(DOWN, "db_tilde_labeled", "db̃{l}", "(h̃{l} − onehot y)/N, labeled", DLABELED, layers="top"),
    Stage(DOWN, "db_tilde_unlabeled", "db̃{l}", "h̃(dh̃ − Σ h̃dh̃), unlabeled", DUNLABELED, layers="top"),
    Stage(DOWN, "dh_tilde", "dh̃{l}", "dã{above} W{above}ᵀ", DH, "corrupted"),
    Stage(DOWN, "dh", "dh{l}", "da{above} W{above}ᵀ", DH, "clean"),
    Stage(DOWN, "db_tilde", "db̃{l}", "dh̃{l} {phi}′(b̃{l})", DB, "corrupted"),
    Stage(DOWN, "db", "db{l}", "dh{l} {phi}′(b{l})", DB, "clean"),
    Stage(DOWN, "dbeta", "dβ{l}", "Σ db̃{l} + Σ db{l}", DBETA, layers="hidden"),
    Stage(DOWN, "dbeta", "dβ{l}", "Σ γ{l} db̃{l}", DBETA, layers="top"),
    Stage(DOWN, "dgamma", "dγ{l}", "Σ db̃{l} (z̃{l} + β{l})", DGAMMA, layers="top"),
    Stage(DOWN, "dz_tilde", "dz̃{l}", "db̃{l} + dẑ{l} {v}", DZ, "corrupted", "hidden"),
    Stage(DOWN, "dz_tilde", "dz̃{l}", "γ{l} db̃{l} + dẑ{l} {v}", DZ, "corrupted", "top"),
    Stage(DOWN, "dz", "dz{l}", "db{l} − dẑ{l}_BN", DZ, "clean", "hidden"),
    Stage(DOWN, "dz", "dz{l}", "−dẑ{l}_BN", DZ, "clean", "top"),
    Stage(DOWN, "da_tilde", "dã{l}", "(dz̃{l} − m − BN(ã{l}) s)/σ̃{l}", DA, "corrupted"),
    Stage(DOWN, "da", "da{l}", "(dz{l} − m − z{l} s)/σ{l}", DA, "clean"),
    Stage(DOWN, "dW", "dW{l}", "h̃{below}ᵀ dã{l} + h{below}ᵀ da{l}", DW),
)
