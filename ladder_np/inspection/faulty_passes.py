"""The passes of a ladder with one mistake each, as implementations in other frameworks make them.

Each class changes what one formula of the way forward is given, or leaves out a gradient; the formulas themselves are
those of `network.passes`. `vector_hints` runs a step with them to see whether a candidate's values are those of the
mistake. After a changed way forward the gradients mean nothing.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ladder_np.arrays import Array
from ladder_np.network.layers import Layer, Rows
from ladder_np.network.parameters import LayerParameters
from ladder_np.network.passes import Classified, Decoded, DecodedGradient, Encoded, Losses, Passes, Target
from ladder_np.operations.activations import softmax_forward
from ladder_np.operations.normalization import normalize_forward

__all__ = [
    "Deviation",
    "GivenTargets",
    "JointStatistics",
    "OtherCosts",
    "OtherDeviation",
    "OtherTarget",
    "OtherU",
    "SoftmaxTwice",
    "Stopped",
]

# What is divided by instead of σ: of the variance (units,), ε and the number of rows.
Deviation = Callable[[Array, float, int], Array]


@dataclass
class OtherU(Passes):
    """Makes u of the layer's `vertical` and its encoded rows in another way; None: the right one."""

    u_of: Callable[[Passes, Layer, Array, Encoded], Array | None] = field(kw_only=True)

    def decode_forward(self, layer: Layer, own: LayerParameters, vertical: Array, encoded: Encoded) -> Decoded:
        u = self.u_of(self, layer, vertical, encoded)
        if u is None:
            return super().decode_forward(layer, own, vertical, encoded)
        g = layer.combinator.forward
        given = replace(layer.combinator, forward=lambda z_tilde, _, a: g(z_tilde, u, a))
        decoded = super().decode_forward(replace(layer, combinator=given), own, vertical, encoded)
        return replace(decoded, u=u)


@dataclass
class OtherTarget(Passes):
    """Compares ẑ with another target than the clean one, or normalizes it with other statistics."""

    target_of: Callable[[Passes, Layer, Encoded, Array], Target] = field(kw_only=True)  # the last is ẑ

    def decode_forward(self, layer: Layer, own: LayerParameters, vertical: Array, encoded: Encoded) -> Decoded:
        z_hat = super().decode_forward(layer, own, vertical, encoded).z_hat
        target = self.target_of(self, layer, encoded, z_hat)
        return super().decode_forward(layer, own, vertical, replace(encoded, target=target))


@dataclass
class OtherDeviation(OtherU):
    """Divides by something else than σ = sqrt(var + ε).

    `places` are some of "z" (the encoder's batch norm), "u" (the decoder's), "std" (the clean σ that is kept) and
    "z_hat" (what ẑ is divided by).
    """

    deviation: Deviation = field(kw_only=True)
    places: Collection[str] = field(kw_only=True)
    u_of: Callable[[Passes, Layer, Array, Encoded], Array | None] = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.u_of = self._u_of

    def _instead(self, sigma: Array, rows: int) -> Array:
        eps = self.specification.batch_norm_eps
        return self.deviation(np.maximum(sigma**2 - eps, 0), eps, rows)

    def _u_of(self, passes: Passes, layer: Layer, vertical: Array, encoded: Encoded) -> Array | None:
        if "u" not in self.places:
            return None
        u, _, sigma = normalize_forward(vertical, self.specification.batch_norm_eps)
        return u * (sigma / self._instead(sigma, len(u)))

    def _normalize_lanes_forward(self, a: Array, rows: Rows) -> tuple[Array, list[Array], list[Array]]:
        z, mu, sigma = super()._normalize_lanes_forward(a, rows)
        if "z" in self.places:
            lanes = rows.lanes
            for k, lane in enumerate(lanes):
                of = lanes[max(k, rows.shared)]  # labeled rows may have the unlabeled ones' statistics
                z[lane] *= sigma[k] / self._instead(sigma[k], of.stop - of.start)
        return z, mu, sigma

    def _target(self, encoded: Encoded, place: str) -> Encoded:
        target = encoded.target
        if target is None or target.mu is None:
            return encoded
        sigma = encoded.sigma[-1]
        divisor = self._instead(sigma, len(target.z)) if place in self.places else sigma
        return replace(encoded, target=Target(target.z, target.mu, divisor))

    def encode_forward(self, layer: Layer, own: LayerParameters, a: Array, noise: Array | None) -> Encoded:
        return self._target(super().encode_forward(layer, own, a, noise), "std")

    def decode_forward(self, layer: Layer, own: LayerParameters, vertical: Array, encoded: Encoded) -> Decoded:
        return super().decode_forward(layer, own, vertical, self._target(encoded, "z_hat"))


@dataclass
class JointStatistics(Passes):
    """Normalizes several lanes together: the first `lanes` of labeled, unlabeled, clean."""

    lanes_together: int = field(kw_only=True)

    def _normalize_lanes_forward(self, a: Array, rows: Rows) -> tuple[Array, list[Array], list[Array]]:
        z, mu, sigma = super()._normalize_lanes_forward(a, rows)
        joint = slice(0, rows.lanes[self.lanes_together - 1].stop)
        z[joint], joint_mu, joint_sigma = normalize_forward(a[joint], self.specification.batch_norm_eps)
        for lane in range(self.lanes_together):
            mu[lane], sigma[lane] = joint_mu, joint_sigma
        return z, mu, sigma


@dataclass
class GivenTargets(Passes):
    """Has clean values and statistics from elsewhere, by layer."""

    targets: Sequence[Target | None] = field(kw_only=True)

    def encode_forward(self, layer: Layer, own: LayerParameters, a: Array, noise: Array | None) -> Encoded:
        return replace(super().encode_forward(layer, own, a, noise), target=self.targets[layer.index])


@dataclass
class SoftmaxTwice(Passes):
    """Applies the softmax to its own result: in P and the cost, or in the cost alone."""

    in_p: bool = field(kw_only=True)

    def classify_forward(self, b: Array, y: Array, weights: Array | None = None) -> Classified:
        twice = super().classify_forward(softmax_forward(b), y, weights)
        return twice if self.in_p else replace(twice, p=softmax_forward(b))


@dataclass
class OtherCosts(Passes):
    """Multiplies each layer's cost by a factor: where it is kept and in the total, or in the total alone."""

    factor: Callable[[Passes, Layer], float] = field(kw_only=True)
    kept: bool = field(default=True, kw_only=True)

    def total(self, classified: Classified, decoded: dict[int, Decoded]) -> Losses:
        right = super().total(classified, decoded)
        costs = {
            k: one.cost * self.factor(self, self.layers[k]) for k, one in decoded.items() if one.cost is not None
        }
        changed = {index: replace(decoded[index], cost=cost) for index, cost in costs.items()}
        losses = super().total(classified, changed)
        if not self.kept:
            losses.denoising[:] = right.denoising
        return losses

    def _denoising_backward(self, layer: Layer, decoded: Decoded) -> tuple[Array | None, Array | None, Target | None]:
        return super()._denoising_backward(replace(layer, weight=layer.weight * self.factor(self, layer)), decoded)


@dataclass
class Stopped(Passes):
    """Stops the gradient on some ways; the way forward is right.

    `ways` are some of "z" (the clean target), "mu", "sigma" (those that normalize ẑ), "z_tilde" (from the decoder
    through the lateral connection), "p" (from the decoder to the softmax output) and "statistics" (of every batch
    norm, taken as constants). Needs ``keep=True``.
    """

    ways: Collection[str] = field(kw_only=True)

    def decode_backward(
        self,
        layer: Layer,
        own: LayerParameters,
        decoded: Decoded,
        dz_hat_below: Array | None,
        gradient: LayerParameters,
    ) -> DecodedGradient:
        found = super().decode_backward(layer, own, decoded, dz_hat_below, gradient)
        if found.target is not None:
            target = {name: self._or_zero(name, getattr(found.target, name)) for name in ("z", "mu", "sigma")}
            found = replace(found, target=Target(**target))
        if "statistics" in self.ways:
            found = replace(found, dvertical=found.du / decoded.u_sigma)
        return replace(found, dz_tilde=self._or_zero("z_tilde", found.dz_tilde))

    def classify_backward(
        self, classified: Classified, y: Array, dp: Array | None, weights: Array | None = None
    ) -> Array:
        return super().classify_backward(classified, y, None if dp is None else self._or_zero("p", dp), weights)

    def _normalize_lanes_backward(self, dz: Array, encoded: Encoded, target: Target | None) -> Array:
        if "statistics" not in self.ways:
            return super()._normalize_lanes_backward(dz, encoded, target)
        divided = [dz[lane] / sigma for lane, sigma in zip(encoded.rows.lanes, encoded.sigma, strict=True)]
        return np.concatenate(divided)[: len(dz)]

    def _or_zero(self, way: str, gradient: Array) -> Array:
        return np.zeros_like(gradient) if way in self.ways else gradient
