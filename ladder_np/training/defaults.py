"""What a training does where the user leaves it open: for tables and pixels, and for texts.

The choices were made on validation rows of unlike data sets: see ``benchmarks/README.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["AUTO", "TABLES", "TEXTS", "Defaults", "find_defaults"]

AUTO = "auto"
EVEN = 0.5  # labels are even if the rarest class has this share of the labeled rows of the most frequent one, or more


@dataclass(frozen=True)
class Defaults:
    """What stands for "auto", and how large λ is."""

    scaling: str  # of `make_scaling`, which knows what to do with "auto"
    even: str  # labeled statistics, where the labels are spread evenly over the classes
    uneven: str  # and where they are not
    lambda_factor: float  # of what `weights_for_variance` gives

    def resolve(self, given: Mapping[str, Any], counts: np.ndarray) -> dict[str, Any]:
        """Return the given values by name, with these in the place of "auto".

        `counts` (K,) is how many labeled rows each class has in training.
        """
        statistics = self.even if counts.min() >= EVEN * counts.max() else self.uneven
        own = {"scaling": self.scaling, "labeled_statistics": statistics}
        return {**given, **{k: v for k, v in own.items() if isinstance(given[k], str) and given[k] == AUTO}}


TABLES = Defaults(AUTO, "unlabeled", "unlabeled", 1.0)
# Standardized, rare words would be most of a text; λs of tables make its few labels count too little. Own statistics
# are better with even labels, of classes that are about as frequent, and a disaster with uneven ones.
TEXTS = Defaults("common", "own", "unlabeled", 0.03)
# With the λs of tables a small network for CIFAR-10 had 62 % error after a short training, without any 53, so 52.
WHITENED = Defaults(AUTO, "unlabeled", "unlabeled", 0.1)


def find_defaults(texts: bool, scaling: object) -> Defaults:
    """Return the defaults for texts or other rows, by the scaling that is named."""
    if texts:
        return TEXTS
    return WHITENED if isinstance(scaling, str) and scaling == "gcn_zca" else TABLES
