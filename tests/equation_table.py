"""The table of equations in ladder_np/README.md, made of the table of a step's quantities.

``python tests/equation_table.py`` puts the table, and what the trace shown there prints, in their places.
"""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ladder_np.commands import main
from ladder_np.network.layers import Layer, resolve
from ladder_np.network.quantities import GIVEN, LAYERS, PARTS, WALK, WAY_BACK, Quantity, fill_in
from ladder_np.network.specification import Specification

HOUSE = Path(__file__).parent.parent / "ladder_np" / "README.md"
HEAD = "| equation | computed in |\n|---|---|\n"
TRACE = re.compile(r"```sh\nladder-np (trace [^\n]*)\n```\n\n```text\n(.*?)```", re.DOTALL)
# Layers of which the table speaks: any hidden one, the input, the top.
GENERAL = {"l": "ˡ", "below": "ˡ⁻¹", "above": "ˡ⁺¹", "s": "ₗ"}
INPUT = {"l": "⁰", "below": "", "above": "¹", "s": "₀"}
TOP = {"l": "ᴸ", "below": "ᴸ⁻¹", "above": "", "s": "_L"}


def is_inside(lines: list[str], number: int, function: str) -> bool:
    """Return whether a line, counted from 1, stands in a function, or in a function of that function."""
    before = [line for line in lines[:number] if line.strip().startswith("def ")]
    places = [place for place, line in enumerate(before) if line.strip().startswith(f"def {function}(")]
    if not places:
        return False
    indents = [len(line) - len(line.lstrip()) for line in before[places[-1] :]]
    return all(indent > indents[0] for indent in indents[1:])


def equation_table() -> str:
    """Return the rows of all quantities that are computed, part by part."""
    layers = resolve(Specification((4, 3, 2)))
    text = ""
    for part in (part for part in PARTS if part != GIVEN):
        rows = [
            row for rows, _ in WALK for quantity in rows if quantity.part == part for row in _rows(quantity, layers)
        ]
        note = "" if part in WAY_BACK else " ([R], Algorithm 1)"
        text += f"\n**{part.capitalize()}**{note}\n\n{HEAD}" + "\n".join(dict.fromkeys(rows)) + "\n"
    return text


def _rows(quantity: Quantity, layers: tuple[Layer, ...]) -> Iterator[str]:
    """Yield the row of a quantity for the layers that it is about; one for the top where that differs."""
    if not quantity.symbol:
        return
    places = [(layers[1], GENERAL), (layers[0], INPUT), (layers[2], TOP)]
    fitting = [place for place in places if LAYERS[quantity.layers](place[0].index, 2)]
    equations: list[str] = []
    for layer, numbers in fitting[:1] + [place for place in fitting[1:] if place[1] is TOP]:
        texts = fill_in(layer, numbers, "φ")
        equation = f"{quantity.symbol} = {quantity.equation}".format(**texts).replace("|", "given")
        if equation.replace("ᴸ", "ˡ").replace("_L", "ₗ") in equations:
            continue
        equations.append(equation)
        formula = quantity.formula(layer) if callable(quantity.formula) else quantity.formula
        file, line = formula.place()
        yield f"| {equation} | [`{file}`, `{formula.name}`]({file}#L{line}) |"


def trace_output(line: str) -> str:
    """Return what a trace command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(line.split()) == 0
    return out.getvalue()


def rewrite() -> None:
    text = HOUSE.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- equations -->\n")
    _, _, after = rest.partition("<!-- end of equations -->\n")
    text = f"{before}<!-- equations -->\n{equation_table()}\n<!-- end of equations -->\n{after}"
    text = TRACE.sub(lambda found: f"```sh\nladder-np {found[1]}\n```\n\n```text\n{trace_output(found[1])}```", text)
    HOUSE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
