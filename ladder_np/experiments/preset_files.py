"""Presets in files: one's own as TOML, in the form that `ladder-np presets NAME` prints; and how either is found."""

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ladder_np.errors import InputError
from ladder_np.experiments.autoencoder import AUTOENCODER
from ladder_np.experiments.presets import PRESETS, Expected, Preset, Published
from ladder_np.files import read_text

__all__ = ["as_toml", "find_preset"]

ALL = "all"  # labels, in a file, where no number is meant
PARTS = {"published": Published, "expected": Expected}  # tables of the file besides the settings


def find_preset(name: str) -> Preset:
    """Return a preset by its name, or from a file if the name ends in ``.toml``.

    Raises InputError if there is none, or the file cannot be used.
    """
    if name in PRESETS:
        return PRESETS[name]
    if Path(name).suffix.lower() == ".toml":
        return read_preset(Path(name))
    if name == AUTOENCODER:
        raise InputError(f"preset {name} is not a ladder: it runs as ladder-np train --preset {name}")
    near = difflib.get_close_matches(name, PRESETS, 3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"unknown preset {name!r}; {hint}ladder-np presets lists all; one of your own is a file that ends in .toml"
    )


def read_preset(path: Path) -> Preset:
    """Return a preset from a TOML file: ``about``, and the tables ``settings``, ``published`` and ``expected``.

    The names of the settings are not looked at: see `make_settings`. Raises InputError if it cannot be used.
    """
    text = read_text(path, "a preset (.toml)")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    except (ValueError, RecursionError):
        raise InputError(
            f"{path}: not TOML that can be read: a number of thousands of digits, or arrays nested too deeply"
        ) from None
    _refuse_unknown(tables, [field.name for field in dataclasses.fields(Preset)], f"{path}: ")
    settings, about = tables.get("settings"), tables.get("about", "")
    if not isinstance(settings, dict):
        raise InputError(
            f"{path}: has no table of settings; a preset's file needs a line [settings], and below it lines such as "
            "labels = 100 and epochs = 50; ladder-np presets mnist-100-full prints a whole one"
        )
    if not isinstance(about, str):
        raise InputError(f'{path}: about {about!r}: expected a text in quotes, such as about = "my own"')
    parts = {name: _part(kind, tables[name], f"{path}: {name}") for name, kind in PARTS.items() if name in tables}
    chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    chosen = {**chosen, "labels": None} if chosen.get("labels") == ALL else chosen
    return Preset(chosen, about, **parts)


def _part(kind: type, table: Any, where: str) -> Any:
    """Return `Published` or `Expected` of a table."""
    if not isinstance(table, dict):
        raise InputError(f"{where}: expected a table")
    kinds = {field.name: field.type for field in dataclasses.fields(kind)}
    _refuse_unknown(table, list(kinds), f"{where}: ")
    for name, value in table.items():
        fits = str if kinds[name] is str else int | float
        if not isinstance(value, fits) or isinstance(value, bool) or (name == "count" and type(value) is not int):
            raise InputError(f"{where}: {name} {value!r}: expected a {'text' if fits is str else 'number'}")
    try:
        return kind(**table)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except TypeError:
        raise InputError(f"{where}: incomplete; see ladder-np presets mnist-100-full") from None


def _refuse_unknown(named: Mapping[str, Any], known: list[str], where: str) -> None:
    """Raise `InputError` if something is named that is unknown."""
    for name in named:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise InputError(f"{where}unknown name {name!r}; {hint}")


def as_toml(preset: Preset) -> str:
    """Return a preset as a file that `read_preset` reads."""
    lines = [f"about = {_value(preset.about)}"]
    tables = {"settings": preset.settings, "published": preset.published, "expected": preset.expected}
    for name, table in tables.items():
        if table is not None:
            named = dict(table) if isinstance(table, Mapping) else dataclasses.asdict(table)
            if "labels" in named and named["labels"] is None:
                named["labels"] = ALL
            lines += ["", f"[{name}]", *(f"{key} = {_value(v)}" for key, v in named.items() if v not in (None, ""))]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """Return a value in TOML: a number, a text, true or false, or an array of these."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)  # the same for these kinds of values
