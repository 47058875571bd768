"""A folder that appears whole or not at all."""

from __future__ import annotations

import errno

import pytest

from models.saving.new_folder import new_folder


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_appears_at_the_end(tmp_path):
    with new_folder(tmp_path / "to") as aside:
        (aside / "a").write_text("1", encoding="utf-8")
        assert names(tmp_path) == ["to.partial"]
    assert names(tmp_path) == ["to"]
    assert names(tmp_path / "to") == ["a"]


def test_an_empty_one_and_what_a_killed_writer_left_are_taken_over(tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to.partial").mkdir()
    (tmp_path / "to.partial" / "half").touch()
    with new_folder(tmp_path / "to") as aside:
        (aside / "a").touch()
    assert names(tmp_path) == ["to"]
    assert names(tmp_path / "to") == ["a"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_there_is_not_replaced(tmp_path, kind):
    if kind == "folder":
        (tmp_path / "to").mkdir()
        (tmp_path / "to" / "mine").touch()
    else:
        (tmp_path / "to").touch()
    with pytest.raises(ValueError, match="to is there already"), new_folder(tmp_path / "to"):
        pytest.fail("it must not be entered")
    assert names(tmp_path) == ["to"]


@pytest.mark.parametrize(
    ("error", "raised", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "to could not be written: .*No space left"),
        (ValueError("wrong"), ValueError, "^wrong$"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
    ],
)
def test_an_error_leaves_nothing(tmp_path, error, raised, sentence):
    def write() -> None:
        with new_folder(tmp_path / "to") as aside:
            (aside / "half").touch()
            raise error

    with pytest.raises(raised, match=sentence):
        write()
    assert names(tmp_path) == []
