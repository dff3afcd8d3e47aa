"""What a gradient check found, as an object and as a table."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ladder_np.inspection.differences import Check

__all__ = ["GradientReport"]


@dataclass(frozen=True)
class GradientReport:
    """What a gradient check found; prints as a table.

    Iterating yields a `Check` for each tensor; the report is true where all of them passed.

    Attributes
    ----------
    checks : sequence of Check
    tolerance : float
        The largest relative difference that passed.
    """

    checks: Sequence[Check]
    tolerance: float

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
        """Return a row a tensor, below it what its difference may mean, and the verdict."""
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
        worst = max(check.relative for check in self.checks)
        verdict = f"FAILED for {failed} of {len(self.checks)}" if failed else f"passed for all {len(self.checks)}"
        return (
            f"gradient check {verdict} parameters; worst relative difference {worst:.1e}, "
            f"tolerance {self.tolerance:.0e}"
        )

    def _mark(self, check: Check) -> str:
        if check.passed:
            return "ok" if check.resolved else "ok as far as rounding shows"
        if check.relative > self.tolerance:
            return f"WRONG, most at {list(check.where)}" if check.where else "WRONG"
        return f"{check.unchecked} cross a kink"


def _row(check: Check, width: int) -> str:
    shape = "x".join(map(str, check.shape)) or "scalar"
    return (
        f"{check.name:<{width}} {shape:>12} {check.norm:>11.3e} {check.absolute:>9.1e} {check.relative:>9.1e} "
        f"{check.directions:>7}"
    )
