"""What a training does where the user leaves it open: for tables and pixels, and for texts.

The choices were made on validation rows of unlike data sets: see ``benchmarks/README.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.network.specification import LABELED_STATISTICS

__all__ = ["AUTO", "BALANCED", "TABLES", "TEXTS", "Defaults", "network_statistics", "training_labels"]

AUTO = "auto"
BALANCED = "balanced"  # own statistics, of batches in which all classes are as frequent


@dataclass(frozen=True)
class Defaults:
    """What stands for "auto", and how large λ is."""

    scaling: str  # of `make_scaling`, which knows what to do with "auto"
    labeled_statistics: str
    lambda_factor: float  # of what `weights_for_variance` gives

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the given values by name, with these in the place of "auto"."""
        own = {"scaling": self.scaling, "labeled_statistics": self.labeled_statistics}
        return {**given, **{k: v for k, v in own.items() if isinstance(given[k], str) and given[k] == AUTO}}


TABLES = Defaults(AUTO, "unlabeled", 1.0)
# Standardized, rare words would be most of a text; λs of tables make its few labels count too little.
TEXTS = Defaults("common", BALANCED, 0.03)


def network_statistics(choice: Any) -> str:
    """Return the network's setting for a choice of labeled statistics; raises InputError if there is no such one."""
    choices = (*LABELED_STATISTICS, BALANCED)
    if not isinstance(choice, str) or choice not in choices:
        raise InputError(f"unknown labeled statistics {choice!r}; choose one of {', '.join(choices)}")
    return "own" if choice == BALANCED else choice


def training_labels(choice: str, index: np.ndarray, labeled: np.ndarray) -> np.ndarray:
    """Return the labeled row indices that batches are drawn from, (m,) of `labeled` (n,); `index` has their classes.

    Where the choice is "balanced", rows of the rarely labeled classes are repeated until all classes have as many;
    else they are `labeled`.
    """
    if choice != BALANCED or not len(labeled):
        return labeled
    classes, counts = np.unique(index[labeled], return_counts=True)
    parts = [np.resize(labeled[index[labeled] == k], counts.max()) for k in classes]
    return labeled if (counts == counts[0]).all() else np.concatenate(parts)
