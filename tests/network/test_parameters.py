import numpy as np

from ladder_np.network.parameters import Parameters, initial_parameters, parameter_shapes, random_parameters
from ladder_np.network.specification import Specification

SPECIFICATION = Specification((4, 5, 3), dtype="float64")


def test_names_and_shapes_are_those_of_the_vector_format() -> None:
    expected = {
        "encoder.1.weight": (4, 5),
        "encoder.1.beta": (5,),
        "encoder.2.weight": (5, 3),
        "encoder.2.beta": (3,),
        "encoder.2.gamma": (3,),
        **{f"combinator.2.a{k}": (3,) for k in range(1, 11)},
        "decoder.1.weight": (3, 5),
        **{f"combinator.1.a{k}": (5,) for k in range(1, 11)},
        "decoder.0.weight": (5, 4),
        **{f"combinator.0.a{k}": (4,) for k in range(1, 11)},
    }
    assert parameter_shapes(SPECIFICATION) == expected


def test_views_share_one_vector_without_gap_or_overlap() -> None:
    parameters = Parameters(SPECIFICATION)
    for value, name in enumerate(parameters, start=1):
        parameters[name][...] = value
    counts = {value: parameters[name].size for value, name in enumerate(parameters, start=1)}
    found = dict(zip(*np.unique(parameters.vector, return_counts=True), strict=True))
    assert found == counts
    parameters.vector[...] = 7
    assert all((view == 7).all() for view in parameters.values())


def test_initial_weights_have_variance_one_over_fan_in() -> None:
    parameters = initial_parameters(Specification((400, 300, 200)), np.random.default_rng(0))
    assert abs(parameters["encoder.1.weight"].std() * np.sqrt(400) - 1) < 0.02
    assert abs(parameters["decoder.0.weight"].std() * np.sqrt(300) - 1) < 0.02
    assert (parameters["encoder.2.gamma"] == 1).all()
    assert not parameters["encoder.1.beta"].any()
    assert (parameters["combinator.1.a2"] == 1).all()
    assert not parameters["combinator.1.a5"].any()


def test_random_parameters_leave_nothing_at_its_start() -> None:
    start = initial_parameters(SPECIFICATION, np.random.default_rng(0))
    random = random_parameters(SPECIFICATION, np.random.default_rng(0))
    for name in start:
        if not name.endswith("weight"):
            assert (start[name] != random[name]).all()
