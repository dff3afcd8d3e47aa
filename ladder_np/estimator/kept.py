"""What `partial_fit` keeps of a stream: an even sample of all rows so far, and of all labeled ones.

The statistics that prediction normalizes with are those of the kept rows under the present parameters, so a call
counts by its share of all rows, and no call, however small or one-sided, replaces what was before. A call that is too
small for a batch is filled up with kept rows, and labeled rows of the classes that it lacks train along.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from ladder_np.errors import InputError, warn
from ladder_np.estimator.input import Table
from ladder_np.network.inference import PopulationStatistics
from ladder_np.network.specification import Specification
from ladder_np.rng import Stream, set_stream_state, stream, stream_state

__all__ = ["Call", "KeptRows", "plan_call"]

MOST_ROWS, MOST_LABELED = 2000, 1000  # rows that are kept
SETTLED = 50  # rows on which the scaling of features is found: earlier ones would give it a small first call's
FEWEST_TOLD = 10  # labeled rows of a call of which it is worth saying that they are of one class


@dataclass(frozen=True, eq=False)
class Sample:
    """An even sample of all rows that were offered (reservoir sampling, Vitter's algorithm R)."""

    table: Table  # without names or classes of its own
    seen: int  # rows offered so far

    def replaced(self, first: int, offered: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
        """Return which rows are in the sample once others are offered: their places in a joint table, (kept,).

        In it the present sample begins at row `first`, and `offered` (m,) are the places of the others. `most` is how
        many rows are kept.
        """
        order = self.seen + np.arange(len(offered))
        slots = np.where(order < most, order, generator.integers(0, order + 1))
        places = np.full(min(most, self.seen + len(offered)), -1)
        places[: len(self.table.X)] = first + np.arange(len(self.table.X))
        inside = slots < most
        places[slots[inside]] = offered[inside]  # of several for one slot the last stays
        return places


@dataclass(frozen=True, eq=False)
class KeptRows:
    """What is kept between two calls."""

    rows: Sample
    labeled: Sample
    random: np.ndarray  # state of the stream that chooses
    earlier: PopulationStatistics | None  # of the rows of a fit, or a file, that the stream went on from

    @classmethod
    def before_the_first(cls, table: Table, seed: int, earlier: PopulationStatistics | None = None) -> "KeptRows":
        """Return what is kept before the first call, which brings a table."""
        none = Sample(table.only(np.zeros(len(table.X), bool)), 0)
        return cls(none, none, stream_state(stream(seed, Stream.KEPT_ROWS)), earlier)

    @property
    def settled(self) -> bool:
        """Whether the scaling of features is no longer found anew on the rows so far."""
        return self.earlier is not None or self.rows.seen >= SETTLED

    def statistics(self, of_sample: PopulationStatistics, specification: Specification) -> PopulationStatistics:
        """Return the statistics of all rows so far in a network, from those of the kept ones."""
        everything = dataclasses.replace(of_sample, count=self.rows.seen)
        if self.earlier is None:
            return everything
        earlier = dataclasses.replace(self.earlier, count=self.earlier.count or MOST_ROWS)
        return everything.pooled(earlier, specification)


@dataclass(frozen=True, eq=False)
class Call:
    """The rows of one call and the kept ones in a joint table, and what each is for."""

    table: Table
    labeled: np.ndarray  # places of rows to train on with their labels; at least one
    unlabeled: np.ndarray  # places of rows to train on
    measured: np.ndarray  # places of rows to take the population statistics of
    kept: KeptRows  # what is kept afterwards


def plan_call(table: Table, kept: KeptRows, batch_rows: int) -> Call:
    """Return what a call trains on: its own rows, filled up with kept ones to `batch_rows` where there are fewer.

    Warns if the call has labeled rows of one class alone. Raises InputError if there are not two rows.
    """
    new, generator = len(table.X), stream(0, Stream.KEPT_ROWS)
    set_stream_state(generator, kept.random)
    joint = table.joined(kept.rows.table).joined(kept.labeled.table)
    first_labeled = new + len(kept.rows.table.X)
    spare = generator.permutation(np.arange(new, first_labeled))
    unlabeled = np.concatenate([np.arange(new), spare[: max(0, batch_rows - new)]])
    if len(unlabeled) < 2:
        raise InputError("1 row: partial_fit needs 2 at least, as long as no others are kept from earlier calls")
    own = np.flatnonzero(table.index >= 0)
    labeled = np.concatenate([own, _filled_up(joint.index, own, first_labeled, batch_rows, generator)])
    rows = kept.rows.replaced(new, np.arange(new), MOST_ROWS, generator)
    of_labeled = kept.labeled.replaced(first_labeled, own, MOST_LABELED, generator)
    after = KeptRows(
        Sample(joint.at(rows), kept.rows.seen + new),
        Sample(joint.at(of_labeled), kept.labeled.seen + len(own)),
        stream_state(generator),
        kept.earlier,
    )
    if not len(labeled):  # no label so far: labeled rows without weight leave the denoising costs
        labeled, joint = unlabeled[:batch_rows], joint.without_weight(unlabeled[:batch_rows])
    return Call(joint, labeled, unlabeled, rows, after)


def _filled_up(
    index: np.ndarray, own: np.ndarray, first: int, batch_rows: int, generator: np.random.Generator
) -> np.ndarray:
    """Return places of kept labeled rows, which begin at `first`, that train beside a call's own labeled rows.

    None if these are of all classes so far; else as many of each class that they lack as they have of one, and then
    any, up to `batch_rows` in all.
    """
    spare = generator.permutation(np.arange(first, len(index)))
    present = np.unique(index[own])
    lacking = np.setdiff1d(index[spare], present)
    if not len(lacking):
        return lacking
    if len(present) == 1 and len(own) >= FEWEST_TOLD:
        warn(
            f"partial_fit: all {len(own)} labeled rows of this call are of one class; rows of the others, kept from "
            "earlier calls, train beside them: mix the classes in each call"
        )
    each = -(-len(own) // max(1, len(present)))
    chosen = [spare[index[spare] == k][:each] for k in lacking]
    taken = np.concatenate([spare[:0], *chosen])
    rest = np.setdiff1d(spare, taken, assume_unique=True)
    return np.concatenate([taken, rest[: max(0, batch_rows - len(own) - len(taken))]])
