"""The parts in which contenders take turns: steps, settings, inference, growth. Results are plain JSON values."""

import contextlib
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.speed.cases import CONVOLUTION_CASES, SETTINGS, STEP_CASES, Case
from benchmarks.speed.check import check_peers
from benchmarks.speed.contender import is_installed
from benchmarks.speed.floor import total_flop
from benchmarks.speed.growth import CURVES, exponent
from benchmarks.speed.turns import Child, Plan, Timing, take_turns

__all__ = ["Result", "growth", "inference", "note", "settings", "steps"]

Result = dict[str, Any]
QUICK = Plan(rounds=2, steps=2, uncounted=1)
STEP_PLANS = (Plan(12, 10), Plan(6, 6), Plan(4, 4))  # in the order of `STEP_CASES`: larger ones take longer
CONVOLUTION_PLAN = Plan(5, 4)
CONVOLUTION_PEERS = ("PyTorch", "torch.compile")  # the JAX peer knows dense layers alone
INFERENCE_ROWS = 10_000


def note(text: str) -> None:
    """Tell the user what is going on."""
    print(text, file=sys.stderr, flush=True)


def steps(peers: Sequence[str], quick: bool, device: str) -> list[Result]:
    """Measure whole training steps: ours, the peers', and the floor.

    Raises
    ------
    ContenderError
        If a peer computes something else than we do, or stops.
    """
    return _steps(peers, quick, device, list(zip(STEP_CASES.items(), STEP_PLANS, strict=True)))


def convolution(peers: Sequence[str], quick: bool, device: str) -> list[Result]:
    """Measure whole training steps of convolutional networks, as `steps` does."""
    peers = [name for name in peers if name in CONVOLUTION_PEERS]
    return _steps(peers, quick, device, [(item, CONVOLUTION_PLAN) for item in CONVOLUTION_CASES.items()])


def _steps(
    peers: Sequence[str], quick: bool, device: str, plans: Sequence[tuple[tuple[str, Case], Plan]]
) -> list[Result]:
    missing = [name for name in peers if not is_installed(name, device)]
    present = [name for name in peers if name not in missing]
    results = []
    for (title, case), plan in plans[:1] if quick else plans:
        case = dataclasses.replace(case, device=device)
        with contextlib.ExitStack() as stack:
            children = _start(stack, {name: (name, case) for name in ("floor", "ours", *present)})
            note(f"step: {title}: checking {', '.join(present) or 'no peer'} against ours")
            check_peers({name: children[name] for name in present}, case)
            note(f"step: {title}: measuring")
            timings = take_turns(children, QUICK if quick else plan)
            threads = {name: child.threads() for name, child in children.items()}
        about = {"title": title, **_about(case), "threads": threads, "not_installed": missing}
        results.append({**about, "timings": _as_json(timings)})
    return results


def settings(quick: bool, device: str) -> list[Result]:
    """Measure our step where some or all λ are 0, each against the products that it needs."""
    note("settings: measuring")
    cases = {title: dataclasses.replace(case, device=device) for title, case in SETTINGS.items()}
    names = {f"{kind}: {title}": (kind, case) for title, case in cases.items() for kind in ("ours", "floor")}
    with contextlib.ExitStack() as stack:
        timings = _as_json(take_turns(_start(stack, names), QUICK if quick else Plan(8, 10)))
    return [
        {
            "title": title,
            **_about(case),
            "timings": {kind: timings[f"{kind}: {title}"] for kind in ("ours", "floor")},
        }
        for title, case in cases.items()
    ]


def inference(quick: bool, device: str) -> Result:
    """Measure prediction of many rows at once against the products it needs, in float64 and in float32."""
    note("inference: measuring")
    paper = next(iter(STEP_CASES.values()))
    case = dataclasses.replace(paper, n_unlabeled=500 if quick else INFERENCE_ROWS, device=device)
    names = {
        "predict_proba": ("our inference", case),
        "products alone, float64": ("inference floor", dataclasses.replace(case, dtype="float64")),
        "products alone, float32": ("inference floor", case),
    }
    with contextlib.ExitStack() as stack:
        timings = take_turns(_start(stack, names), QUICK if quick else Plan(4, 3, uncounted=1))
    return {"rows": case.n_unlabeled, "timings": _as_json(timings)}


def growth(quick: bool, device: str) -> list[Result]:
    """Measure how our step's time grows along every curve, and fit exponents to the larger half of its points."""
    results = []
    for curve in CURVES:
        values = curve.values[:3] if quick else curve.values
        note(f"scaling: {curve.title} {', '.join(map(str, values))}")
        cases = [dataclasses.replace(curve.case(value), device=device) for value in values]
        names = {str(value): ("ours", case) for value, case in zip(values, cases, strict=True)}
        with contextlib.ExitStack() as stack:
            timings = take_turns(_start(stack, names), QUICK if quick else Plan(3, 4, uncounted=1))
        flop = [total_flop(case) for case in cases]
        results.append(
            {
                "title": curve.title,
                "base": curve.base,
                "values": list(values),
                "timings": [dataclasses.asdict(timings[str(value)]) for value in values],
                "flop": flop,
                "exponent": exponent(values, [timings[str(value)].median for value in values]),
                "flop_exponent": exponent(values, flop),
            }
        )
    return results


def _start(stack: contextlib.ExitStack, names: Mapping[str, tuple[str, Case]]) -> dict[str, Child]:
    return {title: stack.enter_context(Child(name, case)) for title, (name, case) in names.items()}


def _about(case: Case) -> Result:
    return {"case": case.as_json(), "flop": total_flop(case)}


def _as_json(timings: Mapping[str, Timing]) -> dict[str, Result]:
    return {name: dataclasses.asdict(timing) for name, timing in timings.items()}
