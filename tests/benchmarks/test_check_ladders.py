"""The worked examples in PyTorch and JAX agree with test vectors; a mistake shows at its first wrong key."""

import functools
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ladder_np.files import read_npz, write_npz
from ladder_np.inspection.vectors import compare_vectors, make_vectors
from ladder_np.network.specification import Specification

ROOT = Path(__file__).parents[2]

OPTIONS = {
    "gaussian": {},
    "gated_gaussian": {"combinator": "gated_gaussian", "activation": "softplus", "dtype": "float32"},
    "leaky_relu": {"activation": "leaky_relu", "noise_std": (0.1, 0.2, 0.3)},
    "sigmoid": {"activation": "sigmoid"},
    "tanh": {"activation": "tanh", "denoising_weights": (3.0, 0.0, 1.0)},
    "linear": {"activation": "linear"},
    # version 2 of the format
    "shared statistics": {"labeled_statistics": "unlabeled"},
    "strides and a window cut off": {
        "sizes": ((7, 5, 2), "conv:3:3:full:2", "max_pool:3", "conv:4:2:same", 5, 3),
        "denoising_weights": (3.0, 2.0, 1.0, 0.5, 0.2, 0.1),
        "activation": "tanh",
        "labeled_statistics": "unlabeled",
    },
    "a mean at the top": {
        "sizes": ((9, 5, 1), "conv:9:3:valid:2", "conv:4:2:full", "max_pool:2", "conv:3:1", "mean_pool"),
        "denoising_weights": 0.7,
        "activation": "leaky_relu",
    },
    "in float32": {
        "sizes": ((6, 8, 3), "conv:4:3:same", "max_pool:2", 3),
        "denoising_weights": 0.7,
        "combinator": "gated_gaussian",
        "dtype": "float32",
    },
}

CASES = [("torch", name) for name in OPTIONS] + [("jax", name) for name in ("gaussian", "gated_gaussian")]

# What is changed in the source, by framework, and the first wrong key. The network has layers 0 to 2.
# JAX compiles each change for a second or two: it runs fewer.
MISTAKES: dict[str, tuple[dict[str, list[tuple[str, str]]], str]] = {
    "ẑ is divided by σ²": (
        {
            "torch": [("/ std[layer] if layer", "/ std[layer] ** 2 if layer")],
            "jax": [('/ clean[k]["std"] if k', '/ clean[k]["std"] ** 2 if k')],
        },
        "decoder/z_hat_bn.2",
    ),
    "labeled and unlabeled rows share batch statistics": (
        {
            "torch": [
                (
                    'encode(v, meta, v["input/x_labeled"], [draws[:n] for draws in noise], given)',
                    "[[x[:n] if x is not None else x for x in xs] for xs in encode(v, meta, "
                    'torch.cat([v["input/x_labeled"], v["input/x_unlabeled"]]), noise)]',
                )
            ],
            "jax": [
                (
                    'encode(param, meta, inputs["x_labeled"], [draws[:n] for draws in noise])',
                    '[{"z": x["z"][:n], "h": x["h"][:n]} for x in encode(param, meta, '
                    'jnp.concatenate([inputs["x_labeled"], inputs["x_unlabeled"]]), noise)]',
                )
            ],
        },
        "corrupted/z.1",
    ),
    "the variance's divisor is n − 1": (
        {
            "torch": [("correction=0", "correction=1")],
        },
        "clean/std.1",
    ),
    "the clean targets are constants": (
        {
            "torch": [
                (
                    'z, _, mean, std = encode(v, meta, v["input/x_unlabeled"], None)',
                    "z, _, mean, std = ([x if x is None else x.detach() for x in xs] "
                    'for xs in encode(v, meta, v["input/x_unlabeled"], None))',
                )
            ],
            "jax": [
                (
                    'encode(param, meta, inputs["x_unlabeled"], [0.0] * (top + 1))',
                    'jax.lax.stop_gradient(encode(param, meta, inputs["x_unlabeled"], [0.0] * (top + 1)))',
                )
            ],
        },
        "grad/encoder.2.weight",
    ),
    "the topmost u is not normalized": (
        {
            "torch": [('u, _, _ = batch_norm(vertical, meta["batch_norm_eps"])', "u = vertical")],
        },
        "decoder/u.2",
    ),
    "the cost is a sum over units": (
        {
            "torch": [("- z[layer]) ** 2).mean()", "- z[layer]) ** 2).sum(1).mean()")],
        },
        "loss/denoising",
    ),
}

CHANGES = [(framework, name) for framework in ("torch", "jax") for name in MISTAKES if framework in MISTAKES[name][0]]

# Runs `compute` of each changed source on each file, in one process: loading a framework takes a second.
DRIVER = """
import json, sys
import numpy as np
for source, reference, candidate in json.load(sys.stdin):
    names = {"__name__": "example"}
    exec(compile(source, "example", "exec"), names)
    np.savez(candidate, **names["compute"](reference))
"""


def run(arguments: list[str], text: str = "") -> subprocess.CompletedProcess:
    """Run Python with one thread, from the project's root."""
    frameworks = {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    environment = os.environ | frameworks | paths
    command = [sys.executable, *arguments]
    return subprocess.run(command, input=text, cwd=ROOT, env=environment, capture_output=True, text=True)


def changed(source: str, changes: list[tuple[str, str]]) -> str:
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def skip_without(framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed (extra {framework})")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[dict, ...]]:
    """Return the reader of reference and candidate by framework and option or mistake; each framework runs once."""

    @functools.cache
    def run_all(framework: str) -> dict[str, tuple[Path, Path]]:
        folder = tmp_path_factory.mktemp(framework)
        source = (ROOT / "benchmarks" / f"check_{framework}_ladder.py").read_text(encoding="utf-8")
        tasks = [(name, name, source) for chosen, name in CASES if chosen == framework]
        for _, option, _ in tasks:
            common = {"sizes": (5, 4, 3), "dtype": "float64", "denoising_weights": (3.0, 2.0, 1.0)}
            specification = Specification(**{**common, **OPTIONS[option]})
            write_npz(folder / f"{option}.reference.npz", make_vectors(specification, 7, 9, seed=0))
        mistakes = [(name, MISTAKES[name][0][framework]) for chosen, name in CHANGES if chosen == framework]
        tasks += [(name, "gaussian", changed(source, changes)) for name, changes in mistakes]
        files = {
            name: (folder / f"{option}.reference.npz", folder / f"{i}.npz")
            for i, (name, option, _) in enumerate(tasks)
        }
        done = run(["-c", DRIVER], json.dumps([[text, *map(str, files[name])] for name, _, text in tasks]))
        assert done.returncode == 0, done.stderr
        return files

    def read(framework: str, name: str) -> tuple[dict, ...]:
        skip_without(framework)
        return tuple(read_npz(path, "test vectors") for path in run_all(framework)[name])

    return read


@pytest.mark.parametrize(("framework", "option"), CASES)
def test_every_key_agrees(framework: str, option: str, results: Callable) -> None:
    reference, candidate = results(framework, option)
    expected = {key for key in reference if not key.startswith(("meta", "param/", "input/", "noise/"))}
    assert set(candidate) == expected
    assert [difference for difference in compare_vectors(reference, candidate) if not difference.passed] == []
    assert {value.dtype for value in candidate.values()} == {reference["loss/total"].dtype}


@pytest.mark.parametrize(("framework", "mistake"), CHANGES)
def test_a_mistake_is_named_at_its_first_wrong_key(framework: str, mistake: str, results: Callable) -> None:
    wrong = [difference.key for difference in compare_vectors(*results(framework, mistake)) if not difference.passed]
    assert wrong[0] == MISTAKES[mistake][1]


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_run_as_shown_it_writes_the_file_compares_and_says_so(framework: str, tmp_path: Path) -> None:
    skip_without(framework)
    reference = make_vectors(Specification((5, 4, 3), denoising_weights=1, dtype="float64"), 6, 7, seed=0)
    write_npz(tmp_path / "reference.npz", reference)
    arguments = [f"benchmarks/check_{framework}_ladder.py", tmp_path / "reference.npz", tmp_path / "candidate.npz"]
    done = run(list(map(str, arguments)))
    assert (done.returncode, done.stderr) == (0, "")
    computed = len(read_npz(tmp_path / "candidate.npz", "test vectors"))
    assert done.stdout.splitlines()[-1] == f"all {computed} keys agree"

    write_npz(tmp_path / "reference.npz", reference | {"decoder/u.1": np.zeros((7, 4))})
    done = run(list(map(str, arguments)))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"1 of {computed} keys differ, the first is decoder/u.1"
