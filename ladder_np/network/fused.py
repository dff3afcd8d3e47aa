"""The passes on a GPU: one kernel each between the matrix products, where one exists; else the plain formulas.

Each method does what its namesake in `Passes` does, which is the reference; `ladder_np/kernels/passes.cu` has the
arithmetic. A layer whose activation or combinator has no CUDA text (`cuda` in its table's row is None) runs the plain
formulas of `Passes` on the device.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from ladder_np.arrays import Array, Device, array_module
from ladder_np.kernels import kernels_for, parts_of
from ladder_np.network.layers import Layer
from ladder_np.network.parameters import LayerParameters
from ladder_np.network.passes import (
    Batch,
    Classified,
    Decoded,
    DecodedGradient,
    Encoded,
    EncodedGradient,
    Losses,
    Passes,
    Target,
    clean_target,
)
from ladder_np.network.specification import Specification
from ladder_np.operations.columns import column_products

__all__ = ["FusedPasses", "make_passes"]


def make_passes(
    specification: Specification, device: Device, n_labeled: int, n_unlabeled: int, every_layer: bool = False
) -> Passes:
    """Return the passes that suit a device: the fused ones where it has kernels."""
    sizes = specification, n_labeled, n_unlabeled, every_layer
    return FusedPasses(*sizes, device=device) if device.fused else Passes(*sizes)


@dataclass
class FusedPasses(Passes):
    """The passes of one network on a device with kernels; parameters besides `device` as of `Passes`.

    Parameters
    ----------
    device : Device
        One with kernels (`Device.fused`).

    Attributes
    ----------
    kernels : Kernels
    """

    device: Device = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kernels = kernels_for(self.device.xp, self.specification.dtype)
        self.kernels.compiled(_options(self.layers[0]))  # before the first kernel that needs no options of its own
        self._ends = list(accumulate(map(self._cost_size, self.layers)))

    def _cost_size(self, layer: Layer) -> int:
        """Return into how many numbers `decode_forward`, of one lane, sums squared errors: of each unit and part."""
        rows = self.rows[layer.index].n_unlabeled
        return layer.units if layer.combinator.cuda is None else parts_of(rows, layer.units) * layer.units

    def _over_units(self, name: str, layer: Layer, rows: int, *arguments: Any, lanes: int = 1) -> None:
        """Launch a kernel that adds up over rows, of which a lane has at most so many."""
        self.kernels.over_units(name, (rows, layer.units), *arguments, options=_options(layer), lanes=lanes)

    # ---- The encoder.

    def corrupt_input(self, batch: Batch, noise: Array | None) -> Encoded:
        layer, rows = self.layers[0], self.rows[0]
        z_tilde = _empty(batch.x_labeled, rows.total, layer.units)
        self._unit_costs = _empty(batch.x_labeled, self._ends[-1])  # of this step; `decode_forward` fills it
        counts = rows.n_labeled, rows.n_unlabeled, rows.total, layer.units
        arrays = batch.x_labeled, batch.x_unlabeled, _used(noise, layer), z_tilde
        self.kernels.over_elements("corrupt_input", z_tilde.size, *arrays, *counts, layer.noise_std)
        return Encoded(rows, None, z_tilde, z_tilde, target=self._input_target(batch))

    def encode_forward(self, layer: Layer, own: LayerParameters, a: Array, noise: Array | None) -> Encoded:
        if layer.activation.cuda is None:
            return super().encode_forward(layer, own, a, noise)
        rows, units, noise = self.rows[layer.index], layer.units, _used(noise, layer)
        lanes = len(rows.lanes)
        z, h = _empty(a, *a.shape), _empty(a, rows.going_on, units)
        z_tilde = z if noise is None else _empty(a, *a.shape)
        mu, sigma = _empty(a, lanes, units), _empty(a, lanes, units)
        counts = rows.n_labeled, rows.n_unlabeled, len(h), units, int(rows.shared)
        numbers = *counts, layer.noise_std, self.specification.batch_norm_eps
        arrays = a, noise, own.beta, own.gamma, z, z_tilde, h, mu, sigma
        self._over_units("encode", layer, rows.largest_lane, *arrays, *numbers, lanes=lanes)
        return Encoded(rows, z, z_tilde, h, mu, sigma, clean_target(rows, z, mu, sigma))

    def encode_backward(
        self,
        layer: Layer,
        own: LayerParameters,
        encoded: Encoded,
        dh: Array,
        decoded: DecodedGradient | None,
        gradient: LayerParameters,
    ) -> EncodedGradient:
        if layer.activation.cuda is None:
            return super().encode_backward(layer, own, encoded, dh, decoded, gradient)
        rows, target = encoded.rows, decoded.target if decoded else None
        da = _empty(dh, len(dh) if target is None else rows.clean.stop, layer.units)
        above = dh, encoded.h, encoded.z_tilde, own.beta, own.gamma, decoded.dz_tilde if decoded else None
        clean = (target.z, target.mu, target.sigma) if target else (None, None, None)
        results = da, gradient.beta, gradient.gamma
        counts = rows.n_labeled, rows.n_unlabeled, len(dh), len(da), layer.units, int(rows.shared)
        arrays = *above, *clean, encoded.z, encoded.sigma, *results
        self._over_units("encode_backward", layer, rows.largest_lane, *arrays, *counts)
        return EncodedGradient(da)

    # ---- The classifier on top.

    def classify_forward(self, b: Array, y: Array, weights: Array | None = None) -> Classified:
        p, costs = _empty(b, *b.shape), _empty(b, len(y))
        self.kernels.over_rows("softmax", len(b), b, p, *b.shape)
        self.kernels.over_rows("cross_entropy", len(y), b, y, weights, costs, len(y), b.shape[1])
        return Classified(p, costs)

    def classify_backward(
        self, classified: Classified, y: Array, dp: Array | None, weights: Array | None = None
    ) -> Array:
        p = classified.p
        rows = len(y) if dp is None else len(y) + len(dp)
        db = _empty(p, rows, p.shape[1])
        self.kernels.over_rows("classify_backward", rows, p, y, weights, dp, db, len(y), rows, p.shape[1])
        return db

    # ---- The decoder.

    def decode_forward(self, layer: Layer, own: LayerParameters, vertical: Array, encoded: Encoded) -> Decoded:
        costs = self._unit_costs[self._ends[layer.index] - self._cost_size(layer) : self._ends[layer.index]]
        if layer.combinator.cuda is None:
            decoded = super().decode_forward(layer, own, vertical, encoded)
            if decoded.target is None:
                return decoded
            costs[...] = column_products(decoded.difference, decoded.difference)
            return replace(decoded, cost=costs)
        rows, units = vertical.shape
        z_tilde = encoded.z_tilde[encoded.rows.unlabeled]
        u, u_sigma, z_hat = _empty(vertical, rows, units), _empty(vertical, units), _empty(vertical, rows, units)
        target = self._compared_with(encoded, layer)
        compared = (None, None, None)
        if target is not None:
            compared = _empty(u, rows, units), _empty(u, rows, units), costs
        clean = (target.z, target.mu, target.sigma) if target else (None, None, None)
        arrays = vertical, z_tilde, own.combinator_block, *clean, u, u_sigma, z_hat, *compared
        numbers = rows, units, self.specification.batch_norm_eps
        self._over_units("decode", layer, rows, *arrays, *numbers)
        return Decoded(u, u_sigma, z_tilde, z_hat, (), target, *compared)

    def decode_backward(
        self,
        layer: Layer,
        own: LayerParameters,
        decoded: Decoded,
        dz_hat_below: Array | None,
        gradient: LayerParameters,
    ) -> DecodedGradient:
        if layer.combinator.cuda is None:
            return super().decode_backward(layer, own, decoded, dz_hat_below, gradient)
        u, (rows, units), sigma = decoded.u, decoded.u.shape, decoded.target.sigma if decoded.target else None
        dvertical, dz_tilde = _empty(u, rows, units), _empty(u, rows, units)
        target = None
        if sigma is not None and not self.specification.stop_gradient_targets:
            target = Target(_empty(u, rows, units), _empty(u, units), _empty(u, units))
        given = dz_hat_below, decoded.difference, decoded.z_hat_bn, sigma
        mine = u, decoded.z_tilde, decoded.u_sigma, own.combinator_block
        clean = (target.z, target.mu, target.sigma) if target else (None, None, None)
        arrays = *given, *mine, dvertical, dz_tilde, gradient.combinator_block, *clean
        numbers = rows, units, 2 * layer.weight / u.size
        self._over_units("decode_backward", layer, rows, *arrays, *numbers)
        return DecodedGradient(dvertical, dz_tilde, target)

    # ---- The cost.

    def total(self, classified: Classified, decoded: dict[int, Decoded]) -> Losses:
        sizes, lambdas = self._cost_table
        values = _empty(classified.cost, 2 + len(self.layers))
        arrays = classified.cost, self._unit_costs, sizes, lambdas, values
        self.kernels.over_rows("total", 1, *arrays, self.rows[-1].n_labeled, len(self.layers))
        return Losses(values)

    @cached_property
    def _cost_table(self) -> tuple[Array, Array]:
        """Where each layer's squared errors end and of how many its cost is the mean, (2, layers); and its λ, NaN
        where nothing is computed. Put on the device once.
        """
        counts = [rows.n_unlabeled * layer.units for rows, layer in zip(self.rows, self.layers, strict=True)]
        pairs = zip(self.layers, self.lanes.denoised, strict=True)
        lambdas = [layer.weight if wanted else np.nan for layer, wanted in pairs]
        sizes = np.array([self._ends, counts], np.int64)
        return self.device.put(sizes), self.device.put(np.array(lambdas, np.float64))


def _options(layer: Layer) -> tuple[str, str]:
    """Return what the text of the kernels is compiled with for a layer."""
    return layer.activation.cuda or "", layer.combinator.cuda or ""


def _used(noise: Array | None, layer: Layer) -> Array | None:
    return noise if layer.noise_std > 0 else None


def _empty(like: Array, *shape: int) -> Array:
    return array_module(like).empty(shape, dtype=like.dtype)
