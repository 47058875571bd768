"""A hash of what a path names, and that the components' caches depend on it."""

from __future__ import annotations

import json

import pytest
from tfx.types import Channel, standard_artifacts

from components.artifacts import Captions
from components.files.content import content_hash
from components.pair_filter.component import PairFilter
from components.pair_filter.config import FilterConfig
from components.validation.component import CuratedSchema
from components.vocabulary.component import VocabularyLearner
from components.vocabulary.config import VocabularyConfig


def examples() -> Channel:
    return Channel(type=standard_artifacts.Examples)


def filter_with(model: str) -> PairFilter:
    asked = {"path": model, "image_px": 8, "scale": "bytes"}
    fields = {**json.loads(FilterConfig().to_json()), "unsafe": {"model": {**asked, "columns": []}, "threshold": 0.5}}
    return PairFilter(FilterConfig.from_json(json.dumps(fields)), examples=examples())


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


@pytest.mark.parametrize(
    "build",
    [
        filter_with,
        lambda path: VocabularyLearner(VocabularyConfig(file=path), captions=Channel(type=Captions)),
        CuratedSchema,
    ],
    ids=["filter", "vocabulary", "schema"],
)
def test_a_file_replaced_in_place_is_another_component_to_the_cache(tmp_path, build):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"one")
    first, again = build(str(path)).exec_properties, build(str(path)).exec_properties
    path.write_bytes(b"two")
    assert first == again != build(str(path)).exec_properties
