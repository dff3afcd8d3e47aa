"""Files on disk: written to a temporary file and renamed, read without unpickling. Only this module writes files."""

import contextlib
import errno
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ladder_np.errors import BusyError, InputError
from ladder_np.npy import UNREADABLE, CautiousFile, read_archive

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "append_line",
    "ensure_folder",
    "lock_folder",
    "make_folder",
    "open_file",
    "read_json",
    "read_json_entry",
    "read_npz",
    "read_text",
    "remove_leftovers",
    "write_atomically",
    "write_bytes",
    "write_npz",
    "write_text",
]

MAGIC_LENGTH = len(np.lib.format.MAGIC_PREFIX)
LARGEST_TEXT = 1 << 26  # bytes; a run's settings and metrics are far smaller


def write_atomically(path: Path | str, write: Callable[[BinaryIO], object]) -> None:
    """Write a temporary file beside `path`, then rename it: `path` never holds a half-written file.

    `write` is called with the open binary file. Raises InputError if the folder is missing, cannot be written or is
    full, or `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file")
    try:
        _write_beside(path, write)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another place") from error


def _write_beside(path: Path, write: Callable[[BinaryIO], object]) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        _give_usual_mode(beside, 0o666)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def _give_usual_mode(path: str, mode: int) -> None:
    """Replace a temporary file's or folder's private mode by the mode that `open` or `mkdir` would have set."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(path, mode & ~umask)


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data`, atomically (see `write_atomically`)."""
    write_atomically(path, lambda file: file.write(data))


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8, atomically (see `write_atomically`)."""
    write_bytes(path, text.encode())


def write_npz(path: Path | str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write plain arrays as an `.npz` archive, atomically (see `write_atomically`); equal arrays give equal bytes."""

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for key, array in arrays.items():
                member = zipfile.ZipInfo(f"{key}.npy")  # has zip's earliest date instead of today's
                with archive.open(member, "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)

    write_atomically(path, write)


def append_line(path: Path | str, line: str) -> None:
    """Append one line of text to a log file, which is created if it is missing."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def make_folder(names: Iterable[Path], fill: Callable[[Path], None]) -> Path:
    """Make a new folder and its parents, and return it; it is filled under a temporary name, then renamed.

    Its name is the first of `names`, all in one parent folder, that nobody has taken: not before, nor in the
    meantime. `fill` is called with the temporary folder. Raises InputError if all exist, or it cannot be made.
    """
    names = iter(names)
    path = next(names)
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            fill(Path(beside))
            _give_usual_mode(beside, 0o777)
            while not _rename_new(beside, path):
                if (following := next(names, None)) is None:
                    raise InputError(f"output folder {path} exists already; name a new one")
                path = following
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(f"cannot make output folder {path}: {error.strerror}; choose another place") from error
    return path


def _rename_new(beside: str, path: Path) -> bool:
    """Rename a filled folder to what does not exist; return whether that was so."""
    if os.path.lexists(path):
        return False
    try:
        os.rename(beside, path)
    except OSError as error:  # another process was faster
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR):
            return False
        raise
    return True


def ensure_folder(path: Path | str) -> Path:
    """Make a folder and its parents if they are missing, and return it; raise `InputError` if it cannot be made."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make folder {path}: {error.strerror}; choose another place") from error
    return path


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes of this program from working in a folder; the lock ends with this process.

    Raises BusyError if another process has locked it. (On a system without such locks, nothing is locked.)
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BusyError(f"{folder}: another process is at work there; wait until it ends, or stop it") from None
    try:
        yield
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files that a process killed while writing has left in a folder."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)


def read_npz(path: Path | str, what: str) -> dict[str, np.ndarray]:
    """Read every array of an `.npz` archive; `what` says in the error line what was expected, such as "a model file".

    Raises InputError if the file is missing, is not an archive, is truncated, or holds anything but plain arrays.
    """
    with CautiousFile(open_file(path, f"{what} (.npz)").detach()) as file:
        if file.peek(MAGIC_LENGTH).startswith(np.lib.format.MAGIC_PREFIX):
            raise InputError(f"{path}: expected {what} (.npz), got a single array; save it with numpy.savez")
        try:
            return read_archive(file)
        except UNREADABLE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"{path}: not {what}: it cannot be read as an .npz archive of plain arrays ({reason})"
            ) from error


def open_file(path: Path | str, what: str) -> io.BufferedReader:
    """Open a file to read; raise `InputError`, which says what was expected, if it cannot be read."""
    path = Path(path)
    try:
        if not path.is_file():  # a pipe waits for a writer, a device may never end
            found = "is a folder" if path.is_dir() else "is not a regular file" if path.exists() else "no such file"
            raise InputError(f"{path}: {found}; expected {what}")
        return open(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror or error}); expected {what}") from error


def read_text(path: Path | str, what: str) -> str:
    """Return the content of a text file, whatever its bytes; `what` says in the error line what was expected.

    Raises InputError if it cannot be read, or is larger than any such text.
    """
    with open_file(path, what) as file:
        content = file.read(LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        raise InputError(f"{path}: has more than {LARGEST_TEXT} bytes; expected {what}")
    return content.decode(errors="replace")


def read_json(text: str) -> Any:
    """Return the value of a JSON text from a file that may be damaged; None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_json_entry(arrays: Mapping[str, np.ndarray], key: str) -> Any:
    """Return the value of an archive's entry that is a JSON text; None if it is missing or not JSON."""
    text = arrays.get(key, np.array(""))
    return read_json(str(text[()])) if text.ndim == 0 else None
