"""Error on validation images against minutes of training, epoch by epoch: presets in ladder_np and in PyTorch.

    python -m benchmarks.accuracy_per_minute [--minutes M] [--seed S] [--json FILE] [--picture FILE.png] RUN ...

A RUN is a preset of a dense network, or one in PyTorch, such as `mnist-100-fast` or `mnist-100-full@PyTorch` (extra
`torch`; [R]'s step alone). Each is trained until the epoch ends in which M minutes are over, or to its end: a preset
of more epochs has not reached its falling rate then. 10,000 training images (`--validation`) are set aside to measure
the error on, the test images are not looked at. Minutes are those of training alone. Both start from the same weights
and predict by the same code, with population statistics; batches are drawn by each in its own way. A line for each
run is added to FILE, and the picture shows all that are in it (extra `plot`). Run them on an idle machine.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ladder_np.commands.options import add_data_options
from ladder_np.errors import InputError
from ladder_np.experiments.experiment import Experiment, prepare
from ladder_np.experiments.settings import make_settings
from ladder_np.inspection.machine import describe_machine
from ladder_np.network.model import LadderNetwork
from ladder_np.training.adam import learning_rate
from ladder_np.training.trainer import Training

BLOCK = 2000  # images that are classified at once
COLORS = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito's
# What the step in PyTorch has: a preset with other values of these would get a wrong curve.
ONLY = {"activation": "relu", "combinator": "gaussian", "labeled_statistics": "own", "top_gamma": True}
ONLY |= {"stop_gradient_targets": False, "class_weight": None, "patience": None, "translate": 0, "flip": False}


class Contender(Protocol):
    """A network in training: after an epoch `training` can measure it."""

    training: Training
    network: LadderNetwork

    @property
    def done(self) -> bool: ...

    def run_epoch(self) -> None: ...


class Ours:
    """The preset as `ladder-np train` trains it."""

    def __init__(self, experiment: Experiment) -> None:
        seed = experiment.settings.seed
        self.network = LadderNetwork.from_specification(experiment.specification, device="cpu", seed=seed)
        self.training = Training(self.network, experiment.training_data, experiment.settings.training())

    @property
    def done(self) -> bool:
        return self.training.done

    def run_epoch(self) -> None:
        self.training.run_epoch()


class PyTorch:
    """The preset in PyTorch: the step of `benchmarks.speed`, images as float32 in memory, batches drawn by it."""

    def __init__(self, experiment: Experiment) -> None:
        import torch

        from benchmarks.speed.torch_peer import make_cost

        settings, split = experiment.settings, experiment.split
        for name, value in ONLY.items():
            if getattr(settings, name) != value:
                given = getattr(settings, name)
                raise InputError(f"PyTorch: {name} {given!r}: expected {value!r}; its step has no other")
        ours = Ours(experiment)
        self.network, self.training = ours.network, ours.training
        self._torch, self._settings = torch, settings.training()
        torch.manual_seed(settings.seed)
        self._cost = make_cost(experiment.specification)
        self._sizes = experiment.specification.sizes
        self.parameters = {
            name: torch.tensor(values, requires_grad=True) for name, values in self.network.parameters.items()
        }
        self._optimizer = torch.optim.Adam(self.parameters.values(), lr=self._settings.learning_rate, fused=True)
        self._x_labeled = torch.from_numpy(np.ascontiguousarray(experiment.rows(split.labeled)))
        self._y = torch.from_numpy(experiment.dataset.y[split.labeled].astype(np.int64))
        self._x_unlabeled = torch.from_numpy(np.ascontiguousarray(experiment.rows(split.train)))
        self._epochs = 0

    @property
    def done(self) -> bool:
        return self._epochs == self._settings.epochs

    def run_epoch(self) -> None:
        torch, settings = self._torch, self._settings
        order = torch.randperm(len(self._x_unlabeled)).split(settings.unlabeled_batch)
        order = [rows for rows in order if len(rows) == settings.unlabeled_batch]
        for step, rows in enumerate(order):
            progress = (self._epochs + step / len(order)) / settings.epochs
            self._optimizer.param_groups[0]["lr"] = learning_rate(
                progress, settings.learning_rate, settings.decay_start
            )
            self._step(self._x_unlabeled[rows])
        self._epochs += 1
        for name, values in self.parameters.items():
            self.network.parameters[name][...] = values.detach().numpy()

    def _step(self, x_unlabeled: Any) -> None:
        torch = self._torch
        labeled = torch.randperm(len(self._x_labeled))[: self._settings.labeled_batch]
        rows = len(labeled) + len(x_unlabeled)
        noise = [torch.randn(rows, size) for size in self._sizes]
        self._optimizer.zero_grad(set_to_none=True)
        self._cost(self.parameters, self._x_labeled[labeled], self._y[labeled], x_unlabeled, noise).backward()
        self._optimizer.step()


CONTENDERS: dict[str, Callable[[Experiment], Contender]] = {"ladder_np": Ours, "PyTorch": PyTorch}


def validation_error(contender: Contender, experiment: Experiment) -> float:
    """Return the share of the validation images, in %, that get a wrong class."""
    contender.training.estimate_statistics()
    y, validation = experiment.dataset.y, experiment.split.validation
    wrong = 0
    for start in range(0, len(validation), BLOCK):
        part = validation[start : start + BLOCK]
        wrong += int((contender.network.predict_proba(experiment.rows(part)).argmax(axis=1) != y[part]).sum())
    return 100 * wrong / len(validation)


def measure(run: str, minutes: float, seed: int, validation: int, data_dir: Path | None) -> dict[str, Any]:
    """Train a run; return what it was and its points: minutes of training, error in % of the `validation` images."""
    preset, _, framework = run.partition("@")
    settings = make_settings({"validation": validation, "seed": seed}, preset)
    experiment = prepare(settings, data_dir, "cpu")
    contender: Contender = CONTENDERS[framework or "ladder_np"](experiment)
    points: list[dict[str, float]] = []
    spent = 0.0
    while not contender.done and spent < 60 * minutes:
        start = time.perf_counter()
        contender.run_epoch()
        spent += time.perf_counter() - start
        error = validation_error(contender, experiment)
        points.append({"minutes": round(spent / 60, 3), "error_percent": round(error, 2)})
        print(f"{run}: {spent / 60:.2f} minutes, validation error {error:.2f} %", flush=True)
    return {"run": run, "seed": seed, **_versions(), "settings": experiment.settings.as_json(), "points": points}


def _versions() -> dict[str, Any]:
    """Return what the minutes depend on."""
    machine = describe_machine()
    torch = {"torch": version("torch")} if "torch" in sys.modules else {}
    return {"numpy": machine.numpy, **torch, "cpu": machine.cpu, "cores": machine.cores, "blas": machine.blas.kernel}


def draw(lines: list[dict[str, Any]], path: Path) -> None:
    """Draw a curve for each run."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
    for number, line in enumerate(lines):
        minutes, errors = zip(*((p["minutes"], p["error_percent"]) for p in line["points"]), strict=True)
        color = COLORS[number % len(COLORS)]
        ax.plot(minutes, errors, ".-", color=color, label=f"{line['run']}, seed {line['seed']}: {errors[-1]:.2f} %")
    ax.set(xlabel="minutes of training", ylabel="validation error, %", yscale="log")
    ticks = [tick for tick in (1, 1.5, 2, 3, 5, 10, 20) if ax.get_ylim()[0] <= tick <= ax.get_ylim()[1]]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_yticks([], minor=True)
    ax.grid(alpha=0.3)
    ax.legend(title="at the end of each curve", fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure the runs that were named, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="PRESET or PRESET@PyTorch")
    parser.add_argument("--minutes", type=float, default=8.0, help="of training, for each (default: 8)")
    parser.add_argument("--seed", type=int, default=1, help="(default: 1)")
    parser.add_argument("--validation", type=int, default=10_000, help="images set aside (default: 10000)")
    add_data_options(parser)
    parser.add_argument("--json", type=Path, help="add a line for each run to this file")
    parser.add_argument("--picture", type=Path, help="draw all lines of the JSON file")
    arguments = parser.parse_args()
    for run in arguments.runs:
        if run.partition("@")[2] not in ("", *CONTENDERS):
            parser.error(f"{run}: expected PRESET or PRESET@PyTorch")
    if not arguments.minutes > 0:
        parser.error(f"--minutes {arguments.minutes:g}: expected a number > 0")
    if arguments.picture and not (arguments.json and (arguments.runs or arguments.json.is_file())):
        parser.error(
            "--picture draws what is in the file of --json; name that too, or a RUN where it is not there yet"
        )
    if not arguments.runs and not arguments.picture:
        parser.error("expected a RUN, such as mnist-100-fast, or --picture")
    for run in arguments.runs:
        try:
            line = measure(run, arguments.minutes, arguments.seed, arguments.validation, arguments.data_dir)
        except InputError as error:
            parser.error(str(error))
        if arguments.json:
            with arguments.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    if arguments.picture:
        text = arguments.json.read_text(encoding="utf-8")
        draw([json.loads(line) for line in text.splitlines()], arguments.picture)


if __name__ == "__main__":
    main()
