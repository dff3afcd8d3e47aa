"""An archive is checked before it is unpacked, and only wanted files are unpacked. No network is used."""

import hashlib
import io
import tarfile

import pytest
from small_files import line_of

from ladder_np.data import cifar, download
from ladder_np.data.download import ARCHIVES, Archive, fetch

MEMBERS = ARCHIVES["cifar-10"].members
CONTENT = {f"{cifar.FOLDER}/{name}": f"content of {name}".encode() for name in MEMBERS}


def packed(files, links=()):
    """Return an archive of files by name, and of links by name to where they point."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return out.getvalue()


@pytest.fixture
def offered(monkeypatch):
    """Returns a function that makes some bytes the archive that is wanted, and what the network gives."""

    def offer(data, sent=None):
        entry = Archive(
            ("http://nowhere/a/cifar.tar.gz",), hashlib.sha256(data).hexdigest(), len(data), cifar.FOLDER, MEMBERS
        )
        monkeypatch.setitem(ARCHIVES, "cifar-10", entry)
        monkeypatch.setattr(download, "_get", lambda address, most: data if sent is None else sent)

    return offer


def unpacked(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_wanted_files_and_no_others_are_unpacked_where_they_are_read(offered, tmp_path):
    others = {f"{cifar.FOLDER}/readme.html": b"no", "../escaped": b"no", f"{cifar.FOLDER}/../../escaped": b"no"}
    offered(packed({**CONTENT, **others, str(tmp_path / "absolute"): b"no"}))
    paths = fetch("cifar-10", tmp_path / "data")
    assert unpacked(tmp_path) == {f"data/cifar-10/{name}": data for name, data in CONTENT.items()}
    assert [path.name for path in paths] == list(MEMBERS)
    assert cifar.find_cifar10(tmp_path / "data") == paths[0].parent


def test_a_link_in_place_of_a_file_is_not_followed(offered, tmp_path):
    first = f"{cifar.FOLDER}/{MEMBERS[0]}"
    offered(packed({name: data for name, data in CONTENT.items() if name != first}, [(first, "/etc/passwd")]))
    assert f"has no file {first}" in line_of(fetch, "cifar-10", tmp_path)
    assert not (tmp_path / "cifar-10" / first).exists()


def test_an_archive_with_a_wrong_checksum_is_not_unpacked(offered, tmp_path):
    offered(packed(CONTENT), sent=packed({**CONTENT, "more": b""}))
    line = line_of(fetch, "cifar-10", tmp_path)
    assert "wrong checksum" in line
    assert f"put it into {tmp_path / 'cifar-10'} by hand" in line
    assert unpacked(tmp_path) == {}


def test_an_archive_that_was_put_there_by_hand_is_unpacked_without_a_download(offered, tmp_path, monkeypatch):
    offered(packed(CONTENT))
    monkeypatch.setattr(download, "_get", None)
    (tmp_path / "cifar-10").mkdir()
    (tmp_path / "cifar-10" / "cifar.tar.gz").write_bytes(packed(CONTENT)[:-1] + b"x")
    assert "wrong checksum" in line_of(fetch, "cifar-10", tmp_path)
    offered(data := packed(CONTENT))
    (tmp_path / "cifar-10" / "cifar.tar.gz").write_bytes(data)
    assert len(fetch("cifar-10", tmp_path)) == len(MEMBERS)


def test_files_that_are_there_are_not_fetched_again(offered, tmp_path, monkeypatch, capsys):
    offered(packed(CONTENT))
    paths = fetch("cifar-10", tmp_path)
    monkeypatch.setattr(download, "_get", None)
    assert fetch("cifar-10", tmp_path) == paths
    assert capsys.readouterr().err.count("already there") == len(MEMBERS)
    paths[-1].unlink()
    assert "test_batch.bin: is missing" in line_of(fetch, "cifar-10", tmp_path)
