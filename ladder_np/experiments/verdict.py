"""Whether the unlabeled rows helped: what two error rates on the same test rows allow to say, and what to try."""

import math
from collections.abc import Mapping

from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.experiments.run_folder import ErrorRate
from ladder_np.network.specification import Specification

__all__ = ["FEW_TEST_ROWS", "did_not_help", "verdict", "what_to_try"]

FEW_TEST_ROWS = 30  # with fewer, one or two rows decide which model is better
# Errors that only one of two models makes are heads or tails if both are as good; of n such errors, heads and tails
# differ by more than DEVIATIONS · sqrt(n) in 5 % of the cases. At most all errors of both are such.
DEVIATIONS = 1.96


def verdict(measured: Mapping[str, ErrorRate]) -> str:
    """Return one or two sentences; too few test rows get no other verdict than that.

    Parameters
    ----------
    measured : mapping of str to ErrorRate
        By the name of the model, on the same rows; empty without test rows.

    Returns
    -------
    str
        Empty where there is nothing to say: no test rows, or enough of them and one model alone.
    """
    if not measured:
        return ""
    rows = next(iter(measured.values())).rows
    if rows < FEW_TEST_ROWS:
        return (
            f"{rows} test rows are too few to tell: one row is {100 / rows:.1f} percentage points; "
            "ladder-np compare tests on many splits of the labeled rows."
        )
    if set(measured) != {BASELINE, LADDER}:
        return ""
    baseline, ladder = measured[BASELINE], measured[LADDER]
    apart = abs(ladder.wrong - baseline.wrong)
    by_chance = DEVIATIONS * math.sqrt(ladder.wrong + baseline.wrong)
    chance = f" A difference of {apart} in {rows} test rows may be chance." if 0 < apart <= by_chance else ""
    return _compared(baseline, ladder) + chance


def _compared(baseline: ErrorRate, ladder: ErrorRate) -> str:
    points = abs(baseline.percent - ladder.percent)
    if ladder.wrong < baseline.wrong:
        return f"The unlabeled rows took {points:.2f} percentage points off the test error."
    if ladder.wrong > baseline.wrong:
        return f"The unlabeled rows did not help: the ladder's test error is {points:.2f} percentage points higher."
    return "Both make the same number of errors; the unlabeled rows changed nothing here."


def did_not_help(measured: Mapping[str, ErrorRate]) -> bool:
    """Return whether enough test rows show no gain, though one was possible."""
    if set(measured) != {BASELINE, LADDER}:
        return False
    baseline, ladder = measured[BASELINE], measured[LADDER]
    return ladder.wrong >= max(baseline.wrong, 1) and ladder.rows >= FEW_TEST_ROWS


def what_to_try(specification: Specification, epochs: int) -> str:
    """Return what may help where the unlabeled rows did not, for a network that was trained for so many epochs."""
    smaller = ",".join(f"{weight / 10:.3g}" for weight in specification.denoising_weights)
    other = "own" if specification.labeled_statistics == "unlabeled" else "unlabeled"
    return (
        f"What may help: --denoising-weights {smaller} (a tenth); --labeled-statistics {other}; --epochs "
        f"{2 * epochs}. Where the classes do not follow clusters in the data, unlabeled rows cannot help."
    )
