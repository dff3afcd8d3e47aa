"""The same step in PyTorch, as a competent user would write it; one function serves eager mode and `torch.compile`.

Lanes are stacked as in our own code, so that one product per layer serves all three; lanes whose statistics nothing
else needs are normalized by the fused batch norm, the clean lane by `var_mean`; Adam is the fused one.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.speed.cases import RATE, Case
from ladder_np.network.specification import Specification

__all__ = ["CompiledTorchStep", "TorchStep"]

Tensors = dict[str, Tensor]
Cost = Callable[..., Tensor]  # see make_cost


def make_cost(specification: Specification) -> Cost:
    """Return the total cost as a function of parameters, x_labeled, y, x_unlabeled and noise."""
    top, eps = specification.top, specification.batch_norm_eps
    std, weights = specification.noise_std, specification.denoising_weights

    def normalize(a: Tensor) -> Tensor:
        return functional.batch_norm(a, None, None, training=True, eps=eps)

    def normalize_clean(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        variance, mean = torch.var_mean(a, 0, correction=0)
        sigma = torch.sqrt(variance + eps)
        return (a - mean) / sigma, mean, sigma

    def combine(z_tilde: Tensor, u: Tensor, parameters: Tensors, layer: int) -> Tensor:
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 = (parameters[f"combinator.{layer}.a{k}"] for k in range(1, 11))
        mu = a1 * torch.sigmoid(a2 * u + a3) + a4 * u + a5
        v = a6 * torch.sigmoid(a7 * u + a8) + a9 * u + a10
        return (z_tilde - mu) * v + mu

    def cost(parameters: Tensors, x_labeled: Tensor, y: Tensor, x_unlabeled: Tensor, noise: list[Tensor]) -> Tensor:
        n_labeled, n_unlabeled = len(x_labeled), len(x_unlabeled)
        lanes = [n_labeled, n_unlabeled, n_unlabeled]
        corrupted = torch.cat([x_labeled, x_unlabeled]) + std[0] * noise[0]
        h = torch.cat([corrupted, x_unlabeled])
        z_tilde = [corrupted[n_labeled:]]
        clean: list[tuple[Tensor, Any, Any]] = [(x_unlabeled, 0, 1)]  # z, mean, sigma; layer 0 is not normalized
        for layer in range(1, top + 1):
            labeled, unlabeled, undisturbed = (h @ parameters[f"encoder.{layer}.weight"]).split(lanes)
            corrupted = torch.cat([normalize(labeled), normalize(unlabeled)]) + std[layer] * noise[layer]
            z_tilde.append(corrupted[n_labeled:])
            clean.append(normalize_clean(undisturbed))
            beta = parameters[f"encoder.{layer}.beta"]
            if layer < top:
                h = torch.relu(torch.cat([corrupted, clean[layer][0]]) + beta)
        b = parameters[f"encoder.{top}.gamma"] * (corrupted + beta)
        total = functional.cross_entropy(b[:n_labeled], y)
        vertical = torch.softmax(b[n_labeled:], 1)
        for layer in range(top, -1, -1):
            z_hat = combine(z_tilde[layer], normalize(vertical), parameters, layer)
            z, mean, sigma = clean[layer]
            z_hat_bn = (z_hat - mean) / sigma if layer else z_hat
            total = total + weights[layer] * functional.mse_loss(z_hat_bn, z)
            if layer:
                vertical = z_hat @ parameters[f"decoder.{layer - 1}.weight"]
        return total

    return cost


class TorchStep:
    """A training step in eager mode."""

    def __init__(self, case: Case) -> None:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        torch.manual_seed(0)
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
        gradients = torch.autograd.grad(total, list(parameters.values()))
        named = {f"grad/{name}": g.cpu().numpy() for name, g in zip(parameters, gradients, strict=True)}
        return {"loss/total": total.detach().cpu().numpy(), **named}

    def _put(self, *arrays: np.ndarray) -> list[Tensor]:
        return [torch.from_numpy(array).to(self._device) for array in arrays]

    def _leaves(self, arrays: Mapping[str, np.ndarray]) -> Tensors:
        return {name: torch.tensor(x, device=self._device, requires_grad=True) for name, x in arrays.items()}


class CompiledTorchStep(TorchStep):
    """The same with `torch.compile` in its default mode."""

    def _prepare(self, cost: Cost) -> Cost:
        return torch.compile(cost)
