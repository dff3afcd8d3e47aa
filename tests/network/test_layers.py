import pytest

from ladder_np.inspection.example import example_step
from ladder_np.network.ladder import State, forward
from ladder_np.network.layers import Lanes, resolve
from ladder_np.network.specification import Specification


def run(*weights: float) -> State:
    specification = Specification((4, 5, 6, 3), denoising_weights=weights, dtype="float64")
    return forward(*example_step(specification, 6, 8, seed=0))


@pytest.mark.parametrize(
    ("weights", "rows"),
    [
        ((0, 0, 0, 0), [6, 6, 6]),  # the baseline: the labeled lane alone
        ((1, 0, 0, 0), [14, 14, 14]),  # the input's target needs no clean lane
        ((0, 0, 0, 1), [22, 22, 22]),
        ((1, 1, 0, 0), [22, 14, 14]),  # the clean lane ends where nobody above needs it
        ((0, 0, 1, 0), [22, 22, 14]),
    ],
)
def test_lanes_nobody_needs_are_not_run(weights: tuple, rows: list[int]) -> None:
    state = run(*weights)
    assert [len(encoded.z) for encoded in state.encoded[1:]] == rows


@pytest.mark.parametrize(
    ("weights", "decoded"),
    [((0, 0, 0, 0), []), ((0, 0, 0, 1), [3]), ((0, 0, 1, 0), [3, 2]), ((1, 0, 0, 0), [3, 2, 1, 0])],
)
def test_the_decoder_stops_at_the_lowest_denoised_layer(weights: tuple, decoded: list[int]) -> None:
    assert list(run(*weights).decoded) == decoded


def test_costs_nobody_asked_for_are_not_a_number_rather_than_zero() -> None:
    denoising = run(0, 2, 0, 0).losses.denoising
    assert [str(float(cost)) == "nan" for cost in denoising] == [True, False, True, True]


def test_every_layer_runs_when_a_complete_step_is_wanted() -> None:
    specification = Specification((4, 5, 3), denoising_weights=0)
    lanes = Lanes.needed(specification, 6, 8, every_layer=True)
    rows = lanes.rows(resolve(specification)[2])
    assert (lanes.lowest, lanes.clean_top, rows.total) == (0, 2, 22)
