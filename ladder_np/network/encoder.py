"""The encoder, clean and corrupted lanes at once ([R] Algorithm 1, both encoder loops).

    z̃⁰ = h̃⁰ = x + s₀ n            z⁰ = h⁰ = x              (layer 0 is never normalized: fact 4)
    aˡ = hˡ⁻¹ Wˡ
    zˡ = BN(aˡ)                    each lane with its own batch statistics (fact 1)
    z̃ˡ = zˡ + sₗ n                 corrupted lanes only
    hˡ = φ(z̃ˡ + βˡ),   hᴸ = softmax(γᴸ(z̃ᴸ + βᴸ))           (fact 7)

Arrays hold all lanes; on the clean rows z̃ is z. The backward is the same list from the end to the beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ladder_np.arrays import Array, array_module
from ladder_np.network.lanes import Lanes
from ladder_np.network.noise import Noise
from ladder_np.network.parameters import Parameters
from ladder_np.operations.activations import ACTIVATIONS, softmax_forward
from ladder_np.operations.dense import dense_backward_input, dense_backward_weight, dense_forward
from ladder_np.operations.normalization import (
    normalize_backward,
    normalize_forward,
    shift_scale_backward,
    shift_scale_forward,
)

__all__ = ["CleanGradient", "EncoderState", "encode_backward", "encode_forward", "gamma_of"]


@dataclass
class EncoderState:
    """What the encoder computed, lists by layer 0..L. Rows are those of `Lanes.rows`.

    Attributes
    ----------
    z : list of (rows, d_l) arrays
        Normalized, before noise; None at layer 0, which is not normalized.
    z_tilde : list of (rows, d_l) arrays
        With noise on the corrupted lanes.
    h : list of (rows of the layer above, d_l) arrays
        After the activation, of the rows that go on; ``h[L]`` is the softmax output of the corrupted rows.
    mu, sigma : list of sequences of (d_l,) arrays
        Batch statistics, one pair a lane in the order of `Lanes.of_layer`; empty at layer 0.
    b_top : (N + M, d_L) array
        The values before the softmax.
    """

    z: list[Array | None]
    z_tilde: list[Array]
    h: list[Array]
    mu: list[Sequence[Array]]
    sigma: list[Sequence[Array]]
    b_top: Array

    def clean_statistics(self, layer: int) -> tuple[Array, Array]:
        """Return μ and σ of the clean lane, the last one, at a layer that it reaches."""
        return self.mu[layer][-1], self.sigma[layer][-1]


@dataclass
class CleanGradient:
    """The gradients that reach one layer's clean z (rows, d_l), μ and σ (d_l,) from its denoising cost."""

    dz: Array
    dmu: Array
    dsigma: Array


def gamma_of(parameters: Parameters, layer: int) -> Array | None:
    """Return γ of `layer`: only the softmax layer has one (fact 7)."""
    return parameters[f"encoder.{layer}.gamma"] if layer == parameters.specification.top else None


def encode_forward(
    parameters: Parameters, lanes: Lanes, x_labeled: Array, x_unlabeled: Array, noise: Noise
) -> EncoderState:
    """Run all lanes upwards.

    Parameters
    ----------
    parameters : Parameters
    lanes : Lanes
    x_labeled, x_unlabeled : (N, d_0), (M, d_0) arrays
    noise : list of (N + M, d_l) arrays or None
        Standard normal draws of each layer, before scaling.

    Returns
    -------
    EncoderState
    """
    specification = parameters.specification
    if parameters.fused:
        z_tilde = parameters.fused.corrupt_input(x_labeled, x_unlabeled, noise[0], lanes)
    else:
        inputs = [x_labeled, x_unlabeled, x_unlabeled][: len(lanes.of_layer(1))]
        z_tilde = _add_noise(array_module(x_labeled).concatenate(inputs), noise[0], specification.noise_std[0], lanes)
    state = EncoderState([None], [z_tilde], [z_tilde], [[]], [[]], b_top=None)
    for layer in range(1, specification.top + 1):
        a = dense_forward(state.h[layer - 1], parameters[f"encoder.{layer}.weight"])
        z, z_tilde, h, mu, sigma = _encode_layer(parameters, lanes, layer, a, noise[layer])
        state.z.append(z)
        state.z_tilde.append(z_tilde)
        state.mu.append(mu)
        state.sigma.append(sigma)
        state.h.append(h)
    state.b_top = h
    state.h[-1] = parameters.fused.softmax(h) if parameters.fused else softmax_forward(h)
    return state


def _encode_layer(
    parameters: Parameters, lanes: Lanes, layer: int, a: Array, noise: Array | None
) -> tuple[Array, Array, Array, Sequence[Array], Sequence[Array]]:
    """Return z, z̃, h (at the top b, before the softmax), μ and σ of one layer from a = h W, which is overwritten."""
    specification = parameters.specification
    beta, gamma = parameters[f"encoder.{layer}.beta"], gamma_of(parameters, layer)
    if parameters.fused:
        return parameters.fused.encode(layer, a, noise, beta, gamma, lanes)
    z, mu, sigma = _normalize_lanes_forward(a, lanes.of_layer(layer), specification.batch_norm_eps)
    z_tilde = _add_noise(z, noise, specification.noise_std[layer], lanes)
    b = shift_scale_forward(z_tilde[: lanes.rows(layer + 1)], beta, gamma)
    h = b if layer == specification.top else ACTIVATIONS[specification.activation].forward(b, out=b)
    return z, z_tilde, h, mu, sigma


def encode_backward(
    parameters: Parameters,
    lanes: Lanes,
    state: EncoderState,
    db_top: Array,
    dz_tilde: dict[int, Array],
    clean: dict[int, CleanGradient],
    gradients: Parameters,
) -> None:
    """Run the gradients downwards and write those of W, β, γ into `gradients`.

    Parameters
    ----------
    parameters, lanes, state
        As in, and from, the forward pass.
    db_top : (N + M, d_L) array
        Gradient of the values before the softmax; overwritten.
    dz_tilde : dict of int to (M, d_l) array
        Gradients that reach z̃ of the corrupted unlabeled rows through the lateral connections, by layer.
    clean : dict of int to CleanGradient
        Gradients that reach the clean lane, by layer; empty where targets are constants.
    gradients : Parameters
        Receives the results.
    """
    up = db_top
    for layer in range(parameters.specification.top, 0, -1):
        da = _encode_layer_backward(
            parameters, lanes, state, layer, up, dz_tilde.get(layer), clean.get(layer), gradients
        )
        h = state.h[layer - 1][: len(da)]
        dense_backward_weight(da, h, out=gradients[f"encoder.{layer}.weight"])
        if layer > 1:
            up = dense_backward_input(da, parameters[f"encoder.{layer}.weight"])


def _encode_layer_backward(
    parameters: Parameters,
    lanes: Lanes,
    state: EncoderState,
    layer: int,
    up: Array,
    dz_tilde: Array | None,
    clean: CleanGradient | None,
    gradients: Parameters,
) -> Array:
    """Return da of one layer from the gradient of its h (at the top: of b); write those of β and γ.

    The clean lane's rows are left out where nothing has reached them.
    """
    specification = parameters.specification
    top = layer == specification.top
    beta, gamma = parameters[f"encoder.{layer}.beta"], gamma_of(parameters, layer)
    to_beta, to_gamma = gradients[f"encoder.{layer}.beta"], gamma_of(gradients, layer)
    h = None if top else state.h[layer]
    if parameters.fused:
        target = None if clean is None else (clean.dz, clean.dmu, clean.dsigma)
        mine = state.z[layer], state.sigma[layer]
        return parameters.fused.encode_backward(
            up, h, state.z_tilde[layer], beta, gamma, dz_tilde, target, *mine, lanes, to_beta, to_gamma
        )
    db = up if h is None else ACTIVATIONS[specification.activation].backward(up, h[: len(up)])
    dz, dbeta, dgamma = shift_scale_backward(db, state.z_tilde[layer][: len(db)], beta, gamma, out=db)
    to_beta[...] = dbeta
    if to_gamma is not None:
        to_gamma[...] = dgamma
    # z̃ = z + s n: the gradient of z̃ is that of z. Here the lateral and the target gradients join.
    if dz_tilde is not None:
        dz[lanes.unlabeled] += dz_tilde
    if clean is not None:
        dz = _with_clean_rows(dz, lanes)
        dz[lanes.clean] += clean.dz
    return _normalize_lanes_backward(dz, state, layer, lanes, clean)


def _add_noise(z: Array, noise: Array | None, std: float, lanes: Lanes) -> Array:
    """Return z̃ = z + s n on the corrupted rows; the clean rows stay as they are."""
    if noise is None or std == 0:
        return z
    z_tilde = array_module(z).empty_like(z)
    array_module(z).multiply(std, noise, out=z_tilde[lanes.corrupted])
    z_tilde[lanes.corrupted] += z[lanes.corrupted]
    z_tilde[lanes.n_corrupted :] = z[lanes.n_corrupted :]
    return z_tilde


def _normalize_lanes_forward(a: Array, lanes: list[slice], eps: float) -> tuple[Array, list[Array], list[Array]]:
    """Normalize each lane with its own statistics, in place; return z and the lists of μ and σ."""
    statistics = [normalize_forward(a[rows], eps, out=a[rows])[1:] for rows in lanes]
    return a, [mu for mu, _ in statistics], [sigma for _, sigma in statistics]


def _normalize_lanes_backward(
    dz: Array, state: EncoderState, layer: int, lanes: Lanes, clean: CleanGradient | None
) -> Array:
    """Turn dz into da, in place; only the clean lane's statistics are used elsewhere too."""
    for rows, sigma in zip(lanes.of_layer(layer), state.sigma[layer], strict=True):
        if rows.start >= len(dz):
            break  # constant targets: the clean lane takes no gradient
        dmu = dsigma = None
        if clean is not None and rows == lanes.clean:
            dmu, dsigma = clean.dmu, clean.dsigma
        normalize_backward(dz[rows], state.z[layer][rows], sigma, dmu, dsigma, out=dz[rows])  # type: ignore[index]
    return dz


def _with_clean_rows(dz: Array, lanes: Lanes) -> Array:
    """Return `dz` with rows for the clean lane: zeros where it ends in this layer and nothing came from above."""
    missing = lanes.clean.stop - len(dz)
    if missing == 0:
        return dz
    xp = array_module(dz)
    return xp.concatenate([dz, xp.zeros((missing, dz.shape[1]), dtype=dz.dtype)])
