"""A run as one HTML page: numbers, pictures with how to read them, settings. It needs no network and no script."""

import base64
import html
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ladder_np.experiments.run_folder import load_run_results
from ladder_np.plots.registry import Picture, draw_pngs
from ladder_np.plots.run_data import RunSource

__all__ = ["make_report"]

STYLE = """
body { font: 16px/1.5 sans-serif; color: #222; background: white }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 }
h2 { margin-top: 2.5rem }
img { max-width: 100%; height: auto; border: 1px solid #ccc }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #ccc; padding: .2rem 1rem .2rem 0; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
"""
MODEL_COLUMNS = (
    "model",
    "test error",
    "validation error",
    "cost",
    "supervised cost",
    "epochs",
    "steps",
    "training time",
)
ABSENT = "–"


def make_report(run: RunSource) -> str:
    """Return the page.

    Raises
    ------
    InputError
        If matplotlib is missing, a file of the run is damaged, or there is nothing to draw.
    """
    gallery = draw_pngs(run)
    title = f"Run {run.folder.resolve().name}: {Path(run.config.settings.dataset).name}"
    parts = [_tag("h1", title), *_overview(run)]
    for reason, pictures in gallery.left_out.items():
        names = ", ".join(picture.title for picture in pictures)
        parts.append(_tag("p", f"Not shown: {names}. The reason: {reason}."))
    for picture, png in gallery.pngs:
        parts += _section(picture, png)
    parts += _settings(run.config.facts)
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_tag("title", title)}\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _overview(run: RunSource) -> Iterator[str]:
    """Yield what the run was, and each model's numbers at its end."""
    specification = run.config.specification
    sizes = "-".join(map(str, specification.sizes))
    yield _tag("p", f"A ladder network {sizes}: input, hidden layers, classes.")
    results = load_run_results(run.folder)
    lines = []
    for name, history in run.histories.items():
        error = history.validation_error[-1]
        lines.append(
            [
                name,
                str(results[name]) if name in results else ABSENT,
                f"{100 * error:.2f} %" if error == error else ABSENT,
                f"{history.cost[-1]:.4g}",
                f"{history.supervised[-1]:.4g}",
                str(history.epoch[-1]),
                str(history.step[-1]),
                f"{history.seconds.sum():.1f} s",
            ]
        )
    yield _table(MODEL_COLUMNS, lines)
    kept = " The model is that of the epoch with the smallest one." if run.config.settings.patience else ""
    yield _tag("p", f"Costs and the validation error are those of the last epoch.{kept}")


def _section(picture: Picture, png: bytes) -> Iterator[str]:
    yield _tag("h2", picture.title)
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    yield f'<img src="{address}" alt="{html.escape(picture.shows)}">'
    yield f"<p><b>What it shows.</b> {html.escape(picture.shows)}</p>"
    yield f"<p><b>How to read it.</b> {html.escape(picture.reading)}</p>"


def _settings(facts: dict[str, Any]) -> Iterator[str]:
    """Yield all that the run's configuration says, nested objects as tables of their own."""
    groups = {name: value for name, value in facts.items() if isinstance(value, dict)}
    others = {name: value for name, value in facts.items() if name not in groups}
    for heading, values in {**groups, "versions and data": others}.items():
        yield _tag("h2", heading.capitalize())
        yield _table(("name", "value"), [[name, _value(value)] for name, value in values.items()])


def _value(value: Any) -> str:
    """Return a JSON value as people write it."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_value, value)) if isinstance(value, list) else str(value)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = ["".join(_tag("th", head) for head in heads)]
    rows += ["".join(_tag("td", cell) for cell in line) for line in lines]
    return "<table>\n" + "\n".join(f"<tr>{row}</tr>" for row in rows) + "\n</table>"


def _tag(name: str, text: str) -> str:
    """Return an element; its text may come from anywhere."""
    return f"<{name}>{html.escape(text)}</{name}>"
