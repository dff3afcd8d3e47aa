"""The same step in PyTorch, as a competent user would write it; one function serves eager mode and `torch.compile`.

Lanes are stacked as in our own code, so that one product per layer serves all three; lanes whose statistics nothing
else needs are normalized by the fused batch norm, the clean lane by `var_mean`; Adam is the fused one.
"""

import dataclasses
import itertools
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.speed.cases import RATE, Case
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.specification import Specification

__all__ = ["CompiledTorchStep", "TorchStep"]

Tensors = dict[str, Tensor]
Cost = Callable[..., Tensor]  # see make_cost


def make_cost(specification: Specification) -> Cost:
    """Return the total cost as a function of parameters, x_labeled, y, x_unlabeled and noise."""
    layers, eps, top = resolve(specification), specification.batch_norm_eps, specification.top
    lowest, clean_top = specification.lowest, max((x.index for x in layers if x.weight), default=0)
    ups, downs = zip(
        *itertools.starmap(maps, zip(specification.layers, layers[:-1], layers[1:], strict=True)), strict=True
    )

    def normalize(a: Tensor) -> Tensor:
        return functional.batch_norm(a, None, None, training=True, eps=eps)

    def normalize_clean(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        variance, mean = torch.var_mean(a, [axis for axis in range(a.dim()) if axis != 1], correction=0, keepdim=True)
        sigma = torch.sqrt(variance + eps)
        return (a - mean) / sigma, mean, sigma

    def combine(z_tilde: Tensor, u: Tensor, parameters: Tensors, layer: int) -> Tensor:
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 = (
            per_channel(parameters[f"combinator.{layer}.a{k}"], u) for k in range(1, 11)
        )
        mu = a1 * torch.sigmoid(a2 * u + a3) + a4 * u + a5
        v = a6 * torch.sigmoid(a7 * u + a8) + a9 * u + a10
        return (z_tilde - mu) * v + mu

    def cost(parameters: Tensors, x_labeled: Tensor, y: Tensor, x_unlabeled: Tensor, noise: list[Tensor]) -> Tensor:
        x_labeled, x_unlabeled = (images(x, layers[0].shape) for x in (x_labeled, x_unlabeled))
        n_labeled, n_unlabeled = len(x_labeled), len(x_unlabeled) if lowest <= top else 0
        corrupted = torch.cat([x_labeled, x_unlabeled[:n_unlabeled]])
        corrupted = corrupted + layers[0].noise_std * images(noise[0][: len(corrupted)], layers[0].shape)
        h = torch.cat([corrupted, x_unlabeled]) if clean_top else corrupted
        z_tilde = [corrupted[n_labeled:]]
        clean: list[tuple[Tensor, Any, Any]] = [(x_unlabeled, 0, 1)]  # z, mean, sigma; layer 0 is not normalized
        for layer in layers[1:]:
            a = ups[layer.index - 1](h, parameters.get(f"encoder.{layer.index}.weight"))
            lanes = [n_labeled] + [n_unlabeled] * (n_unlabeled > 0) + [n_unlabeled] * (layer.index <= clean_top)
            parts = a.split(lanes)
            draws = images(noise[layer.index][: n_labeled + n_unlabeled], layer.shape)
            corrupted = (
                torch.cat([normalize(part) for part in parts[: 1 + (n_unlabeled > 0)]]) + layer.noise_std * draws
            )
            z_tilde.append(corrupted[n_labeled:])
            if layer.index <= clean_top:
                clean.append(normalize_clean(parts[-1]))
            h = torch.cat([corrupted, clean[layer.index][0]]) if layer.index < clean_top else corrupted
            if layer.has_beta and layer.index < top:
                h = torch.relu(h + per_channel(parameters[f"encoder.{layer.index}.beta"], h))
        b = parameters[f"encoder.{top}.gamma"] * (corrupted + parameters[f"encoder.{top}.beta"])
        total = functional.cross_entropy(b[:n_labeled], y)
        vertical = torch.softmax(b[n_labeled:], 1)
        for layer in reversed(layers[lowest:]):
            z_hat = combine(z_tilde[layer.index], normalize(vertical), parameters, layer.index)
            if layer.weight:
                z, mean, sigma = clean[layer.index]
                z_hat_bn = (z_hat - mean) / sigma if layer.index else z_hat
                total = total + layer.weight * functional.mse_loss(z_hat_bn, z)
            if layer.index > lowest:
                vertical = downs[layer.index - 1](z_hat, parameters.get(f"decoder.{layer.index - 1}.weight"))
        return total

    return cost


TorchMap = Callable[
    [Tensor, Any], Tensor
]  # of activations and the weight: (n, channels, height, width), or (n, units)


def maps(text: str, below: Layer, above: Layer) -> tuple[TorchMap, TorchMap]:
    """Return a layer's map up and its mirror down; images have PyTorch's axes, in memory their channels are last."""
    kind, *arguments = text.split(":")
    if kind == "conv":
        k, border = int(arguments[1]), [*arguments[2:], "valid"][0]
        before, behind = {"valid": (0, 0), "full": (k - 1, k - 1), "same": ((k - 1) // 2, k // 2)}[border]
        mirror = (before, behind) if border == "same" else (k - 1 - before, k - 1 - behind)
        return convolution(before, behind), convolution(*mirror)
    if kind == "max_pool":
        k, (height, width) = int(arguments[0]), below.shape[:2]
        return (
            lambda h, _: functional.max_pool2d(h, k, ceil_mode=True),
            lambda z, _: z.repeat_interleave(k, 2).repeat_interleave(k, 3)[:, :, :height, :width],
        )
    if kind == "mean_pool":
        return lambda h, _: h.mean((2, 3)), lambda z, _: z[:, :, None, None].expand(-1, -1, *below.shape[:2])
    return lambda h, W: rows(h) @ W, lambda z, V: images(z @ V, below.shape)


def convolution(before: int, behind: int) -> TorchMap:
    """Return a convolution with so many zeros before and behind an image."""
    if before == behind:
        return lambda h, W: functional.conv2d(h, kernel(W), padding=before)
    return lambda h, W: functional.conv2d(functional.pad(h, (before, behind) * 2), kernel(W))


def kernel(W: Tensor) -> Tensor:
    """Return a weight (k, k, channels, units) with PyTorch's axes; a view of it would not compile.

    With channels last in memory, PyTorch takes a way that is less exact: it meets kinks at most points of the check.
    """
    return W.permute(3, 2, 0, 1).contiguous()


def images(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return rows (n, height · width · channels) as images, without a copy; others as they are."""
    return x.reshape(-1, *shape).permute(0, 3, 1, 2) if len(shape) == 3 else x


def rows(h: Tensor) -> Tensor:
    """Return images as rows (n, height · width · channels); others as they are."""
    return h.permute(0, 2, 3, 1).flatten(1) if h.dim() == 4 else h


def per_channel(parameter: Tensor, x: Tensor) -> Tensor:
    """Return a parameter (channels,) so that it meets the channels of x."""
    return parameter[:, None, None] if x.dim() == 4 else parameter


class TorchStep:
    """A training step in eager mode."""

    def __init__(self, case: Case) -> None:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        torch.manual_seed(0)
        # On a GPU convolutions, and products if somebody has asked for it, round float32 operands to 10 bits.
        torch.backends.cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
        self._device = case.device
        self._specification = case.specification()
        self._cost = self._prepare(make_cost(self._specification))
        self._parameters = self._leaves(dataclasses.replace(case, device="cpu").network().parameters)
        self._optimizer = torch.optim.Adam(self._parameters.values(), lr=RATE, fused=True)
        batch = case.batch()
        self._batch = self._put(batch.x_labeled, batch.y, batch.x_unlabeled)

    def _prepare(self, cost: Cost) -> Cost:
        return cost

    def step(self) -> None:
        """Take one step and wait for it."""
        rows = len(self._batch[0]) + len(self._batch[2])
        noise = [torch.randn(rows, size, device=self._device) for size in self._specification.sizes]
        self._optimizer.zero_grad(set_to_none=True)
        self._cost(self._parameters, *self._batch, noise).backward()
        self._optimizer.step()
        if self._device == "cuda":
            torch.cuda.synchronize()

    def threads(self) -> int:
        """Return how many threads PyTorch uses."""
        return torch.get_num_threads()

    def loss_and_gradients(self, vectors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return ``loss/total`` and every ``grad/…`` of the step in `vectors`."""
        parameters = self._leaves({name: vectors[f"param/{name}"] for name in self._parameters})
        batch = self._put(*(vectors[f"input/{name}"] for name in ("x_labeled", "y", "x_unlabeled")))
        noise = self._put(*(vectors[f"noise/{layer}"] for layer in range(self._specification.top + 1)))
        total = self._cost(parameters, *batch, noise)
        found = torch.autograd.grad(total, list(parameters.values()), allow_unused=True, materialize_grads=True)
        named = {f"grad/{name}": g.cpu().numpy() for name, g in zip(parameters, found, strict=True)}
        return {"loss/total": total.detach().cpu().numpy(), **named}

    def _put(self, *arrays: np.ndarray) -> list[Tensor]:
        return [torch.from_numpy(array).to(self._device) for array in arrays]

    def _leaves(self, arrays: Mapping[str, np.ndarray]) -> Tensors:
        return {name: torch.tensor(x, device=self._device, requires_grad=True) for name, x in arrays.items()}


class CompiledTorchStep(TorchStep):
    """The same with `torch.compile` in its default mode."""

    def _prepare(self, cost: Cost) -> Cost:
        return torch.compile(cost)
