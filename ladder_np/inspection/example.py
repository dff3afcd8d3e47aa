"""A random step to inspect: parameters, batch and noise, away from the starting point (fact 9)."""

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.errors import InputError
from ladder_np.network.ladder import Batch
from ladder_np.network.noise import Noise
from ladder_np.network.parameters import Parameters, random_parameters
from ladder_np.network.specification import Specification
from ladder_np.operations.normalization import FEWEST_ROWS
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["check_numbers", "example_step"]


def check_numbers(specification: Specification, n_labeled: int, n_unlabeled: int) -> None:
    """Raise InputError if a lane has too few rows to be normalized."""
    for name, rows, fewest in (
        ("labeled", n_labeled, specification.fewest_labeled),
        ("unlabeled", n_unlabeled, FEWEST_ROWS),
    ):
        if rows < fewest:
            raise InputError(f"{rows} {name} rows: batch normalization needs at least {fewest}")


def example_step(
    specification: Specification,
    n_labeled: int,
    n_unlabeled: int,
    seed: int,
    repetition: int = 0,
    device: Device | None = None,
) -> tuple[Parameters, Batch, Noise]:
    """Return random parameters, inputs N(0, 1), classes that take turns, and noise of every layer.

    Raises InputError if a lane has too few rows to be normalized.
    """
    check_numbers(specification, n_labeled, n_unlabeled)
    device = device or Device()
    generator = stream(check_seed(seed), Stream.EXAMPLE_BATCH, repetition)
    parameters = random_parameters(specification, generator)
    y = generator.permutation(np.arange(n_labeled) % specification.sizes[-1])

    def draw(rows: int, size: int) -> Array:
        return device.put(generator.standard_normal((rows, size), dtype=specification.numpy_dtype))

    inputs = specification.sizes[0]
    batch = Batch(draw(n_labeled, inputs), device.put(y), draw(n_unlabeled, inputs))
    noise: Noise = [draw(n_labeled + n_unlabeled, size) for size in specification.sizes]
    return Parameters(specification, device.put(parameters.vector)), batch, noise
