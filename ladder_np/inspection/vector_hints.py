"""What the first difference between two files of test vectors may mean, tried out with the numbers in the files.

A hint is given only if the candidate's values are those of the mistake: the step is computed again from the
reference's parameters, rows and noise with one mistake at a time (`mistakes`), and what it gives for the first wrong
key must leave less than a fiftieth of the difference. Of several such mistakes those are named that explain most of
the other wrong keys. Everything else that is wrong may follow from the first difference, so nothing is said of it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.errors import InputError
from ladder_np.inspection.hints import shape_hint
from ladder_np.inspection.mistakes import GivenStep, Mistake, all_mistakes
from ladder_np.inspection.vectors import Difference, compare_vectors
from ladder_np.network.layers import resolve
from ladder_np.network.parameters import Parameters
from ladder_np.network.passes import Batch
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.normalization import FEWEST_ROWS

__all__ = ["explain_first", "given_step"]

LEFT = 0.02  # share of a difference that may be left when it counts as explained
GIVEN_KEYS = ("param/", "input/", "noise/")
NOTHING = "none of the known mistakes gives these values; compare this formula with yours, term by term"
GRADIENTS_ALONE = "with the values before the gradients in the candidate too, more mistakes could be told"
NOT_TRIED = "no known mistakes were tried: the reference does not follow from its own parameters, rows and noise"

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class _Comparison:
    reference: Arrays
    candidate: Arrays
    tolerance: float | None

    def explained(self, key: str, expected: np.ndarray) -> bool:
        """Return whether the candidate has the expected values for a key, and not by being near the right ones."""
        right, found = (np.asarray(arrays[key], np.float64) for arrays in (self.reference, self.candidate))
        if expected.shape != found.shape or not (np.isfinite(expected).all() and np.isfinite(found).all()):
            return False
        if right.shape == found.shape and np.linalg.norm(found - expected) > LEFT * np.linalg.norm(found - right):
            return False
        return self.agrees(key, expected, self.candidate[key])

    def agrees(self, key: str, expected: np.ndarray, found: np.ndarray) -> bool:
        """Return whether two arrays agree within the tolerance given, or that of their dtype."""
        ours = {key: expected.astype(self.reference[key].dtype)}
        limits = {None, self.tolerance}
        return any(compare_vectors(ours, {key: found}, limit)[0].passed for limit in limits)


def explain_first(
    reference: Arrays, candidate: Arrays, differences: Sequence[Difference], tolerance: float | None = None
) -> list[str]:
    """Return what the first wrong key is, and what its difference may mean, in lines of text.

    Parameters
    ----------
    reference, candidate : mapping of str to array
    differences : sequence of Difference
        All of them in computing order, as `compare_vectors` returns them.
    tolerance : float, optional
        That of the comparison.

    Returns
    -------
    list of str
        Empty if nothing is wrong.
    """
    first = next((difference.key for difference in differences if not difference.passed), None)
    if first is None:
        return []
    step, comparison = given_step(reference), _Comparison(reference, candidate, tolerance)
    hints = list(_arrangements(first, comparison)) or _of_shape(candidate[first].shape, reference[first].shape)
    if not hints and not first.startswith(GIVEN_KEYS):
        hints = [NOT_TRIED] if step is None else _tried(step, comparison, differences)
    return [_what_it_is(first, step), *hints]


# ---- What the key is.


def _what_it_is(key: str, step: GivenStep | None) -> str:
    """Return the equation of a key, and where this program computes it."""
    items = [] if step is None else step.items(gradients=key.startswith("grad/"))
    item = next((item for item in items if key in dict(item.arrays())), None)
    if key.startswith(GIVEN_KEYS):
        return f"first wrong: {key}, which is given, not computed: take it from the reference as it is"
    if item is None or item.formula is None:
        return f"first wrong: {key}"
    symbol, equation = (text.format(**item.texts) for text in (item.quantity.symbol, item.quantity.equation))
    file, line = item.formula.place()
    what = f"{symbol} = {equation}" if symbol else equation
    return f"first wrong: {key}: {what}, in {file}:{line} {item.formula.name}"


def _of_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> list[str]:
    return [] if found == expected else [f"hint: {shape_hint(found, expected)}"]


# ---- The right values in another arrangement.


def _transposed(x: np.ndarray, arrays: Arrays, key: str) -> np.ndarray | None:
    return x.T if x.ndim == 2 else None


def _unlabeled_first(x: np.ndarray, arrays: Arrays, key: str) -> np.ndarray | None:
    labeled = arrays.get("input/x_labeled", np.empty(0))
    return np.roll(x, -len(labeled), axis=0) if key.startswith(("corrupted/", "noise/")) and x.ndim else None


def _from_one(x: np.ndarray, arrays: Arrays, key: str) -> np.ndarray | None:
    return x + 1 if key == "input/y" else None


def _scaled(x: np.ndarray, arrays: Arrays, key: str) -> np.ndarray | None:
    stds = _meta(arrays).get("noise_std")
    layer = key.removeprefix("noise/")
    if not key.startswith("noise/") or not layer.isdecimal() or not isinstance(stds, list):
        return None
    return x * stds[int(layer)] if int(layer) < len(stds) and isinstance(stds[int(layer)], float | int) else None


# What is said -> the candidate's values, of the reference's array, all arrays and the key; None: not of this key.
ARRANGEMENTS: dict[str, Callable[[np.ndarray, Arrays, str], np.ndarray | None]] = {
    "it is the reference's array transposed: here rows are inputs, columns outputs (torch.nn.Linear keeps its weight "
    "as outputs x inputs)": _transposed,
    "it is the reference's array with the unlabeled rows first: here the labeled rows are": _unlabeled_first,
    "the classes count from 1: here they count from 0": _from_one,
    "it is multiplied by noise_std: the file holds standard normal draws, before scaling": _scaled,
}


def _arrangements(key: str, comparison: _Comparison) -> Iterator[str]:
    right = comparison.reference[key]
    for says, arrange in ARRANGEMENTS.items():
        expected = arrange(right, comparison.reference, key)
        if expected is not None and comparison.explained(key, expected):
            yield f"hint: {says}"


# ---- Mistakes, tried out.


def _tried(step: GivenStep, comparison: _Comparison, differences: Sequence[Difference]) -> list[str]:
    """Return the mistakes that give the first wrong key, and as many of the others as any of them."""
    first = next(difference.key for difference in differences if not difference.passed)
    gradients = first.startswith("grad/")
    if not comparison.agrees(first, step.arrays(gradients).get(first, np.array(np.nan)), comparison.reference[first]):
        return [NOT_TRIED]
    concerned = [one for one in differences if one.key.startswith("grad/") == gradients]
    given = {}  # by mistake, for which right and wrong keys it gives the candidate's values
    for mistake in all_mistakes(step):
        arrays = _made(mistake, gradients) if mistake.gradients or not gradients else {}
        if first in arrays and comparison.explained(first, arrays[first]):
            given[mistake.says] = [one for one in concerned if _gives(arrays, one, comparison)]
    most = max(map(len, given.values()), default=0)
    if not given:
        alone = not any(key.startswith(("clean/", "corrupted/", "decoder/")) for key in comparison.candidate)
        return [NOTHING, GRADIENTS_ALONE] if gradients and alone else [NOTHING]
    return [f"hint: {_said(says, of, concerned)}" for says, of in given.items() if len(of) == most]


def _gives(arrays: Arrays, one: Difference, comparison: _Comparison) -> bool:
    if one.key not in arrays:
        return one.passed
    expected = arrays[one.key]
    if one.passed:
        return comparison.agrees(one.key, expected, comparison.candidate[one.key])
    return comparison.explained(one.key, expected)


def _said(says: str, of: Sequence[Difference], concerned: Sequence[Difference]) -> str:
    """Return a hint with how many wrong keys it is good for; after a wrong value, gradients are not looked at."""
    explained, wrong = (sum(not one.passed for one in ones) for ones in (of, concerned))
    kind = "gradients" if concerned[0].key.startswith("grad/") else "values"
    return f"{says}; this gives the candidate's numbers in {explained} of {wrong} wrong {kind}"


def _made(mistake: Mistake, gradients: bool) -> dict[str, np.ndarray]:
    """Return the arrays of a step with a mistake; none where this network cannot have it."""
    try:
        with np.errstate(all="ignore"):
            return mistake.makes().arrays(gradients)
    except InputError:  # such as a λ² that overflows
        return {}


# ---- The step that a reference gives.


def _meta(arrays: Arrays) -> dict[str, Any]:
    try:
        meta = json.loads(str(arrays["meta"]))
    except (KeyError, ValueError):
        return {}
    return meta if isinstance(meta, dict) else {}


def given_step(reference: Arrays) -> GivenStep | None:
    """Return the step of a file, in float64; None where the file does not give all of it."""
    specification = _specification(_meta(reference))
    named = {key.removeprefix("param/"): x for key, x in reference.items() if key.startswith("param/")}
    if specification is None or not _fit_parameters(specification, named):
        return None
    keys = [f"input/{name}" for name in ("x_labeled", "y", "x_unlabeled")]
    keys += [f"noise/{layer}" for layer in range(specification.top + 1)]
    if any(key not in reference or reference[key].ndim == 0 for key in keys):
        return None
    x_labeled, y, x_unlabeled, *noise = (reference[key] for key in keys)
    batch = Batch(x_labeled.astype(np.float64), y, x_unlabeled.astype(np.float64))
    if not _fit_rows(specification, batch, noise):
        return None
    exact = {name: x.astype(np.float64) for name, x in named.items()}
    return GivenStep(specification, exact, batch, [draws.astype(np.float64) for draws in noise])


def _specification(meta: Mapping[str, Any]) -> Specification | None:
    """Return the network that a file describes; version 2 lists the activation of each layer."""
    listed = meta.get("activation")
    for phi in ACTIVATIONS if isinstance(listed, list) else [listed]:
        try:
            found = Specification.from_json({**meta, "activation": phi, "dtype": "float64"})
        except (InputError, TypeError):
            continue
        if not isinstance(listed, list) or [layer.phi for layer in resolve(found)[1:]] == listed:
            return found
    return None


def _fit_parameters(specification: Specification, named: Arrays) -> bool:
    """Return whether these are the network's parameters; memory is taken for those in the file only."""
    try:
        expected = Parameters(specification, np.zeros(sum(x.size for x in named.values())))
    except ValueError:  # too few values
        return False
    return {name: x.shape for name, x in expected.items()} == {name: x.shape for name, x in named.items()}


def _fit_rows(specification: Specification, batch: Batch, noise: Sequence[np.ndarray]) -> bool:
    n, m = len(batch.x_labeled), len(batch.x_unlabeled)
    sizes = [(x, size) for x, size in zip(noise, specification.sizes, strict=True)]
    sizes += [(x, specification.sizes[0]) for x in (batch.x_labeled, batch.x_unlabeled)]
    return (
        batch.y.shape == (n,)
        and min(n, m) >= FEWEST_ROWS
        and all(len(x) == n + m for x in noise)
        and all(x.size == len(x) * size for x, size in sizes)
    )
