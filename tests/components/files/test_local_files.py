"""Local files as caches know them: what is below a folder, through links, and when a file is another one."""

from __future__ import annotations

import os

import pytest

from components.files.content import content_hash
from components.files.local_files import MISSING, Stamps, files_below


def stamp(path) -> str:
    return Stamps().of(str(path))


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2", "b/1", "a", "b/deep/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_files_come_by_name_down_to_a_level(folder):
    assert list(files_below(str(folder))) == ["a", "b/1", "b/2", "b/deep/3"]
    assert list(files_below(str(folder), levels=1)) == ["a"]
    assert list(files_below(str(folder), levels=2)) == ["a", "b/1", "b/2"]


def test_links_are_followed_and_a_circle_of_them_ends(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "4").touch()
    (folder / "c").symlink_to(elsewhere)
    (folder / "b/up").symlink_to(folder)
    (elsewhere / "self").symlink_to(elsewhere)
    (folder / "nowhere").symlink_to(folder / "gone")
    assert list(files_below(str(folder))) == ["a", "b/1", "b/2", "b/deep/3", "c/4", "nowhere"]


def test_one_folder_linked_twice_is_listed_twice(folder):
    (folder / "again").symlink_to(folder / "b" / "deep")
    assert list(files_below(str(folder))) == ["a", "again/3", "b/1", "b/2", "b/deep/3"]


def test_a_file_is_the_same_until_it_changes(folder):
    path = folder / "a"
    before = stamp(path)
    assert stamp(path) == before != MISSING
    path.touch()
    assert stamp(path) != before


def test_a_change_within_the_same_second_at_the_same_size_and_time_is_seen(folder):
    path = folder / "a"
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    before = stamp(path)
    path.write_text("z")
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    assert stamp(path) != before


def test_a_time_set_back_is_another_time(folder):
    path = folder / "a"
    before = stamp(path)
    os.utime(path, ns=(0, 0))
    assert stamp(path) != before


def test_a_link_that_names_a_twin_is_seen(folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "x").write_text(name)
        os.utime(folder / name / "x", ns=(0, 0))
    file, directory = folder / "file", folder / "directory"
    file.symlink_to("one/x")
    directory.symlink_to("one")
    before = stamp(file), stamp(directory / "x")
    for link, target in ((file, "two/x"), (directory, "two")):
        link.unlink()
        link.symlink_to(target)
    after = stamp(file), stamp(directory / "x")
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert after[0].endswith(f" {folder}/two/x")
    assert after[1].endswith(f" {folder}/two")


@pytest.mark.parametrize("name", ["gone", "a/below", "no\0name", "n" * 300, "circle"])
def test_what_cannot_be_looked_at_is_missing(folder, name):
    (folder / "circle").symlink_to("circle")
    assert stamp(f"{folder}/{name}") == MISSING


def test_a_hash_of_content_sees_through_links_to_files_and_folders(folder, tmp_path_factory):
    model, blobs = tmp_path_factory.mktemp("model"), folder / "b"
    (model / "weights").symlink_to(folder / "a")
    (model / "variables").symlink_to(blobs)
    (model / "round").symlink_to(model)
    before = content_hash(str(model))
    assert content_hash(str(model)) == before
    (blobs / "deep" / "3").write_text("other")
    between = content_hash(str(model))
    (folder / "a").write_text("z")
    assert len({before, between, content_hash(str(model)), ""}) == 4
