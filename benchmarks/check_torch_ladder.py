"""A ladder in PyTorch, checked: one step from a file of test vectors, run here and compared line by line.

    ladder-np vectors reference.npz --combinator gaussian
    python benchmarks/check_torch_ladder.py reference.npz candidate.npz

Both versions of the format will do: dense layers, or also convolutions and pooling. It is written for reading: the
corrupted unlabeled, corrupted labeled and clean rows go through the encoder one after the other, autograd does the
rest, and whatever has a key in the format is kept under that key. To check your own ladder, replace `step`. The exit
status is 0 where all agrees; else the last line names the first wrong key.
"""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ladder_np.commands import main

ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": lambda b: functional.leaky_relu(b, 0.1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
    "linear": lambda b: b,
}


BORDERS = {  # zeros before and behind an image, for windows of k
    "valid": lambda k: (0, 0),
    "full": lambda k: (k - 1, k - 1),
    "same": lambda k: ((k - 1) // 2, k // 2),
}
MIRRORED = {"valid": "full", "full": "valid", "same": "same"}


def convolve(h: Tensor, W: Tensor, border: str, stride: int = 1) -> Tensor:
    """Return the cross-correlation of h (n, height, width, channels) with W (k, k, channels, channels above)."""
    before, behind = BORDERS[border](len(W))
    images = functional.pad(h.permute(0, 3, 1, 2), (before, behind, before, behind))
    return functional.conv2d(images, W.permute(3, 2, 0, 1).contiguous(), stride=stride).permute(0, 2, 3, 1)


def convolution(h: Tensor, W: Tensor, channels: str, k: str, border: str = "valid", stride: str = "1") -> Tensor:
    """Return a layer's convolution of the one below."""
    return convolve(h, W, border, int(stride))


def convolution_mirror(
    z_hat: Tensor, V: Tensor, shape: list[int], channels: str, k: str, border: str = "valid", stride: str = "1"
) -> Tensor:
    """Return the mirror's: of values a stride apart, with zeros between, and the mirrored border."""
    n, height, width, above = z_hat.shape
    apart = z_hat.new_zeros(n, (height - 1) * int(stride) + 1, (width - 1) * int(stride) + 1, above)
    apart[:, :: int(stride), :: int(stride)] = z_hat
    return convolve(apart, V, MIRRORED[border])


def max_pool(h: Tensor, W: None, k: str) -> Tensor:
    """Return the largest value of each window, the last of which may be cut off."""
    return functional.max_pool2d(h.permute(0, 3, 1, 2), int(k), ceil_mode=True).permute(0, 2, 3, 1)


def repeat(z_hat: Tensor, V: None, shape: list[int], k: str) -> Tensor:
    """Return each value at all places of its window."""
    return z_hat.repeat_interleave(int(k), 1).repeat_interleave(int(k), 2)[:, : shape[0], : shape[1]]


# Kinds of layers: from h up, and from ẑ down into samples of a shape, then what stands behind the text's colons.
MAPS: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "dense": (lambda h, W: h.flatten(1) @ W, lambda z_hat, V, shape: (z_hat.flatten(1) @ V).reshape(-1, *shape)),
    "conv": (convolution, convolution_mirror),
    "max_pool": (max_pool, repeat),
    "mean_pool": (
        lambda h, W: h.mean((1, 2)),
        lambda z_hat, V, shape: z_hat[:, None, None].expand(-1, *shape),
    ),
}


def layers_of(meta: dict[str, Any]) -> list[tuple[list[str], str, bool, bool]]:
    """Return kind and its arguments, activation, whether there are β and γ, of layers 1..L."""
    if meta["version"] == 1:
        hidden = [(["dense"], meta["activation"], True, False) for _ in meta["sizes"][2:]]
        return [*hidden, (["dense"], "linear", True, True)]
    kinds = [["dense"] if text.isdecimal() else text.split(":") for text in meta["layers"]]
    return list(zip(kinds, meta["activation"], meta["has_beta"], meta["has_gamma"], strict=True))


def batch_norm(a: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return (a − μ)/σ, μ and σ of each channel; the variance's divisor is the number of rows times positions."""
    over = tuple(range(a.ndim - 1))
    mean = a.mean(over)
    std = torch.sqrt(a.var(over, correction=0) + eps)
    return (a - mean) / std, mean, std


def encode(
    v: dict[str, Tensor], meta: dict[str, Any], x: Tensor, noise: list[Tensor] | None, given: Any = None
) -> tuple[list, ...]:
    """Return z, h, μ and σ of every layer; the clean pass has no noise. `given` are μ and σ to normalize with."""
    top, eps = len(meta["sizes"]) - 1, meta["batch_norm_eps"]
    z, mean, std = [x if noise is None else x + meta["noise_std"][0] * noise[0]], [None], [None]
    h = [z[0]]
    for layer, ((kind, *texts), activation, has_beta, has_gamma) in enumerate(layers_of(meta), start=1):
        a = MAPS[kind][0](h[-1], v.get(f"param/encoder.{layer}.weight"), *texts)
        normalized, mu, sigma = batch_norm(a, eps)
        if given:
            normalized = (a - given[0][layer]) / given[1][layer]
        z.append(normalized if noise is None else normalized + meta["noise_std"][layer] * noise[layer])
        b = z[-1] + v[f"param/encoder.{layer}.beta"] if has_beta else z[-1]
        b = v[f"param/encoder.{layer}.gamma"] * b if has_gamma else b
        h.append(ACTIVATIONS[activation](b) if layer < top else torch.softmax(b, 1))
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
    z_tilde, h_tilde, *statistics = encode(v, meta, v["input/x_unlabeled"], [draws[n:] for draws in noise])
    shared = meta.get("labeled_statistics") == "unlabeled" and any(meta["denoising_weights"])
    given = statistics if shared else None
    z_labeled, h_labeled, _, _ = encode(v, meta, v["input/x_labeled"], [draws[:n] for draws in noise], given)
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
            kind, *texts = layers_of(meta)[layer - 1][0]
            shape = z[layer - 1].shape[1:]
            vertical = MAPS[kind][1](z_hat, v.get(f"param/decoder.{layer - 1}.weight"), shape, *texts)
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
