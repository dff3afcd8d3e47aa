"""One batch through the network, stage by stage: what the passes compute, each with its equation and line of code.

The passes keep everything they compute (`Passes.keep`), and run as plain formulas on every device.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.errors import InputError
from ladder_np.inspection.example import example_step
from ladder_np.network.ladder import backward_records, forward
from ladder_np.network.passes import Passes
from ladder_np.network.quantities import GIVEN, PARTS, WAY_BACK, Item
from ladder_np.network.specification import Specification

__all__ = ["Reading", "of_layer", "trace_step"]

ROUNDINGS = 16  # in units of the last place: what is smaller than so many is zero but for rounding


@dataclass(frozen=True)
class Reading:
    """One stage of one step.

    Attributes
    ----------
    part : str
        The part of the step, a key of `PARTS`.
    name : str
        The symbol in ASCII: z_tilde; a gradient begins with d. No two of a layer and part are the same.
    layer : int or None
        0 is the input; None for what belongs to no layer.
    symbol, equation, paper : str
        The equation is its right-hand side; `paper` says where it stands, nothing on the way back.
    function, file, line : str, str, int
        Where it is computed, the line being that of the formula; the file as seen from the package.
    shape : tuple of int
        The layer's shape behind the rows, or (units,); () of a cost. A combinator's parameters stand side by side.
    mean, std : float
        Over all elements; std with divisor n.
    norm : float or None
        Root of the sum of squares of a gradient; None on the way forward.
    value : ndarray
        A copy on the host, in the step's dtype.
    rounding : float
        What is smaller is zero but for rounding.
    """

    part: str
    name: str
    layer: int | None
    symbol: str
    equation: str
    paper: str
    function: str
    file: str
    line: int
    shape: tuple[int, ...]
    mean: float
    std: float
    norm: float | None
    value: np.ndarray
    rounding: float


def trace_step(
    specification: Specification, n_labeled: int, n_unlabeled: int, seed: int, device: Device | None = None
) -> list[Reading]:
    """Run one step at random parameters, as `make_vectors` does, and return every stage of it.

    Parameters
    ----------
    specification : Specification
    n_labeled, n_unlabeled : int
        Rows, at least 2 each.
    seed : int
        Of parameters, inputs and noise.
    device : Device, optional
        Where the step runs; the CPU by default.

    Returns
    -------
    list of Reading
        By part; within a part in the order in which they are computed. What no λ asks for is not run.

    Raises
    ------
    InputError
        If a lane has fewer than 2 rows.
    """
    device = device or Device()
    parameters, batch, noise = example_step(specification, n_labeled, n_unlabeled, seed, device=device)
    gradients, passes = parameters.zeros_like(), Passes(specification, n_labeled, n_unlabeled, keep=True)
    with np.errstate(all="ignore"):  # infinite values are for the reader to see
        state = forward(parameters, batch, noise, passes)
        records = list(backward_records(state, gradients))
        cost = abs(float(device.get(state.losses.total)))
        items = [item for item in state.items(gradients, records) if item.quantity.symbol]
        deviations = dict(_deviations(items, device))
        readings = [_reading(item, device, cost, deviations) for item in items if item.quantity.part != GIVEN]
    parts = list(PARTS)
    return sorted(readings, key=lambda reading: parts.index(reading.part))


def of_layer(readings: Sequence[Reading], layer: int) -> list[Reading]:
    """Return the stages of one layer.

    Raises
    ------
    InputError
        If the network does not have that layer.
    """
    top = max(reading.layer or 0 for reading in readings)
    if not 0 <= layer <= top:
        raise InputError(f"layer {layer}: the network has layers 0, the input, to {top}, the classes")
    return [reading for reading in readings if reading.layer == layer]


def _deviations(items: Sequence[Item], device: Device) -> Iterator[tuple[tuple[str, int], float]]:
    """Yield a layer's largest deviation by the name of the mean beside it, which may be zero but for rounding."""
    for item in items:
        if item.layer is not None and item.quantity.name in ("sigma", "sigma_tilde"):
            name = item.quantity.name.replace("sigma", "mu")
            yield (name, item.layer.index), float(np.abs(_on_host(item.value, device)).max())


def _reading(item: Item, device: Device, cost: float, deviations: Mapping[tuple[str, int], float]) -> Reading:
    quantity, texts, value = item.quantity, item.texts, _on_host(item.value, device)
    is_gradient, exact = quantity.part in WAY_BACK, value.astype(np.float64)
    beside = deviations.get((quantity.name, item.layer.index), 0.0) if item.layer else 0.0
    largest = max(float(np.abs(exact).max()), cost if is_gradient else beside)
    paper = item.layer.combinator.paper if item.layer and quantity.name == "z_hat" else ""
    assert item.formula is not None  # what is computed has one
    file, line = item.formula.place()
    return Reading(
        part=quantity.part,
        name=quantity.name,
        layer=item.layer.index if item.layer else None,
        symbol=quantity.symbol.format(**texts),
        equation=quantity.equation.format(**texts),
        paper=paper or PARTS[quantity.part],
        function=item.formula.name,
        file=file,
        line=line,
        shape=value.shape,
        mean=float(exact.mean()),
        std=float(exact.std()),
        norm=float(np.linalg.norm(exact)) if is_gradient else None,
        value=value,
        rounding=ROUNDINGS * float(np.finfo(value.dtype).eps) * largest if np.isfinite(largest) else 0.0,
    )


def _on_host(value: Array | Mapping[str, Array], device: Device) -> np.ndarray:
    """Return a copy on the host; of a combinator's parameters, which may differ in shape, as (parameters, units)."""
    if isinstance(value, Mapping):
        views = [device.get(view) for view in value.values()]
        same = len({view.shape for view in views}) == 1
        return np.stack(views) if same else np.concatenate([view.ravel() for view in views])
    return np.array(device.get(value))
