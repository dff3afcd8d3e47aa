"""The examples in docstrings run."""

import doctest
from types import ModuleType

import pytest

import ladder_np.estimator.classifier
import ladder_np.network.model


@pytest.mark.parametrize(("module", "lines"), [(ladder_np.network.model, 6), (ladder_np.estimator.classifier, 6)])
def test_the_example_of_a_class_runs(module: ModuleType, lines: int) -> None:
    result = doctest.testmod(module)
    assert result.attempted >= lines
    assert result.failed == 0
