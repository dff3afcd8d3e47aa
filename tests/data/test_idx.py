"""IDX files, packed and plain: good ones, and the one line for each bad one."""

import tracemalloc

import numpy as np
import pytest
from small_files import idx_bytes, line_of, packed

from ladder_np.data.idx import read_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)


@pytest.mark.parametrize("array", [IMAGES, np.arange(9, dtype=np.uint8)])
@pytest.mark.parametrize("pack", [bytes, packed])
def test_idx_is_read_packed_and_plain_whatever_its_name(tmp_path, array, pack):
    for name in ("x-ubyte", "x-ubyte.gz"):
        (tmp_path / name).write_bytes(pack(idx_bytes(array)))
        found = read_idx(tmp_path / name)
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
    assert f"{path}: {message}" in line_of(read_idx, path)


@pytest.mark.parametrize("pack", [bytes, packed])
def test_a_header_that_promises_too_much_takes_no_memory(tmp_path, pack):
    path = tmp_path / "x-ubyte"
    path.write_bytes(pack(b"\0\0\x08\x03\0\0\xea\x60\0\0\0\x1c\0\0\0\x1c" + bytes(100)))  # 47 MB
    tracemalloc.start()
    try:
        assert "truncated" in line_of(read_idx, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2e6


def test_a_missing_file_or_a_folder_is_no_idx_file(tmp_path):
    assert "x-ubyte: no such file; expected an IDX file" in line_of(read_idx, tmp_path / "x-ubyte")
    assert "is a folder; expected an IDX file" in line_of(read_idx, tmp_path)
