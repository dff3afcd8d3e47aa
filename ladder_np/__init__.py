"""Ladder Networks from scratch: every forward and backward pass by hand, on NumPy or CuPy.

References
----------
[R] A. Rasmus, M. Berglund, M. Honkala, H. Valpola, T. Raiko, Semi-Supervised Learning with Ladder Networks,
    NIPS 2015, arXiv:1507.02672v2.
[P] M. Pezeshki, L. Fan, P. Brakel, A. Courville, Y. Bengio, Deconstructing the Ladder Network Architecture,
    ICML 2016, arXiv:1511.06430.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

# OpenBLAS's threads wait for the next product by spinning, by default 2^28 cycles (0.1 s), and keep the cores from
# those of `ladder_np.threads`. 2^22 cycles bridge the gaps between a step's products; with 2^20 the threads fall
# asleep in some, and a virtual machine may be slow to wake them. NumPy reads it when loaded: set it before importing.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "22")

from ladder_np.errors import InputError, TrainingDivergedError
from ladder_np.inspection.function_check import check_gradients
from ladder_np.network.model import LadderNetwork
from ladder_np.version import __version__

if TYPE_CHECKING:
    from ladder_np.comparison.repeats import compare
    from ladder_np.comparison.result import Comparison
    from ladder_np.estimator.classifier import LadderClassifier
    from ladder_np.estimator.model_selection import LabeledScorer, StratifiedLabeledKFold

__all__ = [
    "Comparison",
    "InputError",
    "LabeledScorer",
    "LadderClassifier",
    "LadderNetwork",
    "StratifiedLabeledKFold",
    "TrainingDivergedError",
    "__version__",
    "check_gradients",
    "compare",
]


# Imported when first asked for: they need half of the house, `import ladder_np` does not.
LATER = {
    "Comparison": "ladder_np.comparison.result",
    "compare": "ladder_np.comparison.repeats",
    "LadderClassifier": "ladder_np.estimator.classifier",
    "LabeledScorer": "ladder_np.estimator.model_selection",
    "StratifiedLabeledKFold": "ladder_np.estimator.model_selection",
}


def __getattr__(name: str) -> Any:
    """Return what `LATER` names."""
    if name in LATER:
        return getattr(importlib.import_module(LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
