"""What `compare` found: errors, differences, a verdict; as a table, JSON or a picture."""

import textwrap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.comparison.differences import CONFIDENCE, Difference, paired_difference
from ladder_np.comparison.verdict import Findings, advice, verdict
from ladder_np.errors import InputError
from ladder_np.estimator.classifier import LadderClassifier
from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.files import write_bytes
from ladder_np.plots.comparison import Compared, draw_comparison
from ladder_np.plots.style import Figure, png

__all__ = ["Comparison"]

WIDTH = 80  # columns of the printed table
HEADER = f"{'method':<22}{'error, %':>13}{'minus ladder, points (95 %)':>34}{'seconds':>9}"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Errors of the ladder and of other methods on the same repeated splits; printed, a table and a verdict.

    Attributes
    ----------
    errors : dict of str to ndarray (repeats,)
        By method, the share of the test rows that got a wrong class in each repeat. "ladder" is first, then the same
        network without the unlabeled rows ("supervised only"); other settings of the ladder may have fewer repeats,
        the first ones.
    seconds : dict of str to ndarray (repeats,)
        By method, the time of training and test in each repeat.
    variants : dict of str to str
        By the name of each other setting of the ladder that was tried: what to set.
    labels, test_labels : dict
        By class, how many rows are labeled, and how many of these are left out for the test in each repeat.
    unlabeled_rows : int
    left_out : tuple of str
        Methods that were not compared because scikit-learn is not installed.
    model : LadderClassifier
        The ladder's settings, not fitted.
    random_state : int
    """

    errors: dict[str, np.ndarray]
    seconds: dict[str, np.ndarray]
    variants: dict[str, str]
    labels: dict[Any, int]
    test_labels: dict[Any, int]
    unlabeled_rows: int
    left_out: tuple[str, ...]
    model: LadderClassifier
    random_state: int

    @property
    def test_rows(self) -> int:
        """How many labeled rows are tested on in each repeat."""
        return sum(self.test_labels.values())

    @property
    def labeled_rows(self) -> int:
        """How many rows have a label."""
        return sum(self.labels.values())

    @cached_property
    def differences(self) -> dict[str, Difference]:
        """Each other method's error minus the ladder's on the same splits: positive where the ladder is better."""
        ladder, trained = self.errors[LADDER], self.labeled_rows - self.test_rows
        return {
            name: paired_difference(errors - ladder[: len(errors)], self.test_rows, trained)
            for name, errors in self.errors.items()
            if name != LADDER
        }

    @property
    def clearly_helped(self) -> bool:
        """Whether the interval of what the unlabeled rows took off the error is above zero."""
        return self.differences[BASELINE].low > 0

    @property
    def verdict(self) -> str:
        """What the numbers allow to say about the unlabeled rows."""
        return verdict(self._findings)

    @property
    def advice(self) -> str:
        """What to try next."""
        return advice(self._findings)

    @property
    def _findings(self) -> Findings:
        constant = max(self.test_labels, key=lambda label: self.test_labels[label])
        return Findings(
            errors={name: float(errors.mean()) for name, errors in self.errors.items()},
            seconds={name: float(seconds.mean()) for name, seconds in self.seconds.items()},
            differences=self.differences,
            variants=self.variants,
            labeled_rows=self.labeled_rows,
            constant_error=1 - self.test_labels[constant] / self.test_rows,
            constant_class=constant,
        )

    def __str__(self) -> str:
        """Return the table, the verdict and what to try next, as text of 80 columns."""
        table = [HEADER, *(self._line(name) for name in self.errors if name not in self.variants)]
        if self.variants:
            shared = len(self.errors[next(iter(self.variants))])
            table += [f"other settings of the ladder, on {shared} of the splits", *map(self._line, self.variants)]
        without = [f"without scikit-learn, which is not installed, so without {', '.join(self.left_out)}"]
        below = _wrapped(*(without if self.left_out else []), self.verdict, self.advice)
        return "\n".join([*_wrapped(self._about), *table, *below])

    __repr__ = __str__

    @property
    def _about(self) -> str:
        repeats = len(self.errors[LADDER])
        return (
            f"{repeats} repeats: {self.labeled_rows - self.test_rows} labeled rows to train on, {self.test_rows} to "
            f"test on; {self.unlabeled_rows} unlabeled rows, {len(self.labels)} classes"
        )

    def _line(self, name: str) -> str:
        errors, seconds = 100 * self.errors[name], self.seconds[name].mean()
        spread = f"{errors.mean():.1f} ± {errors.std(ddof=1):.1f}"
        return f"{name:<22}{spread:>13}{self._shown_difference(name):>34}{seconds:>9.2f}"

    def _shown_difference(self, name: str) -> str:
        if name not in self.differences:
            return ""
        difference = self.differences[name]
        mean, low, high = (f"{100 * value:+.1f}" for value in (difference.mean, difference.low, difference.high))
        return f"{mean} ({low} to {high})" if difference.known else f"{mean} (not known)"

    def as_json(self) -> dict[str, Any]:
        """Return all numbers as plain JSON values; None for an interval that is not known."""
        return {
            "verdict": self.verdict,
            "advice": self.advice,
            "labels": {str(label): count for label, count in self.labels.items()},
            "test_labels": {str(label): count for label, count in self.test_labels.items()},
            "unlabeled_rows": self.unlabeled_rows,
            "left_out": list(self.left_out),
            "model": repr(self.model),
            "random_state": self.random_state,
            "confidence": CONFIDENCE,
            "methods": {name: self._method_as_json(name) for name in self.errors},
        }

    def _method_as_json(self, name: str) -> dict[str, Any]:
        errors = self.errors[name]
        values: dict[str, Any] = {
            "errors": errors.tolist(),
            "mean": float(errors.mean()),
            "standard_deviation": float(errors.std(ddof=1)),
            "seconds": self.seconds[name].tolist(),
        }
        if name in self.variants:
            values["setting"] = self.variants[name]
        if name in self.differences:
            difference = self.differences[name]
            interval = [difference.low, difference.high] if difference.known else None
            values["minus_ladder"] = {"mean": difference.mean, "interval": interval}
        return values

    def plot(self, path: Path | str | None = None) -> Figure:
        """Draw errors and differences of every repeat, their means and intervals; needs matplotlib.

        Parameters
        ----------
        path : path-like, optional
            The .png to write.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            If matplotlib is missing, or the file cannot be written.
        """
        if path is not None and Path(path).suffix.lower() != ".png":
            raise InputError(f"picture {path}: expected a name that ends in .png")
        figure = draw_comparison([self._compared(name) for name in self.errors], [self.verdict, self.advice])
        if path is not None:
            write_bytes(path, png(figure))
        return figure

    def _compared(self, name: str) -> Compared:
        errors, difference = self.errors[name], self.differences.get(name)
        if difference is None:
            return Compared(name, errors)
        shown = f"{LADDER}, {name}" if name in self.variants else name
        minus = errors - self.errors[LADDER][: len(errors)]
        return Compared(shown, errors, minus, (difference.low, difference.high))


def _wrapped(*texts: str) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, WIDTH)]
