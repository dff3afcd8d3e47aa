"""The layers of a network, one record each, and where the lanes of a step lie in each layer's matrices.

**Layers.** What differs between kinds of layers is in their maps (`operations.maps`), activation and combinator: rows
of tables. `resolve` looks them up once.

**Lanes.** Up to three passes through one encoder are stacked as rows of one array, so that one product per layer
serves them all; only batch statistics and noise look at where a lane begins:

    corrupted, labeled       (always)
    corrupted, unlabeled     (if any layer is denoised)
    clean, unlabeled         (if any layer above the input is denoised, and up to the highest)

A spatial layer has a row for every position of a sample, so each layer has `Rows` of its own.
"""

import math
from dataclasses import dataclass

from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS, Activation
from ladder_np.operations.combinators import Combinator, find_combinator
from ladder_np.operations.maps import IDENTITY, Map, Shape, build_maps

__all__ = ["Lanes", "Layer", "Rows", "resolve"]


@dataclass(frozen=True)
class Layer:
    """One layer 0 .. L, the input being layer 0."""

    index: int
    shape: Shape  # of one sample: (units,) or (height, width, channels)
    up: Map  # from the layer below, in the encoder; the input's is not used
    up_next: Map  # on to the layer above; the top's is not used
    down: Map  # from the layer above, in the decoder; at the top the softmax output itself
    down_next: Map  # on to the layer below; the input's is not used
    phi: str  # the activation's name in `ACTIVATIONS`; "linear" at the top, where the softmax follows
    activation: Activation  # φ
    combinator: Combinator  # g
    # whether there are a shift β and a scale γ. β wherever the kind of layer does not bring its own linear φ, as
    # pooling does; γ on the softmax layer alone, if it has one. (The reference code has γ on hidden layers with
    # sigmoid, tanh and softplus too. The published networks have none of these, and version 1 of the test vectors has
    # no such γ.)
    has_beta: bool
    has_gamma: bool
    noise_std: float
    weight: float  # λ
    shared: bool = False  # whether labeled rows are normalized with the corrupted unlabeled rows' statistics

    @property
    def units(self) -> int:
        """Columns of the layer's matrices: units of a dense layer, channels of a spatial one."""
        return self.shape[-1]

    @property
    def positions(self) -> int:
        """Rows of the layer's matrices for one sample; 1 in a dense layer."""
        return math.prod(self.shape[:-1])


def resolve(specification: Specification) -> tuple[Layer, ...]:
    """Return the records of layers 0 .. L."""
    pairs = build_maps(specification.input_shape, specification.layers)
    ups = [IDENTITY, *(up for up, _ in pairs), IDENTITY]
    downs = [IDENTITY, *(down for _, down in pairs), IDENTITY]
    shapes = [specification.input_shape, *(up.output for up, _ in pairs)]
    top, combinator = specification.top, find_combinator(specification.combinator)
    assert combinator is not None  # the specification was checked
    phis = ["linear" if index == top else up.activation or specification.activation for index, up in enumerate(ups)]
    return tuple(
        Layer(
            index,
            shape,
            ups[index],
            ups[index + 1],
            downs[index + 1],
            downs[index],
            phis[index],
            ACTIVATIONS[phis[index]],
            combinator,
            has_beta=index > 0 and (ups[index].activation != "linear" or index == top),
            has_gamma=index == top and specification.top_gamma,
            noise_std=specification.noise_std[index],
            weight=specification.denoising_weights[index],
            shared=specification.shares_statistics,
        )
        for index, shape in enumerate(shapes)
    )


@dataclass(frozen=True)
class Rows:
    """Where the lanes are in one layer's matrices."""

    # rows of a lane: samples times positions
    n_labeled: int
    n_unlabeled: int
    # whether the clean lane reaches this layer, and the one above
    has_clean: bool
    clean_goes_on: bool
    # whether the labeled rows are normalized with the corrupted unlabeled rows' statistics, not their own
    shared: bool = False

    @property
    def labeled(self) -> slice:
        """Corrupted labeled rows."""
        return slice(0, self.n_labeled)

    @property
    def unlabeled(self) -> slice:
        """Corrupted unlabeled rows."""
        return slice(self.n_labeled, self.n_corrupted)

    @property
    def corrupted(self) -> slice:
        """All corrupted rows, labeled first."""
        return slice(0, self.n_corrupted)

    @property
    def clean(self) -> slice:
        """Clean unlabeled rows; past the end where the lane does not reach this layer."""
        return slice(self.n_corrupted, self.n_corrupted + self.n_unlabeled)

    @property
    def n_corrupted(self) -> int:
        """Corrupted rows."""
        return self.n_labeled + self.n_unlabeled

    @property
    def largest_lane(self) -> int:
        """How many rows the largest lane has."""
        return max(self.n_labeled, self.n_unlabeled)

    @property
    def total(self) -> int:
        """All rows of the layer."""
        return self.n_corrupted + (self.n_unlabeled if self.has_clean else 0)

    @property
    def going_on(self) -> int:
        """How many of them the layer above is computed of: the first ones."""
        return self.n_corrupted + (self.n_unlabeled if self.clean_goes_on else 0)

    @property
    def lanes(self) -> list[slice]:
        """The lanes; each is normalized with its own statistics (fact 1), save the labeled one if `shared`."""
        unlabeled = [self.unlabeled] if self.n_unlabeled else []
        return [self.labeled, *unlabeled, *([self.clean] if self.has_clean else [])]


@dataclass(frozen=True)
class Lanes:
    """Which samples and which layers one step needs."""

    # N and M, in samples; M is 0 where nothing is denoised
    n_labeled: int
    n_unlabeled: int
    lowest: int  # the lowest layer that the decoder must rebuild; L + 1 without a decoder
    clean_top: int  # the highest layer that needs clean targets; 0 without a clean lane
    denoised: tuple[bool, ...]  # for each layer 0..L, whether its denoising cost is wanted

    @classmethod
    def needed(
        cls, specification: Specification, n_labeled: int, n_unlabeled: int, every_layer: bool = False
    ) -> "Lanes":
        """Return the lanes that the λs ask for, or with `every_layer` those of a network with all λ > 0."""
        denoised = tuple(weight > 0 or every_layer for weight in specification.denoising_weights)
        layers = [layer for layer, wanted in enumerate(denoised) if wanted]
        if not layers:
            return cls(n_labeled, 0, specification.top + 1, 0, denoised)
        return cls(n_labeled, n_unlabeled, layers[0], layers[-1], denoised)

    @property
    def n_corrupted(self) -> int:
        """N + M."""
        return self.n_labeled + self.n_unlabeled

    def has_clean(self, layer: int) -> bool:
        """Return whether the clean lane reaches `layer`; its input (layer 0) is only needed to go further up."""
        return self.clean_top > 0 and layer <= self.clean_top

    def rows(self, layer: Layer) -> Rows:
        """Return where the lanes are in a layer's matrices."""
        n_labeled, n_unlabeled = self.n_labeled * layer.positions, self.n_unlabeled * layer.positions
        clean = self.has_clean(layer.index), self.has_clean(layer.index + 1)
        return Rows(n_labeled, n_unlabeled, *clean, layer.shared and n_unlabeled > 0)
