"""Prediction: the clean encoder with population statistics, so that no row's result depends on its batch (fact 8).

The reference re-estimates batch-norm statistics on a stream of clean labeled batches. Here the mean and the unbiased
variance of every layer's a = map(h) are computed exactly over all training rows, layer by layer: those of layer l
with the statistics below l already fixed, as prediction will use them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ladder_np.arrays import Array, array_module
from ladder_np.errors import InputError
from ladder_np.network.layers import resolve
from ladder_np.network.parameters import Parameters
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import softmax_forward
from ladder_np.operations.normalization import FEWEST_ROWS, shift_scale_forward, standardize_forward

__all__ = [
    "ROWS_AT_ONCE",
    "PopulationStatistics",
    "encode_clean",
    "encode_rows",
    "population_statistics",
    "predict_log_proba",
    "predict_proba",
    "rows_at_once",
]

ROWS_AT_ONCE = 1000  # in a pass over many rows: enough for fast products, small in memory
ELEMENTS_AT_ONCE = 1 << 22  # of a layer, where that is wide: 34 MB in float64, of which a pass holds about three


def rows_at_once(specification: Specification) -> int:
    """Return how many rows (samples) are worked on together in a pass over many.

    The widest layer counts, with all its positions. Patches do not: convolutions bound them.
    """
    return max(1, min(ROWS_AT_ONCE, ELEMENTS_AT_ONCE // max(specification.sizes)))


@dataclass
class PopulationStatistics:
    """Mean and standard deviation of a = map(h) over the training rows, by layer 1..L, (units,) arrays each.

    ``sigma`` holds sqrt(unbiased variance + ε), ``count`` the number of rows (samples) that they are of, 0 where it
    is not known.
    """

    mu: dict[int, Array] = field(default_factory=dict)
    sigma: dict[int, Array] = field(default_factory=dict)
    count: int = 0

    def pooled(self, other: "PopulationStatistics", specification: Specification) -> "PopulationStatistics":
        """Return the statistics of these rows and those of `other` together, of one network, by their counts."""
        result = PopulationStatistics(count=self.count + other.count)
        layers = resolve(specification)
        for layer, mu in self.mu.items():
            # Values of one unit: every sample has as many positions, so the shares of the means are those of samples;
            # the divisor of the unbiased variance counts positions.
            n, m = (part.count * layers[layer].positions for part in (self, other))
            delta, sigma = other.mu[layer] - mu, self.sigma[layer]
            squares = (n - 1) * sigma**2 + (m - 1) * other.sigma[layer] ** 2 + delta**2 * (n * m / (n + m))
            xp, dtype = array_module(mu), mu.dtype
            result.mu[layer] = (mu + delta * (m / (n + m))).astype(dtype)
            result.sigma[layer] = xp.sqrt(squares / (n + m - 1)).astype(dtype)
        return result


def population_statistics(parameters: Parameters, batches: Callable[[], Iterable[Array]]) -> PopulationStatistics:
    """Compute the statistics exactly, in one pass over the rows for each layer.

    Parameters
    ----------
    parameters : Parameters
    batches : callable
        Each call returns a fresh iterable over all training rows, (rows, d_0) arrays on the parameters' device.
        How the rows are cut into batches changes the result by rounding only.

    Returns
    -------
    PopulationStatistics

    Raises
    ------
    InputError
        If there are fewer than 2 rows.
    """
    specification = parameters.specification
    statistics = PopulationStatistics()
    for layer in resolve(specification)[1:]:
        k, W = layer.index, parameters.layers[layer.index].W
        hidden = (encode_clean(parameters, statistics, x, k - 1) for x in _counted(statistics, batches()))
        mean, variance = _mean_and_variance(layer.up.forward(h, W)[0] for h in hidden)
        statistics.mu[k] = mean.astype(specification.numpy_dtype)
        xp = array_module(variance)
        statistics.sigma[k] = xp.sqrt(variance + specification.batch_norm_eps).astype(specification.numpy_dtype)
    return statistics


def _counted(statistics: PopulationStatistics, batches: Iterable[Array]) -> Iterator[Array]:
    """Yield the batches, and set the statistics' count."""
    statistics.count = 0
    for batch in batches:
        statistics.count += len(batch)
        yield batch


def _mean_and_variance(batches: Iterable[Array]) -> tuple[Array, Array]:
    """Return the columns' mean and unbiased variance in float64 (batches merged as by Chan, Golub and LeVeque)."""
    count, mean, squares = 0, None, None
    for a in batches:
        n = len(a)
        batch_mean = a.mean(axis=0, dtype=np.float64)
        centered = a - batch_mean
        batch_squares = (centered * centered).sum(axis=0)
        if mean is None:
            count, mean, squares = n, batch_mean, batch_squares
            continue
        delta = batch_mean - mean
        mean = mean + delta * (n / (count + n))
        squares = squares + batch_squares + delta * delta * (count * n / (count + n))
        count += n
    if count < FEWEST_ROWS:
        raise InputError(f"population statistics need at least {FEWEST_ROWS} rows, got {count}")
    return mean, squares / (count - 1)  # type: ignore[operator]


def encode_clean(
    parameters: Parameters,
    statistics: PopulationStatistics,
    x: Array,
    layer: int,
    top: Callable[[Array], Array] = softmax_forward,
) -> Array:
    """Return h of `layer` (0: x itself), shape (rows, units), without noise; of the top layer, `top` of its values.

    The dtype is that of x where it is wider than the parameters'.
    """
    layers = resolve(parameters.specification)
    h = x.reshape(-1, layers[0].units)
    for one in layers[1 : layer + 1]:
        own, k = parameters.layers[one.index], one.index
        a, _ = one.up.forward(h, own.W)
        z = standardize_forward(a, statistics.mu[k], statistics.sigma[k])  # not in a: a map may return a view of h
        b = shift_scale_forward(z, own.beta, own.gamma, out=z)
        h = one.activation.forward(b, out=b)
    return top(h) if layer == layers[-1].index else h


def encode_rows(
    parameters: Parameters,
    statistics: PopulationStatistics,
    x: Array,
    layer: int,
    top: Callable[[Array], Array] = softmax_forward,
) -> Array:
    """Return h of `layer` as `encode_clean`, in float64, of some rows after the other: memory is that of few."""
    step = rows_at_once(parameters.specification)
    pieces = (x[start : start + step].astype(np.float64, copy=False) for start in range(0, len(x), step))
    return array_module(x).concatenate([encode_clean(parameters, statistics, one, layer, top) for one in pieces])


def predict_proba(parameters: Parameters, statistics: PopulationStatistics, x: Array) -> Array:
    """Return P(class | x), shape (rows, classes), float64, for x (rows, d_0) on the parameters' device.

    It is computed in float64 whatever the parameters' dtype: matrix products sum in an order that depends on how many
    rows there are, and in float32 a row's probabilities would differ by more than 1e-6 with the rows beside it.
    """
    return encode_rows(parameters, statistics, x, parameters.specification.top)


def predict_log_proba(parameters: Parameters, statistics: PopulationStatistics, x: Array) -> Array:
    """Return log P(class | x) as `predict_proba` returns P(class | x), finite where that is rounded to 0."""
    return encode_rows(parameters, statistics, x, parameters.specification.top, _log_softmax)


def _log_softmax(b: Array) -> Array:
    """Return log p = b − log Σ exp(b) over the last axis."""
    xp = array_module(b)
    centered = b - b.max(axis=-1, keepdims=True)
    return centered - xp.log(xp.exp(centered).sum(axis=-1, keepdims=True))
