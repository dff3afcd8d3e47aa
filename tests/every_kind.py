"""Every activation and every combinator, in pairs for tests that walk both.

Neither knows of the other, but in the kernels of the combinators that have one: these are paired with every
activation, the others with one.
"""

import itertools

from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

__all__ = ["EVERY_KIND", "WITHOUT_KERNEL", "WITH_KERNEL"]

WITH_KERNEL = [name for name, row in COMBINATORS.items() if row.cuda is not None]
WITHOUT_KERNEL = [name for name, row in COMBINATORS.items() if row.cuda is None]
EVERY_KIND = [*itertools.product(ACTIVATIONS, WITH_KERNEL), *itertools.product(("relu",), WITHOUT_KERNEL)]
