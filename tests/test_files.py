import os
import stat
from pathlib import Path

import numpy as np
import pytest

from ladder_np import InputError
from ladder_np.files import make_folder, read_npz, remove_leftovers, write_atomically, write_npz, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")

    def fail(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_is_a_one_line_error_and_leaves_no_file(tmp_path: Path) -> None:
    def fail(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"cannot write .*: No space left on device; choose another place"):
        write_atomically(tmp_path / "file", fail)
    assert os.listdir(tmp_path) == []


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    write_text(tmp_path / "ours", "x")
    (tmp_path / "usual").write_text("x")
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "usual")}
    assert modes["ours"] == modes["usual"]


@pytest.mark.parametrize("place", ["missing/file", "."])
def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(InputError, match="cannot write"):
        write_text(tmp_path / place, "x")


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    arrays = {"a/b.1": np.arange(6.0).reshape(2, 3), "text": np.array("ü"), "scalar": np.float32(3)}
    write_npz(tmp_path / "f.npz", arrays)
    read = read_npz(tmp_path / "f.npz", "a file")
    assert set(read) == set(arrays)
    for key, value in arrays.items():
        np.testing.assert_array_equal(read[key], value)
        assert read[key].dtype == np.asarray(value).dtype


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, {"x": np.arange(5)})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_objects_are_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        write_npz(tmp_path / "f.npz", {"a": np.array([{}], dtype=object)})
    assert os.listdir(tmp_path) == []


def test_an_archive_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", a=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="not a model file") as caught:
        read_npz(tmp_path / "f.npz", "a model file")
    assert "\n" not in str(caught.value)


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        write_text(folder / "first", "text")

    make_folder([tmp_path / "a" / "b"], fill)
    assert [path.name for path in (tmp_path / "a").rglob("*")] == ["b", "first"]
    with pytest.raises(InputError, match="exists already"):
        make_folder([tmp_path / "a" / "b"], fill)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make output folder"):
        make_folder([tmp_path / "file" / "b"], fill)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "file", "first"]


def test_a_name_that_is_taken_while_the_folder_is_filled_gives_way_to_the_next(tmp_path: Path) -> None:
    (tmp_path / "run-1").mkdir()

    def fill(folder: Path) -> None:
        write_text(folder / "mine", "text")
        (tmp_path / "run-2").mkdir()
        write_text(tmp_path / "run-2" / "theirs", "text")

    assert make_folder((tmp_path / f"run-{k}" for k in (1, 2, 3)), fill) == tmp_path / "run-3"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "run-1", "run-2", "run-3", "theirs"]


def test_a_name_that_is_taken_in_the_last_instant_gives_way_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in (1, 2):
        (tmp_path / f"run-{k}").mkdir()
        write_text(tmp_path / f"run-{k}" / "theirs", "text")
    monkeypatch.setattr(os.path, "lexists", lambda path: False)  # nobody had been there yet
    names = [tmp_path / f"run-{k}" for k in (1, 2, 3)]
    assert make_folder(names, lambda folder: write_text(folder / "mine", "text")) == tmp_path / "run-3"
    with pytest.raises(InputError, match="run-2 exists already"):
        make_folder(names[:2], lambda folder: None)


def test_a_folder_that_cannot_be_filled_is_not_there(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write_text(folder / "first", "text")
        raise InputError("no room")

    with pytest.raises(InputError, match="no room"):
        make_folder([tmp_path / "run"], fail)
    assert list(tmp_path.iterdir()) == []


def test_only_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    for name in (".model.npz.x8.part", "model.npz", ".hidden", "a.part"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a.part", "model.npz"]
