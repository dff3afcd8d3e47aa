"""Time a training step: the paper's network, float32, 100 labelled + 100 unlabelled rows, everything included.

    python benchmarks/step.py [--epochs N]

Everything a step does is timed as training does it: picking and scaling rows, noise, forward, backward, Adam. The
figure is the median over epochs of an epoch's time by its 30 steps; run nothing else meanwhile.
"""

import argparse
import os
import platform
import statistics

import numpy as np

from ladder_np import LadderNetwork
from ladder_np.data.preprocessing import Scaling
from ladder_np.training.trainer import EpochRecord, TrainingSettings, train

SIZES = (784, 1000, 500, 250, 250, 250, 10)
ROWS = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (ROWS, SIZES[0]), dtype=np.uint8)
    scaling = Scaling(np.zeros(SIZES[0]), np.full(SIZES[0], 1 / 255))
    milliseconds: list[float] = []

    def observe(record: EpochRecord) -> None:
        milliseconds.append(1000 * record.seconds / (ROWS / settings.unlabeled_batch))

    settings = TrainingSettings(epochs=arguments.epochs + 1)
    train(
        LadderNetwork(SIZES),
        lambda numbers: scaling.apply(pixels[numbers], np.float32),
        np.arange(ROWS) % SIZES[-1],
        np.arange(100),
        np.arange(ROWS),
        settings,
        observe,
    )
    counted = milliseconds[1:]  # the first epoch warms up
    print(f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}")
    print(
        f"{statistics.median(counted):.1f} ms a training step "
        f"(median of {len(counted)} epochs of {ROWS // settings.unlabeled_batch} steps; "
        f"min {min(counted):.1f}, max {max(counted):.1f})"
    )


if __name__ == "__main__":
    main()
