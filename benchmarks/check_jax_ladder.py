"""A ladder in JAX, checked: one step from a file of test vectors, run here and compared line by line.

    ladder-np vectors reference.npz --combinator gaussian
    python benchmarks/check_jax_ladder.py reference.npz candidate.npz

It is written for reading: a pass of the encoder is a function, called for the corrupted labeled, the corrupted
unlabeled and the clean rows, `jax.value_and_grad` does the rest, and whatever has a key in the format is kept under
that key. To check your own ladder, replace `step`. The exit status is 0 where everything agrees; else the last line
names the first wrong key.
"""

import argparse
import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ladder_np.commands import main

jax.config.update("jax_enable_x64", True)

Arrays = dict[str, Array]

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky_relu": lambda b: jax.nn.leaky_relu(b, 0.1),
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "linear": lambda b: b,
}


def batch_norm(a: Array, eps: float) -> tuple[Array, Array, Array]:
    """Return (a − μ)/σ, μ and σ; the variance's divisor is the number of rows."""
    mean, std = a.mean(axis=0), jnp.sqrt(a.var(axis=0) + eps)
    return (a - mean) / std, mean, std


def encode(param: Arrays, meta: dict[str, Any], x: Array, noise: list[Any]) -> list[dict[str, Array]]:
    """Return z, h, mean and std of every layer; noise of zeros makes it the clean pass."""
    z = x + meta["noise_std"][0] * noise[0]
    layers = [{"z": z, "h": z}]
    for layer in range(1, len(meta["sizes"])):
        a = layers[-1]["h"] @ param[f"encoder.{layer}.weight"]
        normalized, mean, std = batch_norm(a, meta["batch_norm_eps"])
        z = normalized + meta["noise_std"][layer] * noise[layer]
        b = z + param[f"encoder.{layer}.beta"]
        if layer == len(meta["sizes"]) - 1:
            h = jax.nn.softmax(param[f"encoder.{layer}.gamma"] * b)
        else:
            h = ACTIVATIONS[meta["activation"]](b)
        layers.append({"z": z, "h": h, "mean": mean, "std": std})
    return layers


def combine(a: Arrays, combinator: str, z_tilde: Array, u: Array) -> Array:
    """Return ẑ = (z̃ − μ(u)) v(u) + μ(u)."""
    mu = a["a1"] * jax.nn.sigmoid(a["a2"] * u + a["a3"]) + a["a4"] * u + a["a5"]
    v = a["a6"] * jax.nn.sigmoid(a["a7"] * u + a["a8"]) + a["a9"] * u + a["a10"]
    return (z_tilde - mu) * (jax.nn.sigmoid(v) if combinator == "gated_gaussian" else v) + mu


def step(param: Arrays, meta: dict[str, Any], inputs: Arrays, noise: list[Array]) -> tuple[Array, Arrays]:
    """Return the total cost, and everything that a step computes by the format's keys."""
    top, n = len(meta["sizes"]) - 1, len(inputs["x_labeled"])
    labeled = encode(param, meta, inputs["x_labeled"], [draws[:n] for draws in noise])
    corrupted = encode(param, meta, inputs["x_unlabeled"], [draws[n:] for draws in noise])
    clean = encode(param, meta, inputs["x_unlabeled"], [0.0] * (top + 1))
    out = {f"clean/{name}.{k}": clean[k][name] for k in range(top + 1) for name in clean[k] if name != "h"}
    for k in range(top + 1):
        for name in ("z", "h"):
            out[f"corrupted/{name}.{k}"] = jnp.concatenate([labeled[k][name], corrupted[k][name]])
    supervised = -jnp.log(labeled[top]["h"][jnp.arange(n), inputs["y"]]).mean()
    costs: dict[int, Array] = {}
    vertical = corrupted[top]["h"]
    for k in reversed(range(top + 1)):
        u = batch_norm(vertical, meta["batch_norm_eps"])[0]
        z_hat = combine(
            {f"a{i}": param[f"combinator.{k}.a{i}"] for i in range(1, 11)}, meta["combinator"], corrupted[k]["z"], u
        )
        z_hat_bn = (z_hat - clean[k]["mean"]) / clean[k]["std"] if k else z_hat
        costs[k] = ((clean[k]["z"] - z_hat_bn) ** 2).mean()
        out |= {f"decoder/u.{k}": u, f"decoder/z_hat.{k}": z_hat, f"decoder/z_hat_bn.{k}": z_hat_bn}
        if k:
            vertical = z_hat @ param[f"decoder.{k - 1}.weight"]
    total = supervised + sum(meta["denoising_weights"][k] * cost for k, cost in costs.items())
    denoising = jnp.stack([costs[k] for k in range(top + 1)])
    return total, out | {"loss/supervised": supervised, "loss/denoising": denoising, "loss/total": total}


def compute(reference: str) -> dict[str, np.ndarray]:
    """Run the step of a file of test vectors; return intermediates, losses and gradients by the format's keys."""
    with np.load(reference, allow_pickle=False) as archive:
        meta = json.loads(str(archive["meta"]))
        if meta["version"] != 1:
            sys.exit(
                f"{reference}: version {meta['version']} of the format; this example reads version 1, dense layers"
            )
        param, inputs = (
            {key.removeprefix(prefix): jnp.asarray(archive[key]) for key in archive.files if key.startswith(prefix)}
            for prefix in ("param/", "input/")
        )
        noise = [jnp.asarray(archive[f"noise/{layer}"]) for layer in range(len(meta["sizes"]))]
    differentiated = jax.value_and_grad(lambda param: step(param, meta, inputs, noise), has_aux=True)
    (_, out), gradients = jax.jit(differentiated)(param)
    out |= {f"grad/{name}": gradient for name, gradient in gradients.items()}
    return {key: np.asarray(value) for key, value in out.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", metavar="REFERENCE.npz")
    parser.add_argument("candidate", metavar="CANDIDATE.npz")
    arguments = parser.parse_args()
    np.savez(arguments.candidate, **compute(arguments.reference))  # type: ignore[arg-type]
    required = ["--require", "grad/", "--require", "loss/"]
    sys.exit(main(["compare-vectors", arguments.reference, arguments.candidate, *required]))
