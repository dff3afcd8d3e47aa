"""Whether a peer computes what we compute: the same loss and gradients from the same parameters, rows and noise."""

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.speed.cases import Case
from benchmarks.speed.turns import Child, ContenderError
from ladder_np.inspection.vectors import compare_vectors, make_vectors, read_vectors

__all__ = ["check_peers"]


TOLERANCES = {"float64": None, "float32": 1e-3}
"""The largest difference, relative to an array's largest value; None: that of `compare_vectors`.

In float64 no rounding hides a wrong formula. In float32, which is timed, a pre-activation within a rounding of zero
falls on the other side now and then, which changes a gradient as no coarser product does: at one point only. Another
point is tried then, a few times.
"""

POINTS = {"float64": 1, "float32": 5}
ROWS = {"float64": 2**31, "float32": 20}  # at most: of very many activations some always fall on the other side


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
        vectors = Path(folder) / "reference.npz"
        for dtype, tolerance in TOLERANCES.items():
            specification = dataclasses.replace(case, dtype=dtype).specification()
            n_labeled, n_unlabeled = (min(rows, ROWS[dtype]) for rows in (case.n_labeled, case.n_unlabeled))
            waiting = dict(peers)
            for seed in range(POINTS[dtype]):
                reference = make_vectors(specification, n_labeled, n_unlabeled, seed=seed)
                np.savez(vectors, **reference)  # type: ignore[arg-type]
                complaints = {
                    name: _complaint(name, child, reference, vectors, tolerance) for name, child in waiting.items()
                }
                waiting = {name: waiting[name] for name, complaint in complaints.items() if complaint}
            if waiting:
                raise ContenderError(complaints[min(waiting)])


def _complaint(
    name: str, child: Child, reference: Mapping[str, np.ndarray], vectors: Path, tolerance: float | None
) -> str:
    """Return in what a peer differs from the reference; empty if in nothing."""
    result = vectors.with_name("result.npz")
    child.check(vectors, result)
    candidate = read_vectors(result, complete=False)
    expected = [key for key in reference if key == "loss/total" or key.startswith("grad/")]
    if missing := [key for key in expected if key not in candidate]:
        raise ContenderError(f"{name} has no {missing[0]}")
    kind = reference["loss/total"].dtype
    if (given := candidate["loss/total"].dtype) != kind:
        raise ContenderError(f"{name} computes in {given} where {kind} is asked")
    differences = compare_vectors(reference, candidate, tolerance)
    wrong = [difference for difference in differences if not difference.passed]
    if not wrong:
        return ""
    return (
        f"{name} computes something else than we do: in {kind}, {wrong[0].key} differs by "
        f"{wrong[0].relative:.2g} of its largest value, and {len(wrong) - 1} of {len(differences)} arrays besides"
    )
