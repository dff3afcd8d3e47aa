"""Test vectors: one complete training step in a file, and the comparison of two such files.

The format (version 1), all floats of the run's dtype, L layers above the input, N labeled and M unlabeled rows:

    meta                                JSON: version, the network's description, seed
    param/{name}                        as `Parameters` names them
    input/x_labeled, input/y, input/x_unlabeled
    noise/{l}                           (N+M, d_l) standard normal draws before scaling, labeled rows first
    clean/z.{l}, clean/mean.{l}, clean/std.{l}          (M, d_l), (d_l,), (d_l,); no mean and std at l = 0
    corrupted/z.{l}, corrupted/h.{l}    (N+M, d_l), labeled rows first
    decoder/u.{l}, decoder/z_hat.{l}, decoder/z_hat_bn.{l}      (M, d_l)
    loss/supervised, loss/denoising (L+1,), loss/total
    grad/{name}                         d loss/total
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ladder_np.arrays import Array, Device
from ladder_np.errors import InputError
from ladder_np.files import read_json, read_npz
from ladder_np.inspection.example import example_step
from ladder_np.network.ladder import State, backward, forward
from ladder_np.network.specification import MOST_LAYERS, Specification
from ladder_np.version import __version__

__all__ = ["Difference", "compare_vectors", "make_vectors", "read_vectors", "required_keys"]

VERSION = 1
TOLERANCE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}
ROUNDINGS = 16  # of the total cost, in units of its last place: the size of a gradient that is zero but for rounding


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
    state = forward(parameters, batch, noise, every_layer=True)
    gradients = parameters.zeros_like()
    backward(parameters, state, gradients)
    meta = {"version": VERSION, **specification.as_json(), "seed": seed, "ladder_np": __version__}
    arrays: dict[str, Array] = {f"param/{name}": view for name, view in parameters.items()}
    arrays |= {"input/x_labeled": batch.x_labeled, "input/y": batch.y, "input/x_unlabeled": batch.x_unlabeled}
    arrays |= {f"noise/{layer}": draws for layer, draws in enumerate(noise) if draws is not None}
    arrays |= _intermediates(state)
    arrays |= {f"grad/{name}": view for name, view in gradients.items()}
    there = {key: np.asarray(device.get(value), order="C") for key, value in arrays.items()}
    return {"meta": np.array(json.dumps(meta))} | there


def _intermediates(state: State) -> dict[str, Array]:
    """Return what the forward pass computed, by the format's keys."""
    lanes, encoder, decoder = state.lanes, state.encoder, state.decoder
    arrays: dict[str, Array] = {"clean/z.0": state.batch.x_unlabeled}
    for layer, h in enumerate(encoder.h):
        if layer > 0:
            arrays[f"clean/z.{layer}"] = encoder.z[layer][lanes.clean]  # type: ignore[index]
            arrays[f"clean/mean.{layer}"], arrays[f"clean/std.{layer}"] = encoder.clean_statistics(layer)
        arrays[f"corrupted/z.{layer}"] = encoder.z_tilde[layer][lanes.corrupted]
        arrays[f"corrupted/h.{layer}"] = h[lanes.corrupted]
        arrays[f"decoder/u.{layer}"] = decoder.u[layer]
        arrays[f"decoder/z_hat.{layer}"] = decoder.z_hat[layer]
        arrays[f"decoder/z_hat_bn.{layer}"] = decoder.z_hat_bn[layer]
    losses = state.losses
    return arrays | {
        "loss/supervised": losses.supervised,
        "loss/denoising": losses.denoising,
        "loss/total": losses.total,
    }


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
        If it is no such file, or of a version this program does not know.
    """
    arrays = read_npz(path, "a file of test vectors")
    for key, array in arrays.items():
        if key != "meta" and array.dtype.kind not in "fiu":
            raise InputError(f"{path}: {key} holds {array.dtype}; expected real numbers")
    if complete or "meta" in arrays:
        text = arrays.get("meta", np.array(""))
        meta = read_json(str(text[()])) if text.ndim == 0 else None
        if not isinstance(meta, dict) or "version" not in meta:
            raise InputError(f"{path}: not a file of test vectors: no meta entry that names a version")
        version = meta["version"]
        if version != VERSION:
            raise InputError(f"{path}: test vectors of version {version!r}; this program reads version {VERSION}")
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
        Largest relative difference that passes. Default: 1e-4 where either is float32, else 1e-9. A gradient that is
        zero but for rounding (in the reference, under 16 roundings of the total cost everywhere, as behind a shift
        before a batch norm) passes if the candidate's is as small.

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
    cost = float(np.abs(reference["loss/total"]).max(initial=1)) if "loss/total" in reference else 1.0
    return [
        _difference(key, reference[key], candidate[key], tolerance, cost if key.startswith("grad/") else 0.0)
        for key in shared
    ]


def _difference(
    key: str, reference: np.ndarray, candidate: np.ndarray, tolerance: float | None, cost: float
) -> Difference:
    """Compare one array; `cost` is the total cost for gradients, 0 for all else."""
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
    zero = ROUNDINGS * float(np.finfo(coarser).eps) * cost
    is_rounding = np.isfinite(cost) and largest <= zero and absolute <= zero
    limit = TOLERANCE[coarser] if tolerance is None else tolerance
    return Difference(key, reference.shape, absolute, relative, where, relative <= limit or is_rounding)


def _absolute_difference(reference: np.ndarray, candidate: np.ndarray) -> np.ndarray:
    """Return |candidate − reference|, infinite where either is no finite number: no right step has any."""
    finite = np.isfinite(reference) & np.isfinite(candidate)
    return np.abs(np.subtract(candidate, reference, where=finite, out=np.full(reference.shape, np.inf)))


def _in_order(reference: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield the reference's keys as a network computes them; those the format does not know come last."""
    known = [key for key in _computing_order(reference) if key in reference]
    yield from known
    yield from (key for key in reference if key not in known)


def _computing_order(reference: Mapping[str, np.ndarray]) -> Iterator[str]:
    numbers = [key.removeprefix("corrupted/z.") for key in reference if key.startswith("corrupted/z.")]
    top = max((int(number) for number in numbers if number.isdecimal()), default=MOST_LAYERS)
    layers = range(1 + min(top, MOST_LAYERS))
    yield from (key for key in reference if key.startswith(("param/", "input/", "noise/")))
    for layer in layers:
        yield from (f"clean/{name}.{layer}" for name in ("mean", "std", "z"))
        yield from (f"corrupted/{name}.{layer}" for name in ("z", "h"))
    yield "loss/supervised"
    for layer in reversed(layers):
        yield from (f"decoder/{name}.{layer}" for name in ("u", "z_hat", "z_hat_bn"))
    yield from ("loss/denoising", "loss/total")
    gradients = [key for key in reference if key.startswith("grad/")]
    for layer in layers:  # backwards: up through the decoder, then down through the encoder
        yield from (key for key in gradients if key.startswith(f"grad/combinator.{layer}."))
        yield from (key for key in gradients if key.startswith(f"grad/decoder.{layer}."))
    for layer in reversed(layers):
        yield from (key for key in reversed(gradients) if key.startswith(f"grad/encoder.{layer}."))
