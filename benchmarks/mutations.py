"""Ways to damage a file: each takes a random generator and the bytes of the file, and returns other bytes."""

import gzip
import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Mutation", "in_archive", "in_gzip", "in_json", "in_npy", "mutate"]

Mutation = Callable[[np.random.Generator, bytes], bytes]


def flip(rng: np.random.Generator, data: bytes) -> bytes:
    damaged = bytearray(data)
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        damaged[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(damaged)


def truncate(rng: np.random.Generator, data: bytes) -> bytes:
    return data[: rng.integers(0, len(data))]


def overwrite(rng: np.random.Generator, data: bytes) -> bytes:
    number = rng.choice([0, 1, -1, 2**31 - 1, 2**63 - 1, -(2**63), int(rng.integers(0, 2**62))])
    width = int(rng.choice([1, 2, 4, 8]))
    at = int(rng.integers(0, len(data)))
    field = int(number).to_bytes(8, rng.choice(["little", "big"]), signed=True)
    return data[:at] + field[:width] + data[at + width :]


def splice(rng: np.random.Generator, data: bytes) -> bytes:
    """Copy a block over another place, or between two bytes there; or cut it out."""
    first, last = np.sort(rng.integers(0, len(data) + 1, 2))
    at = int(rng.integers(0, len(data)))
    block = data[first:last]
    return [data[:at] + block + data[at + len(block) :], data[:at] + block + data[at:], data[:first] + data[last:]][
        rng.integers(0, 3)
    ]


def insert(rng: np.random.Generator, data: bytes) -> bytes:
    at = int(rng.integers(0, len(data)))
    return data[:at] + rng.bytes(int(rng.integers(1, 50))) + data[at:]


WORDS = """0 1 -1 2 5 255 1.5 1e999 -0.0 NaN Infinity nan inf null true false True False label mnist-100-full
<f4 >f8 <i8 |u1 |O <U3 <U0 |S0 <U999999999999 <c16 |V8 <m8[s] |b1 "" "x" [] {} [1,2] [null] (3,4) () (1,) ' " ,"""
TOKENS = [*WORDS.split(), "[" * 2000, "\\ud800", "\0", *("9" * digits for digits in (10, 19, 20, 400, 5000))]


def word(rng: np.random.Generator, data: bytes) -> bytes:
    """Put another word, number or value in place of one."""
    words = list(re.finditer(rb"[<>|\w.+-]+|\[[^][]*\]|\([^()]*\)|\"[^\"]*\"", data))
    if not words:
        return insert(rng, data)
    chosen = words[rng.integers(0, min(len(words), 200))]
    return data[: chosen.start()] + str(rng.choice(TOKENS)).encode() + data[chosen.end() :]


# Of a JSON text, of an array's elements, and types of an array.
VALUES = json.loads("""[null, true, false, 0, 1, -1, 2, 7, 1000000000, 9999999999999999999999, 0.5, 1.5, -0.5, 1e300,
NaN, Infinity, "", "x", "label", "a", "float64", "relu", "\\ud800", "a\\nb", [], {}, [1], [[]], [0.1, 0.1, 0.1], [3],
["a", "b", "c", "d"]]""")
ELEMENTS = [np.nan, np.inf, 1e300, -1.0, 0.0, 0.5, 2.0**40, 1e-310]
TEXT_DTYPES = ["U1", "U9", "S3"]
DTYPES = ["f2", "f4", "f8", ">f8", "g", "i1", "i8", "u1", "u8", "c16", "U9", "S3", "?"]

MUTATIONS: tuple[Mutation, ...] = (flip, truncate, overwrite, splice, insert, word)


def mutate(rng: np.random.Generator, data: bytes) -> bytes:
    """Return `data` after one mutation, or a few."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        if data:
            data = MUTATIONS[rng.integers(0, len(MUTATIONS))](rng, data)
    return data


def any_key(rng: np.random.Generator, holder: dict[str, Any] | list[Any]) -> Any:
    at = int(rng.integers(0, len(holder)))
    return list(holder)[at] if isinstance(holder, dict) else at


def in_json(rng: np.random.Generator, data: bytes, change: Mutation = mutate) -> bytes:
    """Put another value in place of one of a JSON text, or leave it out."""
    root = json.loads(data)
    holder: Any = root
    key = any_key(rng, holder)
    while isinstance(holder[key], dict | list) and holder[key] and rng.random() < 0.8:
        holder = holder[key]
        key = any_key(rng, holder)
    if rng.random() < 0.1:
        del holder[key]
    else:
        holder[key] = VALUES[rng.integers(0, len(VALUES))]
    return json.dumps(root).encode()


def in_array(rng: np.random.Generator, data: bytes) -> bytes:
    """Make another array of a `.npy` file's: of another type or shape, or with another value; JSON stays such."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.kind == "U" and not array.ndim:
        array = np.array(in_json(rng, str(array).encode()).decode())
    elif rng.random() < 0.4 or not array.size:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of casts
            array = array.astype(str(rng.choice(TEXT_DTYPES if array.dtype.kind == "U" else DTYPES)))
    elif rng.random() < 0.5 and array.ndim:
        shapes = [array.reshape(-1), array[None], array[..., None], array[:-1], array[:0], array[..., :0], array.T]
        array = shapes[rng.integers(0, len(shapes))]
    else:
        array = array.copy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            where = rng.integers(0, array.size, int(rng.choice([1, array.size])))
            array.reshape(-1)[where] = np.array(rng.choice(ELEMENTS)).astype(array.dtype)
    packed = io.BytesIO()
    np.save(packed, array, allow_pickle=False)
    return packed.getvalue()


def in_archive(rng: np.random.Generator, data: bytes, change: Mutation) -> bytes:
    """Change a member of an archive, or its place, with right checksums."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = list(members)
    chosen = names[rng.integers(0, len(names))]
    what = rng.integers(0, 16)
    if what == 0:
        del members[chosen]
    elif what == 1:
        members[names[rng.integers(0, len(names))]] = members[chosen]
    elif what == 2:
        members[str(rng.choice(["../../x.npy", "/x.npy", "a\nb.npy", "x", ".npy", "X_test.npy"]))] = members[chosen]
    elif what < 6:  # the first bytes, where headers are
        members[chosen] = change(rng, members[chosen][:128]) + members[chosen][128:]
    elif what < 9:
        members[chosen] = change(rng, members[chosen])
    else:
        members[chosen] = in_array(rng, members[chosen])
    packed = io.BytesIO()
    compression = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED][rng.integers(0, 2)]
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            # A ZipInfo has a fixed date; with the clock's, the same seed would make other bytes two seconds later.
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return packed.getvalue()


def in_gzip(rng: np.random.Generator, data: bytes, change: Mutation) -> bytes:
    return gzip.compress(change(rng, gzip.decompress(data)), 1, mtime=0)


def in_npy(rng: np.random.Generator, data: bytes, change: Mutation) -> bytes:
    if rng.random() < 0.5:
        return in_array(rng, data)
    return change(rng, data[:128]) + data[128:]
