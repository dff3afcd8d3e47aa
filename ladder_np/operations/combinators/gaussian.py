"""The Gaussian combinators: linear in z̃, with a mean μ and a trust v that depend on u ([R] section 2.3).

All products are elementwise: every unit has its own ten parameters.

**gaussian** ([R] Algorithm 1, the function g):

    μ(u) = a1 σ(a2 u + a3) + a4 u + a5
    v(u) = a6 σ(a7 u + a8) + a9 u + a10
    ẑ    = (z̃ − μ) v + μ

Backward, with s = σ(a2 u + a3), t = σ(a7 u + a8) and upstream dẑ:

    dz̃ = dẑ v,    dμ = dẑ (1 − v),    dv = dẑ (z̃ − μ)
    p = dμ a1 s (1 − s)  reaches a2 u + a3;     q = dv a6 t (1 − t)  reaches a7 u + a8
    da1 = Σ dμ s,  da2 = Σ p u,  da3 = Σ p,  da4 = Σ dμ u,  da5 = Σ dμ       (sums over rows; a6..a10 alike)
    du  = p a2 + dμ a4 + q a7 + dv a9

**gated_gaussian** ([P], "GatedGauss"): the same with v replaced by σ(v), so that dv takes the factor σ(v)(1 − σ(v)).
"""

from collections.abc import Mapping

from ladder_np.arrays import Array
from ladder_np.operations.activations import sigmoid_backward, sigmoid_forward
from ladder_np.operations.columns import column_products, column_sums
from ladder_np.operations.combinators.record import Cache, Combinator, Initial
from ladder_np.operations.formulas import Formula

__all__ = ["GAUSSIAN"]


def curve_forward(u: Array, a1: Array, a2: Array, a3: Array, a4: Array, a5: Array) -> tuple[Array, Array]:
    """Return the curve a1 σ(a2 u + a3) + a4 u + a5 and s = σ(a2 u + a3); both μ(u) and v(u) are such curves."""
    s = a2 * u
    s += a3
    s = sigmoid_forward(s, out=s)
    curve = a4 * u
    curve += a5
    curve += a1 * s
    return curve, s


def curve_backward(
    dcurve: Array, u: Array, s: Array, a1: Array, a2: Array, a4: Array
) -> tuple[Array, tuple[Array, ...]]:
    """Return du (rows, units) and the gradients of the curve's five parameters, (units,) each."""
    ds = sigmoid_backward(dcurve, s)  # p without its factor a1, which is the same in all rows
    da = (
        column_products(dcurve, s),
        a1 * column_products(ds, u),
        a1 * column_sums(ds),
        column_products(dcurve, u),
        column_sums(dcurve),
    )
    du = ds
    du *= a1 * a2
    du += a4 * dcurve
    return du, da


def gaussian_forward(z_tilde: Array, u: Array, a: Mapping[str, Array], gated: bool = False) -> tuple[Array, Cache]:
    """Return ẑ = (z̃ − μ(u)) v(u) + μ(u), and what the backward needs.

    Parameters
    ----------
    z_tilde, u : (rows, units) arrays
    a : mapping
        a1 .. a10, (units,) arrays.
    gated : bool
        Replace v by σ(v).

    Returns
    -------
    z_hat : (rows, units) array
    cache : tuple
    """
    mu, s = curve_forward(u, a["a1"], a["a2"], a["a3"], a["a4"], a["a5"])
    v, t = curve_forward(u, a["a6"], a["a7"], a["a8"], a["a9"], a["a10"])
    if gated:
        v = sigmoid_forward(v)
    difference = z_tilde - mu
    z_hat = difference * v
    z_hat += mu
    return z_hat, (difference, v, s, t)


def gaussian_backward(
    dz_hat: Array, u: Array, a: Mapping[str, Array], cache: Cache, gated: bool = False
) -> tuple[Array, Array, dict[str, Array]]:
    """Return dz̃, du, (rows, units) each, and da1 .. da10, (units,) each, by name."""
    difference, v, s, t = cache
    dz_tilde = dz_hat * v
    dmu = dz_hat - dz_tilde
    dv = dz_hat * difference
    if gated:
        dv = sigmoid_backward(dv, v)
    du, da_mu = curve_backward(dmu, u, s, a["a1"], a["a2"], a["a4"])
    du_v, da_v = curve_backward(dv, u, t, a["a6"], a["a7"], a["a9"])
    du += du_v
    da = {f"a{k + 1}": gradient for k, gradient in enumerate(da_mu + da_v)}
    return dz_tilde, du, da


def gated_gaussian_forward(z_tilde: Array, u: Array, a: Mapping[str, Array]) -> tuple[Array, Cache]:
    """Return ẑ = (z̃ − μ(u)) σ(v(u)) + μ(u), and what the backward needs (see `gaussian_forward`)."""
    return gaussian_forward(z_tilde, u, a, gated=True)


def gated_gaussian_backward(
    dz_hat: Array, u: Array, a: Mapping[str, Array], cache: Cache
) -> tuple[Array, Array, dict[str, Array]]:
    """Return dz̃, du and da1 .. da10 (see `gaussian_backward`)."""
    return gaussian_backward(dz_hat, u, a, cache, gated=True)


def gaussian_inner(u: Array, a: Mapping[str, Array]) -> dict[str, Array]:
    """Return μ(u) and v(u), (rows, units) each: what a learner wants to see besides ẑ."""
    mu, _ = curve_forward(u, a["a1"], a["a2"], a["a3"], a["a4"], a["a5"])
    v, _ = curve_forward(u, a["a6"], a["a7"], a["a8"], a["a9"], a["a10"])
    return {"mu_of_u": mu, "v_of_u": v}


GAUSSIAN_LINES = {
    "mu_of_u": Formula(curve_forward, "curve += a1 * s"),
    "v_of_u": Formula(curve_forward, "curve += a1 * s"),
    "z_hat": Formula(gaussian_forward, "z_hat += mu"),
    "du": Formula(curve_backward, "du += a4 * dcurve"),
    "dcombinator": Formula(curve_backward, "column_products(dcurve, s)"),
}

# [R]: a2 = a7 = 1 and all others 0, so that ẑ = 0 at the start.
GAUSSIAN_PARAMETERS = {f"a{k}": Initial(1.0 if k in (2, 7) else 0.0) for k in range(1, 11)}

GAUSSIAN = {
    "gaussian": Combinator(
        GAUSSIAN_PARAMETERS,
        gaussian_forward,
        gaussian_backward,
        equation="(z̃{l} − μ(u{l})) v(u{l}) + μ(u{l})",
        paper="[R] Algorithm 1, decoder",
        slope="v(u{l})",
        inner=gaussian_inner,
        lines=GAUSSIAN_LINES,
        cuda="-DCOMBINATOR=GAUSSIAN",
    ),
    "gated_gaussian": Combinator(
        GAUSSIAN_PARAMETERS,
        gated_gaussian_forward,
        gated_gaussian_backward,
        equation="(z̃{l} − μ(u{l})) s(v(u{l})) + μ(u{l})",
        paper="[P], GatedGauss",
        slope="s(v(u{l}))",
        inner=gaussian_inner,
        lines=GAUSSIAN_LINES,
        cuda="-DCOMBINATOR=GATED_GAUSSIAN",
    ),
}
