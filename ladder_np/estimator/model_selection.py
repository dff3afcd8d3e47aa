"""Cross-validation with labels that are partly missing, for scikit-learn's tools (which must be installed).

scikit-learn's own scorers count a test row without a label as a mistake, and its splitters give such rows away to the
test parts. Here test parts and scores have labeled rows only, and every training part has all unlabeled rows.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from ladder_np.errors import InputError
from ladder_np.estimator.base import scikit_learn
from ladder_np.estimator.input import read_labels
from ladder_np.estimator.routing import ScoreRequests
from ladder_np.training.weights import checked_weights

__all__ = ["LabeledScorer", "StratifiedLabeledKFold", "rows_of"]

PURPOSE = "cross-validation with partly labeled y"


class LabeledScorer(ScoreRequests):
    """A scorer that looks at the labeled rows alone: for `scoring` of `cross_val_score`, `GridSearchCV` and the like.

    Parameters
    ----------
    scoring : str or callable
        A name that scikit-learn knows ("accuracy", "f1_macro", "neg_log_loss", ...), or a scorer,
        ``scorer(estimator, X, y)``.
    unlabeled_label : object
        What y holds where a row has no label, as in `LadderClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from ladder_np import LabeledScorer, LadderClassifier, StratifiedLabeledKFold
    >>> y = np.arange(90) % 3
    >>> X = 4 * np.eye(3)[y] + np.random.default_rng(0).normal(size=(90, 3))
    >>> y[30:] = -1
    >>> model = LadderClassifier(max_iter=30, random_state=0)
    >>> scores = cross_val_score(model, X, y, scoring=LabeledScorer("f1_macro"), cv=StratifiedLabeledKFold(3))
    >>> scores.shape, bool(scores.min() > 0.8)
    ((3,), True)
    """

    def __init__(
        self, scoring: str | Callable[[Any, Any, Any], float] = "accuracy", *, unlabeled_label: Any = -1
    ) -> None:
        self.scoring = scoring
        self.unlabeled_label = unlabeled_label

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of a fitted estimator on the labeled rows of X (n, d), y (n,), with weights (n,) or none.

        Raises
        ------
        InputError
            If no row is labeled, there is no such score, or the weights do not fit.
        """
        rows = _labeled(y, self.unlabeled_label)
        if not len(rows):
            raise InputError(
                "no test row is labeled, so there is nothing to score; split with StratifiedLabeledKFold"
            )
        scorer = self._scorer()
        given = {} if sample_weight is None else {"sample_weight": checked_weights(sample_weight, len(y))[rows]}
        # Without the mark, objects may become numbers or texts again, which metrics ask for.
        return float(scorer(estimator, rows_of(X, rows), np.array(np.asarray(y)[rows].tolist()), **given))

    def _scorer(self) -> Callable[..., float]:
        if callable(self.scoring):
            return self.scoring
        try:
            return cast(Callable[..., float], scikit_learn("metrics", PURPOSE).get_scorer(str(self.scoring)))
        except ValueError:
            raise InputError(
                f"scoring {self.scoring!r}: expected a scorer, or a name of sklearn.metrics.get_scorer_names()"
            ) from None

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"LabeledScorer({self.scoring!r}, unlabeled_label={self.unlabeled_label!r})"


class StratifiedLabeledKFold:
    """Folds of the labeled rows, with the classes' shares kept; every training part has all unlabeled rows too.

    Parameters
    ----------
    n_splits : int
        At least 2.
    shuffle : bool
        Whether rows are put in random order before they are divided; otherwise folds follow the order of the rows.
    random_state : int, RandomState or None
        Of the shuffling, as in scikit-learn's `StratifiedKFold`.
    unlabeled_label : object
        What y holds where a row has no label, as in `LadderClassifier`.

    Examples
    --------
    >>> from ladder_np import StratifiedLabeledKFold
    >>> for train, test in StratifiedLabeledKFold(2).split([[0.0]] * 6, [0, 1, -1, 0, 1, -1]):
    ...     print(train, test)
    [2 3 4 5] [0 1]
    [0 1 2 5] [3 4]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = False,
        random_state: Any = None,
        unlabeled_label: Any = -1,
    ) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state
        self.unlabeled_label = unlabeled_label

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the row indices of each training and test part, ascending.

        Raises
        ------
        InputError
            If there are fewer labeled rows than folds, or a parameter cannot be used.
        """
        rows = _labeled(y, self.unlabeled_label)
        others = np.setdiff1d(np.arange(len(y)), rows)
        options = {"shuffle": self.shuffle, "random_state": self.random_state}
        labels = np.array(np.asarray(y)[rows].tolist())
        try:
            folds = [
                *scikit_learn("model_selection", PURPOSE)
                .StratifiedKFold(self.n_splits, **options)
                .split(rows, labels)
            ]
        except ValueError as error:
            raise InputError(f"{len(rows)} labeled rows in {self.n_splits} folds: {error}") from None
        for train, test in folds:
            yield np.sort(np.concatenate([others, rows[train]])), rows[test]

    def __repr__(self) -> str:
        """Return the call that makes it."""
        given = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"StratifiedLabeledKFold({given})"


def _labeled(y: Any, unlabeled_label: Any) -> np.ndarray:
    """Return the indices of the labeled rows."""
    return np.flatnonzero(~read_labels(y, unlabeled_label, "LadderClassifier").unlabeled)


def rows_of(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of features, by their places, in the type that they came in."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    X = X.tocsr() if hasattr(X, "tocsr") else X
    return X[rows] if hasattr(X, "shape") else [X[row] for row in rows]
