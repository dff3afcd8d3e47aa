"""Results as Markdown tables, for the terminal and for benchmarks/README.md."""

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["FLOOR", "TABLES", "heading", "table"]

FLOOR = "floor: its matrix products alone"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: the first column is text, all others are numbers."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def heading(about: dict[str, Any]) -> str:
    """Return one paragraph on where and with what it was measured."""
    machine = about["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    blas = machine["blas"]["loaded"] or machine["blas"]["name"]
    gpus = ", ".join(gpu["name"] for gpu in machine["gpus"])
    on_gpu = f"on the GPU ({gpus}) of " if about.get("device") == "cuda" else ""
    return (
        f"{on_gpu}{machine['cpu']}, {machine['cores']} usable cores, threads for everybody: {about['threads']}; "
        f"{versions}, {blas}; commit {about['commit']}, {about['date']}. Medians over all counted steps."
        + (" Only a smoke run (--quick): its figures mean nothing." if about["quick"] else "")
    )


def steps(results: list[dict[str, Any]]) -> str:
    """Return a table for each network and batch."""
    parts = []
    for result in results:
        timings = result["timings"]
        ours, floor = timings["ours"]["median"], timings["floor"]["median"]
        rows = []
        for name, timing in sorted(timings.items(), key=lambda item: item[1]["median"]):
            ratios = [f"{timing['median'] / other:.2f}" for other in (ours, floor)]
            rows.append([FLOOR if name == "floor" else name, *_spread(timing), *ratios, f"{timing['faults']:.0f}"])
        rows += [[name, "not installed", *[""] * 4] for name in result["not_installed"]]
        columns = (result["title"], "ms per step", "quartiles", "/ ours", "/ floor", "page faults per step")
        parts.append(table(columns, rows))
    return "\n\n".join(parts)


def settings(results: list[dict[str, Any]]) -> str:
    """Return a row for each choice of λ."""
    rows = []
    for result in results:
        ours, floor = result["timings"]["ours"], result["timings"]["floor"]
        ratio = f"{ours['median'] / floor['median']:.2f}"
        rows.append([result["title"], *_spread(ours), f"{floor['median']:.2f}", ratio, f"{ours['faults']:.0f}"])
    return table(
        ("our step", "ms per step", "quartiles", "its products alone, ms", "/ floor", "page faults per step"), rows
    )


def inference(result: dict[str, Any]) -> str:
    """Return rows per second, ours and those of the products alone."""
    ours = result["timings"]["predict_proba"]["median"]
    rows = [
        [name, f"{1000 * result['rows'] / timing['median']:,.0f}", *_spread(timing), f"{ours / timing['median']:.2f}"]
        for name, timing in result["timings"].items()
    ]
    title = f"inference, {result['rows']:,} rows at once"
    return table((title, "rows per second", "ms", "quartiles", "predict_proba / this"), rows)


def memory(result: dict[str, Any]) -> str:
    """Return the peak memory by number of epochs."""
    if "skipped" in result:
        return f"Peak memory: skipped, {result['skipped']}."
    rows = [[f"{result['what']}, epochs: {epochs}", f"{size / 1e6:.0f}"] for epochs, size in result["bytes"].items()]
    return table(("peak memory of training", "MB"), rows)


def import_time(result: dict[str, float]) -> str:
    """Return the import times."""
    names = {"`import numpy`": "numpy", "`import ladder_np` after it": "ladder_np"}
    return table(("in a fresh process", "s"), [[text, f"{result[key]:.3f}"] for text, key in names.items()])


def growth(results: list[dict[str, Any]]) -> str:
    """Return a row for each curve: its times and its exponents."""
    rows = [
        [
            result["title"],
            ", ".join(f"{value:g}" for value in result["values"]),
            ", ".join(f"{timing['median']:.1f}" for timing in result["timings"]),
            f"{result['exponent']:.2f}",
            f"{result['flop_exponent']:.2f}",
        ]
        for result in results
    ]
    return table(("our step as this grows", "values", "ms per step", "exponent", "exponent of its products"), rows)


def _spread(timing: dict[str, float]) -> list[str]:
    """Return median and quartiles."""
    quartiles = f"{timing['lower_quartile']:.1f}–{timing['upper_quartile']:.1f}"
    return [f"{timing['median']:.1f}", quartiles]


TABLES: dict[str, Callable[[Any], str]] = {
    "step": steps,
    "convolution": steps,
    "settings": settings,
    "inference": inference,
    "memory": memory,
    "import": import_time,
    "scaling": growth,
}
