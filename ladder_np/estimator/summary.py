"""What a fitted estimator is and how its training went: a text of 80 columns, and columns for a data frame."""

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_np.network.layers import resolve
from ladder_np.network.parameters import parameter_shapes
from ladder_np.operations.maps import is_whole_number
from ladder_np.predictor import Predictor
from ladder_np.training.fit import FitHistory

__all__ = ["TrainingFacts", "as_columns", "history_of", "summarize"]

WIDTH, INDENT = 80, 12
LISTED, LONGEST_NAME, LONGEST_KIND = 20, 20, 28  # classes and features named at most; letters of a name, of a layer
SCALINGS = {
    "standardize": "each scaled to mean 0 and standard deviation 1",
    "pixels": "read as pixels, divided by one number",
    "common": "all divided by one number, to mean variance 1",
    "none": "taken as they are",
    "gcn_zca": "images, normalized in contrast and whitened (ZCA)",
}
STATISTICS = {
    "own": "labeled rows are normalized with their own mean and deviation",
    "unlabeled": "labeled rows are normalized with the mean and deviation of all rows",
}


@dataclass(frozen=True)
class TrainingFacts:
    """The rows that a training had, and its epochs."""

    labeled: tuple[int, ...]  # rows of each class, with those held out
    unlabeled: int
    held_out: int  # labeled rows that early stopping measures the error on
    epochs: int  # of this training, which may have gone on from another
    planned: int | None  # how many these were to be; None of partial_fit, which has no end

    @classmethod
    def of_fit(cls, index: np.ndarray, classes: int, held_out: int, epochs: tuple[int, int]) -> "TrainingFacts":
        """Return those of rows with these indices of classes (n,), −1 without a label; epochs: trained, planned."""
        return cls(*_count(index, classes), held_out, *epochs)

    @classmethod
    def of_call(cls, index: np.ndarray, classes: int, before: "TrainingFacts | None") -> "TrainingFacts":
        """Return those of a call of `partial_fit`, whose rows are added to the ones before."""
        labeled, unlabeled = _count(index, classes)
        if before is None:
            return cls(labeled, unlabeled, 0, 1, None)
        together = tuple(a + b for a, b in zip(before.labeled, labeled, strict=True))
        return cls(together, before.unlabeled + unlabeled, 0, before.epochs + 1, None)


def _count(index: np.ndarray, classes: int) -> tuple[tuple[int, ...], int]:
    """Return the labeled rows of each class, and the rows without a label."""
    counts = np.bincount(index[index >= 0], minlength=classes)
    return tuple(counts.tolist()), int((index < 0).sum())


def history_of(model: Predictor) -> FitHistory:
    """Return a model's history; without epochs where it has none."""
    layers = len(model.network.specification.sizes)
    return FitHistory.from_records([], layers) if model.history is None else model.history


def as_columns(history: FitHistory) -> dict[str, list[Any]]:
    """Return the epochs as lists of Python's numbers, one list a column; NaN where nothing was measured."""
    columns = {name: getattr(history, name).tolist() for name in ("epoch", "step", "learning_rate", "cost")}
    columns |= {"supervised": history.supervised.tolist(), "denoising": (history.cost - history.supervised).tolist()}
    columns |= {f"denoising_{layer}": costs.tolist() for layer, costs in enumerate(history.denoising.T)}
    return columns | {name: getattr(history, name).tolist() for name in ("validation_error", "seconds")}


def summarize(name: str, model: Predictor, facts: TrainingFacts | None) -> str:
    """Return the text about an estimator of this name; `facts` is None where they are not known."""
    specification = model.network.specification
    lines = [
        *_paragraph(f"{name}: {specification.description}"),
        "",
        *_layer_table(model),
        "",
        *_item(
            "parameters", f"{model.network.parameters.vector.size:,} in {specification.dtype}, with the decoder's"
        ),
        *_item("rows", _rows(model, facts)),
        *_item("classes", _classes(model, facts)),
        *_item("features", _features(model)),
        *_item("statistics", STATISTICS["unlabeled" if specification.shares_statistics else "own"]),
    ]
    if model.history is not None and len(model.history):
        lines += _training(model.history, facts)
    return "\n".join(lines)


def _paragraph(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=True)


def _item(name: str, text: str) -> list[str]:
    return _paragraph(f"{name:{INDENT}}{text}", INDENT)


# ---- The network.


def _layer_table(model: Predictor) -> list[str]:
    """Return a line for each layer."""
    specification = model.network.specification
    counts = _parameters_by_layer(model)
    kinds = ["input", *specification.layers]
    lines = [f"{'layer':>5}  {'kind':{LONGEST_KIND}}{'shape':>11}{'noise std':>11}{'λ':>9}{'parameters':>13}"]
    for layer, kind in zip(resolve(specification), kinds, strict=True):
        kind = f"dense:{kind}" if is_whole_number(kind) else kind
        shown = textwrap.shorten(kind, LONGEST_KIND - 1, placeholder="…")
        numbers = f"{layer.noise_std:>11.4g}{layer.weight:>9.4g}{counts[layer.index]:>13,}"
        lines.append(f"{layer.index:>5}  {shown:{LONGEST_KIND}}{'x'.join(map(str, layer.shape)):>11}{numbers}")
    return lines


def _parameters_by_layer(model: Predictor) -> dict[int, int]:
    """Return how many parameters each layer has, those of its decoder among them."""
    specification = model.network.specification
    counts = dict.fromkeys(range(len(specification.sizes)), 0)
    for name, shape in parameter_shapes(specification).items():
        counts[int(name.split(".")[1])] += int(np.prod(shape))
    return counts


# ---- The data.


def _rows(model: Predictor, facts: TrainingFacts | None) -> str:
    if facts is None:
        return f"{model.statistics.count:,}; how many were labeled is not known"
    labeled = sum(facts.labeled)
    held_out = f", of which {facts.held_out:,} held out to stop early" if facts.held_out else ""
    return f"{labeled + facts.unlabeled:,}: {labeled:,} labeled{held_out}; {facts.unlabeled:,} unlabeled"


def _classes(model: Predictor, facts: TrainingFacts | None) -> str:
    names = _listed(model.classes.tolist())
    if facts is None:
        return f"{len(model.classes)}: {', '.join(names)}"
    counts = [f" ({count:,})" for count in facts.labeled[:LISTED]]
    shown = [name + (counts[k] if k < len(counts) else "") for k, name in enumerate(names)]
    return f"{len(model.classes)} (labeled rows): {', '.join(shown)}"


def _features(model: Predictor) -> str:
    named = f": {', '.join(_listed(model.feature_names))}" if model.feature_names else ""
    encoding = model.scaling.encoding
    encoded = encoding.describe(model.feature_names) if encoding else ""
    return f"{model.scaling.columns:,}, {SCALINGS[model.scaling.kind]}{named}{encoded and f'; {encoded}'}"


def _listed(names: Any) -> list[str]:
    shown = ["".join(c if c.isprintable() else "?" for c in str(name)) for name in names[:LISTED]]
    short = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in shown]
    return short + ["…"] * (len(names) > LISTED)


# ---- The training.


def _training(history: FitHistory, facts: TrainingFacts | None) -> list[str]:
    last = f"{history.cost[-1]:.4g} in the last epoch"
    if not np.isnan(history.supervised[-1]):
        denoising = history.cost[-1] - history.supervised[-1]
        last += f": supervised {history.supervised[-1]:.4g}, denoising, weighted by λ, {denoising:.4g}"
    lines = [*_item("epochs", _epochs(history, facts)), *_item("cost", last)]
    costs = [f"{layer}: {cost:.4g}" for layer, cost in enumerate(history.denoising[-1]) if not np.isnan(cost)]
    if costs:
        lines += _item("denoising", f"unweighted, by layer: {', '.join(costs)}")
    seconds = history.seconds[~np.isnan(history.seconds)]
    return lines + (_item("seconds", f"{seconds.sum():.2f}") if len(seconds) else [])


def _epochs(history: FitHistory, facts: TrainingFacts | None) -> str:
    if facts is None:
        return f"{len(history):,}"
    if facts.planned is None:
        return f"{len(history):,}, the last by partial_fit"
    own = history.validation_error[-facts.epochs :]
    earlier = len(history) - facts.epochs
    text = f"{facts.epochs:,} of {facts.planned:,}" + (f", after {earlier:,} of an earlier fit" if earlier else "")
    if np.isnan(own).all():
        return text
    best = int(np.nanargmin(own))
    return f"{text}; the model is that of epoch {earlier + best + 1:,}, validation error {100 * own[best]:.2f} %"
