"""`check_gradients` for any function: accepted and refused arguments, kinks, devices."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import strict_cupy
from own_network import ROWS, backward, cost, forward, gradients, parameters, target

from ladder_np import InputError, LadderNetwork, check_gradients
from ladder_np.inspection.report import GradientReport

P, T = parameters(), target()


def mean_square(p: dict) -> float:
    return cost(p, T)


# ---- Accepted arguments.


@pytest.mark.parametrize("seed", range(20))
def test_right_gradients_pass_with_any_seed(seed: int) -> None:
    p, t = parameters(seed), target(seed)
    for report in (
        check_gradients(lambda p: cost(p, t), p, gradients(p, t), seed=seed),
        check_gradients(lambda p: forward(p)[0], p, backward, seed=seed),
    ):
        assert report.passed, report
        assert [row.name for row in report] == list(p)
        assert not any(row.hint or row.where or row.unchecked for row in report)


def test_every_coordinate_of_small_tensors_and_several_directions_of_all_are_checked() -> None:
    report = check_gradients(mean_square, P, gradients(P, T))
    assert {row.name: row.directions - row.shape[0] * int(np.prod(row.shape[1:])) for row in report} == {
        **dict.fromkeys(P, 3),
        "x": 3 - 68,  # more than 64 entries
    }


def test_the_upstream_gradient_of_an_array_is_random_never_ones() -> None:
    seen = []

    def batch_norm(p: dict) -> np.ndarray:
        return (p["x"] - p["x"].mean(axis=0)) / p["x"].std(axis=0)

    def wrong(p: dict, upstream: np.ndarray) -> dict:
        seen.append(upstream)
        return {"x": (upstream - upstream.mean(axis=0)) / p["x"].std(axis=0)}  # right for a plain sum, which is 0

    report = check_gradients(batch_norm, {"x": P["x"]}, wrong)
    assert not report.passed
    assert seen[0].shape == (ROWS, 4)
    assert np.ptp(seen[0]) > 1
    assert check_gradients(lambda p: batch_norm(p).sum(), {"x": P["x"]}, {"x": 0 * P["x"]}).passed


@pytest.mark.parametrize(
    ("x", "gradient"),
    [
        (np.array(3.0), np.array(6.0)),
        (np.float64(3.0), 6),
        (np.full((2, 3, 1, 2), 1.5), np.full((2, 3, 1, 2), 3)),
        (np.full((3, 4), 2.0).T, [[4.0] * 3] * 4),
        (np.full(70, 1e6), np.full(70, 2e6)),
        (np.full(70, 1e-6), np.full(70, 2e-6)),
    ],
)
def test_parameters_have_any_shape_layout_and_size(x: np.ndarray, gradient: Any) -> None:
    report = check_gradients(lambda p: (p["x"] ** 2).sum(), {"x": x}, {"x": gradient})
    assert report.passed, report


def test_read_only_parameters_are_copied_and_left_alone() -> None:
    x = np.linspace(1, 2, 5)
    x.flags.writeable = False
    assert check_gradients(lambda p: np.log(p["x"]).sum(), {"x": x}, {"x": 1 / x}).passed
    np.testing.assert_array_equal(x, np.linspace(1, 2, 5))


def test_a_gradient_may_reuse_its_memory() -> None:
    """Points nearby, to which the kink at 0 leads, must not change what the first point's gradient was."""
    buffer = np.empty(4)

    def twice(p: dict) -> dict:
        np.multiply(2, 2 * p["x"] + (p["x"] > 0), out=buffer)
        return {"x": buffer}

    (row,) = check_gradients(lambda p: (p["x"] ** 2 + np.maximum(p["x"], 0)).sum(), {"x": ON_KINK}, twice)
    assert row.hint.startswith("twice the numerical gradient")


def test_the_same_seed_gives_the_same_report() -> None:
    first, again, other = (check_gradients(mean_square, P, gradients(P, T), seed=seed) for seed in (4, 4, 5))
    assert str(first) == str(again) != str(other)


def test_a_ladder_of_this_package_can_be_checked_like_any_function() -> None:
    net = LadderNetwork(sizes=(4, 5, 3), denoising_weights=1.0, dtype="float64", seed=0)
    rng = np.random.default_rng(0)
    given = {name: x + 0.3 * rng.standard_normal(x.shape) for name, x in net.parameters.items()}
    x_labeled, x_unlabeled = rng.standard_normal((6, 4)), rng.standard_normal((7, 4))
    noise = [rng.standard_normal((13, size)) for size in (4, 5, 3)]

    def step(p: dict) -> tuple:
        for name, x in p.items():
            net.parameters[name][...] = x
        return net.loss_and_gradients(x_labeled, [0, 1, 2, 0, 1, 2], x_unlabeled, noise)

    report = check_gradients(lambda p: step(p)[0].total, given, lambda p: step(p)[1])
    report.raise_if_failed()


# ---- Kinks, jumps and rounding, with and without masks.

ON_KINK = np.array([1.0, -1.0, 0.0, 2.0])


def relu(p: dict) -> float:
    return np.maximum(p["x"], 0).sum()


def relu_gradient(p: dict) -> dict:
    return {"x": (p["x"] > 0) * 1.0}


@pytest.mark.parametrize("kinks", [None, lambda p: p["x"], lambda p: [p["x"] > 0], lambda p: {"h": p["x"]}])
def test_on_a_kink_a_gradient_at_hand_is_tried_nearby(kinks: Callable | None) -> None:
    report = check_gradients(relu, {"x": ON_KINK}, relu_gradient, kinks=kinks)
    assert report.passed, report


@pytest.mark.parametrize("kinks", [None, lambda p: (p["x"], p["x"] > 1e9)])
def test_on_a_kink_a_gradient_at_one_point_remains_unchecked(kinks: Callable | None) -> None:
    calls = []

    def function(p: dict) -> float:
        calls.append(1)
        return relu(p)

    (row,) = check_gradients(function, {"x": ON_KINK}, relu_gradient({"x": ON_KINK}), kinks=kinks)
    assert len(calls) < 200
    assert not row.passed
    assert (row.unchecked, row.directions) == (4, 3)  # the random directions and the third coordinate
    assert row.relative < 1e-9
    assert row.hint.startswith("a kink lies exactly at the point, at [2]:")


def test_with_masks_no_direction_passes_across_a_kink_by_chance() -> None:
    """On its kink |x| has the difference 0, which is no gradient of it."""
    x = {"x": np.zeros(1)}
    assert check_gradients(lambda p: np.abs(p["x"]).sum(), x, {"x": np.zeros(1)}).passed
    (row,) = check_gradients(lambda p: np.abs(p["x"]).sum(), x, {"x": np.zeros(1)}, kinks=lambda p: p["x"])
    assert (row.passed, row.directions, row.unchecked) == (False, 0, 3)


@pytest.mark.parametrize("distance", [1e-6, -1e-6, 3e-6, 5e-6, -9e-6])
def test_beside_a_kink_smaller_steps_decide(distance: float) -> None:
    x = ON_KINK + distance
    assert check_gradients(relu, {"x": x}, relu_gradient({"x": x})).passed
    assert check_gradients(relu, {"x": x}, relu_gradient({"x": x}), kinks=lambda p: p["x"]).passed
    report = check_gradients(relu, {"x": x}, {"x": 2 * relu_gradient({"x": x})["x"]})
    assert "twice the numerical gradient" in next(iter(report)).hint


def test_a_jump_is_not_reported_as_a_wrong_gradient() -> None:
    x = np.array([0.3, 1 - 2e-6, 2.2])
    assert check_gradients(lambda p: (p["x"] + np.floor(p["x"])).sum(), {"x": x}, {"x": np.ones(3)}).passed


def test_zero_gradients_pass_but_the_table_says_so() -> None:
    report = check_gradients(mean_square, P, gradients(P, T))
    assert [row.name for row in report if not row.resolved] == ["b1"]
    assert str(report).count("ok as far as rounding shows") == 1
    report = check_gradients(lambda p: (p["x"] ** 2).sum(), {"x": np.zeros(3)}, {"x": np.zeros(3)})
    assert report.passed
    assert not next(iter(report)).resolved


# ---- Arrays of a device.


@pytest.mark.parametrize("kinks", [False, True])
@pytest.mark.parametrize(("fault", "words"), [(None, ""), (2, "twice"), ("transposed", "transposed")])
def test_on_a_device_it_finds_what_it_finds_with_numpy(kinks: bool, fault: object, words: str) -> None:
    x, W, b = (np.random.default_rng(0).standard_normal(shape) for shape in ((7, 4), (4, 4), (4,)))

    def find(xp: Any) -> list[GradientReport]:
        put = xp.asarray

        def function(p: dict) -> Any:
            return xp.maximum(xp.tanh(put(x) @ p["W"] + p["b"]), 0)

        def backward(p: dict, upstream: Any) -> dict:
            h = function(p)
            db = upstream * (h > 0) * (1 - h * h)
            dW = put(x).T @ db
            return {"W": dW.T if fault == "transposed" else dW * (fault or 1), "b": db.sum(axis=0)}

        arrays, upstream = {"W": put(W), "b": put(b)}, put(np.ones((7, 4)))
        options = {"kinks": lambda p: put(x) @ p["W"] + p["b"]} if kinks else {}
        return [
            check_gradients(function, arrays, backward, **options),
            check_gradients(lambda p: function(p).sum(), arrays, backward(arrays, upstream), **options),
        ]

    for there, here in zip(find(strict_cupy), find(np), strict=True):
        assert str(there) == str(here)
        assert there.passed == (fault is None)
        assert words in next(iter(there)).hint


# ---- Other frameworks' gradients.

JAX = """
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
from ladder_np import check_gradients
rng = np.random.default_rng(0)
p = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
x = rng.normal(size=(6, 4))
f = lambda p: (jax.numpy.tanh(x @ p["W"] + p["b"]) ** 2).mean()
check_gradients(f, p, jax.grad(f)).raise_if_failed()
g = lambda p: jax.numpy.tanh(x @ p["W"] + p["b"])
check_gradients(g, p, lambda p, upstream: jax.vjp(g, p)[1](upstream)[0]).raise_if_failed()
"""
TORCH = """
import torch, numpy as np
from ladder_np import check_gradients
rng = np.random.default_rng(0)
p = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
x = torch.from_numpy(rng.normal(size=(6, 4)))
def f(p):
    return (torch.tanh(x @ p["W"] + p["b"]) ** 2).mean()
def tensors(p, grad):
    return {name: torch.tensor(value, requires_grad=grad) for name, value in p.items()}
def gradients(p):
    leaves = tensors(p, True)
    f(leaves).backward()
    return {name: leaf.grad for name, leaf in leaves.items()}
check_gradients(lambda p: f(tensors(p, False)), p, gradients).raise_if_failed()
check_gradients(lambda p: f(tensors(p, False)), p, gradients(p)).raise_if_failed()
"""


@pytest.mark.parametrize(("package", "code"), [("jax", JAX), ("torch", TORCH)])
def test_values_and_gradients_of_jax_and_torch_are_accepted(package: str, code: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (extra {package})")
    # In a process of its own: JAX complains about every fork of the one it was loaded into.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---- Refused arguments.


def change_in_place(p: dict) -> float:
    p["W1"] *= 2
    return mean_square(p)


G = gradients(P, T)
NOISE = np.random.default_rng(0)
REFUSED = {
    "no function": ((3, P, G), "function of type int; expected a callable"),
    "no dict": ((mean_square, [P["x"]], G), "parameters: expected a dict of at least one named float64 array"),
    "nothing": ((lambda p: 1.0, {}, {}), "at least one named"),
    "float32": ((mean_square, {**P, "W1": P["W1"].astype("f4")}, G), "parameter 'W1' holds float32; .* float64"),
    "whole numbers": ((mean_square, {**P, "W1": np.ones((4, 6), int)}, G), "parameter 'W1' holds int64"),
    "a number for a name": ((mean_square, {0: P["x"]}, {0: G["x"]}), "parameter name 0: expected a text"),
    "a list": ((mean_square, {**P, "b2": [1.0] * 6}, G), "parameter 'b2' is of type list; expected a NumPy or CuPy"),
    "no entries": ((mean_square, {**P, "b2": np.ones(0)}, G), r"parameter 'b2' is empty, shape \(0,\)"),
    "NaN in a parameter": (
        (mean_square, {**P, "b2": np.full(6, np.nan)}, G),
        "parameter 'b2' holds NaN or infinite values",
    ),
    "no gradients": ((mean_square, P, None), "gradients of type NoneType; expected a dict"),
    "a missing gradient": ((mean_square, P, {"x": G["x"]}), "gradients named x for parameters named x, W1.*the same"),
    "one too many": ((mean_square, P, {**G, "c": 1.0}), "gradients named .*b2, c for"),
    "None for a gradient": ((mean_square, P, {**G, "x": None}), "the gradient of 'x' holds object"),
    "a float32 gradient": ((mean_square, P, {**G, "x": np.float32(G["x"])}), "the gradient of 'x' holds float32"),
    "an array with a dict": (
        (lambda p: forward(p)[0], P, G),
        r"array of shape \(17, 6\): give gradients\(parameters, up",
    ),
    "an array with one argument": (
        (lambda p: forward(p)[0], P, lambda p: G),
        r"gradients\(p\): expected \(parameters, upstream\), as the function returns an array of shape \(17, 6\)",
    ),
    "a number with two arguments": (
        (mean_square, P, lambda p, up: G),
        r"gradients\(p, up\): expected \(parameters\), as the function returns a number",
    ),
    "a callable that returns no dict": (
        (mean_square, P, lambda p: G["x"]),
        "gradients of type ndarray; expected a dict",
    ),
    "None": ((lambda p: None, P, G), "the function returned NoneType; expected a number or one array"),
    "a float32 number": ((lambda p: np.float32(mean_square(p)), P, G), "returned numbers of float32"),
    "a complex number": ((lambda p: 1j, P, G), "returned numbers of complex128"),
    "several arrays": (
        (lambda p: (p["x"], p["b1"]), P, G),
        "the function returned tuple; expected a number or one array",
    ),
    "NaN": ((lambda p: np.nan, P, G), "the function is NaN or infinite"),
    "noise": ((lambda p: mean_square(p) + NOISE.normal(), P, G), "then .* for the same parameters; fix its noise"),
    "changes in place": ((change_in_place, P, G), "change parameter 'W1' in place"),
    "hidden by rounding": (
        (lambda p: 1.0 + 1e-9 * p["x"].sum(), {"x": P["x"]}, {"x": np.full((ROWS, 4), 1e-9)}),
        "so coarsely that differences show no gradient",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments_that_cannot_be_used_are_refused_in_one_line(name: str) -> None:
    arguments, pattern = REFUSED[name]
    with pytest.raises(InputError, match=pattern) as caught:
        check_gradients(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("step", value) for value in (0, -1e-5, "small", np.inf)],
        *[("tolerance", value) for value in (0, True, np.nan)],
        *[("seed", value) for value in (-1, 0.5)],
    ],
)
def test_options_are_checked(option: str, value: object) -> None:
    with pytest.raises(InputError, match=option) as caught:
        check_gradients(mean_square, P, G, **{option: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("found", [None, [1.0], {"h": "relu"}])
def test_kinks_that_are_not_arrays_are_refused(found: object) -> None:
    with pytest.raises(InputError, match=r"kinks returned .*; expected an array"):
        check_gradients(mean_square, P, G, kinks=lambda p: found)


def test_the_caller_s_own_errors_are_passed_on() -> None:
    def broken(p: dict) -> float:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        check_gradients(broken, P, G)
