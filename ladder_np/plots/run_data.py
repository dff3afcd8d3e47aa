"""What the pictures of a run are drawn from: its folder, read when a picture asks for it and only once."""

from functools import cached_property
from pathlib import Path

from ladder_np.errors import InputError
from ladder_np.experiments.experiment import LADDER
from ladder_np.experiments.run_folder import (
    CONFIG,
    MODEL,
    RunConfig,
    RunData,
    load_run_config,
    load_run_data,
    load_run_histories,
    load_run_model,
)
from ladder_np.plots.rows import Features, Judged, Noisy, TopHidden, describe_features, judge, look_at_top, noisy
from ladder_np.predictor import Predictor
from ladder_np.training.fit import FitHistory

__all__ = ["NothingToDrawError", "RunSource"]


class NothingToDrawError(Exception):
    """A run has nothing that a picture could show; the message says why, in a few words."""


class RunSource:
    """A run's folder, finished or not.

    Parameters
    ----------
    folder : path
    data_dir : path or None
        As in `open_dataset`; None: the one that the run was begun with.

    Attributes
    ----------
    config : RunConfig

    Raises
    ------
    InputError
        If the folder is no run, or, where something is asked for, the file that it is in is damaged.
    NothingToDrawError
        Where something is asked for that the run does not have.
    """

    def __init__(self, folder: Path, data_dir: Path | None = None) -> None:
        self.folder, self._data_dir = folder, data_dir
        self.config: RunConfig = load_run_config(folder)

    @cached_property
    def histories(self) -> dict[str, FitHistory]:
        """How each model's training went, by the model's name; those that have begun."""
        return load_run_histories(self.folder)

    @property
    def training(self) -> dict[str, FitHistory]:
        """The same of a run that has begun."""
        if not self.histories:
            raise NothingToDrawError("no epoch is finished yet")
        return self.histories

    @cached_property
    def ladder(self) -> FitHistory:
        """How the ladder's training went."""
        self._require_denoising()
        if LADDER not in self.histories:
            raise NothingToDrawError("no epoch of the ladder is finished yet")
        return self.histories[LADDER]

    @cached_property
    def predictor(self) -> Predictor:
        """The trained model."""
        if not (self.folder / MODEL).exists():
            raise NothingToDrawError(f"the run is not finished: it has no {MODEL} yet")
        predictor = load_run_model(self.folder, "cpu")
        if predictor.network.specification != self.config.specification:
            raise InputError(f"{self.folder / MODEL}: not the model of this run; its network is another")
        return predictor

    @cached_property
    def decoder(self) -> Predictor:
        """The trained model of a run that has trained its decoder."""
        self._require_denoising()
        return self.predictor

    @cached_property
    def features(self) -> Features:
        """How its rows are shown."""
        return describe_features(self._data.dataset)

    @cached_property
    def noisy(self) -> Noisy | None:
        """Training rows on their way through the network; None where the data is gone."""
        decoder, data = self.decoder, self._opened
        if isinstance(data, str):
            return None
        return noisy(decoder, data.dataset, data.split, self.config.settings.seed)

    @cached_property
    def rebuilt(self) -> Noisy:
        """The same, of a network that rebuilds its input."""
        if self.decoder.network.specification.lowest > 0:
            raise NothingToDrawError("the decoder does not rebuild the input: the λ of layer 0 is 0")
        if self.noisy is None:
            raise NothingToDrawError(str(self._opened))
        return self.noisy

    @cached_property
    def judged(self) -> Judged:
        """Rows with known classes and what the model says of them."""
        return judge(self.predictor, self._data.dataset, self._data.split)

    @cached_property
    def top_hidden(self) -> TopHidden:
        """The top hidden layer of training rows."""
        if self.predictor.network.specification.top < 2:
            raise NothingToDrawError("the network has no hidden layer")
        return look_at_top(self.predictor, self._data.dataset, self._data.split)

    @property
    def _data(self) -> RunData:
        if isinstance(self._opened, str):
            raise NothingToDrawError(self._opened)
        return self._opened

    @cached_property
    def _opened(self) -> RunData | str:
        """The run's data, or why it is not at hand."""
        try:
            data = load_run_data(self.folder, self._data_dir)
        except InputError as error:
            return str(error)
        sizes = self.config.specification.sizes
        if (data.dataset.X.shape[1], len(data.dataset.classes)) != (sizes[0], sizes[-1]):
            return f"{self.config.settings.dataset}: does not fit the network that {CONFIG} describes"
        return data

    def _require_denoising(self) -> None:
        if not self.config.specification.denoises:
            raise NothingToDrawError("the run trained without denoising (every λ is 0)")
