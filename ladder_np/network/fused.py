"""The passes of a layer on a GPU: one kernel each, between the matrix products.

Each method does what plain formulas in `encoder`, `decoder`, `ladder` and `operations` do, which are the reference;
`ladder_np/kernels/passes.cu` has the arithmetic. Shapes and names are those of the plain forms.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from ladder_np.arrays import Array, Device, array_module
from ladder_np.kernels import Kernels, kernels_for
from ladder_np.network.lanes import Lanes
from ladder_np.network.specification import Specification

__all__ = ["FusedPasses"]


class FusedPasses:
    """The fused passes of one network.

    Parameters
    ----------
    specification : Specification
    device : Device
        One with kernels (`Device.fused`).

    Attributes
    ----------
    kernels : Kernels
    """

    def __init__(self, specification: Specification, device: Device) -> None:
        self.kernels: Kernels = kernels_for(
            device.xp, specification.dtype, specification.activation, specification.combinator
        )
        self._specification = specification
        self._device = device
        self._ends = np.cumsum(specification.sizes)
        self._cost_table = cache(self._make_cost_table)

    def corrupt_input(self, x_labeled: Array, x_unlabeled: Array, noise: Array | None, lanes: Lanes) -> Array:
        """Return z̃⁰ of all lanes, one below the other."""
        rows, units = lanes.rows(1), x_labeled.shape[1]
        z_tilde = _empty(x_labeled, rows, units)
        std, noise = self._noise(0, noise)
        counts = lanes.n_labeled, lanes.n_unlabeled, rows, units
        self.kernels.over_elements(
            "corrupt_input", z_tilde.size, x_labeled, x_unlabeled, noise, z_tilde, *counts, std
        )
        return z_tilde

    def encode(
        self, layer: int, a: Array, noise: Array | None, beta: Array, gamma: Array | None, lanes: Lanes
    ) -> tuple[Array, Array, Array, Array, Array]:
        """Return z (in place of a), z̃, h (at the top b), μ and σ, the last two (lanes, units)."""
        units, n_lanes = a.shape[1], len(lanes.of_layer(layer))
        std, noise = self._noise(layer, noise)
        z_tilde = a if noise is None else _empty(a, *a.shape)
        h = _empty(a, lanes.rows(layer + 1), units)
        mu, sigma = _empty(a, n_lanes, units), _empty(a, n_lanes, units)
        counts = lanes.n_labeled, lanes.n_unlabeled, len(h), units
        eps = self._specification.batch_norm_eps
        self.kernels.over_units(
            "encode", units, a, noise, beta, gamma, a, z_tilde, h, mu, sigma, *counts, std, eps, lanes=n_lanes
        )
        return a, z_tilde, h, mu, sigma

    def encode_backward(
        self,
        up: Array,
        h: Array | None,
        z_tilde: Array,
        beta: Array,
        gamma: Array | None,
        lateral: Array | None,
        clean: Sequence[Array] | None,
        z: Array,
        sigma: Array,
        lanes: Lanes,
        dbeta: Array,
        dgamma: Array | None,
    ) -> Array:
        """Return da from the gradient of h (of b where h is None); write dβ and dγ.

        `lateral` is the gradient of z̃ from the decoder; `clean` dz, dμ and dσ of the clean lane.
        """
        units = up.shape[1]
        rows = len(up) if clean is None else lanes.clean.stop
        da = up if rows == len(up) else _empty(up, rows, units)
        counts = lanes.n_labeled, lanes.n_unlabeled, len(up), rows, units
        above, target = (h, z_tilde, beta, gamma, lateral), clean or (None, None, None)
        self.kernels.over_units("encode_backward", units, up, *above, *target, z, sigma, da, dbeta, dgamma, *counts)
        return da

    def softmax(self, b: Array) -> Array:
        """Return the softmax of each row of b."""
        p = _empty(b, *b.shape)
        self.kernels.over_rows("softmax", len(b), b, p, *b.shape)
        return p

    def cross_entropy(self, b: Array, y: Array) -> Array:
        """Return the cross-entropy of each row, (rows,)."""
        row_costs = _empty(b, len(b))
        self.kernels.over_rows("cross_entropy", len(b), b, y, row_costs, *b.shape)
        return row_costs

    def classify_backward(self, p: Array, y: Array, dp: Array | None) -> Array:
        """Return db of the labeled rows from the cross-entropy, and of the unlabeled ones from dp, if any."""
        rows = len(y) if dp is None else len(y) + len(dp)
        db = _empty(p, rows, p.shape[1])
        self.kernels.over_rows("classify_backward", rows, p, y, dp, db, len(y), rows, p.shape[1])
        return db

    def unit_costs(self, like: Array) -> Array:
        """Return room for every layer's squared errors, summed over rows: (Σ d_l,)."""
        return _empty(like, int(self._ends[-1]))

    def decode(
        self,
        layer: int,
        vertical: Array,
        z_tilde: Array,
        a: Array,
        clean: Sequence[Array | None] | None,
        unit_costs: Array,
    ) -> tuple[Array, Array, Array, Array | None, Array | None]:
        """Return u, its σ, ẑ, and ẑ_BN and ẑ_BN − z where the layer has a cost, whose sums go to `unit_costs`.

        `a` is (10, units), the layer's combinator; `clean` is z, μ and σ of the clean lane, the last two None at
        layer 0, or None where the layer has no cost. u takes the place of `vertical` below the top.
        """
        rows, units = vertical.shape
        u = vertical if layer < self._specification.top else _empty(vertical, rows, units)
        u_sigma, z_hat = _empty(u, units), _empty(u, rows, units)
        z_hat_bn = difference = costs = None
        if clean is not None:
            z_hat_bn, difference = _empty(u, rows, units), _empty(u, rows, units)
            end = int(self._ends[layer])
            costs = unit_costs[end - units : end]
        results = u, u_sigma, z_hat, z_hat_bn, difference, costs
        eps = self._specification.batch_norm_eps
        self.kernels.over_units(
            "decode", units, vertical, z_tilde, a, *(clean or (None, None, None)), *results, rows, units, eps
        )
        return u, u_sigma, z_hat, z_hat_bn, difference

    def decode_backward(
        self,
        layer: int,
        below: Array | None,
        error: tuple[Array, Array, Array | None] | None,
        u: Array,
        z_tilde: Array,
        u_sigma: Array,
        a: Array,
        da: Array,
    ) -> tuple[Array, Array, tuple[Array, Array, Array] | None]:
        """Return the gradient of what u was made of, dz̃, and dz, dμ and dσ of the clean lane; write da (10, units).

        `below` is the gradient of ẑ from the layer below; `error` is ẑ_BN − z, ẑ_BN and the clean σ (None at layer 0)
        where the layer has a cost.
        """
        rows, units = u.shape
        dvertical, dz_tilde = _empty(u, rows, units), _empty(u, rows, units)
        clean = None
        if error is not None and layer > 0 and not self._specification.stop_gradient_targets:
            clean = _empty(u, rows, units), _empty(u, units), _empty(u, units)
        scale = 2 * self._specification.denoising_weights[layer] / u.size
        results = dvertical, dz_tilde, da, *(clean or (None, None, None))
        self.kernels.over_units(
            "decode_backward",
            units,
            below,
            *(error or (None, None, None)),
            u,
            z_tilde,
            u_sigma,
            a,
            *results,
            rows,
            units,
            scale,
        )
        return dvertical, dz_tilde, clean

    def total(self, row_costs: Array, unit_costs: Array, lanes: Lanes) -> Array:
        """Return the costs as `Losses` has them: C, the supervised one, each layer's."""
        ends, lambdas = self._cost_table(lanes.denoised)
        costs = _empty(row_costs, 2 + len(lambdas))
        counts = lanes.n_labeled, lanes.n_unlabeled, len(lambdas)
        self.kernels.over_rows("total", 1, row_costs, unit_costs, ends, lambdas, costs, *counts)
        return costs

    def _noise(self, layer: int, noise: Array | None) -> tuple[float, Array | None]:
        std = self._specification.noise_std[layer]
        return std, noise if std > 0 else None

    def _make_cost_table(self, denoised: tuple[bool, ...]) -> tuple[Array, Array]:
        """Return where each layer's units end, and its λ, NaN where nothing is computed; put on the device once."""
        weights = self._specification.denoising_weights
        lambdas = [weight if wanted else np.nan for weight, wanted in zip(weights, denoised, strict=True)]
        return self._device.put(self._ends.astype(np.int64)), self._device.put(np.array(lambdas, np.float64))


def _empty(like: Array, *shape: int) -> Array:
    return array_module(like).empty(shape, dtype=like.dtype)
