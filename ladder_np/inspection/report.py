"""The report of a gradient check: a table with a line per tensor, and the verdict."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ladder_np.inspection.directions import Check

__all__ = ["COLUMNS", "GradientReport"]

# The columns of the table, for `gradcheck --help` and ladder_np/README.md.
COLUMNS = {
    "parameter, shape": "the tensor.",
    "|gradient|": "the Euclidean norm of the gradient that is checked.",
    "absolute": "the largest difference, over all directions compared, between the derivative along a direction "
    "according to the gradient and according to differences of the function.",
    "relative": "the largest such difference divided by the derivative, or by the derivative that is typical for the "
    "tensor, |gradient|/sqrt(entries), where that is larger. A difference that rounding of the function may have "
    "caused counts as at most the tolerance. It may come from another direction than the absolute one.",
    "checked": "how many directions were compared: random ones, every entry of small tensors, blocks and single "
    "entries of large ones.",
    "verdict": "`ok` if each relative difference is at most the tolerance; `ok as far as rounding shows` if no "
    "derivative is larger than what rounding hides (often both gradients are zero); `WRONG` if some relative "
    "difference is above the tolerance, with the index of the entry that differs most; otherwise how many directions "
    "could not be compared, and why. A gradient passes only if all of its directions were compared. Below one that "
    "did not pass stands what that may mean.",
}


@dataclass(frozen=True)
class GradientReport:
    """The result of a gradient check; prints as a table.

    Iterating yields a `Check` per tensor; the report is true if all of them passed. What the columns of the table are
    is in `ladder_np.inspection.report.COLUMNS`, and is printed by ``ladder-np gradcheck --help``.
    """

    checks: Sequence[Check]
    tolerance: float  # the largest relative difference that passed

    @property
    def passed(self) -> bool:
        """Whether every gradient agreed in every direction."""
        return all(check.passed for check in self.checks)

    def __bool__(self) -> bool:
        return self.passed

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def raise_if_failed(self) -> None:
        """Raise AssertionError with the table unless every gradient agreed."""
        if not self.passed:
            raise AssertionError(f"\n{self}")

    def __str__(self) -> str:
        """Return one line per tensor, followed by what its difference may mean, and the verdict."""
        width = max(20, *(len(check.name) for check in self.checks))
        head = (
            f"{'parameter':<{width}} {'shape':>12} {'|gradient|':>11} {'absolute':>9} {'relative':>9} {'checked':>7}"
        )
        lines, above = [f"{head}  verdict"], ""
        for check in self.checks:
            lines.append(f"{_row(check, width)}  {self._mark(check)}")
            hint = "as above" if check.hint and check.hint == above else check.hint
            lines += textwrap.wrap(hint, 110, initial_indent="    ", subsequent_indent="    ")
            above = check.hint
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        failed = sum(not check.passed for check in self.checks)
        verdict = f"FAILED for {failed} of {len(self.checks)}" if failed else f"passed for all {len(self.checks)}"
        worst = max(check.relative for check in self.checks)
        worst_of = f"worst relative difference {worst:.1e}, tolerance {self.tolerance:.0e}"
        if not failed or worst > self.tolerance:
            return f"gradient check {verdict} parameters; {worst_of}"
        unchecked = sum(check.unchecked for check in self.checks)
        compared = sum(check.directions for check in self.checks)
        others = f"; the others agree ({worst:.1e}, tolerance {self.tolerance:.0e})" if compared else ""
        gaps = f"{unchecked} of {unchecked + compared} directions not compared"
        return f"gradient check {verdict} parameters: {gaps}{others}"

    def _mark(self, check: Check) -> str:
        if check.passed:
            return "ok" if check.resolved else "ok as far as rounding shows"
        if check.relative > self.tolerance:
            return f"WRONG, most at {list(check.where)}" if check.where else "WRONG"
        return f"{check.unchecked} {check.obstacle}"


def _row(check: Check, width: int) -> str:
    shape = "x".join(map(str, check.shape)) or "scalar"
    return (
        f"{check.name:<{width}} {shape:>12} {check.norm:>11.3e} {check.absolute:>9.1e} {check.relative:>9.1e} "
        f"{check.directions:>7}"
    )
