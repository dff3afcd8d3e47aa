"""Batch normalization, its parts and its uses ([R] Algorithm 1: N_B, the trainable γ and β, and ẑ_BN).

**Normalize.** Over the n rows of a batch, for each unit:

    μ = mean(a),   σ = sqrt(mean((a − μ)²) + ε),   z = (a − μ)/σ

The cost may reach a by three paths: through z, and, because the clean statistics also normalize ẑ, through μ
and σ themselves. With ∂μ/∂a_i = 1/n, ∂σ/∂a_i = (a_i − μ)/(nσ) = z_i/n and upstream dz, dμ, dσ (the last two
zero where nobody else uses the statistics):

    Path z:  ∂z_j/∂a_i = (δ_ij − 1/n − z_j z_i/n)/σ
    da = (dz − mean(dz) − z mean(dz z))/σ + (dμ + z dσ)/n
       = (dz − m − z s)/σ    with  m = mean(dz) − σ dμ/n,   s = mean(dz z) − σ dσ/n

**Standardize.** ẑ_BN = (ẑ − μ)/σ with given μ, σ (those of the clean batch):

    dẑ = dẑ_BN/σ,   dμ = −Σ dẑ_BN/σ,   dσ = −Σ dẑ_BN ẑ_BN/σ

Labeled rows that have the corrupted unlabeled rows' statistics are standardized too. Their dμ and dσ make the sums of
the unlabeled rows run over both: m = (Σ dz + Σ dz_labeled)/M,  s = (Σ dz z + Σ dz_labeled z_labeled)/M.

**Shift and scale.** b = γ(z + β):   dz = γ db,   dβ = Σ γ db,   dγ = Σ db (z + β).
Where a layer has no γ, γ = 1; where it has no β, β = 0.
"""

from ladder_np.arrays import Array, array_module
from ladder_np.operations.columns import column_products, column_sums, in_blocks, total

__all__ = [
    "FEWEST_ROWS",
    "normalize_backward",
    "normalize_forward",
    "shift_scale_backward",
    "shift_scale_forward",
    "standardize_backward",
    "standardize_forward",
]

FEWEST_ROWS = 2  # one row has no variance to normalize by


def normalize_forward(a: Array, eps: float, out: Array | None = None) -> tuple[Array, Array, Array]:
    """Return z = (a − μ)/σ and the batch statistics μ, σ = sqrt(var + eps).

    Parameters
    ----------
    a : (rows, units) array
    eps : float
        Added to the variance (the mean of squares, divisor n); 1e-10 in the reference.
    out : (rows, units) array, optional
        Receives z; may be `a` itself, if it is not needed afterwards.

    Returns
    -------
    z : (rows, units) array
    mu, sigma : (units,) arrays
    """
    xp, n = array_module(a), len(a)
    z = xp.empty_like(a) if out is None else out
    mu = column_sums(a) / n

    def centered(rows: slice) -> Array:
        part = xp.subtract(a[rows], mu, out=z[rows])
        return column_products(part, part)

    sigma = xp.sqrt(total(in_blocks(centered, a)) / n + eps)

    def scaled(rows: slice) -> None:
        z[rows] /= sigma

    in_blocks(scaled, a)
    return z, mu, sigma


def normalize_backward(
    dz: Array,
    z: Array,
    sigma: Array,
    dmu: Array | None = None,
    dsigma: Array | None = None,
    out: Array | None = None,
) -> Array:
    """Return da from dz and, where the statistics are used elsewhere too, dμ and dσ (see the module's text).

    Parameters
    ----------
    dz, z : (rows, units) arrays
        Upstream gradient and the forward's result.
    sigma : (units,) array
        The forward's σ.
    dmu, dsigma : (units,) arrays, optional
        Gradients that reach μ and σ directly.
    out : (rows, units) array, optional
        Receives da; may be `dz` itself, if it is not needed afterwards.

    Returns
    -------
    da : (rows, units) array
    """
    xp, n = array_module(dz), len(z)
    sums = in_blocks(lambda rows: (column_sums(dz[rows]), column_products(dz[rows], z[rows])), dz)
    mean_dz, mean_dz_z = (total(parts) / n for parts in zip(*sums, strict=True))
    if dmu is not None:
        mean_dz -= sigma * dmu / n
    if dsigma is not None:
        mean_dz_z -= sigma * dsigma / n
    da = xp.empty_like(dz) if out is None else out

    def normalized(rows: slice) -> None:
        part = xp.subtract(dz[rows], mean_dz, out=da[rows])
        part -= z[rows] * mean_dz_z
        part /= sigma

    in_blocks(normalized, dz)
    return da


def standardize_forward(z_hat: Array, mu: Array, sigma: Array, out: Array | None = None) -> Array:
    """Return ẑ_BN = (ẑ − μ)/σ, shape (rows, units), with statistics (units,) of another batch: the clean one.

    It is written to `out` if given, which may be `z_hat` itself.
    """
    xp = array_module(z_hat)
    z_hat_bn = xp.empty_like(z_hat) if out is None else out

    def standardized(rows: slice) -> None:
        part = xp.subtract(z_hat[rows], mu, out=z_hat_bn[rows])
        part /= sigma

    in_blocks(standardized, z_hat)
    return z_hat_bn


def standardize_backward(dz_hat_bn: Array, z_hat_bn: Array, sigma: Array) -> tuple[Array, Array, Array]:
    """Return dẑ (rows, units), dμ (units,) and dσ (units,)."""
    xp = array_module(dz_hat_bn)
    dz_hat = xp.empty_like(dz_hat_bn)

    def divided(rows: slice) -> tuple[Array, Array]:
        part = xp.divide(dz_hat_bn[rows], sigma, out=dz_hat[rows])
        return column_sums(part), column_products(part, z_hat_bn[rows])

    dmu, dsigma = (-total(parts) for parts in zip(*in_blocks(divided, dz_hat_bn), strict=True))
    return dz_hat, dmu, dsigma


def shift_scale_forward(z: Array, beta: Array | None, gamma: Array | None, out: Array | None = None) -> Array:
    """Return γ(z + β), shape (rows, units), written to `out` if given; `beta` None means 0, `gamma` None 1."""
    xp = array_module(z)
    b = xp.empty_like(z) if out is None else out

    def shifted(rows: slice) -> None:
        part = xp.positive(z[rows], out=b[rows]) if beta is None else xp.add(z[rows], beta, out=b[rows])
        if gamma is not None:
            part *= gamma

    in_blocks(shifted, z)
    return b


def shift_scale_backward(
    db: Array, z: Array, beta: Array | None, gamma: Array | None, out: Array | None = None
) -> tuple[Array, Array | None, Array | None]:
    """Return dz (rows, units), dβ (units,) and dγ (units,), None where there is no β or no γ.

    dz is written to `out` if given, which may be `db` itself.
    """
    xp = array_module(z)
    dgamma = None if gamma is None else (db * (z if beta is None else z + beta)).sum(axis=0)
    if gamma is not None:
        dz = xp.multiply(db, gamma, out=out)
    else:
        dz = db if out is db else xp.positive(db, out=out)
    dbeta = None if beta is None else total(in_blocks(lambda rows: column_sums(dz[rows]), dz))
    return dz, dbeta, dgamma
