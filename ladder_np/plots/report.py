"""All pictures of a run or a model, one row of a table per picture, and the report: one HTML page with them."""

import base64
import html
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_np.errors import InputError
from ladder_np.experiments.experiment import BASELINE, LADDER
from ladder_np.experiments.verdict import did_not_help, verdict, what_to_try
from ladder_np.plots.classes import confusion, top_hidden_layer
from ladder_np.plots.curves import denoising_costs, learning_curves
from ladder_np.plots.decoder import combinators, rebuilt_inputs
from ladder_np.plots.embeddings import word_map
from ladder_np.plots.images import encode_images, feature_maps, filters, rebuilt_layers
from ladder_np.plots.run_data import Denoising, NothingToDrawError, PlotSource
from ladder_np.plots.style import Figure, matplotlib, png, stamp

__all__ = ["PICTURES", "DrawnPictures", "Picture", "draw_pictures", "draw_pngs", "make_report"]

STYLE = """
body { font: 16px/1.5 sans-serif; color: #222; background: white }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 }
h2 { margin-top: 2.5rem }
img { max-width: 100%; height: auto; border: 1px solid #ccc }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #ccc; padding: .2rem 1rem .2rem 0; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
"""
COLUMNS = ("model", "test error", "validation error", "cost", "supervised cost", "epochs", "steps", "training time")
ABSENT = "–"


@dataclass(frozen=True)
class Picture:
    """One picture."""

    name: str  # of its file, without ending
    # its heading, what it shows, and how to read it
    title: str
    shows: str
    reading: str
    draw: Callable[[PlotSource], Figure]  # from a `PlotSource` to a figure; raises `NothingToDrawError`
    # only of models that were trained on texts, or whose input is images; of others it is not missed
    of_texts: bool = False
    of_images: bool = False

    def suits(self, source: PlotSource) -> bool:
        """Return whether it is drawn of such a model if nothing is chosen."""
        return (source.reads_texts or not self.of_texts) and (source.sees_images or not self.of_images)


@dataclass(frozen=True)
class DrawnPictures:
    """Pictures as files."""

    pngs: list[tuple[Picture, bytes]]
    left_out: dict[str, list[Picture]]  # by the reason why they were not drawn


PICTURES = (
    Picture(
        "learning-curves",
        "Learning curves",
        "Cost, its supervised part, the error on the validation rows (if there are some) and the learning rate, "
        "by epoch: of the ladder and, if a run trained it, of the same network on the labeled rows alone.",
        "The ladder's cost has more terms and lies higher: compare models by the validation error, and costs only "
        "with themselves. A supervised cost near zero while the validation error stays high is overfitting; costs "
        "that still fall at the end ask for more epochs.",
        lambda source: learning_curves(source.known_histories),
    ),
    Picture(
        "denoising-costs",
        "Denoising cost by layer",
        "Left: how far each rebuilt layer is from the clean one, as mean squared error. Right: what it adds to the "
        "total cost, weighted by the layer's λ, beside the supervised cost.",
        "Above the input, clean layers have variance 1, so a cost of 1 is what a constant prediction gets: a layer "
        "that stays there rebuilds nothing. A layer whose line lies far below the others on the right has little "
        "influence on the training; a larger λ gives it more.",
        lambda source: denoising_costs(source.ladder_history, source.specification.denoising_weights),
    ),
    Picture(
        "rebuilt-inputs",
        "Clean, noisy and rebuilt inputs",
        "Rows as they are, with the noise that training adds, and as the decoder rebuilds them from it. The rows are "
        "training rows of a run, or those given with a model file; each has the class that the model predicts for "
        "the noisy row. Mean squared errors are in the network's own "
        "scale, over up to 500 rows, which are normalized as one batch.",
        "An error much smaller rebuilt than noisy says that the network knows how the features depend on each "
        "other; where it is not smaller, train longer or give layer 0 another λ. Images are shown as raw pixels, "
        "from 0 to the largest one (from the smallest to the largest clean value where these are not whole numbers), "
        "and what lies beyond is cut off. If they were whitened, that is undone: the inverse matrix gives images "
        "normalized in contrast, and these get the mean and contrast of the row's own pixels, which the network "
        "never sees. Other features are shown as the network gets them, after scaling.",
        lambda source: rebuilt_inputs(source.decoder, source.rebuilt, source.features),
    ),
    Picture(
        "combinators",
        "Combinators",
        "How the decoder joins what comes from the side, z̃, and from above, u: ẑ = g(z̃, u) over z̃ for five values of "
        "u, one panel per layer, all on one scale, with ẑ normalized as in the cost. Each unit has a combinator of "
        "its own; drawn is the most typical one of its layer, and gray is where the middle half of all units lies. "
        "Dots are rows, colored by u.",
        "Lines along the dotted one copy z̃. Flatter lines trust u more than the noisy z̃; lines far apart mean that u "
        "decides. Lines that lie on each other mean that this layer does not use what comes from above.",
        lambda source: combinators(source.decoder, source.noisy_if_any),
    ),
    Picture(
        "confusion",
        "Confusion matrix and mistakes",
        "Which classes the model takes for which, on the test rows (else the validation rows, else the labeled "
        "rows: the title says which), and the most confident mistakes.",
        "Dark cells off the diagonal are pairs of classes that the model cannot tell apart. Look at the mistakes: "
        "some are hard even for people, some are wrong labels, and the rest shows what is missing among the labeled "
        "rows. Images are shown as raw pixels. Row numbers count from 0, in the data's own test rows where it has "
        "some.",
        lambda source: confusion(source.predictions, source.predictor.classes, source.features),
    ),
    Picture(
        "top-hidden-layer",
        "Top hidden layer",
        "Rows along the two directions in which the top hidden layer varies most (principal components). "
        "Color and marker are the class: of rows without label the predicted one, of labeled rows, which have a "
        "black edge, their label.",
        "Classes in clusters of their own are easy to tell apart from few labels. An edged dot amid another color is "
        "a label that the model does not follow; a cluster without edged dots is a kind of row without labels. "
        "Small shares of variance on the axes mean that two directions show little of the layer.",
        lambda source: top_hidden_layer(source.top_hidden, source.predictor.classes),
    ),
    Picture(
        "filters",
        "Filters",
        "The weights of the first layer, one image for each of its filters: what each of them looks for at every "
        "position. Gray is zero, white and black are the largest positive and negative weight of all; of images with "
        "three channels the filters have these colors. If images are whitened, a filter sees whitened ones.",
        "Filters with edges, spots or smooth colors have learned something of the images. Those that look like noise "
        "have learned little: train longer, or with more rows. Many that are alike mean that fewer would do.",
        lambda source: filters(source.image_model),
        of_images=True,
    ),
    Picture(
        "feature-maps",
        "Feature maps",
        "A few images, as raw pixels, and below them each spatial layer without noise: the channels that vary most, "
        "each from its smallest value (black) to its largest (white) over these images.",
        "Low layers follow edges and surfaces, high ones say roughly where something is. A channel that looks the "
        "same for all images tells nothing about them.",
        lambda source: feature_maps(
            source.image_model, encode_images(source.image_model, source.data), source.images
        ),
        of_images=True,
    ),
    Picture(
        "rebuilt-layers",
        "Rebuilt layers of images",
        "Each spatial layer with a denoising cost, for a few rows: clean, with the noise of training, and as the "
        "decoder rebuilds it, normalized as in the cost. The input is shown as raw pixels, whitened or not. "
        "Of a layer with many channels, the one that varies most; black and white are the same in the "
        "three lines of a layer.",
        "A rebuilt line that is closer to the clean one than the noisy line is says that the layer above and the "
        "lateral connection together know what the layer should be. One that is flat rebuilds nothing: give the "
        "layer a larger λ.",
        lambda source: rebuilt_layers(source.decoder, source.rebuilt_images, source.images),
        of_images=True,
    ),
    Picture(
        "word-vectors",
        "Word vectors",
        "The most frequent words along the two directions in which their vectors, the first layer's weights, vary "
        "most (principal components). The color is the class that a word speaks for: whose probability is raised "
        "most by a document of this word alone. A mark without a word is a word for which there was no room; in "
        "groups of characters, \\s is a blank.",
        "Words that do the same to the network lie together. Words of a class far out are those that the network "
        "tells it by: look for some that it should not rely on. Small shares of variance on the axes mean that two "
        "directions show little of the vectors: ladder-np embeddings prints the nearest words in all directions, and "
        "measures how good the vectors are.",
        lambda source: word_map(source.text_model),
        of_texts=True,
    ),
)


def draw_pictures(
    source: PlotSource, names: Sequence[str] | None = None
) -> Iterator[tuple[Picture, Figure | NothingToDrawError]]:
    """Draw the pictures that can be drawn.

    Parameters
    ----------
    source : PlotSource
    names : sequence of str, optional
        Which ones; by default all, those of texts and of images if the model was trained on such.

    Yields
    ------
    Picture, and matplotlib.figure.Figure or NothingToDrawError
        In the order of `PICTURES`; the error is the reason why there is no figure.

    Raises
    ------
    InputError
        If a name is unknown, matplotlib is missing, or a file is damaged.
    """
    matplotlib()  # first, so that a missing matplotlib is reported before files are read
    known = [picture.name for picture in PICTURES]
    for name in names or ():
        if name not in known:
            raise InputError(f"unknown picture {name!r}; choose among {', '.join(known)}")
    for picture in PICTURES:
        if picture.name in names if names is not None else picture.suits(source):
            try:
                yield picture, stamp(picture.draw(source), source.stamp)
            except NothingToDrawError as reason:
                yield picture, reason


def draw_pngs(source: PlotSource, names: Sequence[str] | None = None) -> DrawnPictures:
    """Draw the pictures as PNG files; raise `InputError` as `draw_pictures`, and if there is nothing to draw."""
    drawn_pngs = DrawnPictures([], {})
    for picture, drawn in draw_pictures(source, names):
        if isinstance(drawn, NothingToDrawError):
            drawn_pngs.left_out.setdefault(str(drawn), []).append(picture)
        else:
            drawn_pngs.pngs.append((picture, png(drawn)))
    if not drawn_pngs.pngs:
        raise InputError(f"{source.path}: nothing to draw: {'; '.join(drawn_pngs.left_out)}")
    return drawn_pngs


def make_report(source: PlotSource) -> str:
    """Return the page; raise `InputError` as `draw_pngs`."""
    drawn = draw_pngs(source)
    title = source.title
    parts = [_tag("h1", title), *_overview(source)]
    for reason, pictures in drawn.left_out.items():
        names = ", ".join(picture.title for picture in pictures)
        parts.append(_tag("p", f"Not shown: {names}. The reason: {reason}."))
    for picture, image in drawn.pngs:
        parts += _section(picture, image)
    parts += _settings(source.facts)
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_tag("title", title)}\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _overview(source: PlotSource) -> Iterator[str]:
    """Yield what the network is, and the numbers of each model at the end of its training."""
    yield _tag("p", f"A ladder network {source.specification}: input, hidden layers, classes.")
    yield from _verdict(source)
    if not source.histories:
        return
    lines = [
        [
            name,
            str(source.results.get(name, ABSENT)),
            _number(100 * history.validation_error[-1], ".2f", " %"),
            _number(history.cost[-1], ".4g"),
            _number(history.supervised[-1], ".4g"),
            str(history.epoch[-1]),
            str(history.step[-1] or ABSENT),
            _number(history.seconds.sum(), ".1f", " s"),
        ]
        for name, history in source.histories.items()
    ]
    yield _table(COLUMNS, lines)
    kept = " The model is that of the epoch with the smallest one." if source.keeps_best_epoch else ""
    yield _tag("p", f"Costs and the validation error are those of the last epoch.{kept}")


def _verdict(source: PlotSource) -> Iterator[str]:
    """Yield whether the unlabeled rows helped, with the counts, and which denoisers do harm."""
    results, counts = source.results, source.row_counts
    if {"labeled", "train"} <= set(counts):
        unlabeled = counts["train"] - counts["labeled"]
        yield _tag("p", f"Trained on {counts['labeled']} labeled and {unlabeled} unlabeled rows.")
    measured = "; ".join(f"{name}: {result.wrong} wrong of {result.rows}" for name, result in results.items())
    if results:
        question = "<b>Did the unlabeled rows help?</b> " if len(results) > 1 else ""
        judged = f"{verdict(results)} Test rows: {measured}.".lstrip()
        if did_not_help(results) and LADDER in source.histories:
            judged += f" {what_to_try(source.specification, int(source.histories[LADDER].epoch[-1]))}"
        yield f"<p>{question}{html.escape(judged)}</p>"
    if BASELINE not in results:
        how = "ladder-np compare DATA, or ladder_np.compare(X, y)"
        yield _tag("p", f"Whether the unlabeled rows help is measured on repeated splits by {how}.")
    weights = source.specification.denoising_weights
    for found in source.denoising:
        if found.is_worse_than_nothing:
            yield f"<p><b>Warning.</b> {html.escape(_warning(found, weights))}</p>"


def _warning(found: Denoising, weights: Sequence[float]) -> str:
    larger = [10 * weight if layer == found.layer else weight for layer, weight in enumerate(weights)]
    layer = f"layer {found.layer}{' (the input)' if found.layer == 0 else ''}"
    return (
        f"The denoiser of {layer} is worse than doing nothing: the squared error of the rebuilt layer is "
        f"{found.rebuilt:.3g}, that of the noisy layer itself {found.noisy:.3g}. To try: more weight for it, "
        f"--denoising-weights {','.join(f'{weight:g}' for weight in larger)}, more epochs, or λ = 0 for this layer; "
        "the test errors tell whether that also helps the predictions."
    )


def _number(value: float, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if value == value else ABSENT


def _section(picture: Picture, image: bytes) -> Iterator[str]:
    yield _tag("h2", picture.title)
    address = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    yield f'<img src="{address}" alt="{html.escape(picture.shows)}">'
    yield f"<p><b>What it shows.</b> {html.escape(picture.shows)}</p>"
    yield f"<p><b>How to read it.</b> {html.escape(picture.reading)}</p>"


HEADINGS = {"blas": "Matrix products (BLAS)"}  # of groups of facts, where the name says too little


def _settings(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield all settings, nested objects as tables of their own."""
    groups = {name: value for name, value in facts.items() if isinstance(value, Mapping)}
    if others := {name: value for name, value in facts.items() if name not in groups}:
        groups["versions and data"] = others
    for heading, values in groups.items():
        yield _tag("h2", HEADINGS.get(heading, heading.capitalize()))
        yield _table(("name", "value"), [[name, _value(value)] for name, value in values.items()])


def _value(value: Any) -> str:
    """Return a JSON value as text for people."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_value, value)) if isinstance(value, list | tuple) else str(value)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = ["".join(_tag("th", head) for head in heads)]
    rows += ["".join(_tag("td", cell) for cell in line) for line in lines]
    return "<table>\n" + "\n".join(f"<tr>{row}</tr>" for row in rows) + "\n</table>"


def _tag(name: str, text: str) -> str:
    """Return an element; its text is escaped."""
    return f"<{name}>{html.escape(text)}</{name}>"
