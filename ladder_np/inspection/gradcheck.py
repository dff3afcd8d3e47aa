"""The gradient of a ladder network's whole cost against central differences (see `differences`).

The parameters are random ones, never the starting point (fact 9); masks of ReLUs and the places of maxima tell where
a kink is crossed.
"""

from collections.abc import Iterator, Mapping

from ladder_np.arrays import Array, Device
from ladder_np.errors import InputError
from ladder_np.inspection.differences import TOLERANCE, to_host
from ladder_np.inspection.directions import Check, check_points
from ladder_np.inspection.example import example_step
from ladder_np.network.fused import make_passes
from ladder_np.network.ladder import State, backward, forward
from ladder_np.network.specification import Specification
from ladder_np.operations.losses import squared_error_forward
from ladder_np.operations.normalization import standardize_forward
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["check_network"]

FEWEST_ROWS = 5  # with 2 rows batch norm's gradient is about 0, and a check proves nothing


class _NetworkPoint:
    """The whole cost of a ladder network at random parameters, batch and noise."""

    def __init__(
        self,
        specification: Specification,
        n_labeled: int,
        n_unlabeled: int,
        seed: int,
        k: int,
        device: Device,
    ) -> None:
        self._specification = specification
        self._parameters, self._batch, self._noise = example_step(
            specification, n_labeled, n_unlabeled, seed, k, device
        )
        self.arguments: Mapping[str, Array] = self._parameters
        self._passes = make_passes(specification, device, n_labeled, n_unlabeled)
        self._base = forward(self._parameters, self._batch, self._noise, self._passes)
        gradients = self._parameters.zeros_like()
        backward(self._base, gradients)
        self.gradients: Mapping[str, Array] = gradients

    def cost(self) -> tuple[float, list[Array]]:
        state = forward(self._parameters, self._batch, self._noise, self._passes)
        total = (
            self._with_constant_targets(state) if self._specification.stop_gradient_targets else state.losses.total
        )
        return float(to_host(total)), list(_masks(state))

    def _with_constant_targets(self, state: State) -> Array:
        """Return the cost with the base point's clean z, μ, σ, whose gradient the option leaves out."""
        total = state.losses.supervised
        for index, decoded in state.decoded.items():
            target, z_hat = self._base.decoded[index].target, decoded.z_hat
            if target is None:
                continue
            z_hat_bn = z_hat if target.mu is None else standardize_forward(z_hat, target.mu, target.sigma)
            weight = self._specification.denoising_weights[index]
            total = total + weight * squared_error_forward(z_hat_bn, target.z)[0]
        return total


def _masks(state: State) -> Iterator[Array]:
    """Yield what changes where a kink is crossed: on which side ReLUs are, combinators' too, which value a max is."""
    for layer, encoded, kept in zip(state.passes.layers[1:], state.encoded[1:], state.kept_up[1:], strict=True):
        if layer.activation.kinked:
            yield encoded.h > 0
        if layer.up.choices is not None:
            yield layer.up.choices(kept)
    for index, decoded in state.decoded.items():
        if (kinks := state.passes.layers[index].combinator.kinks) is not None:
            yield from kinks(decoded.z_tilde, decoded.u, state.parameters.layers[index].combinator)


def check_network(
    specification: Specification,
    n_labeled: int,
    n_unlabeled: int,
    seed: int,
    device: Device | None = None,
    tolerance: float = TOLERANCE,
) -> list[Check]:
    """Check the gradient of a ladder network's whole cost with every parameter.

    Parameters
    ----------
    specification : Specification
        Of dtype float64.
    n_labeled, n_unlabeled : int
        Rows, at least 5 each.
    seed : int
        Of parameters, inputs, noise and directions.
    device : Device, optional
        The CPU by default.
    tolerance : float
        Largest relative difference that passes.

    Returns
    -------
    list of Check
        One per parameter.

    Raises
    ------
    InputError
        If there are too few rows, or numbers are not float64.
    """
    if min(n_labeled, n_unlabeled) < FEWEST_ROWS:
        raise InputError(
            f"{n_labeled} labeled and {n_unlabeled} unlabeled rows: a gradient check needs {FEWEST_ROWS} each"
        )
    if specification.dtype != "float64":
        raise InputError(f"dtype {specification.dtype}: differences need float64")
    check_seed(seed)
    device = device or Device()
    return check_points(
        lambda k: _NetworkPoint(specification, n_labeled, n_unlabeled, seed, k, device),
        stream(seed, Stream.DIRECTIONS),
        tolerance,
    )
