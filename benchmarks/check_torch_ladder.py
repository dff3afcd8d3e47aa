"""A ladder in PyTorch, checked: one step from a file of test vectors, run here and compared line by line.

    ladder-np vectors reference.npz --combinator gaussian
    python benchmarks/check_torch_ladder.py reference.npz candidate.npz

It is written for reading: the corrupted labeled, corrupted unlabeled and clean rows go through the encoder one
after the other, autograd does the rest, and whatever has a key in the format is kept under that key. To check your
own ladder, replace `step`. The exit status is 0 where all agrees; else the last line names the first wrong key.
"""

import argparse
import json
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ladder_np.commands import main

ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": lambda b: torch.nn.functional.leaky_relu(b, 0.1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": torch.nn.functional.softplus,
    "linear": lambda b: b,
}


def batch_norm(a: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return (a − μ)/σ, μ and σ; the variance's divisor is the number of rows."""
    mean = a.mean(0)
    std = torch.sqrt(a.var(0, correction=0) + eps)
    return (a - mean) / std, mean, std


def encode(v: dict[str, Tensor], meta: dict[str, Any], x: Tensor, noise: list[Tensor] | None) -> tuple[list, ...]:
    """Return z, h, μ and σ of every layer; without noise it is the clean pass."""
    top, eps = len(meta["sizes"]) - 1, meta["batch_norm_eps"]
    z, mean, std = [x if noise is None else x + meta["noise_std"][0] * noise[0]], [None], [None]
    h = [z[0]]
    for layer in range(1, top + 1):
        normalized, mu, sigma = batch_norm(h[-1] @ v[f"param/encoder.{layer}.weight"], eps)
        z.append(normalized if noise is None else normalized + meta["noise_std"][layer] * noise[layer])
        b = z[-1] + v[f"param/encoder.{layer}.beta"]
        if layer < top:
            h.append(ACTIVATIONS[meta["activation"]](b))
        else:
            h.append(torch.softmax(v[f"param/encoder.{layer}.gamma"] * b, 1))
        mean.append(mu)
        std.append(sigma)
    return z, h, mean, std


def combine(v: dict[str, Tensor], meta: dict[str, Any], layer: int, z_tilde: Tensor, u: Tensor) -> Tensor:
    """Return ẑ = (z̃ − μ(u)) v(u) + μ(u)."""
    a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 = (v[f"param/combinator.{layer}.a{k}"] for k in range(1, 11))
    mu = a1 * torch.sigmoid(a2 * u + a3) + a4 * u + a5
    nu = a6 * torch.sigmoid(a7 * u + a8) + a9 * u + a10
    if meta["combinator"] == "gated_gaussian":
        nu = torch.sigmoid(nu)
    return (z_tilde - mu) * nu + mu


def step(v: dict[str, Tensor], meta: dict[str, Any]) -> dict[str, Tensor]:
    """Return everything that a step computes from ``param/``, ``input/`` and ``noise/``, by the format's keys."""
    top, n = len(meta["sizes"]) - 1, len(v["input/x_labeled"])
    noise = [v[f"noise/{layer}"] for layer in range(top + 1)]
    z_labeled, h_labeled, _, _ = encode(v, meta, v["input/x_labeled"], [draws[:n] for draws in noise])
    z_tilde, h_tilde, _, _ = encode(v, meta, v["input/x_unlabeled"], [draws[n:] for draws in noise])
    z, _, mean, std = encode(v, meta, v["input/x_unlabeled"], None)
    out = {}
    for layer in range(top + 1):
        out[f"corrupted/z.{layer}"] = torch.cat([z_labeled[layer], z_tilde[layer]])
        out[f"corrupted/h.{layer}"] = torch.cat([h_labeled[layer], h_tilde[layer]])
        out[f"clean/z.{layer}"] = z[layer]
        if layer:
            out[f"clean/mean.{layer}"], out[f"clean/std.{layer}"] = mean[layer], std[layer]
    out["loss/supervised"] = -torch.log(h_labeled[top][torch.arange(n), v["input/y"]]).mean()
    costs: list[Tensor] = []
    vertical = h_tilde[top]
    for layer in range(top, -1, -1):
        u, _, _ = batch_norm(vertical, meta["batch_norm_eps"])
        z_hat = combine(v, meta, layer, z_tilde[layer], u)
        z_hat_bn = (z_hat - mean[layer]) / std[layer] if layer else z_hat
        costs.insert(0, ((z_hat_bn - z[layer]) ** 2).mean())
        out |= {f"decoder/u.{layer}": u, f"decoder/z_hat.{layer}": z_hat, f"decoder/z_hat_bn.{layer}": z_hat_bn}
        if layer:
            vertical = z_hat @ v[f"param/decoder.{layer - 1}.weight"]
    out["loss/denoising"] = torch.stack(costs)
    weights = meta["denoising_weights"]
    out["loss/total"] = out["loss/supervised"] + sum(w * c for w, c in zip(weights, costs, strict=True))
    return out


def compute(reference: str) -> dict[str, np.ndarray]:
    """Run the step of a file of test vectors; return intermediates, losses and gradients by the format's keys."""
    with np.load(reference, allow_pickle=False) as archive:
        meta = json.loads(str(archive["meta"]))
        given = [key for key in archive.files if key.startswith(("param/", "input/", "noise/"))]
        v = {key: torch.from_numpy(archive[key]) for key in given}
    parameters = {key: value.requires_grad_() for key, value in v.items() if key.startswith("param/")}
    out = step(v, meta)
    gradients = torch.autograd.grad(out["loss/total"], list(parameters.values()))
    out |= {key.replace("param/", "grad/"): g for key, g in zip(parameters, gradients, strict=True)}
    return {key: value.detach().numpy() for key, value in out.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", metavar="REFERENCE.npz")
    parser.add_argument("candidate", metavar="CANDIDATE.npz")
    arguments = parser.parse_args()
    np.savez(arguments.candidate, **compute(arguments.reference))  # type: ignore[arg-type]
    required = ["--require", "grad/", "--require", "loss/"]
    sys.exit(main(["compare-vectors", arguments.reference, arguments.candidate, *required]))
