"""The preset `denoising-autoencoder`: a tutorial's noisy autoencoder on images, with what the tutorial printed."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ladder_np.data.readers import open_dataset
from ladder_np.errors import InputError
from ladder_np.files import make_folder, write_npz, write_text
from ladder_np.network.autoencoder import Autoencoder
from ladder_np.training.autoencoder import AutoencoderTraining, EpochError
from ladder_np.version import __version__

__all__ = ["ABOUT", "AUTOENCODER", "TUTORIAL", "AutoencoderRun", "refuse_autoencoder", "run_autoencoder"]

AUTOENCODER = "denoising-autoencoder"
WEIGHTS, RESULT = "autoencoder.npz", "result.json"  # files of a run's folder
TUTORIAL = {1: 0.0471, 10: 0.0178}  # training MSE by epoch, as the tutorial printed it
ABOUT = "not a ladder: a tutorial's 784-128-64-128-784 with dropout and noise on its code; 10 epochs, batches of 128"


@dataclass(frozen=True)
class AutoencoderRun:
    """What to train on, and how long.

    Parameters
    ----------
    dataset : str
        Images whose pixels are whole numbers: a name or a path.
    epochs : int
    seed : int
    data_dir : Path or None
        Where data sets are looked for.
    out : Path or None
        A new folder for ``result.json`` and ``autoencoder.npz`` (W1, b1, …, W4, b4). None: nothing is saved.
    """

    dataset: str = "mnist"
    epochs: int = 10
    seed: int = 0
    data_dir: Path | None = None
    out: Path | None = None

    def prepare(self) -> AutoencoderTraining:
        """Return the training, with the first and last width that the images need.

        Raises InputError if the data cannot be read or has no pixels, or something else cannot be used.
        """
        if self.epochs < 1:
            raise InputError(f"epochs {self.epochs}: expected at least 1")
        if self.out is not None and self.out.exists():
            raise InputError(f"output folder {self.out} exists already; name a new one")
        dataset = open_dataset(self.dataset, self.data_dir)
        if not isinstance(dataset.X, np.ndarray) or dataset.pixel_maximum is None:
            raise InputError(
                f"{self.dataset}: preset {AUTOENCODER} learns from images of whole pixels, such as mnist"
            )
        width = dataset.X.shape[1]
        of = Autoencoder((width, 128, 64, 128, width))
        return AutoencoderTraining(of, dataset.X, dataset.pixel_maximum, self.seed)


def run_autoencoder(
    run: AutoencoderRun, training: AutoencoderTraining, observe: Callable[[EpochError], None]
) -> None:
    """Train, tell each epoch as soon as it has ended, and save weights and result if a folder is named."""
    errors = []
    for done in training.epochs(run.epochs):
        observe(done)
        errors.append(done)
    if run.out is None:
        return
    result = {
        "preset": AUTOENCODER,
        "settings": {"dataset": run.dataset, "epochs": run.epochs, "seed": run.seed},
        "training_mse": [done.mse for done in errors],
        "seconds": [done.seconds for done in errors],
        "ladder_np": __version__,
        "numpy": np.__version__,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }

    def fill(folder: Path) -> None:
        write_npz(folder / WEIGHTS, training.parameters)
        write_text(folder / RESULT, json.dumps(result, indent=1) + "\n")

    make_folder([run.out], fill)


def refuse_autoencoder(folder: Path) -> None:
    """Raise `InputError` if a folder, of which something is wanted that a ladder's run has, is an autoencoder's."""
    if (folder / WEIGHTS).is_file():
        raise InputError(
            f"{folder}: the run of a denoising autoencoder, which is not a ladder: it has no test error and no "
            f"classes, so no pictures, tables or predictions, and does not go on; its errors are in {folder / RESULT}"
        )
