"""Which folders count as versions that can be served."""

from __future__ import annotations

import shutil

import pytest

from serving.versions import complete_versions, is_complete


def test_only_numbered_folders_count_and_numbers_are_not_text(colour_model, tmp_path):
    for name in ("2", "10", "0009", "latest", "-3", "1.5", "٣"):
        shutil.copytree(colour_model, tmp_path / name)
    (tmp_path / "11").write_text("a file", encoding="utf-8")
    assert complete_versions(tmp_path) == {2: tmp_path / "2", 9: tmp_path / "0009", 10: tmp_path / "10"}
    assert list(complete_versions(tmp_path)) == [2, 9, 10]


def test_a_folder_that_does_not_exist_has_no_versions(tmp_path):
    assert complete_versions(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "missing", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", "variables"]
)
def test_a_version_that_lacks_a_file_is_half_written(colour_model, tmp_path, missing):
    folder = tmp_path / "1"
    shutil.copytree(colour_model, folder)
    assert is_complete(folder)
    path = folder / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert not is_complete(folder)
    assert complete_versions(tmp_path) == {}


def test_every_shard_must_be_there(colour_model, tmp_path):
    folder = tmp_path / "1"
    shutil.copytree(colour_model, folder)
    (folder / "variables/variables.data-00000-of-00001").rename(folder / "variables/variables.data-00000-of-00002")
    assert not is_complete(folder)
    (folder / "variables/variables.data-00001-of-00002").touch()
    assert is_complete(folder)
