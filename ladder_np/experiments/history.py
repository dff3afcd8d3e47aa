"""How a run's trainings went: its metrics files read back."""

from pathlib import Path

from ladder_np.errors import InputError
from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.experiments.run_folder import BASELINE_METRICS, METRICS, load_run_config
from ladder_np.files import read_json, read_text
from ladder_np.training.fit import FitHistory

__all__ = ["load_run_histories"]


def load_run_histories(folder: Path) -> dict[str, FitHistory]:
    """Return the histories of a run's models by name, the baseline's first, as far as they have got.

    Raises
    ------
    InputError
        If the folder is not a run, or a file is damaged. A last line that was cut off by a crash is left out.
    """
    specification = load_run_config(folder).specification
    layers = len(specification.sizes)
    files = {BASELINE: BASELINE_METRICS, LADDER: METRICS} if specification.denoises else {BASELINE: METRICS}
    histories = {name: _read(folder / file, layers) for name, file in files.items() if (folder / file).exists()}
    return {name: history for name, history in histories.items() if len(history)}


def _read(path: Path, layers: int) -> FitHistory:
    *lines, rest = read_text(path, "a run's metrics").split("\n")
    if read_json(rest) is not None:
        lines.append(rest)
    try:
        return FitHistory.from_json([read_json(line) for line in lines], layers)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
