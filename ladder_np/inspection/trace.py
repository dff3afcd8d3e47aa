"""One batch through the network, stage by stage: what the real passes compute, watched while they run.

Nothing is computed a second time, and no pass knows that it is watched: `stages` says where to look, `watch` looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ladder_np.arrays import Device
from ladder_np.errors import InputError
from ladder_np.inspection.example import example_step
from ladder_np.inspection.stages import GATES, LAYERS, PARTS, STAGES, TARGET_STATISTICS, WAY_BACK, Stage
from ladder_np.inspection.watch import Seen, Sighting, Watch
from ladder_np.network.ladder import backward, forward
from ladder_np.network.lanes import Lanes
from ladder_np.network.specification import Specification

__all__ = ["Reading", "of_layer", "trace_step"]

PACKAGE = "ladder_np."
ROUNDINGS = 16  # in units of the last place: what is smaller than so many is zero but for rounding
EXPONENTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
INDICES = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Reading:
    """One stage of one step.

    Attributes
    ----------
    part : str
        The part of the step, a key of `PARTS`.
    name : str
        The symbol in ASCII: z_tilde; a gradient begins with d. No two of a layer are the same.
    layer : int or None
        0 is the input; None for what belongs to no layer.
    symbol, equation, paper : str
        The equation is its right-hand side; `paper` says where it stands, nothing on the way back.
    function, file, line : str, str, int
        What returned the value or, of a sum over several roads, where they join; the file as seen from the package.
    shape : tuple of int
        (rows, units), or (units,); () of a cost.
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
        Where the step runs; the CPU by default. Where passes are fused, the stages that kernels leave in memory.

    Returns
    -------
    list of Reading
        By part; within a part in the order in which they were computed. What no λ asks for is not run.

    Raises
    ------
    InputError
        If a lane has fewer than 2 rows.
    """
    device = device or Device()
    parameters, batch, noise = example_step(specification, n_labeled, n_unlabeled, seed, device=device)
    gradients = parameters.zeros_like()
    names = {"phi": specification.activation, "g": specification.combinator}
    watch = Watch((place for stage in STAGES for place in stage.places), names, device)
    with np.errstate(all="ignore"), watch.watching():  # infinite values are for the reader to see
        state = forward(parameters, batch, noise)
        backward(parameters, state, gradients)
        cost = abs(float(device.get(state.losses.total)))
        return _readings(watch.seen, specification, state.lanes, cost)


def of_layer(readings: Sequence[Reading], layer: int) -> list[Reading]:
    """Return the stages of one layer.

    Raises
    ------
    InputError
        If there is no such layer.
    """
    top = max(reading.layer or 0 for reading in readings)
    if not 0 <= layer <= top:
        raise InputError(f"layer {layer}: the network has layers 0, the input, to {top}, the classes")
    return [reading for reading in readings if reading.layer == layer]


def _readings(seen: Seen, specification: Specification, lanes: Lanes, cost: float) -> list[Reading]:
    """Return what the table makes of all sightings, in order."""
    found: list[tuple[int, int, Reading]] = []
    parts = list(PARTS)
    for stage in STAGES:
        if stage.name in TARGET_STATISTICS and specification.stop_gradient_targets:
            continue
        place = next((place for place in stage.places if place in seen), stage.places[0])
        for layer, sightings in seen.get(place, {}).items():
            if layer is None and stage.layers != "none":  # the passes begin and end outside their loops over layers
                layer = specification.top if stage.layers == "top" else 0
            if layer is not None and not LAYERS[stage.layers](layer, specification.top):
                continue
            value = _of_lanes(sightings, place.call, place.rows or stage.rows, lanes)
            if value.size:
                reading = _reading(stage, layer, specification, sightings[0], value, cost)
                found.append((parts.index(stage.part), sightings[0].order, reading))
    return [reading for _, _, reading in sorted(found, key=lambda each: each[:2])]


def _of_lanes(sightings: list[Sighting], call: int | None, rows: str | slice | None, lanes: Lanes) -> np.ndarray:
    """Return the rows of what was seen that a stage is about."""
    if rows is None:
        return sightings[call or 0].value
    whole = np.concatenate([np.atleast_2d(sighting.value) for sighting in sightings])
    if isinstance(rows, str):
        return whole[getattr(lanes, rows)]
    statistics = whole[rows]
    return statistics[0] if len(statistics) == 1 else statistics


def _reading(
    stage: Stage, layer: int | None, specification: Specification, made: Sighting, value: np.ndarray, cost: float
) -> Reading:
    gate, paper = GATES[specification.combinator]
    texts = _numbered(layer) | {"phi": specification.activation}
    texts |= {"v": gate.format(**texts), "paper": paper}
    is_gradient, exact = stage.part in WAY_BACK, value.astype(np.float64)
    largest = max(float(np.abs(exact).max()), cost if is_gradient else 0.0)
    return Reading(
        part=stage.part,
        name=stage.name,
        layer=layer,
        symbol=stage.symbol.format(**texts),
        equation=stage.equation.format(**texts),
        paper=(stage.paper or PARTS[stage.part]).format(**texts),
        function=made.function,
        file=made.module.removeprefix(PACKAGE).replace(".", "/") + ".py",
        line=made.line,
        shape=value.shape,
        mean=float(exact.mean()),
        std=float(exact.std()),
        norm=float(np.linalg.norm(exact)) if is_gradient else None,
        value=value,
        rounding=ROUNDINGS * float(np.finfo(value.dtype).eps) * largest if np.isfinite(largest) else 0.0,
    )


def _numbered(layer: int | None) -> dict[str, str]:
    """Return the layer's number and its neighbors' as exponents, and as an index."""
    if layer is None:
        return dict.fromkeys(("l", "below", "above", "s"), "")
    exponents = {
        name: str(layer + step).translate(EXPONENTS) for name, step in (("l", 0), ("below", -1), ("above", 1))
    }
    return exponents | {"s": str(layer).translate(INDICES)}
