"""A hash of what a path names, and that the components' caches depend on it."""

from __future__ import annotations

import pytest

from components.contents.component import Contents
from components.contents.executor import Executor
from components.files.content import content_hash


def test_a_file_and_a_folder_by_name_size_and_bytes(tmp_path):
    file, folder = tmp_path / "a", tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    file.write_bytes(b"ab")
    (folder / "saved_model.pb").write_bytes(b"a")
    (folder / "variables" / "index").write_bytes(b"b")
    before = content_hash(str(file)), content_hash(str(folder))
    assert before == (content_hash(str(file)), content_hash(str(folder)))
    (folder / "variables" / "index").rename(folder / "variables" / "other")
    file.write_bytes(b"ba")
    after = content_hash(str(file)), content_hash(str(folder))
    assert len({*before, *after, ""}) == 5


@pytest.mark.parametrize("path", ["gs://bucket/model.onnx", "/no/such/file"])
def test_what_is_not_here_has_none(path):
    assert content_hash(path) == ""


def test_a_file_replaced_in_place_is_another_answer_to_the_cache(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"one")
    properties = Contents([str(path), "/no/such/file"]).exec_properties
    first, again = (Executor.look_up({}, properties) for _ in range(2))
    path.write_bytes(b"two")
    assert first == again != Executor.look_up({}, properties)
