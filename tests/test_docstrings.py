"""The examples in docstrings run."""

import doctest

import ladder_np.network.model


def test_the_network_s_example_runs() -> None:
    result = doctest.testmod(ladder_np.network.model)
    assert result.attempted >= 6
    assert result.failed == 0
