"""``ladder-np presets``: the settings of published experiments, what they published, how long a run takes."""

import argparse
from collections.abc import Iterator
from typing import Any

from ladder_np.experiments.autoencoder import ABOUT, AUTOENCODER, TUTORIAL
from ladder_np.experiments.preset_files import as_toml, find_preset
from ladder_np.experiments.presets import CPU, CPU_STEP, MARKS, PRESETS, SOURCES, Preset
from ladder_np.experiments.settings import make_settings

__all__ = ["add_to"]

ROW = f"{{:<{max(map(len, [*PRESETS, AUTOENCODER])) + 2}}}{{:<30}}{{:>8}}  {{}}"
START = (
    "# A file like this one, FILE.toml, is a preset of your own: ladder-np train --preset FILE.toml\n"
    "# What [settings] does not name is as the data's defaults. [published] is what ladder-np table compares\n"
    "# results with, in percent; [expected] how long a run took: leave both out where they are not known.\n"
)


def add_to(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "presets",
        help="settings of published experiments",
        description="List the presets, with what was published and how long a run takes where that was measured; "
        "or print one as TOML, which can be the start of one's own.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a preset, or FILE.toml (default: list all)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List all, or print one."""
    if arguments.name == AUTOENCODER:
        print(
            f"{AUTOENCODER}: {ABOUT}\nladder-np train --preset {AUTOENCODER} [--dataset NAME] [--epochs N] [--seed S]"
        )
        return 0
    if arguments.name is not None:
        make_settings({}, arguments.name)  # refuses what no run could use
        print(f"{START}\n{as_toml(find_preset(arguments.name))}", end="")
        return 0
    print(ROW.format("preset", "published test error, %", "minutes", "settings"))
    for name, preset in PRESETS.items():
        print(_row(name, preset))
    print(ROW.format(AUTOENCODER, f"training MSE {TUTORIAL[10]} at epoch 10", "-", ABOUT))
    for line in _footnotes():
        print(line)
    return 0


def _row(name: str, preset: Preset) -> str:
    minutes = f"{preset.expected.minutes:g} {_hardware()[preset.expected.hardware]}" if preset.expected else "-"
    return ROW.format(name, str(preset.published or "-"), minutes, "; ".join(_settings(preset)))


def _settings(preset: Preset) -> Iterator[str]:
    """Yield what tells a preset from others."""
    named = preset.settings
    yield f"{'all' if named['labels'] is None else named['labels']} labels"
    yield f"λ {_per_layer(named['denoising_weights'])}"
    yield f"noise {_per_layer(named['noise_std'])}"
    yield f"{named['epochs']} epochs"
    yield preset.about


def _per_layer(values: tuple[float, ...]) -> str:
    """Return numbers, input first, with … for those that repeat the one before; or for all 0 but the last."""
    if len(values) > 2 and not any(values[:-1]) and values[-1]:
        return f"0,…,{values[-1]:g}"
    first = next(place for place in range(len(values)) if set(values[place:]) == {values[-1]})
    shown = ",".join(f"{value:g}" for value in values[: first + 1])
    return f"{shown},…" if first + 1 < len(values) else shown


def _hardware() -> dict[str, str]:
    """Return the machines that minutes were measured on, with their footnotes' marks."""
    machines = dict.fromkeys(preset.expected.hardware for preset in PRESETS.values() if preset.expected)
    return dict(zip(machines, "¹²³⁴⁵⁶⁷⁸⁹", strict=False))


def _footnotes() -> Iterator[str]:
    yield ""
    yield from (f"{source} {about}" for source, about in SOURCES.items())
    yield f"± a standard deviation, SE a standard error; {'; '.join(f'({m}) {about}' for m, about in MARKS.items())}"
    measured = "; ".join(f"{mark} {hardware}" for hardware, mark in _hardware().items())
    yield f"minutes of one run, where measured: {measured}"
    computed = (f"{name} {CPU_STEP[name] * 90 / 60:.0f}" for name in CPU_STEP)  # 90,000 steps
    yield f"minutes of 150 epochs of MNIST on {CPU}, by the time of a step: {', '.join(computed)}"
    yield "ladder-np presets NAME prints one whole, as the start of one's own"
