"""The profile's stages: nothing counted twice, nothing lost, no name that has gone."""

import pytest

from benchmarks import profile_step
from ladder_np.operations import dense

DENSE, OTHER = (dense.__file__, 17, "dense_forward"), ("elsewhere.py", 1, "run")
SUM = ("~", 0, "<method 'sum'>")


def test_time_goes_to_the_stage_that_called_for_it() -> None:
    functions = {
        OTHER: (1, 1, 1.0, 10.0, {}),
        DENSE: (1, 1, 4.0, 7.0, {OTHER: (1, 1, 4.0, 7.0)}),
        SUM: (2, 2, 4.0, 4.0, {DENSE: (1, 1, 3.0, 3.0), OTHER: (1, 1, 1.0, 1.0)}),
    }
    seconds = profile_step.stage_seconds(functions, 12.0)
    assert seconds["matrix products"] == pytest.approx(4 + 3)
    assert seconds[profile_step.REST] == pytest.approx(1 + 1 + 3)  # three passed unseen
    assert sum(seconds.values()) == pytest.approx(12)


def test_functions_that_call_each_other_end() -> None:
    a, b = ("a.py", 1, "a"), ("b.py", 1, "b")
    functions = {a: (1, 1, 1.0, 2.0, {b: (1, 1, 1.0, 2.0)}), b: (1, 1, 1.0, 2.0, {a: (1, 1, 1.0, 2.0)})}
    assert profile_step.stage_seconds(functions, 2.0)[profile_step.REST] == pytest.approx(2)


@pytest.mark.parametrize("name", ["ladder_np.gone", "ladder_np.operations.dense:gone"])
def test_a_name_that_has_gone_is_an_error(name) -> None:
    with pytest.raises(LookupError, match=f"the table of stages names {name}, which does not exist"):
        profile_step.stages_of({}, {"stage": (name,)})


def test_a_real_profile_knows_every_stage(monkeypatch) -> None:
    monkeypatch.setattr(profile_step, "SIZES", (12, 8, 3))
    plain, stats, seconds = profile_step.profile(1)
    assert len(plain) == 1
    by_stage = profile_step.stage_seconds(stats.stats, seconds)
    assert min(by_stage.values()) > 0
    assert sum(by_stage.values()) == pytest.approx(seconds)
