"""`LadderClassifier`: the ladder by scikit-learn's conventions, which is not needed for it."""

from ladder_np.estimator.classifier import LadderClassifier

__all__ = ["LadderClassifier"]
