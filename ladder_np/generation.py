"""Text from a model of next characters: one character after the other, each drawn from what the model expects."""

import math

import numpy as np

from ladder_np.data.sequences import OTHER, known_characters
from ladder_np.errors import InputError
from ladder_np.predictor import Predictor
from ladder_np.rng import Stream, check_seed, stream

__all__ = ["generate"]

LONGEST = 1 << 20  # characters


def generate(model: Predictor, prompt: str, length: int, temperature: float = 1.0, seed: int = 0) -> str:
    """Return `length` characters that go on from a prompt.

    Parameters
    ----------
    model : Predictor
        Trained on the next characters of a text.
    prompt : str
        What comes before, not empty; characters that the model does not know tell it nothing.
    length : int
        How many characters are drawn.
    temperature : float
        P(character) is taken to the power of 1/temperature: 1 draws as the model expects, a smaller one the more
        probable ones more often, 0 always the most probable one.
    seed : int

    Returns
    -------
    str
        Without the prompt; never the sign for rare characters.

    Raises
    ------
    InputError
        If the model is another one, or a value cannot be used.
    """
    window = None if model.vocabulary is None else model.vocabulary.window
    if window is None:
        raise InputError("the model was not trained on next characters; train one with --next-character")
    if not prompt:
        raise InputError("the prompt is empty; expected one character at least")
    if not 1 <= length <= LONGEST:
        raise InputError(f"length {length}: expected 1 to {LONGEST} characters")
    if not 0 <= temperature < math.inf:
        raise InputError(f"temperature {temperature}: expected a number >= 0, such as 0.8")
    generator = stream(check_seed(seed), Stream.GENERATION)
    text = known_characters(prompt, model.classes.tolist())
    for _ in range(length):
        text += _draw(model, text[-window:], temperature, generator)
    return text[len(prompt) :]


def _draw(model: Predictor, before: str, temperature: float, generator: np.random.Generator) -> str:
    """Return the character that comes after a window."""
    assert model.vocabulary is not None
    log_p = next(model.predict_blocks(model.vocabulary.rows([before]), log=True))[0]
    log_p = np.where(model.classes == OTHER, -np.inf, log_p)
    if temperature == 0:
        return str(model.classes[log_p.argmax()])
    p = np.exp((log_p - log_p.max()) / temperature)
    return str(model.classes[np.searchsorted(np.cumsum(p), generator.random() * p.sum(), side="right")])
