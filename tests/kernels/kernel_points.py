"""One launch of a kernel: sizes, options, and the values it is given, random ones or hard ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ladder_np.kernels import ROWS_OF_A_PART
from ladder_np.network.layers import Lanes, Rows
from ladder_np.network.parameters import LayerParameters
from ladder_np.network.passes import Passes
from ladder_np.network.specification import Specification
from ladder_np.operations.activations import ACTIVATIONS
from ladder_np.operations.combinators import COMBINATORS

# No block's size (32 units, 16 rows) divides all of them; some fill it exactly, some exceed it by one.
ROWS = (2, 5, 17, 33)
UNITS = (1, 10, 31, 32, 33, 65, 100)
# Of a part of the rows, at least, where blocks of threads share them: all rows are one part, or there are up to 16,
# some of which are empty in a smaller lane.
PARTS = (ROWS_OF_A_PART, 5, 2)
LAYER_WEIGHTS = (1000.0, 10.0, 0.5)
TOP = 2
# Which rows a layer has: no unlabeled ones; no clean ones; clean ones that end here, or go on to the next layer.
LANES = ("labeled", "corrupted", "clean ends", "clean goes on")
# What runs as kernels, one name for each text; what has none runs as plain formulas.
WITH_KERNELS = [
    list({row.cuda: name for name, row in reversed(table.items()) if row.cuda is not None}.values())[::-1]
    for table in (ACTIVATIONS, COMBINATORS)
]


@dataclass(frozen=True)
class Point:
    """One launch of a kernel."""

    dtype: str
    n_labeled: int
    n_unlabeled: int
    units: int
    activation: str
    combinator: str
    edge: bool
    seed: int
    options: Mapping[str, Any]
    rows_of_a_part: int = ROWS_OF_A_PART

    def __getitem__(self, option: str) -> Any:
        return self.options.get(option)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the combinator's parameters."""
        return tuple(COMBINATORS[self.combinator].parameters)

    @property
    def layer(self) -> int:
        return self.options.get("layer", 1)

    @property
    def rows(self) -> int:
        return max(self.n_labeled, self.n_unlabeled)

    @property
    def sizes(self) -> tuple[Specification, int, int]:
        """What passes are made of."""
        return self.specification, self.n_labeled, self.n_unlabeled

    @cached_property
    def passes(self) -> Passes:
        """The plain formulas."""
        return Passes(*self.sizes)

    @property
    def lanes(self) -> Lanes:
        return self.passes.lanes

    @property
    def lane_rows(self) -> Rows:
        """Where the lanes are in the layer's matrices."""
        return self.passes.rows[self.layer]

    @property
    def denoised(self) -> tuple[bool, ...]:
        """Which layers have a cost, and so which rows there are."""
        if "denoised" in self.options:
            return self.options["denoised"]
        if "cost" in self.options:
            return tuple(layer != self.layer or self.options["cost"] for layer in range(TOP + 1))
        highest = {"labeled": None, "corrupted": 0, "clean ends": self.layer}.get(self["lanes"], self.layer + 1)
        return tuple(layer == highest for layer in range(TOP + 1))

    @cached_property
    def specification(self) -> Specification:
        return Specification(
            (self.units, self.units, max(self.units, 2)),
            activation=self.activation,
            combinator=self.combinator,
            noise_std=0.3 if self["noise"] else 0.0,
            denoising_weights=tuple(w * wanted for w, wanted in zip(LAYER_WEIGHTS, self.denoised, strict=True)),
            stop_gradient_targets=bool(self["stop gradient"]),
            dtype=self.dtype,
            labeled_statistics="unlabeled" if self["shared"] else "own",
        )


def of_layer(beta: Any = None, gamma: Any = None) -> LayerParameters:
    """Return a layer's parameters, or room for their gradients: beta, gamma (units,)."""
    return LayerParameters(None, None, beta, gamma, {}, None)


def of_combinator(point: Point, a: Any) -> LayerParameters:
    """Return a combinator's parameters, or room for their gradients: a (parameters, units)."""
    named = {name: a[k] for k, name in enumerate(point.parameters)}
    return LayerParameters(None, None, None, None, named, a)


class Values:
    """Random values of a point: standard normal ones, or with `edge` columns of what is hard to compute with."""

    def __init__(self, point: Point) -> None:
        self.generator = np.random.default_rng(point.seed)
        self._edge, self._dtype = point.edge, np.dtype(point.dtype)

    def matrix(self, rows: int, units: int, overflows: bool = False) -> np.ndarray:
        """Return (rows, units); with `overflows` some columns' sums are too large, whatever the order."""
        values = self.generator.standard_normal((rows, units))
        if self._edge:
            kinds = _hard_columns(values[:, 0], self._dtype)
            kinds = kinds[int(not overflows) : self._most(len(kinds), NOT_FINITE)]
            for unit in np.flatnonzero(self.generator.random(units) < 0.5):
                values[:, unit] = kinds[self.generator.integers(len(kinds))]
        with np.errstate(under="ignore"):
            return values.astype(self._dtype)

    def vector(self, units: int, positive: bool = False) -> np.ndarray:
        values = self.generator.uniform(0.5, 1.5, units) if positive else self.generator.standard_normal(units)
        if self._edge:
            kinds = HARD_SIGMAS if positive else _hard_numbers(self._dtype)
            mask = self.generator.random(units) < 0.3
            values[mask] = self.generator.choice(kinds[: self._most(len(kinds), NOT_FINITE - positive)], mask.sum())
        with np.errstate(under="ignore"):
            return values.astype(self._dtype)

    def _most(self, kinds: int, not_finite: int) -> int:
        """Return how many kinds to choose from: now and then without those that are no finite numbers."""
        return kinds - not_finite * int(self.generator.random() < 0.5)


# Hard values; the last are infinite, or none.
NOT_FINITE = 3
# sqrt(eps) of a column without variance, up to that of one whose squares overflow.
HARD_SIGMAS = (1e-5, 1e4, 1e15, np.inf, np.nan)


def _hard_numbers(dtype: np.dtype) -> tuple[float, ...]:
    denormal = float(np.finfo(dtype).tiny) / 8
    return 0, denormal, -denormal, 1e-30, 100, -100, 1e4, -1e4, 1e15, np.inf, -np.inf, np.nan


def _hard_columns(normal: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return columns made of one of normal numbers; (kinds, rows), the first being one whose sum overflows."""
    denormal, largest = float(np.finfo(dtype).tiny) / 8, float(np.finfo(dtype).max)
    one = np.zeros_like(normal)
    one[len(one) // 2 :][:1] = 1
    with np.errstate(invalid="ignore"):
        return np.array(
            [
                largest / 4 * (1 + one),
                *(np.full_like(normal, x) for x in (0, 0.1, -3, denormal)),  # no variance: eps is all there is
                *(scale * normal for scale in (denormal, 1e-30, 100, 1e4, 1e15)),
                largest**0.7 * normal,  # squares overflow, sums do not: no order of a sum decides
                *(np.where(one, x, normal) for x in (np.inf, -np.inf, np.nan)),
            ]
        )
