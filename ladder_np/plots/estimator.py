"""Pictures and the report of a fitted `LadderClassifier`, with the rows that are given."""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Any

from ladder_np.data.dataset import Dataset
from ladder_np.errors import InputError
from ladder_np.estimator.classifier import LadderClassifier
from ladder_np.estimator.input import read_table
from ladder_np.experiments.run_folder import ErrorRate
from ladder_np.files import write_text
from ladder_np.plots.report import draw_pictures, make_report
from ladder_np.plots.run_data import ModelSource, NothingToDrawError, PlotData
from ladder_np.plots.style import Figure, matplotlib
from ladder_np.predictor import Predictor

__all__ = ["EstimatorSource", "draw_picture", "write_report"]


class EstimatorSource(ModelSource):
    """A fitted estimator, and rows to show: X (n, d) and y (n,) as for its `score`, or none.

    Raises
    ------
    InputError
        If the estimator is not fitted, or X or y do not fit it.
    """

    def __init__(self, model: LadderClassifier, X: Any = None, y: Any = None) -> None:
        name = type(model).__name__
        if not hasattr(model, "predictor_"):
            raise InputError(f"{name}: expected a fitted LadderClassifier; call fit first")
        fitted = model.predictor_
        # On the CPU, where pictures are drawn, and with the parameters as a file has them.
        predictor = dataclasses.replace(Predictor.from_arrays(name, fitted.as_arrays()), history=fitted.history)
        rows = None if X is None and y is None else _rows(X, y, model, predictor)
        super().__init__(Path(name), predictor, rows)
        self.title = f"{name}: {self._data.dataset.name}" if self._data else name

    @property
    def data(self) -> PlotData:
        if self._data is None:
            raise NothingToDrawError("it needs rows with labels; give X and y")
        return self._data

    @cached_property
    def results(self) -> dict[str, ErrorRate]:
        """How many of the given labeled rows get another class."""
        if self._data is None:
            return {}
        wrong = int((self.predictions.predicted != self.predictions.y).sum())
        return {self._name: ErrorRate(wrong, len(self.predictions.y))}


def draw_picture(model: LadderClassifier, name: str, X: Any = None, y: Any = None) -> Figure:
    """Draw one picture of a fitted estimator.

    Parameters
    ----------
    model : LadderClassifier
    name : str
        "learning-curves", "denoising-costs", "combinators", of texts "word-vectors", or with rows
        "rebuilt-inputs", "confusion", "top-hidden-layer"; see `PICTURES`.
    X, y : array-like (n, d) and (n,), optional
        Rows to show, as for `score`: best those that were not trained on.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig("picture.png")`` writes it; a notebook shows it.

    Raises
    ------
    InputError
        If there is no such picture, it needs something that is missing, X or y do not fit the estimator, or
        matplotlib (the extra plot) is not installed.
    """
    matplotlib()  # first, before rows are read
    ((_, drawn),) = draw_pictures(EstimatorSource(model, X, y), [name])
    if isinstance(drawn, NothingToDrawError):
        raise InputError(f"{name}: {drawn}")
    return drawn


def write_report(model: LadderClassifier, path: Path | str, X: Any = None, y: Any = None) -> None:
    """Write one HTML page about a fitted estimator: pictures, how to read them, numbers, settings.

    Parameters
    ----------
    model : LadderClassifier
    path : path
        The .html to write, replaced if it exists.
    X, y : array-like (n, d) and (n,), optional
        Rows to show, as for `score`: best those that were not trained on. Without them, pictures that need rows are
        left out.

    Raises
    ------
    InputError
        As `draw_picture`, or if the place cannot be written.
    """
    matplotlib()
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: expected a name that ends in .html")
    write_text(Path(path), make_report(EstimatorSource(model, X, y)))


def _rows(X: Any, y: Any, model: LadderClassifier, predictor: Predictor) -> Dataset:
    """Return checked rows with the estimator's classes."""
    if X is None or y is None:
        raise InputError(f"{'y without X' if X is None else 'X without y'}; give both, or neither")
    table = read_table(X, y, model.unlabeled_label, type(model).__name__, predictor, missing=model.missing == "mean")
    if (table.index < 0).all():
        raise InputError("no row of y has a label; give rows with labels")
    maximum = round(1 / predictor.scaling.scale[0]) if predictor.scaling.kind == "pixels" else None
    return Dataset(
        f"{len(table.X)} rows",
        table.X,
        table.index,
        predictor.classes,
        feature_names=predictor.feature_names,
        pixel_maximum=maximum,
        values=table.values,
        image_shape=table.image_shape,
    )
