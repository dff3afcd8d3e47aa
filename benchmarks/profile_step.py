"""Where the time of a training step goes: the paper's network, float32, 100 labeled + 100 unlabeled rows, by stage.

    python benchmarks/profile_step.py [--epochs N]

Steps are those of training, picking and scaling their rows included, under Python's own profiler. It sees one thread,
the one that trains; where that one waits for helpers, the waiting counts for the stage that waits. Run nothing else
meanwhile.
"""

import argparse
import cProfile
import importlib
import pstats
import statistics
from collections.abc import Mapping
from functools import partial
from types import CodeType

# isort: off
from ladder_np import LadderNetwork  # before NumPy: ladder_np prepares what NumPy reads when it is loaded
import numpy as np

# isort: on
from ladder_np.data.scaling import Scaling
from ladder_np.training.fit import fit
from ladder_np.training.loader import TrainingData
from ladder_np.training.trainer import EpochRecord, Training, TrainingSettings

# Modules, or functions as module:function. Whatever is not named (NumPy's own functions, helpers of ours) belongs to
# the stage that called it, and to the rest if none did.
STAGES = {
    "data: picking, scaling": (
        "ladder_np.data.scaling",
        "ladder_np.training.loader",
    ),
    "drawing noise": ("ladder_np.network.noise",),
    "matrix products": ("ladder_np.operations.dense",),
    "normalization": ("ladder_np.operations.normalization",),
    "activations": ("ladder_np.operations.activations",),
    "combinator": (
        "ladder_np.operations.combinators.gaussian",
        "ladder_np.operations.combinators.vanilla",
        "ladder_np.operations.combinators.mlp",
    ),
    "costs": ("ladder_np.operations.losses",),
    "encoder, decoder besides": ("ladder_np.network.passes", "ladder_np.network.ladder", "ladder_np.operations.maps"),
    "optimizer": ("ladder_np.training.adam",),
}
REST = "rest"

SIZES = (784, 1000, 500, 250, 250, 250, 10)
ROWS = 3000
STEPS = ROWS // 100  # an epoch

Function = tuple[str, int, str]  # file, first line, name: how the profiler names one
Shares = dict[str, float]  # by stage; they sum to 1


def stages_of(
    functions: Mapping[Function, tuple], table: Mapping[str, tuple[str, ...]] = STAGES
) -> dict[Function, str]:
    """Return the stage of every profiled function that the table names.

    Raises
    ------
    LookupError
        If the table names a module or function that does not exist.
    """
    files: dict[str, str] = {}
    single: dict[Function, str] = {}
    for stage, names in table.items():
        for name in names:
            module_name, _, function_name = name.partition(":")
            try:
                module = importlib.import_module(module_name)
                code = getattr(module, function_name).__code__ if function_name else None
            except (ModuleNotFoundError, AttributeError):
                raise LookupError(f"the table of stages names {name}, which does not exist") from None
            if isinstance(code, CodeType):
                single[code.co_filename, code.co_firstlineno, code.co_name] = stage
            else:
                files[str(module.__file__)] = stage
    named = {function: files[function[0]] for function in functions if function[0] in files}
    return named | single


def stage_seconds(functions: Mapping[Function, tuple], seconds: float) -> dict[str, float]:
    """Return the seconds of every stage; together they are `seconds`.

    Parameters
    ----------
    functions : mapping
        ``pstats.Stats.stats``: calls, calls, own seconds, seconds with callees, and the same by caller.
    seconds : float
        All that passed; what the profiler did not see is of the rest.
    """
    stages = stages_of(functions)
    shares: dict[Function, Shares] = {}
    result = dict.fromkeys([*STAGES, REST], 0.0)
    for function, (_, _, own, _, _) in functions.items():
        for stage, share in _shares(function, functions, stages, shares).items():
            result[stage] += share * own
    result[REST] += seconds - sum(result.values())
    return result


def _shares(
    function: Function,
    functions: Mapping[Function, tuple],
    stages: Mapping[Function, str],
    known: dict[Function, Shares],
) -> Shares:
    """Return how a function's time divides into stages: by its name, or as that of its callers."""
    if function in stages:
        return {stages[function]: 1.0}
    if function not in known:
        known[function] = {REST: 1.0}  # for a function that calls itself by way of others, until it is known
        callers = {caller: edge[3] for caller, edge in functions[function][4].items()}
        total = sum(callers.values())
        if total > 0:
            shares: Shares = {}
            for caller, seconds in callers.items():
                for stage, share in _shares(caller, functions, stages, known).items():
                    shares[stage] = shares.get(stage, 0.0) + share * seconds / total
            known[function] = shares
    return known[function]


def pick(pixels: np.ndarray, scaling: Scaling, indices: np.ndarray) -> np.ndarray:
    """Return the rows at the given indices, scaled as in training."""
    return scaling.apply(pixels[indices], np.float32)


def profile(epochs: int) -> tuple[list[float], pstats.Stats, float]:
    """Return milliseconds per step of each epoch without the profiler; then its findings and the seconds with it."""
    plain: list[float] = []
    profiled: list[float] = []
    profiler = cProfile.Profile()

    def observe(record: EpochRecord) -> None:
        if record.epoch > 1 + epochs:
            profiled.append(record.seconds)
        elif record.epoch > 1:  # the first one warms up
            plain.append(1000 * record.seconds / STEPS)
        if record.epoch == 1 + epochs:
            profiler.enable()
        elif record.epoch == 1 + 2 * epochs:
            profiler.disable()  # what follows are the population statistics

    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, SIZES[0]), dtype=np.uint8)
    scaling = Scaling(np.zeros(SIZES[0]), np.full(SIZES[0], 1 / 255))
    rows = partial(pick, pixels, scaling)
    data = TrainingData(rows, np.arange(ROWS) % SIZES[-1], np.arange(100), np.arange(ROWS))
    fit(Training(LadderNetwork(SIZES), data, TrainingSettings(epochs=1 + 2 * epochs)), on_epoch=observe)
    return plain, pstats.Stats(profiler), sum(profiled)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5, help=f"of {STEPS} steps, with the profiler and without")
    epochs = parser.parse_args().epochs
    plain, stats, seconds = profile(epochs)
    milliseconds = {
        stage: 1000 * value / (epochs * STEPS)
        for stage, value in stage_seconds(stats.stats, seconds).items()  # type: ignore[attr-defined]
    }
    total = sum(milliseconds.values())
    print("| stage | ms per step | share |\n|---|---:|---:|")
    for stage, value in milliseconds.items():
        print(f"| {stage} | {value:.2f} | {100 * value / total:.0f} % |")
    print(f"| all, with the profiler | {total:.2f} | 100 % |")
    print(f"\nwithout it: {statistics.median(plain):.1f} ms per step, median of {epochs} epochs of {STEPS} steps")


if __name__ == "__main__":
    main()
