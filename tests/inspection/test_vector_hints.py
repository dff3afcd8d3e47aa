"""What a first difference means: each mistake of the table is planted in another ladder, and is named."""

import json

import numpy as np
import pytest
from planted_mistakes import DEVIATING, LAMBDAS, PLANTED, SETTINGS, SIZES, plant

from ladder_np.inspection.mistakes import all_mistakes
from ladder_np.inspection.vector_hints import GRADIENTS_ALONE, NOT_TRIED, NOTHING, explain_first, given_step
from ladder_np.inspection.vectors import compare_vectors, make_vectors
from ladder_np.network.specification import Specification

NETWORK = {"denoising_weights": LAMBDAS, "noise_std": 0.4, "batch_norm_eps": 0.01, "dtype": "float64"}
GRADIENTS = ("constant", "gradient")  # words in the names of mistakes whose values are right


def reference_of(**settings) -> dict[str, np.ndarray]:
    return make_vectors(Specification(SIZES, **{**NETWORK, **settings}), 6, 9, seed=0)


def hints(reference, candidate) -> list[str]:
    return explain_first(reference, candidate, compare_vectors(reference, candidate))


def named(lines: list[str]) -> list[str]:
    return [line.removeprefix("hint: ").rpartition("; this gives")[0] for line in lines if line.startswith("hint: ")]


def planted(says: str, reference) -> dict[str, np.ndarray]:
    changes, deviation = DEVIATING[says] if says in DEVIATING else (PLANTED[says], None)
    ladder, meta = plant(changes, deviation), json.loads(str(reference["meta"]))
    if any(word in says for word in GRADIENTS):
        return ladder.recompute(reference, meta)
    param, inputs = ladder.given(reference, meta)
    return ladder.step(param, meta, inputs)


@pytest.mark.parametrize("says", [*DEVIATING, *PLANTED])
def test_a_planted_mistake_is_named_and_explains_all_that_is_wrong(says: str) -> None:
    reference = reference_of(**SETTINGS.get(says, {}))
    lines = hints(reference, planted(says, reference))
    assert named(lines) == [says], lines
    count, of, wrong = lines[1].rpartition(" in ")[2].split()[:3]
    assert (of, count) == ("of", wrong)


def test_every_mistake_of_the_table_is_planted() -> None:
    table = set()
    for settings in ({}, *SETTINGS.values()):
        step = given_step(reference_of(**settings))
        table |= {mistake.says for mistake in all_mistakes(step)}
    assert table == {*DEVIATING, *PLANTED}


# ---- Where only a part is known, or the dtype is another one.

STD = "every batch norm divides by σ² (the variance) instead of σ = sqrt(var + ε), and so is ẑ"
STOPPED = "the clean z is a constant: no gradient flows through the target (detached)"
LAMBDA = "λ is applied twice"


@pytest.mark.parametrize(
    ("says", "prefix"), [(STD, "loss/"), (STD, "decoder/"), (STOPPED, "grad/"), (LAMBDA, "grad/")]
)
def test_a_part_of_the_keys_is_enough(says: str, prefix: str) -> None:
    reference = reference_of()
    changes, deviation = DEVIATING[says] if says in DEVIATING else (PLANTED[says], None)
    computed = plant(changes, deviation).recompute(reference, json.loads(str(reference["meta"])))
    candidate = {key: value for key, value in computed.items() if key.startswith(prefix)}
    assert says in named(hints(reference, candidate))


@pytest.mark.parametrize("says", [STD, "λ is forgotten: the denoising costs are added as they are", STOPPED])
def test_float32_is_enough(says: str) -> None:
    reference = reference_of(dtype="float32")
    exact = planted(says, {key: x.astype(float) if x.dtype == np.float32 else x for key, x in reference.items()})
    candidate = {key: np.asarray(value, np.float32) for key, value in exact.items()}
    assert named(hints(reference, candidate)) == [says]


def test_a_network_of_version_2_is_read_too() -> None:
    reference = reference_of(labeled_statistics="unlabeled")
    assert json.loads(str(reference["meta"]))["version"] == 2
    assert named(hints(reference, planted(LAMBDA, reference))) == [LAMBDA]


# ---- Layers with space.

SPATIAL = {
    **{"layers": "conv:3:3:full-max_pool:2-conv:4:2-mean_pool-3", "input_shape": (5, 4, 2), "activation": "tanh"},
    "denoising_weights": (3.0, 1.0, 0.5, 0.4, 0.3, 0.2),
}
CONV = "return sum(np.dot(h[:, i : i + height : stride, j : j + width : stride], W[i, j]) for i, j in places)"
TURNED = "{} is used turned by 180 degrees; here it is not, as in a cross-correlation"
TURNED_WEIGHTS = {
    "every convolution's weight": [(CONV, CONV.replace("W[i, j]", "W[-1 - i, -1 - j]"))],
    "encoder.3.weight": [
        (CONV, CONV.replace("W[i, j]", "(W[-1 - i, -1 - j] if W.shape[2:] == (3, 4) else W[i, j])"))
    ],
    "decoder.0.weight": [
        (CONV, CONV.replace("W[i, j]", "(W[-1 - i, -1 - j] if W.shape[2:] == (3, 2) else W[i, j])"))
    ],
}


def spatial_reference() -> dict[str, np.ndarray]:
    return make_vectors(Specification(**{**NETWORK, **SPATIAL}), 6, 9, seed=0)


@pytest.mark.parametrize("weight", TURNED_WEIGHTS)
def test_a_weight_that_is_turned_is_named(weight: str) -> None:
    reference = spatial_reference()
    meta = json.loads(str(reference["meta"]))
    ladder = plant(TURNED_WEIGHTS[weight])
    candidate = ladder.step(*ladder.given(reference, meta)[:1], meta, ladder.given(reference, meta)[1])
    lines = hints(reference, candidate)
    assert TURNED.format(weight) in named(lines), lines


@pytest.mark.parametrize(
    "says",
    [
        STD,
        LAMBDA,
        STOPPED,
        "ẑ is not normalized before it is compared",
        "a layer's denoising cost is half the mean",
        "λ is forgotten: the denoising costs are added as they are",
    ],
)
def test_mistakes_are_named_in_a_network_of_convolutions(says: str) -> None:
    reference = spatial_reference()
    assert named(hints(reference, planted(says, reference))) == [says]


def test_every_mistake_can_be_tried_in_a_network_of_convolutions() -> None:
    step = given_step(spatial_reference())
    for mistake in all_mistakes(step):
        assert mistake.makes().arrays(gradients=False), mistake.says


# ---- Where nothing is known, and what is given.


def test_a_difference_without_a_known_mistake_has_its_equation_and_no_guess() -> None:
    reference = reference_of()
    candidate = {"decoder/z_hat_bn.2": 1.3 * reference["decoder/z_hat_bn.2"] + 0.1}
    first, *others = hints(reference, candidate)
    assert first.startswith("first wrong: decoder/z_hat_bn.2: ẑ²_BN = (ẑ² − μ²)/σ², in operations/normalization.py:")
    assert first.endswith("standardize_forward")
    assert others == [NOTHING]


def test_gradients_alone_could_tell_more_with_values() -> None:
    reference = reference_of()
    key = "grad/encoder.1.weight"
    assert hints(reference, {key: 1.3 * reference[key] + 0.1})[1:] == [NOTHING, GRADIENTS_ALONE]


def test_two_mistakes_are_not_taken_for_one() -> None:
    reference = reference_of()
    twice = plant(PLANTED[LAMBDA] + PLANTED["a layer's denoising cost is half the mean"])
    meta = json.loads(str(reference["meta"]))
    param, inputs = twice.given(reference, meta)
    assert named(hints(reference, {"loss/total": np.asarray(twice.step(param, meta, inputs)["loss/total"])})) == []


def test_where_nothing_is_wrong_nothing_is_said() -> None:
    reference = reference_of()
    assert hints(reference, reference) == []


def test_a_near_miss_is_no_match() -> None:
    """A candidate that is a little off a right value is not explained by a mistake that hardly changes it."""
    reference = reference_of(batch_norm_eps=1.1e-5)
    candidate = {"clean/std.1": reference["clean/std.1"] - 5.3e-7}
    assert named(hints(reference, candidate)) == []


TRANSPOSED = "it is the reference's array transposed"


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("param/encoder.3.weight", lambda x, n: x.T, TRANSPOSED),
        ("param/encoder.2.weight", lambda x, n: x.T, TRANSPOSED),
        ("grad/encoder.3.weight", lambda x, n: x.T, TRANSPOSED),
        ("grad/decoder.1.weight", lambda x, n: x.T, TRANSPOSED),
        ("noise/2", lambda x, n: np.concatenate([x[n:], x[:n]]), "unlabeled rows first"),
        ("corrupted/h.3", lambda x, n: np.concatenate([x[n:], x[:n]]), "unlabeled rows first"),
        ("noise/1", lambda x, n: 0.4 * x, "multiplied by noise_std"),
        ("input/y", lambda x, n: x + 1, "count from 1"),
        ("clean/z.2", lambda x, n: x[:-1], "shape (8, 4) instead of (9, 4)"),
    ],
)
def test_the_right_values_in_another_arrangement_are_recognized(key: str, change, said: str) -> None:
    reference = reference_of()
    lines = hints(reference, {key: change(reference[key], 6)})
    assert len(lines) == 2
    assert lines[1].startswith("hint: ")
    assert said in lines[1]


def test_what_is_given_is_to_be_taken_as_it_is() -> None:
    reference = reference_of()
    assert hints(reference, {"noise/1": reference["noise/1"] + 1}) == [
        "first wrong: noise/1, which is given, not computed: take it from the reference as it is"
    ]


@pytest.mark.parametrize("lost", ["param/encoder.1.beta", "input/x_unlabeled", "noise/2", "input/y"])
def test_a_reference_that_lacks_what_a_step_needs_tries_nothing(lost: str) -> None:
    reference = {key: value for key, value in reference_of().items() if key != lost}
    assert hints(reference, {"clean/z.1": reference["clean/z.1"] + 1}) == ["first wrong: clean/z.1", NOT_TRIED]


@pytest.mark.parametrize(
    "meta",
    [
        {"version": 1},
        {"version": 1, "sizes": [10**6, 10**6, 3]},
        {"version": 1, "sizes": "abc"},
        {"version": 2, "sizes": [4, 4, 4, 3], "activation": ["relu", 1, []]},
        {"version": 1, "sizes": [4, 4, 4, 3], "noise_std": [{}]},
        {"version": 1, "sizes": [4, 4, 4, 3], "activation": {"a": 1}},
    ],
)
def test_a_reference_with_a_damaged_description_tries_nothing(meta: dict) -> None:
    reference = reference_of() | {"meta": np.array(json.dumps(meta))}
    assert hints(reference, {"clean/z.1": reference["clean/z.1"] + 1})[-1] == NOT_TRIED


def test_a_reference_that_was_computed_otherwise_tries_nothing() -> None:
    reference = reference_of()
    reference["clean/z.1"] = reference["clean/z.1"] * 2
    assert hints(reference, {"clean/z.1": reference["clean/z.1"] * 2})[1:] == [NOT_TRIED]
