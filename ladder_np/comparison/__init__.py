"""Did the unlabeled rows help? The ladder beside the same network without them, and beside other methods."""

from ladder_np.comparison.repeats import compare
from ladder_np.comparison.result import Comparison

__all__ = ["Comparison", "compare"]
