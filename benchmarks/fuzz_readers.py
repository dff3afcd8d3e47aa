"""Mutated files against every reader: what comes out is a result, or the one error type with one line.

    python -m benchmarks.fuzz_readers [--files N] [--seed S] [--kind NAME] [--keep DIR]

Valid files of each kind are bent in all the ways of `benchmarks.mutations`, most of them inside their container,
which is packed again with right checksums. Each is read and used as the commands do. A failure is any other
exception, a warning, an error that is not one printable line, more than `SECONDS`, or more memory than `MEMORY` (a
limit on the process, POSIX). The exit status is 1 if there was any; a failure's file is made again from its kind,
seed and number.
"""

import argparse
import contextlib
import gzip
import io
import resource
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import numpy as np

from benchmarks.mutations import Mutation, in_archive, in_gzip, in_json, in_npy, mutate
from ladder_np import LadderClassifier
from ladder_np.commands import main as ladder_np
from ladder_np.data.download import FILES
from ladder_np.data.readers import read_rows
from ladder_np.errors import InputError, InputWarning, TrainingDivergedError
from ladder_np.experiments.experiment import fingerprint, prepare, rows_for_test
from ladder_np.experiments.run import evaluate_run, execute, reopen, resume
from ladder_np.experiments.run_folder import load_run_config
from ladder_np.experiments.settings import make_settings
from ladder_np.inspection.vectors import compare_vectors, read_vectors
from ladder_np.predictor import Predictor
from ladder_np.training.trainer import EpochRecord

SECONDS, MEMORY = 20.0, 1 << 30  # of a file; of the process, beyond what it has at the start
CLASSES, FEATURES, ROWS = 3, 4, 30


@dataclass(frozen=True)
class Kind:
    """A kind of file: where a valid one lies, how it is read and used, and how it is changed inside its container."""

    path: Path
    use: Callable[[Path], object]
    inside: Callable[[np.random.Generator, bytes, Mutation], bytes] | None = None


def use_dataset(path: Path) -> None:
    """Prepare a training on a dataset, as `ladder-np train` does before its first step, and read all rows once."""
    settings = make_settings({"dataset": str(path), "test_fraction": 0.2, "validation": 1, "hidden_layers": (3,)})
    experiment = prepare(settings, path.parent, "cpu")
    experiment.rows(experiment.split.train)
    test = rows_for_test(experiment.dataset, experiment.split)
    if test is not None:
        np.asarray(test[0])
    fingerprint(experiment.dataset)


def use_model(path: Path) -> None:
    model = Predictor.load(path)
    model.predict(np.ones((3, model.scaling.columns)))


def use_estimator(path: Path) -> None:
    model = LadderClassifier.load(path)
    model.predict(np.ones((3, model.n_features_in_)))


def use_checkpoint(path: Path) -> None:
    """Go on with a copy of the run, to its end; from vast values in an intact file, training may diverge."""
    with tempfile.TemporaryDirectory() as home, contextlib.suppress(TrainingDivergedError):
        folder = shutil.copytree(path.parent, Path(home) / "run")
        resume(reopen(folder, None, "cpu"), folder, lambda *_: None)


def use_vectors(valid: Mapping[str, np.ndarray], path: Path) -> None:
    vectors = read_vectors(path, complete=True)
    compare_vectors(valid, vectors)
    compare_vectors(vectors, valid)


def in_folder(path: Path) -> None:
    use_dataset(path.parent)


def in_run(path: Path) -> None:
    evaluate_run(path.parent, path.parent, "cpu")


def from_config(path: Path) -> None:
    prepare(load_run_config(path.parent).settings, path.parent, "cpu")


def write_valid(home: Path) -> None:
    """Write valid files of every kind: three clouds of rows, as numbers and as pixels, and what is made from them."""
    rng = np.random.default_rng(0)
    y = np.arange(ROWS) % CLASSES
    X = rng.standard_normal((ROWS, FEATURES)) + 3 * np.eye(FEATURES)[y]
    pixels = np.uint8(np.clip(60 * X + 60, 0, 255)).reshape(ROWS, 2, 2)
    y[20:] = -1
    np.savez_compressed(home / "data.npz", X=X, y=y)
    rows = [[*(f"{x:.3g}" for x in row), str(label).replace("-1", "")] for row, label in zip(X, y, strict=True)]
    (home / "data.csv").write_text("\n".join(map(",".join, [["a", "b", "c", "d", "label"], *rows])) + "\n")
    colors = [["red", "green", "blue"][k % 3] * (k % 7 != 2) for k in range(ROWS)]
    rows = [
        [color, *row[:3], "" if k % 5 == 1 else row[3], row[4]]
        for k, (color, row) in enumerate(zip(colors, rows, strict=True))
    ]
    mixed = "\n".join(map(";".join, [["color", "a", "b", "c", "d", "label"], *rows])) + "\n"
    (home / "mixed.csv.gz").write_bytes(gzip.compress(mixed.replace(".", ",").encode()))
    for folder, features in (("npy", X), ("npy_pixels", pixels)):
        (home / folder).mkdir()
        np.save(home / folder / "X.npy", features)
        np.save(home / folder / "y.npy", y)
    images = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in pixels.shape) + pixels.tobytes()
    labels = b"\0\0\x08\x01" + ROWS.to_bytes(4, "big") + bytes(range(CLASSES)) * (ROWS // CLASSES)
    (home / "idx").mkdir()
    (home / "idx_gz").mkdir()
    for file, content in zip(FILES, (images, labels), strict=False):
        (home / "idx" / file).write_bytes(content)
        (home / "idx_gz" / f"{file}.gz").write_bytes(gzip.compress(content))
    train = ["train", "--epochs", "1", "--hidden-layers", "3", "--no-baseline", "--test-fraction", "0.3"]
    run_command(*train, "--dataset", home / "data.npz", "--out", home / "run")
    run_command(*train, "--dataset", home / "data.csv", "--out", home / "run_csv")
    run_command(*train, "--dataset", home / "mixed.csv.gz", "--out", home / "run_mixed")
    write_unfinished_run(home)
    kinds = np.array(["ash", "elm", "oak", "?"], object)[y]
    LadderClassifier((3,), max_iter=2, unlabeled_label="?", random_state=0).fit(X, kinds).save(home / "estimator.npz")
    run_command(*["vectors", "--sizes", "4-3-2", "--labeled", "3", "--unlabeled", "3"], home / "vectors.npz")


def write_unfinished_run(home: Path) -> None:
    """Begin a run and stop it in its second epoch, so that it leaves a checkpoint."""

    def stop(name: str, record: EpochRecord, *_: object) -> None:
        if record.epoch == 2:
            raise KeyboardInterrupt

    settings = make_settings(
        {"dataset": str(home / "data.npz"), "hidden_layers": (3,), "epochs": 3, "baseline": False, "validation": 3}
    )
    with contextlib.suppress(KeyboardInterrupt):
        execute(prepare(settings, None, "cpu"), home / "unfinished", stop)


def run_command(*words: object) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        if status := ladder_np([str(word) for word in words]):
            raise RuntimeError(f"{words[0]} ends with status {status}")


def valid_kinds(home: Path) -> dict[str, Kind]:
    """Write a valid file of each kind, and return the kinds by name."""
    write_valid(home)
    vectors = read_vectors(home / "vectors.npz", complete=True)
    return {
        "data .npz": Kind(home / "data.npz", use_dataset, in_archive),
        "data .csv": Kind(home / "data.csv", use_dataset),
        "data .csv.gz, texts and gaps": Kind(home / "mixed.csv.gz", use_dataset, in_gzip),
        "rows .csv": Kind(home / "data.csv", read_rows),
        "X.npy": Kind(home / "npy" / "X.npy", in_folder, in_npy),
        "y.npy": Kind(home / "npy" / "y.npy", in_folder, in_npy),
        "X.npy, pixels": Kind(home / "npy_pixels" / "X.npy", in_folder, in_npy),
        "IDX images": Kind(home / "idx" / FILES[0], in_folder),
        "IDX images .gz": Kind(home / "idx_gz" / f"{FILES[0]}.gz", in_folder, in_gzip),
        "IDX labels .gz": Kind(home / "idx_gz" / f"{FILES[1]}.gz", in_folder, in_gzip),
        "model.npz": Kind(home / "run" / "model.npz", use_model, in_archive),
        "model.npz, named columns": Kind(home / "run_csv" / "model.npz", use_model, in_archive),
        "model.npz, encoded columns": Kind(home / "run_mixed" / "model.npz", use_model, in_archive),
        "an estimator's file": Kind(home / "estimator.npz", use_estimator, in_archive),
        "checkpoint.npz": Kind(home / "unfinished" / "checkpoint.npz", use_checkpoint, in_archive),
        "split.npz": Kind(home / "run" / "split.npz", in_run, in_archive),
        "config.json, evaluated": Kind(home / "run" / "config.json", in_run, in_json),
        "config.json, its settings": Kind(home / "run" / "config.json", from_config, in_json),
        "test vectors .npz": Kind(home / "vectors.npz", partial(use_vectors, vectors), in_archive),
    }


def mutant(kind: Kind, valid: bytes, seed: int, number: int) -> bytes:
    """Return the mutant of that number; the same always."""
    rng = np.random.default_rng([seed, number])
    if kind.inside and rng.random() < 0.75:
        return kind.inside(rng, valid, mutate)
    return mutate(rng, valid)


class TooLongError(BaseException):
    """Raised by the clock; no reader may catch it."""


def outcome(kind: Kind, content: bytes) -> str:
    """Read a mutant: "read", "refused", or what else came out."""
    kind.path.write_bytes(content)
    try:
        with warnings.catch_warnings(), time_limit():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", InputWarning)  # doubtful values are told, and read
            kind.use(kind.path)
    except InputError as error:
        return "refused" if str(error).isprintable() else f"an error that is no line: {str(error)!r}"
    except TooLongError:
        return f"more than {SECONDS} s"
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return "read"


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fuzz(kind: Kind, seed: int, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield each mutant's number and outcome; the valid file is put back at the end."""
    valid = kind.path.read_bytes()
    first = outcome(kind, valid)
    if first != "read":
        raise RuntimeError(f"{kind.path} is to be valid: {first}")
    try:
        for number in numbers:
            yield number, outcome(kind, mutant(kind, valid, seed, number))
    finally:
        kind.path.write_bytes(valid)


def limit_memory() -> None:
    """Let this process take `MEMORY` bytes of addresses more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def peak() -> float:
    """Return the peak of this process's memory in MB (Linux counts in kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=2800, metavar="N", help="mutants in all (default: 2800)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--kind", action="append", metavar="NAME", help="only this kind (may be repeated)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the mutants that failed here")
    arguments = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        kinds = valid_kinds(Path(folder))
        names = arguments.kind or list(kinds)
        limit_memory()
        before, each = peak(), -(-arguments.files // len(names))
        print(f"{'kind':<26} {'files':>7} {'refused':>8} {'read':>7} {'failed':>7}")
        for name in names:
            counts: Counter[str] = Counter()
            valid = kinds[name].path.read_bytes()
            for number, result in fuzz(kinds[name], arguments.seed, range(each)):
                counts[result if result in ("read", "refused") else "failed"] += 1
                if result not in ("read", "refused"):
                    print(f"{name}, seed {arguments.seed}, number {number}: {result}")
                    if arguments.keep:
                        (arguments.keep / f"{kinds[name].path.stem}-{arguments.seed}-{number}").write_bytes(
                            mutant(kinds[name], valid, arguments.seed, number)
                        )
            failures += counts["failed"]
            print(
                f"{name:<26} {each:>7} {counts['refused']:>8} {counts['read']:>7} {counts['failed']:>7}", flush=True
            )
        print(f"{each * len(names)} files, {failures} failed; memory grew from {before:.0f} to {peak():.0f} MB")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
