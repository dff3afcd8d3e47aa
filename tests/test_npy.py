"""Reading `.npy` and `.npz` files: the same arrays as NumPy reads, for everything that NumPy writes."""

import io
import zipfile

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.files import read_npz
from ladder_np.npy import read_array, read_header

ARRAYS = {
    "float64": np.arange(6.0).reshape(2, 3),
    "float32, column by column": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "another byte order": np.arange(6, dtype=">i4"),
    "float16": np.ones((1, 1, 2), np.float16),
    "long double": np.arange(3, dtype=np.longdouble),
    "complex": np.array([1j, 2]),
    "pixels": np.arange(256, dtype=np.uint8),
    "booleans": np.array([True, False]),
    "a number": np.array(7),
    "a text": np.array("λ ẑ 😀"),
    "texts of another byte order": np.array(["ab", "c"]).astype(">U2"),
    "bytes": np.array([b"ab", b"c"]),
    "an empty text": np.array(""),
    "nothing": np.empty((0, 4)),
    "no columns": np.empty((3, 0), np.int8),
    "many dimensions": np.ones((1,) * 32),
}


def written(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version, allow_pickle=False)
    return file.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_numpy_saves_are_read_as_numpy_reads_them(array, version):
    data = written(array, version)
    found = read_array(io.BytesIO(data), len(data))
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert (found == array).all()
    assert found.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_of_numpy_are_read_as_numpy_reads_them(tmp_path, save):
    save(tmp_path / "a.npz", **ARRAYS)
    found = read_npz(tmp_path / "a.npz", "a file")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert (found[name] == array).all()


def test_a_header_says_where_the_data_start():
    data = written(np.asfortranarray(np.ones((2, 3))))
    header = read_header(io.BytesIO(data), len(data))
    assert (header.dtype, header.shape, header.column_major) == (np.float64, (2, 3), True)
    assert header.offset == len(data) - 48


HEADERS = {
    "keys in another order": "{'shape': (2,), 'fortran_order': False, 'descr': '<f8'}",
    "no blanks": "{'descr':'<f8','fortran_order':False,'shape':(2)}",
    "blanks and lines": "{ 'descr' : '<f8' ,\n 'fortran_order' : False ,\n 'shape' : ( 2 , ) }  \n",
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
def test_headers_of_other_programs_are_read(text):
    data = b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode() + np.arange(2.0).tobytes()
    assert read_array(io.BytesIO(data), len(data)).tolist() == [0, 1]


def test_members_that_are_not_arrays_are_ignored(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("README.txt", "not an array")
        file.writestr("X.npy", written(np.arange(3)))
    assert list(read_npz(tmp_path / "a.npz", "a file")) == ["X"]


def test_an_archive_is_refused_before_it_is_unpacked_where_memory_is_short(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros(1000), b=np.zeros(1000))
    read_npz(path, "a file")
    monkeypatch.setattr("ladder_np.npy.available_memory", lambda: 16_000)  # each array fits, both do not
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(
        InputError, match=r"a\.npz: not a file: .* \(needs 1\.63e-05 GB of memory, 1\.6e-05 GB are free"
    ):
        read_npz(path, "a file")


def test_numpy_out_of_memory_is_a_one_line_error(monkeypatch):
    def fail(*_):
        raise MemoryError("no room")

    data = written(np.zeros(3))
    monkeypatch.setattr(np, "empty", fail)
    with pytest.raises(InputError, match=r"needs 2\.4e-08 GB of memory, which is not available"):
        read_array(io.BytesIO(data), len(data))
