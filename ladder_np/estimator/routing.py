"""Metadata routing by scikit-learn's rules (1.6 and later): a part says which metadata, such as weights, it wants.

A meta-estimator that routes metadata, such as a `Pipeline`, calls `get_metadata_routing` of its parts. The answer is
scikit-learn's own kind of object, which is made when somebody asks for it: nothing here needs scikit-learn before.
"""

from typing import Any, ClassVar, Self

from ladder_np.errors import InputError
from ladder_np.estimator.base import scikit_learn

__all__ = ["ScoreRequests", "WeightRequests"]

UNCHANGED = "$UNCHANGED$"  # scikit-learn's own default: leave this request as it is
PURPOSE = "metadata routing"


class RoutingOffError(InputError, RuntimeError):
    """A request was set while scikit-learn does not route metadata."""


class MetadataRequests:
    """What scikit-learn asks of an object whose methods take metadata."""

    # the names of what each method takes beside X and y; nothing of it is wanted, nor refused, until a user says so
    _metadata: ClassVar[dict[str, tuple[str, ...]]]
    _metadata_request: Any  # the requests that were set; scikit-learn's `clone` copies it by this name

    def get_metadata_routing(self) -> Any:
        """Return a copy of the requests, as a `MetadataRequest` of scikit-learn.

        Raises
        ------
        InputError
            If scikit-learn is not installed.
        """
        routing = scikit_learn("utils.metadata_routing", PURPOSE)
        if hasattr(self, "_metadata_request"):
            return routing.get_routing_for_object(self._metadata_request)
        requests = routing.MetadataRequest(owner=type(self).__name__)
        for method, names in self._metadata.items():
            for name in names:
                getattr(requests, method).add_request(param=name, alias=None)
        return requests

    def _set_requests(self, method: str, **wanted: bool | str | None) -> Self:
        if not scikit_learn("", PURPOSE).get_config()["enable_metadata_routing"]:
            raise RoutingOffError(
                f"set_{method}_request: metadata routing is off; sklearn.set_config(enable_metadata_routing=True) "
                "switches it on"
            )
        requests = self.get_metadata_routing()
        for name, alias in wanted.items():
            if alias == UNCHANGED:
                continue
            try:
                getattr(requests, method).add_request(param=name, alias=alias)
            except ValueError:
                raise InputError(
                    f"set_{method}_request: {name}={alias!r}; expected True (pass it), False (ignore it), None "
                    "(refuse it), or the name that it goes by"
                ) from None
        self._metadata_request = requests
        return self


class ScoreRequests(MetadataRequests):
    """The request of an object whose `score`, or call, takes weights."""

    _metadata: ClassVar = {"score": ("sample_weight",)}

    def set_score_request(self, *, sample_weight: bool | str | None = UNCHANGED) -> Self:
        """Say whether meta-estimators pass their `sample_weight` on to `score`; see `set_fit_request`."""
        return self._set_requests("score", sample_weight=sample_weight)


class WeightRequests(ScoreRequests):
    """The requests of an estimator whose `fit`, `partial_fit` and `score` take weights."""

    _metadata: ClassVar = {
        "fit": ("sample_weight",),
        "partial_fit": ("classes", "sample_weight"),
        "score": ("sample_weight",),
    }

    def set_fit_request(self, *, sample_weight: bool | str | None = UNCHANGED) -> Self:
        """Say whether meta-estimators pass their `sample_weight` on to `fit`.

        This is for scikit-learn's metadata routing (``sklearn.set_config(enable_metadata_routing=True)``).

        Parameters
        ----------
        sample_weight : bool, str or None
            True: yes, if given. False: no. None, as at the beginning: no, and an error if given. A text: yes, under
            that name. Left out: as before.

        Raises
        ------
        InputError
            If the value is none of these, scikit-learn is not installed, or its routing is off (a RuntimeError, too).
        """
        return self._set_requests("fit", sample_weight=sample_weight)

    def set_partial_fit_request(
        self, *, classes: bool | str | None = UNCHANGED, sample_weight: bool | str | None = UNCHANGED
    ) -> Self:
        """Say whether meta-estimators pass their metadata on to `partial_fit`; see `set_fit_request`."""
        return self._set_requests("partial_fit", classes=classes, sample_weight=sample_weight)
