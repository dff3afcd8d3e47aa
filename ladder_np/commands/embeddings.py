"""``ladder-np embeddings``: the word vectors of a model of texts."""

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ladder_np.commands.options import (
    STANDARD,
    TABLE,
    Options,
    add_model_argument,
    add_options,
    load_model,
    protect,
    table_options,
    whole_number,
)
from ladder_np.data.readers import read_rows
from ladder_np.data.words import Vocabulary
from ladder_np.errors import InputError, warn
from ladder_np.experiments.run_folder import RunData, load_run_data
from ladder_np.files import write_atomically
from ladder_np.inspection.embeddings import (
    FEWEST_TOGETHER,
    find_pairs,
    find_word,
    measure,
    nearest_words,
    vector_lines,
    word_vectors,
    written,
)
from ladder_np.predictor import Predictor
from ladder_np.rng import Stream, stream

__all__ = ["add_to"]

HELD_OUT: Options = {
    "--text-column": (str, "NAME", "of such a table, or key of such lines (default: as in training, or text)"),
    "--separator": TABLE["--separator"],
}


def add_to(commands: Any) -> None:
    """Add this command to the program's."""
    parser = commands.add_parser(
        "embeddings",
        help="word vectors of a model of texts: nearest words, a file, how good they are",
        description="The first layer of a model that was trained on texts holds a vector for each word. Print the "
        "words nearest to some by the cosine of the vectors, write all vectors, or measure how good they are. For a "
        "picture of them: ladder-np plot MODEL --only word-vectors.",
    )
    add_model_argument(parser)
    parser.add_argument(
        "--like", action="append", default=[], metavar="WORD", help="print the words nearest to it; may be repeated"
    )
    parser.add_argument("--top", type=whole_number, default=10, metavar="N", help="how many of them (default: 10)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the file to write in the word2vec text format, replaced if it exists, or - for standard output: a line "
        "'count width', then for each word, the most frequent first, a line 'word v1 v2 …'; in words, \\s is a blank "
        "and \\\\ a backslash",
    )
    parser.add_argument(
        "--measure",
        action="store_true",
        help="how often, of two words that occur together in documents not trained on, one is nearer to the other "
        "than words of about its frequency; beside truncated SVD and random vectors",
    )
    held_out = "measure on the texts of this table or .jsonl file (default: the test rows of the run)"
    parser.add_argument("--held-out", type=Path, metavar="FILE", help=held_out)
    parser.add_argument("--dataset", metavar="NAME", help="where the run's own data lies now, if it was moved")
    add_options(parser, HELD_OUT)
    parser.set_defaults(run=run, device="cpu")


def run(arguments: argparse.Namespace) -> int:
    """Print the nearest words, write the vectors, measure them: what is asked for."""
    _check(arguments)
    model = load_model(arguments)
    if model.vocabulary is None:
        raise InputError(f"{arguments.model}: was not trained on texts, so it has no word vectors")
    vectors, vocabulary = word_vectors(model.network), model.vocabulary
    places = [find_word(vocabulary, word) for word in arguments.like]
    if places:
        print("\n\n".join("\n".join(_neighbors(vocabulary, vectors, place, arguments.top)) for place in places))
    if arguments.out is not None:
        _write(arguments.out, vocabulary, vectors)
    if arguments.measure:
        print("\n".join(_measured(arguments, model, vocabulary, vectors)))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.top < 1:
        raise InputError(f"--top {arguments.top}: expected 1 or more")
    if not (arguments.like or arguments.out or arguments.measure):
        raise InputError("nothing to do; name words with --like, a file with --out, or ask to --measure")
    for option in ("held_out", "dataset"):
        if getattr(arguments, option) is not None and not arguments.measure:
            raise InputError(
                f"--{option.replace('_', '-')} {getattr(arguments, option)}: is for --measure; name both"
            )
    if arguments.out not in (None, STANDARD):
        given = (arguments.model, arguments.held_out, arguments.dataset and Path(arguments.dataset))
        protect(arguments.out, "the vectors", *filter(None, given))


def _neighbors(vocabulary: Vocabulary, vectors: np.ndarray, place: int, top: int) -> Iterator[str]:
    """Yield a word, and its nearest words with their cosines."""
    yield written(vocabulary.tokens[place])
    for other, cosine in zip(*nearest_words(vectors, place, top), strict=True):
        yield f"{cosine:7.2f}  {written(vocabulary.tokens[other])}"


def _write(path: Path, vocabulary: Vocabulary, vectors: np.ndarray) -> None:
    def write(file: BinaryIO) -> None:
        file.writelines(line.encode() for line in vector_lines(vocabulary, vectors))

    if path == STANDARD:
        sys.stdout.flush()
        write(sys.stdout.buffer)
        return
    write_atomically(path, write)
    print(f"{len(vectors)} vectors of {vectors.shape[1]} numbers written to {path}")


def _measured(
    arguments: argparse.Namespace, model: Predictor, vocabulary: Vocabulary, vectors: np.ndarray
) -> Iterator[str]:
    """Yield the lines of the measurement."""
    data = load_run_data(arguments.model, None, arguments.dataset) if arguments.model.is_dir() else None
    held_out = vocabulary.rows(_held_out_texts(arguments, model, data))
    try:
        pairs = find_pairs(held_out, vocabulary.weights)
    except InputError as error:
        raise InputError(f"{arguments.held_out or arguments.model}: {error}") from None
    yield (
        f"{len(pairs.pairs)} pairs of {vocabulary.name} that {FEWEST_TOGETHER} or more of {len(held_out)} held-out "
        "documents hold, twice as many as by chance at least."
    )
    yield (
        "How often one of them is nearer to the other than others of about its frequency, in % with standard error "
        f"({vectors.shape[1]} dimensions):"
    )
    training = None if data is None else vocabulary.rows(_texts(data, data.split.train))
    scores = measure(vectors, pairs, training, stream(0, Stream.WORD_VECTORS))
    for name, found in scores.items():
        yield f"  {name:<14}  {found.percent:5.1f} ± {found.error:.1f}"
    if training is None:
        yield "  (no truncated SVD: a model file holds no training documents; name the folder of a run)"


def _held_out_texts(arguments: argparse.Namespace, model: Predictor, data: RunData | None) -> list[str]:
    """Return the texts of the file that is named, without those that were trained on, or those of the test rows."""
    if arguments.held_out is not None:
        options = table_options(arguments, model)
        texts = read_rows(
            arguments.held_out, dataclasses.replace(options, text_column=options.text_column or "text")
        ).texts
        if texts is None:
            raise InputError(f"{arguments.held_out}: holds no texts; expected a table or a .jsonl file")
        return _without_trained(arguments.held_out, texts, data)
    if data is None or not len(data.split.test):
        raise InputError(
            f"{arguments.model}: has no documents that were not trained on; name a file of such with --held-out, or "
            "train with --test-fraction"
        )
    return _texts(data, data.split.test)


def _without_trained(path: Path, texts: list[str], data: RunData | None) -> list[str]:
    """Return the texts of a file that are not among a run's training texts, where these are known."""
    trained = set() if data is None else set(_texts(data, data.split.train))
    new = [text for text in texts if text not in trained]
    if not new:
        raise InputError(f"{path}: has no documents that were not trained on; name another file")
    if len(new) < len(texts):
        warn(f"{path}: {len(texts) - len(new)} of {len(texts)} texts were trained on; they are left out")
    return new


def _texts(data: RunData, rows: np.ndarray) -> list[str]:
    if data.dataset.texts is None:
        raise InputError(f"{data.dataset.name}: holds no texts, but the model was trained on texts")
    return [data.dataset.texts[row] for row in rows.tolist()]
