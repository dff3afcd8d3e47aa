"""How near each convolution of `benchmarks.speed` comes to the rate of its own matrix product, on the CPU.

    python -m benchmarks.convolution_layers [--repeats N]

Of each encoder layer, 300 images (100 labeled, 100 unlabeled corrupted and clean), float32: milliseconds of the one
product that its patches, if they were there already, make with the weight, and of the convolution itself; then the
same of the way back, which has two products (in the first layer one: nobody needs the gradient of the images). The
product runs on all BLAS threads. Medians; run nothing else meanwhile.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

# isort: off
from ladder_np.network.layers import (
    Layer,
    resolve,
)  # before NumPy: ladder_np prepares what NumPy reads when it is loaded
import numpy as np

# isort: on
from benchmarks.speed.cases import CIFAR_SMALL, CONV_SMALL
from benchmarks.speed.floor import Product, Products, map_products
from ladder_np.arrays import keep_freed_memory
from ladder_np.network.specification import Specification

IMAGES = 300
NETWORKS = {"Conv-Small": CONV_SMALL, "small network for CIFAR-10": CIFAR_SMALL}
HEAD = (
    "| network, layer | product | GFLOP/s | product, ms | convolution, ms | product / convolution "
    "| products back, ms | convolution back, ms | products / convolution |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Row:
    """One layer: its product up, and milliseconds of products and convolution, up and back."""

    name: str
    product: Product
    up: tuple[float, float]
    back: tuple[float, float]

    def __str__(self) -> str:
        p = self.product
        cells = [
            self.name,
            f"{p.rows} × {p.inputs} × {p.outputs}",
            f"{p.flop / self.up[0] / 1e6:.0f}",
            *(cell for alone, ours in (self.up, self.back) for cell in _cells(alone, ours)),
        ]
        return f"| {' | '.join(cells)} |"


def _cells(alone: float, ours: float) -> list[str]:
    return [f"{alone:.1f}", f"{ours:.1f}", f"{alone / ours:.2f}"]


def rows(repeats: int, images: int = IMAGES) -> Iterator[Row]:
    """Yield the row of each convolution of both networks."""
    for network, sizes in NETWORKS.items():
        specification = Specification(sizes, dtype="float32")  # type: ignore[arg-type]
        for text, layer in zip(specification.layers, resolve(specification)[1:], strict=True):
            if text.startswith("conv"):
                yield row(f"{network}, {text}", layer, images, repeats)


def row(name: str, layer: Layer, images: int, repeats: int) -> Row:
    """Measure one convolution beside its products."""
    one, generator = layer.up, np.random.default_rng(0)
    h, a = (
        generator.standard_normal((images * int(np.prod(shape[:2])), shape[2]), dtype=np.float32)
        for shape in (one.input, one.output)
    )
    W = generator.standard_normal(one.weight, dtype=np.float32)
    dW, wanted = np.empty_like(W), layer.index > 1
    back = [
        product for kind in ("weight", "input")[: 1 + wanted] for product in map_products(kind, name, one, images)
    ]
    (forward,) = map_products("forward", name, one, images)
    up = milliseconds(Products([forward], "float32", "cpu").step, lambda: one.forward(h, W), repeats)
    down = milliseconds(Products(back, "float32", "cpu").step, lambda: one.backward(a, W, h, dW, wanted), repeats)
    return Row(name, forward, up, down)


def milliseconds(alone: Callable[[], object], ours: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the median of each of two calls, which take turns; the first turn does not count."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for times, call in zip(taken, (alone, ours), strict=True):
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken[0][1:]), statistics.median(taken[1][1:])


def main(words: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.convolution_layers", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--repeats", type=int, default=9, metavar="N", help="of each measurement (default: 9)")
    repeats = parser.parse_args(words).repeats
    if repeats < 1:
        parser.error(f"--repeats {repeats}: expected 1 or more")
    keep_freed_memory()  # as training does: a result then takes the place of the last one
    print(HEAD)
    for one in rows(repeats):
        print(one, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
