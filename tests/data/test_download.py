"""Fetching from a server on this machine: right files arrive, wrong ones leave nothing behind."""

import dataclasses
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from small_files import line_of, packed, small_set, table_entry, write_set

from ladder_np.data import download
from ladder_np.data.download import FILES, cache_folder, fetch
from ladder_np.data.readers import open_dataset

PLAIN = small_set()
OTHER = small_set(seed=1)
NAMES = [f"{file}.gz" for file in FILES]
OFFICIAL = dict(download.IMAGE_SETS)


class Server:
    """Answers with `pages` (path to bytes or to a handler) and remembers what it was asked for."""

    def __init__(self):
        self.pages = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def answer(self, request):
        page = self.pages.get(request.path)
        if page is None:
            request.send_error(404)
            return
        data, promised = page
        request.send_response(200)
        request.send_header("Content-Length", str(promised))
        request.end_headers()
        request.wfile.write(data)

    def mirror(self, folder, contents=None, cut=0):
        """Offer files under a folder, the last `cut` bytes of each held back; the folder's address."""
        for file, plain in (contents or {}).items():
            data = packed(plain)
            self.pages[f"/{folder}/{file}.gz"] = (data[: len(data) - cut], len(data))
        return f"http://127.0.0.1:{self.http.server_port}/{folder}/"

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def little_mnist(monkeypatch):
    monkeypatch.setitem(download.IMAGE_SETS, "mnist", table_entry(PLAIN))


def get(folder, mirrors, name="mnist"):
    if name in download.IMAGE_SETS:
        download.IMAGE_SETS[name] = dataclasses.replace(download.IMAGE_SETS[name], mirrors=tuple(mirrors))
    return fetch(name, folder)


def everything_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_table_has_two_mirrors_and_a_checksum_for_each_file(name):
    entry = OFFICIAL[name]
    assert len(entry.mirrors) == 2
    assert len(entry.sha256) == len(FILES) == len(set(entry.sha256))
    assert all(len(digest) == 64 and int(digest, 16) for digest in entry.sha256)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_files_are_fetched_from_the_first_mirror_and_reported(tmp_path, server, monkeypatch, name, capsys):
    monkeypatch.setitem(download.IMAGE_SETS, name, table_entry(PLAIN))
    paths = get(tmp_path / "new", [server.mirror("a", PLAIN), server.mirror("b", PLAIN)], name)
    lines = capsys.readouterr().err.splitlines()
    assert paths == [tmp_path / "new" / name / file for file in NAMES]
    assert [path.read_bytes() for path in paths] == [packed(plain) for plain in PLAIN.values()]
    assert server.asked == [f"/a/{file}" for file in NAMES]
    assert everything_in(tmp_path) == sorted(NAMES)
    assert len(lines) == 4
    assert all(file in line for file, line in zip(NAMES, lines, strict=True))


def test_files_that_are_there_and_right_are_kept_unasked(tmp_path, server):
    write_set(tmp_path / "mnist", PLAIN)
    (tmp_path / "mnist" / NAMES[1]).unlink()
    plain = tmp_path / "mnist" / FILES[2]  # unpacked, as good
    plain.write_bytes(PLAIN[FILES[2]])
    (tmp_path / "mnist" / NAMES[2]).unlink()
    paths = get(tmp_path, [server.mirror("a", PLAIN)])
    assert server.asked == [f"/a/{NAMES[1]}"]
    assert paths[2] == plain


def test_a_wrong_file_that_is_there_is_left_alone_and_nothing_is_fetched(tmp_path, server):
    write_set(tmp_path / "mnist", {FILES[2]: OTHER[FILES[2]]})
    line = line_of(get, tmp_path, [server.mirror("a", PLAIN)])
    assert line.startswith(f"{tmp_path / 'mnist' / NAMES[2]}: wrong checksum: expected sha256 ")
    assert hashlib.sha256(OTHER[FILES[2]]).hexdigest()[:12] in line
    assert "delete the file" in line
    assert server.asked == []
    assert everything_in(tmp_path) == [NAMES[2]]
    assert (tmp_path / "mnist" / NAMES[2]).read_bytes() == packed(OTHER[FILES[2]])


def mirrors_that_fail(server):
    return {
        "missing": (server.mirror("none"), "status 404 Not Found"),
        "wrong": (server.mirror("wrong", OTHER), "wrong checksum"),
        "truncated": (server.mirror("cut", PLAIN, cut=20), "truncated"),
        "unreachable": ("http://127.0.0.1:1/", "refused"),
        "no address": ("nonsense", "unknown url type"),
    }


@pytest.mark.parametrize("kind", ["missing", "wrong", "truncated", "unreachable", "no address"])
def test_when_a_mirror_fails_the_next_one_is_tried(tmp_path, server, kind):
    failing, _ = mirrors_that_fail(server)[kind]
    paths = get(tmp_path, [failing, server.mirror("good", PLAIN)])
    assert [path.read_bytes() for path in paths] == [packed(plain) for plain in PLAIN.values()]
    assert everything_in(tmp_path) == sorted(NAMES)


@pytest.mark.parametrize("kind", ["missing", "wrong", "truncated", "unreachable", "no address"])
def test_when_all_mirrors_fail_one_line_names_each_and_the_way_out_and_nothing_is_written(tmp_path, server, kind):
    failing, reason = mirrors_that_fail(server)[kind]
    line = line_of(get, tmp_path / "new", [failing, server.mirror("none")])
    assert f"could not download {NAMES[0]} ({failing.rstrip('/')}/{NAMES[0]}: " in line
    assert reason in line
    assert "status 404" in line
    assert f"put the files into {tmp_path / 'new' / 'mnist'} by hand" in line
    assert f"--data-dir {tmp_path / 'new'}" in line
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_end_is_not_read_to_its_end(tmp_path, server, monkeypatch):
    monkeypatch.setattr(download, "LARGEST_DOWNLOAD", 30)
    assert "more than 30 bytes" in line_of(get, tmp_path, [server.mirror("a", PLAIN)])
    assert list(tmp_path.iterdir()) == []


def test_what_a_broken_run_fetched_is_whole_and_kept(tmp_path, server):
    first = {FILES[0]: PLAIN[FILES[0]]}
    line_of(get, tmp_path, [server.mirror("a", first)])
    assert everything_in(tmp_path) == [NAMES[0]]
    get(tmp_path, [server.mirror("b", PLAIN)])
    assert f"/b/{NAMES[0]}" not in server.asked
    assert everything_in(tmp_path) == sorted(NAMES)


def test_a_folder_that_cannot_be_made_is_named(tmp_path, server):
    (tmp_path / "file").write_text("")
    line = line_of(get, tmp_path / "file", [server.mirror("a", PLAIN)])
    assert f"cannot make folder {tmp_path / 'file' / 'mnist'}: " in line


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / "mnist" / NAMES[0]).mkdir(parents=True)
    assert f"{NAMES[0]}: cannot read it (Is a directory)" in line_of(get, tmp_path, [])


@pytest.mark.parametrize("name", ["digits", "cifar"])
def test_an_unknown_set_is_refused(tmp_path, name):
    line = line_of(get, tmp_path, [], name)
    assert line == f"unknown image set {name!r}; choose one of mnist, fashion-mnist, cifar-10"


def test_opening_a_set_without_a_data_folder_fills_the_cache_once(tmp_path, server, monkeypatch, capsys):
    entry = table_entry(PLAIN, mirrors=(server.mirror("a", PLAIN),))
    monkeypatch.setitem(download.IMAGE_SETS, "mnist", entry)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_dataset("mnist", None).X.shape == (6, 6)
    assert everything_in(tmp_path / "ladder-np" / "mnist") == sorted(NAMES)
    assert open_dataset("mnist", None).X.shape == (6, 6)
    assert len(server.asked) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("downloading") == 4


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "home/.cache/ladder-np"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/ladder-np"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/ladder-np"),
        ("linux", {"LOCALAPPDATA": "/local"}, "home/.cache/ladder-np"),
        ("darwin", {}, "home/Library/Caches/ladder-np"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/ladder-np"),
        ("win32", {}, "home/AppData/Local/ladder-np"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(tmp_path, monkeypatch, platform, environment, expected):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(download.sys, "platform", platform)
    assert cache_folder() == tmp_path / expected


def test_without_a_home_the_way_out_is_named(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert "--data-dir" in line_of(cache_folder)
