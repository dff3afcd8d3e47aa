"""Lanes: up to three passes through one encoder, stacked as rows of one array.

    rows 0 .. N          corrupted, labeled       (always)
    rows N .. N+M        corrupted, unlabeled     (if any layer is denoised)
    rows N+M .. N+2M     clean, unlabeled         (if any layer above the input is denoised, and up to the highest)

One matrix product a layer serves all lanes; only batch statistics and noise look at where a lane begins.
"""

from dataclasses import dataclass

from ladder_np.network.specification import Specification

__all__ = ["Lanes"]


@dataclass(frozen=True)
class Lanes:
    """Which rows and which layers one step needs.

    Attributes
    ----------
    n_labeled, n_unlabeled : int
        N and M; M is 0 where nothing is denoised.
    lowest : int
        The lowest layer that the decoder must rebuild; L + 1 where there is no decoder.
    clean_top : int
        The highest layer that needs clean targets; 0 where there is no clean lane.
    denoised : tuple of bool
        For each layer 0..L, whether its denoising cost is wanted.
    """

    n_labeled: int
    n_unlabeled: int
    lowest: int
    clean_top: int
    denoised: tuple[bool, ...]

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
        """Clean unlabeled rows."""
        return slice(self.n_corrupted, self.n_corrupted + self.n_unlabeled)

    @property
    def n_corrupted(self) -> int:
        """N + M."""
        return self.n_labeled + self.n_unlabeled

    def has_clean(self, layer: int) -> bool:
        """Return whether the clean lane reaches `layer`; its input (layer 0) is only needed to go further up."""
        return self.clean_top > 0 and layer <= self.clean_top

    def rows(self, layer: int) -> int:
        """Return how many rows `layer` has in the forward pass."""
        return self.n_corrupted + (self.n_unlabeled if self.has_clean(layer) else 0)

    def of_layer(self, layer: int) -> list[slice]:
        """Return the lanes that are normalized separately in `layer`."""
        lanes = [self.labeled]
        if self.n_unlabeled:
            lanes.append(self.unlabeled)
        if self.has_clean(layer):
            lanes.append(self.clean)
        return lanes
