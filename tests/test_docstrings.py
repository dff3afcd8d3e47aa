"""The examples in docstrings run."""

import doctest
from types import ModuleType

import pytest

import ladder_np.estimator.classifier
import ladder_np.inspection.function_check
import ladder_np.network.model

EXAMPLES = [
    (ladder_np.network.model, 6),
    (ladder_np.estimator.classifier, 6),
    (ladder_np.inspection.function_check, 3),
]


@pytest.mark.parametrize(("module", "lines"), EXAMPLES)
def test_a_module_s_examples_run(module: ModuleType, lines: int) -> None:
    result = doctest.testmod(module)
    assert result.attempted >= lines
    assert result.failed == 0
