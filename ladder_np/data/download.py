"""The image sets: where their files come from, what they must hash to, and how they are fetched whole.

MNIST's are single files, whose content is checked whenever they are read, too. CIFAR-10 is one archive: it is checked
before it is unpacked, and the files in it by their length and labels when they are read, so that copies of the same
layout, made of other images, can be read as well.
"""

import hashlib
import http.client
import io
import os
import sys
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ladder_np.data.cifar import CIFAR_10, FOLDER, TEST_FILE, TRAINING_FILES, find_cifar10
from ladder_np.data.stored import DAMAGED_GZIP, unpacked
from ladder_np.errors import InputError
from ladder_np.files import ensure_folder, write_bytes

__all__ = [
    "ARCHIVES",
    "FILES",
    "IMAGE_SETS",
    "Archive",
    "cache_folder",
    "check_file",
    "fetch",
    "fetch_command",
    "find_file",
    "image_set",
]

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
LARGEST_DOWNLOAD = 64 << 20  # bytes; the largest file has 26 MB
TIMEOUT = 30.0  # seconds without a byte
SHOWN = 12  # hex digits of a checksum in an error line


@dataclass(frozen=True)
class ImageSet:
    """Four IDX files in the order of `FILES`."""

    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]  # of the bytes inside, however they are packed


IMAGE_SETS = {
    "mnist": ImageSet(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion-mnist": ImageSet(
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        sha256=(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}


@dataclass(frozen=True)
class Archive:
    """A packed archive (.tar.gz) of which some files are wanted."""

    addresses: tuple[str, ...]
    sha256: str  # of the archive
    size: int  # of the archive, in bytes
    folder: str  # that the wanted files are in
    members: tuple[str, ...]

    @property
    def file(self) -> str:
        """The archive's own name."""
        return self.addresses[0].rpartition("/")[2]


ARCHIVES = {
    CIFAR_10: Archive(
        addresses=(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
        ),
        # Published is its MD5, c32a1d4ab5d03f1284b67883e8d87530.
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        size=170_052_171,
        folder=FOLDER,
        members=(*TRAINING_FILES, TEST_FILE),
    ),
}


def image_set(name: str) -> ImageSet:
    """The entry of the table; raises InputError for an unknown name."""
    if name not in IMAGE_SETS:
        raise InputError(f"unknown image set {name!r}; choose one of {', '.join((*IMAGE_SETS, *ARCHIVES))}")
    return IMAGE_SETS[name]


def cache_folder() -> Path:
    """The folder of this user for downloaded files (it may not exist yet).

    `XDG_CACHE_HOME` where set, else `~/Library/Caches` (macOS), `%LOCALAPPDATA%` (Windows) or `~/.cache`, with
    `ladder-np` added. Raises InputError if there is no home folder.
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):  # the XDG standard: a relative path is to be ignored
        return Path(chosen) / "ladder-np"
    local = os.environ.get("LOCALAPPDATA", "")
    if sys.platform == "win32" and local:
        return Path(local) / "ladder-np"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise InputError("no home folder to keep downloads in; name a folder with --data-dir") from error
    inside = {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
    return home / inside / "ladder-np"


def fetch_command(name: str, folder: Path) -> str:
    """The command that puts the files of `name` into `folder`/`name`, for error lines."""
    return f"ladder-np fetch {name} --data-dir {folder}"


def find_file(file: str, folder: Path) -> Path | None:
    """Where `folder` has `file`, packed or plain, also with a point before "idx"; None if it has not."""
    names = (file, file.replace("-idx", ".idx"))  # as many programs unpack it
    candidates = [folder / (name + ending) for name in names for ending in (".gz", "")]
    return next((path for path in candidates if os.path.exists(path)), None)


def check_file(name: str, file: str, path: Path) -> None:
    """Raise InputError unless `path` has the checksum that the table gives `file` of `name`."""
    try:
        with open(path, "rb") as stream:
            problem = _problem(name, file, stream)
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror})") from error
    if problem:
        again = fetch_command(name, path.parent.parent)
        raise InputError(f"{path}: {problem}; delete the file and get it again with `{again}`")


def _problem(name: str, file: str, stream: BinaryIO) -> str | None:
    """What is wrong with the content of a file, or None."""
    entry = image_set(name)
    try:
        found = hashlib.file_digest(unpacked(stream), "sha256").hexdigest()  # type: ignore[arg-type]
    except DAMAGED_GZIP as error:
        return f"damaged or truncated ({error})"
    expected = entry.sha256[FILES.index(file)]
    if found == expected:
        return None
    return f"wrong checksum: expected sha256 {expected[:SHOWN]}..., found {found[:SHOWN]}..."


def fetch(name: str, folder: Path) -> list[Path]:
    """Return the files of an image set in `folder`/`name`, after downloading those that it lacks.

    One line about each goes to standard error. Raises InputError if a file is there with a wrong checksum (it is left
    alone), no mirror has a right one, or the folder cannot be written. Files are written whole or not at all.
    """
    if name in ARCHIVES:
        return _fetch_archive(name, ARCHIVES[name], folder)
    image_set(name)  # refuses an unknown one
    found = [find_file(file, folder / name) for file in FILES]
    for file, path in zip(FILES, found, strict=True):
        if path is not None:
            check_file(name, file, path)
            _tell(f"{path}: already there")
    return [path or _download(name, file, folder) for file, path in zip(FILES, found, strict=True)]


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _download(name: str, file: str, folder: Path) -> Path:
    """Try the mirrors in turn; the path of the file written."""
    path = folder / name / f"{file}.gz"
    failures = []
    for mirror in image_set(name).mirrors:
        address = f"{mirror.rstrip('/')}/{path.name}"
        _tell(f"{path}: downloading {address}")
        try:
            data = _get(address, LARGEST_DOWNLOAD)
        except InputError as error:
            failures.append(f"{address}: {error}")
            continue
        problem = _problem(name, file, io.BytesIO(data))
        if problem is None:
            ensure_folder(path.parent)
            write_bytes(path, data)
            return path
        failures.append(f"{address}: {problem}")
    raise InputError(
        f"could not download {path.name} ({'; '.join(failures)}); "
        f"put the files into {path.parent} by hand and use --data-dir {folder}"
    )


def _fetch_archive(name: str, archive: Archive, folder: Path) -> list[Path]:
    """Return the files of an archive, unpacked into `folder`/`name`, unless they are found where they are read."""
    there = find_cifar10(folder)
    if there is not None:
        paths = [there / member for member in archive.members]
        if missing := [path for path in paths if not path.exists()]:
            raise InputError(f"{missing[0]}: is missing; delete {there} and fetch again")
        for path in paths:
            _tell(f"{path}: already there")
        return paths
    return _unpack(_archive_bytes(name, archive, folder), archive, ensure_folder(folder / name / archive.folder))


def _archive_bytes(name: str, archive: Archive, folder: Path) -> bytes:
    """Return the bytes of an archive with the right checksum: of a file in `folder`/`name`, else of an address."""
    path, failures = folder / name / archive.file, []
    if path.exists():
        data = _read_whole(path, archive.size)
        if problem := _problem_of(data, archive):
            raise InputError(
                f"{path}: {problem}; delete the file and get it again with `{fetch_command(name, folder)}`"
            )
        return data
    for address in archive.addresses:
        _tell(f"{path}: downloading {address}")
        try:
            data = _get(address, archive.size)
        except InputError as error:
            failures.append(f"{address}: {error}")
            continue
        if (problem := _problem_of(data, archive)) is None:
            return data
        failures.append(f"{address}: {problem}")
    raise InputError(
        f"could not download {archive.file} ({'; '.join(failures)}); put it into {path.parent} by hand, then run "
        f"`{fetch_command(name, folder)}`"
    )


def _read_whole(path: Path, most: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror})") from error


def _problem_of(data: bytes, archive: Archive) -> str | None:
    """Return what is wrong with an archive's bytes, or None."""
    found = hashlib.sha256(data).hexdigest()
    if found == archive.sha256:
        return None
    return f"wrong checksum: expected sha256 {archive.sha256[:SHOWN]}..., found {found[:SHOWN]}..."


def _unpack(data: bytes, archive: Archive, folder: Path) -> list[Path]:
    """Write the wanted files of an archive into a folder, under their own names alone; nothing else is unpacked."""
    wanted = {f"{archive.folder}/{member}": folder / member for member in archive.members}
    written = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for entry in tar:
                if entry.name in wanted and entry.isreg() and entry.size <= LARGEST_DOWNLOAD:
                    content = tar.extractfile(entry)
                    assert content is not None  # it is a regular file
                    write_bytes(wanted[entry.name], content.read())
                    written.add(entry.name)
    except (tarfile.TarError, *DAMAGED_GZIP) as error:
        raise InputError(f"{archive.file}: damaged archive ({error})") from None
    if missing := sorted(wanted.keys() - written):
        raise InputError(f"{archive.file}: has no file {missing[0]}")
    return list(wanted.values())


def _get(address: str, most: int) -> bytes:
    """The bytes at an address, `most` of them; raises InputError with the reason alone."""
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as response:
            data: bytes = response.read(most + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise InputError(f"status {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise InputError(f"{error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise InputError(f"{type(error).__name__} {error}".strip()) from error
    if len(data) > most:
        raise InputError(f"more than {most} bytes; expected a smaller file")
    return data
