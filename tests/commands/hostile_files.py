"""Files made to hurt. A row of the table: a name, who writes a file of that name, the command line, fragments.

In the command line {} is the name; the fragments are what the one error line must contain.
"""

import gzip
import json
import os
import shutil
import struct
import zlib

import numpy as np
from command_files import blobs, idx_bytes, load, quiet, write_blobs

from ladder_np.data.download import FILES

TRAIN, EVALUATE = "train --epochs 1 --hidden-layers 4 --dataset {}", "evaluate {}"
PREDICT, COMPARE = "predict run {} --out p.csv", "compare-vectors v.npz {}"
MB = 1 << 20
DEFLATED, BZIP2, LZMA, ENCRYPTED = {"method": 8}, {"method": 12}, {"method": 14}, {"flags": 1}


# --- pieces of files


def npy(descr="'<f8'", shape="(4,)", data=bytes(32), order="False", version=1, length=None):
    """A `.npy` file whose header says so, be it true or not."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def honest(array):
    """The `.npy` file of an array."""
    return npy(repr(array.dtype.str), repr(array.shape), array.tobytes())


def archive(members, repeat=1):
    """A zip file of members {name: (what is stored, what else is said of it: size, crc, method, flags)}."""
    body, directory = b"", b""
    for name, (stored, said) in members.items():
        about = {"size": len(stored), "crc": zlib.crc32(stored), "method": 0, "flags": 0} | said
        fields = (20, about["flags"], about["method"], 0, 33, about["crc"], len(stored), about["size"], len(name), 0)
        packed = struct.pack("<5H3L2H", *fields)
        directory += b"PK\1\2\24\0" + packed + struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\3\4" + packed + name.encode() + stored
    directory *= repeat
    entries = min(len(members) * repeat, 0xFFFF)
    return body + directory + b"PK\5\6" + struct.pack("<4H2LH", 0, 0, entries, entries, len(directory), len(body), 0)


def deflated(start, megabytes):
    """A deflate stream of `start` and so many MB of zeros, which it packs to a thousandth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)  # the same bytes each time
    return packed + zeros * megabytes + packer.flush()


def cut(data):
    """What is said of a member that unpacks to these bytes."""
    return {"size": len(data), "crc": zlib.crc32(data)}


def bomb(megabytes):
    """A member: an honest array of zeros."""
    head = npy("'|u1'", f"({megabytes}, {MB})", b"")
    return deflated(head, megabytes), {"size": len(head) + megabytes * MB, **DEFLATED}


def image_header(*sizes):
    return b"\0\0\x08\x03" + struct.pack(">3I", *sizes)


def gzipped_zeros(start, megabytes):
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated(start, megabytes) + bytes(8)


# --- writers: each returns a function that writes something at a path


def content(data):
    return lambda path: path.write_bytes(data)


def with_x(x, name="X.npy", **said):
    """A data file with this X beside good labels."""
    return content(archive({name: (x, said), "y.npy": (LABELS, {})}))


def in_run(file, data):
    """A copy of the run with another file in it: bytes, or what `data` makes of the good one."""

    def write(path):
        shutil.copytree(path.parent / "run", path)
        good = path.parent / "run" / file
        (path / file).write_bytes(data(good) if callable(data) else data)

    return write


def in_model(name, stored):
    """A copy of the run whose model has another member (`.npy` file)."""

    def data(model):
        members = {f"{key}.npy": (honest(array), {}) for key, array in load(model).items()}
        return archive(members | {name: (stored, {})})

    return in_run("model.npz", data)


def with_meta(**fields):
    """A copy of the run whose model describes itself otherwise."""

    def data(model):
        arrays = load(model)
        arrays["meta"] = np.array(json.dumps(json.loads(str(arrays["meta"])) | fields))
        return archive({f"{key}.npy": (honest(array), {}) for key, array in arrays.items()})

    return in_run("model.npz", data)


def in_config(**settings):
    """A copy of the run with other settings."""

    def data(config):
        fields = json.loads(config.read_text())
        return json.dumps(fields | {"settings": fields["settings"] | settings}).encode()

    return in_run("config.json", data)


def folder(files):
    """A folder with good X.npy and y.npy, but for these files; None leaves one out."""

    def write(path):
        path.mkdir()
        X, y = blobs(30)
        for name, data in ({"X.npy": honest(X), "y.npy": honest(y)} | files).items():
            if data is not None:
                (path / name).write_bytes(data)

    return write


def image_folder(images, packed=True):
    """A folder with this image file and good labels for 30 images; `packed`: the former is gzip'd already."""
    name = FILES[0] + ".gz" * packed
    return folder({"X.npy": None, "y.npy": None, name: images, FILES[1]: idx_bytes(np.arange(30) % 2)})


def pipe(path):
    os.mkfifo(path)


def write_good_files(home):
    """What the commands of the table take for granted."""
    write_blobs(home / "good.npz")
    quiet("train --epochs 1 --hidden-layers 4 --no-baseline --dataset", home / "good.npz", "--out", home / "run")
    quiet("vectors", home / "v.npz", "--sizes 5-4-3")


LABELS = honest(np.array([0, 1, 0, 1]))
FOUR = npy("'<f8'", "(4, 1)")
LONG = {"size": len(FOUR), **DEFLATED}
CLAIM = {"size": 0xE0000000, **DEFLATED}  # 3.8 GB
HUGE = 2**60
NAMES = [f"x{k}" for k in range(1_000_000)]
ONES = ",".join(["1"] * 1_000_001)
CONTROL = "\x1b[2J"  # clears a terminal

HOSTILE = [
    # archives whose sizes are not to be believed
    ("bomb.npz", content(archive({"X.npy": bomb(3500)})), TRAIN, "needs 3.67 GB of memory, 0.4"),
    ("bombs.npz", content(archive({f"{k}.npy": bomb(200) for k in range(20)})), TRAIN, "needs 4.19 GB of memory"),
    ("bomb_rows.npz", content(archive({"X.npy": bomb(3500)})), PREDICT, "bomb_rows.npz", "of memory"),
    ("bomb_model", in_run("model.npz", archive({"meta.npy": bomb(3500)})), EVALUATE, "model.npz", "of memory"),
    ("bomb_split", in_run("split.npz", archive({"test.npy": bomb(3500)})), EVALUATE, "split.npz", "of memory"),
    ("bomb_v.npz", content(archive({"loss/total.npy": bomb(3500)})), COMPARE, "bomb_v.npz", "of memory"),
    ("claim.npz", with_x(bytes(99), **CLAIM), TRAIN, "X.npy claims to hold 3758096384 bytes"),
    ("claim_stored.npz", with_x(FOUR, size=0xE0000000), TRAIN, "X.npy claims to hold 3758096384 bytes"),
    ("claim_less.npz", with_x(FOUR, **cut(FOUR[:-8])), TRAIN, "24 bytes of data", "promises 32"),
    ("stream_ends.npz", with_x(deflated(FOUR[:90], 0), **cut(FOUR[:90]) | LONG), TRAIN, "X.npy ends before the data"),
    ("stream_goes_on.npz", with_x(deflated(FOUR, 900), **LONG), TRAIN, "Bad CRC-32"),
    ("no_stream.npz", with_x(b"\xff" * 99, **LONG), TRAIN, "invalid block type"),
    ("checksum.npz", with_x(FOUR, crc=7), TRAIN, "Bad CRC-32", "X.npy"),
    ("entries.npz", content(archive({"a": (b"", {})}, repeat=200_000)), TRAIN, "too many entries"),
    ("overlap.npz", content(archive({"X.npy": (bytes(5000), {})}, repeat=50)), TRAIN, "members that overlap"),
    ("twice.npz", content(archive({"X.npy": (FOUR, {})}, repeat=2)), TRAIN, "two members with the same name"),
    # archives packed as NumPy never packs
    ("encrypted.npz", with_x(FOUR, **ENCRYPTED), TRAIN, "X.npy is encrypted"),
    ("bzip2.npz", with_x(FOUR, **BZIP2), TRAIN, "X.npy is compressed in a way that numpy.savez never uses"),
    ("lzma.npz", with_x(FOUR, **LZMA), TRAIN, "X.npy is compressed in a way that numpy.savez never uses"),
    ("method.npz", with_x(FOUR, method=99), TRAIN, "X.npy is compressed in a way"),
    # names of members
    ("control.npz", with_x(FOUR, f"X{CONTROL}.npy"), TRAIN, "cannot be printed", "X\\x1b[2J"),
    ("new_line.npz", with_x(FOUR, "X\nerror: no.npy"), TRAIN, "cannot be printed", "X\\nerror"),
    ("long_name.npz", with_x(FOUR, "X" * 60_000), TRAIN, "name is too long"),
    ("outside_model", in_model("../../outside.npy", FOUR), EVALUATE, "entry ../../outside is unknown"),
    ("absolute_model", in_model("/tmp/outside.npy", FOUR), EVALUATE, "entry /tmp/outside is unknown"),
    ("only_outside.npz", with_x(FOUR, "../../X.npy"), TRAIN, "has no array X", "found: ../../X, y"),
    # headers of arrays
    ("objects.npz", with_x(npy("'|O'", data=b"cos\nsystem\n(S'false'\ntR.")), TRAIN, "X.npy holds Python objects"),
    ("records.npz", with_x(npy("[('a', '<f8')]")), TRAIN, "X.npy holds records"),
    ("dates.npz", with_x(npy("'<M8[s]'")), TRAIN, "X.npy holds values of the type '<M8[s]'"),
    ("void.npz", with_x(npy("'|V8'")), TRAIN, "X.npy holds values of the type '|V8'"),
    ("no_width.npz", with_x(npy("'<U0'", f"({HUGE},)", b"")), TRAIN, "X.npy holds values of the type '<U0'"),
    ("wide_text.npz", with_x(npy("'<U99999999999'")), TRAIN, "X.npy holds values of the type '<U99999999999'"),
    ("odd_width.npz", with_x(npy("'<f3'")), TRAIN, "X.npy holds values of the type '<f3'"),
    ("code.npz", with_x(npy("__import__('os').abort()")), TRAIN, "X.npy has a damaged header"),
    ("huge.npz", with_x(npy(shape=f"({HUGE},)")), TRAIN, "X.npy has 32 bytes of data", "more than 2**62"),
    ("overflow.npz", with_x(npy(shape=f"({2**32}, {2**32})")), TRAIN, "32 bytes", "more than 2**62"),
    ("digits.npz", with_x(npy(shape=f"({'9' * 5000},)")), TRAIN, "X.npy has an impossible shape"),
    ("negative.npz", with_x(npy(shape="(-4,)")), TRAIN, "X.npy has an impossible shape", "-4"),
    ("both_negative.npz", with_x(npy(shape="(-2, -2)")), TRAIN, "X.npy has an impossible shape"),
    ("float_shape.npz", with_x(npy(shape="(4.0,)")), TRAIN, "X.npy has an impossible shape"),
    ("control_shape.npz", with_x(npy(shape=f"(4, {CONTROL})")), TRAIN, "X.npy has an impossible shape, 4, \\x1b[2J"),
    ("dimensions.npz", with_x(npy(shape=f"({'1, ' * 99})")), TRAIN, "X.npy has an impossible shape"),
    ("empty_huge.npz", with_x(npy(shape=f"(0, {HUGE}, {HUGE})", data=b"")), TRAIN, "empty_huge.npz"),
    ("nested.npz", with_x(npy(shape="(" * 4000)), TRAIN, "X.npy has a damaged header"),
    ("order.npz", with_x(npy(order="5")), TRAIN, "X.npy has a damaged header"),
    ("header_length.npz", with_x(npy(version=2, length=2**32 - 1)), TRAIN, "X.npy has a damaged header"),
    ("version.npz", with_x(npy(version=9)), TRAIN, "X.npy is not a .npy array"),
    ("short.npz", with_x(b"\x93NUM"), TRAIN, "X.npy is not a .npy array"),
    ("labels_objects.npz", content(archive({"X.npy": (FOUR, {}), "y.npy": (npy("'|O'"), {})})), TRAIN, "y.npy holds"),
    # models, splits and settings
    ("model_objects", in_model("classes.npy", npy("'|O'")), EVALUATE, "classes.npy holds Python objects"),
    ("model_text", in_model("meta.npy", npy("'<U1'", "()", b"\xff\xff\xff\x7f")), EVALUATE, "characters"),
    ("model_number", in_model("meta.npy", npy("'<f8'", "()", bytes(8))), EVALUATE, "not a model file"),
    ("model_huge", with_meta(sizes=[2**26, 2**26, 3]), EVALUATE, "encoder.1.weight should be"),
    ("model_deep", with_meta(sizes=[4] * 1000), EVALUATE, "at most 256"),
    ("model_long", with_meta(sizes=[4, 10**400, 3]), EVALUATE, "damaged model file", "not a whole number"),
    ("model_nested", in_model("meta.npy", honest(np.array("[" * 50_000))), EVALUATE, "not a model file"),
    ("split_objects", in_run("split.npz", archive({"test.npy": (npy("'|O'"), {})})), EVALUATE, "Python objects"),
    ("config_path", in_config(dataset=f"{CONTROL}\n.npz"), EVALUATE, "\\x1b[2J\\n.npz: no such file"),
    ("config_labels", in_config(labels="x"), EVALUATE, "labels 'x': expected int | None"),
    ("config_share", in_config(validation=0.5), EVALUATE, "validation 0.5: expected int"),
    ("config_layers", in_config(hidden_layers=[4, "x"]), EVALUATE, "layers: layer 2, 'x': unknown kind of layer"),
    ("config_nested", in_run("config.json", b'{"settings":' + b"[" * 100_000), EVALUATE, "settings is missing"),
    ("config_large", in_run("config.json", b" " * 65 * MB), EVALUATE, "config.json: has more than 67108864 bytes"),
    ("config_digits", in_run("config.json", b'{"settings": ' + b"9" * 9999 + b"}"), EVALUATE, "settings is missing"),
    # folders of arrays
    ("no_y", folder({"y.npy": None}), TRAIN, "no_y: has no y.npy"),
    ("no_x", folder({"X.npy": None}), TRAIN, "no_x: has no X.npy"),
    ("two_x", folder({FILES[0]: b""}), TRAIN, "has X.npy and train-images-idx3-ubyte", "leave one"),
    ("x_objects", folder({"X.npy": npy("'|O'", "(30, 4)")}), TRAIN, "X.npy: holds Python objects"),
    ("x_cut", folder({"X.npy": npy("'<f8'", "(30, 4)", bytes(900))}), TRAIN, "900 bytes", "promises 960"),
    ("x_longer", folder({"X.npy": npy("'<f8'", "(30, 4)", bytes(961))}), TRAIN, "961 bytes", "promises 960"),
    ("x_huge", folder({"X.npy": npy("'<f8'", f"({HUGE}, {HUGE})")}), TRAIN, "X.npy", "more than 2**62"),
    ("x_negative", folder({"X.npy": npy("'<f8'", "(-30, -4)", bytes(960))}), TRAIN, "X.npy", "impossible shape"),
    ("x_empty", folder({"X.npy": b""}), TRAIN, "X.npy: is not a .npy array"),
    ("x_no_rows", folder({"X.npy": npy("'<f8'", "(0, 4)", b"")}), TRAIN, "(0, 4)", "at least one row"),
    ("x_line", folder({"X.npy": npy("'<f8'", "(120,)", bytes(960))}), TRAIN, "X has the shape (120,)"),
    ("x_nan", folder({"X.npy": npy("'<f8'", "(30, 4)", b"\xff" * 960)}), TRAIN, "row 0, column 0", "nan"),
    ("x_texts", folder({"X.npy": npy("'<U2'", "(30, 4)", bytes(960))}), TRAIN, "X is of type <U2"),
    ("x_columns", folder({"X.npy": npy("'<f8'", f"({MB}, 900)", b"", "True")}), TRAIN, "has 0 bytes of data"),
    ("y_matrix", folder({"y.npy": npy("'<i8'", "(30, 1)", bytes(240))}), TRAIN, "y should be a 1d array", "(30, 1)"),
    ("y_few", folder({"y.npy": honest(np.arange(29) % 2)}), TRAIN, "30 rows", "29 labels"),
    ("y_bytes", folder({"y.npy": honest(np.array([b"a"] * 30))}), TRAIN, "y is of type |S1"),
    ("y_text", folder({"y.npy": honest(np.array([CONTROL, "nan"] * 15))}), TRAIN, "row 1", "'nan', which looks like"),
    ("y_long", folder({"y.npy": honest(np.array([CONTROL * 99, "b"] * 15))}), TRAIN, "396 characters", "\\x1b[2J"),
    ("y_huge", folder({"y.npy": honest(np.arange(30) % 2 * 1e300)}), TRAIN, "y has the class 1e+300", "below 2**53"),
    ("x_test_only", folder({"X_test.npy": honest(np.ones((3, 4)))}), TRAIN, "X_test without y_test"),
    ("x_test_narrow", folder({"X_test.npy": honest(np.ones((3, 3))), "y_test.npy": honest(np.zeros(3, int))}), TRAIN,
     "X has 4 features and X_test has 3"),
    ("other.npy", content(honest(np.ones((30, 4)))), TRAIN, "has no labels", "X.npy", "y.npy"),
    ("lonely-ubyte", content(image_header(1, 2, 2) + bytes(4)), TRAIN, "has no labels", "X.npy"),
    ("rows.npy", content(npy("'<f8'", "(3, 5)", bytes(120))), PREDICT, "rows.npy", "4 features", "has 5"),
    ("rows_cut.npy", content(npy("'<f8'", "(3, 4)", bytes(90))), PREDICT, "rows_cut.npy: has 90 bytes"),
    ("rows_nan.npy", content(npy("'<f8'", "(3, 4)", b"\xff" * 96)), PREDICT, "rows_nan.npy", "row 0"),
    ("rows_line.npy", content(npy()), PREDICT, "rows_line.npy", "(4,)"),
    ("rows_folder", folder({"X.npy": None}), PREDICT, "rows_folder/X.npy: no such file"),
    ("rows_in", folder({}), "predict run {} --out {}/y.npy", "would replace"),
    # images
    ("image_bomb", image_folder(gzipped_zeros(image_header(3500, 1024, 1024), 3500)), TRAIN, "GB of memory, 0."),
    ("image_goes_on", image_folder(gzipped_zeros(image_header(30, 2, 2), 900)), TRAIN, "bytes after the 120"),
    ("image_claim", image_folder(gzip.compress(image_header(30, 60_000, 60_000))), TRAIN, "promises 108000000000"),
    ("image_overflow", image_folder(gzip.compress(image_header(*[2**32 - 1] * 3))), TRAIN, "promises 792281"),
    ("image_none", image_folder(gzip.compress(image_header(0, 2**32 - 1, 2**32 - 1))), TRAIN, "holds nothing"),
    ("image_cut", image_folder(gzip.compress(image_header(30, 2, 2) + bytes(120))[:-9]), TRAIN, "truncated"),
    ("image_noise", image_folder(b"\x1f\x8b\x08" + b"\xff" * 99), TRAIN, "train-images-idx3-ubyte.gz"),
    ("plain_claim", image_folder(image_header(30, 60_000, 60_000), False), TRAIN, "truncated", "108000000000"),
    ("plain_longer", image_folder(image_header(30, 2, 2) + bytes(121), False), TRAIN, "bytes after the 120"),
    ("plain_none", image_folder(image_header(30, 0, 2), False), TRAIN, "holds nothing", "30 x 0 x 2"),
    # tables
    ("one_line.csv", content(b"1" * 20 * MB), TRAIN, "line 1 begins a row of more than 16777216 characters"),
    ("cells.csv", content(b"1," * 10 * MB), TRAIN, "line 1 begins a row of more than"),
    ("record.csv", content(b'label,a\n0,"1\n' + b'","1\n' * 4 * MB), TRAIN, "begins a row of more than"),
    ("quote.csv", content(b'label,a\n0,"' + b"1\n" * MB), TRAIN, "not CSV (field larger than field limit"),
    ("columns.csv", content(f"label,{','.join(NAMES)}\n0,1\n".encode()), TRAIN, "line 2 has 2 cells", "1000001"),
    ("columns_twice.csv", content(f"label,{','.join(NAMES)},x7\n".encode()), TRAIN, "two columns are called 'x7'"),
    ("columns_rows.csv", content(f"label,{','.join(NAMES)}\n{ONES},1\n".encode()), TRAIN, "line 2 has 1000002 cells"),
    ("nul.csv", content(b"label,a\n0,1\n1,\x002\n"), TRAIN, "line 3, column 'a' is '\\x002'"),
    ("nul_name.csv", content(b"label,a\x00\n0,1\n1,x\n"), TRAIN, "line 3, column 'a\\x00' is 'x'"),
    ("control.csv", content(f"label,a{CONTROL}\n0,1\n1,2\n0,{CONTROL}\n".encode()), TRAIN, "is '\\x1b[2J'"),
    ("utf8.csv", content(b"label,a\n" + b"0,1\n1,2\n" * 9999 + b"0,\xff\n"), TRAIN, "is not UTF-8 text"),
    ("utf16.csv", content("label,a\n0,1\n".encode("utf-16")), TRAIN, "is not UTF-8 text"),
    ("binary.csv", content(bytes(range(256)) * 99), TRAIN, "binary.csv"),
    ("zip.csv", content(archive({"a.csv": (b"label,a\n0,1\n", {})})), TRAIN, "zip.csv"),
    ("header.csv", content(b"label,a\n"), TRAIN, "no rows"),
    ("infinite.csv", content(b"label,a\n0,1e309\n1,1\n"), TRAIN, "line 2, column 'a' is '1e309'"),
    ("class.csv", content(b"label,a\n0,1\n9007199254740992,1\n"), TRAIN, "has the class 9.0072e+15"),
    ("class_text.csv", content(f"label,a\n{'x' * 999},1\ny,1\n".encode()), TRAIN, "a class of 999 characters"),
    ("class_kinds.csv", content(f"label,a\n{CONTROL},1\n1,1\n".encode()), TRAIN, "line 2 is '\\x1b[2J'"),
    # what is not a file at all
    ("pipe.npz", pipe, TRAIN, "pipe.npz: is not a regular file"),
    ("pipe_folder", lambda path: (folder({"X.npy": None})(path), pipe(path / "X.npy")), TRAIN, "not a regular file"),
    ("pipe_run", lambda path: (path.mkdir(), pipe(path / "model.npz")), EVALUATE, "not a regular file"),
    ("device.npz", lambda path: path.symlink_to("/dev/zero"), TRAIN, "device.npz: is not a regular file"),
    ("loop.npz", lambda path: path.symlink_to("loop.npz"), TRAIN, "loop.npz: no such file"),
]  # fmt: skip
