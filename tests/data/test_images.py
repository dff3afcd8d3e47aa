"""Images in files: what a folder's images and classes become, and the line for each one that cannot be read."""

import numpy as np
import pytest
from small_files import line_of

from ladder_np.data import images
from ladder_np.data.readers import open_dataset, read_rows

Image = pytest.importorskip("PIL.Image")
GENERATOR = np.random.default_rng(0)
COLOR = GENERATOR.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
GRAY = GENERATOR.integers(0, 256, (6, 5, 4), dtype=np.uint8)


def write(path, pixels, mode=None):
    """Write an image of any of Pillow's modes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)


def write_classes(folder, pixels, names=("cat", "dog", "unlabeled")):
    """Write two images of each class."""
    for k, image in enumerate(pixels):
        write(folder / names[k // 2] / f"{k}.png", image)


def test_each_folder_is_a_class_and_rows_come_in_the_order_of_names(tmp_path):
    write_classes(tmp_path / "pets", COLOR)
    dataset = open_dataset(str(tmp_path / "pets"), None)
    assert (dataset.name, dataset.image_shape, dataset.pixel_maximum) == ("pets", (5, 4, 3), 255)
    np.testing.assert_array_equal(dataset.X.reshape(COLOR.shape), COLOR)
    assert dataset.classes.tolist() == ["cat", "dog"]
    assert dataset.y.tolist() == [0, 0, 1, 1, -1, -1]
    assert dataset.X_test is None


def test_gray_images_have_one_channel_and_three_beside_colored_ones(tmp_path):
    write_classes(tmp_path / "gray", GRAY)
    dataset = open_dataset(str(tmp_path / "gray"), None)
    assert dataset.image_shape == (5, 4, 1)
    np.testing.assert_array_equal(dataset.X.reshape(GRAY.shape), GRAY)
    write(tmp_path / "gray" / "cat" / "0.png", COLOR[0])
    mixed = open_dataset(str(tmp_path / "gray"), None)
    assert mixed.image_shape == (5, 4, 3)
    np.testing.assert_array_equal(mixed.X.reshape(6, 5, 4, 3)[1], np.repeat(GRAY[1][..., None], 3, axis=2))


def test_folders_train_and_test_are_training_rows_and_a_test_set(tmp_path):
    write_classes(tmp_path / "train", COLOR)
    write_classes(tmp_path / "test", GRAY[:4])
    dataset = open_dataset(str(tmp_path), None)
    assert (len(dataset.X), len(dataset.X_test)) == (6, 4)
    assert dataset.y_test.tolist() == [0, 0, 1, 1]
    assert dataset.X_test.shape[1] == dataset.X.shape[1] == 60


def test_numbers_as_names_are_whole_numbers_and_jpeg_is_read(tmp_path):
    for digit in (3, 10):
        write(tmp_path / f"{digit}" / "a.jpg", np.full((8, 8), 20 * digit, np.uint8))
    dataset = open_dataset(str(tmp_path), None)
    assert dataset.classes.tolist() == [3, 10]
    assert dataset.y.tolist() == [1, 0]  # "10" is before "3"
    assert np.abs(dataset.X.astype(int) - [[200], [60]]).max() <= 2


@pytest.mark.parametrize("mode", ["RGBA", "P", "1", "LA"])
def test_other_kinds_of_pixels_become_gray_or_colors(tmp_path, mode):
    write(tmp_path / "a.png", COLOR[0], mode)
    assert read_rows(tmp_path / "a.png").X.shape == (1, 20 if mode == "1" else 60)


def test_images_to_predict_are_those_of_a_file_or_a_folder(tmp_path):
    for k in (1, 0, 2):
        write(tmp_path / "new" / f"{k}.png", COLOR[k])
    np.testing.assert_array_equal(read_rows(tmp_path / "new").X.reshape(3, 5, 4, 3), COLOR[:3])
    np.testing.assert_array_equal(read_rows(tmp_path / "new" / "2.png").X.reshape(5, 4, 3), COLOR[2])


def turned(pixels, orientation):
    """Return how a camera stores an upright image (height, width) that it writes this orientation of."""
    return {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.T,
        6: np.rot90(pixels),
        7: pixels[::-1, ::-1].T,
        8: np.rot90(pixels, -1),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_photographs_stand_upright_as_exif_says(tmp_path, orientation, ending):
    upright = np.kron(np.array([[0, 255, 60], [120, 30, 200]], np.uint8), np.ones((16, 16), np.uint8))  # 32 high
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned(upright, orientation))).save(tmp_path / f"a.{ending}", exif=exif)
    write(tmp_path / "b.png", upright)  # without EXIF, and of the same size once both stand
    rows = read_rows(tmp_path)
    assert rows.image_shape == (32, 48, 1)
    photograph, other = rows.X.reshape(2, 32, 48).astype(int)
    assert np.abs(photograph - other).max() <= 3


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage!", b"Exif\0\0MM\0*\0\0", b"Exif\0\0"])
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_exif_that_cannot_be_read_turns_nothing(tmp_path, exif, ending):
    Image.fromarray(GRAY[0]).save(tmp_path / f"a.{ending}", exif=exif)
    assert read_rows(tmp_path / f"a.{ending}").image_shape == (5, 4, 1)


def test_gray_images_become_colors_and_colors_gray_if_so_many_values_are_wanted(tmp_path):
    write(tmp_path / "gray.png", GRAY[0])
    write(tmp_path / "color.png", COLOR[0])
    gray, color = (
        images.read_images([tmp_path / name], values) for name, values in (("gray.png", 60), ("color.png", 20))
    )
    np.testing.assert_array_equal(gray[0], np.repeat(GRAY[0][..., None], 3, axis=2))
    np.testing.assert_array_equal(color[0, ..., 0], np.asarray(Image.fromarray(COLOR[0]).convert("L")))
    assert images.read_images([tmp_path / "color.png"], 40).shape == (1, 5, 4, 3)  # no such image: as it is


def test_an_image_of_another_size_is_named(tmp_path):
    write_classes(tmp_path, COLOR)
    write(tmp_path / "dog" / "wide.png", np.zeros((5, 6), np.uint8))
    line = line_of(open_dataset, str(tmp_path), None)
    assert line.startswith(
        f"{tmp_path / 'dog' / 'wide.png'}: has 6x5 pixels, 0.png has 4x5; expected images of one size"
    )


@pytest.mark.parametrize(("keep", "said"), [(20, "cannot be read as a PNG or JPEG image"), (-30, "damaged (")])
def test_a_damaged_image_is_named(tmp_path, keep, said):
    write_classes(tmp_path, COLOR)
    path = tmp_path / "cat" / "1.png"
    path.write_bytes(path.read_bytes()[:keep])
    line = line_of(open_dataset, str(tmp_path), None)
    assert line.startswith(f"{path}: ")
    assert said in line


def test_sixteen_bits_and_too_many_pixels_are_refused(tmp_path, monkeypatch):
    write(tmp_path / "a.png", GRAY[0].astype(np.uint16) * 256)
    assert "expected 8 bits" in line_of(read_rows, tmp_path / "a.png")
    write(tmp_path / "b.png", GRAY[0])
    monkeypatch.setattr(images, "LARGEST_IMAGE", 3 * 20 - 1)
    assert "4x5 pixels, too many" in line_of(read_rows, tmp_path / "b.png")


def test_another_format_under_an_image_s_name_is_not_tried(tmp_path):
    Image.fromarray(GRAY[0]).save(tmp_path / "a.bmp")
    (tmp_path / "a.bmp").rename(tmp_path / "a.png")
    assert "cannot be read as a PNG or JPEG image" in line_of(read_rows, tmp_path / "a.png")


def test_without_pillow_the_line_says_how_to_get_it(tmp_path, monkeypatch):
    write_classes(tmp_path, COLOR)

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(images.importlib, "import_module", missing)
    assert line_of(open_dataset, str(tmp_path), None) == "image files need Pillow: pip install 'ladder-np[images]'"
