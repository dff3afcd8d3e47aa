"""Whether a peer computes what we compute: the same loss and gradients from the same parameters, rows and noise."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.speed.cases import Case
from benchmarks.speed.turns import Child, ContenderError
from ladder_np.inspection.vectors import compare_vectors, make_vectors, read_vectors

__all__ = ["check_peers"]


def check_peers(peers: Mapping[str, Child], case: Case) -> None:
    """Compare each peer's loss and every gradient with ours, to the tolerance of `compare_vectors`.

    The parameters are random ones: at the starting point most decoder gradients are zero (fact 9).

    Raises
    ------
    ContenderError
        If any of them differs or is missing.
    """
    if not peers:
        return
    reference = make_vectors(case.specification(), case.n_labeled, case.n_unlabeled, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        vectors = Path(folder) / "reference.npz"
        np.savez(vectors, **reference)  # type: ignore[arg-type]
        for name, child in peers.items():
            _check(name, child, reference, vectors)


def _check(name: str, child: Child, reference: Mapping[str, np.ndarray], vectors: Path) -> None:
    result = vectors.with_name("result.npz")
    child.check(vectors, result)
    candidate = read_vectors(result, complete=False)
    expected = [key for key in reference if key == "loss/total" or key.startswith("grad/")]
    if missing := [key for key in expected if key not in candidate]:
        raise ContenderError(f"{name} has no {missing[0]}")
    differences = compare_vectors(reference, candidate)
    if wrong := [difference for difference in differences if not difference.passed]:
        raise ContenderError(
            f"{name} computes something else than we do: {wrong[0].key} differs by {wrong[0].relative:.2g} "
            f"of its largest value, and {len(wrong) - 1} of {len(differences)} arrays besides"
        )
