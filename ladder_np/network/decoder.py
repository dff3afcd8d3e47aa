"""The decoder and its denoising costs ([R] Algorithm 1, the decoder loop), on the unlabeled rows.

    uᴸ = BN(h̃ᴸ)                    the softmax output, no weights (fact 5)
    uˡ = BN(ẑˡ⁺¹ Vˡ)
    ẑˡ = g(z̃ˡ, uˡ)                 with parameters a1 .. a10 of its own for every unit
    ẑˡ_BN = (ẑˡ − μˡ)/σˡ           with the clean batch's μ, σ (fact 6);   ẑ⁰_BN = ẑ⁰ (fact 4)
    Cˡ = mean (ẑˡ_BN − zˡ)²        weighted by λₗ in the total

It runs from layer L down to the lowest layer with λ > 0, and the backward from there up again.
"""

from dataclasses import dataclass, field

from ladder_np.arrays import Array
from ladder_np.network.encoder import CleanGradient, EncoderState
from ladder_np.network.fused import FusedPasses
from ladder_np.network.lanes import Lanes
from ladder_np.network.parameters import Parameters
from ladder_np.operations.combinators import COMBINATORS
from ladder_np.operations.dense import dense_backward_input, dense_backward_weight, dense_forward
from ladder_np.operations.losses import squared_error_backward, squared_error_forward
from ladder_np.operations.normalization import (
    normalize_backward,
    normalize_forward,
    standardize_backward,
    standardize_forward,
)

__all__ = ["DecoderGradients", "DecoderState", "decode_backward", "decode_forward"]


@dataclass
class DecoderState:
    """What the decoder computed, by layer: only those it ran through, or whose cost is wanted.

    Attributes
    ----------
    u, z_hat : dict of int to (M, d_l) array
    u_sigma : dict of int to (d_l,) array
        σ of the batch norm that made u.
    cache : dict of int to tuple
        What the combinator's backward needs.
    z_hat_bn, difference : dict of int to (M, d_l) array
        ẑ_BN, and ẑ_BN − z.
    cost : dict of int to 0-dimensional array
        Unweighted costs; empty where passes are fused.
    unit_costs : (Σ d_l,) array or None
        Where passes are fused: the sum over rows of each unit's squared error, layer after layer.
    """

    u: dict[int, Array] = field(default_factory=dict)
    u_sigma: dict[int, Array] = field(default_factory=dict)
    z_hat: dict[int, Array] = field(default_factory=dict)
    cache: dict[int, tuple] = field(default_factory=dict)
    z_hat_bn: dict[int, Array] = field(default_factory=dict)
    difference: dict[int, Array] = field(default_factory=dict)
    cost: dict[int, Array] = field(default_factory=dict)
    unit_costs: Array | None = None


@dataclass
class DecoderGradients:
    """What the decoder hands back to the encoder.

    Attributes
    ----------
    dh_top : (M, d_L) array
        Gradient of the corrupted softmax output.
    dz_tilde : dict of int to (M, d_l) array
        Gradients of z̃ through the lateral connections.
    clean : dict of int to CleanGradient
        Gradients of the clean targets and statistics, layers ≥ 1.
    """

    dh_top: Array
    dz_tilde: dict[int, Array]
    clean: dict[int, CleanGradient]


def decode_forward(parameters: Parameters, lanes: Lanes, encoder: EncoderState, x_unlabeled: Array) -> DecoderState:
    """Rebuild every layer from the top down and compare it with the clean one."""
    specification = parameters.specification
    state = DecoderState()
    if parameters.fused:
        state.unit_costs = parameters.fused.unit_costs(x_unlabeled)
    vertical = encoder.h[specification.top][lanes.unlabeled]
    for layer in range(specification.top, lanes.lowest - 1, -1):
        if parameters.fused:
            _decode_layer_fused(parameters.fused, parameters, lanes, layer, encoder, state, vertical, x_unlabeled)
        else:
            _decode_layer(parameters, lanes, layer, encoder, state, vertical, x_unlabeled)
        if layer > lanes.lowest:
            vertical = dense_forward(state.z_hat[layer], parameters[f"decoder.{layer - 1}.weight"])
    return state


def _decode_layer(
    parameters: Parameters,
    lanes: Lanes,
    layer: int,
    encoder: EncoderState,
    state: DecoderState,
    vertical: Array,
    x_unlabeled: Array,
) -> None:
    """Compute u, ẑ and the layer's cost from `vertical`, the matrix that batch norm makes u of."""
    specification = parameters.specification
    g = COMBINATORS[specification.combinator].forward
    out = vertical if layer < specification.top else None  # the softmax output is needed again
    u, _, state.u_sigma[layer] = normalize_forward(vertical, specification.batch_norm_eps, out)
    z_tilde = encoder.z_tilde[layer][lanes.unlabeled]
    state.u[layer] = u
    state.z_hat[layer], state.cache[layer] = g(z_tilde, u, parameters.combinator(layer))
    if lanes.denoised[layer]:
        _compare_with_clean(state, layer, lanes, encoder, x_unlabeled)


def _decode_layer_fused(
    fused: FusedPasses,
    parameters: Parameters,
    lanes: Lanes,
    layer: int,
    encoder: EncoderState,
    state: DecoderState,
    vertical: Array,
    x_unlabeled: Array,
) -> None:
    """Do the same in one kernel; the costs stay sums over rows, (d_l,), until all are there."""
    clean = _clean_target(encoder, lanes, layer, x_unlabeled) if lanes.denoised[layer] else None
    z_tilde = encoder.z_tilde[layer][lanes.unlabeled]
    a = parameters.combinator_block(layer)
    state.u[layer], state.u_sigma[layer], state.z_hat[layer], z_hat_bn, difference = fused.decode(
        layer, vertical, z_tilde, a, clean, state.unit_costs
    )
    if clean is not None:
        state.z_hat_bn[layer], state.difference[layer] = z_hat_bn, difference


def decode_backward(
    parameters: Parameters, lanes: Lanes, encoder: EncoderState, state: DecoderState, gradients: Parameters
) -> DecoderGradients:
    """Run the costs' gradients upwards through the decoder; write those of V and a into `gradients`."""
    result = DecoderGradients(None, {}, {})
    below = None  # gradient of ẑ from the layer below
    for layer in range(lanes.lowest, parameters.specification.top + 1):
        about = parameters, lanes, layer, encoder, state, below, result, gradients
        if parameters.fused:
            dvertical = _decode_layer_backward_fused(parameters.fused, *about)
        else:
            dvertical = _decode_layer_backward(*about)
        if layer < parameters.specification.top:
            V_name = f"decoder.{layer}.weight"
            dense_backward_weight(dvertical, state.z_hat[layer + 1], out=gradients[V_name])
            below = dense_backward_input(dvertical, parameters[V_name])
    result.dh_top = dvertical  # at the top, what was normalized is the softmax output itself
    return result


def _decode_layer_backward(
    parameters: Parameters,
    lanes: Lanes,
    layer: int,
    encoder: EncoderState,
    state: DecoderState,
    below: Array | None,
    result: DecoderGradients,
    gradients: Parameters,
) -> Array:
    """Return the gradient of the matrix that u was made of; note dz̃ and what reaches the clean lane, write da."""
    dz_hat = below
    if lanes.denoised[layer]:
        dz_hat = _denoising_backward(parameters, layer, encoder, state, result)
        if below is not None:
            below += dz_hat
            dz_hat = below
    g_backward = COMBINATORS[parameters.specification.combinator].backward
    a = parameters.combinator(layer)
    result.dz_tilde[layer], du, da = g_backward(dz_hat, state.u[layer], a, state.cache[layer])
    for name, gradient in da.items():
        gradients.combinator(layer)[name][...] = gradient
    return normalize_backward(du, state.u[layer], state.u_sigma[layer], out=du)


def _decode_layer_backward_fused(
    fused: FusedPasses,
    parameters: Parameters,
    lanes: Lanes,
    layer: int,
    encoder: EncoderState,
    state: DecoderState,
    below: Array | None,
    result: DecoderGradients,
    gradients: Parameters,
) -> Array:
    """Do the same in one kernel."""
    error = None
    if lanes.denoised[layer]:
        sigma = encoder.clean_statistics(layer)[1] if layer else None
        error = state.difference[layer], state.z_hat_bn[layer], sigma
    z_tilde = encoder.z_tilde[layer][lanes.unlabeled]
    mine = state.u[layer], z_tilde, state.u_sigma[layer], parameters.combinator_block(layer)
    dvertical, result.dz_tilde[layer], clean = fused.decode_backward(
        layer, below, error, *mine, gradients.combinator_block(layer)
    )
    if clean is not None:
        result.clean[layer] = CleanGradient(*clean)
    return dvertical


def _compare_with_clean(
    state: DecoderState, layer: int, lanes: Lanes, encoder: EncoderState, x_unlabeled: Array
) -> None:
    """Compute ẑ_BN and the layer's cost."""
    z, mu, sigma = _clean_target(encoder, lanes, layer, x_unlabeled)
    z_hat = state.z_hat[layer]
    z_hat_bn = z_hat if layer == 0 else standardize_forward(z_hat, mu, sigma)
    state.z_hat_bn[layer] = z_hat_bn
    state.cost[layer], state.difference[layer] = squared_error_forward(z_hat_bn, z)


def _clean_target(
    encoder: EncoderState, lanes: Lanes, layer: int, x_unlabeled: Array
) -> tuple[Array, Array | None, Array | None]:
    """Return the clean z, μ and σ; of layer 0, which is not normalized, x and no statistics (fact 4)."""
    if layer == 0:
        return x_unlabeled, None, None
    return encoder.z[layer][lanes.clean], *encoder.clean_statistics(layer)  # type: ignore[index]


def _denoising_backward(
    parameters: Parameters, layer: int, encoder: EncoderState, state: DecoderState, result: DecoderGradients
) -> Array:
    """Return dẑ of the layer's own cost, and note what reaches the clean lane (fact 3)."""
    specification = parameters.specification
    lambda_ = specification.denoising_weights[layer]
    dz_hat_bn = squared_error_backward(lambda_, state.difference[layer])
    if layer == 0:
        return dz_hat_bn
    _, sigma = encoder.clean_statistics(layer)
    dz_hat, dmu, dsigma = standardize_backward(dz_hat_bn, state.z_hat_bn[layer], sigma)
    if not specification.stop_gradient_targets:
        result.clean[layer] = CleanGradient(-dz_hat_bn, dmu, dsigma)
    return dz_hat
