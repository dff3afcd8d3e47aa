"""What the numbers of a comparison allow to say, and what to try next: two tables, each of conditions and sentences.

The first row whose condition holds gives the sentence. Differences are those of `Difference`, a method's error minus
the ladder's: positive where the ladder is better.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ladder_np.comparison.differences import Difference
from ladder_np.experiments.experiment import BASELINE, LADDER

__all__ = ["Findings", "advice", "verdict"]

SMALL = 0.02  # a difference of the error that hardly matters: two percentage points
FEW_REPEATS = 10  # with fewer the spread, and so the advice, is a guess
USUAL_REPEATS, MANY_REPEATS = 20, 100  # more hardly shorten an interval


@dataclass(frozen=True)
class Findings:
    """What was measured."""

    errors: Mapping[str, float]  # each method's mean error
    seconds: Mapping[str, float]  # for one training and test
    differences: Mapping[str, Difference]  # of every method but the ladder
    variants: Mapping[str, str]  # of other settings of the ladder: what to set
    labeled_rows: int
    # the error of one who answers with the most frequent class of the test rows, and that class
    constant_error: float
    constant_class: object

    @property
    def help(self) -> Difference:
        """What the unlabeled rows took off the error."""
        return self.differences[BASELINE]

    @property
    def better(self) -> str:
        """The method with the lowest error of those whose whole interval is below the ladder; empty if none is."""
        names = [name for name, difference in self.differences.items() if difference.high < 0]
        return min(names, key=lambda name: self.differences[name].mean, default="")

    @property
    def repeats_tell(self) -> bool:
        """Whether `MANY_REPEATS` of this spread would tell the difference."""
        return self.help.repeats < MANY_REPEATS and self.help.half_width(MANY_REPEATS) < abs(self.help.mean)

    @property
    def smallest_told(self) -> float:
        """The difference that more labeled rows are to tell: the measured one, or that it is below `SMALL`."""
        return max(abs(self.help.mean), SMALL - abs(self.help.mean))

    @property
    def rows_needed(self) -> int:
        """How many labeled rows would tell that difference, in `USUAL_REPEATS` at least.

        The spread falls as 1/sqrt(rows), since as large a share of them is tested on.
        """
        half = self.help.half_width(max(self.help.repeats, USUAL_REPEATS))
        rows = self.labeled_rows * (half / self.smallest_told) ** 2
        rows = max(rows, self.labeled_rows + 1)
        digits = 10 ** max(0, math.floor(math.log10(rows)) - 1)
        return int(math.ceil(rows / digits) * digits)


def verdict(findings: Findings) -> str:
    """Return one sentence: did the unlabeled rows help?"""
    return _first(VERDICTS, findings)


def advice(findings: Findings) -> str:
    """Return one sentence: what to try next."""
    return _first(ADVICE, findings)


Rows = tuple[tuple[Callable[[Findings], bool], Callable[[Findings], str]], ...]


def _first(rows: Rows, findings: Findings) -> str:
    return next(sentence(findings) for holds, sentence in rows if holds(findings))


def _points(share: float) -> str:
    return f"{100 * share:.1f}".replace("-0.0", "0.0")


def _interval(difference: Difference, sign: int = 1) -> str:
    """Return the interval of a difference, or of its opposite."""
    low, high = sorted((sign * difference.low, sign * difference.high))
    return f"95 % interval {_points(low)} to {_points(high)}"


def _gain(difference: Difference) -> str:
    """Return the interval of what the unlabeled rows take off, which may have either sign."""
    return f"95 % interval of the gain {_points(difference.low)} to {_points(difference.high)}"


def _change(difference: Difference) -> str:
    points = _points(abs(difference.mean))
    if points == "0.0":
        return "the ladder's error is the same with them"
    return f"the ladder's error is {points} points {'lower' if difference.mean > 0 else 'higher'} with them"


def _is_small(difference: Difference) -> bool:
    return max(-difference.low, difference.high) <= SMALL


VERDICTS: Rows = (
    (
        lambda f: not f.help.known,
        lambda f: (
            f"The ladder's error is {_same(f.help.mean)} in each repeat, so the spread of the difference, and "
            "whether the unlabeled rows helped, is not known."
        ),
    ),
    (
        lambda f: f.help.low > 0,
        lambda f: (
            f"The unlabeled rows took {_points(f.help.mean)} percentage points off the error ({_interval(f.help)})."
        ),
    ),
    (
        lambda f: f.help.high < 0,
        lambda f: (
            f"The unlabeled rows added {_points(-f.help.mean)} percentage points to the error "
            f"({_interval(f.help, -1)})."
        ),
    ),
    (
        lambda f: _is_small(f.help),
        lambda f: f"The unlabeled rows make little difference: {_change(f.help)} ({_gain(f.help)}).",
    ),
    (
        lambda f: True,
        lambda f: (
            f"{f.labeled_rows} labeled rows are too few to tell whether the unlabeled rows helped: "
            f"{_change(f.help)} ({_gain(f.help)})."
        ),
    ),
)


def _same(mean: float) -> str:
    if mean == 0:
        return "that of the same network without unlabeled rows"
    return f"{_points(abs(mean))} points {'below' if mean > 0 else 'above'} that without unlabeled rows"


def _tried(findings: Findings) -> str:
    if not findings.variants:
        return ""
    return f" Of the other settings that were tried ({', '.join(findings.variants)}) none was clearly better."


def _lower(f: Findings) -> str:
    difference = f.differences[f.better]
    return f"its error is {_points(-difference.mean)} points lower ({_interval(difference, -1)})"


ADVICE: Rows = (
    (
        lambda f: min(f.errors.values()) >= f.constant_error,
        lambda f: (
            f"No method is better than answering {f.constant_class} for every row: see whether the features say "
            "anything about the classes."
        ),
    ),
    (
        lambda f: f.better in f.variants,
        lambda f: f"Try the ladder with {f.variants[f.better]}: {_lower(f)}.",
    ),
    (
        lambda f: f.better == BASELINE,
        lambda f: f"Leave the unlabeled rows out (denoising weights 0).{_tried(f)}",
    ),
    (
        lambda f: f.better != "",
        lambda f: f"Of these methods use {f.better}: {_lower(f)} than the ladder's.",
    ),
    (
        lambda f: f.help.low > 0,
        lambda f: (
            f"Train the ladder with these settings on all {f.labeled_rows} labeled rows and the unlabeled ones."
        ),
    ),
    (
        lambda f: f.errors[LADDER] == f.errors[BASELINE] == 0,
        lambda f: "No test row got a wrong class, so there is nothing left to gain on rows like these.",
    ),
    (
        lambda f: not f.help.known,
        lambda f: "Label more rows, or use more repeats, so that the two can differ.",
    ),
    (
        lambda f: _is_small(f.help),
        lambda f: (
            "The network without them is as good, and its training takes "
            f"{f.seconds[BASELINE]:.1f} s instead of {f.seconds[LADDER]:.1f} s.{_tried(f)}"
        ),
    ),
    (
        lambda f: f.help.repeats < FEW_REPEATS,
        lambda f: f"{f.help.repeats} repeats say little about their spread: use {USUAL_REPEATS}.",
    ),
    (
        lambda f: f.repeats_tell,
        lambda f: (
            f"By the observed spread more repeats would tell: use {MANY_REPEATS}, or label more rows.{_tried(f)}"
        ),
    ),
    (
        lambda f: True,
        lambda f: (
            f"By the observed spread it takes about {f.rows_needed:,} labeled rows to tell a difference of "
            f"{_points(f.smallest_told)} points: label {f.rows_needed - f.labeled_rows:,} more.{_tried(f)}"
        ),
    ),
)
