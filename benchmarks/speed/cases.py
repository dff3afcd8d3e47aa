"""What is measured: networks and batches, small enough to be told to another process as JSON."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np import LadderNetwork
from ladder_np.network.ladder import Batch
from ladder_np.network.specification import Specification

__all__ = [
    "CONVOLUTION_CASES",
    "HIDDEN",
    "LABELED",
    "RATE",
    "SETTINGS",
    "SIZES",
    "STEP_CASES",
    "UNLABELED",
    "Case",
    "network_of",
]

RATE = 0.002  # Adam's, in [R]
INPUTS, HIDDEN, CLASSES = 784, (1000, 500, 250, 250, 250), 10  # [R], permutation-invariant MNIST
LABELED, UNLABELED = 100, 100


def network_of(*hidden: int) -> tuple[int, ...]:
    """Return the sizes of a network with MNIST's inputs and classes."""
    return (INPUTS, *hidden, CLASSES)


@dataclass(frozen=True)
class Case:
    """A network and the number of rows in a batch.

    Attributes
    ----------
    sizes : tuple
        Widths or layers as texts, the input's width or shape first, classes last.
    n_labeled, n_unlabeled : int
        Rows per step; inference looks at `n_unlabeled` rows.
    denoising_weights : tuple of float or None
        λ of every layer; None: those of the full ladder.
    dtype : {"float32", "float64"}
    device : {"cpu", "cuda"}
    """

    sizes: tuple[Any, ...]
    n_labeled: int = LABELED
    n_unlabeled: int = UNLABELED
    denoising_weights: tuple[float, ...] | None = None
    dtype: str = "float32"
    device: str = "cpu"

    def specification(self) -> Specification:
        """Return the network's description."""
        return Specification(self.sizes, denoising_weights=self.denoising_weights, dtype=self.dtype)  # type: ignore[arg-type]

    def network(self) -> LadderNetwork:
        """Return the network at its starting point, the same for every contender."""
        return LadderNetwork.from_specification(self.specification(), device=self.device, seed=0)

    def batch(self) -> Batch:
        """Return random pixels in [0, 1) and classes that take turns, on the host, the same for every contender."""
        generator = np.random.default_rng(0)
        inputs = self.specification().sizes[0]

        def pixels(rows: int) -> np.ndarray:
            return generator.random((rows, inputs), dtype=np.dtype(self.dtype).type)

        return Batch(pixels(self.n_labeled), np.arange(self.n_labeled) % self.sizes[-1], pixels(self.n_unlabeled))

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Case":
        """Return the case that `as_json` described."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        values["sizes"] = tuple(tuple(one) if isinstance(one, list) else one for one in values["sizes"])
        return cls(**values)


SIZES = network_of(*HIDDEN)

STEP_CASES = {
    "the paper's network, 100 + 100 rows": Case(SIZES),
    "the paper's network, 250 + 250 rows": Case(SIZES, 250, 250),
    "all hidden layers 4 times as wide, 100 + 100 rows": Case(network_of(*(4 * width for width in HIDDEN))),
}

CONV_SMALL = (  # [R], MNIST
    *((28, 28, 1), "conv:32:5:full", "max_pool:2", "conv:64:3", "conv:64:3:full", "max_pool:2"),
    *("conv:128:3", "conv:10:1", "mean_pool", CLASSES),
)
CIFAR_SMALL = (
    *((32, 32, 3), "conv:32:3:same", "max_pool:2", "conv:64:3:same", "max_pool:2", "conv:64:3", "conv:10:1"),
    *("mean_pool", CLASSES),
)
CONVOLUTION_CASES = {
    f"{name}, {kind}, 100 + 100 images": Case(sizes, denoising_weights=(*below, *(0.1 * full,) * rest, top))
    for name, sizes in (("Conv-Small", CONV_SMALL), ("a small network for CIFAR-10", CIFAR_SMALL))
    for kind, full, below, top in (("Γ", 0, (0.0, 0.0), 1.0), ("full ladder", 1, (1000.0, 10.0), 0.1))
    for rest in (len(sizes) - 3,)
}

SETTINGS = {
    "full ladder": Case(SIZES),
    "Γ-model (λ at the top layer only)": Case(SIZES, denoising_weights=(0, 0, 0, 0, 0, 0, 1)),
    "bottom only (λ at layer 0 only)": Case(SIZES, denoising_weights=(1000, 0, 0, 0, 0, 0, 0)),
    "supervised baseline (all λ 0)": Case(SIZES, denoising_weights=(0,) * 7),
}
