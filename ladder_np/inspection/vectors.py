"""Test vectors: one complete training step in a file, and the comparison of two such files.

The keys, their order and their values are those of the one table of a step's quantities (`network.quantities`, column
`vector`); shapes are in the table of ladder_np/README.md. All floats have the run's dtype. Version 1 is a network of
dense layers whose labeled rows are normalized with their own statistics; version 2, any layers and statistics, adds
`layers`, `input_shape`, what each layer has, and `labeled_statistics` to `meta`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.arrays import Device
from ladder_np.errors import InputError
from ladder_np.files import read_json_entry, read_npz
from ladder_np.inspection.example import example_step
from ladder_np.network.fused import make_passes
from ladder_np.network.ladder import Batch, backward_records, forward
from ladder_np.network.layers import Layer
from ladder_np.network.noise import Noise
from ladder_np.network.parameters import Parameters
from ladder_np.network.passes import Passes
from ladder_np.network.quantities import WALK, Item
from ladder_np.network.specification import Specification
from ladder_np.version import __version__, unknown_format

__all__ = ["Difference", "compare_vectors", "make_vectors", "read_vectors", "required_keys"]

VERSIONS = (1, 2)
TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}
ROUNDINGS = 16  # in units of the last place of what `_scale` returns: the size of what is zero but for rounding


def make_vectors(
    specification: Specification, n_labeled: int, n_unlabeled: int, seed: int, device: Device | None = None
) -> dict[str, np.ndarray]:
    """Run one step at random parameters and return everything in it, by the format's keys.

    Parameters
    ----------
    specification : Specification
    n_labeled, n_unlabeled : int
        Rows, at least 2 each.
    seed : int
        Of parameters, inputs and noise, which are the same on every device.
    device : Device, optional
        Where the step runs; the CPU by default.

    Raises
    ------
    InputError
        If a lane has fewer than 2 rows.
    """
    device = device or Device()
    parameters, batch, noise = example_step(specification, n_labeled, n_unlabeled, seed, device=device)
    passes = make_passes(specification, device, n_labeled, n_unlabeled, every_layer=True)
    meta = _meta(specification, passes.layers) | {"seed": seed, "ladder_np": __version__}
    arrays = {key: value for item in step_items(parameters, batch, noise, passes) for key, value in item.arrays()}
    there = {key: np.asarray(device.get(value), order="C") for key, value in arrays.items() if key}
    return {"meta": np.array(json.dumps(meta))} | there


def step_items(
    parameters: Parameters, batch: Batch, noise: Noise, passes: Passes, gradients: bool = True
) -> list[Item]:
    """Run one step and return every quantity of it in computing order; without `gradients`, of its way forward."""
    state, found = forward(parameters, batch, noise, passes), parameters.zeros_like() if gradients else None
    records = [] if found is None else list(backward_records(state, found))
    return list(state.items(found, records))


def _meta(specification: Specification, layers: Sequence[Layer]) -> dict[str, Any]:
    """Return the network's description: of version 2 if it has what version 1 does not know."""
    if specification.is_dense and specification.labeled_statistics == "own":
        return {"version": 1, **{k: v for k, v in specification.as_json().items() if k != "labeled_statistics"}}
    described = {
        "sizes": list(specification.sizes),
        "input_shape": list(specification.input_shape),
        "layers": list(specification.layers),
        "activation": [layer.phi for layer in layers[1:]],
        "has_beta": [layer.has_beta for layer in layers[1:]],
        "has_gamma": [layer.has_gamma for layer in layers[1:]],
    }
    return {"version": 2, **specification.as_json(), **described}


@dataclass(frozen=True)
class Difference:
    """How one key differs between two files.

    Attributes
    ----------
    key : str
    shape : tuple of int
        In the reference.
    absolute : float
        Largest absolute difference; infinite where shapes differ or either side is not finite.
    relative : float
        The same over the largest magnitude in the reference's array.
    where : tuple of int or None
        Index of the largest difference; None where shapes differ.
    passed : bool
        Within the tolerance.
    note : str
        What else to say, such as shapes that differ.
    """

    key: str
    shape: tuple[int, ...]
    absolute: float
    relative: float
    where: tuple[int, ...] | None
    passed: bool
    note: str = ""


def read_vectors(path: Path | str, complete: bool) -> dict[str, np.ndarray]:
    """Read a file of test vectors.

    Parameters
    ----------
    path : path
    complete : bool
        Whether it must have a ``meta`` entry, as a reference must; one that is there must name a known version.

    Raises
    ------
    InputError
        If it is not such a file, or of a version that this program does not know.
    """
    arrays = read_npz(path, "a file of test vectors")
    for key, array in arrays.items():
        if key != "meta" and array.dtype.kind not in "fiu":
            raise InputError(f"{path}: {key} holds {array.dtype}; expected real numbers")
    if complete or "meta" in arrays:
        meta = read_json_entry(arrays, "meta")
        if not isinstance(meta, dict) or "version" not in meta:
            raise InputError(f"{path}: not a file of test vectors: no meta entry that names a version")
        if meta["version"] not in VERSIONS:
            raise InputError(
                f"{path}: {unknown_format('test vectors', meta['version'], VERSIONS, meta.get('ladder_np'))}"
            )
    return arrays


def required_keys(reference: Mapping[str, np.ndarray], prefixes: Sequence[str]) -> list[str]:
    """Return the reference's keys that begin with any of the prefixes.

    Raises
    ------
    InputError
        If a prefix matches nothing.
    """
    keys: list[str] = []
    for prefix in prefixes:
        matching = [key for key in reference if key.startswith(prefix)]
        if not matching:
            raise InputError(f"no key of the reference begins with {prefix!r}")
        keys += [key for key in matching if key not in keys]
    return keys


def compare_vectors(
    reference: Mapping[str, np.ndarray],
    candidate: Mapping[str, np.ndarray],
    tolerance: float | None = None,
) -> list[Difference]:
    """Compare every key that both hold, in the order in which a network computes them.

    Parameters
    ----------
    reference, candidate : mapping of str to array
    tolerance : float, optional
        Largest relative difference that passes. Default: 1e-4 where either is float32, else 1e-9. What is zero but
        for rounding in the reference passes if the candidate's is as small: a gradient (as behind a shift before a
        batch norm) under 16 roundings of the total cost everywhere, a mean (as of a dense layer on a pooled one,
        where it is 0) under 16 of the deviation beside it.

    Returns
    -------
    list of Difference

    Raises
    ------
    InputError
        If they have no key in common.
    """
    shared = [key for key in _in_order(reference) if key in candidate and key != "meta"]
    if not shared:
        raise InputError("the two files have no key in common; names are those of the test-vector format")
    return [_difference(key, reference[key], candidate[key], tolerance, _scale(key, reference)) for key in shared]


def _scale(key: str, reference: Mapping[str, np.ndarray]) -> float:
    """Return of what size the rounding of a key is whose values are zero: of the cost, or of deviations."""
    beside = key.replace("clean/mean", "clean/std")
    if key.startswith("grad/"):
        return float(np.abs(reference["loss/total"]).max(initial=1)) if "loss/total" in reference else 1.0
    return float(np.abs(reference[beside]).max(initial=0)) if beside != key and beside in reference else 0.0


def _difference(
    key: str, reference: np.ndarray, candidate: np.ndarray, tolerance: float | None, scale: float
) -> Difference:
    """Compare one array, whose rounding is of the size of `scale` where it is zero."""
    if reference.shape != candidate.shape:
        note = f"shape {candidate.shape} instead of {reference.shape}"
        return Difference(key, reference.shape, np.inf, np.inf, None, False, note)
    if not reference.size:
        return Difference(key, reference.shape, 0.0, 0.0, None, True, "empty")
    coarser = np.dtype(np.float32) if np.float32 in (reference.dtype, candidate.dtype) else np.dtype(np.float64)
    difference = _absolute_difference(reference.astype(np.float64), candidate.astype(np.float64))
    where = tuple(int(i) for i in np.unravel_index(difference.argmax(), difference.shape))
    absolute = float(difference[where])
    largest = float(np.abs(reference.astype(np.float64)).max())
    relative = absolute / largest if largest and np.isfinite(largest) else (np.inf if absolute else 0.0)
    zero = ROUNDINGS * float(np.finfo(coarser).eps) * scale
    is_rounding = np.isfinite(scale) and largest <= zero and absolute <= zero
    limit = TOLERANCE[coarser] if tolerance is None else tolerance
    return Difference(key, reference.shape, absolute, relative, where, relative <= limit or is_rounding)


def _absolute_difference(reference: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Return |candidate − reference|, infinite where either is NaN or infinite: a right step has none."""
    finite = np.isfinite(reference) & np.isfinite(candidate)
    return np.abs(np.subtract(candidate, reference, where=finite, out=np.full(reference.shape, np.inf)))


def _in_order(reference: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield the reference's keys in computing order: what is given first, keys that the format does not know last."""
    places = {key: _place(key) for key in reference}
    yield from sorted((key for key in reference if places[key] is not None), key=places.get)  # type: ignore[arg-type]
    yield from (key for key in reference if places[key] is None)


def _place(key: str) -> tuple[int, ...] | None:
    """Return where a key stands in computing order: group of quantities, layer in the group's order, row."""
    for group, (rows, upward) in enumerate(WALK):
        for row, quantity in enumerate(rows):
            if quantity.vector and (match := _pattern(quantity.vector).fullmatch(key)):
                layer = int(match.groupdict().get("layer") or 0)
                if quantity.layers in ("input", "above input") and (quantity.layers == "input") != (layer == 0):
                    continue
                given = key.startswith(("param/", "input/", "noise/"))
                return (0, 0, 0, 0) if given else (1, group, layer if upward else -layer, row)
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return what a quantity's keys look like."""
    text = re.escape(template).replace(r"\{l\}", r"(?P<layer>\d{1,9})").replace(r"\{name\}", ".+")
    return re.compile(text)
