"""One training step: noise, forward, backward, Adam; on a GPU recorded once per shape of a batch, as a CUDA graph.

The graph is launched as a whole, with no Python in between. CuPy 14 does not let its matrix products be recorded;
then, and whenever else recording fails, steps go on launch by launch, as they do without a graph. Nothing has run in
a recording that failed.
"""

import sys
from collections.abc import Callable, Mapping
from types import ModuleType

import numpy as np

from ladder_np.arrays import Array, array_module, keep_freed_memory
from ladder_np.errors import TrainingDivergedError
from ladder_np.kernels import kernels_for
from ladder_np.network.ladder import Batch, Losses, State, backward, forward
from ladder_np.network.model import LadderNetwork
from ladder_np.network.noise import NoiseSource
from ladder_np.network.passes import Passes
from ladder_np.network.quantities import GIVEN
from ladder_np.training.adam import Adam

__all__ = ["TrainingStep", "part_of"]

# A cost of that many times the first one (or 1 if that is larger: the cross-entropy's scale). Less is not an
# explosion: where a unit is constant in a batch, batch norm divides by sqrt(ε) = 1e-5, and its squared error grows
# 1e10 times.
EXPLODED = 1e12

Work = Callable[[Batch], Losses]
Shape = tuple[int, int]


class TrainingStep:
    """What lives from step to step: gradients, Adam's moments, the stream of noise; the network is trained in place.

    `seed` is that of the noise. If `watched`, each step's cost is looked at before its update; a GPU would have to be
    waited for. `limit` is the largest total cost that does not count as exploded.
    """

    def __init__(self, network: LadderNetwork, seed: int, watched: bool = False) -> None:
        self._network = network
        self._watched = watched
        self._gradients = network.parameters.zeros_like()
        kernels = kernels_for(network.device.xp, network.specification.dtype) if network.device.fused else None
        self._optimizer = Adam(network.parameters.used, kernels)
        self._noise = NoiseSource(seed, network.specification, network.device)
        # A graph holds no work of the host: not its noise, nor the numbers of plain formulas, which change by step.
        capturable = network.device.fused and not network.device.host_noise and not watched
        self._captured = CapturedSteps(network.device.xp, self._work) if capturable else None
        self.limit = sys.float_info.max
        if network.device.xp is np:
            keep_freed_memory()

    @property
    def count(self) -> int:
        """Steps taken so far."""
        return self._optimizer.steps

    @property
    def recorded(self) -> bool:
        """Whether steps are launched as a graph (from the third of a batch's shape on, where that can be)."""
        return self._captured is not None and self._captured.recorded

    def run(self, batch: Batch, rate: float) -> Losses:
        """Draw noise, run forward and backward, update the parameters; return the costs before the update.

        Raises TrainingDivergedError if steps are watched and the cost is NaN or infinite or has exploded; parameters
        are those before the step.
        """
        self._optimizer.advance(rate)
        losses = self._captured.run(batch) if self._captured else self._work(batch)
        self._noise.note(self._passes(batch).lanes)
        return losses

    def _work(self, batch: Batch) -> Losses:
        parameters, passes = self._network.parameters, self._passes(batch)
        noise = self._noise.draw(passes.lanes)
        state = forward(parameters, batch, noise, passes)
        if self._watched:
            self._watch(state)
        backward(state, self._gradients)
        self._optimizer.apply(self._gradients.used)
        return state.losses

    def _passes(self, batch: Batch) -> Passes:
        return self._network.passes(len(batch.x_labeled), len(batch.x_unlabeled))

    def _watch(self, state: State) -> None:
        cost = float(self._network.device.get(state.losses.total))
        if not self.accepts(cost):
            raise TrainingDivergedError(f"the cost became {cost:.6g} in step {self.count}: {self._cause(state)}")

    def accepts(self, cost: float) -> bool:
        """Return whether a cost is finite and has not exploded; the first one sets the limit."""
        accepted = cost <= self.limit  # NaN is not
        if accepted and self.limit == sys.float_info.max:
            self.limit = EXPLODED * max(cost, 1.0)
        return accepted

    def _cause(self, state: State) -> str:
        where = first_nonfinite(state)
        if where is None:
            costs = np.nan_to_num(self._network.device.get(state.losses.denoising))
            largest = int((np.array(self._network.specification.denoising_weights) * costs).argmax())
            return f"most of it is the denoising cost of layer {largest}"
        if where.startswith("the parameter"):
            return f"the update in step {self.count - 1} made {where} NaN or infinite"
        return f"the first values that are NaN or infinite are in {where}"

    def state(self) -> dict[str, np.ndarray]:
        """Return what the next steps depend on besides the parameters, on the host."""
        get, optimizer = self._network.device.get, self._optimizer
        noise = {f"noise/{name}": values for name, values in self._noise.state().items()}
        numbers = {"steps": np.array(optimizer.steps), "limit": np.array(self.limit)}
        return {"m": get(optimizer.m), "v": get(optimizer.v), **numbers, **noise}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was asked; see `NoiseSource.restore` for noise of another device."""
        put = self._network.device.put
        self._optimizer.restore(put(state["m"]), put(state["v"]), int(state["steps"]))
        self._noise.restore(part_of(state, "noise/"))
        self.limit = float(state["limit"])


def part_of(state: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the arrays whose names begin with the prefix, named without it."""
    return {name.removeprefix(prefix): values for name, values in state.items() if name.startswith(prefix)}


def first_nonfinite(state: State) -> str | None:
    """Return the name of the first quantity of a step's way forward that is NaN or infinite somewhere, or None."""
    for item in state.items():
        for key, value in item.arrays():
            if item.layer is not None and not _is_finite(value):
                return key.replace("param/", "the parameter ") if item.quantity.part == GIVEN else item.label
    return None


def _is_finite(x: Array) -> bool:
    xp = array_module(x)
    finite = xp.isfinite(x).all()
    return bool(finite if xp is np else xp.asnumpy(finite))


class CapturedSteps:
    """Runs `work` on batches, with CuPy as `xp`, as a graph where it can.

    `work` takes a batch on the device; it does nothing on the host that a later step would need, and reads from no
    memory but its batch's that changes its place.
    """

    def __init__(self, xp: ModuleType, work: Work) -> None:
        self._xp = xp
        self._work = work
        self._graphs: dict[Shape, _Graph | None] = {}
        self._seen: set[Shape] = set()

    def run(self, batch: Batch) -> Losses:
        """Do the work on one batch."""
        shape = len(batch.x_labeled), len(batch.x_unlabeled)
        if shape not in self._seen:
            self._seen.add(shape)
            return self._work(batch)  # so that every kernel is compiled and loaded before one is recorded
        if shape not in self._graphs:
            self._graphs[shape] = self._record(batch)
        graph = self._graphs[shape]
        return graph.launch(batch) if graph else self._work(batch)

    @property
    def recorded(self) -> bool:
        """Whether any steps are launched as a graph."""
        return any(self._graphs.values())

    def _record(self, batch: Batch) -> "_Graph | None":
        try:
            return _Graph(self._xp, self._work, batch)
        except (RuntimeError, MemoryError):  # a call that is not recorded, an error of CUDA, no memory for two
            return None


class _Graph:
    """The recorded work, with the memory it uses: its input, its result, and a pool that nobody else draws from."""

    def __init__(self, xp: ModuleType, work: Work, batch: Batch) -> None:
        self._input = batch.each(lambda array: array.copy())
        self._pool = xp.cuda.MemoryPool()
        stream = xp.cuda.Stream(non_blocking=True)
        with stream, xp.cuda.using_allocator(self._pool.malloc):
            stream.begin_capture()
            try:
                self._losses = work(self._input)
            finally:
                self._graph = stream.end_capture()

    def launch(self, batch: Batch) -> Losses:
        self._input.x_labeled[...] = batch.x_labeled
        self._input.y[...] = batch.y
        self._input.x_unlabeled[...] = batch.x_unlabeled
        if self._input.weights is not None:
            self._input.weights[...] = batch.weights
        self._graph.launch()
        return Losses(self._losses.values.copy())  # the next launch writes to the same place
