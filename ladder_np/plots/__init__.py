"""Pictures of a run or a model, as matplotlib figures, and the report; matplotlib is the optional extra ``plot``.

For example ``learning_curves(RunSource(Path("runs/digits-1")).known_histories)``, or all of them by `draw_pictures`;
of a fitted estimator ``draw_picture(model, "confusion", X_test, y_test)``, and a report by `write_report`.
"""

from ladder_np.plots.classes import confusion, top_hidden_layer
from ladder_np.plots.curves import denoising_costs, learning_curves
from ladder_np.plots.decoder import combinators, rebuilt_inputs
from ladder_np.plots.embeddings import word_map
from ladder_np.plots.estimator import EstimatorSource, draw_picture, write_report
from ladder_np.plots.images import feature_maps, filters, rebuilt_layers
from ladder_np.plots.report import PICTURES, draw_pictures
from ladder_np.plots.run_data import ModelSource, RunSource

__all__ = [
    "PICTURES",
    "EstimatorSource",
    "ModelSource",
    "RunSource",
    "combinators",
    "confusion",
    "denoising_costs",
    "draw_picture",
    "draw_pictures",
    "feature_maps",
    "filters",
    "learning_curves",
    "rebuilt_inputs",
    "rebuilt_layers",
    "top_hidden_layer",
    "word_map",
    "write_report",
]
