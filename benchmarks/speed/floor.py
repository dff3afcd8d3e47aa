"""The floor: the matrix products of a step alone, same shapes, same BLAS.

Every product belongs to one weight matrix W (inputs, outputs) and is one of

    forward     (rows, inputs) W                               in the encoder, or V in the decoder
    weight      (inputs, rows)(rows, outputs) = hᵀ da          the gradient of W, written in place
    input       (rows, outputs) Wᵀ                             the gradient of what came in

A convolution's products are those of its patches, which are there already: rows are positions of samples, inputs k²C,
and the gradient of what came in is a convolution itself.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from benchmarks.speed.cases import Case
from ladder_np.arrays import Array, Device
from ladder_np.network.inference import ROWS_AT_ONCE
from ladder_np.network.layers import Lanes, resolve
from ladder_np.network.specification import Specification
from ladder_np.operations.maps import Map

__all__ = [
    "FloorInference",
    "FloorStep",
    "Product",
    "Products",
    "inference_products",
    "map_products",
    "step_products",
    "total_flop",
]


@dataclass(frozen=True)
class Product:
    """One matrix product with or for the matrix `name` (inputs, outputs)."""

    kind: str
    name: str
    rows: int
    inputs: int
    outputs: int

    @property
    def flop(self) -> int:
        """Multiplications and additions."""
        return 2 * self.rows * self.inputs * self.outputs


def total_flop(case: Case) -> int:
    """Return the multiplications and additions in all products of a step."""
    return sum(product.flop for product in step_products(case.specification(), case.n_labeled, case.n_unlabeled))


def step_products(specification: Specification, n_labeled: int, n_unlabeled: int) -> list[Product]:
    """Return the products of a training step in the order in which it needs them.

    The rows are those of the lanes that the λs ask for; the decoder runs down to the lowest layer with λ > 0.
    """
    layers, top = resolve(specification), specification.top
    lanes = Lanes.needed(specification, n_labeled, n_unlabeled)

    def encoder(kind: str, layer: int) -> list[Product]:
        constant_targets = kind != "forward" and specification.stop_gradient_targets
        clean = lanes.n_unlabeled if lanes.has_clean(layer) and not constant_targets else 0
        rows = lanes.n_corrupted + clean
        return map_products(kind, f"encoder.{layer}", layers[layer].up, rows)

    def decoder(kind: str, layer: int) -> list[Product]:
        return map_products(kind, f"decoder.{layer}", layers[layer].down, lanes.n_unlabeled)

    products = [encoder("forward", layer) for layer in range(1, top + 1)]
    products += [decoder("forward", layer) for layer in range(top - 1, lanes.lowest - 1, -1)]
    for layer in range(lanes.lowest, top):
        products += [decoder("weight", layer), decoder("input", layer)]
    for layer in range(top, 1, -1):
        products += [encoder("weight", layer), encoder("input", layer)]
    products += [encoder("weight", 1)]  # the gradient of x is not needed
    return list(itertools.chain.from_iterable(products))


def map_products(kind: str, name: str, one: Map, samples: int) -> list[Product]:
    """Return the product of a map for so many samples; none where it has no weight."""
    if one.weight is None:
        return []
    if len(one.weight) == 2:
        return [Product(kind, name, samples, *one.weight)]
    k, _, inputs, outputs = one.weight
    if kind == "input":  # a convolution of da with the weight turned around
        return [Product("forward", f"{name} turned", samples * math.prod(one.input[:2]), k * k * outputs, inputs)]
    return [Product(kind, name, samples * math.prod(one.output[:2]), k * k * inputs, outputs)]


def inference_products(sizes: tuple[int, ...], rows: int) -> list[Product]:
    """Return the products that the classes of `rows` rows need."""
    pairs = enumerate(itertools.pairwise(sizes), start=1)
    return [Product("forward", f"encoder.{layer}", rows, *widths) for layer, widths in pairs]


class Products:
    """Run a list of products with random operands; those of one matrix share them, as in a network."""

    def __init__(self, products: list[Product], dtype: str, device: str) -> None:
        self._device = Device(device)
        self._dtype = np.dtype(dtype)
        self._generator = np.random.default_rng(0)
        self._arrays: dict[tuple[str, str, int, int], Array] = {}
        self._operands = [self._prepare(product) for product in products]

    def step(self) -> None:
        """Run all products once, in order, and wait for them."""
        for left, right, out in self._operands:
            self._device.xp.matmul(left, right, out=out)
        self._device.synchronize()

    def _prepare(self, product: Product) -> tuple[Array, Array, Array]:
        rows, inputs, outputs = product.rows, product.inputs, product.outputs
        if product.kind == "forward":
            h, W = self._array("h", product, rows, inputs), self._array("W", product, inputs, outputs)
            return h, W, self._array("a", product, rows, outputs)
        da = self._array("da", product, rows, outputs)
        if product.kind == "weight":
            h = self._array("h", product, rows, inputs)
            return h.T, da, self._array("dW", product, inputs, outputs)
        return da, self._array("W", product, inputs, outputs).T, self._array("dh", product, rows, inputs)

    def _array(self, role: str, product: Product, rows: int, columns: int) -> Array:
        key = role, product.name, rows, columns
        if key not in self._arrays:
            values = self._generator.standard_normal((rows, columns), dtype=np.float32)
            self._arrays[key] = self._device.put(values.astype(self._dtype, copy=False))
        return self._arrays[key]


class FloorStep(Products):
    """The products of one training step."""

    def __init__(self, case: Case) -> None:
        products = step_products(case.specification(), case.n_labeled, case.n_unlabeled)
        super().__init__(products, case.dtype, case.device)


class FloorInference(Products):
    """The products of predicting `n_unlabeled` rows, in batches as prediction takes them."""

    def __init__(self, case: Case) -> None:
        rows = [min(ROWS_AT_ONCE, case.n_unlabeled - start) for start in range(0, case.n_unlabeled, ROWS_AT_ONCE)]
        super().__init__([p for n in rows for p in inference_products(case.sizes, n)], case.dtype, case.device)
