"""What the numbers allow to say, and what to try next: each row of both tables, and the number of labels needed."""

import math

import numpy as np
import pytest

from ladder_np.comparison.differences import Difference
from ladder_np.comparison.verdict import Findings, advice, verdict

VARIANTS = {"λ / 10": "denoising weights 1,0.1", "own statistics": "labeled statistics own"}


def difference(mean, deviation=0.1, repeats=20, test_share=8 / 22):
    return Difference(mean, deviation, test_share, repeats)


def findings(help, labeled_rows=30, errors=(0.1, 0.1), constant_error=0.6, variants=(), **others):
    return Findings(
        errors=dict(zip(("ladder", "supervised only"), errors, strict=True)),
        seconds={"ladder": 2.5, "supervised only": 0.7},
        differences={"supervised only": help, **{name.replace("_", " "): found for name, found in others.items()}},
        variants={name: VARIANTS[name] for name in variants},
        labeled_rows=labeled_rows,
        constant_error=constant_error,
        constant_class="rose",
    )


HELPED, HARMED, SAME = difference(0.041, 0.02), difference(-0.041, 0.02), difference(0.002, 0.01)
UNDECIDED, EQUAL = difference(0.012, 0.1), difference(0.0, math.nan)
NOT_RELATED = difference(0.01, 0.1)


@pytest.mark.parametrize(
    ("help", "said"),
    [
        (
            HELPED,
            "The unlabeled rows took 4.1 percentage points off the error (95 % interval 1.4 to 6.8).",
        ),
        (
            HARMED,
            "The unlabeled rows added 4.1 percentage points to the error (95 % interval 1.4 to 6.8).",
        ),
        (
            SAME,
            "The unlabeled rows make little difference: the ladder's error is 0.2 points lower with them (95 % "
            "interval of the gain -1.1 to 1.5).",
        ),
        (
            UNDECIDED,
            "30 labeled rows are too few to tell whether the unlabeled rows helped: the ladder's error is 1.2 points "
            "lower with them (95 % interval of the gain -12.3 to 14.7).",
        ),
        (
            difference(-0.012),
            "30 labeled rows are too few to tell whether the unlabeled rows helped: the ladder's error is 1.2 points "
            "higher with them (95 % interval of the gain -14.7 to 12.3).",
        ),
        (
            difference(0.0),
            "30 labeled rows are too few to tell whether the unlabeled rows helped: the ladder's error is the same "
            "with them (95 % interval of the gain -13.5 to 13.5).",
        ),
        (
            EQUAL,
            "The ladder's error is that of the same network without unlabeled rows in each repeat, so the spread of "
            "the difference, and whether the unlabeled rows helped, is not known.",
        ),
        (
            difference(0.25, math.nan),
            "The ladder's error is 25.0 points below that without unlabeled rows in each repeat, so the spread of "
            "the difference, and whether the unlabeled rows helped, is not known.",
        ),
    ],
)
def test_the_verdict_says_what_the_interval_allows(help, said):
    assert verdict(findings(help)) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (findings(HELPED, errors=(0.7, 0.74)), "No method is better than answering rose for every row: "),
        (
            findings(UNDECIDED, variants=VARIANTS, own_statistics=difference(-0.05, 0.02)),
            "Try the ladder with labeled statistics own: its error is 5.0 points lower (95 % interval 2.3 to 7.7).",
        ),
        (findings(HARMED), "Leave the unlabeled rows out (denoising weights 0)."),
        (
            findings(HARMED, variants=VARIANTS),
            "Leave the unlabeled rows out (denoising weights 0). Of the other settings that were tried (λ / 10, own "
            "statistics) none was clearly better.",
        ),
        (
            findings(HELPED, label_spreading=difference(-0.05, 0.02), self_training=difference(-0.04, 0.02)),
            "Of these methods use label spreading: its error is 5.0 points lower (95 % interval 2.3 to 7.7) than the "
            "ladder's.",
        ),
        (
            findings(HELPED, label_spreading=UNDECIDED),
            "Train the ladder with these settings on all 30 labeled rows and the unlabeled ones.",
        ),
        (findings(EQUAL, errors=(0.0, 0.0)), "No test row got a wrong class, so there is nothing left to gain"),
        (findings(EQUAL), "Label more rows, or use more repeats"),
        (
            findings(SAME),
            "The network without them is as good, and its training takes 0.7 s instead of 2.5 s.",
        ),
        (findings(difference(0.15, 0.1, repeats=3)), "3 repeats say little about their spread: use 20."),
        (
            findings(difference(0.04, 0.08, repeats=12, test_share=0.01)),
            "By the observed spread more repeats would tell",
        ),
        (
            findings(difference(0.1, 0.1)),
            "By the observed spread it takes about 55 labeled rows to tell a difference of 10.0 points: label 25 "
            "more.",
        ),
        (
            findings(UNDECIDED, variants=VARIANTS),
            "By the observed spread it takes about 3,800 labeled rows to tell a difference of 1.2 points: label "
            "3,770 more. Of the other settings that were tried (λ / 10, own statistics) none was clearly better.",
        ),
    ],
)
def test_the_advice_is_that_of_the_first_condition_that_holds(found, said):
    assert advice(found).startswith(said)


def test_the_number_of_labels_is_that_at_which_the_interval_would_end_at_zero():
    found = findings(difference(0.1, 0.1))
    half = found.help.half_width(20)
    assert found.rows_needed == pytest.approx(30 * (half / 0.1) ** 2, rel=0.1)
    assert half * math.sqrt(30 / found.rows_needed) <= 0.1


def test_the_labels_that_are_advised_are_never_fewer_than_there_are() -> None:
    for mean in np.linspace(-0.03, 0.03, 25):
        for deviation in (0.005, 0.01, 0.02, 0.05):
            found = findings(difference(float(mean), deviation))
            assert found.rows_needed > found.labeled_rows
