"""Pictures of a run, as matplotlib figures, and its report; matplotlib is the optional extra ``plot``.

For example ``learning_curves(RunSource(Path("runs/digits-1")).training)``, or all of them by `draw_pictures`.
"""

from ladder_np.plots.combinators import combinators
from ladder_np.plots.confusion import confusion
from ladder_np.plots.curves import denoising_costs, learning_curves
from ladder_np.plots.hidden import top_hidden_layer
from ladder_np.plots.inputs import rebuilt_inputs
from ladder_np.plots.registry import PICTURES, draw_pictures
from ladder_np.plots.run_data import RunSource

__all__ = [
    "PICTURES",
    "RunSource",
    "combinators",
    "confusion",
    "denoising_costs",
    "draw_pictures",
    "learning_curves",
    "rebuilt_inputs",
    "top_hidden_layer",
]
