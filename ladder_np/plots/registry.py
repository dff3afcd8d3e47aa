"""All pictures of a run: one row of the table each, with what it shows and how it is read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ladder_np.errors import InputError
from ladder_np.plots.combinators import combinators
from ladder_np.plots.confusion import confusion
from ladder_np.plots.curves import denoising_costs, learning_curves
from ladder_np.plots.hidden import top_hidden_layer
from ladder_np.plots.inputs import rebuilt_inputs
from ladder_np.plots.run_data import NothingToDrawError, RunSource
from ladder_np.plots.style import Figure, matplotlib, png

__all__ = ["PICTURES", "DrawnPictures", "LeftOut", "Picture", "draw_pictures", "draw_pngs"]


@dataclass(frozen=True)
class Picture:
    """One picture of a run.

    Attributes
    ----------
    name : str
        Of its file, without ending.
    title, shows, reading : str
        Its heading, what it shows, and how to read it.
    draw : callable
        From a `RunSource` to a figure; raises `NothingToDrawError`.
    """

    name: str
    title: str
    shows: str
    reading: str
    draw: Callable[[RunSource], Figure]


@dataclass(frozen=True)
class LeftOut:
    """Why there is no figure of a picture."""

    reason: str


@dataclass(frozen=True)
class DrawnPictures:
    """The pictures of a run as files.

    Attributes
    ----------
    pngs : list of Picture and bytes
    left_out : dict of str to list of Picture
        By the reason.
    """

    pngs: list[tuple[Picture, bytes]]
    left_out: dict[str, list[Picture]]


PICTURES = (
    Picture(
        "learning-curves",
        "Learning curves",
        "Cost, its supervised part, the error on the validation rows (where the run has some) and the learning rate, "
        "by epoch: of the ladder, and of the same network trained on the labeled rows alone.",
        "The ladder's cost has more terms and lies higher: compare models by the validation error, and costs only "
        "with themselves. A supervised cost near zero while the validation error stays high is overfitting; costs "
        "that still fall at the end ask for more epochs.",
        lambda run: learning_curves(run.training),
    ),
    Picture(
        "denoising-costs",
        "Denoising cost by layer",
        "Left: how far each rebuilt layer is from the clean one, as mean squared error. Right: what it adds to the "
        "total cost, weighted by the layer's λ, beside the supervised cost.",
        "Above the input, clean layers have variance 1, so a cost of 1 is what a constant gets: a layer that stays "
        "there rebuilds nothing. A layer whose line lies far below the others on the right hardly steers the "
        "training; a larger λ gives it weight.",
        lambda run: denoising_costs(run.ladder, run.config.specification.denoising_weights),
    ),
    Picture(
        "rebuilt-inputs",
        "Clean, noisy and rebuilt inputs",
        "Training rows as they are, with the noise that training adds, and as the decoder rebuilds them from it. "
        "Mean squared errors are in the network's own scale, over up to 500 rows, which are normalized as one "
        "batch.",
        "An error much smaller rebuilt than noisy says that the network knows how the features hang together; where "
        "it is not, train longer or give layer 0 another λ. Images are shown from 0 to the largest pixel, and what "
        "lies beyond is cut off; other features as the network gets them, after scaling.",
        lambda run: rebuilt_inputs(run.decoder, run.rebuilt, run.features),
    ),
    Picture(
        "combinators",
        "Combinators",
        "How the decoder joins what comes from the side, z̃, and from above, u: ẑ = g(z̃, u) over z̃ for five values of "
        "u, one panel a layer. Each unit has a combinator of its own; drawn is the most typical one of its layer, "
        "and gray is where the middle half of all units lies. Dots are training rows, colored by u.",
        "Lines along the dotted one copy z̃. Flatter lines trust u more than the noisy z̃; lines far apart mean that u "
        "decides. Lines that lie on each other mean that this layer does not use what comes from above.",
        lambda run: combinators(run.decoder, run.noisy),
    ),
    Picture(
        "confusion",
        "Confusion matrix and mistakes",
        "Which classes the model takes for which, on the test rows (else the validation rows, else the labeled "
        "training rows: the title says which), and the mistakes that it was surest of.",
        "Dark cells off the diagonal are pairs of classes that the model cannot tell apart. Look at the mistakes: "
        "some are hard for anybody, some are wrong labels, and the rest shows what is missing among the labeled "
        "rows. Row numbers count from 0, in the data's own test rows where it has some.",
        lambda run: confusion(run.judged, run.predictor.classes, run.features),
    ),
    Picture(
        "top-hidden-layer",
        "Top hidden layer",
        "Training rows along the two directions in which the top hidden layer varies most (principal components). "
        "Color is the class: of rows without label the predicted one; labeled rows have a black edge and the "
        "color of their label.",
        "Classes in clumps of their own are easy to tell apart from few labels. An edged dot amid another color is "
        "a label that the model does not follow; a clump without edged dots is a kind of row that nobody labeled. "
        "Small shares of variance on the axes mean that two directions show little of the layer.",
        lambda run: top_hidden_layer(run.top_hidden, run.predictor.classes),
    ),
)


def draw_pictures(run: RunSource, names: Sequence[str] | None = None) -> Iterator[tuple[Picture, Figure | LeftOut]]:
    """Draw the pictures of a run that there can be.

    Parameters
    ----------
    run : RunSource
    names : sequence of str, optional
        Which ones; all by default.

    Yields
    ------
    Picture, and matplotlib.figure.Figure or LeftOut
        In the order of `PICTURES`.

    Raises
    ------
    InputError
        If a name is unknown, matplotlib is missing, or a file of the run is damaged.
    """
    matplotlib()  # first: nothing else is worth reading without it
    known = [picture.name for picture in PICTURES]
    for name in names or ():
        if name not in known:
            raise InputError(f"unknown picture {name!r}; choose among {', '.join(known)}")
    for picture in PICTURES:
        if names is None or picture.name in names:
            try:
                yield picture, picture.draw(run)
            except NothingToDrawError as reason:
                yield picture, LeftOut(str(reason))


def draw_pngs(run: RunSource, names: Sequence[str] | None = None) -> DrawnPictures:
    """Draw the pictures of a run as PNG files; see `draw_pictures`.

    Raises
    ------
    InputError
        Also if there is nothing to draw at all.
    """
    gallery = DrawnPictures([], {})
    for picture, drawn in draw_pictures(run, names):
        if isinstance(drawn, LeftOut):
            gallery.left_out.setdefault(drawn.reason, []).append(picture)
        else:
            gallery.pngs.append((picture, png(drawn)))
    if not gallery.pngs:
        raise InputError(f"{run.folder}: nothing to draw: {'; '.join(gallery.left_out)}")
    return gallery
