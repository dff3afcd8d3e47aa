"""Mistakes that ladders in other frameworks have, as a table: what each says, and the step that makes it.

Every row changes what a right step is given (parameters, rows, noise, specification) or the passes that compute it
(`faulty_passes`), so that its values follow for any network. `vector_hints` compares them with a candidate's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ladder_np.inspection.faulty_passes import (
    GivenTargets,
    JointStatistics,
    OtherCosts,
    OtherDeviation,
    OtherTarget,
    OtherU,
    SoftmaxTwice,
    Stopped,
)
from ladder_np.inspection.vectors import step_items
from ladder_np.network.ladder import forward
from ladder_np.network.layers import Layer
from ladder_np.network.parameters import Parameters
from ladder_np.network.passes import Batch, Encoded, Passes, Target
from ladder_np.network.quantities import Item
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS, softmax_forward
from ladder_np.operations.combinators import COMBINATORS, find_combinator
from ladder_np.operations.normalization import normalize_forward

__all__ = ["GivenStep", "Mistake", "all_mistakes"]

OTHER_EPS = {1e-5: ", PyTorch's default,", 1e-3: ", Keras's default,", 1e-6: "", 1e-8: ""}


@dataclass(frozen=True)
class GivenStep:
    """What a step is computed from, and with which passes."""

    specification: Specification
    parameters: Mapping[str, np.ndarray]
    batch: Batch
    noise: Sequence[np.ndarray]
    passes: Callable[..., Passes] = Passes

    @property
    def rows(self) -> tuple[int, int]:
        """N and M."""
        return len(self.batch.x_labeled), len(self.batch.x_unlabeled)

    def _ready(self) -> tuple[Parameters, Batch, Any, Passes]:
        parameters = Parameters(self.specification)
        for name, value in self.parameters.items():
            parameters[name][...] = value
        return parameters, self.batch, list(self.noise), self.passes(self.specification, *self.rows, True, keep=True)

    def items(self, gradients: bool) -> list[Item]:
        """Run it and return all its quantities, with or without those of the way back."""
        with np.errstate(all="ignore"):  # a mistake may overflow
            return step_items(*self._ready(), gradients)

    def arrays(self, gradients: bool) -> dict[str, np.ndarray]:
        """Run it and return what a file of test vectors holds of it."""
        return {key: np.asarray(value) for item in self.items(gradients) for key, value in item.arrays() if key}

    def targets(self) -> list[Target | None]:
        """Run it and return the clean values and statistics by layer."""
        return [encoded.target for encoded in forward(*self._ready()).encoded]

    def with_passes(self, kind: type[Passes], **fields: Any) -> "GivenStep":
        """Return the step with other passes."""
        return replace(self, passes=partial(kind, **fields))

    def specified(self, **fields: Any) -> "GivenStep":
        """Return the step of a network that is specified differently."""
        return replace(self, specification=replace(self.specification, **fields))

    def with_parameters(self, ending: str, change: Callable[[np.ndarray], np.ndarray]) -> "GivenStep":
        """Return the step with those parameters changed whose name ends so."""
        changed = {name: change(x) if name.endswith(ending) else x for name, x in self.parameters.items()}
        return replace(self, parameters=changed)

    def with_noise(self, change: Callable[[int, np.ndarray], np.ndarray]) -> "GivenStep":
        """Return the step with the noise (N + M, units) of each layer changed."""
        return replace(self, noise=[change(layer, draws) for layer, draws in enumerate(self.noise)])


@dataclass(frozen=True)
class Mistake:
    """One mistake."""

    says: str
    makes: Callable[[], GivenStep]  # the step that has it
    gradients: bool = False  # whether the gradients of the step that makes it are the mistake's


# ---- Batch norms: what is divided by, and whose statistics.

DEVIATIONS: dict[str, Callable[[Any, float, int], Any]] = {
    "σ² (the variance)": lambda var, eps, n: var + eps,
    "the deviation with divisor n − 1 (the unbiased variance)": lambda var, eps, n: np.sqrt(var * n / (n - 1) + eps),
    "sqrt(var) + ε, ε outside the root": lambda var, eps, n: np.sqrt(var) + eps,
    "sqrt(var), without ε": lambda var, eps, n: np.sqrt(var),
}
PLACES = {
    "every batch norm divides by {}, and so is ẑ": ("z", "u", "std", "z_hat"),
    "every batch norm divides by {}; the clean σ that normalizes ẑ is right": ("z", "u"),
    "the encoder's batch norm divides by {}, and so is ẑ": ("z", "std", "z_hat"),
    "the encoder's batch norm divides by {}; the clean σ that normalizes ẑ is right": ("z",),
    "the decoder's batch norm, which makes u, divides by {}": ("u",),
    "the clean σ that is kept, and that divides ẑ, is {}; z itself is right": ("std", "z_hat"),
    "ẑ is divided by {}": ("z_hat",),
    "the clean σ that is kept is {}; z and ẑ_BN are right": ("std",),
}


def deviations(step: GivenStep) -> Iterator[Mistake]:
    for where, places in PLACES.items():
        for what, deviation in DEVIATIONS.items():
            yield Mistake(
                where.format(f"{what} instead of σ = sqrt(var + ε)"),
                partial(step.with_passes, OtherDeviation, deviation=deviation, places=places),
            )


def _clean_with_labeled_rows(step: GivenStep) -> GivenStep:
    n, m = step.rows
    both = np.concatenate([step.batch.x_labeled, step.batch.x_unlabeled])
    padded = [np.concatenate([draws[:n], draws]) for draws in step.noise]
    clean = replace(step, batch=replace(step.batch, x_unlabeled=both), noise=padded).targets()
    kept = [one and Target(one.z[n * len(one.z) // (n + m) :], one.mu, one.sigma) for one in clean]
    return step.with_passes(GivenTargets, targets=kept)


def _noisy_targets(step: GivenStep) -> GivenStep:
    def of(passes: Passes, layer: Layer, encoded: Encoded, z_hat: Any) -> Target:
        if layer.index == 0:
            return Target(encoded.z_tilde[encoded.rows.unlabeled], None, None)
        return Target(encoded.z_tilde[encoded.rows.unlabeled], encoded.mu[1], encoded.sigma[1])

    return step.with_passes(OtherTarget, target_of=of)


LABELED_STATISTICS = {"own": "their own statistics", "unlabeled": "the unlabeled rows' statistics"}


def statistics(step: GivenStep) -> Iterator[Mistake]:
    joint = "the corrupted labeled and unlabeled rows are normalized together, with joint statistics"
    yield Mistake(joint, partial(step.with_passes, JointStatistics, lanes_together=2))
    joint = "corrupted and clean rows are normalized together, all in one batch"
    yield Mistake(joint, partial(step.with_passes, JointStatistics, lanes_together=3))
    clean = "the clean statistics are those of labeled and unlabeled rows together"
    yield Mistake(clean, partial(_clean_with_labeled_rows, step))
    own = step.specification.labeled_statistics
    for other in [name for name in LABELED_STATISTICS if name != own]:
        says = f"labeled rows are normalized with {LABELED_STATISTICS[other]}; the file's labeled_statistics is {own}"
        yield Mistake(says, partial(step.specified, labeled_statistics=other), gradients=True)
    for eps, whose in OTHER_EPS.items():
        says = f"ε is {eps:g}{whose} instead of the file's batch_norm_eps"
        yield Mistake(says, partial(step.specified, batch_norm_eps=eps), gradients=True)


# ---- Noise.

LANES: dict[str, Callable[[int], slice]] = {
    "all corrupted rows": lambda n: slice(None),
    "the labeled rows": lambda n: slice(0, n),
    "the unlabeled rows": lambda n: slice(n, None),
}


def _silenced(step: GivenStep, lane: str, layers: Sequence[int]) -> GivenStep:
    def silence(layer: int, draws: np.ndarray) -> np.ndarray:
        draws = draws.copy()
        if layer in layers:
            draws[LANES[lane](step.rows[0])] = 0
        return draws

    return step.with_noise(silence)


def _unlabeled_first(step: GivenStep) -> GivenStep:
    return step.with_noise(lambda layer, draws: np.roll(draws, step.rows[0], axis=0))


def noises(step: GivenStep) -> Iterator[Mistake]:
    layers = range(len(step.noise))
    for lane in LANES:
        every = f"{lane} have no noise"
        yield Mistake(every, partial(_silenced, step, lane, layers), gradients=True)
        for layer in layers:
            one = f"{every} in layer {layer}"
            yield Mistake(one, partial(_silenced, step, lane, [layer]), gradients=True)
    scales: dict[str, Callable[[float], float]] = {
        "the noise is not multiplied by its standard deviation s (noise_std)": lambda s: 1.0,
        "the noise is multiplied by s² instead of s (noise_std)": lambda s: s * s,
        "the noise is multiplied by sqrt(s), s taken as its variance": lambda s: s**0.5,
    }
    for says, scale in scales.items():
        stds = tuple(map(scale, step.specification.noise_std))
        yield Mistake(says, partial(step.specified, noise_std=stds), gradients=True)
    yield Mistake(
        "the noise's rows are in another order: unlabeled rows first", partial(_unlabeled_first, step), gradients=True
    )


# ---- The maps and the softmax layer.


def _transposed(x: np.ndarray) -> np.ndarray:
    return x.T if _is_square(x) else x


def _is_square(x: np.ndarray) -> bool:
    return x.ndim == 2 and x.shape[0] == x.shape[1]


def _turned(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x[::-1, ::-1]) if x.ndim == 4 else x


def convolutions(step: GivenStep) -> Iterator[Mistake]:
    windows = [name for name, x in step.parameters.items() if x.ndim == 4 and x.shape[0] > 1]
    for name in windows:
        says = f"{name} is used turned by 180 degrees; here it is not, as in a cross-correlation"
        yield Mistake(says, partial(step.with_parameters, name, _turned))
    if windows:
        says = "every convolution's weight is used turned by 180 degrees; here it is not, as in a cross-correlation"
        yield Mistake(says, partial(step.with_parameters, ".weight", _turned))


def parameters(step: GivenStep) -> Iterator[Mistake]:
    square = [name for name, x in step.parameters.items() if name.endswith(".weight") and _is_square(x)]
    for name in square:
        says = f"{name} is used transposed: its rows are inputs, its columns outputs (h W)"
        yield Mistake(says, partial(step.with_parameters, name, _transposed))
    says = "every square weight is used transposed: its rows are inputs, its columns outputs (h W)"
    yield Mistake(says, partial(step.with_parameters, ".weight", _transposed))
    top = f"encoder.{step.specification.top}"
    gamma = step.parameters[f"{top}.gamma"]
    yield Mistake("the top layer has no γ", partial(step.with_parameters, ".gamma", np.ones_like), gradients=True)
    yield Mistake("the top layer's γ is applied twice", partial(step.with_parameters, ".gamma", np.square))
    after = "the top layer computes γ z̃ + β instead of γ (z̃ + β)"
    with np.errstate(all="ignore"):
        shifts = step.parameters[f"{top}.beta"] / gamma
    yield Mistake(after, partial(step.with_parameters, f"{top}.beta", lambda beta: shifts))
    for name in step.parameters:
        if name.endswith(".beta"):
            says = f"β of layer {name.split('.')[1]} is missing"
            yield Mistake(says, partial(step.with_parameters, name, np.zeros_like), gradients=True)
    yield Mistake("no layer has a β", partial(step.with_parameters, ".beta", np.zeros_like), gradients=True)


def functions(step: GivenStep) -> Iterator[Mistake]:
    here = step.specification
    for name in [name for name in ACTIVATIONS if name != here.activation]:
        says = f"φ of the hidden layers is {name} instead of the file's {here.activation}"
        yield Mistake(says, partial(step.specified, activation=name), gradients=True)
    own = find_combinator(here.combinator)
    assert own is not None  # the specification was checked
    for name, other in COMBINATORS.items():
        same_parameters = set(other.parameters) == set(own.parameters)
        if same_parameters and other.forward is not own.forward:  # else only the starting values differ
            says = f"the combinator is {name} instead of the file's {here.combinator}"
            yield Mistake(says, partial(step.specified, combinator=name), gradients=True)


SOFTMAX = {
    "the softmax is taken twice: P is the softmax of a softmax": True,
    "the softmax is taken twice in the cost, whose function expects the values before the softmax": False,
}


def softmaxes(step: GivenStep) -> Iterator[Mistake]:
    for says, in_p in SOFTMAX.items():
        yield Mistake(says, partial(step.with_passes, SoftmaxTwice, in_p=in_p))


# ---- The decoder: u, and what ẑ is compared with.


def _of_logits(passes: Passes, layer: Layer, vertical: Any, encoded: Encoded) -> Any:
    if layer.index < passes.specification.top:
        return None
    return normalize_forward(encoded.h[encoded.rows.unlabeled], passes.specification.batch_norm_eps)[0]


def _of_softmax_twice(passes: Passes, layer: Layer, vertical: Any, encoded: Encoded) -> Any:
    if layer.index < passes.specification.top:
        return None
    return normalize_forward(softmax_forward(vertical), passes.specification.batch_norm_eps)[0]


US: dict[str, Callable[[Passes, Layer, Any, Encoded], Any]] = {
    "the top u is made of the values before the softmax instead of P": _of_logits,
    "the top u is made of softmax(P) instead of P: the softmax is taken twice": _of_softmax_twice,
    "the top u is not normalized": lambda passes, layer, vertical, encoded: (
        vertical if layer.index == passes.specification.top else None
    ),
    "no u is normalized": lambda passes, layer, vertical, encoded: vertical,
    "no u but the topmost is normalized": lambda passes, layer, vertical, encoded: (
        vertical if layer.index < passes.specification.top else None
    ),
}


def _own_statistics(passes: Passes, layer: Layer, encoded: Encoded, z_hat: Any) -> Target:
    assert encoded.target is not None
    if encoded.target.mu is None:
        return encoded.target
    return Target(encoded.target.z, *normalize_forward(z_hat, passes.specification.batch_norm_eps)[1:])


def _corrupted_statistics(passes: Passes, layer: Layer, encoded: Encoded, z_hat: Any) -> Target:
    assert encoded.target is not None
    return Target(encoded.target.z, encoded.mu[1], encoded.sigma[1]) if layer.index else encoded.target


def _input_normalized(passes: Passes, layer: Layer, encoded: Encoded, z_hat: Any) -> Target:
    assert encoded.target is not None
    if layer.index:
        return encoded.target
    return Target(encoded.target.z, *normalize_forward(encoded.target.z, passes.specification.batch_norm_eps)[1:])


def _not_normalized(passes: Passes, layer: Layer, encoded: Encoded, z_hat: Any) -> Target:
    assert encoded.target is not None
    return Target(encoded.target.z, None, None)


TARGETS: dict[str, Callable[[Passes, Layer, Encoded, Any], Target]] = {
    "ẑ is normalized with its own mean and deviation instead of the clean ones": _own_statistics,
    "ẑ is normalized with the corrupted mean and deviation instead of the clean ones": _corrupted_statistics,
    "ẑ is not normalized before it is compared": _not_normalized,
    "ẑ⁰ is normalized: layer 0 is compared as it is": _input_normalized,
}


def decoders(step: GivenStep) -> Iterator[Mistake]:
    for says, u_of in US.items():
        yield Mistake(says, partial(step.with_passes, OtherU, u_of=u_of))
    for says, target_of in TARGETS.items():
        yield Mistake(says, partial(step.with_passes, OtherTarget, target_of=target_of))
    yield Mistake("ẑ is compared with the noisy z̃, and normalized with its statistics", partial(_noisy_targets, step))


# ---- Costs and λ.

FACTORS: dict[str, Callable[[Passes, Layer], float]] = {
    "the sum over rows and units instead of the mean": lambda passes, layer: (
        passes.rows[layer.index].n_unlabeled * layer.units
    ),
    "the sum over the units, mean over the rows, instead of the mean over both": lambda passes, layer: layer.units,
    "the sum over the rows, mean over the units, instead of the mean over both": lambda passes, layer: (
        passes.rows[layer.index].n_unlabeled
    ),
    "half the mean": lambda passes, layer: 0.5,
}


def costs(step: GivenStep) -> Iterator[Mistake]:
    n, m = step.rows
    for what, factor in FACTORS.items():
        says = f"a layer's denoising cost is {what}"
        yield Mistake(says, partial(step.with_passes, OtherCosts, factor=factor), gradients=True)
        says = f"in the total cost a layer's denoising cost is {what}"
        yield Mistake(says, partial(step.with_passes, OtherCosts, factor=factor, kept=False), gradients=True)
    for what, weight in {
        "the sum over the labeled rows instead of their mean": n,
        "divided by the number of all rows instead of the labeled ones": n / (n + m),
    }.items():
        weights = np.full(n, float(weight))
        weighted = replace(step.batch, weights=weights)
        says = f"the supervised cost is {what}"
        yield Mistake(says, partial(replace, step, batch=weighted), gradients=True)


def weights(step: GivenStep) -> Iterator[Mistake]:
    lambdas = step.specification.denoising_weights
    others = {
        "λ is forgotten: the denoising costs are added as they are": [1.0] * len(lambdas),
        "λ is applied twice": [weight**2 for weight in lambdas],
        "the λs are in reverse order: the first is the input's": lambdas[::-1],
        "the denoising costs do not reach the total cost, or their gradients the parameters": [0.0] * len(lambdas),
    }
    for layer in range(len(lambdas)):
        without = [0.0 if index == layer else weight for index, weight in enumerate(lambdas)]
        others[f"the denoising cost of layer {layer} is left out"] = without
    for says, changed in others.items():
        yield Mistake(says, partial(step.specified, denoising_weights=tuple(changed)), gradients=True)
    nothing = replace(step.batch, weights=np.zeros(step.rows[0]))
    says = "the supervised cost's gradient does not reach the parameters"
    yield Mistake(says, partial(replace, step, batch=nothing), gradients=True)


# ---- Gradients that are stopped.

STOPPED = {
    "the clean targets z, μ, σ are constants: no gradient flows through them (detached)": ("z", "mu", "sigma"),
    "the clean z is a constant: no gradient flows through the target (detached)": ("z",),
    "the clean μ and σ that normalize ẑ are constants: no gradient flows through them (detached)": ("mu", "sigma"),
    "the clean σ that normalizes ẑ is a constant (detached)": ("sigma",),
    "the clean μ that normalizes ẑ is a constant (detached)": ("mu",),
    "the gradient through the lateral connection z̃ is missing (detached)": ("z_tilde",),
    "the gradient from the decoder to the softmax output is missing (detached)": ("p",),
    "the gradients from the decoder to the corrupted encoder are missing (detached)": ("p", "z_tilde"),
    "the statistics of the batch norms are constants: no gradient flows through mean and deviation": (
        "statistics",
        "mu",
        "sigma",
    ),
}


def stopped(step: GivenStep) -> Iterator[Mistake]:
    for says, ways in STOPPED.items():
        yield Mistake(says, partial(step.with_passes, Stopped, ways=ways), gradients=True)
    if step.specification.stop_gradient_targets:
        says = "the gradient flows through the clean targets; the file's stop_gradient_targets makes them constants"
        yield Mistake(says, partial(step.specified, stop_gradient_targets=False), gradients=True)


def all_mistakes(step: GivenStep) -> Iterator[Mistake]:
    """Yield every row of the table for a right step, the more common mistakes first."""
    yield from deviations(step)
    yield from statistics(step)
    yield from noises(step)
    yield from parameters(step)
    yield from convolutions(step)
    yield from functions(step)
    yield from softmaxes(step)
    yield from decoders(step)
    yield from costs(step)
    yield from weights(step)
    yield from stopped(step)
