"""A file that a user names: written whole or not at all, through links, and into what is no regular file."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from tfx_pipeline.files import write_file
from tfx_pipeline.settings.config import ConfigError


def test_a_new_file_in_a_new_folder_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a" / "b.png"
    write_file(path, b"one", "--out")
    assert path.read_bytes() == b"one"
    assert [each.name for each in path.parent.iterdir()] == ["b.png"]


def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    path = tmp_path / "b.png"
    path.write_bytes(b"one")
    path.chmod(0o604)
    write_file(path, b"two", "--out")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_is_followed(tmp_path, is_there):
    target, link = tmp_path / "other" / "target.png", tmp_path / "link.png"
    target.parent.mkdir()
    if is_there:
        target.write_bytes(b"old")
    link.symlink_to(target)
    write_file(link, b"new", "--out")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["link.png", "other", "target.png"]


def test_a_fifo_is_written_into(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    found = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    write_file(path, b"piped", "--out")
    reader.join()
    assert found == [b"piped"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_device_is_written_into_also_by_a_link(tmp_path):
    ours, theirs = os.openpty()  # a terminal's two ends: a device that no mistake can delete
    device, link = Path(os.ttyname(theirs)), tmp_path / "terminal"
    link.symlink_to(device)
    for path in (device, link):
        write_file(path, b"shown", "--out")
        assert os.read(ours, 10) == b"shown"
    assert stat.S_ISCHR(device.stat().st_mode)
    assert link.is_symlink()
    os.close(ours)
    os.close(theirs)


def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "folder", tmp_path / "file" / "x", tmp_path / "loop"):
        with pytest.raises(ConfigError, match=r"^--out x cannot be written \(.*\); make room there or name another"):
            write_file(path, b"x", "--out x")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder", "loop"]
