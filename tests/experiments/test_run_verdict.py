"""Whether unlabeled rows helped: what the numbers of errors allow to say."""

import pytest

from ladder_np.experiments.run_folder import ErrorRate
from ladder_np.experiments.verdict import did_not_help, verdict


def measured(baseline: int, ladder: int, rows: int) -> dict[str, ErrorRate]:
    return {"supervised only": ErrorRate(baseline, rows), "ladder": ErrorRate(ladder, rows)}


@pytest.mark.parametrize(
    ("baseline", "ladder", "said"),
    [
        (14, 5, "The unlabeled rows took 9.00 percentage points off the test error."),
        (5, 14, "The unlabeled rows did not help: the ladder's test error is 9.00 percentage points higher."),
        (5, 5, "Both make the same number of errors; the unlabeled rows changed nothing here."),
        (
            12,
            7,
            "The unlabeled rows took 5.00 percentage points off the test error. "
            "A difference of 5 in 100 test rows may be chance.",
        ),
    ],
)
def test_it_says_who_is_better_and_what_may_be_chance(baseline: int, ladder: int, said: str) -> None:
    assert verdict(measured(baseline, ladder, 100)) == said


@pytest.mark.parametrize("ladder", [0, 5, 9])
def test_too_few_test_rows_get_no_other_verdict(ladder: int) -> None:
    assert verdict(measured(5, ladder, 29)) == (
        "29 test rows are too few to tell: one row is 3.4 percentage points; ladder-np compare tests on many splits "
        "of the labeled rows."
    )
    assert not did_not_help(measured(5, ladder, 29))


def test_one_model_alone_has_no_verdict_but_too_few_rows() -> None:
    assert verdict({"ladder": ErrorRate(1, 40)}) == verdict({}) == ""
    assert verdict({"ladder": ErrorRate(1, 4)}).startswith("4 test rows are too few to tell")


@pytest.mark.parametrize(
    ("baseline", "ladder", "hopeless"), [(5, 5, True), (5, 6, True), (5, 4, False), (0, 0, False)]
)
def test_no_gain_is_noticed_where_one_was_possible(baseline: int, ladder: int, hopeless: bool) -> None:
    assert did_not_help(measured(baseline, ladder, 100)) is hopeless
