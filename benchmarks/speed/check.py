"""Whether a peer computes what we compute: the same loss and gradients from the same parameters, rows and noise."""

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.speed.cases import Case
from benchmarks.speed.turns import Child, ContenderError
from ladder_np.inspection.vectors import compare_vectors, make_vectors, read_vectors

__all__ = ["check_peers"]

LOSS = "loss/total"
JUMP = 0.1
"""How far a gradient may be off in float32 at a kink, relative to its array's largest value.

A pre-activation within a rounding of zero falls on the other side now and then, also where nothing is wrong. Between
our own gradients in float32 and in float64, at the same points of all cases in `cases`, that made 0.04 at most, with
20 rows of each kind, at one point of five of a convolutional network; without it the difference was 0.0005 at most.
With 100 rows it made 0.013, at three points of five. The cost has no jumps.
"""


@dataclass(frozen=True)
class Check:
    """Some steps at random points.

    Attributes
    ----------
    dtype : str
    tolerance : float or None
        The largest difference, relative to an array's largest value; None: that of `compare_vectors`.
    rows : int
        Labeled ones at most, and unlabeled ones.
    points : int
    kinks : int
        At how many of them a gradient may be farther off, but by no more than `JUMP`.
    """

    dtype: str
    tolerance: float | None
    rows: int = 2**31
    points: int = 1
    kinks: int = 0


# In float64 no rounding hides a wrong formula, and a kink is met so rarely that one point will do.
# Float32 is what is timed: at most points its gradients must agree, and with all rows of the case there is no gross
# mistake, which code for larger arrays could make.
CHECKS = (Check("float64", None), Check("float32", 1e-3, rows=20, points=5, kinks=2), Check("float32", JUMP))
LOSS_TOLERANCE = 1e-3


def check_peers(peers: Mapping[str, Child], case: Case) -> None:
    """Compare each peer's loss and every gradient with ours, in float64 and in float32.

    The parameters are random ones: at the starting point most decoder gradients are zero (fact 9).

    Raises
    ------
    ContenderError
        If any of them differs or is missing.
    """
    if not peers:
        return
    with tempfile.TemporaryDirectory() as folder:
        for check in CHECKS:
            _check(peers, case, check, Path(folder) / "reference.npz")


def _check(peers: Mapping[str, Child], case: Case, check: Check, vectors: Path) -> None:
    specification = dataclasses.replace(case, dtype=check.dtype).specification()
    n_labeled, n_unlabeled = (min(rows, check.rows) for rows in (case.n_labeled, case.n_unlabeled))
    complaints: dict[str, list[str]] = {name: [] for name in peers}
    for seed in range(check.points):
        reference = make_vectors(specification, n_labeled, n_unlabeled, seed=seed)
        np.savez(vectors, **reference)  # type: ignore[arg-type]
        for name, child in peers.items():
            candidate = _answer(name, child, reference, vectors)
            loss = {LOSS: reference[LOSS]}
            wrong = _complaint(name, loss, candidate, LOSS_TOLERANCE) or _complaint(name, reference, candidate, JUMP)
            if wrong:
                raise ContenderError(wrong)
            if wrong := _complaint(name, reference, candidate, check.tolerance):
                complaints[name].append(wrong)
    for found in complaints.values():
        if len(found) > check.kinks:
            raise ContenderError(found[0])


def _answer(name: str, child: Child, reference: Mapping[str, np.ndarray], vectors: Path) -> dict[str, np.ndarray]:
    """Return a peer's loss and gradients; raise ContenderError if one is missing, or of another precision."""
    result = vectors.with_name("result.npz")
    child.check(vectors, result)
    candidate = read_vectors(result, complete=False)
    expected = [key for key in reference if key == LOSS or key.startswith("grad/")]
    if missing := [key for key in expected if key not in candidate]:
        raise ContenderError(f"{name} has no {missing[0]}")
    kind = reference[LOSS].dtype
    if (given := candidate[LOSS].dtype) != kind:
        raise ContenderError(f"{name} computes in {given} where {kind} is asked")
    return candidate


def _complaint(
    name: str, reference: Mapping[str, np.ndarray], candidate: Mapping[str, np.ndarray], tolerance: float | None
) -> str:
    """Return in what a peer differs from the reference by more than a tolerance; empty if in nothing."""
    differences = compare_vectors(reference, candidate, tolerance)
    wrong = [difference for difference in differences if not difference.passed]
    if not wrong:
        return ""
    return (
        f"{name} computes something else than we do: in {reference[LOSS].dtype}, {wrong[0].key} differs by "
        f"{wrong[0].relative:.2g} of its largest value, and {len(wrong) - 1} of {len(differences)} arrays besides"
    )
