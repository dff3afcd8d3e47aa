"""Multilayer perceptrons as combinators ([P]): small networks of z̃ and u, or of z̃, u and their product.

    h⁰  = (z̃, u)                              mlp
    h⁰  = (z̃, u, z̃ u)                         amlp, "augmented" with the product
    cᵏ_j = Σ_i hᵏ⁻¹_i wᵏ_ij + bᵏ_j             hᵏ = φ(cᵏ), leaky ReLU; at the last, linear one ẑ = cᴷ_1

Backward, with upstream dẑ = dcᴷ_1:

    dwᵏ_ij = Σ dcᵏ_j hᵏ⁻¹_i,   dbᵏ_j = Σ dcᵏ_j          (sums over rows)
    dhᵏ⁻¹_i = Σ_j dcᵏ_j wᵏ_ij,   dcᵏ⁻¹ = dhᵏ⁻¹ φ′(cᵏ⁻¹)
    dz̃ = dh⁰_1 + dh⁰_3 u,   du = dh⁰_2 + dh⁰_3 z̃

[P] can be read in two ways. In one, that of an early code by one of its authors, each unit has a network of its own:
w is (inputs, outputs, units). In the other (`shared_mlp`, `shared_amlp`), that of public ports, all units of a layer
share one: w is (inputs, outputs, 1), and its gradients are sums over the units too. The numbers in brackets are the
widths of the hidden layers, as in ``amlp[2,2,2]``. Weights start N(0, 0.05²), biases at 0.
"""

import re
from collections.abc import Mapping
from functools import cache, partial
from itertools import pairwise

from ladder_np.arrays import Array, array_module
from ladder_np.operations.activations import leaky_relu_backward, leaky_relu_forward
from ladder_np.operations.columns import column_products, column_sums, total
from ladder_np.operations.combinators.record import Cache, Combinator, Initial
from ladder_np.operations.formulas import Formula

__all__ = ["MOST_LAYERS", "MOST_UNITS", "PERCEPTRONS", "find_perceptron"]

START = 0.05  # standard deviation of weights; [P] searched, its best ones were 0.03 to 0.05
# Of a hidden layer, and hidden layers: each unit of the network has so many numbers for each row.
MOST_UNITS, MOST_LAYERS = 64, 8


def layer_forward(h: list[Array], w: Array, b: Array) -> list[Array]:
    """Return c_j = Σ_i h_i w_ij + b_j, (rows, units) for each j; w is (inputs, outputs, units or 1)."""
    return [total([h_i * w[i, j] for i, h_i in enumerate(h)]) + b[j] for j in range(w.shape[1])]


def layer_backward(dc: list[Array], h: list[Array], w: Array) -> tuple[list[Array], Array, Array]:
    """Return dh_i, (rows, units) for each i, and dw and db in the shapes of w and b."""
    xp = array_module(w)
    dw = xp.stack([xp.stack([column_products(dc_j, h_i) for dc_j in dc]) for h_i in h])
    db = xp.stack([column_sums(dc_j) for dc_j in dc])
    if w.shape[-1] == 1:  # all units share the weights
        dw, db = dw.sum(axis=-1, keepdims=True), db.sum(axis=-1, keepdims=True)
    dh = [total([dc_j * w[i, j] for j, dc_j in enumerate(dc)]) for i in range(len(h))]
    return dh, dw, db


def perceptron_forward(
    z_tilde: Array, u: Array, a: Mapping[str, Array], augmented: bool = False
) -> tuple[Array, Cache]:
    """Return ẑ, and what the backward needs.

    Parameters
    ----------
    z_tilde, u : (rows, units) arrays
    a : mapping
        w1, b1, w2, b2, …: (inputs, outputs, units) and (outputs, units) arrays, or with 1 in the place of units.
    augmented : bool
        Whether the product z̃ u is an input too.

    Returns
    -------
    z_hat : (rows, units) array
    cache : tuple
    """
    h = [z_tilde, u, z_tilde * u] if augmented else [z_tilde, u]
    kept = [h]
    for k in range(1, len(a) // 2):
        h = [leaky_relu_forward(c) for c in layer_forward(h, a[f"w{k}"], a[f"b{k}"])]
        kept.append(h)
    (z_hat,) = layer_forward(h, a[f"w{len(kept)}"], a[f"b{len(kept)}"])
    return z_hat, tuple(kept)


def perceptron_backward(
    dz_hat: Array, u: Array, a: Mapping[str, Array], cache: Cache, augmented: bool = False
) -> tuple[Array, Array, dict[str, Array]]:
    """Return dz̃, du, (rows, units) each, and the gradients of the parameters by name."""
    dc, da = [dz_hat], {}
    for k in range(len(cache), 0, -1):
        dh, da[f"w{k}"], da[f"b{k}"] = layer_backward(dc, cache[k - 1], a[f"w{k}"])
        if k > 1:
            dc = [leaky_relu_backward(dh_i, h_i) for dh_i, h_i in zip(dh, cache[k - 1], strict=True)]
    if not augmented:
        return *dh, da
    z_tilde = cache[0][0]
    return dh[0] + dh[2] * u, dh[1] + dh[2] * z_tilde, da


def perceptron_kinks(z_tilde: Array, u: Array, a: Mapping[str, Array], augmented: bool = False) -> list[Array]:
    """Return on which side of its kink each leaky ReLU is."""
    _, kept = perceptron_forward(z_tilde, u, a, augmented)
    return [h_i > 0 for h in kept[1:] for h_i in h]


LINES = {
    "z_hat": Formula(layer_forward, "h_i * w[i, j]"),
    "du": Formula(layer_backward, "dc_j * w[i, j]"),
    "dcombinator": Formula(layer_backward, "column_products(dc_j, h_i)"),
}
NOTATION = re.compile(r"(shared_)?(a?)mlp\[([0-9,]+)\]", re.ASCII)
WIDTHS = {str(width): width for width in range(1, MOST_UNITS + 1)}  # by their only text, so that one g has one name


@cache
def find_perceptron(name: str) -> Combinator | None:
    """Return the combinator of a name such as ``mlp[4]``, ``amlp[2,2,2]``, ``shared_amlp[4]``; None of another."""
    found = NOTATION.fullmatch(name)
    if not found:
        return None
    shared, augmented, texts = bool(found[1]), bool(found[2]), found[3].split(",")
    if len(texts) > MOST_LAYERS or not all(text in WIDTHS for text in texts):
        return None
    widths = [WIDTHS[text] for text in texts]
    inputs = "z̃,u,z̃u" if augmented else "z̃,u"
    return Combinator(
        _parameters((3 if augmented else 2, *widths, 1), shared),
        partial(perceptron_forward, augmented=augmented),
        partial(perceptron_backward, augmented=augmented),
        equation=f"{name.removeprefix('shared_')}({inputs})",
        paper=f"[P], {found[2].upper()}MLP",
        kinks=partial(perceptron_kinks, augmented=augmented),
        lines=LINES,
    )


def _parameters(widths: tuple[int, ...], shared: bool) -> dict[str, Initial]:
    """Return w1, b1, w2, … between layers of the given widths, the inputs first."""
    parameters = {}
    for k, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        shape = partial(_shape, inputs, outputs, shared=shared)
        # So wide that ẑ varies from row to row: normalizing a nearly constant one would cancel the digits of float32.
        parameters[f"w{k}"] = Initial(std=START, spread=1.5, shape=shape)
        parameters[f"b{k}"] = Initial(shape=partial(_shape, outputs, shared=shared))
    return parameters


def _shape(*sizes: int, shared: bool) -> tuple[int, ...]:
    """Return a parameter's shape in a layer, whose units come last."""
    *own, units = sizes
    return (*own, 1 if shared else units)


# The ones that [P] prints results of, and the second reading.
NAMES = "mlp[4]", "mlp[2,2]", "amlp[4]", "amlp[2,2,2]", "shared_mlp[4]", "shared_amlp[4]", "shared_amlp[2,2,2]"
PERCEPTRONS = {name: found for name in NAMES if (found := find_perceptron(name))}
