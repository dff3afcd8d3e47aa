"""Which rows are trained on, which of them with their labels, and which are kept for validation and test."""

import numbers
from dataclasses import dataclass

import numpy as np

from ladder_np.data.labels import IN_FILES, check_two_classes
from ladder_np.errors import InputError

__all__ = ["Split", "check_split", "held_out", "split_in_order", "split_rows", "stratified_test_rows"]


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices into `Dataset.X`, int64, ascending."""

    labeled: np.ndarray  # training rows whose label is used
    # all training rows, as unlabeled data: `labeled`, and every row that is not in `validation` or `test`
    train: np.ndarray
    # labeled rows that are never trained on; either may be empty
    validation: np.ndarray
    test: np.ndarray


def check_split(labels: int | None, validation: int, test_fraction: float) -> None:
    """Raise `InputError` if no data could be split so, before any is read; see `split_rows`."""
    _check_share(test_fraction)
    if labels is not None and labels < 2:
        raise InputError(f"{labels} labels; expected 2 at least: one of each class, of which there are two or more")
    if validation < 0:
        raise InputError(f"{validation} validation rows; expected 0 or more")


def split_rows(
    y: np.ndarray,
    n_classes: int,
    *,
    labels: int | None,
    validation: int,
    test_fraction: float,
    generator: np.random.Generator,
    classes: np.ndarray | None = None,
) -> Split:
    """Draw a split: test rows first, then validation rows, then the labels to use; y (n,) is -1 where unlabeled.

    Test rows, a share `test_fraction` of the labeled ones, are drawn in the proportions of the classes; `validation`
    rows and `labels` (None: all that remain) as evenly over the classes as these have rows. Both leave one labeled
    row of each class at least, so with few labels a class may give fewer test rows than its share, and the test set
    may be empty. `classes` (K,) are what error lines call the classes, in place of their indices.

    Raises InputError if a number is out of its range, more rows are asked for than there are, there is only one
    class, or a class has no labeled row.
    """
    classes = np.arange(n_classes) if classes is None else classes
    check_two_classes(classes, IN_FILES if (y < 0).any() else None)
    pools = _shuffled_pools(y, classes, generator)
    sizes = np.array([len(pool) for pool in pools])
    _check_share(test_fraction)
    test = _stratified_counts(sizes, test_fraction, generator)
    spare = sizes - test - 1
    if not 0 <= validation <= spare.sum():
        raise InputError(
            f"{validation} validation rows; expected 0 to {spare.sum()}: of {sizes.sum()} labeled rows, "
            f"{test.sum()} are for the test and one of each of the {n_classes} classes is for training"
        )
    held_out = test + _balanced_counts(spare, validation, generator)
    remaining = sizes - held_out
    labels = _check_labels(labels, n_classes, int(remaining.sum()))
    used = held_out + _balanced_counts(remaining, labels, generator)
    test_rows = _take(pools, np.zeros_like(test), test)
    validation_rows = _take(pools, test, held_out)
    train = np.delete(np.arange(len(y)), np.concatenate([test_rows, validation_rows]))
    return Split(_take(pools, held_out, used), train, validation_rows, test_rows)


def split_in_order(
    y: np.ndarray, *, labels: int | None, validation: int, test_fraction: float, generator: np.random.Generator
) -> Split:
    """Split rows that overlap with their neighbors: the last ones are for the test, those before for validation.

    Of the other rows, which are trained on, one of each class that is there keeps its label, and as many more, drawn
    at random so that they have the classes' shares, as make up `labels` (None: all). Every row of y (n,) is labeled.

    Raises InputError if a number is out of its range.
    """
    _check_share(test_fraction)
    n, test = len(y), held_out(len(y), test_fraction, 0)
    if n - test < 2:
        raise InputError(f"test fraction {test_fraction}: leaves {n - test} of {n} rows; expected less")
    if not 0 <= validation <= n - test - 2:
        raise InputError(
            f"{validation} validation rows; expected 0 to {n - test - 2}: {test} of {n} are for the test"
        )
    train = np.arange(n - held_out(n, test_fraction, validation))
    first = np.unique(y[train], return_index=True)[1]
    labels = _check_labels(labels, len(first), len(train))
    others = generator.permutation(np.delete(train, first))[: labels - len(first)]
    end = np.arange(len(train), n)
    return Split(np.sort(np.concatenate([first, others])), train, end[:validation], end[validation:])


def held_out(rows: int, test_fraction: float, validation: int) -> int:
    """Return how many of so many rows are at the end of those that are trained on."""
    return int(test_fraction * rows) + validation


def stratified_test_rows(y: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Draw labeled rows to test on, ascending; y (n,) is -1 where unlabeled, and has two rows of each class at least.

    Every class gives `share` of its labeled rows, rounded, but one at least, and one at least stays: how many rows
    each class gives does not depend on the generator.
    """
    pools = _shuffled_pools(y, np.arange(y.max() + 1), generator)
    sizes = np.array([len(pool) for pool in pools])
    counts = np.clip(np.floor(share * sizes + 0.5).astype(np.int64), 1, sizes - 1)
    return _take(pools, np.zeros_like(counts), counts)


def _shuffled_pools(y: np.ndarray, classes: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """The labeled rows of each class in random order."""
    order = generator.permutation(np.flatnonzero(y >= 0))
    sizes = np.bincount(y[order], minlength=len(classes))
    # Sorted once, stably: a look at every row for every class takes minutes where there are thousands.
    pools = np.split(order[np.argsort(y[order], kind="stable")], np.cumsum(sizes)[:-1])
    for name, pool in zip(classes, pools, strict=True):
        if len(pool) == 0:
            raise InputError(f"class {name} has no labeled row; label at least one row of each class")
    return pools


def _check_share(test_fraction: object) -> None:
    if not (isinstance(test_fraction, numbers.Real) and 0 <= float(test_fraction) < 1):
        raise InputError(f"test fraction {test_fraction!r}: expected a share of the labeled rows from 0 to below 1")


def _check_labels(labels: int | None, n_classes: int, remaining: int) -> int:
    if labels is None:
        return remaining
    if labels < n_classes:
        raise InputError(f"{labels} labels for {n_classes} classes; expected {n_classes} at least")
    if labels > remaining:
        raise InputError(
            f"{labels} labels asked for, {remaining} labeled rows remain beside validation and test; "
            "ask for fewer (--labels)"
        )
    return labels


def _stratified_counts(sizes: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """About `share` of each class, in all `share` of the sum, rounded; always leaving one row of a class."""
    quota = share * sizes
    counts = np.floor(quota).astype(np.int64)
    extra = int(np.floor(quota.sum() + 0.5)) - int(counts.sum())
    # The largest remainders get the extra rows; equal ones are put in random order first.
    order = generator.permutation(len(sizes))
    order = order[np.argsort((counts - quota)[order], kind="stable")]
    counts[order[:extra]] += 1
    return np.minimum(counts, sizes - 1)


def _balanced_counts(available: np.ndarray, total: int, generator: np.random.Generator) -> np.ndarray:
    """Share `total` out evenly over the classes; a class with too few rows gives all, the others fill up."""
    counts = np.zeros_like(available)
    while total > 0:
        unfilled = np.flatnonzero(counts < available)
        share, rest = divmod(total, len(unfilled))
        if share == 0:
            counts[generator.choice(unfilled, rest, replace=False)] += 1
            break
        added = np.minimum(share, (available - counts)[unfilled])
        counts[unfilled] += added
        total -= int(added.sum())
    return counts


def _take(pools: list[np.ndarray], start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """The rows from `start` to `stop` of each pool, ascending."""
    parts = [pool[first:last] for pool, first, last in zip(pools, start, stop, strict=True)]
    return np.sort(np.concatenate(parts))
