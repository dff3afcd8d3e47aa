"""`ladder-np fetch`: files that are there are checked, and nothing wrong is ever kept. No test uses the network."""

import pytest
from command_files import assert_refused, image_files, image_set_of, listing, write_images

from ladder_np.data.download import FILES, IMAGE_SETS


@pytest.fixture
def small_mnist(monkeypatch):
    """Makes the little image set pass as MNIST."""
    monkeypatch.setitem(IMAGE_SETS, "mnist", image_set_of(image_files()))


def test_an_unknown_name_lists_the_known_ones(command, tmp_path):
    assert_refused(command("fetch imagenet --data-dir", tmp_path), "'imagenet'", "mnist", "fashion-mnist")


def test_files_that_are_there_are_checked_and_listed(command, small_mnist, tmp_path):
    write_images(tmp_path)
    before = listing(tmp_path)
    outcome = command("fetch mnist --data-dir", tmp_path)
    assert outcome.status == 0
    assert outcome.out.splitlines() == [str(tmp_path / "mnist" / f"{name}.gz") for name in FILES]
    assert outcome.err.count("already there") == 4
    assert listing(tmp_path) == before


def test_the_folder_may_come_from_the_environment(command, small_mnist, tmp_path, monkeypatch):
    write_images(tmp_path / "data")
    monkeypatch.setenv("LADDER_NP_DATA", str(tmp_path / "data"))
    outcome = command("fetch mnist")
    assert outcome.out.splitlines() == [str(tmp_path / "data" / "mnist" / f"{name}.gz") for name in FILES]


def test_a_wrong_file_is_named_and_left_alone(command, tmp_path):
    write_images(tmp_path)
    before = listing(tmp_path)
    assert_refused(command("fetch mnist --data-dir", tmp_path), f"{FILES[0]}.gz", "wrong checksum", "delete the file")
    assert listing(tmp_path) == before


def test_without_a_network_the_last_line_says_where_to_put_the_files(command, tmp_path):
    outcome = command("fetch fashion-mnist --data-dir", tmp_path / "data")
    *progress, last = outcome.err.splitlines()
    assert (outcome.status, outcome.out) == (2, "")
    assert all("downloading" in line for line in progress)
    assert last.startswith(f"ladder-np: error: could not download {FILES[0]}.gz (")
    assert "no network in tests" in last
    assert f"put the files into {tmp_path / 'data' / 'fashion-mnist'} by hand" in last
    assert listing(tmp_path) == {}
