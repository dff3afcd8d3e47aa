"""Combinators g(z̃, u; a): how the decoder joins the lateral z̃ and the vertical u of a layer ([R] section 2.3).

The table COMBINATORS has one row per combinator; the network knows combinators only through it. `find_combinator`
also makes rows for perceptrons of other widths than those in the table.
"""

from ladder_np.operations.combinators.gaussian import GAUSSIAN
from ladder_np.operations.combinators.mlp import MOST_LAYERS, MOST_UNITS, PERCEPTRONS, find_perceptron
from ladder_np.operations.combinators.record import Combinator, Initial
from ladder_np.operations.combinators.vanilla import VANILLA

__all__ = ["COMBINATORS", "Combinator", "Initial", "find_combinator", "names_of_combinators"]

COMBINATORS = {**GAUSSIAN, **VANILLA, **PERCEPTRONS}


def find_combinator(name: str) -> Combinator | None:
    """Return a combinator by its name; None if there is none."""
    return COMBINATORS.get(name) or find_perceptron(name)


def names_of_combinators() -> str:
    """Return the names for a message, those of perceptrons with K in the place of widths."""
    families = dict.fromkeys(f"{name.partition('[')[0]}[K,…]" for name in PERCEPTRONS)
    names = [*(name for name in COMBINATORS if name not in PERCEPTRONS), *families]
    return f"{', '.join(names)} (up to {MOST_LAYERS} widths K of 1 to {MOST_UNITS})"
