"""Images in files, in a folder with a folder for each class: PNG and JPEG, read with Pillow, which is an extra.

DIR/cat/1.png, DIR/dog/7.jpg, DIR/unlabeled/9.png           or, with a test set,
DIR/train/cat/1.png, DIR/train/unlabeled/9.png, DIR/test/dog/3.png
"""

import importlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ladder_np.data.documents import UNLABELED, parts
from ladder_np.errors import InputError
from ladder_np.npy import new_array, refuse_more_than_memory

__all__ = [
    "IMAGE_ENDINGS",
    "TEST",
    "TRAIN",
    "find_images",
    "has_folders_of_images",
    "images_of_classes",
    "read_images",
]

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg")
TRAIN, TEST = "train", "test"
GRAY, COLOR = ("1", "L"), ("P", "RGB", "RGBA", "LA", "CMYK", "YCbCr")  # Pillow's modes
CHANNELS = (1, 3)
LARGEST_IMAGE = 1 << 24  # values
ORIENTATION = 0x0112  # the tag of EXIF in which cameras and phones write how they were held
# Pillow's name of what sets an image upright, by the value of that tag.
TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
LYING = (5, 6, 7, 8)  # whose stored width is their height


@dataclass(frozen=True)
class Header:
    """What is known of an image before its pixels are read."""

    size: tuple[int, int]  # width and height, upright
    mode: str  # Pillow's name of the kind of pixels
    turn: str | None  # see `TURNS`; None: it is upright


def find_images(folder: Path) -> list[Path]:
    """Return the image files that lie in a folder itself, in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_ENDINGS and path.is_file())


def has_folders_of_images(folder: Path) -> bool:
    """Return whether a folder, or the folder train in it, holds folders of images."""
    return any(find_images(part) for home in (folder, folder / TRAIN) if home.is_dir() for part in parts(home))


def images_of_classes(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the image files of folders, one for each class, and their labels, empty where there is none."""
    paths: list[Path] = []
    labels: list[str] = []
    for part in parts(folder):
        found = find_images(part)
        paths += found
        labels += ["" if part.name.lower() in UNLABELED else part.name] * len(found)
    return paths, labels


def read_images(paths: Sequence[Path], values: int | None = None) -> np.ndarray:
    """Return images as an array (n, height, width, channels), uint8, one at least, upright as EXIF says.

    They have one channel if all are gray, else three; but if images of their size have the wanted number of `values`
    in gray or in colors, they become such. Transparency is dropped.

    Raises InputError, which names the file, if one cannot be read, has another size than the first, or holds more
    than 8 bits for each color; or if Pillow is not installed.
    """
    opened = _pillow()
    headers = [_look_at(opened, path) for path in paths]
    width, height = headers[0].size
    for path, header in zip(paths, headers, strict=True):
        if header.size != (width, height):
            raise InputError(
                f"{path}: has {header.size[0]}x{header.size[1]} pixels, {paths[0].name} has {width}x{height}; "
                "expected images of one size: scale or crop them"
            )
    channels = 1 if all(header.mode in GRAY for header in headers) else 3
    channels = next((count for count in CHANNELS if count * height * width == values), channels)
    shape = len(paths), height, width, channels
    try:
        refuse_more_than_memory(math.prod(shape))
        images = new_array(math.prod(shape), np.dtype(np.uint8)).reshape(shape)
    except InputError as error:
        raise InputError(f"{paths[0].parent}: {error}") from None
    for image, path, header in zip(images, paths, headers, strict=True):
        with _opened(opened, path) as file:
            pixels = _converted(file, path, channels)
            if header.turn is not None:
                pixels = pixels.transpose(opened.Transpose[header.turn])
            image[...] = np.asarray(pixels).reshape(height, width, channels)
    return images


def _pillow() -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise InputError("image files need Pillow: pip install 'ladder-np[images]'") from None


def _opened(pillow: Any, path: Path) -> Any:
    try:
        return pillow.open(path, formats=("PNG", "JPEG"))
    except (OSError, ValueError, pillow.DecompressionBombError) as error:
        raise InputError(f"{path}: cannot be read as a PNG or JPEG image ({type(error).__name__})") from None


def _look_at(pillow: Any, path: Path) -> Header:
    """Return what an image's header says; raise InputError if the image cannot be used."""
    with _opened(pillow, path) as file:
        size, mode, orientation = file.size, file.mode, _orientation(file)
    if 3 * math.prod(size) > LARGEST_IMAGE:
        raise InputError(f"{path}: has {size[0]}x{size[1]} pixels, too many to learn from; scale it down")
    if mode not in (*GRAY, *COLOR):
        raise InputError(f"{path}: has pixels of the kind {mode!r}; expected 8 bits for gray or for each color")
    return Header(size[::-1] if orientation in LYING else size, mode, TURNS.get(orientation))


def _orientation(file: Any) -> Any:
    """Return the value of EXIF's tag; None where there is none, or the EXIF cannot be read."""
    if "exif" not in file.info:  # then Pillow would look behind the pixels of a PNG
        return None
    try:
        return file.getexif().get(ORIENTATION)
    except (OSError, SyntaxError, ValueError, struct.error):  # the image itself may be whole
        return None


def _converted(file: Any, path: Path, channels: int) -> Any:
    try:
        return file.convert("L" if channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises within damaged data
        raise InputError(f"{path}: damaged ({error})") from None
