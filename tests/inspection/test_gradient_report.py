"""The report of a gradient check: its table, its verdict, and what the two say together."""

import numpy as np
import pytest

from ladder_np import check_gradients
from ladder_np.inspection.directions import Check
from ladder_np.inspection.report import COLUMNS, GradientReport

RIGHT = Check("W", (4, 3), 1.5, 1e-10, 2e-10, directions=13, resolved=True)
ZERO = Check("b", (3,), 0.0, 0.0, 0.0, directions=4)
WRONG = Check("a.very.long.name.of.a.parameter", (), 2.0, 1.0, 0.5, directions=2, passed=False, hint="perhaps")
PLACED = Check("V", (2, 2), 2.0, 1.0, 0.5, directions=5, passed=False, where=(1, 0), hint="perhaps")
UNCHECKED = Check("c", (1,), 2.0, directions=0, unchecked=3, passed=False, hint="a kink")


def test_the_table_has_a_line_per_tensor_followed_by_its_hint() -> None:
    lines = str(GradientReport([RIGHT, ZERO, WRONG, PLACED, UNCHECKED], 1e-6)).splitlines()
    assert lines[0].split() == ["parameter", "shape", "|gradient|", "absolute", "relative", "checked", "verdict"]
    assert lines[1].split() == ["W", "4x3", "1.500e+00", "1.0e-10", "2.0e-10", "13", "ok"]
    assert lines[2].endswith("  4  ok as far as rounding shows")
    assert lines[3].split()[:2] == ["a.very.long.name.of.a.parameter", "scalar"]
    assert lines[3].endswith("  2  WRONG")
    assert lines[4] == "    perhaps"
    assert lines[5].endswith("  5  WRONG, most at [1, 0]")
    assert lines[6] == "    as above"
    assert lines[7].endswith("  0  3 cross a kink")
    assert lines[8] == "    a kink"
    assert lines[9] == (
        "gradient check FAILED for 3 of 5 parameters; worst relative difference 5.0e-01, tolerance 1e-06"
    )
    assert len({line.rindex("  ", 0, len(lines[0]) - 7) for line in lines[:3]}) == 1  # columns stand below each other


def test_long_hints_are_wrapped() -> None:
    check = Check("W", (2,), 1.0, 1.0, 1.0, passed=False, hint="word " * 60)
    assert max(map(len, str(GradientReport([check], 1e-6)).splitlines())) <= 118


def test_it_is_true_where_everything_passed() -> None:
    good, bad = GradientReport([RIGHT, ZERO], 1e-6), GradientReport([RIGHT, WRONG], 1e-6)
    assert good
    assert good.passed
    assert not bad
    assert not bad.passed
    assert list(bad) == [RIGHT, WRONG]


def test_raise_if_failed_shows_the_table() -> None:
    x = np.array([1.0, 2.0])
    check_gradients(lambda p: (p["x"] ** 2).sum(), {"x": x}, {"x": 2 * x}).raise_if_failed()
    with pytest.raises(AssertionError, match="half the numerical gradient"):
        check_gradients(lambda p: (p["x"] ** 2).sum(), {"x": x}, {"x": x}).raise_if_failed()


def last_line(*checks: Check) -> str:
    return str(GradientReport(checks, 1e-6)).splitlines()[-1]


def test_the_last_line_says_why_a_check_without_a_wrong_difference_failed() -> None:
    """A worst difference below the tolerance is no reason for FAILED."""
    agreed = Check("v", (4,), 2.0, 3e-8, 3e-8, directions=3, unchecked=4, passed=False, hint="a kink", resolved=True)
    assert last_line(RIGHT, agreed) == (
        "gradient check FAILED for 1 of 2 parameters: 4 of 20 directions not compared; the others agree "
        "(3.0e-08, tolerance 1e-06)"
    )
    assert last_line(UNCHECKED) == "gradient check FAILED for 1 of 1 parameters: 3 of 3 directions not compared"


def test_directions_that_leave_the_domain_are_called_so() -> None:
    outside = Check("c", (1,), 2.0, unchecked=3, passed=False, obstacle="leave its domain")
    assert str(GradientReport([outside], 1e-6)).splitlines()[1].endswith("  0  3 leave its domain")


def test_every_column_is_explained() -> None:
    head = str(GradientReport([RIGHT], 1e-6)).splitlines()[0].split()
    assert [name for names in COLUMNS for name in names.split(", ")] == head
