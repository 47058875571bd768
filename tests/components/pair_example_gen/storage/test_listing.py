"""A folder is a folder, whatever its name; a pattern is Beam's glob, to which ours is held in plain folders."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from hypothesis import given
from hypothesis import strategies as st
from shelf import Shelf

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.storage.listing import Stamps, has_folder, list_files
from components.pair_example_gen.storage.shards import check_shards, find_shards

NAMES = ["photos [2]", "photos *", "photos?", "a [!b] c", "{x}", "back\\slash", "#1 100%", "é ü", " spaces ", "[", "]["]


@pytest.fixture
def shelf(monkeypatch):
    monkeypatch.setattr(Shelf, "FILES", {})
    return Shelf.FILES


def touch(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_itself_and_no_other(tmp_path, name):
    wanted = touch(tmp_path / name / "0.tar")
    for other in ("photos 2", "photos x", "photosx", "a x c", "x", "backslash", "2"):
        touch(tmp_path / other / "0.tar")
    assert list(list_files(str(tmp_path / name), "*.tar")) == [wanted]
    assert list(list_files(f"{tmp_path / name}/", "0.tar")) == [wanted]
    assert has_folder(str(tmp_path / name))
    check_shards(IngestConfig(shards=str(tmp_path / name), splits={"all": "*.tar"}))
    (tmp_path / name / "0.tar").unlink()
    assert list_files(str(tmp_path / name), "*.tar") == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_an_object_store_is_itself_and_no_other(shelf, name):
    shelf |= {f"shelf://b/{name}/0.tar": (3, 7.5), f"shelf://b/{name}/": (0, 1.0), f"shelf://b/{name}x/0.tar": (4, 8.0)}
    shelf |= {"shelf://b/photos 2/0.tar": (5, 9.0)}
    assert {path: file.size for path, file in list_files(f"shelf://b/{name}", "*.tar").items()} == {
        f"shelf://b/{name}/0.tar": 3
    }
    assert has_folder(f"shelf://b/{name}")
    assert not has_folder(f"shelf://b/{name}y")
    stamps = Stamps()
    assert stamps.of(f"shelf://b/{name}/0.tar") == "3 7.5"
    assert stamps.of(f"shelf://b/{name}/1.tar") == "missing"


@pytest.mark.parametrize("name", ["a\nb/0.png", "a\rb.png", "\udcff/a.png", "é" * 513 + "/a.png", "no\0name"])
def test_a_name_that_no_server_has_is_missing_and_not_asked_for(name):
    assert Stamps().of(f"shelf://closed/{name}") == "missing"
    with pytest.raises(BeamIOError):
        Stamps().of("shelf://closed/a.png")


PART = st.text(st.sampled_from("ab*?[]!-x."), min_size=1, max_size=4)
FOUND = st.lists(
    st.sampled_from(["a", "b", "ab", "x.a", "bb/a", "bb/ab", "bb/c/a", "a-b/x", "[a]/b", "]"]), unique=True
)


PATTERNS = st.lists(PART, min_size=1, max_size=3).map("/".join)


@given(PATTERNS.filter(lambda pattern: not re.search(r"\[!?\]?[^\]]*/", pattern)), FOUND)  # a class with a slash in it
def test_a_pattern_means_what_it_means_to_beam(tmp_path_factory, pattern, names):
    folder = tmp_path_factory.mktemp("plain")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not (folder / name).exists():
            (folder / name).touch()
    try:
        (result,) = FileSystems.match([f"{folder}/{pattern}"])
    except BeamIOError:  # a class such as [b-a], which no regular expression has
        with pytest.raises(Exception, match="bad character range"):
            list_files(str(folder), pattern)
        return
    depth = f"{folder}/{pattern}".count("/")
    beams = [found.path for found in result.metadata_list if os.path.isfile(found.path)]
    beams = [path for path in beams if "**" in pattern or path.count("/") == depth]  # to Beam ? may be a slash
    found = list_files(str(folder), pattern)
    assert sorted(map(os.path.normpath, found)) == sorted(map(os.path.normpath, beams))


def test_folders_are_entered_through_links_as_far_as_the_pattern_goes(tmp_path):
    touch(tmp_path / "real" / "train" / "0.tar")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train").symlink_to(tmp_path / "real" / "train")
    (tmp_path / "set" / "up").symlink_to(tmp_path / "set")
    found = {pattern: list(list_files(str(tmp_path / "set"), pattern)) for pattern in ("*/*.tar", "**.tar", "train/*")}
    assert list(found.values()) == [[str(tmp_path / "set" / "train" / "0.tar")]] * 3


def test_a_shard_that_is_a_link_to_nowhere_is_no_file_passed_over(tmp_path):
    touch(tmp_path / "0.tar")
    (tmp_path / "1.tar").symlink_to(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"^ingest\.shards is '.*', which cannot be listed \(.*\); check its address$"):
        find_shards(IngestConfig(shards=str(tmp_path)))


def test_a_file_in_the_place_of_a_folder_holds_none(tmp_path):
    assert list_files(touch(tmp_path / "file"), "*") == {}
