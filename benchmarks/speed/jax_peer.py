"""The same step in JAX: noise, cost, gradients and Adam in one jitted function whose state is donated."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.speed.cases import RATE, Case
from ladder_np.network.specification import Specification

__all__ = ["JaxStep", "adam", "initial_state"]

Arrays = dict[str, Array]
Cost = Callable[..., Array]  # see make_cost
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8  # Adam's


def make_cost(specification: Specification) -> Cost:
    """Return the total cost as a function of parameters, x_labeled, y, x_unlabeled and noise."""
    top, eps = specification.top, specification.batch_norm_eps
    std, weights = specification.noise_std, specification.denoising_weights

    def normalize(a: Array) -> tuple[Array, Array, Array]:
        mean = a.mean(0)
        sigma = jnp.sqrt(jnp.square(a - mean).mean(0) + eps)
        return (a - mean) / sigma, mean, sigma

    def combine(z_tilde: Array, u: Array, parameters: Arrays, layer: int) -> Array:
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 = (parameters[f"combinator.{layer}.a{k}"] for k in range(1, 11))
        mu = a1 * jax.nn.sigmoid(a2 * u + a3) + a4 * u + a5
        v = a6 * jax.nn.sigmoid(a7 * u + a8) + a9 * u + a10
        return (z_tilde - mu) * v + mu

    def cost(parameters: Arrays, x_labeled: Array, y: Array, x_unlabeled: Array, noise: list[Array]) -> Array:
        n_labeled, n_corrupted = len(x_labeled), len(x_labeled) + len(x_unlabeled)
        corrupted = jnp.concatenate([x_labeled, x_unlabeled]) + std[0] * noise[0]
        h = jnp.concatenate([corrupted, x_unlabeled])
        z_tilde = [corrupted[n_labeled:]]
        clean: list[tuple[Array, Any, Any]] = [(x_unlabeled, 0, 1)]  # z, mean, sigma; layer 0 is not normalized
        for layer in range(1, top + 1):
            a = h @ parameters[f"encoder.{layer}.weight"]
            labeled, unlabeled = normalize(a[:n_labeled])[0], normalize(a[n_labeled:n_corrupted])[0]
            corrupted = jnp.concatenate([labeled, unlabeled]) + std[layer] * noise[layer]
            z_tilde.append(corrupted[n_labeled:])
            clean.append(normalize(a[n_corrupted:]))
            beta = parameters[f"encoder.{layer}.beta"]
            if layer < top:
                h = jax.nn.relu(jnp.concatenate([corrupted, clean[layer][0]]) + beta)
        b = parameters[f"encoder.{top}.gamma"] * (corrupted + beta)
        total = -jax.nn.log_softmax(b[:n_labeled])[jnp.arange(n_labeled), y].mean()
        vertical = jax.nn.softmax(b[n_labeled:])
        for layer in range(top, -1, -1):
            z_hat = combine(z_tilde[layer], normalize(vertical)[0], parameters, layer)
            z, mean, sigma = clean[layer]
            total = total + weights[layer] * jnp.square((z_hat - mean) / sigma - z).mean()
            if layer:
                vertical = z_hat @ parameters[f"decoder.{layer - 1}.weight"]
        return total

    return cost


def adam(state: dict[str, Any], gradients: Arrays) -> dict[str, Any]:
    """Return parameters, moments and count after one update."""
    count = state["count"] + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, state["m"], gradients)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, state["v"], gradients)
    rate, scale = RATE / (1 - BETA1**count), 1 / (1 - BETA2**count)
    parameters = jax.tree.map(
        lambda theta, m, v: theta - rate * m / (jnp.sqrt(scale * v) + EPS), state["parameters"], m, v
    )
    return {"parameters": parameters, "m": m, "v": v, "count": count}


class JaxStep:
    """A training step in one jitted function."""

    def __init__(self, case: Case) -> None:
        specification = case.specification()
        self._top = specification.top
        self._gradients = jax.jit(jax.value_and_grad(make_cost(specification)))
        self._step = _make_step(specification, case.n_labeled + case.n_unlabeled)
        self._state = initial_state(dataclasses.replace(case, device="cpu").network().parameters)
        batch = case.batch()
        self._batch = [jnp.asarray(rows) for rows in (batch.x_labeled, batch.y, batch.x_unlabeled)]

    def step(self) -> None:
        """Take one step and wait for it."""
        self._state = self._step(self._state, *self._batch)
        jax.block_until_ready(self._state)

    def loss_and_gradients(self, vectors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return ``loss/total`` and every ``grad/…`` of the step in `vectors`."""
        parameters = {name: vectors[f"param/{name}"] for name in self._state["parameters"]}
        batch = [vectors[f"input/{name}"] for name in ("x_labeled", "y", "x_unlabeled")]
        noise = [vectors[f"noise/{layer}"] for layer in range(self._top + 1)]
        with jax.enable_x64(vectors["loss/total"].dtype == np.float64):
            total, gradients = self._gradients(parameters, *batch, noise)
        return {"loss/total": np.asarray(total), **{f"grad/{name}": np.asarray(g) for name, g in gradients.items()}}


def initial_state(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the state of training at the parameters `arrays`, before the first step."""
    parameters = {name: jnp.array(array) for name, array in arrays.items()}
    m, v = jax.tree.map(jnp.zeros_like, parameters), jax.tree.map(jnp.zeros_like, parameters)
    return {"parameters": parameters, "m": m, "v": v, "count": jnp.zeros((), jnp.float32), "key": jax.random.key(0)}


def _make_step(specification: Specification, rows: int) -> Callable[..., dict[str, Any]]:
    cost = make_cost(specification)

    @partial(jax.jit, donate_argnums=0)
    def step(state: dict[str, Any], x_labeled: Array, y: Array, x_unlabeled: Array) -> dict[str, Any]:
        key, *keys = jax.random.split(state["key"], 1 + len(specification.sizes))
        noise = [jax.random.normal(k, (rows, size)) for k, size in zip(keys, specification.sizes, strict=True)]
        _, gradients = jax.value_and_grad(cost)(state["parameters"], x_labeled, y, x_unlabeled, noise)
        return {**adam(state, gradients), "key": key}

    return step
