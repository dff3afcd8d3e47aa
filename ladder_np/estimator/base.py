"""scikit-learn's conventions for any estimator, kept without scikit-learn; its own types are used where it is loaded.

An estimator's parameters are the arguments of its `__init__`, stored under their names, unchecked until `fit`; what
`fit` learns is stored under names that end in ``_``.
"""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any, Self

from ladder_np.errors import InputError

__all__ = ["BaseClassifier", "not_fitted", "scikit_learn", "warning_class"]


class BaseClassifier:
    """Parameters by name, printing, and what scikit-learn asks of an estimator that is a classifier."""

    _estimator_type = "classifier"  # what scikit-learn looks at before version 1.6

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        parameters = inspect.signature(cls).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; `deep` is for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, and return this estimator.

        Raises
        ------
        InputError
            If there is no parameter of that name.
        """
        names = self._defaults()
        for name in params:
            if name not in names:
                raise InputError(f"no parameter {name!r}; the parameters are {', '.join(names)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Return the call that makes it, with the parameters that differ from their defaults."""
        defaults, params = self._defaults(), self.get_params()
        changed = [f"{name}={value!r}" for name, value in params.items() if repr(value) != repr(defaults[name])]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Return what a notebook shows: scikit-learn's diagram where it is installed, and the plain text."""
        text = {"text/plain": repr(self)}
        return {**text, "text/html": self._repr_html_()} if hasattr(self, "_repr_html_") else text

    @property
    def _repr_html_(self) -> Callable[[], str]:
        """The function that returns scikit-learn's diagram; missing where that is not installed, or shows texts."""
        try:
            sklearn = scikit_learn("", "a diagram")
        except InputError as error:
            raise AttributeError(str(error)) from None
        if sklearn.get_config()["display"] != "diagram":
            raise AttributeError("scikit-learn's setting display is not 'diagram'")
        return functools.partial(scikit_learn("utils", "a diagram").estimator_html_repr, self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "classes_")

    def __sklearn_tags__(self) -> Any:
        utils = importlib.import_module("sklearn.utils")  # it is there: nobody else asks
        return utils.Tags(
            estimator_type="classifier",
            target_tags=utils.TargetTags(required=True),
            transformer_tags=None,
            classifier_tags=utils.ClassifierTags(),
            regressor_tags=None,
            input_tags=utils.InputTags(sparse=True, allow_nan=self.get_params().get("missing") == "mean"),
        )

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted(f"this {type(self).__name__} is not fitted yet; call fit first")


def scikit_learn(module: str, what: str) -> Any:
    """Return scikit-learn, or one of its modules, for `what` needs it; raise `InputError` if it is not installed."""
    try:
        return importlib.import_module(f"sklearn.{module}" if module else "sklearn")
    except ImportError:
        raise InputError(f"{what} needs scikit-learn: pip install scikit-learn") from None


def not_fitted(message: str) -> InputError:
    """Return the error of an estimator that knows nothing yet: scikit-learn's own too, where that is loaded."""
    exceptions = sys.modules.get("sklearn.exceptions")
    return _not_fitted_class(exceptions.NotFittedError if exceptions else AttributeError)(message)


@functools.cache
def _not_fitted_class(base: type[Exception]) -> type[InputError]:
    return type("NotFittedError", (InputError, base), {"__doc__": "An estimator was asked before it was fitted."})


def warning_class(name: str) -> type[Warning]:
    """Return scikit-learn's warning of that name, where it is loaded, else `UserWarning`."""
    exceptions = sys.modules.get("sklearn.exceptions")
    return getattr(exceptions, name) if exceptions else UserWarning
