"""Rows that stay in their file: the same values as in memory, read as asked for; one line for each bad file."""

import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_files import idx_bytes, line_of, packed

from ladder_np.data.dataset import check_features
from ladder_np.data.scaling import make_scaling
from ladder_np.data.stored import BLOCK, StoredRows, blocks, open_idx, open_npy
from ladder_np.errors import InputError

ARRAY = np.random.default_rng(0).standard_normal((50, 3, 2))


def saved(path, array):
    np.save(path, array)
    return path


@pytest.fixture
def rows(tmp_path):
    return open_npy(saved(tmp_path / "X.npy", ARRAY))


KEYS = {
    "a slice": slice(7, 30),
    "all": slice(None),
    "a step": slice(40, 5, -3),
    "nothing": slice(5, 5),
    "an index": 7,
    "from the end": -1,
    "indices": np.array([3, 3, 49, 0, 17]),
    "neighbors": np.array([4, 5, 6, 20, 21, 9]),
    "no indices": np.array([], np.int64),
    "a list": [2, 1],
    "indices of eight bits": np.array([2, 1], np.uint8),
    "a mask": np.arange(50) % 7 == 0,
    "a table of indices": np.array([[1, 2], [40, 3]]),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_rows_in_a_file_are_indexed_like_an_array(rows, key):
    found = rows[key]
    assert isinstance(rows, StoredRows)
    assert found.dtype == ARRAY.dtype
    assert found.shape == ARRAY[key].shape
    assert (found == ARRAY[key]).all()
    assert found.flags.writeable


@pytest.mark.parametrize("key", [np.array([50]), np.array([-1]), [0, 99], 50])
def test_a_row_that_is_not_there_is_an_error_and_never_other_bytes_of_the_file(rows, key):
    with pytest.raises(IndexError):
        rows[key]


@pytest.mark.parametrize("key", [(1, 2), np.array([1.0]), "1"])
def test_columns_and_what_is_not_an_index_are_refused_as_keys(rows, key):
    with pytest.raises(TypeError):
        rows[key]


def test_rows_know_their_shape_and_may_be_flattened_chosen_and_read_whole(rows):
    assert (len(rows), rows.shape, rows.ndim, rows.dtype) == (50, (50, 3, 2), 3, ARRAY.dtype)
    flat = rows.flat()
    assert (flat.shape, flat.ndim) == ((50, 6), 2)
    assert (np.asarray(flat) == ARRAY.reshape(50, 6)).all()
    some = flat.only(np.array([8, 3, 40])).only(np.array([2, 0]))
    assert some.shape == (2, 6)
    assert (some[:] == ARRAY.reshape(50, 6)[[40, 8]]).all()
    assert (some[np.array([1])] == ARRAY.reshape(50, 6)[[8]]).all()


@pytest.mark.parametrize("rows_each", [0, 7])
def test_blocks_are_all_rows_in_order_of_arrays_and_of_files(rows, rows_each):
    for X in (ARRAY, rows):
        parts = list(blocks(X, rows_each))
        assert [start for start, _ in parts] == list(np.cumsum([0, *(len(part) for _, part in parts)])[:-1])
        assert (np.concatenate([part for _, part in parts]) == ARRAY).all()
    assert [len(part) for _, part in blocks(np.empty((10, BLOCK // 4)))] == [4, 4, 2]


IN_MEMORY = {
    "one dimension": np.arange(5),
    "no dimension": np.array(3.0),
    "column by column": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "another byte order": np.arange(12.0).reshape(3, 4).astype(">f4"),
    "no rows": np.empty((0, 4)),
    "no columns": np.empty((4, 0)),
}


@pytest.mark.parametrize("array", IN_MEMORY.values(), ids=IN_MEMORY)
def test_what_cannot_be_read_row_by_row_is_read_whole(tmp_path, array):
    found = open_npy(saved(tmp_path / "x.npy", array))
    assert isinstance(found, np.ndarray)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert (found == array).all()


def test_what_has_to_be_read_whole_and_exceeds_memory_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("ladder_np.npy.available_memory", lambda: 200)
    path = saved(tmp_path / "x.npy", IN_MEMORY["column by column"])
    assert line_of(open_npy, path) == f"{path}: needs 2.24e-07 GB of memory, 2e-07 GB are free"


@pytest.mark.parametrize("change", ["cut", "longer", "other", "gone"])
def test_a_file_that_changes_while_it_is_in_use_is_told_and_not_read(rows, change):
    path = rows.path
    content = path.read_bytes()
    later = path.stat().st_mtime_ns + 10**9
    path.unlink()
    if change != "gone":
        path.write_bytes({"cut": content[:-1], "longer": content + b"0", "other": content}[change])
        os.utime(path, ns=(later, later))
    with pytest.raises(InputError, match="was changed while it was in use" if change != "gone" else "No such file"):
        rows[3]


def test_threads_may_read_at_the_same_time(rows):
    indices = [np.random.default_rng(k).integers(0, 50, 20) for k in range(200)]
    with ThreadPoolExecutor(4) as pool:
        for chosen, found in zip(indices, pool.map(rows.__getitem__, indices), strict=True):
            assert (found == ARRAY[chosen]).all()


def test_images_of_a_plain_idx_file_stay_there_and_labels_do_not(tmp_path):
    images = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    (tmp_path / "images").write_bytes(idx_bytes(images))
    (tmp_path / "labels").write_bytes(idx_bytes(np.arange(5)))
    found = open_idx(tmp_path / "images")
    assert isinstance(found, StoredRows)
    assert (found[np.array([4, 0])] == images[[4, 0]]).all()
    assert isinstance(open_idx(tmp_path / "labels"), np.ndarray)


def big_rows(path):
    """Rows of 64 MB in a file that takes no room on the disk, with a few numbers."""
    X = np.lib.format.open_memmap(path, "w+", np.float64, (2000, 4000))
    X[1500] = np.arange(4000)
    del X
    return open_npy(path)


def test_checking_and_scaling_a_big_file_take_little_memory(tmp_path):
    rows = big_rows(tmp_path / "X.npy")
    tracemalloc.start()
    try:
        checked = check_features(rows, "f")
        scaling = make_scaling(checked, np.arange(2000), "standardize", None)
        scaling.check(checked, np.float32)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12e6
    assert scaling.shift[4] == 4 / 2000


def test_a_bad_value_in_a_file_is_found_and_named(tmp_path):
    array = np.ones((3000, 100))
    array[2345, 67] = np.nan
    with pytest.raises(InputError, match=r"X, row 2345, column 67 \(counted from 0\) is nan"):
        check_features(open_npy(saved(tmp_path / "X.npy", array)), "f")


# --- IDX files

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)


@pytest.mark.parametrize("array", [IMAGES, np.arange(9, dtype=np.uint8)])
@pytest.mark.parametrize("pack", [bytes, packed])
def test_idx_is_read_packed_and_plain_whatever_its_name(tmp_path, array, pack):
    for name in ("x-ubyte", "x-ubyte.gz"):
        (tmp_path / name).write_bytes(pack(idx_bytes(array)))
        found = open_idx(tmp_path / name)
        assert found.dtype == np.uint8
        assert found.shape == array.shape
        assert (found == array).all()


def with_wrong_check(data):
    return packed(data)[:-8] + b"\1\2\3\4" + packed(data)[-4:]


WHOLE = idx_bytes(IMAGES)
ABSURD = b"\0\0\x08\x03" + b"\xff" * 12
BAD_IDX = {
    "empty": (b"", "begins with nothing; expected the IDX magic number"),
    "short magic": (b"\0\0", "begins with 0000; expected"),
    "text": (b"hello world", "begins with 68656c6c; expected the IDX magic number 00000801"),
    "floats": (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "begins with 00000d01"),
    "two dimensions": (b"\0\0\x08\x02" + bytes(8), "begins with 00000802"),
    "ends in its header": (WHOLE[:9], "truncated: it ends within its header"),
    "truncated": (WHOLE[:-1], "truncated: its header promises 60 bytes"),
    "too long": (WHOLE + b"\0", "has bytes after the 60 that its header promises"),
    "absurd": (ABSURD + bytes(100), "truncated: its header promises 79228162458924105385300197375 bytes"),
    "truncated, packed": (packed(WHOLE[:-1]), "truncated: its header promises 60 bytes, it has 59"),
    "too long, packed": (packed(WHOLE + b"\0"), "has bytes after the 60"),
    "absurd, packed": (packed(ABSURD), "truncated: its header promises 79228162458924105385300197375"),
    "gzip cut in its data": (packed(WHOLE)[:-20], "truncated: its gzip data end early"),
    "gzip cut in its check": (packed(WHOLE)[:-3], "truncated: its gzip data end early"),
    "gzip cut in its header": (packed(WHOLE)[:5], "truncated: its gzip data end early"),
    "gzip of another check": (with_wrong_check(WHOLE), "damaged gzip data (CRC check failed"),
    "gzip of no deflate": (packed(WHOLE)[:10] + b"\xff" * 50, "damaged gzip data (Error -3"),
    "gzip of another method": (b"\x1f\x8b\x07" + bytes(30), "damaged gzip data (Unknown compression"),
}


@pytest.mark.parametrize(("content", "message"), BAD_IDX.values(), ids=BAD_IDX)
def test_a_bad_idx_file_is_told_by_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    assert f"{path}: {message}" in line_of(open_idx, path)


@pytest.mark.parametrize("pack", [bytes, packed])
def test_a_header_that_promises_too_much_takes_no_memory(tmp_path, pack):
    path = tmp_path / "x-ubyte"
    path.write_bytes(pack(b"\0\0\x08\x03\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c" + bytes(100)))  # 47 MB
    tracemalloc.start()
    try:
        assert "truncated" in line_of(open_idx, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2e6


def test_a_missing_file_or_a_folder_is_not_an_idx_file(tmp_path):
    assert "x-ubyte: no such file; expected an IDX file" in line_of(open_idx, tmp_path / "x-ubyte")
    assert "is a folder; expected an IDX file" in line_of(open_idx, tmp_path)
