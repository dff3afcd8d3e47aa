"""An estimator in a model file: that of `Predictor`, with an entry ``estimator`` (JSON) for what only this one has.

So a run's ``model.npz`` is an estimator's file too, and ``ladder-np predict`` reads an estimator's.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.arrays import Device
from ladder_np.errors import InputError
from ladder_np.files import read_json, read_npz, write_npz
from ladder_np.network.specification import Specification
from ladder_np.predictor import Predictor

__all__ = ["read_model", "write_model"]

KEY = "estimator"
# What the entry holds, and of which JSON type it is.
FIELDS = {"params": dict, "loss_curve": list, "validation_scores": list | None}


def write_model(path: Path | str, predictor: Predictor, fields: dict[str, Any]) -> None:
    """Write the model with the estimator's own `fields` (see `FIELDS`) as one `.npz`, beside and renamed.

    Raises
    ------
    InputError
        If the place cannot be written.
    """
    text = json.dumps({**fields, "params": {name: _as_json(value) for name, value in fields["params"].items()}})
    write_npz(path, {**predictor.as_arrays(), KEY: np.array(text)})


def _as_json(value: Any) -> Any:
    """Return a parameter as a JSON value; None for what is none, as a generator of random numbers."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else None


def read_model(path: Path | str, device: Device | str) -> tuple[Predictor, dict[str, Any]]:
    """Return a model and its estimator's fields; of a run's model, those that its network tells.

    Raises
    ------
    InputError
        If it is no intact model file.
    """
    arrays = read_npz(path, "a model file")
    predictor = Predictor.from_arrays(path, arrays, device)
    if KEY not in arrays:
        return predictor, _fields_of(predictor.network.specification)
    text = arrays[KEY]
    fields: Any = read_json(str(text[()])) if text.ndim == 0 else None
    for name, kind in FIELDS.items():
        if not isinstance(fields, dict) or not isinstance(fields.get(name, ...), kind):
            raise InputError(f"{path}: damaged model file: its estimator has no {name}")
    for curve in (fields["loss_curve"], fields["validation_scores"] or []):
        if not all(isinstance(number, float | int) for number in curve):
            raise InputError(f"{path}: damaged model file: its estimator's curves are no numbers")
    params = {name: tuple(value) if isinstance(value, list) else value for name, value in fields["params"].items()}
    return predictor, {**fields, "params": params}


def _fields_of(specification: Specification) -> dict[str, Any]:
    params = {
        "hidden_layer_sizes": specification.sizes[1:-1],
        "activation": specification.activation,
        "combinator": specification.combinator,
        "noise_std": specification.noise_std,
        "denoising_weights": specification.denoising_weights,
        "dtype": specification.dtype,
    }
    return {"params": params, "loss_curve": [], "validation_scores": None}
