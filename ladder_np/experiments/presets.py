"""Presets as data: the settings of the papers' experiments, what these published, how long a run takes here.

[R] is Rasmus et al. 2015, [P] Pezeshki et al. 2016. `ladder-np presets` lists all; one's own is a TOML file
(`preset_files.py`).
"""

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ladder_np.errors import InputError
from ladder_np.operations.maps import split_layers

__all__ = [
    "CIFAR_SMALL",
    "CPU",
    "CPU_STEP",
    "DEVIATION",
    "ERROR",
    "MARKS",
    "PAPER_LAYERS",
    "PAPER_TRAINING",
    "PRESETS",
    "SOURCES",
    "Expected",
    "Preset",
    "Published",
]

LARGEST_ERROR = 100  # percent
DEVIATION, ERROR = "standard deviation", "standard error"
SOURCES = {
    "[R]": "Rasmus et al. 2015, arXiv:1507.02672: standard deviations",
    "[P]": "Pezeshki et al. 2016, arXiv:1511.06430: standard errors; its noise and λ are not known here: [R]'s",
}
MARKS = {  # how well a published number is known
    "c": "read in the paper's own code",
    "s": "read in a secondary source",
    "m": "recalled, not compared with the paper",
}


@dataclass(frozen=True)
class Published:
    """A published test error in %: the mean of `count` runs and their spread; None is what is not known."""

    mean: float
    spread: float | None = None
    spread_is: str = DEVIATION  # or ERROR
    count: int | None = None
    mark: str = ""  # of the mean, one of `MARKS`; "" says nothing
    spread_mark: str = ""  # of the spread, if that is known otherwise
    source: str = ""

    def __post_init__(self) -> None:
        if self.spread_is not in (DEVIATION, ERROR):
            raise InputError(f"spread_is {self.spread_is!r}: expected {DEVIATION!r} or {ERROR!r}")
        for name in ("mark", "spread_mark"):
            if getattr(self, name) not in ("", *MARKS):
                raise InputError(f"{name} {getattr(self, name)!r}: expected one of {', '.join(MARKS)}")
        for name in ("mean", "spread"):
            if not 0 <= (getattr(self, name) or 0) <= LARGEST_ERROR:
                raise InputError(f"{name} {getattr(self, name)!r}: expected percent from 0 to {LARGEST_ERROR}")
        if self.count is not None and self.count < 1:
            raise InputError(f"count {self.count!r}: expected a whole number of runs >= 1")

    @property
    def deviation(self) -> float | None:
        """The standard deviation of single runs."""
        if self.spread is None or self.spread_is == DEVIATION:
            return self.spread
        return None if self.count is None else self.spread * math.sqrt(self.count)

    def __str__(self) -> str:
        of_mean, of_spread = (f" ({mark})" if mark else "" for mark in (self.mark, self.spread_mark))
        decimals = max(2, *(len(f"{value:g}".partition(".")[2]) for value in (self.mean, self.spread or 0)))
        parts = [f"{self.mean:.{decimals}f}{of_mean if of_spread or self.spread is None else ''}"]
        if self.spread is not None:
            kind = " SE" if self.spread_is == ERROR else ""
            parts.append(f"± {self.spread:.{decimals}f}{kind}{of_spread or of_mean}")
        return " ".join([*parts, self.source]).rstrip()


@dataclass(frozen=True)
class Expected:
    """How long one run took where somebody measured it."""

    minutes: float
    hardware: str

    def __post_init__(self) -> None:
        if not 0 <= self.minutes <= sys.float_info.max:
            raise InputError(f"minutes {self.minutes!r}: expected a number >= 0")
        if not self.hardware:
            raise InputError("hardware '': expected the machine that the minutes were measured on")


@dataclass(frozen=True)
class Preset:
    """Settings by the names of `ExperimentSettings`, with what is known of their results."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    published: Published | None = None
    expected: Expected | None = None


# ---- The dense networks for MNIST.

PAPER_LAYERS = (1000, 500, 250, 250, 250)  # [R], permutation-invariant MNIST
PAPER_TRAINING = {"labeled_batch": 100, "unlabeled_batch": 100, "learning_rate": 0.002, "labeled_statistics": "own"}
LAYERS = len(PAPER_LAYERS) + 2
NONE = (0.0,) * LAYERS


def _mnist(labels: int | None, weights: tuple[float, ...], noise: tuple[float, ...], **others: Any) -> dict[str, Any]:
    """Return [R]'s settings of permutation-invariant MNIST: all runs share everything but these."""
    return {
        "dataset": "mnist",
        "labels": labels,
        "hidden_layers": PAPER_LAYERS,
        "denoising_weights": weights,
        "noise_std": noise,
        "epochs": 150,
        "baseline": False,
        **PAPER_TRAINING,
        **others,
    }


FULL_WEIGHTS = {
    50: (2000, 20, *(0.1,) * 5),
    100: (1000, 10, *(0.1,) * 5),
    1000: (2000, 20, *(0.1,) * 5),
    None: (1000, 1, *(0.01,) * 5),
}
NOISE = (0.3,)
FULL_NOISE = {1000: (0.3, *(0.2,) * 6)}  # NOISE elsewhere
BASELINE_NOISE = (0.3, *(0.5,) * 6)


def _bottom(weight: float) -> tuple[float, ...]:
    return (weight, *NONE[1:])


def _gamma(weight: float) -> tuple[float, ...]:
    return (*NONE[1:], weight)


# [R]: labels, which costs, λ, noise; mean, standard deviation, their marks.
Rasmus = tuple[int | None, str, tuple[float, ...], tuple[float, ...], tuple[float, float, str, str]]
RASMUS: tuple[Rasmus, ...] = (
    (100, "full", FULL_WEIGHTS[100], NOISE, (1.06, 0.37, "s", "")),
    (100, "bottom", _bottom(5000), NOISE, (1.09, 0.32, "m", "")),
    (100, "gamma", _gamma(0.5), NOISE, (3.06, 1.44, "m", "")),
    (100, "baseline", NONE, BASELINE_NOISE, (21.74, 1.77, "m", "")),
    (1000, "full", FULL_WEIGHTS[1000], FULL_NOISE[1000], (0.84, 0.08, "s", "")),
    (1000, "bottom", _bottom(2000), NOISE, (0.90, 0.05, "m", "")),
    (1000, "gamma", _gamma(10), NOISE, (1.53, 0.10, "s", "m")),
    (1000, "baseline", NONE, BASELINE_NOISE, (5.70, 0.20, "m", "")),
    (None, "full", FULL_WEIGHTS[None], NOISE, (0.57, 0.02, "s", "")),
    (None, "bottom", _bottom(2000), NOISE, (0.59, 0.03, "m", "")),
    (None, "gamma", _gamma(2), NOISE, (0.78, 0.03, "m", "")),
    (None, "baseline", NONE, BASELINE_NOISE, (0.80, 0.03, "s", "")),
    (50, "full", FULL_WEIGHTS[50], NOISE, (1.62, 0.65, "m", "")),
)
COSTS = {
    "full": "the full ladder",
    "bottom": "a denoising cost at the input alone",
    "gamma": "the Γ-model: a denoising cost at the top alone",
    "baseline": "the supervised baseline, with noise",
}
H200 = "one NVIDIA H200 with four or five runs at once"
H200_BUSY = "one NVIDIA H200 with eleven runs at once"
EXPECTED = {  # benchmarks/results
    "mnist-100-full": Expected(6.0, H200),
    "mnist-1000-full": Expected(6.3, H200),
    "mnist-all-full": Expected(6.3, H200),
    "mnist-100-gamma": Expected(6.2, H200_BUSY),
    "mnist-100-baseline": Expected(4.9, H200_BUSY),
    "mnist-100-bottom": Expected(90.1, "one core of an AMD EPYC beside other programs"),
}


# Milliseconds of a step of [R]'s network, 100 + 100 rows, on two cores: benchmarks/speed.json. What else there is to
# a training takes a few percent.
CPU_STEP = {"full": 21.7, "gamma": 13.3, "bottom": 18.9, "baseline": 7.7}
CPU = "two cores of an AMD EPYC with AVX-512"


def _rasmus() -> Iterator[tuple[str, Preset]]:
    for labels, costs, weights, noise, (mean, deviation, mark, spread_mark) in RASMUS:
        name = f"mnist-{labels or 'all'}-{costs}"
        published = Published(mean, deviation, DEVIATION, 10, mark, spread_mark, "[R]")
        yield name, Preset(_mnist(labels, weights, noise), COSTS[costs], published, EXPECTED.get(name))


# Not one of the papers': a low error after a few minutes on a CPU. Only λ and the number of epochs differ from [R]'s;
# those and other settings were compared by 10,000 training images set aside (benchmarks/README.md).
FAST = {
    "mnist-100-fast": Preset(
        _mnist(100, (1000, 10, *(0.03,) * 4, 1), NOISE, epochs=23),
        "no paper's: the full ladder in some minutes on two cores",
        expected=Expected(6.1, "two cores of an AMD EPYC"),
    )
}


# ---- The variants of [P]: combinators, and where noise and costs are. Its own noise and λ are not known here:
# these are those of [R]'s full ladder with as many labels.

PEZESHKI_LABELS = {100: 100, 1000: 1000, 60000: None}  # in a preset's name: labels
FIRST_NOISE = {"noise_std": (0.3, *NONE[1:])}
VANILLA = {"combinator": "vanilla"}
FIRST_COST = "the combinator vanilla, a denoising cost at the input alone"

Errors = tuple[tuple[float, float | None], ...]
# Name, what differs from the full ladder, whether only the input has a cost; mean and standard error with 100, 1000
# and 60000 labels, their mark; in words.
Pezeshki = tuple[str, dict[str, Any], bool, Errors, str, str]
PEZESHKI: tuple[Pezeshki, ...] = (
    (
        "plain-baseline",
        {"noise_std": (0.0,), "denoising_weights": NONE},
        False,
        ((25.80, 0.40), (8.73, 0.06), (1.18, 0.01)),
        "m",
        "the supervised baseline of [P], taken to be without noise",
    ),
    ("vanilla", VANILLA, False, ((1.086, 0.023), (1.017, 0.017), (0.608, 0.013)), "m", ""),
    (
        "first-noise",
        {**VANILLA, **FIRST_NOISE},
        False,
        ((1.86, 0.19), (1.38, 0.03), (0.732, 0.015)),
        "m",
        "the combinator vanilla, noise at the input alone",
    ),
    ("first-recons", VANILLA, True, ((1.69, 0.18), (1.05, 0.02), (0.608, 0.013)), "m", FIRST_COST),
    (
        "first-noise-and-recons",
        {**VANILLA, **FIRST_NOISE},
        True,
        ((1.86, 0.19), (1.06, 0.18), (0.732, 0.016)),
        "m",
        f"{FIRST_COST}, noise there alone",
    ),
    ("no-lateral", {"combinator": "no_lateral"}, False, ((16.39, 0.58), (5.25, 0.10), (0.820, 0.009)), "m", ""),
    ("rand-init", {"combinator": "rand_init"}, False, ((1.23, 0.03), (1.01, 0.03), (0.614, 0.015)), "m", ""),
    ("rev-init", {"combinator": "rev_init"}, False, ((1.31, 0.13), (1.03, 0.02), (0.631, 0.018)), "m", ""),
    ("no-sig", {"combinator": "no_sig"}, False, ((1.61, 0.12), (1.22, 0.01), (0.633, 0.010)), "m", ""),
    ("no-mult", {"combinator": "no_mult"}, False, ((3.04, 0.91), (1.74, 0.03), (0.674, 0.018)), "m", ""),
    ("linear", {"combinator": "linear"}, False, ((5.03, 0.92), (2.77, 0.02), (0.849, 0.014)), "m", ""),
    ("gaussian", {"combinator": "gaussian"}, False, ((1.064, 0.021), (0.983, 0.019), (0.604, 0.010)), "m", ""),
    (
        "gated-gaussian",
        {"combinator": "gated_gaussian"},
        False,
        ((1.31, 0.04), (1.09, 0.02), (0.632, 0.011)),
        "m",
        "",
    ),
    ("mlp-4", {"combinator": "mlp[4]"}, False, ((1.37, None), (0.996, None), (0.605, None)), "m", ""),
    ("amlp-4", {"combinator": "amlp[4]"}, False, ((1.072, 0.015), (0.974, 0.021), (0.598, 0.014)), "s", ""),
    (
        "amlp-2-2-2",
        {"combinator": "amlp[2,2,2]"},
        False,
        ((1.002, 0.038), (0.979, 0.025), (0.578, 0.013)),
        "s",
        "",
    ),
)


def _pezeshki() -> Iterator[tuple[str, Preset]]:
    for (shown, labels), place in zip(PEZESHKI_LABELS.items(), range(3), strict=True):
        weights = FULL_WEIGHTS[labels]
        for name, changes, bottom, errors, mark, about in PEZESHKI:
            settings = _mnist(labels, weights, FULL_NOISE.get(labels or 0, NOISE), combinator="gaussian")
            costs = {"denoising_weights": _bottom(weights[0])} if bottom else {}
            mean, error = errors[place]
            published = Published(mean, error, ERROR, 10, mark, source="[P]")
            text = about or f"the full ladder with the combinator {changes['combinator']}"
            yield f"mnist-{shown}-{name}", Preset({**settings, **changes, **costs}, text, published)


# ---- [R]'s convolutional networks: texts are layers in the notation of `operations.maps`. How many runs their means
# are of is not known here.

CONV_FC = "conv:1000:26-conv:500:1-conv:250:1-conv:250:1-conv:250:1-conv:10:1-mean_pool"
CONV_SMALL = "conv:32:5:full-max_pool:2-conv:64:3-conv:64:3:full-max_pool:2-conv:128:3-conv:10:1-mean_pool-10"
CONV_LARGE = (
    "conv:96:3-conv:96:3:full-conv:96:3:full-max_pool:2-conv:192:3-conv:192:3:full-conv:192:3-max_pool:2-"
    "conv:192:3-conv:192:1-conv:10:1-mean_pool"
)
# Not one of [R]'s: what a CPU trains in half an hour.
CIFAR_NETWORK = "conv:32:3:same-max_pool:2-conv:64:3:same-max_pool:2-conv:64:3-conv:10:1-mean_pool"

MNIST_CONV: dict[str, Any] = {"dataset": "mnist", "labels": 100, "epochs": 150, "noise_std": NOISE}
CIFAR: dict[str, Any] = {
    "dataset": "cifar-10",
    "labels": 4000,
    "scaling": "gcn_zca",
    "activation": "leaky_relu",
    "top_gamma": False,
    "noise_std": NOISE,
    **PAPER_TRAINING,
}
CIFAR_SMALL = {**CIFAR, "layers": split_layers(CIFAR_NETWORK), "epochs": 4, "decay_start": 0.5}


def _convolutional(layers: str, **others: Any) -> dict[str, Any]:
    """Return [R]'s settings of a convolutional network; its Γ-models and baselines have λ > 0 at the top alone."""
    return {"layers": split_layers(layers), "baseline": False, **PAPER_TRAINING, **others}


def _of_top(layers: str, weight: float) -> tuple[float, ...]:
    """Return λs that are 0 below the top layer."""
    return (*(0.0,) * len(split_layers(layers)), weight)


CONVOLUTIONAL = {
    "mnist-100-conv-fc": Preset(
        _convolutional(CONV_FC, **MNIST_CONV, denoising_weights=(1000, 10, *(0.1,) * 6)),
        "the full ladder over windows of 26x26 pixels",
        Published(0.99, 0.15, DEVIATION, None, "m", source="[R]"),
    ),
    "mnist-100-conv-small-gamma": Preset(
        _convolutional(CONV_SMALL, **MNIST_CONV, denoising_weights=_of_top(CONV_SMALL, 1.0)),
        "the Γ-model of a small convolutional network",
        Published(0.89, 0.50, DEVIATION, None, "m", source="[R]"),
    ),
    "mnist-100-conv-small-baseline": Preset(
        _convolutional(
            CONV_SMALL,
            **{**MNIST_CONV, "noise_std": (0.3, *(0.45,) * 9), "epochs": 20},
            decay_start=0.5,
            denoising_weights=_of_top(CONV_SMALL, 0.0),
        ),
        "its supervised baseline, with noise",
        Published(6.43, 0.84, DEVIATION, None, "m", source="[R]"),
    ),
    "cifar10-4000-conv-large-gamma": Preset(
        _convolutional(CONV_LARGE, **CIFAR, epochs=70, decay_start=0.86, denoising_weights=_of_top(CONV_LARGE, 4.0)),
        "the Γ-model of a large convolutional network",
        Published(20.40, 0.47, DEVIATION, None, "s", source="[R]"),
    ),
    "cifar10-4000-conv-large-baseline": Preset(
        _convolutional(CONV_LARGE, **CIFAR, epochs=20, decay_start=0.5, denoising_weights=_of_top(CONV_LARGE, 0.0)),
        "its supervised baseline, with noise",
        Published(23.33, 0.61, DEVIATION, None, "m", source="[R]"),
    ),
    # λ were chosen by 3,000 training images held out of 18,000; epochs so that all three take the same time
    # (benchmarks/README.md).
    "cifar10-4000-small": Preset(
        {**CIFAR_SMALL, "denoising_weights": (0.5, 0.03, *(0.01,) * 5, 0.1)},
        "no paper's: the full ladder of a network for a CPU",
    ),
    "cifar10-4000-small-gamma": Preset(
        {**CIFAR_SMALL, "epochs": 6, "denoising_weights": _of_top(CIFAR_NETWORK, 0.3), "baseline": False},
        "its Γ-model, in the same time",
    ),
    "cifar10-4000-small-baseline": Preset(
        {**CIFAR_SMALL, "epochs": 20, "denoising_weights": _of_top(CIFAR_NETWORK, 0.0), "baseline": False},
        "its supervised baseline, with noise, in the same time",
    ),
}

PRESETS: dict[str, Preset] = {**dict(_rasmus()), **FAST, **CONVOLUTIONAL, **dict(_pezeshki())}
