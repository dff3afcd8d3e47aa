"""Vanilla, the combinator of [P], and what is left of it when parts are taken away.

All products are elementwise: every unit has its own parameters.

    b  = b1 + w1z z̃ + w1u u + w1zu z̃ u
    s  = σ(b)
    ẑ  = b0 + w0z z̃ + w0u u + w0zu z̃ u + ws s

Backward, with upstream dẑ, which reaches s as dẑ ws and b as db = dẑ ws s (1 − s):

    db0 = Σ dẑ,  dw0z = Σ dẑ z̃,  dw0u = Σ dẑ u,  dw0zu = Σ dẑ z̃ u,  dws = Σ dẑ s    (over rows; b1, w1 alike, of db)
    dz̃ = dẑ (w0z + w0zu u) + db (w1z + w1zu u)
    du  = dẑ (w0u + w0zu z̃) + db (w1u + w1zu z̃)

Its variants are the same functions with fewer parameters; the terms of those they lack are not there:

    no_mult   without both products z̃ u        no_lateral    without z̃: ẑ is made of u alone
    no_sig    without ws s                      no_vertical   b0 + w0z z̃, without u (fact 14)
    linear    b0 + w0z z̃ + w0u u

rand_init and rev_init are vanilla with other starting values. [P] does not print the function of its NoLateral: this
one is vanilla without the terms that contain z̃.
"""

from collections.abc import Mapping

from ladder_np.arrays import Array, array_module
from ladder_np.operations.activations import sigmoid_backward, sigmoid_forward
from ladder_np.operations.columns import column_products, column_sums
from ladder_np.operations.combinators.record import Cache, Combinator, Initial
from ladder_np.operations.formulas import Formula

__all__ = ["VANILLA"]


def affine_forward(z_tilde: Array, u: Array, a: Mapping[str, Array], which: int) -> Array:
    """Return b + wz z̃ + wu u + wzu z̃ u, (rows, units), of the terms whose weights are in `a`.

    `which` is 1 for the sum inside of the sigmoid, 0 for the one outside.
    """
    affine = array_module(u).zeros_like(u) + a[f"b{which}"]
    if (w := a.get(f"w{which}z")) is not None:
        affine = affine + w * z_tilde
    if (w := a.get(f"w{which}u")) is not None:
        affine = affine + w * u
    if (w := a.get(f"w{which}zu")) is not None:
        affine = affine + w * z_tilde * u
    return affine


def affine_backward(
    daffine: Array, z_tilde: Array, u: Array, a: Mapping[str, Array], which: int
) -> tuple[Array, Array, dict[str, Array]]:
    """Return dz̃, du, (rows, units) each, and the gradients of the sum's parameters, (units,) each, by name."""
    dz_tilde, du = (array_module(u).zeros_like(daffine) for _ in range(2))
    da = {f"b{which}": column_sums(daffine)}
    if (w := a.get(f"w{which}z")) is not None:
        da[f"w{which}z"] = column_products(daffine, z_tilde)
        dz_tilde += w * daffine
    if (w := a.get(f"w{which}u")) is not None:
        da[f"w{which}u"] = column_products(daffine, u)
        du += w * daffine
    if (w := a.get(f"w{which}zu")) is not None:
        by_u = daffine * u
        da[f"w{which}zu"] = column_products(by_u, z_tilde)
        dz_tilde += w * by_u
        du += w * (daffine * z_tilde)
    return dz_tilde, du, da


def vanilla_forward(z_tilde: Array, u: Array, a: Mapping[str, Array]) -> tuple[Array, Cache]:
    """Return ẑ, and what the backward needs.

    Parameters
    ----------
    z_tilde, u : (rows, units) arrays
    a : mapping
        b0, w0z, w0u, w0zu, ws, b1, w1z, w1u, w1zu, (units,) arrays; those of the variant.

    Returns
    -------
    z_hat : (rows, units) array
    cache : tuple
    """
    z_hat = affine_forward(z_tilde, u, a, 0)
    if "ws" not in a:
        return z_hat, (z_tilde, None)
    s = sigmoid_forward(affine_forward(z_tilde, u, a, 1))
    return z_hat + a["ws"] * s, (z_tilde, s)


def vanilla_backward(
    dz_hat: Array, u: Array, a: Mapping[str, Array], cache: Cache
) -> tuple[Array, Array, dict[str, Array]]:
    """Return dz̃, du, (rows, units) each, and the gradients of the parameters, (units,) each, by name."""
    z_tilde, s = cache
    dz_tilde, du, da = affine_backward(dz_hat, z_tilde, u, a, 0)
    if s is None:
        return dz_tilde, du, da
    db = sigmoid_backward(a["ws"] * dz_hat, s)
    dz_inside, du_inside, da_inside = affine_backward(db, z_tilde, u, a, 1)
    dz_tilde += dz_inside
    du += du_inside
    return dz_tilde, du, da | {"ws": column_products(dz_hat, s)} | da_inside


NAMES = ("b0", "w0z", "w0u", "w0zu", "ws", "b1", "w1z", "w1u", "w1zu")


def _starting_at(*ones: str) -> dict[str, Initial]:
    """Return all parameters, 1 at the start if they are named, else 0."""
    return {name: Initial(float(name in ones)) for name in NAMES}


def _without(start: Mapping[str, Initial], *parts: str) -> dict[str, Initial]:
    """Return the parameters whose names do not end with one of the parts."""
    return {name: initial for name, initial in start.items() if not name.endswith(parts)}


LATERAL = _starting_at("w0z", "ws", "w1z")  # [P]: ẑ = z̃ + σ(z̃) at the start
VERTICAL = _starting_at("w0u", "ws", "w1u")  # the same of u
AT_RANDOM = {name: Initial(std=0.2) for name in NAMES}
SIGMOID = "ws", "b1", "w1z", "w1u", "w1zu"
LINES = {
    "du": Formula(affine_backward, "du += w * daffine"),
    "dcombinator": Formula(affine_backward, "column_products(daffine, z_tilde)"),
}


def _variant(parameters: Mapping[str, Initial], equation: str, paper: str) -> Combinator:
    # The kernel is for all nine parameters, in the order of NAMES.
    cuda = "-DCOMBINATOR=VANILLA" if tuple(parameters) == NAMES else None
    return Combinator(parameters, vanilla_forward, vanilla_backward, equation, paper, lines=LINES, cuda=cuda)


# Biases are the weights of 1: a trace has little room.
WHOLE = "w₀x + wₛs(w₁x), x = (1,z̃,u,z̃u)"

VANILLA = {
    "vanilla": _variant(LATERAL, WHOLE, "[P], Vanilla"),
    "no_mult": _variant(_without(LATERAL, "zu"), "w₀·(1,z̃,u) + wₛ s(w₁·(1,z̃,u))", "[P], NoMult"),
    "no_sig": _variant(_without(LATERAL, *SIGMOID), "w₀·(1,z̃,u,z̃u)", "[P], NoSig"),
    "linear": _variant(_without(LATERAL, *SIGMOID, "zu"), "w₀·(1,z̃,u)", "[P], Linear"),
    "rand_init": _variant(AT_RANDOM, WHOLE, "[P], RandInit"),
    "rev_init": _variant(VERTICAL, WHOLE, "[P], RevInit"),
    "no_lateral": _variant(_without(VERTICAL, "z", "zu"), "w₀·(1, u) + wₛ s(w₁·(1, u))", "[P], NoLateral"),
    "no_vertical": _variant(_without(LATERAL, *SIGMOID, "u", "zu"), "w₀·(1, z̃)", "[R]'s code, without u"),
}
