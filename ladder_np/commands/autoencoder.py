"""``ladder-np train --preset denoising-autoencoder``: what is printed of this one preset, which is not a ladder."""

import argparse
from collections.abc import Mapping
from functools import partial
from typing import Any

from ladder_np.errors import InputError
from ladder_np.experiments.autoencoder import AUTOENCODER, TUTORIAL, AutoencoderRun, run_autoencoder
from ladder_np.training.autoencoder import EpochError

__all__ = ["run"]

SETTINGS = ("dataset", "epochs", "seed")
OTHERS = ("resume", "checkpoint_every")  # options of a run that this preset does not take


def run(arguments: argparse.Namespace, named: dict[str, Any]) -> int:
    """Train the autoencoder, and print each epoch, on the tutorial's data beside the tutorial's."""
    _refuse_others(arguments, named)
    wanted = AutoencoderRun(**named, data_dir=arguments.data_dir, out=arguments.out)
    training = wanted.prepare()
    print(
        f"{wanted.dataset}: a noisy autoencoder, seed {wanted.seed}; the error with dropout and noise, over an epoch"
    )
    published = TUTORIAL if wanted.dataset == AutoencoderRun.dataset else {}
    of_tutorial = f"{'tutorial':>10}" if published else ""
    print(f"{'epoch':>5} {'training MSE':>13} {'seconds':>8}{of_tutorial}", flush=True)
    run_autoencoder(wanted, training, partial(_show, published))
    if wanted.out is not None:
        print(f"run saved in {wanted.out}")
    return 0


def _show(published: Mapping[int, float], done: EpochError) -> None:
    of_tutorial = f"{published[done.epoch]:>10.4f}" if done.epoch in published else ""
    print(f"{done.epoch:>5} {done.mse:>13.4f} {done.seconds:>8.1f}{of_tutorial}", flush=True)


def _refuse_others(arguments: argparse.Namespace, named: dict[str, Any]) -> None:
    """Raise `InputError` if an option is given that means nothing for this preset."""
    others = [name for name in named if name not in SETTINGS]
    others += [name for name in OTHERS if getattr(arguments, name) is not None]
    if arguments.device not in ("cpu", "auto"):
        others.append("device")
    if others:
        option = f"--{others[0].replace('_', '-')}"
        raise InputError(
            f"preset {AUTOENCODER} is not a ladder and runs on the CPU: it takes --dataset, --epochs, --seed, --out, "
            f"--data-dir; leave out {option}"
        )
