"""Global contrast normalization, then ZCA whitening: [R]'s preprocessing of CIFAR-10 (fact 13).

    g = 55 (x − mean x) / |x − mean x|                     of each row x; of a row without contrast 0
    z = (g − μ) P,   P = E diag(λ + 0.1)^−1/2 Eᵀ           cov g = E diag(λ) Eᵀ over the training rows, divisor n

The way back, for pictures: x = g |x − mean x| / 55 + mean x, g = z P⁻¹ + μ, with mean and length of a known row.

All of it is computed in float64. P is rounded to float32 where it is found, so that a model's file, which has it so,
whitens as its training did.
"""

import numpy as np

from ladder_np.data.sparse import Features, SparseRows
from ladder_np.errors import InputError, warn

__all__ = ["contrast_normalized", "find_whitening", "unwhitened", "whitened"]

LENGTH, BIAS = 55.0, 0.1  # of a row once normalized; added to the covariance's diagonal
LEAST_CONTRAST = 1e-8  # a row of less is left as it is, 0 but for rounding
ROWS_AT_ONCE = 2000  # in the products: 50 MB of CIFAR-10's rows
MOST_FEATURES = 8192  # so that P stays within 512 MiB


def contrast_normalized(rows: np.ndarray) -> np.ndarray:
    """Return g of raw rows (n, d), a fresh float64 array."""
    g = rows.astype(np.float64)
    g -= g.mean(axis=1, keepdims=True)
    g *= LENGTH / _lengths(g)
    return g


def _lengths(centered: np.ndarray) -> np.ndarray:
    """Return |x − mean x|, (n, 1), of rows x − mean x (n, d); of a row without contrast `LENGTH`."""
    length = np.sqrt(np.einsum("ij,ij->i", centered, centered))
    return np.where(length < LEAST_CONTRAST, LENGTH, length)[:, None]


def whitened(rows: np.ndarray, mean: np.ndarray, P: np.ndarray) -> np.ndarray:
    """Return z of raw rows (n, d), float64."""
    g = contrast_normalized(rows)
    g -= mean
    return g @ P


def unwhitened(z: np.ndarray, mean: np.ndarray, P: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return whitened rows z (n, d) in the space of raw ones, float64, with the mean and length of raw `rows` (n, d).

    So z of `rows` themselves becomes `rows`. Raises InputError if P has no inverse.
    """
    try:
        g = np.linalg.solve(P.T, z.astype(np.float64).T).T + mean
    except np.linalg.LinAlgError:
        raise InputError("the model's whitening cannot be undone: its matrix has no inverse") from None
    x = rows.astype(np.float64)
    means = x.mean(axis=1, keepdims=True)
    return g * (_lengths(x - means) / LENGTH) + means


def find_whitening(X: Features, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return μ (d,) and P (d, d), float64, of raw features X (n, d) over the training rows, in one pass over them.

    Beside X it takes 50 MB for rows and three arrays of the size of P. Warns if there are fewer rows than features:
    of some directions P then knows nothing but the 0.1. Raises InputError if X is sparse, or has more features than P
    could be kept for.
    """
    if isinstance(X, SparseRows):
        raise InputError("scaling 'gcn_zca' is for images, these rows are texts or sparse; choose another")
    features = X.shape[1]
    if features > MOST_FEATURES:
        raise InputError(
            f"scaling 'gcn_zca' for {features} features: expected {MOST_FEATURES} at most; choose pixels or none"
        )
    if len(rows) < features:
        warn(
            f"scaling 'gcn_zca' was found on {len(rows)} rows of {features} features: directions in which these rows "
            f"do not vary are made large in others; give it {features} training rows at least, unlabeled ones count, "
            "or choose pixels or none"
        )
    total, products = np.zeros(features), np.zeros((features, features))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        g = contrast_normalized(X[rows[start : start + ROWS_AT_ONCE]])
        total += g.sum(axis=0)
        products += g.T @ g
    mean = total / len(rows)
    products /= len(rows)
    products -= np.outer(mean, mean)
    products[np.diag_indices(features)] += BIAS
    values, E = np.linalg.eigh(products)
    # The covariance's eigenvalues are 0 at least, but for rounding.
    scaled = E / np.sqrt(np.maximum(values, BIAS))
    P = np.matmul(scaled, E.T, out=products)
    return mean, P.astype(np.float32).astype(np.float64)
