"""A step as one CUDA graph: recorded once for a batch's shape, then launched as a whole, with no Python in between.

CuPy 14 does not let its matrix products be recorded; then, and whenever else recording fails, steps go on launch by
launch, as they do without a graph. Nothing has run in a recording that failed.
"""

from collections.abc import Callable
from types import ModuleType

from ladder_np.network.ladder import Batch, Losses

__all__ = ["CapturedSteps"]

Work = Callable[[Batch], Losses]
Shape = tuple[int, int]


class CapturedSteps:
    """Runs `work` on batches, as a graph where it can.

    Parameters
    ----------
    xp : module
        CuPy.
    work : callable
        Takes a batch on the device; does nothing on the host that a later step would need, and reads from no memory
        but its batch's that changes its place.
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
        self._input = Batch(batch.x_labeled.copy(), batch.y.copy(), batch.x_unlabeled.copy())
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
        self._graph.launch()
        return Losses(self._losses.values.copy())  # the next launch writes to the same place
