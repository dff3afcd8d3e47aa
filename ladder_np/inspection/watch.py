"""Watching code that does not know of it: copies of what functions return, or are given, while they run.

Python calls a profile function at every call and return of a thread. Here it looks for calls of one function by
another, so that a value is known to be what the real pass made, and so is the function that made it.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from ladder_np.arrays import Array, Device

__all__ = ["Place", "Seen", "Sighting", "Watch"]

PASSES = ("ladder_np.network.", "ladder_np.operations.")  # the modules whose variable `layer` counts


@dataclass(frozen=True, eq=False)
class Place:
    """A call of `function` by `caller` where a quantity can be seen.

    Attributes
    ----------
    function, caller : str
        Qualified names, with what `Watch` shall fill in; a comprehension counts as the function it stands in.
    path : tuple
        Items and attributes that lead from the result to the quantity.
    argument : str or None
        The quantity is not the result but this argument as the call begins: a sum that the caller has made.
    written : str or None
        The quantity is what the function has written into this argument.
    shift : int
        Added to the caller's layer.
    call : int or None
        Which of the caller's calls; None: of all, as there is one a lane, the rows one below the other.
    rows : str or None
        Which rows of what is seen, where that is more than elsewhere: a property of `Lanes`.
    """

    function: str
    caller: str
    path: tuple[int | str | slice, ...] = ()
    argument: str | None = None
    written: str | None = None
    shift: int = 0
    call: int | None = None
    rows: str | None = None


@dataclass(frozen=True)
class Sighting:
    """A value, a copy on the host; its number in the order of events; and the function that made it."""

    value: np.ndarray
    order: int
    function: str
    module: str
    line: int


# By place and layer, in order. The layer is the variable `layer` of the pass that led there; None: it has none yet.
Seen = dict[Place, dict[int | None, list[Sighting]]]


class Watch:
    """What is seen at some places.

    Parameters
    ----------
    places : iterable of Place
    names : mapping of str to str
        What stands in braces in the places' functions.
    device : Device
        Of the arrays that will be seen.

    Attributes
    ----------
    seen : Seen
    """

    def __init__(self, places: Iterable[Place], names: Mapping[str, str], device: Device) -> None:
        self.seen: Seen = defaultdict(lambda: defaultdict(list))
        self._get = device.get
        self._order = 0
        self._places: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
        for place in dict.fromkeys(places):
            event = "call" if place.argument else "return"
            self._places[place.function.format(**names), place.caller, event].append(place)
        self._functions = {function.rpartition(".")[2] for function, _, _ in self._places}  # for a quick look

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what this thread does within."""
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(before if callable(before) else None)  # cProfile's, which is no function, ends here

    def _look(self, frame: FrameType, event: str, result: Any) -> None:
        if frame.f_code.co_name not in self._functions or frame.f_back is None:
            return
        for place in self._places.get((_name(frame), _name(frame.f_back), event), ()):
            self._note(place, frame, frame.f_back, result)

    def _note(self, place: Place, frame: FrameType, caller: FrameType, result: Any) -> None:
        argument = place.argument or place.written
        value = frame.f_locals[argument] if argument else _follow(result, place.path)
        if value is None:
            return
        maker, layer = caller if place.argument else frame, _layer(caller)
        made_by = _name(maker), maker.f_globals["__name__"], maker.f_code.co_firstlineno
        self.seen[place][None if layer is None else layer + place.shift].append(
            Sighting(self._copied(value), self._order, *made_by)
        )
        self._order += 1

    def _copied(self, value: Array | dict[str, Array]) -> np.ndarray:
        if isinstance(value, dict):  # a combinator's parameters by name
            return np.stack([self._get(view) for view in value.values()])
        return np.array(self._get(value))


def _name(frame: FrameType) -> str:
    return frame.f_code.co_qualname.partition(".<locals>")[0]


def _layer(frame: FrameType | None) -> int | None:
    while frame is not None and frame.f_globals["__name__"].startswith(PASSES):
        if "layer" in frame.f_locals:
            return frame.f_locals["layer"]
        frame = frame.f_back
    return None


def _follow(value: Any, path: tuple[int | str | slice, ...]) -> Any:
    for step in path:
        if value is not None:
            value = getattr(value, step) if isinstance(step, str) else value[step]
    return value
