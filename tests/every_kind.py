"""Every activation and every combinator, in pairs for tests that walk both.

Neither knows of the other, as `kernels/test_nvrtc.py` shows of the text of the kernels: each activation is paired
with one combinator, and each combinator with one activation.
"""

from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

__all__ = ["EVERY_KIND", "WITHOUT_KERNEL", "WITH_KERNEL"]

WITH_KERNEL = [name for name, row in COMBINATORS.items() if row.cuda is not None]
WITHOUT_KERNEL = [name for name, row in COMBINATORS.items() if row.cuda is None]
EVERY_KIND = [
    *((activation, "gaussian") for activation in ACTIVATIONS),
    *(("relu", combinator) for combinator in COMBINATORS if combinator != "gaussian"),
]
