"""The registry: every set says what it is and where to get it, and one that is half there is refused."""

import json

import pytest

import published_sets
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.registry import ENTRIES, find
from components.evaluator.tasks.measures import MEASURES


def test_every_set_says_what_it_is_and_where_to_get_it(tmp_path):
    assert len(ENTRIES) > 60
    for entry in ENTRIES.values():
        assert entry.about
        assert entry.state(tmp_path) == ("there" if entry.name.startswith("demo-") else "absent"), entry.name
        assert {*entry.metrics} <= {*MEASURES}, entry.name
        with_folder = "data folder" in entry.where or "checkout" in entry.where
        assert with_folder, entry.name
        assert "\n" not in entry.where + entry.about
        assert not entry.where.endswith(".")


def test_an_unknown_set_is_refused_with_the_one_that_was_meant():
    with pytest.raises(DataSetError, match="`align eval --list` has no data set 'MSCOC'; did you mean 'mscoco'"):
        find("MSCOC")


def test_a_set_that_is_absent_says_where_to_get_it(tmp_path):
    with pytest.raises(DataSetError, match=r"mscoco is not in .*: get Karpathy's .* mscoco/ of the data folder$"):
        find("mscoco").load(tmp_path)


def test_a_set_that_is_half_there_is_refused_with_what_is_missing(tmp_path):
    published_sets.mscoco(tmp_path)
    entry = find("cxc-sits")
    assert entry.state(tmp_path) == f"half there: {tmp_path}/cxc/sits_test.csv is missing"
    with pytest.raises(DataSetError, match=r"cxc-sits is half there: .*sits_test\.csv is missing: get"):
        entry.load(tmp_path)
    published_sets.cxc(tmp_path)
    assert entry.state(tmp_path) == "there"
    (tmp_path / "mscoco/dataset_coco.json").unlink()
    (tmp_path / "cxc/sits_test.csv").unlink()
    assert entry.missing(tmp_path) == [
        str(tmp_path / name) for name in ("cxc/sits_test.csv", "mscoco/dataset_coco.json")
    ]
    assert entry.state(tmp_path).endswith("sits_test.csv and " + str(tmp_path / "mscoco/dataset_coco.json are missing"))


def test_a_package_that_is_not_installed_is_what_is_missing(tmp_path, monkeypatch):
    published_sets.mscoco(tmp_path)
    assert find("eccv-caption").state(tmp_path) == "half there: the Python package eccv-caption is missing"
    published_sets.eccv_caption(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert find("eccv-caption").state(tmp_path) == "there"


def test_a_set_that_is_there_is_read_through_its_entry(tmp_path):
    published_sets.flickr30k(tmp_path)
    pairs = find("flickr30k").load(tmp_path)
    assert pairs.captions == ("caption of 1007129816.jpg", "caption of 1009434119.jpg")
    assert [picture()[:2] for picture in pairs.images] == [b"\xff\xd8"] * 2
    text = json.loads((tmp_path / "flickr30k/dataset_flickr30k.json").read_text())
    text["images"][1]["split"] = "val"
    published_sets.put(tmp_path / "flickr30k/dataset_flickr30k.json", json.dumps(text))
    assert len(find("flickr30k").load(tmp_path).images) == len(find("flickr30k-val").load(tmp_path).images) == 1
