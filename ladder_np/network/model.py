"""`LadderNetwork`: the network as an object, with checks at its doors. The passes are in `ladder.py`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.errors import InputError
from ladder_np.network.fused import make_passes
from ladder_np.network.inference import PopulationStatistics, population_statistics, predict_proba
from ladder_np.network.ladder import Batch, Losses, State, backward, forward
from ladder_np.network.layers import Lanes, resolve
from ladder_np.network.noise import Noise, NoiseSource
from ladder_np.network.parameters import Parameters, initial_parameters
from ladder_np.network.passes import Passes
from ladder_np.network.specification import Specification
from ladder_np.operations.maps import Shape
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["LadderNetwork"]


class LadderNetwork:
    """A ladder network: parameters, one step's losses and gradients, and prediction.

    Parameters
    ----------
    sizes : sequence of int, optional
        Units d_0 .. d_L of a network of dense layers: input, hidden layers, classes.
    layers, input_shape : optional
        Instead of `sizes`, for layers of any kind: see `Specification`.
    activation, combinator, noise_std, denoising_weights, batch_norm_eps, stop_gradient_targets : optional
        See `Specification`.
    dtype, labeled_statistics, top_gamma : optional
        See `Specification`.
    seed : int, optional
        Of the initial weights and of noise that is not given.
    device : Device or {"cpu", "cuda", "auto"}, optional

    Attributes
    ----------
    specification : Specification
    device : Device
    parameters : Parameters
        Views by name; write into them with ``net.parameters["encoder.1.weight"][...] = W``.
    statistics : PopulationStatistics or None
        What prediction normalizes with; set by `estimate_statistics`.

    Raises
    ------
    InputError
        If a value cannot be used.

    References
    ----------
    [R] Rasmus et al., Semi-Supervised Learning with Ladder Networks, NIPS 2015, arXiv:1507.02672v2.

    Examples
    --------
    >>> import numpy as np
    >>> from ladder_np import LadderNetwork
    >>> net = LadderNetwork(sizes=(4, 5, 3), denoising_weights=(10, 1, 0.1), seed=0)
    >>> rng = np.random.default_rng(0)
    >>> x_labeled, y, x_unlabeled = rng.normal(size=(6, 4)), [0, 1, 2, 0, 1, 2], rng.normal(size=(8, 4))
    >>> losses, gradients = net.loss_and_gradients(x_labeled, y, x_unlabeled)
    >>> gradients["encoder.1.weight"].shape
    (4, 5)
    """

    def __init__(
        self,
        sizes: Sequence[int] | None = None,
        *,
        layers: str | Sequence[str | int] | None = None,
        input_shape: Sequence[int] | int | None = None,
        activation: str = "relu",
        combinator: str = "gaussian",
        noise_std: float | Sequence[float] = 0.3,
        denoising_weights: float | Sequence[float] | None = None,
        batch_norm_eps: float = 1e-10,
        stop_gradient_targets: bool = False,
        dtype: str = "float32",
        labeled_statistics: str = "own",
        top_gamma: bool = True,
        seed: int = 0,
        device: Device | str = "cpu",
    ) -> None:
        specification = Specification(  # which makes tuples of what is given
            sizes,  # type: ignore[arg-type]
            activation,
            combinator,
            noise_std,  # type: ignore[arg-type]
            denoising_weights,  # type: ignore[arg-type]
            batch_norm_eps,
            stop_gradient_targets,
            dtype,
            layers,  # type: ignore[arg-type]
            input_shape,  # type: ignore[arg-type]
            labeled_statistics,
            top_gamma,
        )
        self._set_up(specification, None, device, seed)

    @classmethod
    def from_specification(
        cls, specification: Specification, *, device: Device | str = "cpu", seed: int = 0
    ) -> "LadderNetwork":
        """Return a network with the initial parameters of `seed`."""
        network = cls.__new__(cls)
        network._set_up(specification, None, device, seed)
        return network

    @classmethod
    def from_parameters(
        cls, specification: Specification, vector: np.ndarray, *, device: Device | str = "cpu"
    ) -> "LadderNetwork":
        """Return a network with a copy of given parameters (the flat vector of `Parameters`) on `device`."""
        network = cls.__new__(cls)
        network._set_up(specification, vector.copy(), device, seed=0)
        return network

    def _set_up(
        self, specification: Specification, vector: np.ndarray | None, device: Device | str, seed: int
    ) -> None:
        if vector is None:
            generator = stream(check_seed(seed), Stream.INITIALIZATION)
            vector = initial_parameters(specification, generator).vector
        self.specification = specification
        self.device = device if isinstance(device, Device) else Device(device)
        self.parameters = Parameters(specification, self.device.put(vector))
        self.statistics: PopulationStatistics | None = None
        self._passes: dict[tuple[int, int], Passes] = {}
        self._noise = NoiseSource(check_seed(seed), specification, self.device)

    def loss_and_gradients(
        self,
        x_labeled: Any,
        y: Any,
        x_unlabeled: Any,
        noise: Sequence[Any] | None = None,
        sample_weight: Any = None,
    ) -> tuple[Losses, Parameters]:
        """Run one step forward and backward.

        Parameters
        ----------
        x_labeled : (N, d_0) array
            Here and below, samples may have the input's shape, and noise that of its layer, instead of being flat.
        y : (N,) integer array
            Classes 0 .. d_L − 1.
        x_unlabeled : (M, d_0) array
            Used without labels; in [R] the labeled rows are among them (fact 2).
        noise : list of (N + M, d_l) arrays, optional
            Standard normal draws of each layer 0..L before scaling, labeled rows first. Drawn if not given.
        sample_weight : (N,) array, optional
            Factors of the labeled rows' cross-entropies, of which the mean is taken; 1 each if not given.

        Returns
        -------
        losses : Losses
            ``total``, ``supervised``, ``denoising``.
        gradients : Parameters
            d total/d parameter, by the parameters' names.

        Raises
        ------
        InputError
            If shapes, numbers or classes do not fit, or there are too few rows to normalize: 2 at least, but 1
            labeled one where it is normalized with the unlabeled rows' statistics.
        """
        state = self.forward(x_labeled, y, x_unlabeled, noise, sample_weight)
        gradients = self.parameters.zeros_like()
        backward(state, gradients)
        return state.losses, gradients

    def forward(
        self,
        x_labeled: Any,
        y: Any,
        x_unlabeled: Any,
        noise: Sequence[Any] | None = None,
        sample_weight: Any = None,
    ) -> State:
        """Run one step forward and return everything it computed; arguments as in `loss_and_gradients`."""
        batch = Batch(
            self._rows("x_labeled", x_labeled, self.specification.fewest_labeled),
            self._classes(y, len(x_labeled)),
            self._rows("x_unlabeled", x_unlabeled),
            None if sample_weight is None else self._weights(sample_weight, len(x_labeled)),
        )
        passes = self.passes(len(batch.x_labeled), len(batch.x_unlabeled))
        if noise is None:
            draws = self.draw_noise(passes.lanes)
        else:
            draws = self._given_noise(noise, len(batch.x_labeled) + len(batch.x_unlabeled))
        return forward(self.parameters, batch, draws, passes)

    def passes(self, n_labeled: int, n_unlabeled: int) -> Passes:
        """Return the passes for a batch of this size on the network's device, the same object each time."""
        sizes = n_labeled, n_unlabeled
        if sizes not in self._passes:
            self._passes[sizes] = make_passes(self.specification, self.device, *sizes)
        return self._passes[sizes]

    def draw_noise(self, lanes: Lanes) -> Noise:
        """Return the next step's noise from the network's own stream."""
        return self._noise.draw(lanes)

    def estimate_statistics(self, batches: Callable[[], Iterable[Array]]) -> None:
        """Compute the population statistics that prediction needs.

        Parameters
        ----------
        batches : callable
            Each call returns a fresh iterable over all rows, (rows, d_0) arrays: ``lambda: [x]`` for an array.

        Raises
        ------
        InputError
            If it is not callable, or rows do not fit.
        """
        if not callable(batches):
            raise InputError(f"batches: expected a callable such as lambda: [x], got {type(batches).__name__}")
        self.statistics = population_statistics(
            self.parameters, lambda: (self._rows("batches", x, fewest=1) for x in batches())
        )

    def predict_proba(self, x: Any) -> np.ndarray:
        """Return P(class | x), shape (rows, classes), float64, for x (rows, d_0), as a NumPy array.

        A row's result does not depend on the other rows (see `inference.predict_proba`).

        Raises
        ------
        InputError
            If `x` does not fit, or no statistics have been estimated yet.
        """
        if self.statistics is None:
            raise InputError("this network has no population statistics yet; call estimate_statistics first")
        rows = self._rows("x", x, fewest=1, dtype=np.dtype(np.float64))
        return self.device.get(predict_proba(self.parameters, self.statistics, rows))

    def _rows(self, name: str, x: Any, fewest: int = FEWEST_ROWS, dtype: np.dtype | None = None) -> Array:
        """Return `x` as a checked matrix on the device, in the network's dtype unless another is given."""
        x = self._numbers(name, x, self.specification.input_shape, dtype)
        if x.ndim != 2 or x.shape[1] != self.specification.sizes[0]:
            expected = f"(rows, {self.specification.sizes[0]})"
            raise InputError(f"{name}: expected shape {expected} to fit the network's input, got {x.shape}")
        if len(x) < fewest:
            reason = "" if fewest < FEWEST_ROWS else ": batch normalization has nothing to divide by"
            raise InputError(f"{name}: got {len(x)} rows, expected at least {fewest}{reason}")
        return x

    def _numbers(self, name: str, x: Any, shape: Shape, dtype: np.dtype | None = None) -> Array:
        """Return `x` in the network's or the given dtype on the device, samples of `shape` flattened.

        Host values are checked.
        """
        dtype = dtype or self.specification.numpy_dtype
        if self._is_on_device(x):
            x = self.device.xp.ascontiguousarray(x, dtype=dtype)
        else:
            x = self.device.put(_as_numbers(name, x, dtype, self.specification.numpy_dtype))
        return x.reshape(len(x), -1) if x.ndim > 2 and x.shape[1:] == shape else x

    def _is_on_device(self, x: Any) -> bool:
        return self.device.xp is not np and isinstance(x, self.device.xp.ndarray)

    def _classes(self, y: Any, rows: int) -> Array:
        y = self.device.get(y) if self._is_on_device(y) else _as_array("y", y)
        classes = self.specification.sizes[-1]
        if y.shape != (rows,):
            raise InputError(f"y: expected shape ({rows},), one class per labeled row, got {y.shape}")
        if y.dtype.kind not in "iu":
            raise InputError(f"y: expected whole numbers 0 .. {classes - 1}, got {y.dtype}")
        if y.size and (y.min() < 0 or y.max() >= classes):
            raise InputError(f"y: expected whole numbers 0 .. {classes - 1}, got {y.min()} to {y.max()}")
        return self.device.put(y.astype(np.int64))

    def _weights(self, values: Any, rows: int) -> Array:
        weights = self._numbers("sample_weight", values, ())
        if weights.shape != (rows,):
            raise InputError(
                f"sample_weight: expected shape ({rows},), one weight per labeled row, got {weights.shape}"
            )
        return weights

    def _given_noise(self, noise: Sequence[Any], rows: int) -> Noise:
        sizes = self.specification.sizes
        if not isinstance(noise, Sequence):
            raise InputError(f"noise: expected a list of {len(sizes)} arrays, got {type(noise).__name__}")
        if len(noise) != len(sizes):
            raise InputError(
                f"noise: expected {len(sizes)} arrays, one for each layer with the input, got {len(noise)}"
            )
        draws: Noise = []
        for layer, values in zip(resolve(self.specification), noise, strict=True):
            name, expected = f"noise[{layer.index}]", (rows, sizes[layer.index])
            values = self._numbers(name, values, layer.shape)
            if values.shape != expected:
                raise InputError(f"{name}: expected shape {expected}, got {values.shape}")
            draws.append(values)
        return draws


def _as_array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError):  # ragged lists; arrays of another device
        raise InputError(f"{name}: expected a rectangular array of numbers, got {type(values).__name__}") from None


def _as_numbers(name: str, values: Any, dtype: np.dtype, within: np.dtype) -> np.ndarray:
    """Return `values` as numbers of `dtype`, finite ones that the dtype `within` can hold too."""
    values = _as_array(name, values)
    if values.dtype.kind not in "fiub":
        raise InputError(f"{name}: expected numbers, got {values.dtype}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused
        values = np.ascontiguousarray(values, dtype=dtype)
    if not (np.abs(values) <= np.finfo(within).max).all():
        raise InputError(f"{name}: holds NaN or infinite values (for {within}); replace or drop those rows")
    return values
