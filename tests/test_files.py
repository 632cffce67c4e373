"""Files that are replaced whole."""

from unittest import mock

import pytest

from tasks.errors import CineclusterError
from tasks.files import new_name, replace_content, replacing, require_writable


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_new_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "report.png"
    path.write_text("old")
    with replacing(path) as new:
        new.write_text("new")
        assert path.read_text() == "old", "until the end of the block"
    assert path.read_text() == "new"
    assert names_in(tmp_path) == ["report.png"]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "report.png"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as new:
        new.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["report.png"]


def test_a_disk_that_is_full_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "report.png"
    path.write_text("old")
    full = mock.patch("tasks.files.os.fsync", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(CineclusterError, match=r"report\.png: cannot be written: No space left"), full:
        replace_content(path, b"new")
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["report.png"]


def test_a_folder_that_is_none_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CineclusterError, match=r"file/report\.png: cannot be written: Not a directory"):
        replace_content(tmp_path / "file" / "report.png", b"new")


def test_a_planted_link_is_replaced_and_not_followed(tmp_path):
    mine, path = tmp_path / "mine.txt", tmp_path / "reports" / "report.png"
    path.parent.mkdir()
    mine.write_text("mine")
    path.symlink_to(mine)
    replace_content(path, b"new")
    assert (mine.read_text(), path.read_text(), path.is_symlink()) == ("mine", "new", False)


def test_nobody_can_guess_the_name_of_the_new_file(tmp_path):
    names = {new_name(tmp_path / "report.png") for _ in range(100)}
    assert len(names) == 100
    assert {path.parent for path in names} == {tmp_path}
    assert all(path.name.startswith(".report.png.") and len(path.name) > 25 for path in names)


def test_a_folder_that_takes_no_file_is_told_and_one_that_does_stays_empty(tmp_path):
    require_writable(tmp_path)
    assert names_in(tmp_path) == []
    with pytest.raises(CineclusterError, match=r"none: cannot be written: No such file or directory"):
        require_writable(tmp_path / "none")


def test_content_that_is_there_is_not_written_again(tmp_path):
    path = tmp_path / "report.png"
    replace_content(path, b"content")
    before = path.stat()
    replace_content(path, b"content")
    assert path.stat().st_ino == before.st_ino
    replace_content(path, b"other")
    assert path.stat().st_ino != before.st_ino
