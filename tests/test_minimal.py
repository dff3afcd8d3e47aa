"""The page for learners: what the package computes, in fewer than 200 lines of NumPy."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ladder_np import LadderNetwork, minimal
from ladder_np.network.parameters import random_parameters
from ladder_np.training.adam import Adam

PAGE = Path(minimal.__file__)
CASES = [
    ((5, 4, 3), (10.0, 3.0, 1.0)),
    ((7, 9, 6, 4), (1000.0, 10.0, 0.1, 0.1)),
    ((7, 9, 6, 4), (0.0, 2.0, 0.0, 0.5)),
    ((6, 5, 5, 4, 2), (0.0, 0.0, 0.0, 0.0, 0.5)),
    ((3, 8, 2), (0.0, 0.0, 0.0)),
    ((4, 3), (1.0, 1.0)),
]


NAMES = {"encoder.weight": "W", "encoder.beta": "beta", "encoder.gamma": "gamma", "decoder.weight": "V"}


def key_of(name: str) -> tuple[str, int]:
    """Return the page's key of a parameter of the package: encoder.1.weight is ("W", 1)."""
    part, layer, kind = name.split(".")
    return NAMES.get(f"{part}.{kind}", "a"), int(layer)


def on_the_page(parameters):
    """Return the package's parameters, or gradients, as the page holds them: a combinator's ten in one array."""
    p = {}
    for name, values in parameters.items():
        p.setdefault(key_of(name), []).append(values)
    return {key: np.array(values) if key[0] == "a" else values[0].copy() for key, values in p.items()}


def example(sizes, lambdas, seed=0, noise_std=0.3):
    """Return a network of the package away from its starting point, a batch, and noise before scaling."""
    rng = np.random.default_rng(seed)
    net = LadderNetwork(sizes=sizes, denoising_weights=lambdas, noise_std=noise_std, dtype="float64", seed=seed)
    net.parameters.vector[...] = random_parameters(net.specification, rng).vector
    batch = rng.normal(size=(8, sizes[0])), rng.integers(0, sizes[-1], size=8), rng.normal(size=(11, sizes[0]))
    return net, batch, [rng.normal(size=(19, size)) for size in sizes]


def page_step(p, batch, noise, lambdas):
    return minimal.loss_and_gradients(p, *batch, [0.3 * draws for draws in noise], lambdas)


def differences(net, batch, noise, lambdas):
    """Return how far the page's cost and gradients are from the package's, by key, relative to the largest value."""
    losses, gradients = net.loss_and_gradients(*batch, noise)
    C, d = page_step(on_the_page(net.parameters), batch, noise, lambdas)
    expected = on_the_page(gradients)
    assert d.keys() == expected.keys()
    apart = {key: np.abs(d[key] - expected[key]).max() / max(np.abs(expected[key]).max(), 1e-300) for key in d}
    return apart | {("C", 0): abs(C - losses.total) / losses.total}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sizes", "lambdas"), CASES)
def test_values_and_gradients_are_the_package_s(sizes, lambdas, seed) -> None:
    apart = differences(*example(sizes, lambdas, seed), lambdas)
    assert {key: value for key, value in apart.items() if value > 1e-12} == {}


PLANTED = [
    ("normalize_backward", "(dmu + z * dsigma)", "0 * (dmu + z * dsigma)"),  # constant targets (fact 3)
    ("decode", "/ clean.sigma[l]", "/ clean.sigma[l] ** 2"),
    ("decode_backward", "dz[l], own = -dz_hat_bn", "dz[l], own = 0 * dz_hat_bn"),
    ("g_backward", "dv * a[5]", "dmu * a[5]"),
    ("encode", "e.bn[l] + n[l]", "e.bn[l] + 2 * n[l]"),
    ("loss_and_gradients", "rows[:N]", "rows[-N:]"),
]


def planted(function: str, right: str, wrong: str):
    """Return the page as a module with an error planted in a function."""
    source = PAGE.read_text(encoding="utf-8")
    start = source.index(f"def {function}(")
    assert right in source[start : source.index("\n\n\n", start)]
    page = type(sys)("page")
    exec(compile(source[:start] + source[start:].replace(right, wrong, 1), "page", "exec"), page.__dict__)
    return page


@pytest.mark.parametrize(("function", "right", "wrong"), PLANTED)
def test_a_planted_error_is_seen(function, right, wrong, monkeypatch) -> None:
    monkeypatch.setattr(minimal, "loss_and_gradients", planted(function, right, wrong).loss_and_gradients)
    sizes, lambdas = CASES[1]
    assert max(differences(*example(sizes, lambdas), lambdas).values()) > 1e-6


def test_steps_of_adam_are_the_package_s() -> None:
    sizes, lambdas = CASES[1]
    net, batch, noise = example(sizes, lambdas)
    optimizer = Adam(net.parameters.used)
    p = on_the_page(net.parameters)
    m, v = ({key: np.zeros_like(value) for key, value in p.items()} for _ in range(2))
    for t, rate in enumerate((0.01, 0.01, 0.005, 0.002), start=1):
        _, d = page_step(p, batch, noise, lambdas)
        minimal.adam(p, d, m, v, t, rate)
        _, gradients = net.loss_and_gradients(*batch, noise)
        optimizer.update(gradients.used[: net.parameters.used.size], rate)
    for key, expected in on_the_page(net.parameters).items():
        np.testing.assert_allclose(p[key], expected, rtol=1e-12, atol=1e-12, err_msg=str(key))


def test_predictions_are_the_package_s() -> None:
    net, (x, _, x_train), _ = example(*CASES[1])
    net.estimate_statistics(lambda: iter([x_train]))
    P = minimal.predict(on_the_page(net.parameters), 3, x, x_train)
    np.testing.assert_allclose(P, net.predict_proba(x), rtol=1e-12)


def test_the_parameters_before_training_are_as_the_package_s() -> None:
    rng, x = np.random.default_rng(0), np.zeros((100, 64))
    p = minimal.train(x[:10], np.arange(10), x, (0, 0, 0, 0), 0, rng)
    expected = on_the_page(LadderNetwork(sizes=(64, 200, 100, 10), seed=0).parameters)
    assert p.keys() == expected.keys()
    for key, values in expected.items():
        if key[0] in "WV":
            assert np.std(p[key]) == pytest.approx(np.std(values), rel=0.05)
        else:
            np.testing.assert_array_equal(p[key], values)


def test_it_has_fewer_than_200_lines_and_needs_numpy_alone() -> None:
    source = PAGE.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 200
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module.split(".")[0])
    assert "numpy" in imported
    assert imported <= {"numpy", *sys.stdlib_module_names}


def command(*arguments: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-W", "error", "-m", "ladder_np.minimal", *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=PAGE.parents[1])


def test_the_command_prints_both_test_errors() -> None:
    done = command("--epochs", "4", "--seed", "1")
    assert done.returncode == 0, done.stderr
    first, *results = done.stdout.splitlines()
    assert first == "digits: 1198 training rows, 50 of them labeled; 599 for test"
    assert [line.split(":")[0] for line in results] == ["supervised only", "ladder"]
    for line in results:
        percent, wrong = re.search(r": test error (\d+\.\d\d) % \((\d+) of 599\)$", line).groups()
        assert float(percent) == pytest.approx(100 * int(wrong) / 599, abs=0.006)
        assert float(percent) < 40  # after so few epochs; a guess has 90
    assert done.stderr.count("epoch 4 of 4: C = ") == 2


@pytest.mark.parametrize("arguments", [("--epochs", "0"), ("--seed", "-1"), ("--epochs", "many")])
def test_wrong_use_is_one_line(arguments) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr.splitlines()[-1]
