"""The demo's own pictures as data sets."""

import shutil

import pytest
import yaml

from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.published import demo
from components.evaluator.datasets.registry import ENTRIES


@pytest.mark.parametrize(
    ("language", "name"), [("en", "hedgehog"), ("de", "Igel"), ("fr", "hérisson"), ("cs", "ježek")]
)
def test_unseen_in_four_languages(language, name, tmp_path):
    found = ENTRIES[f"demo-unseen-{language}"].load(tmp_path)
    assert len(found.images) == 159
    assert found.image_ids[0] == "fluent-1f994"
    assert found.captions[0] == name
    assert found.caption_count[0] == 2  # the name and the keywords
    assert {*found.languages} == {language}
    assert found.images[0]().startswith(b"\x89PNG")
    assert found.skipped == {}


def test_seen_has_the_captions_that_the_preset_judges_by(tmp_path):
    found = ENTRIES["demo-seen-en"].load(tmp_path)
    ingest = yaml.safe_load((demo.CHECKOUT / "tfx_pipeline/presets/demo.yaml").read_text())["ingest"]
    assert [*ingest["captions"]] == [f"{field}_en" for field in demo._CAPTION_FIELDS]
    assert len(found.images) == 1440


def test_classes_are_those_of_the_preset(tmp_path):
    for needed in ("demo/shards/seen", "demo/shards/train/00000.tar.gz", "tfx_pipeline/presets/demo.yaml"):
        (tmp_path / needed).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / needed).symlink_to(demo.CHECKOUT / needed)
    found = demo.read_classes(tmp_path)
    assert len(found.test.classes) == 12
    assert len(found.test.images) == 495
    assert {*found.train.labels.tolist()} == {*found.test.labels.tolist()} == {*range(12)}
    assert ENTRIES["demo-classes"].read is demo.read_classes
    assert found.test.classes[1] == ("animal", "mammal")
    assert not {*found.train.image_ids} & {*found.test.image_ids}


def test_a_damaged_shard_is_refused(tmp_path):
    shutil.copytree(demo.CHECKOUT / "demo/shards/unseen", tmp_path / "demo/shards/unseen")
    shard = tmp_path / "demo/shards/unseen/00000.tar.gz"
    shard.write_bytes(shard.read_bytes()[:-1000])
    with pytest.raises(DataSetError, match=r"00000\.tar\.gz is damaged"):
        demo.read_pairs(tmp_path, "unseen", "en")
