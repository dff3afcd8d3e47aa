"""What stands between the maps of a ladder, as plain formulas, each pass beside its backward ([R] Algorithm 1).

    input        z̃⁰ = h̃⁰ = x + s₀ n                  layer 0 is never normalized (fact 4)
    encoder      z = BN(a),  z̃ = z + s n             of a = map(h below), each lane with its own statistics (fact 1),
                                                     or the labeled rows with the corrupted unlabeled ones' too
                 h = φ(γ(z̃ + β))
    classifier   P = softmax(hᴸ),  C_s = −mean log P(ỹ = y | x)
    decoder      u = BN(vertical),  ẑ = g(z̃, u)      of vertical = map(ẑ above)
                 ẑ_BN = (ẑ − μ)/σ,  Cˡ = mean (ẑ_BN − z)²          with the clean z, μ, σ (facts 3, 6)
    total        C = C_s + Σ λₗ Cˡ

Every pass works on matrices (rows, units) of one layer, whatever its kind, and returns what it computed as a record.
It writes nothing into its arguments but the gradients of parameters. `FusedPasses` (fused.py) does the same on a GPU
with one kernel for each pass; this is its reference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ladder_np.arrays import Array, array_module
from ladder_np.network.layers import Lanes, Layer, Rows, resolve
from ladder_np.network.parameters import LayerParameters
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import Activation, softmax_backward, softmax_forward
from ladder_np.operations.columns import in_blocks, row_blocks, total
from ladder_np.operations.combinators import Combinator
from ladder_np.operations.losses import (
    cross_entropy_backward,
    cross_entropy_forward,
    squared_error_backward,
    squared_error_forward,
)
from ladder_np.operations.normalization import (
    normalize_backward,
    normalize_forward,
    shift_scale_backward,
    shift_scale_forward,
    standardize_backward,
    standardize_forward,
)
from ladder_np.threads import in_parallel

__all__ = [
    "Batch",
    "Classified",
    "Decoded",
    "DecodedGradient",
    "Encoded",
    "EncodedGradient",
    "Losses",
    "Passes",
    "Target",
]


@dataclass(frozen=True)
class Batch:
    """The rows of one step: x_labeled (N, d_0), y (N,) integers, x_unlabeled (M, d_0).

    weights (N,), of the labeled rows' cross-entropies; None: 1 each.
    """

    x_labeled: Array
    y: Array
    x_unlabeled: Array
    weights: Array | None = None

    def each(self, function: Callable[[Array], Array]) -> "Batch":
        """Return the batch with each of its arrays replaced by the function's result."""
        arrays = self.x_labeled, self.y, self.x_unlabeled, self.weights
        return Batch(*(None if array is None else function(array) for array in arrays))


@dataclass(frozen=True)
class Target:
    """The clean z (M rows, units), and the μ and σ (units,) that normalize ẑ; or their gradients.

    At layer 0, which is not normalized, μ and σ are None (fact 4).
    """

    z: Array
    mu: Array | None
    sigma: Array | None


@dataclass(frozen=True)
class Encoded:
    """What the encoder computed in one layer, rows of all lanes."""

    rows: Rows
    z: Array | None  # (rows, units): normalized, before noise; None at layer 0
    z_tilde: Array  # (rows, units): with noise on the corrupted lanes
    h: Array  # (rows that go on, units): after the activation
    # (units,): batch statistics, one for each lane; empty at layer 0
    mu: Sequence[Array] = ()
    sigma: Sequence[Array] = ()
    target: Target | None = None  # the clean lane's part; None where the lane does not reach this layer
    # a as it was given, and b = γ(z̃ + β), if the passes keep all they compute
    a: Array | None = None
    b: Array | None = None


@dataclass(frozen=True)
class EncodedGradient:
    """What comes out of the encoder's backward in one layer: da (rows, units), of the lanes that take a gradient.

    dh as it was given, db, and dz with the gradients from the decoder are there if the passes keep all they compute.
    """

    da: Array
    dh: Array | None = None
    db: Array | None = None
    dz: Array | None = None


@dataclass(frozen=True)
class Classified:
    """p = softmax(b), (N + M, classes); cost: the cross-entropy, a 0-dimensional array, or of each labeled row,
    (N,).
    """

    p: Array
    cost: Array


@dataclass(frozen=True)
class Decoded:
    """What the decoder computed in one layer, unlabeled rows."""

    u: Array  # (M, units)
    u_sigma: Array  # (units,): σ of the batch norm that made u
    z_tilde: Array  # (M, units): the lateral input
    z_hat: Array  # (M, units)
    cache: tuple[Any, ...] = ()  # what the combinator's backward needs
    target: Target | None = None  # None where the layer has no cost; then the rest is None too
    # (M, units): ẑ_BN, and ẑ_BN − z
    z_hat_bn: Array | None = None
    difference: Array | None = None
    cost: Array | None = None  # the unweighted cost, 0-dimensional, or sums of squares of units or parts of rows
    vertical: Array | None = None  # (M, units): what u was normalized from, if the passes keep all they compute


@dataclass(frozen=True)
class DecodedGradient:
    """What comes out of the decoder's backward in one layer."""

    dvertical: Array  # (M, units): gradient of the matrix that u was normalized from
    dz_tilde: Array  # (M, units): gradient of z̃ through the lateral connection
    # gradients of the clean z, μ and σ; None where they take none: no cost, constant targets, or layer 0
    target: Target | None = None
    # (M, units): if the passes keep all they compute
    dz_hat_bn: Array | None = None
    dz_hat: Array | None = None
    du: Array | None = None


@dataclass(frozen=True)
class Losses:
    """The costs of one step, on the device of the batch."""

    values: Array  # (2 + L + 1,): all of them: total, supervised, denoising

    @property
    def total(self) -> Array:
        """C, the weighted sum; 0-dimensional."""
        return self.values[0]

    @property
    def supervised(self) -> Array:
        """Cross-entropy of the labeled rows; 0-dimensional."""
        return self.values[1]

    @property
    def denoising(self) -> Array:
        """Unweighted denoising cost of each layer, (L + 1,); NaN where λ is 0 and nothing was computed."""
        return self.values[2:]


@dataclass
class Passes:
    """The passes of one network for one size of batch.

    Parameters
    ----------
    specification : Specification
    n_labeled, n_unlabeled : int
        N and M, in samples.
    every_layer : bool
        Compute also what λ = 0 makes unnecessary (for a complete listing of the step).
    keep : bool
        Keep everything that is computed, for a trace; else the next line may overwrite what nothing else needs.

    Attributes
    ----------
    layers : tuple of Layer
    lanes : Lanes
    rows : list of Rows
        By layer.
    """

    specification: Specification
    n_labeled: int
    n_unlabeled: int
    every_layer: bool = False
    keep: bool = False
    layers: tuple[Layer, ...] = field(init=False)
    lanes: Lanes = field(init=False)
    rows: list[Rows] = field(init=False)

    def __post_init__(self) -> None:
        self.layers = resolve(self.specification)
        self.lanes = Lanes.needed(self.specification, self.n_labeled, self.n_unlabeled, self.every_layer)
        self.rows = [self.lanes.rows(layer) for layer in self.layers]

    # ---- The encoder.

    def corrupt_input(self, batch: Batch, noise: Array | None) -> Encoded:
        """Return z̃⁰ = x + s₀ n of all lanes, one below the other."""
        layer, rows = self.layers[0], self.rows[0]
        inputs = [batch.x_labeled, batch.x_unlabeled, batch.x_unlabeled][: len(rows.lanes)]
        x = array_module(batch.x_labeled).concatenate(inputs).reshape(-1, layer.units)
        z_tilde = add_noise(x, noise, layer.noise_std, rows)
        return Encoded(rows, None, z_tilde, z_tilde, target=self._input_target(batch))

    def _input_target(self, batch: Batch) -> Target | None:
        """Return what ẑ⁰ is compared with: x itself, not normalized (fact 4)."""
        layer, rows = self.layers[0], self.rows[0]
        if rows.n_unlabeled == 0:
            return None
        return Target(batch.x_unlabeled.reshape(-1, layer.units), None, None)

    def encode_forward(self, layer: Layer, own: LayerParameters, a: Array, noise: Array | None) -> Encoded:
        """Return what the encoder computes in a layer from a = map(h below), (rows, units)."""
        rows = self.rows[layer.index]
        z, mu, sigma = self._normalize_lanes_forward(a, rows)
        z_tilde = add_noise(z, noise, layer.noise_std, rows)
        b = shift_scale_forward(z_tilde[: rows.going_on], own.beta, own.gamma)
        h = activate_forward(layer.activation, b, out=self._room_of(b))
        return Encoded(rows, z, z_tilde, h, mu, sigma, clean_target(rows, z, mu, sigma), self._kept(a), self._kept(b))

    def encode_backward(
        self,
        layer: Layer,
        own: LayerParameters,
        encoded: Encoded,
        dh: Array,
        decoded: DecodedGradient | None,
        gradient: LayerParameters,
    ) -> EncodedGradient:
        """Return da from dh and what the decoder's backward sends to this layer; write dβ and dγ into `gradient`."""
        db = activate_backward(layer.activation, dh, encoded.h[: len(dh)])
        z_tilde = encoded.z_tilde[: len(dh)]
        dz, dbeta, dgamma = shift_scale_backward(db, z_tilde, own.beta, own.gamma, out=self._room_of(db))
        _write(gradient.beta, dbeta)
        _write(gradient.gamma, dgamma)
        dz = self._join(dz, encoded.rows, decoded)  # z̃ = z + s n: the gradient of z̃ is that of z
        target = decoded.target if decoded else None
        da = self._normalize_lanes_backward(dz, encoded, target)
        return EncodedGradient(da, *map(self._kept, (dh, db, dz)))

    def _join(self, dz: Array, rows: Rows, decoded: DecodedGradient | None) -> Array:
        """Return dz with the gradients from the decoder: through the lateral connection, and through the target."""
        if decoded is None:
            return dz
        dz[rows.unlabeled] += decoded.dz_tilde
        if decoded.target is not None:
            dz = _with_clean_rows(dz, rows)
            dz[rows.clean] += decoded.target.z
        return dz

    def _normalize_lanes_forward(self, a: Array, rows: Rows) -> tuple[Array, list[Array], list[Array]]:
        """Return z, and the statistics that each lane was normalized with."""
        z, eps = array_module(a).empty_like(a), self.specification.batch_norm_eps
        statistics = [normalize_forward(a[lane], eps, out=z[lane])[1:] for lane in rows.lanes[rows.shared :]]
        if rows.shared:
            statistics.insert(0, statistics[0])
            standardize_forward(a[rows.labeled], *statistics[0], out=z[rows.labeled])
        return z, [mu for mu, _ in statistics], [sigma for _, sigma in statistics]

    def _normalize_lanes_backward(self, dz: Array, encoded: Encoded, target: Target | None) -> Array:
        """Return da; statistics used elsewhere too are the clean lane's, and those that labeled rows share."""
        rows, z, da = encoded.rows, encoded.z, self._room_of(dz)
        assert z is not None
        elsewhere: list[tuple[Array | None, Array | None]] = [(None, None)] * 3  # dμ, dσ by lane
        if target is not None:
            elsewhere[2] = target.mu, target.sigma
        if rows.shared:
            labeled = rows.labeled
            da[labeled], dmu, dsigma = standardize_backward(dz[labeled], z[labeled], encoded.sigma[0])
            elsewhere[1] = dmu, dsigma
        for k, lane in enumerate(rows.lanes):
            if lane.start >= len(dz):
                break  # constant targets: the clean lane takes no gradient
            if k >= rows.shared:
                normalize_backward(dz[lane], z[lane], encoded.sigma[k], *elsewhere[k], out=da[lane])
        return da

    # ---- The classifier on top.

    def classify_forward(self, b: Array, y: Array, weights: Array | None = None) -> Classified:
        """Return P(class) of all corrupted rows from the top layer's h, and the labeled rows' cross-entropy."""
        return Classified(softmax_forward(b), cross_entropy_forward(b[self.rows[-1].labeled], y, weights))

    def classify_backward(
        self, classified: Classified, y: Array, dp: Array | None, weights: Array | None = None
    ) -> Array:
        """Return the gradient of the values before the softmax: cross-entropy, and below it the decoder's, if any."""
        rows = self.rows[-1]
        db_labeled = cross_entropy_backward(classified.p[rows.labeled], y, weights)
        if dp is None:
            return db_labeled
        db_unlabeled = softmax_backward(dp, classified.p[rows.unlabeled])
        return array_module(dp).concatenate([db_labeled, db_unlabeled])

    # ---- The decoder.

    def decode_forward(self, layer: Layer, own: LayerParameters, vertical: Array, encoded: Encoded) -> Decoded:
        """Rebuild one layer from z̃ and `vertical` (M, units), and compare it with the clean one where λ > 0."""
        u, _, u_sigma = normalize_forward(vertical, self.specification.batch_norm_eps)
        z_tilde = encoded.z_tilde[encoded.rows.unlabeled]
        z_hat, cache = combine_forward(layer.combinator, z_tilde, u, own.combinator)
        target = self._compared_with(encoded, layer)
        if target is None:
            return Decoded(u, u_sigma, z_tilde, z_hat, cache, vertical=self._kept(vertical))
        z_hat_bn = z_hat if target.mu is None else standardize_forward(z_hat, target.mu, target.sigma)
        cost, difference = squared_error_forward(z_hat_bn, target.z)
        compared = target, z_hat_bn, difference, cost
        return Decoded(u, u_sigma, z_tilde, z_hat, cache, *compared, self._kept(vertical))

    def _compared_with(self, encoded: Encoded, layer: Layer) -> Target | None:
        """Return the clean target of a layer whose cost is wanted."""
        return encoded.target if self.lanes.denoised[layer.index] else None

    def decode_backward(
        self,
        layer: Layer,
        own: LayerParameters,
        decoded: Decoded,
        dz_hat_below: Array | None,
        gradient: LayerParameters,
    ) -> DecodedGradient:
        """Return the gradients of one layer from that of ẑ from the layer below; write da into `gradient`."""
        dz_hat_bn, dz_hat, target = self._denoising_backward(layer, decoded)
        if dz_hat_below is not None:
            dz_hat = dz_hat_below if dz_hat is None else dz_hat + dz_hat_below
        dz_tilde, du, da = combine_backward(layer.combinator, dz_hat, decoded.u, own.combinator, decoded.cache)
        for name, value in da.items():
            _write(gradient.combinator[name], value)
        dvertical = normalize_backward(du, decoded.u, decoded.u_sigma, out=self._room_of(du))
        kept = map(self._kept, (dz_hat_bn, dz_hat, du))
        return DecodedGradient(dvertical, dz_tilde, target, *kept)

    def _denoising_backward(self, layer: Layer, decoded: Decoded) -> tuple[Array | None, Array | None, Target | None]:
        """Return dẑ_BN and dẑ of the layer's own cost, and the gradients of its clean target (fact 3)."""
        if decoded.target is None:
            return None, None, None
        dz_hat_bn = squared_error_backward(layer.weight, decoded.difference)
        if decoded.target.sigma is None:
            return None, dz_hat_bn, None
        dz_hat, dmu, dsigma = standardize_backward(dz_hat_bn, decoded.z_hat_bn, decoded.target.sigma)
        constant = self.specification.stop_gradient_targets
        return dz_hat_bn, dz_hat, None if constant else Target(-dz_hat_bn, dmu, dsigma)

    # ---- The cost.

    def total(self, classified: Classified, decoded: dict[int, Decoded]) -> Losses:
        """Return C = C_s + Σ λₗ Cˡ, and its parts."""
        supervised = classified.cost
        xp = array_module(supervised)
        values = xp.full(2 + len(self.layers), xp.nan, dtype=supervised.dtype)
        total = supervised
        for index, layer in decoded.items():
            if layer.cost is not None:
                values[2 + index] = layer.cost
                total = total + self.layers[index].weight * layer.cost
        values[0], values[1] = total, supervised
        return Losses(values)

    # ---- Memory.

    def _room_of(self, x: Array) -> Array:
        """Return where a result may be written that takes the place of `x`, which this pass has made itself."""
        return array_module(x).empty_like(x) if self.keep else x

    def _kept(self, x: Array | None) -> Array | None:
        return x if self.keep else None


def add_noise(z: Array, noise: Array | None, std: float, rows: Rows) -> Array:
    """Return z̃ = z + s n on the corrupted rows; the clean rows stay as they are."""
    if noise is None or std == 0:
        return z
    xp, z_tilde = array_module(z), array_module(z).empty_like(z)
    corrupted = z_tilde[rows.corrupted]

    def noisy(some: slice) -> None:
        part = xp.multiply(std, noise[some], out=corrupted[some])
        part += z[rows.corrupted][some]

    in_blocks(noisy, corrupted)
    z_tilde[rows.n_corrupted :] = z[rows.n_corrupted :]
    return z_tilde


# ---- Activations and combinators, on some rows at a time where there are many.


def activate_forward(activation: Activation, b: Array, out: Array) -> Array:
    """Return h = φ(b), written to `out`."""
    in_blocks(lambda rows: activation.forward(b[rows], out=out[rows]), b)
    return out


def activate_backward(activation: Activation, dh: Array, h: Array) -> Array:
    """Return db."""
    if len(row_blocks(dh)) == 1:
        return activation.backward(dh, h)
    db = array_module(dh).empty_like(dh)

    def part(rows: slice) -> None:
        db[rows] = activation.backward(dh[rows], h[rows])

    in_blocks(part, dh)
    return db


def combine_forward(combinator: Combinator, z_tilde: Array, u: Array, a: Mapping[str, Array]) -> tuple[Array, Any]:
    """Return ẑ = g(z̃, u; a) and what the backward needs: of many rows a list of what their blocks need."""
    if len(row_blocks(u)) == 1:
        return combinator.forward(z_tilde, u, a)
    z_hat = array_module(u).empty_like(u)

    def part(rows: slice) -> Any:
        z_hat[rows], cache = combinator.forward(z_tilde[rows], u[rows], a)
        return cache

    return z_hat, in_blocks(part, u)


def combine_backward(
    combinator: Combinator, dz_hat: Array, u: Array, a: Mapping[str, Array], cache: Any
) -> tuple[Array, Array, dict[str, Array]]:
    """Return dz̃ and du, (rows, units) each, and da, (units,) each, by name."""
    if len(row_blocks(u)) == 1:
        return combinator.backward(dz_hat, u, a, cache)
    dz_tilde, du = (array_module(u).empty_like(u) for _ in range(2))

    def part(block: tuple[slice, Any]) -> dict[str, Array]:
        rows, of_block = block
        dz_tilde[rows], du[rows], da = combinator.backward(dz_hat[rows], u[rows], a, of_block)
        return da

    parts = in_parallel(part, list(zip(row_blocks(u), cache, strict=True)))
    return dz_tilde, du, {name: total([da[name] for da in parts]) for name in parts[0]}


def clean_target(rows: Rows, z: Array, mu: Sequence[Array], sigma: Sequence[Array]) -> Target | None:
    """Return the clean lane's part of what was normalized; None where the lane does not reach the layer."""
    return Target(z[rows.clean], mu[-1], sigma[-1]) if rows.has_clean else None


def _with_clean_rows(dz: Array, rows: Rows) -> Array:
    """Return `dz` with rows for the clean lane: zeros where it ends in this layer and nothing came from above."""
    missing = rows.clean.stop - len(dz)
    if missing == 0:
        return dz
    xp = array_module(dz)
    return xp.concatenate([dz, xp.zeros((missing, dz.shape[1]), dtype=dz.dtype)])


def _write(view: Array | None, gradient: Array | None) -> None:
    """Write a parameter's gradient into its view; a parameter that a layer lacks has neither."""
    if view is not None:
        view[...] = gradient
