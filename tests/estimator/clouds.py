"""Three clouds of points, few of them labeled, and an estimator small enough for tests."""

from typing import Any

import numpy as np

from ladder_np import LadderClassifier

CENTERS = 4 * np.eye(4)[:3]
ROWS = 90
TRUTH = np.arange(ROWS) % 3
X = CENTERS[TRUTH] + np.random.default_rng(0).normal(size=(ROWS, 4))
LABELED = 15
EPOCHS = 20
SMALL = {
    "hidden_layer_sizes": (12, 8),
    "batch_size": 20,
    "learning_rate_init": 0.01,
    "max_iter": EPOCHS,
    "random_state": 0,
}


def known(labels: np.ndarray, mark: Any) -> np.ndarray:
    """Return a label a row, of the classes' `labels`, with the mark in all rows but the first."""
    y = labels[TRUTH]
    if y.dtype.kind == "U":
        y = y.astype(f"<U{max(y.dtype.itemsize // 4, len(str(mark)))}")
    y[LABELED:] = mark
    return y


Y = known(np.arange(3), -1)


def small(**params: Any) -> LadderClassifier:
    return LadderClassifier(**{**SMALL, **params})


def parameters(model: LadderClassifier) -> np.ndarray:
    """Return the parameter vector on the host."""
    network = model._predictor.network
    return network.device.get(network.parameters.vector)
